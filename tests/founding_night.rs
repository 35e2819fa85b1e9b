//! The outage of 4 October 2021, played from its files: the night itself, and the same night with one thing changed.
//!
//! One test for each run that is worth the time; what a variant says that it changes is what its test asserts.

use blackstart_fault::{self as fault, Fault};
use blackstart_manage::event::{Capacity, Event as Manage};
use blackstart_runbook::step::Runbook;
use blackstart_scenario::{Scenario, build};
use blackstart_sim::net::{Answer, Ping, ping};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{Driver, Time, control};
use blackstart_source::SourceFile;
use blackstart_tests::night::{Night, founding, load, play, play_with};
use blackstart_world::milestone::{self, Kind};
use blackstart_world::power::Event as Power;
use blackstart_world::{Event as People, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Where users are counted.
const USERS: [&str; 2] = ["sends-succeed@nl-users", "sends-succeed@us-users"];
/// The prefix of the first two name servers.
const NAMES_SEEN: &str = "paths.129.134.30.0/24@route-views";
/// Steps of the runbook that end before the team stands at the door.
const BEFORE_THE_DOOR: [&str; 5] = ["notice", "try-the-remote-consoles", "declare", "authorise", "travel"];

#[test]
fn the_night_as_it_was() {
    let scenario = load(&founding(), None);
    let night = play(&scenario, scenario.seed);
    everything_held(&night);
    assert!(night.outcome.hosts >= 120, "only {} hosts", night.outcome.hosts);
    assert!(night.outcome.ases >= 20, "only {} ASes", night.outcome.ases);
    assert!(night.outcome.simulated_s >= 7.0 * 3600.0, "only {} s", night.outcome.simulated_s);
    table_is_covered(&night);
}

fn everything_held(night: &Night) {
    let missed: Vec<_> = night.outcome.milestones.rows.iter().filter(|row| !row.met).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    assert_eq!(night.broken_invariants(), [""; 0]);
    let verdict = night.runbook().verdict;
    assert_eq!(verdict, "completed", "{:#?}", night.runbook().steps);
    assert!(night.outcome.held());
}

/// At least 25 rows of the table of the facts, which has M1 to M30; `M11b` is a second look at row M11.
fn table_is_covered(night: &Night) {
    let rows = &night.outcome.milestones.rows;
    let number = |id: &str| id.strip_prefix('M')?.trim_end_matches(char::is_alphabetic).parse::<u32>().ok();
    let numbers: BTreeSet<u32> = rows.iter().filter_map(|row| number(&row.id)).collect();
    let covered = numbers.range(1..=30).count();
    assert!(covered >= 25, "only {covered} rows: {numbers:?}");
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, BTreeSet::from(["calibrated", "emergent", "input"]));
}

/// Every row of the record is a milestone, or the scenario says why not.
#[test]
fn every_row_of_the_record_is_accounted_for() {
    let scenario = load(&founding(), None);
    let shown: BTreeSet<&str> = scenario.milestones.iter().map(|row| row.id.as_str()).collect();
    let not_shown: BTreeSet<&str> = scenario.not_shown.iter().map(|row| row.id.as_str()).collect();
    for row in 1..=30 {
        let id = format!("M{row}");
        let (is, is_not) = (shown.contains(id.as_str()), not_shown.contains(id.as_str()));
        assert!(is != is_not, "{id}: a milestone: {is}; under `not-shown` in milestones.toml: {is_not}");
    }
    let calibrated = scenario.milestones.iter().filter(|row| row.kind == Kind::Calibrated);
    for row in calibrated {
        assert!(!row.fitted.is_empty(), "{}: nobody says what was fitted", row.id);
    }
}

/// `cargo run --release -- compare scenarios/facebook-2021-10-04 > docs/src/scenarios/facebook.md` writes it again.
#[test]
fn the_page_in_the_manual_is_what_a_run_shows() {
    let page =
        blackstart_campaign::compare(&load(&founding(), None)).unwrap_or_else(|error| panic!("{error}"));
    let current = page == include_str!("../docs/src/scenarios/facebook.md");
    assert!(current, "docs/src/scenarios/facebook.md is not what `blackstart compare` writes now");
}

