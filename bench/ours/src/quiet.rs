//! Three hosts in a ring, each of which sends the next one datagram a minute: what hours of silence cost.

use crate::{Failure, mesh, outcome};
use bench_common::{count, plan};
use blackstart_rt::net::UdpSocket;
use blackstart_rt::time;
use blackstart_sim::{Config, Sim, Time, control};
use clap::Args;
use std::io;
use std::time::{Duration, Instant};

const HOSTS: usize = 3;
const PORT: u16 = 7;
const PERIOD: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Quiet {
    /// Simulated hours
    #[arg(default_value_t = 24)]
    hours: u32,
}

impl Quiet {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let simulated = Duration::from_secs(3_600) * self.hours;
        let started = Instant::now();
        let mut sim = Sim::new(Config { seed: 1, ..Config::default() })?;
        build(&sim)?;
        sim.run_until(Time::from_nanos(simulated.as_nanos() as u64));
        let wall = started.elapsed();
        self.check()?;
        println!("{}", outcome(&sim, HOSTS, simulated, wall));
        Ok(())
    }

    /// Everything arrived but for the last datagram of each host, sent as the run ends.
    fn check(&self) -> Result<(), Failure> {
        let sent = u64::from(self.hours) * 60 * HOSTS as u64;
        let (due, seen) = (sent - HOSTS as u64, count::QUESTIONS_RECEIVED.get());
        if seen == due { Ok(()) } else { Err(format!("{seen} datagrams arrived, expected {due}").into()) }
    }
}

fn build(sim: &Sim) -> Result<(), Failure> {
    let hosts = (0..HOSTS).map(|i| mesh::add_host(sim, i)).collect::<Result<Vec<_>, _>>()?;
    for (i, host) in hosts.iter().enumerate() {
        let next = (i + 1) % HOSTS;
        mesh::add_link(sim, *host, hosts[next], plan::latency(i, next))?;
        control::spawn_on(*host, "receiver", receive());
        control::spawn_on(*host, "sender", send(next));
    }
    Ok(())
}

async fn send(next: usize) -> io::Result<()> {
    let socket = UdpSocket::bind(plan::any(0)).await?;
    let mut ticks = time::interval_at(time::Instant::now() + PERIOD, PERIOD);
    loop {
        ticks.tick().await;
        socket.send_to(&[5; plan::QUESTION_BYTES], plan::socket_address(next, PORT)).await?;
    }
}

async fn receive() -> io::Result<()> {
    let socket = UdpSocket::bind(plan::any(PORT)).await?;
    let mut datagram = [0; 1500];
    loop {
        socket.recv_from(&mut datagram).await?;
        count::QUESTIONS_RECEIVED.add(1);
    }
}
