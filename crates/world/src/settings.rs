//! What services are told when they start, kept where it can be edited: whoever edits it and starts the service anew has
//! changed its configuration.

use blackstart_badge::server as access;
use blackstart_dns::authority::Zones;
use blackstart_identity::server as sign_in;
use blackstart_rt::Map;
use blackstart_sim::{NodeId, Time};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

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
    /// Services that stand by for another, by service.
    pub standbys: Map<String, Standby>,
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

/// A service that stands by for another with a copy of what that one is told. Copies share it.
#[derive(Clone, Debug)]
pub struct Standby {
    /// The service that it stands by for.
    pub of: String,
    /// How old its copy may be when it takes over.
    copy_max_age: Duration,
    /// When it copied last; the start of the run counts.
    copied: Rc<Cell<Time>>,
    has_taken_over: Rc<Cell<bool>>,
}

impl Standby {
    /// Waits, with a copy of the start of the run.
    #[must_use]
    pub fn new(of: String, copy_max_age: Duration) -> Self {
        Self { of, copy_max_age, copied: Rc::default(), has_taken_over: Rc::default() }
    }

    /// It has a copy of this moment.
    pub fn copied(&self, now: Time) {
        self.copied.set(now);
    }

    /// Whether it serves from its next start on.
    #[must_use]
    pub fn has_taken_over(&self) -> bool {
        self.has_taken_over.get()
    }

    /// Orders it to serve from its next start on; says how old its copy is.
    ///
    /// # Errors
    /// The age of a copy that is too old.
    pub fn take_over(&self, now: Time) -> Result<Duration, Duration> {
        let age = now.saturating_duration_since(self.copied.get());
        if age > self.copy_max_age {
            return Err(age);
        }
        self.has_taken_over.set(true);
        Ok(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_too_old_is_not_taken_into_service() {
        let (standby, at) = (Standby::new("primary".to_owned(), Duration::from_secs(60)), Time::from_secs);
        standby.copied(at(100));
        assert_eq!(standby.take_over(at(161)), Err(Duration::from_secs(61)));
        assert!(!standby.has_taken_over());
        assert_eq!(standby.take_over(at(160)), Ok(Duration::from_secs(60)));
        assert!(standby.has_taken_over());
    }
}
