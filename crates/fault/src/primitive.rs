//! The table of primitives: what each is done to, its parameters with units and limits, and what is milder.
//!
//! Checking, weakening and listing what may be broken all go by this table, so that a limit is stated once.

use crate::kind::Kind;
use crate::target::{On, Targets, Thing};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// What kinds belong together: a run may have all of a family, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Light on links.
    Link,
    /// Packets on links.
    Packet,
    /// Machines as a whole.
    Host,
    /// Programs.
    Process,
    /// Disks.
    Disk,
    /// Clocks.
    Clock,
    /// Electricity.
    Power,
    /// Routes.
    Route,
    /// Names.
    Name,
    /// Accounts and secrets.
    Credential,
    /// What routers are told.
    Configuration,
    /// People.
    Person,
    /// Badges and keys.
    Door,
    /// How services answer.
    Dependency,
    /// Requests.
    Load,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}");
        f.write_str(&name.to_lowercase())
    }
}

/// One row of the table.
#[derive(Debug, PartialEq)]
pub struct Primitive {
    /// Its name in files.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// What it is done to.
    pub on: On,
    /// What happens, and what undoes it.
    pub says: &'static str,
    /// Its numbers.
    pub parameters: &'static [Parameter],
}

/// A number that says how bad it is.
#[derive(Debug, PartialEq)]
pub struct Parameter {
    /// Its name in files; ends with the unit.
    pub name: &'static str,
    /// Its unit in words.
    pub unit: &'static str,
    /// The least that it may be.
    pub least: f64,
    /// The most that it may be.
    pub most: f64,
    /// What it is when nothing is said.
    pub usual: f64,
    /// What is milder.
    pub milder: Milder,
}

/// In which direction a number gets milder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milder {
    /// Half of it, or nothing of what may be nothing.
    Less,
    /// Twice as much.
    More,
    /// It says nothing about how bad it is.
    Neither,
}

const fn parameter(
    name: &'static str,
    unit: &'static str,
    [least, usual, most]: [f64; 3],
    milder: Milder,
) -> Parameter {
    Parameter { name, unit, least, most, usual, milder }
}

const fn share(usual: f64) -> Parameter {
    parameter("share", "share of packets", [0.01, usual, 1.0], Milder::Less)
}

const fn share_of(name: &'static str, unit: &'static str) -> Parameter {
    parameter(name, unit, [0.0, 1.0, 1.0], Milder::Less)
}

const fn row(
    name: &'static str,
    family: Family,
    on: On,
    says: &'static str,
    parameters: &'static [Parameter],
) -> Primitive {
    Primitive { name, family, on, says, parameters }
}

