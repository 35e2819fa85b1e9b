//! Chat in a simulated network: reached by name, lost with the name, found again.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod star;

use std::time::Duration;

use blackstart_chat::client::{self, Client, Error, Incoming};
use blackstart_chat::core::Settings;
use blackstart_chat::event::{Event, Why};
use blackstart_chat::{history, presence, server};
use blackstart_dns::{Name, authority, stub, zone};
use blackstart_rt as rt;
use blackstart_sim::{Time, control, disk};
use star::{Star, at, plug};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// The hosts, numbered as `Star` does.
const HOSTS: [&str; 4] = ["phone", "laptop", "chat", "dns"];
const PHONE: u8 = 1;
const LAPTOP: u8 = 2;
const CHAT: u8 = 3;
const DNS: u8 = 4;

const ZONE: &str = "@ 300 IN SOA dns ops 1 7200 900 1209600 300\n@ 300 IN NS dns\ndns 300 IN A 10.0.0.4\nchat 300 IN A 10.0.0.3\n";

fn company(seed: u64) -> Star {
    let star = Star::new(seed, &HOSTS);
    star.program(CHAT, || spawn("chat", server::run(chat_config())));
    star.program(DNS, || spawn("dns", authority::run(authority::Config::default(), zones())));
    star
}

fn spawn(name: &str, service: impl Future<Output = std::io::Result<()>> + 'static) {
    rt::task::spawn(name, async move { service.await.unwrap() });
}

fn chat_config() -> server::Config {
    server::Config {
        listen: at(CHAT, 6667),
        settings: Settings::default(),
        identity: None,
        resolver: resolver(),
        ping_s: 60,
        connections_max: 100,
    }
}

fn resolver() -> stub::Config {
    stub::Config::new(vec![at(DNS, 53)])
}

fn zones() -> authority::Zones {
    let origin = Name::from_ascii("corp.example.").unwrap();
    [zone::Zone::parse(ZONE, &origin).unwrap()].into_iter().collect()
}

async fn connect(nick: &str) -> Result<Client, Error> {
    let resolver = stub::Resolver::with_config(resolver());
    client::connect(&resolver, "chat.corp.example", 6667, nick, None).await
}

#[test]
fn two_hosts_exchange_a_line() {
    let mut star = company(1);
    star.program(LAPTOP, || {
        rt::task::spawn("laptop", async {
            let mut bob = connect("bob").await.unwrap();
            bob.join("#war").await.unwrap();
            loop {
                if let Incoming::Said { from, text, .. } = bob.recv().await.unwrap() {
                    bob.say("#war", &format!("{from}: {text}, heard")).await.unwrap();
                }
            }
        });
    });
    let heard = star.tell(PHONE, async {
        let mut ada = connect("ada").await.unwrap();
        ada.join("#war").await.unwrap();
        rt::time::sleep(Duration::from_secs(1)).await;
        ada.say("#war", "all down").await.unwrap();
        loop {
            if let Incoming::Said { text, .. } = ada.recv().await.unwrap() {
                return text;
            }
        }
    });
    assert_eq!(heard, "ada: all down, heard");
}

fn presence_config() -> presence::Config {
    presence::Config {
        server: "chat.corp.example".into(),
        port: 6667,
        resolver: resolver(),
        nick: "bob".into(),
        channel: "#war".into(),
        token: None,
        retry_min_s: 1,
        retry_max_s: 60,
        log_every_s: None,
        answers: None,
    }
}

#[test]
fn a_laptop_notices_what_is_gone_and_comes_back() {
    let mut star = company(2);
    star.program(LAPTOP, || drop(rt::task::spawn("presence", presence::run(presence_config()))));
    star.tell(PHONE, async {
        let (chat, dns) = (control::node("chat").unwrap(), control::node("dns").unwrap());
        let wait = |minutes: u64| rt::time::sleep(Duration::from_secs(60 * minutes));
        wait(5).await;
        // The chat server's line goes first: the connection dies of silence, then nothing connects.
        plug(chat, false);
        wait(10).await;
        // Then names go too.
        plug(dns, false);
        wait(10).await;
        plug(chat, true);
        plug(dns, true);
        wait(5).await;
    });
    let records = star.sim.records();
    let events = records.iter().filter_map(|record| rt::decode(record.kind, &record.bytes));
    let told: Vec<_> = events.map(|event| note(&event.unwrap())).collect();
    assert_eq!(told, ["online", "lost", "no connection", "no name", "online"]);
}

