//! A node's disk: named files, each with what is written and what would survive a loss of power.
//!
//! - `write` and `append` change what is read; `fsync` of the file makes it durable.
//! - `rename` and `remove` are atomic and durable at once, but carry no data: a file renamed before it was
//!   synced is empty after a loss of power, as on ext4 and XFS.
//! - A file created and never synced is gone after a loss of power.

use crate::{Map, exec, world};
use std::io::{self, ErrorKind};

#[derive(Default)]
pub(crate) struct Disk {
    files: Map<String, File>,
}

#[derive(Default)]
struct File {
    content: Vec<u8>,
    /// What a loss of power leaves; none: nothing, not even the name.
    durable: Option<Vec<u8>>,
}

impl Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files.get(path).map(|file| file.content.clone()).ok_or_else(|| not_found(path))
    }

    fn file(&mut self, path: &str) -> &mut File {
        self.files.entry(path.to_owned()).or_default()
    }

    fn fsync(&mut self, path: &str) -> io::Result<()> {
        let file = self.files.get_mut(path).ok_or_else(|| not_found(path))?;
        file.durable = Some(file.content.clone());
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut file = self.files.remove(from).ok_or_else(|| not_found(from))?;
        file.durable.get_or_insert_default();
        self.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.files.remove(path).map(drop).ok_or_else(|| not_found(path))
    }

    /// What was not synced is lost.
    pub(crate) fn lose_power(&mut self) {
        self.files.retain(|_, file| file.durable.is_some());
        for file in self.files.values_mut() {
            file.content.clone_from(file.durable.get_or_insert_default());
        }
    }
}

fn not_found(path: &str) -> io::Error {
    io::Error::new(ErrorKind::NotFound, format!("no file {path:?} on this disk"))
}

fn with<R>(f: impl FnOnce(&mut Disk) -> io::Result<R>) -> io::Result<R> {
    let node = exec::current_node();
    world::with_io(|world| match node.and_then(|id| world.node_mut(id)) {
        Some(node) if node.powered => f(&mut node.disk),
        Some(_) => Err(ErrorKind::NotConnected.into()),
        None => Err(io::Error::new(ErrorKind::Unsupported, "not on a host: there is no disk")),
    })
}

/// All bytes of a file of the current host.
///
/// # Errors
/// `NotFound`.
pub fn read(path: &str) -> io::Result<Vec<u8>> {
    with(|disk| disk.read(path))
}

/// Replaces a file's bytes, creating it if need be. Not durable before [`fsync`].
///
/// # Errors
/// Only outside a host.
pub fn write(path: &str, bytes: &[u8]) -> io::Result<()> {
    with(|disk| {
        disk.file(path).content = bytes.to_vec();
        Ok(())
    })
}

/// Adds to a file's end, creating it if need be. Not durable before [`fsync`].
///
/// # Errors
/// Only outside a host.
pub fn append(path: &str, bytes: &[u8]) -> io::Result<()> {
    with(|disk| {
        disk.file(path).content.extend_from_slice(bytes);
        Ok(())
    })
}

/// Makes a file's present bytes durable.
///
/// # Errors
/// `NotFound`.
pub fn fsync(path: &str) -> io::Result<()> {
    with(|disk| disk.fsync(path))
}

/// Gives a file another name, replacing what had it. Atomic and durable; its bytes are only as durable as they were.
///
/// # Errors
/// `NotFound`.
pub fn rename(from: &str, to: &str) -> io::Result<()> {
    with(|disk| disk.rename(from, to))
}

/// Removes a file, durably.
///
/// # Errors
/// `NotFound`.
pub fn remove(path: &str) -> io::Result<()> {
    with(|disk| disk.remove(path))
}

/// The names of all files, in order.
///
/// # Errors
/// Only outside a host.
pub fn list() -> io::Result<Vec<String>> {
    with(|disk| Ok(disk.files.keys().cloned().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk_with(path: &str, synced: &[u8], unsynced: &[u8]) -> Disk {
        let mut disk = Disk::default();
        disk.file(path).content = synced.to_vec();
        disk.fsync(path).unwrap();
        disk.file(path).content.extend_from_slice(unsynced);
        disk
    }

    #[test]
    fn power_takes_what_was_not_synced() {
        let mut disk = disk_with("log", b"kept", b" lost");
        disk.file("new").content = b"never synced".to_vec();
        assert_eq!(disk.read("log").unwrap(), b"kept lost");
        disk.lose_power();
        assert_eq!(disk.read("log").unwrap(), b"kept");
        assert_eq!(disk.read("new").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn rename_is_durable_but_carries_no_data() {
        let mut disk = disk_with("state", b"old", b"");
        disk.file("state.tmp").content = b"new".to_vec();
        disk.rename("state.tmp", "state").unwrap();
        assert_eq!(disk.read("state").unwrap(), b"new");
        disk.lose_power();
        assert_eq!(disk.read("state").unwrap(), b"");

        let mut disk = disk_with("state", b"old", b"");
        disk.file("state.tmp").content = b"new".to_vec();
        disk.fsync("state.tmp").unwrap();
        disk.rename("state.tmp", "state").unwrap();
        disk.lose_power();
        assert_eq!(disk.read("state").unwrap(), b"new");
    }

    #[test]
    fn removal_is_durable() {
        let mut disk = disk_with("a", b"x", b"");
        disk.remove("a").unwrap();
        disk.lose_power();
        assert!(disk.files.is_empty());
        assert!(disk.remove("a").is_err());
    }
}
