//! The shells on real sockets of the loopback interface: authority, stub, health check.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use blackstart_dns::authority::{self, Zones};
use blackstart_dns::health;
use blackstart_dns::stub::{self, Error, Family, Resolver};
use blackstart_dns::zone::Zone;
use blackstart_dns::{Name, RecordType};
use blackstart_rt as rt;
use blackstart_rt::os::unused_address;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn on_real_sockets(test: impl Future<Output = ()>) {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "here".to_string(), disk_root: disk.path().to_path_buf() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(test);
}

fn zones() -> Zones {
    let many: String = (0..200).map(|i| format!("big A 192.0.2.{i}\n")).collect();
    let text = format!("$TTL 300\n@ SOA ns h 1 2 3 4 60\n NS ns\nns A 192.0.2.1\nwww CNAME ns\n{many}");
    [Zone::parse(&text, &Name::from_ascii("example.test.").unwrap()).unwrap()].into_iter().collect()
}

async fn authority() -> SocketAddr {
    let address = unused_address();
    let config = authority::Config { listen: vec![address], ..authority::Config::default() };
    rt::task::spawn("dns", async { authority::run(config, zones()).await.unwrap() });
    rt::task::yield_now().await;
    address
}

#[test]
fn a_stub_resolves_from_an_authority() {
    on_real_sockets(async {
        let server = authority().await;
        let addresses = stub::resolve(&[server], "www.example.test", RecordType::A).await;
        assert_eq!(addresses, Ok(vec![IpAddr::from([192, 0, 2, 1])]));
        let resolver = Resolver::new(vec![server]);
        assert_eq!(resolver.lookup_ip("big.example.test").await.map(|a| a.len()), Ok(200), "over TCP");
        let cases = [
            ("nowhere.example.test", Error::NxDomain as fn(String) -> Error),
            ("example.test.", Error::NoData),
            ("example.org", Error::Refused),
            ("not..a.name", Error::BadName),
        ];
        for (name, error) in cases {
            assert_eq!(resolver.lookup_ip(name).await, Err(error(name.to_string())));
        }
    });
}

#[test]
fn a_stub_knows_some_names_by_itself_and_turns_to_the_next_server() {
    on_real_sockets(async {
        let server = authority().await;
        let dead = unused_address();
        let silent = rt::net::UdpSocket::bind(SocketAddr::new(LOOPBACK, 0)).await.unwrap();
        let own = IpAddr::from([10, 0, 0, 7]);
        let config = stub::Config {
            timeout_ms: 50,
            attempts: 1,
            hosts: rt::Map::from([("console".to_string(), vec![own])]),
            family: Family::Both,
            ..stub::Config::new(vec![dead, silent.local_addr().unwrap(), server])
        };
        let resolver = Resolver::with_config(config.clone());
        assert_eq!(resolver.lookup_ip("Console.").await, Ok(vec![own]));
        assert_eq!(resolver.lookup_ip("::1").await, Ok(vec!["::1".parse().unwrap()]));
        assert_eq!(resolver.lookup_ip("ns.example.test").await, Ok(vec![IpAddr::from([192, 0, 2, 1])]));

        let only = |servers: &[SocketAddr]| {
            Resolver::with_config(stub::Config { servers: servers.to_vec(), ..config.clone() })
        };
        let name = "ns.example.test";
        let failure = only(&[dead]).lookup_ip(name).await.unwrap_err();
        assert!(matches!(failure, Error::Unreachable { .. }) && failure.is_temporary(), "{failure}");
        let silent = silent.local_addr().unwrap();
        assert_eq!(only(&[silent, dead]).lookup_ip(name).await, Err(Error::Timeout(name.to_string())));
        assert!(only(&[]).lookup_ip(name).await.unwrap_err().to_string().contains("none is configured"));
    });
}

/// A data centre's health endpoint with a status that can change.
async fn endpoint(status: Rc<Cell<u16>>) -> SocketAddr {
    let listener = rt::net::TcpListener::bind(SocketAddr::new(LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    rt::task::spawn("backend", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 17];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(&request[..], b"GET /health HTTP/");
            let answer = format!("HTTP/1.1 {} X\r\n\r\n", status.get());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// A speaker's control socket: hangs up on the first caller and on whoever ordered a withdrawal; notes orders.
async fn control(told: Rc<RefCell<Vec<bool>>>) -> SocketAddr {
    let listener = rt::net::TcpListener::bind(SocketAddr::new(LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    rt::task::spawn("bgp", async move {
        drop(listener.accept().await.unwrap());
        while let Ok((stream, _)) = listener.accept().await {
            let mut lines = BufReader::new(stream).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                told.borrow_mut().push(line.starts_with("announce "));
                lines.get_mut().write_all(b"ok\n").await.unwrap();
                if line.starts_with("withdraw ") {
                    break;
                }
            }
        }
    });
    address
}

#[test]
fn health_steers_the_speaker_and_tells_the_next_one_again() {
    on_real_sockets(async {
        let status = Rc::new(Cell::new(200));
        let told = Rc::new(RefCell::new(Vec::new()));
        let config = health::Config {
            targets: vec![endpoint(Rc::clone(&status)).await, unused_address()],
            interval_s: 0,
            timeout_ms: 500,
            fall: 2,
            rise: 2,
            quorum: 1,
            start_jitter_ms: 1,
            prefixes: vec!["129.134.30.0/24".parse().unwrap()],
            control: control(Rc::clone(&told)).await,
            initially_up: false,
        };
        rt::task::spawn("dns", health::run(config));
        wait_for(&told, &[true]).await;
        status.set(503);
        wait_for(&told, &[true, false, false]).await;
    });
}

async fn wait_for(told: &RefCell<Vec<bool>>, expected: &[bool]) {
    let arrived = async {
        while !told.borrow().starts_with(expected) {
            rt::time::sleep(Duration::from_millis(1)).await;
        }
    };
    rt::time::timeout(Duration::from_secs(5), arrived).await.unwrap_or_else(|_| panic!("{told:?}"));
}
