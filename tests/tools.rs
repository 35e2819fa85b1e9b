//! Tools behind the company's sign-in, a third party's and one inside: whoever signed in before goes on, nobody new comes in.
//!
//! Sign-in stands in the office, whose line goes down at 09:10; the third party and Ada are outside, the wiki is in the data centre.

use blackstart::why::causes;
use blackstart::{Night, Plan, perform};
use blackstart_rt as rt;
use blackstart_scenario::Scenario;
use blackstart_sim::Record;
use blackstart_tests::folder;
use blackstart_tests::night::{load, three_services};
use blackstart_world::Event;

const OUTSIDE: &str = "docs.outside.example";
const INSIDE: &str = "wiki.shop.example";

/// Everything of the day before is twelve hours or more ago.
const YESTERDAY: &str = "2024-06-02T20:00:00Z";
const THIS_MORNING: &str = "2024-06-03T06:00:00Z";
/// Twelve hours later it is 09:05, before the line goes down and after the first look.
const UNTIL_09_05: &str = "2024-06-02T21:05:00Z";

/// Two tools, and people with accounts.
fn tools(signed_in: &str) -> String {
    let tool = |name: &str, place: &str, address: &str, host: &str| {
        format!(
            "[[host]]\nname = '{name}1'\n{place}\naddress = '{address}'\n[[service]]\nname = '{name}'\n\
             host = '{name}1'\n[service.run.tool]\nhosts = ['{host}']\ncontent = 'how to bring it back'\n\
             sign-in = '203.0.113.140:7100'\nsession = '12h'\nsigned-in = [{signed_in}]\n"
        )
    };
    tool("docs", "site = 'outside'\nrouter = 'isp-r1'", "198.51.100.88", OUTSIDE)
        + &tool("wiki", "site = 'data-centre'\nrouter = 'dc-r2'", "203.0.113.96", INSIDE)
}

fn signed_in(person: &str, at: &str) -> String {
    format!("{{ person = '{person}', at = '{at}' }}")
}

/// Ada opens a page while the shop is seen to be like this.
fn opens(host: &str, name: &str, shop: &str) -> String {
    let after = format!(
        "after = {{ signal = 'http.shop', is = '{shop}', from = '1 of 1 outside vantage points', within = '1h', \
         else = 'stop' }}"
    );
    format!(
        "## {name}\n\n```toml step\nwho = {{ role = 'on-call' }}\n{after}\ndo = {{ open = '{host}' }}\n```\n"
    )
}

fn played(signed_in: &str, faults: &str, people: &str, steps: &str) -> Night {
    let plan = Plan { evidence: true, ..Plan::default() };
    perform(&loaded(signed_in, faults, people, steps), &plan, |_| {})
        .unwrap_or_else(|error| panic!("{error}"))
}

fn loaded(signed_in: &str, faults: &str, people: &str, steps: &str) -> Scenario {
    let copy = folder::copy(&three_services());
    let add = |file: &str, more: &str| folder::write(&copy, file, &(folder::read(&copy, file) + more));
    add("services.toml", &tools(signed_in));
    add("zones/root.zone", &format!("{OUTSIDE}. IN A 198.51.100.88\n"));
    add("zones/shop.example.zone", "wiki IN A 203.0.113.96\n");
    let header = "```toml runbook\nassumes-up = ['roads', 'mobile-carriers']\n```";
    folder::write(&copy, "runbooks/bring-it-back.md", &format!("# Steps\n\n{header}\n\n{steps}"));
    folder::write(&copy, "faults.toml", faults);
    let known = folder::read(&copy, "people.toml");
    let ada = "laptop = \"ada-laptop\"\n";
    assert_eq!(known.matches(ada).count(), 1);
    let known = known.replace(ada, &format!("{ada}account = \"ada\"\n"));
    let minute = "takes = { low = '1m', likely = '1m', high = '1m', basis = 'assumption' }";
    let tasks = ["open-document"].map(|name| format!("[[task]]\nname = '{name}'\n{minute}\n")).concat();
    let accounts = "[[account]]\nname = 'ada'\nkind = 'sign-in'\nsecret = 'engine'\n";
    folder::write(&copy, "people.toml", &format!("{known}\n{accounts}{tasks}{people}"));
    load(copy.path(), None)
}

fn verdicts(night: &Night) -> Vec<&str> {
    night.outcome.runbooks[0].steps.iter().map(|step| step.verdict).collect()
}

#[test]
fn who_signed_in_before_goes_on_and_nobody_new_comes_in() {
    let twice = opens(OUTSIDE, "At once", "ok") + &opens(OUTSIDE, "Later", "failing");
    let late = opens(OUTSIDE, "Later", "failing");
    for (before, steps, expected) in [
        (signed_in("Ada", THIS_MORNING), &late, vec!["done"]),
        (String::new(), &late, vec!["blocked"]),
        (signed_in("Ben", THIS_MORNING), &late, vec!["blocked"]),
        (signed_in("Ada", YESTERDAY), &late, vec!["blocked"]),
        // A sign-in while that is still possible gives a session that stays.
        (String::new(), &twice, vec!["done", "done"]),
        // The session ends in the middle of it.
        (signed_in("Ada", UNTIL_09_05), &twice, vec!["done", "blocked"]),
    ] {
        let night = played(&before, "", "", steps);
        assert_eq!(verdicts(&night), expected, "{before}: {:#?}", night.outcome.runbooks[0].steps);
    }
}

