//! What there is in a scenario, imports included: how much of everything, and lists of some kinds.

use crate::files::services::Run;
use crate::index::all;
use crate::model::Scenario;
use crate::vocabulary::known_as;
use std::collections::{BTreeMap, BTreeSet};

/// Sizes of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Autonomous systems.
    pub ases: usize,
    /// Sites.
    pub sites: usize,
    /// Routers.
    pub routers: usize,
    /// Hosts, without routers.
    pub hosts: usize,
    /// Services.
    pub services: usize,
    /// People.
    pub people: usize,
}

impl Scenario {
    /// How much there is of everything.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (networks, services) = (&self.folder.networks, &self.folder.services);
        Counts {
            ases: all(networks, |f| &f.r#as).count(),
            sites: all(networks, |f| &f.site).count(),
            routers: all(networks, |f| &f.router).count(),
            hosts: all(services, |f| &f.host).count(),
            services: all(services, |f| &f.service).count(),
            people: self.people.persons.len(),
        }
    }

    /// Machines that a recovery is carried out with, in name order: what people carry, door readers and controllers, those
    /// with a cable to a router's console, and hosts of the services that let people in, talk or admit users.
    #[must_use]
    pub fn instruments(&self) -> BTreeSet<String> {
        let laptops = self.people.persons.iter().filter_map(|person| person.laptop.clone());
        let doors =
            self.people.doors.values().flat_map(|door| [door.reader.clone(), door.controller.clone()]);
        let hosts = all(&self.folder.services, |f| &f.host).map(|(_, host)| host);
        let cabled = hosts.filter(|host| !host.serial.is_empty()).map(|host| host.name.get_ref().clone());
        let services = all(&self.folder.services, |f| &f.service).map(|(_, service)| service);
        let helping = services.filter(|service| helps_people(&service.run));
        let helping = helping.map(|service| service.host.get_ref().clone());
        laptops.chain(doors).chain(cabled).chain(helping).collect()
    }

    /// Words by which services are known: their names, products and sites.
    #[must_use]
    pub fn services_known_as(&self) -> BTreeSet<String> {
        all(&self.folder.services, |f| &f.service).flat_map(|(_, service)| known_as(service)).collect()
    }

    /// Links between networks of different owners, each as the names of its two ends.
    #[must_use]
    pub fn borders(&self) -> Vec<[String; 2]> {
        let routers = all(&self.folder.networks, |f| &f.router);
        let owners: BTreeMap<&str, u32> =
            routers.map(|(_, router)| (router.name.get_ref().as_str(), *router.r#as.get_ref())).collect();
        let links = all(&self.folder.networks, |f| &f.link).map(|(_, link)| &link.ends);
        let ends = links.map(|[a, b]| [a.get_ref().clone(), b.get_ref().clone()]);
        ends.filter(|[a, b]| owners.get(a.as_str()) != owners.get(b.as_str())).collect()
    }
}

fn helps_people(run: &Run) -> bool {
    matches!(
        run,
        Run::AccessServer(_)
            | Run::Identity(_)
            | Run::Push(_)
            | Run::Chat(_)
            | Run::ConsoleServer(_)
            | Run::Admission(_)
            | Run::Vpn(_)
    )
}
