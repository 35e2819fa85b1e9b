//! `people.toml`: places, doors, people, what they know and how long they take.

use crate::files::{people, services};
use crate::index::{Index, all};
use crate::load::Folder;
use crate::vocabulary;
use blackstart_runbook::step::Runbook;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned};
use blackstart_world::People;
use blackstart_world::people::TASKS;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Where everybody is, what they hold, what lets them in.
pub(super) fn references(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
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
        door.escorts.iter().flat_map(|escorts| &escorts.roles).for_each(|it| role(folder, file, it, errors));
        let has_rule = door.anti_passback.is_some() || door.two_within.is_some() || door.escorts.is_some();
        if let Some(silent) = door.when_silent.as_ref().filter(|_| !has_rule) {
            let message = "a door without rules has none to drop while the server is silent".to_owned();
            let expected = "`anti-passback`, `two-within` or `escorts` beside `when-silent`";
            errors.push(Diagnostic::new(file, silent.span(), message).expecting(expected));
        }
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
        for server in badge.enrolled_at.iter().flatten() {
            enrolled(index, file, server, errors);
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

/// Badges are in the directories of access servers; a standby has what it stands by for.
fn enrolled(index: &Index<'_>, file: &SourceFile, at: &Spanned<String>, errors: &mut Diagnostics) {
    let Some(service) = index.services.look_up(file, at, errors) else { return };
    if !matches!(service.run, services::Run::AccessServer(_)) || service.standby.is_some() {
        let message = format!("`{}` has no directory of badges of its own", at.get_ref());
        errors.push(Diagnostic::new(file, at.span(), message).expecting("an `access-server`, no standby"));
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
pub(super) fn beliefs(folder: &Folder, errors: &mut Diagnostics) {
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
pub(super) fn duty(folder: &Folder, errors: &mut Diagnostics) {
    for (file, interruption) in all(&folder.people, |f| &f.interruption) {
        self::interruption(folder, file, interruption, errors);
    }
    for (file, person) in all(&folder.people, |f| &f.person) {
        if let Some(refuses) = &person.refuses {
            share(file, &refuses.chance, errors);
            refuses.gives_way_to.iter().for_each(|to| role(folder, file, to, errors));
        }
        person.no_answer.iter().for_each(|chance| share(file, chance, errors));
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
