//! Looking every reference of a scenario up, before anything runs.
//!
//! One function for each file; all of them add to one list, so that a user sees everything at once.

use crate::files::{milestones, network, people, services};
use crate::index::{Index, all};
use crate::load::Folder;
use crate::vocabulary;
use blackstart_fault::{On, Targets};
use blackstart_judge::{Condition, Mode, Stated};
use blackstart_runbook::step::Runbook;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned};
use blackstart_world::People;
use blackstart_world::people::TASKS;
use ipnet::IpNet;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::time::Duration;

/// Everything wrong with the references of a scenario.
pub(crate) fn references(folder: &Folder, index: &Index<'_>) -> Diagnostics {
    let mut errors = Diagnostics::new();
    network(folder, index, &mut errors);
    services(folder, index, &mut errors);
    people(folder, index, &mut errors);
    for statement in &folder.faults.it.statement {
        index.hosts.look_up(&folder.faults.file, &statement.from, &mut errors);
    }
    beliefs(folder, &mut errors);
    duty(folder, &mut errors);
    milestones(folder, index, &mut errors);
    invariants(folder, index, &mut errors);
    if let Some(runbook) = &folder.scenario.it.runbook
        && !folder.runbooks.contains_key(runbook.get_ref())
    {
        let known = folder.runbooks.keys().map(String::as_str);
        let file = &folder.scenario.file;
        errors.push(Diagnostic::unknown(file, runbook.span(), "runbook", runbook.get_ref(), known));
    }
    errors
}

// ---- network.toml ----

