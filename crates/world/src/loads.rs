//! How requests fare at backends, by their last windows.

use blackstart_rt::Map;
use blackstart_sim::NodeId;
use blackstart_sim::record::SimEvent;

/// What backends said of their last windows. One that is gone says nothing any more.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    /// Backend's host -> (requests, of which shed or failed).
    windows: Map<NodeId, (u64, u64)>,
}

impl Loads {
    /// A window has closed at a backend.
    pub fn window(&mut self, node: NodeId, served: u32, shed: u32, failed: u32) {
        let bad = u64::from(shed) + u64::from(failed);
        self.windows.insert(node, (u64::from(served) + bad, bad));
    }

    /// Takes in what happened to a machine; says whether a backend went with it.
    pub fn engine(&mut self, node: NodeId, event: &SimEvent) -> bool {
        let ends = matches!(
            event,
            SimEvent::PowerOff | SimEvent::ServiceKilled { .. } | SimEvent::ServiceRestarted { .. }
        );
        ends && self.windows.remove(&node).is_some()
    }

    /// Percent of requests that were shed or failed.
    #[must_use]
    pub fn failing_percent(&self) -> f64 {
        let (all, bad) = self.windows.values().fold((0, 0), |(a, b), (x, y)| (a + x, b + y));
        100.0 * bad as f64 / all.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_gone_counts_no_more() {
        let mut loads = Loads::default();
        assert_eq!(loads.failing_percent(), 0.0);
        loads.window(NodeId(1), 3, 0, 0);
        loads.window(NodeId(2), 0, 2, 1);
        assert_eq!(loads.failing_percent(), 50.0);
        loads.window(NodeId(1), 9, 0, 0);
        assert_eq!(loads.failing_percent(), 25.0);
        assert!(
            !loads.engine(NodeId(3), &SimEvent::PowerOff) && !loads.engine(NodeId(2), &SimEvent::PowerOn)
        );
        assert_eq!(loads.failing_percent(), 25.0);
        assert!(loads.engine(NodeId(2), &SimEvent::PowerOff));
        assert_eq!(loads.failing_percent(), 0.0);
    }
}