/// Every primitive, in the order of [`Kind`].
pub const PRIMITIVES: &[Primitive] = &[
    row("link-down", Family::Link, On::Link, "carries nothing, either way; both ends see it", &[]),
    row("link-one-way", Family::Link, On::Link, "carries nothing from its first end; both see light", &[]),
    row(
        "link-flap",
        Family::Link,
        On::Link,
        "goes down and comes up, over and over",
        &[
            parameter("period-s", "seconds", [2.0, 20.0, 86_400.0], Milder::More),
            parameter("down-s", "seconds", [1.0, 5.0, 43_200.0], Milder::Less),
        ],
    ),
    row("link-loss", Family::Packet, On::Link, "loses packets, each by itself", &[share(0.3)]),
    row(
        "link-bursts",
        Family::Packet,
        On::Link,
        "loses packets in bursts (Gilbert and Elliott)",
        &[
            parameter("share", "share of packets", [0.01, 0.2, 0.9], Milder::Less),
            parameter("burst-packets", "packets", [2.0, 20.0, 10_000.0], Milder::Less),
        ],
    ),
    row(
        "link-delay",
        Family::Packet,
        On::Link,
        "packets take longer, in order",
        &[
            parameter("delay-ms", "milliseconds", [1.0, 200.0, 600_000.0], Milder::Less),
            parameter("jitter-ms", "milliseconds", [0.0, 0.0, 600_000.0], Milder::Less),
        ],
    ),
    row(
        "link-reordering",
        Family::Packet,
        On::Link,
        "packets overtake each other",
        &[parameter("jitter-ms", "milliseconds", [1.0, 20.0, 600_000.0], Milder::Less)],
    ),
    row("link-duplication", Family::Packet, On::Link, "packets arrive twice", &[share(0.1)]),
    row("link-corruption", Family::Packet, On::Link, "a bit of a packet flips", &[share(0.1)]),
    row(
        "link-narrow",
        Family::Packet,
        On::Link,
        "carries no more than this, and queues 64,000 bytes",
        &[parameter("kbit-per-s", "kbit/s", [1.0, 64.0, 100_000_000.0], Milder::More)],
    ),
    row(
        "link-mtu",
        Family::Packet,
        On::Link,
        "swallows larger packets without a word",
        &[parameter("mtu-bytes", "bytes", [68.0, 300.0, 1499.0], Milder::More)],
    ),
    row("pause", Family::Host, On::Machine, "stands still, with light on its links; then goes on", &[]),
    row(
        "slow-cpu",
        Family::Host,
        On::Machine,
        "each step of a program takes so much of its one CPU",
        &[parameter("step-us", "microseconds", [1.0, 10_000.0, 10_000_000.0], Milder::Less)],
    ),
    row("power-off", Family::Power, On::Machine, "loses power; then boots", &[]),
    row("kill-service", Family::Process, On::Service, "dies; then is started", &[]),
    row(
        "crash-loop",
        Family::Process,
        On::Service,
        "dies and is started at once, over and over",
        &[parameter("every-s", "seconds", [1.0, 10.0, 86_400.0], Milder::More)],
    ),
    row(
        "disk-errors",
        Family::Disk,
        On::Machine,
        "a share of operations fails with EIO",
        &[
            share_of("reads-share", "share of reads"),
            share_of("writes-share", "share of writes"),
            share_of("fsyncs-share", "share of fsyncs"),
        ],
    ),
    row(
        "disk-full",
        Family::Disk,
        On::Machine,
        "no more fits on the disk",
        &[parameter("capacity-bytes", "bytes", [0.0, 0.0, 1e12], Milder::More)],
    ),
    row("torn-writes", Family::Disk, On::Machine, "a loss of power leaves a part of each write", &[]),
    row(
        "bit-rot",
        Family::Disk,
        On::Machine,
        "bits flip; nothing undoes it",
        &[parameter("bits", "bits", [1.0, 8.0, 10_000.0], Milder::Less)],
    ),
    row(
        "clock-offset",
        Family::Clock,
        On::Machine,
        "the clock jumps; then jumps back",
        &[parameter("offset-s", "seconds", [-1e8, 3600.0, 1e8], Milder::Less)],
    ),
    row(
        "clock-drift",
        Family::Clock,
        On::Machine,
        "the clock gains; what it gained stays",
        &[parameter("ppm", "microseconds a second", [-100_000.0, 500.0, 100_000.0], Milder::Less)],
    ),
    row("black-hole", Family::Route, On::Foreign, "its forwarding table discards the prefix", &[]),
    row("announce", Family::Route, On::Foreign, "announces the prefix; then withdraws it", &[]),
    row("withdraw", Family::Route, On::Origin, "withdraws the prefix; then announces it", &[]),
    row("wrong-as", Family::Route, On::Session, "is refused for its AS number", &[]),
    row(
        "link-cost",
        Family::Route,
        On::Adjacency,
        "interior routing costs it wrongly",
        &[parameter("metric", "cost", [1.0, 65_535.0, 16_777_215.0], Milder::Neither)],
    ),
    row("name-gone", Family::Name, On::Name, "is missing at one authority", &[]),
    row("name-wrong", Family::Name, On::Name, "has a wrong address at one authority", &[]),
    row("stale-secret", Family::Credential, On::Account, "people have the secret from before", &[]),
    row("account-gone", Family::Credential, On::Grant, "a sign-in service does not know it", &[]),
    row("port-shut", Family::Configuration, On::Port, "is off, whatever the configuration says", &[]),
    row("wrong-command", Family::Configuration, On::Console, "somebody shuts it; then opens it", &[]),
    row("saved-shut", Family::Configuration, On::Console, "is saved as shut: shows at the next boot", &[]),
    row("person-away", Family::Person, On::Person, "answers no phone, is on no bridge", &[]),
    row(
        "person-slow",
        Family::Person,
        On::Person,
        "takes longer for everything",
        &[parameter("factor", "times", [1.1, 4.0, 100.0], Milder::Less)],
    ),
    row("person-skips", Family::Person, On::Person, "leaves steps out and believes them done", &[]),
    row("person-misreads", Family::Person, On::Person, "sees it fixed before it is", &[]),
    row("person-wrong-host", Family::Person, On::Person, "types at the router beside it", &[]),
    row("badge-revoked", Family::Door, On::Badge, "the access server does not know it", &[]),
    row("item-lost", Family::Door, On::Item, "nobody finds it; then turns up", &[]),
    row(
        "service-slow",
        Family::Dependency,
        On::Answering,
        "answers later",
        &[parameter("delay-ms", "milliseconds", [1.0, 2000.0, 600_000.0], Milder::Less)],
    ),
    row(
        "service-errors",
        Family::Dependency,
        On::Answering,
        "a share of its answers are errors",
        &[parameter("share", "share of answers", [0.01, 0.5, 1.0], Milder::Less)],
    ),
    row("service-denies", Family::Dependency, On::Answering, "says no to everything", &[]),
    row("service-lies", Family::Dependency, On::Answering, "answers what is not so", &[]),
    row("service-silent", Family::Dependency, On::Answering, "takes requests and never answers", &[]),
    row("service-stale", Family::Dependency, On::Answering, "goes on with what was", &[]),
    row(
        "load",
        Family::Load,
        On::Asked,
        "asks the service far too often",
        &[parameter("per-s", "requests a second", [1.0, 20.0, 1000.0], Milder::Less)],
    ),
];

