//! Services that start again after their machine was off: each waits until its `boot-needs` answer.
//!
//! At the start of a run everything is up already, as after a long quiet day; a boot later is a real one.

use super::network::IN_BAND_PORT;
use super::services::{ACCESS_PORT, HTTP_PORT, NAMES_PORT, PUSH_PORT, SIGN_IN_PORT, STORE_PORT, VPN_PORT};
use crate::files::services::{Run, Service};
use crate::index::Index;
use blackstart_rt as rt;
use blackstart_sim::task;
use blackstart_world::{DOOR_PORT, Event};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How long a service looks for another one, and waits before it looks again.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(5);

/// What a service looks for before it starts: its name, and where it answers.
type Need = (String, SocketAddr);

/// The same program; when it is run again, it waits for what the service needs to boot.
pub(super) fn after_needs(index: &Index<'_>, service: &Service, start: Box<dyn Fn()>) -> Box<dyn Fn()> {
    let needs = service.boot_needs.iter().map(|need| need.get_ref().as_str());
    let needs: Vec<Need> =
        needs.filter_map(|need| Some((need.to_owned(), answers_at(index, need)?))).collect();
    let quorum = service.boot_quorum.as_ref().map(|quorum| Shares {
        at_least: *quorum.at_least.get_ref(),
        held: quorum
            .of
            .iter()
            .filter_map(|holder| Some((holder.get_ref().clone(), answers_at(index, holder.get_ref())?)))
            .collect(),
    });
    if needs.is_empty() && quorum.is_none() {
        return start;
    }
    let (name, start, again) =
        (service.name.get_ref().clone(), Rc::<dyn Fn()>::from(start), Cell::new(false));
    Box::new(move || {
        if !again.replace(true) {
            return start();
        }
        let (service, needs, start) = (name.clone(), needs.clone(), start.clone());
        let quorum = quorum.clone();
        let _detached = task::spawn(&name, async move {
            rt::emit(&Event::Booting { service: service.clone() });
            for need in &needs {
                found(&service, need).await;
            }
            if let Some(quorum) = quorum {
                quorum.gathered(&service).await;
            }
            start();
            rt::emit(&Event::Booted { service });
        });
    })
}

/// The shares of a key, and how many are enough.
#[derive(Clone)]
struct Shares {
    at_least: usize,
    held: Vec<Need>,
}

impl Shares {
    /// Asks every holder in turn until enough have given their share. A share that was given stays.
    async fn gathered(mut self, service: &str) {
        let mut told = 0;
        loop {
            for (holder, at) in std::mem::take(&mut self.held) {
                match answers(at).await {
                    true => self.at_least -= 1,
                    false => self.held.push((holder, at)),
                }
                if self.at_least == 0 {
                    return;
                }
            }
            if std::mem::replace(&mut told, self.at_least) != self.at_least {
                let holders: Vec<&str> = self.held.iter().map(|(holder, _)| holder.as_str()).collect();
                let on = format!("{} more of {}", self.at_least, holders.join(", "));
                rt::emit(&Event::BootWaits { service: service.to_owned(), on });
            }
            rt::time::sleep(PAUSE).await;
        }
    }
}

async fn answers(at: SocketAddr) -> bool {
    let answer = rt::time::timeout(PATIENCE, rt::net::TcpStream::connect(at)).await;
    answer.is_ok_and(|connected| connected.is_ok())
}

/// Looks for a service until it answers.
async fn found(service: &str, (need, at): &Need) {
    let mut told = false;
    loop {
        if answers(*at).await {
            return;
        }
        if !std::mem::replace(&mut told, true) {
            rt::emit(&Event::BootWaits { service: service.to_owned(), on: need.clone() });
        }
        rt::time::sleep(PAUSE).await;
    }
}

/// Where a service answers over TCP; `None` for one that only asks others.
pub(super) fn answers_at(index: &Index<'_>, service: &str) -> Option<SocketAddr> {
    let (_, service) = index.services.get(service)?;
    let (_, host) = index.hosts.get(service.host.get_ref())?;
    Some(SocketAddr::new(*host.address.get_ref(), port_of(&service.run)?))
}

/// The port at which a service answers.
pub(crate) fn port_of(run: &Run) -> Option<u16> {
    let port = match run {
        Run::Authority(_) | Run::Resolver(_) => NAMES_PORT,
        Run::Edge(_)
        | Run::Backend(_)
        | Run::Admission(_)
        | Run::Site(_)
        | Run::Tool(_)
        | Run::Reports(_)
        | Run::Messages(_)
        | Run::Posts(_) => HTTP_PORT,
        Run::DoorController(_) => DOOR_PORT,
        Run::AccessServer(_) => ACCESS_PORT,
        Run::Identity(_) => SIGN_IN_PORT,
        Run::Push(_) => PUSH_PORT,
        Run::Chat(chat) => chat.listen.port(),
        Run::Audit(audit) => audit.listen.port(),
        Run::ConsoleServer(_) | Run::JumpHost(_) => IN_BAND_PORT,
        Run::Vpn(_) => VPN_PORT,
        Run::ConfigurationStore(_) => STORE_PORT,
        Run::Speaker(_)
        | Run::Health(_)
        | Run::Probe(_)
        | Run::Alert(_)
        | Run::Users(_)
        | Run::ChatPresence(_)
        | Run::Capacity(_) => {
            return None;
        }
    };
    Some(port)
}
