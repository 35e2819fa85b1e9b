//! What services are told when they start, kept where it can be edited: whoever edits it and starts the service anew has
//! changed its configuration.

use blackstart_badge::server as access;
use blackstart_dns::authority::Zones;
use blackstart_identity::server as sign_in;
use blackstart_rt::Map;
use blackstart_sim::NodeId;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

/// A configuration: as the scenario has it, and as it is now. Copies share it.
#[derive(Clone, Debug)]
pub struct Told<T> {
    sound: Rc<T>,
    now: Rc<RefCell<T>>,
}

impl<T: Clone> Told<T> {
    /// As the scenario has it.
    #[must_use]
    pub fn new(sound: T) -> Self {
        Self { now: Rc::new(RefCell::new(sound.clone())), sound: Rc::new(sound) }
    }

    /// As it is now.
    #[must_use]
    pub fn now(&self) -> T {
        self.now.borrow().clone()
    }

    /// Changes it, on top of what it is now: a change that somebody means. A fault that lies on it and ends takes it away again.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.now.borrow_mut())
    }

    /// Makes it what the scenario has, with these edits and no others.
    pub fn edit(&self, edit: impl FnOnce(&mut T)) {
        let mut now = (*self.sound).clone();
        edit(&mut now);
        *self.now.borrow_mut() = now;
    }
}

/// Configurations that can be edited, by service or by machine, and where services are asked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Authorities' zones, by service.
    pub zones: Map<String, Told<Zones>>,
    /// Sign-in services, by service.
    pub sign_in: Map<String, Told<sign_in::Config>>,
    /// Access servers, by service.
    pub access: Map<String, Told<access::Config>>,
    /// Routers' BGP, by router.
    pub bgp: Map<String, Told<blackstart_bgp::Config>>,
    /// Routers' interior routing, by router.
    pub igp: Map<String, Told<blackstart_igp::Config>>,
    /// Where a service is asked, and how.
    pub asked: Map<String, (NodeId, SocketAddr, Speaks)>,
}

/// How a service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// DNS over UDP.
    Names,
    /// HTTP.
    Pages,
    /// Something else over TCP.
    Lines,
}
