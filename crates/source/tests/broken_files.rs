//! What a user reads for each way of breaking a file: exact texts.

use std::collections::BTreeMap;

use blackstart_source::{
    Diagnostic, Diagnostics, SIZE_LIMIT_BYTES, SourceFile, Spanned, near_miss, parse_toml, parse_toml_at,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only the errors matter here")]
struct Document {
    title: String,
    #[serde(default)]
    boot_needs: Vec<Spanned<String>>,
    #[serde(default)]
    host: BTreeMap<String, Host>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only the errors matter here")]
struct Host {
    cores: u8,
    kind: Kind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Router,
    Server,
}

fn complaint(text: &str) -> String {
    parse_toml::<Document>(&SourceFile::new("a.toml", text)).expect_err("must not parse").to_string()
}

#[test]
fn every_broken_toml_has_its_text() {
    let cases = [
        ("", "a.toml:1:1: the key `title` is missing"),
        ("title = 3", "a.toml:1:9: `3` is a number; expected text in quotes"),
        ("title = oops", "a.toml:1:9: string values must be quoted; expected literal string"),
        ("title = 'é' x", "a.toml:1:13: unexpected key or value; expected newline, `#`"),
        ("title = 'a'\r\ntitle = 'b'", "a.toml:2:1: duplicate key"),
        ("title = 'a'\n[host.x\n", "a.toml:2:8: unclosed table; expected `]`"),
        (
            "title = 'a'\nboot_needs = []",
            "a.toml:2:1: unknown key `boot_needs`; expected one of `title`, `boot-needs`, `host`; \
             did you mean `boot-needs`?",
        ),
        (
            "title = 'a'\n\n[host.x]\nvalve = 3\n",
            "a.toml:4:1: unknown key `valve`; expected one of `cores`, `kind`",
        ),
        (
            "title = 'a'\n[host.x]\ncores = 300\nkind = 'router'",
            "a.toml:3:9: invalid value: integer `300`; expected a whole number from 0 to 255",
        ),
        (
            "title = 'a'\n[host.x]\ncores = 3\nkind = 'rooter'",
            "a.toml:4:8: unknown value `rooter`; expected one of `router`, `server`; did you mean `router`?",
        ),
        (
            "title = 'a'\nhost.x = 4",
            "a.toml:2:10: `4` is a number; expected a table, as in `{ key = \"value\" }`",
        ),
        (
            "\"a\\u001b[2J\\n`\" = 3",
            "a.toml:1:1: unknown key `a\\u{1b}[2J\\n``; expected one of `title`, `boot-needs`, `host`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(complaint(text), expected, "for {text:?}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    assert!(complaint(&format!("title = {}", "[".repeat(100_000))).contains("recurs"));
}

#[test]
fn blocks_of_a_markdown_file_report_and_carry_outer_positions() {
    let text =
        "# Réset\n```toml\ntitle = 'x'\nboot-needs = ['é', 'dns']\n```\n## Next\n```toml\nwat = 1\n```\n";
    let file = SourceFile::new("reset.md", text);
    let block = |from: &str, to: &str| text.find(from).unwrap()..text.find(to).unwrap();

    let document: Document = parse_toml_at(&file, block("title", "```\n## Next")).unwrap();
    let dns = &document.boot_needs[1];
    assert_eq!(&text[dns.span()], "'dns'");
    assert_eq!(file.position(dns.span().start), (4, 20));

    let error = parse_toml_at::<Document>(&file, text.find("wat").unwrap()..text.len() - 4).unwrap_err();
    assert_eq!(
        error.to_string(),
        "reset.md:8:1: unknown key `wat`; expected one of `title`, `boot-needs`, `host`"
    );
    let error = parse_toml_at::<Document>(&file, 3..4).unwrap_err();
    assert_eq!(error.to_string(), "reset.md: no text at bytes 3..4");
}

/// Far into a file: more bytes before the block than a format width can count.
#[test]
fn blocks_deep_in_a_file_carry_positions_too() {
    let text = "\n".repeat(100_000) + "wat = 1\n";
    let file = SourceFile::new("reset.md", text.as_str());
    let error = parse_toml_at::<Document>(&file, 100_000..text.len()).unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(100_001), Some(1)));
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let complaint = |name: &str| {
        SourceFile::read_as(&folder.path().join(name), name).expect_err("must not be readable").to_string()
    };
    std::fs::write(folder.path().join("latin1.toml"), b"a = 'x'\nb = '\xc3\xa9 caf\xe9'\n").unwrap();
    std::fs::write(folder.path().join("nul.toml"), b"a = 1\nb =\0 2\n").unwrap();
    // A sparse file: large without taking room, and reading it would take visibly long.
    let huge = std::fs::File::create(folder.path().join("huge.toml")).unwrap();
    huge.set_len(100_000_000).unwrap();
    std::fs::create_dir(folder.path().join("folder.toml")).unwrap();

    let cases = [
        ("missing.toml", "missing.toml: no such file"),
        ("latin1.toml", "latin1.toml:2:11: byte 0xe9 at offset 19 is not UTF-8; expected UTF-8 text"),
        ("nul.toml", "nul.toml:2:4: a NUL byte, which no text has; expected UTF-8 text"),
        ("huge.toml", "huge.toml: the file has 100000000 bytes; expected at most 1048576 bytes"),
        ("folder.toml", "folder.toml: this is a folder; expected a file"),
    ];
    for (name, expected) in cases {
        assert_eq!(complaint(name), expected);
    }
    let just_fits = folder.path().join("fits.toml");
    std::fs::write(&just_fits, vec![b'#'; SIZE_LIMIT_BYTES as usize]).unwrap();
    assert_eq!(SourceFile::read(&just_fits).unwrap().text().len() as u64, SIZE_LIMIT_BYTES);
}

#[test]
fn near_misses() {
    let candidates = ["santa-clara", "menlo-park", "bb1", "bb2", "r"];
    let cases = [
        ("santa-clare", Some("santa-clara")),
        ("Santa-Clara", Some("santa-clara")),
        ("snata-clara", Some("santa-clara")),
        ("menlopark", Some("menlo-park")),
        ("bb3", Some("bb1")),
        ("ashburn", None),
        ("x", None),
        ("", None),
    ];
    for (word, expected) in cases {
        assert_eq!(near_miss(word, candidates), expected, "for {word:?}");
    }
    assert_eq!(near_miss(&"x".repeat(1 << 20), candidates), None);
}

#[test]
fn unknown_references_list_what_there_is() {
    let file = SourceFile::new("people.toml", "who = 'alise'\n");
    let hosts = ["alice", "bob"];
    let unknown = |candidates: &[&'static str]| {
        Diagnostic::unknown(&file, 6..13, "person", "alise", candidates.iter().copied()).to_string()
    };
    assert_eq!(
        unknown(&hosts),
        "people.toml:1:7: unknown person `alise`; expected one of `alice`, `bob`; did you mean `alice`?"
    );
    assert_eq!(
        unknown(&[]),
        "people.toml:1:7: unknown person `alise`; expected no person at all, none is defined"
    );
    assert!(unknown(&["x"; 20]).ends_with("`x` and 8 more"));
}

#[test]
fn diagnostics_come_in_reading_order_and_as_json() {
    let a = SourceFile::new("a.toml", "x\ny\n");
    let b = SourceFile::new("b.toml", "z");
    let mut all = Diagnostics::new();
    assert!(all.is_empty() && all.clone().into_result(()).is_ok());
    all.push(Diagnostic::new(&b, 0..1, "third"));
    all.push(Diagnostic::new(&a, 2..3, "second").expecting("w").meant(Some("w")));
    all.push(Diagnostic::of_file("a.toml", "first"));
    assert_eq!(all.take(Err::<(), _>(Diagnostic::new(&b, 0..1, "fourth"))), None);
    assert_eq!(
        all.to_string(),
        "a.toml: first\na.toml:2:1: second; expected w; did you mean `w`?\n\
         b.toml:1:1: third\nb.toml:1:1: fourth"
    );
    let json = serde_json::to_value(&all).unwrap();
    assert_eq!(
        json[1],
        serde_json::json!({ "file": "a.toml", "line": 2, "column": 1, "message": "second",
            "expected": "w", "help": "did you mean `w`?" })
    );
    assert_eq!(json[0]["line"], serde_json::Value::Null);
    assert_eq!(all.into_result(()).unwrap_err().len(), 4);
}

#[test]
fn a_terminal_shows_the_line() {
    let file = SourceFile::new("a.toml", "title = 'a'\nkolor = 3\n");
    let error = parse_toml::<Document>(&file).unwrap_err();
    let mut shown = String::new();
    let theme = miette::GraphicalTheme::unicode_nocolor();
    miette::GraphicalReportHandler::new_themed(theme).render_report(&mut shown, &error).unwrap();
    assert!(shown.contains("2 │ kolor = 3"), "{shown}");
}
