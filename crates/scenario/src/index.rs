//! Every name of a scenario and where it was given, so that references can be looked up and complaints can point.

use crate::files::{network, people, services};
use crate::load::{Folder, Read};
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned};
use std::collections::BTreeMap;

/// An entry of a file and the file it stands in.
pub(crate) type Found<'a, T> = (&'a SourceFile, &'a T);

/// Names of one kind, each given once.
#[derive(Debug)]
pub(crate) struct Names<'a, T> {
    kind: &'static str,
    by_name: BTreeMap<&'a str, Found<'a, T>>,
}

impl<'a, T> Names<'a, T> {
    fn new(
        kind: &'static str,
        entries: impl Iterator<Item = (&'a SourceFile, &'a T)>,
        name: impl Fn(&'a T) -> &'a Spanned<String>,
        errors: &mut Diagnostics,
    ) -> Self {
        let mut by_name: BTreeMap<&str, Found<'a, T>> = BTreeMap::new();
        for (file, entry) in entries {
            let given = name(entry);
            if by_name.insert(given.get_ref(), (file, entry)).is_some() {
                let message = format!("there are two {kind}s called `{}`", given.get_ref());
                errors.push(Diagnostic::new(file, given.span(), message).expecting("a name of its own"));
            }
        }
        Self { kind, by_name }
    }

    /// The entry with this name.
    pub(crate) fn get(&self, name: &str) -> Option<Found<'a, T>> {
        self.by_name.get(name).copied()
    }

    /// All entries in name order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, Found<'a, T>)> {
        self.by_name.iter().map(|(name, found)| (*name, *found))
    }

    /// Looks a reference up; complains where it stands when there is no such name.
    pub(crate) fn look_up(
        &self,
        file: &SourceFile,
        at: &Spanned<String>,
        errors: &mut Diagnostics,
    ) -> Option<&'a T> {
        let found = self.get(at.get_ref());
        if found.is_none() {
            let known = self.by_name.keys().copied();
            errors.push(Diagnostic::unknown(file, at.span(), self.kind, at.get_ref(), known));
        }
        found.map(|(_, entry)| entry)
    }
}

/// All names of a scenario.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    pub(crate) sites: Names<'a, network::Site>,
    pub(crate) routers: Names<'a, network::Router>,
    pub(crate) hosts: Names<'a, services::Host>,
    pub(crate) services: Names<'a, services::Service>,
    pub(crate) places: Names<'a, people::Place>,
    pub(crate) persons: Names<'a, people::Person>,
    pub(crate) doors: Names<'a, people::Door>,
    pub(crate) bridges: Names<'a, people::Bridge>,
    pub(crate) items: Names<'a, people::Item>,
    pub(crate) accounts: Names<'a, people::Account>,
    pub(crate) tasks: Names<'a, people::Task>,
    /// Hosts and routers: a name may be given once among both.
    pub(crate) machines: Vec<&'a str>,
}

/// Every entry of one kind, over all files of that kind.
pub(crate) fn all<'a, F, T: 'a>(
    files: &'a [Read<F>],
    of: impl Fn(&'a F) -> &'a Vec<T>,
) -> impl Iterator<Item = (&'a SourceFile, &'a T)> {
    files.iter().flat_map(move |read| of(&read.it).iter().map(|entry| (&read.file, entry)))
}

impl<'a> Index<'a> {
    pub(crate) fn new(folder: &'a Folder, errors: &mut Diagnostics) -> Self {
        let (networks, services, people) = (&folder.networks, &folder.services, &folder.people);
        let sites = Names::new("site", all(networks, |f| &f.site), |s| &s.name, errors);
        let routers = Names::new("router", all(networks, |f| &f.router), |r| &r.name, errors);
        let hosts = Names::new("host", all(services, |f| &f.host), |h| &h.name, errors);
        for (name, (file, host)) in hosts.iter() {
            if routers.get(name).is_some() {
                let message = format!("`{name}` is the name of a router");
                errors.push(Diagnostic::new(file, host.name.span(), message).expecting("a name of its own"));
            }
        }
        let machines = routers.by_name.keys().chain(hosts.by_name.keys()).copied().collect();
        Self {
            services: Names::new("service", all(services, |f| &f.service), |s| &s.name, errors),
            places: Names::new("place", all(people, |f| &f.place), |p| &p.name, errors),
            persons: Names::new("person", all(people, |f| &f.person), |p| &p.name, errors),
            doors: Names::new("door", all(people, |f| &f.door), |d| &d.name, errors),
            bridges: Names::new("bridge", all(people, |f| &f.bridge), |b| &b.name, errors),
            items: Names::new("item", all(people, |f| &f.item), |i| &i.name, errors),
            accounts: Names::new("account", all(people, |f| &f.account), |a| &a.name, errors),
            tasks: Names::new("task", all(people, |f| &f.task), |t| &t.name, errors),
            sites,
            routers,
            hosts,
            machines,
        }
    }
}
