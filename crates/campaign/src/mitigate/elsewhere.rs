//! Changes that put something outside the company: consoles on a carrier of their own, and a chat that others run.
//!
//! What stands where is derived by the scenario; here the runbook learns to use it.

use super::changes::{Change, bodies};
use blackstart_runbook::step::{
    Action, Body, Condition, Name, Otherwise, Runbook, Step, Test, Then, Tries, Wait, Who,
};
use blackstart_scenario::Scenario;
use blackstart_source::SourceFile;
use blackstart_world::Person;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What shows that somebody is logged in on a router.
const PROMPT: &str = "privileged-prompt@console";
/// How long people try consoles, where the runbook has no step for it.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The step in which they do.
const STEP: &str = "try-the-out-of-band-consoles";

/// Each kind with its change, or why there is none.
pub(super) fn changes(
    path: &Path,
    scenario: &Scenario,
    runbook: &Runbook,
) -> [(&'static str, Result<Change, String>); 2] {
    [
        ("independent-out-of-band", out_of_band(path, scenario, runbook)),
        ("outside-chat", chat(path, scenario, runbook)),
    ]
}

/// The scenario at `path`, with its variant and what is added, and another text of the runbook.
fn changed(
    path: &Path,
    scenario: &Scenario,
    added: SourceFile,
    runbook: Runbook,
) -> Result<Scenario, String> {
    let variant = scenario.variant.as_deref();
    let mut scenario = Scenario::load_changed(path, variant.as_slice(), Some(added))
        .map_err(|mistakes| format!("it does not fit in: {mistakes}"))?;
    scenario.runbooks.insert(runbook.name.clone(), Arc::new(runbook));
    Ok(scenario)
}

// ---- consoles ----

/// Whoever has a prompt there goes on where the runbook goes on after its own log-in by cable.
fn out_of_band(path: &Path, scenario: &Scenario, runbook: &Runbook) -> Result<Change, String> {
    let mut runbook = runbook.clone();
    let (by_cable, on, with) = log_in_by_cable(&runbook).ok_or("no step logs in by cable")?;
    let then = match runbook.steps.get(by_cable + 1) {
        Some(next) => Then::Step(named(&next.id)),
        None => Then::End,
    };
    let goes_on = match &then {
        Then::Step(next) => format!("`{}`", next.text),
        Then::End => "the end".to_owned(),
    };
    let tries = match remote(&runbook, &on) {
        Some(index) if index < by_cable => index,
        Some(_) => return Err("the remote consoles are tried after the cable".to_owned()),
        None => {
            runbook.steps.insert(0, try_consoles(&runbook, &on, &with).ok_or("no step says who begins")?);
            0
        }
    };
    let body = runbook.steps[tries].body.as_mut().ok_or("no step says who begins")?;
    body.then = Some(then);
    let laptop = laptop(scenario, &body.who)?;
    let added = scenario.consoles_elsewhere(&on.text, laptop)?;
    let name = format!(
        "out-of-band consoles on a carrier of their own; with a prompt there people go on at {goes_on}"
    );
    let scenario = changed(path, scenario, added, runbook)?;
    Ok(Change { kind: "independent-out-of-band", name, hypothesis: false, scenario })
}

/// The first step that logs in by cable: where it is, on what, and with which account.
fn log_in_by_cable(runbook: &Runbook) -> Option<(usize, Name, Name)> {
    runbook.steps.iter().enumerate().find_map(|(index, step)| match &step.body.as_ref()?.action {
        Action::Login { by, on, with, .. } if by.text == "serial" => Some((index, on.clone(), with.clone())),
        _ => None,
    })
}

/// The step that tries remote consoles of these routers.
fn remote(runbook: &Runbook, routers: &Name) -> Option<usize> {
    let tries = |body: &Body| matches!(&body.action, Action::Login { by, on, .. } if by.text == "remote" && on.text == routers.text);
    runbook.steps.iter().position(|step| step.body.as_ref().is_some_and(tries))
}

/// A step before all others in which whoever begins tries remote consoles, and goes on as before when none answers.
fn try_consoles(runbook: &Runbook, on: &Name, with: &Name) -> Option<Step> {
    let first = runbook.steps.first()?;
    let begins = runbook.steps.iter().find_map(|step| step.body.as_ref())?;
    let seen = Condition { signal: named(PROMPT), test: Test::Is("true".to_owned()), quorum: None };
    let action =
        Action::Login { by: named("remote"), on: on.clone(), with: with.clone(), second_factor: None };
    let body = Body {
        who: begins.who.clone(),
        with_previous: false,
        after: begins.after.clone(),
        action,
        tries: Tries { most: 1, pause: Duration::ZERO },
        until: Some(Wait { seen, within: PATIENCE, otherwise: Otherwise::Step(named(&first.id)) }),
        then: None,
        undo: None,
        needs: Vec::new(),
    };
    let prose = "Every out-of-band console of the list, by its address.".to_owned();
    let title = "Try the out-of-band consoles".to_owned();
    Some(Step {
        id: STEP.to_owned(),
        title,
        prose,
        line: first.line,
        span: first.span.clone(),
        body: Some(body),
    })
}

/// A word that stands in no file.
fn named(text: &str) -> Name {
    Name { text: text.to_owned(), span: 0..0 }
}

/// The machine of whoever speaks and types in such a step.
fn laptop<'a>(scenario: &'a Scenario, who: &Who) -> Result<&'a str, String> {
    let first = |fits: &dyn Fn(&&Person) -> bool| scenario.people.persons.iter().find(fits);
    let person = match who {
        Who::Role(role) => first(&|person| person.roles.contains(&role.text)),
        Who::Approvers { roles, .. } => {
            first(&|person| roles.first().is_some_and(|role| person.roles.contains(&role.text)))
        }
        Who::Team { skills, .. } => {
            first(&|person| skills.first().is_some_and(|skill| person.skills.contains(&skill.text)))
        }
    };
    let person = person.ok_or("nobody can begin")?;
    person.laptop.as_deref().ok_or_else(|| format!("{} has no machine to work from", person.name))
}

// ---- chat ----

/// Everybody talks there without signing in inside.
fn chat(path: &Path, scenario: &Scenario, runbook: &Runbook) -> Result<Change, String> {
    let talks = bodies(runbook).find_map(|body| match &body.action {
        Action::Chat { on, .. } | Action::Page { on, .. } => Some((on.text.clone(), &body.who)),
        _ => None,
    });
    let (service, who) = talks.ok_or("no step asks anybody in a chat")?;
    let added = scenario.chat_elsewhere(&service, laptop(scenario, who)?)?;
    let mut runbook = runbook.clone();
    for body in runbook.steps.iter_mut().filter_map(|step| step.body.as_mut()) {
        match &mut body.action {
            Action::Chat { on, with, .. } | Action::Page { on, with, .. } if on.text == service => {
                *with = None
            }
            _ => {}
        }
    }
    let scenario = changed(path, scenario, added, runbook)?;
    let name = format!("`{service}` outside the company, with accounts of its own");
    Ok(Change { kind: "outside-chat", name, hypothesis: false, scenario })
}
