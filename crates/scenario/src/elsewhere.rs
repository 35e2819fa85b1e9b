//! Parts of a company that could stand outside it: consoles on a carrier's network, a chat that others run.
//!
//! Each is the text of a variant, derived from the scenario's own files: what is added where, and what is set. It says what
//! would be there, never what would come of it. Where nothing can be derived the reason is given.

use crate::files::services::{Host, Run, Service};
use crate::files::{network::Router, services::Services};
use crate::index::{Index, all};
use crate::model::Scenario;
use blackstart_rt::{Map, Set};
use blackstart_source::{Diagnostics, SourceFile};
use std::net::IpAddr;
use toml::{Table, Value};

impl Scenario {
    /// Console servers at every site of a group of routers, plugged into the carrier's network that the machine of whoever tries
    /// them hangs on, with no sign-in before them, and known by their addresses.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn consoles_elsewhere(&self, group: &str, laptop: &str) -> Result<SourceFile, String> {
        let mut outside = Outside::new(self, laptop)?;
        let mut by_site: Map<&str, Vec<&str>> = Map::new();
        for router in outside.routers().filter(|router| router.groups.iter().any(|name| name == group)) {
            by_site.entry(router.site.get_ref()).or_default().push(router.name.get_ref());
        }
        if by_site.is_empty() {
            return Err(format!("there are no routers called `{group}`"));
        }
        for (site, routers) in by_site {
            let name = outside.new_name(&format!("{site}-out-of-band"));
            let address = outside.host(&name, site, &[("serial", words(&routers))])?;
            outside.service(&name, "console-server", Table::new());
            outside.add(
                "people.toml",
                "console",
                [("name", text(&name)), ("address", text(&address)), ("routers", words(&routers))],
            );
        }
        Ok(outside.written("consoles on a carrier of their own"))
    }

    /// A chat service on a machine in the carrier's network that `laptop` hangs on, with accounts of its own, found by its
    /// address.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn chat_elsewhere(&self, chat: &str, laptop: &str) -> Result<SourceFile, String> {
        let mut outside = Outside::new(self, laptop)?;
        let service = outside.service_called(chat)?;
        let Run::Chat(config) = &service.run else { return Err(format!("`{chat}` is no chat")) };
        let stands = outside.host_of(service)?;
        if outside.router(stands.router.get_ref()).is_some_and(|router| !outside.is_own(router)) {
            return Err(format!("`{chat}` is outside the company already"));
        }
        let (site, port) = (outside.site.clone(), config.listen.port());
        let name = outside.new_name(&format!("{chat}-outside"));
        outside.host(&name, &site, &[])?;
        outside.set("services.toml", "service", chat, "host", Some(text(&name)));
        outside.set("services.toml", "service", chat, "run-needs", None);
        outside.set("services.toml", "service", chat, "boot-needs", None);
        outside.set(
            "services.toml",
            "service",
            chat,
            "run.chat.listen",
            Some(text(&format!("0.0.0.0:{port}"))),
        );
        outside.set("services.toml", "service", chat, "run.chat.settings", None);
        outside.set("services.toml", "service", chat, "run.chat.identity", None);
        outside.set("services.toml", "service", chat, "run.chat.resolver", None);
        Ok(outside.written("a chat outside the company"))
    }
}

/// A carrier's network, and the variant that puts something there.
struct Outside<'a> {
    scenario: &'a Scenario,
    carrier: &'a Router,
    site: String,
    /// AS numbers of the routers that somebody here manages.
    own: Set<u32>,
    taken: Set<IpAddr>,
    names: Set<&'a str>,
    change: Vec<Value>,
    add: Vec<Value>,
}

