//! What everybody could see: the records folded, one by one and live, into signals and the physical side.
//!
//! | signal | unit or values | from |
//! |---|---|---|
//! | `CHECK@PROBE` | `200`, `503`, `NOERROR`, `SERVFAIL`, … | a probe's check |
//! | `seconds.CHECK@PROBE` | seconds, 95th percentile of a window | a probe's check |
//! | `sends.PRODUCT@USERS` | percent of users whose latest send went through | sampled users |
//! | `sends-succeed@USERS` | percent, the worst product | sampled users |
//! | `unsent@USERS`, `undelivered@USERS` | messages written there without their first tick, and sent without their second | sampled users |
//! | `reports.PRODUCT@SITE` | reports in the last window | an outage-report site |
//! | `posts.AUTHOR@SITE` | posts so far | a public site |
//! | `updates@COLLECTOR` | prefixes announced or withdrawn in the minute that has begun | a route collector |
//! | `paths.PREFIX@COLLECTOR` | paths held | a route collector |
//! | `errors@backends` | percent of requests that backends shed or failed in their last windows | backends |
//! | `p95-ms@RESOLVER`, `queries@RESOLVER` | milliseconds, queries a minute | a resolver |
//! | `queries-times@RESOLVER`, `failures-times@RESOLVER` | how many times as many as at first | a crowd at a resolver |
//! | `queries-per-s@SERVER` | queries a second | a crowd at a name server |
//! | `incident@RESOLVER` | `open`, `closed` | a resolver's operators |
//! | `failing.PRODUCT@USERS` | percent of people who failed at their last try | a crowd |
//! | `offered@HOST` | percent of what it can do that a crowd asks of it | a server |
//! | `draw-mw@SITE`, `racks-dark@SITE` | megawatts, racks without power | a site's electricity |
//! | `alert.NAME@HOST` | `firing`, `delivered`, `undelivered`, `acknowledged`, `unanswered`, `quiet` | alerting |
//! | `chat@LAPTOP` | `online`, `offline` | staff's chat client |
//! | `roles-present@BRIDGE` | roles with somebody on the bridge | calls |
//! | `guard-has-names@SITE` | `true` | calls |
//! | `team-at-gate@SITE`, `team-inside@DOOR` | `true`, `false` | where people are |
//! | `privileged-prompt@console` | `true` | logins |
//! | `ports-shut-by-last-change@console` | `true`, `false` | comparing configurations |
//! | `data-centres-reachable@console` | a count, or `all` | looking from a console |
//! | `recovery@runbook`, `step.STEP@runbook` | `begun`, then the step's verdict | steps |

use crate::event::Event;
use crate::loads::Loads;
use crate::people::People;
use crate::physical::Physical;
use crate::power;
use crate::value::{History, Value};
use crate::wiring::Wiring;
use blackstart_rt as rt;
use blackstart_rt::Map;
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record, Time};

/// The event of a record, when it is of this kind and readable.
pub(crate) fn decode<E: rt::Event>(record: &Record) -> Option<E> {
    rt::decode(record.kind, &record.bytes)?.ok()
}

const MINUTE_NS: u64 = 60 * 1_000_000_000;

/// Everything folded from the records so far.
#[derive(Debug, Default)]
pub struct State {
    /// Where everyone is and what was agreed.
    pub physical: Physical,
    /// Every change of every signal.
    pub history: History,
    names: Map<NodeId, String>,
    /// Door -> where it leads.
    rooms: Map<String, String>,
    /// Place -> site.
    sites: Map<String, String>,
    /// Collector -> (minute, prefixes in it).
    updates: Map<NodeId, (u64, u64)>,
    posts: Map<(NodeId, String), u64>,
    loads: Loads,
    /// Users' host -> product -> percent.
    sends: Map<NodeId, Map<String, f64>>,
    /// Users' host -> messages written, known to be sent, known to be delivered.
    messages: Map<NodeId, [u32; 3]>,
    /// Resolver's host -> queries and failures of its crowd a second when they were first told.
    crowds: Map<NodeId, [f64; 2]>,
    /// Server -> how busy its crowd keeps it, from 0 to 1.
    busy: Map<NodeId, f64>,
    /// Site -> racks without power.
    racks_dark: Map<String, u32>,
}

