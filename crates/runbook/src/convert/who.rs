//! `who = { .. }`: a role, approvers, or a team.

use blackstart_source::Spanned;

use super::Converter;
use crate::block::{WhoBlock, Word, Words};
use crate::step::Who;

impl Converter<'_> {
    pub(crate) fn who(&mut self, who: &Spanned<WhoBlock>) -> Option<Who> {
        let block = who.get_ref();
        match (&block.role, &block.approvers, &block.team) {
            (Some(role), None, None) => self.role(block, role),
            (None, Some(approvers), None) => self.approvers(block, approvers),
            (None, None, Some(team)) => self.team(who, team),
            _ => {
                let message = "`who` names one kind of actor";
                self.complain(who.span(), message, "one of `role`, `approvers`, `team`");
                None
            }
        }
    }

    fn role(&mut self, block: &WhoBlock, role: &Word) -> Option<Who> {
        self.not_with("role", "nothing else", block, &["of", "deputies", "skills"])?;
        Some(Who::Role(role.into()))
    }

    fn team(&mut self, who: &Spanned<WhoBlock>, team: &Word) -> Option<Who> {
        let block = who.get_ref();
        let fits = self.not_with("team", "skills", block, &["of", "deputies"]);
        let skills = match &block.skills {
            Some(skills) => self.names("skills", skills),
            None => {
                self.complain(who.span(), "`team` needs `skills`", "`skills = [..]`");
                None
            }
        };
        fits?;
        Some(Who::Team { name: team.into(), skills: skills? })
    }

    fn approvers(&mut self, block: &WhoBlock, approvers: &Words) -> Option<Who> {
        let fits = self.not_with("approvers", "of, deputies", block, &["skills"]);
        let roles = self.names("approvers", approvers)?;
        let of = block.of.as_ref().map_or(roles.len(), |of| *of.get_ref());
        if !(1..=roles.len()).contains(&of) {
            let span = block.of.as_ref().map_or(approvers.span(), Spanned::span);
            let message = format!("`of` is {of}, but there are {} approvers", roles.len());
            self.complain(span, message, format!("1 to {}", roles.len()));
            return None;
        }
        fits?;
        let deputies = block.deputies.as_ref().is_some_and(|deputies| *deputies.get_ref());
        Some(Who::Approvers { roles, of, deputies })
    }

    fn not_with(&mut self, kind: &str, takes: &str, block: &WhoBlock, foreign: &[&str]) -> Option<()> {
        let present = [
            ("of", block.of.as_ref().map(Spanned::span)),
            ("deputies", block.deputies.as_ref().map(Spanned::span)),
            ("skills", block.skills.as_ref().map(Spanned::span)),
        ];
        let mut fits = Some(());
        for (key, span) in present {
            let Some(span) = span.filter(|_| foreign.contains(&key)) else { continue };
            self.stray(key, span, kind, takes);
            fits = None;
        }
        fits
    }
}
