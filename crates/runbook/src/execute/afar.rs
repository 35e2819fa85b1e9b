//! Routers over the network: trying remote consoles, going through a jump host, and conversations on the way that was found.

use super::console::{Login, PATIENCE};
use super::{Attempt, Failure, Incident, Kind};
use crate::step::Name;
use blackstart_dns::stub;
use blackstart_identity::account::Credentials;
use blackstart_identity::{client, code};
use blackstart_manage::client::{Cli, Error};
use blackstart_manage::console_server;
use blackstart_rt::Set;
use blackstart_sim::Time;
use blackstart_world::{Console, Event};
use std::net::SocketAddr;

/// The port of a console server, and of a router's command line.
const CONSOLE_PORT: u16 = 22;

/// How a router is reached over the network.
#[derive(Clone)]
pub(super) struct Route {
    /// From here.
    laptop: String,
    /// Through this console server or jump host.
    server: SocketAddr,
    /// With this session of the sign-in service.
    session: Option<String>,
    /// With the router's own account, at its console; over the network the session is enough.
    login: Option<Login>,
}

impl Route {
    async fn open(&self, router: &str) -> Result<Cli, Error> {
        let mut cli = console_server::open(self.server, router, self.session.as_deref(), PATIENCE).await?;
        match &self.login {
            Some(login) => login.type_in(&mut cli).await?,
            None => cli.login_token(self.session.as_deref().unwrap_or_default()).await?,
        }
        Ok(cli)
    }

    async fn to_all(&self, routers: &[String]) -> Result<(), Error> {
        for router in routers {
            self.open(router).await?;
        }
        Ok(())
    }
}

impl Incident {
    /// Logs in on a group of routers, through a jump host.
    pub(super) async fn ssh(&self, on: &Name, through: &Name, with: &Name) -> Result<(), Failure> {
        let routers = self.routers(on)?;
        let (lead, laptop) = self.lead_at_laptop()?;
        self.busy(&lead, "sign-in").await?;
        let session = Some(self.sign_in(&lead, &laptop, &with.text).await?);
        let jump = self.world.wiring.jump_hosts.get(&through.text).cloned();
        let jump = jump.ok_or_else(|| format!("there is no jump host `{}`", through.text))?;
        self.busy(&lead, "try-console").await?;
        let resolvers = self.world.wiring.machine(&laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let (to, began) = (jump.to_string(), Time::now());
        let found = async move { jump.addresses(&stub::Resolver::new(resolvers)).await };
        let unknown = |saw: String| {
            let tried = Attempt::new(Kind::NameLookup, &to, began, &saw).by(&lead).from(&laptop);
            Failure::of(format!("{to}: {saw}"), tried)
        };
        let found = self.on_machine(&laptop, found).await?.map_err(|error| unknown(error.to_string()))?;
        let server = *found.first().ok_or_else(|| unknown("its name has no address".to_owned()))?;
        let route = Route { laptop, server, session, login: None };
        for router in routers {
            self.over(&route, &router, |_| async { Ok(()) }).await?;
            self.afar.borrow_mut().insert(router.clone(), route.clone());
            self.prompt(&lead, router, "remote");
        }
        Ok(())
    }

    /// Logs in over the network, does `work`, logs out.
    pub(super) async fn over<T, W, F>(&self, route: &Route, router: &str, work: W) -> Result<T, Failure>
    where
        T: 'static,
        W: FnOnce(Cli) -> F + 'static,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        let (way, to, began) = (route.clone(), router.to_owned(), Time::now());
        let conversation = async move { work(way.open(&to).await?).await };
        self.on_machine(&route.laptop, conversation).await?.map_err(|error| {
            let to = route.server.ip().to_string();
            let tried = Attempt::new(Kind::of(&error), to, began, &error).from(&route.laptop);
            Failure::of(format!("{router}, over the network: {error}"), tried)
        })
    }

