//! Tasks, timers and what happens when they fail.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::record::{self, SimEvent};
use blackstart_sim::task::JoinError;
use blackstart_sim::{
    Config, Error, LinkSpec, NodeSpec, Sim, Time, control,
    net::{TcpListener, TcpStream},
    task, time,
};
use common::{Net, collect, sock};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn timers_fire_on_the_millisecond_grid() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1"]);
    let at = net.run("a", 10, async {
        let mut at = Vec::new();
        for us in [0, 1, 999, 1000, 1001, 2500] {
            time::sleep(Duration::from_micros(us)).await;
            at.push(Time::now().as_nanos() / 1000);
        }
        at
    });
    assert_eq!(at, [0, 1000, 2000, 3000, 5000, 8000]);
}

#[test]
fn timeouts_and_intervals() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1"]);
    net.run("a", 100, async {
        let never = time::timeout(Duration::from_secs(3), std::future::pending::<()>()).await;
        assert!(never.is_err());
        assert_eq!(Time::now(), Time::from_secs(3));
        assert_eq!(time::timeout(Duration::ZERO, async { 5 }).await, Ok(5));
        let mut ticks = time::interval(Duration::from_secs(2));
        for expected in [3, 5, 7] {
            ticks.tick().await;
            assert_eq!(Time::now(), Time::from_secs(expected));
        }
        time::sleep(Duration::from_secs(5)).await;
        for (due, at) in [(9, 12), (11, 12), (13, 13)] {
            assert_eq!(ticks.tick().await, Time::from_secs(due));
            assert_eq!(Time::now(), Time::from_secs(at));
        }
    });
}

#[test]
fn cancelled_timeouts_do_not_pile_up() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1"]);
    net.run("a", 1_000_000, async {
        for _ in 0..50_000 {
            let _ = time::timeout(Duration::from_secs(100_000), time::sleep(Duration::from_millis(1))).await;
        }
    });
    assert!(net.sim.next_event_at().is_none_or(|at| at > Time::from_secs(100_000)));
}

#[test]
fn a_panic_is_the_crash_of_its_service_and_of_nothing_else() {
    let mut net = Net::new(1);
    let a = net.host("a", &["10.0.0.1"]);
    let ticks = Rc::new(Cell::new(0));
    let count = Rc::clone(&ticks);
    net.program("a", move || {
        task::spawn("good", {
            let count = Rc::clone(&count);
            async move {
                loop {
                    time::sleep(Duration::from_secs(1)).await;
                    count.set(count.get() + 1);
                }
            }
        });
        task::spawn("bad", async {
            let _port = TcpListener::bind(sock("0.0.0.0:80")).await.unwrap();
            let child = task::spawn("child", std::future::pending::<()>());
            let broken = task::spawn("broken", async {
                time::sleep(Duration::from_secs(3)).await;
                panic!("out of cheese");
            });
            assert_eq!(broken.await, Err(JoinError::Panicked));
            let _ = child.await;
        });
    });
    net.sim.run_until(Time::from_secs(2));
    assert!(control::is_running(a, "bad") && control::socket_count(a) == 1);
    net.sim.run_until(Time::from_secs(10));
    assert_eq!(ticks.get(), 10);
    assert!(!control::is_running(a, "bad"));
    assert_eq!(control::socket_count(a), 0, "its ports are free again");
    let expected = SimEvent::TaskCrash { service: "bad".into(), message: "out of cheese".into() };
    assert_eq!(net.crashes(), [expected]);
}

/// A service that never waits must not stop time for everybody.
#[test]
fn a_task_that_spins_is_a_crash() {
    let mut net = Net::new(1);
    let a = net.host("a", &["10.0.0.1"]);
    net.program("a", || {
        task::spawn("spinner", async {
            time::sleep(Duration::from_secs(1)).await;
            loop {
                task::yield_now().await;
            }
        });
        task::spawn("talker", async { while TcpStream::connect(sock("127.0.0.1:1")).await.is_err() {} });
    });
    net.sim.run_until(Time::from_secs(3));
    assert!(!control::is_running(a, "spinner") && control::is_running(a, "talker"));
    assert!(matches!(&net.crashes()[..], [SimEvent::TaskCrash { service, .. }] if service == "spinner"));
}

#[test]
fn services_are_killed_and_started_from_outside() {
    let mut net = Net::new(1);
    let a = net.host("a", &["10.0.0.1"]);
    let serve = || async {
        let _port = TcpListener::bind(sock("0.0.0.0:80")).await.unwrap();
        task::spawn("child", std::future::pending::<()>());
        std::future::pending::<()>().await;
    };
    net.program("a", move || drop(task::spawn("web", serve())));
    net.sim.run_until(Time::from_secs(1));
    assert!(control::kill_service(a, "web"));
    assert!(!control::kill_service(a, "web"));
    assert_eq!((net.sim.task_count(), control::socket_count(a)), (0, 0));
    control::spawn_on(a, "web", serve());
    net.sim.run_until(Time::from_secs(2));
    assert!(control::is_running(a, "web"));
    assert_eq!(net.sim.task_count(), 2);
}

#[test]
fn joining_and_aborting() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1"]);
    net.run("a", 10, async {
        assert_eq!(task::spawn("five", async { 5 }).await, Ok(5));
        let sleeper = task::spawn("sleeper", time::sleep(Duration::from_secs(9)));
        sleeper.abort();
        assert!(sleeper.is_finished());
        assert_eq!(sleeper.await, Err(JoinError::Cancelled));
        assert_eq!(Time::now(), Time::ZERO);
        assert_eq!(task::host_name().as_deref(), Some("a"));
        assert!(task::in_simulation());
    });
    assert!(!task::in_simulation());
}

