//! A scenario that was read and found consistent: what `build` turns into a world.

use crate::expectation::{Expectation, expectations};
use crate::files::faults;
use crate::files::people::Escorts;
use crate::files::services::{Run, Service};
use crate::files::units::When;
use crate::index::{Index, all};
use crate::load::{Folder, folder};
use crate::orders;
use crate::targets::targets;
use crate::validate;
use crate::variant::Changes;
use crate::vocabulary::{known_as, vocabulary};
use blackstart_badge::offline::Policy as OfflinePolicy;
use blackstart_badge::rules::{Escort, Rule};
use blackstart_dns::Name;
use blackstart_dns::zone::Zone;
use blackstart_fault::{Fault, Order};
use blackstart_judge::{Invariant, Stated};
use blackstart_rt::{Map, Set};
use blackstart_runbook::step::Runbook;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile};
use blackstart_world::milestone::{Kind, Milestone};
use blackstart_world::people::{
    Account, AccountKind, Belief, Bridge, Console, Door, Estimate, Fatigue, Interruption, Look, People,
    Person, Place, Refuses, Shift, Travel,
};
use jiff::{Timestamp, tz::TimeZone};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Length of a run when the scenario gives none.
const DURATION: Duration = Duration::from_secs(3600);

/// A statement whose minute is scripted.
#[derive(Clone, Debug)]
pub struct Statement {
    /// When it is sent, from the start of the run.
    pub at: Duration,
    /// Whose account.
    pub author: String,
    /// Name of the site that carries it.
    pub on: String,
    /// Host that it is sent from.
    pub from: String,
    /// Words.
    pub text: String,
}

/// A row of the record that is not among the milestones.
#[derive(Clone, Debug)]
pub struct NotShown {
    /// Its id in the record.
    pub id: String,
    /// What it says.
    pub what: String,
    /// Why it is not shown.
    pub why: String,
}

/// What somebody wrote of the same day: milestones beside the scenario's own, which decide nothing.
#[derive(Clone, Debug)]
pub struct Testimony {
    /// Whose it is.
    pub title: String,
    /// How far its clock is ahead of UTC.
    pub ahead_of_utc: Duration,
    /// Its rows.
    pub milestones: Vec<Milestone>,
    /// What it says and the model cannot show.
    pub not_shown: Vec<NotShown>,
}

/// A recovery that is still under way when the scenario ends is followed until it has lasted this many times as long.
pub const LONGER: u32 = 2;

/// A consistent scenario. A clone shares what no run changes, so that it may be changed a little and run again.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name of its folder.
    pub name: String,
    /// Title.
    pub title: String,
    /// Variant that was applied: its name and what it says of itself.
    pub variant: Option<String>,
    /// What the variant is expected to change.
    pub expects: Option<String>,
    /// The same in a form that runs are held to.
    pub expectations: Vec<Expectation>,
    /// The variant is another guess at what nobody knows, not something that anybody could do.
    pub is_hypothesis: bool,
    /// Start in UTC.
    pub start: Timestamp,
    /// Simulated length.
    pub duration: Duration,
    /// Seed that a run takes when none is given.
    pub seed: u64,
    /// What the model leaves out.
    pub not_modelled: Vec<String>,
    /// Runbook that a run executes when none is named.
    pub default_runbook: Option<String>,
    /// Runbooks by name.
    pub runbooks: BTreeMap<String, Arc<Runbook>>,
    /// Expected changes of signals.
    pub milestones: Vec<Milestone>,
    /// Rows of the record that are not among them.
    pub not_shown: Vec<NotShown>,
    /// What others wrote of the same day.
    pub testimonies: Vec<Testimony>,
    /// What the scenario says must hold.
    pub invariants: Vec<Stated>,
    /// What whoever runs it says must hold, in code.
    pub own_invariants: Vec<Invariant>,
    /// Faults, the same with every seed.
    pub faults: Vec<Fault>,
    /// Orders of faults on which the seed has a say.
    pub drawn: Vec<Order>,
    /// Scripted statements.
    pub statements: Vec<Statement>,
    /// People and what they hold.
    pub people: People,
    /// Recovery time objectives by service, and by what it is for.
    pub objectives: BTreeMap<String, Duration>,
    /// Runbooks' habits worth a word; they stop nothing.
    pub warnings: Diagnostics,
    /// What the door controllers fall back to when the access server is silent, by host.
    pub door_lists: BTreeMap<String, OfflinePolicy>,
    /// The bug that is planted in every run.
    #[cfg(feature = "canary")]
    pub canary: Option<blackstart_sim::canary::Canary>,
    pub(crate) zones: Arc<BTreeMap<String, Zone>>,
    pub(crate) folder: Arc<Folder>,
}

