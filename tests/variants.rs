//! Variants of scenarios change what they say that they change.

use blackstart_campaign::{Workers, variants};
use blackstart_report::expected::Variants;
use blackstart_scenario::Scenario;
use blackstart_tests::folder;
use blackstart_tests::night::{founding, load, play, three_services};
use std::path::Path;

fn tried(scenario: &Path) -> Variants {
    let workers = Workers::new(None).expect("threads");
    variants(scenario, &workers, &()).unwrap_or_else(|error| panic!("{error}"))
}

/// Those of the founding night that its files promise.
const PROMISED: [&str; 13] = [
    "audit-works",
    "badges-cached",
    "controller-not-frozen",
    "dc-badges-work",
    "names-fail-static",
    "no-ramp",
    "oob-independent",
    "oob-needs-dns",
    "oob-needs-sign-in",
    "oob-rides-backbone",
    "paper-phone-list-missing",
    "standing-authority",
    "status-outside",
];

#[test]
fn the_founding_night_with_one_thing_changed() {
    let tried = tried(&founding());
    for name in PROMISED {
        assert!(tried.variants.iter().any(|variant| variant.name == name), "there is no variant {name}");
    }
    assert!(tried.held(), "{}", tried.page());
}

/// A site that is started in the wrong order does not come up, and says on what it waits.
#[test]
fn a_site_is_started_from_cold() {
    let folder = three_services().with_file_name("cold-start");
    let base = load(&folder, None);
    let night = play(&base, base.seed);
    assert!(night.outcome.held(), "{:#?} {:#?}", night.outcome.milestones, night.runbook());
    let tried = tried(&folder);
    assert!(tried.held() && tried.variants.len() == 3, "{}", tried.page());
    for (variant, why) in [
        (
            "secrets-before-their-quorum",
            "`secrets` on secrets1 did not start within 5m: it waits for `1 more of unsealer-1, unsealer-2`",
        ),
        ("the-clock-last", "`certificates` on certificates1 did not start within 5m: it waits for `clock`"),
    ] {
        let scenario = load(&folder, Some(variant));
        let night = play(&scenario, scenario.seed);
        assert_eq!(night.step("start").blocked_on.as_deref(), Some(why), "{variant}");
    }
}

/// A copy of the smallest scenario with one variant, which expects this.
fn expecting(expect: &str) -> tempfile::TempDir {
    let copy = folder::copy(&three_services());
    std::fs::create_dir_all(copy.path().join("variants")).expect("a folder can be made");
    let variant = format!("title = 'as it is'\nexpects = 'nothing new'\n{expect}");
    folder::write(&copy, "variants/same.toml", &variant);
    copy
}

#[test]
fn an_expectation_that_is_not_kept_is_seen() {
    let cases = [
        ("[[expect]]\nverdict = 'completed'\n", true),
        ("[[expect]]\nverdict = 'blocked'\n", false),
        ("[[expect]]\nrecovery = 'same'\nby = ['0s', '0s']\n", true),
        ("[[expect]]\nrecovery = 'earlier'\nby = ['1m', '9h']\n", false),
        ("[[expect]]\nrecovery = 'never'\n", false),
        ("[[expect]]\nsignal = 'http.shop@probe1'\nat = '+1m'\nis = '200'\n", true),
        ("[[expect]]\nsignal = 'http.shop@probe1'\nat = '+20m'\nis = '200'\n", false),
        ("", false),
    ];
    for (expect, held) in cases {
        let tried = tried(expecting(expect).path());
        assert_eq!(tried.held(), held, "{}", tried.page());
    }
}

#[test]
fn expectations_that_cannot_be_read() {
    let cases = [
        ("verdict = 'finished'", "unknown verdict `finished`"),
        ("step = 'entre'\nverdict = 'done'", "unknown step `entre`"),
        ("step = 'enter'\nverdict = 'completed'", "unknown verdict `completed`"),
        ("recovery = 'earlier'", "no single expectation"),
        ("recovery = 'never'\nby = ['1m', '2m']", "no single expectation"),
        ("signal = 'http.shop@probe1'\nat = '+1m'", "no single expectation"),
        ("signal = 'http.shop@probe1'\nat = '+1m'\nis = '200'\nbelow = 3", "no single expectation"),
        ("signal = 'http.shop@probe9'\nat = '+1m'\nis = '200'", "unknown vantage point `probe9`"),
    ];
    for (expect, message) in cases {
        let copy = expecting(&format!("[[expect]]\n{expect}\n"));
        let mistakes = Scenario::load(copy.path(), Some("same")).expect_err(expect).to_string();
        assert!(mistakes.contains(message), "{expect}: {mistakes}");
        assert!(mistakes.contains("same.toml:"), "{expect}: {mistakes}");
    }
}

#[test]
fn a_step_of_a_runbook_can_be_changed() {
    let name = "runbooks/bring-it-back.md";
    let change = |step: &str, set: &str, to: &str| {
        let change =
            format!("[[change]]\nfile = '{name}'\ntable = 'step'\nname = '{step}'\nset = '{set}'\n{to}\n");
        Scenario::load(expecting(&change).path(), Some("same"))
    };
    let within = |scenario: &Scenario| {
        let steps = &scenario.runbooks["bring-it-back"].steps;
        let enter = steps.iter().find(|step| step.id == "enter").and_then(|step| step.body.as_ref());
        enter.and_then(|body| body.until.as_ref()).map(|until| until.within.as_secs())
    };
    let changed =
        change("enter", "until.within", "to = '7m'").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(within(&changed), Some(420));
    let unknown = change("entre", "until.within", "to = '7m'").expect_err("no such step").to_string();
    assert!(unknown.contains("unknown step `entre`"), "{unknown}");
    let broken = change("enter", "until.within", "to = 'soon'").expect_err("no length").to_string();
    assert!(broken.contains("bring-it-back.md:"), "{broken}");
}
