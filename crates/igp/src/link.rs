//! One link of a router: its carrier after the detection time, its adjacency, and what it still has to flood.

use std::net::IpAddr;
use std::time::Duration;

use blackstart_rt::Set;

use crate::message::Hello;

/// First pause between hellos that nobody answers; it doubles up to [`ASK_PAUSE_MAX`].
const ASK_PAUSE: Duration = Duration::from_secs(1);
const ASK_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long to wait for an acknowledgement.
pub(crate) const RETRANSMIT: Duration = Duration::from_secs(2);
/// Silent hello intervals that end an adjacency.
const HOLD_INTERVALS: u32 = 3;

pub(crate) struct LinkState {
    pub(crate) metric: u32,
    /// The neighbour's primary address: where to send, and whom to listen to.
    pub(crate) address: Option<IpAddr>,
    carrier: bool,
    is_usable: bool,
    carrier_acted_at: Option<Duration>,
    pub(crate) heard: Option<Hello>,
    pub(crate) is_up: bool,
    hello_at: Option<Duration>,
    ask_pause: Duration,
    dead_at: Option<Duration>,
    /// Origins of LSPs to send now.
    pub(crate) fresh: Set<IpAddr>,
    /// Origins of LSPs sent and not yet acknowledged.
    pub(crate) unacknowledged: Set<IpAddr>,
    pub(crate) resend_at: Option<Duration>,
}

/// What a link wants done at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    CarrierUp,
    CarrierDown,
    Silence,
    Hello,
    Resend,
}

impl LinkState {
    pub(crate) fn new(metric: u32) -> Self {
        Self {
            metric,
            address: None,
            carrier: false,
            is_usable: false,
            carrier_acted_at: None,
            heard: None,
            is_up: false,
            hello_at: None,
            ask_pause: ASK_PAUSE,
            dead_at: None,
            fresh: Set::new(),
            unacknowledged: Set::new(),
            resend_at: None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        [self.carrier_acted_at, self.dead_at, self.hello_at, self.resend_at].into_iter().flatten().min()
    }

    /// A change counts once it has lasted for `detection`; a flap shorter than that never happened.
    pub(crate) fn set_carrier(&mut self, now: Duration, up: bool, detection: Duration) {
        if up == self.carrier {
            return;
        }
        self.carrier = up;
        self.carrier_acted_at = (up != self.is_usable).then_some(now + detection);
    }

    /// Can anything be sent?
    pub(crate) fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// The next thing that is due, its timer cleared; the caller repeats until `None`.
    pub(crate) fn due(&mut self, now: Duration) -> Option<Due> {
        let mut take =
            |at: fn(&mut Self) -> &mut Option<Duration>| at(self).take_if(|at| *at <= now).is_some();
        if take(|link| &mut link.carrier_acted_at) {
            self.is_usable = self.carrier;
            Some(if self.carrier { Due::CarrierUp } else { Due::CarrierDown })
        } else if take(|link| &mut link.dead_at) {
            Some(Due::Silence)
        } else if take(|link| &mut link.hello_at) {
            Some(Due::Hello)
        } else if take(|link| &mut link.resend_at) {
            Some(Due::Resend)
        } else {
            None
        }
    }

    /// Starts looking for the neighbour, at once.
    pub(crate) fn ask(&mut self, now: Duration) {
        self.ask_pause = ASK_PAUSE;
        self.hello_at = Some(now);
    }

    /// A hello goes out: when must the next one?
    pub(crate) fn hello_sent(&mut self, now: Duration, interval: Option<Duration>) {
        if self.is_up {
            self.hello_at = interval.map(|interval| now + interval);
        } else {
            self.hello_at = Some(now + self.ask_pause);
            self.ask_pause = (self.ask_pause * 2).min(ASK_PAUSE_MAX);
        }
    }

    pub(crate) fn hello_received(&mut self, now: Duration, hello: Hello, interval: Option<Duration>) {
        self.heard = Some(hello);
        self.dead_at = interval.filter(|_| self.is_up).map(|interval| now + interval * HOLD_INTERVALS);
    }

    /// The neighbour hears us. The database is exchanged: everything known goes out.
    pub(crate) fn up(&mut self, now: Duration, interval: Option<Duration>, database: Set<IpAddr>) {
        self.is_up = true;
        self.fresh = database;
        self.hello_at = interval.map(|interval| now + interval);
        self.dead_at = interval.map(|interval| now + interval * HOLD_INTERVALS);
    }

    /// Forgets the neighbour.
    pub(crate) fn down(&mut self) {
        self.is_up = false;
        self.heard = None;
        self.fresh.clear();
        self.unacknowledged.clear();
        (self.hello_at, self.dead_at, self.resend_at) = (None, None, None);
    }
}
