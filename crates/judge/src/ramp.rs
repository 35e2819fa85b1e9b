//! Letting users back in: not while too many of their requests fail.

use blackstart_app::Event as App;
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Time};
use blackstart_world::Loads;
use std::time::Duration;

/// So long must it have been plain to see before letting more users in counts as a mistake: people look, weigh, then act.
const PLAIN: Duration = Duration::from_secs(480);

/// How requests fare, and who may come in.
#[derive(Debug, Default)]
pub(crate) struct Ramp {
    loads: Loads,
    /// Since when too many fail.
    too_many_since: Option<Time>,
    /// What was ordered last. The first order shuts people out rather than letting them in.
    admitted: Option<u32>,
}

impl Ramp {
    pub(crate) fn app(&mut self, limit_percent: u32, now: Time, node: NodeId, event: &App) {
        let App::Load { served, shed, failed } = event else { return };
        self.loads.window(node, *served, *shed, *failed);
        self.weigh(limit_percent, now);
    }

    pub(crate) fn engine(&mut self, limit_percent: u32, now: Time, node: NodeId, event: &SimEvent) {
        if self.loads.engine(node, event) {
            self.weigh(limit_percent, now);
        }
    }

    fn weigh(&mut self, limit_percent: u32, now: Time) {
        let too_many = self.loads.failing_percent() > f64::from(limit_percent);
        self.too_many_since = if too_many { self.too_many_since.or(Some(now)) } else { None };
    }

    /// More users were let in although it was plain that too many requests fail.
    pub(crate) fn admitted(&mut self, now: Time, percent: u32) -> Option<String> {
        let rises = self.admitted.replace(percent).is_some_and(|before| percent > before);
        let since = self.too_many_since.filter(|since| rises && *since + PLAIN <= now)?;
        let minutes = (now.since_start() - since.since_start()).as_secs() / 60;
        Some(format!("{percent} % were let in after {minutes} min of too many failures"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_let_in_while_requests_fail() {
        let load = |served, failed| App::Load { served, shed: 0, failed };
        let at = Time::from_secs;
        let mut ramp = Ramp::default();
        assert_eq!(ramp.admitted(at(0), 10), None);
        ramp.app(5, at(10), NodeId(1), &load(100, 0));
        assert_eq!(ramp.admitted(at(20), 25), None);
        ramp.app(5, at(30), NodeId(1), &load(80, 20));
        ramp.app(5, at(90), NodeId(1), &load(70, 30));
        assert_eq!(ramp.admitted(at(60), 30), None, "nobody could see it yet");
        assert_eq!(ramp.admitted(at(600), 20), None, "fewer are let in");
        let saw = ramp.admitted(at(600), 50);
        assert_eq!(saw.as_deref(), Some("50 % were let in after 9 min of too many failures"));
        ramp.app(5, at(700), NodeId(1), &load(96, 4));
        assert_eq!(ramp.admitted(at(900), 60), None);
        ramp.app(5, at(1000), NodeId(1), &load(0, 4));
        ramp.engine(5, at(1100), NodeId(1), &SimEvent::PowerOff);
        assert_eq!(ramp.admitted(at(1900), 100), None, "who is gone fails nobody");
    }
}
