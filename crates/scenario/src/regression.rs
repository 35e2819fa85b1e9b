//! Failures that were found once, as files in a scenario's `regressions/`: written, and read again.

use crate::files::regression::File;
use crate::folders::REGRESSIONS;
use crate::index::Index;
use crate::model::Scenario;
use blackstart_fault::Fault;
use blackstart_runbook::step::Runbook;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, parse_toml};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure that was found once.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// Name of the runbook that people tried.
    pub runbook: String,
    /// The variant, if any.
    pub variant: Option<String>,
    /// Seed of the run.
    pub seed: u64,
    /// What failed, without what differs between runs.
    pub failure: String,
    /// The schedule with which it did.
    pub faults: Vec<Fault>,
}

impl Regression {
    /// The file, with `remarks` for whoever reads it first.
    #[must_use]
    pub fn text(&self, remarks: &[String]) -> String {
        let mut text = String::new();
        for remark in remarks.iter().flat_map(|remark| remark.lines()) {
            let _infallible = writeln!(text, "# {remark}");
        }
        let variant =
            self.variant.as_ref().map(|name| format!("variant = {}\n", quoted(name))).unwrap_or_default();
        let _infallible = write!(
            text,
            "\n[regression]\nrunbook = {}\n{variant}seed = {}\nfailure = {}\n",
            quoted(&self.runbook),
            self.seed,
            quoted(&self.failure)
        );
        for fault in &self.faults {
            let _infallible = write!(text, "\n{}", fault.entry());
        }
        text
    }

    /// Where one of this name lies in the scenario folder at `path`.
    #[must_use]
    pub fn file(path: &Path, name: &str) -> PathBuf {
        path.join(REGRESSIONS.name).join(format!("{name}.{}", REGRESSIONS.extension))
    }

    /// Reads the file at `path` and the scenario in whose folder `regressions` it lies, with the runbook.
    ///
    /// # Errors
    /// Everything that is wrong with either, each with file, line and column.
    pub fn load(path: &Path) -> Result<(Scenario, Arc<Runbook>, Self), Diagnostics> {
        Self::load_in(&folder(path)?, None, path)
    }

    /// As [`Regression::load`], with the scenario in another folder, and in another variant than the file names if one is given.
    ///
    /// # Errors
    /// As [`Regression::load`].
    pub fn load_in(
        scenario: &Path,
        variant: Option<&str>,
        path: &Path,
    ) -> Result<(Scenario, Arc<Runbook>, Self), Diagnostics> {
        let file = SourceFile::read(path)?;
        let File { regression, fault } = parse_toml(&file)?;
        let scenario = Scenario::load(scenario, variant.or(regression.variant.as_deref()))?;
        let runbook = regression.runbook.get_ref();
        let Some(book) = scenario.runbooks.get(runbook).cloned() else {
            let known = scenario.runbooks.keys().map(String::as_str);
            return Err(
                Diagnostic::unknown(&file, regression.runbook.span(), "runbook", runbook, known).into()
            );
        };
        let faults = {
            // Complaints about double names were made when the scenario was loaded.
            let index = Index::new(&scenario.folder, &mut Diagnostics::new());
            scenario.ordered(&file, &index, &fault)?
        };
        let regression = Self {
            runbook: runbook.clone(),
            variant: regression.variant,
            seed: regression.seed,
            failure: regression.failure,
            faults,
        };
        Ok((scenario, book, regression))
    }
}

/// The scenario's folder, two above the file.
fn folder(path: &Path) -> Result<PathBuf, Diagnostics> {
    let lies_in =
        path.parent().filter(|folder| folder.file_name().is_some_and(|name| name == REGRESSIONS.name));
    let above = lies_in.and_then(Path::parent).map(|above| match above.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => above.to_owned(),
    });
    above.ok_or_else(|| {
        Diagnostic::of_file(&path.display().to_string(), "it lies in no scenario")
            .expecting(format!("a file in the folder `{}` of a scenario", REGRESSIONS.name))
            .into()
    })
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
