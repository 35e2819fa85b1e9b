//! Copies of scenario folders, to be changed and thrown away. Panics where a test could only fail.

use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A copy of a folder with everything in it; it is gone when the guard is dropped.
#[must_use]
pub fn copy(from: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder can be made");
    copy_all(from, copy.path());
    copy
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let copy = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_all(&path, &copy),
            false => fs::copy(&path, &copy).map(drop).expect("a copy"),
        }
    }
}

/// Puts this text into a file of the copy.
pub fn write(copy: &TempDir, file: &str, text: &str) {
    fs::write(copy.path().join(file), text).expect("a copy can be written");
}

/// The text of a file of the copy.
#[must_use]
pub fn read(copy: &TempDir, file: &str) -> String {
    fs::read_to_string(copy.path().join(file)).expect("a file of the scenario")
}
