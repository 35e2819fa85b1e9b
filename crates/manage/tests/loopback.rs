//! The services on real sockets, loopback only: the same code that the simulation runs.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use blackstart_identity::{account, code, local};
use blackstart_manage::audit::{self, Shut};
use blackstart_manage::client::{Cli, Error};
use blackstart_manage::configuration::Which;
use blackstart_manage::event::Refusal;
use blackstart_manage::router::{Config, Router};
use blackstart_manage::sign_in::{Account, SignIn};
use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use serde_json::{from_value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(5);

fn on_os<T>(future: impl Future<Output = T>) -> T {
    let folder = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "bb1".to_owned(), disk_root: folder.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(future)
}

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A router with a break-glass account, and nobody to ask about sessions.
async fn router() -> Router {
    let root = account::Account {
        account: "break-glass".to_owned(),
        password: "envelope".to_owned(),
        code_seed: "generator".to_owned(),
        push: None,
        groups: Vec::new(),
    };
    let local = local::Config { accounts: vec![root], ..local::Config::default() };
    let config = Config { in_band: Some(any_port()), console: Some(any_port()), local, ..Config::default() };
    Router::bind(config).await.unwrap()
}

/// Its console and its network door, served.
async fn doors() -> (SocketAddr, SocketAddr) {
    let router = router().await;
    let doors = (router.console_addr().unwrap(), router.in_band_addr().unwrap());
    rt::task::spawn("router", router.run());
    doors
}

fn shown_code() -> String {
    code::at("generator", rt::time::unix_now())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_console_takes_the_envelope_and_only_that() {
    on_os(async {
        let (console, _) = doors().await;
        let mut cli = Cli::connect(console, PATIENCE).await.unwrap();
        assert_eq!(refused(cli.ports().await), Refusal::NotLoggedIn);
        assert_eq!(refused(cli.login_local("break-glass", "wrong", "000000").await), Refusal::BadCredentials);
        assert_eq!(refused(cli.login_local("break-glass", "envelope", "").await), Refusal::BadCode);
        assert_eq!(refused(cli.login_token("any").await), Refusal::WrongDoor);
        cli.login_local("break-glass", "envelope", &shown_code()).await.unwrap();

        assert_eq!(cli.ports().await.unwrap(), [], "the operating system shows no ports");
        assert_eq!(refused(cli.stage("bb2", false).await), Refusal::UnknownPort);
        assert!(cli.reachable([127, 0, 0, 1].into()).await.unwrap());
        cli.lock("ann", true).await.unwrap();
    });
}

#[test]
fn without_sign_in_nobody_comes_over_the_network() {
    on_os(async {
        let (_, in_band) = doors().await;
        let mut cli = Cli::connect(in_band, PATIENCE).await.unwrap();
        assert_eq!(refused(cli.login_token("any").await), Refusal::SignInUnreachable);
        let local = cli.login_local("break-glass", "envelope", &shown_code()).await;
        assert_eq!(refused(local), Refusal::WrongDoor);
    });
}

#[test]
fn a_session_of_the_sign_in_service_opens_the_network_door() {
    on_os(async {
        let listener = TcpListener::bind(any_port()).await.unwrap();
        let at = listener.local_addr().unwrap();
        let people = json!([
            { "account": "ann", "password": "p", "code-seed": "a", "groups": ["noc"] },
            { "account": "bob", "password": "p", "code-seed": "b" },
        ]);
        let identity = from_value(json!({ "listen": at, "accounts": people })).unwrap();
        rt::task::spawn("identity", blackstart_identity::server::serve(listener, identity));

        let config = json!({ "in-band": any_port(), "sign-in": { "at": at }, "groups": ["noc"] });
        let router = Router::bind(from_value(config).unwrap()).await.unwrap();
        let in_band = router.in_band_addr().unwrap();
        rt::task::spawn("router", router.run());

        let sign_in = SignIn::new(from_value(json!({ "at": at })).unwrap());
        let session = |account: &str, seed: &str| {
            let account = json!({ "account": account, "password": "p", "code-seed": seed });
            let account: Account = from_value(account).unwrap();
            let sign_in = &sign_in;
            async move { sign_in.sign_in(&account).await.unwrap().token }
        };
        let mut cli = Cli::connect(in_band, PATIENCE).await.unwrap();
        assert_eq!(refused(cli.login_token("forged").await), Refusal::SessionRefused);
        assert_eq!(refused(cli.login_token(&session("bob", "b").await).await), Refusal::NotAllowed);
        cli.login_token(&session("ann", "a").await).await.unwrap();
        cli.stage_settings(&[("motd".to_owned(), "hello".to_owned())].into()).await.unwrap();
        cli.commit("ann").await.unwrap();
        assert_eq!(refused(cli.lock("ann", true).await), Refusal::WrongDoor);
    });
}

#[test]
fn what_was_saved_is_there_after_a_boot() {
    on_os(async {
        for boot in 0..2 {
            let (console, _) = doors().await;
            let mut cli = Cli::connect(console, PATIENCE).await.unwrap();
            cli.login_local("break-glass", "envelope", &shown_code()).await.unwrap();
            let running = cli.config(Which::Running).await.unwrap();
            assert_eq!(running.get("motd").map(String::as_str), (boot == 1).then_some("careful"));
            cli.stage_settings(&[("motd".to_owned(), "careful".to_owned())].into()).await.unwrap();
            cli.commit("ann").await.unwrap();
            assert_eq!(cli.diff_last_good().await.unwrap().len(), 1 - boot);
            cli.save("ann").await.unwrap();
            assert!(cli.diff_last_good().await.unwrap().is_empty());
        }
    });
}

#[test]
fn a_waiting_commit_is_made_at_its_time() {
    on_os(async {
        let (console, _) = doors().await;
        let mut cli = Cli::connect(console, PATIENCE).await.unwrap();
        cli.login_local("break-glass", "envelope", &shown_code()).await.unwrap();
        cli.stage_settings(&[("motd".to_owned(), "later".to_owned())].into()).await.unwrap();
        let at = rt::time::unix_now().as_secs() + 2;
        cli.commit_at("ann", at).await.unwrap();
        assert!(cli.config(Which::Running).await.unwrap().is_empty());
        let wait = Duration::from_secs(at).saturating_sub(rt::time::unix_now());
        rt::time::sleep(wait + Duration::from_millis(50)).await;
        assert_eq!(cli.config(Which::Running).await.unwrap().len(), 1);
    });
}

#[test]
fn typed_errors_for_every_way_not_to_be_a_router() {
    on_os(async {
        let listener = TcpListener::bind(any_port()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let silent = Cli::connect(address, Duration::from_millis(50)).await;
        assert!(matches!(silent, Err(Error::Timeout)), "{silent:?}");

        let greet = rt::task::spawn("stranger", async move {
            let _ = listener.accept().await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mail ready\r\n").await.unwrap();
        });
        let stranger = Cli::connect(address, PATIENCE).await;
        assert!(matches!(&stranger, Err(Error::Protocol(said)) if said == "220 mail ready"), "{stranger:?}");
        greet.await.unwrap();
        let nobody = Cli::connect(address, PATIENCE).await;
        assert!(matches!(&nobody, Err(Error::Connect(_))), "{nobody:?}");
    });
}

#[test]
fn rubbish_ends_its_own_conversation_only() {
    on_os(async {
        let (console, _) = doors().await;
        let mut endless = TcpStream::connect(console).await.unwrap();
        let flood = vec![b'x'; 200_000];
        let mut said = Vec::new();
        // The router may close while we still write.
        let _ = endless.write_all(&flood).await;
        let _ = endless.read_to_end(&mut said).await;
        assert!(String::from_utf8_lossy(&said).starts_with("router bb1 console"), "{said:?}");

        let mut binary = TcpStream::connect(console).await.unwrap();
        binary.write_all(b"\xff\xfe\0\nquit\n").await.unwrap();
        let mut said = String::new();
        binary.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "router bb1 console\nerror invalid\nok\n");
    });
}

#[test]
fn conversations_are_limited() {
    on_os(async {
        let (console, _) = doors().await;
        let mut kept = Vec::new();
        for _ in 0..Config::default().sessions_max {
            kept.push(Cli::connect(console, PATIENCE).await.unwrap());
        }
        let refused = Cli::connect(console, PATIENCE).await;
        assert!(matches!(&refused, Err(Error::Connect(_))), "{refused:?}");
        drop(kept);
        rt::time::sleep(Duration::from_millis(50)).await;
        Cli::connect(console, PATIENCE).await.unwrap();
    });
}

#[test]
fn the_audit_judges_over_tcp() {
    on_os(async {
        let listener = TcpListener::bind(any_port()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = audit::Config { listen: address, shut_permille_max: 250, buggy: false };
        rt::task::spawn("audit", audit::serve(listener, config));
        let shuts = vec![Shut { router: "bb1".to_owned(), ports: vec!["bb2".to_owned()] }];
        let request = audit::Request { command: "drain-link".to_owned(), shuts, ports_total: 3 };
        let judgement = audit::ask(address, &request, PATIENCE).await.unwrap();
        assert!(!judgement.allow);
        assert_eq!(judgement.reason, "the command shuts 1 of 3 ports, more than 250 in 1000");

        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"please\n").await.unwrap();
        let mut answer = [0; 14];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"{\"allow\":false");
    });
}
