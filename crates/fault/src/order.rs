//! What somebody orders in words: a kind, on what, when, how often. A seed turns it into faults.

use crate::catalogue::{Part, Recipe};
use crate::kind::Kind;
use crate::primitive::Mistake;
use crate::schedule::{Fault, When};
use crate::selector::{Selector, shuffled};
use crate::target::{Targets, Thing};
use blackstart_rt::{Map, Set};
use std::time::Duration;

/// An order of faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Its name, by which its draws are keyed.
    pub name: String,
    /// The kind; see [`recipes`](crate::recipes).
    pub kind: String,
    /// What it is done to.
    pub on: Selector,
    /// Numbers other than those of the table.
    pub with: Map<String, f64>,
    /// When it begins.
    pub begins: When,
    /// How long it lasts; `None` for good.
    pub lasts: Option<Duration>,
    /// From one beginning to the next, and how often it happens.
    pub again: Option<(Duration, u32)>,
    /// From one thing to the next, in an order that is drawn; they are healed in another.
    pub one_by_one: Option<Duration>,
}

impl Order {
    /// The faults that it comes down to in this world with this seed.
    ///
    /// # Errors
    /// When nothing of what it is done to is there, or a number is none of the kind's or beyond its limits.
    pub fn draw(&self, targets: &Targets, seed: u64) -> Result<Vec<Fault>, Mistake> {
        let recipe = Recipe::named(&self.kind).ok_or_else(|| self.unknown_kind())?;
        self.check_numbers(recipe)?;
        let names = self.on.names(targets, seed, &self.name)?;
        let mut kinds = Vec::new();
        for part in &recipe.does {
            for thing in self.things(part, &names, targets)? {
                kinds.push(self.done(part, &thing)?);
            }
        }
        kinds.iter().try_for_each(|kind| kind.check(targets))?;
        Ok(self.timed(kinds, seed))
    }

    /// Whether another seed may give other faults.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.on.is_drawn() || self.one_by_one.is_some()
    }

    fn unknown_kind(&self) -> Mistake {
        Mistake::Nonsense(format!("there is no kind `{}`", self.kind))
    }

    fn check_numbers(&self, recipe: &Recipe) -> Result<(), Mistake> {
        let known: Set<&str> = recipe.does.iter().flat_map(numbers).collect();
        match self.with.keys().find(|name| !known.contains(name.as_str())) {
            None => Ok(()),
            Some(number) => Err(Mistake::Number {
                kind: self.kind.clone(),
                number: number.clone(),
                known: known.into_iter().collect(),
            }),
        }
    }

    fn things(&self, part: &Part, names: &[String], targets: &Targets) -> Result<Set<Thing>, Mistake> {
        let on = part.primitive().on;
        let mut all = Set::new();
        for name in names {
            let found = targets.called(name, on, part.edge);
            if found.is_empty() {
                return Err(Mistake::Unknown { on, name: name.clone() });
            }
            all.extend(found);
        }
        Ok(all)
    }

    fn done(&self, part: &Part, thing: &Thing) -> Result<Kind, Mistake> {
        let own: Set<&str> = numbers(part).collect();
        let mut with: Map<&str, f64> =
            part.with.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        with.extend(self.with.iter().map(|(name, value)| (name.as_str(), *value)));
        let with: Vec<(&str, f64)> = with.into_iter().filter(|(name, _)| own.contains(name)).collect();
        part.primitive().done_to(thing, &with)
    }

    /// Each kind at each of its times.
    fn timed(&self, kinds: Vec<Kind>, seed: u64) -> Vec<Fault> {
        let count = kinds.len() as u32;
        let (every, times) = self.again.unwrap_or((Duration::ZERO, 1));
        let mut faults = Vec::new();
        for time in 0..times {
            let begins =
                |place: u32| later(&self.begins, every * time + self.one_by_one.unwrap_or_default() * place);
            let Some(gap) = self.one_by_one else {
                faults.extend(kinds.iter().map(|kind| Fault {
                    begins: begins(0),
                    lasts: self.lasts,
                    kind: kind.clone(),
                }));
                continue;
            };
            let stopped = shuffled(kinds.clone(), seed, &format!("{}/stopped/{time}", self.name));
            let healed = shuffled((0..count).collect(), seed, &format!("{}/healed/{time}", self.name));
            for ((place, kind), turn) in (0..count).zip(stopped).zip(healed) {
                // The last is stopped before the first is healed.
                let lasts = self.lasts.map(|lasts| lasts + gap * (count + turn) - gap * place);
                faults.push(Fault { begins: begins(place), lasts, kind });
            }
        }
        faults
    }
}

/// The numbers that a part has.
fn numbers(part: &Part) -> impl Iterator<Item = &'static str> {
    part.primitive().parameters.iter().map(|parameter| parameter.name)
}

