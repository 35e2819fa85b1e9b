//! The files that make a scenario, as bytes: what evidence hashes.

use crate::files::scenario::Scenario;
use crate::folders::{Below, RUNBOOKS, TESTIMONIES, VARIANTS, ZONES};
use blackstart_source::{Diagnostic, SourceFile, parse_toml};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders below a scenario that are part of it: all but what was found in it.
const PARTS: [Below; 4] = [ZONES, RUNBOOKS, VARIANTS, TESTIMONIES];
/// Endings of its files.
const ENDINGS: [&str; 3] = ["toml", "md", "zone"];

/// Every file of the scenario folder at `path` and of its imports, by its path from that folder.
///
/// # Errors
/// A file that cannot be read.
pub fn contents(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, Diagnostic> {
    let mut files = BTreeMap::new();
    add(path, "", &mut Vec::new(), &mut files)?;
    Ok(files)
}

/// One folder, then its imports, each once.
fn add(
    path: &Path,
    prefix: &str,
    seen: &mut Vec<PathBuf>,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), Diagnostic> {
    let own = path.join("scenario.toml");
    let scenario: Scenario = parse_toml(&SourceFile::read(&own)?)?;
    for folder in std::iter::once("").chain(PARTS.map(|below| below.name)) {
        let Ok(entries) = fs::read_dir(path.join(folder)) else { continue };
        for file in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|file| is_ours(file)) {
            let bytes = fs::read(&file).map_err(|error| {
                Diagnostic::of_file(&file.display().to_string(), format!("cannot be read: {error}"))
            })?;
            let name = file.strip_prefix(path).unwrap_or(&file).display().to_string();
            files.insert(format!("{prefix}{name}"), bytes);
        }
    }
    seen.extend(path.canonicalize());
    for import in scenario.imports.iter().map(|import| import.get_ref()) {
        let folder = path.join(import);
        if !folder.canonicalize().is_ok_and(|folder| seen.contains(&folder)) {
            add(&folder, &format!("{prefix}{import}/"), seen, files)?;
        }
    }
    Ok(())
}

fn is_ours(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    file.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_scenario_and_of_its_imports() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, text).expect("a file");
        };
        let head = "title = \"t\"\nepoch = \"2024-06-03T09:00:00Z\"\nduration = \"1h\"\nseed = 1\nnot-modelled = []\n";
        put("own/scenario.toml", &format!("{head}imports = [\"../base\"]\n"));
        put("own/runbooks/call.md", "# Call\n");
        put("own/notes.txt", "not ours");
        put("base/scenario.toml", &format!("{head}imports = [\"../own\"]\n"));
        put("base/zones/root.zone", "");
        let files = contents(&folder.path().join("own")).expect("files");
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["../base/scenario.toml", "../base/zones/root.zone", "runbooks/call.md", "scenario.toml"]
        );
    }
}
