//! A runbook for paper: its prose, and each block in plain words, with room for times and a tick.

use crate::measure::rough;
use crate::step::{
    Action, Body, Condition, Configure, Name, Otherwise, Runbook, Step, Test, Then, Wait, Who,
};

/// Columns of a sheet.
const COLUMNS: usize = 100;
/// Where the text of a step begins.
const INDENT: &str = "        ";

/// The sheet, in plain text.
#[must_use]
pub fn sheet(runbook: &Runbook) -> String {
    let mut lines = vec![runbook.title.clone(), "=".repeat(COLUMNS)];
    let header = [
        ("Brings back", &runbook.restores),
        ("Copies lie at", &runbook.copies),
        ("Taken for granted", &runbook.assumes_up),
        ("Escalate to", &runbook.escalate_to),
    ];
    if !runbook.use_when.is_empty() {
        let all: Vec<String> = runbook.use_when.iter().map(seen).collect();
        lines.extend(wrapped(&format!("Use when: {}", all.join(", and ")), "", COLUMNS));
    }
    for (what, words) in header {
        if !words.is_empty() {
            lines.extend(wrapped(&format!("{what}: {}", listed(words)), "", COLUMNS));
        }
    }
    lines.push("Begun ____-__-__ __:__ UTC   by ______________________".to_owned());
    for (n, step) in runbook.steps.iter().enumerate() {
        lines.push(String::new());
        lines.extend(of_step(n + 1, step));
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn of_step(number: usize, step: &Step) -> Vec<String> {
    let head = format!("[ ] {number:>2}. {}", step.title);
    let times = "began __:__  ended __:__";
    let gap = COLUMNS.saturating_sub(head.chars().count() + times.len()).max(2);
    let mut lines = vec![format!("{head}{}{times}", " ".repeat(gap))];
    for paragraph in step.prose.split("\n\n") {
        lines.extend(wrapped(paragraph, INDENT, COLUMNS));
    }
    for (label, text) in step.body.iter().flat_map(of_body) {
        let mut text = wrapped(&text, &format!("{INDENT}       "), COLUMNS);
        if let Some(first) = text.first_mut() {
            first.replace_range(INDENT.len()..INDENT.len() + label.len(), label);
        }
        lines.extend(text);
    }
    lines
}

fn of_body(body: &Body) -> Vec<(&'static str, String)> {
    let mut rows = vec![("WHO", who(&body.who))];
    if body.with_previous {
        rows.push(("WITH", "together with the step before".to_owned()));
    }
    rows.extend(body.after.iter().map(|wait| ("WHEN", waited(wait))));
    rows.push(("DO", action(&body.action)));
    if body.tries.most > 1 {
        rows.push(("TRY", format!("up to {} times, {} between", body.tries.most, rough(body.tries.pause))));
    }
    rows.extend(body.until.iter().map(|wait| ("DONE", waited(wait))));
    rows.extend(body.then.iter().map(|then| ("THEN", then_on(then))));
    rows.extend(body.undo.iter().map(|undo| ("UNDO", action(undo))));
    if !body.needs.is_empty() {
        rows.push(("NEEDS", listed(&body.needs)));
    }
    rows
}

fn who(who: &Who) -> String {
    match who {
        Who::Role(role) => role.text.clone(),
        Who::Approvers { roles, of, deputies } => {
            let deputies = if *deputies { ", or their deputies" } else { "" };
            format!("{of} of {}{deputies}", listed(roles))
        }
        Who::Team { name, skills } => format!("team {}: {}", name.text, listed(skills)),
    }
}

fn then_on(then: &Then) -> String {
    match then {
        Then::Step(step) => format!("go to \u{201c}{}\u{201d}", step.text),
        Then::End => "that is all".to_owned(),
    }
}

fn seen(seen: &Condition) -> String {
    let test = match &seen.test {
        Test::Is(value) => format!("is {value}"),
        Test::AtLeast(number) => format!("is at least {number}"),
    };
    let from = seen.quorum.as_ref().map(|q| format!(" at {} of {} {} points", q.count, q.of, q.group.text));
    format!("{} {test}{}", seen.signal.text, from.unwrap_or_default())
}

fn waited(wait: &Wait) -> String {
    let otherwise = match &wait.otherwise {
        Otherwise::Step(step) => format!("go to \u{201c}{}\u{201d}", step.text),
        Otherwise::Stop => "stop".to_owned(),
        Otherwise::Escalate => "escalate".to_owned(),
        Otherwise::Undo => "undo, then stop".to_owned(),
        Otherwise::PreviousPercent => "back to the percentage before, then stop".to_owned(),
    };
    let within = rough(wait.within);
    format!("{}, within {within}; else {otherwise}", seen(&wait.seen))
}

fn action(action: &Action) -> String {
    let with = |word: &str, name: &Option<Name>| {
        name.as_ref().map(|name| format!("{word}{}", name.text)).unwrap_or_default()
    };
    match action {
        Action::Observe { signals } => format!("look at {}", listed(signals)),
        Action::Convene { bridge, by, roles } => {
            format!("open {}; call {}, numbers on {}", bridge.text, listed(roles), by.text)
        }
        Action::Decide { what, record, site } => {
            format!("decide {}; write it in {}; tell the guard of {}", what.text, record.text, site.text)
        }
        Action::Travel { to, carry, alert } => {
            let carry = if carry.is_empty() { String::new() } else { format!("; carry {}", listed(carry)) };
            format!("go to {}{carry}{}", to.text, with("; call ", alert))
        }
        Action::Enter { door, ways } => format!("go through {}: {}", door.text, ways_of(ways)),
        Action::Login { by, on, with: account, second_factor } => {
            format!(
                "log in on {} ({}) as {}{}",
                on.text,
                by.text,
                account.text,
                with(", with ", second_factor)
            )
        }
        Action::Compare { save } => {
            format!("compare running with last good configuration{}", with("; save it on ", save))
        }
        Action::Apply { what, on, first, hold, from, isolate, admit } => {
            let isolate = isolate.as_ref().map(|name| format!("cut {} off; ", name.text)).unwrap_or_default();
            let admit = admit.map(|percent| format!("admit {percent} % of users; ")).unwrap_or_default();
            let held = if hold.is_zero() {
                String::new()
            } else {
                format!("; first {first} of them, held {}", rough(*hold))
            };
            format!("{admit}{isolate}bring {} to {}{}{held}", on.text, what.text, with(" from ", from))
        }
        Action::Admit { percents, hold, stop_errors_percent } => {
            let steps: Vec<String> = percents.iter().map(|percent| format!("{percent} %")).collect();
            let stop =
                stop_errors_percent.map(|limit| format!("; stop above {limit} % errors")).unwrap_or_default();
            format!("admit {} of users, {} each{stop}", steps.join(", "), rough(*hold))
        }
        Action::Isolate { service } => format!("cut {} off", service.text),
        Action::Fetch { item } => format!("fetch {}", item.text),
        Action::SignIn { account } => format!("sign in as {}", account.text),
        Action::Open { document } => format!("open {}", document.text),
        Action::PowerCycle { machine } => format!("switch {} off and on", machine.text),
        Action::Restart { service } => format!("start {} again", service.text),
        Action::Call { roles } => format!("call {}", listed(roles)),
        Action::HandOver { role, to } => format!("brief {}, who is {} from then on", to.text, role.text),
        Action::Chat { channel, on, to, text, with: account, ways } => {
            let account = with(", signed in as ", account);
            let ways = match ways.is_empty() {
                true => String::new(),
                false => format!("; ways, in this order: {}", listed(ways)),
            };
            format!(
                "tell {} in {} on {}{account}: {}; wait for the answer{ways}",
                to.text, channel.text, on.text, text.text
            )
        }
        Action::Page { roles, on, patience, .. } => {
            format!(
                "page {} through {}, {} each, until one answers",
                listed(roles),
                on.text,
                rough(*patience)
            )
        }
        Action::Escort { door, by } => format!("have {} take you through {}", by.text, door.text),
        Action::Ssh { on, through, with } => {
            format!("log in on {} through {} as {}", on.text, through.text, with.text)
        }
        Action::Originate { prefix, on, announced } => {
            format!("{} {} on {}", if *announced { "announce" } else { "withdraw" }, prefix.text, on.text)
        }
        Action::FailOver { prefix, from, to } => {
            format!("announce {} on {}, then withdraw it on {}", prefix.text, to.text, from.text)
        }
        Action::Configure { order, on, with } => {
            let order = match order {
                Configure::Push(change) => format!("push {} through", change.text),
                Configure::Freeze => "freeze changes at".to_owned(),
                Configure::LiftFreeze => "lift the freeze at".to_owned(),
            };
            format!("{order} {} as {}", on.text, with.text)
        }
        Action::TakeOver { service, to } => {
            format!("have {} take over from {}, at its machine", to.text, service.text)
        }
        Action::Repoint { name, on, from, to } => {
            format!("give {} the address {} in place of {} on {}", name.text, to.ip, from.ip, on.text)
        }
        Action::Vpn { on, with } => format!("open a tunnel to {} as {}", on.text, with.text),
        Action::Reset { machines, patience } => {
            format!("switch {} off, then on one by one; {} each", listed(machines), rough(*patience))
        }
        Action::Post { on, text } => format!("say on {}: {}", on.text, text.text),
    }
}

fn ways_of(ways: &[Name]) -> String {
    let words: Vec<&str> = ways.iter().map(|way| way.text.as_str()).collect();
    words.join(", else ")
}

fn listed(words: &[Name]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    words.join(", ")
}

/// Text in lines of at most so many columns, each after `indent`; a word that is longer has a line of its own.
fn wrapped(text: &str, indent: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= columns) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use blackstart_source::SourceFile;

    #[test]
    fn a_sheet_says_all_that_the_block_says() {
        let text = "# Reset\n\n```toml runbook\nrestores = ['names']\nescalate-to = ['boss']\n```\n\n## Look\n\nFrom a phone that is \
            not on our network.\n\n```toml step\nwho = { approvers = ['a', 'b'], of = 1, deputies = true }\ndo = { fetch = 'key' }\n\
            tries = 3\npause = '5m'\nuntil = { signal = 's', is = 'NOERROR', from = '2 of 3 outside vantage points', within = '1h30m', \
            else = 'escalate' }\n```\n";
        let runbook = crate::read(&SourceFile::new("r.md", text)).unwrap();
        let sheet = sheet(&runbook);
        let expected = [
            "Reset",
            "Brings back: names",
            "Escalate to: boss",
            "[ ]  1. Look                                                                began __:__  ended __:__",
            "        From a phone that is not on our network.",
            "        WHO    1 of a, b, or their deputies",
            "        DO     fetch key",
            "        TRY    up to 3 times, 5m between",
            "        DONE   s is NOERROR at 2 of 3 outside points, within 1h30m; else escalate",
        ];
        for line in expected {
            assert!(sheet.lines().any(|other| other == line), "{line:?} in\n{sheet}");
        }
        assert!(sheet.lines().all(|line| line.chars().count() <= COLUMNS));
    }
}
