//! What is broken now: for each thing, the faults that lie on it, and from them together what it is like.
//!
//! A fault that begins is one more layer, one that ends is one less; then the thing is set to what is left. So faults that
//! overlap compose, and the last to end leaves the thing as it was, in whatever order they do.

use crate::effect::{deeds, links, machines, people, services};
use crate::kind::Kind;
use blackstart_rt::Map;
use blackstart_sim::task::JoinHandle;
use blackstart_sim::{Error, LinkId, NodeId, WaySpec, control};
use blackstart_world::World;
use std::time::Duration;

/// One thing whose state its layers say together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Link(String, String),
    Power(String),
    Pause(String),
    Cpu(String),
    Disk(String),
    Clock(String),
    Process(String),
    Route(String, String),
    Claim(String, String),
    Origin(String, String),
    Sessions(String),
    Costs(String),
    Zones(String),
    Accounts(String),
    Badges(String),
    Secret(String),
    Port(String, String),
    Console(String, String),
    Saved(String, String),
    Person(String),
    Item(String),
    Answers(String),
    Load(String, String),
}

impl Place {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::LinkDown { ends }
            | Kind::LinkOneWay { ends }
            | Kind::LinkFlap { ends, .. }
            | Kind::LinkLoss { ends, .. }
            | Kind::LinkBursts { ends, .. }
            | Kind::LinkDelay { ends, .. }
            | Kind::LinkReordering { ends, .. }
            | Kind::LinkDuplication { ends, .. }
            | Kind::LinkCorruption { ends, .. }
            | Kind::LinkNarrow { ends, .. }
            | Kind::LinkMtu { ends, .. } => {
                let [a, b] = ends.clone();
                if a <= b { Self::Link(a, b) } else { Self::Link(b, a) }
            }
            Kind::Pause { machine } => Self::Pause(machine.clone()),
            Kind::SlowCpu { machine, .. } => Self::Cpu(machine.clone()),
            Kind::PowerOff { machine } => Self::Power(machine.clone()),
            Kind::KillService { service } | Kind::CrashLoop { service, .. } => Self::Process(service.clone()),
            Kind::DiskErrors { machine, .. }
            | Kind::DiskFull { machine, .. }
            | Kind::TornWrites { machine }
            | Kind::BitRot { machine, .. } => Self::Disk(machine.clone()),
            Kind::ClockOffset { machine, .. } | Kind::ClockDrift { machine, .. } => {
                Self::Clock(machine.clone())
            }
            Kind::BlackHole { router, prefix } => Self::Route(router.clone(), prefix.clone()),
            Kind::Announce { router, prefix } => Self::Claim(router.clone(), prefix.clone()),
            Kind::Withdraw { router, prefix } => Self::Origin(router.clone(), prefix.clone()),
            Kind::WrongAs { router, .. } => Self::Sessions(router.clone()),
            Kind::LinkCost { router, .. } => Self::Costs(router.clone()),
            Kind::NameGone { service, .. } | Kind::NameWrong { service, .. } => Self::Zones(service.clone()),
            Kind::StaleSecret { account } => Self::Secret(account.clone()),
            Kind::AccountGone { service, .. } => Self::Accounts(service.clone()),
            Kind::PortShut { router, port } => Self::Port(router.clone(), port.clone()),
            Kind::WrongCommand { router, port } => Self::Console(router.clone(), port.clone()),
            Kind::SavedShut { router, port } => Self::Saved(router.clone(), port.clone()),
            Kind::PersonAway { person }
            | Kind::PersonSlow { person, .. }
            | Kind::PersonSkips { person }
            | Kind::PersonMisreads { person }
            | Kind::PersonWrongHost { person } => Self::Person(person.clone()),
            Kind::BadgeRevoked { service, .. } => Self::Badges(service.clone()),
            Kind::ItemLost { item } => Self::Item(item.clone()),
            Kind::ServiceSlow { service, .. }
            | Kind::ServiceErrors { service, .. }
            | Kind::ServiceDenies { service }
            | Kind::ServiceLies { service }
            | Kind::ServiceSilent { service }
            | Kind::ServiceStale { service } => Self::Answers(service.clone()),
            Kind::Load { machine, service, .. } => Self::Load(machine.clone(), service.clone()),
        }
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no {0}")]
    Unknown(String),
    #[error("{0}")]
    Engine(#[from] Error),
}

/// All layers of a run.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    on: Map<Place, Map<u32, Kind>>,
    /// What links were like before the first fault.
    sound: Map<LinkId, [WaySpec; 2]>,
    /// Who had what was mislaid.
    holders: Map<String, String>,
    /// Who asks too much, while they do.
    loads: Map<Place, JoinHandle<()>>,
}

impl Layers {
    /// Puts a layer on.
    pub(crate) fn begin(&mut self, world: &World, fault: u32, kind: &Kind) -> Result<(), Refusal> {
        let place = Place::of(kind);
        let before = self.of(&place);
        self.on.entry(place.clone()).or_default().insert(fault, kind.clone());
        let done = self.settle(world, &place, &before);
        if done.is_err() {
            self.on.entry(place).or_default().remove(&fault);
        }
        done
    }

    /// Takes a layer off.
    pub(crate) fn end(&mut self, world: &World, fault: u32, kind: &Kind) -> Result<(), Refusal> {
        let place = Place::of(kind);
        let before = self.of(&place);
        self.on.entry(place.clone()).or_default().remove(&fault);
        self.settle(world, &place, &before)
    }

