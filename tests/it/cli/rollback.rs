//! A step of a real tool taken back by the verbs: shown, confirmed, done once, and the run of it replays.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    greenroom, said,
    server::{Server, answer},
};
use crate::sandbox;

/// A tool for everyone, in the shell.
fn put(root: &Path, name: &str, properties: &str, more: &str, script: &str) {
    let folder = root.join("tools").join(name);
    fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "name = \"{name}\"\ndescription = \"For a test.\"\ncommand = [\"sh\", \"./tool.sh\"]\neffect = \"idempotent\"\n\
         timeout = \"60s\"\n{more}\n[parameters]\ntype = \"object\"\nadditionalProperties = false\n\
         properties = {properties}\n"
    );
    fs::write(folder.join("tool.toml"), manifest).unwrap();
    fs::write(folder.join("tool.sh"), script).unwrap();
}

const BOOK: &str =
    r#"{"steps": [{"action": "tool", "name": "book", "args": {"seat": "12a"}, "effect": "idempotent"}]}"#;

fn refused(root: &Path, args: &[&str]) -> String {
    let (code, _, error) = said(&greenroom(root, args));
    assert_eq!(code, 1, "{error}");
    error
}

#[test]
fn a_booked_seat_is_given_back_once() {
    if sandbox::is_left_out_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let inverse = "inverse = { tool = \"give_back\", args = { ticket = \"value.ticket\" } }";
    put(root, "book", "{ seat = { type = \"string\" } }", inverse, "cat > t-12a; echo '{\"ticket\": \"t-12a\"}'");
    let give_back = "rm \"$(sed 's/.*\"ticket\":\"//; s/\".*//')\"; echo '{}'";
    put(root, "give_back", "{ ticket = { type = \"string\" } }", "", give_back);
    let _server = Server::start(root);
    answer(root, &["persona", "new", "Ada"]);
    let proof = r#"{"artifacts": ["file"]}"#;
    let goal = ["goal", "add", "ada", "--kind", "io", "--title", "Book", "--payload", BOOK, "--proof", proof, "--wait"];
    let booked = answer(root, &goal);
    assert_eq!(booked["state"], "done", "{booked:#}");
    let persona = booked["persona_id"].as_str().unwrap();
    let ticket = root.join(format!("personas/{persona}/files/t-12a"));
    assert!(ticket.exists());
    let runs = answer(root, &["run", "list", "--goal", booked["id"].as_str().unwrap()]);
    let run = runs["items"][0]["id"].as_str().unwrap().to_owned();

    let rollback = ["run", "rollback", &run, "--step", "1"];
    let plan = answer(root, &rollback);
    assert_eq!((&plan["tool"], &plan["args"]), (&json!("give_back"), &json!({"ticket": "t-12a"})));
    assert_eq!((&plan["undoes"], &plan["goal"], &plan["asks"]), (&json!("book"), &Value::Null, &Value::Null));
    let (code, shown, _) = said(&greenroom(root, &rollback));
    assert!(code == 0 && shown.contains("with {\"ticket\":\"t-12a\"}") && shown.contains("--confirm "), "{shown}");
    assert!(ticket.exists(), "it was only shown");
    assert!(refused(root, &["run", "rollback", &run, "--step", "2"]).contains("did nothing that could be taken back"));

    let digest = plan["digest"].as_str().unwrap();
    let confirmed = [&rollback[..], &["--confirm", digest, "--wait"]].concat();
    let back = answer(root, &confirmed);
    assert_eq!((&back["state"], &back["kind"]), (&json!("done"), &json!("io")), "{back:#}");
    assert!(!ticket.exists());
    let id = back["id"].as_str().unwrap();
    for again in [&rollback[..], &confirmed] {
        let why = refused(root, again);
        assert!(why.contains(&format!("{id} rolls it back already and is done")), "{why}");
    }
    let why = refused(root, &["goal", "retry", booked["id"].as_str().unwrap()]);
    assert!(why.contains("rolls step 1 of"), "{why}");
    names_what_it_undoes(root, id, (&run, &plan["receipt"]));
}

/// Its run replays as the other one does, and its receipts name what they undo.
fn names_what_it_undoes(root: &Path, id: &str, (run, receipt): (&str, &Value)) {
    let its_run = answer(root, &["run", "list", "--goal", id])["items"][0]["id"].as_str().unwrap().to_owned();
    for replayed in [its_run.as_str(), run] {
        assert_eq!(answer(root, &["run", "replay", replayed])["holds"], true);
    }
    let receipts = answer(root, &["receipts", "list", "--run", &its_run]);
    let named = receipts["items"].as_array().unwrap().iter().filter(|one| one["step"] == 0);
    let named: Vec<_> = named.map(|one| (one["phase"].clone(), one["body"]["data"]["undoes"].clone())).collect();
    assert_eq!(named.len(), 2, "intent and outcome: {receipts:#}");
    for (phase, undoes) in named {
        let whole = (&undoes["run"], &undoes["step"], &undoes["receipt"]);
        assert_eq!(whole, (&json!(run), &json!(0), receipt), "{phase}");
    }
}
