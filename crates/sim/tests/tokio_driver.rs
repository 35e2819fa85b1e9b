//! The tokio driver: the same run for those who do not use tokio's clock, and one time and one order for those who do.
#![allow(clippy::unwrap_used, reason = "test code")]
#![expect(clippy::disallowed_methods, reason = "tokio's own timers and tasks are what is tested")]

mod common;

use blackstart_sim::net::{TcpListener, TcpStream, UdpSocket};
use blackstart_sim::record::{self, SimEvent};
use blackstart_sim::{Config, Driver, Error, Latency, Sim, Time, control, draw, task, time};
use common::{Net, collect, sock};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

/// Two hosts, so far apart, on the tokio driver.
fn pair(latency: Duration) -> Net {
    apart(Driver::Tokio, 1, Latency::Fixed(latency))
}

fn apart(driver: Driver, seed: u64, latency: Latency) -> Net {
    let net = Net::driven(seed, driver);
    net.host("a", &["10.0.0.1"]);
    net.host("b", &["10.0.0.2"]);
    net.join("a", "b", 1);
    control::set_link_latency(net.link(0), latency).unwrap();
    net
}

/// The output of `future` on a node, run for so many seconds.
fn run<T: 'static>(net: &mut Net, node: &str, seconds: u64, future: impl Future<Output = T> + 'static) -> T {
    let output = Rc::new(Cell::new(None));
    let slot = output.clone();
    net.spawn(node, async move { slot.set(Some(future.await)) });
    net.sim.run_until(net.now() + Duration::from_secs(seconds));
    output.take().unwrap_or_else(|| panic!("not done after {seconds} s; log: {:?}", net.crashes()))
}

/// A log that tasks write and the test reads.
type Lines = Rc<RefCell<Vec<String>>>;

fn note(lines: &Lines, line: impl Into<String>) {
    lines.borrow_mut().push(line.into());
}

// Services that know nothing of tokio's clock.

async fn echo() {
    let socket = UdpSocket::bind(sock("0.0.0.0:53")).await.unwrap();
    task::spawn("tcp", async {
        let listener = TcpListener::bind(sock("0.0.0.0:80")).await.unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            task::spawn("answer", async move {
                let mut bytes = [0; 64];
                while let Ok(n) = stream.read(&mut bytes).await
                    && n > 0
                    && stream.write_all(&bytes[..n]).await.is_ok()
                {}
            });
        }
    });
    let mut bytes = [0; 512];
    while let Ok((n, peer)) = socket.recv_from(&mut bytes).await {
        socket.send_to(&bytes[..n], peer).await.unwrap();
    }
}

async fn ask() {
    let mut draws = draw::stream("ask");
    loop {
        time::sleep(draws.between(Duration::from_micros(1), 400 * MS)).await;
        let udp = async {
            let socket = UdpSocket::bind(sock("0.0.0.0:0")).await?;
            socket.send_to(b"?", sock("10.0.0.2:53")).await?;
            socket.recv_from(&mut [0; 8]).await
        };
        let over_udp = time::timeout(50 * MS, udp).await.is_ok();
        let tcp = async {
            let mut stream = TcpStream::connect(sock("10.0.0.2:80")).await?;
            stream.write_all(b"12345678").await?;
            stream.read_exact(&mut [0; 8]).await
        };
        let over_tcp = time::timeout(3000 * MS, tcp).await.is_ok_and(|answer| answer.is_ok());
        record::emit("test", &[u8::from(over_udp), u8::from(over_tcp)]);
    }
}

/// Hash, packets and records of a minute of it, in which a host is off for a while.
fn busy(driver: Driver, seed: u64, latency: Latency, loss: f64, stops: &[u64]) -> (u64, u64, u64) {
    let mut net = apart(driver, seed, latency);
    control::set_link_loss(net.link(0), loss).unwrap();
    net.program("a", || (0..3).for_each(|_| drop(task::spawn("ask", ask()))));
    net.program("b", || drop(task::spawn("echo", echo())));
    let b = net.node("b");
    net.sim.spawn("fate", async move {
        time::sleep(Duration::from_micros(20_000_300)).await;
        control::power_off(b).unwrap();
        time::sleep(5000 * MS).await;
        control::power_on(b).unwrap();
    });
    for &stop in stops {
        net.sim.run_until(Time::from_nanos(stop));
    }
    net.sim.run_until(Time::from_secs(60));
    assert_eq!(net.sim.now(), Time::from_secs(60));
    (net.sim.log_hash(), net.sim.packets(), net.sim.record_count())
}

