//! A node's disk: named files, each with what is written and what would survive a loss of power.
//!
//! - `write` and `append` change what is read; `fsync` of the file makes it durable.
//! - `rename` and `remove` are atomic and durable at once, but carry no data: a file renamed before it was
//!   synced is empty after a loss of power, as on ext4 and XFS.
//! - A file created and never synced is gone after a loss of power.
//! - A disk may fail: [`Faults`], and a bit may flip.

use crate::draw::{self, Stream};
use crate::{Error, Map, exec, world};
use std::io::{self, ErrorKind};

/// What a medium writes as a whole.
const SECTOR: usize = 512;
/// What a file system writes back as a whole.
const PAGE: usize = 4096;
/// What Linux reports when a medium fails: `EIO`, for which std has no stable kind (`raw_os_error` tells it).
const EIO: i32 = 5;

/// How a disk fails; see [`set_disk_faults`](crate::control::set_disk_faults). The default is a sound disk without end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// The most bytes that all files hold together. What does not fit is cut off: `StorageFull`. A file that is
    /// replaced was emptied before, as `O_TRUNC` has it.
    pub capacity: Option<u64>,
    /// The probability that reading a file fails with `EIO`.
    pub read_error: f64,
    /// The probability that a change (write, append, rename, remove) fails with `EIO` and changes nothing.
    pub write_error: f64,
    /// The probability that an fsync fails with `EIO`. What was not synced is not tried again: it is still read, but
    /// the next fsync reports success without it, and it goes with the power. So do ext4 and XFS on Linux, which mark
    /// the pages clean (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
    pub fsync_error: f64,
    /// Whether a loss of power leaves part of what was not synced: of each file nothing, or a prefix that ends with
    /// a sector of 512 bytes, drawn. A file that was being replaced may be left empty.
    pub torn_writes: bool,
}

impl Faults {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let all = [
            ("a read error", self.read_error),
            ("a write error", self.write_error),
            ("an fsync error", self.fsync_error),
        ];
        match all.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            Some((what, value)) => Err(Error::BadProbability { what, value }),
            None => Ok(()),
        }
    }
}

/// The disk itself, apart from any node; the functions of this module are for the current node's.
#[derive(Debug)]
pub struct Disk {
    files: Map<String, File>,
    /// How it fails from now on.
    pub faults: Faults,
    /// The n-th mishap is drawn from (key, n).
    key: u64,
    drawn: u64,
}

#[derive(Debug, Default)]
struct File {
    content: Vec<u8>,
    /// What a loss of power leaves; none: nothing, not even the name.
    durable: Option<Vec<u8>>,
    /// From which byte on the content waits for an fsync; none: it does not.
    dirty: Option<usize>,
}

impl Disk {
    /// The disk of `host` in a run of `seed`: empty and sound.
    pub fn of_host(seed: u64, host: &str) -> Self {
        Self::new(draw::key(seed, &format!("disk/{host}")))
    }

    /// An empty disk whose mishaps are drawn under `key`.
    fn new(key: u64) -> Self {
        Disk { files: Map::new(), faults: Faults::default(), key, drawn: 0 }
    }

    fn draw(&mut self) -> Stream {
        self.drawn += 1;
        Stream::at(self.key, self.drawn - 1)
    }

    fn fail(&mut self, probability: f64) -> io::Result<()> {
        match probability > 0.0 && self.draw().chance(probability) {
            true => Err(io::Error::from_raw_os_error(EIO)),
            false => Ok(()),
        }
    }

    fn find(&self, path: &str) -> io::Result<&File> {
        self.files.get(path).ok_or_else(|| not_found(path))
    }

    /// What a sound disk would read.
    pub(crate) fn content(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(|file| file.content.as_slice())
    }

