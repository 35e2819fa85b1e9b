//! Style that no reviewer should have to mention twice, held by tests.
//!
//! Each rule is a function from a file's name and text to complaints; [`every_rule_bites`] feeds each one a
//! file that it must complain about. Rules that need several files at once (modules, manifests) come last.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use toml::Table;

/// A file may grow to this many lines before it must become two.
const LINES_MAX: usize = 800;

/// What belongs to the project. Other things at the top (`target`, results of runs) do not.
const ROOTS: [&str; 10] = [
    "crates",
    "bench",
    "scenarios",
    "tests",
    "docs",
    "xtask",
    ".ci",
    ".cargo",
    "README.md",
    "ARCHITECTURE.md",
];

struct File {
    /// Path from the project's root, with `/`.
    name: String,
    text: String,
}

type Rule = fn(&File) -> Vec<String>;

const RULES: [(&str, Rule); 8] = [
    ("crate roots open with a map", crate_root_is_a_map),
    ("nothing is left to be done", nothing_left_to_do),
    ("an ignored test says why", ignored_tests_say_why),
    ("an exception to a lint says why", exceptions_say_why),
    ("maps are ordered", maps_are_ordered),
    ("files stay small", files_stay_small),
    ("no path of one machine", no_machine_paths),
    ("no trace of how it was written", no_workshop_talk),
];

#[test]
fn every_file_is_tidy() {
    let files = files();
    assert!(files.len() >= 50, "only {} files found", files.len());
    let all = RULES.iter().flat_map(|(title, rule)| {
        let complaints = files.iter().flat_map(rule);
        complaints.map(move |complaint| format!("{title}: {complaint}"))
    });
    none(all.collect());
}

#[test]
fn every_rule_bites() {
    let long = "\n".repeat(LINES_MAX + 1);
    let macros = [concat!("to", "do!()"), concat!("db", "g!(x)"), concat!("unimplemen", "ted!()")];
    let cases = [
        ("crate roots open with a map", "crates/a/src/lib.rs", "//! One line.\nmod b;\n"),
        (
            "crate roots open with a map",
            "crates/a/src/lib.rs",
            "//! Two lines,\n//! `c` among them.\nmod b;\n",
        ),
        ("crate roots open with a map", "crates/a/src/lib.rs", "mod b;\n"),
        ("nothing is left to be done", "crates/a/src/b.rs", macros[0]),
        ("nothing is left to be done", "crates/a/src/b.rs", macros[1]),
        ("nothing is left to be done", "crates/a/src/b.rs", macros[2]),
        ("an ignored test says why", "crates/a/src/b.rs", concat!("#[ig", "nore]\n")),
        ("an exception to a lint says why", "crates/a/src/b.rs", concat!("#[al", "low(dead_code)]\n")),
        (
            "an exception to a lint says why",
            "crates/a/src/b.rs",
            concat!("#![ex", "pect(\n    dead_code,\n)]\n"),
        ),
        ("maps are ordered", "crates/a/src/b.rs", "use std::collections::HashMap;\n"),
        ("files stay small", "crates/a/src/b.rs", long.as_str()),
        ("no path of one machine", "scenarios/a/README.md", concat!("see /ro", "ot/notes\n")),
        ("no trace of how it was written", "README.md", concat!("as issue", " 7 says\n")),
        ("no trace of how it was written", "crates/a/src/b.rs", concat!("// fixes (#", "12)\n")),
        ("no trace of how it was written", "README.md", concat!("left for the next ses", "sion\n")),
    ];
    for (title, name, text) in cases {
        let file = File { name: name.to_owned(), text: text.to_owned() };
        let (_, rule) = RULES.iter().find(|(rule, _)| *rule == title).expect("a rule with this title");
        assert_eq!(rule(&file).len(), 1, "{title}: {text}");
    }
}

