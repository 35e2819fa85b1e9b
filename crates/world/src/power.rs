//! Electric power of a site: what its racks draw, what feeds them, and what goes dark when the one is too much for the other.
//!
//! [`Grid`] is pure: what works and how busy it is goes in, racks that lose power or get it back come out. The feed, the UPS,
//! the generator and the cooling are machines of the scenario, so that every fault of a machine is a fault of theirs.

use blackstart_rt::{self as rt, Set};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// A record of this module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// What a site draws has changed by half a megawatt or more.
    Draw {
        /// The site.
        site: String,
        /// In kilowatts.
        kw: u64,
    },
    /// A rack has lost power.
    Dark {
        /// The site.
        site: String,
        /// What stands in it.
        machines: Vec<String>,
        /// Why.
        cause: Cause,
    },
    /// A rack has power again.
    Lit {
        /// The site.
        site: String,
        /// What stands in it.
        machines: Vec<String>,
    },
}

impl rt::Event for Event {
    const KIND: &'static str = "power";
}

/// Electricity of one site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Site.
    pub name: String,
    /// Machines that share a breaker, rack by rack.
    pub racks: Vec<Vec<String>>,
    /// Drawn by all racks together when nobody uses them, in megawatts.
    pub idle_mw: f64,
    /// Drawn on top when all are fully busy.
    pub busy_mw: f64,
    /// More than this trips a breaker.
    pub limit_mw: f64,
    /// A rise by more than this within [`Site::rise_over`] trips a breaker.
    pub rise_mw: f64,
    /// See [`Site::rise_mw`].
    pub rise_over: Duration,
    /// Until somebody has looked at a tripped breaker and closed it.
    pub reset: Duration,
    /// The machine that stands for the utility's feed.
    pub feed: String,
    /// For the batteries.
    pub ups: String,
    /// How long the batteries carry the site.
    pub battery: Duration,
    /// For the generator.
    pub generator: String,
    /// How long the generator takes to start.
    pub starts: Duration,
    /// For the cooling.
    pub cooling: String,
    /// Without cooling, until machines switch themselves off.
    pub heats: Duration,
}

/// What is true of a site's machines at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Works {
    /// The utility delivers.
    pub feed: bool,
    /// The batteries are in order.
    pub ups: bool,
    /// The generator is in order.
    pub generator: bool,
    /// The cooling cools.
    pub cooling: bool,
}

/// Why racks went dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// More was drawn than the breakers bear.
    TooMuch,
    /// What was drawn rose too fast.
    TooFast,
    /// Neither feed nor battery nor generator delivers.
    NoSource,
    /// It is too hot.
    Heat,
}

impl Cause {
    /// In words.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::TooMuch => "the draw is too high",
            Self::TooFast => "the draw rose too fast",
            Self::NoSource => "neither feed nor battery nor generator delivers",
            Self::Heat => "it is too hot",
        }
    }
}

/// A rack loses power, or has it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It goes dark.
    Dark(usize, Cause),
    /// It has power.
    Lit(usize),
}

/// A site's electricity as time passes.
#[derive(Debug)]
pub struct Grid {
    site: Site,
    dark: Set<usize>,
    /// Racks whose breaker tripped, and when it is closed.
    tripped: Vec<(usize, Duration)>,
    /// What was drawn lately.
    draws: VecDeque<(Duration, f64)>,
    /// Since when the feed is gone.
    without_feed: Option<Duration>,
    /// Since when nothing cools.
    without_cooling: Option<Duration>,
}