/// Why a kind cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mistake {
    /// It is done to something that the world does not have.
    #[error("there is no {on} `{name}`")]
    Unknown {
        /// What it should be.
        on: On,
        /// What was said.
        name: String,
    },
    /// A number is out of its limits.
    #[error("`{parameter}` is {value}, and may be {least} to {most} {unit}")]
    Beyond {
        /// The parameter.
        parameter: &'static str,
        /// What was said.
        value: f64,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
        /// The unit.
        unit: &'static str,
    },
    /// A number is none of the kind's.
    #[error("`{kind}` has no `{number}`")]
    Number {
        /// The kind or primitive.
        kind: String,
        /// What was said.
        number: String,
        /// Its numbers.
        known: Vec<&'static str>,
    },
    /// It does not fit together.
    #[error("{0}")]
    Nonsense(String),
}

impl Primitive {
    /// The primitive of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Primitive> {
        PRIMITIVES.iter().find(|primitive| primitive.name == name)
    }

    pub(crate) fn of(kind: &Kind) -> &'static Primitive {
        let (name, _) = taken_apart(kind);
        Self::named(&name).expect("every kind has its row; a test says so")
    }

    /// The kind that does this to a thing, with the numbers that are given, and the usual ones for the rest.
    ///
    /// # Errors
    /// When the thing is of another sort, or a number is no parameter, or beyond its limits.
    pub fn done_to(&self, thing: &Thing, numbers: &[(&str, f64)]) -> Result<Kind, Mistake> {
        if thing.on != self.on {
            let text = format!("`{}` is done to a {}, `{thing}` is a {}", self.name, self.on, thing.on);
            return Err(Mistake::Nonsense(text));
        }
        let mut fields = thing.fields();
        for parameter in self.parameters {
            let given = numbers.iter().find(|(name, _)| *name == parameter.name);
            let value = given.map_or(parameter.usual, |(_, value)| *value);
            fields.insert(parameter.name.to_owned(), parameter.number(value)?);
        }
        let known = |name: &str| self.parameters.iter().any(|parameter| parameter.name == name);
        if let Some((name, _)) = numbers.iter().find(|(name, _)| !known(name)) {
            let known = self.parameters.iter().map(|parameter| parameter.name).collect();
            return Err(Mistake::Number { kind: self.name.to_owned(), number: (*name).to_owned(), known });
        }
        put_together(self.name, fields)
    }
}

