//! The people who bring it back: where they are, what they hold, what they can do, and how long things take them.
//!
//! Plain data, built by the scenario layer and never changed by a run. What changes lives in `physical`.

use blackstart_badge::door::Fail;
use blackstart_badge::rules::Rule;
use blackstart_rt::Map;
use std::net::IpAddr;
use std::time::Duration;

const DAY_MS: u128 = 24 * 3600 * 1000;

/// A duration nobody knows exactly: triangular between `low` and `high` with its peak at `likely`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Shortest.
    pub low: Duration,
    /// Most likely.
    pub likely: Duration,
    /// Longest.
    pub high: Duration,
    /// Source, or `assumption: …`.
    pub basis: String,
}

impl Estimate {
    /// The duration at quantile `u` in [0, 1): the inverse of the triangular distribution function.
    #[must_use]
    pub fn quantile(&self, u: f64) -> Duration {
        let (low, likely, high) =
            (self.low.as_secs_f64(), self.likely.as_secs_f64(), self.high.as_secs_f64());
        let width = high - low;
        if width <= 0.0 {
            return self.low;
        }
        let peak = (likely - low) / width;
        let seconds = if u < peak {
            low + libm::sqrt(u * width * (likely - low))
        } else {
            high - libm::sqrt((1.0 - u) * width * (high - likely))
        };
        Duration::from_millis(libm::round(seconds * 1000.0) as u64)
    }
}

/// A place where people can be; several places may belong to one site.
#[derive(Clone, Debug)]
pub struct Place {
    /// Unique name, `room@site` by custom.
    pub name: String,
    /// Site it belongs to, if any.
    pub site: Option<String>,
}

/// How long it takes to go from one place to another.
#[derive(Clone, Debug)]
pub struct Travel {
    /// From this place.
    pub from: String,
    /// To this place.
    pub to: String,
    /// Door to door.
    pub takes: Estimate,
}

/// A door between two places, with its reader and controller on the network.
#[derive(Clone, Debug)]
pub struct Door {
    /// Name, also the name that the access server knows.
    pub name: String,
    /// Where one stands before it.
    pub from: String,
    /// Where it leads.
    pub to: String,
    /// Host that the reader runs on.
    pub reader: String,
    /// Host of the door controller.
    pub controller: String,
    /// Item that opens the lock by hand.
    pub key: Option<String>,
    /// What it does when nobody can decide.
    pub fail: Fail,
    /// What it asks for beyond a badge.
    pub rule: Rule,
    /// Roles of those who may take others along; without it whoever opens it may.
    pub escorts: Option<Vec<String>>,
}

impl Door {
    /// Whether somebody may take others along.
    #[must_use]
    pub fn may_escort(&self, person: &Person) -> bool {
        self.escorts.as_ref().is_none_or(|roles| person.roles.iter().any(|role| roles.contains(role)))
    }
}

/// Where people meet by voice.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// Name.
    pub name: String,
    /// Needs without a model that it stands on.
    pub needs: Vec<String>,
    /// Host name of the tool in which it is held; a telephone bridge otherwise.
    pub at: Option<String>,
}

/// One person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Unique name.
    pub name: String,
    /// Roles in an incident.
    pub roles: Vec<String>,
    /// What they know how to do or are entitled to.
    pub skills: Vec<String>,
    /// Place at the start.
    pub at: String,
    /// Host of the machine they carry.
    pub laptop: Option<String>,
    /// Badge number.
    pub badge: Option<String>,
    /// What they hold at the start.
    pub items: Vec<String>,
    /// When they work; always unless given.
    pub shift: Option<Shift>,
    /// Whether they are called at home when they do not work.
    pub called_at_home: bool,
    /// Chat service through which their phone rings; one of their own otherwise.
    pub phone: Option<String>,
    /// Whose numbers are in their phone; nobody asks where the scenario does not say.
    pub numbers: Option<Vec<String>>,
    /// How long they have been on duty when the run begins; for somebody with a shift it follows from that.
    pub on_duty_for: Duration,
    /// When they say no to what they are asked to decide.
    pub refuses: Option<Refuses>,
    /// How likely, from 0 to 1, a call rings and they do not pick up: asleep, or busy. The next call is another try.
    pub no_answer: f64,
    /// Account with which they sign in where a tool asks them to.
    pub account: Option<String>,
}

impl Person {
    /// Whether they work at a time since the start of the run.
    #[must_use]
    pub fn works(&self, since_start: Duration) -> bool {
        self.shift.is_none_or(|shift| shift.covers(since_start))
    }

