//! `blackstart explain`: why a step of a run went as it did.
//!
//! The run is done again with its drops observed: the same seed is the same night.

use super::chosen::Chosen;
use super::{Ending, Format, complain, output, progress};
use blackstart::outcome::{Runbook, Step};
use blackstart::why::{Explained, causes};
use blackstart::{Diagnostic, Error, Night, Plan, RunbookChoice, Scenario, perform};
use blackstart_source::{list_of, near_miss};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// Step to explain
    #[arg(long, value_name = "ID")]
    step: String,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    match explained(arguments).and_then(|text| Ok(output::print(&text)?)) {
        Ok(()) => Ending::Held,
        Err(Failure::Run(Error::Input(problems))) => {
            complain::about(&problems);
            Ending::BadInput
        }
        Err(Failure::Run(error)) => {
            eprintln!("{error}");
            Ending::Internal
        }
        Err(Failure::Output(error)) => {
            eprintln!("{error}");
            Ending::Internal
        }
    }
}

/// Why nothing was explained.
enum Failure {
    Run(Error),
    Output(std::io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Run(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

fn explained(arguments: &Arguments) -> Result<String, Failure> {
    let (scenario, plan) = arguments.chosen.load()?;
    let plan = Plan { evidence: true, until_decided: true, ..plan };
    complain::about(&scenario.warnings);
    known(&arguments.step, &plan.runbook, &scenario).map_err(|problem| Error::Input(problem.into()))?;
    let bar = progress::bar(scenario.duration);
    let night = perform(&scenario, &plan, |reached| progress::show(&bar, reached));
    bar.finish_and_clear();
    let night = night?;
    let (Some((book, step)), Some(evidence)) = (find(&night, &arguments.step), &night.evidence) else {
        return Err(Error::Input(no_runbook(&scenario).into()).into());
    };
    let explained = Explained::new(&night.outcome, book, step, causes(step, evidence), evidence);
    match arguments.format {
        Format::Human => Ok(explained.page()),
        Format::Json => Ok(serde_json::to_string_pretty(&explained).map_err(std::io::Error::from)? + "\n"),
    }
}

/// Refuses a step that the runbook does not have, before anything runs.
fn known(step: &str, choice: &RunbookChoice, scenario: &Scenario) -> Result<(), Diagnostic> {
    let name = match choice {
        RunbookChoice::None => None,
        RunbookChoice::Named(name) => Some(name),
        RunbookChoice::Default => scenario.default_runbook.as_ref(),
    };
    let name = name.ok_or_else(|| no_runbook(scenario))?;
    // A runbook that does not exist is refused by the run.
    let Some(runbook) = scenario.runbooks.get(name) else { return Ok(()) };
    let steps: Vec<&str> = runbook.steps.iter().map(|step| step.id.as_str()).collect();
    if steps.contains(&step) {
        return Ok(());
    }
    let near = near_miss(step, steps.iter().copied());
    Err(Diagnostic::of_file(runbook.file.name(), format!("there is no step `{step}`"))
        .expecting(list_of(&steps))
        .meant(near))
}

fn no_runbook(scenario: &Scenario) -> Diagnostic {
    Diagnostic::of_file(&scenario.name, "people try no runbook here, so that there is no step to explain")
        .expecting("--runbook NAME")
}

fn find<'a>(night: &'a Night, id: &str) -> Option<(&'a Runbook, &'a Step)> {
    let book = night.outcome.runbooks.first()?;
    Some((book, book.steps.iter().find(|step| step.id == id)?))
}
