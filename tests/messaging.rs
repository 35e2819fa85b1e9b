//! Messages between users in the smallest scenario: the office's line is cut from 09:10 to 09:40, and Ben's phone is there.
//! Ann's is outside, and so is the server as far as the line is concerned.

use blackstart_app::{Event, MessageStep};
use blackstart_scenario::Scenario;
use blackstart_sim::Time;
use blackstart_tests::folder;
use blackstart_tests::night::{Night, play_with, three_services};

/// Nobody shuts ports; a digger finds the line.
const FAULTS: &str = "[[fault]]\nat = '+1m'\nkind = 'kill-service'\non = 'capacity-controller'\n\
    [[fault]]\nat = '+10m'\nlasts = '30m'\nkind = 'partition'\non = 'hq-r1 - dc-r1'\n";

const SERVER: &str = "[[host]]\nname = 'talk1'\nsite = 'data-centre'\nrouter = 'dc-r2'\naddress = '203.0.113.98'\n\
    [[service]]\nname = 'talk'\nhost = 'talk1'\nrun = { messages = {} }\n";

fn phone(name: &str, place: &str, address: &str, to: &str) -> String {
    format!(
        "[[host]]\nname = '{name}'\n{place}\naddress = '{address}'\n[[service]]\nname = '{name}-app'\nhost = '{name}'\n\
         [service.run.users]\nproduct = 'talk'\nhost = '203.0.113.98'\nresolvers = ['198.51.100.54:53']\nusers = 1\n\
         period-s = 60\nretry-s = [30]\nkeep-alive = true\nmessages = {{ to = '{to}' }}\n"
    )
}

fn written_to(other: &str) -> Result<Scenario, String> {
    let copy = folder::copy(&three_services());
    let phones = phone("ann-phone", "site = 'outside'\nrouter = 'isp-r1'", "198.51.100.71", other)
        + &phone("ben-phone", "site = 'office'\nrouter = 'hq-r1'", "203.0.113.171", "ann-phone");
    let known = folder::read(&copy, "services.toml");
    folder::write(&copy, "services.toml", &format!("{known}\n{SERVER}{phones}"));
    folder::write(&copy, "faults.toml", FAULTS);
    Scenario::load(copy.path(), None).map_err(|mistakes| mistakes.to_string())
}

/// When Ann's messages came to a step.
fn anns(night: &Night, wanted: MessageStep) -> Vec<(u64, Time)> {
    let step = |(time, event)| match event {
        Event::Message { from, number, step } if from.starts_with("ann") && step == wanted => {
            Some((number, time))
        }
        _ => None,
    };
    night.events().filter_map(step).collect()
}

#[test]
fn what_is_sent_in_an_outage_of_one_side_is_delivered_after_it() {
    let scenario = written_to("ben-phone").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let night = play_with(&scenario, 1, None);
    let (cut, back) = (night.at("09:10"), night.at("09:40"));
    let [sent, arrived, delivered] =
        [MessageStep::Sent, MessageStep::Arrived, MessageStep::Delivered].map(|step| anns(&night, step));
    let when = |steps: &[(u64, Time)], number| {
        steps.iter().find(|(n, _)| *n == number).unwrap_or_else(|| panic!("{number} never is")).1
    };
    let meanwhile: Vec<u64> =
        sent.iter().filter(|(_, at)| (cut..back).contains(at)).map(|(n, _)| *n).collect();
    assert!(meanwhile.len() >= 25, "{meanwhile:?}");
    for number in meanwhile {
        assert!(when(&arrived, number) > back);
        assert!(when(&delivered, number) > when(&arrived, number));
    }
    // Ann has first ticks all along; Ben has none, and writes nothing more until he gets one.
    let most = night.first("undelivered@ann-phone", cut, |waiting| waiting >= 25.0);
    assert!(most < back);
    let _ = night.first("undelivered@ann-phone", back, |waiting| waiting <= 1.0);
    let _ = night.first("unsent@ben-phone", cut, |waiting| waiting == 1.0);
    let _ = night.first("unsent@ben-phone", back, |waiting| waiting == 0.0);
}

#[test]
fn whoever_writes_to_nobody_is_told() {
    let mistakes = written_to("bens-phone").expect_err("no such host");
    assert!(mistakes.contains("unknown host of users who exchange messages `bens-phone`"), "{mistakes}");
    assert!(mistakes.contains("ben-phone"), "{mistakes}");
}
