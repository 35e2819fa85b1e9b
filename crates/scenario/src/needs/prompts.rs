//! What a prompt on a router needs: a cable, a console server, a jump host, a tunnel, a configuration store, and a name for each.

use super::any_or;
use super::steps::Steps;
use crate::files::services::Run;
use crate::index::all;
use blackstart_rt::{Map, Set};
use blackstart_runbook::needs::{Id, Met};
use blackstart_runbook::step::{Action, Name, Who};
use blackstart_world::AccountKind;

impl<'a> Steps<'a> {
    pub(super) fn serial(
        &mut self,
        index: usize,
        who: &Who,
        on: &Name,
        with: &Name,
        factor: Option<&Name>,
    ) -> Vec<Id> {
        let mut needs: Vec<Id> = factor.map(|item| self.held(who, item)).into_iter().collect();
        if let Some(account) = self.ground.scenario.people.accounts.get(&with.text) {
            let why = "the routers do not know it, and a cable does not reach the sign-in service";
            let met = match account.kind {
                AccountKind::Local => Met::Given,
                AccountKind::SignIn => Met::Lost(why.to_owned()),
            };
            needs.push(self.ground.graph.fact(format!("account {}", account.name), met));
            needs.extend(account.kept_at.as_ref().map(|place| self.place(place)));
            let crew: Set<&str> = self.candidates(who).iter().map(|person| person.name.as_str()).collect();
            if let Some(absent) = account.holders.iter().find(|holder| !crew.contains(holder.as_str())) {
                let why = Met::Lost(format!("{absent} is not among those who do this step"));
                needs.push(self.ground.graph.fact(format!("all holders of {}", account.name), why));
            }
        }
        for (site, routers) in self.by_site(on) {
            if !self.sites(index, who).contains(&site) {
                needs.push(self.hands(index, &site));
            }
            needs.extend(routers.iter().map(|router| self.cable(&site, router)).collect::<Vec<_>>());
        }
        needs
    }

    pub(super) fn by_site(&self, group: &Name) -> Map<String, Vec<String>> {
        let mut by_site: Map<String, Vec<String>> = Map::new();
        for (_, router) in all(&self.ground.scenario.folder.networks, |f| &f.router) {
            if router.groups.contains(&group.text) {
                by_site.entry(router.site.get_ref().clone()).or_default().push(router.name.get_ref().clone());
            }
        }
        by_site
    }

    /// A machine at the site with a cable to the router, and power for both.
    fn cable(&mut self, site: &str, router: &str) -> Id {
        let leads = |host: &crate::files::services::Host| {
            host.site.get_ref() == site && host.serial.iter().any(|to| to.get_ref() == router)
        };
        let hosts = self.ground.index.hosts.iter().filter(|(_, (_, host))| leads(host)).map(|(name, _)| name);
        let hosts: Vec<&str> = hosts.collect();
        let ways: Vec<Id> = hosts.into_iter().map(|host| self.ground.machine(host)).collect();
        let cable = self.ground.graph.joint(any_or(ways, "no machine there has one"));
        let both = vec![cable, self.ground.machine(router)];
        self.ground.graph.fact(format!("cable to {router}"), Met::All(both))
    }

    /// A cable to the router that a service's machine is plugged into.
    pub(super) fn port_of(&mut self, service: &Name) -> Option<Id> {
        let (_, service) = self.ground.index.services.get(&service.text)?;
        let (_, host) = self.ground.index.hosts.get(service.host.get_ref())?;
        Some(self.cable(host.site.get_ref(), host.router.get_ref()))
    }

    /// Any console that leads to one of these routers answers somebody's machine.
    pub(super) fn remote(&mut self, who: &Who, on: &Name) -> Id {
        let group: Set<String> = self.by_site(on).into_values().flatten().collect();
        let laptops = self.laptops(who);
        let consoles = self.ground.scenario.people.consoles.iter();
        let consoles = consoles.filter(|c| c.routers.iter().any(|router| group.contains(router)));
        let mut ways = Vec::new();
        for console in consoles {
            for laptop in &laptops {
                ways.push(self.console(laptop, console));
            }
        }
        let met = any_or(ways, "nobody has a console and a machine to try it from");
        self.ground.graph.fact(format!("remote console of {}", on.text), met)
    }

