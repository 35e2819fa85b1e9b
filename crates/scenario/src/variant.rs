//! Applying a variant: a few values of the scenario's own files set to something else, and a few entries more.

use crate::files::variant::{Addition, Change, Variant};
use crate::folders::{RUNBOOKS, VARIANTS, stem};
use crate::load::Read;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned, parse_toml, parse_toml_at};
use std::path::Path;
use toml::{Table, Value};

/// Files that a variant may change.
const CHANGEABLE: [&str; 5] =
    ["network.toml", "services.toml", "people.toml", "faults.toml", "milestones.toml"];

/// Whether this is a runbook of the folder, as in `runbooks/reset.md`.
fn is_runbook(folder: &Path, file: &str) -> bool {
    RUNBOOKS.files(folder).iter().any(|name| file == format!("{}/{name}", RUNBOOKS.name))
}

/// A variant that was read and not yet applied.
#[derive(Debug)]
pub(crate) struct Changes {
    file: SourceFile,
    variant: Variant,
}

impl Changes {
    /// Reads `variants/NAME.toml` of a scenario folder.
    ///
    /// # Errors
    /// When it does not exist (with the near miss), is broken, or changes a file that no variant can change.
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Self, Diagnostics> {
        let path = folder.join(VARIANTS.name).join(format!("{name}.{}", VARIANTS.extension));
        if !path.exists() {
            return Err(unknown(folder, name).into());
        }
        Self::parse(folder, SourceFile::read(&path)?)
    }

    /// What the text of a variant of this scenario folder says.
    ///
    /// # Errors
    /// When it is broken, or changes a file that no variant can change.
    pub(crate) fn parse(folder: &Path, file: SourceFile) -> Result<Self, Diagnostics> {
        let variant: Variant = parse_toml(&file)?;
        let mut errors = Diagnostics::new();
        let is_table = |change: &&Change| !is_runbook(folder, change.file.get_ref());
        let changed = variant.change.iter().filter(is_table).map(|change| &change.file);
        for name in changed.chain(variant.add.iter().map(|addition| &addition.file)) {
            if !CHANGEABLE.contains(&name.get_ref().as_str()) {
                errors.push(Diagnostic::unknown(&file, name.span(), "file", name.get_ref(), CHANGEABLE));
            }
        }
        errors.into_result(Self { file, variant })
    }

    /// Whether anything in this file changes.
    #[must_use]
    pub(crate) fn concern(&self, file: &str) -> bool {
        let Variant { change, add, .. } = &self.variant;
        let mut named = change.iter().map(|it| &it.file).chain(add.iter().map(|it| &it.file));
        named.any(|name| name.get_ref() == file)
    }

    /// The file's text with the changes made. Errors found later point into this text.
    ///
    /// # Errors
    /// When an entry or a key's parent does not exist.
    pub(crate) fn apply(&self, name: &str, file: &SourceFile) -> Result<SourceFile, Diagnostic> {
        let mut table: Table = parse_toml(file)?;
        for change in self.variant.change.iter().filter(|change| change.file.get_ref() == name) {
            self.set(self.entry(&mut table, change)?, change)?;
        }
        for addition in self.variant.add.iter().filter(|addition| addition.file.get_ref() == name) {
            self.add(&mut table, addition)?;
        }
        let text = toml::to_string(&table)
            .map_err(|error| Diagnostic::of_file(self.file.name(), error.to_string()))?;
        Ok(SourceFile::new(format!("{} changed by {}", file.name(), self.file.name()), text))
    }

