//! Consoles: logging in by cable, comparing, bringing links back, and what routers originate.

use super::{Attempt, Failure, Incident, Kind, rough};
use crate::step::Name;
use blackstart_identity::code;
use blackstart_manage::client::{Cli, Error};
use blackstart_manage::router::command::prefix_key;
use blackstart_rt::{Map, Set};
use blackstart_sim::{Time, control};
use blackstart_world::{Account, AccountKind, Event, Lapse, World};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long somebody looks at a console that does not answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How often reachability is looked at after the last command, and how many times.
const REACH_LOOKS: u32 = 10;
const REACH_PAUSE: Duration = Duration::from_secs(60);

/// Bringing links back, as the step orders it.
pub(super) struct Restore<'a> {
    pub(super) on: &'a Name,
    pub(super) first: usize,
    pub(super) hold: Duration,
    pub(super) isolate: Option<&'a Name>,
    pub(super) admit: Option<u32>,
}

/// What somebody types at a prompt.
#[derive(Clone)]
pub(super) struct Login {
    account: String,
    secret: String,
    code_seed: String,
}

impl Login {
    pub(super) fn of(account: &Account, world: &World) -> Self {
        let code_seed = account.code_seed.clone().unwrap_or_default();
        Self { account: account.name.clone(), secret: world.secret(account), code_seed }
    }

    /// Types it at a prompt.
    pub(super) async fn type_in(&self, cli: &mut Cli) -> Result<(), Error> {
        let code = code::at(&self.code_seed, blackstart_rt::time::unix_now());
        cli.login_local(&self.account, &self.secret, &code).await
    }
}

impl Incident {
    pub(super) fn routers(&self, group: &Name) -> Result<Vec<String>, Failure> {
        let routers = self.world.wiring.router_groups.get(&group.text).cloned();
        routers.ok_or_else(|| format!("there are no routers called `{}`", group.text).into())
    }

    pub(super) fn account(&self, name: &Name) -> Result<&Account, Failure> {
        let account = self.world.people.accounts.get(&name.text);
        account.ok_or_else(|| format!("there is no account `{}`", name.text).into())
    }

    // ---- by cable ----

    /// Fetches the sealed secret, plugs the cable in, logs in on the routers here; then technicians at the other sites do
    /// the same, told by voice.
    pub(super) async fn login_serial(
        &self,
        on: &Name,
        with: &Name,
        factor: Option<&Name>,
    ) -> Result<(), Failure> {
        let account = self.account(with)?;
        let lead = self.lead()?;
        let here = self.site()?;
        if let Some(item) = factor {
            self.holder(&item.text)?;
        }
        if account.kind != AccountKind::Local {
            return Err(format!("`{}` is no account of the routers themselves", account.name).into());
        }
        if let Some(place) = &account.kept_at {
            self.fetch_secret(place, with, &account.holders).await?;
        }
        self.busy(&lead, "connect-serial").await?;
        let by_site = self.by_site(&self.routers(on)?)?;
        let own = by_site.get(&here).ok_or_else(|| format!("no router of `{}` stands at {here}", on.text))?;
        for router in own {
            self.log_in_by_cable(&lead, &here, router, account).await?;
        }
        for (site, routers) in by_site.iter().filter(|(site, _)| **site != here) {
            let technician = self.technician_at(site)?;
            self.busy(&technician, "unlock-device").await?;
            for router in routers {
                self.log_in_by_cable(&technician, site, router, account).await?;
            }
        }
        Ok(())
    }

    /// Somebody entitled opens the envelope; where it has holders, all of them together.
    async fn fetch_secret(&self, place: &str, with: &Name, holders: &[String]) -> Result<(), Failure> {
        if !holders.is_empty() {
            return self.open_together(place, with, holders).await;
        }
        let entitled = |name: &&String| {
            self.world.people.person(name).is_some_and(|person| person.skills.contains(&with.text))
        };
        let crew = self.crew.borrow().clone();
        let opener = crew.iter().find(entitled).ok_or_else(|| {
            let text = format!("nobody here may open the `{}` safe", with.text);
            Failure::at_once(Kind::Person, with.text.clone(), text)
        })?;
        let stands = self.place_of(opener)?;
        if stands != place {
            let text = format!("the `{}` envelope lies in {place}, {opener} is at {stands}", with.text);
            return Err(Failure::at_once(Kind::Item, with.text.clone(), text));
        }
        self.busy(opener, "open-safe").await
    }

