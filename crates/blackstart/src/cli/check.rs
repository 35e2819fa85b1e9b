//! `blackstart check`: everything that is wrong with a scenario or a runbook, without running it.

use super::{Ending, Format, complain, output};
use blackstart::{Diagnostic, Diagnostics, Scenario};
use blackstart_runbook::step::Runbook;
use blackstart_scenario::{Learned, Needs, variants};
use blackstart_source::SourceFile;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Width of the page.
const COLUMNS_MAX: usize = 109;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario folder, or a runbook (.md); a runbook in a scenario's `runbooks` folder is checked with its scenario
    path: PathBuf,
    /// Check with variants/V.toml applied; all variants, one by one, unless given
    #[arg(long, value_name = "V")]
    variant: Option<String>,
    /// Run twice without faults and people, see who asks whom, and count what nobody declared as needed
    #[arg(long)]
    learn: bool,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What was found. As JSON it is the object that `--format json` prints.
#[derive(Debug, Serialize)]
struct Findings {
    path: String,
    ok: bool,
    counts: Option<Counts>,
    runbooks: Vec<Steps>,
    needs: Vec<NeedsOf>,
    variants: Vec<String>,
    warnings: Diagnostics,
    errors: Diagnostics,
}

#[derive(Debug, Serialize)]
struct Counts {
    ases: usize,
    sites: usize,
    routers: usize,
    hosts: usize,
    services: usize,
    people: usize,
    milestones: usize,
}

#[derive(Debug, Serialize)]
struct Steps {
    name: String,
    steps: usize,
    unchecked: usize,
}

/// Whether what a runbook needs can ever be had.
#[derive(Debug, Serialize)]
struct NeedsOf {
    runbook: String,
    verdict: &'static str,
    /// The step that can never be done.
    step: Option<String>,
    /// Why, alternative by alternative.
    why: Vec<String>,
    /// Needs without a model that it all rests on.
    unmodelled: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    let findings = find(arguments);
    complain::about(&findings.warnings);
    complain::about(&findings.errors);
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&findings).map(|json| json + "\n"),
        Format::Human => Ok(findings.page()),
    };
    match text.map_err(Into::into).and_then(|text| output::print(&text)) {
        Err(error) => {
            eprintln!("{error}");
            Ending::Internal
        }
        Ok(()) if findings.ok => Ending::Held,
        Ok(()) if findings.is_only_deadlocked() => Ending::Short,
        Ok(()) => Ending::BadInput,
    }
}

fn find(arguments: &Arguments) -> Findings {
    let path = &arguments.path;
    let mut findings = Findings::nothing(path);
    let found = match (is_runbook(path), scenario_around(path)) {
        (false, _) => of_scenario(path, arguments, &mut findings),
        (true, Some(scenario)) => of_scenario(&scenario, arguments, &mut findings),
        (true, None) => of_runbook(path, &mut findings),
    };
    if let Err(errors) = found {
        findings.errors = errors;
    }
    findings.ok = findings.errors.is_empty();
    findings
}

