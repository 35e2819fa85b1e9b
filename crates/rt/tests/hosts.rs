//! What only a network of several hosts shows: power, disks, routes, ports, anycast, broken connections.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use blackstart_rt as rt;
use blackstart_sim::record::SimEvent;
use blackstart_sim::{Config, LinkId, LinkSpec, NodeId, NodeSpec, Sim, Time, control};
use rt::fib::{Protocol, Target};
use rt::net::{TcpListener, TcpStream, UdpSocket};
use rt::task::spawn;
use rt::time::{Instant, sleep, timeout};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a test wants to see of what happened inside; also proof that events come back as they went in.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note(String);

impl rt::Event for Note {
    const KIND: &'static str = "note";
}

fn note(text: impl Into<String>) {
    rt::emit(&Note(text.into()));
}

const SECOND: Duration = Duration::from_secs(1);

/// Two hosts and the link between them.
struct Pair {
    sim: Sim,
    near: NodeId,
    far: NodeId,
    link: LinkId,
}

impl Pair {
    /// `far` also owns the anycast address 198.51.100.53.
    fn new() -> Self {
        let sim = Sim::new(Config { seed: 9, ..Config::default() }).unwrap();
        let near = add(&sim, "near", &["192.0.2.1", "2001:db8::1"]);
        let far = add(&sim, "far", &["192.0.2.2", "2001:db8::2", "198.51.100.53"]);
        let spec = LinkSpec::new(near, far);
        let link = sim.add_link(spec).unwrap();
        Self { sim, near, far, link }
    }

    fn boot<F: Future<Output = ()> + 'static>(&self, node: NodeId, service: fn() -> F) {
        self.sim.set_program(node, move || drop(spawn("service", service()))).unwrap();
    }

    fn run(&mut self, seconds: u64) {
        self.sim.run_until(self.sim.now() + SECOND * seconds as u32);
    }

    fn notes(&self) -> Vec<String> {
        let records = self.sim.records();
        let notes = records.iter().filter_map(|record| rt::decode::<Note>(record.kind, &record.bytes));
        notes.map(|note| note.unwrap().0).collect()
    }
}

fn add(sim: &Sim, name: &str, addresses: &[&str]) -> NodeId {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards: false }).unwrap()
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

#[test]
fn the_power_takes_tasks_and_unsynced_bytes() {
    async fn service() {
        note(format!("{} booted with {:?}", rt::host_name(), rt::disk::list().await.unwrap()));
        rt::disk::write("synced", b"1").await.unwrap();
        rt::disk::fsync("synced").await.unwrap();
        rt::disk::write("unsynced", b"1").await.unwrap();
        sleep(SECOND * 5).await;
        note("lived on");
    }
    let mut pair = Pair::new();
    pair.boot(pair.near, service);
    pair.run(2);
    control::power_off(pair.near).unwrap();
    pair.run(10);
    control::power_on(pair.near).unwrap();
    pair.run(2);
    assert_eq!(pair.notes(), ["near booted with []", "near booted with [\"synced\"]"]);
}

#[test]
fn an_anycast_server_answers_from_the_address_that_was_asked() {
    async fn server() {
        let socket = UdpSocket::bind(at("0.0.0.0:53")).await.unwrap();
        let mut buffer = [0; 512];
        loop {
            let (length, peer, local) = socket.recv_from_to(&mut buffer).await.unwrap();
            socket.reply_from(&buffer[..length], local, peer).await.unwrap();
        }
    }
    async fn client() {
        let via = Target::Via(vec!["192.0.2.2".parse().unwrap()]);
        rt::fib::install(Protocol::Ebgp, "198.51.100.0/24".parse().unwrap(), via, 5);
        let found = rt::fib::lookup("198.51.100.53".parse().unwrap()).unwrap();
        assert_eq!((found.protocol, found.metric), (Protocol::Ebgp, 5));
        let socket = UdpSocket::bind(at("0.0.0.0:0")).await.unwrap();
        socket.send_to(b"?", at("198.51.100.53:53")).await.unwrap();
        let (_, peer) = socket.recv_from(&mut [0; 512]).await.unwrap();
        note(peer.to_string());
        rt::fib::remove(Protocol::Ebgp, "198.51.100.0/24".parse().unwrap());
        let error = socket.send_to(b"?", at("198.51.100.53:53")).await.unwrap_err();
        note(error.kind().to_string());
    }
    let mut pair = Pair::new();
    pair.boot(pair.far, server);
    pair.boot(pair.near, client);
    pair.run(5);
    assert_eq!(pair.notes(), ["198.51.100.53:53", "network unreachable"]);
}

#[test]
fn a_port_tells_who_is_there_and_when_that_changes() {
    async fn service() {
        let mut ports = rt::link::watch();
        let mut routes = rt::fib::watch();
        assert!(
            rt::link::set_admin_up("nowhere", false).is_err_and(|error| error.kind() == ErrorKind::NotFound)
        );
        loop {
            for port in rt::link::interfaces() {
                assert_eq!(port.neighbour_address, "192.0.2.2".parse::<IpAddr>().ok());
                note(format!("{} up={} carrier={}", port.name, port.admin_up, port.carrier));
            }
            rt::select! {
                () = ports.changed() => note("port"),
                () = routes.changed() => note("route"),
            }
        }
    }
    let mut pair = Pair::new();
    pair.boot(pair.near, service);
    pair.run(1);
    control::set_admin_up(pair.far, "near", false).unwrap();
    pair.run(1);
    let notes = pair.notes();
    assert_eq!(notes[..3], ["far up=true carrier=true", "port", "far up=true carrier=false"]);
    assert!(notes.contains(&"route".to_owned()), "the connected routes went with the light: {notes:?}");
}