    /// How long they have been on duty at a time since the start of the run.
    #[must_use]
    pub fn on_duty(&self, since_start: Duration) -> Duration {
        let working = self.shift.filter(|shift| shift.covers(since_start));
        working.map_or(self.on_duty_for + since_start, |shift| since(shift.begins, since_start))
    }

    /// Whether a shift of theirs has ended in the run, so long ago that they have left.
    #[must_use]
    pub fn has_left(&self, stays: Duration, since_start: Duration) -> bool {
        let off = self.shift.filter(|shift| !shift.covers(since_start));
        let over = off.map(|shift| since(shift.ends, since_start));
        over.is_some_and(|over| over <= since_start && over >= stays)
    }

    /// Whether they have come to work in the course of the run and are there.
    #[must_use]
    pub fn has_come(&self, since_start: Duration) -> bool {
        let working = self.shift.filter(|shift| shift.covers(since_start));
        working.is_some_and(|shift| since(shift.begins, since_start) <= since_start)
    }

    /// Whether they answer a call at a time since the start of the run.
    #[must_use]
    pub fn answers(&self, since_start: Duration) -> bool {
        self.called_at_home || self.works(since_start)
    }
}

/// From a time of day to the next moment; both since the start of the run.
fn since(time_of_day: Duration, now: Duration) -> Duration {
    let behind = (now.as_millis() + DAY_MS - time_of_day.as_millis() % DAY_MS) % DAY_MS;
    Duration::from_millis(u64::try_from(behind).unwrap_or_default())
}

/// What being long on duty does to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Fatigue {
    /// Nothing until they have been on duty for so long.
    pub after: Duration,
    /// How much longer things take with each further hour: 0.1 is a tenth.
    pub slower_per_hour: f64,
    /// How much likelier, with each further hour, something has to be done twice.
    pub slips_per_hour: f64,
}

impl Fatigue {
    fn hours(&self, on_duty: Duration) -> f64 {
        on_duty.saturating_sub(self.after).as_secs_f64() / 3600.0
    }

    /// How many times as long things take somebody.
    #[must_use]
    pub fn slowness(&self, on_duty: Duration) -> f64 {
        1.0 + self.slower_per_hour * self.hours(on_duty)
    }

    /// How likely something has to be done twice.
    #[must_use]
    pub fn slips(&self, on_duty: Duration) -> f64 {
        (self.slips_per_hour * self.hours(on_duty)).min(1.0)
    }
}

/// When somebody says no.
#[derive(Clone, Debug, PartialEq)]
pub struct Refuses {
    /// How likely, each time that they are asked.
    pub chance: f64,
    /// Role that they give way to, once somebody with it is on a bridge.
    pub gives_way_to: Option<String>,
}

/// Calls that whoever has a role must take in an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// Who calls: the press, an executive, a lawyer.
    pub by: String,
    /// Whose time it takes.
    pub role: String,
    /// Role that takes the calls instead, when somebody has it.
    pub taken_by: Option<String>,
    /// From one call to the next.
    pub every: Estimate,
    /// How long one takes.
    pub takes: Estimate,
}

/// A cause that people think of before they know better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belief {
    /// The cause, as a sentence.
    pub name: String,
    /// What makes them think of it.
    pub suggested_by: Look,
    /// What speaks against it.
    pub refuted_by: Look,
    /// What whoever believes it does at once: lets in this share of users, in percent.
    pub admits: Option<u32>,
}

/// What is seen from any vantage point that people have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The signal's stem.
    pub signal: String,
    /// Its value: a word, a number, `ok`, `failing`.
    pub is: String,
}

/// When somebody works, each day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Its beginning, from the start of the run, within a day.
    pub begins: Duration,
    /// Its end, likewise; before the beginning when the run starts within the shift.
    pub ends: Duration,
}

impl Shift {
    /// Whether a time since the start of the run falls into it.
    #[must_use]
    pub fn covers(self, since_start: Duration) -> bool {
        let [time, begins, ends] = [since_start, self.begins, self.ends].map(|t| t.as_millis() % DAY_MS);
        if begins <= ends { (begins..ends).contains(&time) } else { time >= begins || time < ends }
    }
}

/// How an account proves who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// Known to a device by itself, with no network.
    Local,
    /// Known to the sign-in service.
    SignIn,
}