impl State {
    /// Before the first record.
    #[must_use]
    pub fn new(people: &People, wiring: &Wiring) -> Self {
        let site = |place: &crate::Place| Some((place.name.clone(), place.site.clone()?));
        Self {
            physical: Physical::new(people),
            names: wiring.names(),
            rooms: people.doors.values().map(|door| (door.name.clone(), door.to.clone())).collect(),
            sites: people.places.values().filter_map(site).collect(),
            ..Self::default()
        }
    }

    /// Takes one record in; says whether any signal changed.
    pub fn step(&mut self, record: &Record) -> bool {
        match record.kind {
            <Event as rt::Event>::KIND => self.world(record),
            <blackstart_app::Event as rt::Event>::KIND => self.app(record),
            <blackstart_bgp::Event as rt::Event>::KIND => self.bgp(record),
            <blackstart_dns::Event as rt::Event>::KIND => self.dns(record),
            <blackstart_chat::Event as rt::Event>::KIND => self.chat(record),
            <blackstart_manage::Event as rt::Event>::KIND => self.alert(record),
            <power::Event as rt::Event>::KIND => self.power(record),
            SimEvent::KIND => self.engine(record),
            _ => false,
        }
    }

    fn note(&mut self, record: &Record, stem: &str, value: Value) -> bool {
        let Some(name) = record.node.and_then(|node| self.names.get(&node)) else { return false };
        let signal = format!("{stem}@{name}");
        self.history.note(record.time, signal, value)
    }

    /// What a backend said of its requests ends with it.
    fn engine(&mut self, record: &Record) -> bool {
        let Some((event, node)) = SimEvent::decode(record).zip(record.node) else { return false };
        self.loads.engine(node, &event) && self.note_errors(record.time)
    }

    fn note_errors(&mut self, now: Time) -> bool {
        let percent = Value::Number(self.loads.failing_percent());
        self.history.note(now, "errors@backends".to_owned(), percent)
    }

    fn app(&mut self, record: &Record) -> bool {
        use blackstart_app::Event;
        let Some((event, node)) = decode::<Event>(record).zip(record.node) else { return false };
        match event {
            Event::Probed { check, outcome } => self.note(record, &check, Value::word(outcome.to_string())),
            Event::Window { check, p95_ms, .. } => {
                self.note(record, &format!("seconds.{check}"), Value::Number(f64::from(p95_ms) / 1000.0))
            }
            Event::SendsWindow { product, ok, failed, .. } => {
                let percent = 100.0 * f64::from(ok) / f64::from((ok + failed).max(1));
                let all = self.sends.entry(node).or_default();
                all.insert(product.clone(), percent);
                let worst = all.values().copied().fold(100.0, f64::min);
                let one = self.note(record, &format!("sends.{product}"), Value::Number(percent));
                self.note(record, "sends-succeed", Value::Number(worst)) | one
            }
            Event::Reports { product, count, .. } => {
                self.note(record, &format!("reports.{product}"), Value::Number(f64::from(count)))
            }
            Event::Posted { author, .. } => {
                let count = self.posts.entry((node, author.clone())).or_default();
                *count += 1;
                let value = Value::Number(*count as f64);
                self.note(record, &format!("posts.{author}"), value)
            }
            Event::Message { step, .. } => self.message(record, node, step),
            Event::Load { served, shed, failed } => {
                self.loads.window(node, served, shed, failed);
                self.note_errors(record.time)
            }
            Event::Crowd { product, failing_percent, .. } => {
                self.note(record, &format!("failing.{product}"), Value::Number(f64::from(failing_percent)))
            }
            Event::Busy { percent, offered_percent } => {
                self.busy.insert(node, f64::from(percent) / 100.0);
                self.note(record, "offered", Value::Number(f64::from(offered_percent)))
            }
            _ => false,
        }
    }

