//! Needs that nobody declared: seen in a quiet run and in a cold boot of everything, told with the moment, and counted.

use blackstart_scenario::{Needs, Scenario};
use blackstart_tests::folder;
use blackstart_tests::night::{founding, load, three_services};
use tempfile::TempDir;

/// The shop behind an edge that asks an admission service now and then.
fn with_edge(needs: &str) -> TempDir {
    let copy = folder::copy(&three_services());
    let host = |name: &str, address: &str| {
        format!("[[host]]\nname = '{name}'\nsite = 'data-centre'\nrouter = 'dc-r2'\naddress = '{address}'\n")
    };
    let more = [
        host("edge1", "203.0.113.92"),
        format!(
            "[[service]]\nname = 'edge'\nhost = 'edge1'\n{needs}\n[service.run.edge]\npools = [{{ backends = ['203.0.113.20:80'] }}]\n"
        ),
        "admission = { address = '203.0.113.93:80', interval-s = 10 }\n".to_owned(),
        host("admission1", "203.0.113.93"),
        "[[service]]\nname = 'admission'\nhost = 'admission1'\n[service.run.admission]\ntoken = 'ramp'\n"
            .to_owned(),
    ];
    let services = folder::read(&copy, "services.toml");
    folder::write(
        &copy,
        "services.toml",
        &services
            .replace("[[host]]\nname = \"audit1\"", &format!("{}[[host]]\nname = \"audit1\"", more.concat())),
    );
    let zone = folder::read(&copy, "zones/shop.example.zone");
    folder::write(&copy, "zones/shop.example.zone", &zone.replace("203.0.113.20", "203.0.113.92"));
    // The machine with the admission service is gone for good.
    folder::write(&copy, "faults.toml", "[[fault]]\nat = '+20m'\nkind = 'power-off'\non = 'admission1'\n");
    copy
}

fn learned(copy: &TempDir) -> (Scenario, blackstart_scenario::Learned) {
    let scenario = load(copy.path(), None);
    let learned = scenario.learn().expect("two runs");
    (scenario, learned)
}

#[test]
fn what_was_asked_and_never_declared_is_told_and_counts() {
    let (scenario, seen) = learned(&with_edge(""));
    let said = scenario.undeclared(&seen).to_string();
    assert!(said.contains("services.toml:"), "{said}");
    assert!(said.contains("`edge` asked `admission` on admission1 at 09:00:"), "{said}");
    assert!(
        said.contains("nothing says that it needs it; add `admission` to its `run-needs` or `boot-needs`"),
        "{said}"
    );
    let runbook = &scenario.runbooks["bring-it-back"];
    assert_eq!(scenario.needs(runbook), Needs::Met, "as it is declared");
    let Needs::Deadlocked { why, .. } = scenario.needs_as_learned(runbook, &seen.contacts) else {
        panic!("what was seen counts")
    };
    let why = why.join("\n");
    for word in ["`edge`", "what `edge` asks at admission (learned)", "admission1", "has no power"] {
        assert!(why.contains(word), "{word} in {why}");
    }
}

#[test]
fn what_is_declared_is_not_told() {
    let (scenario, seen) = learned(&with_edge("run-needs = ['admission', 'web-shop']"));
    let edge = |contact: &&blackstart_scenario::Contact| contact.services == ["edge"];
    assert!(seen.contacts.iter().filter(edge).count() >= 2, "{:?}", seen.contacts);
    assert!(seen.contacts.iter().filter(edge).all(|contact| contact.declared), "{:?}", seen.contacts);
    assert!(!scenario.undeclared(&seen).to_string().contains("`edge`"));
    assert!(matches!(scenario.needs(&scenario.runbooks["bring-it-back"]), Needs::Deadlocked { .. }));
}

#[test]
fn a_circle_of_boot_needs_shows_in_a_cold_boot() {
    let copy = folder::copy(&three_services());
    let services = folder::read(&copy, "services.toml");
    let circle = services.replace("name = \"names\"\n", "name = \"names\"\nboot-needs = [\"web-shop\"]\n");
    folder::write(&copy, "services.toml", &circle);
    let (scenario, seen) = learned(&copy);
    let waiting = [("names", "web-shop"), ("web-shop", "names")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(seen.not_started, waiting);
    let said = scenario.undeclared(&seen).to_string();
    assert!(
        said.contains("`names` never starts in a cold boot of everything: it waits for `web-shop`"),
        "{said}"
    );
    let (_, whole) = learned(&folder::copy(&three_services()));
    assert_eq!(whole.not_started, []);
}

/// The scenarios of the book start again, and one of them says all that its services need.
#[test]
fn scenarios_that_work() {
    let warnings = |folder: std::path::PathBuf| {
        let scenario = load(&folder, None);
        let seen = scenario.learn().expect("two runs");
        assert!(seen.contacts.iter().any(|contact| contact.declared), "{:?}", seen.contacts);
        assert_eq!(seen.not_started, [], "{}", scenario.name);
        let runbook =
            scenario.default_runbook.as_ref().map(|name| &scenario.runbooks[name]).expect("a runbook");
        assert_eq!(scenario.needs_as_learned(runbook, &seen.contacts), Needs::Met, "{}", scenario.name);
        scenario.undeclared(&seen)
    };
    assert_eq!(warnings(three_services()).to_string(), "");
    // The edges follow an admission service, which their needs leave out.
    let told: Vec<String> = warnings(founding()).iter().map(|warning| warning.message().to_owned()).collect();
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(
        told.iter().all(|text| text.contains("-edge` asked `admission` on scl-admission1 at 15:30:")),
        "{told:#?}"
    );
}
