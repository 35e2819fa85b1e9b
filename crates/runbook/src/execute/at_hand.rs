//! What people do with their hands and at their own machines: fetching things, signing in, reading, switching machines off
//! and on, handing a role over.

use super::{Failure, Incident, Kind, Spending};
use crate::measure::rough;
use crate::needs::PHONES;
use crate::step::Name;
use blackstart_dns::Name as DomainName;
use blackstart_dns::authority::Zones;
use blackstart_sim::{NodeId, Time, control};
use blackstart_world::Event;
use std::net::IpAddr;
use std::time::Duration;

/// How long a machine stays off.
pub(super) const OFF: Duration = Duration::from_secs(10);

impl Incident {
    /// Somebody of the crew gets an item: from where it lies, or from whoever holds it.
    pub(super) async fn fetch(&self, item: &Name) -> Result<(), Failure> {
        if self.holder(&item.text).is_ok() {
            return Ok(());
        }
        let lead = self.lead()?;
        let lies = self.world.with_state(|state| state.physical.lying.get(&item.text).cloned());
        let from = match lies {
            Some(place) => {
                self.walk(&lead, &place, &item.text).await?;
                None
            }
            None => Some(self.meet_holder(&lead, &item.text).await?),
        };
        self.busy(&lead, "fetch").await?;
        self.world.emit(&Event::Took { person: lead, item: item.text.clone(), from });
        Ok(())
    }

    /// Goes to a place that no shut door is before.
    async fn walk(&self, person: &str, place: &str, item: &str) -> Result<(), Failure> {
        let here = self.place_of(person)?;
        if here == place {
            return Ok(());
        }
        let behind = self.world.people.doors.values().find(|door| door.to == place);
        if let Some(door) = behind {
            let text =
                format!("`{item}` lies in {place}, and {person} is not through the door {}", door.name);
            return Err(Failure::at_once(Kind::Item, item, text));
        }
        self.go(person, &here, place).await
    }

    pub(super) async fn go(&self, person: &str, from: &str, to: &str) -> Result<(), Failure> {
        self.people_spend(self.way(person, from, to)?, "travel", person).await;
        self.world.emit(&Event::Moved { person: person.to_owned(), to: to.to_owned() });
        Ok(())
    }

    /// Calls the person who holds an item and has them come. Gives their name.
    async fn meet_holder(&self, lead: &str, item: &str) -> Result<String, Failure> {
        let fails = |text: String| Failure::at_once(Kind::Item, item, text);
        let holds = |name: &str| self.world.with_state(|state| state.physical.holds(name, item));
        let holder = self.world.people.persons.iter().find(|person| holds(&person.name));
        let holder = holder.ok_or_else(|| fails(format!("nobody knows where `{item}` is")))?.name.clone();
        if !self.reachable().iter().any(|person| person.name == holder) {
            return Err(fails(format!("{holder} holds `{item}` and cannot be reached")));
        }
        self.assume(&[PHONES.to_owned()]);
        self.reached(lead, &holder).await?;
        let (there, here) = (self.place_of(&holder)?, self.place_of(lead)?);
        if there != here {
            if let Some(door) = self.world.people.doors.values().find(|door| door.to == here) {
                return Err(fails(format!(
                    "{holder} holds `{item}`, on the other side of the door {}",
                    door.name
                )));
            }
            self.go(&holder, &there, &here).await?;
        }
        Ok(holder)
    }

    /// Signs in from the lead's own machine.
    pub(super) async fn sign_in_at_hand(&self, account: &Name) -> Result<(), Failure> {
        let (lead, laptop) = self.lead_at_laptop()?;
        self.busy(&lead, "sign-in").await?;
        self.sign_in(&lead, &laptop, &account.text).await?;
        self.world.emit(&Event::SignedIn { person: lead, account: account.text.clone() });
        Ok(())
    }

    /// Opens a document: on paper where the crew stands, or on a site, over the network.
    pub(super) async fn open_document(&self, document: &Name) -> Result<(), Failure> {
        let lead = match document.paper() {
            Some(place) => self.reader_at(&place.text)?,
            None => self.read_page(&document.text).await?,
        };
        self.busy(&lead, "open-document").await?;
        self.world.emit(&Event::Opened { person: lead, document: document.text.clone() });
        Ok(())
    }

    /// Who of the crew stands where the paper lies.
    fn reader_at(&self, place: &str) -> Result<String, Failure> {
        let crew = self.crew.borrow();
        let there = |name: &&String| self.place_of(name).is_ok_and(|at| at == place);
        let reader = crew.iter().find(there).cloned();
        let nobody = || {
            Failure::at_once(
                Kind::Item,
                format!("paper@{place}"),
                format!("none of {} is at {place}", crew.join(", ")),
            )
        };
        reader.ok_or_else(nobody)
    }

    /// Opens a page on the lead's machine.
    async fn read_page(&self, host: &str) -> Result<String, Failure> {
        let lead = self.lead()?;
        self.browse(&lead, host).await?;
        Ok(lead)
    }

    pub(super) fn lead_at_laptop(&self) -> Result<(String, String), Failure> {
        let lead = self.lead()?;
        let laptop = self.laptop_of(&lead)?;
        Ok((lead, laptop))
    }

