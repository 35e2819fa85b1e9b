//! `services.toml`: hosts, services, electricity.

use crate::files::services;
use crate::index::{Index, all};
use crate::load::Folder;
use blackstart_app::client::Config as Users;
use blackstart_identity::certificate::Certificate;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// Where everything runs, what it needs and what it is told.
pub(super) fn references(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    for (_, (file, host)) in index.hosts.iter() {
        index.sites.look_up(file, &host.site, errors);
        for router in &host.serial {
            index.routers.look_up(file, router, errors);
        }
        if let Some(router) = index.routers.look_up(file, &host.router, errors) {
            let address = host.address.get_ref();
            if !router.networks.iter().any(|net| net.get_ref().contains(address)) {
                let nets: Vec<String> = router.networks.iter().map(|net| net.get_ref().to_string()).collect();
                let message = format!("{address} is in no network of `{}`", host.router.get_ref());
                let expected = format!("an address in {}", nets.join(" or "));
                errors.push(Diagnostic::new(file, host.address.span(), message).expecting(expected));
            }
        }
    }
    one_owner(index, errors);
    for (_, (file, service)) in index.services.iter() {
        index.hosts.look_up(file, &service.host, errors);
        for need in service.run_needs.iter().chain(&service.boot_needs) {
            index.services.look_up(file, need, errors);
        }
        if let Some(standby) = &service.standby {
            self::standby(index, file, service, &standby.of, errors);
        }
        if let Some(quorum) = &service.boot_quorum {
            for holder in &quorum.of {
                index.services.look_up(file, holder, errors);
            }
            if !(1..=quorum.of.len()).contains(quorum.at_least.get_ref()) {
                let message = format!("{} of {} holders", quorum.at_least.get_ref(), quorum.of.len());
                let expected = "at least one, and no more than there are";
                errors.push(Diagnostic::new(file, quorum.at_least.span(), message).expecting(expected));
            }
        }
        match &service.run {
            services::Run::Authority(authority) => zones(folder, file, authority, errors),
            services::Run::JumpHost(jump) => {
                let routers = groups(all(&folder.networks, |f| &f.router).map(|(_, r)| &r.groups));
                group(file, &jump.routers, "router group", &routers, errors);
            }
            services::Run::Tool(tool) => {
                for before in &tool.signed_in {
                    index.persons.look_up(file, &before.person, errors);
                }
            }
            services::Run::Users(users) => correspondents(index, file, service, users, errors),
            services::Run::Alert(alert) => self::alert(index, file, alert, errors),
            services::Run::ConfigurationStore(store) => self::store(index, file, store, errors),
            services::Run::Capacity(capacity) => self::capacity(folder, index, file, capacity, errors),
            _ => {}
        }
    }
    for (file, power) in all(&folder.services, |f| &f.power) {
        index.sites.look_up(file, &power.site, errors);
        let sources = [&power.feed, &power.ups, &power.generator, &power.cooling];
        for machine in power.racks.iter().flatten().chain(sources) {
            if !index.machines.contains(&machine.get_ref().as_str()) {
                let known = index.machines.iter().copied();
                errors.push(Diagnostic::unknown(file, machine.span(), "machine", machine.get_ref(), known));
            }
        }
    }
}

/// Whoever writes messages writes to users of the same product.
fn correspondents(
    index: &Index<'_>,
    file: &SourceFile,
    service: &services::Service,
    users: &Users,
    errors: &mut Diagnostics,
) {
    let Some(to) = users.messages.as_ref().map(|messages| messages.to.as_str()) else { return };
    let alike = |service: &services::Service| match &service.run {
        services::Run::Users(others) => others.product == users.product && others.messages.is_some(),
        _ => false,
    };
    let others = index.services.iter().filter(|(_, (_, other))| alike(other));
    let known: Vec<&str> = others.map(|(_, (_, other))| other.host.get_ref().as_str()).collect();
    if !known.contains(&to) {
        let kind = "host of users who exchange messages";
        errors.push(Diagnostic::unknown(file, service.name.span(), kind, to, known));
    }
}

/// A chat to page through, and an account to sign in with.
fn alert(index: &Index<'_>, file: &SourceFile, alert: &services::Alert, errors: &mut Diagnostics) {
    if let Some(service) = index.services.look_up(file, &alert.chat, errors)
        && !matches!(service.run, services::Run::Chat(_))
    {
        let message = format!("`{}` is no chat", alert.chat.get_ref());
        errors.push(Diagnostic::new(file, alert.chat.span(), message).expecting("a `chat` service"));
    }
    if let Some(signs_in) = &alert.signs_in {
        index.accounts.look_up(file, &signs_in.account, errors);
    }
    for phone in alert.calls.iter().flat_map(|calls| &calls.phones) {
        index.hosts.look_up(file, phone, errors);
    }
}

/// Accounts and routers that there are, and something to set on each router of a stage.
fn store(
    index: &Index<'_>,
    file: &SourceFile,
    store: &services::ConfigurationStore,
    errors: &mut Diagnostics,
) {
    for account in std::iter::once(&store.account).chain(&store.frozen_by) {
        index.accounts.look_up(file, account, errors);
    }
    for change in &store.changes {
        for router in change.stages.iter().flatten() {
            if index.routers.look_up(file, router, errors).is_some()
                && !change.set.contains_key(router.get_ref())
            {
                let message = format!("`{}` sets nothing on `{}`", change.name, router.get_ref());
                errors.push(Diagnostic::new(file, router.span(), message).expecting("its table in `set`"));
            }
        }
    }
}