    async fn open_together(&self, place: &str, with: &Name, holders: &[String]) -> Result<(), Failure> {
        for holder in holders {
            let stands = self.place_of(holder)?;
            if stands != place {
                let together = holders.join(" and ");
                let text = format!(
                    "the `{}` envelope in {place} is opened by {together} together, {holder} is at {stands}",
                    with.text
                );
                return Err(Failure::at_once(Kind::Person, holder, text));
            }
        }
        self.all_busy(holders, "open-safe").await
    }

    fn by_site(&self, routers: &[String]) -> Result<Map<String, Vec<String>>, Failure> {
        let mut by_site: Map<String, Vec<String>> = Map::new();
        for router in routers {
            let machine =
                self.world.wiring.machine(router).ok_or_else(|| format!("there is no router `{router}`"))?;
            by_site.entry(machine.site.clone()).or_default().push(router.clone());
        }
        Ok(by_site)
    }

    /// Somebody who stands at a site and is on the bridge.
    fn technician_at(&self, site: &str) -> Result<String, Failure> {
        let found = self.world.with_state(|state| {
            let at_site = |name: &&str| {
                let place = state.physical.at.get(*name);
                place.and_then(|place| self.world.people.site_of(place)) == Some(site)
            };
            let mut bridges = state.physical.bridges.keys();
            bridges.find_map(|bridge| {
                state.physical.on_bridge(bridge).into_iter().find(at_site).map(str::to_owned)
            })
        });
        let nobody = || format!("nobody on the bridge stands at {site}");
        found.ok_or_else(|| Failure::at_once(Kind::Person, site, nobody()))
    }

    async fn log_in_by_cable(
        &self,
        person: &str,
        site: &str,
        router: &str,
        account: &Account,
    ) -> Result<(), Failure> {
        self.afar.borrow_mut().remove(router);
        self.at_console(site, router, account, |_| async { Ok(()) }).await?;
        self.prompt(person, router.to_owned(), "serial");
        Ok(())
    }

    pub(super) fn prompt(&self, person: &str, router: String, by: &str) {
        self.world.emit(&Event::Prompt { person: person.to_owned(), router, by: by.to_owned() });
    }

