//! How long an acknowledgement takes, and from it how long to wait for one (RFC 6298).

use std::time::Duration;

/// Before anything was measured, and the least there is (RFC 6298 sections 2.1 and 2.4).
const LEAST_MS: u32 = 1000;
/// RFC 6298 section 2.5 allows a limit of a minute or more.
const MOST_MS: u32 = 60_000;
/// The clock's granularity, with some room.
const MARGIN_MS: u32 = 5;
/// So many timeouts in a row, and what was measured before is held to be of another path (RFC 6298 section 5.7).
const TIMEOUTS_MAX: u8 = 3;

/// Milliseconds, so that a connection stays small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rtt {
    smoothed: Option<u32>,
    variation: u32,
    timeout: u32,
    /// The segment under measurement: when it was sent, and the sequence number that acknowledges it.
    timed: Option<(u64, u32)>,
    timeouts: u8,
}

impl Rtt {
    pub(super) fn new() -> Self {
        Rtt { smoothed: None, variation: 0, timeout: LEAST_MS, timed: None, timeouts: 0 }
    }

    /// How long to wait before sending again.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout))
    }

    /// The usual time, once one was measured.
    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.smoothed.map(|ms| Duration::from_millis(u64::from(ms)))
    }

    /// New data went out, up to `end`. One segment at a time is measured.
    pub(super) fn sent(&mut self, now: u64, end: u32) {
        self.timed.get_or_insert((now, end));
    }

    /// Everything before `ack` arrived.
    pub(super) fn acknowledged(&mut self, now: u64, ack: u32) {
        if let Some((sent, _)) = self.timed.take_if(|(_, end)| super::at_or_after(ack, *end)) {
            self.measured(((now - sent) / 1_000_000).min(u64::from(MOST_MS)) as u32);
        }
    }

    /// An acknowledgement of what was sent twice tells nothing of the time it took (Karn's algorithm).
    pub(super) fn sent_again(&mut self) {
        self.timed = None;
    }

    /// No acknowledgement came in time.
    pub(super) fn timed_out(&mut self) {
        self.timeout = (self.timeout * 2).min(MOST_MS);
        self.timeouts += 1;
        if self.timeouts == TIMEOUTS_MAX {
            self.timeouts = 0;
            self.smoothed = None;
        }
        self.sent_again();
    }

    fn measured(&mut self, ms: u32) {
        match self.smoothed {
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(ms)).div_ceil(4);
                self.smoothed = Some((smoothed * 7 + ms).div_ceil(8));
            }
            None => {
                self.variation = ms / 2;
                self.smoothed = Some(ms);
            }
        }
        let wait = self.smoothed.unwrap_or(ms) + MARGIN_MS.max(self.variation * 4);
        self.timeout = wait.clamp(LEAST_MS, MOST_MS);
        self.timeouts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn after(samples: &[u64]) -> Rtt {
        let mut rtt = Rtt::new();
        for (index, sample) in samples.iter().enumerate() {
            rtt.sent(0, index as u32);
            rtt.acknowledged(sample * MS, index as u32);
        }
        rtt
    }

    #[test]
    fn the_wait_follows_what_was_measured() {
        for (samples, smoothed, timeout) in [
            (&[][..], None, 1000),
            (&[400], Some(400), 1200),
            (&[3000], Some(3000), 9000),
            (&[3000, 3000], Some(3000), 7500),
            (&[10, 10, 10], Some(10), 1000),
            (&[90_000], Some(60_000), 60_000),
        ] {
            let rtt = after(samples);
            let ms = |duration: Duration| duration.as_millis();
            assert_eq!(rtt.smoothed().map(ms), smoothed, "{samples:?}");
            assert_eq!(ms(rtt.timeout()), timeout, "{samples:?}");
        }
    }

    #[test]
    fn each_timeout_doubles_the_wait_up_to_a_minute() {
        let mut rtt = Rtt::new();
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(rtt.timeout().as_secs());
            rtt.timed_out();
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn what_was_sent_twice_is_not_measured() {
        let mut rtt = Rtt::new();
        rtt.sent(0, 10);
        rtt.timed_out();
        rtt.acknowledged(5000 * MS, 10);
        assert_eq!(rtt.smoothed(), None);
        assert_eq!(rtt.timeout().as_secs(), 2, "until a new segment was measured");
    }

    #[test]
    fn an_older_acknowledgement_does_not_end_the_measurement() {
        let mut rtt = Rtt::new();
        rtt.sent(0, u32::MAX);
        rtt.sent(7 * MS, 9);
        rtt.acknowledged(10 * MS, u32::MAX - 1);
        assert_eq!(rtt.smoothed(), None);
        rtt.acknowledged(20 * MS, 3);
        assert_eq!(rtt.smoothed(), Some(Duration::from_millis(20)));
    }
}
