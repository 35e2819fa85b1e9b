//! Telling the configuration store to push a change, to freeze changes, or to lift a freeze.

use super::{Attempt, Failure, Incident, Kind};
use crate::step::{Configure, Name};
use blackstart_dns::stub;
use blackstart_manage::store::{self, Order};
use blackstart_sim::Time;
use std::time::Duration;

/// How long somebody waits for the end of a push.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);

impl Incident {
    /// Signs in from the lead's own machine and tells the store.
    pub(super) async fn configure(&self, order: &Configure, on: &Name, with: &Name) -> Result<(), Failure> {
        let (lead, laptop) = self.lead_at_laptop()?;
        self.busy(&lead, "sign-in").await?;
        let session = self.sign_in(&lead, &laptop, &with.text).await?;
        self.busy(&lead, "apply").await?;
        let at = self.world.wiring.stores.get(&on.text).cloned();
        let at = at.ok_or_else(|| format!("there is no configuration store `{}`", on.text))?;
        let resolvers = self.world.wiring.machine(&laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let (to, began) = (at.to_string(), Time::now());
        let failed = |kind, saw: String| {
            Failure::of(saw.clone(), Attempt::new(kind, &to, began, saw).by(&lead).from(&laptop))
        };
        let found =
            self.on_machine(&laptop, async move { at.addresses(&stub::Resolver::new(resolvers)).await });
        let found = found.await?.map_err(|error| failed(Kind::NameLookup, error.to_string()))?;
        let first = found.first().copied();
        let address = first.ok_or_else(|| failed(Kind::NameLookup, "its name has no address".to_owned()))?;
        let order = match order {
            Configure::Push(change) => Order::Push(change.text.clone()),
            Configure::Freeze => Order::Freeze,
            Configure::LiftFreeze => Order::Lift,
        };
        let told = async move { store::tell(address, &session, &order, PATIENCE).await };
        let told = self.on_machine(&laptop, told).await?;
        told.map_err(|error| failed(Kind::Connect, error.to_string()))
    }
}
