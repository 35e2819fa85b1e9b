//! Which runbook people take up, by what they see: two runbooks of the smallest scenario, in worlds that are broken in
//! different ways.

use blackstart_runbook::step::CHOICE;
use blackstart_scenario::Scenario;
use blackstart_tests::folder;
use blackstart_tests::night::{Night, load, play, three_services};
use blackstart_world::Event;

/// The shop does not answer, and its name is as given.
fn when(name: &str) -> String {
    let from = "from = '1 of 1 outside vantage points'";
    format!(
        "use-when = [{{ signal = 'http.shop', is = 'failing', {from} }}, {{ signal = 'dns.shop', is = '{name}', {from} }}]"
    )
}

/// A runbook for a shop whose name resolves.
fn look_at_the_page() -> String {
    let step = "who = { role = 'on-call' }\ndo = { observe = ['http.shop'] }";
    format!(
        "# Look\n\n```toml runbook\n{}\nassumes-up = ['mobile-carriers']\n```\n\n## Look\n\n```toml step\n{step}\n```\n",
        when("NOERROR")
    )
}

/// Both runbooks at hand, and these faults.
fn broken(faults: &str) -> tempfile::TempDir {
    let copy = folder::copy(&three_services());
    let scenario = folder::read(&copy, "scenario.toml").replace("runbook = \"bring-it-back\"\n", "");
    folder::write(&copy, "scenario.toml", &scenario);
    let reset = folder::read(&copy, "runbooks/bring-it-back.md");
    let header = format!("{}\nrestores", when("SERVFAIL"));
    folder::write(&copy, "runbooks/bring-it-back.md", &reset.replace("restores", &header));
    folder::write(&copy, "runbooks/look.md", &look_at_the_page());
    folder::write(&copy, "faults.toml", faults);
    copy
}

fn night(faults: &str) -> Night {
    let copy = broken(faults);
    let scenario: Scenario = load(copy.path(), None);
    play(&scenario, scenario.seed)
}

fn taken_up(night: &Night) -> Vec<String> {
    let event = |event| match event {
        Event::TookUp { person, runbook } => Some(format!("{person}: {runbook}")),
        _ => None,
    };
    night.events::<Event>().filter_map(|(_, e)| event(e)).collect()
}

#[test]
fn the_runbook_that_fits_is_taken_up() {
    let quiet = "[[fault]]\nat = '+1m'\nkind = 'kill-service'\non = 'capacity-controller'\n";
    let cases = [
        // Automation cuts the line: names do not resolve any more.
        ("", "Ada: bring-it-back", "bring-it-back", "completed"),
        // Only the site is gone.
        ("[[fault]]\nat = '+5m'\nkind = 'kill-service'\non = 'web-shop'\n", "Ada: look", "look", "completed"),
    ];
    for (faults, event, name, verdict) in cases {
        let faults = if faults.is_empty() { String::new() } else { format!("{quiet}{faults}") };
        let night = night(&faults);
        assert_eq!(taken_up(&night), [event], "{faults}");
        let runbook = night.runbook();
        assert_eq!((runbook.name.as_str(), runbook.verdict), (name, verdict), "{:#?}", runbook.steps);
        let choice = &runbook.steps[0];
        assert_eq!((choice.id.as_str(), choice.verdict), (CHOICE, "done"));
        assert!(choice.ended <= runbook.steps[1].started && choice.started < choice.ended, "{choice:?}");
        assert_eq!(choice.spent[0].what, "notice");
    }
    let nothing = night(quiet);
    assert_eq!(taken_up(&nothing), [""; 0]);
    assert_eq!(nothing.runbook().verdict, "inconclusive", "nothing ever called for one");
    assert!(nothing.runbook().steps.iter().all(|step| step.verdict == "not-reached"));
}

#[test]
fn a_runbook_without_a_trigger_is_never_chosen_and_check_says_so() {
    let copy = broken("");
    let look = folder::read(&copy, "runbooks/look.md");
    let lines: Vec<&str> = look.lines().filter(|line| !line.starts_with("use-when")).collect();
    folder::write(&copy, "runbooks/look.md", &lines.join("\n"));
    let scenario = load(copy.path(), None);
    assert_eq!(scenario.at_hand().len(), 1);
    let said = scenario.warnings.to_string();
    assert!(
        said.contains(
            "look.md:1:1: nobody takes this runbook up: it does not say when it is to be used; add `use-when`"
        ),
        "{said}"
    );
}
