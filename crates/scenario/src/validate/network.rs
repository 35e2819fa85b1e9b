//! `network.toml`: routers, links, sessions.

use crate::files::network;
use crate::files::units::Length;
use crate::index::{Index, all};
use crate::load::Folder;
use blackstart_rt::Set;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned};
use ipnet::IpNet;

/// Both ends of everything, and addresses that tell where to go.
pub(super) fn references(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
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
        hold_time_fits(file, &session.hold_time, errors);
    }
    for (file, originate) in all(&folder.networks, |f| &f.originate) {
        index.routers.look_up(file, &originate.router, errors);
    }
    originated_twice(folder, index, errors);
}

/// Links between two networks over which nothing can be routed; this stops nothing.
pub(crate) fn links_without_sessions(folder: &Folder, index: &Index<'_>) -> Diagnostics {
    let sessions = || all(&folder.networks, |f| &f.session).map(|(_, session)| names(&session.ends));
    let number = |router: &str| index.routers.get(router).map(|(_, router)| *router.r#as.get_ref());
    let warning = |(file, link): (&SourceFile, &network::Link)| {
        let [a, b] = names(&link.ends);
        let talk = number(a) == number(b) || sessions().any(|ends| ends == [a, b] || ends == [b, a]);
        let message = format!(
            "`{a}` and `{b}` are in two networks and have no [[session]]: nothing is routed over this link"
        );
        let help = "add a [[session]] between them, or leave the link out";
        (!talk).then(|| Diagnostic::new(file, link.ends[0].span(), message).helped(help))
    };
    all(&folder.networks, |f| &f.link).filter_map(warning).collect()
}

fn names(ends: &[Spanned<String>; 2]) -> [&str; 2] {
    ends.each_ref().map(|end| end.get_ref().as_str())
}

/// A speaker announces a prefix once: what stands under `originate`, and the networks of a router without interior routing.
fn originated_twice(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    let mut seen: Set<(&str, IpNet)> = Set::new();
    for (name, (_, router)) in index.routers.iter().filter(|(_, (_, router))| !router.igp) {
        seen.extend(router.networks.iter().map(|net| (name, net.get_ref().trunc())));
    }
    for (file, originate) in all(&folder.networks, |f| &f.originate) {
        let router = originate.router.get_ref();
        if !seen.insert((router, originate.prefix.trunc())) {
            let message = format!("{router} announces {} already", originate.prefix);
            let help = "leave one out; `networks` of a router without `igp` are announced as they are";
            errors.push(Diagnostic::new(file, originate.router.span(), message).helped(help));
        }
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

/// RFC 4271 section 4.2: whole seconds, and neither one nor two. Judges expect routing to settle within
/// [`blackstart_judge::CONVERGENCE`], which leaves so much for silence to be noticed.
fn hold_time_fits(file: &SourceFile, stated: &Spanned<Length>, errors: &mut Diagnostics) {
    let Length(hold) = *stated.get_ref();
    if hold.subsec_nanos() != 0 || !(3..=240).contains(&hold.as_secs()) {
        let message = format!("a hold time of {hold:?}");
        errors.push(Diagnostic::new(file, stated.span(), message).expecting("whole seconds, `3s` to `240s`"));
    }
}

/// The link between two routers.
fn link_between<'a>(folder: &'a Folder, a: &str, b: &str) -> Option<&'a network::Link> {
    let joins = |link: &&network::Link| {
        let [x, y] = [link.ends[0].get_ref(), link.ends[1].get_ref()];
        (x == a && y == b) || (x == b && y == a)
    };
    all(&folder.networks, |f| &f.link).map(|(_, link)| link).find(joins)
}
