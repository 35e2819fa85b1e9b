//! The sign-in service on real sockets: sign in, verify, restart, be denied.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::future::Future;
use std::net::SocketAddr;

use blackstart_dns::endpoint::Endpoint;
use blackstart_dns::stub::Resolver;
use blackstart_identity::account::{Account, Attempts, Credentials, Denial};
use blackstart_identity::client::{self, Error};
use blackstart_identity::session::Refusal;
use blackstart_identity::{code, server};
use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use rt::task::JoinHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn on_real_sockets(test: impl Future<Output = ()>) {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "identity".into(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(test);
}

fn config() -> server::Config {
    let ada = Account {
        account: "ada".into(),
        password: "engine".into(),
        code_seed: "s".into(),
        push: None,
        groups: vec!["noc".into()],
    };
    server::Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        accounts: vec![ada],
        attempts: Attempts::default(),
        session_s: 3600,
        idle_s: 5,
        connections_max: 8,
    }
}

async fn start() -> (Endpoint, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind(config().listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    (address.to_string().parse().unwrap(), rt::task::spawn("identity", server::serve(listener, config())))
}

fn typed(password: &str) -> Credentials {
    let code = code::at("s", rt::time::unix_now());
    Credentials { account: "ada".into(), password: password.into(), code }
}

#[test]
fn a_session_outlives_a_restart() {
    on_real_sockets(async {
        let resolver = Resolver::new(Vec::new());
        let (service, running) = start().await;
        let session = client::sign_in(&resolver, &service, typed("engine")).await.unwrap();
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());

        let (service, _running) = start().await;
        let identity = client::verify(&resolver, &service, &session.token).await.unwrap();
        assert_eq!((identity.account.as_str(), identity.groups), ("ada", vec!["noc".to_owned()]));
    });
}

#[test]
fn denials_are_typed() {
    on_real_sockets(async {
        let resolver = Resolver::new(Vec::new());
        let (service, _running) = start().await;
        let denied = client::sign_in(&resolver, &service, typed("loom")).await;
        assert!(matches!(denied, Err(Error::Denied(Denial::Credentials))), "{denied:?}");
        let refused = client::verify(&resolver, &service, "guess").await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Unknown))), "{refused:?}");
        let nobody = Endpoint::new("127.0.0.1", 1);
        let unreachable = client::verify(&resolver, &nobody, "guess").await;
        assert!(matches!(unreachable, Err(Error::Connect(_))), "{unreachable:?}");
    });
}

#[test]
fn rubbish_and_endless_lines_end_the_connection_only() {
    on_real_sockets(async {
        let resolver = Resolver::new(Vec::new());
        let (service, _running) = start().await;
        let address: SocketAddr = service.to_string().parse().unwrap();
        for rubbish in [b"{}\n".to_vec(), vec![0xff; 10_000]] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&rubbish).await.unwrap();
            // Closed, by an end or by a reset for the bytes that nobody read.
            assert!(matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_)));
        }
        assert!(client::sign_in(&resolver, &service, typed("engine")).await.is_ok());
    });
}
