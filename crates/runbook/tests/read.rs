//! Reading runbooks: the one to aim at, and many that are broken.

use std::time::Duration;

use blackstart_runbook::read;
use blackstart_runbook::step::{Action, Otherwise, Runbook, Test, Who};
use blackstart_source::SourceFile;
use proptest::prelude::*;

const RESET: &str = include_str!("manual-datacenter-reset.md");

fn reset() -> Runbook {
    let file = SourceFile::new("runbooks/manual-datacenter-reset.md", RESET);
    read(&file).unwrap_or_else(|complaints| panic!("{complaints}"))
}

#[test]
fn the_reset_runbook_is_read_whole() {
    let runbook = reset();
    assert_eq!(runbook.name, "manual-datacenter-reset");
    assert_eq!(runbook.title, "Manual data-centre reset");
    assert_eq!(runbook.restores.len(), 6);
    assert_eq!(runbook.assumes_up.len(), 4);
    let ids: Vec<&str> = runbook.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["declare", "authorise", "travel", "enter", "unlock", "confirm", "restore", "ramp"]);
    assert_eq!(runbook.steps[3].line, 29);
    assert!(runbook.steps[3].prose.starts_with("Try the badge."));
    assert!(runbook.steps.iter().all(|step| step.body.is_some()));
}

#[test]
fn actors_are_inherited() {
    let runbook = reset();
    let who = |index: usize| runbook.steps[index].body.as_ref().unwrap().who.clone();
    assert!(matches!(who(1), Who::Approvers { of: 2, deputies: true, .. }));
    assert!(matches!(who(2), Who::Team { .. }));
    assert_eq!(who(2), who(7));
}

#[test]
fn a_decision_is_told_where_it_is_seen() {
    let runbook = reset();
    let authorise = runbook.steps[1].body.as_ref().unwrap();
    let Action::Decide { site, .. } = &authorise.action else { panic!("decide") };
    assert_eq!(site.text, "santa-clara");
}

#[test]
fn an_undo_takes_back_what_was_applied() {
    let runbook = reset();
    let restore = runbook.steps[6].body.as_ref().unwrap();
    let Action::Apply { first: 1, hold, isolate: Some(isolate), .. } = &restore.action else {
        panic!("apply")
    };
    assert_eq!((*hold, isolate.text.as_str()), (Duration::from_secs(600), "capacity-controller"));
    let Some(Action::Apply { what, on, from: Some(from), .. }) = &restore.undo else { panic!("undo") };
    assert_eq!(
        (what.text.as_str(), on.text.as_str(), from.text.as_str()),
        ("saved", "backbone-links", "laptop")
    );
    assert_eq!(restore.until.as_ref().unwrap().otherwise, Otherwise::Undo);
}

#[test]
fn a_ramp_has_steps_a_quorum_and_what_stops_it() {
    let runbook = reset();
    let ramp = runbook.steps[7].body.as_ref().unwrap();
    let Action::Admit { percents, stop_errors_percent, .. } = &ramp.action else { panic!("admit") };
    assert_eq!((percents.as_slice(), *stop_errors_percent), ([5, 15, 40, 100].as_slice(), Some(2)));
    assert_eq!(ramp.needs[0].text, "site-power-rise", "a stop condition without a model is a need");
    let until = ramp.until.as_ref().unwrap();
    let quorum = until.seen.quorum.as_ref().unwrap();
    assert_eq!((quorum.count, quorum.of, quorum.group.text.as_str()), (3, 3, "outside"));
    assert_eq!((&until.seen.test, &until.otherwise), (&Test::AtLeast(95.0), &Otherwise::PreviousPercent));
}

#[test]
fn names_point_at_their_words() {
    let runbook = reset();
    let service = &runbook.restores[1];
    assert_eq!(&RESET[service.span.clone()], "\"names\"");
    assert_eq!(runbook.file.position(service.span.start), (4, 25));
}

/// Every wait value that TOML can spell comes out as the text that signals are compared with.
#[test]
fn wait_values_become_text() {
    for (written, text) in [("4", "4"), ("true", "true"), ("\"all\"", "all"), ("2.5", "2.5"), ("4.0", "4")] {
        let runbook =
            one_step(&format!("until = {{ signal = 's', is = {written}, within = '1m', else = 'stop' }}"));
        let body = read(&runbook).unwrap().steps.remove(0).body.unwrap();
        assert_eq!(body.until.unwrap().seen.test, Test::Is(text.to_owned()));
    }
}