impl Scenario {
    /// The runbooks that people have at hand unless somebody says otherwise: the one that the scenario names; or all that say
    /// when they are to be used.
    pub fn at_hand(&self) -> Vec<&Arc<Runbook>> {
        match &self.default_runbook {
            Some(name) => self.runbooks.get(name).into_iter().collect(),
            None => self.runbooks.values().filter(|runbook| !runbook.use_when.is_empty()).collect(),
        }
    }

    /// Reads a scenario folder, applies a variant, looks everything up.
    ///
    /// # Errors
    /// Every mistake found, each with file, line and column.
    pub fn load(path: &Path, variant: Option<&str>) -> Result<Self, Diagnostics> {
        Self::load_changed(path, variant.as_slice(), None)
    }

    /// The same with several variants one after the other, then with what the text of another, in no file, says.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn load_changed(
        path: &Path,
        variants: &[&str],
        further: Option<SourceFile>,
    ) -> Result<Self, Diagnostics> {
        let named = variants.iter().map(|name| Changes::read(path, name));
        let changes: Result<Vec<Changes>, Diagnostics> =
            named.chain(further.map(|text| Changes::parse(path, text))).collect();
        let folder = folder(path, changes?)?;
        let mut errors = Diagnostics::new();
        let index = Index::new(&folder, &mut errors);
        errors.extend(validate::references(&folder, &index));
        let zones = zones(&folder, &mut errors);
        let start = start(&folder, &mut errors);
        let people = people(&folder, start);
        let duration = folder.scenario.it.duration.map_or(DURATION, |length| length.0);
        let today = start.map(|start| start.to_zoned(TimeZone::UTC).date());
        let words = vocabulary(&folder, &index, &people, &zones, duration);
        let mut warnings = validate::envelopes(&index, today, &mut errors);
        warnings.extend(folder.strays.iter().cloned());
        warnings.extend(validate::links_without_sessions(&folder, &index));
        warnings.extend(validate::names_that_lead_nowhere(&folder, &index, &zones));
        let runbooks = runbooks(&folder, &words, &people, &mut errors, &mut warnings);
        warnings
            .extend(start.map(|start| validate::certificates(&index, start, duration)).into_iter().flatten());
        let clock = start.map(|start| start.to_zoned(TimeZone::UTC).time()).unwrap_or_default();
        warnings.extend(validate::faults_that_never_begin(&folder.faults, duration, clock));
        let expectations = expectations(&folder, &index, &runbooks, clock, &mut errors);
        let targets = targets(&folder, &index, &zones);
        validate::spares(&folder, &targets, &mut errors);
        let reader = orders::Reader { file: &folder.faults.file, index: &index, targets: &targets, clock };
        let (drawn, fixed): (Vec<_>, Vec<_>) =
            reader.orders(&folder.faults.it.fault, &mut errors).into_iter().partition(Order::is_drawn);
        let faults = fixed.iter().flat_map(|order| order.draw(&targets, 0).unwrap_or_default()).collect();
        let Some(start) = start.filter(|_| errors.is_empty()) else { return Err(errors) };
        let timed = all(&folder.services, |f| &f.service).filter_map(|(_, s)| Some((s, s.rto?.0)));
        let objectives =
            timed.flat_map(|(s, rto)| known_as(s).into_iter().map(move |word| (word, rto))).collect();
        Ok(Self {
            name: name_of(path),
            title: folder.scenario.it.title.clone(),
            variant: (!variants.is_empty()).then(|| variants.join(" + ")),
            expects: folder.variant.as_ref().map(|v| v.it.expects.clone()),
            expectations,
            is_hypothesis: folder.variant.as_ref().is_some_and(|v| v.it.hypothesis),
            start,
            duration,
            seed: folder.scenario.it.seed.unwrap_or(1),
            not_modelled: folder.not_modelled.clone(),
            default_runbook: folder.scenario.it.runbook.as_ref().map(|name| name.get_ref().clone()),
            runbooks,
            milestones: milestones(&folder.milestones.it, clock),
            not_shown: folder.milestones.it.not_shown.iter().map(not_shown).collect(),
            testimonies: testimonies(&folder, clock),
            faults,
            drawn,
            invariants: folder
                .milestones
                .it
                .invariant
                .iter()
                .filter_map(|i| validate::stated(i, clock))
                .collect(),
            own_invariants: Vec::new(),
            statements: statements(&folder, clock),
            people,
            objectives,
            warnings,
            door_lists: door_lists(&folder),
            #[cfg(feature = "canary")]
            canary: None,
            zones: Arc::new(zones),
            folder: Arc::new(folder),
        })
    }
}

