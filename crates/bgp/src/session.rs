//! One session's state machine (RFC 4271 8), without sockets or clocks.
//!
//! The shell says what happened and what time it is; the machine says what to do. Two simplifications, both
//! visible to nobody but the operator: after a failure the machine starts itself again as if by
//! AutomaticStart_with_PassiveTcpEstablishment, so it listens at once and calls when ConnectRetryTimer
//! expires; and of two colliding connections the one from the higher address stays, which needs no OPEN to
//! be decided (the RFC compares identifiers; a real peer sees the other connection close before its OPEN).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Neighbour, Role};
use crate::wire::{Capability, Family, Message, Notification, Open, Peering, Update, two_octets};

/// While waiting for the peer's OPEN (RFC 4271 8.2.2 suggests four minutes).
const OPEN_HOLD_TIME: Duration = Duration::from_secs(240);

/// States of RFC 4271 8.2.2, in the order of a session's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Stopped: neither calls nor answers.
    Idle,
    /// Calling.
    Connect,
    /// Waiting: for a call, or for ConnectRetryTimer.
    Active,
    /// Connected; our OPEN is out.
    OpenSent,
    /// OPENs agree; waiting for the first KEEPALIVE.
    OpenConfirm,
    /// Exchanging routes.
    Established,
}

/// What can happen to a session. The numbers are RFC 4271 8.1 events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// An operator, or the carrier's return, starts the session (1, 3).
    Start,
    /// It must stop (2); the reason says who wants that.
    Stop(DownReason),
    /// A connection stands, called or answered (16, 17).
    Connected,
    /// The call failed, or the connection broke (18).
    Disconnected(Loss),
    /// A whole message came (19, 25, 26, 27).
    Received(Message),
    /// Bytes came that are no message (21, 22, 28).
    Malformed(Notification),
    /// Time passed (9, 10, 11); see [`Session::deadline`].
    Tick,
}

/// What to do about it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Call the neighbour.
    Connect,
    /// Send on the connection.
    Send(Message),
    /// Drop the connection, or the attempt, once what was sent is out.
    Disconnect,
    /// The session is up.
    Up(Established),
    /// The session is down, having been up.
    Down(DownReason),
    /// Routes for the RIB.
    Deliver(Update),
}

/// What both OPENs agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Established {
    /// The peer's identifier.
    pub router_id: Ipv4Addr,
    /// How UPDATEs are read and written.
    pub peering: Peering,
    /// Families that both ends carry.
    pub families: Vec<Family>,
    /// 0 when there are no keepalives.
    pub hold_time_s: u16,
}

/// How a connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Loss {
    /// The other end closed it.
    Closed,
    /// The other end, or something between, reset or refused it.
    Reset,
    /// Nothing came back.
    TimedOut,
    /// No route, or another failure on our side.
    Unreachable,
}

/// Why an established session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownReason {
    /// Nothing was heard for the hold time.
    HoldTimerExpired,
    /// The peer said why (code, subcode).
    NotificationReceived(u8, u8),
    /// We said why (code, subcode).
    NotificationSent(u8, u8),
    /// The connection broke.
    ConnectionLost(Loss),
    /// The carrier of the direct link went (fast fallover).
    LinkDown,
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    local: Local,
    state: State,
    retry_at: Option<Duration>,
    hold_at: Option<Duration>,
    keepalive_at: Option<Duration>,
    agreed: Option<Established>,
}

/// Our side of the session, fixed.
#[derive(Clone, Debug)]
struct Local {
    asn: u32,
    router_id: Ipv4Addr,
    peer_as: u32,
    role: Role,
    passive: bool,
    hold_time_s: u16,
    connect_retry: Duration,
}

impl Session {
    /// A session in `Idle`.
    pub fn new(config: &Config, neighbour: &Neighbour) -> Self {
        let local = Local {
            asn: config.asn,
            router_id: config.router_id,
            peer_as: neighbour.asn,
            role: neighbour.role,
            passive: neighbour.passive,
            hold_time_s: neighbour.hold_time_s,
            connect_retry: Duration::from_secs(neighbour.connect_retry_s.into()),
        };
        Self { local, state: State::Idle, retry_at: None, hold_at: None, keepalive_at: None, agreed: None }
    }

    /// Where the machine is.
    pub fn state(&self) -> State {
        self.state
    }

    /// When to send the next [`Input::Tick`], in the time of [`Session::step`].
    pub fn deadline(&self) -> Option<Duration> {
        [self.retry_at, self.hold_at, self.keepalive_at].into_iter().flatten().min()
    }