fn one_step(line: &str) -> SourceFile {
    let text = format!(
        "# T\n\n## Look\n\n```toml step\nwho = {{ role = 'lead' }}\ndo = {{ observe = ['a'] }}\n{line}\n```\n"
    );
    SourceFile::new("r.md", text)
}

/// Each is put as lines 6 and following of a file whose step block begins on line 5.
#[test]
fn broken_blocks() {
    let cases = [
        (
            "do = { observe = ['a'] }",
            "r.md:3:1: nobody does the step `look`; expected `who = …` here, because no step before it says who",
        ),
        ("who = { role = 'a' }", "r.md:6:1: the key `do` is missing"),
        (
            "who = { role = 'a', team = 'b' }\ndo = { observe = ['a'] }",
            "r.md:6:7: `who` names one kind of actor; expected one of `role`, `approvers`, `team`",
        ),
        (
            "who = {}\ndo = { observe = ['a'] }",
            "r.md:6:7: `who` names one kind of actor; expected one of `role`, `approvers`, `team`",
        ),
        (
            "who = { rolle = 'a' }\ndo = { observe = ['a'] }",
            "r.md:6:9: unknown key `rolle`; expected one of `role`, `approvers`, `of`, `deputies`, `team`, `skills`; did you mean `role`?",
        ),
        (
            "who = { role = 'a', of = 2 }\ndo = { observe = ['a'] }",
            "r.md:6:26: `of` does not go with `role`; role takes: nothing else",
        ),
        (
            "who = { team = 'a' }\ndo = { observe = ['a'] }",
            "r.md:6:7: `team` needs `skills`; expected `skills = [..]`",
        ),
        (
            "who = { team = 'a', skills = [] }\ndo = { observe = ['a'] }",
            "r.md:6:30: `skills` is empty; expected one or more",
        ),
        (
            "who = { approvers = ['a', 'b'], of = 3 }\ndo = { observe = ['a'] }",
            "r.md:6:38: `of` is 3, but there are 2 approvers; expected 1 to 2",
        ),
        (
            "who = { approvers = ['a', 'b'], of = 0 }\ndo = { observe = ['a'] }",
            "r.md:6:38: `of` is 0, but there are 2 approvers; expected 1 to 2",
        ),
    ];
    agree(cases, |block| format!("# T\n\n## Look\n\n```toml step\n{block}\n```\n"));
}

