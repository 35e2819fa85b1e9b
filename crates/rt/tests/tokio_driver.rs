//! Code of tokio's inside a run: its tasks belong to no host, and are told so.
#![expect(clippy::disallowed_methods, reason = "tasks of tokio's are what is tested")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use blackstart_rt as rt;
use blackstart_sim::{Config, Driver, NodeSpec, Sim, Time};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// What `future` gives on a lone host of a run that tokio drives.
fn on_tokio<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let mut sim = Sim::new(Config { driver: Driver::Tokio, ..Config::default() }).unwrap();
    let spec = NodeSpec { name: "here".to_owned(), ..NodeSpec::default() };
    let node = sim.add_node(spec).unwrap();
    let (given, output) = (Cell::new(Some(future)), Rc::new(Cell::new(None)));
    let slot = output.clone();
    let boot = move || {
        let (future, slot) = (given.take().unwrap(), slot.clone());
        rt::task::spawn("test", async move { slot.set(Some(future.await)) });
    };
    sim.set_program(node, boot).unwrap();
    sim.run_until(Time::from_secs(60));
    output.take().expect("not done after a minute")
}

#[test]
fn a_task_of_tokio_belongs_to_no_host_and_is_told_how_to() {
    let refused = on_tokio(async {
        let local = async { rt::net::UdpSocket::bind("0.0.0.0:0").await.map(drop) };
        let listed = tokio::spawn(async { rt::disk::list().await.map(drop) }).await.unwrap();
        [tokio::task::spawn_local(local).await.unwrap(), listed]
    });
    for error in refused.map(Result::unwrap_err) {
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("blackstart::task::spawn"), "{error}");
    }
}

#[test]
fn tasks_of_both_kinds_talk_and_take_time() {
    let took = on_tokio(async {
        let (question, asked) = tokio::sync::oneshot::channel();
        let (answer, answered) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let pause: Duration = asked.await.unwrap();
            tokio::time::sleep(pause).await;
            answer.send(()).unwrap();
        });
        let start = rt::time::Instant::now();
        question.send(Duration::from_millis(250)).unwrap();
        answered.await.unwrap();
        start.elapsed()
    });
    assert_eq!(took, Duration::from_millis(250));
}
