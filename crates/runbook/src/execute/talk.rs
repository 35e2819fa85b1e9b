//! Asking people over the company's chat: a message in a channel, or a page to one after the other. Both go from one laptop
//! to another, through the chat service.

use super::{Attempt, Failure, Incident, Kind};
use crate::measure::rough;
use crate::needs::PHONES;
use crate::step::{Name, PHONE};
use blackstart_chat::client::{self, Client, Error, Incoming};
use blackstart_dns::endpoint::Host;
use blackstart_dns::stub;
use blackstart_rt as rt;
use blackstart_sim::{Time, control};
use blackstart_world::Event;
use std::time::Duration;

/// How long somebody watches a channel for an answer.
const PATIENCE: Duration = Duration::from_secs(1800);
/// What people say when they have read something.
const READ: &str = "I am here";

/// What is said in a chat.
pub(super) struct Said<'a> {
    pub(super) channel: &'a Name,
    /// The chat service.
    pub(super) on: &'a Name,
    pub(super) text: &'a Name,
    /// With what both sign in.
    pub(super) account: Option<&'a Name>,
}

/// Somebody at their machine, in the chat.
struct Present {
    name: String,
    laptop: String,
    client: Client,
}

impl Incident {
    /// Says something in a channel, or by whatever way is tried, and waits until the first who has the role has it.
    pub(super) async fn chat(
        &self,
        said: &Said<'_>,
        to: &Name,
        ways: &[Name],
    ) -> Result<Option<Failure>, Failure> {
        let (lead, reader) = (self.lead()?, self.one_with_role(&to.text)?);
        if ways.is_empty() {
            return self.in_channel(said, &lead, &reader).await.map(|()| None);
        }
        let told = self.first_that_works(ways, async |way| match way {
            PHONE => {
                self.assume(&[PHONES.to_owned()]);
                self.reached(&lead, &reader).await
            }
            _ => self.in_channel(said, &lead, &reader).await,
        });
        told.await
    }

    async fn in_channel(&self, said: &Said<'_>, lead: &str, reader: &str) -> Result<(), Failure> {
        let Said { channel, on, text, account } = *said;
        self.busy(lead, "write").await?;
        let reader = self.in_chat(reader, on, account, Some(channel)).await?;
        let lead = self.in_chat(lead, on, account, Some(channel)).await?;
        self.exchange(lead, reader, &channel.text, &text.text, PATIENCE).await
    }

    /// Pages one after the other until somebody answers, who joins the bridge then.
    pub(super) async fn page(
        &self,
        roles: &[Name],
        on: &Name,
        patience: Duration,
        account: Option<&Name>,
    ) -> Result<Option<Failure>, Failure> {
        let lead = self.lead()?;
        let mut failed = Vec::new();
        for role in roles {
            let began = Time::now();
            match self.page_one(&lead, role, on, patience, account).await {
                Ok(person) => {
                    self.comes_to_bridge(&lead, person, role).await?;
                    return Ok(Failure::all(failed, "; "));
                }
                Err(why) => {
                    // Nobody knows that a page went nowhere: it is the silence that is noticed.
                    let left = patience.saturating_sub(Time::now().saturating_duration_since(began));
                    self.hold(left, "waiting for an answer to a page").await;
                    self.note_failed(&why);
                    let (person, tried) = (lead.clone(), format!("page to {}", role.text));
                    self.world.emit(&Event::TurnedAway { person, tried, saw: why.text.clone() });
                    failed.push(why.in_words(|saw| format!("{}: {saw}", role.text)));
                }
            }
        }
        Err(Failure::all(failed, "; ").unwrap_or_else(|| "nobody is to be paged".to_owned().into()))
    }

    async fn page_one(
        &self,
        lead: &str,
        role: &Name,
        on: &Name,
        patience: Duration,
        account: Option<&Name>,
    ) -> Result<String, Failure> {
        let person = self.world.people.with_role(&role.text).next();
        let person = person.ok_or_else(|| format!("nobody is {}", role.text))?.name.clone();
        let reader = self.in_chat(&person, on, account, None).await?;
        let lead = self.in_chat(lead, on, account, None).await?;
        let to = reader.client.nick().to_owned();
        self.exchange(lead, reader, &to, "page: please answer", patience).await?;
        Ok(person)
    }

