//! Campaigns over the smallest scenario: a shop off the Internet for half an hour, and two people with a runbook.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use blackstart_campaign::mitigate::{changes, mitigate};
use blackstart_campaign::validate::{Depth, Question, validate};
use blackstart_campaign::{Plan, Seeds, Trial, Workers, named, perform, trial};
use blackstart_report::validation::{Conclusion, Validation, Verdicts};
use blackstart_scenario::Scenario;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../blackstart/tests/data/small")
}

fn small(variant: Option<&str>) -> Scenario {
    Scenario::load(&folder(), variant).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn seeds(text: &str) -> Seeds {
    text.parse().unwrap()
}

fn workers(jobs: usize) -> Workers {
    Workers::new(Some(jobs)).unwrap()
}

fn validated(scenario: &Scenario, depth: Depth) -> Validation {
    let runbook = named(scenario, "call").unwrap();
    let question = Question { scenario, runbook, seeds: seeds("1..5"), required: 1.0, depth, changes: &[] };
    validate(&question, &workers(2), &()).unwrap()
}

#[test]
fn a_run_is_what_it_would_be_alone() {
    let scenario = small(None);
    let runbook = named(&scenario, "call").unwrap();
    let alone: Vec<Trial> = (1..=6).map(|seed| trial(&scenario, runbook, seed).unwrap()).collect();
    let forth: Vec<u64> = (1..=6).collect();
    let back: Vec<u64> = (1..=6).rev().collect();
    for jobs in [1, 3] {
        assert_eq!(workers(jobs).trials(&scenario, runbook, &forth, &()).unwrap(), alone, "{jobs} threads");
        let mut reversed = workers(jobs).trials(&scenario, runbook, &back, &()).unwrap();
        reversed.reverse();
        assert_eq!(reversed, alone, "{jobs} threads, last seed first");
    }
    assert!(alone.windows(2).any(|pair| pair[0].report != pair[1].report), "seeds do not matter");
}

#[test]
fn a_run_of_many_ends_as_the_same_run_shown_whole() {
    for (variant, verdict) in [(None, "completed"), (Some("strict"), "late")] {
        let scenario = small(variant);
        let runbook = named(&scenario, "call").unwrap();
        for seed in [1, 7] {
            let night = perform(&scenario, &Plan { seed: Some(seed), ..Plan::default() }, |_| {}).unwrap();
            let whole = &night.outcome.runbooks[0];
            let trial = trial(&scenario, runbook, seed).unwrap();
            assert_eq!((trial.verdict.word(), whole.verdict), (verdict, verdict));
            assert_eq!(trial.recovery().map(|took| took.as_secs_f64()), whole.achieved_recovery_s);
        }
    }
}

/// People are still at it when the scenario ends: the run that is shown goes on as far as the one that was counted.
#[test]
fn what_stopped_after_the_end_is_shown_too() {
    let mut scenario = small(None);
    scenario.duration = Duration::from_secs(35 * 60);
    let counted = trial(&scenario, named(&scenario, "call").unwrap(), 1).unwrap();
    assert_eq!(counted.verdict.word(), "completed");
    for (until_decided, verdict) in [(true, "completed"), (false, "blocked")] {
        let plan = Plan { seed: Some(1), until_decided, ..Plan::default() };
        let night = perform(&scenario, &plan, |_| {}).unwrap();
        assert_eq!(night.outcome.runbooks[0].verdict, verdict);
    }
}

/// With no objective to miss: a runbook whose steps were all done, and users who are still away, have restored nothing.
#[test]
fn what_never_comes_back_was_not_restored() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/three-services");
    let mut scenario = Scenario::load(&path, None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    scenario.objectives.clear();
    let whole = named(&scenario, "bring-it-back").unwrap().clone();
    let mut first = (*whole).clone();
    first.steps.truncate(1);
    for (runbook, verdict) in [(whole, "completed"), (first.into(), "late")] {
        assert_eq!(trial(&scenario, &runbook, 1).unwrap().verdict.word(), verdict);
    }
}

#[test]
fn what_must_not_be_lost_is_found() {
    let validation = validated(&small(None), Depth::Usual);
    let found: Vec<(&str, &str, &str)> = validation
        .single_points
        .iter()
        .map(|point| (point.kind, point.name.as_str(), point.step.as_str()))
        .collect();
    let expected = [
        ("person", "Ada", "notice"),
        ("person", "Ben", "call"),
        ("item", "card", "call"),
        ("bridge", "phone", "call"),
    ];
    for point in expected {
        assert!(found.contains(&point), "{point:?} is not among {found:?}");
    }
    assert!(!found.iter().any(|(_, name, _)| name.contains("laptop")), "nobody uses the laptop: {found:?}");
    let tried = validation.single_points_tried.as_ref().unwrap();
    assert_eq!((tried.screened.len(), tried.confirmed.len(), tried.untried), (2, 5, 0), "{tried:?}");
    assert_eq!(validation.verdicts.conclusion(), Conclusion::Executable);
    assert!(
        validation.page("").starts_with("call: EXECUTABLE BUT FRAGILE. 5 of 5"),
        "{}",
        validation.page("")
    );
}

/// Without them the fatal command is never given: nobody is called, and no recovery hangs on them.
#[test]
fn what_brings_the_outage_about_is_no_single_point() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/three-services");
    let scenario = Scenario::load(&path, None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let question = Question {
        scenario: &scenario,
        runbook: named(&scenario, "bring-it-back").unwrap(),
        seeds: seeds("1..2"),
        required: 1.0,
        depth: Depth::Usual,
        changes: &[],
    };
    let validation = validate(&question, &workers(2), &()).unwrap();
    let found: Vec<&str> = validation.single_points.iter().map(|point| point.name.as_str()).collect();
    assert!(found.contains(&"Ada") && found.contains(&"doors1"), "{found:?}");
    assert!(!found.contains(&"automation") && !found.contains(&"sign-in1"), "{found:?}");
}

#[test]
fn an_assumption_near_its_limit_flips_the_verdict() {
    let mut scenario = small(None);
    assert_eq!(validated(&scenario, Depth::Usual).flips.unwrap().found, []);
    // Half an hour is all that `call` has for calling and joining.
    let call = scenario.people.tasks.get_mut("call").unwrap();
    let minutes = |n: u64| Duration::from_secs(60 * n);
    (call.low, call.likely, call.high) = (minutes(12), minutes(15), minutes(40));
    let flips = validated(&scenario, Depth::Usual).flips.unwrap();
    let [flip] = &flips.found[..] else { panic!("{flips:?}") };
    assert_eq!((flip.name.as_str(), flip.verdict, flip.in_range), ("call", "blocked", true));
    assert!(flip.assumed_s == 900.0 && (900.0..1800.0).contains(&flip.from_s), "{flip:?}");
}

#[test]
fn phases_add_up() {
    let validation = validated(&small(None), Depth::Quick);
    let phases = validation.phases.unwrap();
    let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
    assert_eq!(Some(phases.recovery_s), validation.recovery_s.p50);
    assert!(close(phases.rows.iter().map(|row| row.took_s).sum(), phases.recovery_s), "{phases:?}");
    assert!(close(phases.assumed_s + phases.held_s + phases.rest_s, phases.recovery_s), "{phases:?}");
    assert!(phases.rows.windows(2).all(|pair| pair[0].to == pair[1].from), "{phases:?}");
    assert!(phases.assumed_s > 0.0 && phases.rest_s > 0.0, "{phases:?}");
}

#[test]
fn blocked_runs_never_recover() {
    let mut scenario = small(None);
    scenario.people.persons.retain(|person| person.name != "Ben");
    let validation = validated(&scenario, Depth::Usual);
    assert_eq!(validation.verdicts, Verdicts { blocked: 5, ..Verdicts::default() });
    assert!(!validation.held());
    assert_eq!((validation.recovery_s.p5, validation.recovery_s.p50), (None, None));
    assert_eq!(validation.phases, None);
    let [at] = &validation.blocking_steps[..] else { panic!("{:?}", validation.blocking_steps) };
    assert_eq!((at.id.as_str(), at.runs, at.seed), ("call", 5, 1));
    assert!(validation.single_points_tried.is_none(), "a runbook that fails hangs on nothing");
    assert_eq!(validation.coverage.branches_taken, 1);
}

#[test]
fn changes_are_compared_seed_by_seed_and_ranked() {
    let mut scenario = small(None);
    // Whoever calls has no numbers, but there is somebody who has.
    scenario.people.persons[0].items.clear();
    scenario.people.persons[1].items.push("card".to_owned());
    let runbook = named(&scenario, "call").unwrap();
    let mut changes = changes(&folder(), &scenario, runbook).unwrap();
    let (variants, made): (Vec<_>, Vec<_>) = changes.made.drain(..).partition(|it| it.kind == "variant");
    changes.made = made;
    assert_eq!(variants.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["variant strict"]);
    let (seeds, workers) = (seeds("1..3"), workers(2));
    let mitigation = mitigate(&scenario, runbook, seeds, &changes, &workers, &()).unwrap();
    assert_eq!(mitigation.verdicts.stopped(), 3);
    let first = &mitigation.changes[0];
    assert_eq!((first.kind, first.name.as_str()), ("copy", "everybody has a copy of `card`"));
    assert_eq!((first.blocked_removed, first.verdicts.completed), (3, 3));
    assert_eq!(first.gain_s, None, "no seed recovers without the change");
    let last = mitigation.changes.last().unwrap();
    assert_eq!((last.kind, last.blocked_removed), ("one-more-person", 0));
}