impl Scenario {
    /// Faults that `file` orders, on which no seed has a say.
    pub(crate) fn ordered(
        &self,
        file: &SourceFile,
        index: &Index<'_>,
        faults: &[faults::Fault],
    ) -> Result<Vec<Fault>, Diagnostics> {
        let targets = targets(&self.folder, index, &self.zones);
        let clock = self.start.to_zoned(TimeZone::UTC).time();
        let mut errors = Diagnostics::new();
        let reader = orders::Reader { file, index, targets: &targets, clock };
        let orders = reader.orders(faults, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(orders.iter().flat_map(|order| order.draw(&targets, 0).unwrap_or_default()).collect())
    }

    /// The scenario with faults beside its own.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// Zones by their names, and the machines whose name servers have them.
    #[must_use]
    pub fn name_servers(&self) -> Map<Name, Set<String>> {
        let mut servers: Map<Name, Set<String>> = Map::new();
        for (_, service) in all(&self.folder.services, |f| &f.service) {
            let Run::Authority(authority) = &service.run else { continue };
            for zone in authority.zones.iter().filter_map(|zone| self.zones.get(zone.get_ref())) {
                servers.entry(zone.origin().clone()).or_default().insert(service.host.get_ref().clone());
            }
        }
        servers
    }

    /// Host names that the programs on each machine ask for.
    #[must_use]
    pub fn names_asked(&self) -> Map<String, Set<String>> {
        let mut names: Map<String, Set<String>> = Map::new();
        for (_, service) in all(&self.folder.services, |f| &f.service) {
            let here = names.entry(service.host.get_ref().clone()).or_default();
            here.extend(validate::by_programs(&service.run).into_iter().map(str::to_owned));
        }
        names
    }

    /// Everything that is done to this world with this seed.
    #[must_use]
    pub fn schedule(&self, seed: u64) -> Vec<Fault> {
        if self.drawn.is_empty() {
            return self.faults.clone();
        }
        let targets = self.targets();
        let drawn = self.drawn.iter().flat_map(|order| order.draw(&targets, seed).unwrap_or_default());
        self.faults.iter().cloned().chain(drawn).collect()
    }
}

fn door_lists(folder: &Folder) -> BTreeMap<String, OfflinePolicy> {
    let services = all(&folder.services, |file| &file.service);
    let list = |service: &Service| match &service.run {
        Run::DoorController(controller) => Some((service.host.get_ref().clone(), controller.offline_list?)),
        _ => None,
    };
    services.filter_map(|(_, service)| list(service)).collect()
}

fn name_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn start(folder: &Folder, errors: &mut Diagnostics) -> Option<Timestamp> {
    let file = &folder.scenario.file;
    let Some(epoch) = &folder.scenario.it.epoch else {
        let message = "no `epoch`: nobody knows when this begins";
        errors.push(Diagnostic::of_file(file.name(), message).expecting("epoch = \"2021-10-04T15:30:00Z\""));
        return None;
    };
    let text = epoch.get_ref();
    let parsed: Option<Timestamp> = text.parse().ok();
    let expected = match parsed {
        // All other times of a scenario are in UTC.
        Some(_) if text.ends_with(['Z', 'z']) => return parsed,
        Some(moment) => format!("`{moment}`, which is the same moment"),
        None => "such as `2021-10-04T15:30:00Z`".to_owned(),
    };
    let message = format!("`{text}` is no time in UTC");
    errors.push(Diagnostic::new(file, epoch.span(), message).expecting(expected));
    None
}

/// Parses every zone file; the file's name without `.zone` is the zone's name, and `root.zone` is the root.
fn zones(folder: &Folder, errors: &mut Diagnostics) -> BTreeMap<String, Zone> {
    let mut zones = BTreeMap::new();
    for (name, file) in &folder.zones {
        match zone(name, file) {
            Ok(zone) => drop(zones.insert(name.clone(), zone)),
            Err(diagnostic) => errors.push(diagnostic),
        }
    }
    zones
}

fn zone(name: &str, file: &SourceFile) -> Result<Zone, Diagnostic> {
    let origin = name.trim_end_matches(".zone");
    let origin = if origin == "root" { ".".to_owned() } else { format!("{origin}.") };
    let origin: Name = origin.parse().map_err(|error| {
        Diagnostic::of_file(file.name(), format!("`{origin}` is no domain name: {error}"))
            .expecting("zones/DOMAIN.zone")
    })?;
    Zone::parse(file.text(), &origin).map_err(|error| {
        let start =
            file.text().lines().take(error.line.saturating_sub(1)).map(|line| line.len() + 1).sum::<usize>();
        let start = (start + error.column.saturating_sub(1)).min(file.text().len());
        Diagnostic::new(file, start..start, error.message.clone())
            .expecting("a record as in RFC 1035, section 5")
    })
}

fn runbooks(
    folder: &Folder,
    words: &blackstart_runbook::check::Vocabulary,
    people: &People,
    errors: &mut Diagnostics,
    warnings: &mut Diagnostics,
) -> BTreeMap<String, Arc<Runbook>> {
    let mut runbooks = BTreeMap::new();
    for (name, file) in &folder.runbooks {
        let Some(runbook) = errors.take(blackstart_runbook::read(file)) else { continue };
        let checked = blackstart_runbook::check::check(&runbook, words);
        errors.extend(checked.errors);
        validate::durations(folder, people, &runbook, errors);
        warnings.extend(checked.warnings);
        runbooks.insert(name.clone(), Arc::new(runbook));
    }
    warnings.extend(never_chosen(folder, &runbooks));
    runbooks
}

/// Where runbooks are chosen by what is seen, one that does not say when it is to be used is never taken up.
fn never_chosen(folder: &Folder, runbooks: &BTreeMap<String, Arc<Runbook>>) -> Diagnostics {
    let chosen = |runbook: &&Arc<Runbook>| !runbook.use_when.is_empty();
    let mut complaints = Diagnostics::new();
    if folder.scenario.it.runbook.is_none() && runbooks.values().any(|runbook| chosen(&runbook)) {
        for runbook in runbooks.values().filter(|runbook| !chosen(runbook)) {
            let message = "nobody takes this runbook up: it does not say when it is to be used";
            complaints.push(Diagnostic::new(&runbook.file, 0..0, message).helped("add `use-when`"));
        }
    }
    complaints
}

fn not_shown(row: &crate::files::milestones::NotShown) -> NotShown {
    NotShown { id: row.id.get_ref().clone(), what: row.what.clone(), why: row.why.clone() }
}

/// What others wrote of the day, each by its own clock.
fn testimonies(folder: &Folder, clock: jiff::civil::Time) -> Vec<Testimony> {
    let testimony = |(name, read): (&String, &crate::load::Read<crate::files::milestones::Milestones>)| {
        let ahead_of_utc = read.it.ahead_of_utc.map_or(Duration::ZERO, |ahead| ahead.0);
        let ahead = jiff::SignedDuration::try_from(ahead_of_utc).unwrap_or_default();
        Testimony {
            title: read.it.title.clone().unwrap_or_else(|| name.clone()),
            ahead_of_utc,
            milestones: milestones(&read.it, clock.wrapping_add(ahead)),
            not_shown: read.it.not_shown.iter().map(not_shown).collect(),
        }
    };
    folder.testimonies.iter().map(testimony).collect()
}

fn milestones(file: &crate::files::milestones::Milestones, clock: jiff::civil::Time) -> Vec<Milestone> {
    use crate::files::milestones::Kind as K;
    let since = |when: When| when.since(clock);
    let row = |m: &crate::files::milestones::Milestone| {
        Some(Milestone {
            id: m.id.get_ref().clone(),
            what: m.what.clone(),
            kind: match m.kind {
                K::Input => Kind::Input,
                K::Calibrated => Kind::Calibrated,
                K::Emergent => Kind::Emergent,
            },
            signal: m.signal.get_ref().clone(),
            expect: validate::expectation(m.expect.get_ref())?,
            at: since(*m.at.get_ref()),
            tolerance: m.tolerance.0,
            after: m.after.as_ref().map(|after| after.get_ref().clone()),
            from: m.from.as_ref().map_or(Duration::ZERO, |from| since(*from.get_ref())),
            until: m.until.as_ref().map(|until| since(*until.get_ref())),
            source: m.source.clone(),
            fitted: m.fitted.clone(),
        })
    };
    file.milestone.iter().filter_map(row).collect()
}

fn statements(folder: &Folder, clock: jiff::civil::Time) -> Vec<Statement> {
    let one = |s: &crate::files::faults::Statement| Statement {
        at: s.at.get_ref().since(clock),
        author: s.author.clone(),
        on: s.on.clone(),
        from: s.from.get_ref().clone(),
        text: s.text.clone(),
    };
    folder.faults.it.statement.iter().map(one).collect()
}

/// The badges of those who may take others along through a door.
fn escort(folder: &Folder, escorts: &Escorts) -> Escort {
    let has_one = |roles: &[String]| escorts.roles.iter().any(|role| roles.contains(role.get_ref()));
    let people = all(&folder.people, |p| &p.person).map(|(_, person)| person);
    let badges = people.filter(|person| has_one(&person.roles)).filter_map(|person| person.badge.as_ref());
    Escort {
        badges: badges.map(|badge| badge.get_ref().clone()).collect(),
        within_s: escorts.within.0.as_secs(),
    }
}

/// Everything about people, as they are at the start of the run.
fn people(folder: &Folder, start: Option<Timestamp>) -> People {
    use crate::files::people as f;
    let text = |name: &blackstart_source::Spanned<String>| name.get_ref().clone();
    let maybe = |name: &Option<blackstart_source::Spanned<String>>| name.as_ref().map(text);
    let estimate = |e: &f::Estimate| Estimate {
        low: e.low.0,
        likely: e.likely.get_ref().0,
        high: e.high.0,
        basis: e.basis.clone(),
    };
    let door = |d: &f::Door| Door {
        name: text(&d.name),
        from: text(&d.from),
        to: text(&d.to),
        reader: text(&d.reader),
        controller: text(&d.controller),
        key: d.key.clone(),
        fail: d.fail,
        rule: Rule {
            zone: d.anti_passback.clone(),
            two_within_s: d.two_within.map(|length| length.0.as_secs()),
            escort: d.escorts.as_ref().map(|escorts| escort(folder, escorts)),
            when_silent: d.when_silent.as_ref().map(|it| *it.get_ref()).unwrap_or_default(),
        },
        escorts: d.escorts.as_ref().map(|escorts| escorts.roles.iter().map(text).collect()),
    };
    let clock = start.unwrap_or_default().to_zoned(TimeZone::UTC).time();
    let shift = |s: &f::Shift| Shift { begins: s.from.since(clock), ends: s.until.since(clock) };
    let works = |p: &f::Person| p.shift.as_ref().is_none_or(|s| shift(s).covers(Duration::ZERO));
    let person = |p: &f::Person| Person {
        name: text(&p.name),
        roles: p.roles.clone(),
        skills: p.skills.clone(),
        at: text(p.home.as_ref().filter(|_| !works(p)).unwrap_or(&p.at)),
        shift: p.shift.as_ref().map(shift),
        called_at_home: p.home.is_some(),
        phone: maybe(&p.phone),
        numbers: p.numbers.as_ref().map(|numbers| numbers.iter().map(text).collect()),
        laptop: maybe(&p.laptop),
        badge: maybe(&p.badge),
        items: p.items.clone(),
        on_duty_for: p.on_duty_for.map(|length| length.0).unwrap_or_default(),
        refuses: p
            .refuses
            .as_ref()
            .map(|r| Refuses { chance: *r.chance.get_ref(), gives_way_to: maybe(&r.gives_way_to) }),
        no_answer: p.no_answer.as_ref().map_or(0.0, |chance| *chance.get_ref()),
        account: maybe(&p.account),
    };
    let interruption = |i: &f::Interruption| Interruption {
        by: text(&i.by),
        role: text(&i.role),
        taken_by: maybe(&i.taken_by),
        every: estimate(&i.every),
        takes: estimate(&i.takes),
    };
    let fatigue = |f: &f::Fatigue| Fatigue {
        after: f.after.0,
        slower_per_hour: *f.slower_per_hour.get_ref(),
        slips_per_hour: *f.slips_per_hour.get_ref(),
    };
    let account = |a: &f::Account| Account {
        name: text(&a.name),
        kind: match a.kind {
            f::AccountKind::Local => AccountKind::Local,
            f::AccountKind::SignIn => AccountKind::SignIn,
        },
        secret: a.secret.clone(),
        code_seed: a.code_seed.clone(),
        kept_at: maybe(&a.kept_at),
        person: maybe(&a.person),
        holders: a.holders.iter().map(text).collect(),
        sealed: a.sealed.clone(),
    };
    let look = |l: &f::Look| Look { signal: text(&l.signal), is: l.is.clone() };
    let belief = |b: &f::Belief| Belief {
        name: text(&b.name),
        suggested_by: look(&b.suggested_by),
        refuted_by: look(&b.refuted_by),
        admits: b.admits.as_ref().map(|percent| *percent.get_ref()),
    };
    let console = |c: &f::Console| Console {
        name: c.name.clone(),
        address: c.address,
        routers: c.routers.iter().map(text).collect(),
        sign_in: maybe(&c.sign_in),
    };
    let files = &folder.people;
    People {
        places: all(files, |p| &p.place)
            .map(|(_, p)| (text(&p.name), Place { name: text(&p.name), site: maybe(&p.site) }))
            .collect(),
        travels: all(files, |p| &p.travel)
            .map(|(_, t)| Travel { from: text(&t.from), to: text(&t.to), takes: estimate(&t.takes) })
            .collect(),
        doors: all(files, |p| &p.door).map(|(_, d)| (text(&d.name), door(d))).collect(),
        bridges: all(files, |p| &p.bridge)
            .map(|(_, b)| {
                (text(&b.name), Bridge { name: text(&b.name), needs: b.needs.clone(), at: maybe(&b.at) })
            })
            .collect(),
        persons: all(files, |p| &p.person).map(|(_, p)| person(p)).collect(),
        items: all(files, |p| &p.item).map(|(_, i)| (text(&i.name), text(&i.at))).collect(),
        accounts: all(files, |p| &p.account).map(|(_, a)| (text(&a.name), account(a))).collect(),
        consoles: all(files, |p| &p.console).map(|(_, c)| console(c)).collect(),
        fatigue: files.iter().rev().find_map(|read| read.it.fatigue.as_ref()).map(fatigue),
        stays: files.iter().rev().find_map(|read| Some(read.it.shift_change.as_ref()?.stays.get_ref().0)),
        call_backs: files.iter().rev().find_map(|read| Some(*read.it.call_back.as_ref()?.tries.get_ref())),
        interruptions: all(files, |p| &p.interruption).map(|(_, i)| interruption(i)).collect(),
        beliefs: all(files, |p| &p.belief).map(|(_, b)| belief(b)).collect(),
        tasks: all(files, |p| &p.task).map(|(_, t)| (text(&t.name), estimate(&t.takes))).collect(),
    }
}