    /// Switches a machine off and on. Whoever does it stands beside it.
    pub(super) async fn power_cycle(&self, machine: &Name) -> Result<(), Failure> {
        let known = self.world.wiring.machine(&machine.text);
        let known = known.ok_or_else(|| format!("there is no machine `{}`", machine.text))?;
        let lead = self.lead()?;
        self.beside(&lead, &machine.text, &known.site)?;
        self.busy(&lead, "power-cycle").await?;
        let switch = |done: Result<(), blackstart_sim::Error>| {
            done.map_err(|error| Failure::at_once(Kind::Task, &machine.text, error.to_string()))
        };
        switch(control::power_off(known.node))?;
        let off = Time::now();
        super::sleep(OFF).await;
        self.spent(Spending::Hold, "the machine stays off", "", off);
        switch(control::power_on(known.node))?;
        self.world.emit(&Event::PowerCycled { person: lead, machine: machine.text.clone() });
        Ok(())
    }

    /// Starts a service again. Whoever does it stands beside its machine.
    pub(super) async fn restart(&self, service: &Name) -> Result<(), Failure> {
        let (lead, node) = self.beside_service(service)?;
        self.busy(&lead, "restart").await?;
        let done = control::restart_service(node, &service.text);
        done.map_err(|error| Failure::at_once(Kind::Task, &service.text, error.to_string()))
    }

    /// Has a standby serve in place of the service that it stands by for. Whoever does it stands beside its machine.
    pub(super) async fn take_over(&self, service: &Name, to: &Name) -> Result<(), Failure> {
        let standby = self.world.wiring.settings.standbys.get(&to.text).cloned();
        let standby = standby.ok_or_else(|| format!("there is no standby `{}`", to.text))?;
        let (lead, node) = self.beside_service(to)?;
        self.busy(&lead, "restart").await?;
        let fails = |text: String| Failure::at_once(Kind::Task, &to.text, text);
        if !control::is_powered(node) {
            return Err(fails(format!("the machine of {} is dark", to.text)));
        }
        let stale = |age: Duration| {
            fails(format!("the copy of {} on {} is {} old", service.text, to.text, rough(age)))
        };
        let age = standby.take_over(Time::now()).map_err(stale)?;
        control::restart_service(node, &to.text).map_err(|error| fails(error.to_string()))?;
        let (to, of, copy_age_s) = (to.text.clone(), service.text.clone(), age.as_secs());
        self.world.emit(&Event::TookOver { person: lead, service: to, of, copy_age_s });
        Ok(())
    }

    /// Gives a name another address in the zone of a name server, which starts again with it. Whoever does it stands beside its
    /// machine.
    pub(super) async fn repoint(
        &self,
        name: &Name,
        on: &Name,
        from: IpAddr,
        to: IpAddr,
    ) -> Result<(), Failure> {
        let zones = self.world.wiring.settings.zones.get(&on.text).cloned();
        let zones = zones.ok_or_else(|| format!("there is no name server `{}`", on.text))?;
        let (lead, node) = self.beside_service(on)?;
        self.busy(&lead, "apply").await?;
        let wrong = |what: String| Failure::at_once(Kind::Task, &on.text, what);
        let owner: DomainName =
            format!("{}.", name.text).parse().map_err(|_| wrong(format!("`{}` is no name", name.text)))?;
        let change = |zones: &mut Zones| {
            zones.enclosing_mut(&owner).is_some_and(|zone| zone.repoint(&owner, from, to))
        };
        if !zones.change(change) {
            return Err(wrong(format!("{} does not have the address {from} on {}", name.text, on.text)));
        }
        let done = control::restart_service(node, &on.text);
        done.map_err(|error| wrong(error.to_string()))?;
        let (name, to) = (name.text.clone(), to.to_string());
        self.world.emit(&Event::Repointed { person: lead, on: on.text.clone(), name, to });
        Ok(())
    }

    /// The lead, who stands beside the machine of a service, and that machine.
    fn beside_service(&self, service: &Name) -> Result<(String, NodeId), Failure> {
        let wiring = &self.world.wiring;
        let host = wiring.services.get(&service.text).and_then(|host| Some((host, wiring.machine(host)?)));
        let (host, machine) = host.ok_or_else(|| format!("nobody knows where `{}` runs", service.text))?;
        let lead = self.lead()?;
        self.beside(&lead, host, &machine.site)?;
        Ok((lead, machine.node))
    }

    /// A machine stands behind the doors of its site.
    pub(super) fn beside(&self, person: &str, machine: &str, site: &str) -> Result<(), Failure> {
        let people = &self.world.people;
        let place = self.place_of(person)?;
        let at_site = |place: &str| people.site_of(place) == Some(site);
        let mut doors = people.doors.values().filter(|door| at_site(&door.to));
        let inside = people.doors.values().any(|door| door.to == place);
        let text = match (at_site(&place), inside, doors.next()) {
            (true, true, _) | (true, _, None) => return Ok(()),
            (true, false, Some(door)) => {
                format!("{machine} stands behind the door {}, {person} before it", door.name)
            }
            (false, ..) => format!("{machine} stands at {site}, {person} is at {place}"),
        };
        Err(Failure::at_once(Kind::Travel, machine, text))
    }

    /// Briefs the first who has the other role and can be reached; the role is theirs then.
    pub(super) async fn hand_over(&self, role: &Name, to: &Name) -> Result<(), Failure> {
        let lead = self.lead()?;
        let successor = self.one_with_role(&to.text)?;
        self.assume(&[PHONES.to_owned()]);
        self.reached(&lead, &successor).await?;
        self.busy(&lead, "brief").await?;
        if self.world.people.stays.is_some() {
            self.told(&successor, Some(lead));
        }
        self.world.emit(&Event::HandedOver { role: role.text.clone(), to: successor });
        Ok(())
    }
}
