//! `faults.toml` to orders of faults, with every mistake where it stands.

use crate::files::faults;
use crate::files::units::Length;
use crate::index::Index;
use crate::validate;
use blackstart_fault::{Mistake, Order, Recipe, Selector, Targets, When, recipes};
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Span, Spanned};
use jiff::civil::Time;
use std::time::Duration;

/// Most times that one fault happens again.
const TIMES_MAX: u32 = 10_000;

/// The file, and what its words are looked up in.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a SourceFile,
    pub(crate) index: &'a Index<'a>,
    pub(crate) targets: &'a Targets,
    /// The time of day at which the run starts.
    pub(crate) clock: Time,
}

impl Reader<'_> {
    /// All of these orders that are sound.
    pub(crate) fn orders(&self, faults: &[faults::Fault], errors: &mut Diagnostics) -> Vec<Order> {
        let faults = (1..).zip(faults);
        faults.filter_map(|(place, fault)| self.order(place, fault, errors)).collect()
    }

    fn complain(&self, at: Span, message: impl Into<String>, expected: &str) -> Diagnostic {
        Diagnostic::new(self.file, at, message).expecting(expected)
    }

    fn order(&self, place: usize, fault: &faults::Fault, errors: &mut Diagnostics) -> Option<Order> {
        let kind = fault.kind.get_ref();
        let Some(recipe) = Recipe::named(kind) else {
            let known = recipes().iter().map(|recipe| recipe.name.as_str());
            errors.push(Diagnostic::unknown(self.file, fault.kind.span(), "kind of fault", kind, known));
            return None;
        };
        let order = Order {
            name: fault.name.clone().unwrap_or_else(|| format!("fault {place}")),
            kind: kind.clone(),
            on: errors.take(self.selector(fault, recipe))?,
            with: fault.with.iter().map(|(name, value)| (name.clone(), *value.get_ref())).collect(),
            begins: errors.take(self.begins(fault, recipe))?,
            lasts: errors.take(self.lasts(fault, recipe))?,
            again: errors.take(self.again(fault, recipe))?,
            one_by_one: fault.one_by_one.map(|gap| gap.0).or(recipe.one_by_one_s.map(Duration::from_secs)),
        };
        // Whether it can be done does not hang on the seed.
        match order.draw(self.targets, 0) {
            Ok(_) => Some(order),
            Err(mistake) => {
                errors.push(self.mistake(fault, &mistake));
                None
            }
        }
    }

    fn selector(&self, fault: &faults::Fault, recipe: &Recipe) -> Result<Selector, Diagnostics> {
        let said = fault.on.as_ref().map(|on| on.get_ref()).or(recipe.on.as_ref());
        let nothing = || {
            let sorts: Vec<String> = recipe.does.iter().map(|part| part.primitive().on.to_string()).collect();
            let message = format!("`{}` is done to nothing", recipe.name);
            self.complain(fault.kind.span(), message, &format!("`on` with a {}", sorts.join(" or a ")))
        };
        said.map(|text| Selector::read(text)).ok_or_else(|| nothing().into())
    }

    fn begins(&self, fault: &faults::Fault, recipe: &Recipe) -> Result<When, Diagnostics> {
        match (&fault.at, &fault.when) {
            (Some(at), None) if fault.after.is_none() => Ok(When::At(at.get_ref().since(self.clock))),
            (Some(at), None) => Err(self
                .complain(at.span(), "`after` counts from a signal", "`when` and `after`, or `at`")
                .into()),
            (Some(at), Some(_)) => {
                Err(self.complain(at.span(), "it begins at a time and at a signal", "`at` or `when`").into())
            }
            (None, Some(when)) => self.signal(when, when.get_ref(), fault.after.as_ref()),
            (None, None) => match &recipe.when {
                Some(text) => self.signal(&fault.kind, text, fault.after.as_ref()),
                None => {
                    let message = format!("nothing says when `{}` begins", recipe.name);
                    Err(self.complain(fault.kind.span(), message, "`at` or `when`").into())
                }
            },
        }
    }

    /// `SIGNAL is VALUE`.
    fn signal(
        &self,
        at: &Spanned<String>,
        text: &str,
        after: Option<&Spanned<Length>>,
    ) -> Result<When, Diagnostics> {
        let Some((signal, is)) = text.split_once(" is ") else {
            let message = format!("`{text}` is no signal with a value");
            return Err(self.complain(at.span(), message, "such as `http.shop@probe1 is failing`").into());
        };
        let mut errors = Diagnostics::new();
        validate::vantage(self.index, self.file, at, signal, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let after = after.map_or(Duration::ZERO, |after| after.get_ref().0);
        Ok(When::Signal { signal: signal.to_owned(), is: is.trim().to_owned(), after })
    }

    fn lasts(&self, fault: &faults::Fault, recipe: &Recipe) -> Result<Option<Duration>, Diagnostics> {
        let wrong = |at: Span, message: &str| {
            Err(self.complain(at, message, "`lasts`, or `at` and a later `until`").into())
        };
        match (&fault.lasts, &fault.until, &fault.at) {
            (Some(lasts), None, _) if lasts.get_ref().0.is_zero() => {
                wrong(lasts.span(), "it lasts no time at all")
            }
            (Some(lasts), None, _) => Ok(Some(lasts.get_ref().0)),
            (None, None, _) => Ok(recipe.lasts_s.map(Duration::from_secs)),
            (Some(_), Some(until), _) => wrong(until.span(), "it ends twice"),
            (None, Some(until), None) => wrong(until.span(), "it ends at a time and begins at none"),
            (None, Some(until), Some(at)) => {
                let [begins, ends] = [at, until].map(|when| when.get_ref().since(self.clock));
                match ends > begins {
                    true => Ok(Some(ends - begins)),
                    false => wrong(until.span(), "it ends before it begins"),
                }
            }
        }
    }

    fn again(&self, fault: &faults::Fault, recipe: &Recipe) -> Result<Option<(Duration, u32)>, Diagnostics> {
        let every = fault.every.as_ref().map(|every| every.get_ref().0);
        let times = fault.times.as_ref().map(|times| *times.get_ref());
        let at = fault.every.as_ref().map(Spanned::span).or(fault.times.as_ref().map(Spanned::span));
        let every = every.or(recipe.every_s.map(Duration::from_secs));
        match (every, times.or(recipe.times)) {
            (None, None) => Ok(None),
            (Some(every), Some(times)) if !every.is_zero() && (1..=TIMES_MAX).contains(&times) => {
                Ok(Some((every, times)))
            }
            _ => {
                let at = at.unwrap_or_else(|| fault.kind.span());
                let expected = format!("`every` above zero and `times` from 1 to {TIMES_MAX}");
                Err(self.complain(at, "it happens again, but not soundly", &expected).into())
            }
        }
    }

    /// A mistake where it stands: at the number that is wrong, or at what it is done to.
    fn mistake(&self, fault: &faults::Fault, mistake: &Mistake) -> Diagnostic {
        let on = || fault.on.as_ref().unwrap_or(&fault.kind).span();
        match mistake {
            Mistake::Unknown { on: sort, name } => {
                let things: Vec<String> = self.targets.of(*sort).map(ToString::to_string).collect();
                let known = things.iter().map(String::as_str).chain(self.targets.labels());
                Diagnostic::unknown(self.file, on(), &sort.to_string(), name, known)
            }
            Mistake::Beyond { parameter, least, most, unit, .. } => {
                let at = fault.with.get(*parameter).map_or_else(on, Spanned::span);
                self.complain(at, mistake.to_string(), &format!("{least} to {most} {unit}"))
            }
            Mistake::Number { number, known, .. } => {
                let at = fault.with.get(number).map_or_else(on, Spanned::span);
                let known = known.iter().copied();
                Diagnostic::unknown(self.file, at, "number of this kind", number, known)
            }
            Mistake::Nonsense(text) => {
                self.complain(on(), text.clone(), "a fault that can be done to this world")
            }
        }
    }
}
