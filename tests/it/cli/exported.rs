//! A record that was exported, and the key that signs one.

use std::{fs, path::Path};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    greenroom, said,
    server::{Server, answer, work},
};

#[test]
fn an_exported_record_verifies_anywhere_and_shows_what_was_done_to_it() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path());
    work(root.path());
    server.end(Signal::TERM);
    let bundle = root.path().join("bundle");
    let to = bundle.to_str().unwrap();
    assert!(answer(root.path(), &["receipts", "export", "--to", to])["receipts"].as_u64().unwrap() > 4);
    let (code, _, error) = said(&greenroom(root.path(), &["receipts", "export", "--to", to]));
    assert_eq!(code, 1);
    assert!(error.contains("exists already"), "{error}");

    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(answer(elsewhere.path(), &["receipts", "verify", to])["ok"], true);
    let file = bundle.join("receipts.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = whole.lines().collect();
    let head: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    let head = head["hash"].as_str().unwrap();
    assert_eq!(answer(elsewhere.path(), &["receipts", "verify", to, "--head", head])["ok"], true);

    let faulty = |text: String, fault: &str| {
        fs::write(&file, text).unwrap();
        let (code, out, error) = said(&greenroom(elsewhere.path(), &["receipts", "verify", to]));
        assert_eq!(code, 1, "{fault}: {out}{error}");
        assert!(out.contains(fault), "{fault} in {out}");
    };
    faulty(whole.replace("Keep a note", "Keep a vote"), "its body or its salt was edited");
    faulty(whole.replacen("at_ms\\\":1", "at_ms\\\":2", 1), "its header or its hash was edited");
    faulty(lines[1..].join("\n"), "removed");
    faulty(lines[..lines.len() - 1].join("\n"), "truncated");
    fs::write(&file, &whole).unwrap();
    let artifact = find(&bundle.join("artifacts"));
    fs::write(&artifact, "forged").unwrap();
    faulty(whole.clone(), "is edited");
    fs::remove_file(&artifact).unwrap();
    faulty(whole, "is gone");
    of_one_persona(elsewhere.path(), to, &fs::read_to_string(&file).unwrap());
    let unknown = "ab".repeat(32);
    let (code, out, _) = said(&greenroom(elsewhere.path(), &["receipts", "verify", to, "--head", &unknown]));
    assert_eq!(code, 1);
    assert!(out.contains("no receipt has the hash"), "{out}");
}

/// A record may be asked about one persona, and does not say that nothing is wrong with one it does not hold.
fn of_one_persona(elsewhere: &Path, bundle: &str, whole: &str) {
    let verify = ["receipts", "verify", bundle, "--persona"];
    let (code, _, error) = said(&greenroom(elsewhere, &[&verify[..], &["nobody"]].concat()));
    assert_eq!(code, 1);
    assert!(error.contains("holds no persona `nobody`, but: ada-lovelace"), "{error}");
    let (_, out, _) = said(&greenroom(elsewhere, &[&verify[..], &["ada-lovelace", "--json"]].concat()));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["chains"], &report["faults"]), (&json!(1), &json!([])), "{out}");

    // Deleted whole, with all that was signed of it.
    let personas = fs::read_to_string(Path::new(bundle).join("personas.json")).unwrap();
    let personas: Value = serde_json::from_str(&personas).unwrap();
    let id = personas[0]["id"].as_str().unwrap();
    let of_chain = format!("\"chain\":\"{id}\",\"seq\"");
    let without = |text: &str| text.lines().filter(|line| !line.contains(&of_chain)).collect::<Vec<_>>().join("\n");
    let heads = Path::new(bundle).join("checkpoints.jsonl");
    let signed = fs::read_to_string(&heads).unwrap();
    fs::write(&heads, without(&signed)).unwrap();
    fs::write(Path::new(bundle).join("receipts.jsonl"), without(whole)).unwrap();
    for args in [&["receipts", "verify", bundle][..], &[&verify[..], &["ada-lovelace"]].concat()] {
        let (code, out, error) = said(&greenroom(elsewhere, args));
        assert_eq!(code, 1, "{out}{error}");
        assert!(out.contains("gone, with the whole chain"), "{out}");
    }
    fs::write(&heads, signed).unwrap();
    fs::write(Path::new(bundle).join("receipts.jsonl"), whole).unwrap();
}

#[test]
fn a_key_that_signed_is_not_replaced_in_silence() {
    let root = tempfile::tempdir().unwrap();
    Server::start(root.path()).end(Signal::TERM);
    let key = root.path().join("keys/evidence.key");
    fs::remove_file(&key).unwrap();
    let (code, _, error) = said(&greenroom(root.path(), &["serve"]));
    assert_eq!(code, 1);
    assert!(error.contains("evidence.key") && error.contains("restore it from a backup"), "{error}");
    assert!(!key.exists(), "none was made");
    let (code, out, _) = said(&greenroom(root.path(), &["doctor"]));
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("evidence.key that signed them is gone"), "{out}");
    fs::write(&key, "ab".repeat(32)).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let _server = Server::start(root.path());
    let receipts = answer(root.path(), &["receipts", "list"]);
    let told = receipts["items"].as_array().unwrap().iter();
    let told = told.filter(|one| one["body"]["summary"] == "heads are signed with another evidence key from now on");
    assert_eq!(told.count(), 1, "{receipts:#}");
    assert_eq!(answer(root.path(), &["receipts", "verify"])["ok"], true);
}

#[tokio::test]
async fn words_of_a_key_that_keeps_them_are_exported_and_verified() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path());
    // The understudy answers for a persona alone.
    answer(root.path(), &["persona", "new", "Ada"]);
    let made = answer(root.path(), &["key", "new", "ci", "--persona", "ada", "--keep-words"]);
    let (code, table, _) = said(&greenroom(root.path(), &["key", "list"]));
    assert!(code == 0 && table.contains("kept"), "{table}");
    let body = r#"{"model": "understudy",  "messages": [{"role": "user", "content": "Good morning!"}]}"#;
    let asked = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = asked.post(format!("{}/v1/chat/completions", server.greeting["url"].as_str().unwrap()));
    let said_to_it = asked.bearer_auth(made["key"].as_str().unwrap()).body(body).send().await.unwrap();
    assert_eq!(said_to_it.status(), 200);
    let said_to_it: Value = said_to_it.json().await.unwrap();
    server.end(Signal::TERM);
    let bundle = root.path().join("bundle");
    let to = bundle.to_str().unwrap();
    answer(root.path(), &["receipts", "export", "--to", to]);
    let verified = || said(&greenroom(root.path(), &["receipts", "verify", to]));
    assert_eq!(verified().0, 0);
    for words in [body, said_to_it["choices"][0]["message"]["content"].as_str().unwrap()] {
        let hash = actors::evidence::canonical::sha256(words.as_bytes()).to_string();
        let file = bundle.join("artifacts").join(&hash[..2]).join(&hash);
        assert_eq!(fs::read_to_string(&file).unwrap(), words);
        fs::write(&file, "forged").unwrap();
        let (code, out, _) = verified();
        assert!(code == 1 && out.contains("is edited"), "{out}");
        fs::write(&file, words).unwrap();
    }
}

/// The first file below a folder.
fn find(folder: &Path) -> std::path::PathBuf {
    let path = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    if path.is_dir() { find(&path) } else { path }
}
