//! Names, applications, chat, sign-in, doors.

use super::super::note::{Note, Topic};
use super::Reader;
use blackstart_badge::Verdict;
use blackstart_badge::event::{By, Path, Why as Unreachable};
use blackstart_chat::event::Why as Offline;

/// Share of sends, in percent, from which on users count as served.
const SERVED_PERCENT: f64 = 95.0;

impl Reader<'_> {
    pub(super) fn dns(&mut self, host: String, event: blackstart_dns::Event) -> Option<Note> {
        use blackstart_dns::Event;
        let steering =
            |up, answers: String| Note::on("names", Topic::Steering { up }, host.clone(), answers).within(12);
        match event {
            Event::Health { up, answering, targets } => {
                let note = steering(up, format!("{answering} of {targets}"));
                self.turn("health", host, up, note)
            }
            Event::Announced { prefix } => {
                let note = steering(true, String::new());
                self.turn("prefix", format!("{host} {prefix}"), true, note)
            }
            Event::Withdrawn { prefix } => {
                let note = steering(false, String::new());
                self.turn("prefix", format!("{host} {prefix}"), false, note)
            }
            Event::SteerFailed { prefix, announce, reason } => {
                let done = if announce { "announced" } else { "withdrawn" };
                Some(Note::listed("names", format!("{host}: not {done}, {reason}"), prefix.to_string()))
            }
            Event::Incident { open } => {
                let done = if open { "open" } else { "close" };
                Some(Note::said("names", format!("operators of {host} {done} an incident")))
            }
            _ => None,
        }
    }

    pub(super) fn app(&mut self, host: String, event: blackstart_app::Event) -> Option<Note> {
        use blackstart_app::Event;
        match event {
            Event::Probed { check, outcome } => {
                let thing = format!("{host} {check}");
                let note = Note::on("users", Topic::Seen(outcome.to_string()), host, check).within(2);
                self.turn("check", thing, outcome.is_ok(), note)
            }
            Event::SendsWindow { product, ok, failed, .. } => {
                self.sends(format!("{product} at {host}"), ok, failed)
            }
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
                let heard = failure.is_none();
                let text = if heard {
                    "admission service heard again"
                } else {
                    "no word from the admission service"
                };
                self.turn("admission", host.clone(), heard, Note::listed("control", text, host))
            }
            Event::BackendHealth { backend, healthy, .. } => {
                let done = if healthy { "alive again" } else { "taken for dead" };
                let topic = Topic::Counted { thing: "backend", done, place: "edge" };
                let thing = format!("{host} {backend}");
                self.turn(
                    "backend",
                    thing,
                    healthy,
                    Note::on("users", topic, host, backend.to_string()).within(10),
                )
            }
            _ => None,
        }
    }

    /// Only what users would say: it begins to fail, nothing works, something works, it works.
    fn sends(&mut self, users: String, ok: u32, failed: u32) -> Option<Note> {
        let percent = 100.0 * f64::from(ok) / f64::from((ok + failed).max(1));
        let before = self.sends.insert(users.clone(), percent).unwrap_or(100.0);
        let text = match percent {
            p if p >= SERVED_PERCENT && before < SERVED_PERCENT => "sends get through as ever",
            p if p >= SERVED_PERCENT => "",
            p if p == 0.0 && before > 0.0 => "nothing gets through",
            p if p > 0.0 && before == 0.0 => "first sends get through",
            _ if before >= SERVED_PERCENT => "sends begin to fail",
            _ => return None,
        };
        let note = Note::listed("users", text, users.clone()).within(if before == 0.0 { 25 } else { 5 });
        self.turn("sends", users, percent >= SERVED_PERCENT, note).filter(|_| !text.is_empty())
    }

    pub(super) fn chat(&mut self, host: String, event: blackstart_chat::Event) -> Option<Note> {
        use blackstart_chat::Event;
        let (online, text) = match event {
            Event::Online { .. } => (true, "chat is back"),
            Event::Offline { why, .. } => (false, chat_failure(&why)),
            Event::LoginRefused { nick, why } => {
                return Some(Note::listed("staff", format!("{host} refuses, {why}"), nick).within(5));
            }
            Event::Acknowledged { .. } => return None,
        };
        self.turn("chat", host.clone(), online, Note::listed("staff", text, host).within(5))
    }

    pub(super) fn badge(&mut self, host: String, event: blackstart_badge::Event) -> Option<Note> {
        use blackstart_badge::Event;
        let server = |text: String| Note::listed("doors", text, host.clone()).within(5);
        match event {
            Event::Decision { door, badge, verdict, path } => {
                let text =
                    format!("badge {badge} at {door}: {} ({})", in_words(verdict), on_whose_word(path));
                Some(Note::said("doors", text))
            }
            Event::DoorOpened { door, by: By::Key } => {
                Some(Note::said("doors", format!("{door} opened with a key")))
            }
            Event::DoorOpened { .. } => None,
            Event::ServerUnreachable { why } => {
                let note = server(format!("access server out of reach, {}", access_failure(&why)));
                self.turn("access", host, false, note)
            }
            Event::ServerReachable => {
                let note = server("access server back".to_owned());
                self.turn("access", host, true, note)
            }
            Event::AuditFailed { error } => {
                Some(Note::said("doors", format!("{host} does not decide, {error}")))
            }
        }
    }
}

fn chat_failure(why: &Offline) -> &'static str {
    match why {
        Offline::Dns(_) => "chat cannot be reached, its name does not resolve",
        Offline::Connect(_) => "chat cannot be reached, no connection",
        Offline::Refused(_) => "chat turns people away",
        Offline::Lost(_) => "chat lost, the connection broke",
        Offline::Certificate(_) => "chat is left alone, its certificate is not believed",
    }
}

fn access_failure(why: &Unreachable) -> &'static str {
    match why {
        Unreachable::Dns(_) => "its name does not resolve",
        Unreachable::Connect(_) => "no connection",
        Unreachable::Timeout => "no answer",
        Unreachable::Failed(_) => "it cannot decide",
        Unreachable::Certificate(_) => "its certificate is not believed",
    }
}

fn in_words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Opened => "opens".to_owned(),
        Verdict::Denied(reason) => format!("denied, {reason}"),
        Verdict::NoAnswer => "stays shut".to_owned(),
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

pub(super) fn power(event: &blackstart_world::power::Event) -> Option<Note> {
    use blackstart_world::power::Event;
    match event {
        Event::Draw { .. } => None,
        Event::Dark { site, machines, cause } => Some(Note::said(
            "power",
            format!("{site}: no power for {}: {}", machines.join(", "), cause.says()),
        )),
        Event::Lit { site, machines } => {
            Some(Note::said("power", format!("{site}: power again for {}", machines.join(", "))))
        }
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
