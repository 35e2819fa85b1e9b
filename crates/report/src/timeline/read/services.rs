//! Names, applications, chat, sign-in, doors.

use super::super::note::{Note, Topic};
use super::Reader;
use blackstart_badge::event::{By, Path, Why as Unreachable};
use blackstart_chat::event::Why as Offline;

/// Share of sends, in percent, from which on users count as served.
const SERVED_PERCENT: f64 = 95.0;

impl Reader<'_> {
    pub(super) fn dns(&mut self, host: String, event: blackstart_dns::Event) -> Option<Note> {
        use blackstart_dns::Event;
        let steering = |server, up, prefix: String, answers: String| {
            Some(Note::on("names", Topic::Steering { server, up }, prefix, answers).within(3))
        };
        match event {
            Event::Health { up, answering, targets } if self.changes("health", host.clone(), up) => {
                steering(host, up, String::new(), format!("{answering} of {targets}"))
            }
            Event::Announced { prefix } if self.known.contains(&("withdrawn", host.clone())) => {
                steering(host, true, prefix.to_string(), String::new())
            }
            Event::Withdrawn { prefix } => {
                self.known.insert(("withdrawn", host.clone()));
                steering(host, false, prefix.to_string(), String::new())
            }
            Event::SteerFailed { prefix, announce, reason } => {
                let done = if announce { "announced" } else { "withdrawn" };
                Some(Note::listed("names", format!("{host}: not {done}, {reason}"), prefix.to_string()))
            }
            _ => None,
        }
    }

    pub(super) fn app(&mut self, host: String, event: blackstart_app::Event) -> Option<Note> {
        use blackstart_app::Event;
        match event {
            Event::Probed { check, outcome } => self
                .changes("check", format!("{host} {check}"), outcome.is_ok())
                .then(|| Note::on("users", Topic::Seen(outcome.to_string()), host, check).within(2)),
            Event::SendsWindow { product, ok, failed, .. } => self.sends(host, product, ok, failed),
            Event::Reports { product, count, .. } if count > 0 => {
                self.known.insert(("reports", product.clone())).then(|| {
                    Note::listed("users", format!("first complaints on {host} about"), product).within(5)
                })
            }
            Event::Posted { author, text } => {
                Some(Note::said("users", format!("{author} on {host}: “{text}”")))
            }
            Event::AdmissionRefused { peer, reason } => {
                Some(Note::said("control", format!("{host} refuses a change by {peer}, {reason}")))
            }
            Event::AdmissionSource { failure } => {
                self.changes("admission", host.clone(), failure.is_none()).then(|| {
                    let done = if failure.is_some() {
                        "no word from the admission service"
                    } else {
                        "admission service heard again"
                    };
                    Note::listed("control", done, host)
                })
            }
            Event::BackendHealth { backend, healthy, .. } => {
                let done = if healthy { "alive again" } else { "taken for dead" };
                let topic = Topic::Counted { thing: "backend", done, place: "edge" };
                self.changes("backend", format!("{host} {backend}"), healthy)
                    .then(|| Note::on("users", topic, host, backend.to_string()).within(3))
            }
            _ => None,
        }
    }

    /// Only what users would say: it begins to fail, nothing works, something works, it works.
    fn sends(&mut self, host: String, product: String, ok: u32, failed: u32) -> Option<Note> {
        let percent = 100.0 * f64::from(ok) / f64::from((ok + failed).max(1));
        let before = self.sends.insert((host.clone(), product.clone()), percent).unwrap_or(100.0);
        let text = match percent {
            p if p >= SERVED_PERCENT && before < SERVED_PERCENT => "sends get through as ever",
            p if p == 0.0 && before > 0.0 => "nothing gets through",
            p if p > 0.0 && before == 0.0 => "first sends get through",
            p if p < SERVED_PERCENT && before >= SERVED_PERCENT => "sends begin to fail",
            _ => return None,
        };
        Some(Note::listed("users", text, format!("{product} at {host}")).within(5))
    }

    pub(super) fn chat(&mut self, host: String, event: blackstart_chat::Event) -> Option<Note> {
        use blackstart_chat::Event;
        match event {
            Event::Online { .. } => self
                .changes("chat", host.clone(), true)
                .then(|| Note::listed("staff", "chat is back", host).within(5)),
            Event::Offline { why, .. } => {
                self.changes("chat", host.clone(), false);
                let why = match why {
                    Offline::Dns(_) => "chat cannot be reached, its name does not resolve",
                    Offline::Connect(_) => "chat cannot be reached, no connection",
                    Offline::Refused(_) => "chat turns people away",
                    Offline::Lost(_) => "chat lost, the connection broke",
                };
                Some(Note::listed("staff", why, host).within(5))
            }
            Event::LoginRefused { nick, why } => {
                Some(Note::listed("staff", format!("{host} refuses, {why}"), nick).within(5))
            }
        }
    }

    pub(super) fn badge(&mut self, host: String, event: blackstart_badge::Event) -> Option<Note> {
        use blackstart_badge::{Event, Verdict};
        match event {
            Event::Decision { door, badge, verdict, path } => {
                let saw = match verdict {
                    Verdict::Opened => "opens".to_owned(),
                    Verdict::Denied(reason) => format!("denied, {reason}"),
                    Verdict::NoAnswer => "stays shut".to_owned(),
                };
                Some(Note::said("doors", format!("badge {badge} at {door}: {saw} ({})", on_whose_word(path))))
            }
            Event::DoorOpened { door, by: By::Key } => {
                Some(Note::said("doors", format!("{door} opened with a key")))
            }
            Event::DoorOpened { .. } => None,
            Event::ServerUnreachable { why } => {
                self.changes("access", host.clone(), false);
                let why = match why {
                    Unreachable::Dns(_) => "its name does not resolve",
                    Unreachable::Connect(_) => "no connection",
                    Unreachable::Timeout => "no answer",
                    Unreachable::Failed(_) => "it cannot decide",
                };
                Some(Note::listed("doors", format!("access server out of reach, {why}"), host).within(5))
            }
            Event::ServerReachable => self
                .changes("access", host.clone(), true)
                .then(|| Note::listed("doors", "access server back", host).within(5)),
            Event::AuditFailed { error } => {
                Some(Note::said("doors", format!("{host} does not decide, {error}")))
            }
        }
    }
}

fn on_whose_word(path: Path) -> &'static str {
    match path {
        Path::Server => "the access server decided",
        Path::OfflineList => "access server silent, the cached list decided",
        Path::FailSafe => "access server silent, fails open",
        Path::FailSecure => "access server silent, fails secure",
        Path::NoDoor => "its controller has no such door",
    }
}

pub(super) fn identity(event: &blackstart_identity::Event) -> Option<Note> {
    use blackstart_identity::Event;
    match event {
        Event::Denied { account, reason } => {
            Some(Note::listed("control", format!("sign-in denied, {reason}"), account))
        }
        Event::StorageFailed { error } => {
            Some(Note::said("control", format!("sign-in issues no session, {error}")))
        }
        Event::SignedIn { .. } | Event::TokenRefused { .. } => None,
    }
}
