//! The backend inside a plain `turmoil::Sim`: who gets it, what survives a crash, what a drop may still do.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use blackstart_rt as rt;
use blackstart_sim::{Config, NodeSpec, Sim, Time};
use rt::net::{TcpListener, TcpStream, UdpSocket};
use rt::task::spawn;
use rt::time::{Instant, sleep};
use rt::turmoil::Host;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::future::pending;
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECOND: Duration = Duration::from_secs(1);

/// What the hosts of a test saw, in order.
type Notes = Rc<RefCell<Vec<String>>>;

fn simulation() -> turmoil::Sim<'static> {
    let mut builder = turmoil::Builder::new();
    builder.rng_seed(3).tick_duration(Duration::from_millis(10)).simulation_duration(SECOND * 600).build()
}

fn step_for(sim: &mut turmoil::Sim<'_>, span: Duration) {
    let end = sim.elapsed() + span;
    while sim.elapsed() < end {
        sim.step().unwrap();
    }
}

/// Runs `software` alone on a host called "here".
fn alone(software: impl Future<Output = ()> + 'static) {
    let mut sim = simulation();
    let software = async {
        software.await;
        Ok(())
    };
    sim.client("here", Host::new(1, "here").boot(software));
    sim.run().unwrap();
}

#[test]
fn a_host_knows_its_name_and_its_tasks_do_too() {
    alone(async {
        assert_eq!(rt::host_name(), "here");
        assert_eq!(spawn("child", async { rt::host_name() }).await.unwrap(), "here");
    });
}

/// Not even when the thread has entered the operating system: nothing escapes from a simulation.
#[test]
#[expect(clippy::disallowed_methods, reason = "a task of tokio's own is what is tested")]
fn a_task_that_no_host_booted_gets_an_error() {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "real".to_owned(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    let mut sim = simulation();
    sim.client("here", async {
        let error = UdpSocket::bind("0.0.0.0:0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("turmoil::Host::boot"), "{error}");
        Ok(())
    });
    sim.client(
        "there",
        Host::new(1, "there").boot(async {
            let outside = tokio::spawn(async { rt::disk::list().await.unwrap_err().kind() });
            assert_eq!(outside.await.unwrap(), ErrorKind::Unsupported);
            Ok(())
        }),
    );
    sim.run().unwrap();
    assert_eq!(rt::host_name(), "real");
}

#[test]
fn a_crash_and_a_bounce_take_what_was_not_synced() {
    let (host, notes) = (Host::new(1, "here"), Notes::default());
    let mut sim = simulation();
    let (booted, seen) = (host.clone(), notes.clone());
    sim.host("here", move || {
        let seen = seen.clone();
        booted.boot(async move {
            let files = rt::disk::list().await?.join(" ");
            seen.borrow_mut().push(files);
            rt::disk::write("synced", b"1").await?;
            rt::disk::fsync("synced").await?;
            rt::disk::write("unsynced", b"1").await?;
            pending().await
        })
    });
    step_for(&mut sim, SECOND);
    assert_eq!(host.disk().list(), ["synced", "unsynced"]);
    sim.crash("here");
    step_for(&mut sim, SECOND);
    sim.bounce("here");
    step_for(&mut sim, SECOND);
    sim.bounce("here");
    step_for(&mut sim, SECOND);
    assert_eq!(*notes.borrow(), ["", "synced", "synced"]);
}

/// What is dropped by a crash still knows its host and the time, and starts nothing.
#[test]
fn a_drop_by_a_crash_finds_its_host() {
    struct Guard(Notes);
    impl Drop for Guard {
        fn drop(&mut self) {
            let late = self.0.clone();
            drop(spawn("late", async move { late.borrow_mut().push("ran".to_owned()) }));
            drop(sleep(SECOND));
            let note = format!("{} at {:?}", rt::host_name(), Instant::now().since_start());
            self.0.borrow_mut().push(note);
        }
    }
    let notes = Notes::default();
    let mut sim = simulation();
    let (host, kept) = (Host::new(1, "here"), notes.clone());
    sim.host("here", move || {
        let guard = Guard(kept.clone());
        host.boot(async move {
            let child = spawn("child", async move {
                let _guard = guard;
                sleep(SECOND).await;
                assert_eq!(Instant::now().since_start(), SECOND);
                pending::<()>().await;
            });
            child.await?;
            Ok(())
        })
    });
    step_for(&mut sim, SECOND * 2);
    sim.crash("here");
    drop(sim);
    assert_eq!(*notes.borrow(), ["here at 1s"]);
}

#[test]
fn the_clock_goes_on_over_a_crash_and_is_the_simulations() {
    let notes = Notes::default();
    let mut sim = simulation();
    let (host, seen) = (Host::new(1, "here"), notes.clone());
    sim.host("here", move || {
        let seen = seen.clone();
        host.boot(async move {
            let since_epoch = turmoil::since_epoch().unwrap();
            assert_eq!(rt::time::unix_now(), since_epoch);
            seen.borrow_mut().push(format!("{:?}", Instant::now().since_start()));
            pending().await
        })
    });
    step_for(&mut sim, SECOND);
    sim.crash("here");
    step_for(&mut sim, SECOND);
    sim.bounce("here");
    step_for(&mut sim, SECOND);
    assert_eq!(*notes.borrow(), ["0ns", "2s"]);
}

/// The same seed, host, name and opening: the same draws as in the engine.
#[test]
fn draws_are_those_of_the_engine() {
    fn draw() -> Vec<u64> {
        ["a", "b", "a"].map(|name| rt::rand::stream(name).next_u64()).to_vec()
    }
    let drawn: Rc<RefCell<Vec<Vec<u64>>>> = Rc::default();
    let keep = drawn.clone();
    let mut sim = simulation();
    sim.client(
        "here",
        Host::new(9, "here").boot(async move {
            keep.borrow_mut().push(draw());
            Ok(())
        }),
    );
    sim.run().unwrap();

    let keep = drawn.clone();
    let mut engine = Sim::new(Config { seed: 9, ..Config::default() }).unwrap();
    let node = engine.add_node(NodeSpec { name: "here".to_owned(), ..NodeSpec::default() }).unwrap();
    let boot = move || {
        let keep = keep.clone();
        drop(spawn("draw", async move { keep.borrow_mut().push(draw()) }));
    };
    engine.set_program(node, boot).unwrap();
    engine.run_until(Time::from_secs(1));
    let drawn = drawn.borrow();
    assert_eq!(drawn.len(), 2);
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0][0], drawn[0][2], "opening a name again gives another stream");
}