impl Parameter {
    /// The number in the shape of its field, if it is within the limits.
    fn number(&self, value: f64) -> Result<Value, Mistake> {
        let Self { name: parameter, least, most, unit, .. } = *self;
        if !(least..=most).contains(&value) {
            return Err(Mistake::Beyond { parameter, value, least, most, unit });
        }
        Ok(if self.is_fraction() { Value::from(value) } else { Value::from(value.round() as i64) })
    }

    fn is_fraction(&self) -> bool {
        self.name.ends_with("share") || ["ppm", "factor"].contains(&self.name)
    }

    /// A milder value; `None` at the floor.
    fn milder(&self, value: f64) -> Option<f64> {
        let next = match self.milder {
            Milder::Neither => return None,
            Milder::More => value.max(1.0) * 2.0,
            Milder::Less => value / 2.0,
        };
        let next = if self.is_fraction() { next } else { next.trunc() };
        let gone = next.abs() < if self.is_fraction() { 0.01 } else { 1.0 };
        let next = if gone { 0.0 } else { next };
        let real = self.least > 0.0 || self.most < 0.0 || next != 0.0 || self.least == 0.0;
        ((self.least..=self.most).contains(&next) && next != value && real).then_some(next)
    }
}

impl Kind {
    /// Whether this can be done to this world, and its numbers are within their limits.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, targets: &Targets) -> Result<(), Mistake> {
        let primitive = self.primitive();
        let (_, fields) = taken_apart(self);
        let thing = self.target();
        if !targets.has(&thing) {
            return Err(Mistake::Unknown { on: thing.on, name: thing.to_string() });
        }
        for parameter in primitive.parameters {
            let value = fields.get(parameter.name).and_then(Value::as_f64).unwrap_or(f64::NAN);
            parameter.number(value)?;
        }
        match self {
            Self::LinkFlap { period_s, down_s, .. } if down_s >= period_s => {
                Err(Mistake::Nonsense(format!("down for {down_s} s every {period_s} s is never up")))
            }
            _ => Ok(()),
        }
    }

    /// What it is done to.
    #[must_use]
    pub fn target(&self) -> Thing {
        let (_, fields) = taken_apart(self);
        Thing::of_fields(self.primitive().on, &fields)
    }

    /// Its numbers, by their names in files.
    #[must_use]
    pub fn numbers(&self) -> Vec<(&'static str, f64)> {
        let (_, fields) = taken_apart(self);
        let value = |parameter: &Parameter| Some((parameter.name, fields.get(parameter.name)?.as_f64()?));
        self.primitive().parameters.iter().filter_map(value).collect()
    }

    /// The same, milder: half the loss, half the delay, twice the bandwidth. `None` at the floor, and where there is no more
    /// and less.
    #[must_use]
    pub fn weaker(&self) -> Option<Self> {
        let (name, mut fields) = taken_apart(self);
        let mut milder = false;
        for parameter in self.primitive().parameters {
            let value = fields.get(parameter.name)?.as_f64()?;
            if let Some(next) = parameter.milder(value) {
                fields.insert(parameter.name.to_owned(), parameter.number(next).ok()?);
                milder = true;
            }
        }
        milder.then(|| put_together(&name, fields).ok()).flatten()
    }
}

impl Targets {
    /// Every primitive on everything that it can be done to, with its usual numbers: what may be broken in this world.
    #[must_use]
    pub fn breakable(&self) -> Vec<Kind> {
        let all = |primitive: &'static Primitive| {
            let turned =
                self.of(primitive.on).filter(|_| primitive.name == "link-one-way").map(Thing::turned);
            let things = self.of(primitive.on).cloned().chain(turned);
            things.filter_map(move |thing| primitive.done_to(&thing, &[]).ok())
        };
        PRIMITIVES.iter().flat_map(all).collect()
    }
}

/// A kind's name and fields.
fn taken_apart(kind: &Kind) -> (String, Map<String, Value>) {
    match serde_json::to_value(kind) {
        Ok(Value::Object(outer)) => match outer.into_iter().next() {
            Some((name, Value::Object(fields))) => (name, fields),
            _ => unreachable!("a kind has a name and fields"),
        },
        _ => unreachable!("a kind is plain data"),
    }
}

