//! Letting users back in, and saying so.

use super::{Attempt, Failure, Incident, Kind};
use crate::step::Name;
use blackstart_app::{Percent, admission};
use blackstart_sim::Time;
use blackstart_sim::canary::{self, Canary};
use blackstart_world::Event;
use std::time::Duration;

/// How long people wait for the admission service.
const PATIENCE: Duration = Duration::from_secs(30);
/// Whoever gives an order that was not taken gives it again: what stopped it may have passed.
const ORDERS_MAX: u32 = 3;
const BEFORE_AGAIN: Duration = Duration::from_secs(30);

impl Incident {
    /// Admits users in steps: each is decided on, ordered, and must hold.
    pub(super) async fn admit(
        &self,
        percents: &[u32],
        hold: Duration,
        stop_errors_percent: Option<u32>,
    ) -> Result<(), Failure> {
        for &percent in percents {
            self.busy(&self.lead()?, "judge-load").await?;
            self.order_admission(percent).await?;
            self.hold(hold, "the share of users must hold").await;
            if let Some(limit) =
                stop_errors_percent.filter(|_| !canary::is_planted(Canary::RampIgnoresErrors))
                && let Some(errors) = self.errors()
                && errors > f64::from(limit)
            {
                let text =
                    format!("with {percent} % admitted, {errors:.0} % of requests fail, more than {limit} %");
                return Err(Failure::at_once(Kind::Wait, "errors@backends", text));
            }
        }
        Ok(())
    }

    /// Goes back to the share before the present one.
    pub(super) async fn step_back(&self) -> Result<String, Failure> {
        let previous = {
            let mut admitted = self.admitted.borrow_mut();
            admitted.pop();
            admitted.pop().unwrap_or(0)
        };
        self.order_admission(previous).await?;
        Ok(format!("back to {previous} %"))
    }

    /// Share of requests that backends shed or fail, in percent: a dashboard inside the company, where the crew stands.
    fn errors(&self) -> Option<f64> {
        self.world.with_state(|state| state.history.now("errors@backends")?.number())
    }

    /// Orders the edges, through the admission service, to let this share of users in. The order is given from a machine
    /// at the site where the crew stands.
    pub(super) async fn order_admission(&self, percent: u32) -> Result<(), Failure> {
        let service = self.world.wiring.admission.clone();
        let (address, token) = service.ok_or_else(|| "there is no admission service".to_owned())?;
        let cart = self.machine_at_hand(address.ip()).await?;
        let share = Percent::whole(u8::try_from(percent).map_err(|_| format!("{percent} is no percentage"))?);
        let order = async move |began: Time| {
            let token = token.clone();
            let order = async move { admission::set(address, &token, share, PATIENCE).await };
            self.on_machine(&cart, order).await?.map_err(|error| {
                let order = Attempt::new(Kind::Connect, address.ip().to_string(), began, &error).from(&cart);
                Failure::of(format!("the admission service did not take {percent} %: {error}"), order)
            })
        };
        let mut taken = order(Time::now()).await;
        for _ in 1..ORDERS_MAX {
            if taken.is_ok() {
                break;
            }
            self.people_spend(BEFORE_AGAIN, "give the order again", &self.lead()?).await;
            taken = order(Time::now()).await;
        }
        taken?;
        self.admitted.borrow_mut().push(percent);
        self.world.emit(&Event::Admitted { percent });
        Ok(())
    }

    /// Says something in public, from the laptop of whoever speaks.
    pub(super) async fn post(&self, on: &Name, text: &Name) -> Result<(), Failure> {
        let speaker = self.lead()?;
        self.busy(&speaker, "post").await?;
        let laptop = self.laptop_of(&speaker)?;
        let resolvers = self.world.wiring.machine(&laptop).map(|m| m.resolvers.clone()).unwrap_or_default();
        let (host, author, text) = (on.text.clone(), speaker.clone(), text.text.clone());
        let sent = self.on_machine(&laptop, async move {
            blackstart_world::post(resolvers, &host, &author, &text).await
        });
        let began = Time::now();
        sent.await?.map_err(|why| {
            let text = format!("{} did not take the post: {why}", on.text);
            Failure::of(text, Attempt::new(Kind::NameLookup, &on.text, began, why).by(&speaker).from(&laptop))
        })
    }
}
