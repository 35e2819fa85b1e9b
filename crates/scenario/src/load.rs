//! Reading a scenario folder: its files, its imports, one variant. Nothing is looked up yet.

use crate::files::{faults, milestones, network, people, scenario, services, variant};
use crate::folders::{ALL, Below, RUNBOOKS, TESTIMONIES, ZONES, names_in, stem};
use crate::variant::Changes;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, list_of, near_miss, parse_toml};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file and what it says.
#[derive(Debug)]
pub(crate) struct Read<T> {
    /// The text, for pointing at it.
    pub(crate) file: SourceFile,
    /// What it says.
    pub(crate) it: T,
}

/// All files of a scenario and its imports.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Its `scenario.toml`.
    pub(crate) scenario: Read<scenario::Scenario>,
    /// The variant that was applied; the last of several.
    pub(crate) variant: Option<Read<variant::Variant>>,
    /// Every `network.toml`, imports first.
    pub(crate) networks: Vec<Read<network::Network>>,
    /// Every `services.toml`, imports first.
    pub(crate) services: Vec<Read<services::Services>>,
    /// Every `people.toml`, imports first.
    pub(crate) people: Vec<Read<people::People>>,
    /// The scenario's own `faults.toml`.
    pub(crate) faults: Read<faults::Faults>,
    /// The scenario's own `milestones.toml`.
    pub(crate) milestones: Read<milestones::Milestones>,
    /// What others wrote of the same day, by name.
    pub(crate) testimonies: BTreeMap<String, Read<milestones::Milestones>>,
    /// Zone files by file name; the scenario's own hide imported ones.
    pub(crate) zones: BTreeMap<String, SourceFile>,
    /// The scenario's own runbooks by name.
    pub(crate) runbooks: BTreeMap<String, SourceFile>,
    /// What imported scenarios leave out of the model, then what this one does.
    pub(crate) not_modelled: Vec<String>,
    /// Files beside the scenario's own that look like one of them and that nobody reads.
    pub(crate) strays: Diagnostics,
}

/// What a scenario's folder may hold, as TOML.
const FILES: [&str; 6] =
    ["scenario.toml", "network.toml", "services.toml", "people.toml", "faults.toml", "milestones.toml"];

/// Reads a scenario folder.
///
/// # Errors
/// Everything that is wrong with any file by itself: missing, too large, not UTF-8, broken TOML, unknown keys, imports that
/// lead in a circle, a variant that does not exist or changes what is not there.
pub(crate) fn folder(path: &Path, changes: Vec<Changes>) -> Result<Folder, Diagnostics> {
    let mut reader = Reader { changes, ..Reader::default() };
    let own = reader.visit(path, None)?;
    let Some(scenario) = own else { return Err(reader.errors) };
    let mut errors = std::mem::take(&mut reader.errors);
    let faults = errors.take(optional(&reader.changes, path, "faults.toml"));
    let milestones = errors.take(optional(&reader.changes, path, "milestones.toml"));
    let runbooks = errors.take(texts(path, RUNBOOKS));
    let runbooks = runbooks.map(|files| changed(&reader.changes, files, &mut errors));
    let testimonies = errors.take(texts(path, TESTIMONIES)).unwrap_or_default();
    let testimony = |(name, file): (String, SourceFile)| {
        let it = errors.take(parse_toml(&file))?;
        Some((stem(&name), Read { file, it }))
    };
    let testimonies = testimonies.into_iter().filter_map(testimony).collect();
    match (faults, milestones, runbooks) {
        (Some(faults), Some(milestones), Some(runbooks)) if errors.is_empty() => Ok(Folder {
            testimonies,
            scenario,
            variant: reader.changes.pop().map(Changes::into_variant),
            networks: reader.networks,
            services: reader.services,
            people: reader.people,
            faults,
            milestones,
            zones: reader.zones,
            runbooks: runbooks.into_iter().map(|(name, file)| (stem(&name), file)).collect(),
            not_modelled: reader.not_modelled,
            strays: strays(path),
        }),
        _ => Err(errors),
    }
}

#[derive(Default)]
struct Reader {
    changes: Vec<Changes>,
    /// Folders being read, outermost first: an import of one of them is a circle.
    trail: Vec<PathBuf>,
    /// Folders already read: a second import adds nothing.
    seen: Vec<PathBuf>,
    networks: Vec<Read<network::Network>>,
    services: Vec<Read<services::Services>>,
    people: Vec<Read<people::People>>,
    zones: BTreeMap<String, SourceFile>,
    not_modelled: Vec<String>,
    errors: Diagnostics,
}