#[test]
fn both_drivers_give_the_same_run() {
    let uniform = Latency::Uniform { min: 100 * Duration::from_nanos(1), max: 7 * MS };
    let fixed = [0, 137, 333, 1_000, 20_000].map(|us| Latency::Fixed(Duration::from_micros(us)));
    for latency in fixed.into_iter().chain([uniform]) {
        let native = busy(Driver::Native, 11, latency, 0.05, &[]);
        assert!(native.1 > 1000 && native.2 > 100, "the world is not busy: {native:?}");
        assert_eq!(busy(Driver::Tokio, 11, latency, 0.05, &[]), native, "{latency:?}");
    }
}

#[test]
fn a_run_in_pieces_is_the_same_run() {
    let latency = Latency::Fixed(Duration::from_micros(333));
    let whole = busy(Driver::Tokio, 5, latency, 0.1, &[]);
    let stops = [0, 1, 2_000_001, 3_333_333_333, 10_000_000_000, 10_000_000_000, 9, 20_000_300_000];
    assert_eq!(busy(Driver::Tokio, 5, latency, 0.1, &stops), whole);
    assert_eq!(busy(Driver::Native, 5, latency, 0.1, &stops), whole);
}

#[test]
fn any_thread_will_do() {
    let run = || busy(Driver::Tokio, 3, Latency::Fixed(137 * Duration::from_micros(1)), 0.0, &[]);
    let here = run();
    let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(run)).collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == here));
}

// One time.

#[test]
fn timers_of_tokio_fire_on_the_grid_of_the_engine() {
    let at = run(&mut pair(MS), "a", 10, async {
        let mut at = Vec::new();
        for us in [0, 1, 999, 1000, 1001, 2500] {
            tokio::time::sleep(Duration::from_micros(us)).await;
            at.push(Time::now().as_nanos() / 1000);
        }
        at
    });
    assert_eq!(at, [0, 1000, 2000, 3000, 5000, 8000]);
}

/// Fails when the two clocks differ.
fn assert_one_time(start: Instant) {
    assert_eq!(start.elapsed(), Time::now().since_start());
}

#[test]
fn there_is_one_time() {
    let mut net = pair(Duration::from_nanos(137_001));
    net.spawn("b", echo());
    let waits = run(&mut net, "a", 100, async {
        let start = Instant::now();
        let mut draws = draw::stream("waits");
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        for _ in 0..500 {
            let wait = draws.between(Duration::ZERO, 5 * MS);
            match draws.below(5) {
                0 => time::sleep(wait).await,
                1 => tokio::time::sleep(wait).await,
                2 => drop(tokio::time::timeout(wait, std::future::pending::<()>()).await),
                3 => drop(tokio::spawn(tokio::time::sleep(wait)).await),
                _ => {
                    socket.send_to(b"?", sock("10.0.0.2:53")).await.unwrap();
                    tokio::time::timeout(MS, socket.recv_from(&mut [0; 8])).await.unwrap().unwrap();
                }
            }
            assert_one_time(start);
            let before = Time::now();
            tokio::task::yield_now().await;
            assert_eq!(Time::now(), before, "yielding takes no time");
        }
        Time::now()
    });
    assert!(waits > Time::ZERO + 500 * MS);
}

#[test]
fn hours_pass_in_no_time_and_the_end_of_time_is_reached() {
    let mut net = pair(MS);
    let ticks = run(&mut net, "a", 1_000_000, async {
        let mut ticks = tokio::time::interval(Duration::from_secs(3600));
        for _ in 0..100 {
            ticks.tick().await;
        }
        Time::now()
    });
    assert_eq!(ticks, Time::from_secs(99 * 3600));
    net.sim.run_until(Time::from_nanos(u64::MAX));
    assert_eq!(net.sim.now().as_nanos(), u64::MAX);
}