#[test]
fn without_power_nothing_starts() {
    let mut net = Net::new(1);
    let a = net.host("a", &["10.0.0.1"]);
    control::power_off(a).unwrap();
    let started = Rc::new(Cell::new(false));
    let flag = Rc::clone(&started);
    net.program("a", move || flag.set(true));
    assert!(control::spawn_on(a, "x", async {}).is_finished());
    net.sim.run_until(Time::from_secs(1));
    assert!(!started.get());
    control::power_on(a).unwrap();
    assert!(started.get());
}

#[test]
fn hooks_see_every_record_in_order_and_may_act() {
    let mut net = Net::new(1);
    let a = net.host("a", &["10.0.0.1"]);
    let seen = collect();
    let log = seen.clone();
    net.sim.on_record(move |record| {
        log.borrow_mut().push((record.time, record.kind, record.bytes.clone()));
        if record.kind == "test" && record.bytes == [1] {
            assert_eq!(task::current_node(), None, "a hook runs on no node");
            record::emit_for(a, "echo", &[9]);
            control::power_off(a).unwrap();
        }
    });
    net.spawn("a", async {
        record::emit("test", &[0]);
        time::sleep(Duration::from_secs(1)).await;
        record::emit("test", &[1]);
        record::emit("test", &[2]);
        task::yield_now().await;
        unreachable!("the hook cut the power");
    });
    net.sim.run_until(Time::from_secs(2));
    let kinds: Vec<_> = seen.borrow().iter().map(|(_, kind, bytes)| (*kind, bytes[0])).collect();
    let off = ("sim", 1);
    assert_eq!(kinds, [("test", 0), ("test", 1), ("echo", 9), off, ("test", 2)]);
    assert_eq!(net.sim.records().len(), 5);
    assert_eq!(net.sim.record_count(), 5);
    assert_eq!(seen.borrow().last().unwrap().0, Time::from_secs(1));
}

#[test]
fn mistakes_in_the_description_are_errors() {
    let sim = Sim::new(Config::default()).unwrap();
    assert_eq!(Sim::new(Config::default()).unwrap_err(), Error::Busy);
    let node = |name: &str, address: &str| {
        sim.add_node(NodeSpec {
            name: name.into(),
            addresses: vec![address.parse().unwrap()],
            forwards: false,
        })
    };
    let a = node("a", "10.0.0.1").unwrap();
    let b = node("b", "10.0.0.2").unwrap();
    assert_eq!(node("a", "10.0.0.3"), Err(Error::DuplicateNode("a".into())));
    assert_eq!(node("", "10.0.0.3"), Err(Error::EmptyName));
    for bad in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::1", "ff02::1"] {
        assert!(matches!(node("c", bad), Err(Error::BadAddress { .. })), "{bad}");
    }
    let link = |a, b, loss| sim.add_link(LinkSpec::new(a, b).loss(loss));
    assert_eq!(link(a, a, 0.0), Err(Error::SelfLink("a".into())));
    assert_eq!(link(a, blackstart_sim::NodeId(9), 0.0), Err(Error::UnknownNode(9)));
    assert_eq!(link(a, b, 1.5), Err(Error::BadProbability { what: "loss", value: 1.5 }));
    assert!(link(a, b, f64::NAN).is_err());
    link(a, b, 0.0).unwrap();
    assert!(matches!(link(b, a, 0.0), Err(Error::DuplicatePort { .. })));
    assert_eq!(control::power_off(blackstart_sim::NodeId(7)), Err(Error::UnknownNode(7)));
    assert!(matches!(control::set_admin_up(a, "nowhere", false), Err(Error::UnknownPort { .. })));
    drop(sim);
    assert_eq!(control::power_off(a), Err(Error::NoSimulation));
}

/// Handles that outlive their run belong to nobody: not to the next run of the thread either.
#[test]
fn handles_of_an_earlier_run_are_dead() {
    let kept = collect();
    let timers = collect();
    for _ in 0..2 {
        let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
        let (listeners, sleeps) = (kept.clone(), timers.clone());
        net.run("a", 1, async move {
            let listener = TcpListener::bind(sock("0.0.0.0:80")).await.unwrap();
            let mut sleep = Box::pin(time::sleep(Duration::from_secs(1)));
            std::future::poll_fn(|cx| {
                assert!(sleep.as_mut().poll(cx).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            sleeps.borrow_mut().clear();
            sleeps.borrow_mut().push(sleep);
            listeners.borrow_mut().clear();
            listeners.borrow_mut().push(listener);
        });
        let a = net.node("a");
        assert_eq!(control::socket_count(a), 1, "dropping the old listener must not close the new one");
    }
}

/// Everything that tasks hold is released at the end of the run.
#[test]
fn a_run_leaves_nothing_behind() {
    let token = Rc::new(());
    {
        let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
        let held = Rc::clone(&token);
        net.program("a", move || {
            let held = Rc::clone(&held);
            task::spawn("service", async move {
                let _held = held;
                std::future::pending::<()>().await;
            });
        });
        let held = Rc::clone(&token);
        net.sim.on_record(move |_| drop(Rc::clone(&held)));
        let held = Rc::clone(&token);
        net.sim.spawn("world", async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        net.sim.run_until(Time::from_secs(1));
        assert!(Rc::strong_count(&token) > 3);
    }
    assert_eq!(Rc::strong_count(&token), 1);
    assert!(Sim::new(Config::default()).is_ok());
}