    /// How to read and write messages now.
    pub fn peering(&self) -> Peering {
        let unsettled = Peering {
            peer_as: self.local.peer_as,
            external: self.local.role.is_external(),
            four_octet: true,
        };
        self.agreed.as_ref().map_or(unsettled, |agreed| agreed.peering)
    }

    /// Takes the machine one input further. `now` only grows; `draw` in [0, 1) is for the jitter of a timer set now
    /// (RFC 4271 10: 75 to 100 % of its value).
    pub fn step(&mut self, now: Duration, draw: f64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        let clock = Clock { now, jitter: 1.0 - 0.25 * draw };
        match input {
            Input::Start => self.start(clock, &mut out),
            Input::Stop(reason) => self.stop(reason, &mut out),
            Input::Connected => self.connected(clock, &mut out),
            Input::Disconnected(loss) => self.disconnected(clock, loss, &mut out),
            Input::Received(message) => self.received(clock, message, &mut out),
            Input::Malformed(notification) => self.fail(clock, notification, &mut out),
            Input::Tick => self.tick(clock, &mut out),
        }
        out
    }

    fn start(&mut self, clock: Clock, out: &mut Vec<Output>) {
        if self.state != State::Idle {
            return;
        }
        self.wait(clock);
        if !self.local.passive {
            self.call(clock, out);
        }
    }

    /// Back to listening, with ConnectRetryTimer running.
    fn wait(&mut self, clock: Clock) {
        self.state = State::Active;
        self.agreed = None;
        (self.hold_at, self.keepalive_at) = (None, None);
        self.retry_at = (!self.local.passive).then(|| clock.after(self.local.connect_retry));
    }

    fn call(&mut self, clock: Clock, out: &mut Vec<Output>) {
        self.state = State::Connect;
        self.retry_at = Some(clock.after(self.local.connect_retry));
        out.push(Output::Connect);
    }

    fn stop(&mut self, reason: DownReason, out: &mut Vec<Output>) {
        if self.state >= State::OpenSent {
            out.push(Output::Send(Message::Notification(Notification::ADMINISTRATIVE_SHUTDOWN)));
        }
        self.end(reason, out);
        self.state = State::Idle;
        self.retry_at = None;
    }

    /// Drops the connection and, if the session was up, says so.
    fn end(&mut self, reason: DownReason, out: &mut Vec<Output>) {
        if self.state != State::Idle {
            out.push(Output::Disconnect);
        }
        if self.state == State::Established {
            out.push(Output::Down(reason));
        }
        self.agreed = None;
        (self.hold_at, self.keepalive_at) = (None, None);
    }

    fn connected(&mut self, clock: Clock, out: &mut Vec<Output>) {
        if !matches!(self.state, State::Connect | State::Active) {
            return out.push(Output::Disconnect);
        }
        self.state = State::OpenSent;
        self.retry_at = None;
        self.hold_at = Some(clock.now + OPEN_HOLD_TIME);
        out.push(Output::Send(Message::Open(self.local.open())));
    }

    fn disconnected(&mut self, clock: Clock, loss: Loss, out: &mut Vec<Output>) {
        if self.state != State::Idle {
            self.end(DownReason::ConnectionLost(loss), out);
            self.wait(clock);
        }
    }

    fn received(&mut self, clock: Clock, message: Message, out: &mut Vec<Output>) {
        match (self.state, message) {
            (State::Idle | State::Connect | State::Active, _) => {}
            (_, Message::Notification(told)) => {
                self.end(DownReason::NotificationReceived(told.code, told.subcode), out);
                self.wait(clock);
            }
            (State::OpenSent, Message::Open(open)) => match self.local.agree(&open) {
                Ok(agreed) => self.confirm(clock, agreed, out),
                Err(notification) => self.fail(clock, notification, out),
            },
            (State::OpenConfirm, Message::Keepalive) => self.establish(clock, out),
            (State::Established, Message::Keepalive) => self.restart_hold(clock.now),
            (State::Established, Message::Update(update)) => {
                self.restart_hold(clock.now);
                out.push(Output::Deliver(update));
            }
            (state, _) => self.fail(clock, unexpected_in(state), out),
        }
    }

    fn confirm(&mut self, clock: Clock, agreed: Established, out: &mut Vec<Output>) {
        self.state = State::OpenConfirm;
        self.agreed = Some(agreed);
        self.restart_hold(clock.now);
        self.keepalive(clock, out);
    }

    fn establish(&mut self, clock: Clock, out: &mut Vec<Output>) {
        self.state = State::Established;
        self.restart_hold(clock.now);
        out.extend(self.agreed.clone().map(Output::Up));
    }