// One order.

const FIRST: &str = "engine's first";

/// What happens at 5 ms, when everything falls due at once.
fn at_once(stops: &[u64]) -> Vec<String> {
    let mut net = pair(MS);
    let lines: Lines = collect();
    let engine = |name: &'static str| {
        let lines = lines.clone();
        async move {
            time::sleep(5 * MS).await;
            note(&lines, name);
            if name == FIRST {
                tokio::task::yield_now().await;
                note(&lines, "who yielded");
            }
        }
    };
    net.spawn("a", engine(FIRST));
    let tokio_timer = lines.clone();
    net.spawn("a", async move {
        tokio::time::sleep(5 * MS).await;
        note(&tokio_timer, "timer of tokio's");
    });
    let spawned = lines.clone();
    net.spawn("a", async move {
        let sleeper = tokio::task::spawn_local(async move {
            tokio::time::sleep(5 * MS).await;
            note(&spawned, "task of tokio's");
            spawned
        });
        note(&sleeper.await.unwrap(), "its joiner");
    });
    net.spawn("b", engine("engine's second"));
    for &stop in stops {
        net.sim.run_until(Time::from_nanos(stop));
    }
    net.sim.run_until(Time::from_secs(1));
    lines.take()
}

#[test]
fn at_one_instant_timers_of_tokio_come_first_then_events_then_who_yielded() {
    let expected =
        ["task of tokio's", "timer of tokio's", "its joiner", FIRST, "engine's second", "who yielded"];
    assert_eq!(at_once(&[]), expected);
    assert_eq!(at_once(&[4_300_000, 4_999_999, 5_000_000]), expected);
}

/// Which branches a `select!` without `biased` took.
fn choices(seed: u64) -> Vec<u8> {
    let mut net = Net::driven(seed, Driver::Tokio);
    net.host("a", &["10.0.0.1"]);
    run(&mut net, "a", 1, async {
        let mut taken = Vec::new();
        for _ in 0..64 {
            taken.push(tokio::select! { () = async {} => 0, () = async {} => 1 });
        }
        taken
    })
}

#[test]
fn the_seed_fixes_the_choices_of_select() {
    let first = choices(1);
    assert!(first.contains(&0) && first.contains(&1), "nothing was chosen: {first:?}");
    assert_eq!(choices(1), first);
    assert_ne!(choices(2), first);
}

/// Tokio makes its channels pretend to be busy after 128 steps of a task; a run is one such task.
#[test]
fn nobody_is_made_to_pause() {
    let received = run(&mut pair(MS), "a", 1, async {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..1000).for_each(|n| sender.send(n).unwrap());
        let mut at_once = 0;
        let pause = std::future::poll_fn(|cx| {
            while receiver.poll_recv(cx).is_ready() {
                at_once += 1;
            }
            std::task::Poll::Ready(())
        });
        pause.await;
        at_once
    });
    assert_eq!(received, 1000);
}

// Tasks that end, with their hosts or without.

struct OnDrop(Rc<Cell<Option<Time>>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // Code that cleans up may ask for the runtime, wherever it is dropped.
        assert!(tokio::runtime::Handle::try_current().is_ok());
        self.0.set(Some(Time::now()));
    }
}

