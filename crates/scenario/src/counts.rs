//! How much there is of everything in a scenario, imports included.

use crate::index::all;
use crate::model::Scenario;

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
}
