//! Durations of `people.toml` that rest on an assumption.

use blackstart_runbook::execute::{Spending, Spent};
use blackstart_world::{Estimate, People, Travel};

/// How estimates begin whose basis is nobody's measurement.
const ASSUMPTION: &str = "assumption";
/// What travellers spend their time on, in reports.
const ON_THE_WAY: &str = "get ready and travel";
/// The task before they set out.
const GET_READY: &str = "get-ready";

/// A duration of `people.toml`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Assumption {
    /// Of a task, by its name.
    Task(String),
    /// Of a way, by its ends.
    Way(String, String),
}

impl Assumption {
    /// The durations behind what people spent time on. Of ways, those from where these people are at the start.
    pub(crate) fn behind(people: &People, spent: &Spent) -> Vec<Self> {
        if spent.on != Spending::People {
            return Vec::new();
        }
        if spent.what != ON_THE_WAY {
            return vec![Self::Task(spent.what.clone())];
        }
        let from = |place: &str| {
            let travellers = spent.who.split(", ").filter_map(|name| people.person(name));
            travellers.into_iter().any(|person| person.at == place)
        };
        let ways = people.travels.iter().filter(|way| from(&way.from));
        let ways = ways.map(|way| Self::Way(way.from.clone(), way.to.clone()));
        ways.chain([Self::Task(GET_READY.to_owned())]).collect()
    }

    /// Whether nobody ever measured how long it takes.
    pub(crate) fn is_assumed(&self, people: &People) -> bool {
        self.estimate(people).is_some_and(|estimate| estimate.basis.starts_with(ASSUMPTION))
    }

    /// What the scenario says of it.
    pub(crate) fn estimate<'a>(&self, people: &'a People) -> Option<&'a Estimate> {
        match self {
            Self::Task(task) => people.tasks.get(task),
            Self::Way(from, to) => people.travel(from, to),
        }
    }

    /// The same, to be changed.
    pub(crate) fn estimate_mut<'a>(&self, people: &'a mut People) -> Option<&'a mut Estimate> {
        match self {
            Self::Task(task) => people.tasks.get_mut(task),
            Self::Way(from, to) => {
                let joins = |way: &&mut Travel| way.from == *from && way.to == *to;
                people.travels.iter_mut().find(joins).map(|way| &mut way.takes)
            }
        }
    }

    /// In words.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Task(task) => task.clone(),
            Self::Way(from, to) => format!("{from} to {to}"),
        }
    }
}
