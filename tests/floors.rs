//! The house has floors, and an import only points down.
//!
//! Read from the manifests, so that an edge is caught before it is used. Dev-dependencies count too: a crate
//! whose tests need the floor above is tested on the wrong floor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::Table;

/// Every crate and the floor it stands on.
const FLOORS: [(u32, &[&str]); 14] = [
    (0, &["sim", "source"]),
    (1, &["rt"]),
    (2, &["bgp", "crowd", "igp"]),
    (3, &["dns"]),
    (4, &["identity"]),
    (5, &["app", "chat"]),
    (6, &["badge", "manage"]),
    (7, &["world"]),
    (8, &["runbook", "fault"]),
    (9, &["judge"]),
    (10, &["scenario"]),
    (11, &["report"]),
    (12, &["campaign"]),
    (13, &["blackstart"]),
];

#[test]
fn imports_point_down() {
    let manifests = manifests();
    assert!(manifests.len() >= 19, "only {} crates found", manifests.len());
    let wrong: Vec<String> =
        manifests.iter().flat_map(|(name, manifest)| complaints(name, manifest)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A rule that never bites is no rule.
#[test]
fn wrong_edges_are_caught() {
    let cases = [
        ("rt", "dependencies", "blackstart-bgp", "rt (floor 1) imports bgp (floor 2)"),
        ("bgp", "dependencies", "blackstart-igp", "bgp (floor 2) imports igp (floor 2)"),
        ("sim", "dev-dependencies", "blackstart", "sim (floor 0) imports blackstart (floor 13)"),
        ("dns", "build-dependencies", "blackstart-cellar", "dns imports cellar, which has no floor"),
        ("attic", "dependencies", "blackstart-rt", "attic has no floor"),
    ];
    for (name, kind, dependency, complaint) in cases {
        let manifest: Table = format!("[{kind}]\n{dependency}.workspace = true").parse().unwrap();
        assert_eq!(complaints(name, &manifest), [complaint]);
    }
}

#[test]
fn edges_of_one_platform_and_renamed_ones_count() {
    let manifest: Table =
        "[target.'cfg(unix)'.dependencies]\nb = { package = 'blackstart-world', path = '../world' }"
            .parse()
            .unwrap();
    assert_eq!(complaints("chat", &manifest), ["chat (floor 5) imports world (floor 7)"]);
}

#[test]
fn good_edges_pass() {
    let manifest: Table =
        "[dependencies]\nblackstart-bgp.workspace = true\nserde.workspace = true".parse().unwrap();
    assert_eq!(complaints("dns", &manifest), [""; 0]);
}

/// The manifests of `crates/`, by folder.
fn manifests() -> BTreeMap<String, Table> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let folders = std::fs::read_dir(crates)
        .expect("the folder crates/")
        .map(|entry| entry.expect("a folder that can be read").path());
    folders
        .filter_map(|folder| {
            let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            let manifest = text.parse().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            Some((folder.file_name()?.to_str()?.to_owned(), manifest))
        })
        .collect()
}

fn complaints(name: &str, manifest: &Table) -> Vec<String> {
    let Some(own) = floor(name) else { return vec![format!("{name} has no floor")] };
    // A crate that turns its own features on for its tests names itself.
    let others = imports(manifest).into_iter().filter(|import| import != name);
    let judged = others.filter_map(|import| match floor(&import) {
        None => Some(format!("{name} imports {import}, which has no floor")),
        Some(other) if other >= own => Some(format!("{name} (floor {own}) imports {import} (floor {other})")),
        Some(_) => None,
    });
    judged.collect()
}

fn floor(name: &str) -> Option<u32> {
    FLOORS.iter().find(|(_, crates)| crates.contains(&name)).map(|(floor, _)| *floor)
}

/// Crates of ours that a manifest names, without the prefix.
fn imports(manifest: &Table) -> BTreeSet<String> {
    let platforms = manifest.get("target").and_then(|target| target.as_table()).into_iter().flatten();
    let tables = platforms.filter_map(|(_, platform)| platform.as_table()).chain([manifest]);
    tables.flat_map(dependencies).filter_map(|package| ours(&package)).collect()
}

fn dependencies(table: &Table) -> Vec<String> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|kind| table.get(kind)?.as_table())
        .flatten()
        .map(|(key, value)| value.get("package").and_then(|name| name.as_str()).unwrap_or(key).to_owned())
        .collect()
}

fn ours(package: &str) -> Option<String> {
    match package {
        "blackstart" => Some(package.to_owned()),
        _ => package.strip_prefix("blackstart-").map(str::to_owned),
    }
}
