//! Runs one future to its end on a backend of choice.

use blackstart_rt as rt;
use blackstart_sim::{Config, NodeSpec, Sim, Time};
use std::cell::Cell;
use std::future::Future;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Boxed, so that what follows is compiled once and not for each behaviour.
type Behaviour = Pin<Box<dyn Future<Output = ()>>>;

pub(crate) fn on_os(behaviour: impl Future<Output = ()> + 'static) {
    run_on_os(Box::pin(behaviour));
}

fn run_on_os(behaviour: Behaviour) {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "here".to_owned(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(behaviour);
}

/// On a lone host without a link, for at most an hour of its time.
pub(crate) fn on_engine(behaviour: impl Future<Output = ()> + 'static) {
    run_in_engine(Box::pin(behaviour));
}

fn run_in_engine(behaviour: Behaviour) {
    let epoch = Duration::from_secs(1_633_361_958);
    let mut sim = Sim::new(Config { seed: 1, epoch, ..Config::default() }).unwrap();
    let node = sim.add_node(NodeSpec { name: "here".to_owned(), ..NodeSpec::default() }).unwrap();
    let task = Rc::new(Cell::new(None));
    let (started, behaviour) = (task.clone(), Cell::new(Some(behaviour)));
    let boot = move || started.set(behaviour.take().map(|behaviour| rt::task::spawn("test", behaviour)));
    sim.set_program(node, boot).unwrap();
    sim.run_until(Time::from_secs(3_600));
    let task = task.take().expect("the host never booted");
    match pin!(task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => panic!("not done after an hour"),
    }
}

/// On a lone host of a `turmoil::Sim` of the family of `host`, for at most two seconds of its time.
pub(crate) fn on_turmoil(host: IpAddr, behaviour: impl Future<Output = ()> + 'static) {
    run_in_turmoil(host, Box::pin(behaviour));
}

fn run_in_turmoil(host: IpAddr, behaviour: Behaviour) {
    let family = if host.is_ipv4() { turmoil::IpVersion::V4 } else { turmoil::IpVersion::V6 };
    let mut builder = turmoil::Builder::new();
    let mut sim = builder.ip_version(family).rng_seed(1).simulation_duration(Duration::from_secs(2)).build();
    let software = async {
        behaviour.await;
        Ok(())
    };
    sim.client("here", rt::turmoil::Host::new(1, "here").boot(software));
    sim.run().unwrap();
}
