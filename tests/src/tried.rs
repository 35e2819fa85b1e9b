//! Blocks of steps, played as the runbook of the smallest scenario, which has more to play with here: chats, ways in, phones.

use crate::folder;
use crate::night::{Night, load, play, three_services};
use tempfile::TempDir;

/// Tasks that the scenario's own runbook does not ask for.
const MORE_TASKS: [&str; 8] =
    ["restart", "fetch", "sign-in", "open-document", "power-cycle", "brief", "write", "acknowledge"];

/// What the scenario has none of: chats, ways in, phones and what they need.
const MORE_SERVICES: &str = include_str!("../steps/services.toml");
/// A router that may take the prefix over, and a looking glass.
const MORE_NETWORK: &str = "[[originate]]\nrouter = 'dc-r1'\nprefix = '203.0.113.0/24'\nstandby = true\n\
    [[as]]\nnumber = 64502\nname = 'glass'\n\
    [[router]]\nname = 'glass'\nas = 64502\nsite = 'outside'\naddress = '192.0.2.1'\nnetworks = ['192.0.2.0/24']\ncollector = true\n\
    [[link]]\nends = ['glass', 'isp-r1']\nlatency = '5ms'\n\
    [[session]]\nends = ['glass', 'isp-r1']\nrelation = 'customer'\n";

/// Nobody shuts the line.
pub const QUIET: &str = "[[fault]]\nat = '+1m'\nkind = 'kill-service'\non = 'capacity-controller'\n";

/// Waits for the line to go down, doing nothing.
pub const AFTER: &str = "after = { signal = 'http.shop', is = 'failing', from = '1 of 1 outside vantage points', within = '1h', else = 'stop' }";

/// Plays the scenario with these step blocks as its runbook; steps are called `s1`, `s2`, …
#[must_use]
pub fn tried(header: &str, people: &str, steps: &[&str]) -> Night {
    tried_in("", header, people, steps)
}

/// The same with faults of its own.
#[must_use]
pub fn tried_in(faults: &str, header: &str, people: &str, steps: &[&str]) -> Night {
    tried_with(|known| known, "", faults, header, people, steps)
}

/// The same with a change of what `people.toml` says already, and with services of its own.
#[must_use]
pub fn tried_with(
    change: impl FnOnce(String) -> String,
    services: &str,
    faults: &str,
    header: &str,
    people: &str,
    steps: &[&str],
) -> Night {
    let copy = with_runbook(faults, header, steps);
    let takes = "takes = { low = '1m', likely = '1m', high = '1m', basis = 'assumption' }";
    let task = |name: &str| format!("[[task]]\nname = '{name}'\n{takes}\n");
    let tasks: String = MORE_TASKS.iter().copied().map(task).collect();
    add(&copy, "services.toml", &format!("{MORE_SERVICES}{services}"));
    let known = folder::read(&copy, "services.toml");
    assert!(known.contains("[service.run.identity]\n"));
    let asks = "[service.run.identity]\npush = \"198.51.100.85:7500\"\n";
    folder::write(&copy, "services.toml", &known.replace("[service.run.identity]\n", asks));
    add(&copy, "network.toml", MORE_NETWORK);
    add(&copy, "zones/shop.example.zone", "wiki IN A 10.9.0.10\ndocs IN A 198.51.100.70\n");
    // Addresses that are announced to nobody outside.
    let network = folder::read(&copy, "network.toml");
    let inside = "networks = [\"203.0.113.64/26\", \"10.9.0.0/24\"]";
    folder::write(&copy, "network.toml", &network.replace("networks = [\"203.0.113.64/26\"]", inside));
    let known = folder::read(&copy, "people.toml");
    let known = known.replace("at = \"hall\"\n", "at = \"hall\"\nlaptop = \"gus-laptop\"\n");
    folder::write(&copy, "people.toml", &format!("{}\n{tasks}{people}", change(known)));
    let scenario = load(copy.path(), None);
    play(&scenario, scenario.seed)
}

/// Plays the scenario as it is, with these services, people, faults and step blocks; the engineer is escalated to.
#[must_use]
pub fn bare(services: &str, people: &str, faults: &str, steps: &[&str]) -> Night {
    let copy = with_runbook(faults, "escalate-to = ['engineer']", steps);
    add(&copy, "services.toml", services);
    add(&copy, "people.toml", people);
    let scenario = load(copy.path(), None);
    play(&scenario, scenario.seed)
}

/// The scenario with these faults and step blocks instead of its own.
fn with_runbook(faults: &str, header: &str, steps: &[&str]) -> TempDir {
    let copy = folder::copy(&three_services());
    let step = |(n, block): (usize, &&str)| format!("## S{}\n\n```toml step\n{block}\n```\n", n + 1);
    let steps: String = steps.iter().enumerate().map(step).collect();
    let header = format!("```toml runbook\nassumes-up = ['roads', 'mobile-carriers']\n{header}\n```");
    folder::write(&copy, "runbooks/bring-it-back.md", &format!("# Steps\n\n{header}\n\n{steps}"));
    folder::write(&copy, "faults.toml", faults);
    copy
}

fn add(copy: &TempDir, file: &str, more: &str) {
    folder::write(copy, file, &(folder::read(copy, file) + more));
}

/// The verdicts of the steps, in order.
#[must_use]
pub fn verdicts(night: &Night) -> Vec<&str> {
    night.runbook().steps.iter().map(|step| step.verdict).collect()
}
