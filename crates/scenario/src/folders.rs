//! What lies in folders of its own below a scenario, and how the names of those files end.

use std::collections::BTreeSet;
use std::path::Path;

/// A folder below a scenario's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Below {
    /// Its name.
    pub(crate) name: &'static str,
    /// Extension of its files; others are not read.
    pub(crate) extension: &'static str,
}

pub(crate) const RUNBOOKS: Below = Below { name: "runbooks", extension: "md" };
pub(crate) const ZONES: Below = Below { name: "zones", extension: "zone" };
pub(crate) const VARIANTS: Below = Below { name: "variants", extension: "toml" };
pub(crate) const TESTIMONIES: Below = Below { name: "testimonies", extension: "toml" };
pub(crate) const REGRESSIONS: Below = Below { name: "regressions", extension: "toml" };

/// All of them.
pub(crate) const ALL: [Below; 5] = [RUNBOOKS, ZONES, VARIANTS, TESTIMONIES, REGRESSIONS];

impl Below {
    /// Whether a file of this name is read where it lies.
    pub(crate) fn reads(self, name: &str) -> bool {
        Path::new(name).extension().is_some_and(|extension| extension == self.extension)
    }

    /// Names of its files below the scenario folder at `path`, in order.
    pub(crate) fn files(self, path: &Path) -> BTreeSet<String> {
        names_in(&path.join(self.name)).into_iter().filter(|name| self.reads(name)).collect()
    }
}

/// Names in a folder that may be absent, in order.
pub(crate) fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A file's name without its extension.
pub(crate) fn stem(name: &str) -> String {
    Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
