//! Pages on people's machines, and the sign-in that some of them ask for.

use super::steps::Steps;
use blackstart_runbook::needs::{Id, Met};
use blackstart_runbook::step::{Name, Who};
use blackstart_world::Person;

impl<'a> Steps<'a> {
    /// The page of a host name, before each of those who do a step.
    pub(super) fn pages(&mut self, who: &Who, name: &str) -> Vec<Id> {
        self.candidates(who).into_iter().filter_map(|person| self.page(person, name)).collect()
    }

    /// The page of a host name on somebody's machine; of a tool's page, with a session from before, or a sign-in that both the
    /// machine and the tool can ask. `None` for whoever has no machine.
    pub(super) fn page(&mut self, person: &Person, name: &str) -> Option<Id> {
        let laptop = person.laptop.as_deref()?;
        let host = self.ground.index.hosts.get(laptop);
        let resolvers = host.map(|(_, host)| host.resolvers.clone()).unwrap_or_default();
        let page = self.ground.site(laptop, &resolvers, name);
        let Some((service, tool)) = self.ground.tool_at(name) else { return Some(page) };
        if self.ground.session_end(tool, &person.name).is_some() {
            return Some(page);
        }
        let new = match person.account {
            Some(_) => {
                let asked = self.ground.at_address(service.host.get_ref(), tool.sign_in);
                Met::All(vec![page, self.signed_in(laptop), asked])
            }
            None => Met::Lost("has neither a session from before nor an account".to_owned()),
        };
        Some(self.ground.graph.fact(format!("{} at {name}", person.name), new))
    }

    /// The tool in which a bridge is held.
    pub(super) fn held_at(&self, bridge: &Name) -> Option<&'a str> {
        self.ground.scenario.people.bridges.get(&bridge.text)?.at.as_deref()
    }
}