    fn console(&mut self, laptop: &str, console: &blackstart_world::Console) -> Id {
        let servers = self.ground.services().into_iter().filter(|service| {
            let host = self.ground.index.hosts.get(service.host.get_ref());
            let leads =
                host.is_some_and(|(_, h)| h.serial.iter().any(|r| console.routers.contains(r.get_ref())));
            matches!(service.run, Run::ConsoleServer(_)) && leads
        });
        let servers: Vec<_> = servers.collect();
        let ways = servers.into_iter().map(|s| self.ground.used_from(laptop, s.name.get_ref())).collect();
        let mut needs = vec![self.ground.graph.joint(any_or(ways, "no console server is behind it"))];
        if console.address.is_none() {
            needs.push(self.looked_up(laptop, &console.name));
        }
        if console.sign_in.is_some() {
            needs.push(self.signed_in(laptop));
        }
        needs.extend(console.routers.iter().map(|router| self.ground.machine(router)).collect::<Vec<_>>());
        self.ground.graph.fact(format!("console {} from {laptop}", console.name), Met::All(needs))
    }

    pub(super) fn looked_up(&mut self, laptop: &str, name: &str) -> Id {
        let host = self.ground.index.hosts.get(laptop);
        let resolvers = host.map(|(_, host)| host.resolvers.clone()).unwrap_or_default();
        self.ground.name(laptop, &resolvers, name)
    }

    /// A jump host, the sign-in service, and a way from the one to the routers, which ask the other.
    pub(super) fn through(&mut self, who: &Who, on: &Name, jump: &Name) -> Id {
        let found = self.ground.index.services.get(&jump.text);
        let Some((_, service)) = found else { return self.word(&jump.text) };
        let (host, name) = match &service.run {
            Run::JumpHost(config) => (service.host.get_ref(), config.name.clone()),
            _ => (service.host.get_ref(), None),
        };
        let mut needs = vec![self.signed_in_at(who, jump, name.as_deref()), self.signed_in(host)];
        for router in self.by_site(on).into_values().flatten() {
            needs.push(self.ground.path(host, &router));
            needs.push(self.signed_in(&router));
        }
        self.ground.graph.fact(format!("{} through {}", on.text, jump.text), Met::All(needs))
    }

    pub(super) fn tunnel(&mut self, who: &Who, on: &Name) -> Id {
        self.vouched_for(who, on, format!("a tunnel to `{}`", on.text))
    }

    pub(super) fn stored(&mut self, who: &Who, on: &Name) -> Id {
        self.vouched_for(who, on, format!("`{}`", on.text))
    }

    /// A VPN gateway or a configuration store and the sign-in service from somebody's machine, and the one in reach of the other.
    fn vouched_for(&mut self, who: &Who, on: &Name, what: String) -> Id {
        let Some((_, service)) = self.ground.index.services.get(&on.text) else { return self.word(&on.text) };
        let (name, sign_in) = match &service.run {
            Run::Vpn(config) => (&config.name, config.sign_in),
            Run::ConfigurationStore(config) => (&config.name, config.sign_in),
            _ => return self.word(&on.text),
        };
        let reached = self.signed_in_at(who, on, name.as_deref());
        let vouched = self.ground.at_address(service.host.get_ref(), sign_in);
        self.ground.graph.fact(what, Met::All(vec![reached, vouched]))
    }

    /// Somebody's machine signs in and reaches a service, by its name if it has one.
    fn signed_in_at(&mut self, who: &Who, on: &Name, name: Option<&str>) -> Id {
        let mut ways = Vec::new();
        for laptop in self.laptops(who) {
            let mut needs = vec![self.signed_in(laptop), self.ground.used_from(laptop, &on.text)];
            needs.extend(name.map(|name| self.looked_up(laptop, name)));
            ways.push(self.ground.graph.joint(Met::All(needs)));
        }
        self.ground.graph.joint(any_or(ways, "nobody of them has a machine"))
    }

    pub(super) fn prompt(&mut self) -> Id {
        let logins = self.acting(|a| matches!(a, Action::Login { .. } | Action::Ssh { .. }));
        self.ground.graph.fact("a prompt on a router", any_or(logins, "no step logs in"))
    }
}
