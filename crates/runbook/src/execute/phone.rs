//! Calls: whose number somebody has, and whether the phone at the other end rings.
//!
//! A phone of one's own rests on the carriers (`mobile-carriers`). One that is a client of the company's chat rings only when that
//! machine reaches the chat, by name and path: it dies with the company.

use super::{Failure, Incident, Kind};
use crate::step::Name;
use blackstart_chat::client;
use blackstart_dns::endpoint::Host;
use blackstart_dns::stub;
use blackstart_rt::Set;
use blackstart_world::{Event, Person};
use std::collections::VecDeque;

impl Incident {
    /// Calls somebody; says whether they answered.
    pub(super) async fn called(&self, caller: &str, person: &str) -> Result<bool, Failure> {
        self.busy(caller, "call").await?;
        let person = self.world.people.person(person);
        let person = person.ok_or_else(|| "nobody has this name".to_owned())?;
        Ok(self.answered(caller, person).await)
    }

    /// Calls somebody who must answer.
    pub(super) async fn reached(&self, caller: &str, person: &str) -> Result<(), Failure> {
        match self.called(caller, person).await? {
            true => Ok(()),
            false => {
                Err(Failure::at_once(Kind::Person, person, format!("{person} does not answer the phone")))
            }
        }
    }

    /// What comes of a call that was made.
    pub(super) async fn answered(&self, caller: &str, person: &Person) -> bool {
        let saw = match (self.answers(person), self.rings(person).await) {
            (true, Ok(())) if self.lets_it_ring(person) => "it rings, and nobody picks up".to_owned(),
            (true, Ok(())) => {
                self.world.emit(&Event::Called { by: caller.to_owned(), person: person.name.clone() });
                return true;
            }
            (true, Err(dark)) => format!("their phone is the company's: {dark}"),
            (false, _) => "no answer".to_owned(),
        };
        self.not_reached(caller, &person.name, saw);
        false
    }

    fn not_reached(&self, caller: &str, person: &str, saw: String) {
        let (person, tried) = (caller.to_owned(), format!("a call to {person}"));
        self.world.emit(&Event::TurnedAway { person, tried, saw });
    }

    /// Whether somebody does not pick up this time.
    fn lets_it_ring(&self, person: &Person) -> bool {
        person.no_answer > 0.0 && self.clock.unit(format!("{}/no-answer", person.name)) < person.no_answer
    }

    /// Whether the phone of somebody rings when it is called.
    pub(super) async fn rings(&self, person: &Person) -> Result<(), Failure> {
        let Some(service) = &person.phone else { return Ok(()) };
        let laptop = self.laptop_of(&person.name)?;
        let server = self.world.wiring.chats.get(service).cloned();
        let server = server.ok_or_else(|| format!("there is no chat `{service}`"))?;
        let resolvers = self.world.wiring.machine(&laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let register = async move {
            let resolver = stub::Resolver::new(resolvers);
            let host = match server.host {
                Host::Name(name) => name,
                Host::Address(address) => address.to_string(),
            };
            client::connect(&resolver, &host, server.port, "phone", None).await.map(drop)
        };
        self.on_machine(&laptop, register).await?.map_err(|error| error.to_string().into())
    }

    /// Those whom a caller without the list can reach: whoever answers calls those whose numbers are in their own phone. Says who
    /// answered, with the roles in which they were called.
    pub(super) async fn called_by_heart(
        &self,
        caller: &str,
        list: &Name,
        wanted: Vec<(String, Vec<String>)>,
    ) -> Result<Vec<(String, Vec<String>)>, Failure> {
        if self.numbers_of(caller).is_none() {
            self.holder(&list.text)?;
        }
        let mut on_the_phone = VecDeque::from([caller.to_owned()]);
        let mut tried: Set<String> = Set::new();
        let mut answered = Vec::new();
        while let Some(by) = on_the_phone.pop_front() {
            let known: Set<String> = self.numbers_of(&by).unwrap_or_default().into_iter().collect();
            for (person, roles) in wanted.iter().filter(|(person, _)| known.contains(person)) {
                if tried.insert(person.clone()) && self.called(&by, person).await? {
                    on_the_phone.push_back(person.clone());
                    answered.push((person.clone(), roles.clone()));
                }
            }
        }
        for (person, _) in wanted.iter().filter(|(person, _)| !tried.contains(person)) {
            self.not_reached(caller, person, "nobody who was reached has the number".to_owned());
        }
        let nobody =
            || Failure::at_once(Kind::Item, &list.text, "no list, and nobody whose number is known answers");
        if answered.is_empty() { Err(nobody()) } else { Ok(answered) }
    }

    /// Whose numbers are in somebody's phone; `None` when the scenario does not say.
    fn numbers_of(&self, person: &str) -> Option<Vec<String>> {
        self.world.people.person(person)?.numbers.clone()
    }
}
