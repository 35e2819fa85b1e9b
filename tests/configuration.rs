//! Changes that people push through a configuration store, its canary and its freeze, in the smallest scenario.

use blackstart_manage::event::Push;
use blackstart_tests::night::Night;
use blackstart_tests::tried::{QUIET, tried_with, verdicts};

/// A configuration store in the data centre; the bad change cuts the line that it watches.
const STORE: &str = r#"
[[host]]
name = "store1"
site = "data-centre"
router = "dc-r2"
address = "203.0.113.96"
[[service]]
name = "configuration-store"
host = "store1"
[service.run.configuration-store]
sign-in = "203.0.113.140:7100"
account = "automation"
watch = ["198.51.100.53:53", "203.0.113.20:80"]
hold = "5m"
[[service.run.configuration-store.changes]]
name = "tidy-up"
stages = [["dc-r2"], ["dc-r1"]]
set = { dc-r1 = { note = "tidy" }, dc-r2 = { note = "tidy" } }
[[service.run.configuration-store.changes]]
name = "drain-web1"
stages = [["dc-r1"], ["dc-r2"]]
set = { dc-r1 = { "port.web1" = "down" }, dc-r2 = { "port.jump1" = "down" } }
"#;
const HOLDER: &str = "[[account]]\nname = 'change-manager'\nkind = 'sign-in'\nsecret = 'cm'\nperson = 'Ada'\n\
                      [[account]]\nname = 'bens'\nkind = 'sign-in'\nsecret = 'ben'\nperson = 'Ben'\n";

/// Steps of the configuration store.
fn pushes(night: &Night) -> Vec<Push> {
    let steps = night.events::<blackstart_manage::Event>().filter_map(|(_, event)| match event {
        blackstart_manage::Event::ConfigurationPush(step) => Some(step),
        _ => None,
    });
    steps.collect()
}

#[test]
fn a_bad_canary_stops_a_push_and_is_taken_back() {
    let push = |change: &str| {
        format!(
            "who = {{ role = 'on-call' }}\ndo = {{ push = '{change}', on = 'configuration-store', with = 'automation' }}"
        )
    };
    let wait = "do = { observe = ['http.shop'] }\nuntil = { signal = 'http.shop', is = 'ok', from = '1 of 1 outside vantage points', within = '30m', else = 'stop' }";
    let good = tried_with(|known| known, STORE, QUIET, "", HOLDER, &[&push("tidy-up")]);
    assert_eq!(verdicts(&good), ["done"], "{:#?}", good.runbook().steps);
    let stages = pushes(&good).into_iter().filter(|step| matches!(step, Push::Staged { .. })).count();
    assert_eq!((stages, pushes(&good).last()), (2, Some(&Push::Done { change: "tidy-up".to_owned() })));
    // Users see the canary; the second stage never comes, and the router takes the first back by itself.
    let go_on =
        push("drain-web1") + "\nuntil = { signal = 'http.shop', is = 'failing', within = '1h', else = 's2' }";
    let bad = tried_with(|known| known, STORE, QUIET, "", HOLDER, &[&go_on, wait]);
    let why = bad.runbook().steps[0].blocked_on.clone().unwrap_or_default();
    assert!(why.contains("after stage 1 203.0.113.20:80 does not answer"), "{why}");
    assert_eq!(verdicts(&bad), ["failed-over", "done"], "{:#?}", bad.runbook().steps);
    assert_eq!(pushes(&bad).len(), 2, "{:?}", pushes(&bad));
    let failing =
        |night: &Night| night.history.of("http.shop@probe1").iter().any(|(_, value)| value.is("failing"));
    assert!(failing(&bad) && !failing(&good), "what the canary broke was broken for a while");
}

#[test]
fn whoever_holds_a_freeze_lifts_it() {
    let step = |role: &str, what: &str| format!("who = {{ role = '{role}' }}\ndo = {{ {what} }}");
    let frozen = STORE.replace("hold = \"5m\"", "hold = \"1m\"\nfrozen-by = \"change-manager\"");
    let push = step("on-call", "push = 'tidy-up', on = 'configuration-store', with = 'automation'");
    let lift = |role: &str, account: &str| {
        step(role, &format!("lift-freeze = 'configuration-store', with = '{account}'"))
    };
    let why = |night: &Night| {
        let last = night.runbook().steps.iter().rev().find_map(|step| step.blocked_on.clone());
        last.unwrap_or_default()
    };
    let run = |steps: &[&str]| tried_with(|known| known, &frozen, QUIET, "", HOLDER, steps);
    let refused = run(&[&push]);
    assert_eq!(why(&refused), "the configuration store says: frozen by change-manager");
    let lifted = run(&[&lift("on-call", "change-manager"), &push]);
    assert_eq!(verdicts(&lifted), ["done"; 2], "{:#?}", lifted.runbook().steps);
    assert_eq!(pushes(&lifted).first(), Some(&Push::Lifted { who: "change-manager".to_owned() }));
    // With an account of somebody else, and with one's own.
    assert_eq!(why(&run(&[&lift("on-call", "bens")])), "only Ben can sign in as bens");
    let own = run(&[&lift("on-call", "automation")]);
    assert_eq!(why(&own), "the configuration store says: frozen by change-manager");
    // Once lifted it can be frozen by another.
    let freeze = step("on-call", "freeze = 'configuration-store', with = 'automation'");
    let again = run(&[&lift("on-call", "change-manager"), &freeze, &push]);
    assert_eq!(why(&again), "the configuration store says: frozen by automation");
}