#[test]
fn a_host_can_cut_itself_off() {
    async fn service() {
        rt::link::set_admin_up("far", false).unwrap();
        let error = TcpStream::connect(at("192.0.2.2:80")).await.unwrap_err();
        note(error.kind().to_string());
    }
    let mut pair = Pair::new();
    pair.boot(pair.near, service);
    pair.run(1);
    assert_eq!(pair.notes(), ["network unreachable"]);
}

#[test]
fn unacknowledged_data_breaks_the_connection_after_the_user_timeout() {
    async fn server() {
        let listener = TcpListener::bind(at("[::]:179")).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
    }
    async fn client() {
        let mut stream = TcpStream::connect(at("[2001:db8::2]:179")).await.unwrap();
        stream.set_user_timeout(Some(SECOND * 20));
        sleep(SECOND * 5).await;
        let sent = Instant::now();
        stream.write_all(b"keepalive").await.unwrap();
        let error = stream.read(&mut [0; 64]).await.unwrap_err();
        note(format!("{} {}", error.kind(), sent.elapsed().as_secs()));
    }
    let mut pair = Pair::new();
    pair.boot(pair.far, server);
    pair.boot(pair.near, client);
    pair.run(2);
    control::set_link_loss(pair.link, 1.0).unwrap();
    pair.run(60);
    assert_eq!(pair.notes(), ["timed out 20"]);
}

#[test]
fn a_crash_is_recorded_and_its_service_goes_on() {
    async fn service() {
        drop(spawn("parser", async { panic!("byte {} is beyond me", 7) }));
        sleep(SECOND).await;
        note("alive");
    }
    let mut pair = Pair::new();
    pair.boot(pair.near, service);
    pair.run(2);
    let crash =
        SimEvent::TaskCrash { service: "parser".to_owned(), message: "byte 7 is beyond me".to_owned() };
    assert!(pair.sim.records().iter().any(|record| SimEvent::decode(record).as_ref() == Some(&crash)));
    assert_eq!(pair.notes(), ["alive"]);
}

#[test]
fn a_killed_service_takes_its_children_along() {
    async fn service() {
        spawn("child", async {
            sleep(SECOND * 2).await;
            note("child lived on");
        });
        timeout(SECOND * 2, std::future::pending::<()>()).await.unwrap_err();
        note("parent lived on");
    }
    let mut pair = Pair::new();
    pair.boot(pair.near, service);
    pair.run(1);
    assert!(control::kill_service(pair.near, "service"));
    pair.run(5);
    assert!(pair.notes().is_empty());
}

#[test]
fn a_task_of_no_host_has_no_network_and_no_ports() {
    let mut pair = Pair::new();
    let task = pair.sim.spawn("world", async {
        let start = Instant::now();
        sleep(SECOND).await;
        assert_eq!(start.elapsed(), SECOND);
        assert_eq!(UdpSocket::bind(at("0.0.0.0:0")).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(rt::disk::list().await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(spawn("child", async { drop(rt::link::interfaces()) }).await.unwrap_err().is_panic());
        note("done");
    });
    pair.run(2);
    assert!(task.is_finished());
    assert_eq!(pair.notes(), ["done"]);
}

#[test]
fn a_watcher_of_the_log_may_emit_in_turn() {
    async fn service() {
        note("one");
        note("two");
    }
    let mut pair = Pair::new();
    pair.boot(pair.near, service);
    let seen = Rc::new(RefCell::new(0));
    let count = seen.clone();
    pair.sim.on_record(move |record| {
        let heard = rt::decode::<Note>(record.kind, &record.bytes).unwrap().unwrap();
        *count.borrow_mut() += 1;
        if heard.0 == "one" {
            note("a much longer note than the one that was heard");
        }
    });
    pair.run(1);
    assert_eq!(pair.notes().len(), 3);
    assert_eq!(*seen.borrow(), 3);
}

#[test]
fn a_simulation_inside_the_operating_system_stays_inside() {
    async fn service() {
        note(rt::host_name());
        TcpListener::bind(at("192.0.2.1:80")).await.unwrap();
    }
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "real".to_owned(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(async {
        let mut pair = Pair::new();
        pair.boot(pair.near, service);
        pair.run(1);
        assert_eq!(pair.notes(), ["near"]);
        assert_eq!(rt::host_name(), "real");
        assert_eq!(pair.sim.now(), Time::from_secs(1));
    });
}

#[test]
fn a_handle_that_left_its_simulation_errs() {
    let kept: Rc<RefCell<Option<TcpListener>>> = Rc::default();
    let keep = kept.clone();
    let mut pair = Pair::new();
    let boot = move || {
        let keep = keep.clone();
        drop(spawn("service", async move {
            keep.replace(Some(TcpListener::bind(at("0.0.0.0:80")).await.unwrap()));
        }));
    };
    pair.sim.set_program(pair.near, boot).unwrap();
    pair.run(1);
    let listener = kept.take().unwrap();
    drop(pair);
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "real".to_owned(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(async { listener.accept().await.unwrap_err() });
}

#[test]
fn a_stream_carries_bytes_between_hosts() {
    async fn server() {
        let listener = TcpListener::bind(at("0.0.0.0:7")).await.unwrap();
        let (mut stream, peer) = listener.accept().await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        note(format!("{heard} from {}", peer.ip()));
    }
    async fn client() {
        let mut stream = TcpStream::connect(at("192.0.2.2:7")).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
    }
    let mut pair = Pair::new();
    pair.boot(pair.far, server);
    pair.boot(pair.near, client);
    pair.run(5);
    assert_eq!(pair.notes(), ["hello from 192.0.2.1"]);
}
