//! A host's wall clock, pure: true time in, shown time out.
//!
//! What a clock shows is piecewise linear in true time. A change begins a new piece: a step moves the clock at once,
//! a change of drift or a slew only bends it, so that it never jumps and never runs backwards.

const BILLION: i128 = 1_000_000_000;
/// The share of true time by which a slew makes a clock run faster or slower: 500 ppm, as adjtime(3) on Linux.
const SLEW_PPB: i128 = 500_000;
/// Clocks further off than this are broken in other ways; and none must stand still or run backwards.
const DRIFT_PPM_MAX: f64 = 100_000.0;

/// A clock, right until told otherwise. All times are nanoseconds since the start of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// The true time at which the present piece begins.
    since: u64,
    /// How far it was ahead then; negative: behind.
    ahead: i128,
    /// What it gains in a billion nanoseconds.
    drift_ppb: i128,
    /// What a slew was still to add then.
    slew: i128,
}

impl Clock {
    /// How far the clock is ahead of true time; negative: behind.
    pub(crate) fn ahead(&self, now: u64) -> i128 {
        let (span, slewing) = self.spans(now);
        self.ahead + (span * self.drift_ppb + slewing * SLEW_PPB * self.slew.signum()).div_euclid(BILLION)
    }

    /// How long the present piece lasts by now, and how much of that was spent slewing.
    fn spans(&self, now: u64) -> (i128, i128) {
        let span = i128::from(now.saturating_sub(self.since));
        (span, span.min(self.slew.abs() * BILLION / SLEW_PPB))
    }

    /// Begins a new piece that shows what the present one does.
    fn bend(&mut self, now: u64) {
        let (_, slewing) = self.spans(now);
        self.ahead = self.ahead(now);
        self.slew -= slewing * SLEW_PPB / BILLION * self.slew.signum();
        self.since = now;
    }

    /// Sets the clock to true time plus `ahead`, at once. A slew is over; the drift goes on.
    pub(crate) fn set(&mut self, now: u64, ahead: i64) {
        self.bend(now);
        self.ahead = i128::from(ahead);
        self.slew = 0;
    }

    /// Moves the clock at once.
    pub(crate) fn step(&mut self, now: u64, by: i64) {
        self.bend(now);
        self.ahead += i128::from(by);
    }

    /// Moves the clock bit by bit, at 500 ppm. Takes the place of a slew that is not over.
    pub(crate) fn slew(&mut self, now: u64, by: i64) {
        self.bend(now);
        self.slew = i128::from(by);
    }

    /// Makes the clock gain so much from now on; negative: lose. False when that is more than a clock can.
    pub(crate) fn set_drift(&mut self, now: u64, ppm: f64) -> bool {
        let sound = ppm.abs() <= DRIFT_PPM_MAX;
        if sound {
            self.bend(now);
            self.drift_ppb = (ppm * 1000.0) as i128;
        }
        sound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3600 * SECOND;

    #[test]
    fn a_clock_is_right_until_told_otherwise() {
        assert_eq!(Clock::default().ahead(HOUR), 0);
    }

    #[test]
    fn drift_adds_up_from_the_moment_on() {
        let mut clock = Clock::default();
        assert!(clock.set_drift(HOUR, 50.0));
        let ahead = |clock: &Clock, hours: u64| clock.ahead(hours * HOUR);
        // 50 ppm of an hour are 180 ms.
        assert_eq!([1, 2, 11].map(|hours| ahead(&clock, hours)), [0, 180_000_000, 1_800_000_000]);
        assert!(clock.set_drift(2 * HOUR, -50.0));
        assert_eq!([2, 3, 4].map(|hours| ahead(&clock, hours)), [180_000_000, 0, -180_000_000]);
        for wrong in [100_001.0, -1e9, f64::NAN, f64::INFINITY] {
            assert!(!clock.set_drift(3 * HOUR, wrong), "{wrong}");
        }
        assert_eq!(ahead(&clock, 4), -180_000_000);
    }

    #[test]
    fn a_step_is_at_once_and_the_drift_goes_on() {
        let mut clock = Clock::default();
        clock.set_drift(0, 100.0);
        clock.step(HOUR, -3 * SECOND as i64);
        assert_eq!(clock.ahead(HOUR), 360_000_000 - 3_000_000_000);
        assert_eq!(clock.ahead(2 * HOUR), 720_000_000 - 3_000_000_000);
        clock.set(2 * HOUR, 7);
        assert_eq!([clock.ahead(2 * HOUR), clock.ahead(3 * HOUR)], [7, 360_000_007]);
    }

    #[test]
    fn a_slew_takes_two_thousand_times_as_long_as_what_it_moves() {
        for by in [SECOND as i64, -(SECOND as i64)] {
            let mut clock = Clock::default();
            clock.slew(HOUR, by);
            let ahead = |seconds: u64| clock.ahead(HOUR + seconds * SECOND);
            let by = i128::from(by);
            assert_eq!([0, 1000, 2000, 9000].map(ahead), [0, by / 2, by, by]);
            // A second one takes the place of what is left of the first.
            clock.slew(HOUR + 1000 * SECOND, 0);
            assert_eq!(clock.ahead(9 * HOUR), by / 2);
        }
    }

    #[derive(Debug, Clone)]
    enum Change {
        Drift(f64),
        Slew(i64),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (-DRIFT_PPM_MAX..DRIFT_PPM_MAX).prop_map(Change::Drift),
            (-5_000_000_000..5_000_000_000_i64).prop_map(Change::Slew),
        ]
    }

    proptest! {
        /// Whatever is done short of a step, the clock neither jumps nor runs backwards.
        #[test]
        fn only_a_step_jumps(changes in prop::collection::vec((change(), 1..10_000_000_000_u64), 1..20)) {
            let (mut clock, mut now) = (Clock::default(), 0);
            let shown = |clock: &Clock, now: u64| i128::from(now) + clock.ahead(now);
            for (change, span) in changes {
                let before = clock.ahead(now);
                match change {
                    Change::Drift(ppm) => prop_assert!(clock.set_drift(now, ppm)),
                    Change::Slew(by) => clock.slew(now, by),
                }
                prop_assert_eq!(clock.ahead(now), before);
                prop_assert!(shown(&clock, now + 1) >= shown(&clock, now));
                prop_assert!(shown(&clock, now + span) >= shown(&clock, now + span / 2));
                now += span;
            }
        }
    }
}
