//! Nobody waits for a signal that they cannot see from where they stand by then.
//!
//! Follows the steps in the order of the file and keeps what each actor has reached: a site, places in it, a
//! console, a bridge. `after` is judged before the step's action, `until` after it.

use blackstart_rt::{Map, Set};
use blackstart_source::Span;

use super::vocabulary::{Observability, Vocabulary};
use super::{Judge, names::stem};
use crate::step::{Action, Body, Condition, Name, Who};

impl Judge<'_> {
    pub(super) fn sight(&mut self) {
        self.trigger_seen();
        let mut reached = Reached::default();
        for (_, body) in self.checked() {
            let actors = Actor::all_of(&body.who);
            for actor in &actors {
                reached.standing(actor, self.vocabulary);
            }
            body.after.iter().for_each(|wait| self.wait_seen(&reached, &actors, body, &wait.seen));
            self.door_reached(&reached, &actors, &body.action);
            reached.step(&actors, &body.action, self.vocabulary);
            if let Action::Observe { signals } = &body.action {
                signals.iter().for_each(|signal| self.seen(&reached, &actors, body, signal));
            }
            body.until.iter().for_each(|wait| self.wait_seen(&reached, &actors, body, &wait.seen));
        }
    }

    /// Whoever begins the runbook sees from where they are at first that it is the one to use.
    fn trigger_seen(&mut self) {
        let Some((_, body)) = self.checked().next() else { return };
        let (actors, mut reached) = (Actor::all_of(&body.who), Reached::default());
        for actor in &actors {
            reached.standing(actor, self.vocabulary);
        }
        for seen in &self.runbook.use_when {
            let Some(place) = self.vocabulary.signals.get(&seen.signal.text) else { continue };
            if !actors.iter().any(|actor| reached.sees(actor, place)) {
                let message = format!(
                    "{} cannot see `{}` before the runbook begins",
                    actor_name(&body.who),
                    seen.signal.text
                );
                let expected = "a signal that is seen from where whoever does the first step is at first";
                self.error(&seen.signal.span, message, expected);
            }
        }
    }

    /// Groups of vantage points answer whoever asks; only a signal with one place of its own is judged.
    fn wait_seen(&mut self, reached: &Reached, actors: &[Actor], body: &Body, seen: &Condition) {
        let asked = seen.quorum.is_some() && !self.vocabulary.signals.contains_key(&seen.signal.text);
        if !asked {
            self.seen(reached, actors, body, &seen.signal);
        }
    }

    fn seen(&mut self, reached: &Reached, actors: &[Actor], body: &Body, signal: &Name) {
        let Some(place) = self.vocabulary.signals.get(&signal.text) else { return };
        let visible = actors.iter().any(|actor| reached.sees(actor, place)) || calls_back(body, place);
        if !visible {
            self.unseen(&signal.span, &body.who, &signal.text, place);
        }
    }

    fn unseen(&mut self, span: &Span, who: &Who, signal: &str, place: &Observability) {
        let (where_seen, expected) = match place {
            Observability::Public => return,
            Observability::Place(place) => {
                (format!("inside `{place}`"), format!("`enter` through a door to `{place}` first"))
            }
            Observability::Site(site) => (format!("at `{site}`"), format!("`travel = \"{site}\"` first")),
            Observability::Console => {
                ("on a console".to_owned(), "`login` by the same actor first".to_owned())
            }
            Observability::Bridge(bridge) => {
                (format!("on `{bridge}`"), format!("`convene = \"{bridge}\"` with this actor first"))
            }
            Observability::Company => {
                ("from inside the company's network".to_owned(), "`travel` to a site first".to_owned())
            }
        };
        let message =
            format!("{} cannot observe `{}`, seen only {where_seen}", actor_name(who), stem(signal));
        self.error(span, message, expected);
    }

    /// A door is opened from the site that it is part of.
    fn door_reached(&mut self, reached: &Reached, actors: &[Actor], action: &Action) {
        let (Action::Enter { door, .. } | Action::Escort { door, .. }) = action else { return };
        let Some(there) = self.vocabulary.doors.get(&door.text) else { return };
        let Some(Some(site)) = self.vocabulary.places.get(&there.place) else { return };
        let at_site = Observability::Site(site.clone());
        if !actors.iter().any(|actor| reached.sees(actor, &at_site)) {
            let message =
                format!("the door `{}` is at `{site}`, and nobody of this step is there", door.text);
            self.error(&door.span, message, format!("`travel = \"{site}\"` by the same actor first"));
        }
    }
}

/// The guard of the site calls back those who decided.
fn calls_back(body: &Body, place: &Observability) -> bool {
    match (&body.action, place) {
        (Action::Decide { site, .. }, Observability::Site(seen_at)) => site.text == *seen_at,
        _ => false,
    }
}

