//! Coming into the company's network through a VPN gateway, and what is done from inside then.

use super::console::PATIENCE;
use super::{Attempt, Failure, Incident, Kind};
use crate::step::Name;
use blackstart_dns::stub;
use blackstart_manage::vpn::Tunnel;
use blackstart_sim::Time;
use blackstart_world::Event;

/// Somebody's tunnel.
pub(super) struct Inside {
    /// The gateway's machine, from which everything leaves.
    gateway: String,
    tunnel: Tunnel,
}

impl Incident {
    /// Signs in from the lead's own machine and opens a tunnel to the gateway.
    pub(super) async fn vpn(&self, on: &Name, with: &Name) -> Result<(), Failure> {
        let lead = self.lead()?;
        self.tunnels.borrow_mut().remove(&lead);
        let laptop = self.laptop_of(&lead)?;
        let wiring = &self.world.wiring;
        let found = wiring.vpns.get(&on.text).cloned().zip(wiring.services.get(&on.text).cloned());
        let (at, gateway) = found.ok_or_else(|| format!("there is no VPN gateway `{}`", on.text))?;
        self.busy(&lead, "sign-in").await?;
        let session = self.sign_in(&lead, &laptop, &with.text).await?;
        let resolvers = wiring.machine(&laptop).map(|machine| machine.resolvers.clone()).unwrap_or_default();
        let (to, began) = (at.to_string(), Time::now());
        let failed = |kind, saw: String| {
            let tried = Attempt::new(kind, &to, began, &saw).by(&lead).from(&laptop);
            Failure::of(format!("VPN gateway {to}: {saw}"), tried)
        };
        let looked_up = async move { at.addresses(&stub::Resolver::new(resolvers)).await };
        let addresses = self.on_machine(&laptop, looked_up).await?;
        let addresses = addresses.map_err(|error| failed(Kind::NameLookup, error.to_string()))?;
        let first = addresses.first().copied();
        let server = first.ok_or_else(|| failed(Kind::NameLookup, "its name has no address".to_owned()))?;
        let opened = async move { Tunnel::open(server, &session, PATIENCE).await };
        let tunnel = self.on_machine(&laptop, opened).await?;
        let tunnel = tunnel.map_err(|error| failed(Kind::of(&error), error.to_string()))?;
        self.tunnels.borrow_mut().insert(lead.clone(), Inside { gateway, tunnel });
        self.world.emit(&Event::Tunnelled { person: lead, gateway: on.text.clone() });
        Ok(())
    }

    /// The machine that a person carries; with a tunnel that stands, the one at its other end.
    pub(super) fn laptop_of(&self, person: &str) -> Result<String, Failure> {
        let carried = self.world.people.person(person).and_then(|person| person.laptop.clone());
        let none = || Failure::at_once(Kind::Item, "laptop", format!("{person} has no machine"));
        let carried = carried.ok_or_else(none)?;
        let tunnels = self.tunnels.borrow();
        let inside = tunnels.get(person).filter(|inside| inside.tunnel.stands());
        Ok(inside.map_or(carried, |inside| inside.gateway.clone()))
    }
}
