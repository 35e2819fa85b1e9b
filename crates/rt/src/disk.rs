//! The host's own disk: flat files by name. Bytes that were not synced are lost with the power.
//!
//! A name is relative, parts separated by `/`; a leading `/` means the same. `.`, `..` and empty parts are
//! refused. On the operating system the files live under [`crate::os::Options::disk_root`]; they are read and
//! written at once, so keep them small.

use crate::backend::{self, Backend};
use blackstart_sim::disk as engine;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The whole content of a file.
///
/// # Errors
/// `NotFound`, `InvalidInput` for a bad name, or `Unsupported` outside any backend.
pub async fn read(path: &str) -> io::Result<Vec<u8>> {
    let name = file_name(path)?;
    match backend::current()? {
        Backend::Engine => engine::read(name),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.disk().read(name),
        Backend::Os(host) => fs::read(host.disk_root().join(name)),
    }
}

/// Replaces the content of a file, or creates it.
///
/// # Errors
/// As [`read`], and what the disk says: `StorageFull` when it is, after as much was written as fits; `EIO` when the
/// medium fails, for which std has no stable kind (`raw_os_error` tells it).
pub async fn write(path: &str, bytes: &[u8]) -> io::Result<()> {
    let name = file_name(path)?;
    match backend::current()? {
        Backend::Engine => engine::write(name, bytes),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.disk().write(name, bytes),
        Backend::Os(host) => fs::write(with_folder(host.disk_root(), name)?, bytes),
    }
}

/// Adds to the end of a file, or creates it.
///
/// # Errors
/// As [`write()`].
pub async fn append(path: &str, bytes: &[u8]) -> io::Result<()> {
    let name = file_name(path)?;
    match backend::current()? {
        Backend::Engine => engine::append(name, bytes),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.disk().append(name, bytes),
        Backend::Os(host) => {
            let path = with_folder(host.disk_root(), name)?;
            fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
        }
    }
}

/// Makes what was written to a file survive the loss of power.
///
/// # Errors
/// As [`read`], and what the disk says. After such an error the data may be lost although a later call succeeds, as on
/// Linux: write it again.
pub async fn fsync(path: &str) -> io::Result<()> {
    let name = file_name(path)?;
    match backend::current()? {
        Backend::Engine => engine::fsync(name),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.disk().fsync(name),
        Backend::Os(host) => fs::File::open(host.disk_root().join(name))?.sync_all(),
    }
}

/// Gives a file another name, replacing a file that has it.
///
/// # Errors
/// As [`read`].
pub async fn rename(from: &str, to: &str) -> io::Result<()> {
    let (from, to) = (file_name(from)?, file_name(to)?);
    match backend::current()? {
        Backend::Engine => engine::rename(from, to),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.disk().rename(from, to),
        Backend::Os(host) => fs::rename(host.disk_root().join(from), with_folder(host.disk_root(), to)?),
    }
}

/// Removes a file.
///
/// # Errors
/// As [`read`].
pub async fn remove(path: &str) -> io::Result<()> {
    let name = file_name(path)?;
    match backend::current()? {
        Backend::Engine => engine::remove(name),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.disk().remove(name),
        Backend::Os(host) => fs::remove_file(host.disk_root().join(name)),
    }
}

/// The names of all files, sorted.
///
/// # Errors
/// What the disk says, or `Unsupported` outside any backend.
pub async fn list() -> io::Result<Vec<String>> {
    match backend::current()? {
        Backend::Engine => engine::list(),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => Ok(host.disk().list()),
        Backend::Os(host) => list_folder(host.disk_root()),
    }
}

/// The name as both backends use it: no leading slash, no way out of the disk.
fn file_name(path: &str) -> io::Result<&str> {
    let name = path.strip_prefix('/').unwrap_or(path);
    if name.contains(['\\', '\0']) || name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("not a file name: {path:?}")));
    }
    Ok(name)
}

/// The path of `name` below `root`, whose folder exists from now on: on a simulated disk folders need no making.
fn with_folder(root: &Path, name: &str) -> io::Result<PathBuf> {
    let path = root.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(path)
}

fn list_folder(root: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                names.extend(
                    entry.path().strip_prefix(root).ok().map(|name| name.to_string_lossy().into_owned()),
                );
            }
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_name_cannot_leave_the_disk() {
        for good in ["a", "/a", "zones/facebook.com.zone", "..a", "a.."] {
            assert!(file_name(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "//a", "a//b", "a/", "..", "../a", "a/../b", "./a", "a\\b", "a\0"] {
            assert!(file_name(bad).is_err(), "{bad:?}");
        }
    }
}