    /// How many messages of apps at a host have not their first tick, and not their second.
    fn message(&mut self, record: &Record, node: NodeId, step: blackstart_app::MessageStep) -> bool {
        use blackstart_app::MessageStep;
        let [written, sent, delivered] = self.messages.entry(node).or_default();
        match step {
            MessageStep::Written => *written += 1,
            MessageStep::Sent => *sent += 1,
            MessageStep::Delivered => *delivered += 1,
            MessageStep::Kept | MessageStep::Arrived | MessageStep::HandedOver => return false,
        }
        let [unsent, undelivered] =
            [*written - *sent, *sent - *delivered].map(|n| Value::Number(f64::from(n)));
        let first = self.note(record, "unsent", unsent);
        self.note(record, "undelivered", undelivered) | first
    }

    /// How busy a crowd keeps a server, from 0 to 1.
    #[must_use]
    pub fn busy(&self, server: NodeId) -> f64 {
        self.busy.get(&server).copied().unwrap_or(0.0)
    }

    fn bgp(&mut self, record: &Record) -> bool {
        use blackstart_bgp::Event;
        let Some((event, node)) = decode::<Event>(record).zip(record.node) else { return false };
        match event {
            Event::PathsChanged { prefix, paths } => {
                self.note(record, &format!("paths.{prefix}"), Value::Number(f64::from(paths)))
            }
            Event::UpdateReceived { announced, withdrawn, .. } => {
                self.update_at(record, node, u64::from(announced + withdrawn))
            }
            _ => false,
        }
    }

    /// Counts an update's prefixes in its minute. A minute that is over without a further record ends with a count of 0.
    fn update_at(&mut self, record: &Record, node: NodeId, prefixes: u64) -> bool {
        let minute = record.time.as_nanos() / MINUTE_NS;
        let (last, count) = self.updates.get(&node).copied().unwrap_or((minute, 0));
        let count = if last == minute { count + prefixes } else { prefixes };
        if minute > last + 1 {
            let quiet = Record { time: Time::from_nanos((last + 1) * MINUTE_NS), ..record.clone() };
            self.note(&quiet, "updates", Value::Number(0.0));
        }
        self.updates.insert(node, (minute, count));
        self.note(record, "updates", Value::Number(count as f64))
    }

    fn dns(&mut self, record: &Record) -> bool {
        use blackstart_dns::Event;
        match decode::<Event>(record) {
            Some(Event::Load { queries, p95_ms, .. }) => {
                let slow = self.note(record, "p95-ms", Value::Number(f64::from(p95_ms)));
                self.note(record, "queries", Value::Number(f64::from(queries))) | slow
            }
            Some(Event::Crowd { queries_per_s, failing_per_s, .. }) => {
                self.crowd_asks(record, [queries_per_s, failing_per_s].map(|rate| rate as f64))
            }
            Some(Event::Incident { open }) => {
                self.note(record, "incident", Value::word(if open { "open" } else { "closed" }))
            }
            _ => false,
        }
    }

    fn crowd_asks(&mut self, record: &Record, now: [f64; 2]) -> bool {
        let Some(node) = record.node else { return false };
        let first = *self.crowds.entry(node).or_insert(now);
        let [queries, failures] = [0, 1].map(|i| Value::Number(now[i] / first[i].max(1.0)));
        let times =
            self.note(record, "queries-times", queries) | self.note(record, "failures-times", failures);
        self.note(record, "queries-per-s", Value::Number(now[0])) | times
    }

    fn chat(&mut self, record: &Record) -> bool {
        use blackstart_chat::Event;
        match decode::<Event>(record) {
            Some(Event::Online { .. }) => self.note(record, "chat", Value::word("online")),
            Some(Event::Offline { .. }) => self.note(record, "chat", Value::word("offline")),
            _ => false,
        }
    }

