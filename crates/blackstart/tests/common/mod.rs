//! Running the command, and copies of the small scenario to break.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What came of a command.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command without `RUST_LOG`.
pub(crate) fn blackstart(arguments: &[&str]) -> Ran {
    blackstart_with(arguments, &[])
}

/// Runs the command in this folder.
pub(crate) fn blackstart_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blackstart"));
    ran(command.args(arguments).env_remove("RUST_LOG").current_dir(folder))
}

/// Runs the command in this environment.
pub(crate) fn blackstart_with(arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blackstart"));
    ran(command.args(arguments).env_remove("RUST_LOG").envs(environment.iter().copied()))
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().expect("the command that cargo built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8 output");
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The small scenario.
pub(crate) fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small")
}

/// A copy of a scenario folder, gone when dropped.
pub(crate) fn copy(scenario: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a copy of a scenario");
    copy_into(scenario, folder.path());
    folder
}

/// Copies a folder with everything in it.
pub(crate) fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a copy of a scenario");
    for entry in fs::read_dir(from).expect("a copy of a scenario") {
        let (path, target) =
            entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("a copy of a scenario");
        match path.is_dir() {
            true => copy_into(&path, &target),
            false => drop(fs::copy(&path, &target).expect("a copy of a scenario")),
        }
    }
}

/// Replaces the one place in a file where `old` stands.
pub(crate) fn replace(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).expect("a copy of a scenario");
    assert_eq!(text.matches(old).count(), 1, "{old:?} in {}", file.display());
    fs::write(file, text.replace(old, new)).expect("a copy of a scenario");
}
