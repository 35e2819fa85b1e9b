//! The health check on sockets.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use blackstart_bgp::control::Client;
use blackstart_rt as rt;
use blackstart_rt::Set;
use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Config, Core, Order};
use crate::event::Event;
use crate::shell::SERVICE;

/// As much of a status line as decides: `HTTP/1.1 200`.
const STATUS_LEN: usize = 12;

/// Probes for ever and steers the speaker behind `config.control`.
pub async fn run(config: Config) {
    let mut core = Core::new(&config);
    let mut speaker = Speaker { control: config.control, client: None };
    let mut failing = Set::new();
    carry_out(&mut core, &mut failing, &mut speaker).await;
    let jitter = Duration::from_millis(config.start_jitter_ms);
    rt::time::sleep(rt::rand::stream("dns-health").between(Duration::ZERO, jitter)).await;
    let mut rounds = rt::time::interval(Duration::from_secs(config.interval_s));
    let mut targets = config.targets.clone();
    loop {
        rounds.tick().await;
        let (asked, answering) = round(&config, &mut targets).await;
        if core.observe(answering) {
            rt::emit(&health(core.is_up(), asked, answering));
        }
        if speaker.has_gone().await {
            core.forget();
        }
        carry_out(&mut core, &mut failing, &mut speaker).await;
    }
}

/// The speaker that is steered. Its connection stays open: when it breaks, the next speaker there knows of no order.
struct Speaker {
    control: SocketAddr,
    client: Option<Client>,
}

impl Speaker {
    /// Whether the one that took orders is there no more. True once.
    async fn has_gone(&mut self) -> bool {
        let gone = match &self.client {
            Some(client) => !client.is_open().await,
            None => false,
        };
        if gone {
            self.client = None;
        }
        gone
    }

    async fn obey(&mut self, Order { prefix, announce }: Order) -> io::Result<()> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(self.control).await?,
        };
        match announce {
            true => client.announce(prefix).await?,
            false => client.withdraw(prefix).await?,
        }
        self.client = Some(client);
        Ok(())
    }
}

fn health(up: bool, asked: usize, answering: usize) -> Event {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Event::Health { up, answering: count(answering), targets: count(asked) }
}

/// Asks as many targets as the quorum needs, and all others at once when those do not make it. How many were asked, and
/// how many answered: they are the first to be asked next time.
async fn round(config: &Config, targets: &mut [SocketAddr]) -> (usize, usize) {
    let (first, others) = targets.split_at(config.quorum.min(targets.len()));
    let mut answering = ask(config, first).await;
    let mut asked = first.len();
    if answering.len() < config.quorum {
        answering.extend(ask(config, others).await);
        asked = targets.len();
    }
    targets.sort_by_key(|target| !answering.contains(target));
    (asked, answering.len())
}

/// Those of `targets` that answer, all asked at once.
async fn ask(config: &Config, targets: &[SocketAddr]) -> Set<SocketAddr> {
    let patience = Duration::from_millis(config.timeout_ms);
    let probe = |target: &SocketAddr| {
        let target = *target;
        let answers = async move { matches!(rt::time::timeout(patience, probe(target)).await, Ok(Ok(true))) };
        (target, rt::task::spawn(SERVICE, answers))
    };
    let probes: Vec<_> = targets.iter().map(probe).collect();
    let mut answering = Set::new();
    for (target, probe) in probes {
        if probe.await.unwrap_or(false) {
            answering.insert(target);
        }
    }
    answering
}

/// One `GET /health` on a fresh connection, which is closed after; true when the answer is 200.
async fn probe(target: SocketAddr) -> io::Result<bool> {
    let mut stream = rt::net::TcpStream::connect(target).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", target.ip());
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0; STATUS_LEN];
    stream.read_exact(&mut status).await?;
    Ok(status.starts_with(b"HTTP/1.") && status.ends_with(b" 200"))
}

/// Has the pending orders carried out. What fails stays pending; it is recorded when it begins to fail.
async fn carry_out(core: &mut Core, failing: &mut Set<IpNet>, speaker: &mut Speaker) {
    for order in core.orders() {
        let Order { prefix, announce } = order;
        match speaker.obey(order).await {
            Ok(()) => {
                core.done(order);
                failing.remove(&prefix);
                rt::emit(&if announce { Event::Announced { prefix } } else { Event::Withdrawn { prefix } });
            }
            Err(error) => {
                if failing.insert(prefix) {
                    rt::emit(&Event::SteerFailed { prefix, announce, reason: error.to_string() });
                }
            }
        }
    }
}
