//! The tutorial, done as it says: its files, its commands, what they print.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that the reader does.
enum Deed {
    /// Writes a file.
    Write { file: String, text: String },
    /// Changes lines of a file.
    Change { file: String, from: String, to: String },
    /// Types commands, of which the last one may have to fail, and looks for lines in what it prints.
    Type { commands: Vec<String>, fails: bool, sees: Vec<String> },
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// Blocks with `file=NAME` and blocks of `console`, in order. Others are for reading.
fn deeds(page: &str) -> Vec<Deed> {
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.split_once('\n')).filter_map(|(info, text)| deed(info, text)).collect()
}

fn deed(info: &str, text: &str) -> Option<Deed> {
    let file = info.split_once("file=").map(|(_, file)| file.to_owned());
    match (info.split(' ').next()?, file) {
        ("diff", Some(file)) => {
            let side = |other: char| -> String {
                let lines = text.lines().filter(|line| !line.starts_with(other));
                lines.filter_map(|line| line.get(1..)).flat_map(|line| [line, "\n"]).collect()
            };
            Some(Deed::Change { file, from: side('+'), to: side('-') })
        }
        (_, Some(file)) => Some(Deed::Write { file, text: format!("{text}\n") }),
        ("console", None) => {
            let (typed, seen): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("$ "));
            let commands = typed.iter().map(|line| line[2..].to_owned()).collect();
            let sees = seen.into_iter().map(str::to_owned).collect();
            Some(Deed::Type { commands, fails: info.contains("fails"), sees })
        }
        _ => None,
    }
}

/// A reader with a folder, in which `cd` is remembered.
struct Reader {
    folder: PathBuf,
}

impl Reader {
    fn does(&mut self, deed: &Deed) {
        match deed {
            Deed::Write { file, text } => {
                let path = self.folder.join(file);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                // The reader's clone lies where this one does.
                let clone = root().display().to_string();
                fs::write(path, text.replace("../blackstart", &clone)).expect("written");
            }
            Deed::Change { file, from, to } => {
                let path = self.folder.join(file);
                let text = fs::read_to_string(&path).expect("written before");
                assert_eq!(text.matches(from).count(), 1, "{file} has once:\n{from}");
                fs::write(path, text.replace(from, to)).expect("written");
            }
            Deed::Type { commands, fails, sees } => {
                for command in commands {
                    self.types(command, *fails, sees);
                }
            }
        }
    }

    fn types(&mut self, command: &str, fails: bool, sees: &[String]) {
        if let Some(folder) = command.strip_prefix("cd ") {
            self.folder.push(folder);
            // The versions that this workspace was tested with, and nothing from the network.
            fs::copy(root().join("Cargo.lock"), self.folder.join("Cargo.lock")).expect("copied");
            return;
        }
        let mut words = command.split(' ');
        // What the workspace has compiled need not be compiled again.
        let done = Command::new(words.next().expect("a program"))
            .args(words)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", root().join("target"))
            .env("CARGO_NET_OFFLINE", "true")
            .env("RUSTFLAGS", "--cfg tokio_unstable")
            .output()
            .expect("it starts");
        let shown = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.success(), !fails, "{command}:\n{shown}");
        for line in sees {
            assert!(shown.contains(line), "{command} does not show {line:?}:\n{shown}");
        }
    }
}

#[test]
#[ignore = "compiles a crate and all that it needs: minutes"]
fn a_reader_finds_the_bug_and_mends_it() {
    let page = fs::read_to_string(root().join("docs/src/tutorial.md")).expect("the page");
    let deeds = deeds(&page);
    assert!(deeds.len() >= 7, "{} things to do", deeds.len());
    let folder = tempfile::tempdir().expect("a folder");
    let mut reader = Reader { folder: folder.path().to_owned() };
    deeds.iter().for_each(|deed| reader.does(deed));
}