    fn hold_time(&self) -> Option<Duration> {
        let seconds = self.agreed.as_ref().map_or(0, |agreed| agreed.hold_time_s);
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    fn restart_hold(&mut self, now: Duration) {
        self.hold_at = self.hold_time().map(|hold| now + hold);
    }

    fn keepalive(&mut self, clock: Clock, out: &mut Vec<Output>) {
        out.push(Output::Send(Message::Keepalive));
        self.keepalive_at = self.hold_time().map(|hold| clock.after(hold / 3));
    }

    /// Tells the peer what was wrong, then starts over.
    fn fail(&mut self, clock: Clock, notification: Notification, out: &mut Vec<Output>) {
        if self.state < State::OpenSent {
            return;
        }
        let reason = DownReason::NotificationSent(notification.code, notification.subcode);
        out.push(Output::Send(Message::Notification(notification)));
        self.end(reason, out);
        self.wait(clock);
    }

    fn tick(&mut self, clock: Clock, out: &mut Vec<Output>) {
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= clock.now);
        if due(self.hold_at) {
            out.push(Output::Send(Message::Notification(Notification::HOLD_TIMER_EXPIRED)));
            self.end(DownReason::HoldTimerExpired, out);
            return self.wait(clock);
        }
        if due(self.keepalive_at) {
            self.keepalive(clock, out);
        }
        if due(self.retry_at) {
            if self.state == State::Connect {
                out.push(Output::Disconnect);
            }
            self.call(clock, out);
        }
    }
}

/// The time of one step and its draw.
#[derive(Clone, Copy)]
struct Clock {
    now: Duration,
    jitter: f64,
}

impl Clock {
    fn after(self, delay: Duration) -> Duration {
        self.now + delay.mul_f64(self.jitter)
    }
}

/// RFC 6608.
fn unexpected_in(state: State) -> Notification {
    match state {
        State::OpenSent => Notification::UNEXPECTED_IN_OPEN_SENT,
        State::OpenConfirm => Notification::UNEXPECTED_IN_OPEN_CONFIRM,
        _ => Notification::UNEXPECTED_IN_ESTABLISHED,
    }
}

/// Of two connections between the same pair, is the one that we called kept? Both ends come to the same answer.
pub fn keeps_own_call(local: IpAddr, neighbour: IpAddr) -> bool {
    local > neighbour
}

impl Local {
    fn open(&self) -> Open {
        let families = [Family::Ipv4, Family::Ipv6].map(Capability::Multiprotocol);
        let role = self.role.capability().map(Capability::Role);
        let capabilities =
            families.into_iter().chain(role).chain([Capability::FourOctetAs(self.asn)]).collect();
        Open {
            my_as: two_octets(self.asn),
            hold_time_s: self.hold_time_s,
            router_id: self.router_id,
            capabilities,
        }
    }

