//! Reader, controller and access server on real sockets.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::future::Future;
use std::net::SocketAddr;

use blackstart_badge::directory::{Badge, DenyReason};
use blackstart_badge::door::{Door, Fail};
use blackstart_badge::offline::Policy;
use blackstart_badge::{Limits, Verdict, audit, controller, reader, server};
use blackstart_dns::stub;
use blackstart_rt as rt;
use rt::net::TcpListener;

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn on_real_sockets(test: impl Future<Output = ()>) {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "badge".into(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(test);
}

fn badge(number: &str, doors: &[&str]) -> Badge {
    let doors = doors.iter().map(|door| (*door).to_owned()).collect();
    let person = format!("person of {number}");
    Badge { badge: number.into(), person, doors, valid_from_unix_s: 0, valid_until_unix_s: u64::MAX }
}

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn start_server() -> (SocketAddr, rt::task::JoinHandle<std::io::Result<()>>) {
    let (listener, address) = bind().await;
    let badges = vec![badge("7", &["gate"]), badge("8", &["hall"])];
    let config = server::Config {
        listen: ANYWHERE,
        badges,
        certificate: None,
        limits: Limits::default(),
        rules: rt::Map::new(),
    };
    (address, rt::task::spawn("server", server::serve(listener, config)))
}

async fn start_controller(server: SocketAddr, offline_list: Option<Policy>) -> SocketAddr {
    let (listener, address) = bind().await;
    let door = |name: &str, fail| Door { fail, ..Door::new(name) };
    let config = controller::Config {
        certificate: false,
        listen: ANYWHERE,
        server: server.to_string().parse().unwrap(),
        resolver: stub::Config::new(Vec::new()),
        timeout_ms: 300,
        doors: vec![door("gate", Fail::Secure), door("fire", Fail::Safe)],
        offline_list,
        limits: Limits::default(),
    };
    rt::task::spawn("controller", controller::serve(listener, config));
    address
}

async fn start_reader(controller: SocketAddr) -> SocketAddr {
    let (listener, address) = bind().await;
    let config =
        reader::Config { listen: ANYWHERE, controller, door: "gate".into(), limits: Limits::default() };
    rt::task::spawn("reader", reader::serve(listener, config));
    address
}

#[test]
fn the_whole_chain_decides_and_the_log_knows() {
    on_real_sockets(async {
        let (server, _running) = start_server().await;
        let controller = start_controller(server, None).await;
        let reader = start_reader(controller).await;
        let table = [
            (reader, "gate", "7", Verdict::Opened),
            (reader, "gate", "8", Verdict::Denied(DenyReason::NotAllowed)),
            (reader, "fire", "7", Verdict::Denied(DenyReason::UnknownDoor)),
            (controller, "fire", "9", Verdict::Denied(DenyReason::UnknownBadge)),
            (controller, "moon", "7", Verdict::Denied(DenyReason::UnknownDoor)),
        ];
        for (at, door, number, verdict) in table {
            assert_eq!(reader::tap(at, door, number).await.unwrap(), verdict, "{number} at {door}");
        }
        reader::open_with_key(reader, "gate").await.unwrap();
        reader::leave(reader, "gate").await.unwrap();
        let log = rt::disk::read(audit::FILE).await.unwrap();
        let told: Vec<_> = audit::entries(&log).map(|entry| (entry.door, entry.badge)).collect();
        let expected = [("gate", "7"), ("gate", "8"), ("fire", "9")];
        assert_eq!(told, expected.map(|(door, badge)| (door.to_owned(), badge.to_owned())));
    });
}

#[test]
fn without_a_server_each_door_fails_its_own_way() {
    on_real_sockets(async {
        let (server, running) = start_server().await;
        running.abort();
        assert!(running.await.is_err());
        let controller = start_controller(server, None).await;
        let reader = start_reader(controller).await;
        assert_eq!(reader::tap(reader, "gate", "7").await.unwrap(), Verdict::NoAnswer);
        assert_eq!(reader::tap(controller, "fire", "9").await.unwrap(), Verdict::Opened);
        assert!(reader::tap(server, "gate", "7").await.is_err());
    });
}

#[test]
fn the_offline_list_outlives_server_and_controller() {
    on_real_sockets(async {
        let (server, running) = start_server().await;
        let policy = Some(Policy { max_age_s: 3600, refresh_s: 3600 });
        let controller = start_controller(server, policy).await;
        // The first list is fetched while the controller starts.
        while rt::disk::read("offline-list.json").await.is_err() {
            rt::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        running.abort();
        assert!(running.await.is_err());
        for controller in [controller, start_controller(server, policy).await] {
            assert_eq!(reader::tap(controller, "gate", "7").await.unwrap(), Verdict::Opened);
            let denied = Verdict::Denied(DenyReason::NotOnList);
            assert_eq!(reader::tap(controller, "gate", "8").await.unwrap(), denied);
        }
    });
}