/// Each is the `do` of a step by `lead`, on line 7.
#[test]
fn broken_actions() {
    let cases = [
        (
            "{}",
            "r.md:7:6: no verb; expected one of observe, convene, decide, travel, enter, login, compare, apply, admit, post, isolate, fetch, sign-in, open, power-cycle, restart, call, hand-over, chat, page, escort, ssh, announce, withdraw, fail-over, reset, vpn, push, freeze, lift-freeze",
        ),
        (
            "{ by = 'list' }",
            "r.md:7:6: no verb; expected one of observe, convene, decide, travel, enter, login, compare, apply, admit, post, isolate, fetch, sign-in, open, power-cycle, restart, call, hand-over, chat, page, escort, ssh, announce, withdraw, fail-over, reset, vpn, push, freeze, lift-freeze",
        ),
        (
            "{ travel = 'a', enter = 'b' }",
            "r.md:7:6: two verbs, `travel` and `enter`; expected one thing to do in a step",
        ),
        (
            "{ convene = 'b', by = 'l', roles = ['r'], carry = ['x'] }",
            "r.md:7:56: `carry` does not go with `convene`; convene takes: by, roles",
        ),
        (
            "{ observe = ['a'], on = 'x' }",
            "r.md:7:30: `on` does not go with `observe`; observe takes: nothing else",
        ),
        (
            "{ convene = 'b' }",
            "r.md:7:6: `convene` needs `by`; convene takes: by, roles\nr.md:7:6: `convene` needs `roles`; convene takes: by, roles",
        ),
        (
            "{ decide = 'd', record = 'log' }",
            "r.md:7:6: `decide` tells no site; expected `site = …`, or `until` a signal `…@SITE`",
        ),
        ("{ enter = 'd', try = [] }", "r.md:7:27: `try` is empty; expected one or more"),
        (
            "{ login = 'seriall', on = 'r', with = 'w' }",
            "r.md:7:16: unknown value `seriall`; expected one of `serial`, `remote`; did you mean `serial`?",
        ),
        (
            "{ compare = 'running', with = 'last' }",
            "r.md:7:18: unknown value `running`; expected `running-config`\nr.md:7:36: unknown value `last`; expected `last-good`",
        ),
        (
            "{ apply = 'last-good' }",
            "r.md:7:6: `apply` needs `on`; apply takes: on, first, confirm-within, isolate, admit, from",
        ),
        (
            "{ apply = 'last-good', on = 'l', first = 0 }",
            "r.md:7:47: no link at all comes first; expected 1 or more",
        ),
        (
            "{ apply = 'saved', on = 'l' }",
            "r.md:7:16: it is not said where `saved` lies; expected `from = …`, the item that it was saved on",
        ),
        (
            "{ apply = 'last-good', on = 'l', from = 'x' }",
            "r.md:7:46: `last-good` comes from the routers, not `from` an item; expected it only with `apply = \"saved\"`",
        ),
        (
            "{ apply = 'last-good', on = 'l', admit = [5] }",
            "r.md:7:47: several shares beside `apply`; expected one percentage",
        ),
        (
            "{ apply = 'last-good', on = 'l', admit = -1, confirm-within = '10' }",
            "r.md:7:47: -1 is no share of the users; expected 0 to 100 percent\nr.md:7:68: `10` is no duration; expected a duration such as `90s`, `45m` or `1h30m`",
        ),
        (
            "{ admit = 5, hold = '1m' }",
            "r.md:7:16: `admit` goes in steps; expected for example `[5, 15, 40, 100]`",
        ),
        (
            "{ admit = [], hold = '1m' }",
            "r.md:7:16: `admit` goes in steps; expected for example `[5, 15, 40, 100]`",
        ),
        (
            "{ admit = [5, 40, 15], hold = '1m' }",
            "r.md:7:24: 15 does not rise above 40; expected rising percentages",
        ),
        (
            "{ admit = [5, 101], hold = '0s' }",
            "r.md:7:20: 101 is no share of the users; expected 1 to 100 percent\nr.md:7:33: `0s` is no time at all; expected more than that",
        ),
        (
            "{ admit = [5], unit = 'per mille', hold = '1m' }",
            "r.md:7:28: unknown value `per mille`; expected `percent`",
        ),
        (
            "{ admit = [5], hold = '1m', stop-if = { errors = '2' } }",
            "r.md:7:55: `2` is no share of errors; expected whole percent such as `2%`",
        ),
        (
            "{ post = 'sorry' }",
            "r.md:7:6: `post` needs `text`; post takes: text, on\nr.md:7:6: `post` needs `on`; post takes: text, on",
        ),
        (
            "{ travl = 'x' }",
            "r.md:7:8: unknown key `travl`; expected one of `observe`, `convene`, `decide`, `travel`, `enter`, `login`, `compare`, `apply`, `admit`, `post`, `isolate`, `fetch` and 38 more; did you mean `travel`?",
        ),
    ];
    agree(cases, |action| {
        format!("# T\n\n## Look\n\n```toml step\nwho = {{ role = 'lead' }}\ndo = {action}\n```\n")
    });
}

