//! The house rules that cargo cannot see. A rule that is not checked is a wish.

mod imports;
mod source;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use clap::CommandFactory as _;
use serde_json::Value;

use self::source::{Source, root};

const MOST_LINES: usize = 500;

/// What may lie at the top, besides names that start with a dot.
const TOP: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "actors",
    "benches",
    "config",
    "migrations",
    "src",
    "static",
    "tests",
];

/// Fails with every fault at once.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn faults(of: impl Fn(&Source) -> Option<String>) -> Vec<String> {
    let sources = source::all();
    assert!(sources.len() > 20, "the sources were found");
    sources.iter().filter_map(|source| of(source).map(|fault| format!("{}: {fault}", source.path))).collect()
}

#[test]
fn the_top_level_is_as_agreed() {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strange = entries.filter(|name| !name.starts_with('.') && name != "target" && !TOP.contains(&name.as_str()));
    none(&strange.collect::<Vec<_>>());
}

#[test]
fn every_file_says_first_why_it_exists() {
    none(&faults(|source| (!source.text.starts_with("//! ")).then(|| "the first line is not `//! …`".to_owned())));
}

#[test]
fn files_fit_in_a_head() {
    none(&faults(|source| {
        let lines = source.text.lines().count();
        (lines > MOST_LINES).then(|| format!("{lines} lines; split it"))
    }));
}

#[test]
fn modules_are_named_by_what_they_hold() {
    none(&faults(|source| {
        let stem = Path::new(&source.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let vague = ["mod", "utils", "util", "helpers", "helper", "common", "manager", "misc"];
        vague.contains(&stem).then(|| format!("`{stem}` says nothing"))
    }));
}

#[test]
fn nothing_is_left_for_later() {
    none(&faults(|source| {
        let later = ["todo!(", "unimplemented!(", "TODO", "FIXME", "XXX"];
        let found = later.iter().find(|word| source.path != "tests/it/tidy.rs" && source.code.contains(*word));
        found.map(|word| format!("holds `{word}`"))
    }));
}

#[test]
fn log_lines_have_one_style() {
    none(&faults(|source| {
        let wrong = source.log_messages().into_iter().find(|message| {
            let first = message.chars().next().unwrap_or('a');
            let acronym = message.chars().nth(1).is_some_and(|second| second.is_uppercase());
            (first.is_uppercase() && !acronym) || message.ends_with(['.', '!'])
        });
        wrong.map(|message| format!("log messages are lower case without a full stop: `{message}`"))
    }));
}

#[test]
fn rooms_import_only_what_lies_below() {
    none(&faults(imports::fault));
}

#[test]
fn no_machine_is_named() {
    none(&text::naming_a_machine());
}

#[test]
fn migrations_come_in_pairs() {
    let names = |database: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(database);
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"), "both databases have the same migrations");
}

#[test]
fn the_readme_names_every_make_target() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let documented = makefile.lines().filter(|line| line.contains(": ") && line.contains("## "));
    let targets = documented.filter_map(|line| line.split(':').next()).map(|target| format!("make {target}"));
    let missing = targets.filter(|name| name != "make help" && !readme.contains(name.as_str()));
    none(&missing.map(|name| format!("README.md does not say what `{name}` does")).collect::<Vec<_>>());
}

/// The table has a row for each verb of the program, `greenroom persona new\|list`, and nothing else.
#[test]
fn the_readme_names_every_verb() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `greenroom ")?.split_once('`'));
    let written: BTreeMap<&str, BTreeSet<&str>> = rows
        .map(|(verbs, _)| {
            let (verb, rest) = verbs.split_once(' ').unwrap_or((verbs, ""));
            // Options are told, not checked.
            let rest = if rest.starts_with('[') { "" } else { rest };
            (verb, rest.split("\\|").filter(|verb| !verb.is_empty()).collect())
        })
        .collect();
    let program = greenroom::cli::Command::command();
    let verbs = program.get_subcommands();
    let known: BTreeMap<&str, BTreeSet<&str>> =
        verbs.map(|verb| (verb.get_name(), verb.get_subcommands().map(clap::Command::get_name).collect())).collect();
    assert!(known["persona"].contains("new"), "the verbs were found: {known:?}");
    assert_eq!(written, known, "the table in README.md, and the program");
}

/// The company compiles and is tested without database, browser or HTTP.
#[test]
fn the_actors_know_no_outside_world() {
    // Only this platform's packages are here; without the filter cargo would want to download the others.
    let about = cargo(&["-vV"]);
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let reached = imports::closure(&metadata, "actors");
    assert!(reached.contains("ractor"), "the closure was found: {reached:?}");
    let outside = ["diesel", "actix", "reqwest", "hyper", "chromiumoxide", "tokio-postgres", "libsqlite3", "axum"];
    let found = reached.iter().filter(|name| outside.iter().any(|outside| name.starts_with(outside)));
    none(&found.map(|name| format!("package `actors` reaches `{name}`")).collect::<Vec<_>>());
}

fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