impl<'a> Outside<'a> {
    fn new(scenario: &'a Scenario, laptop: &str) -> Result<Self, String> {
        // Complaints about double names were made when the scenario was loaded.
        let index = Index::new(&scenario.folder, &mut Diagnostics::new());
        let router = |name: &str| index.routers.get(name).map(|(_, router)| router);
        let host = index.hosts.get(laptop).map(|(_, host)| host);
        let carrier = host.and_then(|host| router(host.router.get_ref()));
        let carrier = carrier.ok_or_else(|| format!("nobody knows where {laptop} is plugged in"))?;
        let managed = all(&scenario.folder.networks, |f| &f.router).filter(|(_, r)| !r.groups.is_empty());
        let own: Set<u32> = managed.map(|(_, router)| *router.r#as.get_ref()).collect();
        if own.contains(carrier.r#as.get_ref()) {
            return Err(format!(
                "{laptop} hangs on the company's own network, at {}",
                carrier.name.get_ref()
            ));
        }
        let hosts = all(&scenario.folder.services, |f: &Services| &f.host);
        let addresses = hosts.flat_map(|(_, host)| {
            let further = host.routed.iter().chain(&host.anycast).copied();
            std::iter::once(*host.address.get_ref()).chain(further)
        });
        let routers = all(&scenario.folder.networks, |f| &f.router).map(|(_, router)| router.address);
        Ok(Self {
            scenario,
            carrier,
            site: carrier.site.get_ref().clone(),
            own,
            taken: addresses.chain(routers).collect(),
            names: index
                .machines
                .iter()
                .copied()
                .chain(index.services.iter().map(|(name, _)| name))
                .collect(),
            change: Vec::new(),
            add: Vec::new(),
        })
    }

    fn routers(&self) -> impl Iterator<Item = &'a Router> + use<'a> {
        all(&self.scenario.folder.networks, |f| &f.router).map(|(_, router)| router)
    }

    fn router(&self, name: &str) -> Option<&'a Router> {
        self.routers().find(|router| router.name.get_ref() == name)
    }

    fn is_own(&self, router: &Router) -> bool {
        self.own.contains(router.r#as.get_ref())
    }

    fn service_called(&self, name: &str) -> Result<&'a Service, String> {
        let mut services = all(&self.scenario.folder.services, |f| &f.service).map(|(_, service)| service);
        let found = services.find(|service| service.name.get_ref() == name);
        found.ok_or_else(|| format!("there is no service `{name}`"))
    }

    fn host_of(&self, service: &Service) -> Result<&'a Host, String> {
        let mut hosts = all(&self.scenario.folder.services, |f| &f.host).map(|(_, host)| host);
        let found = hosts.find(|host| host.name.get_ref() == service.host.get_ref());
        found.ok_or_else(|| format!("nobody knows where `{}` runs", service.name.get_ref()))
    }

    /// A name that nothing has yet.
    fn new_name(&self, wanted: &str) -> String {
        let mut names = std::iter::once(wanted.to_owned()).chain((2..).map(|n| format!("{wanted}-{n}")));
        names.find(|name| !self.names.contains(name.as_str())).unwrap_or_else(|| wanted.to_owned())
    }

    /// Plugs a new machine into the carrier's network; gives its address.
    fn host(&mut self, name: &str, site: &str, more: &[(&str, Value)]) -> Result<String, String> {
        let networks = self.carrier.networks.iter().flat_map(|network| network.get_ref().hosts());
        let mut free = networks.filter(|address| !self.taken.contains(address));
        let none = || format!("{} has no free address", self.carrier.name.get_ref());
        let address = free.next().ok_or_else(none)?;
        self.taken.insert(address);
        let address = address.to_string();
        let entry = [
            ("name", text(name)),
            ("site", text(site)),
            ("router", text(self.carrier.name.get_ref())),
            ("address", text(&address)),
        ];
        self.add("services.toml", "host", entry.into_iter().chain(more.iter().cloned()));
        Ok(address)
    }

    /// A new service on a machine of the same name.
    fn service(&mut self, name: &str, run: &str, config: Table) {
        let run = Value::Table(Table::from_iter([(run.to_owned(), Value::Table(config))]));
        self.add("services.toml", "service", [("name", text(name)), ("host", text(name)), ("run", run)]);
    }

    fn add<'k>(&mut self, file: &str, table: &str, entry: impl IntoIterator<Item = (&'k str, Value)>) {
        let addition = [
            ("file", text(file)),
            ("table", text(table)),
            ("first", Value::Boolean(true)),
            ("entry", Value::Table(named(entry))),
        ];
        self.add.push(Value::Table(named(addition)));
    }

    fn set(&mut self, file: &str, table: &str, name: &str, key: &str, to: Option<Value>) {
        let change = [("file", text(file)), ("table", text(table)), ("name", text(name)), ("set", text(key))];
        let change = change.into_iter().chain(to.map(|to| ("to", to)));
        self.change.push(Value::Table(named(change)));
    }

    fn written(self, title: &str) -> SourceFile {
        let variant = named([
            ("title", text(title)),
            ("expects", text("derived; whether it helps, runs show")),
            ("change", Value::Array(self.change)),
            ("add", Value::Array(self.add)),
        ]);
        SourceFile::new(title.to_owned(), variant.to_string())
    }
}

fn named<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn words(words: &[&str]) -> Value {
    Value::Array(words.iter().copied().map(text).collect())
}