    fn alert(&mut self, record: &Record) -> bool {
        use blackstart_manage::Event;
        use blackstart_manage::event::Alert;
        let Some(Event::Alert(step)) = decode::<Event>(record) else { return false };
        let (alert, value) = match step {
            Alert::Fired { alert } => (alert, "firing"),
            Alert::Delivered { alert } => (alert, "delivered"),
            Alert::Undelivered { alert, .. } => (alert, "undelivered"),
            Alert::Cleared { alert } => (alert, "quiet"),
            Alert::Acknowledged { alert, .. } => (alert, "acknowledged"),
            Alert::Unanswered { alert } => (alert, "unanswered"),
        };
        self.note(record, &format!("alert.{alert}"), Value::word(value))
    }

    fn world(&mut self, record: &Record) -> bool {
        let Some(event) = decode::<Event>(record) else { return false };
        self.physical.step(&event);
        let mut changed = false;
        for (signal, value) in self.physical_signals(&event) {
            changed |= self.history.note(record.time, signal, value);
        }
        changed
    }

    fn power(&mut self, record: &Record) -> bool {
        let Some(event) = decode::<power::Event>(record) else { return false };
        let (site, add) = match event {
            power::Event::Draw { site, kw } => {
                let value = Value::Number(kw as f64 / 1000.0);
                return self.history.note(record.time, format!("draw-mw@{site}"), value);
            }
            power::Event::Dark { site, .. } => (site, 1),
            power::Event::Lit { site, .. } => (site, -1),
        };
        let dark = self.racks_dark.entry(site.clone()).or_default();
        *dark = dark.saturating_add_signed(add);
        self.history.note(record.time, format!("racks-dark@{site}"), Value::Number(f64::from(*dark)))
    }

    /// The signals that an event of the physical side may have changed.
    fn physical_signals(&self, event: &Event) -> Vec<(String, Value)> {
        let truth = |yes: bool| Value::word(if yes { "true" } else { "false" });
        match event {
            Event::StepStarted { step } => {
                let begun = (format!("step.{step}@runbook"), Value::word("begun"));
                vec![("recovery@runbook".to_owned(), Value::word("begun")), begun]
            }
            Event::StepEnded { step, verdict, .. } => {
                vec![(format!("step.{step}@runbook"), Value::word(verdict.clone()))]
            }
            Event::Joined { bridge, .. } => {
                let roles = self.physical.bridges.get(bridge).map_or(0, Map::len);
                vec![(format!("roles-present@{bridge}"), Value::Number(roles as f64))]
            }
            Event::GuardTold { site } => vec![(format!("guard-has-names@{site}"), truth(true))],
            Event::TeamFormed { .. } | Event::Moved { .. } => self.team_signals(),
            Event::Prompt { .. } => vec![("privileged-prompt@console".into(), truth(true))],
            Event::Compared { .. } => {
                let all = self.physical.shut_by_last_change.values().all(|ports| !ports.is_empty());
                vec![("ports-shut-by-last-change@console".into(), truth(all))]
            }
            Event::Reach { reached, total } if reached == total => {
                vec![("data-centres-reachable@console".into(), Value::word("all"))]
            }
            Event::Reach { reached, .. } => {
                vec![("data-centres-reachable@console".into(), Value::Number(f64::from(*reached)))]
            }
            _ => Vec::new(),
        }
    }

    fn team_signals(&self) -> Vec<(String, Value)> {
        let mut signals = Vec::new();
        for team in self.physical.teams.keys() {
            let truth = |yes: bool| Value::word(if yes { "true" } else { "false" });
            for site in self.sites.values() {
                let there = self.physical.team_is(team, |place| self.sites.get(place) == Some(site));
                signals.push((format!("team-at-gate@{site}"), truth(there)));
            }
            for (door, room) in &self.rooms {
                let inside = self.physical.team_is(team, |place| place == room);
                signals.push((format!("team-inside@{door}"), truth(inside)));
            }
        }
        signals
    }
}