    /// Checks the peer's OPEN (RFC 4271 6.2) and settles the session.
    fn agree(&self, open: &Open) -> Result<Established, Notification> {
        let external = self.role.is_external();
        if open.asn() != self.peer_as {
            return Err(Notification::BAD_PEER_AS);
        }
        if open.router_id.is_unspecified() || (!external && open.router_id == self.router_id) {
            return Err(Notification::BAD_IDENTIFIER);
        }
        if matches!(open.hold_time_s, 1 | 2) {
            return Err(Notification::UNACCEPTABLE_HOLD_TIME);
        }
        if self.role.capability().zip(open.role()).is_some_and(|(ours, theirs)| theirs != ours.counterpart())
        {
            return Err(Notification::ROLE_MISMATCH);
        }
        let four_octet = open.four_octet_as().is_some();
        Ok(Established {
            router_id: open.router_id,
            peering: Peering { peer_as: self.peer_as, external, four_octet },
            families: open.families(),
            hold_time_s: self.hold_time_s.min(open.hold_time_s),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RoleCapability;

    const SECOND: Duration = Duration::from_secs(1);

    fn config(asn: u32, id: u8) -> Config {
        Config::new(asn, [10, 0, 0, id].into())
    }

    /// We are AS 1 at 10.0.0.1, a customer of AS 2 at 10.0.0.2.
    fn session(passive: bool) -> Session {
        let mut neighbour = Neighbour::new([10, 0, 0, 2].into(), 2, Role::Provider);
        neighbour.passive = passive;
        Session::new(&config(1, 1), &neighbour)
    }

    fn their_open() -> Open {
        let us = Neighbour::new([10, 0, 0, 1].into(), 1, Role::Customer);
        Session::new(&config(2, 2), &us).local.open()
    }

    fn step(session: &mut Session, at: Duration, input: Input) -> Vec<Output> {
        session.step(at, 0.0, input)
    }

    fn established() -> Session {
        let mut session = session(false);
        step(&mut session, Duration::ZERO, Input::Start);
        step(&mut session, Duration::ZERO, Input::Connected);
        step(&mut session, Duration::ZERO, Input::Received(Message::Open(their_open())));
        step(&mut session, Duration::ZERO, Input::Received(Message::Keepalive));
        assert_eq!(session.state(), State::Established);
        session
    }

    fn sent(outputs: &[Output]) -> Option<&Notification> {
        outputs.iter().find_map(|output| match output {
            Output::Send(Message::Notification(notification)) => Some(notification),
            _ => None,
        })
    }

    #[test]
    fn the_way_up() {
        let mut session = session(false);
        assert_eq!(step(&mut session, SECOND, Input::Start), [Output::Connect]);
        let opened = step(&mut session, SECOND, Input::Connected);
        assert!(matches!(opened[..], [Output::Send(Message::Open(_))]));
        let confirmed = step(&mut session, SECOND, Input::Received(Message::Open(their_open())));
        assert_eq!(confirmed, [Output::Send(Message::Keepalive)]);
        let up = step(&mut session, SECOND, Input::Received(Message::Keepalive));
        let [Output::Up(agreed)] = &up[..] else { panic!("{up:?}") };
        assert_eq!((agreed.hold_time_s, agreed.peering.four_octet), (90, true));
        assert_eq!(agreed.families, [Family::Ipv4, Family::Ipv6]);
    }

    #[test]
    fn a_passive_session_never_calls() {
        let mut session = session(true);
        assert_eq!(step(&mut session, SECOND, Input::Start), []);
        assert_eq!((session.state(), session.deadline()), (State::Active, None));
    }

    #[test]
    fn a_failed_call_is_repeated_when_connect_retry_expires() {
        let mut session = session(false);
        step(&mut session, SECOND, Input::Start);
        assert_eq!(step(&mut session, 2 * SECOND, Input::Disconnected(Loss::Reset)), [Output::Disconnect]);
        assert_eq!((session.state(), session.deadline()), (State::Active, Some(32 * SECOND)));
        assert_eq!(step(&mut session, 32 * SECOND, Input::Tick), [Output::Connect]);
        let again = step(&mut session, 62 * SECOND, Input::Tick);
        assert_eq!(again, [Output::Disconnect, Output::Connect], "a call that hangs is given up");
    }

    #[test]
    fn keepalives_go_at_a_third_and_jitter_only_shortens() {
        let mut session = established();
        assert_eq!(session.deadline(), Some(30 * SECOND));
        assert_eq!(session.step(30 * SECOND, 0.999, Input::Tick), [Output::Send(Message::Keepalive)]);
        let next = session.keepalive_at.unwrap() - 30 * SECOND;
        assert!(next >= SECOND.mul_f64(22.5) && next < 30 * SECOND);
    }

    #[test]
    fn silence_ends_the_session_at_the_hold_time() {
        let mut session = established();
        step(&mut session, 89 * SECOND, Input::Tick);
        assert_eq!(session.state(), State::Established);
        let outputs = step(&mut session, 90 * SECOND, Input::Tick);
        assert_eq!(sent(&outputs), Some(&Notification::HOLD_TIMER_EXPIRED));
        assert!(outputs.ends_with(&[Output::Disconnect, Output::Down(DownReason::HoldTimerExpired)]));
        assert_eq!(session.state(), State::Active);
    }

    #[test]
    fn anything_heard_restarts_the_hold_timer() {
        for message in [Message::Keepalive, Message::Update(Update::default())] {
            let mut session = established();
            step(&mut session, 60 * SECOND, Input::Received(message));
            assert_eq!(session.hold_at, Some(150 * SECOND));
        }
    }

    #[test]
    fn a_hold_time_of_zero_runs_no_timers() {
        let mut session = session(false);
        step(&mut session, SECOND, Input::Start);
        step(&mut session, SECOND, Input::Connected);
        let open = Open { hold_time_s: 0, ..their_open() };
        step(&mut session, SECOND, Input::Received(Message::Open(open)));
        assert_eq!(session.deadline(), None);
    }

    #[test]
    fn an_open_that_does_not_fit_is_answered() {
        let wrong_role = vec![Capability::FourOctetAs(2), Capability::Role(RoleCapability::Customer)];
        let cases = [
            (Open { my_as: 3, capabilities: vec![], ..their_open() }, Notification::BAD_PEER_AS),
            (Open { router_id: Ipv4Addr::UNSPECIFIED, ..their_open() }, Notification::BAD_IDENTIFIER),
            (Open { hold_time_s: 2, ..their_open() }, Notification::UNACCEPTABLE_HOLD_TIME),
            (Open { capabilities: wrong_role, ..their_open() }, Notification::ROLE_MISMATCH),
        ];
        for (open, expected) in cases {
            let mut session = session(false);
            step(&mut session, SECOND, Input::Start);
            step(&mut session, SECOND, Input::Connected);
            let outputs = step(&mut session, SECOND, Input::Received(Message::Open(open)));
            assert_eq!(sent(&outputs), Some(&expected));
            assert_eq!(session.state(), State::Active);
        }
    }

    #[test]
    fn a_peer_without_capabilities_gets_two_octet_ases_and_ipv4() {
        let mut session = session(false);
        step(&mut session, SECOND, Input::Start);
        step(&mut session, SECOND, Input::Connected);
        let open = Open { my_as: 2, capabilities: vec![], ..their_open() };
        step(&mut session, SECOND, Input::Received(Message::Open(open)));
        let agreed = session.agreed.unwrap();
        assert_eq!((agreed.peering.four_octet, agreed.families), (false, vec![Family::Ipv4]));
    }

    #[test]
    fn messages_out_of_place_are_fsm_errors() {
        let update = || Message::Update(Update::default());
        let mut opening = session(false);
        step(&mut opening, SECOND, Input::Start);
        step(&mut opening, SECOND, Input::Connected);
        let mut confirming = opening.clone();
        step(&mut confirming, SECOND, Input::Received(Message::Open(their_open())));
        let cases = [
            (opening, update(), Notification::UNEXPECTED_IN_OPEN_SENT),
            (confirming, update(), Notification::UNEXPECTED_IN_OPEN_CONFIRM),
            (established(), Message::Open(their_open()), Notification::UNEXPECTED_IN_ESTABLISHED),
        ];
        for (mut session, message, expected) in cases {
            let outputs = step(&mut session, SECOND, Input::Received(message));
            assert_eq!(sent(&outputs), Some(&expected));
        }
    }

    #[test]
    fn every_end_of_an_established_session_has_its_reason() {
        let cases = [
            (Input::Disconnected(Loss::Reset), DownReason::ConnectionLost(Loss::Reset), State::Active),
            (
                Input::Received(Message::Notification(Notification::HOLD_TIMER_EXPIRED)),
                DownReason::NotificationReceived(4, 0),
                State::Active,
            ),
            (Input::Malformed(Notification::BAD_TYPE), DownReason::NotificationSent(1, 3), State::Active),
            (Input::Stop(DownReason::LinkDown), DownReason::LinkDown, State::Idle),
        ];
        for (input, reason, state) in cases {
            let mut session = established();
            let outputs = step(&mut session, SECOND, input);
            assert_eq!(outputs.last(), Some(&Output::Down(reason)));
            assert_eq!(session.state(), state);
        }
    }

    #[test]
    fn both_ends_keep_the_same_one_of_two_connections() {
        let (low, high) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!(keeps_own_call(high, low) && !keeps_own_call(low, high));
    }

    proptest::proptest! {
        /// Whatever happens in whatever order, the machine neither panics nor forgets to come back.
        #[test]
        fn no_order_of_events_confuses_it(events in proptest::collection::vec(0..9u8, 0..60)) {
            let mut session = session(false);
            let (mut ups, mut downs) = (0, 0);
            for (seconds, event) in events.into_iter().enumerate() {
                let now = 20 * SECOND * u32::try_from(seconds).unwrap();
                for output in step(&mut session, now, input(event)) {
                    ups += u32::from(matches!(output, Output::Up(_)));
                    downs += u32::from(matches!(output, Output::Down(_)));
                }
                assert_eq!(ups - downs, u32::from(session.state() == State::Established));
            }
        }
    }

    fn input(event: u8) -> Input {
        match event {
            0 => Input::Start,
            1 => Input::Stop(DownReason::LinkDown),
            2 => Input::Connected,
            3 => Input::Disconnected(Loss::Closed),
            4 => Input::Received(Message::Open(their_open())),
            5 => Input::Received(Message::Keepalive),
            6 => Input::Received(Message::Update(Update::default())),
            7 => Input::Malformed(Notification::BAD_TYPE),
            _ => Input::Tick,
        }
    }
}
