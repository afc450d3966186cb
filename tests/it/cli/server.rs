//! A whole server, started and ended as people do it, and asked through the verbs.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{greenroom, said};
use crate::postgres;

/// A running server on a data root; ended when dropped.
pub struct Server {
    child: Child,
    pub greeting: Value,
}

impl Server {
    /// Waits for its greeting: from then on it answers.
    pub fn start(data_root: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_greenroom"))
            .args(["serve", "--json"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("DATA_ROOT", data_root)
            .env("PORT", "0")
            .env("GREENROOM_LOAD__ADAPT", "false")
            .stdout(Stdio::piped())
            // What it says there is in its log file too.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut text = String::new();
        for line in lines {
            text.push_str(&line.unwrap());
            if text.ends_with('}') {
                break;
            }
        }
        let greeting = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Self { child, greeting }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Its code, once it has ended.
    pub fn end(mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // In good order: nobody would sweep up the browsers of a data root that is gone.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// The answer of a verb that must succeed.
pub fn answer(data_root: &Path, args: &[&str]) -> Value {
    let args: Vec<_> = args.iter().copied().chain(["--json"]).collect();
    let (code, out, error) = said(&greenroom(data_root, &args));
    assert_eq!(code, 0, "{args:?}: {out}{error}");
    serde_json::from_str(&out).unwrap()
}

const NOTE: &str =
    r#"{"steps": [{"action": "write_file", "path": "note.txt", "content": "hello", "description": "a note"}]}"#;
const NOTE_PROOF: &str = r#"{"assertions": [{"file": "note.txt"}]}"#;

/// A persona and a goal that is done.
pub fn work(root: &Path) {
    answer(root, &["persona", "new", "Ada Lovelace", "--role", "worker"]);
    let goal = ["goal", "add", "ada-lovelace", "--kind", "io", "--title", "Keep a note", "--payload", NOTE];
    let goal = answer(root, &[&goal[..], &["--proof", NOTE_PROOF, "--wait"]].concat());
    assert_eq!(goal["state"], "done", "{goal:#}");
}

/// While a server runs, it is the one that tries a tool.
fn tries_are_on_record(root: &Path) {
    if crate::sandbox::is_left_out_here() {
        return;
    }
    answer(root, &["tool", "new", "word_count"]);
    let tried =
        answer(root, &["tool", "test", "word_count", "--persona", "ada-lovelace", "--args", r#"{"text": "a b"}"#]);
    assert_eq!((&tried["ok"], &tried["value"]["words"]), (&json!(true), &json!(2)), "{tried}");
    let newest = answer(root, &["receipts", "list", "--persona", "ada-lovelace"])["items"][0].clone();
    assert_eq!(newest["body"]["summary"], "cli tried word_count: it answered", "{newest}");
    let wrong = greenroom(root, &["tool", "test", "word_count", "--args", r#"{"text": 7}"#]);
    assert!(said(&wrong).2.contains("`arguments.text` 7 is not of type"), "{wrong:?}");
}

/// Grants and agents of the persona that works.
fn tools_and_agents_by_verbs(root: &Path) {
    let granted = |listed: &Value, name: &str| {
        let tools = listed["items"].as_array().unwrap();
        tools.iter().find(|tool| tool["name"] == name).unwrap()["granted"].clone()
    };
    let listed = answer(root, &["tool", "grant", "ada-lovelace", "http_fetch"]);
    assert_eq!((granted(&listed, "http_fetch"), granted(&listed, "web_search")), (json!(true), json!(false)));
    let listed = answer(root, &["tool", "revoke", "ada-lovelace", "http_fetch", "--reset"]);
    assert_eq!(granted(&listed, "http_fetch"), json!(false));
    let (code, _, error) = said(&greenroom(root, &["tool", "grant", "ada-lovelace", "http_fetsh"]));
    assert_eq!(code, 1);
    assert!(error.contains("nearest: http_fetch"), "{error}");
    tries_are_on_record(root);
    let set = ["agent", "set", "ada-lovelace", "reader", "--instructions", "Look twice.", "--tool", "browser_navigate"];
    assert_eq!(answer(root, &set)["items"][0]["name"], "reader");
    let payload = r#"{"task": "Look.", "agent": "raeder"}"#;
    let goal = ["goal", "add", "ada-lovelace", "--kind", "agent", "--title", "Look", "--payload", payload];
    let (code, _, error) = said(&greenroom(root, &goal));
    assert_eq!(code, 1);
    assert!(error.contains("nearest: reader"), "{error}");
    assert_eq!(answer(root, &["agent", "remove", "ada-lovelace", "reader"])["items"], json!([]));
    let goals = answer(root, &["goal", "list"]);
    let id = goals["items"][0]["id"].as_str().unwrap();
    let (code, _, error) = said(&greenroom(root, &["goal", "answer", id, "Blue"]));
    assert_eq!(code, 1);
    assert!(error.contains("has not asked anything"), "{error}");
}

/// Examples, and a profile fitted to them.
fn learns_by_verbs(root: &Path) {
    answer(root, &["persona", "new", "Bo"]);
    let said = |n: u32| format!("It's {n}, don't worry. Always yours in arithmetic.");
    let pairs: Vec<_> = (0..4).map(|n| json!({"said": format!("And {n}?"), "answer": said(n)})).collect();
    let pairs = serde_json::to_string(&pairs).unwrap();
    let learned =
        answer(root, &["persona", "learn", "bo", "--examples", &pairs, "--said", "And 0?", "--answer", &said(0)]);
    assert_eq!([&learned["learned"], &learned["known"]], [&json!(4), &json!(1)], "{learned:#}");
    let tried = answer(root, &["persona", "train", "bo", "--dry-run"]);
    let (code, table, _) = crate::cli::said(&greenroom(root, &["persona", "train", "bo", "--again", "length"]));
    assert_eq!(code, 0);
    assert!(table.contains("Always yours in arithmetic") && table.contains("drift of the examples"), "{table}");
    let shown = answer(root, &["persona", "show", "bo"]);
    assert_eq!(shown["profile"], tried["profile"]);
    let (code, _, error) = crate::cli::said(&greenroom(root, &["persona", "train", "bo", "--again", "tine"]));
    assert_eq!(code, 1);
    assert!(error.contains("tine"), "{error}");
}

/// What may be spent, of whom.
fn budgets_are_set_by_verbs(root: &Path) {
    let set = ["budget", "set", "--persona", "ada-lovelace", "--limit", "day:usd=1.50,1", "--limit", "month:tokens=9"];
    let set = answer(root, &set);
    assert_eq!(
        set["periods"][0]["limits"]["micro_usd"],
        json!({"hard": 1_500_000, "soft": 1_000_000, "left": 1_500_000})
    );
    let other = ["budget", "set", "--persona", "ada-lovelace", "--limit", "month:tokens=none"];
    let kept = answer(root, &other)["periods"].clone();
    assert_eq!((&kept[0]["limits"]["micro_usd"]["soft"], &kept[1]["limits"]), (&json!(1_000_000), &json!({})));
    assert_eq!(answer(root, &["budget", "show"])["scope"], "company");
    let (code, table, _) = said(&greenroom(root, &["budget", "show", "--persona", "ada-lovelace"]));
    assert_eq!(code, 0);
    assert!(table.lines().any(|line| line.starts_with("day") && line.contains("$1.50")), "{table}");
    for (limit, expected) in [("day:usd=0.5,1", "limits.day.micro_usd.soft"), ("year:usd=1", "limits.year")] {
        let (code, _, error) = said(&greenroom(root, &["budget", "set", "--limit", limit]));
        assert_eq!(code, 1);
        assert!(error.contains(expected), "{error}");
    }
    let (code, _, error) = said(&greenroom(root, &["budget", "set", "--limit", "day:usd=cheap"]));
    assert_eq!(code, 2, "{error}");
    let (code, _, error) = said(&greenroom(root, &["budget", "show", "--user", "nobody"]));
    assert_eq!(code, 1);
    assert!(error.contains("nobody"), "{error}");
}

/// Hours, quotas, plan and templates of the persona that works.
fn days_are_set_by_verbs(root: &Path) {
    let hours = ["--zone", "Asia/Tokyo", "--wakes", "09:00", "--sleeps", "17:30"];
    let hours = answer(root, &[&["persona", "hours", "ada-lovelace"], &hours[..]].concat());
    assert_eq!(hours["hours"], json!({"zone": "Asia/Tokyo", "wakes": "09:00", "sleeps": "17:30"}));
    let quotas = ["persona", "quotas", "ada-lovelace", "--set", "post=1..3"];
    let quotas = answer(root, &quotas)["quotas"].clone();
    assert_eq!((&quotas[0]["floor"], &quotas[0]["ceiling"], &quotas[0]["own"]), (&json!(1), &json!(3), &json!(true)));
    let (code, _, error) = said(&greenroom(root, &["persona", "quotas", "ada-lovelace", "--set", "post=4..3"]));
    assert_eq!(code, 1);
    assert!(error.contains("quotas.post.floor"), "{error}");
    let work = r#"[{"template": "social.post", "params": {"platform": "rehearsal", "asset": "Hello."}}]"#;
    let plan = answer(root, &["persona", "plan", "ada-lovelace", "--work", work]);
    assert_eq!((&plan["on"], &plan["work"][0]["template"]), (&json!(false), &json!("social.post")));
    assert_eq!(answer(root, &["goal", "templates"])["items"][0]["name"], "worker.submit_proposal");
    let digest = ["goal", "new", "ada-lovelace", "--template", "report.daily_digest", "--param", "file=today.md"];
    let digest = answer(root, &[&digest[..], &["--wait"]].concat());
    assert_eq!((&digest["state"], &digest["payload"]["file"]), (&json!("done"), &json!("today.md")), "{digest:#}");
    let (code, _, error) = said(&greenroom(root, &["goal", "new", "ada-lovelace", "--template", "social.post"]));
    assert_eq!(code, 1);
    assert!(error.contains("params.platform"), "{error}");
}

/// A persona from a preset, and what it lacks.
fn personalities(root: &Path) {
    let jarvis = answer(root, &["persona", "new", "--preset", "jarvis", "--slug", "butler"]);
    assert_eq!(
        (&jarvis["name"], &jarvis["profile"]["response_style"]["verbosity"]),
        (&json!("Jarvis"), &json!("concise"))
    );
    let shown = answer(root, &["persona", "show", "butler"]);
    assert_eq!(shown["readiness"]["missing"][0]["what"], "host", "{shown:#}");
    let (_, out, _) = said(&greenroom(root, &["persona", "show", "butler"]));
    assert!(out.contains("missing      it may reach no host but the practice site"), "{out}");
    let (code, _, error) = said(&greenroom(root, &["persona", "new", "--preset", "hal"]));
    assert_eq!(code, 1);
    assert!(error.contains("jarvis, buddy, devbot"), "{error}");
    assert_eq!(said(&greenroom(root, &["persona", "new"])).0, 2, "a name or a preset is needed");
}

/// One persona stands in wait for another, and no longer.
fn waits(root: &Path) {
    answer(root, &["persona", "new", "Helper"]);
    let add = ["wait", "add", "ada-lovelace", "--watched", "helper"];
    let (code, _, error) = said(&greenroom(root, &add));
    assert_eq!(code, 2, "a condition is needed: {error}");
    let wait = answer(root, &[&add[..], &["--kind", "done", "--tag", "code"]].concat());
    let listed = answer(root, &["wait", "list", "ada-lovelace"]);
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["tag"]), (&wait["id"], &json!("code")));
    answer(root, &["wait", "remove", wait["id"].as_str().unwrap()]);
    assert_eq!(answer(root, &["wait", "list", "ada-lovelace"])["items"], json!([]));
}

#[test]
fn the_verbs_reach_the_server_and_the_record_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let server = Server::start(root);
    assert!(server.greeting["login"].as_str().unwrap().contains("/login?token="), "the first start brings a link");
    assert!(server.greeting["status_token"].is_string(), "made, because none was set");
    work(root);

    let persona = answer(root, &["persona", "show", "ada-lovelace"]);
    assert_eq!((&persona["name"], &persona["role"]), (&json!("Ada Lovelace"), &json!("worker")));
    tools_and_agents_by_verbs(root);
    learns_by_verbs(root);
    budgets_are_set_by_verbs(root);
    personalities(root);
    days_are_set_by_verbs(root);
    assert_eq!(answer(root, &["persona", "pause", "ada-lovelace"])["status"], "paused");
    assert_eq!(answer(root, &["persona", "resume", "ada-lovelace"])["status"], "active");
    assert_eq!(answer(root, &["message", "list", "ada-lovelace", "--dead"])["items"], json!([]));
    waits(root);
    assert_eq!(answer(root, &["goal", "list", "--state", "done"])["items"].as_array().unwrap().len(), 2);
    assert!(answer(root, &["login"])["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let receipts = answer(root, &["receipts", "list", "--persona", "ada-lovelace"]);
    assert!(receipts["items"].as_array().unwrap().len() >= 4, "{receipts:#}");
    let findings = answer(root, &["doctor"]);
    for (what, found) in [("port", "a server runs"), ("own tools", "1")] {
        let finding = findings.as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap();
        assert!(finding["found"].as_str().unwrap().starts_with(found), "{findings:#}");
    }

    let verified = answer(root, &["receipts", "verify"]);
    assert_eq!((&verified["ok"], &verified["artifacts"]), (&json!(true), &json!(2)), "beside the running server");
    let (code, _, error) = said(&greenroom(root, &["persona", "show", "nobody"]));
    assert_eq!(
        (code, error.trim_end()),
        (1, "greenroom: There is no persona `nobody`. Check the name, or list what there is")
    );
    let (code, _, error) =
        said(&greenroom(root, &["goal", "add", "ada-lovelace", "--kind", "ai", "--title", "x", "--payload", "{}"]));
    assert_eq!(code, 1);
    assert!(error.contains("payload") && error.contains("prompt"), "{error}");

    let first = answer(root, &["goal", "list"])["items"][0]["id"].clone();
    let then = ["goal", "add", "ada-lovelace", "--kind", "io", "--title", "Keep another", "--payload", NOTE];
    let waits = ["--waits-for", first.as_str().unwrap(), "--if-failed", "release", "--wait"];
    let then = answer(root, &[&then[..], &waits[..]].concat());
    assert_eq!((&then["state"], &then["waits_for"]), (&json!("done"), &json!([first])), "{then:#}");
    assert_eq!(then["if_failed"], "release");
}

/// The newest things said in a room, once so many are there and nothing is open.
fn talk(root: &Path, room: &str, many: usize) -> Vec<Value> {
    let open = |said: &Value| {
        let turns = said["turns"].as_array().unwrap().iter();
        turns.filter(|turn| ["asked", "meant", "granted"].contains(&turn["state"].as_str().unwrap())).count()
    };
    let began = tokio::time::Instant::now();
    loop {
        let said = answer(root, &["room", "show", room, "--limit", "50"])["talk"].as_array().unwrap().clone();
        if said.len() >= many && said.iter().map(open).sum::<usize>() == 0 {
            return said;
        }
        assert!(began.elapsed().as_secs() < 60, "{said:#?}");
    }
}

/// Killed with `kill -9` while fourteen are asked, again and again: every question has its answers, each once.
#[test]
fn a_room_survives_kills_and_answers_once() {
    let root = tempfile::tempdir().unwrap();
    let mut server = Server::start(root.path());
    let mut create = vec!["room".to_owned(), "create".to_owned(), "Hall".to_owned()];
    for number in 0..14 {
        answer(root.path(), &["persona", "new", &format!("P{number}")]);
        create.extend(["--persona".to_owned(), format!("p{number}")]);
    }
    let create: Vec<&str> = create.iter().map(String::as_str).collect();
    assert_eq!(answer(root.path(), &create)["members"].as_array().unwrap().len(), 14);
    assert_eq!(answer(root.path(), &["room", "list"])["items"][0]["name"], "Hall");
    for round in 0..4 {
        let key = format!("question-{round}");
        let text = format!("@P{round}, what is question {round} about?");
        let said = answer(root.path(), &["room", "say", "Hall", &text, "--key", &key]);
        assert_eq!((&said["heard_by"], &said["repeated"]), (&json!(14), &json!(false)));
        // Whatever it is at: asking, granting, answering.
        server.end(Signal::KILL);
        server = Server::start(root.path());
        let again = answer(root.path(), &["room", "say", "Hall", &text, "--key", &key]);
        assert_eq!((&again["repeated"], &again["message"]["id"]), (&json!(true), &said["message"]["id"]));
        talk(root.path(), "Hall", 3 * (round + 1));
    }
    let (_, out, _) = said(&greenroom(root.path(), &["room", "say", "Hall", "Again", "--key", "question-0"]));
    assert!(out.starts_with("said before"), "{out}");
    let talk = talk(root.path(), "Hall", 12);
    let questions: Vec<_> = talk.iter().filter(|said| said["author"]["kind"] == "person").collect();
    assert_eq!(questions.len(), 4);
    for question in questions {
        let answers: Vec<_> = talk.iter().filter(|said| said["reply_to"] == question["id"]).collect();
        assert_eq!(answers.len(), 2, "{answers:#?}");
        assert!(answers.iter().all(|one| one["receipt"].is_string() && one["run"].is_string()), "{answers:#?}");
        let turns = question["turns"].as_array().unwrap();
        let named = turns.iter().find(|turn| turn["named"] == true).unwrap();
        assert_eq!(named["state"], "spoke", "{named:#}");
        let count = |state: &str| turns.iter().filter(|turn| turn["state"] == state).count();
        assert_eq!((turns.len(), count("spoke"), count("passed")), (14, 2, 12), "{turns:#?}");
    }
    for number in 0..50 {
        answer(root.path(), &["room", "create", &format!("Closet {number}"), "--persona", "p0"]);
    }
    assert_eq!(answer(root.path(), &["room", "list"])["items"].as_array().unwrap().len(), 51, "all of them");
    assert_eq!(answer(root.path(), &["room", "archive", "Hall"])["status"], "archived");
    let (code, _, error) = said(&greenroom(root.path(), &["room", "say", "Hall", "Hello"]));
    assert!(code == 1 && error.contains("archived"), "{error}");
    assert_eq!(server.end(Signal::TERM), Some(0));
    let (code, out, _) = said(&greenroom(root.path(), &["receipts", "verify", "--json"]));
    assert_eq!(code, 0, "{out}");
}

#[test]
fn one_server_per_data_root_and_per_port() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(root.path());
    let url = server.greeting["url"].as_str().unwrap();
    let (code, out, error) = said(&greenroom(root.path(), &["serve"]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains(url) && error.contains(&server.child.id().to_string()), "{error}");

    let port = url.rsplit(':').next().unwrap();
    fs::write(other.path().join("greenroom.toml"), format!("[server]\nport = {port}\n")).unwrap();
    let (code, _, error) = said(&greenroom(other.path(), &["serve"]));
    assert_eq!(code, 1);
    assert!(error.contains("is in use") && error.contains("PORT"), "{error}");
    let (code, out, _) = said(&greenroom(other.path(), &["doctor"]));
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("bad   port"), "{out}");
}

#[test]
fn it_ends_in_good_order_and_a_crash_keeps_it_from_nothing() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let server = Server::start(root);
    work(root);
    assert_eq!(server.end(Signal::TERM), Some(0));
    assert!(!root.join("server.json").exists(), "it takes its announcement with it");

    let server = Server::start(root);
    assert!(server.greeting["login"].is_null(), "there is an owner already");
    assert_eq!(server.end(Signal::KILL), None);
    assert!(root.join("server.json").exists(), "nobody could remove it");

    let server = Server::start(root);
    assert_eq!(answer(root, &["goal", "list"])["items"][0]["state"], "done");
    assert_eq!(server.end(Signal::INT), Some(0));
    let verified = answer(root, &["receipts", "verify"]);
    assert_eq!((&verified["ok"], &verified["unsigned"]), (&json!(true), &json!(0)), "the heads are signed at the end");
}

/// The seeded goal, and the plan that the dialog begins with, in a real browser on the practice site.
#[test]
fn the_first_goals_that_anybody_gives_are_done() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("greenroom.toml"), "[server]\nallow_seed = true\n").unwrap();
    let server = Server::start(root.path());
    answer(root.path(), &["persona", "new", "Ada"]);
    let seed = format!("{}/dev/seed/goal", server.greeting["url"].as_str().unwrap());
    let posted = async { reqwest::Client::new().post(seed).send().await.unwrap().status().as_u16() };
    assert_eq!(tokio::runtime::Runtime::new().unwrap().block_on(posted), 201);
    let dialog = include_str!("../../../src/web/pages/persona/goal_fields.html");
    let from = dialog.find("[\n  {\"action\": \"goto\"").unwrap();
    let steps = dialog[from..].split("</textarea>").next().unwrap();
    let payload = format!("{{\"steps\": {steps}}}");
    let goal = ["goal", "add", "ada", "--kind", "browser", "--title", "Look", "--payload", &payload, "--wait"];
    let goal = answer(root.path(), &goal);
    assert_eq!(goal["state"], "done", "{goal:#}");
    let all = answer(root.path(), &["goal", "list"])["items"].clone();
    let states: Vec<_> = all.as_array().unwrap().iter().map(|goal| goal["state"].clone()).collect();
    assert_eq!(states, ["done", "done"], "{all:#}");
}

/// The demo over a data root and a database of its own.
fn demo_once(data_root: &Path, database: &str) -> Value {
    let shown = Command::new(env!("CARGO_BIN_EXE_greenroom"))
        .args(["demo", "--once", "--json", "--data-root"])
        .arg(data_root)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATABASE_URL", database)
        .env("GREENROOM_LOAD__ADAPT", "false")
        .output()
        .unwrap();
    let (code, out, error) = said(&shown);
    assert_eq!(code, 0, "{out}{error}");
    serde_json::from_str(&out).unwrap()
}

fn does_its_work_and_proves_it(database: &str) {
    let root = tempfile::tempdir().unwrap();
    let data_root = root.path().join("demo");
    let shown = demo_once(&data_root, database);
    assert_eq!((&shown["ok"], &shown["verified"]["ok"]), (&json!(true), &json!(true)));
    assert_eq!(data_root.join("greenroom.db").exists(), database.is_empty(), "it lies where it was told to");
    let goals = shown["goals"].as_array().unwrap();
    assert_eq!(goals.len(), 4);
    assert!(goals.iter().all(|goal| goal["earlier"] == false), "{shown:#}");
    assert!(goals.iter().all(|goal| goal["state"] == "done" && goal["receipts"].as_u64().unwrap() > 4), "{shown:#}");
    let proposal = goals.iter().find(|goal| goal["goal"].as_str().unwrap().starts_with("Submit")).unwrap();
    assert_eq!(proposal["proofs"], json!(["csv_row", "screenshot", "text", "2 expected", "read back"]));

    // Started again, it finds its work done and does none of it twice.
    let again = demo_once(&data_root, database);
    assert_eq!(again["ok"], true);
    let goals = again["goals"].as_array().unwrap();
    assert_eq!(goals.iter().filter(|goal| goal["earlier"] == true).count(), 4, "and it says so: {again:#}");
    let count = |shown: &Value| shown["verified"]["receipts"].as_u64().unwrap();
    assert!(count(&again) < count(&shown) + 6, "no second run: {again:#}");
}

#[test]
fn the_demo_does_its_work_proves_it_and_ends_on_sqlite() {
    does_its_work_and_proves_it("");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_does_its_work_proves_it_and_ends_on_postgres() {
    let database = postgres::database().await;
    tokio::task::spawn_blocking(move || does_its_work_and_proves_it(&database)).await.unwrap();
}
