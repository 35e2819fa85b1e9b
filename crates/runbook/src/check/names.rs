//! Every word of the runbook exists in the scenario.

use blackstart_rt::Set;
use blackstart_source::Diagnostic;

use super::Judge;
use crate::step::{
    Action, Address, Body, Condition, Configure, Name, Otherwise, Quorum, Test, Then, Wait, Who,
};

impl Judge<'_> {
    pub(super) fn names(&mut self) {
        self.header_names();
        for who in self.actors_named() {
            self.who_names(who);
        }
        for (_, body) in self.checked() {
            self.action_names(&body.action);
            body.undo.iter().for_each(|undo| self.action_names(undo));
            body.waits().for_each(|wait| self.wait_names(wait));
            if let Some(Then::Step(step)) = &body.then {
                self.step_name(step, &["end"]);
            }
        }
        self.saved_before_use();
    }

    fn known<'c>(&mut self, kind: &str, name: &Name, there: impl IntoIterator<Item = &'c String>) {
        let there: Vec<&str> = there.into_iter().map(String::as_str).collect();
        if !there.contains(&name.text.as_str()) {
            self.unknown(kind, name, there);
        }
    }

    fn unknown<'c>(&mut self, kind: &str, name: &Name, there: impl IntoIterator<Item = &'c str>) {
        if self.has_room() {
            let unknown = Diagnostic::unknown(&self.runbook.file, name.span.clone(), kind, &name.text, there);
            let unknown = match self.known_otherwise(kind, &name.text) {
                Some(what) => unknown.helped(what),
                None => unknown,
            };
            self.findings.errors.push(unknown);
        }
    }

    /// What a word stands for that is no role or site, where something else has that name.
    fn known_otherwise(&self, kind: &str, word: &str) -> Option<String> {
        match kind {
            "role" => {
                let roles = &self.vocabulary.persons.get(word)?.roles;
                let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
                Some(format!("`{word}` is a person, who is {}", roles.join(", ")))
            }
            "site" => {
                let site = self.vocabulary.places.get(word)?.as_ref()?;
                Some(format!("`{word}` is a place of the site `{site}`"))
            }
            _ => None,
        }
    }

    fn header_names(&mut self) {
        let (runbook, vocabulary) = (self.runbook, self.vocabulary);
        for service in &runbook.restores {
            self.known("service", service, &vocabulary.services);
        }
        runbook.use_when.iter().for_each(|seen| self.seen_names(seen));
        runbook.escalate_to.iter().for_each(|role| self.known("role", role, &vocabulary.roles));
        for copy in &runbook.copies {
            match copy.paper() {
                Some(place) => {
                    self.known("place", &place, vocabulary.places.keys().chain(&vocabulary.sites));
                }
                None => self.known("service", copy, &vocabulary.services),
            }
        }
    }

    fn who_names(&mut self, who: &Who) {
        let vocabulary = self.vocabulary;
        match who {
            Who::Role(role) => self.known("role", role, &vocabulary.roles),
            Who::Approvers { roles, .. } => {
                roles.iter().for_each(|role| self.known("role", role, &vocabulary.roles));
            }
            Who::Team { skills, .. } => {
                skills.iter().for_each(|skill| self.known("skill", skill, &vocabulary.skills));
            }
        }
    }

    fn action_names(&mut self, action: &Action) {
        let vocabulary = self.vocabulary;
        match action {
            Action::Observe { signals } => signals.iter().for_each(|signal| self.signal_name(signal, None)),
            Action::Convene { bridge, by, roles } => {
                self.known("bridge", bridge, &vocabulary.bridges);
                self.known("item", by, &vocabulary.items);
                roles.iter().for_each(|role| self.known("role", role, &vocabulary.roles));
            }
            Action::Decide { record, site, .. } => {
                self.known("item or service", record, vocabulary.items.iter().chain(&vocabulary.services));
                self.known("site", site, &vocabulary.sites);
            }
            Action::Travel { to, carry, alert } => {
                self.known("site", to, &vocabulary.sites);
                carry.iter().for_each(|item| self.known("item", item, &vocabulary.items));
                alert.iter().for_each(|role| self.known("role", role, &vocabulary.roles));
            }
            Action::Enter { door, ways } => self.door_names(door, ways),
            Action::Login { on, with, second_factor, .. } => {
                self.known("group of routers", on, vocabulary.router_groups.keys());
                self.known("account", with, &vocabulary.accounts);
                second_factor.iter().for_each(|item| self.known("item", item, &vocabulary.items));
            }
            Action::Compare { save } => {
                save.iter().for_each(|item| self.known("item", item, &vocabulary.items));
            }
            Action::Apply { on, first, from, isolate, .. } => {
                self.link_names(on, *first);
                from.iter().for_each(|item| self.known("item", item, &vocabulary.items));
                isolate.iter().for_each(|one| self.known("controller", one, &vocabulary.controllers));
            }
            Action::Admit { .. } => {}
            Action::Isolate { service } => self.known("controller", service, &vocabulary.controllers),
            Action::Fetch { item } => self.known("item", item, &vocabulary.items),
            Action::SignIn { account } => self.known("account", account, &vocabulary.accounts),
            Action::Open { document } => self.document_name(document),
            Action::PowerCycle { machine } => self.known("machine", machine, &vocabulary.machines),
            Action::Restart { service } => self.known("service", service, &vocabulary.needs),
            Action::Call { roles } => {
                roles.iter().for_each(|role| self.known("role", role, &vocabulary.roles));
            }
            Action::HandOver { role, to } => {
                [role, to].into_iter().for_each(|role| self.known("role", role, &vocabulary.roles));
            }
            Action::Chat { on, to, with, .. } => {
                self.known("chat service", on, &vocabulary.chats);
                self.known("role", to, &vocabulary.roles);
                with.iter().for_each(|account| self.known("account", account, &vocabulary.accounts));
            }
            Action::Page { roles, on, with, .. } => {
                self.known("chat service", on, &vocabulary.chats);
                roles.iter().for_each(|role| self.known("role", role, &vocabulary.roles));
                with.iter().for_each(|account| self.known("account", account, &vocabulary.accounts));
            }
            Action::Escort { door, by } => {
                self.known("door", door, vocabulary.doors.keys());
                self.known("role", by, &vocabulary.roles);
            }
            Action::Ssh { on, through, with } => {
                self.known("group of routers", on, vocabulary.router_groups.keys());
                self.known("jump host", through, &vocabulary.jump_hosts);
                self.known("account", with, &vocabulary.accounts);
            }
            Action::Originate { prefix, on, .. } => self.originated(prefix, on),
            Action::FailOver { prefix, from, to } => {
                [from, to].into_iter().for_each(|router| self.originated(prefix, router));
            }
            Action::Configure { order, on, with } => {
                self.known("account", with, &vocabulary.accounts);
                self.known("configuration store", on, vocabulary.stores.keys());
                if let (Configure::Push(change), Some(changes)) = (order, vocabulary.stores.get(&on.text)) {
                    self.known(&format!("change of `{}`", on.text), change, changes);
                }
            }
            Action::TakeOver { service, to } => self.stands_by(service, to),
            Action::Repoint { name, on, from, .. } => self.pointed(name, on, from),
            Action::Vpn { on, with } => {
                self.known("VPN gateway", on, &vocabulary.vpns);
                self.known("account", with, &vocabulary.accounts);
            }
            Action::Reset { machines, .. } => {
                let places = vocabulary.sites.iter().chain(&vocabulary.racks);
                let there: Vec<&String> = places.chain(&vocabulary.machines).collect();
                let kind = "site, rack or machine";
                machines.iter().for_each(|one| self.known(kind, one, there.iter().copied()));
            }
            Action::Post { on, .. } => self.known("service", on, &vocabulary.services),
        }
    }

    /// A router that may originate the prefix.
    fn originated(&mut self, prefix: &Name, router: &Name) {
        let originates = &self.vocabulary.originates;
        match originates.get(&router.text) {
            None => self.known("router that originates prefixes", router, originates.keys()),
            Some(prefixes) => self.known(&format!("prefix of `{}`", router.text), prefix, prefixes),
        }
    }

    /// A service that stands by for the other.
    fn stands_by(&mut self, service: &Name, to: &Name) {
        let standbys = &self.vocabulary.standbys;
        match standbys.get(&to.text) {
            None => self.known("standby", to, standbys.keys()),
            Some(of) => self.known(&format!("service that `{}` stands by for", to.text), service, [of]),
        }
    }

    /// A name server that has this name, with this address unless an earlier step gave it that.
    fn pointed(&mut self, name: &Name, on: &Name, from: &Address) {
        let named = &self.vocabulary.named;
        let Some(names) = named.get(&on.text) else { return self.known("name server", on, named.keys()) };
        let Some(has) = names.get(&name.text) else {
            return self.known(&format!("name on `{}`", on.text), name, names.keys());
        };
        let gives = |action: &Action| matches!(action, Action::Repoint { name: other, to, .. } if other.text == name.text && to.ip == from.ip);
        let given = self.checked().any(|(_, body)| gives(&body.action));
        if !given {
            let written = Name { text: from.ip.to_string(), span: from.span.clone() };
            self.known(&format!("address of `{}`", name.text), &written, has);
        }
    }

    fn document_name(&mut self, document: &Name) {
        let vocabulary = self.vocabulary;
        match document.paper() {
            Some(place) => self.known("place", &place, vocabulary.places.keys()),
            None => self.known("document", document, &vocabulary.documents),
        }
    }

    fn door_names(&mut self, door: &Name, ways: &[Name]) {
        let vocabulary = self.vocabulary;
        match vocabulary.doors.get(&door.text) {
            None => self.known("door", door, vocabulary.doors.keys()),
            Some(there) => {
                let kind = format!("way through the door `{}`", door.text);
                ways.iter().for_each(|way| self.known(&kind, way, &there.ways));
            }
        }
    }

    fn link_names(&mut self, group: &Name, first: usize) {
        let vocabulary = self.vocabulary;
        match vocabulary.link_groups.get(&group.text) {
            None => self.known("group of links", group, vocabulary.link_groups.keys()),
            Some(&links) if first > links => {
                let message = format!("`first` is {first}, but `{}` has {links} links", group.text);
                self.error(&group.span, message, format!("`first` from 1 to {links}"));
            }
            Some(_) => {}
        }
    }

    fn seen_names(&mut self, seen: &Condition) {
        self.signal_name(&seen.signal, seen.quorum.as_ref());
        seen.quorum.iter().for_each(|quorum| self.quorum_names(quorum));
        let count = match &seen.test {
            Test::Is(value) => {
                self.value_name(&seen.signal, value);
                value.parse().ok()
            }
            Test::AtLeast(count) => Some(*count),
        };
        if let Some(count) = count {
            self.count_fits(&seen.signal, count);
        }
    }

    /// On a bridge there are no more roles than somebody has.
    fn count_fits(&mut self, signal: &Name, count: f64) {
        let roles = self.vocabulary.roles.len();
        if stem(&signal.text) == "roles-present" && count > roles as f64 {
            let message = format!("`{}` counts roles, of which there are {roles}", signal.text);
            self.error(&signal.span, message, format!("a number up to {roles}"));
        }
    }

    fn wait_names(&mut self, wait: &Wait) {
        self.seen_names(&wait.seen);
        if let Otherwise::Step(step) = &wait.otherwise {
            self.step_name(step, Otherwise::ORDERS);
        }
    }

    /// A step that the runbook has; `orders` are what else may stand there.
    fn step_name(&mut self, step: &Name, orders: &[&'static str]) {
        let steps = self.runbook.steps.iter().map(|step| step.id.as_str());
        if !steps.clone().any(|known| known == step.text) {
            self.unknown("step", step, steps.chain(orders.iter().copied()));
        }
    }

    /// A signal as it is written must exist; one that others are asked about needs a stem that exists.
    fn signal_name(&mut self, signal: &Name, quorum: Option<&Quorum>) {
        let signals = &self.vocabulary.signals;
        if signals.contains_key(&signal.text) {
            return;
        }
        let seen_at: Vec<&str> =
            signals.keys().map(String::as_str).filter(|known| stem(known) == stem(&signal.text)).collect();
        match (seen_at.is_empty(), quorum) {
            (true, None) => self.unknown("signal", signal, signals.keys().map(String::as_str)),
            (true, Some(_)) => {
                let stems: Set<&str> = signals.keys().map(|known| stem(known)).collect();
                self.unknown("signal", signal, stems);
            }
            (false, None) => self.unknown("signal", signal, seen_at),
            (false, Some(_)) => {}
        }
    }

    fn value_name(&mut self, signal: &Name, value: &str) {
        let Some(values) = self.vocabulary.values.get(stem(&signal.text)) else { return };
        if !values.contains(value) {
            let name = Name { text: value.to_owned(), span: signal.span.clone() };
            let kind = format!("value of `{}`", signal.text);
            // Hundreds of statuses would say less than a few words.
            let words = values.iter().filter(|value| value.parse::<u16>().is_err());
            self.unknown(&kind, &name, words.map(String::as_str));
        }
    }

    fn quorum_names(&mut self, quorum: &Quorum) {
        let groups = &self.vocabulary.vantage_groups;
        match groups.get(&quorum.group.text) {
            None => self.known("group of vantage points", &quorum.group, groups.keys()),
            Some(&points) if points != quorum.of => {
                let message =
                    format!("there are {points} `{}` vantage points, not {}", quorum.group.text, quorum.of);
                let count = quorum.count.min(points);
                let expected = format!("`{count} of {points} {} vantage points`", quorum.group.text);
                self.error(&quorum.group.span, message, expected);
            }
            Some(_) => {}
        }
    }

    /// What is brought back `from` an item must have been saved on it.
    fn saved_before_use(&mut self) {
        let mut saved: Vec<&str> = Vec::new();
        for (_, body) in self.checked() {
            if let Action::Compare { save: Some(item) } = &body.action {
                saved.push(&item.text);
            }
            for item in [Some(&body.action), body.undo.as_ref()].into_iter().flatten().filter_map(source_item)
            {
                if !saved.contains(&item.text.as_str()) {
                    let expected = "a `compare` with `save` in an earlier step";
                    self.error(&item.span, format!("nothing is saved on `{}` by then", item.text), expected);
                }
            }
        }
    }
}

fn source_item(action: &Action) -> Option<&Name> {
    match action {
        Action::Apply { from, .. } => from.as_ref(),
        _ => None,
    }
}

/// A signal without the vantage that it is seen from.
pub(super) fn stem(signal: &str) -> &str {
    signal.split_once('@').map_or(signal, |(stem, _)| stem)
}

impl Body {
    /// `after` and `until`, those that there are.
    pub(super) fn waits(&self) -> impl Iterator<Item = &Wait> {
        self.after.iter().chain(&self.until)
    }
}