#[test]
fn a_handle_that_left_its_simulation_errs() {
    type Kept = Rc<RefCell<Option<(TcpListener, TcpStream, UdpSocket)>>>;
    let kept = Kept::default();
    let keep = kept.clone();
    alone(async move {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let calling = spawn("call", TcpStream::connect("127.0.0.1:80"));
        listener.accept().await.unwrap();
        let stream = calling.await.unwrap().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        keep.replace(Some((listener, stream, socket)));
    });
    let (listener, mut stream, socket) = kept.take().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(listener.accept().await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(stream.write(b"?").await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(stream.shutdown().await.unwrap_err().kind(), ErrorKind::NotConnected);
        let to = "127.0.0.1:80";
        assert_eq!(socket.send_to(b"?", to).await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(socket.connect(to).await.unwrap_err().kind(), ErrorKind::NotConnected);
    });
}

/// turmoil itself refuses the one and panics at the other.
#[test]
fn the_hosts_own_address_binds_and_the_other_family_errs() {
    alone(async {
        let own: IpAddr = turmoil::lookup("here");
        let listener = TcpListener::bind(SocketAddr::new(own, 80)).await.unwrap();
        assert_eq!(listener.local_addr().unwrap(), SocketAddr::new(own, 80));
        let socket = UdpSocket::bind(SocketAddr::new(own, 53)).await.unwrap();
        assert_eq!(socket.local_addr().unwrap(), SocketAddr::new(own, 53));
        for other in ["[::]:81", "[::1]:81"] {
            assert_eq!(TcpListener::bind(other).await.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
            assert_eq!(UdpSocket::bind(other).await.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
        }
    });
}

#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    reason: String,
}

impl rt::Event for Refused {
    const KIND: &'static str = "turmoil-test";
}

/// Where a test's log goes.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn events_go_to_tracing() {
    let page = Page::default();
    let writer = page.clone();
    let listener = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(listener, || {
        alone(async {
            rt::emit(&Refused { reason: "no route".to_owned() });
            spawn("parser", async { panic!("byte 7 is beyond me") }).await.unwrap_err();
        });
    });
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    for part in ["blackstart::event", "turmoil-test", "here", "no route", "parser", "byte 7 is beyond me"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

/// Between hosts, as between the ends of loopback in the table of behaviours.
#[test]
fn hosts_reach_each_other() {
    let mut sim = simulation();
    let far = Host::new(1, "far");
    sim.host("far", move || {
        far.boot(async {
            let listener = TcpListener::bind("0.0.0.0:7").await?;
            let socket = UdpSocket::bind("0.0.0.0:7").await?;
            spawn("udp", async move {
                let mut buffer = [0; 64];
                let (length, peer, local) = socket.recv_from_to(&mut buffer).await.unwrap();
                assert_eq!(local, turmoil::lookup("far"));
                socket.reply_from(&buffer[..length], local, peer).await.unwrap();
            });
            let (mut stream, peer) = listener.accept().await?;
            assert_eq!(peer.ip(), turmoil::lookup("near"));
            stream.write_all(b"hello").await?;
            stream.shutdown().await?;
            pending().await
        })
    });
    sim.client(
        "near",
        Host::new(1, "near").boot(async {
            let (near, far) = (turmoil::lookup("near"), turmoil::lookup("far"));
            let mut stream = TcpStream::connect_from(near, (far, 7).into()).await?;
            let mut heard = String::new();
            stream.read_to_string(&mut heard).await?;
            assert_eq!(heard, "hello");
            let socket = UdpSocket::bind("0.0.0.0:0").await?;
            socket.connect((far, 7)).await?;
            socket.send(b"ping").await?;
            assert_eq!(socket.recv(&mut [0; 64]).await?, 4);
            Ok(())
        }),
    );
    sim.run().unwrap();
}
