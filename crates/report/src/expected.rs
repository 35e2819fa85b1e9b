//! Whether a variant changed what it says that it changes: one run of it, beside one of the scenario as it is with the same seed.

use crate::RunOutcome;
use crate::recovery::Outage;
use crate::utc::moment;
use blackstart_judge::Condition;
use blackstart_scenario::Expectation;
use blackstart_scenario::files::variant::Recovery;
use blackstart_sim::Time;
use blackstart_world::{History, Value};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// What came of all variants. Its JSON is that of `variants --format json`.
#[derive(Clone, Debug, Serialize)]
pub struct Variants {
    /// Name of the scenario's folder.
    pub scenario: String,
    /// Seed of every run.
    pub seed: u64,
    /// In order of their names.
    pub variants: Vec<Variant>,
}

/// What came of one variant.
#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What is different.
    pub expects: String,
    /// What it expects, in the order of its file.
    pub expectations: Vec<Kept>,
}

/// What came of one expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// What was expected, in words.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// Whether that is what was expected.
    pub kept: bool,
}

/// A run as far as it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What came of it.
    pub outcome: &'a RunOutcome,
    /// Every change of every signal.
    pub history: &'a History,
}

/// Holds a run of a variant to what it expects.
#[must_use]
pub fn judge(expectations: &[Expectation], variant: Seen<'_>, base: Seen<'_>) -> Vec<Kept> {
    expectations.iter().map(|expectation| one(expectation, variant, base)).collect()
}

fn one(expectation: &Expectation, variant: Seen<'_>, base: Seen<'_>) -> Kept {
    let book = variant.outcome.runbooks.first();
    match expectation {
        Expectation::Verdict(verdict) => {
            let seen = book.map_or("nobody tried a runbook", |book| book.verdict);
            kept(format!("the runbook is {verdict}"), seen, seen == verdict)
        }
        Expectation::Step { step, verdict } => {
            let seen = book.and_then(|book| book.steps.iter().find(|it| it.id == *step));
            let seen = seen.map_or("there is no such step", |step| step.verdict);
            kept(format!("step `{step}` is {verdict}"), seen, seen == verdict)
        }
        Expectation::Recovery { recovery, by } => {
            let outages = (Outage::of(variant.history), Outage::of(base.history));
            kept(recovery_in_words(*recovery, *by), seen_of(outages), recovered(*recovery, *by, outages))
        }
        Expectation::Signal { signal, at, condition } => {
            let value = value_at(variant.history, signal, Time::ZERO + *at);
            let seen = value.map_or("it has no value yet".to_owned(), Value::to_string);
            let clock = moment(variant.outcome.start, Time::ZERO + *at).strftime("%H:%M");
            let expected = format!("{signal} {} at {clock}", in_words(condition));
            kept(expected, &seen, value.is_some_and(|value| condition.holds(value)))
        }
    }
}

fn kept(expected: String, observed: impl Into<String>, kept: bool) -> Kept {
    Kept { expected, observed: observed.into(), kept }
}

fn in_words(condition: &Condition) -> String {
    match condition {
        Condition::Is(value) => format!("is {value}"),
        Condition::AtLeast(least) => format!("is at least {least}"),
        Condition::Below(limit) => format!("is below {limit}"),
    }
}

fn value_at<'a>(history: &'a History, signal: &str, at: Time) -> Option<&'a Value> {
    history.of(signal).iter().rfind(|(time, _)| *time <= at).map(|(_, value)| value)
}

/// Moments are compared, not lengths: a variant may change when users were lost, too.
fn recovered(recovery: Recovery, by: Option<[Duration; 2]>, (variant, base): (Outage, Outage)) -> bool {
    let within =
        |off: Option<Duration>| off.zip(by).is_some_and(|(off, [least, most])| (least..=most).contains(&off));
    match (recovery, variant, base) {
        (Recovery::Never, Outage::Lasting { .. }, _) | (Recovery::NotNeeded, Outage::None, _) => true,
        (Recovery::Earlier, Outage::Over { to, .. }, Outage::Over { to: base, .. }) => {
            within(base.since_start().checked_sub(to.since_start()))
        }
        (Recovery::Later, Outage::Over { to, .. }, Outage::Over { to: base, .. }) => {
            within(to.since_start().checked_sub(base.since_start()))
        }
        (Recovery::Same, Outage::Over { to, .. }, Outage::Over { to: base, .. }) => {
            within(Some(to.since_start().abs_diff(base.since_start())))
        }
        _ => false,
    }
}

