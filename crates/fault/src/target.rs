//! What a world has that can be broken, by name and by label.

use blackstart_rt::{Map, Set};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// A sort of things that faults are done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// A link, by its two ends.
    Link,
    /// A host or a router.
    Machine,
    /// A service, by name; routers' own are `bgp@ROUTER`, `igp@ROUTER`, `management@ROUTER`.
    Service,
    /// A prefix at the machine that brings it into routing.
    Origin,
    /// A prefix at a router that others bring into routing.
    Foreign,
    /// A BGP session with another AS, from one of its ends.
    Session,
    /// A link of interior routing, from one of its ends.
    Adjacency,
    /// A name at an authority.
    Name,
    /// An account whose secret people have.
    Account,
    /// An account at a sign-in service.
    Grant,
    /// A port of a machine.
    Port,
    /// A port of a router that has a console on site.
    Console,
    /// A person.
    Person,
    /// A badge at an access server.
    Badge,
    /// An item that somebody holds.
    Item,
    /// A service that answers somebody, or shows something.
    Answering,
    /// A machine and a service that it asks.
    Asked,
}

impl On {
    /// The fields of a kind that say what it is done to.
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Link => &["ends"],
            Self::Machine => &["machine"],
            Self::Service => &["service"],
            Self::Origin => &["router", "prefix"],
            Self::Foreign => &["router", "prefix"],
            Self::Session => &["router", "neighbour"],
            Self::Adjacency => &["router", "neighbour"],
            Self::Name => &["service", "name"],
            Self::Account => &["account"],
            Self::Grant => &["service", "account"],
            Self::Port => &["router", "port"],
            Self::Console => &["router", "port"],
            Self::Person => &["person"],
            Self::Badge => &["service", "badge"],
            Self::Item => &["item"],
            Self::Answering => &["service"],
            Self::Asked => &["machine", "service"],
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "link",
            Self::Machine => "machine",
            Self::Service => "service",
            Self::Origin => "prefix at a router",
            Self::Foreign => "foreign prefix at a router",
            Self::Session => "session",
            Self::Adjacency => "interior link",
            Self::Name => "name at an authority",
            Self::Account => "account",
            Self::Grant => "account at a sign-in service",
            Self::Port => "port",
            Self::Console => "port of a router with a console",
            Self::Person => "person",
            Self::Badge => "badge at an access server",
            Self::Item => "item",
            Self::Answering => "answering service",
            Self::Asked => "machine and a service",
        })
    }
}

/// One thing that faults are done to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Thing {
    /// Its sort.
    pub on: On,
    /// The names that say which: two of a link, a router and a prefix, else one.
    pub names: Vec<String>,
}

impl Thing {
    /// The thing of this sort with these names.
    #[must_use]
    pub fn new(on: On, names: &[&str]) -> Self {
        Self { on, names: names.iter().map(|&name| name.to_owned()).collect() }
    }

    /// The same link, named from its other end.
    #[must_use]
    pub fn turned(&self) -> Self {
        Self { on: self.on, names: self.names.iter().rev().cloned().collect() }
    }

    pub(crate) fn fields(&self) -> serde_json::Map<String, Value> {
        match self.on {
            On::Link => serde_json::Map::from_iter([("ends".to_owned(), Value::from(self.names.clone()))]),
            on => {
                let values = self.names.iter().map(|name| Value::from(name.as_str()));
                on.fields().iter().map(|&field| field.to_owned()).zip(values).collect()
            }
        }
    }

    pub(crate) fn of_fields(on: On, fields: &serde_json::Map<String, Value>) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let names = on.fields().iter().filter_map(|field| fields.get(*field)).flat_map(|value| match value {
            Value::Array(values) => values.iter().filter_map(text).collect::<Vec<_>>(),
            value => text(value).into_iter().collect(),
        });
        Self { on, names: names.collect() }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(" - "))
    }
}

/// What a world has: things by sort, and words that stand for several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    things: Set<Thing>,
    labels: Map<String, Set<Thing>>,
    /// Words that stand for labels: kinds of sites.
    groups: Map<String, Set<String>>,
    /// Service -> machine.
    hosts: Map<String, String>,
}

