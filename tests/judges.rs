//! Judges in whole runs: they hold in worlds that are well, users add their own, mistakes in them are shown by place.

use blackstart::Invariant;
use blackstart_fault::{Fault, Kind};
use blackstart_rt::Map;
use blackstart_scenario::{Scenario, build};
use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{self as sim, Driver, NodeId, Time, control};
use blackstart_tests::canaries;
use blackstart_tests::folder;
use blackstart_tests::night::{Night, load, play, small, three_services};
use std::time::Duration;

/// Sentences that are asked at the end of every run that heals.
const AFTER_HEALING: [&str; 5] = [
    "when people are done, names resolve and apps serve",
    "after healing, every session is up",
    "after healing, routes are what topology and policy come to",
    "after healing, names resolve",
    "after healing, apps serve",
];

fn asked(night: &Night, name: &str) -> Option<bool> {
    let found = night.outcome.invariants.iter().find(|invariant| invariant.name == name);
    found.map(|invariant| invariant.holds)
}

#[test]
fn worlds_that_heal_are_judged_whole_and_hold() {
    for path in [three_services(), small(), canaries::scenario()] {
        let scenario = load(&path, None);
        for seed in 1..=3 {
            let night = play(&scenario, seed);
            assert_eq!(night.broken_invariants(), [""; 0], "{}, seed {seed}", scenario.name);
            for name in AFTER_HEALING.iter().skip(1) {
                assert_eq!(asked(&night, name), Some(true), "{}, seed {seed}: {name}", scenario.name);
            }
        }
    }
}

#[test]
fn what_is_never_undone_is_not_asked_to_have_healed() {
    let mut scenario = load(&three_services(), None);
    let kind = Kind::PowerOff { machine: "web1".into() };
    scenario.faults.push(Fault::at(Duration::from_secs(60), None, kind));
    let night = play(&scenario, 1);
    for name in AFTER_HEALING.iter().skip(1) {
        assert_eq!(asked(&night, name), None, "{name}");
    }
}

/// Nobody can say where packets to it should end.
#[test]
fn packets_to_a_machine_without_power_are_no_circle() {
    let mut scenario = load(&three_services(), None);
    let kind = Kind::PowerOff { machine: "audit1".into() };
    scenario.faults.push(Fault::at(Duration::from_secs(159), Some(Duration::from_secs(1200)), kind));
    assert_eq!(play(&scenario, 23).broken_invariants(), [""; 0]);
}

#[test]
fn a_function_over_records_is_a_judge() {
    let mut scenario = load(&small(), None);
    let light = |limit: u32| {
        Invariant::new("no light goes", move || {
            let mut seen = 0;
            move |record| {
                seen +=
                    u32::from(matches!(SimEvent::decode(record), Some(SimEvent::Carrier { up: false, .. })));
                (seen > limit).then(|| format!("{seen} times"))
            }
        })
    };
    let mut judged = |limit| {
        scenario.own_invariants = vec![light(limit)];
        asked(&play(&scenario, 1), "no light goes")
    };
    assert_eq!(judged(2), Some(true), "each of two ends sees it once");
    assert_eq!(judged(1), Some(false));
    assert_eq!(judged(1), Some(false), "each run counts anew");
}

#[test]
fn a_scenario_states_invariants_over_signals() {
    let copy = folder::copy(&small());
    let stated = |condition: &str| {
        format!("[[invariant]]\nname = \"the shop is seen\"\nsignal = \"http.shop@probe1\"\n{condition}\n")
    };
    let judged = |condition: &str| {
        folder::write(&copy, "milestones.toml", &stated(condition));
        asked(&play(&load(copy.path(), None), 1), "the shop is seen")
    };
    assert_eq!(judged("never = { is = \"404\" }"), Some(true));
    assert_eq!(judged("always = { is = \"ok\" }"), Some(false), "it is gone for half an hour");
    assert_eq!(judged("always = { is = \"ok\" }\nfrom = \"+45m\""), Some(true));
    assert_eq!(judged("eventually = { is = \"200\" }"), Some(true));
    assert_eq!(judged("eventually = { is = \"failing\" }"), Some(false));
}

