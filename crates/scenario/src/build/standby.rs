//! Services that stand by for another: until somebody has one take over it copies, over the network, what the other is told.

use super::boot::{PATIENCE, answers_at};
use crate::files::services::Service;
use crate::index::Index;
use blackstart_rt as rt;
use blackstart_sim::{Time, task};
use blackstart_world::settings::{Settings, Standby};
use blackstart_world::{Event, Wiring};
use std::net::SocketAddr;
use std::time::Duration;

/// The same program, which copies instead of serving until its service has taken over.
pub(super) fn until_it_takes_over(
    index: &Index<'_>,
    wiring: &Wiring,
    service: &Service,
    start: Box<dyn Fn()>,
) -> Box<dyn Fn()> {
    let name = service.name.get_ref();
    let known = service.standby.as_ref().zip(wiring.settings.standbys.get(name));
    let Some((stated, standby)) = known else { return start };
    let Some(primary) = answers_at(index, &standby.of) else { return start };
    let copier = Copier {
        service: name.clone(),
        standby: standby.clone(),
        primary,
        every: stated.copies_every.0,
        settings: wiring.settings.clone(),
    };
    Box::new(move || match copier.standby.has_taken_over() {
        true => start(),
        false => drop(task::spawn(&copier.service, copier.clone().run())),
    })
}

#[derive(Clone)]
struct Copier {
    service: String,
    standby: Standby,
    primary: SocketAddr,
    every: Duration,
    settings: Settings,
}

impl Copier {
    async fn run(self) {
        let mut reached = true;
        loop {
            let answer = rt::time::timeout(PATIENCE, rt::net::TcpStream::connect(self.primary)).await;
            let reaches = answer.is_ok_and(|connected| connected.is_ok());
            if reaches {
                self.copy();
            }
            if reaches != std::mem::replace(&mut reached, reaches) {
                self.tell(reaches);
            }
            rt::time::sleep(self.every).await;
        }
    }

    /// Takes what the other is told now, mistakes included.
    fn copy(&self) {
        let (service, of) = (&self.service, &self.standby.of);
        if let Some((mine, theirs)) = self.settings.access.get(service).zip(self.settings.access.get(of)) {
            mine.change(|it| *it = theirs.now());
        }
        if let Some((mine, theirs)) = self.settings.sign_in.get(service).zip(self.settings.sign_in.get(of)) {
            mine.change(|it| *it = theirs.now());
        }
        self.standby.copied(Time::now());
    }

    fn tell(&self, reaches: bool) {
        let (service, of) = (self.service.clone(), self.standby.of.clone());
        rt::emit(&match reaches {
            true => Event::CopyResumed { service, of },
            false => Event::CopyMissed { service, of },
        });
    }
}