#[test]
fn good_files_pass() {
    let text = "//! Things: purpose.\n//!\n//! - [`b`]: one of them.\n//! - `c::d`: another.\n\
                pub mod b;\nmod c;\n#[cfg(test)]\nmod tests;\n\
                #[expect(clippy::disallowed_types, reason = \"looked up, never walked\")]\n\
                use std::collections::HashMap;\n// A BGP session. See RFC 4271 section 6.8, colour #12ab.\n";
    let file = File { name: "crates/a/src/lib.rs".to_owned(), text: text.to_owned() };
    none(RULES.iter().flat_map(|(_, rule)| rule(&file)).collect());
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

// Rules for one file.

/// The map names every module in back quotes.
fn crate_root_is_a_map(file: &File) -> Vec<String> {
    if !is_crate_root(&file.name) {
        return Vec::new();
    }
    let map: Vec<&str> = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
    if map.len() < 2 {
        return vec![format!("{}: no `//!` map of more than one line", file.name)];
    }
    let map = map.join("\n");
    let named = quoted_words(&map);
    let modules = modules(&file.text).into_iter().filter(|module| module.name != "tests");
    let unnamed = modules.filter(|module| !named.contains(module.name.as_str()));
    unnamed.map(|module| format!("{}: the map does not name `{}`", file.name, module.name)).collect()
}

/// A library, or a binary of a package without one.
fn is_crate_root(name: &str) -> bool {
    name.ends_with("/src/lib.rs") || name == "xtask/src/main.rs"
}

fn quoted_words(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.flat_map(|quoted| quoted.split(|c: char| !c.is_alphanumeric() && c != '_')).collect()
}

fn nothing_left_to_do(file: &File) -> Vec<String> {
    code_lines_with(file, &[concat!("to", "do!"), concat!("unimplemen", "ted!"), concat!("db", "g!")])
}

fn ignored_tests_say_why(file: &File) -> Vec<String> {
    code_lines_with(file, &[concat!("#[ig", "nore]")])
}

fn maps_are_ordered(file: &File) -> Vec<String> {
    let excepted = concat!("ex", "pect(clippy::disallowed_types");
    let service = file.name.starts_with("crates/");
    if !service || file.text.contains(excepted) {
        return Vec::new();
    }
    code_lines_with(file, &["HashMap", "HashSet"])
}

fn code_lines_with(file: &File, words: &[&str]) -> Vec<String> {
    if !file.name.ends_with(".rs") {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let found = lines.flat_map(|(index, line)| {
        words.iter().filter(|word| line.contains(**word)).map(move |word| (index + 1, word))
    });
    found.map(|(line, word)| format!("{}:{line}: `{word}`", file.name)).collect()
}

fn exceptions_say_why(file: &File) -> Vec<String> {
    if !file.name.ends_with(".rs") {
        return Vec::new();
    }
    let openings = [concat!("[al", "low("), concat!("[ex", "pect(")];
    let found = openings.iter().flat_map(|opening| file.text.match_indices(opening));
    let silent = found.filter(|(at, _)| {
        let attribute = file.text[*at..].split(")]").next().unwrap_or_default();
        !attribute.contains("reason")
    });
    silent
        .map(|(at, opening)| format!("{}:{}: `{opening}…` without a reason", file.name, line_of(file, at)))
        .collect()
}

fn files_stay_small(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let grown = file.name.ends_with(".rs") && lines > LINES_MAX;
    grown.then(|| format!("{}: {lines} lines", file.name)).into_iter().collect()
}

fn no_machine_paths(file: &File) -> Vec<String> {
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let found = paths.iter().flat_map(|path| file.text.match_indices(path));
    // Behind a letter it is part of a longer path, such as an address on the web.
    let alone = found.filter(|(at, _)| !file.text[..*at].ends_with(|c: char| c.is_alphanumeric()));
    alone.map(|(at, path)| format!("{}:{}: `{path}`", file.name, line_of(file, at))).collect()
}

/// Numbers of issues and talk about who wrote it when: the files speak for themselves.
fn no_workshop_talk(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate().filter(|(_, line)| names_an_issue(line) || tells_a_diary(line));
    lines.map(|(index, line)| format!("{}:{}: {}", file.name, index + 1, line.trim())).collect()
}

fn names_an_issue(line: &str) -> bool {
    let line = line.to_lowercase();
    let behind = |before: &str| line.split(before).skip(1).any(begins_with_a_number);
    [concat!("iss", "ue "), concat!("iss", "ue #"), " #", "(#"].into_iter().any(behind)
}

/// `12`, and not `12ab`, which is a colour.
fn begins_with_a_number(text: &str) -> bool {
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    behind.len() < text.len() && !behind.starts_with(char::is_alphanumeric)
}

fn tells_a_diary(line: &str) -> bool {
    let line = line.to_lowercase();
    let word = concat!("ses", "sion");
    ["next", "last", "previous", "earlier", "later"]
        .iter()
        .any(|when| line.contains(&format!("{when} {word}")))
}

fn line_of(file: &File, at: usize) -> usize {
    file.text[..at].lines().count().max(1)
}

// Rules for the whole tree.

/// A source file that no `mod` includes is not compiled, however good it looks.
#[test]
fn every_source_file_is_included() {
    let sources: BTreeSet<PathBuf> =
        files().iter().map(|file| PathBuf::from(&file.name)).filter(|path| is_source(path)).collect();
    let mut included: BTreeSet<PathBuf> = sources.iter().filter(|path| is_root(path)).cloned().collect();
    let mut open: Vec<PathBuf> = included.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let text = fs::read_to_string(root().join(&path)).expect("a file just listed");
        for child in modules(&text).iter().flat_map(|module| module.candidates(&path)) {
            if sources.contains(&child) && included.insert(child.clone()) {
                open.push(child);
            }
        }
    }
    none(
        sources
            .difference(&included)
            .map(|path| format!("{}: no `mod` includes it", path.display()))
            .collect(),
    );
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// What cargo compiles by itself: libraries, binaries, and the files beside them in `tests`, `benches`, `examples`, or
/// `main.rs` in a folder there.
fn is_root(path: &Path) -> bool {
    let mut folders = path.iter().rev().skip(1).map(|name| name.to_str().unwrap_or_default());
    match (folders.next(), folders.next()) {
        (Some("src"), _) => path.ends_with("lib.rs") || path.ends_with("main.rs"),
        (Some("bin" | "tests" | "benches" | "examples"), _) => true,
        (_, Some("tests" | "benches" | "examples")) => path.ends_with("main.rs"),
        _ => false,
    }
}

/// A module that lives in a file of its own.
struct Module {
    name: String,
    /// From `#[path = "…"]`.
    path: Option<String>,
}

impl Module {
    /// Where the module's file may be when `parent` declares it.
    fn candidates(&self, parent: &Path) -> Vec<PathBuf> {
        let folder = parent.parent().unwrap_or(Path::new(""));
        if let Some(path) = &self.path {
            return vec![without_detours(&folder.join(path))];
        }
        let stem = parent.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let owns_folder = is_root(parent) || stem == "mod";
        let folder = if owns_folder { folder.to_owned() } else { folder.join(stem) };
        vec![folder.join(format!("{}.rs", self.name)), folder.join(&self.name).join("mod.rs")]
    }
}

/// `a/b/../c` as `a/c`.
fn without_detours(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => drop(path.pop()),
            _ => path.push(component),
        }
        path
    })
}

