//! Engine, routing, network management.

use super::super::note::{Note, Topic};
use super::Reader;
use blackstart_manage::event::{Alert, Capacity, Event as Manage, Push};
use blackstart_sim::record::SimEvent;

/// Ports of serial cables: plugging one in is part of a step, not of the network.
const SERIAL: &str = "serial-";

impl Reader<'_> {
    pub(super) fn engine(&mut self, host: &str, event: SimEvent) -> Option<Note> {
        match event {
            SimEvent::PowerOn => {
                self.turn("power", host, true, Note::listed("network", "power is back at", host))
            }
            SimEvent::PowerOff => Some(Note::listed("network", "power fails at", host)),
            SimEvent::PortAdmin { port, up: false } => {
                Some(Note::on("network", Topic::ports("shut"), host, port))
            }
            SimEvent::PortAdmin { port, up: true } => {
                Some(Note::on("network", Topic::ports("opened"), host, port).within(15))
            }
            SimEvent::LinkBlocked { port, blocked } if !port.starts_with(SERIAL) => {
                let done = if blocked { "cut" } else { "mended" };
                let ends =
                    if *host < *port { format!("{host} - {port}") } else { format!("{port} - {host}") };
                Some(Note::listed("network", format!("link {done}"), ends))
            }
            SimEvent::TaskCrash { service, message } => {
                Some(Note::listed("network", format!("service {service} crashes, {message}"), host))
            }
            SimEvent::ServiceKilled { service } => {
                Some(Note::listed("network", format!("service {service} killed"), host))
            }
            SimEvent::ServiceRestarted { service } => {
                Some(Note::listed("network", format!("service {service} restarted"), host))
            }
            _ => None,
        }
    }

    /// What is lost; that it came back shows in ports, links and the routes that collectors hold.
    pub(super) fn bgp(&mut self, host: &str, event: blackstart_bgp::Event) -> Option<Note> {
        use blackstart_bgp::Event;
        match event {
            Event::SessionDown { peer, .. } => {
                let topic = Topic::Counted { thing: "BGP session", done: "lost", place: "speaker" };
                Some(Note::on("network", topic, host, peer.to_string()).within(3))
            }
            Event::PathsChanged { prefix, paths } => self.paths(format!("{host} {prefix}"), paths),
            Event::WithdrawnLocal { prefix, by_control: false } => {
                Some(Note::listed("network", format!("{host} stops announcing"), prefix.to_string()))
            }
            _ => None,
        }
    }

    /// More paths than ever before are a network coming up.
    fn paths(&mut self, held: String, paths: u32) -> Option<Note> {
        let most = self.paths_max.entry(held.clone()).or_default();
        if paths > *most {
            *most = paths;
            return None;
        }
        Some(Note::on("network", Topic::Paths, held, paths.to_string()).within(2))
    }
}

/// What is lost, as for BGP.
pub(super) fn igp(host: &str, event: &blackstart_igp::Event) -> Option<Note> {
    let blackstart_igp::Event::AdjacencyDown { neighbour, .. } = event else { return None };
    let topic = Topic::Counted { thing: "IGP adjacency", done: "lost", place: "router" };
    Some(Note::on("network", topic, host, neighbour.to_string()).within(3))
}

pub(super) fn manage(host: &str, event: Manage) -> Option<Note> {
    match event {
        Manage::Audited { command, ports, ports_total, allowed, reason } => {
            let judged = if allowed { "lets pass" } else { "stops" };
            // The reason mostly names the command.
            let command = if reason.contains(&command) { String::new() } else { format!("`{command}`, ") };
            let text = format!("audit {judged} {command}{ports} of {ports_total} ports shut: {reason}");
            Some(Note::said("control", text))
        }
        Manage::CapacityCommand(step) => capacity(host, step),
        Manage::ConfigurationPush(step) => push(host, step),
        Manage::Alert(step) => Some(Note::said("control", alert(host, step))),
        Manage::LoginRefused { account, door, reason } => {
            let account = if account.is_empty() { "somebody".to_owned() } else { account };
            Some(Note::listed("control", format!("{account} refused {door}, {reason}"), host))
        }
        Manage::CommitRefused { who, reason } => {
            Some(Note::listed("control", format!("change by {who} refused, {reason}"), host).within(10))
        }
        Manage::Locked { who, on } => {
            let done =
                if on { "locks out changes from the network" } else { "allows changes from the network" };
            Some(Note::listed("control", format!("{who} {done}"), host).within(10))
        }
        Manage::PortFailed { port, error } => {
            Some(Note::listed("control", format!("port {port} fails, {error}"), host))
        }
        Manage::OriginateFailed { prefix, error } => {
            Some(Note::listed("control", format!("{prefix} not originated as ordered, {error}"), host))
        }
        Manage::DiskFailed { error } => Some(Note::listed("control", format!("disk fails, {error}"), host)),
        _ => None,
    }
}

fn alert(host: &str, step: Alert) -> String {
    match step {
        Alert::Fired { alert } => format!("{host}: alert `{alert}` fires"),
        Alert::Delivered { alert } => format!("{host}: people are paged, alert `{alert}`"),
        Alert::Undelivered { alert, why } => format!("{host}: nobody hears of alert `{alert}`: {why}"),
        Alert::Cleared { alert } => format!("{host}: alert `{alert}` is over"),
        Alert::Acknowledged { alert, by } => format!("{host}: {by} has alert `{alert}`"),
        Alert::Unanswered { alert } => format!("{host}: nobody answers a call about alert `{alert}`"),
    }
}

fn push(host: &str, step: Push) -> Option<Note> {
    let text = match step {
        Push::Refused { who, change, why } => format!("`{change}` of {who} is not pushed: {why}"),
        Push::Staged { change, stage, routers } => {
            let stage = if stage == 1 { "the canary".to_owned() } else { format!("stage {stage}") };
            format!("`{change}` is on {stage}, {}", routers.join(", "))
        }
        Push::Stopped { change, why } => format!("`{change}` goes no further: {why}"),
        Push::Done { change } => format!("`{change}` is on all its routers"),
        Push::Frozen { who } => format!("changes are frozen by {who}"),
        Push::Lifted { who } => format!("{who} lifts the freeze of changes"),
    };
    Some(Note::said("control", format!("{host}: {text}")))
}

fn capacity(host: &str, step: Capacity) -> Option<Note> {
    let said = |text: String| Some(Note::said("control", format!("{host}: {text}")).within(10));
    match step {
        Capacity::Skipped => {
            said("the time of its assessment has passed, it leaves the network alone".to_owned())
        }
        Capacity::SignInFailed { reason } => said(format!("no sign-in, {reason}")),
        Capacity::AuditFailed { reason } => said(format!("no answer from the audit, {reason}")),
        Capacity::Denied { reason } => said(format!("the audit said no, {reason}")),
        Capacity::Ordered { routers, ports, .. } => {
            said(format!("orders {routers} routers to shut {ports} ports"))
        }
        Capacity::Repeated { routers, ports, .. } => {
            said(format!("repeats its order, {ports} ports of {routers} routers"))
        }
        Capacity::RouterFailed { router, reason } => {
            Some(Note::listed("control", format!("{host} cannot command, {reason}"), router).within(10))
        }
        Capacity::Held { on: true, who } => said(format!("held by {who}")),
        Capacity::Held { on: false, who } => said(format!("let go by {who}")),
    }
}
