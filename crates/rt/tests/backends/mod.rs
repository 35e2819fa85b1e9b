//! Runs one future to its end on a backend of choice.

use blackstart_rt as rt;
use blackstart_sim::{Config, NodeSpec, Sim, Time};
use std::cell::Cell;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) fn on_os<F: Future>(future: F) -> F::Output {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "here".to_owned(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(future)
}

/// On a lone host without a link, for at most an hour of its time.
pub(crate) fn on_engine<F>(future: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let epoch = Duration::from_secs(1_633_361_958);
    let mut sim = Sim::new(Config { seed: 1, epoch, ..Config::default() }).unwrap();
    let node = sim.add_node(NodeSpec { name: "here".to_owned(), ..NodeSpec::default() }).unwrap();
    let task = Rc::new(Cell::new(None));
    let (started, future) = (task.clone(), Cell::new(Some(future)));
    let boot = move || started.set(future.take().map(|future| rt::task::spawn("test", future)));
    sim.set_program(node, boot).unwrap();
    sim.run_until(Time::from_secs(3_600));
    let task = task.take().expect("the host never booted");
    match pin!(task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(output)) => output,
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => panic!("not done after an hour"),
    }
}

/// On a lone host of a `turmoil::Sim` of the family of `host`, for at most some seconds of its time.
pub(crate) fn on_turmoil<F>(host: IpAddr, future: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let family = if host.is_ipv4() { turmoil::IpVersion::V4 } else { turmoil::IpVersion::V6 };
    let mut builder = turmoil::Builder::new();
    let mut sim = builder.ip_version(family).rng_seed(1).simulation_duration(Duration::from_secs(5)).build();
    let output = Rc::new(Cell::new(None));
    let given = output.clone();
    let software = async move {
        given.set(Some(future.await));
        Ok(())
    };
    sim.client("here", rt::turmoil::Host::new(1, "here").boot(software));
    sim.run().unwrap();
    output.take().expect("the client ended")
}
