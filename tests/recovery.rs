//! Recoverability as a test of somebody's own. How one fails, with the causes, stands in `planted.rs`.

use blackstart_tests::night::three_services;
use std::ops::RangeInclusive;

#[test]
fn three_services_come_back() {
    blackstart::recovery(three_services()).runbook("bring-it-back").seeds(1..=20).assert();
}

#[test]
fn a_wrong_question_is_no_recovery() {
    let cases = [
        (blackstart::recovery(three_services()).runbook("bring-it-bak"), "did you mean `bring-it-back`?"),
        (blackstart::recovery(three_services()).seeds(RangeInclusive::new(3, 1)), "no seeds, or too many"),
        (blackstart::recovery("no-such-folder"), "there was no run"),
    ];
    for (question, expected) in cases {
        let message = question.check().expect_err("nothing to run").to_string();
        assert!(message.contains(expected), "no {expected:?} in {message}");
    }
}