impl Grid {
    /// All racks powered, nothing drawn yet.
    #[must_use]
    pub fn new(site: Site) -> Self {
        let (dark, tripped, draws) = Default::default();
        Self { site, dark, tripped, draws, without_feed: None, without_cooling: None }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What is drawn, in megawatts, when each rack is so busy, from 0 to 1.
    #[must_use]
    pub fn draw_mw(&self, busy: &[f64]) -> f64 {
        let racks = self.site.racks.len().max(1) as f64;
        let lit = busy.iter().enumerate().filter(|(rack, _)| !self.dark.contains(rack));
        lit.map(|(_, busy)| (self.site.idle_mw + self.site.busy_mw * busy) / racks).sum()
    }

    /// What happens at `now`, when the racks are so busy and the machines work so.
    pub fn step(&mut self, now: Duration, busy: &[f64], works: Works) -> Vec<Change> {
        self.tripped.retain(|(_, closed)| *closed > now);
        let mut changes: Vec<Change> = self.overload(now, busy).into_iter().collect();
        let lost = self.lost(now, works);
        for rack in 0..self.site.racks.len() {
            let dark = lost.is_some() || self.tripped.iter().any(|(tripped, _)| *tripped == rack);
            match (dark, lost) {
                (true, Some(cause)) if self.dark.insert(rack) => changes.push(Change::Dark(rack, cause)),
                (false, _) if self.dark.remove(&rack) => changes.push(Change::Lit(rack)),
                _ => {}
            }
        }
        if !changes.is_empty() {
            self.draws.clear();
        }
        changes
    }

    /// Trips the breaker of the busiest rack when the draw is too much, or rose too fast.
    fn overload(&mut self, now: Duration, busy: &[f64]) -> Option<Change> {
        let draw = self.draw_mw(busy);
        while self.draws.front().is_some_and(|(when, _)| *when + self.site.rise_over < now) {
            self.draws.pop_front();
        }
        let lowest = self.draws.iter().map(|(_, draw)| *draw).fold(draw, f64::min);
        self.draws.push_back((now, draw));
        let cause = match () {
            () if draw > self.site.limit_mw => Cause::TooMuch,
            () if draw - lowest > self.site.rise_mw => Cause::TooFast,
            () => return None,
        };
        let lit = (0..self.site.racks.len()).filter(|rack| !self.dark.contains(rack));
        let load = |rack: &usize| busy.get(*rack).copied().unwrap_or(0.0);
        let rack = lit.max_by(|a, b| load(a).total_cmp(&load(b)))?;
        self.dark.insert(rack);
        self.tripped.push((rack, now + self.site.reset));
        Some(Change::Dark(rack, cause))
    }

    /// Why the whole site is without power, if it is.
    fn lost(&mut self, now: Duration, works: Works) -> Option<Cause> {
        let since = |good: bool, since: Option<Duration>| (!good).then(|| since.unwrap_or(now));
        self.without_feed = since(works.feed, self.without_feed);
        self.without_cooling = since(works.cooling, self.without_cooling);
        let carried = |from: Duration| {
            let battery = works.ups && now < from + self.site.battery;
            battery || (works.generator && now >= from + self.site.starts)
        };
        match (self.without_feed, self.without_cooling) {
            (Some(from), _) if !carried(from) => Some(Cause::NoSource),
            (_, Some(from)) if now >= from + self.site.heats => Some(Cause::Heat),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WELL: Works = Works { feed: true, ups: true, generator: true, cooling: true };

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    fn grid() -> Grid {
        Grid::new(Site {
            name: "santa-clara".into(),
            racks: ["a", "b", "c"].map(|machine| vec![machine.to_owned()]).into(),
            idle_mw: 12.0,
            busy_mw: 30.0,
            limit_mw: 36.0,
            rise_mw: 10.0,
            rise_over: minutes(5),
            reset: minutes(20),
            feed: "feed".into(),
            ups: "ups".into(),
            battery: minutes(8),
            generator: "generator".into(),
            starts: minutes(1),
            cooling: "cooling".into(),
            heats: minutes(12),
        })
    }

    /// What happens when all racks are busy like this, minute by minute.
    fn over(grid: &mut Grid, busy: &[f64]) -> Vec<(u64, Change)> {
        let at = |(minute, busy): (u64, &f64)| {
            grid.step(minutes(minute), &[*busy; 3], WELL).into_iter().map(move |change| (minute, change))
        };
        (0..).zip(busy).flat_map(at).collect()
    }

    #[test]
    fn a_slow_rise_is_borne_and_a_fast_one_trips_a_breaker_that_is_closed_again() {
        assert_eq!(over(&mut grid(), &[0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]), []);
        let mut busy = vec![0.1; 25];
        busy[0] = 0.0;
        busy[2] = 0.5;
        assert_eq!(
            over(&mut grid(), &busy),
            [(2, Change::Dark(2, Cause::TooFast)), (22, Change::Lit(2))],
            "the others carry on"
        );
    }

    #[test]
    fn too_much_trips_one_breaker_after_another_until_the_rest_is_borne() {
        let mut grid = grid();
        let busy = [0.9, 1.0, 0.95];
        let first = grid.step(minutes(0), &busy, WELL);
        assert_eq!(first, [Change::Dark(1, Cause::TooMuch)]);
        assert_eq!(grid.step(minutes(1), &busy, WELL), [], "two racks draw 26.5 of 36 MW");
    }

    #[test]
    fn without_feed_batteries_bridge_until_the_generator_runs() {
        // (batteries, generator, minute in which the site is dark)
        for (ups, generator, dark) in
            [(true, true, None), (true, false, Some(9)), (false, true, Some(1)), (false, false, Some(1))]
        {
            let works = Works { feed: false, ups, generator, cooling: true };
            let mut grid = grid();
            assert_eq!(grid.step(minutes(0), &[0.0; 3], WELL), []);
            let gone = (1..30).find(|minute| !grid.step(minutes(*minute), &[0.0; 3], works).is_empty());
            assert_eq!(gone, dark, "batteries {ups}, generator {generator}");
        }
    }

    #[test]
    fn heat_takes_longer_and_what_comes_back_lights_all_racks() {
        let mut grid = grid();
        let hot = Works { cooling: false, ..WELL };
        let gone = (0..30).find(|minute| !grid.step(minutes(*minute), &[0.0; 3], hot).is_empty());
        assert_eq!(gone, Some(12));
        assert_eq!(grid.step(minutes(13), &[0.0; 3], WELL), [0, 1, 2].map(Change::Lit));
    }

    proptest! {
        #[test]
        fn what_is_drawn_is_never_more_than_the_limit_for_long(busy in prop::collection::vec(0.0f64..=1.0, 1..60)) {
            let mut grid = grid();
            for (minute, busy) in (0..).zip(busy) {
                let busy = [busy; 3];
                for second in 0..3 {
                    let now = minutes(minute) + Duration::from_secs(second);
                    let _ = grid.step(now, &busy, WELL);
                }
                prop_assert!(grid.draw_mw(&busy) <= grid.site.limit_mw);
            }
        }
    }
}