    /// As the function [`read`](fn@read).
    ///
    /// # Errors
    /// `NotFound`; what [`Faults`] say.
    pub fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let content = self.find(path)?.content.clone();
        self.fail(self.faults.read_error)?;
        Ok(content)
    }

    /// As the function [`write`](fn@write).
    ///
    /// # Errors
    /// What [`Faults`] say.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.fail(self.faults.write_error)?;
        let file = self.files.entry(path.to_owned()).or_default();
        file.content.clear();
        file.dirty = Some(0);
        self.extend(path, bytes)
    }

    /// As the function [`append`].
    ///
    /// # Errors
    /// What [`Faults`] say.
    pub fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.fail(self.faults.write_error)?;
        let file = self.files.entry(path.to_owned()).or_default();
        file.dirty = file.dirty.or(Some(file.content.len()));
        self.extend(path, bytes)
    }

    /// As much of `bytes` as there is room for.
    fn extend(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let fitting = bytes.len().min(self.room());
        if let Some(file) = self.files.get_mut(path) {
            file.content.extend_from_slice(&bytes[..fitting]);
        }
        if fitting < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn room(&self) -> usize {
        let Some(capacity) = self.faults.capacity else { return usize::MAX };
        let used: usize = self.files.values().map(|file| file.content.len()).sum();
        usize::try_from(capacity).unwrap_or(usize::MAX).saturating_sub(used)
    }

    /// As the function [`fsync`].
    ///
    /// # Errors
    /// `NotFound`; what [`Faults`] say.
    pub fn fsync(&mut self, path: &str) -> io::Result<()> {
        self.find(path)?;
        let result = self.fail(self.faults.fsync_error);
        if let Some(file) = self.files.get_mut(path) {
            match result {
                Ok(()) => file.flush(),
                Err(_) => file.dirty = None,
            }
        }
        result
    }

    /// As the function [`rename`].
    ///
    /// # Errors
    /// `NotFound`; what [`Faults`] say.
    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.find(from)?;
        self.fail(self.faults.write_error)?;
        let mut file = self.files.remove(from).unwrap_or_default();
        file.durable.get_or_insert_default();
        self.files.insert(to.to_owned(), file);
        Ok(())
    }

    /// As the function [`remove`].
    ///
    /// # Errors
    /// `NotFound`; what [`Faults`] say.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        self.find(path)?;
        self.fail(self.faults.write_error)?;
        self.files.remove(path);
        Ok(())
    }

    /// As the function [`list`].
    pub fn list(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// What was not synced is lost, or torn.
    pub fn lose_power(&mut self) {
        if self.faults.torn_writes {
            let mut draws = self.draw();
            self.files.values_mut().for_each(|file| file.tear(&mut draws));
        }
        self.files.retain(|_, file| file.durable.is_some());
        for file in self.files.values_mut() {
            file.content.clone_from(file.durable.get_or_insert_default());
            file.dirty = None;
        }
    }

    /// Flips a bit of what is on the medium. Gives the file and the byte.
    pub(crate) fn rot(&mut self, path: Option<&str>) -> Option<(String, usize)> {
        let mut draws = self.draw();
        let wanted = |name: &str| path.is_none_or(|path| path == name);
        let on_medium = |file: &File| file.durable.as_ref().map_or(0, Vec::len);
        let total: usize =
            self.files.iter().filter(|(name, _)| wanted(name)).map(|(_, file)| on_medium(file)).sum();
        let mut byte = draws.below(total as u64) as usize;
        for (name, file) in self.files.iter_mut().filter(|(name, _)| wanted(name)) {
            if byte < on_medium(file) {
                file.flip(byte, 1 << draws.below(8));
                return Some((name.clone(), byte));
            }
            byte -= on_medium(file);
        }
        None
    }
}

impl File {
    /// Brings whole pages to the medium, and nothing that is taken to be there.
    fn flush(&mut self) {
        let durable = self.durable.get_or_insert_default();
        if let Some(dirty) = self.dirty.take() {
            let start = dirty / PAGE * PAGE;
            durable.resize(start, 0);
            durable.extend_from_slice(&self.content[start..]);
        }
    }

    /// Brings nothing, or the first sectors, of what waits to the medium.
    fn tear(&mut self, draws: &mut Stream) {
        let Some(dirty) = self.dirty else { return };
        let sectors = self.content.len().div_ceil(SECTOR) - dirty / SECTOR;
        let Some(written) = draws.below(sectors as u64 + 2).checked_sub(1) else { return };
        let end = (dirty / SECTOR + written as usize) * SECTOR;
        let durable = self.durable.get_or_insert_default();
        durable.resize(dirty, 0);
        durable.extend_from_slice(&self.content[dirty..end.clamp(dirty, self.content.len())]);
    }

