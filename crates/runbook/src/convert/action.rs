//! `do` and `undo`: one verb with its parameters.

use std::time::Duration;

use blackstart_chat::names::is_channel;
use blackstart_source::{Diagnostic, Span, Spanned};

use super::verb::{ROWS, Verb};
use super::{Converter, Elsewhere, all, name, names};
use crate::block::{ActionBlock, Shares, StopBlock, Word, Words};
use crate::measure;
use crate::step::{Action, Address, CHAT, Configure, Name, PHONE};

fn configure(order: Configure, on: Name, with: Name) -> Action {
    Action::Configure { order, on, with }
}

impl Converter<'_> {
    pub(super) fn action(&mut self, action: &Spanned<ActionBlock>, elsewhere: Elsewhere) -> Option<Action> {
        let verb = self.verb(action)?;
        let complete = self.parameters(verb, action);
        let block = action.get_ref();
        let action = match verb {
            Verb::Observe => self.observe(block),
            Verb::Convene => self.convene(block),
            Verb::Decide => self.decide(action, elsewhere.site),
            Verb::Travel => self.travel(block),
            Verb::Enter => self.enter(block),
            Verb::Login => self.login(block),
            Verb::Compare => self.compare(block),
            Verb::Apply => self.apply(action, elsewhere.links),
            Verb::Admit => self.admit(block),
            Verb::Isolate => Some(Action::Isolate { service: name(&block.isolate)? }),
            Verb::Fetch => Some(Action::Fetch { item: name(&block.fetch)? }),
            Verb::SignIn => Some(Action::SignIn { account: name(&block.sign_in)? }),
            Verb::Open => Some(Action::Open { document: name(&block.open)? }),
            Verb::PowerCycle => Some(Action::PowerCycle { machine: name(&block.power_cycle)? }),
            Verb::Restart => Some(Action::Restart { service: name(&block.restart)? }),
            Verb::Call => Some(Action::Call { roles: self.names("call", block.call.as_ref()?)? }),
            Verb::HandOver => Some(Action::HandOver { role: name(&block.hand_over)?, to: name(&block.to)? }),
            Verb::Chat => self.chat(block),
            Verb::Page => self.page(block),
            Verb::Escort => Some(Action::Escort { door: name(&block.escort)?, by: name(&block.by)? }),
            Verb::Ssh => Some(Action::Ssh {
                on: name(&block.ssh)?,
                through: name(&block.through)?,
                with: name(&block.with)?,
            }),
            Verb::Announce => self.originate(block.announce.as_ref()?, block.on.as_ref()?, true),
            Verb::Withdraw => self.originate(block.withdraw.as_ref()?, block.on.as_ref()?, false),
            Verb::FailOver => self.fail_over(action),
            Verb::Reset => self.reset(block),
            Verb::Vpn => Some(Action::Vpn { on: name(&block.vpn)?, with: name(&block.with)? }),
            Verb::Push => {
                Some(configure(Configure::Push(name(&block.push)?), name(&block.on)?, name(&block.with)?))
            }
            Verb::Freeze => Some(configure(Configure::Freeze, name(&block.freeze)?, name(&block.with)?)),
            Verb::LiftFreeze => {
                Some(configure(Configure::LiftFreeze, name(&block.lift_freeze)?, name(&block.with)?))
            }
            Verb::Post => Some(Action::Post { on: name(&block.on)?, text: name(&block.text)? }),
        };
        action.filter(|_| complete)
    }

    fn verb(&mut self, action: &Spanned<ActionBlock>) -> Option<Verb> {
        let verbs = Verb::all_of(action.get_ref());
        match verbs.as_slice() {
            [verb] => return Some(*verb),
            [] => {
                let all = ROWS.each_ref().map(|row| row.name);
                self.complain(action.span(), "no verb", format!("one of {}", all.join(", ")));
            }
            [first, second, ..] => {
                let message = format!("two verbs, `{}` and `{}`", first.name(), second.name());
                self.complain(action.span(), message, "one thing to do in a step");
            }
        }
        None
    }

    /// Complains about parameters that do not go with the verb and about those that are missing.
    fn parameters(&mut self, verb: Verb, action: &Spanned<ActionBlock>) -> bool {
        let present = action.get_ref().present();
        let (required, optional) = (verb.row().required, verb.row().optional);
        let mut complete = true;
        for (key, span) in &present {
            if *key != verb.name() && !required.contains(key) && !optional.contains(key) {
                self.stray(key, span.clone(), verb.name(), &verb.takes());
                complete = false;
            }
        }
        for key in required {
            if !present.iter().any(|(present, _)| present == key) {
                self.missing(verb, key, action.span());
                complete = false;
            }
        }
        complete
    }

    fn missing(&mut self, verb: Verb, key: &str, span: Span) {
        let complaint = Diagnostic::new(self.file, span, format!("`{}` needs `{key}`", verb.name()));
        self.complaints.push(complaint.helped(format!("{} takes: {}", verb.name(), verb.takes())));
    }

    fn observe(&mut self, block: &ActionBlock) -> Option<Action> {
        Some(Action::Observe { signals: self.names("observe", block.observe.as_ref()?)? })
    }

    fn convene(&mut self, block: &ActionBlock) -> Option<Action> {
        let roles = self.names("roles", block.roles.as_ref()?)?;
        Some(Action::Convene { bridge: name(&block.convene)?, by: name(&block.by)?, roles })
    }

    fn decide(&mut self, action: &Spanned<ActionBlock>, vantage: Option<Name>) -> Option<Action> {
        let block = action.get_ref();
        let Some(site) = name(&block.site).or(vantage) else {
            self.complain(
                action.span(),
                "`decide` tells no site",
                "`site = …`, or `until` a signal `…@SITE`",
            );
            return None;
        };
        Some(Action::Decide { what: name(&block.decide)?, record: name(&block.record)?, site })
    }

    fn chat(&mut self, block: &ActionBlock) -> Option<Action> {
        let channel = name(&block.chat)?;
        if !is_channel(&channel.text) {
            self.complain(channel.span, format!("`{}` is no channel", channel.text), "such as `#incident`");
            return None;
        }
        let (on, to, text) = (name(&block.on)?, name(&block.to)?, name(&block.text)?);
        let ways = block.r#try.as_ref().map(|ways| self.ways(ways, &[CHAT, PHONE]));
        let ways = all(ways)?.unwrap_or_default();
        Some(Action::Chat { channel, on, to, text, with: name(&block.with), ways })
    }

    /// Ways to try, each one of these.
    fn ways(&mut self, ways: &Words, known: &[&str]) -> Option<Vec<Name>> {
        self.names("try", ways)?;
        ways.get_ref().iter().map(|way| self.one_of(way, known)).collect()
    }

    fn page(&mut self, block: &ActionBlock) -> Option<Action> {
        let roles = self.names("page", block.page.as_ref()?);
        let patience = self.duration(block.hold.as_ref()?);
        Some(Action::Page {
            roles: roles?,
            on: name(&block.on)?,
            patience: patience?,
            with: name(&block.with),
        })
    }

    fn originate(&mut self, prefix: &Word, on: &Word, announced: bool) -> Option<Action> {
        Some(Action::Originate { prefix: self.prefix(prefix)?, on: on.into(), announced })
    }

    /// A name with `on`, a prefix with `from`, else a service.
    fn fail_over(&mut self, action: &Spanned<ActionBlock>) -> Option<Action> {
        let block = action.get_ref();
        if let Some(on) = name(&block.on) {
            if block.from.is_none() {
                self.missing(Verb::FailOver, "from", action.span());
            }
            let (from, to) = (self.address(block.from.as_ref()?), self.address(block.to.as_ref()?));
            return Some(Action::Repoint { name: name(&block.fail_over)?, on, from: from?, to: to? });
        }
        let to = name(&block.to)?;
        let Some(from) = name(&block.from) else {
            return Some(Action::TakeOver { service: name(&block.fail_over)?, to });
        };
        Some(Action::FailOver { prefix: self.prefix(block.fail_over.as_ref()?)?, from, to })
    }

    fn address(&mut self, word: &Word) -> Option<Address> {
        let ip = word.get_ref().parse();
        if ip.is_err() {
            let message = format!("`{}` is no address", word.get_ref());
            self.complain(word.span(), message, "such as `203.0.113.20`");
        }
        Some(Address { ip: ip.ok()?, span: word.span() })
    }

    fn prefix(&mut self, word: &Word) -> Option<Name> {
        if word.get_ref().parse::<ipnet::IpNet>().is_err() {
            let message = format!("`{}` is no prefix", word.get_ref());
            let expected = "such as `203.0.113.0/24`; for a name `on`, the name server";
            self.complain(word.span(), message, expected);
            return None;
        }
        Some(word.into())
    }

    fn reset(&mut self, block: &ActionBlock) -> Option<Action> {
        let machines = self.names("reset", block.reset.as_ref()?);
        let patience = self.duration(block.hold.as_ref()?);
        Some(Action::Reset { machines: machines?, patience: patience? })
    }

    fn travel(&mut self, block: &ActionBlock) -> Option<Action> {
        let carry = block.carry.as_ref().map(names).unwrap_or_default();
        Some(Action::Travel { to: name(&block.travel)?, carry, alert: name(&block.alert) })
    }

    fn enter(&mut self, block: &ActionBlock) -> Option<Action> {
        let ways = self.names("try", block.r#try.as_ref()?)?;
        Some(Action::Enter { door: name(&block.enter)?, ways })
    }

    fn login(&mut self, block: &ActionBlock) -> Option<Action> {
        let by = self.one_of(block.login.as_ref()?, &["serial", "remote"])?;
        let (on, with) = (name(&block.on)?, name(&block.with)?);
        Some(Action::Login { by, on, with, second_factor: name(&block.second_factor) })
    }

    fn compare(&mut self, block: &ActionBlock) -> Option<Action> {
        let what = self.one_of(block.compare.as_ref()?, &["running-config"]);
        let with = block.with.as_ref().map(|with| self.one_of(with, &["last-good"]));
        what?;
        all(with)?;
        Some(Action::Compare { save: name(&block.save) })
    }

    fn apply(&mut self, action: &Spanned<ActionBlock>, links: Option<Name>) -> Option<Action> {
        let block = action.get_ref();
        let what = self.one_of(block.apply.as_ref()?, &["last-good", "saved"]);
        let on = name(&block.on).or(links);
        if on.is_none() {
            self.missing(Verb::Apply, "on", action.span());
        }
        let first = self.first(block);
        let hold = block.confirm_within.as_ref().map(|hold| self.duration(hold));
        let admit = block.admit.as_ref().map(|admit| self.admit_one(admit));
        let what = what?;
        self.saved_where(&what, block)?;
        Some(Action::Apply {
            what,
            on: on?,
            first: first?,
            hold: all(hold)?.unwrap_or(Duration::ZERO),
            from: name(&block.from),
            isolate: name(&block.isolate),
            admit: all(admit)?,
        })
    }

    fn first(&mut self, block: &ActionBlock) -> Option<usize> {
        let first = block.first.as_ref();
        if let Some(zero) = first.filter(|first| *first.get_ref() == 0) {
            self.complain(zero.span(), "no link at all comes first", "1 or more");
            return None;
        }
        Some(first.map_or(1, |first| *first.get_ref()))
    }

    /// `saved` says where the saved configuration lies, and nothing else does.
    fn saved_where(&mut self, what: &Name, block: &ActionBlock) -> Option<()> {
        match (what.text == "saved", &block.from) {
            (true, None) => {
                let expected = "`from = …`, the item that it was saved on";
                self.complain(what.span.clone(), "it is not said where `saved` lies", expected);
                None
            }
            (false, Some(from)) => {
                let expected = "it only with `apply = \"saved\"`";
                self.complain(
                    from.span(),
                    "`last-good` comes from the routers, not `from` an item",
                    expected,
                );
                None
            }
            _ => Some(()),
        }
    }

    fn admit_one(&mut self, admit: &Spanned<Shares>) -> Option<u32> {
        match admit.get_ref() {
            // Keeping everybody out is the point of admitting 0 % before names return.
            Shares::One(share) => self.share(*share, admit.span(), 0),
            Shares::Many(_) => {
                self.complain(admit.span(), "several shares beside `apply`", "one percentage");
                None
            }
        }
    }

    fn admit(&mut self, block: &ActionBlock) -> Option<Action> {
        let unit = block.unit.as_ref().map(|unit| self.one_of(unit, &["percent"]));
        let percents = self.percents(block.admit.as_ref()?);
        let hold = self.duration(block.hold.as_ref()?);
        let stop = block.stop_if.as_ref().map(|stop| self.stop_errors(stop.get_ref()));
        all(unit)?;
        let stop_errors_percent = all(stop)?.flatten();
        Some(Action::Admit { percents: percents?, hold: hold?, stop_errors_percent })
    }

    fn percents(&mut self, admit: &Spanned<Shares>) -> Option<Vec<u32>> {
        let shares = match admit.get_ref() {
            Shares::Many(shares) if !shares.is_empty() => shares,
            _ => {
                self.complain(admit.span(), "`admit` goes in steps", "for example `[5, 15, 40, 100]`");
                return None;
            }
        };
        let percents: Option<Vec<u32>> =
            shares.iter().map(|share| self.share(*share.get_ref(), share.span(), 1)).collect();
        let percents = percents?;
        let mut pairs = percents.iter().zip(percents.iter().zip(shares).skip(1));
        if let Some((before, (after, share))) = pairs.find(|(before, (after, _))| after <= before) {
            let message = format!("{after} does not rise above {before}");
            self.complain(share.span(), message, "rising percentages");
            return None;
        }
        Some(percents)
    }

    fn share(&mut self, share: i64, span: Span, least: u32) -> Option<u32> {
        let percent = u32::try_from(share).ok().filter(|percent| (least..=100).contains(percent));
        if percent.is_none() {
            let expected = format!("{least} to 100 percent");
            self.complain(span, format!("{share} is no share of the users"), expected);
        }
        percent
    }

    /// `Some(None)` when no share of errors is given; what else is given has no model (see [`needs`]).
    fn stop_errors(&mut self, stop: &StopBlock) -> Option<Option<u32>> {
        let Some(errors) = &stop.errors else { return Some(None) };
        let percent = measure::percent(errors.get_ref());
        if percent.is_none() {
            let message = format!("`{}` is no share of errors", errors.get_ref());
            self.complain(errors.span(), message, "whole percent such as `2%`");
        }
        percent.map(Some)
    }
}
