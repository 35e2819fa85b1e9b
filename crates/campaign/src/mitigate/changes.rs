//! Changes worth trying: the scenario's variants, and those that follow from what its people, doors, accounts and machines are.

use super::elsewhere;
use crate::Error;
use blackstart_badge::offline;
use blackstart_report::mitigation::LeftOut;
use blackstart_rt::Set;
use blackstart_runbook::step::{Action, Body, Name, Runbook, Who};
use blackstart_scenario::{Scenario, variants};
use blackstart_world::{Estimate, Person};
use std::path::Path;
use std::time::Duration;

/// How old a door's list of badges may be, in seconds: a day.
const LIST_MAX_AGE_S: u64 = 86_400;
/// How often it is fetched, in seconds.
const LIST_REFRESH_S: u64 = 300;

/// A scenario with one thing changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// `variant`, or what kind of change was generated.
    pub kind: &'static str,
    /// What is different, for people.
    pub name: String,
    /// It is another guess at what nobody knows, not something that anybody could do.
    pub hypothesis: bool,
    /// The scenario, changed.
    pub scenario: Scenario,
}

/// Changes that can be made, and kinds of which there is none here.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Those that can be made.
    pub made: Vec<Change>,
    /// Those that cannot, and why.
    pub left_out: Vec<LeftOut>,
}

impl Changes {
    /// Changes of a kind, or why there are none.
    fn take(&mut self, kind: &str, made: impl IntoIterator<Item = Change>, why: &str) {
        let before = self.made.len();
        self.made.extend(made);
        if self.made.len() == before {
            self.left_out.push(LeftOut { kind: kind.to_owned(), why: why.to_owned() });
        }
    }
}

/// Every change that can be made to the scenario at `path`, on top of the variant that it was read with.
///
/// # Errors
/// What is wrong with a variant.
pub fn changes(path: &Path, scenario: &Scenario, runbook: &Runbook) -> Result<Changes, Error> {
    let mut changes = with_variants(path, scenario)?;
    let keys = second_keys(scenario);
    changes.take("second-key", keys, "nobody stands before a locked door without its key");
    changes.take("cached-list", door_lists(scenario), "there is no door without a list of badges");
    let authority = standing_authority(scenario, runbook);
    changes.take("standing-authority", authority, "no step decides anything");
    let copies = copies(scenario, runbook);
    changes.take("copy", copies, "the runbook asks for no item that one person alone holds");
    changes.take("secret-at-hand", known_by_heart(scenario), "no secret is sealed");
    let second = one_more_person(scenario, runbook);
    changes.take("one-more-person", second, "no role or skill of the runbook hangs on one person");
    for (kind, made) in elsewhere::changes(path, scenario, runbook) {
        match made {
            Ok(change) => changes.made.push(change),
            Err(why) => changes.left_out.push(LeftOut { kind: kind.to_owned(), why }),
        }
    }
    Ok(changes)
}

/// The scenario with each of its other variants. A mistake in one is nobody's fault but its own; one that does not go with
/// the variant that is there already is left out.
fn with_variants(path: &Path, scenario: &Scenario) -> Result<Changes, Error> {
    let mut changes = Changes::default();
    let own = scenario.variant.as_deref();
    for name in variants(path).into_iter().filter(|name| Some(name.as_str()) != own) {
        let both: Vec<&str> = own.into_iter().chain([name.as_str()]).collect();
        let name = format!("variant {name}");
        match (Scenario::load_changed(path, &both, None), own) {
            (Ok(scenario), _) => {
                let hypothesis = scenario.is_hypothesis;
                changes.made.push(Change { kind: "variant", name, hypothesis, scenario });
            }
            (Err(mistakes), None) => return Err(mistakes.into()),
            (Err(mistakes), Some(own)) => {
                let why = format!("does not go with {own}: {mistakes}");
                changes.left_out.push(LeftOut { kind: name, why });
            }
        }
    }
    Ok(changes)
}

fn change(kind: &'static str, name: String, scenario: &Scenario, make: impl FnOnce(&mut Scenario)) -> Change {
    let mut scenario = scenario.clone();
    make(&mut scenario);
    Change { kind, name, hypothesis: false, scenario }
}

/// Whoever stands before a locked door gets its key.
fn second_keys(scenario: &Scenario) -> Vec<Change> {
    let doors = scenario.people.doors.values();
    let locked = doors.filter_map(|door| Some((door, door.key.clone()?)));
    let second = |(door, key): (&blackstart_world::Door, String)| {
        let lacks = |person: &&Person| person.at == door.from && !person.items.contains(&key);
        let guard = scenario.people.persons.iter().find(lacks)?.name.clone();
        let name = format!("second `{key}` with {guard}");
        Some(change("second-key", name, scenario, |scenario| {
            let mut persons = scenario.people.persons.iter_mut();
            if let Some(guard) = persons.find(|person| person.name == guard) {
                guard.items.push(key);
            }
        }))
    };
    locked.filter_map(second).collect()
}