/// Every `mod x;` of a file.
fn modules(text: &str) -> Vec<Module> {
    let mut modules = Vec::new();
    let mut path = None;
    for line in text.lines().map(str::trim) {
        if let Some(quoted) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            path = Some(quoted.to_owned());
        } else if let Some(name) = module_name(line) {
            modules.push(Module { name: name.to_owned(), path: path.take() });
        }
    }
    modules
}

fn module_name(line: &str) -> Option<&str> {
    let declaration = line.strip_suffix(';')?;
    let (visibility, name) = declaration.rsplit_once("mod ")?;
    let visibility = visibility.trim();
    (visibility.is_empty() || visibility.starts_with("pub")).then_some(name)
}

/// One list of lints and one list of dependencies, both in the manifest of the workspace.
#[test]
fn manifests_share_the_root_lists() {
    let manifests = files().into_iter().filter(|file| file.name.ends_with("/Cargo.toml"));
    none(manifests.flat_map(|file| manifest_complaints(&file)).collect());
}

#[test]
fn manifests_with_lists_of_their_own_are_caught() {
    let text = "[package]\n[dependencies]\nserde = '1'\nrand = { workspace = true, features = ['x'] }\n";
    let file = File { name: "crates/a/Cargo.toml".to_owned(), text: text.to_owned() };
    let complaints = manifest_complaints(&file);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
}

fn manifest_complaints(file: &File) -> Vec<String> {
    let manifest: Table = file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.name));
    let shared = |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    let mut complaints = Vec::new();
    if !manifest.contains_key("package") {
        return complaints;
    }
    if !manifest.get("lints").is_some_and(shared) {
        complaints.push(format!("{}: no `[lints] workspace = true`", file.name));
    }
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(kind).and_then(toml::Value::as_table).into_iter().flatten();
        let own = dependencies.filter(|(_, value)| !shared(value));
        complaints.extend(own.map(|(name, _)| format!("{}: `{name}` is not `workspace = true`", file.name)));
    }
    complaints
}

/// Each difference between the backends names the test that pins it: `file::test`, the file's name alone.
#[test]
fn every_difference_is_pinned() {
    let files = files();
    let table =
        files.iter().find(|file| file.name == "docs/src/backends.md").expect("the chapter on backends");
    let from_heading = table.text.lines().skip_while(|line| !line.ends_with("| test |"));
    let lines = from_heading.filter(|line| line.starts_with("| "));
    let (headings, differences): (Vec<_>, Vec<_>) = lines.partition(|line| line.ends_with("| test |"));
    assert!(headings.len() >= 4 && differences.len() >= 20, "{headings:?} {differences:?}");
    none(differences.iter().flat_map(|line| unpinned(line, &files)).collect());
}

