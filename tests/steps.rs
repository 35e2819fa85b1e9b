//! What steps of a runbook do in the simulated world, each tried in the smallest scenario, before and after its line goes
//! down (09:10).

use blackstart_badge as badge;
use blackstart_sim::record::SimEvent;
use blackstart_tests::folder;
use blackstart_tests::night::{Night, load, three_services};
use blackstart_tests::tried::{AFTER, QUIET, tried, tried_in, tried_with, verdicts};
use blackstart_world::Event;

/// One step by Ada, who is on call and at home, with what is to come of it.
#[test]
fn one_step() {
    let on_call = "who = { role = 'on-call' }";
    let down = format!("{on_call}\n{AFTER}");
    let key = "[[item]]\nname = 'spare'\nat = 'desk'\n[[item]]\nname = 'sealed'\nat = 'router-room'\n";
    let chat = "chat = '#incident', on = 'chat', to = 'guard', text = 'Are you there?'";
    let page = "page = ['engineer', 'guard'], on = 'chat', hold = '5m'";
    let ssh = "ssh = 'core-routers', through = 'jump-host', with = 'automation'";
    let or_call = &format!("{chat}, try = ['chat', 'phone']");
    let cases: [(&str, &str, &str, &str); 25] = [
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
        (on_call, chat, "done", ""),
        (&down, chat, "blocked", "Gus is not in the chat: chat: cannot connect: "),
        (on_call, or_call, "done", ""),
        (&down, or_call, "failed-over", "Gus is not in the chat: chat: cannot connect: "),
        (on_call, page, "failed-over", "engineer: Ben has no machine"),
        (&down, page, "blocked", "guard: Gus is not in the chat: chat: cannot connect: "),
        (on_call, ssh, "done", ""),
        (&down, ssh, "blocked", "sign-in: "),
        (on_call, "withdraw = '203.0.113.0/24', on = 'dc-r2'", "blocked", "nobody has a prompt on dc-r2"),
        (on_call, "reset = ['web1'], hold = '5m'", "blocked", "web1 stands at data-centre, Ada is at home"),
    ];
    for (who, action, verdict, why) in cases {
        let night = tried("", key, &[&format!("{who}\ndo = {{ {action} }}")]);
        let step = &night.runbook().steps[0];
        assert_eq!(step.verdict, verdict, "{action}: {:?}", step.blocked_on);
        let saw = step.blocked_on.clone().unwrap_or_default();
        assert!(saw.contains(why), "{action}: {saw}");
    }
}