fn note(event: &Event) -> &'static str {
    match event {
        Event::Online { .. } => "online",
        Event::Offline { why: Why::Lost(_), .. } => "lost",
        Event::Offline { why: Why::Connect(_), .. } => "no connection",
        Event::Offline { why: Why::Dns(_), .. } => "no name",
        Event::Offline { why: Why::Refused(_), .. } => "refused",
        Event::Offline { why: Why::Certificate(_), .. } => "not believed",
        Event::LoginRefused { .. } => "login refused",
        Event::Acknowledged { .. } => "acknowledged",
    }
}

/// The server is there, and says so; whether it is believed hangs on its certificate and on the laptop's clock.
#[test]
fn a_laptop_comes_in_once_it_believes_the_server_by_its_own_clock() {
    const DAY_S: u64 = 86_400;
    let today = 1_633_305_600;
    for (from, until, ahead_s, told) in [
        (0, DAY_S, 0, "online"),
        (0, DAY_S, 2 * DAY_S, "not believed"),
        (DAY_S, 2 * DAY_S, 0, "not believed"),
        (DAY_S, 2 * DAY_S, DAY_S, "online"),
    ] {
        let mut star = Star::new(9, &HOSTS);
        let shown = format!("certificate {} {}", today + from, today + until);
        star.program(CHAT, move || {
            let settings = Settings { certificate: shown.parse().ok(), ..Settings::default() };
            spawn("chat", server::run(server::Config { settings, ..chat_config() }));
        });
        star.program(DNS, || spawn("dns", authority::run(authority::Config::default(), zones())));
        star.program(LAPTOP, || drop(rt::task::spawn("presence", presence::run(presence_config()))));
        star.tell(PHONE, async move {
            let laptop = control::node("laptop").unwrap();
            control::set_clock_offset(laptop, ahead_s as i64 * 1_000_000_000).unwrap();
            control::power_off(laptop).unwrap();
            control::power_on(laptop).unwrap();
            rt::time::sleep(Duration::from_secs(120)).await;
        });
        let records = star.sim.records();
        let mut events = records.iter().filter_map(|record| rt::decode(record.kind, &record.bytes));
        let last = events.next_back().map(|event| note(&event.unwrap()));
        assert_eq!(last, Some(told), "from {from} until {until}, {ahead_s} s ahead");
    }
}

/// The history on the server's disk, without times.
fn on_disk(star: &Star) -> String {
    let kept = String::from_utf8(control::file(star.node(CHAT), history::FILE).unwrap()).unwrap();
    kept.split_inclusive('\n').map(history::untimed).collect()
}

#[test]
fn an_acknowledged_message_outlives_a_loss_of_power() {
    let mut star = company(4);
    star.tell(PHONE, async {
        let mut ada = connect("ada").await.unwrap();
        ada.join("#war").await.unwrap();
        ada.say_and_wait("#war", "all down").await.unwrap();
        control::power_off(control::node("chat").unwrap()).unwrap();
    });
    assert_eq!(on_disk(&star), history::line("ada", "#war", "all down"));
}

