//! Which room may know which: the table of the architecture, and what `cargo metadata` says about packages.

use std::collections::BTreeSet;

use serde_json::Value;

use super::source::Source;

/// Package `greenroom`, from the top down. A room knows only rooms on lower lines.
const LINES: [&[&str]; 7] = [
    &["main"],
    &["app"],
    &["cli", "web"],
    &["tools", "connectors"],
    &["browser", "models", "memory", "voice"],
    &["storage"],
    &["egress", "secrets", "telemetry", "config", "rehearsal"],
];

/// Package `actors`, from the top down.
const ACTORS: [&[&str]; 6] = [
    &["supervisor"],
    &["persona"],
    &["run"],
    &["evidence", "scheduler", "ledger", "approvals"],
    &["ports"],
    &["domain"],
];

/// What a file imports and may not.
pub(super) fn fault(source: &Source) -> Option<String> {
    let (lines, inside) = match source.path.strip_prefix("actors/src/") {
        Some(inside) => (&ACTORS[..], inside),
        None => (&LINES[..], source.path.strip_prefix("src/")?),
    };
    let room = inside.split(['/', '.']).next()?;
    // Roots of packages declare rooms; tests and what they stand on may know every room.
    let is_test = inside.contains("/tests/") || inside.ends_with("/tests.rs");
    if is_test || ["lib", "testing", "simulation"].contains(&room) {
        return None;
    }
    let imported = crate_paths(&source.code).into_iter().filter(|name| name != room);
    let wrong: Vec<_> = imported.filter(|name| !may_import(lines, room, name)).collect();
    let wrong: BTreeSet<_> = wrong.into_iter().collect();
    (!wrong.is_empty()).then(|| format!("`{room}` may not import {}", wrong.into_iter().collect::<Vec<_>>().join(", ")))
}

fn may_import(lines: &[&[&str]], room: &str, name: &str) -> bool {
    let line = |name: &str| lines.iter().position(|line| line.contains(&name));
    match (room, name) {
        // In-memory ports are for tests; the feature that holds them is not on in a release.
        (_, "testing") => true,
        // The practice site is a small world of its own.
        ("rehearsal", name) => name == "config",
        (room, name) => line(room).zip(line(name)).is_some_and(|(room, name)| room < name),
    }
}

/// The first name behind every `crate::`, groups included. Macros of the crate are no rooms.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        if code[..at].ends_with('$') {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(group) => found.extend(group_names(group)),
            None => found.extend(name(rest)),
        }
    }
    found
}

fn name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let is_macro = text[name.len()..].starts_with('!');
    (!name.is_empty() && !is_macro && name.starts_with(|c: char| c.is_ascii_lowercase())).then_some(name)
}

/// `{a, b::{c, d}}`: a, b.
fn group_names(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    let mut current = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(name(std::mem::take(&mut current).trim())),
            c if depth == 0 => current.push(c),
            _ => {}
        }
    }
    names.extend(name(current.trim()));
    names
}

/// Every package that one reaches in a build, its dev-dependencies aside.
pub(super) fn closure(metadata: &Value, package: &str) -> BTreeSet<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let id_of = |name: &str| {
        let members = list(&metadata["packages"]);
        let found = members.iter().find(|known| known["name"] == name && known["source"].is_null()).cloned();
        found.unwrap_or_default()["id"].clone()
    };
    let nodes = list(&metadata["resolve"]["nodes"]);
    let packages = list(&metadata["packages"]);
    let mut open = vec![id_of(package)];
    let mut seen = Vec::new();
    while let Some(id) = open.pop() {
        if seen.contains(&id) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id).cloned().unwrap_or_default();
        let built = |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev");
        open.extend(list(&node["deps"]).iter().filter(|dep| built(dep)).map(|dep| dep["pkg"].clone()));
        seen.push(id);
    }
    let name = |id: &Value| packages.iter().find(|known| known["id"] == *id)?["name"].as_str().map(str::to_owned);
    seen.iter().filter_map(name).collect()
}

#[test]
fn paths_are_found_in_groups_too() {
    let code =
        "use crate::{app, web::{live, Face}, storage as s};\ncrate::cli::ask($crate::domain::X); crate::on_db!(x)";
    let found: Vec<_> = crate_paths(code).into_iter().collect();
    assert_eq!(found, ["app", "cli", "storage", "web"]);
}

#[test]
fn arrows_point_down_only() {
    assert!(may_import(&LINES, "app", "web") && may_import(&LINES, "web", "config"));
    assert!(!may_import(&LINES, "web", "cli") && !may_import(&LINES, "storage", "tools"));
    assert!(!may_import(&LINES, "rehearsal", "storage") && !may_import(&LINES, "egress", "rehearsal"));
    assert!(!may_import(&ACTORS, "ports", "run"));
}