#[test]
fn a_mistake_in_an_invariant_is_shown_where_it_stands() {
    let table = [
        ("signal = \"http.shop@prob1\"\nalways = { is = \"ok\" }", "milestones.toml:3:10", "prob1"),
        ("signal = \"http.shop\"\nalways = { is = \"ok\" }", "milestones.toml:3:10", "says nothing of where"),
        ("signal = \"http.shop@probe1\"", "milestones.toml:2:8", "no single moment"),
        (
            "signal = \"http.shop@probe1\"\nalways = { is = \"ok\", below = 3 }",
            "milestones.toml:4:10",
            "no single condition",
        ),
        ("signal = \"http.shop@probe1\"\nalways = { equals = 3 }", "milestones.toml:4:12", "equals"),
    ];
    let copy = folder::copy(&small());
    for (text, place, words) in table {
        folder::write(&copy, "milestones.toml", &format!("[[invariant]]\nname = \"n\"\n{text}\n"));
        let mistakes = Scenario::load(copy.path(), None).expect_err("a mistake").to_string();
        assert!(mistakes.contains(place) && mistakes.contains(words), "{text}: {mistakes}");
    }
}

/// Plays the three services with something done to the engine behind everybody's back after half an hour.
fn meddled(meddle: impl FnOnce(&Map<String, NodeId>)) -> Vec<String> {
    let scenario = load(&three_services(), None);
    let mut run = build(&scenario, 1, Driver::Native, None).expect("a run");
    let names: Map<String, NodeId> =
        run.world.wiring.names().into_iter().map(|(node, name)| (name, node)).collect();
    // Before the command that shuts the ports, which comes after ten minutes.
    run.sim.run_until(Time::from_secs(120));
    meddle(&names);
    for service in ["capacity-controller", "audit"] {
        control::kill_service(names[&run.world.wiring.services[service]], service);
    }
    run.sim.run_until(Time::from_secs(1800));
    let outcome = blackstart_report::judge(&scenario, 1, &run);
    outcome
        .invariants
        .into_iter()
        .filter(|invariant| !invariant.holds)
        .map(|invariant| invariant.name)
        .collect()
}

#[test]
fn what_is_wrong_in_the_tables_is_seen() {
    let ip = |text: &str| text.parse().expect("an address");
    let net = |text: &str| text.parse().expect("a prefix");
    let says = |node: NodeId, event: &blackstart_bgp::Event| {
        let bytes = postcard::to_stdvec(event).expect("bytes");
        sim::record::emit_for(node, "bgp", &bytes);
    };
    assert_eq!(meddled(|_| {}), [""; 0]);
    // Two routers that send a host's packets to each other.
    let circle = meddled(|names| {
        let via = |address| Target::Via(vec![ip(address)]);
        let host = net("203.0.113.141/32");
        control::install_route(names["dc-r1"], Protocol::Static, host, via("10.0.0.3"), 0).expect("a route");
    });
    assert_eq!(circle, ["no forwarding loop outlives convergence"]);
    let other = meddled(|names| {
        let bogus = Target::Via(vec![ip("203.0.113.10")]);
        control::install_route(names["isp-r1"], Protocol::Ebgp, net("192.0.2.0/24"), bogus, 0)
            .expect("a route");
    });
    assert_eq!(other, ["machines forward as their speakers chose"]);
    // A speaker that says what nobody told it.
    let (prefix, peer) = (net("192.0.2.0/24"), Some(ip("10.0.0.3")));
    let ghost = meddled(|names| {
        says(names["isp-r1"], &blackstart_bgp::Event::BestPathChanged { prefix, peer, as_path: vec![64500] });
    });
    assert!(
        ghost.contains(&"a withdrawn prefix is gone everywhere within ten minutes".to_owned()),
        "{ghost:?}"
    );
    let deaf = meddled(|names| {
        says(names["isp-r1"], &blackstart_bgp::Event::Withdrawn { prefix: net("203.0.113.0/24") });
    });
    assert!(
        deaf.contains(&"after healing, routes are what topology and policy come to".to_owned()),
        "{deaf:?}"
    );
    let down = meddled(|names| {
        let reason = blackstart_bgp::session::DownReason::LinkDown;
        says(names["isp-r1"], &blackstart_bgp::Event::SessionDown { peer: ip("10.0.0.3"), reason });
    });
    assert!(down.contains(&"after healing, every session is up".to_owned()), "{down:?}");
    assert!(down.contains(&"no route outlives the session that taught it".to_owned()), "{down:?}");
}