fn recovery_in_words(recovery: Recovery, by: Option<[Duration; 2]>) -> String {
    let minutes = |length: Duration| length.as_secs() / 60;
    let by =
        by.map(|[least, most]| format!("{} to {} min", minutes(least), minutes(most))).unwrap_or_default();
    match recovery {
        Recovery::Earlier => format!("users are served {by} earlier"),
        Recovery::Later => format!("users are served {by} later"),
        Recovery::Same => format!("users are served at the same time, {by} off"),
        Recovery::Never => "users are not served again".to_owned(),
        Recovery::NotNeeded => "users are served all along".to_owned(),
    }
}

fn seen_of((variant, base): (Outage, Outage)) -> String {
    match (variant, base) {
        (Outage::None, _) => "served all along".to_owned(),
        (Outage::Lasting { .. }, _) => "not served again".to_owned(),
        (Outage::Over { to, .. }, Outage::Over { to: base, .. }) => {
            let off = (to.since_start().as_secs_f64() - base.since_start().as_secs_f64()) / 60.0;
            format!("{:.0} min {}", off.abs(), if off < 0.0 { "earlier" } else { "later" })
        }
        (Outage::Over { .. }, _) => "served again, which is more than without it".to_owned(),
    }
}

impl Variant {
    /// Whether every expectation was kept. A variant that expects nothing shows nothing.
    #[must_use]
    pub fn held(&self) -> bool {
        !self.expectations.is_empty() && self.expectations.iter().all(|it| it.kept)
    }
}

impl Variants {
    /// Whether every variant did what it says.
    #[must_use]
    pub fn held(&self) -> bool {
        self.variants.iter().all(Variant::held)
    }

    /// The page that a person reads.
    #[must_use]
    pub fn page(&self) -> String {
        let as_expected = self.variants.iter().filter(|variant| variant.held()).count();
        let mut page = format!(
            "{}: {as_expected} of {} variants as expected, each beside the scenario as it is, seed {}\n",
            self.scenario,
            self.variants.len(),
            self.seed
        );
        self.variants.iter().for_each(|variant| variant.write(&mut page));
        page
    }
}

impl Variant {
    fn write(&self, page: &mut String) {
        let word = match (self.held(), self.expectations.is_empty()) {
            (true, _) => "as expected",
            (false, true) => "EXPECTS NOTHING",
            (false, false) => "NOT AS EXPECTED",
        };
        // Writing to a string does not fail.
        let _ = writeln!(page, "\n{:<28} {word}", self.name);
        for it in &self.expectations {
            let seen =
                if it.kept { format!("({})", it.observed) } else { format!("MISSED: {}", it.observed) };
            let _ = writeln!(page, "  {} {seen}", it.expected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recoveries_are_compared_by_their_moment() {
        let at = Time::from_secs;
        let over = |to| Outage::Over { from: at(10), to: at(to) };
        let by = |least, most| Some([Duration::from_secs(least), Duration::from_secs(most)]);
        let lasting = Outage::Lasting { from: at(10) };
        let cases = [
            (Recovery::Earlier, by(5, 20), over(90), true),
            (Recovery::Earlier, by(15, 20), over(90), false),
            (Recovery::Earlier, by(0, 20), over(101), false),
            (Recovery::Later, by(5, 20), over(110), true),
            (Recovery::Later, by(5, 20), lasting, false),
            (Recovery::Same, by(0, 0), over(100), true),
            (Recovery::Same, by(0, 3), over(97), true),
            (Recovery::Same, by(0, 3), over(104), false),
            (Recovery::Same, by(0, 3), Outage::None, false),
            (Recovery::Never, None, lasting, true),
            (Recovery::Never, None, over(100), false),
            (Recovery::NotNeeded, None, Outage::None, true),
            (Recovery::NotNeeded, None, lasting, false),
        ];
        for (recovery, by, variant, expected) in cases {
            assert_eq!(
                recovered(recovery, by, (variant, over(100))),
                expected,
                "{recovery:?} {by:?} {variant:?}"
            );
        }
        assert!(!recovered(Recovery::Same, by(0, 9), (over(100), Outage::None)), "nothing to compare with");
    }

    #[test]
    fn a_signal_has_the_value_of_its_last_change() {
        let mut history = History::default();
        history.note(Time::from_secs(5), "s@v".into(), Value::word("ok"));
        history.note(Time::from_secs(9), "s@v".into(), Value::word("503"));
        let at = |s| value_at(&history, "s@v", Time::from_secs(s)).map(Value::to_string);
        assert_eq!(
            (at(4), at(5), at(8), at(9)),
            (None, Some("ok".into()), Some("ok".into()), Some("503".into()))
        );
    }

    #[test]
    fn a_variant_that_expects_nothing_does_not_hold() {
        let kept = |kept| Kept { expected: "a".into(), observed: "b".into(), kept };
        let variant = |expectations| Variant { name: "v".into(), expects: String::new(), expectations };
        assert!(!variant(vec![]).held());
        assert!(variant(vec![kept(true)]).held());
        assert!(!variant(vec![kept(true), kept(false)]).held());
    }
}
