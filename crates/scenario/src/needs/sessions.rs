//! Sessions from before that end before they are of use, where that can be known without a run.
//!
//! A step cannot begin before those who do the steps before it have come where these are done: that much time passes at the
//! least, and nothing else is counted. Where a runbook branches a step may come sooner than it stands, and nothing is said.

use super::steps::Steps;
use blackstart_runbook::step::{Action, Body, Otherwise, Wait};
use blackstart_source::{Diagnostic, Diagnostics};
use jiff::Timestamp;
use std::time::Duration;

impl<'a> Steps<'a> {
    /// Steps with a page behind sign-in, and whose session there is over by the time they can begin.
    pub(super) fn ended_sessions(&self) -> Diagnostics {
        let mut warnings = Diagnostics::new();
        let (mut begins, mut over) = (Duration::ZERO, Duration::ZERO);
        let bodies = self.runbook.steps.iter().map(|step| step.body.as_ref());
        if bodies.flatten().any(branches) {
            return warnings;
        }
        for (index, step) in self.runbook.steps.iter().enumerate() {
            let Some(body) = &step.body else { continue };
            if !body.with_previous {
                begins = over;
            }
            over = over.max(begins + self.least(index, body));
            let Ok(earliest) = self.ground.scenario.start.checked_add(begins) else { continue };
            for (person, page, end) in self.sessions(body).into_iter().filter(|(_, _, end)| *end < earliest) {
                let message = format!(
                    "the session of {person} at {page} ends at {}, before `{}` can begin at {} at the earliest",
                    end.strftime("%H:%M"),
                    step.id,
                    earliest.strftime("%H:%M"),
                );
                let help = "from then on sign-in must answer; open it before, or keep a copy that needs none";
                warnings.push(Diagnostic::new(&self.runbook.file, step.span.clone(), message).helped(help));
            }
        }
        warnings
    }

    /// Sessions that hold when the run begins, of those who need a page for a step: whose, where, until when.
    fn sessions(&self, body: &'a Body) -> Vec<(&'a str, &'a str, Timestamp)> {
        let page = match &body.action {
            Action::Open { document } => Some(document.text.as_str()),
            Action::Post { on, .. } => Some(on.text.as_str()),
            Action::Convene { bridge, .. } => self.held_at(bridge),
            _ => None,
        };
        let Some(page) = page else { return Vec::new() };
        let Some((_, tool)) = self.ground.tool_at(page) else { return Vec::new() };
        let people = self.candidates(&body.who).into_iter().map(|person| person.name.as_str());
        people.filter_map(|person| Some((person, page, self.ground.session_end(tool, person)?))).collect()
    }

    /// How long a step takes at the least.
    fn least(&self, index: usize, body: &Body) -> Duration {
        let Action::Travel { to, .. } = &body.action else { return Duration::ZERO };
        let people = &self.ground.scenario.people;
        let there = |place: &str| people.site_of(place) == Some(to.text.as_str());
        let gone = (0..index).any(
            |i| matches!(self.action(i), Some(Action::Travel { to: other, .. }) if other.text == to.text),
        );
        if gone || self.candidates(&body.who).iter().any(|person| there(&person.at)) {
            return Duration::ZERO;
        }
        let leads = people.travels.iter().filter(|travel| there(&travel.from) != there(&travel.to));
        leads.map(|travel| travel.takes.low).min().unwrap_or_default()
    }
}

/// Whether a step leads elsewhere than to the next.
fn branches(body: &Body) -> bool {
    let sent = |wait: &Wait| matches!(wait.otherwise, Otherwise::Step(_));
    body.then.is_some() || body.after.iter().chain(&body.until).any(sent)
}
