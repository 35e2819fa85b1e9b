//! Pages that people open on their machines: those of a site, and those of a tool that asks for a sign-in. Whoever has a session of the
//! tool's shows it; whoever has none signs in with their account, and has one from then on.

use super::{Attempt, Failure, Incident, Kind};
use blackstart_dns::stub;
use blackstart_manage::tool::{self, Page, Pass};
use blackstart_sim::Time;
use blackstart_world::Event;
use std::net::SocketAddr;
use std::time::Duration;

const HTTP_PORT: u16 = 80;
/// How long somebody looks at a page that does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody at their machine, before a page.
struct Reader<'a> {
    person: &'a str,
    laptop: String,
    host: &'a str,
    at: SocketAddr,
}

impl Incident {
    /// Opens the front page of a host on somebody's machine.
    pub(super) async fn browse(&self, person: &str, host: &str) -> Result<(), Failure> {
        let laptop = self.laptop_of(person)?;
        let at = self.found(person, &laptop, host).await?;
        let reader = Reader { person, laptop, host, at };
        let key = (person.to_owned(), host.to_owned());
        let own = self.sessions.borrow().get(&key).cloned();
        match self.asked(&reader, own.map_or(Pass::Nothing, Pass::Own)).await? {
            Page::Shown(_) => return Ok(()),
            Page::Refused(status) => return Err(reader.failed(Time::now(), status)),
            Page::SignInFirst => {}
        }
        let account = self.world.people.person(person).and_then(|known| known.account.clone());
        let nobody =
            || reader.failed(Time::now(), format!("it asks for a sign-in, and {person} has no account"));
        let account = account.ok_or_else(nobody)?;
        let company = self.sign_in(person, &reader.laptop, &account).await?;
        match self.asked(&reader, Pass::Company(company)).await? {
            Page::Shown(session) => {
                self.sessions.borrow_mut().extend(session.map(|session| (key, session)));
                self.world.emit(&Event::SignedIn { person: person.to_owned(), account });
                Ok(())
            }
            Page::SignInFirst => Err(reader.failed(Time::now(), "it asks for a sign-in again".to_owned())),
            Page::Refused(status) => Err(reader.failed(Time::now(), status)),
        }
    }

    /// Looks a host's address up.
    async fn found(&self, person: &str, laptop: &str, host: &str) -> Result<SocketAddr, Failure> {
        let resolvers = self.world.wiring.machine(laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let (name, began) = (host.to_owned(), Time::now());
        let lookup = async move { stub::Resolver::new(resolvers).lookup_ip(&name).await };
        let found = self.on_machine(laptop, lookup).await?.map_err(|error| error.to_string());
        let first = found.and_then(|found| found.first().copied().ok_or_else(|| "no address".to_owned()));
        let address = first.map_err(|saw| {
            let tried = Attempt::new(Kind::NameLookup, host, began, &saw).by(person).from(laptop);
            Failure::of(format!("{host}: {saw}"), tried)
        })?;
        Ok(SocketAddr::new(address, HTTP_PORT))
    }

    async fn asked(&self, reader: &Reader<'_>, pass: Pass) -> Result<Page, Failure> {
        let (at, name, began) = (reader.at, reader.host.to_owned(), Time::now());
        let open = async move { tool::open(at, &name, pass, PATIENCE).await };
        let page = self.on_machine(&reader.laptop, open).await?;
        page.map_err(|error| reader.tried(Kind::of(&error), began, error.to_string()))
    }
}

impl Reader<'_> {
    fn failed(&self, began: Time, saw: String) -> Failure {
        self.tried(Kind::Connect, began, saw)
    }

    fn tried(&self, kind: Kind, began: Time, saw: String) -> Failure {
        let tried = Attempt::new(kind, self.host, began, &saw).by(self.person).from(&self.laptop);
        Failure::of(format!("{}: {saw}", self.host), tried)
    }
}
