//! What steps of a runbook do in the simulated world, each tried in the smallest scenario, before and after its line goes
//! down (09:10).

use blackstart_sim::record::SimEvent;
use blackstart_tests::folder;
use blackstart_tests::night::{Night, load, play, three_services};

/// Tasks that the scenario's own runbook does not ask for.
const MORE_TASKS: [&str; 6] = ["restart", "fetch", "sign-in", "open-document", "power-cycle", "brief"];

/// Plays the scenario with these step blocks as its runbook; steps are called `s1`, `s2`, …
fn tried(header: &str, people: &str, steps: &[&str]) -> Night {
    let copy = folder::copy(&three_services());
    let step = |(n, block): (usize, &&str)| format!("## S{}\n\n```toml step\n{block}\n```\n", n + 1);
    let steps: String = steps.iter().enumerate().map(step).collect();
    let header = format!("```toml runbook\nassumes-up = ['roads', 'mobile-carriers']\n{header}\n```");
    folder::write(&copy, "runbooks/bring-it-back.md", &format!("# Steps\n\n{header}\n\n{steps}"));
    let takes = "takes = { low = '1m', likely = '1m', high = '1m', basis = 'assumption' }";
    let task = |name: &str| format!("[[task]]\nname = '{name}'\n{takes}\n");
    let tasks: String = MORE_TASKS.iter().copied().map(task).collect();
    let known = folder::read(&copy, "people.toml");
    folder::write(&copy, "people.toml", &format!("{known}\n{tasks}{people}"));
    let scenario = load(copy.path(), None);
    play(&scenario, scenario.seed)
}

fn verdicts(night: &Night) -> Vec<&str> {
    night.runbook().steps.iter().map(|step| step.verdict).collect()
}

/// Waits for the line to go down, doing nothing.
const AFTER: &str = "after = { signal = 'http.shop', is = 'failing', from = '1 of 1 outside vantage points', within = '1h', else = 'stop' }";

/// One step by Ada, who is on call and at home, with what is to come of it.
#[test]
fn one_step() {
    let on_call = "who = { role = 'on-call' }";
    let down = format!("{on_call}\n{AFTER}");
    let key = "[[item]]\nname = 'spare'\nat = 'desk'\n[[item]]\nname = 'sealed'\nat = 'router-room'\n";
    let cases: [(&str, &str, &str, &str); 15] = [
        (on_call, "fetch = 'spare'", "done", ""),
        (on_call, "fetch = 'wallet-card'", "done", ""),
        (on_call, "fetch = 'cage-key'", "done", ""),
        (
            on_call,
            "fetch = 'sealed'",
            "blocked",
            "`sealed` lies in router-room, and Ada is not through the door router-room",
        ),
        (on_call, "sign-in = 'automation'", "done", ""),
        (&down, "sign-in = 'automation'", "blocked", "sign-in: "),
        (on_call, "open = 'www.shop.example'", "done", ""),
        (&down, "open = 'www.shop.example'", "blocked", "www.shop.example: "),
        (on_call, "open = 'paper@home'", "done", ""),
        (on_call, "open = 'paper@hall'", "blocked", "none of Ada is at hall"),
        (on_call, "power-cycle = 'web1'", "blocked", "web1 stands at data-centre, Ada is at home"),
        (on_call, "restart = 'web-shop'", "blocked", "web1 stands at data-centre, Ada is at home"),
        (on_call, "call = ['engineer']", "done", ""),
        (on_call, "isolate = 'capacity-controller'", "blocked", "nobody has a prompt on dc-r1"),
        (on_call, "hand-over = 'on-call', to = 'engineer'", "done", ""),
    ];
    for (who, action, verdict, why) in cases {
        let night = tried("", key, &[&format!("{who}\ndo = {{ {action} }}")]);
        let step = &night.runbook().steps[0];
        assert_eq!(step.verdict, verdict, "{action}: {:?}", step.blocked_on);
        let saw = step.blocked_on.clone().unwrap_or_default();
        assert!(saw.contains(why), "{action}: {saw}");
    }
}

