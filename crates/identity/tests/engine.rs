//! The sign-in service in a simulated network: sessions and the loss of power, names and the loss of links.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod star;

use blackstart_dns::endpoint::Endpoint;
use blackstart_dns::stub::{self, Resolver};
use blackstart_identity::account::{Account, Attempts, Credentials, Denial};
use blackstart_identity::client::{self, Error};
use blackstart_identity::event::Event;
use blackstart_identity::push::{self, Push};
use blackstart_identity::session::Session;
use blackstart_identity::{code, server};
use blackstart_rt as rt;
use blackstart_sim::control;
use star::{Star, at, plug};

/// The hosts, numbered as `Star` does.
const HOSTS: [&str; 2] = ["console", "identity"];
const CONSOLE: u8 = 1;
const IDENTITY: u8 = 2;

fn company(seed: u64) -> Star {
    let star = Star::new(seed, &HOSTS);
    star.program(IDENTITY, || {
        rt::task::spawn("identity", async { server::run(config()).await.unwrap() });
    });
    star
}

fn config() -> server::Config {
    let ada = Account {
        account: "ada".into(),
        password: "engine".into(),
        code_seed: "s".into(),
        push: None,
        groups: Vec::new(),
    };
    server::Config {
        listen: at(IDENTITY, 7300),
        accounts: vec![ada],
        attempts: Attempts::default(),
        session_s: 3600,
        idle_s: 30,
        connections_max: 100,
    }
}

async fn sign_in() -> Result<Session, Error> {
    let code = code::at("s", rt::time::unix_now());
    let typed = Credentials { account: "ada".into(), password: "engine".into(), code };
    client::sign_in(&Resolver::new(Vec::new()), &Endpoint::new("10.0.0.2", 7300), typed).await
}

async fn verify(session: &Session) -> Result<String, Error> {
    let service = Endpoint::new("10.0.0.2", 7300);
    let identity = client::verify(&Resolver::new(Vec::new()), &service, &session.token).await?;
    Ok(identity.account)
}

#[test]
fn a_session_outlives_a_power_cut_and_no_token_comes_twice() {
    let mut star = company(1);
    star.tell(CONSOLE, async {
        let before = sign_in().await.unwrap();
        let identity = control::node("identity").unwrap();
        control::power_off(identity).unwrap();
        control::power_on(identity).unwrap();
        assert_eq!(verify(&before).await.unwrap(), "ada");
        let after = sign_in().await.unwrap();
        assert_ne!(before.token, after.token);
        rt::time::sleep(std::time::Duration::from_secs(3600)).await;
        assert!(matches!(verify(&after).await, Err(Error::Refused(_))));
    });
    let records = star.sim.records();
    let events = records.iter().filter_map(|record| rt::decode::<Event>(record.kind, &record.bytes));
    assert_eq!(events.filter(|event| matches!(event, Ok(Event::SignedIn { .. }))).count(), 2);
}

#[test]
fn who_cannot_reach_sign_in_learns_why() {
    let mut star = company(2);
    star.tell(CONSOLE, async {
        let session = sign_in().await.unwrap();
        let identity = control::node("identity").unwrap();
        plug(identity, false);
        let lost = verify(&session).await;
        assert!(matches!(lost, Err(Error::Connect(_))), "{lost:?}");

        let resolver =
            Resolver::with_config(stub::Config { timeout_ms: 100, ..stub::Config::new(vec![at(9, 53)]) });
        let service = Endpoint::new("sign-in.corp.example", 7300);
        let nameless = client::verify(&resolver, &service, &session.token).await;
        assert!(matches!(nameless, Err(Error::Dns(_))), "{nameless:?}");
    });
}

/// Sign-in, push service and phone, and each of them cut off in turn.
#[test]
fn a_push_needs_every_network_on_its_way() {
    const PUSH: u8 = 3;
    const PHONE: u8 = 4;
    let mut star = Star::new(3, &["console", "identity", "push", "phone"]);
    star.program(IDENTITY, || {
        rt::task::spawn("identity", async {
            let push = Push { via: at(PUSH, 7500), phone: at(PHONE, 7501) };
            let accounts = config().accounts.into_iter();
            let accounts = accounts.map(|ada| Account { push: Some(push), ..ada }).collect();
            server::run(server::Config { accounts, ..config() }).await.unwrap();
        });
    });
    star.program(PUSH, || drop(rt::task::spawn("push", push::relay(at(PUSH, 7500)))));
    star.program(PHONE, || drop(rt::task::spawn("phone", push::phone(at(PHONE, 7501)))));
    star.tell(CONSOLE, async {
        assert!(sign_in().await.is_ok());
        for silent in ["push", "phone"] {
            let silent = control::node(silent).unwrap();
            plug(silent, false);
            assert!(matches!(sign_in().await, Err(Error::Denied(Denial::Push))));
            plug(silent, true);
            assert!(sign_in().await.is_ok());
        }
        let wrong = Credentials { account: "ada".into(), password: "loom".into(), code: String::new() };
        let at = Endpoint::new("10.0.0.2", 7300);
        let denied = client::sign_in(&Resolver::new(Vec::new()), &at, wrong).await;
        assert!(matches!(denied, Err(Error::Denied(Denial::Credentials))), "nobody is asked");
    });
}

/// A code generator needs no network, but a clock that is right to a minute.
#[test]
fn a_skewed_clock_makes_codes_wrong() {
    let mut star = company(4);
    star.tell(CONSOLE, async {
        let console = control::node("console").unwrap();
        for (ahead_s, right) in [(0, true), (25, true), (-25, true), (300, false), (-300, false)] {
            control::set_clock_offset(console, ahead_s * 1_000_000_000).unwrap();
            let denied = sign_in().await;
            assert_eq!(denied.is_ok(), right, "{ahead_s} s: {denied:?}");
            assert!(right || matches!(denied, Err(Error::Denied(Denial::Code))));
        }
    });
}