/// Each is the rest of an `until` for the signal `s`, on line 8.
#[test]
fn broken_waits() {
    let cases = [
        ("within = '1m', else = 'stop'", "r.md:8:9: there is no test; expected `is` or `at-least`"),
        (
            "is = 1, at-least = 2, within = '1m', else = 'stop'",
            "r.md:8:44: there are two tests; expected either `is` or `at-least`",
        ),
        (
            "is = [1], within = '1m', else = 'stop'",
            "r.md:8:30: this is a list; expected text, a number, true or false",
        ),
        (
            "at-least = 'many', within = '1m', else = 'stop'",
            "r.md:8:36: `many` is no threshold; expected a number, or a share such as `95%`",
        ),
        ("is = 1, else = 'stop'", "r.md:8:9: the key `within` is missing"),
        ("is = 1, within = '1m'", "r.md:8:9: the key `else` is missing"),
        (
            "is = 1, within = 'soon', else = 'stop'",
            "r.md:8:42: `soon` is no duration; expected a duration such as `90s`, `45m` or `1h30m`",
        ),
        (
            "is = 1, within = '1m', else = 'undo'",
            "r.md:8:55: `undo` in a step with no `undo`; expected `undo = …` in this step, or another way",
        ),
        (
            "is = 1, within = '1m', else = 'previous-percent'",
            "r.md:8:55: `previous-percent` in a step with no `admit`; expected it only in a step that admits users",
        ),
        (
            "is = 1, from = 'outside', within = '1m', else = 'stop'",
            "r.md:8:40: `outside` names no vantage points; expected for example `2 of 3 outside vantage points`",
        ),
        (
            "is = 1, from = '2 of 3 vantage points', within = '1m', else = 'stop'",
            "r.md:8:40: `2 of 3 vantage points` names no vantage points; expected for example `2 of 3 outside vantage points`",
        ),
        (
            "is = 1, from = '4 of 3 outside', within = '1m', else = 'stop'",
            "r.md:8:40: 4 of 3 cannot agree; expected 1 to 3",
        ),
        (
            "is = 1, from = '0 of 3 outside', within = '1m', else = 'stop'",
            "r.md:8:40: 0 of 3 cannot agree; expected 1 to 3",
        ),
    ];
    agree(cases, |wait| one_step(&format!("until = {{ signal = 's', {wait} }}")).text().to_owned());
    let file =
        one_step("until = { signal = 's@v', is = 1, from = '1 of 3 x', within = '1m', else = 'stop' }");
    let complaint = "r.md:8:20: the signal is seen at `v`, and `from` asks others too; expected the signal without `@…`, or no `from`";
    assert_eq!(complaints(file.text()), complaint);
}

#[test]
fn broken_outlines() {
    let cases = [
        (
            "",
            "r.md:1:1: the runbook has no title; expected `# What to recover`\nr.md:1:1: the runbook has no steps; expected `## …` for each step",
        ),
        ("# T\n", "r.md:1:1: the runbook has no steps; expected `## …` for each step"),
        ("## S\n", "r.md:1:1: the runbook has no title; expected `# What to recover`"),
        ("# T\n# U\n## S\n", "r.md:2:1: a second title; expected `## …` for a step"),
        ("# T\n## S\n# U\n", "r.md:3:1: a second title; expected `## …` for a step"),
        ("#\n## S\n", "r.md:1:1: the title is empty; expected `# What to recover`"),
        (
            "# T\n##\n",
            "r.md:2:1: a heading without words; expected the name of a step, for example `## Declare`",
        ),
        (
            "# T\n## ?!\n",
            "r.md:2:1: a heading without words; expected the name of a step, for example `## Declare`",
        ),
        ("# T\n## Go on\n## Go on!\n", "r.md:3:1: a second step `go-on`; the first is on line 2"),
        (
            "# T\n## Stop\n",
            "r.md:2:1: a step cannot be called `Stop`; `else = \"stop\"` is an order, not a step",
        ),
        (
            "# T\n## S\n```toml stpe\n```\n",
            "r.md:3:1: unknown kind of block `toml stpe`; expected `toml runbook` or `toml step`; did you mean `toml step`?",
        ),
        (
            "# T\n## S\n```tmol step\n```\n",
            "r.md:3:1: unknown kind of block `tmol step`; expected `toml runbook` or `toml step`; did you mean `toml step`?",
        ),
        (
            "# T\n## S\n```toml\n```\n",
            "r.md:3:1: unknown kind of block `toml`; expected `toml runbook` or `toml step`",
        ),
        (
            "# T\n```toml step\n```\n## S\n",
            "r.md:2:1: a `toml step` block outside a step; expected it under a heading `## …`",
        ),
        (
            "# T\n## S\n```toml runbook\n```\n",
            "r.md:3:1: a `toml runbook` block in a step; expected it before the first step",
        ),
        (
            "# T\n```toml runbook\n```\n~~~toml runbook\n~~~\n## S\n",
            "r.md:4:1: a second `toml runbook` block; expected one in a file",
        ),
        (
            "# T\n## S\n- x\n\n  ```toml step\n  ```\n",
            "r.md:5:3: a `toml step` block in a list or a quotation; expected it at the margin",
        ),
        (
            "# T\n## S\n```toml step\ndo = 1\n## U\n",
            "r.md:3:1: this `toml step` block has no end; expected a closing fence on a line of its own",
        ),
        (
            "# T\n```toml runbook\nrestore = []\n```\n## S\n",
            "r.md:3:1: unknown key `restore`; expected one of `use-when`, `restores`, `copies`, `assumes-up`, `escalate-to`; did you mean `restores`?",
        ),
    ];
    agree(cases, str::to_owned);
}