fn network(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    let numbers: Vec<(u32, String)> = all(&folder.networks, |f| &f.r#as)
        .map(|(_, a)| (*a.number.get_ref(), a.number.get_ref().to_string()))
        .collect();
    for (_, (file, router)) in index.routers.iter() {
        index.sites.look_up(file, &router.site, errors);
        if !numbers.iter().any(|(number, _)| number == router.r#as.get_ref()) {
            let known = numbers.iter().map(|(_, text)| text.as_str());
            let word = router.r#as.get_ref().to_string();
            errors.push(Diagnostic::unknown(file, router.r#as.span(), "AS", &word, known));
        }
    }
    overlaps(index, errors);
    for (file, link) in all(&folder.networks, |f| &f.link) {
        ends(index, file, &link.ends, errors);
        if let Err(error) = link.way().check() {
            errors.push(Diagnostic::new(file, link.ends[0].span(), error.to_string()));
        }
        if link.bursts.is_some() && link.loss != 0.0 {
            let message = "losses both in bursts and each by itself".to_owned();
            errors.push(Diagnostic::new(file, link.ends[0].span(), message).expecting("`loss` or `bursts`"));
        }
    }
    for (file, session) in all(&folder.networks, |f| &f.session) {
        ends(index, file, &session.ends, errors);
        session_fits(folder, index, file, session, errors);
    }
    for (file, originate) in all(&folder.networks, |f| &f.originate) {
        index.routers.look_up(file, &originate.router, errors);
    }
}

/// Both ends of a link or session must be routers, and not the same one.
fn ends(index: &Index<'_>, file: &SourceFile, ends: &[Spanned<String>; 2], errors: &mut Diagnostics) {
    for end in ends {
        index.routers.look_up(file, end, errors);
    }
    if ends[0].get_ref() == ends[1].get_ref() {
        let message = format!("both ends are `{}`", ends[1].get_ref());
        errors.push(Diagnostic::new(file, ends[1].span(), message).expecting("two different routers"));
    }
}

/// No address may belong to two routers' networks: a packet could not tell where to go.
fn overlaps(index: &Index<'_>, errors: &mut Diagnostics) {
    let mut seen: Vec<(&Spanned<IpNet>, &str)> = Vec::new();
    for (name, (file, router)) in index.routers.iter() {
        for net in &router.networks {
            let (mine, clash) =
                (net.get_ref(), |other: &IpNet, mine: &IpNet| other.contains(mine) || mine.contains(other));
            if let Some((other, owner)) = seen.iter().find(|(other, _)| clash(other.get_ref(), mine)) {
                let message = format!("{mine} overlaps {} of {owner}", other.get_ref());
                let help = "give each router networks of its own; a longer prefix elsewhere belongs into `originate`";
                errors.push(Diagnostic::new(file, net.span(), message).helped(help));
            }
            seen.push((net, name));
        }
    }
}

fn session_fits(
    folder: &Folder,
    index: &Index<'_>,
    file: &SourceFile,
    session: &network::Session,
    errors: &mut Diagnostics,
) {
    use network::Relation::{Customer, Ibgp, Peer, ReflectorClient};
    let [a, b] = &session.ends;
    let (Some((_, one)), Some((_, other))) = (index.routers.get(a.get_ref()), index.routers.get(b.get_ref()))
    else {
        return;
    };
    let same_as = one.r#as.get_ref() == other.r#as.get_ref();
    let inside = matches!(session.relation, Ibgp | ReflectorClient);
    if same_as != inside {
        let (found, expected) = match same_as {
            true => ("one AS", "`ibgp` or `reflector-client`"),
            false => ("two ASes", "`customer` or `peer`"),
        };
        let message = format!("`{}` and `{}` are in {found}", a.get_ref(), b.get_ref());
        errors.push(Diagnostic::new(file, b.span(), message).expecting(format!("relation = {expected}")));
    }
    if matches!(session.relation, Customer | Peer) && link_between(folder, a.get_ref(), b.get_ref()).is_none()
    {
        let message = format!("no link joins `{}` and `{}`", a.get_ref(), b.get_ref());
        errors.push(
            Diagnostic::new(file, b.span(), message).expecting("a [[link]] under every external session"),
        );
    }
}

/// The link between two routers.
pub(crate) fn link_between<'a>(folder: &'a Folder, a: &str, b: &str) -> Option<&'a network::Link> {
    let joins = |link: &&network::Link| {
        let [x, y] = [link.ends[0].get_ref(), link.ends[1].get_ref()];
        (x == a && y == b) || (x == b && y == a)
    };
    all(&folder.networks, |f| &f.link).map(|(_, link)| link).find(joins)
}

// ---- services.toml ----

fn services(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
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

/// A chat to page through, an account to sign in with, and time between looks.
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
    if alert.every.0.is_zero() || alert.retry.0.is_zero() {
        let message = "an alert without a pause".to_owned();
        errors.push(
            Diagnostic::new(file, alert.chat.span(), message).expecting("`every` and `retry` above zero"),
        );
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

// ---- people.toml ----

fn people(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    for (_, (file, place)) in index.places.iter() {
        if let Some(site) = &place.site {
            index.sites.look_up(file, site, errors);
        }
    }
    for (file, travel) in all(&folder.people, |f| &f.travel) {
        index.places.look_up(file, &travel.from, errors);
        index.places.look_up(file, &travel.to, errors);
        estimate(file, &travel.takes, errors);
    }
    for (_, (file, door)) in index.doors.iter() {
        index.places.look_up(file, &door.from, errors);
        index.places.look_up(file, &door.to, errors);
        index.hosts.look_up(file, &door.reader, errors);
        index.hosts.look_up(file, &door.controller, errors);
    }
    for (_, (file, person)) in index.persons.iter() {
        index.places.look_up(file, &person.at, errors);
        if let Some(home) = &person.home {
            index.places.look_up(file, home, errors);
        }
        for other in person.numbers.iter().flatten() {
            index.persons.look_up(file, other, errors);
        }
        if let Some(phone) = &person.phone {
            index.services.look_up(file, phone, errors);
        }
        if let Some(laptop) = &person.laptop {
            index.hosts.look_up(file, laptop, errors);
        }
        if let Some(account) = &person.account {
            index.accounts.look_up(file, account, errors);
        }
    }
    let documents = vocabulary::documents(index);
    for (_, (file, bridge)) in index.bridges.iter() {
        let at = bridge.at.iter().filter(|at| !documents.contains(at.get_ref()));
        errors.extend(at.map(|at| {
            Diagnostic::unknown(
                file,
                at.span(),
                "document",
                at.get_ref(),
                documents.iter().map(String::as_str),
            )
        }));
    }
    for (_, (file, item)) in index.items.iter() {
        index.places.look_up(file, &item.at, errors);
        held_once(folder, file, item, errors);
    }
    for (file, badge) in all(&folder.people, |f| &f.badge) {
        index.persons.look_up(file, &badge.person, errors);
        for door in &badge.doors {
            index.doors.look_up(file, door, errors);
        }
    }
    for (_, (file, account)) in index.accounts.iter() {
        if let Some(place) = &account.kept_at {
            index.places.look_up(file, place, errors);
        }
        if let Some(phone) = &account.phone {
            index.hosts.look_up(file, phone, errors);
            asked_by_push(file, account, phone, index, errors);
        }
        for holder in &account.holders {
            index.persons.look_up(file, holder, errors);
        }
    }
    for (file, console) in all(&folder.people, |f| &f.console) {
        for router in &console.routers {
            index.routers.look_up(file, router, errors);
        }
        if let Some(account) = &console.sign_in {
            index.accounts.look_up(file, account, errors);
        }
    }
    tasks(index, errors);
}

/// A phone is asked by a sign-in service that has a push service.
fn asked_by_push(
    file: &SourceFile,
    account: &people::Account,
    phone: &Spanned<String>,
    index: &Index<'_>,
    errors: &mut Diagnostics,
) {
    let pushes =
        |run: &services::Run| matches!(run, services::Run::Identity(config) if config.push.is_some());
    let asked = account.kind == people::AccountKind::SignIn
        && index.services.iter().any(|(_, (_, service))| pushes(&service.run));
    if !asked {
        let message = "nobody asks this phone";
        let expected = "an account with `kind = \"sign-in\"`, and a sign-in service with `push`";
        errors.push(Diagnostic::new(file, phone.span(), message).expecting(expected));
    }
}

/// Sealed envelopes that nobody has tried for too long, on the day of the run; this stops nothing.
pub(crate) fn envelopes(index: &Index<'_>, today: Option<Date>, errors: &mut Diagnostics) -> Diagnostics {
    let mut warnings = Diagnostics::new();
    for (name, (file, account)) in index.accounts.iter() {
        let tested = match &account.last_test {
            None => None,
            Some(day) => match day.get_ref().parse::<Date>() {
                Ok(day) => Some(day),
                Err(_) => {
                    let message = format!("`{}` is no day", day.get_ref());
                    errors.push(Diagnostic::new(file, day.span(), message).expecting("such as `2021-09-01`"));
                    continue;
                }
            },
        };
        let Some((every, today)) = account.test_every_days.zip(today) else { continue };
        let days = tested.map(|day| today.duration_since(day).as_hours() / 24);
        let saw = match days {
            None => "was never tried".to_owned(),
            Some(days) if days > i64::from(every) => format!("was last tried {days} days ago"),
            Some(_) => continue,
        };
        let message = format!("the envelope of `{name}` {saw}; it is to be tried every {every} days");
        let help = "open it, sign in with what it says, seal it again; then correct `last-test`";
        warnings.push(Diagnostic::new(file, account.name.span(), message).helped(help));
    }
    warnings
}

fn estimate(file: &SourceFile, takes: &people::Estimate, errors: &mut Diagnostics) {
    let (low, likely, high) = (takes.low.0, takes.likely.get_ref().0, takes.high.0);
    if !(low <= likely && likely <= high) {
        let message = "`likely` is not between `low` and `high`";
        errors.push(Diagnostic::new(file, takes.likely.span(), message).expecting("low <= likely <= high"));
    }
}

/// What lies somewhere is in nobody's hands.
fn held_once(folder: &Folder, file: &SourceFile, item: &people::Item, errors: &mut Diagnostics) {
    let holds = |person: &&people::Person| person.items.contains(item.name.get_ref());
    if let Some(holder) = all(&folder.people, |f| &f.person).map(|(_, person)| person).find(holds) {
        let message =
            format!("`{}` lies somewhere, and {} holds it too", item.name.get_ref(), holder.name.get_ref());
        errors.push(Diagnostic::new(file, item.name.span(), message).expecting("one or the other"));
    }
}

/// Every estimate has a task.
fn tasks(index: &Index<'_>, errors: &mut Diagnostics) {
    for (_, (file, task)) in index.tasks.iter() {
        estimate(file, &task.takes, errors);
        if !TASKS.iter().any(|(name, _)| name == task.name.get_ref()) {
            let known = TASKS.iter().map(|(name, _)| *name);
            errors.push(Diagnostic::unknown(file, task.name.span(), "task", task.name.get_ref(), known));
        }
    }
}

/// What people believe hangs on what probes see, and to doubt it takes time.
fn beliefs(folder: &Folder, errors: &mut Diagnostics) {
    let checks: BTreeSet<&str> = all(&folder.services, |f| &f.service)
        .filter_map(|(_, service)| match &service.run {
            services::Run::Probe(probe) => Some(probe.checks.iter().map(|check| check.name.as_str())),
            _ => None,
        })
        .flatten()
        .collect();
    let looks = all(&folder.people, |f| &f.task).any(|(_, task)| task.name.get_ref() == "look");
    for (file, belief) in all(&folder.people, |f| &f.belief) {
        for look in [&belief.suggested_by, &belief.refuted_by] {
            let signal = look.signal.get_ref().as_str();
            if !checks.contains(signal) {
                let known = checks.iter().copied();
                errors.push(Diagnostic::unknown(file, look.signal.span(), "check", signal, known));
            }
        }
        if !looks {
            let message = "nobody says how long it takes to look for what speaks against this";
            errors.push(Diagnostic::new(file, belief.name.span(), message).expecting("a [[task]] `look`"));
        }
    }
}

/// Other people's calls, other people's will, the length of a shift.
fn duty(folder: &Folder, errors: &mut Diagnostics) {
    for (file, interruption) in all(&folder.people, |f| &f.interruption) {
        self::interruption(folder, file, interruption, errors);
    }
    for (file, person) in all(&folder.people, |f| &f.person) {
        if let Some(refuses) = &person.refuses {
            share(file, &refuses.chance, errors);
            refuses.gives_way_to.iter().for_each(|to| role(folder, file, to, errors));
        }
    }
    for read in &folder.people {
        if let Some(fatigue) = &read.it.fatigue {
            share(&read.file, &fatigue.slower_per_hour, errors);
            share(&read.file, &fatigue.slips_per_hour, errors);
        }
        if let Some(change) = &read.it.shift_change {
            shift_change(folder, &read.file, change, errors);
        }
        if let Some(back) = read.it.call_back.as_ref().filter(|back| *back.tries.get_ref() == 0) {
            let message = "a call-back that is never tried".to_owned();
            errors.push(Diagnostic::new(&read.file, back.tries.span(), message).expecting("1 or more"));
        }
    }
    for (file, belief) in all(&folder.people, |f| &f.belief) {
        if let Some(percent) = belief.admits.as_ref().filter(|percent| *percent.get_ref() > 100) {
            let message = format!("{} is no share of the users", percent.get_ref());
            errors.push(Diagnostic::new(file, percent.span(), message).expecting("0 to 100 percent"));
        }
    }
}

/// Nobody need have the role that takes the calls: that is when they are not taken.
fn interruption(
    folder: &Folder,
    file: &SourceFile,
    interruption: &people::Interruption,
    errors: &mut Diagnostics,
) {
    role(folder, file, &interruption.role, errors);
    estimate(file, &interruption.every, errors);
    estimate(file, &interruption.takes, errors);
    if interruption.every.low.0.is_zero() {
        let message = "calls without a time between them".to_owned();
        let expected = "`every.low` above zero";
        errors.push(Diagnostic::new(file, interruption.by.span(), message).expecting(expected));
    }
}

/// Learning how things stand takes time.
fn shift_change(folder: &Folder, file: &SourceFile, change: &people::ShiftChange, errors: &mut Diagnostics) {
    let has = |name: &str| all(&folder.people, |f| &f.task).any(|(_, task)| task.name.get_ref() == name);
    if !(has("brief") && has("find-out")) {
        let message = "nobody says how long it takes to learn how things stand";
        let expected = "a [[task]] `brief` and a [[task]] `find-out`";
        errors.push(Diagnostic::new(file, change.stays.span(), message).expecting(expected));
    }
}

fn role(folder: &Folder, file: &SourceFile, role: &Spanned<String>, errors: &mut Diagnostics) {
    let roles = all(&folder.people, |f| &f.person).flat_map(|(_, person)| &person.roles).map(String::as_str);
    let roles: BTreeSet<&str> = roles.collect();
    if !roles.contains(role.get_ref().as_str()) {
        errors.push(Diagnostic::unknown(file, role.span(), "role", role.get_ref(), roles));
    }
}

fn share(file: &SourceFile, share: &Spanned<f64>, errors: &mut Diagnostics) {
    if !(0.0..=1.0).contains(share.get_ref()) {
        let message = format!("{} is no share", share.get_ref());
        errors.push(Diagnostic::new(file, share.span(), message).expecting("0 to 1"));
    }
}

/// Every task that the steps of a runbook may ask of people has an estimate.
pub(crate) fn durations(folder: &Folder, people: &People, runbook: &Runbook, errors: &mut Diagnostics) {
    let tasks: BTreeSet<&str> = runbook.tasks().collect();
    let missing: Vec<&str> = tasks.into_iter().filter(|task| !people.tasks.contains_key(*task)).collect();
    if !missing.is_empty() {
        let file = folder.people.last().map_or("people.toml", |read| read.file.name());
        let message =
            format!("no duration for {}, which `{}` asks of people", missing.join(", "), runbook.name);
        errors.push(Diagnostic::of_file(file, message).expecting("a [[task]] for each"));
    }
}

// ---- faults.toml, milestones.toml ----

fn milestones(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    for read in [&folder.milestones].into_iter().chain(folder.testimonies.values()) {
        rows(read, index, errors);
    }
}

fn rows(read: &crate::load::Read<milestones::Milestones>, index: &Index<'_>, errors: &mut Diagnostics) {
    let file = &read.file;
    let mut earlier: Vec<&str> = Vec::new();
    for milestone in &read.it.milestone {
        if let Some(after) = &milestone.after
            && !earlier.contains(&after.get_ref().as_str())
        {
            let diagnostic = Diagnostic::unknown(
                file,
                after.span(),
                "milestone",
                after.get_ref(),
                earlier.iter().copied(),
            );
            errors.push(diagnostic.helped("a milestone may hang on one that stands above it"));
        }
        if earlier.contains(&milestone.id.get_ref().as_str()) {
            let message = format!("there are two milestones called `{}`", milestone.id.get_ref());
            errors.push(Diagnostic::new(file, milestone.id.span(), message).expecting("an id of its own"));
        }
        earlier.push(milestone.id.get_ref());
        vantage(index, file, &milestone.signal, milestone.signal.get_ref(), errors);
        if expectation(milestone.expect.get_ref()).is_none() {
            let expected = "exactly one of `becomes`, `leaves`, `at-least`, `below`, `changes`, `peaks`, `settles`, or `holds` with `for`";
            errors.push(
                Diagnostic::new(file, milestone.expect.span(), "no single expectation").expecting(expected),
            );
        }
    }
}

/// Words under `spares` stand for machines.
pub(crate) fn spares(folder: &Folder, targets: &Targets, errors: &mut Diagnostics) {
    let file = &folder.scenario.file;
    for word in &folder.scenario.it.spares {
        if targets.machines_of(word.get_ref()).is_empty() {
            let machines: Vec<String> = targets.of(On::Machine).map(ToString::to_string).collect();
            let known = machines.iter().map(String::as_str).chain(targets.labels());
            errors.push(Diagnostic::unknown(
                file,
                word.span(),
                "machine or label of machines",
                word.get_ref(),
                known,
            ));
        }
    }
}

/// `stem@vantage`: the vantage must exist. Complaints point at where it stands.
pub(crate) fn vantage(
    index: &Index<'_>,
    file: &SourceFile,
    at: &Spanned<String>,
    signal: &str,
    errors: &mut Diagnostics,
) {
    let Some((_, vantage)) = signal.rsplit_once('@') else {
        let message = format!("`{signal}` says nothing of where it is seen from");
        errors.push(Diagnostic::new(file, at.span(), message).expecting("`signal@vantage`"));
        return;
    };
    let elsewhere = ["backends", "console", "runbook"].into_iter();
    let places = index.sites.iter().map(|(n, _)| n).chain(index.doors.iter().map(|(n, _)| n));
    let known: Vec<&str> = index
        .machines
        .iter()
        .copied()
        .chain(index.bridges.iter().map(|(n, _)| n))
        .chain(places)
        .chain(elsewhere)
        .collect();
    if !known.contains(&vantage) {
        errors.push(Diagnostic::unknown(file, at.span(), "vantage point", vantage, known));
    }
}

fn invariants(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    let file = &folder.milestones.file;
    for (n, stated) in folder.milestones.it.invariant.iter().enumerate() {
        vantage(index, file, &stated.signal, stated.signal.get_ref(), errors);
        let name = stated.name.get_ref();
        if folder.milestones.it.invariant.iter().take(n).any(|other| other.name.get_ref() == name) {
            let message = format!("there are two invariants called `{name}`");
            errors.push(Diagnostic::new(file, stated.name.span(), message).expecting("a name of its own"));
        }
        let Some((_, condition)) = moment(stated) else {
            let expected = "exactly one of `always`, `never`, `eventually`";
            errors.push(Diagnostic::new(file, stated.name.span(), "no single moment").expecting(expected));
            continue;
        };
        if self::condition(condition.get_ref()).is_none() {
            let expected = "exactly one of `is`, `at-least`, `below`";
            errors.push(Diagnostic::new(file, condition.span(), "no single condition").expecting(expected));
        }
    }
}

/// The one moment at which an invariant asks, and what for.
fn moment(stated: &milestones::Invariant) -> Option<(Mode, &Spanned<milestones::Condition>)> {
    let all = [
        (Mode::Always, &stated.always),
        (Mode::Never, &stated.never),
        (Mode::Eventually, &stated.eventually),
    ];
    let mut given = all.into_iter().filter_map(|(mode, condition)| Some((mode, condition.as_ref()?)));
    given.next().filter(|_| given.next().is_none())
}

fn condition(stated: &milestones::Condition) -> Option<Condition> {
    let all = [
        stated.is.clone().map(Condition::Is),
        stated.at_least.map(Condition::AtLeast),
        stated.below.map(Condition::Below),
    ];
    let mut given = all.into_iter().flatten();
    given.next().filter(|_| given.next().is_none())
}

/// An invariant as judges take it; `clock` is the time of day at which the run begins.
pub(crate) fn stated(stated: &milestones::Invariant, clock: jiff::civil::Time) -> Option<Stated> {
    let (mode, condition) = moment(stated)?;
    Some(Stated {
        name: stated.name.get_ref().clone(),
        signal: stated.signal.get_ref().clone(),
        mode,
        condition: self::condition(condition.get_ref())?,
        from: stated.from.as_ref().map_or(Duration::ZERO, |from| from.get_ref().since(clock)),
    })
}

/// The one expectation that a row states.
pub(crate) fn expectation(expect: &milestones::Expect) -> Option<blackstart_world::milestone::Expect> {
    use blackstart_world::milestone::Expect as E;
    let stated = [
        expect.becomes.clone().map(E::Becomes),
        expect.leaves.clone().map(E::Leaves),
        expect.at_least.map(E::AtLeast),
        expect.below.map(E::Below),
        expect.changes.then_some(E::Changes),
        expect.peaks.then_some(E::Peaks),
        expect.settles.then_some(E::Settles),
        expect.holds.clone().zip(expect.r#for).map(|(text, length)| E::Holds(text, length.0)),
    ];
    let mut stated = stated.into_iter().flatten();
    stated.next().filter(|_| stated.next().is_none())
}
