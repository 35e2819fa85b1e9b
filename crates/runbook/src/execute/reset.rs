//! Switching machines off and on again in an order in which each finds what it needs to start.

use super::at_hand::OFF;
use super::{Failure, Incident, Kind, Spending, sleep};
use crate::measure::rough;
use crate::step::Name;
use blackstart_sim::{Time, control};
use blackstart_world::{Event, Wiring};
use std::time::Duration;

/// How often somebody looks whether a machine is up.
const LOOK: Duration = Duration::from_secs(5);

impl Incident {
    /// Switches all of them off, then on one by one; each must have started its services before the next.
    pub(super) async fn reset(&self, named: &[Name], patience: Duration) -> Result<(), Failure> {
        let (lead, wiring) = (self.lead()?, &self.world.wiring);
        let machines = in_order(wiring, named);
        for machine in &machines {
            let known = wiring.machine(machine).ok_or_else(|| format!("there is no machine `{machine}`"))?;
            self.beside(&lead, machine, &known.site)?;
        }
        let off = Time::now();
        for machine in &machines {
            self.switch(machine, false)?;
        }
        sleep(OFF).await;
        self.spent(Spending::Hold, "the machines stay off", "", off);
        for machine in machines {
            self.busy(&lead, "power-cycle").await?;
            self.switch(&machine, true)?;
            self.world.emit(&Event::PowerCycled { person: lead.clone(), machine: machine.clone() });
            self.comes_up(&machine, patience).await?;
        }
        Ok(())
    }

    fn switch(&self, machine: &str, on: bool) -> Result<(), Failure> {
        let known = self.world.wiring.machine(machine);
        let node = known.ok_or_else(|| format!("there is no machine `{machine}`"))?.node;
        if control::is_powered(node) == on {
            return Ok(());
        }
        let done = if on { control::power_on(node) } else { control::power_off(node) };
        done.map_err(|error| Failure::at_once(Kind::Task, machine, error.to_string()))
    }

    /// Watches a machine until its services have started.
    async fn comes_up(&self, machine: &str, patience: Duration) -> Result<(), Failure> {
        let began = Time::now();
        loop {
            sleep(LOOK).await;
            let Some((service, on)) = self.still_starting(machine) else { break };
            if Time::now().saturating_duration_since(began) >= patience {
                let on = on.map(|on| format!(": it waits for `{on}`")).unwrap_or_default();
                let text = format!("`{service}` on {machine} did not start within {}{on}", rough(patience));
                return Err(Failure::at_once(Kind::Task, machine, text));
            }
        }
        self.spent(Spending::Protocols, machine, "", began);
        Ok(())
    }

    /// A service of this machine that has not started yet, and what it waits for.
    fn still_starting(&self, machine: &str) -> Option<(String, Option<String>)> {
        let here = |service: &String| self.world.wiring.services.get(service).is_some_and(|at| at == machine);
        self.world.with_state(|state| {
            let mut starting = state.physical.starting.iter();
            starting.find(|(service, _)| here(service)).map(|(service, on)| (service.clone(), on.clone()))
        })
    }
}

/// Machines as they are named; the hosts of a site or a rack so that each comes after those that it needs to start.
fn in_order(wiring: &Wiring, named: &[Name]) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    for name in named {
        let there = |(_, machine): &(&String, &blackstart_world::Machine)| {
            let at_site = machine.site == name.text && machine.router.is_some();
            at_site || machine.rack.as_ref() == Some(&name.text)
        };
        let mut left: Vec<&String> = wiring.machines.iter().filter(there).map(|(host, _)| host).collect();
        if left.is_empty() {
            order.push(name.text.clone());
        }
        while !left.is_empty() {
            let waits =
                |host: &String| wiring.boots_after(host).iter().any(|need| left.iter().any(|l| l == need));
            // In a circle nobody can be first; the run shows it.
            let next = left.iter().position(|host| !waits(host)).unwrap_or(0);
            order.push(left.remove(next).clone());
        }
    }
    order
}
