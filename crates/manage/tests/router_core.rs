//! What a router does with commands, without any network: conversations as tables of lines and answers.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::net::IpAddr;
use std::time::Duration;

use blackstart_manage::configuration::{Settings, Which};
use blackstart_manage::event::{Cause, Door, Event, Refusal};
use blackstart_manage::router::command::Command;
use blackstart_manage::router::core::{
    Answer, Core, Effect, Port, Session, View, parse_settings, setting_lines,
};
use proptest::prelude::*;

fn ports(states: &[(&str, bool)]) -> Vec<Port> {
    let port = |(name, admin_up): &(&str, bool)| Port {
        name: (*name).to_owned(),
        neighbour: (*name).to_owned(),
        admin_up: *admin_up,
        carrier: *admin_up,
    };
    states.iter().map(port).collect()
}

/// A router with its ports: effects on ports are carried out, so that a conversation sees what it did.
struct Bench {
    core: Core,
    ports: Vec<Port>,
    now_s: u64,
    events: Vec<Event>,
    persisted: Option<Settings>,
    /// What the routing was told, in order.
    routing: Vec<(String, bool)>,
}

impl Bench {
    fn new() -> Self {
        let ports = ports(&[("bb2", true), ("bb3", true)]);
        let core = Core::boot(&ports, &Settings::new());
        Self { core, ports, now_s: 100, events: Vec::new(), persisted: None, routing: Vec::new() }
    }

    fn with_view<T>(&mut self, with: impl FnOnce(&mut Core, &View<'_>) -> T) -> T {
        let route = |address: IpAddr| address.is_loopback().then(|| "via 127.0.0.0/8".to_owned());
        let view = View { now: Duration::from_secs(self.now_s), ports: &self.ports, route: &route };
        with(&mut self.core, &view)
    }

    fn say(&mut self, session: &mut Session, line: &str) -> String {
        let answer = match Command::parse(line) {
            Ok(command) => self.with_view(|core, view| core.execute(session, command, view)),
            Err(refusal) => Answer::refusal(refusal),
        };
        self.carry_out(&answer.effects);
        answer.text()
    }

    fn tick(&mut self, now_s: u64) {
        self.now_s = now_s;
        while let Some(effects) = self.with_view(Core::make_due) {
            self.carry_out(&effects);
        }
    }

    fn carry_out(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::SetPort { name, up } => {
                    let port = self.ports.iter_mut().find(|port| port.name == *name).unwrap();
                    (port.admin_up, port.carrier) = (*up, *up);
                }
                Effect::Record(event) => self.events.push(event.clone()),
                Effect::Originate { prefix, on } => self.routing.push((prefix.clone(), *on)),
                Effect::Persist(settings) => self.persisted = Some(settings.clone()),
                Effect::Reschedule | Effect::Close => {}
            }
        }
    }

    fn up(&self) -> Vec<&str> {
        self.ports.iter().filter(|port| port.admin_up).map(|port| port.name.as_str()).collect()
    }
}

fn session(door: Door, account: &str) -> Session {
    let mut session = Session::new(door);
    session.log_in(account);
    session
}

#[test]
fn nothing_without_a_login() {
    let mut bench = Bench::new();
    let mut stranger = Session::new(Door::Console);
    for line in ["show ports", "show config running", "stage set port bb2 down", "commit", "save", "lock"] {
        assert_eq!(bench.say(&mut stranger, line), "error not-logged-in\n", "{line}");
    }
    assert_eq!(bench.say(&mut stranger, "quit"), "ok\n");
    assert_eq!(bench.say(&mut stranger, "enable"), "error unknown-command\n");
}

