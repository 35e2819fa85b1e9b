//! The routes' task: everything that can change them comes in here, everything that follows goes out from here.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use blackstart_rt as rt;
use rt::canary::Canary;
use rt::fib::{Protocol, Target};
use rt::net::TcpStream;
use rt::task::JoinHandle;
use rt::time::{Alarm, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::listen;
use super::origination::{Origination, Switch};
use super::peer::{Peer, ToPeer};
use crate::config::Config;
use crate::control::Command;
use crate::event::Event;
use crate::rib::{Forwarding, Input, Output, PeerId, PeerUp, Rib, Source};
use crate::session::DownReason;
use crate::wire::Update;

/// What arrives at the routes' task.
pub(super) enum Inbound {
    Accepted(TcpStream, IpAddr),
    Up(PeerId, PeerUp),
    Down(PeerId, DownReason),
    Update(PeerId, Update),
    Control(Command, oneshot::Sender<String>),
}

/// Speaks BGP for this host until the task is dropped.
///
/// # Errors
/// `InvalidInput` for a configuration that cannot work; whatever binding the ports gives.
pub async fn run(config: Config) -> io::Result<()> {
    config.validate().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let listeners = listen::bind(&config).await?;
    let control = listen::bind_control(&config).await?;
    let (sender, inbox) = unbounded_channel();
    let mut children = Children::default();
    let accepting = listeners
        .into_iter()
        .map(|listener| rt::task::spawn("bgp", listen::accept(listener, sender.clone())));
    children.0.extend(accepting);
    children.0.extend(
        control.map(|listener| rt::task::spawn("bgp", listen::accept_control(listener, sender.clone()))),
    );
    let sessions = spawn_sessions(&config, &sender, &mut children);
    let mut speaker = Speaker::new(config, inbox, sessions);
    speaker.start();
    speaker.run().await
}

/// Tasks that end with the speaker.
#[derive(Default)]
struct Children(Vec<JoinHandle<()>>);

impl Drop for Children {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

fn spawn_sessions(
    config: &Config,
    inbox: &UnboundedSender<Inbound>,
    children: &mut Children,
) -> Vec<UnboundedSender<ToPeer>> {
    let mut sessions = Vec::new();
    for (index, neighbour) in config.neighbours.iter().enumerate() {
        let (sender, commands) = unbounded_channel();
        let peer = Peer::new(config, PeerId(index), neighbour, commands, inbox.clone());
        children.0.push(rt::task::spawn("bgp", peer.run()));
        sessions.push(sender);
    }
    sessions
}

struct Speaker {
    config: Config,
    rib: Rib,
    origination: Origination,
    inbox: UnboundedReceiver<Inbound>,
    sessions: Vec<UnboundedSender<ToPeer>>,
    /// Per neighbour: has its direct link a carrier, as far as that matters?
    carriers: Vec<bool>,
    draws: rt::rand::Stream,
    started: Instant,
    /// When next hops are looked up again.
    recheck_at: Option<Instant>,
}

impl Speaker {
    fn new(
        config: Config,
        inbox: UnboundedReceiver<Inbound>,
        sessions: Vec<UnboundedSender<ToPeer>>,
    ) -> Self {
        Self {
            rib: Rib::new(&config),
            origination: Origination::new(&config),
            inbox,
            carriers: vec![false; sessions.len()],
            sessions,
            draws: rt::rand::stream("bgp.advertise"),
            started: Instant::now(),
            recheck_at: None,
            config,
        }
    }

    /// A former life of this speaker may have left routes; static ones even outlast the power.
    fn start(&mut self) {
        if !self.config.collector {
            rt::fib::clear(Protocol::Ebgp);
            rt::fib::clear(Protocol::Ibgp);
        }
        let discards = self.config.originate.iter().filter(|originate| originate.discard);
        discards.for_each(|originate| rt::fib::remove(Protocol::Static, originate.prefix));
        self.review_origination();
        self.read_carriers();
    }

    async fn run(&mut self) -> io::Result<()> {
        let mut fib = rt::fib::watch();
        let mut links = rt::link::watch();
        let (mut recheck, mut advertise) = (Alarm::default(), Alarm::default());
        loop {
            let advertise_at = self.rib.deadline().map(|deadline| self.started + deadline);
            rt::select! {
                inbound = self.inbox.recv() => match inbound {
                    Some(inbound) => self.inbound(inbound),
                    None => return Err(io::Error::other("every session task has ended")),
                },
                () = links.changed() => self.read_carriers(),
                () = fib.changed() => self.recheck_later(),
                () = recheck.at(self.recheck_at) => self.recheck(),
                () = advertise.at(advertise_at) => self.step(Input::Tick),
            }
        }
    }

    fn inbound(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Accepted(stream, from) => self.accepted(stream, from),
            Inbound::Up(id, up) => {
                self.emit_about(id, |peer| Event::SessionUp { peer });
                self.step(Input::PeerUp(id, up));
            }
            Inbound::Down(id, reason) => {
                let is_silent = reason == DownReason::HoldTimerExpired;
                self.emit_about(id, |peer| Event::SessionDown { peer, reason });
                if !(is_silent && rt::canary::is_planted(Canary::SpeakerKeepsSilentRoutes)) {
                    self.step(Input::PeerDown(id));
                }
            }
            Inbound::Update(id, update) => self.update(id, update),
            Inbound::Control(command, answer) => {
                let reply = self.obey(command);
                let _ = answer.send(reply); // the asker may have left
            }
        }
    }

    /// Strangers are hung up on.
    fn accepted(&mut self, stream: TcpStream, from: IpAddr) {
        let session = self.config.neighbours.iter().position(|neighbour| neighbour.address == from);
        if let Some(id) = session {
            self.tell(PeerId(id), ToPeer::Incoming(stream));
        }
    }

    fn update(&mut self, id: PeerId, update: Update) {
        for defect in &update.defects {
            self.emit_about(id, |peer| Event::Malformed { peer, defect: *defect });
        }
        if self.config.collector {
            let (announced, withdrawn) = (count(update.announced().count()), count(update.withdrawn.len()));
            self.emit_about(id, |peer| Event::UpdateReceived { peer, announced, withdrawn });
        }
        self.step(Input::Update(id, update));
    }

    fn obey(&mut self, command: Command) -> String {
        match command {
            Command::Announce { prefix, discard } => {
                self.origination.announce(prefix, discard);
                self.review_origination();
                "ok".to_owned()
            }
            Command::Withdraw(prefix) => {
                if let Some(switch) = self.origination.withdraw(prefix) {
                    self.switch(switch, true);
                }
                "ok".to_owned()
            }
            Command::ShowRoutes => self.show_routes(),
            Command::ShowNeighbours => self.show_neighbours(),
        }
    }

    fn show_routes(&self) -> String {
        let line = |(prefix, best): (ipnet::IpNet, &crate::rib::Best)| match best.source {
            Source::Local => format!("{prefix} local\n"),
            Source::Peer(_) => {
                format!("{prefix} via {} path {}\n", best.next_hop(), best.attributes().as_path)
            }
        };
        self.rib.routes().map(line).collect::<String>() + "ok"
    }

    fn show_neighbours(&self) -> String {
        let state = |is_up| if is_up { "up" } else { "down" };
        let lines = self.rib.neighbours().map(|(neighbour, is_up, told)| {
            format!("{} as {} {} told {told}\n", neighbour.address, neighbour.asn, state(is_up))
        });
        lines.collect::<String>() + "ok"
    }

    /// Takes the RIB one input further, and through what its own questions lead to.
    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now: Duration = self.started.elapsed();
            let mut costs = Vec::new();
            for output in self.rib.step(now, self.draws.unit(), input) {
                match output {
                    Output::Track(next_hop) => costs.push((next_hop, self.cost(next_hop))),
                    other => self.apply(other),
                }
            }
            if !costs.is_empty() {
                inputs.push_back(Input::NextHops(costs));
            }
        }
    }

    fn apply(&self, output: Output) {
        match output {
            Output::Send(id, update) => self.tell(id, ToPeer::Send(update)),
            Output::Install(prefix, forwarding) => {
                rt::fib::install(protocol(forwarding), prefix, Target::Via(vec![forwarding.next_hop]), 0);
            }
            Output::Uninstall(prefix, forwarding) => rt::fib::remove(protocol(forwarding), prefix),
            Output::Changed(prefix) => self.emit_changed(prefix),
            Output::Paths(prefix, paths) => rt::emit(&Event::PathsChanged { prefix, paths: count(paths) }),
            Output::Track(_) => {} // answered in `step`
        }
    }

    fn emit_changed(&self, prefix: ipnet::IpNet) {
        let Some(best) = self.rib.route(prefix) else { return rt::emit(&Event::Withdrawn { prefix }) };
        let peer = match best.source {
            Source::Local => None,
            Source::Peer(id) => self.rib.neighbour(id).map(|neighbour| neighbour.address),
        };
        rt::emit(&Event::BestPathChanged {
            prefix,
            peer,
            as_path: best.attributes().as_path.asns().collect(),
        });
    }

    /// A session whose task has died is down already.
    fn tell(&self, id: PeerId, what: ToPeer) {
        if let Some(session) = self.sessions.get(id.0) {
            let _ = session.send(what);
        }
    }

    fn emit_about(&self, id: PeerId, event: impl FnOnce(IpAddr) -> Event) {
        if let Some(neighbour) = self.rib.neighbour(id) {
            rt::emit(&event(neighbour.address));
        }
    }

    /// Several changes in a row are looked at once.
    fn recheck_later(&mut self) {
        let delay = Duration::from_millis(self.config.next_hop_delay_ms);
        self.recheck_at.get_or_insert_with(|| Instant::now() + delay);
    }

    fn recheck(&mut self) {
        self.recheck_at = None;
        let costs = self.rib.next_hops().map(|next_hop| (next_hop, self.cost(next_hop))).collect();
        self.step(Input::NextHops(costs));
        self.review_origination();
    }

    /// Interior cost of a next hop. BGP routes do not count: they would lead a route to itself (RFC 4271 9.1.2.1).
    /// Neither do our own discard routes: they lead nowhere.
    fn cost(&self, next_hop: IpAddr) -> Option<u32> {
        let found = rt::fib::lookup(next_hop)?;
        let leads_on = match found.protocol {
            Protocol::Connected | Protocol::Igp => true,
            Protocol::Static => !self.origination.discards(found.prefix),
            Protocol::Stuck | Protocol::Ebgp | Protocol::Ibgp => false,
        };
        leads_on.then_some(found.metric)
    }

    fn review_origination(&mut self) {
        for switch in self.origination.review(is_routed_inside) {
            self.switch(switch, false);
        }
    }

    fn switch(&mut self, switch: Switch, by_control: bool) {
        let prefix = switch.prefix;
        match (switch.on, switch.discard) {
            (true, true) => rt::fib::install(Protocol::Static, prefix, Target::Discard, 0),
            (false, true) => rt::fib::remove(Protocol::Static, prefix),
            (_, false) => {}
        }
        if switch.on {
            rt::emit(&Event::Announced { prefix });
            self.step(Input::Originate(prefix));
        } else {
            rt::emit(&Event::WithdrawnLocal { prefix, by_control });
            self.step(Input::Retire(prefix));
        }
    }

    /// External sessions follow the carrier of their direct link; a neighbour without one is taken to be further away.
    fn read_carriers(&mut self) {
        let ports = rt::link::interfaces();
        for (index, neighbour) in self.config.neighbours.iter().enumerate() {
            let watches = neighbour.role.is_external() && neighbour.fast_fallover;
            let direct = || ports.iter().find(|port| port.neighbour_address == Some(neighbour.address));
            let carrier = !watches || direct().is_none_or(|port| port.carrier);
            let Some(known) = self.carriers.get_mut(index).filter(|known| **known != carrier) else {
                continue;
            };
            *known = carrier;
            self.tell(PeerId(index), if carrier { ToPeer::Start } else { ToPeer::LinkDown });
        }
    }
}

fn protocol(forwarding: Forwarding) -> Protocol {
    if forwarding.external { Protocol::Ebgp } else { Protocol::Ibgp }
}

/// Does a connected or interior route lead there?
fn is_routed_inside(address: IpAddr) -> bool {
    rt::fib::lookup(address)
        .is_some_and(|found| matches!(found.protocol, Protocol::Connected | Protocol::Igp))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