    /// Tries the remote consoles that lead to routers of the group on which there is no prompt yet, by name, then by the address
    /// on the card. One that answers is enough.
    pub(super) async fn login_remote(&self, on: &Name, with: &Name) -> Result<(), Failure> {
        let mut group: Set<String> = self.routers(on)?.into_iter().collect();
        let account = self.account(with)?;
        let login = Login::of(account, &self.world);
        let person = self.lead()?;
        let laptop = self.world.people.person(&person).and_then(|p| p.laptop.clone());
        let laptop = laptop.ok_or_else(|| format!("{person} has no machine to log in from"))?;
        let (mut opened, mut failed) = (false, Vec::new());
        for console in &self.world.people.consoles {
            if !console.routers.iter().any(|router| group.contains(router)) {
                continue;
            }
            self.busy(&person, "try-console").await?;
            match self.try_console(&person, &laptop, console, &login).await {
                Ok(route) => {
                    for router in &console.routers {
                        self.afar.borrow_mut().insert(router.clone(), route.clone());
                        self.prompt(&person, router.clone(), "remote");
                        group.remove(router);
                    }
                    opened = true;
                }
                Err(why) => {
                    self.note_failed(&why);
                    let (person, tried) = (person.clone(), format!("console {}", console.name));
                    self.world.emit(&Event::TurnedAway { person, tried, saw: why.text.clone() });
                    failed.push(why.in_words(|saw| format!("{}: {saw}", console.name)));
                }
            }
        }
        if opened {
            return Ok(());
        }
        let none = || format!("no remote console leads to `{}`", on.text).into();
        Err(Failure::all(failed, "; ").unwrap_or_else(none))
    }

    async fn try_console(
        &self,
        person: &str,
        laptop: &str,
        console: &Console,
        login: &Login,
    ) -> Result<Route, Failure> {
        let session = match &console.sign_in {
            Some(account) => Some(self.sign_in(person, laptop, account).await?),
            None => None,
        };
        let resolvers = self.world.wiring.machine(laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let name = console.name.clone();
        let lookup = async move { stub::Resolver::new(resolvers).lookup_ip(&name).await };
        let mut addresses = Vec::new();
        let mut failed = Vec::new();
        let attempt =
            |kind, to: String, began, saw| Attempt::new(kind, to, began, saw).by(person).from(laptop);
        let began = Time::now();
        match self.on_machine(laptop, lookup).await? {
            Ok(found) => addresses.extend(found),
            Err(error) => {
                let tried = attempt(Kind::NameLookup, console.name.clone(), began, error.to_string());
                failed.push(Failure::of(format!("its name: {error}"), tried));
            }
        }
        addresses.extend(console.address.filter(|known| !addresses.contains(known)));
        for address in addresses {
            let (at, began) = (SocketAddr::new(address, CONSOLE_PORT), Time::now());
            let (login, session) = (Some(login.clone()), session.clone());
            let route = Route { laptop: laptop.to_owned(), server: at, session, login };
            let (way, routers) = (route.clone(), console.routers.clone());
            match self.on_machine(laptop, async move { way.to_all(&routers).await }).await? {
                Ok(()) => return Ok(route),
                Err(error) => {
                    let tried = attempt(Kind::of(&error), address.to_string(), began, error.to_string());
                    failed.push(Failure::of(format!("{address}: {error}"), tried));
                }
            }
        }
        let none = || Failure::at_once(Kind::NameLookup, &console.name, "its name has no address");
        Err(Failure::all(failed, ", ").unwrap_or_else(none))
    }

    /// A session of the sign-in service, asked for from this machine.
    pub(super) async fn sign_in(&self, person: &str, laptop: &str, account: &str) -> Result<String, Failure> {
        let account = self.world.people.accounts.get(account);
        let account = account.ok_or_else(|| "there is no such account".to_owned())?;
        if let Some(holder) = account.person.as_ref().filter(|holder| *holder != person) {
            let text = format!("only {holder} can sign in as {}", account.name);
            return Err(Failure::at_once(Kind::SignIn, &account.name, text));
        }
        let service =
            self.world.wiring.sign_in.clone().ok_or_else(|| "there is no sign-in service".to_owned())?;
        let resolvers = self.world.wiring.machine(laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let (name, password, seed) =
            (account.name.clone(), self.world.secret(account), account.code_seed.clone());
        let (to, began) = (service.to_string(), Time::now());
        let signed_in = async move {
            let code = code::at(&seed.unwrap_or_default(), blackstart_rt::time::unix_now());
            let typed = Credentials { account: name, password, code };
            client::sign_in(&stub::Resolver::new(resolvers), &service, typed).await
        };
        let session = self.on_machine(laptop, signed_in).await?;
        session.map(|session| session.token).map_err(|error| {
            let tried = Attempt::new(Kind::SignIn, to, began, &error).by(person).from(laptop);
            Failure::of(error.to_string(), tried)
        })
    }
}