impl Targets {
    /// The same without these machines, by name or label, and without what stands on them or leads to them.
    #[must_use]
    pub fn without<'a>(mut self, spared: impl IntoIterator<Item = &'a str>) -> Self {
        let machines: Set<String> = spared.into_iter().flat_map(|word| self.machines_of(word)).collect();
        let services: Set<String> =
            machines.iter().flat_map(|machine| self.services_on(machine)).map(str::to_owned).collect();
        let is_gone = |name: &String| machines.contains(name) || services.contains(name);
        self.things.retain(|thing| !thing.names.iter().any(is_gone));
        for things in self.labels.values_mut() {
            things.retain(|thing| !thing.names.iter().any(is_gone));
        }
        self
    }

    /// The machines that a word stands for; none when nobody knows it.
    #[must_use]
    pub fn machines_of(&self, word: &str) -> Vec<String> {
        let labelled = self.labelled(word).chain(self.of(On::Machine).filter(|thing| thing.names == [word]));
        let machines = labelled.filter(|thing| thing.on == On::Machine);
        machines.flat_map(|thing| thing.names.iter().cloned()).collect()
    }

    /// Notes a thing.
    pub fn add(&mut self, thing: Thing) {
        self.things.insert(thing);
    }

    /// Notes that a word stands for a thing, among others.
    pub fn label(&mut self, label: &str, thing: Thing) {
        self.labels.entry(label.to_owned()).or_default().insert(thing);
    }

    /// Notes that a word stands for another word, among others.
    pub fn group(&mut self, group: &str, label: &str) {
        self.groups.entry(group.to_owned()).or_default().insert(label.to_owned());
    }

    /// Notes where a service runs.
    pub fn runs_on(&mut self, service: &str, machine: &str) {
        self.hosts.insert(service.to_owned(), machine.to_owned());
    }

    pub(crate) fn host_of(&self, service: &str) -> Option<&str> {
        self.hosts.get(service).map(String::as_str)
    }

    pub(crate) fn services_on(&self, machine: &str) -> impl Iterator<Item = &str> {
        self.hosts.iter().filter(move |(_, host)| *host == machine).map(|(service, _)| service.as_str())
    }

    /// What a word stands for, each by its own name: the sites of a kind, or the things of a label.
    #[must_use]
    pub fn members(&self, word: &str) -> Vec<String> {
        match self.groups.get(word) {
            Some(labels) => labels.iter().cloned().collect(),
            None => {
                let names: Set<String> = self.labelled(word).map(ToString::to_string).collect();
                names.into_iter().collect()
            }
        }
    }

    /// Everything, sort by sort.
    pub fn all(&self) -> impl Iterator<Item = &Thing> {
        self.things.iter()
    }

    /// Whether there is such a thing. A link may be named from either end, and a router may be told of any prefix.
    #[must_use]
    pub fn has(&self, thing: &Thing) -> bool {
        let known = |place| self.of(thing.on).any(|other| other.names.get(place) == thing.names.get(place));
        match thing.on {
            _ if self.things.contains(thing) => true,
            On::Link => self.things.contains(&thing.turned()),
            On::Foreign => {
                known(0) && thing.names.get(1).is_some_and(|prefix| prefix.parse::<IpNet>().is_ok())
            }
            _ => false,
        }
    }

    /// Everything of a sort, by name.
    pub fn of(&self, on: On) -> impl Iterator<Item = &Thing> {
        self.things.iter().filter(move |thing| thing.on == on)
    }

    /// What a word stands for, by name; nothing when nobody knows it.
    pub fn labelled(&self, label: &str) -> impl Iterator<Item = &Thing> {
        self.labels.get(label).into_iter().flatten()
    }

    /// Every word that stands for several things.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.keys().chain(self.groups.keys()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spared_goes_with_its_links_and_services() {
        let mut all = Targets::default();
        let things = [
            Thing::new(On::Machine, &["web"]),
            Thing::new(On::Machine, &["probe"]),
            Thing::new(On::Link, &["web", "edge"]),
            Thing::new(On::Link, &["edge", "probe"]),
            Thing::new(On::Service, &["watch"]),
            Thing::new(On::Service, &["shop"]),
        ];
        things.into_iter().for_each(|thing| all.add(thing));
        all.runs_on("watch", "probe");
        all.runs_on("shop", "web");
        all.label("outside", Thing::new(On::Machine, &["probe"]));
        for word in ["probe", "outside"] {
            let left = all.clone().without([word]);
            let names: Vec<String> = left.all().map(ToString::to_string).collect();
            assert_eq!(names, ["web - edge", "web", "shop"], "{word}");
            assert_eq!(left.labelled("outside").count(), 0);
        }
        assert_eq!(all.clone().without(["nobody"]), all);
    }
}
