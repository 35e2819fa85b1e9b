//! People who use one product at one network: how many are content, how many wait for their next try, how many have
//! gone to do something else, and what all of them ask for in a second.

use serde::Deserialize;

/// How people and their apps behave. All times are means, in seconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Habits {
    /// How many people.
    pub people: f64,
    /// Between two requests of somebody for whom all is well.
    #[serde(default = "period")]
    pub period_s: f64,
    /// Before the next try after the first, second, … failure in a row; the last one repeats.
    #[serde(default = "retry")]
    pub retry_s: Vec<f64>,
    /// Share of those at the last wait who, failing once more, do something else; 0 for an app that never gives up.
    #[serde(default)]
    pub gives_up: f64,
    /// Until they look again.
    #[serde(default = "away")]
    pub away_s: f64,
    /// Requests that catching up costs whoever gets through after failing, beside the one.
    #[serde(default)]
    pub catch_up: f64,
    /// How long a connection lasts while all is well; 0 when each request has its own.
    #[serde(default)]
    pub connection_s: f64,
    /// How long a device remembers an address.
    #[serde(default = "address")]
    pub address_s: f64,
    /// Queries that a device sends for one look-up that fails: its other resolver, and once more.
    #[serde(default = "failing_queries")]
    pub failing_queries: f64,
}

fn period() -> f64 {
    120.0
}
fn retry() -> Vec<f64> {
    vec![5.0, 15.0, 30.0, 60.0]
}
fn away() -> f64 {
    1800.0
}
fn address() -> f64 {
    300.0
}
fn failing_queries() -> f64 {
    2.0
}

impl Habits {
    /// What is wrong with the numbers, if anything.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), &'static str> {
        let amount = |value: f64| value.is_finite() && value >= 0.0;
        let time = |value: f64| value.is_finite() && value > 0.0;
        match () {
            () if !amount(self.people) => Err("people is not a number from 0"),
            () if !time(self.period_s) || !time(self.away_s) => Err("a time is not above 0"),
            () if self.retry_s.is_empty() || !self.retry_s.iter().all(|wait| time(*wait)) => {
                Err("retry-s is not a list of times above 0")
            }
            () if !(0.0..=1.0).contains(&self.gives_up) => Err("gives-up is not from 0 to 1"),
            () if ![self.catch_up, self.connection_s, self.address_s].into_iter().all(amount) => {
                Err("catch-up, connection-s or address-s is below 0")
            }
            () if !time(self.failing_queries) => Err("failing-queries is not above 0"),
            () => Ok(()),
        }
    }
}

/// What the sampled clients saw last, as shares of them from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Got what they wanted.
    pub served: f64,
    /// Got an address for the name, at least.
    pub named: f64,
    /// How long those who are turned away are told to wait, in seconds; 0 when they are told nothing.
    pub told_s: f64,
}

impl Seen {
    /// All is well.
    pub const WELL: Self = Self { served: 1.0, named: 1.0, told_s: 0.0 };
}

/// What a population asks for, a second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demand {
    /// Requests to the servers, tries of those who will not be served included.
    pub requests: f64,
    /// Queries to the resolver.
    pub queries: f64,
}

/// People by how they fare. Their number never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    habits: Habits,
    content: f64,
    /// After so many failures in a row, less one.
    waiting: Vec<f64>,
    away: f64,
}

impl Population {
    /// Everybody content.
    #[must_use]
    pub fn new(habits: Habits) -> Self {
        Self { content: habits.people, waiting: vec![0.0; habits.retry_s.len()], away: 0.0, habits }
    }

    /// Lets `dt_s` seconds pass in which tries end as `seen`.
    pub fn step(&mut self, dt_s: f64, seen: Seen) {
        let Habits { period_s, away_s, gives_up, .. } = self.habits;
        let last = self.waiting.len() - 1;
        let tried = |people: f64, every_s: f64| people * dt_s / (every_s + dt_s);
        let (content, away) = (tried(self.content, period_s), tried(self.away, away_s));
        let waiting = self.waiting.iter().zip(&self.habits.retry_s);
        let waiting: Vec<f64> =
            waiting.map(|(people, every_s)| tried(*people, every_s.max(seen.told_s))).collect();
        self.content -= content;
        self.away -= away;
        self.content += seen.served * (content + away + waiting.iter().sum::<f64>());
        self.waiting[0] += (1.0 - seen.served) * (content + away);
        for (stage, tried) in waiting.into_iter().enumerate() {
            let failed = (1.0 - seen.served) * tried;
            let gone = if stage == last { gives_up * failed } else { 0.0 };
            self.waiting[stage] -= tried;
            self.waiting[(stage + 1).min(last)] += failed - gone;
            self.away += gone;
        }
    }

    /// What they ask for while tries end as `seen`.
    #[must_use]
    pub fn demand(&self, seen: Seen) -> Demand {
        let habits = &self.habits;
        let waits = habits.retry_s.iter().map(|wait_s| wait_s.max(seen.told_s));
        let waiting = || self.waiting.iter().copied().zip(waits.clone());
        let again: f64 =
            waiting().map(|(people, every_s)| people / every_s).sum::<f64>() + self.away / habits.away_s;
        let tries = self.content / habits.period_s + again;
        // Whoever keeps a connection looks a name up only for a new one.
        let looks_s = if habits.connection_s > 0.0 { habits.connection_s } else { habits.period_s };
        let looking = waiting().chain([(self.content, looks_s), (self.away, habits.away_s)]);
        Demand {
            requests: seen.named * (tries + again * seen.served * habits.catch_up),
            queries: looking.map(|(people, every_s)| people * habits.queries(every_s, seen.named)).sum(),
        }
    }