/// An account and where its secret is kept.
#[derive(Clone, Debug)]
pub struct Account {
    /// Name.
    pub name: String,
    /// Local or sign-in.
    pub kind: AccountKind,
    /// The secret.
    pub secret: String,
    /// Seed of the code generator, when there is a second factor.
    pub code_seed: Option<String>,
    /// Place where the sealed secret lies; `None` when people know it by heart.
    pub kept_at: Option<String>,
    /// The only person who can sign in with it; `None` when anybody can.
    pub person: Option<String>,
    /// People who must all be there when it is opened; anybody entitled may when there are none.
    pub holders: Vec<String>,
    /// What the sealed envelope says, when that is not the secret any more.
    pub sealed: Option<String>,
}

/// A remote console as people know it: a name to look up and an address on a card.
#[derive(Clone, Debug)]
pub struct Console {
    /// Name in DNS.
    pub name: String,
    /// Address known by heart, when there is one.
    pub address: Option<IpAddr>,
    /// Routers behind it.
    pub routers: Vec<String>,
    /// Account with which people must sign in before the console lets them through.
    pub sign_in: Option<String>,
}

/// Everything about people that a scenario states.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Places by name.
    pub places: Map<String, Place>,
    /// Ways between places.
    pub travels: Vec<Travel>,
    /// Doors by name.
    pub doors: Map<String, Door>,
    /// Bridges by name.
    pub bridges: Map<String, Bridge>,
    /// People in the order of the file: earlier ones are called first.
    pub persons: Vec<Person>,
    /// Items that lie somewhere and that nobody holds, with their places.
    pub items: Map<String, String>,
    /// Accounts by name.
    pub accounts: Map<String, Account>,
    /// Remote consoles in the order in which people try them.
    pub consoles: Vec<Console>,
    /// What people believe, the most familiar cause first.
    pub beliefs: Vec<Belief>,
    /// What being long on duty does; nothing where the scenario does not say.
    pub fatigue: Option<Fatigue>,
    /// People go home so long after the end of their shift, and who comes must learn how things stand; nobody does where the
    /// scenario does not say.
    pub stays: Option<Duration>,
    /// How often a call-back is tried before a decision is refused; nobody asks whether it is answered where the scenario does
    /// not say.
    pub call_backs: Option<u32>,
    /// Who calls in the middle of it.
    pub interruptions: Vec<Interruption>,
    /// Durations of tasks by name.
    pub tasks: Map<String, Estimate>,
}

impl People {
    /// Everyone with this role, in the order of the file.
    pub fn with_role<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Person> {
        self.persons.iter().filter(move |person| person.roles.iter().any(|r| r == role))
    }

    /// The person with this name.
    #[must_use]
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.persons.iter().find(|person| person.name == name)
    }

    /// How long it takes between two places, in either direction.
    #[must_use]
    pub fn travel(&self, from: &str, to: &str) -> Option<&Estimate> {
        let joins = |t: &&Travel| (t.from == from && t.to == to) || (t.from == to && t.to == from);
        self.travels.iter().find(joins).map(|travel| &travel.takes)
    }

    /// Where one arrives at a site: the first place of the site that some door leads away from, else any.
    #[must_use]
    pub fn gate_of(&self, site: &str) -> Option<&str> {
        let here = |place: &&String| self.site_of(place) == Some(site);
        let before_door = self.doors.values().map(|door| &door.from).find(here);
        before_door.or_else(|| self.places.keys().find(here)).map(String::as_str)
    }

    /// Site of a place.
    #[must_use]
    pub fn site_of(&self, place: &str) -> Option<&str> {
        self.places.get(place)?.site.as_deref()
    }
}

