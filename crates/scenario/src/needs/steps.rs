//! The steps of a runbook as nodes: each is reached, then acts, then is seen to be done.

use super::any_or;
use super::ground::{Ground, Opener};
use crate::files::services::{Run, Service};
use crate::index::{Index, all};
use crate::model::Scenario;
use crate::vocabulary::known_as;
use blackstart_rt::Set;
use blackstart_runbook::needs::{Graph, Id, Met, PHONES, ROADS};
use blackstart_runbook::step::{Action, Body, Name, Otherwise, PHONE, Runbook, Then, Wait, Who};

/// A runbook turned into nodes.
pub(super) struct Steps<'a> {
    pub(super) ground: Ground<'a>,
    pub(super) runbook: &'a Runbook,
    /// For each step, the node of its action: what it changes is there from then on.
    acted: Vec<Id>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(scenario: &'a Scenario, index: &'a Index<'a>, runbook: &'a Runbook) -> Self {
        let mut ground = Ground::new(scenario, index);
        let acted = each_step(&mut ground.graph, runbook);
        let mut steps = Self { ground, runbook, acted };
        steps.changes();
        steps
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.ground.graph
    }

    /// Explains every step; returns for each the node that says that it is done.
    pub(super) fn all(&mut self) -> Vec<Id> {
        let readable = self.taken_up();
        let reached: Vec<Id> = self.acted.iter().map(|_| self.ground.graph.joint(Met::Unmodelled)).collect();
        let done = each_step(&mut self.ground.graph, self.runbook);
        for index in 0..self.acted.len() {
            let mut ways = vec![self.before(index, readable, &reached, &done)];
            ways.extend(self.sent_to(index).into_iter().map(|from| reached[from]));
            ways.extend(self.led_to(index).into_iter().map(|from| done[from]));
            self.ground.graph.explain(reached[index], Met::Any(ways));
            self.step(index, reached[index], done[index]);
        }
        done
    }

    /// What must be over before a step: the one before it, with all that began together with that.
    fn before(&mut self, index: usize, readable: Id, reached: &[Id], done: &[Id]) -> Id {
        let Some(previous) = index.checked_sub(1) else { return readable };
        if self.with_previous(index) {
            return reached[previous];
        }
        let first = (0..=previous).rev().find(|&i| !self.with_previous(i)).unwrap_or(0);
        if (first..=previous).any(|i| self.then(i).is_some()) {
            return self.ground.graph.fact("the step before", Met::Lost("leads elsewhere".to_owned()));
        }
        self.ground.graph.joint(Met::All(done[first..=previous].to_vec()))
    }

    fn with_previous(&self, index: usize) -> bool {
        self.runbook.steps[index].body.as_ref().is_some_and(|body| body.with_previous)
    }

    fn then(&self, index: usize) -> Option<&'a Then> {
        self.runbook.steps[index].body.as_ref()?.then.as_ref()
    }

    /// Steps that lead here when they are done.
    fn led_to(&self, index: usize) -> Vec<usize> {
        let here = &self.runbook.steps[index].id;
        let leads = |&i: &usize| matches!(self.then(i), Some(Then::Step(name)) if name.text == *here);
        (0..self.acted.len()).filter(leads).collect()
    }

    /// The runbook is finished: its last step is done, or one that says so.
    fn finished(&mut self, done: &[Id]) -> Id {
        let last = done.len().saturating_sub(1);
        let ends = |&i: &usize| match self.then(i) {
            None => i == last,
            Some(then) => *then == Then::End,
        };
        let ways: Vec<Id> = (0..done.len()).filter(ends).map(|i| done[i]).collect();
        self.ground.graph.joint(Met::Any(ways))
    }

    /// The runbook is finished, and what it restores works.
    pub(super) fn goal(&mut self, done: &[Id]) -> Id {
        let mut needs = vec![self.finished(done)];
        for word in &self.runbook.restores {
            let named =
                self.ground.services().into_iter().filter(|service| known_as(service).contains(&word.text));
            // The controller stands for the backbone, which it does not make work.
            let named: Vec<_> = named.filter(|service| !matches!(service.run, Run::Capacity(_))).collect();
            let ways: Vec<Id> = named.into_iter().map(|service| self.ground.works(service)).collect();
            if !ways.is_empty() {
                needs.push(self.ground.graph.fact(format!("`{}` restored", word.text), Met::Any(ways)));
            }
        }
        self.ground.graph.joint(Met::All(needs))
    }

    pub(super) fn action(&self, index: usize) -> Option<&'a Action> {
        self.runbook.steps[index].body.as_ref().map(|body| &body.action)
    }

    pub(super) fn acted(&self, index: usize) -> Id {
        self.acted[index]
    }

    /// The nodes of all steps with such an action.
    pub(super) fn acting(&self, is: impl Fn(&Action) -> bool) -> Vec<Id> {
        let indices = (0..self.acted.len()).filter(|&i| self.action(i).is_some_and(&is));
        indices.map(|i| self.acted[i]).collect()
    }

    /// A need without a model: there when the runbook takes it for granted.
    pub(super) fn word(&mut self, word: &str) -> Id {
        let granted = self.runbook.assumes_up.iter().any(|name| name.text == word);
        self.ground.graph.fact(word, if granted { Met::Given } else { Met::Unmodelled })
    }

    /// Steps whose `else` leads here.
    fn sent_to(&self, index: usize) -> Vec<usize> {
        let here = &self.runbook.steps[index].id;
        let leads = |wait: &Wait| matches!(&wait.otherwise, Otherwise::Step(name) if name.text == *here);
        let from = self.runbook.steps.iter().enumerate().filter(|(_, step)| {
            step.body.iter().flat_map(|body| body.after.iter().chain(&body.until)).any(leads)
        });
        from.map(|(i, _)| i).collect()
    }

    fn step(&mut self, index: usize, reached: Id, done: Id) {
        let Some(body) = &self.runbook.steps[index].body else {
            self.ground.graph.explain(self.acted[index], Met::All(vec![reached]));
            self.ground.graph.explain(done, Met::All(vec![self.acted[index]]));
            return;
        };
        let mut needs = vec![reached, self.crew(index, &body.who)];
        needs.extend(body.after.as_ref().and_then(|wait| self.wait(index, body, wait)));
        needs.extend(
            body.needs.iter().map(|need| self.stated(index, &body.who, &need.text)).collect::<Vec<_>>(),
        );
        needs.extend(self.by_action(index, body));
        self.ground.graph.explain(self.acted[index], Met::All(needs));
        let mut seen = vec![self.acted[index]];
        seen.extend(body.until.as_ref().and_then(|wait| self.wait(index, body, wait)));
        self.ground.graph.explain(done, Met::All(seen));
    }

    /// A need that the step states: a service, used from a machine of those who do the step, or a word without a model.
    fn stated(&mut self, index: usize, who: &Who, need: &str) -> Id {
        if self.ground.index.services.get(need).is_none() {
            return self.word(need);
        }
        let machines = self.machines(index, who);
        let ways = machines.iter().map(|machine| self.ground.used_from(machine, need)).collect();
        let step = &self.runbook.steps[index].id;
        let met = any_or(ways, "nobody who does this step has a machine at hand");
        self.ground.graph.fact(format!("`{need}` for `{step}`"), met)
    }

    /// Laptops of those who do a step, and machines with a cable where they stand.
    fn machines(&self, index: usize, who: &Who) -> Vec<&'a str> {
        let sites = self.sites(index, who);
        let people = self.candidates(who).into_iter();
        let laptops = people.filter_map(|person| person.laptop.as_deref());
        laptops.chain(self.carts(&sites)).collect()
    }

    fn carts(&self, sites: &Set<String>) -> Vec<&'a str> {
        let at_hand = |host: &crate::files::services::Host| {
            let router = self.ground.index.routers.get(host.router.get_ref());
            let hangs_there = router.is_some_and(|(_, router)| router.site.get_ref() == host.site.get_ref());
            sites.contains(host.site.get_ref()) && !host.serial.is_empty() && hangs_there
        };
        let hosts = self.ground.index.hosts.iter();
        hosts.filter(|(_, (_, host))| at_hand(host)).map(|(name, _)| name).collect()
    }

    /// A copy of the runbook can be read: on paper where somebody can stand, or from a service.
    fn readable(&mut self) -> Id {
        let ways: Vec<Id> = self.runbook.copies.iter().map(|copy| self.copy(&copy.text)).collect();
        let met = if ways.is_empty() { Met::Given } else { Met::Any(ways) };
        self.ground.graph.fact("a copy of this runbook", met)
    }

    /// Somebody has a copy and sees that it is the one to use.
    fn taken_up(&mut self) -> Id {
        let mut needs = vec![self.readable()];
        needs.extend(self.runbook.use_when.iter().filter_map(|seen| self.ground.seen(seen)));
        self.ground.graph.joint(Met::All(needs))
    }

    pub(super) fn copy(&mut self, copy: &str) -> Id {
        match copy.split_once('@') {
            Some((_, place)) => self.place(place),
            None => self.served_copy(copy),
        }
    }

    fn served_copy(&mut self, service: &str) -> Id {
        let reader = self.runbook.steps.iter().find_map(|step| step.body.as_ref());
        let people = reader.map(|body| self.candidates(&body.who)).unwrap_or_default();
        let laptops: Vec<&str> = people.iter().filter_map(|person| person.laptop.as_deref()).collect();
        let page = self.ground.index.services.get(service).and_then(|(_, service)| match &service.run {
            Run::Tool(tool) => tool.hosts.first(),
            _ => None,
        });
        let ways = match (page, reader) {
            (Some(page), Some(body)) => self.pages(&body.who, page),
            _ => laptops.iter().map(|laptop| self.ground.used_from(laptop, service)).collect(),
        };
        let met = any_or(ways, "nobody who begins has a machine to read it on");
        self.ground.graph.fact(format!("the copy on {service}"), met)
    }

    // ---- waits ----

    /// What must be there before a wait can end well; `None` when nothing stands in its way.
    fn wait(&mut self, index: usize, body: &Body, wait: &Wait) -> Option<Id> {
        let Some((stem, vantage)) = wait.seen.signal.text.split_once('@') else {
            return self.ground.seen(&wait.seen);
        };
        let made = match stem {
            "guard-has-names" => {
                self.acting(|a| matches!(a, Action::Decide { site, .. } if site.text == vantage))
            }
            "team-inside" => self.acting(|a| goes_through(a, |door| door == vantage)),
            "team-at-gate" => self.acting(|a| matches!(a, Action::Travel { to, .. } if to.text == vantage)),
            "roles-present" => {
                self.acting(|a| matches!(a, Action::Convene { bridge, .. } if bridge.text == vantage))
            }
            "privileged-prompt" => self.acting(|a| matches!(a, Action::Login { .. } | Action::Ssh { .. })),
            "ports-shut-by-last-change" => self.acting(|a| matches!(a, Action::Compare { .. })),
            "data-centres-reachable" => return Some(self.centres(index, body)),
            _ => return self.ground.seen(&wait.seen),
        };
        let met = any_or(made, "no step brings it about");
        Some(self.ground.graph.fact(format!("signal {}", wait.seen.signal.text), met))
    }

    /// Every data centre can be reached from where the step is done.
    fn centres(&mut self, index: usize, body: &Body) -> Id {
        let sites = self.sites(index, &body.who);
        let here = all(&self.ground.scenario.folder.networks, |f| &f.router)
            .find(|(_, router)| sites.contains(router.site.get_ref()) && !router.groups.is_empty())
            .map(|(_, router)| router.name.get_ref().clone());
        let Some(here) = here else { return self.ground.graph.joint(Met::Given) };
        let centres = crate::build::data_centres(self.ground.index);
        let hosts: Vec<&str> = centres
            .iter()
            .flat_map(|(_, address)| self.ground.hosts_at(*address))
            .map(|(name, _)| name)
            .collect();
        let paths = hosts.into_iter().map(|host| self.ground.path(&here, host)).collect();
        self.ground.graph.joint(Met::All(paths))
    }

    // ---- actions ----

    fn by_action(&mut self, index: usize, body: &Body) -> Vec<Id> {
        let who = &body.who;
        match &body.action {
            Action::Observe { .. } => vec![self.word(PHONES)],
            Action::Convene { bridge, by, .. } => self.convene(index, who, bridge, by),
            Action::Decide { record, .. } => {
                let written = self.ground.index.services.get(&record.text);
                let written = written.map(|_| self.stated(index, who, &record.text));
                std::iter::once(self.word(PHONES)).chain(written).collect()
            }
            Action::Travel { to, carry, alert } => {
                let mut needs = vec![self.word(ROADS), self.way(index, who, &to.text)];
                needs.extend(carry.iter().map(|item| self.held(who, item)).collect::<Vec<_>>());
                needs.extend(alert.as_ref().map(|_| self.word(PHONES)));
                needs
            }
            Action::Enter { door, ways } => self.enter(who, door, ways),
            Action::Login { by, on, with, second_factor } if by.text == "serial" => {
                self.serial(index, who, on, with, second_factor.as_ref())
            }
            Action::Login { on, .. } => vec![self.remote(who, on)],
            Action::Compare { save } => {
                let mut needs = vec![self.prompt()];
                needs.extend(save.as_ref().map(|item| self.held(who, item)));
                needs
            }
            Action::Apply { what, isolate, admit, .. } if what.text == "last-good" => {
                self.apply(index, who, isolate.as_ref(), admit.is_some())
            }
            Action::Apply { .. } => Vec::new(),
            Action::Admit { .. } => vec![self.admission(index, who)],
            Action::Post { on, .. } => vec![self.post(who, on)],
            Action::Isolate { service } => {
                let mut needs = vec![self.prompt()];
                needs.extend(self.port_of(service));
                needs
            }
            Action::Fetch { item } => vec![self.fetched(index, item)],
            Action::SignIn { .. } => {
                let laptops = self.laptops(who);
                let ways = laptops.into_iter().map(|laptop| self.signed_in(laptop)).collect();
                vec![self.ground.graph.joint(any_or(ways, "nobody who does this step has a machine"))]
            }
            Action::Open { document } => vec![self.document(who, document)],
            Action::PowerCycle { machine } => self.beside(&machine.text),
            Action::Restart { service } | Action::TakeOver { to: service, .. } => {
                let host = self.ground.index.services.get(&service.text).map(|(_, s)| s.host.get_ref());
                host.map(|host| self.beside(host)).unwrap_or_default()
            }
            Action::HandOver { .. } | Action::Call { .. } => vec![self.word(PHONES)],
            Action::Chat { on, to, ways, .. } => {
                let reader = Who::Role(to.clone());
                let both = Met::All(vec![self.in_chat(who, on), self.in_chat(&reader, on)]);
                let mut told = vec![self.ground.graph.joint(both)];
                if ways.iter().any(|way| way.text == PHONE) {
                    told.push(self.word(PHONES));
                }
                vec![self.ground.graph.joint(Met::Any(told)), self.crew(index, &reader)]
            }
            Action::Page { roles, on, .. } => {
                let ways = roles.iter().map(|role| self.in_chat(&Who::Role(role.clone()), on)).collect();
                let paged = any_or(ways, "nobody is paged");
                vec![self.in_chat(who, on), self.ground.graph.joint(paged)]
            }
            Action::Escort { door, by } => self.escorted(index, door, by),
            Action::Ssh { on, through, .. } => vec![self.through(who, on, through)],
            Action::Originate { on, .. } => vec![self.prompt(), self.ground.machine(&on.text)],
            Action::FailOver { from, to, .. } => {
                vec![self.prompt(), self.ground.machine(&from.text), self.ground.machine(&to.text)]
            }
            Action::Repoint { on, .. } => {
                let host = self.ground.index.services.get(&on.text).map(|(_, s)| s.host.get_ref());
                host.map(|host| self.beside(host)).unwrap_or_default()
            }
            Action::Vpn { on, .. } => vec![self.tunnel(who, on)],
            Action::Configure { on, .. } => vec![self.stored(who, on)],
            Action::Reset { machines, .. } => self.switched(machines),
        }
    }

    /// A list of numbers, a phone, and what the bridge stands on.
    fn convene(&mut self, index: usize, who: &Who, bridge: &Name, by: &Name) -> Vec<Id> {
        let list = self.held(who, by);
        let by_heart = self.candidates(who).iter().any(|person| person.numbers.is_some());
        let by_heart = if by_heart { Met::Given } else { Met::Lost("none".to_owned()) };
        let numbers = vec![list, self.ground.graph.fact("numbers in the caller's phone", by_heart)];
        let numbers = self.ground.graph.joint(Met::Any(numbers));
        let mut needs = vec![self.word(PHONES), numbers];
        let stands_on = self.ground.scenario.people.bridges.get(&bridge.text).map(|b| b.needs.clone());
        needs.extend(stands_on.into_iter().flatten().map(|need| self.stated(index, who, &need)));
        needs.extend(self.held_at(bridge).map(|tool| {
            let ways = self.pages(who, tool);
            let met = any_or(ways, "nobody who calls has a machine");
            self.ground.graph.fact(format!("{} at {tool}", bridge.text), met)
        }));
        needs
    }

    pub(super) fn signed_in(&mut self, laptop: &str) -> Id {
        let services = self
            .ground
            .services()
            .into_iter()
            .filter(|s| s.standby.is_none() && matches!(s.run, Run::Identity(_)));
        let services: Vec<_> = services.collect();
        let ways = services.into_iter().map(|s| self.ground.used_from(laptop, s.name.get_ref())).collect();
        self.ground.graph.fact(format!("sign-in from {laptop}"), any_or(ways, "there is no sign-in service"))
    }

    /// Somebody of these is in the chat, from their own machine.
    fn in_chat(&mut self, who: &Who, on: &Name) -> Id {
        let Some((_, service)) = self.ground.index.services.get(&on.text) else {
            return self.word(&on.text);
        };
        let name = match &service.run {
            Run::Chat(config) => Some(config.settings.name.clone()).filter(|name| name.contains('.')),
            _ => None,
        };
        let mut ways = Vec::new();
        for laptop in self.laptops(who) {
            let mut needs = vec![self.ground.used_from(laptop, &on.text)];
            needs.extend(name.as_ref().map(|name| self.looked_up(laptop, name)));
            ways.push(self.ground.graph.fact(format!("chat `{}` from {laptop}", on.text), Met::All(needs)));
        }
        self.ground.graph.joint(any_or(ways, "nobody of them has a machine"))
    }

    /// Somebody stands beside each machine, and none comes before one that it needs to start.
    fn switched(&mut self, machines: &[Name]) -> Vec<Id> {
        let mut needs: Vec<Id> = Vec::new();
        let in_rack = |machine: &Name| {
            let hosts = self.ground.index.hosts.iter();
            let mut there = hosts.filter(|(_, (_, host))| {
                host.rack.as_ref().is_some_and(|rack| *rack.get_ref() == machine.text)
            });
            there.next().map(|(host, _)| host)
        };
        let beside: Vec<&str> =
            machines.iter().map(|machine| in_rack(machine).unwrap_or(&machine.text)).collect();
        for (n, (machine, beside)) in machines.iter().zip(beside).enumerate() {
            needs.extend(self.beside(beside));
            for service in self.ground.services_on(&machine.text) {
                let later = service.boot_needs.iter().find_map(|need| {
                    let (_, other) = self.ground.index.services.get(need.get_ref())?;
                    let at = machines[n + 1..].iter().find(|m| m.text == *other.host.get_ref())?;
                    Some(format!(
                        "it waits for `{}` on {}, which is switched on after it",
                        need.get_ref(),
                        at.text
                    ))
                });
                let later = later.or_else(|| sealed_until(service, self.ground.index, &machines[n + 1..]));
                let name = format!("`{}` starts on {}", service.name.get_ref(), machine.text);
                needs.extend(later.map(|why| self.ground.graph.fact(name, Met::Lost(why))));
            }
        }
        needs
    }

    fn apply(&mut self, index: usize, who: &Who, isolate: Option<&Name>, admits: bool) -> Vec<Id> {
        let compared = self.acting(|a| matches!(a, Action::Compare { .. }));
        let compared = any_or(compared, "no step compares");
        let mut needs = vec![self.prompt(), self.ground.graph.fact("what the last change shut", compared)];
        needs.extend(isolate.and_then(|service| self.port_of(service)));
        if admits {
            needs.push(self.admission(index, who));
        }
        let controllers: Set<&str> = self.ground.shut.values().map(|shut| shut.by).collect();
        needs.extend(controllers.into_iter().map(|name| self.cut_off(index, name)).collect::<Vec<_>>());
        needs
    }

    /// A document can be read where it lies on paper, or from the machine of somebody who does the step.
    fn document(&mut self, who: &Who, document: &Name) -> Id {
        if let Some(place) = document.paper() {
            return self.place(&place.text);
        }
        let ways = self.pages(who, &document.text);
        let met = any_or(ways, "nobody who does this step has a machine");
        self.ground.graph.fact(format!("the page {}", document.text), met)
    }

    pub(super) fn laptops(&self, who: &Who) -> Vec<&'a str> {
        self.candidates(who).into_iter().filter_map(|person| person.laptop.as_deref()).collect()
    }

    /// Automation that shut the ports shuts them again unless somebody has cut it off by then.
    fn cut_off(&mut self, index: usize, controller: &str) -> Id {
        let cuts = |i: usize| match self.action(i) {
            Some(Action::Apply { isolate: Some(name), .. } | Action::Isolate { service: name }) => {
                name.text == controller
            }
            _ => false,
        };
        let met = match (0..=index).any(cuts) {
            true => Met::Given,
            false => Met::Lost("it repeats its order, and no step up to here isolates it".to_owned()),
        };
        let step = &self.runbook.steps[index].id;
        self.ground.graph.fact(format!("{controller} cut off at `{step}`"), met)
    }

    /// The admission service, from a machine where the step is done.
    fn admission(&mut self, index: usize, who: &Who) -> Id {
        let services = self.ground.services().into_iter().filter(|s| matches!(s.run, Run::Admission(_)));
        let services: Vec<_> = services.collect();
        let sites = self.sites(index, who);
        let carts = self.carts(&sites);
        let mut ways = Vec::new();
        for cart in carts {
            for service in &services {
                ways.push(self.ground.used_from(cart, service.name.get_ref()));
            }
        }
        let met = any_or(ways, "no machine at hand, or no admission service");
        self.ground.graph.fact(format!("admission at `{}`", self.runbook.steps[index].id), met)
    }

    fn post(&mut self, who: &Who, on: &Name) -> Id {
        let ways = self.pages(who, &on.text);
        let met = any_or(ways, "nobody who speaks has a machine to post from");
        self.ground.graph.fact(format!("a post on {}", on.text), met)
    }

    /// What steps change in the world: ports opened on routers on which an earlier step has a prompt by then, machines
    /// switched on, programs started.
    fn changes(&mut self) {
        let mut routers = Set::new();
        for index in 0..self.acted.len() {
            let step = self.acted[index];
            match self.action(index) {
                Some(Action::Login { on, .. } | Action::Ssh { on, .. }) => {
                    routers.extend(self.by_site(on).into_values().flatten())
                }
                Some(Action::Apply { what, .. }) if what.text == "last-good" => {
                    let opener = Opener { step, routers: routers.clone(), machines: Set::new() };
                    self.ground.openers.push(opener);
                }
                Some(Action::Restart { service }) => {
                    self.ground.starters.entry(&service.text).or_default().push(step);
                }
                Some(action @ (Action::PowerCycle { .. } | Action::Reset { .. })) => {
                    let machines = self.ground.switched_by(action);
                    self.ground.switched(step, machines);
                }
                _ => {}
            }
        }
    }
}