#[test]
fn a_difference_without_a_test_is_caught() {
    let text = "#[test]\nfn it_is_so() {}\nasync fn it_is_so_too(host: IpAddr) {}\n".to_owned();
    let files = [File { name: "tests/backends/differences.rs".to_owned(), text }];
    for good in ["`differences::it_is_so`", "`differences::it_is_so`, `differences::it_is_so_too`"] {
        none(unpinned(&format!("| a | b | `c` | d | {good} |"), &files));
    }
    for bad in ["`differences::it_is`", "`others::it_is_so`", "it_is_so", ""] {
        assert_eq!(unpinned(&format!("| a | b | `c` | d | {bad} |"), &files).len(), 1, "{bad}");
    }
}

fn unpinned(line: &str, files: &[File]) -> Vec<String> {
    let last = line.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
    let tests: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
    let missing = tests.iter().filter(|test| !files.iter().any(|file| has_test(file, test)));
    let complaints = missing.map(|test| format!("there is no test `{test}`, named in: {line}")).collect();
    if tests.is_empty() { vec![format!("no test is named in: {line}")] } else { complaints }
}

fn has_test(file: &File, test: &str) -> bool {
    let Some((stem, function)) = test.split_once("::") else { return false };
    file.name.contains("tests/")
        && file.name.ends_with(&format!("/{stem}.rs"))
        && file.text.contains(&format!("fn {function}("))
}

/// Every system of the founding night has tests that show what its row says, and they exist.
#[test]
fn every_system_is_shown_by_a_test() {
    let files = files();
    let page = files.iter().find(|file| file.name == "docs/src/systems.md").expect("the chapter on systems");
    let rows: Vec<&str> =
        page.text.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |")).collect();
    assert!(rows.len() >= 20, "only {} rows", rows.len());
    let all = page.text.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(all, rows.len() + 1, "a row without a test, beside the heading");
    none(rows.iter().flat_map(|row| unshown(row, &files)).collect());
}

#[test]
fn a_system_without_its_test_is_caught() {
    let text = "#[test]\nfn it_holds() {}\n".to_owned();
    let files = [
        File { name: "crates/badge/tests/engine.rs".to_owned(), text: text.clone() },
        File { name: "tests/steps.rs".to_owned(), text },
    ];
    for good in
        ["`badge::engine::it_holds`", "`steps::it_holds`", "`steps::it_holds`, `badge::engine::it_holds`"]
    {
        none(unshown(&format!("| a | {good} |"), &files));
    }
    for bad in
        ["`chat::engine::it_holds`", "`engine::it_holds`", "`steps::it_does`", "`badge::steps::it_holds`"]
    {
        assert_eq!(unshown(&format!("| a | {bad} |"), &files).len(), 1, "{bad}");
    }
}

/// Tests named in the last cell of a row that do not exist: `crate::file::test`, or `file::test` in `tests/`.
fn unshown(row: &str, files: &[File]) -> Vec<String> {
    let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
    let named = last.split('`').skip(1).step_by(2);
    let exists = |test: &str| {
        let parts: Vec<&str> = test.split("::").collect();
        let (place, stem, function) = match parts[..] {
            [krate, stem, function] => (format!("crates/{krate}/"), stem, function),
            [stem, function] => ("tests/".to_owned(), stem, function),
            _ => return false,
        };
        let mut here = files.iter().filter(|file| file.name.starts_with(&place));
        here.any(|file| {
            file.name.ends_with(&format!("/{stem}.rs")) && file.text.contains(&format!("fn {function}("))
        })
    };
    let missing = named.filter(|test| !exists(test));
    missing.map(|test| format!("there is no test `{test}`, named in: {row}")).collect()
}

// Reading the tree.

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every text file of the project, in order of its name.
fn files() -> Vec<File> {
    let mut names = Vec::new();
    ROOTS.iter().for_each(|name| collect(name, &mut names));
    names.sort();
    // What is not text (a capture, a picture) has no style.
    let text = |name: String| Some(File { text: fs::read_to_string(root().join(&name)).ok()?, name });
    names.into_iter().filter_map(text).collect()
}

fn collect(name: &str, names: &mut Vec<String>) {
    let path = root().join(name);
    if path.is_file() {
        names.push(name.to_owned());
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries {
        let entry = entry.expect("a folder that can be read").file_name();
        let entry = entry.to_str().expect("file names are text");
        collect(&format!("{name}/{entry}"), names);
    }
}