/// Tasks whose durations the actions of a runbook draw: a scenario states those that its runbooks use.
pub const TASKS: &[(&str, &str)] = &[
    ("notice", "from the first thing seen to acting on it"),
    ("look", "looking for what speaks against a cause that one believes in"),
    ("try-console", "trying one remote console, beside the time-outs"),
    ("call", "calling one person, redials included"),
    ("join", "from the call to being on the bridge"),
    ("weigh", "an approver making up their mind"),
    ("call-back", "calling back to know who is speaking"),
    ("tell-guard", "reading the names to a guard desk"),
    ("get-ready", "finding what must be carried"),
    ("tap-badge", "putting a badge on a reader"),
    ("guard-check", "a guard checking names against a list"),
    ("escort", "a guard opening a door and escorting through it"),
    ("open-safe", "fetching a sealed envelope"),
    ("connect-serial", "getting a serial prompt on one site's routers"),
    ("unlock-device", "unlocking the hardened devices of one more site by voice"),
    ("read-config", "reading running configuration"),
    ("agree-on-cause", "agreeing that this is the cause"),
    ("isolate", "cutting off automation"),
    ("apply", "changing one router and reading it back"),
    ("judge-load", "deciding on the next admission step"),
    ("post", "writing a public statement"),
    ("fetch", "finding an item where it lies and taking it"),
    ("sign-in", "typing a password and a code"),
    ("open-document", "finding the page"),
    ("power-cycle", "finding the machine, switching it off and on"),
    ("restart", "finding the machine and starting a service again"),
    ("brief", "handing a role over, telling somebody how things stand"),
    ("find-out", "finding out how things stand when nobody is left who knows"),
    ("write", "writing a message"),
    ("acknowledge", "seeing a message or a page and answering it"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minutes(low: u64, likely: u64, high: u64) -> Estimate {
        let m = |n| Duration::from_secs(60 * n);
        Estimate { low: m(low), likely: m(likely), high: m(high), basis: "assumption".into() }
    }

    #[test]
    fn a_shift_is_the_same_every_day() {
        let hours = |n: u64| Duration::from_secs(3600 * n);
        let (day, night) =
            (Shift { begins: hours(2), ends: hours(10) }, Shift { begins: hours(20), ends: hours(4) });
        for (hour, by_day, by_night) in [
            (0, false, true),
            (2, true, true),
            (4, true, false),
            (10, false, false),
            (21, false, true),
            (26, true, true),
        ] {
            assert_eq!((day.covers(hours(hour)), night.covers(hours(hour))), (by_day, by_night), "{hour}");
        }
    }

    fn person(shift: Option<Shift>) -> Person {
        let (name, at) = ("Ada".to_owned(), "desk".to_owned());
        let (roles, skills, items, called_at_home) = Default::default();
        let (laptop, badge, phone, numbers, refuses) = Default::default();
        let on_duty_for = Duration::from_secs(3 * 3600);
        Person {
            account: None,
            name,
            roles,
            skills,
            at,
            laptop,
            badge,
            items,
            shift,
            called_at_home,
            phone,
            numbers,
            on_duty_for,
            refuses,
            no_answer: 0.0,
        }
    }

    #[test]
    fn a_shift_says_how_long_somebody_has_been_there_and_when_they_go() {
        let hours = |n: u64| Duration::from_secs(3600 * n);
        // It began two hours before the run and ends six hours into it.
        let ada = person(Some(Shift { begins: hours(22), ends: hours(6) }));
        assert_eq!((ada.on_duty(hours(0)), ada.on_duty(hours(5))), (hours(2), hours(7)));
        let left = |now: u64| ada.has_left(hours(1), hours(now));
        assert_eq!([0, 5, 6, 7, 21, 22].map(left), [false, false, false, true, true, false]);
        let come = |now: u64| ada.has_come(hours(now));
        assert_eq!([0, 5, 7, 22, 23].map(come), [false, false, false, true, true]);
        assert_eq!(person(None).on_duty(hours(2)), hours(5));
        assert!(!person(None).has_left(hours(0), hours(20)));
    }

    #[test]
    fn fatigue_grows_with_the_hours() {
        let hours = |n: u64| Duration::from_secs(3600 * n);
        let fatigue = Fatigue { after: hours(8), slower_per_hour: 0.25, slips_per_hour: 0.5 };
        for (on_duty, slowness, slips) in [(0, 1.0, 0.0), (8, 1.0, 0.0), (9, 1.25, 0.5), (12, 2.0, 1.0)] {
            assert_eq!((fatigue.slowness(hours(on_duty)), fatigue.slips(hours(on_duty))), (slowness, slips));
        }
    }

    #[test]
    fn quantiles_of_a_symmetric_estimate() {
        let e = minutes(10, 20, 30);
        assert_eq!(e.quantile(0.0), e.low);
        assert_eq!(e.quantile(0.5), e.likely);
        assert_eq!(minutes(7, 7, 7).quantile(0.9), Duration::from_secs(420));
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_stay_inside(a in 0u64..100, b in 0u64..100, c in 0u64..100, u in 0.0f64..1.0, v in 0.0f64..1.0) {
            let mut m = [a, b, c];
            m.sort_unstable();
            let e = minutes(m[0], m[1], m[2]);
            let (u, v) = if u < v { (u, v) } else { (v, u) };
            prop_assert!(e.low <= e.quantile(u) && e.quantile(v) <= e.high);
            prop_assert!(e.quantile(u) <= e.quantile(v));
        }
    }
}
