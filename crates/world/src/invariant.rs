//! What must hold at every record of a run, whatever is broken. Judged live, apart from the parts that it judges.

use crate::state::decode;
use crate::wiring::Wiring;
use blackstart_app::{DnsFailure, Outcome as Seen};
use blackstart_badge::event::By;
use blackstart_rt as rt;
use blackstart_rt::{Map, Set};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record, Time};

/// What came of one invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The sentence that must hold.
    pub name: &'static str,
    /// When it first did not, and what was seen.
    pub first_violation: Option<(Time, String)>,
}

const NO_CRASH: &str = "no service crashes";
const DOORS: &str = "no door opens to a badge that was not granted";
const NAMES: &str = "no resolver denies a name that exists";
const ALL: [&str; 3] = [NO_CRASH, DOORS, NAMES];

/// All invariants of a run.
#[derive(Debug)]
pub struct Invariants {
    names: Map<NodeId, String>,
    /// Controllers' doors for which a badge was granted and the door did not open yet.
    granted: Set<(NodeId, String)>,
    violations: Map<&'static str, (Time, String)>,
}

impl Invariants {
    pub(crate) fn new(wiring: &Wiring) -> Self {
        Self { names: wiring.names(), granted: Set::new(), violations: Map::new() }
    }

    pub(crate) fn step(&mut self, record: &Record) {
        match record.kind {
            SimEvent::KIND => self.engine(record),
            <blackstart_badge::Event as rt::Event>::KIND => self.badge(record),
            <blackstart_app::Event as rt::Event>::KIND => self.app(record),
            _ => {}
        }
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        ALL.iter()
            .map(|&name| Outcome { name, first_violation: self.violations.get(name).cloned() })
            .collect()
    }

    fn violated(&mut self, name: &'static str, record: &Record, saw: &str) {
        let host = record.node.and_then(|node| self.names.get(&node)).map_or("the world", String::as_str);
        self.violations.entry(name).or_insert_with(|| (record.time, format!("{host}: {saw}")));
    }

    fn engine(&mut self, record: &Record) {
        if let Some(SimEvent::TaskCrash { service, message }) = SimEvent::decode(record) {
            self.violated(NO_CRASH, record, &format!("{service}: {message}"));
        }
    }

    fn badge(&mut self, record: &Record) {
        use blackstart_badge::Event;
        let Some((event, node)) = decode::<Event>(record).zip(record.node) else { return };
        match event {
            Event::Decision { door, verdict: blackstart_badge::Verdict::Opened, .. } => {
                self.granted.insert((node, door));
            }
            Event::DoorOpened { door, by: By::Badge } if !self.granted.remove(&(node, door.clone())) => {
                self.violated(DOORS, record, &format!("{door} opened"));
            }
            _ => {}
        }
    }

    fn app(&mut self, record: &Record) {
        use blackstart_app::Event;
        if let Some(Event::Probed { check, outcome }) = decode::<Event>(record)
            && outcome == Seen::Dns(DnsFailure::NxDomain)
        {
            self.violated(NAMES, record, &format!("{check} saw NXDOMAIN"));
        }
    }
}
