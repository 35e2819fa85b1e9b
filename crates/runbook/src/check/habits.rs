//! Steps that work and are still unwise.

use super::Judge;
use crate::needs::{PHONES, ROADS};
use crate::step::{Action, Body, Name, Otherwise, Step, Then};
use blackstart_rt::Set;
use blackstart_source::near_miss;
use std::time::Duration;

impl Judge<'_> {
    pub(super) fn habits(&mut self) {
        self.never_reached();
        self.taken_for_granted_by_another_name();
        for (index, step) in self.runbook.steps.iter().enumerate() {
            let Some(body) = &step.body else { continue };
            self.verifies_nothing(step, body);
            self.has_no_way_back(step, body);
            self.is_never_undone(step, body);
            self.is_not_taken_back(step, body);
            self.stays_withdrawn(index, step, body);
            self.goes_back(index, body);
            self.without_model(body);
            self.outwaits_every_run(step, body);
        }
    }

    fn verifies_nothing(&mut self, step: &Step, body: &Body) {
        if body.until.is_none() {
            let message = format!("the step `{}` verifies nothing", step.id);
            self.warning(&step.span, message, "say with `until` what must be seen when it is done");
        }
    }

    fn has_no_way_back(&mut self, step: &Step, body: &Body) {
        let steps_back = body.waits().any(|wait| wait.otherwise == Otherwise::PreviousPercent);
        if body.action.is_risky() && body.undo.is_none() && !steps_back {
            let message = format!("the step `{}` changes what users depend on and has no way back", step.id);
            self.warning(&step.span, message, "add `undo`, and `until` with `else = \"undo\"`");
        }
    }

    fn is_never_undone(&mut self, step: &Step, body: &Body) {
        if body.undo.is_some() && !body.waits().any(|wait| wait.otherwise == Otherwise::Undo) {
            let message = format!("the `undo` of the step `{}` is never done", step.id);
            self.warning(&step.span, message, "`else = \"undo\"` in its `until`");
        }
    }

    /// An `undo` that is known to do something else than to take the action back.
    fn is_not_taken_back(&mut self, step: &Step, body: &Body) {
        if let Some(undo) = &body.undo
            && body.action.is_taken_back_by(undo) == Some(false)
        {
            let message = format!("the `undo` of the step `{}` does not take back what it did", step.id);
            self.warning(&step.span, message, "the same thing the other way round");
        }
    }

    /// What is withdrawn on the way must be announced again.
    fn stays_withdrawn(&mut self, index: usize, step: &Step, body: &Body) {
        let Action::Originate { prefix, announced: false, .. } = &body.action else { return };
        let later = self.runbook.steps.iter().skip(index + 1).filter_map(|step| step.body.as_ref());
        let announces = |body: &Body| match &body.action {
            Action::Originate { prefix: other, announced, .. } => *announced && other.text == prefix.text,
            Action::FailOver { prefix: other, .. } => other.text == prefix.text,
            _ => false,
        };
        if !later.clone().any(announces) {
            let message = format!("nothing announces {} again after the step `{}`", prefix.text, step.id);
            self.warning(&prefix.span, message, "a later step that does, on whichever router");
        }
    }

    /// The only way round is a step that leads back.
    fn goes_back(&mut self, index: usize, body: &Body) {
        let otherwise = body.waits().filter_map(|wait| match &wait.otherwise {
            Otherwise::Step(target) => Some(("else", target)),
            _ => None,
        });
        let then = body.then.iter().filter_map(|then| match then {
            Then::Step(target) => Some(("then", target)),
            Then::End => None,
        });
        for (key, target) in otherwise.chain(then) {
            if self.runbook.steps.iter().take(index + 1).any(|step| step.id == target.text) {
                let message = format!("`{key}` goes back to `{}`", target.text);
                self.warning(&target.span, message, "the steps go round in a circle until something changes");
            }
        }
    }

    /// Steps to which no way leads from the first one.
    fn never_reached(&mut self) {
        let steps = &self.runbook.steps;
        let (mut reached, mut next) = (Set::new(), vec![0]);
        while let Some(index) = next.pop() {
            if index < steps.len() && reached.insert(index) {
                next.extend(self.leads_to(index));
            }
        }
        for (index, step) in steps.iter().enumerate().filter(|(index, _)| !reached.contains(index)) {
            let message = format!("no way leads to the step `{}`", step.id);
            let before = index.checked_sub(1).map_or("", |before| &steps[before].id);
            let help = format!("name it in a `then` or an `else`; `{before}` leads elsewhere");
            self.warning(&step.span, message, help);
        }
    }

    /// Where a runbook may go on after a step, or together with it.
    fn leads_to(&self, index: usize) -> Vec<usize> {
        let steps = &self.runbook.steps;
        let called = |name: &Name| steps.iter().position(|step| step.id == name.text);
        let begins_together =
            steps.get(index + 1).and_then(|step| step.body.as_ref()).is_some_and(|body| body.with_previous);
        let Some(body) = &steps[index].body else { return vec![index + 1] };
        let then = match &body.then {
            None => Some(index + 1),
            Some(Then::Step(name)) => called(name),
            Some(Then::End) => None,
        };
        let otherwise = body.waits().filter_map(|wait| match &wait.otherwise {
            Otherwise::Step(name) => called(name),
            _ => None,
        });
        otherwise.chain(then).chain(begins_together.then_some(index + 1)).collect()
    }

    fn outwaits_every_run(&mut self, step: &Step, body: &Body) {
        let longest = self.vocabulary.longest_run;
        if let Some(wait) = body.waits().find(|wait| wait.within > longest) {
            let hours = |time: Duration| time.as_secs() / 3600;
            let message = format!(
                "the step `{}` may wait for {} h, and no run lasts longer than {} h: its `else` never comes",
                step.id,
                hours(wait.within),
                hours(longest)
            );
            self.warning(&step.span, message, "a time after which somebody would try something else");
        }
    }

    /// A word under `assumes-up` that nothing needs, one slip away from one that something needs.
    fn taken_for_granted_by_another_name(&mut self) {
        let steps = self.runbook.steps.iter().filter_map(|step| step.body.as_ref());
        let needed = steps.flat_map(|body| &body.needs).map(|need| need.text.as_str());
        let needed: Set<&str> = needed.chain([PHONES, ROADS]).collect();
        for name in &self.runbook.assumes_up {
            if needed.contains(name.text.as_str()) {
                continue;
            }
            if let Some(meant) = near_miss(&name.text, needed.iter().copied()) {
                let message = format!("nothing needs `{}`, which is taken for granted", name.text);
                self.warning(&name.span, message, format!("did you mean `{meant}`?"));
            }
        }
    }

    fn without_model(&mut self, body: &Body) {
        for need in &body.needs {
            let is = |name: &Name| name.text == need.text;
            if !self.vocabulary.needs.contains(&need.text) && !self.runbook.assumes_up.iter().any(is) {
                let message =
                    format!("the need `{}` has no model, so the verdict will be inconclusive", need.text);
                self.warning(&need.span, message, "add it to `assumes-up`, if it can be taken for granted");
            }
        }
    }
}