    /// A runbook's text with the changes made to the blocks of its steps.
    ///
    /// # Errors
    /// When a step has no block or a key's parent does not exist.
    pub(crate) fn apply_to_runbook(&self, name: &str, file: &SourceFile) -> Result<SourceFile, Diagnostic> {
        let mut text = file.text().to_owned();
        for change in self.variant.change.iter().filter(|change| change.file.get_ref() == name) {
            let kind = change.table.get_ref();
            if kind != "step" {
                return Err(self.unknown(&change.table, "kind of entry", kind, &["step".to_owned()]));
            }
            let now = SourceFile::new(file.name().to_owned(), text.clone());
            let blocks = blackstart_runbook::blocks(&now);
            let steps: Vec<String> = blocks.iter().map(|(step, _)| step.clone()).collect();
            let block = blocks.into_iter().find(|(step, _)| step == change.name.get_ref());
            let (_, block) =
                block.ok_or_else(|| self.unknown(&change.name, "step", change.name.get_ref(), &steps))?;
            let mut step: Table = parse_toml_at(&now, block.clone())?;
            self.set(&mut step, change)?;
            let changed = toml::to_string(&step)
                .map_err(|error| Diagnostic::of_file(self.file.name(), error.to_string()))?;
            text.replace_range(block, &changed);
        }
        Ok(SourceFile::new(file.name().to_owned(), text))
    }

    fn add(&self, file: &mut Table, addition: &Addition) -> Result<(), Diagnostic> {
        let entries = file.entry(addition.table.clone()).or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(entries) = entries else {
            let message = format!("`{}` is no list of entries", addition.table);
            return Err(Diagnostic::new(&self.file, addition.file.span(), message));
        };
        let place = if addition.first { 0 } else { entries.len() };
        entries.insert(place, Value::Table(addition.entry.clone()));
        Ok(())
    }

    /// What the variant says of itself.
    #[must_use]
    pub(crate) fn into_variant(self) -> Read<Variant> {
        Read { file: self.file, it: self.variant }
    }

    fn set(&self, entry: &mut Table, change: &Change) -> Result<(), Diagnostic> {
        let mut table = entry;
        let keys: Vec<&str> = change.set.get_ref().split('.').collect();
        let Some((last, parents)) = keys.split_last() else { return Ok(()) };
        for parent in parents {
            let known: Vec<String> = table.keys().cloned().collect();
            let next = table.get_mut(*parent).and_then(Value::as_table_mut);
            table = next.ok_or_else(|| self.unknown(&change.set, "key", parent, &known))?;
        }
        match &change.to {
            Some(value) => drop(table.insert((*last).to_owned(), value.clone())),
            None => drop(table.remove(*last)),
        }
        Ok(())
    }

    fn entry<'a>(&self, file: &'a mut Table, change: &Change) -> Result<&'a mut Table, Diagnostic> {
        let tables: Vec<String> = file.keys().cloned().collect();
        let kind = change.table.get_ref();
        let entries = file.get_mut(kind).and_then(Value::as_array_mut);
        let entries = entries.ok_or_else(|| self.unknown(&change.table, "kind of entry", kind, &tables))?;
        let name_of = |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
        let names: Vec<String> = entries.iter().filter_map(name_of).collect();
        let wanted = change.name.get_ref();
        let found = entries.iter_mut().find(|entry| name_of(entry).as_ref() == Some(wanted));
        let found = found.and_then(Value::as_table_mut);
        found.ok_or_else(|| self.unknown(&change.name, kind, wanted, &names))
    }

    fn unknown(&self, at: &Spanned<String>, what: &str, word: &str, known: &[String]) -> Diagnostic {
        Diagnostic::unknown(&self.file, at.span(), what, word, known.iter().map(String::as_str))
    }
}

/// Names of the variants of the scenario folder at `path`, in order.
#[must_use]
pub fn variants(path: &Path) -> Vec<String> {
    VARIANTS.files(path).iter().map(|file| stem(file)).collect()
}

fn unknown(folder: &Path, name: &str) -> Diagnostic {
    let names = variants(folder);
    let meant = blackstart_source::near_miss(name, names.iter().map(String::as_str));
    let listed: Vec<&str> = names.iter().map(String::as_str).collect();
    let variants = folder.join(VARIANTS.name);
    Diagnostic::of_file(&variants.display().to_string(), format!("unknown variant `{name}`"))
        .expecting(blackstart_source::list_of(&listed))
        .meant(meant)
}