/// The chat asks the sign-in service about everybody who comes.
#[test]
fn a_chat_that_asks_who_is_there_is_entered_with_an_account() {
    let chat = |with: &str| {
        format!(
            "who = {{ role = 'on-call' }}\ndo = {{ chat = '#incident', on = 'staff-chat', to = 'guard', text = 'Hello?'{with} }}"
        )
    };
    let (open, signed_in) = (tried("", "", &[&chat("")]), tried("", "", &[&chat(", with = 'automation'")]));
    assert_eq!(verdicts(&open), ["blocked"]);
    let why = open.runbook().steps[0].blocked_on.clone().unwrap_or_default();
    assert!(why.starts_with("Gus is not in the chat: "), "{why}");
    assert_eq!(verdicts(&signed_in), ["done"], "{:#?}", signed_in.runbook().steps);
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

const TEAM: &str = "who = { team = 'two', skills = ['core-router', 'break-glass'] }";
const SSH: &str =
    "who = { role = 'on-call' }\ndo = { ssh = 'core-routers', through = 'jump-host', with = 'automation' }";

/// The shop as seen from outside, within a quarter of an hour.
fn shop(is: &str) -> String {
    format!(
        "until = {{ signal = 'http.shop', is = '{is}', from = '1 of 1 outside vantage points', within = '15m', else = 'stop' }}"
    )
}

const ENTER: &str = "do = { enter = 'router-room', try = ['badge'] }";

/// The account of the consoles, whose envelope lies in the router room, with other words about it.
fn tried_with_envelope(words: &str, people: &str, steps: &[&str]) -> Night {
    let kept = "kept-at = \"router-room\"\n";
    tried_with(|known| known.replace(kept, &format!("{kept}{words}\n")), "", "", "", people, steps)
}

#[test]
fn an_envelope_wants_its_holders_and_the_right_secret() {
    let travel =
        "who = { team = 'two', skills = ['core-router', 'break-glass'] }\ndo = { travel = 'data-centre' }";
    let login = "do = { login = 'serial', on = 'core-routers', with = 'break-glass', second-factor = 'code-generator' }";
    let bea = "[[person]]\nname = 'Bea'\nroles = ['second']\nat = 'home'\n";
    let cases = [
        ("", "done", ""),
        ("holders = ['Ada', 'Ben']", "done", ""),
        (
            "holders = ['Ben', 'Bea']",
            "blocked",
            "the `break-glass` envelope in router-room is opened by Ben and Bea together, Bea is at home",
        ),
        ("sealed = 'sealed-0'", "blocked", "bad-credentials"),
    ];
    for (words, verdict, why) in cases {
        let night = tried_with_envelope(words, bea, &[travel, ENTER, login]);
        let step = &night.runbook().steps[2];
        let saw = step.blocked_on.clone().unwrap_or_default();
        assert_eq!(step.verdict, verdict, "{words}: {saw}");
        assert!(saw.contains(why), "{words}: {saw}");
    }
}

#[test]
fn an_envelope_that_nobody_tried_is_warned_of() {
    let warned = |words: &str| {
        let copy = folder::copy(&three_services());
        let known = folder::read(&copy, "people.toml");
        let kept = "kept-at = \"router-room\"\n";
        folder::write(&copy, "people.toml", &known.replace(kept, &format!("{kept}{words}\n")));
        load(copy.path(), None).warnings.to_string()
    };
    let cases = [
        ("", ""),
        ("last-test = '2020-01-01'", ""),
        (
            "test-every-days = 90",
            "the envelope of `break-glass` was never tried; it is to be tried every 90 days",
        ),
        ("test-every-days = 90\nlast-test = '2024-05-01'", ""),
        ("test-every-days = 90\nlast-test = '2024-01-01'", "the envelope of `break-glass` was last tried"),
    ];
    for (words, expected) in cases {
        let warnings = warned(words);
        assert_eq!(warnings.contains("envelope"), !expected.is_empty(), "{words}: {warnings}");
        assert!(warnings.contains(expected), "{words}: {warnings}");
    }
}

#[test]
fn a_push_reaches_the_phone_over_its_own_network() {
    let sign_in = "who = { role = 'on-call' }\nafter = { signal = 'http.shop', is = 'ok', from = '1 of 1 outside vantage points', within = '1h', else = 'stop' }\ndo = { sign-in = 'ada' }";
    let ada = "[[account]]\nname = 'ada'\nkind = 'sign-in'\nsecret = 'engine'\nphone = 'phone1'\n";
    let off = |machine: &str| format!("[[fault]]\nat = '+0s'\nkind = 'power-off'\non = '{machine}'\n");
    for (faults, verdict, why) in [
        (String::new(), "done", ""),
        (off("phone1"), "blocked", "sign-in denied: no answer from the phone"),
        (off("push1"), "blocked", "sign-in denied: no answer from the phone"),
    ] {
        let night = tried_in(&faults, "", ada, &[sign_in]);
        let step = &night.runbook().steps[0];
        assert_eq!(
            (step.verdict, step.blocked_on.as_deref().unwrap_or_default()),
            (verdict, why),
            "{faults}"
        );
    }
}

#[test]
fn a_prefix_is_withdrawn_and_announced_again() {
    let withdraw = format!("do = {{ withdraw = '203.0.113.0/24', on = 'dc-r2' }}\n{}", shop("failing"));
    let announce = format!("do = {{ announce = '203.0.113.0/24', on = 'dc-r2' }}\n{}", shop("ok"));
    // Over the network it takes the way back with it.
    let afar = tried_in(QUIET, "", "", &[SSH, &withdraw, &announce]);
    assert_eq!(verdicts(&afar), ["done", "done", "blocked"], "{:#?}", afar.runbook().steps);
    let why = afar.runbook().steps[2].blocked_on.clone().unwrap_or_default();
    assert!(why.starts_with("dc-r2, over the network: no connection to the router: "), "{why}");
    let travel = format!("{TEAM}\ndo = {{ travel = 'data-centre', carry = ['code-generator'] }}");
    let enter = "do = { enter = 'router-room', try = ['badge'] }";
    let login = "do = { login = 'serial', on = 'core-routers', with = 'break-glass', second-factor = 'code-generator' }";
    let beside = tried_in(QUIET, "", "", &[&travel, enter, login, &withdraw, &announce]);
    assert_eq!(verdicts(&beside), ["done"; 5], "{:#?}", beside.runbook().steps);
    // A router that originates nothing of the sort is not even looked for.
    let copy = folder::copy(&three_services());
    let text = folder::read(&copy, "runbooks/bring-it-back.md")
        + "\n## More\n\n```toml step\ndo = { announce = '10.0.0.0/8', on = 'dc-r2' }\n```\n";
    folder::write(&copy, "runbooks/bring-it-back.md", &text);
    let refused = blackstart_scenario::Scenario::load(copy.path(), None).unwrap_err().to_string();
    assert!(
        refused.contains("unknown prefix of `dc-r2` `10.0.0.0/8`; expected `203.0.113.0/24`"),
        "{refused}"
    );
}

/// Asked from the room in which it is withdrawn, of a router that the company has nothing to do with.
#[test]
fn a_looking_glass_tells_whether_a_prefix_is_heard_of() {
    let heard = |how: &str, within: &str| {
        format!(
            "until = {{ signal = 'paths.203.0.113.0/24@glass', {how}, within = '{within}', else = 'stop' }}"
        )
    };
    let step =
        |verb: &str, until: &str| format!("do = {{ {verb} = '203.0.113.0/24', on = 'dc-r2' }}\n{until}");
    let look = format!(
        "who = {{ role = 'on-call' }}\ndo = {{ observe = ['paths.203.0.113.0/24@glass'] }}\n{}",
        heard("at-least = 1", "15m")
    );
    let travel = format!("{TEAM}\ndo = {{ travel = 'data-centre', carry = ['code-generator'] }}");
    let login = "do = { login = 'serial', on = 'core-routers', with = 'break-glass', second-factor = 'code-generator' }";
    let gone = step("withdraw", &heard("is = '0'", "15m"));
    let back = step("announce", &heard("at-least = 1", "15m"));
    let night = tried_in(QUIET, "", "", &[&look, &travel, ENTER, login, &gone, &back]);
    assert_eq!(verdicts(&night), ["done"; 6], "{:#?}", night.runbook().steps);
    // Nobody announces it again.
    let silent = tried_in(QUIET, "", "", &[&look, &travel, ENTER, login, &gone, &look]);
    assert_eq!(verdicts(&silent)[5], "blocked", "{:#?}", silent.runbook().steps);
}

#[test]
fn a_prefix_moves_to_another_router() {
    let move_it =
        format!("do = {{ fail-over = '203.0.113.0/24', from = 'dc-r2', to = 'dc-r1' }}\n{}", shop("ok"));
    let withdraw = format!("do = {{ withdraw = '203.0.113.0/24', on = 'dc-r1' }}\n{}", shop("failing"));
    let night = tried_in(QUIET, "", "", &[SSH, &move_it, &withdraw]);
    assert_eq!(verdicts(&night), ["done"; 3], "{:#?}", night.runbook().steps);
    let after = night.step("s2").ended.expect("it ended");
    let failing = night
        .history
        .of("http.shop@probe1")
        .iter()
        .filter(|(at, value)| night.moment(*at) < after && value.is("failing"));
    assert_eq!(failing.count(), 0, "no moment without an announcement");
}

#[test]
fn machines_are_switched_on_in_the_order_in_which_they_start() {
    let travel = format!("{TEAM}\ndo = {{ travel = 'data-centre' }}");
    let enter = "do = { enter = 'router-room', try = ['badge'] }";
    let site = format!("do = {{ reset = ['data-centre'], hold = '5m' }}\n{}", shop("ok"));
    let night = tried_in(QUIET, "", "", &[&travel, enter, &site.replace("15m", "90m")]);
    assert_eq!(verdicts(&night), ["done"; 3], "{:#?}", night.runbook().steps);
    let switched = night.events::<Event>().filter_map(|(_, event)| match event {
        Event::PowerCycled { machine, .. } => Some(machine),
        _ => None,
    });
    let switched: Vec<String> = switched.collect();
    let place = |machine: &str| switched.iter().position(|other| other == machine).expect(machine);
    assert!(switched.len() == 15 && place("ns1") < place("web1"), "{switched:?}");
    // The shop's machine does not find the name server, which is off.
    let wrong = "do = { reset = ['web1', 'ns1'], hold = '5m' }";
    let night = tried_in(QUIET, "", "", &[&travel, enter, wrong]);
    let why = night.runbook().steps[2].blocked_on.clone().unwrap_or_default();
    assert_eq!(why, "`web-shop` on web1 did not start within 5m: it waits for `names`");
}

/// `store` starts first: `wiki` needs it to start, and its machine comes first by name.
#[test]
fn a_rack_is_switched_on_in_the_order_in_which_its_machines_start() {
    let travel = format!("{TEAM}\ndo = {{ travel = 'data-centre' }}");
    let reset = "do = { reset = ['rack-1'], hold = '5m' }";
    let before = tried_in(QUIET, "", "", &[&travel, reset]);
    let why = before.runbook().steps[1].blocked_on.clone().unwrap_or_default();
    assert_eq!(why, "wiki2 stands behind the door router-room, Ada before it");
    let enter = "do = { enter = 'router-room', try = ['badge'] }";
    let night = tried_in(QUIET, "", "", &[&travel, enter, reset]);
    assert_eq!(verdicts(&night), ["done"; 3], "{:#?}", night.runbook().steps);
    let switched = night.events::<Event>().filter_map(|(_, event)| match event {
        Event::PowerCycled { machine, .. } => Some(machine),
        _ => None,
    });
    assert_eq!(switched.collect::<Vec<_>>(), ["wiki2", "wiki1"], "the whole rack and nothing else");
}

#[test]
fn through_a_tunnel_people_reach_what_nobody_outside_can() {
    let on_call = "who = { role = 'on-call' }";
    let read = format!("{on_call}\ndo = {{ open = 'wiki.shop.example' }}");
    let vpn = format!("{on_call}\ndo = {{ vpn = 'vpn-gateway', with = 'automation' }}");
    let outside = tried_in(QUIET, "", "", &[&read]);
    let why = outside.runbook().steps[0].blocked_on.clone().unwrap_or_default();
    assert!(why.starts_with("wiki.shop.example: "), "{why}");
    let inside = tried_in(QUIET, "", "", &[&vpn, &read]);
    assert_eq!(verdicts(&inside), ["done"; 2], "{:#?}", inside.runbook().steps);
    // The gateway stands in the data centre and asks the office, which is cut off from it.
    let down =
        tried("", "", &[&format!("{on_call}\n{AFTER}\ndo = {{ vpn = 'vpn-gateway', with = 'automation' }}")]);
    let why = down.runbook().steps[0].blocked_on.clone().unwrap_or_default();
    assert!(why.starts_with("sign-in: "), "{why}");
    // A tunnel falls with the gateway, and nothing is done through it then.
    let dark = "[[fault]]\nat = '+10m'\nkind = 'power-off'\non = 'vpn1'\n";
    let wait = format!("{on_call}\ndo = {{ travel = 'office' }}");
    let fallen = tried_in(&format!("{QUIET}{dark}"), "", "", &[&vpn, &wait, &read]);
    assert_eq!(verdicts(&fallen), ["done", "done", "blocked"], "{:#?}", fallen.runbook().steps);
    let why = fallen.runbook().steps[2].blocked_on.clone().unwrap_or_default();
    assert!(why.starts_with("wiki.shop.example: "), "from the laptop again: {why}");
}

#[test]
fn a_name_moves_to_another_address() {
    let travel = format!("{TEAM}\ndo = {{ travel = 'data-centre' }}");
    let enter = "do = { enter = 'router-room', try = ['badge'] }";
    // The shop's machine is gone; the mirror outside has its name from then on, as far as caches allow.
    let gone = "[[fault]]\nat = '+30m'\nkind = 'power-off'\non = 'web1'\n";
    let faults = format!("{QUIET}{gone}");
    let lost = "after = { signal = 'http.shop', is = 'failing', within = '1h', else = 'stop' }\n";
    let name = "fail-over = 'www.shop.example', from = '203.0.113.20', to = '198.51.100.80', on = 'names'";
    let move_it = format!("{lost}do = {{ {name} }}\n{}", shop("ok"));
    let stay = format!("{lost}do = {{ open = 'paper@router-room' }}\n{}", shop("ok"));
    let moved = tried_in(&faults, "", "", &[&travel, enter, &move_it]);
    assert_eq!(verdicts(&moved), ["done"; 3], "{:#?}", moved.runbook().steps);
    let stayed = tried_in(&faults, "", "", &[&travel, enter, &stay]);
    assert_eq!(verdicts(&stayed), ["done", "done", "blocked"], "nothing else brings it back");
    let afar = tried_in(QUIET, "", "", &[&format!("{TEAM}\ndo = {{ {name} }}")]);
    let why = afar.runbook().steps[0].blocked_on.clone().unwrap_or_default();
    assert_eq!(why, "ns1 stands at data-centre, Ada is at home");
    // Words that the zone does not have are told before anything runs.
    for (word, message) in [
        (
            "fail-over = 'ww.shop.example', from = '203.0.113.20', to = '198.51.100.80', on = 'names'",
            "unknown name on `names`",
        ),
        (
            "fail-over = 'www.shop.example', from = '203.0.113.21', to = '198.51.100.80', on = 'names'",
            "unknown address of `www.shop.example`",
        ),
        (
            "fail-over = 'www.shop.example', from = '203.0.113.20', to = '198.51.100.80', on = 'nams'",
            "unknown name server `nams`",
        ),
        (
            "fail-over = 'www.shop.example', from = 'web1', to = '198.51.100.80', on = 'names'",
            "`web1` is no address",
        ),
        ("fail-over = 'access-server', to = 'web1'", "unknown standby `web1`"),
        ("lift-freeze = 'store', with = 'automation'", "unknown configuration store `store`"),
        ("vpn = 'vpn', with = 'automation'", "unknown VPN gateway `vpn`"),
    ] {
        let copy = folder::copy(&three_services());
        let text = folder::read(&copy, "runbooks/bring-it-back.md")
            + &format!("\n## More\n\n```toml step\ndo = {{ {word} }}\n```\n");
        folder::write(&copy, "runbooks/bring-it-back.md", &text);
        let refused = blackstart_scenario::Scenario::load(copy.path(), None).unwrap_err().to_string();
        assert!(refused.contains(message), "{refused}");
    }
}

/// The access server dies; its standby serves once somebody has ordered it and its name has moved.
#[test]
fn a_standby_takes_over_and_is_found_when_the_name_has_moved() {
    let way = "[[travel]]\nfrom = 'desk'\nto = 'hall'\ntakes = { low = '10m', likely = '10m', high = '10m', basis = 'assumption' }\n";
    let on_call = "who = { role = 'on-call' }";
    let to_office = format!("{on_call}\ndo = {{ travel = 'office' }}");
    let take_over = format!("{on_call}\ndo = {{ fail-over = 'access-server', to = 'access-standby' }}");
    let to_hall = format!("{on_call}\ndo = {{ travel = 'data-centre' }}");
    let go_in = format!("{on_call}\ndo = {{ escort = 'router-room', by = 'guard' }}");
    let name = format!(
        "{on_call}\ndo = {{ fail-over = 'access.shop.example', from = '203.0.113.141', to = '203.0.113.142', on = 'names' }}"
    );
    let engineer = "who = { role = 'engineer' }\ndo = { travel = 'data-centre' }".to_owned();
    let tap = "who = { role = 'engineer' }\ndo = { enter = 'router-room', try = ['badge'] }".to_owned();
    let (gone, dark) =
        (|host: &str| format!("[[fault]]\nat = '+5m'\nkind = 'power-off'\non = '{host}'\n"), QUIET);
    let run = |faults: &str, steps: &[&String]| {
        let steps: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
        tried_in(&format!("{dark}{faults}"), "", way, &steps)
    };
    let on_whose_word = |night: &Night| {
        let said = night.events::<badge::Event>().filter_map(|(_, event)| match event {
            badge::Event::Decision { path, .. } => Some(path),
            _ => None,
        });
        said.last().expect("somebody tapped")
    };
    let all = [&to_office, &take_over, &to_hall, &go_in, &name, &engineer, &tap];
    let moved = run(&gone("access1"), &all);
    assert_eq!(verdicts(&moved), ["done"; 7], "{:#?}", moved.runbook().steps);
    assert_eq!(on_whose_word(&moved), badge::event::Path::Server);
    let kept = run(&gone("access1"), &[&to_office, &take_over, &engineer, &tap]);
    assert_eq!(on_whose_word(&kept), badge::event::Path::OfflineList, "the name leads to a dark machine");
    let untouched = run(&gone("access1"), &[&to_office, &to_hall, &go_in, &name, &engineer, &tap]);
    assert_eq!(on_whose_word(&untouched), badge::event::Path::OfflineList, "the standby serves nobody yet");
    // A standby that is dark, and one that has not reached what it copies for too long.
    let why = |night: &Night, n: usize| night.runbook().steps[n].blocked_on.clone().unwrap_or_default();
    let unreachable = run(&gone("access2"), &[&to_office, &take_over]);
    assert_eq!(why(&unreachable, 1), "the machine of access-standby is dark");
    let stale = run(&gone("access1"), &[&engineer, &to_hall, &to_office, &take_over]);
    assert!(
        why(&stale, 3).starts_with("the copy of access-server on access-standby is "),
        "{}",
        why(&stale, 3)
    );
    assert!(stale.events::<Event>().any(|(_, event)| matches!(event, Event::CopyMissed { .. })), "on record");
}

#[test]
fn a_runbook_branches_and_ends() {
    let sign_in = "who = { role = 'on-call' }\ndo = { sign-in = 'automation' }";
    let night = tried(
        "",
        "",
        &[&format!("{sign_in}\nthen = 's3'"), sign_in, &format!("{sign_in}\nthen = 'end'"), sign_in],
    );
    assert_eq!(verdicts(&night), ["done", "skipped", "done", "skipped"]);
    assert_eq!(night.runbook().verdict, "completed");
}

/// An order to the edges that was not taken is given again, until what stopped it is over or the people give up.
#[test]
fn an_order_that_was_not_taken_is_given_again() {
    let admission = "[[host]]\nname = 'admission1'\nsite = 'outside'\nrouter = 'isp-r1'\naddress = '198.51.100.94'\n\
                     [[service]]\nname = 'admission'\nhost = 'admission1'\n[service.run.admission]\ntoken = 'keys'\n";
    let step = "who = { role = 'on-call' }\ndo = { admit = [50, 100], unit = 'percent', hold = '5m' }";
    let ordered = |fault: &str| {
        let night = tried_with(|known| known, admission, fault, "", "", &[step]);
        let orders = night.events::<Event>().filter_map(|(time, event)| match event {
            Event::Admitted { percent } => Some((time.as_nanos() / 1_000_000_000, percent)),
            _ => None,
        });
        (verdicts(&night)[0].to_owned(), orders.collect::<Vec<_>>())
    };
    let (verdict, orders) = ordered("");
    assert_eq!(verdict, "done");
    let [(first, 50), (second, 100)] = orders[..] else { panic!("{orders:?}") };
    let errors = |lasts: &str| {
        let at = first - 5;
        format!(
            "[[fault]]\nat = '+{at}s'\nlasts = '{lasts}'\nkind = 'service-errors'\non = 'admission'\nwith = {{ share = 1 }}\n"
        )
    };
    assert_eq!(ordered(&errors("20s")), ("done".to_owned(), vec![(first + 30, 50), (second + 30, 100)]));
    assert_eq!(ordered(&errors("1h")), ("blocked".to_owned(), vec![]));
}
