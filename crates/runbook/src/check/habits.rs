//! Steps that work and are still unwise.

use super::Judge;
use crate::step::{Action, Body, Name, Otherwise, Step};

impl Judge<'_> {
    pub(super) fn habits(&mut self) {
        for (index, step) in self.runbook.steps.iter().enumerate() {
            let Some(body) = &step.body else { continue };
            self.verifies_nothing(step, body);
            self.goes_back(index, body);
            self.without_model(body);
        }
    }

    fn verifies_nothing(&mut self, step: &Step, body: &Body) {
        if body.until.is_some() {
            return;
        }
        let message = format!("the step `{}` verifies nothing", step.id);
        self.warning(&step.span, message, "say with `until` what must be seen when it is done");
        let risky = matches!(body.action, Action::Apply { .. } | Action::Admit { .. });
        if risky && body.undo.is_none() {
            let message = format!("the step `{}` changes the network and has no way back", step.id);
            self.warning(&step.span, message, "add `undo`, or `until` with `else`");
        }
    }

    /// Every step behind another is reached when that is done, so the only odd way through is a circle.
    fn goes_back(&mut self, index: usize, body: &Body) {
        for wait in body.waits() {
            let Otherwise::Step(target) = &wait.otherwise else { continue };
            if self.runbook.steps.iter().take(index + 1).any(|step| step.id == target.text) {
                let message = format!("`else` goes back to `{}`", target.text);
                self.warning(
                    &target.span,
                    message,
                    "while the signal stays away, the steps go round in a circle",
                );
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