fn later(when: &When, by: Duration) -> When {
    match when {
        When::At(time) => When::At(*time + by),
        When::Signal { signal, is, after } => {
            When::Signal { signal: signal.clone(), is: is.clone(), after: *after + by }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::recipes;
    use crate::target::On;

    fn star() -> Targets {
        let mut targets = Targets::default();
        for leaf in ["a", "b", "c"] {
            targets.add(Thing::new(On::Machine, &[leaf]));
            targets.label("leaves", Thing::new(On::Machine, &[leaf]));
            targets.add(Thing::new(On::Link, &[leaf, "hub"]));
        }
        targets
    }

    fn order(kind: &str, on: &str) -> Order {
        Order {
            name: "f".into(),
            kind: kind.into(),
            on: Selector::read(on),
            with: Map::new(),
            begins: When::At(Duration::from_secs(60)),
            lasts: Some(Duration::from_secs(30)),
            again: None,
            one_by_one: None,
        }
    }

    fn shown(order: &Order, seed: u64) -> Vec<String> {
        let faults = order.draw(&star(), seed);
        faults.unwrap_or_else(|mistake| panic!("{mistake}")).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn there_are_many_kinds_and_each_is_sound() {
        let table = recipes().iter().filter(|recipe| recipe.group != "primitives");
        assert!(table.clone().count() >= 60);
        let groups: Set<&str> = table.clone().map(|recipe| recipe.group.as_str()).collect();
        let expected = [
            "access",
            "clock",
            "configuration",
            "credentials",
            "dependency",
            "disk",
            "dns",
            "meta",
            "network",
            "overload",
            "people",
            "power",
            "process",
            "routing",
        ];
        assert_eq!(groups.into_iter().collect::<Vec<_>>(), expected);
        let mut names = Set::new();
        for recipe in recipes() {
            assert!(names.insert(&recipe.name), "two kinds are called {}", recipe.name);
            for part in &recipe.does {
                let primitive = part.primitive();
                let thing = Thing { on: primitive.on, names: vec!["x".into(); 2] };
                let with: Vec<(&str, f64)> =
                    part.with.iter().map(|(name, value)| (name.as_str(), *value)).collect();
                primitive
                    .done_to(&thing, &with)
                    .unwrap_or_else(|mistake| panic!("{}: {mistake}", recipe.name));
            }
        }
    }

    #[test]
    fn an_order_comes_down_to_primitives() {
        let mut lossy = order("lossy-link", "a - hub");
        assert_eq!(shown(&lossy, 1), ["at +1m link a - hub loses 30 % for 30s"]);
        lossy.with = [("share".to_owned(), 0.5)].into();
        assert_eq!(shown(&lossy, 1), ["at +1m link a - hub loses 50 % for 30s"]);
        let grey = order("torn-write", "a, b");
        assert_eq!(
            shown(&grey, 1),
            [
                "at +1m disk of a tears writes for 30s",
                "at +1m disk of b tears writes for 30s",
                "at +1m a without power for 30s",
                "at +1m b without power for 30s",
            ]
        );
        let flicker = Order { again: Some((Duration::from_secs(60), 2)), ..order("host-power-off", "a") };
        assert_eq!(shown(&flicker, 1), ["at +1m a without power for 30s", "at +2m a without power for 30s"]);
        let signal = When::Signal { signal: "s@v".into(), is: "ok".into(), after: Duration::ZERO };
        let on_signal = Order { begins: signal, ..flicker };
        assert_eq!(
            shown(&on_signal, 1),
            ["when s@v is ok a without power for 30s", "1m after s@v is ok a without power for 30s"]
        );
    }

    #[test]
    fn links_are_stopped_one_by_one_and_healed_in_another_order() {
        let swizzle =
            Order { one_by_one: Some(Duration::from_secs(10)), ..order("swizzle-clog", "all of leaves") };
        let mut orders = Set::new();
        for seed in 0..40 {
            let faults = swizzle.draw(&star(), seed).unwrap();
            let begins: Vec<_> = faults.iter().map(|fault| fault.begins_at().unwrap().as_secs()).collect();
            assert_eq!(begins, [60, 70, 80]);
            let mut ends: Vec<_> = faults.iter().map(|fault| fault.ends_at().unwrap().as_secs()).collect();
            orders.insert((faults[0].kind.to_string(), ends.clone()));
            ends.sort_unstable();
            assert_eq!(ends, [120, 130, 140], "the last is stopped before the first is healed");
        }
        assert!(orders.len() > 10, "only {} orders", orders.len());
    }

    #[test]
    fn what_is_wrong_with_an_order_is_said() {
        let with = |name: &str, value| [(name.to_owned(), value)].into();
        let cases = [
            (order("mischief", "a"), "there is no kind `mischief`"),
            (order("lossy-link", "d"), "there is no link `d`"),
            (order("lossy-link", "any 4 of leaves"), "`leaves` stands for 3, and 4 are asked for"),
            (
                Order { with: with("delay-ms", 1.0), ..order("lossy-link", "a") },
                "`lossy-link` has no `delay-ms`",
            ),
            (Order { with: with("share", 1.0), ..order("partition", "a") }, "`partition` has no `share`"),
            (
                Order { with: with("share", 3.0), ..order("lossy-link", "a") },
                "`share` is 3, and may be 0.01 to 1 share of packets",
            ),
        ];
        for (order, text) in cases {
            assert_eq!(order.draw(&star(), 1).unwrap_err().to_string(), text);
        }
    }
}
