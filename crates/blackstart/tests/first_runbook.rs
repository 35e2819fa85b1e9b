//! The chapter for those who write their first runbook, done as it is written: its files are saved, its commands are run, and
//! what it shows is what they print.

mod common;

use common::{blackstart_in, copy_into};
use std::fs;
use std::path::Path;

/// A fenced block of the chapter.
enum Block<'a> {
    /// Commands, each behind `$`, with lines of what they print.
    Console(&'a str),
    /// A file and its text, or the part of it that changes.
    File(&'a str, &'a str),
}

#[test]
fn the_first_runbook_goes_as_the_book_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let chapter = fs::read_to_string(root.join("docs/src/first-runbook.md")).expect("the chapter");
    let folder = tempfile::tempdir().expect("a folder");
    copy_into(&root.join("scenarios/three-services"), &folder.path().join("three-services"));
    let blocks = blocks(&chapter);
    assert!(blocks.len() >= 10, "only {} blocks", blocks.len());
    for block in blocks {
        match block {
            Block::File(name, text) => save(&folder.path().join(name), text),
            Block::Console(text) => text.split("$ ").skip(1).for_each(|part| command(folder.path(), part)),
        }
    }
}

/// Saves a runbook. One step, or what stands above the first, takes the place of what was there.
fn save(path: &Path, text: &str) {
    let old = fs::read_to_string(path).unwrap_or_default();
    let is_step = text.starts_with("## ");
    let is_top = !is_step && !text.contains("\n## ");
    let begin = match is_step {
        true => old.find(text.lines().next().unwrap_or_default()).expect("the step is there already"),
        false => 0,
    };
    let end = match is_step || is_top {
        true => old[begin + 1..].find("\n## ").map_or(old.len(), |at| begin + 1 + at),
        false => old.len(),
    };
    fs::write(path, format!("{}{text}{}", &old[..begin], &old[end..])).expect("a file can be written");
}

/// Runs the first line of `part`; the others must be in what it prints, in this order.
fn command(folder: &Path, part: &str) {
    let (line, shown) = part.split_once('\n').expect("a command and what it prints");
    let arguments: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(arguments[0], "blackstart", "{line}");
    let ran = blackstart_in(folder, &arguments[1..]);
    let printed = format!("{}{}", ran.stderr, ran.stdout);
    let mut rest = printed.as_str();
    for words in shown.lines().filter(|words| !words.is_empty()) {
        let at = rest.find(words).unwrap_or_else(|| panic!("{line}: no {words:?} in order in\n{printed}"));
        rest = &rest[at + words.len()..];
    }
}

fn blocks(chapter: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = chapter;
    while let Some((begin, fence)) = opening(rest) {
        let inside = &rest[begin..];
        let (head, text) = inside.split_once('\n').expect("a fence has a line of its own");
        let end = text.find(&format!("\n{fence}\n")).expect("a fence is closed") + 1;
        match head.trim_start_matches('`') {
            "console" => blocks.push(Block::Console(&text[..end])),
            info => blocks.extend(info.strip_prefix("markdown ").map(|name| Block::File(name, &text[..end]))),
        }
        rest = &text[end + fence.len()..];
    }
    blocks
}

/// Where the next fenced block begins, and its fence.
fn opening(text: &str) -> Option<(usize, &'static str)> {
    let begin = text.find("\n```")? + 1;
    Some((begin, if text[begin..].starts_with("````") { "````" } else { "```" }))
}

/// The chapter that shows a scenario whole is that scenario.
#[test]
fn the_book_shows_a_scenario_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chapter = fs::read_to_string(root.join("../../docs/src/whole-scenario.md")).expect("the chapter");
    let mut files = 0;
    for below in ["", "runbooks", "variants", "zones"] {
        for entry in fs::read_dir(root.join("tests/data/small").join(below)).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_file() && !path.ends_with("README.md") {
                let text = fs::read_to_string(&path).expect("a text");
                assert!(
                    chapter.contains(&format!("\n{text}`")),
                    "{} is not in the chapter as it is",
                    path.display()
                );
                files += 1;
            }
        }
    }
    assert_eq!(files, chapter.matches("`\n\n```").count(), "files and headings");
}