#[test]
fn a_conversation_as_in_the_night() {
    let mut bench = Bench::new();
    let mut robot = session(Door::InBand, "capacity");
    let mut ann = session(Door::Console, "break-glass");
    let talk = [(
        &mut robot,
        vec![
            (
                "show ports",
                "port bb2 admin up carrier up neighbour bb2\nport bb3 admin up carrier up neighbour bb3\nok\n",
            ),
            ("commit", "error nothing-staged\n"),
            ("stage set port bb9 down", "error unknown-port\n"),
            ("stage set port bb2 down", "ok\n"),
            ("stage set port bb3 down", "ok\n"),
            ("show config staged", "set port.bb2 down\nset port.bb3 down\nok\n"),
            ("commit at 99", "error past\n"),
            ("commit at 110", "ok\n"),
            ("show config staged", "ok\n"),
            ("lock", "error wrong-door\n"),
        ],
    )];
    for (who, lines) in talk {
        for (line, expected) in lines {
            assert_eq!(bench.say(who, line), expected, "{line}");
        }
    }
    bench.tick(109);
    assert_eq!(bench.up(), ["bb2", "bb3"]);
    bench.tick(110);
    assert_eq!(bench.up(), Vec::<&str>::new());

    let night = [
        ("diff last-good", "change port.bb2 up down\nchange port.bb3 up down\nok\n"),
        ("lock as ann", "ok\n"),
        ("stage set port bb2 up", "ok\n"),
        ("commit as ann", "ok\n"),
        ("diff last-good", "change port.bb3 up down\nok\n"),
        ("rollback last-good as ann", "ok\n"),
        ("diff last-good", "ok\n"),
        (
            "show log",
            "commit 110 capacity down 2 up 0\ncommit 120 break-glass/ann down 0 up 1\ncommit 120 break-glass/ann down 0 up 1\nok\n",
        ),
        ("show reach 127.0.0.1", "reach 127.0.0.1 yes via 127.0.0.0/8\nok\n"),
        ("show reach 10.0.0.1", "reach 10.0.0.1 no\nok\n"),
    ];
    bench.now_s = 120;
    for (line, expected) in night {
        assert_eq!(bench.say(&mut ann, line), expected, "{line}");
    }
    assert_eq!(bench.up(), ["bb2", "bb3"]);
    let whos: Vec<_> = bench
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Committed { who, cause, ports_down, ports_up } => {
                Some((who.as_str(), *cause, ports_down.len(), ports_up.len()))
            }
            _ => None,
        })
        .collect();
    let expected = [
        ("capacity", Cause::Scheduled, 2, 0),
        ("break-glass/ann", Cause::Commit, 0, 1),
        ("break-glass/ann", Cause::Rollback, 0, 1),
    ];
    assert_eq!(whos, expected);
}

#[test]
fn a_lock_at_the_console_keeps_the_network_out() {
    let mut bench = Bench::new();
    let mut robot = session(Door::InBand, "capacity");
    let mut ann = session(Door::Console, "ann");
    bench.say(&mut robot, "stage set port bb2 down");
    bench.say(&mut robot, "commit at 105");
    bench.say(&mut ann, "lock");
    bench.say(&mut robot, "stage set port bb3 down");
    for line in ["commit", "commit at 200", "rollback saved", "save"] {
        assert_eq!(bench.say(&mut robot, line), "error locked\n", "{line}");
    }
    bench.tick(105);
    assert_eq!(bench.up(), ["bb2", "bb3"], "a change that waits since before the lock is refused too");
    let refused = Event::CommitRefused { who: "capacity".into(), reason: Refusal::Locked };
    assert_eq!(bench.events.iter().filter(|event| **event == refused).count(), 5);

    bench.say(&mut ann, "unlock");
    assert_eq!(bench.say(&mut robot, "commit"), "ok\n");
    assert_eq!(bench.up(), ["bb2"]);
}

#[test]
fn saving_vouches_and_a_boot_applies_what_was_saved() {
    let mut bench = Bench::new();
    let mut ann = session(Door::Console, "ann");
    for line in ["stage set port bb3 down", "stage set motd hello", "commit", "save"] {
        assert_eq!(bench.say(&mut ann, line), "ok\n", "{line}");
    }
    assert_eq!(bench.say(&mut ann, "diff last-good"), "ok\n");
    let saved = bench.persisted.clone().unwrap();
    assert_eq!(parse_settings(&setting_lines(&saved)), Some(saved.clone()));

    let fresh = ports(&[("bb2", true), ("bb3", true), ("bb4", true)]);
    let booted = Core::boot(&fresh, &saved);
    assert_eq!(booted.settle(&fresh), [Effect::SetPort { name: "bb3".into(), up: false }]);
    for which in [Which::Running, Which::LastGood, Which::Saved] {
        assert_eq!(
            setting_lines(booted.configuration().get(which)),
            "set motd hello\nset port.bb2 up\nset port.bb3 down\nset port.bb4 up\n"
        );
    }
}

#[test]
fn there_are_limits() {
    let mut bench = Bench::new();
    let mut ann = session(Door::Console, "ann");
    let mut refused = None;
    for n in 0..2000 {
        let answer = bench.say(&mut ann, &format!("stage set key{n} x"));
        if answer != "ok\n" {
            refused = Some((n, answer));
            break;
        }
    }
    assert_eq!(refused, Some((1022, "error too-many\n".to_owned())));
    assert_eq!(bench.say(&mut ann, "stage set key1 y"), "ok\n");
    assert_eq!(bench.say(&mut ann, "stage clear"), "ok\n");

    let changes = (0..65).map(|n| {
        bench.say(&mut ann, "stage set motd hello");
        bench.say(&mut ann, &format!("commit at {}", 1000 + n))
    });
    assert_eq!(changes.last().as_deref(), Some("error too-many\n"));
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        proptest::collection::vec(any::<u8>(), 0..60)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "(show|diff|stage|commit|rollback|save|lock|unlock)( (set|port|config|running|last-good|saved|bb2|bb3|up|down|at|as|ann|[0-9]{1,20}|18446744073709551615)){0,5}",
    ]
}