/// The article that the scenario began with, by its own clock and from Dutch points of view.
#[test]
fn the_article_of_that_evening_agrees() {
    let scenario = load(&founding(), None);
    let night = play(&scenario, scenario.seed);
    let article = &scenario.testimonies[0];
    assert_eq!(article.ahead_of_utc, Duration::from_secs(2 * 3600));
    let judged = milestone::judge(&article.milestones, &night.history);
    let missed: Vec<_> = judged.iter().filter(|row| !row.met).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn without_a_runbook_nothing_comes_back() {
    let scenario = load(&founding(), None);
    let night = play_with(&scenario, scenario.seed, None);
    for users in USERS {
        night.assert_stays(users, night.at("15:45"), |value| *value == Value::Number(0.0));
    }
    // The last path to the names is gone by M10.
    night.assert_stays(NAMES_SEEN, night.at("15:58"), |value| *value == Value::Number(0.0));
    assert!(!night.outcome.held());
}

/// 129.134.0.0/17 stays announced and covers servers a and b: what is sent there is discarded without a word. Nothing covers
/// c and d.
#[test]
fn covered_servers_are_silent_and_the_others_unreachable() {
    let scenario = load(&founding(), None);
    let run = build(&scenario, scenario.seed, Driver::Native, []);
    let mut run = run.unwrap_or_else(|refused| panic!("{refused}"));
    let names = run.world.wiring.names();
    let (&probe, _) = names.iter().find(|(_, name)| *name == "us-probe").expect("a probe");
    let mut answers = |at: Duration| {
        run.sim.run_until(Time::ZERO + at);
        let answers: Rc<RefCell<Vec<_>>> = Rc::default();
        let seen = answers.clone();
        control::spawn_on(probe, "test", async move {
            for server in ["129.134.30.12", "129.134.31.12", "185.89.218.12", "185.89.219.12"] {
                let echo = ping(server.parse().expect("an address"), &Ping::default()).await;
                seen.borrow_mut().push(echo.expect("a route to somewhere").map(|echo| echo.answer));
            }
        });
        run.sim.run_until(Time::ZERO + at + Duration::from_secs(10));
        answers.take()
    };
    assert_eq!(answers(Duration::from_secs(300)), [Some(Answer::Reply); 4], "15:35, before the command");
    let unreachable = Some(Answer::NetUnreachable);
    assert_eq!(answers(Duration::from_secs(3600)), [None, None, unreachable, unreachable], "16:30");
}

#[test]
fn cached_badges_save_what_the_door_cost() {
    let (as_it_was, cached) = (load(&founding(), None), load(&founding(), Some("badges-cached")));
    let seed = as_it_was.seed;
    let (base, variant) = (play(&as_it_was, seed), play(&cached, seed));
    assert_eq!(base.step("enter").verdict, "failed-over");
    assert_eq!(variant.step("enter").verdict, "done", "{:?}", variant.step("enter"));
    assert_eq!(variant.runbook().verdict, "completed");
    nobody_else_is_shifted(&base, &variant);

    let door =
        base.took("enter").checked_sub(variant.took("enter")).expect("the badge is quicker than the guard");
    let saved = end(&base).checked_sub(end(&variant)).expect("the variant finishes earlier");
    let off = saved.abs_diff(door);
    let tolerance = door.mul_f64(0.2).max(Duration::from_secs(600));
    assert!(off <= tolerance, "the door cost {door:?}, the variant saved {saved:?}");
}

/// Draws belong to people and tasks, so who does not stand at the door takes as long as before.
fn nobody_else_is_shifted(base: &Night, variant: &Night) {
    for id in BEFORE_THE_DOOR {
        assert_eq!(base.step(id).ended, variant.step(id).ended, "{id}");
    }
    // Human work and a few round trips. `restore` and `ramp` also wait for machines, which look now and then.
    for id in ["unlock", "confirm"] {
        let off = base.took(id).abs_diff(variant.took(id));
        assert!(off <= Duration::from_secs(1), "{id}: {:?} and {:?}", base.took(id), variant.took(id));
    }
}

/// When the last step ended, from the start.
fn end(night: &Night) -> Duration {
    let last = night.runbook().steps.iter().filter_map(|step| step.ended).max().expect("a step that ended");
    Duration::try_from(last.duration_since(night.outcome.start)).expect("steps end after the start")
}

#[test]
fn an_audit_that_works_makes_a_quiet_evening() {
    let scenario = load(&founding(), Some("audit-works"));
    let night = play(&scenario, scenario.seed);
    let denied = |event: Manage| matches!(event, Manage::CapacityCommand(Capacity::Denied { .. }));
    assert!(night.events::<Manage>().any(|(_, event)| denied(event)), "nobody asked the audit");
    backbone_stays_up(&night);
    // On-call waits for something to be wrong, all evening.
    assert_eq!(night.events::<People>().collect::<Vec<_>>(), []);
    assert_eq!(night.step("notice").started, None);
    // A runbook that nothing called for was not proved.
    assert_eq!(night.runbook().verdict, "inconclusive");
}

/// Users are served, no port is shut, and no path at any collector is lost, from before the hour of the command on.
fn backbone_stays_up(night: &Night) {
    let start = night.at("15:35");
    for users in USERS {
        night.assert_stays(users, start, |value| value.number().is_some_and(|percent| percent >= 95.0));
    }
    let shut = |event: &SimEvent| matches!(event, SimEvent::PortAdmin { up: false, .. });
    let shut: Vec<_> = night.engine_events().filter(|(time, event)| *time >= start && shut(event)).collect();
    assert!(shut.is_empty(), "{shut:?}");
    let paths: Vec<&str> = night.history.signals().filter(|signal| signal.starts_with("paths.")).collect();
    assert!(paths.contains(&NAMES_SEEN), "{paths:?}");
    for signal in paths {
        let since = night.from(signal, start);
        assert_eq!(since.len(), 1, "{signal}: {since:?}");
        assert!(since[0].1.number().is_some_and(|paths| paths > 0.0), "{signal}: {since:?}");
    }
}

/// The trigger is a program that runs on a machine, not a line of a script: without power it gives no command.
#[test]
fn without_the_capacity_controller_the_backbone_stays_up() {
    let mut scenario = load(&founding(), None);
    let kind = fault::Kind::PowerOff { machine: "scl-capacity1".to_owned() };
    scenario.faults.push(Fault::at(Duration::from_secs(60), None, kind));
    let night = play(&scenario, scenario.seed);
    backbone_stays_up(&night);
}

/// One link does not lead the controller to the sign-in service, so the first link holds. With the rest it can sign in
/// again, finds its ports open, and orders them shut before every data centre is back.
#[test]
fn a_controller_that_is_not_cut_off_repeats_its_order() {
    let scenario = load(&founding(), None);
    let careless = Arc::new(runbook_without(&scenario, ", isolate = \"capacity-controller\""));
    let night = play_with(&scenario, scenario.seed, Some(&careless));
    let is_repeated = |event: &Manage| matches!(event, Manage::CapacityCommand(Capacity::Repeated { .. }));
    let repeated = night.events::<Manage>().find(|(_, event)| is_repeated(event));
    let (repeated, _) = repeated.expect("the order repeated");
    let restore = night.step("restore");
    assert!(restore.started.is_some_and(|began| began < night.moment(repeated)), "{restore:?}");
    assert!(restore.ended.is_some_and(|ended| ended > night.moment(repeated)), "{restore:?}");
    assert_eq!(restore.verdict, "blocked", "{restore:?}");
    assert_eq!(night.runbook().verdict, "deadlocked", "no order of events would have helped");
    for users in USERS {
        night.assert_stays(users, night.at("15:45"), |value| *value == Value::Number(0.0));
    }
}

/// The scenario's runbook without some of its words.
fn runbook_without(scenario: &Scenario, words: &str) -> Runbook {
    let name = scenario.default_runbook.as_ref().expect("a runbook of its own");
    let text = scenario.runbooks[name].file.text();
    assert!(text.contains(words), "the runbook does not say `{words}`");
    let file = SourceFile::new(format!("{name}.md"), text.replace(words, ""));
    blackstart_runbook::read(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Everybody is let in as soon as names are back: the herd meets cold caches, servers work for people who have given up
/// waiting, and breakers trip in the data centres. With the ramp, whoever is back stays.
#[test]
fn without_a_ramp_there_is_a_second_outage() {
    let users = "sends.whatsapp@jio-users";
    let fares = |variant| {
        let scenario = load(&founding(), variant);
        let night = play(&scenario, scenario.seed);
        let back = night.first(users, night.at("20:50"), |percent| percent > 0.0);
        let after: Vec<_> = night.from(users, back).into_iter().filter(|(time, _)| *time > back).collect();
        let again = after.iter().find(|(_, value)| *value == Value::Number(0.0)).map(|(time, _)| *time);
        let is_dark = |event: &Power| matches!(event, Power::Dark { .. });
        let tripped = night.events::<Power>().find(|(_, event)| is_dark(event)).map(|(time, _)| time);
        (night, again, tripped)
    };
    let (night, again, tripped) = fares(None);
    assert_eq!((again, tripped), (None, None));
    let draw =
        |clock: &str| night.from("draw-mw@forest-city", night.at(clock))[0].1.number().expect("megawatts");
    assert!(draw("17:00") + 3.0 < draw("15:36"), "the draw falls with the load");
    let (night, again, tripped) = fares(Some("no-ramp"));
    let (again, tripped) = (again.expect("a second outage"), tripped.expect("a breaker that trips"));
    assert!(again > night.at("21:05") && tripped > night.at("21:05"), "{again:?} {tripped:?}");
    night.assert_stays("sends-succeed@us-users", night.at("21:05"), |value| {
        value.number().is_some_and(|percent| percent < 95.0)
    });
}

/// Feed and generator are machines that fail: batteries carry the racks for 8 minutes, then they are dark, for real.
#[test]
fn a_data_centre_without_feed_and_generator_goes_dark_when_its_batteries_are_empty() {
    let mut scenario = load(&founding(), Some("audit-works"));
    for machine in ["frc-feed1", "frc-generator1"] {
        let kind = fault::Kind::PowerOff { machine: machine.to_owned() };
        scenario.faults.push(Fault::at(Duration::from_secs(3600), Some(Duration::from_secs(3600)), kind));
    }
    let night = play(&scenario, scenario.seed);
    let racks: Vec<_> =
        night.events::<Power>().filter(|(_, event)| !matches!(event, Power::Draw { .. })).collect();
    let (dark, lit): (Vec<_>, Vec<_>) =
        racks.iter().partition(|(_, event)| matches!(event, Power::Dark { .. }));
    assert_eq!((dark.len(), lit.len()), (4, 4), "{racks:?}");
    let (first, last) = (Duration::from_secs(3600 + 480), Duration::from_secs(3600 + 510));
    assert!(dark.iter().all(|(time, _)| (first..last).contains(&time.since_start())), "{dark:?}");
    assert!(lit.iter().all(|(time, _)| time.since_start() >= Duration::from_secs(7200)), "{lit:?}");
    let lost = |event: &SimEvent| matches!(event, SimEvent::PowerOff);
    assert!(night.engine_events().any(|(time, event)| time == dark[0].0 && lost(&event)));
}

/// No service crashes, whatever the draws; no milestone is promised.
#[test]
fn invariants_hold_on_any_night() {
    let scenario = load(&founding(), None);
    for seed in 1..=8 {
        let night = play(&scenario, seed);
        assert_eq!(night.broken_invariants(), [""; 0], "seed {seed}");
    }
}