fn actor_name(who: &Who) -> String {
    match who {
        Who::Role(role) => format!("`{}`", role.text),
        Who::Team { name, .. } => format!("the team `{}`", name.text),
        Who::Approvers { .. } => "an approver".to_owned(),
    }
}

/// Somebody whose whereabouts are followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Role(String),
    Team(String),
}

impl Actor {
    fn all_of(who: &Who) -> Vec<Self> {
        match who {
            Who::Role(role) => vec![Self::Role(role.text.clone())],
            Who::Team { name, .. } => vec![Self::Team(name.text.clone())],
            Who::Approvers { roles, .. } => roles.iter().map(Self::role).collect(),
        }
    }

    fn role(role: &Name) -> Self {
        Self::Role(role.text.clone())
    }
}

/// How far everybody has come.
#[derive(Debug, Default)]
struct Reached {
    standings: Map<Actor, Standing>,
    /// Bridges and who was called to them.
    bridges: Map<String, Set<Actor>>,
}

/// Where an actor may be, as far as the file tells.
#[derive(Clone, Debug, Default)]
struct Standing {
    sites: Set<String>,
    places: Set<String>,
    console: bool,
}

impl Reached {
    fn standing(&mut self, actor: &Actor, vocabulary: &Vocabulary) -> &mut Standing {
        self.standings.entry(actor.clone()).or_insert_with(|| Standing::at_first(actor, vocabulary))
    }

    /// What the step changes for those who take part in it.
    fn step(&mut self, actors: &[Actor], action: &Action, vocabulary: &Vocabulary) {
        match action {
            Action::Convene { bridge, roles, .. } => {
                let called = roles.iter().map(Actor::role).chain(actors.iter().cloned());
                self.bridges.entry(bridge.text.clone()).or_default().extend(called);
            }
            Action::Call { roles } | Action::Page { roles, .. } => {
                for called in self.bridges.values_mut() {
                    called.extend(roles.iter().map(Actor::role));
                }
            }
            Action::Travel { to, alert, .. } => self.travel(actors, to, alert.as_ref(), vocabulary),
            Action::Enter { door, .. } | Action::Escort { door, .. } => {
                let Some(door) = vocabulary.doors.get(&door.text) else { return };
                for actor in actors {
                    self.standing(actor, vocabulary).places.insert(door.place.clone());
                }
            }
            Action::Login { .. } | Action::Ssh { .. } => {
                for actor in actors {
                    self.standing(actor, vocabulary).console = true;
                }
            }
            _ => {}
        }
    }

    /// Who travels leaves rooms and consoles behind. Those alerted are at all the other sites.
    fn travel(&mut self, actors: &[Actor], to: &Name, alert: Option<&Name>, vocabulary: &Vocabulary) {
        let going = Standing { sites: Set::from([to.text.clone()]), ..Standing::default() };
        for actor in actors {
            self.standings.insert(actor.clone(), going.clone());
        }
        if let Some(role) = alert {
            let sites = vocabulary.sites.iter().filter(|site| **site != to.text).cloned();
            self.standing(&Actor::role(role), vocabulary).sites.extend(sites);
        }
    }

    fn sees(&self, actor: &Actor, place: &Observability) -> bool {
        let standing = self.standings.get(actor);
        let stands = |test: fn(&Standing, &str) -> bool, place| standing.is_some_and(|at| test(at, place));
        match place {
            Observability::Public => true,
            Observability::Place(place) => stands(|at, place| at.places.contains(place), place),
            Observability::Site(site) => stands(|at, site| at.sites.contains(site), site),
            Observability::Console => stands(|at, _| at.console, ""),
            Observability::Company => stands(|at, _| !at.sites.is_empty(), ""),
            Observability::Bridge(bridge) => self.hears(actor, bridge),
        }
    }

    /// A team that was sent out keeps the line to the bridge; others must have been called to it.
    fn hears(&self, actor: &Actor, bridge: &str) -> bool {
        let Some(called) = self.bridges.get(bridge) else { return false };
        matches!(actor, Actor::Team(_)) || called.contains(actor)
    }
}

impl Standing {
    /// A role is wherever those who have it begin; a team gathers from home.
    fn at_first(actor: &Actor, vocabulary: &Vocabulary) -> Self {
        let Actor::Role(role) = actor else { return Self::default() };
        let holders = vocabulary.persons.values().filter(|person| person.roles.contains(role));
        let places: Set<String> = holders.map(|person| person.at.clone()).collect();
        let sites = places.iter().filter_map(|place| vocabulary.places.get(place)?.clone()).collect();
        Self { sites, places, console: false }
    }
}