fn is_runbook(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// The scenario folder whose `runbooks` folder holds this file, by a path like the user's where that is possible.
fn scenario_around(runbook: &Path) -> Option<PathBuf> {
    let near = runbook.parent().filter(|folder| folder.ends_with("runbooks")).and_then(Path::parent);
    let folder = match near {
        Some(near) if near.as_os_str().is_empty() => PathBuf::from("."),
        Some(near) => near.to_owned(),
        None => runbook
            .canonicalize()
            .ok()?
            .parent()
            .filter(|folder| folder.ends_with("runbooks"))?
            .parent()?
            .to_owned(),
    };
    folder.join("scenario.toml").is_file().then_some(folder)
}

fn of_scenario(path: &Path, arguments: &Arguments, findings: &mut Findings) -> Result<(), Diagnostics> {
    let variant = arguments.variant.as_deref();
    let scenario = Scenario::load(path, variant)?;
    findings.take(&scenario);
    let learned = if arguments.learn { findings.learn(&scenario)? } else { Learned::default() };
    let names = match variant {
        Some(name) => vec![name.to_owned()],
        None => variants(path),
    };
    let mut errors = findings.needs(&scenario, &learned);
    for name in names {
        errors.take(Scenario::load(path, Some(&name)));
        findings.variants.push(name);
    }
    errors.into_result(())
}

/// A runbook by itself: its outline and blocks are read; whether its words exist anywhere cannot be known.
fn of_runbook(path: &Path, findings: &mut Findings) -> Result<(), Diagnostics> {
    let file = SourceFile::read(path)?;
    let runbook = blackstart_runbook::read(&file)?;
    let alone =
        Diagnostic::of_file(file.name(), "no scenario around this runbook: its words are not looked up")
            .helped("put it into the `runbooks` folder of a scenario");
    findings.warnings.push(alone);
    findings.runbooks.push(Steps::of(&runbook));
    Ok(())
}

impl Findings {
    fn nothing(path: &Path) -> Self {
        Self {
            path: path.display().to_string(),
            ok: false,
            counts: None,
            runbooks: Vec::new(),
            needs: Vec::new(),
            variants: Vec::new(),
            warnings: Diagnostics::new(),
            errors: Diagnostics::new(),
        }
    }

    fn take(&mut self, scenario: &Scenario) {
        let counts = scenario.counts();
        self.counts = Some(Counts {
            ases: counts.ases,
            sites: counts.sites,
            routers: counts.routers,
            hosts: counts.hosts,
            services: counts.services,
            people: counts.people,
            milestones: scenario.milestones.len(),
        });
        self.runbooks = scenario.runbooks.values().map(|runbook| Steps::of(runbook)).collect();
        self.warnings = scenario.warnings.clone();
    }

    /// Sees who asks whom; what nobody declared becomes a warning.
    fn learn(&mut self, scenario: &Scenario) -> Result<Learned, Diagnostics> {
        let refused = |error| Diagnostic::of_file(&scenario.name, format!("the engine refused: {error}"));
        let learned = scenario.learn().map_err(refused)?;
        self.warnings.extend(scenario.undeclared(&learned));
        Ok(learned)
    }

    /// Judges what each runbook needs. A deadlock is returned as an error; what has no model becomes a warning.
    fn needs(&mut self, scenario: &Scenario, learned: &Learned) -> Diagnostics {
        let mut deadlocks = Diagnostics::new();
        for (name, runbook) in &scenario.runbooks {
            self.warnings.extend(scenario.hidden_copies(runbook));
            self.warnings.extend(scenario.ended_sessions(runbook));
            let needs = scenario.needs_as_learned(runbook, &learned.contacts);
            let complaints = needs.complaint(runbook);
            match needs {
                Needs::Deadlocked { .. } => deadlocks.extend(complaints),
                _ => self.warnings.extend(complaints),
            }
            self.needs.push(NeedsOf::new(name, needs));
        }
        deadlocks
    }

    /// The input is fine, and some runbook cannot be done.
    fn is_only_deadlocked(&self) -> bool {
        let deadlocked = self.needs.iter().filter(|needs| needs.step.is_some()).count();
        deadlocked > 0 && deadlocked == self.errors.len()
    }

    /// What a person reads. Problems went to standard error.
    fn page(&self) -> String {
        let problems = match (self.errors.len(), self.warnings.len()) {
            (0, 0) => "ok".to_owned(),
            (0, warnings) => format!("ok, with {warnings} to think about"),
            (1, _) => "1 problem".to_owned(),
            (errors, _) => format!("{errors} problems"),
        };
        let mut page = format!("{}: {problems}\n", self.path);
        if let Some(c) = &self.counts {
            page += &format!("  network     {} ASes, {} sites, {} routers\n", c.ases, c.sites, c.routers);
            page += &format!("  machines    {} hosts, {} services\n", c.hosts, c.services);
            page += &format!("  people      {}\n", c.people);
            page += &format!("  milestones  {}\n", c.milestones);
        }
        for runbook in &self.runbooks {
            page += &format!(
                "  runbook     {}: {} steps, {} unchecked\n",
                runbook.name, runbook.steps, runbook.unchecked
            );
        }
        for needs in &self.needs {
            page += &needs.page();
        }
        if !self.variants.is_empty() {
            page += &format!("  variants    {}\n", self.variants.join(", "));
        }
        page
    }
}

impl NeedsOf {
    fn new(runbook: &str, needs: Needs) -> Self {
        let (runbook, verdict) = (runbook.to_owned(), needs.word());
        let (mut step, mut why, mut unmodelled) = Default::default();
        match needs {
            Needs::Met => {}
            Needs::Inconclusive(words) => unmodelled = words,
            Needs::Deadlocked { step: stuck, why: told } => (step, why) = (Some(stuck), told),
        }
        Self { runbook, verdict, step, why, unmodelled }
    }

    fn page(&self) -> String {
        let mut page = format!("  needs       {}: {}", self.runbook, self.verdict);
        page += &self.step.iter().map(|step| format!(" at {step}")).collect::<String>();
        if !self.unmodelled.is_empty() {
            page += &format!(", rests on {}", self.unmodelled.join(", "));
        }
        page += "\n";
        for line in &self.why {
            page += &wrapped(line);
        }
        page
    }
}

/// A line of a chain under the page's second column; where it is too long it goes on one step further in.
fn wrapped(line: &str) -> String {
    let inner = line.len() - line.trim_start().len();
    let (first, further) = (" ".repeat(14 + inner), " ".repeat(16 + inner));
    let mut text = first;
    let mut column = text.len();
    for (index, link) in line.trim_start().split(" < ").enumerate() {
        let link = if index == 0 { link.to_owned() } else { format!(" < {link}") };
        if index > 0 && column + link.len() > COLUMNS_MAX {
            text += &format!("\n{further}");
            text += link.trim_start();
            column = further.len() + link.len() - 1;
        } else {
            text += &link;
            column += link.len();
        }
    }
    text + "\n"
}

impl Steps {
    fn of(runbook: &Runbook) -> Self {
        let unchecked = runbook.steps.iter().filter(|step| step.body.is_none()).count();
        Self { name: runbook.name.clone(), steps: runbook.steps.len(), unchecked }
    }
}