    /// Flips a bit on the medium, and in memory where that is a copy of it.
    fn flip(&mut self, byte: usize, bit: u8) {
        let Some(on_medium) = self.durable.as_mut().and_then(|durable| durable.get_mut(byte)) else { return };
        if self.dirty.is_none_or(|dirty| byte < dirty)
            && let Some(copy) = self.content.get_mut(byte).filter(|copy| **copy == *on_medium)
        {
            *copy ^= bit;
        }
        *on_medium ^= bit;
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
/// `NotFound`; what [`Faults`] say.
pub fn read(path: &str) -> io::Result<Vec<u8>> {
    with(|disk| disk.read(path))
}

/// Replaces a file's bytes, creating it if need be. Not durable before [`fsync`].
///
/// # Errors
/// What [`Faults`] say.
pub fn write(path: &str, bytes: &[u8]) -> io::Result<()> {
    with(|disk| disk.write(path, bytes))
}

/// Adds to a file's end, creating it if need be. Not durable before [`fsync`].
///
/// # Errors
/// What [`Faults`] say.
pub fn append(path: &str, bytes: &[u8]) -> io::Result<()> {
    with(|disk| disk.append(path, bytes))
}

/// Makes a file's present bytes durable.
///
/// # Errors
/// `NotFound`; what [`Faults`] say, and what is not durable then.
pub fn fsync(path: &str) -> io::Result<()> {
    with(|disk| disk.fsync(path))
}

/// Gives a file another name, replacing what had it. Atomic and durable; its bytes are only as durable as they were.
///
/// # Errors
/// `NotFound`; what [`Faults`] say.
pub fn rename(from: &str, to: &str) -> io::Result<()> {
    with(|disk| disk.rename(from, to))
}

/// Removes a file, durably.
///
/// # Errors
/// `NotFound`; what [`Faults`] say.
pub fn remove(path: &str) -> io::Result<()> {
    with(|disk| disk.remove(path))
}

/// The names of all files, in order.
///
/// # Errors
/// Only outside a host.
pub fn list() -> io::Result<Vec<String>> {
    with(|disk| Ok(disk.list()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn disk(faults: Faults) -> Disk {
        Disk { faults, ..Disk::new(7) }
    }

    fn disk_with(path: &str, synced: &[u8], unsynced: &[u8]) -> Disk {
        let mut disk = disk(Faults::default());
        disk.write(path, synced).unwrap();
        disk.fsync(path).unwrap();
        disk.append(path, unsynced).unwrap();
        disk
    }

    #[test]
    fn power_takes_what_was_not_synced() {
        let mut disk = disk_with("log", b"kept", b" lost");
        disk.write("new", b"never synced").unwrap();
        assert_eq!(disk.read("log").unwrap(), b"kept lost");
        disk.lose_power();
        assert_eq!(disk.read("log").unwrap(), b"kept");
        assert_eq!(disk.read("new").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn rename_is_durable_but_carries_no_data() {
        for (synced, left) in [(false, &b""[..]), (true, &b"new"[..])] {
            let mut disk = disk_with("state", b"old", b"");
            disk.write("state.tmp", b"new").unwrap();
            if synced {
                disk.fsync("state.tmp").unwrap();
            }
            disk.rename("state.tmp", "state").unwrap();
            assert_eq!(disk.read("state").unwrap(), b"new");
            disk.lose_power();
            assert_eq!(disk.read("state").unwrap(), left);
        }
    }

    #[test]
    fn a_full_disk_takes_what_fits() {
        let mut disk = disk(Faults { capacity: Some(10), ..Faults::default() });
        disk.write("a", b"12345678").unwrap();
        assert_eq!(disk.append("b", b"xyz").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(disk.read("b").unwrap(), b"xy");
        // Replacing makes room first, and what was there is gone even when the rest does not fit.
        assert_eq!(disk.write("a", b"123456789").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(disk.read("a").unwrap(), b"12345678");
        disk.remove("b").unwrap();
        disk.append("a", b"90").unwrap();
    }

    #[test]
    fn errors_come_as_often_as_asked() {
        let mut disk = disk_with("a", b"x", b"");
        disk.faults = Faults { read_error: 1.0, write_error: 1.0, ..Faults::default() };
        let eio = |result: io::Result<()>| assert_eq!(result.unwrap_err().raw_os_error(), Some(EIO));
        eio(disk.read("a").map(drop));
        eio(disk.write("a", b"y"));
        eio(disk.append("a", b"y"));
        eio(disk.rename("a", "b"));
        eio(disk.remove("a"));
        assert_eq!(disk.read("none").unwrap_err().kind(), ErrorKind::NotFound);
        disk.faults = Faults { read_error: 0.3, ..Faults::default() };
        let failed = (0..1000).filter(|_| disk.read("a").is_err()).count();
        assert!((250..350).contains(&failed), "{failed}");
        disk.faults = Faults::default();
        assert_eq!(disk.read("a").unwrap(), b"x");
    }

    #[test]
    fn what_an_fsync_failed_to_bring_is_not_tried_again() {
        let mut disk = disk_with("log", b"synced,", b"failed,");
        disk.faults.fsync_error = 1.0;
        assert_eq!(disk.fsync("log").unwrap_err().raw_os_error(), Some(EIO));
        disk.faults.fsync_error = 0.0;
        disk.fsync("log").unwrap();
        assert_eq!(disk.read("log").unwrap(), b"synced,failed,");
        disk.lose_power();
        assert_eq!(disk.read("log").unwrap(), b"synced,");
        // Pages touched later are written as a whole; earlier ones stay a hole.
        let (lost, later) = (vec![1; PAGE + 10], b"later");
        disk.append("big", &lost).unwrap();
        disk.faults.fsync_error = 1.0;
        disk.fsync("big").unwrap_err();
        disk.faults.fsync_error = 0.0;
        disk.append("big", later).unwrap();
        disk.fsync("big").unwrap();
        disk.lose_power();
        assert_eq!(disk.read("big").unwrap(), [&[0; PAGE][..], &[1; 10], later].concat());
    }

    #[test]
    fn rot_flips_one_bit_of_what_is_on_the_medium() {
        let mut disk = disk_with("a", &[0; 100], &[0; 100]);
        disk.append("b", b"unsynced").unwrap();
        assert_eq!(disk.rot(Some("b")), None);
        assert_eq!(disk.rot(Some("none")), None);
        let ones = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let (path, byte) = disk.rot(None).unwrap();
        assert!(path == "a" && byte < 100);
        let seen = disk.read("a").unwrap();
        assert_eq!((seen.len(), ones(&seen), ones(&seen[byte..=byte])), (200, 1, 1));
        disk.lose_power();
        assert_eq!(disk.read("a").unwrap(), seen[..100]);
        // What was written anew is in memory; the medium holds the old.
        disk.write("a", &[0; 100]).unwrap();
        disk.rot(Some("a")).unwrap();
        assert_eq!(ones(&disk.read("a").unwrap()), 0);
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [-0.1, 1.1, f64::NAN] {
            assert!(Faults { fsync_error: wrong, ..Faults::default() }.check().is_err(), "{wrong}");
        }
    }

    #[derive(Debug, Clone)]
    enum Op {
        Write(u8, Vec<u8>),
        Append(u8, Vec<u8>),
        Fsync(u8),
        Rename(u8, u8),
        Remove(u8),
        PowerLoss,
    }

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || (0..2000_usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
        prop_oneof![
            2 => (0..4_u8, bytes()).prop_map(|(file, bytes)| Op::Write(file, bytes)),
            4 => (0..4_u8, bytes()).prop_map(|(file, bytes)| Op::Append(file, bytes)),
            3 => (0..4_u8).prop_map(Op::Fsync),
            1 => (0..4_u8, 0..4_u8).prop_map(|(from, to)| Op::Rename(from, to)),
            1 => (0..4_u8).prop_map(Op::Remove),
            2 => Just(Op::PowerLoss),
        ]
    }

    /// What a disk must hold: what is read, what is safe, and from where on a file was touched since it was made safe.
    #[derive(Default)]
    struct Model {
        read: Map<String, Vec<u8>>,
        safe: Map<String, Vec<u8>>,
        touched: Map<String, usize>,
    }

    impl Model {
        fn apply(&mut self, op: &Op) {
            match op {
                Op::Write(file, bytes) => {
                    self.read.insert(name(*file), bytes.clone());
                    self.touched.insert(name(*file), 0);
                }
                Op::Append(file, bytes) => {
                    let content = self.read.entry(name(*file)).or_default();
                    self.touched.entry(name(*file)).or_insert(content.len());
                    content.extend(bytes);
                }
                Op::Fsync(file) => {
                    let content = self.read.get(&name(*file)).map(|content| (name(*file), content.clone()));
                    self.safe.extend(content);
                    self.touched.remove(&name(*file));
                }
                Op::Rename(from, to) => self.rename(name(*from), name(*to)),
                Op::Remove(file) => {
                    self.read.remove(&name(*file));
                    self.safe.remove(&name(*file));
                    self.touched.remove(&name(*file));
                }
                Op::PowerLoss => {
                    self.read = self.safe.clone();
                    self.touched.clear();
                }
            }
        }

        fn rename(&mut self, from: String, to: String) {
            let Some(content) = self.read.remove(&from) else { return };
            let safe = self.safe.remove(&from).unwrap_or_default();
            let touched = self.touched.remove(&from);
            self.touched.remove(&to);
            self.read.insert(to.clone(), content);
            self.safe.insert(to.clone(), safe);
            self.touched.extend(touched.map(|touched| (to, touched)));
        }

        /// Whether a file may look like this after a loss of power that tears writes.
        fn allows(&self, file: &str, found: Option<&Vec<u8>>) -> bool {
            let (Some(found), Some(touched)) = (found, self.touched.get(file)) else {
                return found == self.safe.get(file);
            };
            let read = &self.read[file];
            let whole = found.len() % SECTOR == 0 || found.len() == read.len() || found.len() == *touched;
            self.safe.get(file) == Some(found)
                || (read.starts_with(found) && found.len() >= *touched && whole)
        }
    }

    fn name(file: u8) -> String {
        format!("file{file}")
    }

    fn apply(disk: &mut Disk, op: &Op) {
        let result = match op {
            Op::Write(file, bytes) => disk.write(&name(*file), bytes),
            Op::Append(file, bytes) => disk.append(&name(*file), bytes),
            Op::Fsync(file) => disk.fsync(&name(*file)),
            Op::Rename(from, to) => disk.rename(&name(*from), &name(*to)),
            Op::Remove(file) => disk.remove(&name(*file)),
            Op::PowerLoss => {
                disk.lose_power();
                Ok(())
            }
        };
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{op:?}");
        }
    }

    fn contents(disk: &Disk) -> Map<String, Vec<u8>> {
        disk.files.iter().map(|(name, file)| (name.clone(), file.content.clone())).collect()
    }

    proptest! {
        /// What was synced is there afterwards, exactly; and what was not is not.
        #[test]
        fn a_disk_keeps_what_was_synced(ops in prop::collection::vec(op(), 1..60)) {
            let (mut disk, mut model) = (disk(Faults::default()), Model::default());
            for op in ops {
                apply(&mut disk, &op);
                model.apply(&op);
                prop_assert_eq!(&contents(&disk), &model.read, "after {:?}", op);
            }
        }

        /// The same with torn writes: files that were in sync are untouched, of the others there is a prefix.
        #[test]
        fn a_torn_write_leaves_a_prefix(seed: u64, ops in prop::collection::vec(op(), 1..60)) {
            let mut disk = Disk { key: seed, ..disk(Faults { torn_writes: true, ..Faults::default() }) };
            let mut model = Model::default();
            for op in ops {
                apply(&mut disk, &op);
                if matches!(op, Op::PowerLoss) {
                    let found = contents(&disk);
                    for file in (0..4).map(name) {
                        prop_assert!(model.allows(&file, found.get(&file)), "{} {:?}", file, found.get(&file));
                    }
                    model.safe = found;
                }
                model.apply(&op);
                prop_assert_eq!(&contents(&disk), &model.read, "after {:?}", op);
            }
        }
    }

    /// Nothing, a part, and all of it do come about.
    #[test]
    fn a_torn_write_is_drawn() {
        let left = |seed: u64| {
            let mut disk = Disk { key: seed, ..disk_with("a", &[1; 700], &[2; 900]) };
            disk.faults.torn_writes = true;
            disk.lose_power();
            disk.read("a").unwrap().len()
        };
        let lengths: crate::Set<usize> = (0..50).map(left).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [700, 1024, 1536, 1600]);
    }
}
