//! What `validate --out` writes: the evidence of a campaign, in four shapes.

use super::{Ending, complain, output};
use blackstart::campaign::validate::{Depth, Question};
use blackstart::campaign::{Workers, record};
use blackstart::evidence::{Dossier, Earlier, File, Material, Redaction, html, journal, junit, sha256};
use blackstart::validation::Validation;
use blackstart::{Error, Scenario, timeline};
use blackstart_runbook::step::Runbook;
use blackstart_scenario::contents;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Also write evidence.json, junit.xml, journal.json and report.html into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Compare with the findings of an earlier evidence.json: closed, open, new
    #[arg(long, value_name = "FILE", requires = "out")]
    against: Option<PathBuf>,
    /// Write pseudonyms for people, badges, accounts and phone numbers
    #[arg(long, requires = "out")]
    redact: bool,
}

/// Somebody who writes evidence, with what must be known before any run.
#[derive(Debug)]
pub(super) struct Writer {
    out: PathBuf,
    files: Vec<File>,
    against: Option<(PathBuf, Earlier)>,
    redact: bool,
}

impl Writer {
    /// `None` when nobody asks for evidence. What cannot work is told before anything runs.
    pub(super) fn new(arguments: &Options, scenario: &Path) -> Result<Option<Self>, Ending> {
        let Some(out) = arguments.out.clone() else { return Ok(None) };
        let files = contents(scenario).map_err(|problem| complain::refused(&Error::Input(problem.into())))?;
        let files = files.into_iter().map(|(name, bytes)| File { name, sha256: sha256(&bytes) }).collect();
        let against = arguments.against.as_deref().map(earlier).transpose()?;
        output::make_folder(&out).map_err(|error| bad_input(&error))?;
        Ok(Some(Self { out, files, against, redact: arguments.redact }))
    }

    /// Whether earlier findings are about the same.
    pub(super) fn fits(&self, scenario: &Scenario, runbook: &Runbook) -> Result<(), Ending> {
        match &self.against {
            Some((path, earlier))
                if !earlier.concerns(&scenario.name, scenario.variant.as_deref(), &runbook.name) =>
            {
                Err(bad_input(&format!(
                    "{}: this is evidence of another scenario, variant or runbook; its findings cannot be closed here",
                    path.display()
                )))
            }
            _ => Ok(()),
        }
    }

    /// Does the runs again that evidence shows, and writes.
    pub(super) fn write(
        &self,
        question: &Question<'_>,
        validation: &Validation,
        workers: &Workers,
    ) -> Result<(), Ending> {
        let dossier = self.dossier(question, validation, workers).map_err(|error| internal(&*error))?;
        put(&self.out, &dossier).map_err(|error| internal(&*error))?;
        Ok(())
    }

    /// The page's line that says where to look.
    pub(super) fn line(&self) -> String {
        format!("{:<12}{}\n", "EVIDENCE", self.out.join("report.html").display())
    }

    fn dossier(
        &self,
        question: &Question<'_>,
        validation: &Validation,
        workers: &Workers,
    ) -> Result<Dossier, Box<dyn std::error::Error>> {
        let Question { scenario, runbook, .. } = question;
        let stopped = record::stopped(scenario, validation, workers)?;
        let first = question.seeds.all().first().copied().unwrap_or(scenario.seed);
        let night = record::shown(scenario, validation, first)?;
        let evidence = night.evidence.as_ref().ok_or("the run was done without evidence")?;
        let dossier = Dossier::new(&Material {
            scenario,
            runbook,
            files: &self.files,
            version: env!("CARGO_PKG_VERSION"),
            depth: match question.depth {
                Depth::Quick => "quick",
                Depth::Usual => "usual",
                Depth::Thorough => "thorough",
            },
            validation,
            stopped: &stopped,
            shown: &night.outcome,
            evidence,
            timeline: &timeline::lines(&night.log, &night.names),
            earlier: self.against.as_ref().map(|(_, earlier)| earlier),
        })?;
        Ok(if self.redact { Redaction::of(scenario).apply(&dossier)? } else { dossier })
    }
}

fn earlier(path: &Path) -> Result<(PathBuf, Earlier), Ending> {
    let problem = |error: &dyn Display| bad_input(&format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| problem(&error))?;
    let earlier =
        Earlier::read(&text).map_err(|error| problem(&format!("this is no evidence.json: {error}")))?;
    Ok((path.to_owned(), earlier))
}

fn put(out: &Path, dossier: &Dossier) -> Result<(), Box<dyn std::error::Error>> {
    let shapes = [
        ("evidence.json", dossier.json()?),
        ("junit.xml", junit::xml(dossier)?),
        ("journal.json", journal::json(dossier)?),
        ("report.html", html::page(dossier)),
    ];
    let files: Vec<(&str, &[u8])> = shapes.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    Ok(output::put(out, &files)?)
}

fn bad_input(problem: &dyn Display) -> Ending {
    eprintln!("{problem}");
    Ending::BadInput
}

fn internal(problem: &dyn Display) -> Ending {
    eprintln!("{problem}");
    Ending::Internal
}