/// Every door keeps a list of badges.
fn door_lists(scenario: &Scenario) -> Option<Change> {
    let controllers: Set<&String> = scenario.people.doors.values().map(|door| &door.controller).collect();
    let without: Vec<String> =
        controllers.into_iter().filter(|host| !scenario.door_lists.contains_key(*host)).cloned().collect();
    (!without.is_empty()).then(|| {
        change("cached-list", "doors keep a list of badges for a day".to_owned(), scenario, |scenario| {
            let policy = offline::Policy { max_age_s: LIST_MAX_AGE_S, refresh_s: LIST_REFRESH_S };
            scenario.door_lists.extend(without.into_iter().map(|host| (host, policy)));
        })
    })
}

/// Approvers need not make up their minds that night.
fn standing_authority(scenario: &Scenario, runbook: &Runbook) -> Option<Change> {
    let decides = bodies(runbook).any(|body| matches!(body.action, Action::Decide { .. }));
    decides.then(|| {
        change("standing-authority", "standing authority: nobody weighs".to_owned(), scenario, |scenario| {
            let none = Duration::ZERO;
            let estimate =
                Estimate { low: none, likely: none, high: none, basis: "standing authority".into() };
            scenario.people.tasks.insert("weigh".to_owned(), estimate);
        })
    })
}

/// Everybody has a copy of what only one person holds and the runbook asks for.
fn copies(scenario: &Scenario, runbook: &Runbook) -> Vec<Change> {
    let asked: Set<&String> = bodies(runbook).flat_map(items).map(|name| &name.text).collect();
    let holders =
        |item: &String| scenario.people.persons.iter().filter(|person| person.items.contains(item)).count();
    let copy = |item: &String| {
        change("copy", format!("everybody has a copy of `{item}`"), scenario, |scenario| {
            let without = scenario.people.persons.iter_mut().filter(|person| !person.items.contains(item));
            without.for_each(|person| person.items.push(item.clone()));
        })
    };
    asked.into_iter().filter(|item| holders(item) == 1).map(copy).collect()
}

pub(super) fn bodies(runbook: &Runbook) -> impl Iterator<Item = &Body> {
    runbook.steps.iter().filter_map(|step| step.body.as_ref())
}

/// Items that an action asks its crew for.
fn items(body: &Body) -> Vec<&Name> {
    match &body.action {
        Action::Convene { by, .. } => vec![by],
        Action::Travel { carry, .. } => carry.iter().collect(),
        Action::Login { second_factor, .. } => second_factor.iter().collect(),
        Action::Compare { save } => save.iter().collect(),
        _ => Vec::new(),
    }
}

/// A sealed secret need not be fetched.
fn known_by_heart(scenario: &Scenario) -> Vec<Change> {
    let sealed = scenario.people.accounts.values().filter(|account| account.kept_at.is_some());
    let known = |account: &blackstart_world::Account| {
        let name = format!("the secret of `{}` is at hand wherever it is used", account.name);
        change("secret-at-hand", name, scenario, |scenario| {
            if let Some(account) = scenario.people.accounts.get_mut(&account.name) {
                account.kept_at = None;
            }
        })
    };
    sealed.map(known).collect()
}

/// Somebody beside the only one with a role or a skill that the runbook asks for: in the same place, with the same skills and
/// badge, holding nothing.
fn one_more_person(scenario: &Scenario, runbook: &Runbook) -> Vec<Change> {
    let persons = &scenario.people.persons;
    let only = |has: &dyn Fn(&&Person) -> bool| match persons.iter().filter(has).collect::<Vec<_>>()[..] {
        [person] => Some(person),
        _ => None,
    };
    let asked = bodies(runbook).flat_map(|body| asked_of(&body.who));
    let alone: Set<&str> = asked
        .filter_map(|(what, name)| match what {
            Asked::Role => only(&|person: &&Person| person.roles.contains(name)),
            Asked::Skill => only(&|person: &&Person| person.skills.contains(name)),
        })
        .map(|person| person.name.as_str())
        .collect();
    let second = |name: &str| {
        let person = scenario.people.person(name)?;
        let second = Person { name: format!("second {name}"), items: Vec::new(), ..person.clone() };
        Some(change("one-more-person", format!("one more person like {name}"), scenario, |scenario| {
            scenario.people.persons.push(second);
        }))
    };
    alone.into_iter().filter_map(second).collect()
}

enum Asked {
    Role,
    Skill,
}

fn asked_of(who: &Who) -> Vec<(Asked, &String)> {
    match who {
        Who::Role(role) => vec![(Asked::Role, &role.text)],
        Who::Approvers { roles, .. } => roles.iter().map(|role| (Asked::Role, &role.text)).collect(),
        Who::Team { skills, .. } => skills.iter().map(|skill| (Asked::Skill, &skill.text)).collect(),
    }
}