#[test]
fn a_second_block_in_a_step() {
    let block = "```toml step\nwho = { role = 'a' }\ndo = { observe = ['s'] }\n```\n";
    let complaint = "r.md:7:1: a second `toml step` block in the step `s`; expected one under each heading";
    assert_eq!(complaints(&format!("# T\n## S\n{block}{block}")), complaint);
}

/// One unreadable actor is one complaint, not one for each step that inherits it.
#[test]
fn complaints_come_together_and_once() {
    let text = "# T\n## A\n```toml step\nwho = { rol = 'a' }\ndo = { observe = ['s'] }\n```\n\
                ## B\n```toml step\ndo = { enter = 'd', try = [] }\n```\n\
                ## C\n```toml step\ndo = { observe = ['s'] }\n```\n";
    let complaint = "r.md:4:9: unknown key `rol`; expected one of `role`, `approvers`, `of`, `deputies`, `team`, `skills`; did you mean `role`?\n\
                     r.md:9:27: `try` is empty; expected one or more";
    assert_eq!(complaints(text), complaint);
}

#[test]
fn a_heading_without_a_block_is_an_unchecked_step() {
    let runbook = read(&SourceFile::new("r.md", "# T\n## Breathe\nTwice.\n")).unwrap();
    assert!(runbook.steps[0].body.is_none());
    assert_eq!(runbook.steps[0].prose, "Twice.");
}

#[test]
fn floods_are_refused_quickly() {
    let steps =
        (0..20_000).fold("# T\n".to_owned(), |text, n| text + &format!("## S{n}\n```toml step\n```\n"));
    assert!(complaints(&steps).contains("r.md:602:1: too many steps; expected at most 200"));
    let fences = "# T\n## S\n".to_owned() + &"```toml x\n```\n".repeat(60_000);
    assert_eq!(complaints(&fences).lines().count(), 100);
}

/// Shows all that differ at once.
fn agree<const N: usize>(cases: [(&str, &str); N], text: impl Fn(&str) -> String) {
    let found = cases.map(|(case, _)| (case, complaints(&text(case))));
    let different: Vec<_> =
        found.iter().zip(cases).filter(|(found, case)| found.1 != case.1).map(|(found, _)| found).collect();
    assert!(different.is_empty(), "{different:#?}");
}

fn complaints(text: &str) -> String {
    match read(&SourceFile::new("r.md", text)) {
        Ok(runbook) => panic!("read: {runbook:?}"),
        Err(complaints) => complaints.to_string(),
    }
}

/// Pieces that a runbook is made of, so that random files get past the outline.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("# T\n"),
        Just("## S\n"),
        Just("## U\r\n"),
        Just("S\n---\n"),
        Just("```toml step\n"),
        Just("```toml runbook\n"),
        Just("~~~toml step\n"),
        Just("> "),
        Just("- "),
        Just("\t"),
        Just("```\n"),
        Just("~~~\n"),
        Just("who = { role = 'ä' }\n"),
        Just("who = { approvers = [], of = 18446744073709551615 }\n"),
        Just("do = { admit = [1, 9223372036854775807], hold = '9d' }\n"),
        Just("do = { apply = 'saved', first = -1 }\n"),
        Just("until = { signal = '@', at-least = nan, from = '1 of 0 ', within = '', else = '' }\n"),
        Just("undo = { observe = ['\u{feff}'] }\n"),
        Just("needs = [''"),
        Just("\u{0}\u{301}\n"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = read(&SourceFile::new("r.md", text));
    }

    #[test]
    fn any_runbook_is_read_or_refused(text in pieces()) {
        let _ = read(&SourceFile::new("r.md", text));
    }

    /// A slip of the pen in a good runbook: never a panic, and every complaint has a place.
    #[test]
    fn a_damaged_runbook_is_read_or_refused(at in 0..RESET.len(), noise in "[\\PC\n]{0,4}", cut in 0..40_usize) {
        let end = (at + cut).min(RESET.len());
        prop_assume!(RESET.is_char_boundary(at) && RESET.is_char_boundary(end));
        let text = [&RESET[..at], noise.as_str(), &RESET[end..]].concat();
        if let Err(complaints) = read(&SourceFile::new("r.md", text)) {
            prop_assert!(complaints.iter().all(|complaint| complaint.line().is_some()));
        }
    }
}