    /// Logs in, over the network where somebody has a way, else by cable, does `work`, logs out.
    pub(super) async fn at_console<T, W, F>(
        &self,
        site: &str,
        router: &str,
        account: &Account,
        work: W,
    ) -> Result<T, Failure>
    where
        T: 'static,
        W: FnOnce(Cli) -> F + 'static,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        let route = self.afar.borrow().get(router).cloned();
        if let Some(route) = route {
            return self.over(&route, router, work).await;
        }
        let cable = self.world.wiring.cable_at(site, router);
        let (cart, cable) = cable.ok_or_else(|| format!("there is no serial cable to {router} at {site}"))?;
        let plugged = control::set_link_cut(cable.link, false);
        plugged.map_err(|error| format!("the cable to {router}: {error}"))?;
        let console = cable.console;
        let login = Login::of(account, &self.world);
        let conversation = async move { work(open(console, &login).await?).await };
        let began = Time::now();
        let done = self.on_machine(cart, conversation).await?;
        done.map_err(|error| {
            let tried = Attempt::new(Kind::Console, router, began, &error).from(cart);
            Failure::of(format!("console of {router}: {error}"), tried)
        })
    }

    // ---- reading and changing ----

    /// The account that opened the consoles; later steps go on with it.
    pub(super) fn console_account(&self) -> Result<&Account, Failure> {
        let local = |account: &&Account| account.kind == AccountKind::Local;
        let found = self.world.people.accounts.values().find(local);
        found.ok_or_else(|| "no account opens a console".to_owned().into())
    }

    /// Routers with a prompt, by site.
    fn opened(&self) -> Result<Map<String, Vec<String>>, Failure> {
        let routers: Vec<String> =
            self.world.with_state(|state| state.physical.prompts.keys().cloned().collect());
        match routers.is_empty() {
            true => Err("nobody has a prompt on any router".to_owned().into()),
            false => self.by_site(&routers),
        }
    }

    /// Reads what the last change did on every router that is open, and agrees on it. Changes nothing.
    pub(super) async fn compare(&self, save: Option<&Name>) -> Result<(), Failure> {
        if let Some(item) = save {
            self.holder(&item.text)?;
        }
        let lead = self.lead()?;
        let account = self.console_account()?;
        self.busy(&lead, "read-config").await?;
        for (site, routers) in self.opened()? {
            for router in routers {
                let read = self
                    .at_console(&site, &router, account, |mut cli| async move { cli.diff_last_good().await });
                let shut = read.await?.iter().filter_map(shut_port).collect();
                self.world.emit(&Event::Compared { router, shut });
            }
        }
        self.busy(&lead, "agree-on-cause").await
    }

    /// Cuts automation off, keeps users out, brings the first links back and holds them, then the rest.
    pub(super) async fn restore(&self, order: &Restore<'_>) -> Result<(), Failure> {
        if let Some(percent) = order.admit {
            self.order_admission(percent).await?;
        }
        if let Some(service) = order.isolate {
            self.isolate(service).await?;
        }
        let links = self.world.wiring.link_groups.get(&order.on.text);
        let links = links.ok_or_else(|| format!("there are no links called `{}`", order.on.text))?;
        let shut = self.world.with_state(|state| state.physical.shut_by_last_change.clone());
        let is_shut =
            |router: &String, port: &String| shut.get(router).is_some_and(|ports| ports.contains(port));
        let whole = links.iter().filter(|(a, b)| is_shut(a, b) && is_shut(b, a));
        let first: Vec<(String, String)> = whole.take(order.first).cloned().collect();
        for (a, b) in &first {
            self.bring_up(a, std::slice::from_ref(b)).await?;
            self.bring_up(b, std::slice::from_ref(a)).await?;
        }
        self.hold(order.hold, "the first links must hold").await;
        for (a, b) in &first {
            self.still_up(a, b, order.hold).await?;
        }
        for (router, ports) in self.own_site_first(&shut)? {
            let done = |port: &&String| {
                !first.iter().any(|(a, b)| (a, b) == (router, *port) || (b, a) == (router, *port))
            };
            let rest: Vec<String> = ports.iter().filter(done).cloned().collect();
            self.bring_up(router, &rest).await?;
        }
        self.look_at_reach().await
    }

    /// Routers that need no phone call come first.
    fn own_site_first<'a>(
        &self,
        shut: &'a Map<String, Vec<String>>,
    ) -> Result<Vec<(&'a String, &'a Vec<String>)>, Failure> {
        let here = self.site().ok();
        let is_here = |router: &str| self.site_of_router(router).ok() == here;
        let (own, others): (Vec<_>, Vec<_>) = shut.iter().partition(|(router, _)| is_here(router));
        Ok(own.into_iter().chain(others).collect())
    }

    /// Shuts the port that leads to the service's machine.
    pub(super) async fn isolate(&self, service: &Name) -> Result<(), Failure> {
        let host = self.world.wiring.services.get(&service.text);
        let host = host.ok_or_else(|| format!("nobody knows where `{}` runs", service.text))?.clone();
        let machine =
            self.world.wiring.machine(&host).and_then(|m| Some((m.site.clone(), m.router.clone()?)));
        let (site, router) = machine.ok_or_else(|| format!("nobody knows where {host} is plugged in"))?;
        let lead = self.lead()?;
        self.has_prompt(&router, &format!(", where {host} is plugged in"))?;
        self.busy(&lead, "isolate").await?;
        let (port, who) = (host.clone(), lead.clone());
        self.at_console(&site, &router, self.console_account()?, |mut cli| async move {
            cli.stage(&port, false).await?;
            cli.commit(&who).await
        })
        .await?;
        self.world.emit(&Event::Isolated { service: service.text.clone(), port: format!("{router} {host}") });
        Ok(())
    }

    /// Somebody is logged in on a router.
    pub(super) fn has_prompt(&self, router: &str, what: &str) -> Result<(), Failure> {
        match self.world.with_state(|state| state.physical.prompts.contains_key(router)) {
            true => Ok(()),
            false => {
                let text = format!("nobody has a prompt on {router}{what}");
                Err(Failure::at_once(Kind::Console, router, text))
            }
        }
    }

    async fn bring_up(&self, router: &str, ports: &[String]) -> Result<(), Failure> {
        if ports.is_empty() {
            return Ok(());
        }
        let person = self.hands_at(router)?;
        self.busy(&person, "apply").await?;
        self.set_ports(&person, router, ports, true).await?;
        self.restored.borrow_mut().extend(ports.iter().map(|port| (router.to_owned(), port.clone())));
        let (router, ports) = (router.to_owned(), ports.to_vec());
        self.world.emit(&Event::Restored { router, ports, person });
        Ok(())
    }

    /// Has a router originate a prefix, or no longer.
    pub(super) async fn originate(&self, prefix: &Name, on: &Name, announced: bool) -> Result<(), Failure> {
        let router = &on.text;
        self.has_prompt(router, "")?;
        let person = self.hands_at(router)?;
        self.busy(&person, "apply").await?;
        let state = if announced { "up" } else { "down" };
        let settings = Map::from([(prefix_key(&prefix.text), state.to_owned())]);
        let (site, who) = (self.site_of_router(router)?, person.clone());
        self.at_console(&site, router, self.console_account()?, move |mut cli| async move {
            cli.stage_settings(&settings).await?;
            cli.commit(&who).await
        })
        .await?;
        let (router, prefix) = (router.clone(), prefix.text.clone());
        self.world.emit(&Event::Originated { person, router, prefix, announced });
        Ok(())
    }

    /// Moves a prefix: there is no moment at which nobody has it.
    pub(super) async fn fail_over(&self, prefix: &Name, from: &Name, to: &Name) -> Result<(), Failure> {
        self.has_prompt(&from.text, "")?;
        self.originate(prefix, to, true).await?;
        self.originate(prefix, from, false).await
    }

    async fn set_ports(&self, person: &str, router: &str, ports: &[String], up: bool) -> Result<(), Failure> {
        let site = self.site_of_router(router)?;
        let (ports, who) = (ports.to_vec(), person.to_owned());
        let router = match self.world.lapses(person, Lapse::WrongHost) {
            true => self.next_to(&site, router),
            false => router,
        };
        self.at_console(&site, router, self.console_account()?, move |mut cli| async move {
            for port in &ports {
                cli.stage(port, up).await?;
            }
            cli.commit(&who).await
        })
        .await
    }

    /// The router beside this one, whose cable somebody takes for its.
    fn next_to<'a>(&'a self, site: &str, router: &'a str) -> &'a str {
        let here = |router: &&str| self.world.wiring.cable_at(site, router).is_some();
        let routers = self.world.wiring.serial.keys().map(|(_, router)| router.as_str()).filter(here);
        let others: Set<&str> = routers.filter(|other| *other != router).collect();
        let next = others.iter().find(|other| **other > router).or_else(|| others.first());
        next.copied().unwrap_or(router)
    }

    async fn still_up(&self, router: &str, port: &str, hold: Duration) -> Result<(), Failure> {
        let site = self.site_of_router(router)?;
        let wanted = port.to_owned();
        let up = self.at_console(&site, router, self.console_account()?, move |mut cli| async move {
            Ok(cli.ports().await?.iter().any(|port| port.name == wanted && port.admin_up))
        });
        match up.await? {
            true => Ok(()),
            false => {
                let text = format!("{router} port {port} was shut again within {}", rough(hold));
                Err(Failure::at_once(Kind::Port, format!("{router} {port}"), text))
            }
        }
    }

    /// Looks from the lead's console whether the data centres are reachable, until all are or patience ends.
    async fn look_at_reach(&self) -> Result<(), Failure> {
        let (here, router) = self.look_out()?;
        let centres: Vec<IpAddr> =
            self.world.wiring.data_centres.iter().map(|(_, address)| *address).collect();
        let total = centres.len() as u32;
        for _ in 0..REACH_LOOKS {
            let centres = centres.clone();
            let look = self.at_console(&here, &router, self.console_account()?, |mut cli| async move {
                let mut reached = 0;
                for address in centres {
                    reached += u32::from(cli.reachable(address).await?);
                }
                Ok(reached)
            });
            let reached = look.await?;
            self.world.emit(&Event::Reach { reached, total });
            if reached == total {
                return Ok(());
            }
            self.hold(REACH_PAUSE, "between two looks at the data centres").await;
        }
        let text = format!("not every data centre is reachable from {router}");
        Err(Failure::at_once(Kind::Reach, router, text))
    }

    /// The router from which is looked, and its site: one at hand by cable, or any that is open over the network.
    fn look_out(&self) -> Result<(String, String), Failure> {
        let opened = self.opened()?;
        let here = self.site().ok();
        let at_hand = here.and_then(|here| Some((here.clone(), opened.get(&here)?.first()?.clone())));
        let afar = || {
            let router = self.afar.borrow().keys().next().cloned()?;
            Some((self.site_of_router(&router).ok()?, router))
        };
        at_hand.or_else(afar).ok_or_else(|| "there is no prompt at hand to look from".to_owned().into())
    }

    /// Shuts again what was brought up by hand.
    pub(super) async fn take_back(&self) -> Result<(), Failure> {
        let restored = std::mem::take(&mut *self.restored.borrow_mut());
        for (router, port) in restored {
            let person = self.hands_at(&router)?;
            self.busy(&person, "apply").await?;
            self.set_ports(&person, &router, std::slice::from_ref(&port), false).await?;
        }
        Ok(())
    }

    pub(super) fn site_of_router(&self, router: &str) -> Result<String, Failure> {
        let machine = self.world.wiring.machine(router);
        machine.map(|m| m.site.clone()).ok_or_else(|| format!("there is no router `{router}`").into())
    }

    /// Who types at a router: the lead at their own site, a technician elsewhere.
    pub(super) fn hands_at(&self, router: &str) -> Result<String, Failure> {
        let site = self.site_of_router(router)?;
        let at_hand = self.afar.borrow().contains_key(router) || self.site().is_ok_and(|here| here == site);
        match at_hand {
            true => self.lead(),
            false => self.technician_at(&site),
        }
    }

    /// A machine at the site where the crew stands, from which orders to `address` can be given; away from any, a router on which
    /// they have a prompt over the network and which still answers, beside `address` if there is one; else their own.
    pub(super) async fn machine_at_hand(&self, address: IpAddr) -> Result<String, Failure> {
        if let Ok(site) = self.site() {
            let none = || format!("there is no machine at hand at {site}").into();
            return self.world.wiring.cart_at(&site).map(str::to_owned).ok_or_else(none);
        }
        let mut machines = self.world.wiring.machines.values();
        let asked = machines.find(|machine| machine.address == address).map(|machine| machine.site.clone());
        let mut afar: Vec<_> =
            self.afar.borrow().iter().map(|(router, way)| (router.clone(), way.clone())).collect();
        afar.sort_by_key(|(router, _)| self.site_of_router(router).ok() != asked);
        match afar.into_iter().next() {
            Some((router, way)) => {
                self.over(&way, &router, |_| async { Ok(()) }).await?;
                Ok(router)
            }
            None => self.laptop_of(&self.lead()?),
        }
    }
}

/// A port that a change shut, by the change's setting.
fn shut_port(change: &blackstart_manage::configuration::Change) -> Option<String> {
    let port = change.key.strip_prefix("port.")?;
    (change.to.as_deref() == Some("down")).then(|| port.to_owned())
}

/// A conversation with the console at the other end of a cable.
async fn open(at: SocketAddr, login: &Login) -> Result<Cli, Error> {
    let mut cli = Cli::connect(at, PATIENCE).await?;
    login.type_in(&mut cli).await?;
    Ok(cli)
}