#[test]
fn the_loss_of_power_ends_tasks_that_wait_for_tokio() {
    let mut net = pair(MS);
    let (a, dropped) = (net.node("a"), Rc::new(Cell::new(None)));
    let ticks: Rc<RefCell<Vec<Time>>> = collect();
    let (guard, seen) = (dropped.clone(), ticks.clone());
    net.program("a", move || {
        // Made by the program itself, outside any task.
        let (mut interval, seen) = (tokio::time::interval(10 * MS), seen.clone());
        let guard = OnDrop(guard.clone());
        task::spawn("ticks", async move {
            let _guard = guard;
            loop {
                interval.tick().await;
                seen.borrow_mut().push(Time::now());
            }
        });
    });
    net.sim.spawn("fate", async move {
        time::sleep(25 * MS).await;
        control::power_off(a).unwrap();
    });
    net.sim.run_until(Time::ZERO + 100 * MS);
    assert_eq!(dropped.take(), Some(Time::ZERO + 25 * MS));
    assert_eq!(*ticks.borrow(), [0, 10, 20].map(|ms| Time::ZERO + ms * MS));
    // From outside the run too.
    control::power_on(a).unwrap();
    net.sim.run_until(Time::ZERO + 115 * MS);
    control::power_off(a).unwrap();
    net.sim.run_until(Time::ZERO + 200 * MS);
    assert_eq!(dropped.take(), Some(Time::ZERO + 115 * MS));
    assert_eq!(ticks.borrow()[3..], [100, 110].map(|ms| Time::ZERO + ms * MS));
    assert_eq!(net.crashes(), []);
}

#[test]
fn a_panic_is_recorded_and_the_others_go_on() {
    let mut net = pair(MS);
    net.spawn("b", async {
        tokio::time::sleep(MS).await;
        panic!("at last");
    });
    let ticks = run(&mut net, "a", 10, async {
        let spawned = tokio::spawn(async {
            tokio::time::sleep(MS).await;
            panic!("nobody's");
        });
        assert!(spawned.await.unwrap_err().is_panic());
        tokio::time::sleep(5 * MS).await;
        Time::now()
    });
    assert_eq!(ticks, Time::ZERO + 6 * MS);
    let crash = SimEvent::TaskCrash { service: "test".to_owned(), message: "at last".to_owned() };
    assert_eq!(net.crashes(), [crash]);
}

#[test]
fn tasks_of_tokio_end_with_the_run() {
    let dropped = Rc::new(Cell::new(None));
    let guard = dropped.clone();
    let mut net = pair(MS);
    let alive = run(&mut net, "a", 1, async move {
        assert!(!task::in_simulation() || task::current_node().is_some());
        let inside = tokio::task::spawn_local(async { task::in_simulation() });
        assert!(!inside.await.unwrap(), "a task of tokio's belongs to no host");
        tokio::task::spawn_local(async move {
            let _guard = OnDrop(guard);
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        tokio::runtime::Handle::current().metrics().num_alive_tasks()
    });
    assert_eq!((alive, dropped.get()), (1, None));
    drop(net);
    assert!(dropped.get().is_some());
    let alive =
        run(&mut pair(MS), "a", 1, async { tokio::runtime::Handle::current().metrics().num_alive_tasks() });
    assert_eq!(alive, 0);
}

// Refusals.

#[test]
fn it_does_not_start_inside_a_runtime() {
    let config = |driver| Config { driver, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(Sim::new(config(Driver::Tokio)).unwrap_err(), Error::InsideTokio);
        assert!(Sim::new(config(Driver::Native)).is_ok());
    });
    let running = Sim::new(config(Driver::Tokio)).unwrap();
    assert_eq!(Sim::new(config(Driver::Tokio)).unwrap_err(), Error::Busy);
    assert_eq!(Sim::new(config(Driver::Native)).unwrap_err(), Error::Busy);
    drop(running);
    // A run that was begun outside may be dropped anywhere.
    let running = Sim::new(config(Driver::Tokio)).unwrap();
    runtime.block_on(async { drop(running) });
}

#[test]
#[should_panic(expected = "tokio's clock was moved")]
fn the_clock_belongs_to_the_run() {
    let mut net = pair(MS);
    net.spawn("a", async { time::sleep(10 * MS).await });
    net.spawn("b", async { tokio::time::advance(Duration::from_micros(10_300)).await });
    net.sim.run_until(Time::from_secs(1));
}

#[cfg(not(tokio_unstable))]
#[test]
fn without_the_flag_it_refuses() {
    let error = Sim::new(Config { driver: Driver::Tokio, ..Config::default() }).unwrap_err();
    assert_eq!(error, Error::TokioUnstable);
}
