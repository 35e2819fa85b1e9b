//! What people do.

use super::super::note::{Note, Topic};
use blackstart_world::Event;

/// What somebody saw is told here when it is this short; the end of their step tells it in any case.
const SAW_MAX: usize = 45;

pub(super) fn note(event: Event) -> Option<Note> {
    match event {
        Event::StepStarted { step } => Some(Note::said("step", format!("{step} begins"))),
        Event::StepEnded { step, verdict, why } => ended(&step, &verdict, why),
        Event::Called { by, person } => {
            Some(Note::listed("people", format!("{by} calls"), person).within(15))
        }
        Event::Joined { person, role, bridge } => {
            Some(Note::listed("people", format!("on {bridge}"), person).with(role).within(30))
        }
        Event::Decided { what, by, record } => Some(Note::said(
            "people",
            format!("{} decide {what}, written down in {record}", by.join(" and ")),
        )),
        Event::GuardTold { site } => Some(Note::said("people", format!("the guard at {site} has the names"))),
        Event::TeamFormed { team, members } => {
            Some(Note::said("people", format!("team {team}: {}", members.join(", "))))
        }
        Event::Moved { person, to } => {
            Some(Note::listed("people", format!("now at {to}"), person).within(30))
        }
        // The door's own record says more.
        Event::TurnedAway { tried, saw, .. } if tried.starts_with("door ") && saw.starts_with("denied") => {
            None
        }
        Event::TurnedAway { person, tried, saw } => {
            let saw = if saw.chars().count() > SAW_MAX { String::new() } else { format!(" ({saw})") };
            Some(Note::listed("people", format!("{person} turned away{saw}"), tried).within(15))
        }
        Event::Prompt { person, router, by } => {
            Some(Note::listed("people", format!("prompts, {by}"), router).with(person).within(30))
        }
        Event::Compared { router, shut } => {
            let found = match shut.len() {
                0 => "the last change shut nothing",
                _ => "the last change shut backbone ports",
            };
            Some(Note::listed("people", found, router).within(30))
        }
        Event::Isolated { service, port } => {
            let router = port.split(' ').next().unwrap_or_default().to_owned();
            let note = Note::said("people", format!("{service} cut off: port {port} shut"));
            Some(note.instead_of(Topic::ports("shut"), router))
        }
        Event::Restored { router, person, .. } => {
            let note = Note::listed("people", "ports brought up by hand", router.clone()).with(person);
            Some(note.within(15).instead_of(Topic::ports("opened"), router))
        }
        Event::Reach { reached, total } => Some(
            Note::said("people", format!("the console reaches {reached} of {total} data centres")).within(30),
        ),
        Event::Took { person, item, .. } => Some(Note::said("people", format!("{person} has `{item}`"))),
        Event::SignedIn { person, account } => {
            Some(Note::said("people", format!("{person} is signed in as {account}")))
        }
        Event::Opened { person, document } => {
            Some(Note::said("people", format!("{person} reads {document}")))
        }
        Event::PowerCycled { person, machine } => {
            Some(Note::said("people", format!("{person} switched {machine} off and on")))
        }
        Event::HandedOver { role, to } => Some(Note::said("people", format!("{to} is {role} now"))),
        Event::Booting { .. } => None,
        Event::BootWaits { service, on } => {
            Some(Note::said("control", format!("{service} cannot start: it waits for {on}")))
        }
        Event::Booted { service } => Some(Note::listed("control", "started again", service).within(30)),
        Event::Originated { person, router, prefix, announced } => {
            let done = if announced { "announces" } else { "withdraws" };
            Some(Note::said("people", format!("{person} {done} {prefix} on {router}")))
        }
        Event::Believed { person, cause } => {
            Some(Note::said("people", format!("{person} believes that {cause}")))
        }
        Event::Doubted { person, cause, saw } => {
            Some(Note::said("people", format!("{person} no longer believes that {cause}: {saw}")))
        }
        Event::Repointed { person, on, name, to } => {
            Some(Note::said("people", format!("{person} points {name} to {to} on {on}")))
        }
        Event::Tunnelled { person, gateway } => {
            Some(Note::said("people", format!("{person} has a tunnel to {gateway}")))
        }
        Event::Slipped { person, task } => {
            Some(Note::said("people", format!("{person} does `{task}` again: it was wrong")))
        }
        Event::Learned { person, from: Some(from) } => {
            Some(Note::said("people", format!("{from} tells {person} how things stand")))
        }
        Event::Learned { person, from: None } => Some(Note::said(
            "people",
            format!("{person} finds out how things stand: nobody is there who knows"),
        )),
        Event::Interrupted { person, by, lost_s: 0 } => {
            Some(Note::said("people", format!("{person} takes a call from {by}")))
        }
        Event::Interrupted { person, by, lost_s } => {
            Some(Note::said("people", format!("{person} is kept for {} min by {by}", lost_s.div_ceil(60))))
        }
        Event::Refused { person, what, why } => {
            Some(Note::said("people", format!("{person} refuses `{what}`: {why}")))
        }
        Event::ActedOn { person, cause, percent } => Some(Note::said(
            "people",
            format!("{person} acts on it that {cause}: {percent} % of users are to be let in"),
        )),
        Event::CopyMissed { service, of } => {
            Some(Note::said("control", format!("{service} does not reach {of}: its copy grows old")))
        }
        Event::CopyResumed { service, of } => {
            Some(Note::said("control", format!("{service} copies {of} again")))
        }
        Event::TookOver { person, service, of, copy_age_s } => Some(Note::said(
            "people",
            format!("{person} has {service} take over from {of}, with a copy {copy_age_s} s old"),
        )),
        Event::TookUp { person, runbook } => {
            Some(Note::said("people", format!("{person} takes up the runbook {runbook}")))
        }
        Event::Admitted { percent } => {
            Some(Note::said("people", format!("edges are told to admit {percent} % of users")))
        }
    }
}

/// A step that is plainly done says so by the next one beginning.
fn ended(step: &str, verdict: &str, why: Option<String>) -> Option<Note> {
    let why = why.map(|why| format!(", {why}")).unwrap_or_default();
    (verdict != "done" && verdict != "unchecked")
        .then(|| Note::said("step", format!("{step} {verdict}{why}")))
}