#[test]
fn whoever_took_a_role_over_acts_in_it() {
    let night = tried(
        "",
        "",
        &[
            "who = { role = 'on-call' }\ndo = { hand-over = 'on-call', to = 'engineer' }",
            "who = { role = 'on-call' }\ndo = { sign-in = 'automation' }",
        ],
    );
    assert_eq!(verdicts(&night), ["done", "blocked"]);
    assert_eq!(night.runbook().steps[1].blocked_on.as_deref(), Some("Ben has no machine"));
}

#[test]
fn a_machine_is_switched_by_whoever_stands_beside_it() {
    let travel =
        "who = { team = 'two', skills = ['core-router', 'break-glass'] }\ndo = { travel = 'data-centre' }";
    let enter = "do = { enter = 'router-room', try = ['badge'] }";
    let switch = "do = { power-cycle = 'web1' }";
    let outside = tried("", "", &[travel, switch]);
    let why = outside.runbook().steps[1].blocked_on.clone().unwrap_or_default();
    assert_eq!(why, "web1 stands behind the door router-room, Ada before it");
    let inside = tried("", "", &[travel, enter, switch]);
    assert_eq!(verdicts(&inside), ["done"; 3], "{:#?}", inside.runbook().steps);
    let restarted = tried("", "", &[travel, enter, "do = { restart = 'web-shop' }"]);
    assert_eq!(verdicts(&restarted), ["done"; 3], "{:#?}", restarted.runbook().steps);
    let web =
        |event: SimEvent| matches!(event, SimEvent::ServiceRestarted { service } if service == "web-shop");
    assert!(restarted.engine_events().any(|(_, event)| web(event)), "on record");
}

#[test]
fn steps_that_begin_together_end_before_the_next() {
    let night = tried(
        "",
        "",
        &[
            "who = { role = 'on-call' }\ndo = { travel = 'office' }",
            "who = { role = 'engineer' }\nwith-previous = true\ndo = { open = 'paper@home' }",
            "who = { role = 'on-call' }\ndo = { observe = ['http.shop'] }",
        ],
    );
    let steps = &night.runbook().steps;
    assert_eq!(verdicts(&night), ["done"; 3], "{steps:#?}");
    assert_eq!(steps[0].started, steps[1].started);
    assert!(steps[1].ended < steps[0].ended, "the page is found before anybody has travelled");
    assert_eq!(steps[2].started, steps[0].ended);
}

#[test]
fn a_step_is_tried_so_often_and_no_more() {
    let look = |tries: u32| {
        format!(
            "who = {{ role = 'on-call' }}\ndo = {{ observe = ['http.shop'] }}\ntries = {tries}\npause = '2m'\n\
             until = {{ signal = 'http.shop', is = 'failing', from = '1 of 1 outside vantage points', within = '3m', else = 'stop' }}"
        )
    };
    // It fails from 09:10 on, and each try takes three minutes and two of pause.
    let (two, five) = (tried("", "", &[&look(2)]), tried("", "", &[&look(5)]));
    assert_eq!(verdicts(&two), ["blocked"]);
    assert_eq!(verdicts(&five), ["done"]);
}

#[test]
fn escalation_calls_somebody_and_tries_once_more() {
    let look = "who = { role = 'on-call' }\ndo = { observe = ['http.shop'] }\n\
        until = { signal = 'http.shop', is = 'failing', from = '1 of 1 outside vantage points', within = '7m', else = 'escalate' }";
    assert_eq!(verdicts(&tried("", "", &[look])), ["blocked"], "nobody to call");
    let helped = tried("escalate-to = ['engineer']", "", &[look]);
    assert_eq!(verdicts(&helped), ["failed-over"], "{:#?}", helped.runbook().steps);
}
