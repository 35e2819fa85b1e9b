//! Noticing, calling people together, deciding, going there.

use super::{Failure, Incident, Kind, Spending, sleep};
use crate::needs::{PHONES, ROADS};
use crate::step::{Name, Who};
use blackstart_rt::{Map, Set};
use blackstart_sim::Time;
use blackstart_world::people::{Belief, Look, Refuses};
use blackstart_world::{Event, Lapse, Person};
use std::time::Duration;

/// So often somebody looks for what speaks against what they believe.
const LOOKS_MAX: usize = 3;

impl Incident {
    /// Somebody looks at their own instruments; the step's wait judges what they see.
    pub(super) async fn observe(&self) -> Result<(), Failure> {
        self.assume(&[PHONES.to_owned()]);
        let lead = self.lead()?;
        self.busy(&lead, "notice").await?;
        self.doubt(&lead).await
    }

    /// Somebody thinks of the most familiar cause that their instruments suggest, and looks for what speaks against it; then of
    /// the next. Who finds nothing goes on and believes it.
    async fn doubt(&self, person: &str) -> Result<(), Failure> {
        let mut thought_of: Set<&str> = Set::new();
        let beliefs = &self.world.people.beliefs;
        while let Some(belief) = beliefs
            .iter()
            .find(|it| !thought_of.contains(it.name.as_str()) && self.shown(&it.suggested_by).is_some())
        {
            thought_of.insert(&belief.name);
            let (who, cause) = (person.to_owned(), belief.name.clone());
            self.world.emit(&Event::Believed { person: who.clone(), cause: cause.clone() });
            let acted = self.acts_on(person, belief).await;
            for _ in 0..LOOKS_MAX {
                self.busy(person, "look").await?;
                if let Some(saw) = self.shown(&belief.refuted_by) {
                    self.world.emit(&Event::Doubted { person: who, cause, saw });
                    if let Some(before) = acted {
                        self.order_admission(before).await?;
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Does what whoever believes this does before anybody has confirmed it; gives the share of users that came in before.
    async fn acts_on(&self, person: &str, belief: &Belief) -> Option<u32> {
        let percent = belief.admits?;
        let before = self.world.with_state(|state| state.physical.admitted_percent).unwrap_or(100);
        let (person, cause) = (person.to_owned(), belief.name.clone());
        match self.order_admission(percent).await {
            Ok(()) => {
                self.world.emit(&Event::ActedOn { person, cause, percent });
                Some(before)
            }
            Err(why) => {
                let tried = format!("to let in {percent} % of users");
                self.world.emit(&Event::TurnedAway { person, tried, saw: why.text });
                None
            }
        }
    }

    /// What shows this now, at any vantage point.
    fn shown(&self, look: &Look) -> Option<String> {
        let mut points = self.world.wiring.vantage.values().flatten();
        self.world.with_state(|state| {
            points.find_map(|point| {
                let signal = format!("{}@{point}", look.signal);
                let value = state.history.now(&signal).filter(|value| value.is(&look.is))?;
                Some(format!("{signal} is {value}"))
            })
        })
    }

    /// One caller goes through the list; those who were called join while the next is being called. Without the list people call
    /// those whose numbers they have.
    pub(super) async fn convene(&self, bridge: &Name, by: &Name, roles: &[Name]) -> Result<(), Failure> {
        let known = self.world.people.bridges.get(&bridge.text);
        let known = known.ok_or_else(|| format!("there is no bridge `{}`", bridge.text))?;
        self.assume(&known.needs);
        self.assume(&[PHONES.to_owned()]);
        let caller = self.lead()?;
        self.join(&caller, &self.roles_of_caller(&caller, roles), &bridge.text).await?;
        let wanted = self.listed(roles, &caller);
        let mut joining = Vec::new();
        if self.holder(&by.text).is_ok() {
            for (person, roles) in wanted {
                if self.called(&caller, &person).await? {
                    joining.push(self.join_later(person, roles, bridge.text.clone())?);
                }
            }
        } else {
            for (person, roles) in self.called_by_heart(&caller, by, wanted).await? {
                joining.push(self.join_later(person, roles, bridge.text.clone())?);
            }
        }
        let waiting = Time::now();
        for joined in joining {
            joined.await.map_err(|error| error.to_string())?;
        }
        self.spent(Spending::People, "join", "those who were called", waiting);
        Ok(())
    }

    /// The caller's own role, and what else of those called is theirs.
    fn roles_of_caller(&self, caller: &str, called: &[Name]) -> Vec<String> {
        let known = self.world.people.person(caller).map_or(&[][..], |person| &person.roles);
        let own = known.iter().take(1);
        let others = known.iter().skip(1).filter(|role| called.iter().any(|name| name.text == **role));
        own.chain(others).cloned().collect()
    }

    /// Whom a caller calls, each once, with the roles in which they are wanted.
    fn listed(&self, roles: &[Name], caller: &str) -> Vec<(String, Vec<String>)> {
        let mut listed: Vec<(String, Vec<String>)> = Vec::new();
        for role in roles {
            for person in self.world.people.with_role(&role.text).filter(|person| person.name != caller) {
                match listed.iter_mut().find(|(name, _)| *name == person.name) {
                    Some((_, roles)) => roles.push(role.text.clone()),
                    None => listed.push((person.name.clone(), vec![role.text.clone()])),
                }
            }
        }
        listed
    }

    /// Whoever answers is on the bridge, once they have opened the tool in which it is held.
    pub(super) async fn join(&self, person: &str, roles: &[String], bridge: &str) -> Result<(), Failure> {
        if self.world.lapses(person, Lapse::Away) {
            return Ok(());
        }
        if let Some(tool) = self.world.people.bridges.get(bridge).and_then(|known| known.at.as_ref()) {
            self.browse(person, tool).await?;
        }
        for role in roles {
            let (person, role, bridge) = (person.to_owned(), role.clone(), bridge.to_owned());
            self.world.emit(&Event::Joined { person, role, bridge });
        }
        Ok(())
    }

    /// Somebody who was called joins; the others go on without them if they are kept out.
    pub(super) async fn comes(&self, person: &str, roles: &[String], bridge: &str) {
        if let Err(why) = self.join(person, roles, bridge).await {
            let (person, tried, saw) = (person.to_owned(), format!("to join {bridge}"), why.text);
            self.world.emit(&Event::TurnedAway { person, tried, saw });
        }
    }

    fn join_later(
        &self,
        person: String,
        roles: Vec<String>,
        bridge: String,
    ) -> Result<blackstart_sim::task::JoinHandle<()>, Failure> {
        let after = self.length(&person, "join")?;
        let incident = self.clone();
        Ok(blackstart_sim::task::spawn("join", async move {
            sleep(after).await;
            incident.comes(&person, &roles, &bridge).await;
        }))
    }

    /// Approvers make up their minds at once, are called back one by one, and one of them tells the guard.
    pub(super) async fn decide(&self, what: &Name, record: &Name, site: &Name) -> Result<(), Failure> {
        self.assume(&[PHONES.to_owned()]);
        let approvers = self.crew.borrow().clone();
        self.all_busy(&approvers, "weigh").await?;
        let (mut willing, mut refused) = (Vec::new(), Vec::new());
        for approver in &approvers {
            self.busy(approver, "call-back").await?;
            match self.refuses(approver, &what.text).await? {
                None => willing.push(approver.clone()),
                Some(why) => refused.push(why),
            }
        }
        let needed = match self.present().body.as_ref().map(|body| &body.who) {
            Some(Who::Approvers { of, .. }) => *of,
            _ => approvers.len(),
        };
        if willing.len() < needed
            && let Some(why) = Failure::all(refused, "; ")
        {
            return Err(why);
        }
        let (what, record) = (what.text.clone(), record.text.clone());
        self.world.emit(&Event::Decided { what, by: willing.clone(), record });
        let speaker = willing.into_iter().next().map_or_else(|| self.lead(), Ok)?;
        self.busy(&speaker, "tell-guard").await?;
        self.world.emit(&Event::GuardTold { site: site.text.clone() });
        Ok(())
    }

    /// Why somebody who is asked says no, if they do: they cannot be called back, or they are not convinced.
    async fn refuses(&self, approver: &str, what: &str) -> Result<Option<Failure>, Failure> {
        let Some(person) = self.world.people.person(approver) else { return Ok(None) };
        let mut silent = None;
        for tried in 0..self.world.people.call_backs.unwrap_or_default() {
            if tried > 0 {
                self.busy(approver, "call-back").await?;
            }
            silent = self.rings(person).await.err();
            if silent.is_none() {
                break;
            }
        }
        let why = match (silent, &person.refuses) {
            (Some(dark), _) => format!("{approver} cannot be called back: {dark}"),
            (None, Some(refuses)) if self.is_not_convinced(approver, refuses) => {
                format!("{approver} says no")
            }
            _ => return Ok(None),
        };
        let (person, what, text) = (approver.to_owned(), what.to_owned(), why.clone());
        self.world.emit(&Event::Refused { person, what, why: text });
        Ok(Some(Failure::at_once(Kind::Person, approver, why)))
    }

    fn is_not_convinced(&self, approver: &str, refuses: &Refuses) -> bool {
        let gives_way = refuses.gives_way_to.as_ref().is_some_and(|role| {
            self.world
                .with_state(|state| state.physical.bridges.values().any(|roles| roles.contains_key(role)))
        });
        !gives_way && self.clock.unit(format!("{approver}/refuses")) < refuses.chance
    }

    /// The team fetches what it must carry and goes; meanwhile those at the other sites are called to their routers.
    pub(super) async fn travel(
        &self,
        to: &Name,
        carry: &[Name],
        alert: Option<&Name>,
    ) -> Result<(), Failure> {
        self.assume(&[ROADS.to_owned()]);
        for item in carry {
            self.holder(&item.text)?;
        }
        let crew = self.crew.borrow().clone();
        let gate = self.world.people.gate_of(&to.text).map(str::to_owned);
        let gate = gate.ok_or_else(|| format!("nobody knows a place at {}", to.text))?;
        self.leave(&crew).await;
        let mut arrivals: Map<Duration, Vec<String>> = Map::new();
        for person in &crew {
            let from = self.place_of(person)?;
            let arrives = self.length(person, "get-ready")? + self.way(person, &from, &gate)?;
            arrivals.entry(arrives).or_default().push(person.clone());
        }
        let called = self.alert(alert).await?;
        let mut passed = called;
        for (after, people) in arrivals {
            self.people_spend(after.saturating_sub(passed), "get ready and travel", &people.join(", ")).await;
            passed = passed.max(after);
            for person in people {
                self.world.emit(&Event::Moved { person, to: gate.clone() });
            }
        }
        Ok(())
    }

    /// Calls everybody with a role onto the bridge; returns how long that took.
    async fn alert(&self, role: Option<&Name>) -> Result<Duration, Failure> {
        let Some(role) = role else { return Ok(Duration::ZERO) };
        self.assume(&[PHONES.to_owned()]);
        let bridge = self.world.with_state(|state| state.physical.bridges.keys().next().cloned());
        let bridge = bridge.ok_or_else(|| "there is no bridge to call anybody to".to_owned())?;
        let caller = self.one_on_duty()?;
        let people: Vec<&Person> = self.world.people.with_role(&role.text).collect();
        let mut took = Duration::ZERO;
        for person in people {
            let call = self.length(&caller, "call")?;
            self.people_spend(call, "call", &caller).await;
            took += call;
            if !self.answered(&caller, person).await {
                continue;
            }
            self.comes(&person.name, std::slice::from_ref(&role.text), &bridge).await;
        }
        Ok(took)
    }

    /// Calls everybody with these roles; those who answer are on the bridge then, if there is one.
    pub(super) async fn call_in(&self, roles: &[Name]) -> Result<Vec<String>, Failure> {
        self.assume(&[PHONES.to_owned()]);
        let caller = self.lead().or_else(|_| self.one_on_duty())?;
        let bridge = self.world.with_state(|state| state.physical.bridges.keys().next().cloned());
        let mut called = Vec::new();
        for (person, roles) in self.listed(roles, &caller) {
            if !self.called(&caller, &person).await? {
                continue;
            }
            if let Some(bridge) = &bridge {
                self.busy(&person, "join").await?;
                self.comes(&person, &roles, bridge).await;
            }
            called.push(person);
        }
        Ok(called)
    }

    /// Whoever opened the bridge keeps calling; they are the first on it.
    fn one_on_duty(&self) -> Result<String, Failure> {
        let everyone = self.world.people.persons.iter();
        let on_bridge = |person: &&Person| {
            self.world.with_state(|state| {
                let mut bridges = state.physical.bridges.keys();
                bridges.any(|bridge| state.physical.on_bridge(bridge).contains(person.name.as_str()))
            })
        };
        let found = everyone.filter(on_bridge).map(|person| person.name.clone()).next();
        found.ok_or_else(|| Failure::at_once(Kind::Person, "bridge", "nobody is on the bridge"))
    }
}
