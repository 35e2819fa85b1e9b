//! Every primitive, once: what it does is seen from somewhere, and is gone when the fault is over.
//!
//! In a world in which nothing else goes wrong, somebody looks before, during and after the fault (+5m to +15m). What people do
//! wrong is seen in a night in which they recover: with the fault all night, and with the fault over before they begin.

use blackstart_badge::reader;
use blackstart_fault::{Event, Fault, Kind, PRIMITIVES, executed};
use blackstart_rt as rt;
use blackstart_scenario::{Run, Scenario, build};
use blackstart_sim::{Driver, Time, control};
use blackstart_tests::folder;
use blackstart_tests::night::{load, play, three_services};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Somebody looks at something.
#[derive(Clone, Copy)]
enum Look {
    /// What a signal says.
    Signal(&'static str),
    /// What comes of 200 datagrams of 600 bytes in 20 s, from one machine to another.
    Datagrams(&'static str, &'static str),
    /// Whether a connection of a name server lasts 20 s.
    Connection(&'static str, &'static str),
    /// What a program can do with its disk.
    Disk(&'static str),
    /// What is left of files when the power goes in the middle of writing.
    Torn(&'static str),
    /// Whether a file is as it was written at +1m.
    Kept(&'static str),
    /// How far a clock is off, in seconds.
    Clock(&'static str),
    /// What a clock gains in a minute, in milliseconds.
    Gain(&'static str),
    /// How dear a router's route to an address is.
    Metric(&'static str, &'static str),
    /// What the reader of the router room says to a badge.
    Badge(&'static str),
    /// A signal, four minutes after a machine was switched off and on.
    Booted(&'static str, &'static str),
}

const SHOP: Look = Look::Signal("http.shop@probe1");
const PACKETS: Look = Look::Datagrams("probe1", "web1");
const BORDER: &str = "isp-r1 - dc-r2";

/// A fault, what somebody sees while it lasts, and from where. Before and after they see something else.
const SEEN: &[(&str, &str, &str, Look, &str)] = &[
    ("link-down", BORDER, "", PACKETS, "nothing"),
    ("link-one-way", BORDER, "", PACKETS, "nothing"),
    ("link-flap", BORDER, "period-s = 4, down-s = 2", PACKETS, "half of them"),
    ("link-loss", BORDER, "share = 0.5", PACKETS, "half of them"),
    ("link-bursts", BORDER, "share = 0.5, burst-packets = 5", PACKETS, "half of them"),
    ("link-delay", BORDER, "delay-ms = 300", PACKETS, "late"),
    ("link-reordering", BORDER, "jitter-ms = 500", PACKETS, "late, out of order"),
    ("link-duplication", BORDER, "share = 0.5", PACKETS, "some twice"),
    ("link-corruption", BORDER, "share = 0.5", PACKETS, "half of them"),
    ("link-narrow", BORDER, "kbit-per-s = 40", PACKETS, "late"),
    ("link-mtu", BORDER, "", PACKETS, "nothing"),
    ("pause", "web1", "", SHOP, "connect-timeout"),
    ("slow-cpu", "web1", "step-us = 5000000", SHOP, "timeout"),
    ("power-off", "web1", "", SHOP, "unreachable"),
    ("kill-service", "web-shop", "", SHOP, "connect-refused"),
    ("crash-loop", "names", "every-s = 5", Look::Connection("probe1", "ns1"), "closed"),
    ("disk-errors", "web1", "", Look::Disk("web1"), "EIO"),
    ("disk-full", "web1", "", Look::Disk("web1"), "full"),
    ("torn-writes", "web1", "", Look::Torn("web1"), "parts"),
    ("bit-rot", "web1", "", Look::Kept("web1"), "spoilt"),
    ("clock-offset", "web1", "", Look::Clock("web1"), "3600"),
    ("clock-drift", "web1", "ppm = 1000", Look::Gain("web1"), "60"),
    ("black-hole", "isp-r1 - 203.0.113.0/24", "", PACKETS, "nothing"),
    ("announce", "isp-r1 - 203.0.113.0/24", "", PACKETS, "nothing"),
    ("withdraw", "dc-r2 - 203.0.113.0/24", "", PACKETS, "nothing"),
    ("wrong-as", "dc-r2 - isp-r1", "", PACKETS, "nothing"),
    ("link-cost", "hq-r1 - dc-r1", "", Look::Metric("hq-r1", "203.0.113.10"), "65535"),
    ("name-gone", "names - www.shop.example", "", Look::Signal("dns.shop@probe1"), "NXDOMAIN"),
    ("name-wrong", "names - www.shop.example", "", SHOP, "unreachable"),
    ("port-shut", "dc-r2 - isp-r1", "", PACKETS, "nothing"),
    ("wrong-command", "dc-r2 - isp-r1", "", PACKETS, "nothing"),
    ("saved-shut", "dc-r2 - isp-r1", "", Look::Booted("dc-r2", "http.shop@probe1"), "SERVFAIL"),
    ("badge-revoked", "access-server - B-1", "", Look::Badge("B-1"), "denied"),
    ("service-slow", "web-shop", "delay-ms = 11000", SHOP, "timeout"),
    ("service-errors", "web-shop", "share = 1", SHOP, "500"),
    ("service-denies", "web-shop", "", SHOP, "429"),
    ("service-lies", "names", "", SHOP, "unreachable"),
    ("service-silent", "web-shop", "", SHOP, "timeout"),
];

/// What comes of a night in which people recover, with the fault all night. `beside` is what else is broken.
const NIGHTS: &[(&str, &str, &str, &str, &str)] = &[
    ("stale-secret", "break-glass", "", "", "blocked"),
    ("account-gone", "sign-in - automation", "", "", "nothing to repair"),
    ("person-away", "Ben", "", "", "blocked"),
    ("person-slow", "Ada", "factor = 1.3", "", "repaired"),
    ("person-skips", "Ada", "", "", "blocked"),
    ("person-misreads", "Ada", "", WEB_DARK, "believed repaired"),
    ("person-wrong-host", "Ada", "", "", "blocked"),
    ("item-lost", "code-generator", "", "", "blocked"),
    ("service-stale", "probe", "", "", "nothing to repair"),
];

/// The shop's own machine is dark, which no step repairs.
const WEB_DARK: &str = "[[fault]]\nkind = 'power-off'\non = 'web1'\nat = '+20m'\n";

/// Tried in a test of its own.
const LOAD: &str = "load";

#[test]
fn every_primitive_is_seen() {
    let tried = SEEN.iter().map(|row| row.0).chain(NIGHTS.iter().map(|row| row.0));
    let tried: BTreeSet<&str> = tried.chain([LOAD]).collect();
    let all: BTreeSet<&str> = PRIMITIVES.iter().map(|primitive| primitive.name).collect();
    assert_eq!(tried, all);
}

/// The world of three services in which nothing goes wrong by itself, with these faults.
fn sound(faults: &str) -> Scenario {
    let copy = folder::copy(&three_services());
    let services = folder::read(&copy, "services.toml").replace("buggy = true", "buggy = false");
    folder::write(&copy, "services.toml", &services);
    folder::write(&copy, "faults.toml", faults);
    load(copy.path(), None)
}

fn order(kind: &str, on: &str, with: &str) -> String {
    format!("[[fault]]\nkind = '{kind}'\non = '{on}'\nwith = {{ {with} }}\nat = '+5m'\nuntil = '+15m'\n")
}

#[test]
fn what_a_fault_does_is_seen_and_is_gone_afterwards() {
    let mut wrong = Vec::new();
    for &(kind, on, with, look, expected) in SEEN {
        let seen = seen(&sound(&order(kind, on, with)), look);
        let [before, during, after] = &seen;
        let lasting = kind == "bit-rot";
        if during != expected || before == expected || (after != before) != lasting {
            wrong.push(format!("{kind}: expected {expected}, saw {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What somebody sees before, during and after.
fn seen(scenario: &Scenario, look: Look) -> [String; 3] {
    let mut run = build(scenario, 1, Driver::Native, None).expect("a run");
    run.sim.run_until(Time::from_secs(60));
    if let Look::Kept(machine) = look {
        on(&mut run, machine, async { write_synced("kept", &[7; 4096]).await.expect("a sound disk") });
    }
    [150, 700, 1700].map(|at| {
        run.sim.run_until(Time::from_secs(at));
        look.at(&mut run)
    })
}

/// Lets a program run on a machine until it ends, for four minutes at most.
fn on<T: Clone + Default + 'static>(
    run: &mut Run,
    machine: &str,
    work: impl Future<Output = T> + 'static,
) -> T {
    let result = Rc::new(RefCell::new(T::default()));
    let node = run.world.wiring.machines[machine].node;
    let into = result.clone();
    let _task = control::spawn_on(node, "looking", async move {
        let done = work.await;
        *into.borrow_mut() = done;
    });
    let until = run.sim.now() + Duration::from_secs(60);
    run.sim.run_until(until);
    result.borrow().clone()
}

async fn write_synced(file: &str, bytes: &[u8]) -> std::io::Result<()> {
    rt::disk::write(file, bytes).await?;
    rt::disk::fsync(file).await
}

impl Look {
    fn at(self, run: &mut Run) -> String {
        let address = |run: &Run, machine: &str| run.world.wiring.machines[machine].address;
        match self {
            Look::Signal(signal) => signal_now(run, signal),
            Look::Datagrams(from, to) => {
                let at = SocketAddr::new(address(run, to), 9);
                let heard = Rc::new(RefCell::new(Vec::new()));
                let node = run.world.wiring.machines[to].node;
                let into = heard.clone();
                let listening = control::spawn_on(node, "listening", listen(at, into));
                on(run, from, send(at));
                listening.abort();
                let heard = heard.borrow();
                what_came(&heard)
            }
            Look::Connection(from, to) => {
                let at = SocketAddr::new(address(run, to), 53);
                on(run, from, lasting(at))
            }
            Look::Disk(machine) => on(run, machine, use_disk()),
            Look::Torn(machine) => torn(run, machine),
            Look::Kept(machine) => on(run, machine, async {
                let kept = rt::disk::list().await.expect("a sound disk");
                let mut sound = true;
                for file in kept {
                    sound &= rt::disk::read(&file).await.expect("a sound disk").iter().all(|byte| *byte == 7);
                }
                if sound { "sound" } else { "spoilt" }.to_owned()
            }),
            Look::Clock(machine) => format!("{}", ahead_ms(run, machine) / 1000),
            Look::Gain(machine) => {
                let before = ahead_ms(run, machine);
                let until = run.sim.now() + Duration::from_secs(60);
                run.sim.run_until(until);
                format!("{}", ahead_ms(run, machine) - before)
            }
            Look::Metric(router, to) => {
                let found = control::lookup_route(
                    run.world.wiring.machines[router].node,
                    to.parse().expect("an address"),
                );
                found.map_or_else(|| "no route".to_owned(), |found| found.metric.to_string())
            }
            Look::Badge(badge) => {
                let at = SocketAddr::new(address(run, "doors1"), 7300);
                on(run, "reader1", async move {
                    match reader::tap(at, "router-room", badge).await {
                        Ok(blackstart_badge::Verdict::Opened) => "opened".to_owned(),
                        Ok(blackstart_badge::Verdict::Denied(_)) => "denied".to_owned(),
                        other => format!("{other:?}"),
                    }
                })
            }
            Look::Booted(machine, signal) => {
                let node = run.world.wiring.machines[machine].node;
                control::power_off(node).expect("a known machine");
                control::power_on(node).expect("a known machine");
                let until = run.sim.now() + Duration::from_secs(130);
                run.sim.run_until(until);
                signal_now(run, signal)
            }
        }
    }
}

fn signal_now(run: &Run, signal: &str) -> String {
    run.world.with_state(|state| state.history.now(signal).map(ToString::to_string)).unwrap_or_default()
}

/// How far a machine's clock is ahead of the world's.
fn ahead_ms(run: &Run, machine: &str) -> i64 {
    let shown = |machine: &str| control::unix_now(run.world.wiring.machines[machine].node).as_millis() as i64;
    shown(machine) - shown("isp-r1")
}

/// Hears datagrams: which, and how long after they were sent.
async fn listen(at: SocketAddr, heard: Rc<RefCell<Vec<(u32, Duration)>>>) {
    let socket = rt::net::UdpSocket::bind(at).await.expect("a free port");
    let mut buffer = [0; 1000];
    loop {
        let Ok((_, _)) = socket.recv_from(&mut buffer).await else { continue };
        let word = |at: usize| u64::from_be_bytes(buffer[at..at + 8].try_into().expect("eight bytes"));
        let late = Time::now().as_nanos().saturating_sub(word(8));
        heard.borrow_mut().push((word(0) as u32, Duration::from_nanos(late)));
    }
}

async fn send(to: SocketAddr) {
    let socket = rt::net::UdpSocket::bind("0.0.0.0:0").await.expect("a free port");
    for number in 0..200_u64 {
        let mut bytes = vec![0; 600];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..16].copy_from_slice(&Time::now().as_nanos().to_be_bytes());
        let _ = socket.send_to(&bytes, to).await;
        rt::time::sleep(Duration::from_millis(100)).await;
    }
}

fn what_came(heard: &[(u32, Duration)]) -> String {
    let different: BTreeSet<u32> = heard.iter().map(|(number, _)| *number).collect();
    let mut late: Vec<Duration> = heard.iter().map(|(_, late)| *late).collect();
    late.sort_unstable();
    let in_order = heard.is_sorted_by_key(|(number, _)| *number);
    let late = late.get(late.len() / 2).is_some_and(|median| *median > Duration::from_millis(100));
    let words = [
        (heard.is_empty(), "nothing"),
        ((60..140).contains(&different.len()), "half of them"),
        (heard.len() > different.len(), "some twice"),
        (late, "late"),
        (!in_order, "out of order"),
    ];
    words.iter().filter(|(so, _)| *so).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

async fn lasting(to: SocketAddr) -> String {
    let Ok(mut stream) = rt::net::TcpStream::connect(to).await else { return "refused".to_owned() };
    let mut byte = [0];
    let closed = tokio::io::AsyncReadExt::read(&mut stream, &mut byte);
    match rt::time::timeout(Duration::from_secs(8), closed).await {
        Ok(_) => "closed".to_owned(),
        Err(_) => "stays".to_owned(),
    }
}

async fn use_disk() -> String {
    match write_synced("probe", &[0; 100]).await {
        Ok(()) => "fine".to_owned(),
        Err(error) if error.raw_os_error() == Some(5) => "EIO".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => "full".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Writes many files without syncing, loses power, and looks.
fn torn(run: &mut Run, machine: &str) -> String {
    on(run, machine, async {
        for file in 0..20 {
            rt::disk::write(&format!("torn{file}"), &[0; 3000]).await.expect("a sound disk");
        }
    });
    let node = run.world.wiring.machines[machine].node;
    control::power_off(node).expect("a known machine");
    control::power_on(node).expect("a known machine");
    on(run, machine, async {
        let mut parts = false;
        for file in rt::disk::list().await.expect("a sound disk") {
            let length = rt::disk::read(&file).await.expect("a sound disk").len();
            parts |= file.starts_with("torn") && length > 0 && length < 3000;
            rt::disk::remove(&file).await.expect("a sound disk");
        }
        if parts { "parts" } else { "all or nothing" }.to_owned()
    })
}

// ---- nights ----

/// What comes of a night: whether there was anything to repair, whether it was, and when.
fn came_of(faults: &str) -> (&'static str, String) {
    let copy = folder::copy(&three_services());
    folder::write(&copy, "faults.toml", faults);
    let scenario = load(copy.path(), None);
    let night = play(&scenario, scenario.seed);
    let steps = &night.runbook().steps;
    let blocked = steps.iter().any(|step| step.verdict == "blocked");
    let told: Vec<String> =
        steps.iter().map(|step| format!("{} {} {:?}", step.id, step.verdict, step.ended)).collect();
    let shop: Vec<String> = night
        .history
        .of("http.shop@probe1")
        .iter()
        .map(|(time, value)| format!("{time:?} {value}"))
        .collect();
    let down = shop.iter().any(|value| !value.ends_with(" 200"));
    let word = match () {
        () if !down => "nothing to repair",
        () if blocked => "blocked",
        () if shop.last().is_some_and(|value| value.ends_with(" 200")) => "repaired",
        () => "believed repaired",
    };
    (word, format!("{} | {}", told.join(", "), shop.join(", ")))
}

#[test]
fn what_people_do_wrong_shows_in_the_night_and_only_while_it_lasts() {
    let mut wrong = Vec::new();
    for &(kind, on, with, beside, expected) in NIGHTS {
        let fault = |lasts: &str| {
            let what = format!("kind = '{kind}'\non = '{on}'\nwith = {{ {with} }}");
            format!("[[fault]]\n{what}\nat = '+30s'\nlasts = '{lasts}'\n{beside}")
        };
        let (_, usual) = came_of(beside);
        let (word, night) = came_of(&fault("2h"));
        if word != expected || night == usual {
            wrong.push(format!("{kind} all night: expected {expected}, came {word}: {night}"));
        }
        let (_, over) = came_of(&fault("4m"));
        if over != usual {
            wrong.push(format!("{kind} over before it: {over}\n   usual: {usual}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A machine that is slow enough bears its users, and not those who ask far too often as well.
#[test]
fn too_many_requests_are_felt_on_a_slow_machine() {
    let slow = "[[fault]]\nkind = 'slow-cpu'\non = 'web1'\nwith = { step-us = 50000 }\nat = '+0s'\n";
    let load = order("load", "users1 - web-shop", "per-s = 50");
    let [before, during, after] = seen(&sound(&format!("{slow}{load}")), SHOP);
    assert_eq!([before.as_str(), after.as_str()], ["200", "200"]);
    assert_ne!(during, "200");
}

// ---- several at once ----

/// Faults on one link overlap in every way: each ends its own part, and the last leaves the link as it was.
#[test]
fn overlapping_faults_compose_and_the_last_end_leaves_all_as_it_was() {
    let cut = |at: &str, until: &str| {
        format!("[[fault]]\nkind = 'partition'\non = '{BORDER}'\nat = '{at}'\nuntil = '{until}'\n")
    };
    let loss = |at: &str, until: &str| {
        format!(
            "[[fault]]\nkind = 'lossy-link'\non = '{BORDER}'\nwith = {{ share = 0.5 }}\nat = '{at}'\nuntil = '{until}'\n"
        )
    };
    let faults = [cut("+5m", "+10m"), cut("+8m", "+12m"), loss("+4m", "+20m"), loss("+6m", "+15m")].concat();
    let scenario = sound(&faults);
    let mut run = build(&scenario, 1, Driver::Native, None).expect("a run");
    let isp = run.world.wiring.machines["isp-r1"].node;
    let (link, way) = control::way_from(isp, "dc-r2").expect("a link");
    let spec = control::link_way(link, way);
    let mut now = |minute: u64| {
        run.sim.run_until(Time::from_secs(minute * 60 + 30));
        (control::has_carrier(link), control::link_way(link, way))
    };
    let loses = |share| {
        spec.map(|spec| blackstart_sim::WaySpec { loss: blackstart_sim::Loss::Independent(share), ..spec })
    };
    let expected = [
        (3, true, spec),
        (4, true, loses(0.5)),
        (7, false, loses(0.75)),
        (11, false, loses(0.75)),
        (13, true, loses(0.75)),
        (16, true, loses(0.5)),
        (21, true, spec),
    ];
    for (minute, carrier, way) in expected {
        assert_eq!(now(minute), (carrier, way), "minute {minute}");
    }
}

/// A machine that was to be dark twice boots when both are over, and what else lies on it is still there then.
#[test]
fn what_lies_on_a_machine_is_still_there_after_a_boot() {
    let fault = |kind: &str, on: &str, at: &str, until: &str| {
        format!("[[fault]]\nkind = '{kind}'\non = '{on}'\nat = '{at}'\nuntil = '{until}'\n")
    };
    let faults = [
        fault("host-power-off", "web1", "+5m", "+8m"),
        fault("host-power-off", "web1", "+6m", "+10m"),
        fault("kill", "web-shop", "+7m", "+20m"),
    ];
    let mut run = build(&sound(&faults.concat()), 1, Driver::Native, None).expect("a run");
    let web = run.world.wiring.machines["web1"].node;
    for (minute, powered, running) in
        [(4, true, true), (9, false, false), (11, true, false), (21, true, true)]
    {
        run.sim.run_until(Time::from_secs(minute * 60));
        assert_eq!(
            (control::is_powered(web), control::is_running(web, "web-shop")),
            (powered, running),
            "{minute}"
        );
    }
}

// ---- when ----

/// A fault waits for its signal, and the records tell what was done: injected by the clock it is the same night.
#[test]
fn a_fault_begins_with_its_signal_and_what_was_executed_reads_back() {
    let signal = "[[fault]]\nkind = 'kill'\non = 'sign-in'\nwhen = 'http.shop@probe1 is failing'\nafter = '2m'\nlasts = '5m'\n";
    let scenario = sound(&format!("{}{signal}", order("host-power-off", "web1", "")));
    let night = |scenario: &Scenario| {
        let mut run = build(scenario, 1, Driver::Native, None).expect("a run");
        run.sim.run_until(Time::from_secs(1800));
        (executed(&run.sim.records()), run.sim.log_hash())
    };
    let (faults, hash) = night(&scenario);
    let kinds: Vec<&Kind> = faults.iter().map(|fault| &fault.kind).collect();
    assert_eq!(
        kinds,
        [&Kind::PowerOff { machine: "web1".into() }, &Kind::KillService { service: "sign-in".into() }]
    );
    let begins = faults[1].begins_at().expect("a time");
    assert!(begins > Duration::from_secs(420) && begins < Duration::from_secs(500), "{begins:?}");
    assert_eq!(faults[1].lasts, Some(Duration::from_secs(300)));
    let mut again = scenario.clone();
    again.faults.clone_from(&faults);
    assert_eq!(night(&again), (faults, hash));
}

/// During the recovery: with the first step of the runbook, or with the one that is named.
#[test]
fn a_second_outage_strikes_during_the_recovery() {
    let copy = folder::copy(&three_services());
    let faults = "[[fault]]\nkind = 'second-outage'\non = 'isp-r1'\nlasts = '1m'\n\
                  [[fault]]\nkind = 'host-power-off'\non = 'web1'\nwhen = 'step.restore@runbook is begun'\nlasts = '1m'\n";
    folder::write(&copy, "faults.toml", faults);
    let scenario = load(copy.path(), None);
    let night = play(&scenario, scenario.seed);
    let began: Vec<Time> = night
        .events::<Event>()
        .filter_map(|(time, event)| matches!(event, Event::Began { .. }).then_some(time))
        .collect();
    let step = |name: &str| {
        let begun = |event: &blackstart_world::Event| matches!(event, blackstart_world::Event::StepStarted { step } if step == name);
        night.events::<blackstart_world::Event>().find(|(_, event)| begun(event)).map(|(time, _)| time)
    };
    assert_eq!(began.iter().copied().map(Some).collect::<Vec<_>>(), [step("go"), step("restore")]);
}

/// A fault that nothing can do is recorded as such, and the rest of the schedule goes on.
#[test]
fn what_cannot_be_done_is_recorded() {
    let mut scenario = sound("");
    let fault = |kind| Fault::at(Duration::from_secs(60), Some(Duration::from_secs(60)), kind);
    scenario.faults = vec![
        fault(Kind::PowerOff { machine: "nobody".into() }),
        fault(Kind::PowerOff { machine: "web1".into() }),
    ];
    let mut run = build(&scenario, 1, Driver::Native, None).expect("a run");
    run.sim.run_until(Time::from_secs(300));
    let records = run.sim.records();
    let missed = records.iter().filter_map(|record| rt::decode::<Event>(record.kind, &record.bytes)?.ok());
    let missed: Vec<Event> = missed.filter(|event| matches!(event, Event::Missed { .. })).collect();
    assert_eq!(missed, [Event::Missed { fault: 0, why: "there is no machine nobody".into() }]);
    assert_eq!(executed(&records), scenario.faults[1..]);
}

/// Whatever may be broken in this world can be broken in it.
#[test]
fn everything_breakable_is_sound() {
    let mut scenario = sound("");
    let targets = scenario.targets();
    let all = targets.breakable();
    let sorts: BTreeSet<&str> = all.iter().map(|kind| kind.primitive().name).collect();
    assert_eq!(sorts.len(), PRIMITIVES.len(), "every primitive can be done to something");
    for kind in &all {
        assert_eq!(kind.check(&targets), Ok(()), "{kind}");
    }
    let step = Duration::from_secs(1);
    let faults = (1..).zip(all).map(|(at, kind)| Fault::at(step * at, Some(step / 2), kind));
    scenario.faults = faults.collect();
    let mut run = build(&scenario, 1, Driver::Native, None).expect("a run");
    run.sim.run_until(Time::from_secs(1800));
    let events = run.sim.records();
    let events = events.iter().filter_map(|record| rt::decode::<Event>(record.kind, &record.bytes)?.ok());
    let missed: Vec<Event> = events.filter(|event| matches!(event, Event::Missed { .. })).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