/// A standby is what it stands by for, and what it would have to know can be copied.
fn standby(
    index: &Index<'_>,
    file: &SourceFile,
    service: &services::Service,
    of: &Spanned<String>,
    errors: &mut Diagnostics,
) {
    use services::Run::{AccessServer, Identity};
    let Some(primary) = index.services.look_up(file, of, errors) else { return };
    let alike = matches!(
        (&service.run, &primary.run),
        (AccessServer(_), AccessServer(_)) | (Identity(_), Identity(_))
    );
    if !alike || primary.standby.is_some() {
        let message = format!("`{}` cannot stand by for `{}`", service.name.get_ref(), of.get_ref());
        let expected = "an access server for an access server, a sign-in service for a sign-in service";
        errors.push(Diagnostic::new(file, of.span(), message).expecting(expected));
    }
}

/// Certificates that do not hold all along, by the right time; this stops nothing.
pub(crate) fn certificates(index: &Index<'_>, start: Timestamp, duration: Duration) -> Diagnostics {
    let end = start.checked_add(duration).unwrap_or(Timestamp::MAX);
    let moment = |seconds: u64| i64::try_from(seconds).ok().and_then(|s| Timestamp::from_second(s).ok());
    let warning = |(name, (file, service)): (&str, (&SourceFile, &services::Service))| {
        let shown = certificate(&service.run)?;
        let (from, until) = (moment(shown.from.unix_s())?, moment(shown.until.unix_s())?);
        let saw = match (until < start, from > start, until < end) {
            (true, ..) => format!("is over since {until}, before the run begins at {start}"),
            (_, true, _) => format!("holds from {from} on, and the run begins at {start}"),
            (_, _, true) => format!("is over at {until}, before the run ends at {end}"),
            _ => return None,
        };
        let message = format!("the certificate of `{name}` {saw}");
        let help = "whoever looks at it then does not believe it; renew it, unless that is what is tried";
        Some(Diagnostic::new(file, service.name.span(), message).helped(help))
    };
    index.services.iter().filter_map(warning).collect()
}

fn certificate(run: &services::Run) -> Option<Certificate> {
    match run {
        services::Run::AccessServer(config) => config.certificate,
        services::Run::JumpHost(config) => config.certificate,
        services::Run::Vpn(config) => config.certificate,
        services::Run::Tool(config) => config.certificate,
        services::Run::ConsoleServer(config) => config.certificate,
        services::Run::Chat(config) => config.settings.certificate,
        _ => None,
    }
}

/// A host's own address belongs to it alone.
fn one_owner(index: &Index<'_>, errors: &mut Diagnostics) {
    let mut owners = std::collections::BTreeMap::new();
    for (name, (_, router)) in index.routers.iter() {
        owners.insert(router.address, name);
    }
    let mut routed = BTreeSet::new();
    for (_, (file, host)) in index.hosts.iter() {
        for address in &host.routed {
            if !routed.insert((host.router.get_ref(), address)) {
                let message = format!("`{}` sends {address} to two hosts", host.router.get_ref());
                let expected = "one host a router for each routed address";
                errors.push(Diagnostic::new(file, host.name.span(), message).expecting(expected));
            }
        }
    }
    for (name, (file, host)) in index.hosts.iter() {
        if let Some(other) = owners.insert(*host.address.get_ref(), name) {
            let message = format!("{} is also the address of `{other}`", host.address.get_ref());
            let help = "an address that several hosts share belongs into `routed` or `anycast`";
            errors.push(Diagnostic::new(file, host.address.span(), message).helped(help));
        }
    }
}

fn zones(folder: &Folder, file: &SourceFile, authority: &services::Authority, errors: &mut Diagnostics) {
    for zone in &authority.zones {
        if !folder.zones.contains_key(zone.get_ref()) {
            let known = folder.zones.keys().map(String::as_str);
            errors.push(
                Diagnostic::unknown(file, zone.span(), "zone file", zone.get_ref(), known)
                    .helped(format!("write zones/{}, or correct the name", zone.get_ref())),
            );
        }
    }
}

fn capacity(
    folder: &Folder,
    index: &Index<'_>,
    file: &SourceFile,
    capacity: &services::Capacity,
    errors: &mut Diagnostics,
) {
    let routers = groups(all(&folder.networks, |f| &f.router).map(|(_, r)| &r.groups));
    let links = groups(all(&folder.networks, |f| &f.link).map(|(_, l)| &l.groups));
    group(file, &capacity.routers, "router group", &routers, errors);
    group(file, &capacity.links, "link group", &links, errors);
    index.accounts.look_up(file, &capacity.account, errors);
}

fn groups<'a>(lists: impl Iterator<Item = &'a Vec<String>>) -> BTreeSet<&'a str> {
    lists.flatten().map(String::as_str).collect()
}

fn group(
    file: &SourceFile,
    at: &Spanned<String>,
    kind: &str,
    known: &BTreeSet<&str>,
    errors: &mut Diagnostics,
) {
    if !known.contains(at.get_ref().as_str()) {
        errors.push(Diagnostic::unknown(file, at.span(), kind, at.get_ref(), known.iter().copied()));
    }
}