    /// How many failed at their last try.
    #[must_use]
    pub fn failing(&self) -> f64 {
        self.waiting.iter().sum::<f64>() + self.away
    }
}

impl Habits {
    /// Queries a second of one who needs the address every so often. A found one is remembered, a failure is not.
    fn queries(&self, every_s: f64, named: f64) -> f64 {
        named / (every_s + self.address_s) + (1.0 - named) * self.failing_queries / every_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DARK: Seen = Seen { served: 0.0, named: 0.0, told_s: 0.0 };

    fn habits(extra: &str) -> Habits {
        let habits: Habits = toml::from_str(&format!("people = 1200000.0\n{extra}")).unwrap();
        habits.check().unwrap();
        habits
    }

    fn after(population: &Population, minutes: u32, seen: Seen) -> Population {
        let mut population = population.clone();
        (0..minutes * 6).for_each(|_| population.step(10.0, seen));
        population
    }

    #[test]
    fn content_people_ask_at_their_period_and_queries_go_by_what_devices_remember() {
        let demand = Population::new(habits("")).demand(Seen::WELL);
        assert_eq!(demand, Demand { requests: 10_000.0, queries: 1_200_000.0 / 420.0 });
        let kept = Population::new(habits("connection-s = 1700.0")).demand(Seen::WELL);
        assert_eq!(kept, Demand { requests: 10_000.0, queries: 600.0 });
    }

    #[test]
    fn failures_make_a_storm_that_back_off_calms_and_giving_up_calms_more() {
        let apps = Population::new(habits(""));
        let normal = apps.demand(Seen::WELL).queries;
        let queries = |extra: &str, minutes| {
            after(&Population::new(habits(extra)), minutes, DARK).demand(DARK).queries / normal
        };
        let (early, late) = (queries("", 3), queries("", 120));
        assert!(early > late && late > 10.0, "{early} times, then {late} times");
        let without_back_off = queries("retry-s = [5.0]", 120);
        assert!(without_back_off > 5.0 * late, "{without_back_off} times");
        assert!(queries("gives-up = 0.1", 120) < late / 2.0);
    }

    #[test]
    fn those_who_come_back_ask_for_more_than_ever() {
        let population = after(&Population::new(habits("catch-up = 10.0")), 300, DARK);
        let normal = Population::new(habits("")).demand(Seen::WELL).requests;
        let herd = population.demand(Seen::WELL).requests;
        assert!(herd > 10.0 * normal, "{herd} against {normal}");
        let later = after(&population, 60, Seen::WELL);
        assert!((later.demand(Seen::WELL).requests / normal - 1.0).abs() < 0.01);
        assert!(later.failing() < 1.0);
    }

    #[test]
    fn those_who_are_told_to_wait_come_back_one_after_another() {
        let population = after(&Population::new(habits("catch-up = 2.0")), 300, DARK);
        let requests = |told_s| population.demand(Seen { told_s, ..Seen::WELL }).requests;
        assert!(requests(600.0) < requests(0.0) / 9.0, "{} against {}", requests(600.0), requests(0.0));
    }

    #[test]
    fn without_names_no_request_leaves() {
        assert_eq!(after(&Population::new(habits("")), 5, DARK).demand(DARK).requests, 0.0);
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused() {
        for extra in ["period-s = 0.0", "retry-s = []", "retry-s = [0.0]", "gives-up = 1.5", "catch-up = nan"]
        {
            let habits: Habits = toml::from_str(&format!("people = 1.0\n{extra}")).unwrap();
            assert!(habits.check().is_err(), "{extra}");
        }
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_nobody_is_made(
            steps in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0, 1.0f64..600.0), 0..50),
            gives_up in 0.0f64..=1.0,
        ) {
            let habits = Habits { gives_up, ..habits("") };
            let mut population = Population::new(habits.clone());
            for (served, more, dt_s) in steps {
                let seen = Seen { served, named: served + more * (1.0 - served), told_s: 600.0 * more };
                population.step(dt_s, seen);
                let parts = population.waiting.iter().chain([&population.content, &population.away]);
                prop_assert!(parts.clone().all(|people| *people >= -1e-6));
                prop_assert!((parts.sum::<f64>() - habits.people).abs() < 1.0);
                let demand = population.demand(seen);
                prop_assert!(demand.requests >= 0.0 && demand.queries > 0.0);
            }
        }

        #[test]
        fn one_long_step_ends_as_many_short_ones(served in 0.0f64..=1.0) {
            let seen = Seen { served, named: 1.0, told_s: 0.0 };
            let mut long = Population::new(habits(""));
            (0..2_000).for_each(|_| long.step(60.0, seen));
            let short = after(&Population::new(habits("")), 2_000, seen);
            prop_assert!((long.failing() - short.failing()).abs() < 0.25 * 1_200_000.0);
        }
    }
}