proptest! {
    /// Whatever is said, the ports do what the running configuration says, and every answer has an end.
    #[test]
    fn no_conversation_breaks_a_router(said in proptest::collection::vec((any::<bool>(), line(), 0..50_u64), 0..40)) {
        let mut bench = Bench::new();
        let mut sessions = [session(Door::InBand, "robot"), session(Door::Console, "ann")];
        for (console, line, wait_s) in said {
            let answer = bench.say(&mut sessions[usize::from(console)], &line);
            let last = answer.lines().last().unwrap_or_default();
            prop_assert!(last == "ok" || last.starts_with("error "), "{answer:?}");
            bench.tick(bench.now_s + wait_s);
            prop_assert!(bench.core.settle(&bench.ports).is_empty());
        }
    }
}

#[test]
fn what_is_originated_follows_the_configuration() {
    let mut bench = Bench::new();
    let mut ann = session(Door::Console, "break-glass");
    let prefix = "203.0.113.0/24";
    let told = |bench: &mut Bench| std::mem::take(&mut bench.routing);
    for wrong in ["stage set originate.nowhere down", "stage set originate.203.0.113.0/24 maybe"] {
        assert_eq!(bench.say(&mut ann, wrong), "error invalid\n", "{wrong}");
    }
    bench.say(&mut ann, "stage set originate.203.0.113.0/24 down");
    assert_eq!(bench.say(&mut ann, "commit"), "ok\n");
    assert_eq!(told(&mut bench), [(prefix.to_owned(), false)]);
    assert_eq!(bench.say(&mut ann, "rollback last-good"), "ok\n");
    assert_eq!(told(&mut bench), [(prefix.to_owned(), true)], "without the setting it is announced");
    let saved = Settings::from([("originate.203.0.113.0/24".to_owned(), "down".to_owned())]);
    let core = Core::boot(&bench.ports, &saved);
    let effects = core.settle(&bench.ports);
    assert_eq!(effects, [Effect::Originate { prefix: prefix.to_owned(), on: false }], "and so after a boot");
}

/// A change that cuts people off cannot be confirmed by them: the router takes it back by itself.
#[test]
fn a_commit_that_nobody_confirms_is_taken_back() {
    let is_up = |bench: &Bench, name: &str| bench.ports.iter().any(|port| port.name == name && port.admin_up);
    let mut bench = Bench::new();
    let mut ann = Session::new(Door::InBand);
    ann.log_in("ann");
    for (line, answer) in [
        ("confirm", "error nothing-to-confirm\n"),
        ("stage set port bb2 down", "ok\n"),
        ("commit confirm 60", "ok\n"),
        ("stage set port bb3 down", "ok\n"),
        // Confirming counts for both: what comes back is what ran before the first.
        ("commit confirm 90", "ok\n"),
    ] {
        assert_eq!(bench.say(&mut ann, line), answer, "{line}");
    }
    bench.tick(189);
    assert!(!is_up(&bench, "bb2") && !is_up(&bench, "bb3"));
    bench.tick(190);
    assert!(is_up(&bench, "bb2") && is_up(&bench, "bb3"), "{:?}", bench.events.last());
    let last = bench.events.last().unwrap();
    assert!(
        matches!(last, Event::Committed { cause: Cause::Unconfirmed, who, .. } if who == "ann"),
        "{last:?}"
    );

    // Confirmed, or saved, it stands; a lock against the network does not keep the router from taking back.
    for (line, stands) in [("confirm", true), ("save", true), ("show ports", false)] {
        bench.say(&mut ann, "stage set port bb2 down");
        bench.say(&mut ann, "commit confirm 10");
        bench.say(&mut ann, line);
        let mut guard = Session::new(Door::Console);
        guard.log_in("break-glass");
        bench.say(&mut guard, "lock");
        let now_s = bench.now_s + 10;
        bench.tick(now_s);
        assert_eq!(!is_up(&bench, "bb2"), stands, "{line}");
        for line in ["unlock", "stage set port bb2 up", "commit", "save"] {
            bench.say(&mut guard, line);
        }
    }
}
