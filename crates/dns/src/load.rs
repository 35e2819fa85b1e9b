//! Counters of one server, reported minute by minute.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;

use crate::event::{Event, Role};
use crate::message::Rcode;

const WINDOW_S: u32 = 60;
/// Waiting times kept for the percentile; more are counted but not timed.
const TIMES_MAX: usize = 10_000;

/// What happened in the current window.
#[derive(Debug, Default)]
pub(crate) struct Load {
    queries: u32,
    upstream: u32,
    servfail: u32,
    waited_ms: Vec<u32>,
}

impl Load {
    pub(crate) fn answered(&mut self, rcode: Rcode, waited: Duration) {
        self.queries += 1;
        self.servfail += u32::from(rcode == Rcode::ServFail);
        if self.waited_ms.len() < TIMES_MAX {
            self.waited_ms.push(u32::try_from(waited.as_millis()).unwrap_or(u32::MAX));
        }
    }

    pub(crate) fn asked_upstream(&mut self) {
        self.upstream += 1;
    }

    /// The window's event, unless nothing happened; the next window begins.
    fn close(&mut self, role: Role) -> Option<Event> {
        let Load { queries, upstream, servfail, mut waited_ms } = std::mem::take(self);
        waited_ms.sort_unstable();
        let p95_ms =
            waited_ms.get((waited_ms.len() * 95).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        let load = Event::Load { role, window_s: WINDOW_S, queries, upstream, servfail, p95_ms };
        (queries > 0 || upstream > 0).then_some(load)
    }
}

/// Emits the windows, for ever.
pub(crate) async fn report(load: Rc<RefCell<Load>>, role: Role) {
    loop {
        rt::time::sleep(Duration::from_secs(WINDOW_S.into())).await;
        let event = load.borrow_mut().close(role);
        if let Some(event) = event {
            rt::emit(&event);
        }
    }
}

/// What a crowd asks of a server, recorded when it changes markedly.
#[derive(Debug)]
pub(crate) struct CrowdWindows {
    role: Role,
    last: [u64; 2],
}

impl CrowdWindows {
    pub(crate) fn new(role: Role) -> CrowdWindows {
        CrowdWindows { role, last: [0; 2] }
    }

    /// Rates a second: all queries, and those that fail.
    pub(crate) fn see(&mut self, queries: f64, failing: f64) {
        let now = [queries, failing].map(|rate| rate as u64);
        let marked = |(now, then): (u64, u64)| now.abs_diff(then) * 20 > now.max(then);
        if now.into_iter().zip(self.last).any(marked) {
            self.last = now;
            let [queries_per_s, failing_per_s] = now;
            rt::emit(&Event::Crowd { role: self.role, queries_per_s, failing_per_s });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_summed_and_forgotten() {
        let mut load = Load::default();
        for ms in 1..=100 {
            let rcode = if ms > 98 { Rcode::ServFail } else { Rcode::NoError };
            load.answered(rcode, Duration::from_millis(ms));
        }
        load.asked_upstream();
        let expected = Event::Load {
            role: Role::Resolver,
            window_s: 60,
            queries: 100,
            upstream: 1,
            servfail: 2,
            p95_ms: 95,
        };
        assert_eq!(load.close(Role::Resolver), Some(expected));
        assert_eq!(load.close(Role::Resolver), None);
    }
}