/// The server boots again and shows whoever joins what its disk holds.
#[test]
fn what_was_said_before_is_shown_after_a_loss_of_power() {
    let mut star = Star::new(8, &HOSTS);
    star.program(CHAT, || {
        let settings = Settings { history_shown: 1, ..Settings::default() };
        spawn("chat", server::run(server::Config { settings, ..chat_config() }));
    });
    star.program(DNS, || spawn("dns", authority::run(authority::Config::default(), zones())));
    let shown = star.tell(PHONE, async {
        let mut ada = connect("ada").await.unwrap();
        ada.join("#war").await.unwrap();
        for text in ["all down", "still down"] {
            ada.say_and_wait("#war", text).await.unwrap();
        }
        let chat = control::node("chat").unwrap();
        control::power_off(chat).unwrap();
        control::power_on(chat).unwrap();
        rt::time::sleep(Duration::from_secs(5)).await;
        let mut stream = rt::net::TcpStream::connect(at(CHAT, 6667)).await.unwrap();
        stream
            .write_all(b"CAP REQ :server-time\r\nNICK bob\r\nUSER bob 0 * :bob\r\nJOIN #war\r\n")
            .await
            .unwrap();
        let mut lines = BufReader::new(stream).lines();
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if line.contains("NOTICE") {
                return line;
            }
        }
    });
    let (when, shown) = shown.split_once(' ').unwrap();
    assert!(when.starts_with("@time=2021-10-04T15:39:18."), "{when}");
    assert_eq!(shown, ":chat NOTICE #war :ada: still down");
}

#[test]
fn a_message_that_the_disk_does_not_take_is_refused() {
    let mut star = company(5);
    let said = star.tell(PHONE, async {
        let full = disk::Faults { capacity: Some(0), ..disk::Faults::default() };
        control::set_disk_faults(control::node("chat").unwrap(), full).unwrap();
        let mut ada = connect("ada").await.unwrap();
        ada.join("#war").await.unwrap();
        ada.say_and_wait("#war", "all down").await
    });
    assert!(matches!(said, Err(Error::Refused(_))), "{said:?}");
}

/// A full disk takes a piece of a line; what is said once there is room must not grow out of it.
#[test]
fn a_refused_message_spoils_no_later_one() {
    let mut star = company(7);
    star.tell(PHONE, async {
        let chat = control::node("chat").unwrap();
        let room = |capacity| disk::Faults { capacity, ..disk::Faults::default() };
        let mut ada = connect("ada").await.unwrap();
        ada.join("#war").await.unwrap();
        control::set_disk_faults(chat, room(Some(7))).unwrap();
        assert!(ada.say_and_wait("#war", "all down").await.is_err());
        control::set_disk_faults(chat, room(None)).unwrap();
        ada.say_and_wait("#war", "all up").await.unwrap();
    });
    assert_eq!(on_disk(&star).lines().collect::<Vec<_>>(), ["@163336", "ada #war all up"]);
}

#[test]
fn a_laptop_that_keeps_a_log_records_what_the_server_has() {
    let mut star = company(6);
    star.program(LAPTOP, || {
        let config = presence::Config { log_every_s: Some(60), ..presence_config() };
        rt::task::spawn("presence", presence::run(config));
    });
    star.sim.run_until(Time::from_secs(150));
    let records = star.sim.records();
    let events = records.iter().filter_map(|record| rt::decode(record.kind, &record.bytes));
    let lines = events.filter_map(|event| match event.unwrap() {
        Event::Acknowledged { nick, channel, text } => Some(history::line(&nick, &channel, &text)),
        _ => None,
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(on_disk(&star), lines.concat());
}

#[test]
fn a_silent_client_is_dropped_and_its_nickname_is_free_again() {
    let mut star = company(3);
    let seen = star.tell(PHONE, async {
        let laptop = control::node("laptop").unwrap();
        control::spawn_on(laptop, "bob", async {
            let mut bob = connect("bob").await.unwrap();
            while bob.recv().await.is_ok() {}
        });
        rt::time::sleep(Duration::from_secs(5)).await;
        let taken = connect("bob").await.map(drop);
        control::power_off(laptop).unwrap();
        rt::time::sleep(Duration::from_secs(150)).await;
        (taken, connect("bob").await.map(drop))
    });
    assert!(matches!(seen, (Err(Error::Refused(_)), Ok(()))), "{seen:?}");
}