    async fn comes_to_bridge(&self, lead: &str, person: String, role: &Name) -> Result<(), Failure> {
        self.world.emit(&Event::Called { by: lead.to_owned(), person: person.clone() });
        let bridge = self.world.with_state(|state| state.physical.bridges.keys().next().cloned());
        if let Some(bridge) = bridge {
            self.busy(&person, "join").await?;
            self.comes(&person, std::slice::from_ref(&role.text), &bridge).await;
        }
        Ok(())
    }

    /// Somebody opens the chat on their machine, and a channel of it.
    async fn in_chat(
        &self,
        person: &str,
        on: &Name,
        account: Option<&Name>,
        channel: Option<&Name>,
    ) -> Result<Present, Failure> {
        let laptop = self.laptop_of(person)?;
        let server = self.world.wiring.chats.get(&on.text).cloned();
        let server = server.ok_or_else(|| format!("there is no chat `{}`", on.text))?;
        let token = match account {
            Some(account) => Some(self.sign_in(person, &laptop, &account.text).await?),
            None => None,
        };
        let resolvers = self.world.wiring.machine(&laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let (nick, began, to) = (nick(person), Time::now(), server.to_string());
        let channel = channel.map(|channel| channel.text.clone());
        let come = async move {
            let resolver = stub::Resolver::new(resolvers);
            let host = match server.host {
                Host::Name(name) => name,
                Host::Address(address) => address.to_string(),
            };
            let mut client = client::connect(&resolver, &host, server.port, &nick, token.as_deref()).await?;
            if let Some(channel) = channel {
                client.join(&channel).await?;
            }
            Ok(client)
        };
        let client = self.on_machine(&laptop, come).await?;
        let client = client.map_err(|error: Error| failed(person, &laptop, to, began, &error))?;
        Ok(Present { name: person.to_owned(), laptop, client })
    }

    /// One says something, the other reads it and says so.
    async fn exchange(
        &self,
        mut lead: Present,
        mut reader: Present,
        target: &str,
        text: &str,
        patience: Duration,
    ) -> Result<(), Failure> {
        let after = self.length(&reader.name, "acknowledge")?;
        let (asker, answerer) = (lead.client.nick().to_owned(), reader.client.nick().to_owned());
        let to = if target == answerer { asker.clone() } else { target.to_owned() };
        let node = self.world.wiring.machine(&reader.laptop).map(|machine| machine.node);
        let node = node.ok_or_else(|| format!("there is no machine `{}`", reader.laptop))?;
        let answer = control::spawn_on(node, "person", async move {
            heard(&mut reader.client, &asker).await?;
            rt::time::sleep(after).await;
            reader.client.say(&to, READ).await?;
            // Stays until the answer is on its way.
            reader.client.recv().await.map(drop)
        });
        let (target, text, began) = (target.to_owned(), text.to_owned(), Time::now());
        let ask = async move {
            lead.client.say(&target, &text).await?;
            let answered = rt::time::timeout(patience, heard(&mut lead.client, &answerer)).await;
            answered.unwrap_or_else(|late| Err(Error::Lost(late.into())))
        };
        let asked = self.on_machine(&lead.laptop.clone(), ask).await;
        drop(answer);
        let saw = match asked? {
            Ok(()) => return Ok(()),
            Err(Error::Lost(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                format!("no answer within {}", rough(patience))
            }
            Err(error) => error.to_string(),
        };
        Err(Failure::of(saw.clone(), Attempt::new(Kind::Connect, "chat", began, saw)))
    }
}

/// Listens until `from` says something.
async fn heard(client: &mut Client, from: &str) -> Result<(), Error> {
    loop {
        match client.recv().await? {
            Incoming::Said { from: speaker, .. } if speaker == from => return Ok(()),
            _ => {}
        }
    }
}

fn failed(person: &str, laptop: &str, to: String, began: Time, error: &Error) -> Failure {
    let tried = Attempt::new(Kind::of(error), to, began, error).by(person).from(laptop);
    Failure::of(format!("{person} is not in the chat: {error}"), tried)
}

/// A person's name in the chat, beside the one under which their laptop is there all day.
fn nick(person: &str) -> String {
    let word: String = person.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    format!("on-call-{}", word.to_ascii_lowercase())
}
