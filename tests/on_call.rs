//! Who hears that something is wrong, and what a long night does to those who are on duty: alerts with needs of their own,
//! shifts, fatigue, calls in the middle of it, people who say no, and causes that are acted on too soon. The smallest
//! scenario, whose line goes down at 09:10.

use blackstart_tests::folder;
use blackstart_tests::night::{Night, load, play, three_services};
use blackstart_world::Event;

/// Plays the scenario with more services, people and faults, and with these step blocks as its runbook.
fn tried(services: &str, people: &str, faults: &str, steps: &[&str]) -> Night {
    let copy = folder::copy(&three_services());
    let step = |(n, block): (usize, &&str)| format!("## S{}\n\n```toml step\n{block}\n```\n", n + 1);
    let steps: String = steps.iter().enumerate().map(step).collect();
    let header =
        "```toml runbook\nassumes-up = ['roads', 'mobile-carriers']\nescalate-to = ['engineer']\n```";
    folder::write(&copy, "runbooks/bring-it-back.md", &format!("# Steps\n\n{header}\n\n{steps}"));
    folder::write(&copy, "faults.toml", faults);
    let add = |file: &str, more: &str| folder::write(&copy, file, &(folder::read(&copy, file) + more));
    add("services.toml", services);
    add("people.toml", people);
    let scenario = load(copy.path(), None);
    play(&scenario, scenario.seed)
}

/// An estimate of exactly this.
fn exactly(length: &str) -> String {
    format!("{{ low = '{length}', likely = '{length}', high = '{length}', basis = 'assumption' }}")
}

fn task(name: &str, length: &str) -> String {
    format!("\n[[task]]\nname = '{name}'\ntakes = {}\n", exactly(length))
}

fn verdicts(night: &Night) -> Vec<&str> {
    night.runbook().steps.iter().map(|step| step.verdict).collect()
}

fn why(night: &Night, step: usize) -> String {
    night.runbook().steps[step].blocked_on.clone().unwrap_or_default()
}

fn events(night: &Night) -> Vec<Event> {
    night.events::<Event>().map(|(_, event)| event).collect()
}

const LOOK: &str = "who = { role = 'on-call' }\ndo = { observe = ['http.shop'] }";

#[test]
fn an_alert_has_needs_of_its_own() {
    let watched = |site: &str, router: &str, chat: &str, signs_in: &str| {
        let host = |name: &str, site: &str, router: &str, address: &str| {
            format!(
                "[[host]]\nname = '{name}'\nsite = '{site}'\nrouter = '{router}'\naddress = '{address}'\n"
            )
        };
        let chat_on = |name: &str, host: &str, more: &str| {
            format!(
                "[[service]]\nname = '{name}'\nhost = '{host}'\n[service.run.chat]\nlisten = '0.0.0.0:6667'\n{more}\n"
            )
        };
        let address = if site == "outside" { "198.51.100.90" } else { "203.0.113.43" };
        let resolver = if site == "outside" { "198.51.100.54:53" } else { "203.0.113.42:53" };
        host("chat1", "data-centre", "dc-r1", "203.0.113.44")
            + &chat_on("inside", "chat1", "")
            + &host("chat2", "outside", "isp-r1", "198.51.100.91")
            + &chat_on("outside", "chat2", "")
            + &host("chat3", "outside", "isp-r1", "198.51.100.92")
            + &chat_on("asks", "chat3", "identity = '203.0.113.140:7100'")
            + &host("monitor1", site, router, address)
            + &format!(
                "[[service]]\nname = 'shop-down'\nhost = 'monitor1'\n[service.run.alert]\nhost = 'www.shop.example'\n\
                 resolvers = ['{resolver}']\nevery = '60s'\ntimeout = '20s'\nfall = 3\nchat = '{chat}'\n\
                 channel = '#on-call'\nretry = '60s'\n{signs_in}\n"
            )
    };
    let signs_in = "signs-in = { at = '203.0.113.140:7100', account = 'automation' }";
    let cases = [
        ("outside", "isp-r1", "outside", "", Some("delivered"), ""),
        ("outside", "isp-r1", "inside", "", Some("undelivered"), "cannot connect"),
        ("outside", "isp-r1", "asks", signs_in, Some("undelivered"), "sign-in: "),
        // Beside what it looks at it sees nothing wrong, and goes on seeing it.
        ("data-centre", "dc-r1", "inside", "", None, ""),
    ];
    for (site, router, chat, with, last, saw) in cases {
        let night = tried(&watched(site, router, chat, with), "", "", &[LOOK]);
        let states: Vec<String> =
            night.history.of("alert.shop-down@monitor1").iter().map(|(_, value)| value.to_string()).collect();
        assert_eq!(states.last().map(String::as_str), last, "{site}, {chat}: {states:?}");
        let because = night.events::<blackstart_manage::Event>().any(|(_, event)| {
            use blackstart_manage::event::Alert;
            matches!(event, blackstart_manage::Event::Alert(Alert::Undelivered { why, .. }) if why.contains(saw))
        });
        assert_eq!(because, last == Some("undelivered"), "{site}, {chat}");
    }
}