    fn of(&self, place: &Place) -> Vec<Kind> {
        self.on.get(place).into_iter().flat_map(Map::values).cloned().collect()
    }

    /// Sets a thing to what its layers say.
    fn settle(&mut self, world: &World, place: &Place, before: &[Kind]) -> Result<(), Refusal> {
        let now = self.of(place);
        let broken = !now.is_empty();
        let turned = broken == before.is_empty();
        match place {
            Place::Link(a, b) => self.link(world, [a, b], &now)?,
            Place::Power(machine) => self.power(world, machine, broken)?,
            Place::Pause(machine) => machines::pause(node(world, machine)?, broken)?,
            Place::Cpu(machine) => control::set_cpu_cost(node(world, machine)?, machines::step(&now))?,
            Place::Disk(machine) => machines::disk(node(world, machine)?, before, &now)?,
            Place::Clock(machine) => machines::clock(node(world, machine)?, before, &now)?,
            Place::Process(service) => services::process(world, service, before, &now)?,
            Place::Route(router, prefix) => machines::route(node(world, router)?, prefix, broken)?,
            Place::Sessions(router) => services::sessions(world, router, &now)?,
            Place::Costs(router) => services::costs(world, router, &now)?,
            Place::Zones(service) => services::zones(world, service, &now)?,
            Place::Accounts(service) => services::accounts(world, service, &now)?,
            Place::Badges(service) => services::badges(world, service, &now)?,
            Place::Answers(service) => services::answers(world, service, &now)?,
            Place::Secret(account) => people::secret(world, account, broken),
            Place::Person(person) => people::lapses(world, person, &now),
            Place::Port(router, port) => control::set_admin_up(node(world, router)?, port, !broken)?,
            Place::Load(machine, service) => self.load(world, place, [machine, service], &now)?,
            // What is done at the first layer is taken back at the last.
            _ if !turned => {}
            Place::Claim(router, prefix) => deeds::announce(world, router, prefix, broken)?,
            Place::Origin(router, prefix) => deeds::announce(world, router, prefix, !broken)?,
            Place::Console(router, port) => deeds::command(world, router, port, !broken)?,
            Place::Saved(router, port) => deeds::save(world, router, port, !broken)?,
            Place::Item(item) => self.item(world, item, broken)?,
        }
        Ok(())
    }

    fn item(&mut self, world: &World, item: &str, lost: bool) -> Result<(), Refusal> {
        if lost {
            self.holders.insert(item.to_owned(), people::lose(world, item)?);
        } else if let Some(holder) = self.holders.remove(item) {
            people::find(world, item, &holder);
        }
        Ok(())
    }

    fn load(
        &mut self,
        world: &World,
        place: &Place,
        names: [&str; 2],
        layers: &[Kind],
    ) -> Result<(), Refusal> {
        if let Some(before) = self.loads.remove(place) {
            before.abort();
        }
        if !layers.is_empty() {
            let [machine, service] = names;
            self.loads.insert(place.clone(), deeds::load(world, machine, service, layers)?);
        }
        Ok(())
    }

    fn link(&mut self, world: &World, ends: [&String; 2], layers: &[Kind]) -> Result<(), Refusal> {
        let [a, b] = ends;
        let unknown = || Refusal::Unknown(format!("link {a} - {b}"));
        let (link, first) = control::way_from(node(world, a)?, b).ok_or_else(unknown)?;
        let (_, second) = control::way_from(node(world, b)?, a).ok_or_else(unknown)?;
        let sound = [first, second].map(|way| control::link_way(link, way).unwrap_or_default());
        let sound = *self.sound.entry(link).or_insert(sound);
        for (from, way, sound) in [(a, first, sound[0]), (b, second, sound[1])] {
            control::set_link_way(link, way, links::broken(sound, layers))?;
            control::set_link_blocked(link, way, layers.iter().any(|layer| links::blocks(layer, from)))?;
        }
        Ok(())
    }

    /// With the power everything else on the machine comes back as its own layers say.
    fn power(&mut self, world: &World, machine: &str, off: bool) -> Result<(), Refusal> {
        let at = node(world, machine)?;
        if off {
            return Ok(control::power_off(at)?);
        }
        control::power_on(at)?;
        if !self.of(&Place::Pause(machine.to_owned())).is_empty() {
            control::pause(at)?;
        }
        let services: Vec<Place> =
            self.on.keys().filter(|place| matches!(place, Place::Process(_))).cloned().collect();
        for place in services {
            let Place::Process(service) = &place else { continue };
            let (host, _) = services::program(world, service)?;
            if host == at {
                services::process(world, service, &[], &self.of(&place))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn node(world: &World, name: &str) -> Result<NodeId, Refusal> {
    let machine = world.wiring.machine(name).map(|machine| machine.node);
    machine.ok_or_else(|| Refusal::Unknown(format!("machine {name}")))
}

impl Kind {
    /// What is on for a while and off for a while as long as the fault lasts: the layer, how long it is on, how long off.
    pub(crate) fn pulse(&self) -> Option<(Kind, Duration, Duration)> {
        let seconds = |s: u32| Duration::from_secs(s.into());
        match self {
            Self::LinkFlap { ends, period_s, down_s } => {
                let up = seconds(period_s.saturating_sub(*down_s).max(1));
                Some((Self::LinkDown { ends: ends.clone() }, seconds(*down_s), up))
            }
            Self::CrashLoop { service, every_s } => {
                let killed = Self::KillService { service: service.clone() };
                Some((killed, Duration::from_millis(1), seconds(*every_s)))
            }
            _ => None,
        }
    }
}
