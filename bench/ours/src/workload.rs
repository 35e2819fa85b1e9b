//! W(N) on the engine.

use crate::routed::{self, Routed};
use crate::{Failure, mesh, outcome, w};
use bench_common::count::Counts;
use bench_common::outcome::Outcome;
use bench_common::plan::{Size, Workload};
use blackstart_rt as rt;
use blackstart_sim::{Config, Driver, NodeId, Sim, Time, control};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct W {
    #[command(flatten)]
    size: Size,
    /// Bytes of each of a TCP connection's two buffers
    #[arg(long, default_value_t = 4096)]
    tcp_buffer: usize,
    /// Every host connects to host 0 instead of to its neighbours
    #[arg(long)]
    hub: bool,
    /// Packets cross five routers, one of which changes a route every minute
    #[arg(long, conflicts_with = "hub")]
    routed: bool,
    /// On the tokio driver
    #[arg(long)]
    tokio: bool,
    /// Every message received makes a record, which is kept
    #[arg(long)]
    records: bool,
}

/// Whether [`on_message`] makes records.
static RECORDS: AtomicBool = AtomicBool::new(false);

#[derive(Debug, Serialize, Deserialize)]
struct Received {
    bytes: usize,
}

impl rt::Event for Received {
    const KIND: &'static str = "w";
}

/// What `w.rs` calls for every message received.
pub(crate) fn on_message(bytes: usize) {
    if RECORDS.load(Relaxed) {
        rt::emit(&Received { bytes });
    }
}

/// What `w.rs` starts its tasks with.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    rt::task::spawn("w", future);
}

impl W {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        RECORDS.store(self.records, Relaxed);
        let started = Instant::now();
        let driver = if self.tokio { Driver::Tokio } else { Driver::Native };
        let mut sim = Sim::new(Config { seed: 1, tcp_buffer: self.tcp_buffer, driver, ..Config::default() })?;
        if self.routed {
            self.run_routed(&mut sim)?
        } else {
            self.run_direct(&mut sim)?
        }
        let wall = started.elapsed();
        self.check(&sim)?;
        println!("{}", self.outcome(&sim, wall));
        Ok(())
    }

    fn outcome(&self, sim: &Sim, wall: Duration) -> Outcome {
        let outcome = outcome(sim, self.size.n.into(), self.size.simulated(), wall);
        let engine = if self.tokio { "blackstart/tokio".to_owned() } else { outcome.engine };
        Outcome { engine, ..outcome }
    }

    fn workload(&self) -> Workload {
        Workload { hosts: self.size.n.into(), hub: self.hub }
    }

    fn run_direct(&self, sim: &mut Sim) -> Result<(), Failure> {
        self.start(&mesh::build(sim, self.workload())?);
        sim.run_until(Time::from_secs(self.size.secs));
        Ok(())
    }

    fn run_routed(&self, sim: &mut Sim) -> Result<(), Failure> {
        let routed = Routed::build(sim, self.size.n.into())?;
        self.start(&routed.hosts);
        for change in 0..self.size.secs / routed::CHANGE_S {
            sim.run_until(Time::from_secs((change + 1) * routed::CHANGE_S));
            routed.change(change)?;
        }
        sim.run_until(Time::from_secs(self.size.secs));
        Ok(())
    }

    fn start(&self, hosts: &[NodeId]) {
        for (i, host) in hosts.iter().enumerate() {
            control::spawn_on(*host, "w", w::host(self.workload(), i));
        }
    }

    fn check(&self, sim: &Sim) -> Result<(), Failure> {
        let counts = Counts::now();
        let (packets, records) = (sim.packets(), sim.record_count());
        eprintln!(
            "TCP buffers: 2 x {} bytes per connection; {packets} packets, {records} records, {counts}",
            self.tcp_buffer
        );
        counts.check(self.workload(), self.size.secs)?;
        let links_crossed = if self.routed { routed::LINKS_CROSSED } else { 1 };
        let (crossings, in_flight) = (counts.messages() * links_crossed, u64::from(self.size.n) * 4);
        if packets + in_flight < crossings {
            return Err(format!(
                "{packets} packets crossed a link, expected {crossings} for the messages alone"
            )
            .into());
        }
        if self.records && records < counts.messages() - in_flight {
            return Err(format!("{records} records, expected one for each message received").into());
        }
        Ok(())
    }
}