/// The office is ten minutes away at the least, and the run begins at 09:00.
#[test]
fn a_session_that_ends_on_the_way_is_warned_of_without_a_run() {
    let travel = "## Go\n\n```toml step\nwho = { role = 'on-call' }\ndo = { travel = 'office' }\n```\n";
    let (go, open) = (travel.to_owned(), opens(OUTSIDE, "Read", "ok"));
    let jump = open.replace("else = 'stop'", "else = 'go'");
    for (before, steps, expected) in [
        (
            UNTIL_09_05,
            go.clone() + &open,
            "the session of Ada at docs.outside.example ends at 09:05, before `read` can begin at 09:10 at the earliest",
        ),
        (THIS_MORNING, go.clone() + &open, ""),
        // It may be read in time.
        (UNTIL_09_05, open.clone(), ""),
        (UNTIL_09_05, open.clone() + &go, ""),
        // No session to begin with: that is for the needs to tell.
        (YESTERDAY, go.clone() + &open, ""),
        // Nobody knows when a step begins to which others lead.
        (UNTIL_09_05, go.clone() + &jump, ""),
    ] {
        let scenario = loaded(&signed_in("Ada", before), "", "", steps.as_str());
        let warnings = scenario.ended_sessions(&scenario.runbooks["bring-it-back"]).to_string();
        assert_eq!(
            (warnings.is_empty(), warnings.contains(expected)),
            (expected.is_empty(), true),
            "{before}: {warnings}"
        );
    }
}

#[test]
fn who_is_not_let_in_is_told_down_to_what_took_sign_in_away() {
    let night = played("", "", "", &opens(OUTSIDE, "Later", "failing"));
    let step = &night.outcome.runbooks[0].steps[0];
    let saw = step.blocked_on.as_deref().unwrap_or_default();
    assert!(saw.starts_with("sign-in"), "{saw}");
    let tree = causes(step, night.evidence.as_ref().expect("evidence"));
    assert_eq!(
        tree.chain(300),
        "no sign-in < discarded at dc-r2 < network parted < ports shut < by assess-global-capacity 09:10"
    );
}

#[test]
fn sign_in_that_is_back_lets_people_in_again() {
    // Nobody shuts the line; sign-in is dark until 09:20.
    let faults = "[[fault]]\nat = '+1m'\nkind = 'kill-service'\non = 'capacity-controller'\n\
        [[fault]]\nat = '+0s'\nlasts = '20m'\nkind = 'power-off'\non = 'sign-in1'\n";
    for (pause, expected) in [("2m", "blocked"), ("30m", "done")] {
        let again = format!("tries = 2\npause = '{pause}'\ndo =");
        let open = opens(OUTSIDE, "Open", "ok").replace("do =", &again);
        assert_eq!(verdicts(&played("", faults, "", &open)), [expected], "{pause}");
    }
}

#[test]
fn a_wiki_inside_asks_as_well() {
    let faults = "[[fault]]\nat = '+1m'\nkind = 'kill-service'\non = 'capacity-controller'\n";
    let dark = "[[fault]]\nat = '+0s'\nkind = 'power-off'\non = 'sign-in1'\n";
    for (before, dark, expected) in [
        (String::new(), "", "done"),
        (String::new(), dark, "blocked"),
        (signed_in("Ada", THIS_MORNING), dark, "done"),
    ] {
        let night = played(&before, &format!("{faults}{dark}"), "", &opens(INSIDE, "Open", "ok"));
        assert_eq!(verdicts(&night), [expected], "{:#?}", night.outcome.runbooks[0].steps);
    }
}

#[test]
fn a_bridge_in_a_tool_is_joined_by_whoever_gets_in() {
    let people = format!(
        "[[bridge]]\nname = 'video'\nat = '{OUTSIDE}'\n[[item]]\nname = 'list'\nat = 'home'\n\
         [[person]]\nname = 'Zoe'\nroles = ['caller']\nat = 'home'\nlaptop = 'ada-laptop'\nitems = ['numbers']\n\
         [[person]]\nname = 'Yan'\nroles = ['second']\nat = 'home'\nlaptop = 'ada-laptop'\naccount = 'ada'\n"
    );
    let convene = opens(OUTSIDE, "Meet", "failing").replace("'on-call'", "'caller'").replace(
        &format!("open = '{OUTSIDE}'"),
        "convene = 'video', by = 'numbers', roles = ['second', 'on-call']",
    );
    let both = [signed_in("Zoe", THIS_MORNING), signed_in("Ada", THIS_MORNING)].join(", ");
    let night = played(&both, "", &people, &convene);
    assert_eq!(verdicts(&night), ["done"], "{:#?}", night.outcome.runbooks[0].steps);
    let decoded = |record: &Record| rt::decode(record.kind, &record.bytes)?.ok();
    let events: Vec<Event> = night.log.iter().filter_map(decoded).collect();
    let joined = |event: &Event| match event {
        Event::Joined { person, .. } => Some(person.clone()),
        _ => None,
    };
    assert_eq!(events.iter().filter_map(joined).collect::<Vec<_>>(), ["Zoe", "Ada"]);
    let kept_out = |event: &Event| matches!(event, Event::TurnedAway { person, .. } if person == "Yan");
    assert!(events.iter().any(kept_out), "Yan has no session from before");
}