/// Whether an action takes people through such a door.
pub(super) fn goes_through(action: &Action, is: impl Fn(&str) -> bool) -> bool {
    matches!(action, Action::Enter { door, .. } | Action::Escort { door, .. } if is(&door.text))
}

/// A node for each step.
fn each_step(graph: &mut Graph, runbook: &Runbook) -> Vec<Id> {
    let steps = runbook.steps.iter().enumerate();
    steps.map(|(n, step)| graph.step(format!("`{}`", step.id), n)).collect()
}

/// Why too few holders of key shares are up before these machines are.
fn sealed_until(service: &Service, index: &Index<'_>, later: &[Name]) -> Option<String> {
    let quorum = service.boot_quorum.as_ref()?;
    let comes_later = |holder: &&str| {
        let host = index.services.get(holder).map(|(_, other)| other.host.get_ref());
        host.is_some_and(|host| later.iter().any(|machine| machine.text == *host))
    };
    let (off, up): (Vec<&str>, Vec<&str>) =
        quorum.of.iter().map(|holder| holder.get_ref().as_str()).partition(comes_later);
    let missing = quorum.at_least.get_ref().checked_sub(up.len()).filter(|missing| *missing > 0)?;
    Some(format!("it waits for {missing} more of {}, which are switched on after it", off.join(", ")))
}
