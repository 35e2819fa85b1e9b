//! Why steps of the founding night went as they did, down to what caused it.

use blackstart::why::{Cause, End, Tree, causes};
use blackstart::{Night, Plan, perform};
use blackstart_fault::{Fault, Kind};
use blackstart_scenario::Scenario;
use blackstart_tests::night::{founding, load};
use std::time::Duration;

/// From the start at 15:30 to the moment at which the team stands at the door, about.
const BEFORE_THE_DOOR: Duration = Duration::from_secs(9000);

fn play(scenario: &Scenario, seed: u64, evidence: bool) -> Night {
    let plan = Plan { seed: Some(seed), evidence, ..Plan::default() };
    perform(scenario, &plan, |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn why(night: &Night, step: &str) -> Tree {
    let steps = &night.outcome.runbooks[0].steps;
    let step = steps.iter().find(|other| other.id == step).expect("the step");
    causes(step, night.evidence.as_ref().expect("evidence"))
}

fn all(cause: &Cause) -> Vec<&Cause> {
    std::iter::once(cause).chain(cause.causes.iter().flat_map(all)).collect()
}

fn ends(cause: &Cause) -> Vec<(End, &str)> {
    all(cause).into_iter().filter_map(|cause| Some((cause.end?, cause.key.as_str()))).collect()
}

#[test]
fn the_night_down_to_the_command() {
    let scenario = load(&founding(), None);
    let night = play(&scenario, 12, true);
    let unwatched = play(&scenario, 12, false);
    assert_eq!(night.outcome.log_hash, unwatched.outcome.log_hash, "evidence is that of the same night");
    assert!(unwatched.evidence.is_none());

    let enter = why(&night, "enter");
    assert_eq!(
        enter.chain(300),
        "badge denied < access server silent < resolver fails < no route at scl-bb2 < 198.41.0.0/24 withdrawn < \
         network parted < ports shut < by assess-global-capacity 15:39"
    );
    assert_eq!(ends(&enter.causes[0]), [(End::Command, "command assess-global-capacity")]);
    let shut = all(&enter.causes[0]).into_iter().find(|cause| cause.short == "ports shut").expect("ports");
    let shut_at = shut.at.expect("a time").to_string();
    assert!(shut_at.starts_with("2021-10-04T15:39:04"), "{shut_at}");

    let consoles = why(&night, "try-the-remote-consoles");
    assert_eq!(consoles.causes.len(), 8, "four names, four addresses");
    let shorts: Vec<&str> = all(&consoles.causes[0]).iter().map(|cause| cause.short.as_str()).collect();
    let chain = [
        "oob-scl.facebook.com does not resolve",
        "resolver fails",
        "no route at att-r1",
        "185.89.218.0/24 withdrawn",
        "name servers withdrew",
        "health checks fail",
        "no route at ams-pr1",
        "network parted",
        "ports shut",
        "by assess-global-capacity 15:39",
    ];
    assert_eq!(shorts[..chain.len()], chain);
    for cause in &consoles.causes {
        let loose = ends(cause).into_iter().filter(|(end, _)| *end != End::Command).collect::<Vec<_>>();
        assert_eq!(loose, [], "{}", cause.text);
    }
    assert!(consoles.lines(109).iter().all(|line| line.chars().count() <= 109));
    assert!(consoles.lines(109).len() < 100, "small enough to read");

    let restore = why(&night, "restore");
    assert_eq!((restore.verdict, restore.causes.len()), ("done", 0));
    let another = play(&scenario, 7, true);
    assert_eq!(why(&another, "enter").key(), enter.key());
    assert_eq!(why(&another, "try-the-remote-consoles").key(), consoles.key());
}

#[test]
fn every_step_that_is_not_done_says_what_was_tried() {
    for variant in ["oob-needs-dns", "oob-needs-sign-in"] {
        let night = play(&load(&founding(), Some(variant)), 3, true);
        let not_done = |step: &&blackstart::outcome::Step| ["failed-over", "blocked"].contains(&step.verdict);
        let steps = &night.outcome.runbooks[0].steps;
        assert!(steps.iter().filter(not_done).count() >= 2);
        for step in steps.iter().filter(not_done) {
            let tree = why(&night, &step.id);
            assert_eq!(tree.key().matches("not recorded").count(), 0, "{variant}: {}", tree.key());
            assert!(tree.key().contains("command assess-global-capacity"), "{variant}: {}", tree.key());
        }
    }
}

/// Another cause on top of the night's: the same door, another tree. And no key, so that both ways are told.
#[test]
fn a_fault_of_the_schedule_and_a_missing_key() {
    let mut scenario = load(&founding(), None);
    let dark = Kind::PowerOff { machine: "scl-doors1".into() };
    scenario.faults.push(Fault::at(BEFORE_THE_DOOR, None, dark));
    for person in &mut scenario.people.persons {
        person.items.retain(|item| !item.contains("key"));
    }
    let night = play(&scenario, 12, true);
    let enter = why(&night, "enter");
    assert_eq!(enter.verdict, "blocked");
    let [badge, key] = &enter.causes[..] else { panic!("{enter:#?}") };
    assert!(ends(badge).contains(&(End::Fault, "fault scl-doors1 without power")), "{badge:#?}");
    assert_eq!(ends(key).iter().map(|(end, _)| *end).collect::<Vec<_>>(), [End::Assumption], "{key:#?}");
}