fn put_together(name: &str, fields: Map<String, Value>) -> Result<Kind, Mistake> {
    let whole = Value::Object(Map::from_iter([(name.to_owned(), Value::Object(fields))]));
    serde_json::from_value(whole).map_err(|error| Mistake::Nonsense(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn thing(on: On) -> Thing {
        let name = |n: usize| format!("thing{n}");
        Thing {
            on,
            names: (0..on.fields().len().max(if on == On::Link { 2 } else { 1 })).map(name).collect(),
        }
    }

    fn all() -> Vec<Kind> {
        PRIMITIVES.iter().map(|row| row.done_to(&thing(row.on), &[]).unwrap()).collect()
    }

    fn world() -> Targets {
        let mut targets = Targets::default();
        for row in PRIMITIVES {
            targets.add(thing(row.on));
        }
        targets
    }

    #[test]
    fn every_row_makes_its_kind_and_every_usual_number_is_fine() {
        for (row, kind) in PRIMITIVES.iter().zip(all()) {
            assert_eq!(kind.primitive(), row);
            assert_eq!(kind.target(), thing(row.on));
            assert_eq!(kind.check(&world()), Ok(()), "{kind}");
        }
        assert_eq!(world().breakable().len(), all().len() + 1, "a link can be dead one way or the other");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let loss = |share| Kind::LinkLoss { ends: ["thing0".into(), "thing1".into()], share };
        let flap = Kind::LinkFlap { ends: ["thing0".into(), "thing1".into()], period_s: 5, down_s: 5 };
        let cases = [
            (loss(1.5), "`share` is 1.5, and may be 0.01 to 1 share of packets"),
            (loss(f64::NAN), "`share` is NaN, and may be 0.01 to 1 share of packets"),
            (Kind::PowerOff { machine: "nobody".into() }, "there is no machine `nobody`"),
            (flap, "down for 5 s every 5 s is never up"),
        ];
        for (kind, text) in cases {
            assert_eq!(kind.check(&world()).unwrap_err().to_string(), text);
        }
        let row = Primitive::named("link-loss").unwrap();
        let wrong = [
            row.done_to(&thing(On::Machine), &[]),
            row.done_to(&thing(On::Link), &[("shares", 1.0)]),
            row.done_to(&thing(On::Link), &[("share", 2.0)]),
        ];
        let texts = wrong.map(|kind| kind.unwrap_err().to_string());
        assert_eq!(
            texts,
            [
                "`link-loss` is done to a link, `thing0` is a machine",
                "`link-loss` has no `shares`",
                "`share` is 2, and may be 0.01 to 1 share of packets",
            ]
        );
    }

    #[test]
    fn milder_is_half_until_nothing_is_left() {
        let loss = |share| Kind::LinkLoss { ends: ["a".into(), "b".into()], share };
        assert_eq!(loss(0.3).weaker(), Some(loss(0.15)));
        assert_eq!(loss(0.015).weaker(), None);
        let offset = |offset_s| Kind::ClockOffset { machine: "a".into(), offset_s };
        assert_eq!(offset(-7).weaker(), Some(offset(-3)));
        assert_eq!(offset(1).weaker(), None);
        assert_eq!(Kind::PowerOff { machine: "a".into() }.weaker(), None);
        let mtu = |mtu_bytes| Kind::LinkMtu { ends: ["a".into(), "b".into()], mtu_bytes };
        assert_eq!(mtu(700).weaker(), Some(mtu(1400)));
        assert_eq!(mtu(1400).weaker(), None);
    }

    proptest! {
        /// Milder and milder comes to an end, and stays something that can be done to this world.
        #[test]
        fn milder_ends_and_is_sound(row in 0..PRIMITIVES.len()) {
            let mut kind = Some(all()[row].clone());
            let mut steps = 0;
            while let Some(now) = kind {
                prop_assert_eq!(now.check(&world()), Ok(()));
                prop_assert!(steps < 60, "{}", now);
                kind = now.weaker();
                steps += 1;
            }
        }

        /// What is saved reads back as it was.
        #[test]
        fn kinds_survive_being_saved(row in 0..PRIMITIVES.len()) {
            let kind = all()[row].clone();
            let text = serde_json::to_string(&kind).unwrap();
            prop_assert_eq!(serde_json::from_str::<Kind>(&text).unwrap(), kind);
        }
    }
}