impl Reader {
    /// Reads one folder, its imports first. `None` when `scenario.toml` itself could not be read.
    fn visit(
        &mut self,
        path: &Path,
        imported_at: Option<(&SourceFile, blackstart_source::Span)>,
    ) -> Result<Option<Read<scenario::Scenario>>, Diagnostics> {
        let canonical = path.canonicalize().and_then(|canonical| match canonical.is_dir() {
            true => Ok(canonical),
            false => Err(ErrorKind::NotADirectory.into()),
        });
        let canonical = canonical.map_err(|error| no_folder(path, imported_at.as_ref(), &error))?;
        if self.trail.contains(&canonical) {
            return Err(circle(path, imported_at.as_ref()).into());
        }
        if self.seen.contains(&canonical) {
            return Ok(None);
        }
        self.trail.push(canonical.clone());
        let own = self.trail.len() == 1;
        let Some(scenario) = self.errors.take(required::<scenario::Scenario>(path, "scenario.toml")) else {
            return Ok(None);
        };
        for import in &scenario.it.imports {
            self.visit(&path.join(import.get_ref()), Some((&scenario.file, import.span())))?;
        }
        self.contents(path, own);
        self.not_modelled.extend(scenario.it.not_modelled.iter().cloned());
        self.trail.pop();
        self.seen.push(canonical);
        Ok(Some(scenario))
    }

    fn contents(&mut self, path: &Path, own: bool) {
        let changes = if own { &self.changes[..] } else { &[] };
        let network = self.errors.take(optional(changes, path, "network.toml"));
        let services = self.errors.take(optional(changes, path, "services.toml"));
        let people = self.errors.take(optional(changes, path, "people.toml"));
        let zones = self.errors.take(texts(path, ZONES));
        self.networks.extend(network);
        self.services.extend(services);
        self.people.extend(people);
        self.zones.extend(zones.into_iter().flatten());
    }
}

fn no_folder(
    path: &Path,
    imported_at: Option<&(&SourceFile, blackstart_source::Span)>,
    error: &std::io::Error,
) -> Diagnostics {
    let message = format!("no scenario folder at `{}`: {error}", path.display());
    match imported_at {
        Some((file, span)) => Diagnostic::new(file, span.clone(), message),
        None => Diagnostic::of_file(&path.display().to_string(), message),
    }
    .expecting("a folder with a scenario.toml")
    .into()
}

fn circle(path: &Path, imported_at: Option<&(&SourceFile, blackstart_source::Span)>) -> Diagnostic {
    let message = format!("imports lead in a circle back to `{}`", path.display());
    match imported_at {
        Some((file, span)) => Diagnostic::new(file, span.clone(), message),
        None => Diagnostic::of_file(&path.display().to_string(), message),
    }
    .helped("remove one import of the circle, or move what both need to a third folder")
}

fn required<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Read<T>, Diagnostic> {
    let path = folder.join(name);
    let file = SourceFile::read(&path).map_err(|unread| match path.exists() {
        true => unread,
        false => unread.expecting("a scenario's folder, which has one"),
    })?;
    let it = parse_toml(&file)?;
    Ok(Read { file, it })
}

/// A file that may be absent, with the changes of each variant applied.
fn optional<T: DeserializeOwned>(
    changes: &[Changes],
    folder: &Path,
    name: &str,
) -> Result<Read<T>, Diagnostic> {
    let path = folder.join(name);
    let mut file = match path.exists() {
        true => SourceFile::read(&path)?,
        false => SourceFile::new(path.display().to_string(), ""),
    };
    // The file as written is judged first, so that its own mistakes are shown where they stand.
    let mut it: T = parse_toml(&file)?;
    for changes in changes.iter().filter(|changes| changes.concern(name)) {
        file = changes.apply(name, &file)?;
        it = parse_toml(&file)?;
    }
    Ok(Read { file, it })
}

/// Runbooks as the variants change them.
fn changed(
    changes: &[Changes],
    runbooks: BTreeMap<String, SourceFile>,
    errors: &mut Diagnostics,
) -> BTreeMap<String, SourceFile> {
    let mut one = |(name, mut file): (String, SourceFile)| {
        let path = format!("{}/{name}", RUNBOOKS.name);
        for changes in changes.iter().filter(|changes| changes.concern(&path)) {
            file = errors.take(changes.apply_to_runbook(&path, &file))?;
        }
        Some((name, file))
    };
    runbooks.into_iter().filter_map(&mut one).collect()
}

/// Every file of a folder below the scenario's that is read, by file name.
fn texts(scenario: &Path, below: Below) -> Result<BTreeMap<String, SourceFile>, Diagnostics> {
    let mut errors = Diagnostics::new();
    let mut text = |name: String| {
        let file = errors.take(SourceFile::read(scenario.join(below.name).join(&name)))?;
        Some((name, file))
    };
    let files = below.files(scenario).into_iter().filter_map(&mut text).collect();
    errors.into_result(files)
}

/// Files whose names mean nothing where they lie: perhaps misspelt, and then all in them would be missed.
fn strays(folder: &Path) -> Diagnostics {
    let unread = |path: &Path| Diagnostic::of_file(&path.display().to_string(), "nothing reads this file");
    let mut strays = Diagnostics::new();
    for name in names_in(folder) {
        if name.ends_with(".toml") && !FILES.contains(&name.as_str()) {
            let stray = unread(&folder.join(&name)).expecting(list_of(&FILES));
            strays.push(stray.meant(near_miss(&name, FILES)));
        }
    }
    for below in ALL {
        let folder = folder.join(below.name);
        for name in names_in(&folder) {
            if name.contains('.') && !name.starts_with('.') && !below.reads(&name) {
                let wanted = format!("a name that ends in `.{}`", below.extension);
                strays.push(unread(&folder.join(&name)).expecting(wanted));
            }
        }
    }
    strays
}
