//! An own tool with network, in a whole server: it reaches what its persona may reach, by the gate, and nothing beside it.

use std::{fs, net::TcpListener, path::Path};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    cli::server::{Server, answer},
    sandbox::is_left_out_here,
};

const ASKS: &str = r#"
import json, os, socket, sys, urllib.error, urllib.request

def by_proxy(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return type(error).__name__

def directly(host, port):
    try:
        socket.create_connection((host, port), 5).close()
        return "reached"
    except OSError as error:
        return type(error).__name__

asked = json.load(sys.stdin)
seen = {url: by_proxy(url) for url in asked["urls"]}
seen.update({f"{host}:{port}": directly(host, port) for host, port in asked["places"]})
seen["devices"] = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
if asked["fails"]:
    sys.exit(3)
with open("seen.json", "w") as file:
    json.dump(seen, file)
json.dump(seen, sys.stdout)
"#;

/// A data root whose tool asks; what fails is not tried again.
fn with_the_tool() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("greenroom.toml"), "company.retry_after = []\n").unwrap();
    let folder = root.path().join("tools/asks");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("asks.py"), ASKS).unwrap();
    let manifest = "name = \"asks\"\ndescription = \"Asks.\"\ncommand = [\"python3\", \"./asks.py\"]\neffect = \"idempotent\"\n\
                    timeout = \"1m\"\nnetwork = true\n[parameters]\ntype = \"object\"\n";
    fs::write(folder.join("tool.toml"), manifest).unwrap();
    root
}

/// The goal when it is over.
fn play(root: &Path, args: &Value) -> Value {
    let steps =
        json!({"steps": [{"action": "tool", "name": "asks", "effect": "idempotent", "args": args}]}).to_string();
    let goal = ["goal", "add", "ada", "--kind", "io", "--title", "Ask", "--payload", &steps];
    let goal = [&goal[..], &["--proof", r#"{"artifacts": ["file"]}"#, "--wait", "--json"]].concat();
    let (_, out, error) = crate::cli::said(&crate::cli::greenroom(root, &goal));
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"))
}

/// What the outcome's receipt says of the network.
fn network(root: &Path, goal: &Value) -> Value {
    let receipts = answer(root, &["receipts", "list", "--limit", "100"]);
    let of = |receipt: &&Value| receipt["goal"] == goal["id"] && !receipt["body"]["data"]["network"].is_null();
    receipts["items"].as_array().unwrap().iter().find(of).map(|one| one["body"]["data"]["network"].clone()).unwrap()
}

#[test]
fn a_tool_with_network_reaches_its_personas_hosts_and_nothing_else() {
    if is_left_out_here() {
        return;
    }
    let root = with_the_tool();
    let root = root.path();
    // A service of this machine, which personas never reach.
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = own.local_addr().unwrap().port();
    let server = Server::start(root);
    let ada = answer(root, &["persona", "new", "Ada"]);

    let local = format!("http://127.0.0.1:{port}/");
    let urls = ["http://rehearsal.localhost/", "http://elsewhere.test/", "https://elsewhere.test/", &local];
    let places = json!([["127.0.0.1", port], ["192.0.2.1", 80], ["elsewhere.test", 80]]);
    let done = play(root, &json!({"urls": urls, "places": places, "fails": false}));
    assert_eq!(done["state"], "done", "{done:#}");
    let file = root.join("personas").join(ada["id"].as_str().unwrap()).join("files/seen.json");
    let seen: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let expected = json!({
        "http://rehearsal.localhost/": 200,
        "http://elsewhere.test/": 403,
        "https://elsewhere.test/": "URLError",
        (local.clone()): 403,
        (format!("127.0.0.1:{port}")): "ConnectionRefusedError",
        "192.0.2.1:80": "OSError",
        "elsewhere.test:80": "gaierror",
        "devices": ["lo"],
    });
    assert_eq!(seen, expected);
    let refused = [
        format!("host 127.0.0.1:{port} is not on the host list"),
        "host elsewhere.test:443 is not on the host list".to_owned(),
        "host elsewhere.test:80 is not on the host list".to_owned(),
    ];
    assert_eq!(network(root, &done), json!({"reached": ["rehearsal.localhost:80"], "refused": refused}));

    // Nothing got through, and nothing was written: it never happened, and why is said.
    let failed = play(root, &json!({"urls": ["http://elsewhere.test/"], "places": [], "fails": true}));
    assert_eq!(failed["state"], "failed", "{failed:#}");
    let error = failed["last_error"].to_string();
    assert!(
        error.contains("host elsewhere.test:80 is not on the host list; add `elsewhere.test` to the persona's hosts"),
        "{error}"
    );
    // Something got through before it failed: nobody knows what it did there.
    let unsure = play(root, &json!({"urls": ["http://rehearsal.localhost/"], "places": [], "fails": true}));
    assert_eq!(unsure["state"], "parked", "{unsure:#}");
    assert_eq!(server.end(Signal::TERM), Some(0));
}

#[test]
fn what_a_hosts_policy_does_not_allow_a_tool_it_does_not_do_there_from_its_next_request_on() {
    if is_left_out_here() {
        return;
    }
    let root = with_the_tool();
    let root = root.path();
    let server = Server::start(root);
    answer(root, &["persona", "new", "Ada"]);
    let done = play(root, &json!({"urls": ["http://rehearsal.localhost/"], "places": [], "fails": false}));
    assert_eq!(done["state"], "done", "{done:#}");
    let asks = json!({"urls": ["http://rehearsal.localhost/"], "places": [], "fails": true});
    let error = |goal: &Value| goal["last_error"].to_string();
    answer(root, &["host", "set", "rehearsal.localhost", "--action", "browser_navigate"]);
    let forbidden = play(root, &asks);
    let why = "the policy of host rehearsal.localhost does not allow this tool there; an operator may say otherwise";
    assert!(forbidden["state"] == "failed" && error(&forbidden).contains(why), "{forbidden:#}");
    assert_eq!(server.end(Signal::TERM), Some(0));
}

/// What the receipts of tries say, oldest first: phase and network.
fn tried(root: &Path) -> Vec<(String, Value)> {
    let receipts = answer(root, &["receipts", "list", "--persona", "ada", "--limit", "100"]);
    let of_tries =
        receipts["items"].as_array().unwrap().iter().rev().filter(|one| one["body"]["data"]["tried_by"].is_string());
    of_tries.map(|one| (one["phase"].as_str().unwrap().to_owned(), one["body"]["data"]["network"].clone())).collect()
}

/// The answer of a try, and the code of the verb.
fn test(root: &Path, args: &Value, persona: Option<&str>) -> (i32, Value) {
    let args = args.to_string();
    let words = ["tool", "test", "asks", "--json", "--args", &args];
    let (code, out, error) = crate::cli::said(&crate::cli::greenroom(
        root,
        &[&words[..], persona.map_or(&[][..], |_| &["--persona"]), persona.as_slice()].concat(),
    ));
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}")))
}

#[test]
fn a_try_for_a_persona_reaches_what_its_runs_reach_and_one_for_nobody_reaches_nothing() {
    if is_left_out_here() {
        return;
    }
    let root = with_the_tool();
    let root = root.path();
    let asks = |fails| json!({"urls": ["http://rehearsal.localhost/", "http://elsewhere.test/"], "places": [], "fails": fails});
    let unreached =
        json!({"http://rehearsal.localhost/": "URLError", "http://elsewhere.test/": "URLError", "devices": ["lo"]});
    let (code, offline) = test(root, &asks(false), None);
    assert_eq!((code, &offline["value"]), (0, &unreached), "{offline:#}");
    let why = "no server runs here; start one, and name a persona whose hosts it may reach";
    assert_eq!(offline["no_network"], why);

    let server = Server::start(root);
    answer(root, &["persona", "new", "Ada"]);
    let (code, nobodys) = test(root, &asks(false), None);
    assert_eq!((code, &nobodys["value"], &nobodys["reached"]), (0, &unreached, &json!([])), "{nobodys:#}");
    assert_eq!(nobodys["no_network"], "it was tried for nobody; name a persona whose hosts it may reach");

    let (code, hers) = test(root, &asks(false), Some("ada"));
    let seen = json!({"http://rehearsal.localhost/": 200, "http://elsewhere.test/": 403, "devices": ["lo"]});
    assert_eq!((code, &hers["value"], &hers["no_network"]), (0, &seen, &Value::Null), "{hers:#}");
    let (reached, refused) =
        (json!(["rehearsal.localhost:80"]), json!(["host elsewhere.test:80 is not on the host list"]));
    assert_eq!((&hers["reached"], &hers["refused"]), (&reached, &refused));
    let network = json!({"reached": reached, "refused": refused});
    let expected = [("intent".to_owned(), Value::Null), ("outcome".to_owned(), network.clone())];
    assert_eq!(tried(root), expected);

    // Something got through before it failed: nobody knows what it did there, in a try either.
    let (code, unsure) = test(root, &asks(true), Some("ada"));
    let error = unsure["error"].as_str().unwrap();
    assert!(code == 1 && error.contains("code 3; host elsewhere.test:80 is not on the host list; add"), "{unsure:#}");
    assert_eq!(tried(root).last(), Some(&("unknown".to_owned(), network)));
    assert_eq!(server.end(Signal::TERM), Some(0));
}

#[test]
fn a_hosts_policy_and_pace_hold_in_a_try() {
    if is_left_out_here() {
        return;
    }
    let root = with_the_tool();
    let root = root.path();
    let server = Server::start(root);
    answer(root, &["persona", "new", "Ada"]);
    let asks = json!({"urls": ["http://rehearsal.localhost/", "http://rehearsal.localhost/jobs"], "places": [], "fails": false});
    answer(root, &["host", "set", "rehearsal.localhost", "--acts-per-second", "0.001"]);
    let (_, paced) = test(root, &asks, Some("ada"));
    assert_eq!(paced["reached"], json!(["rehearsal.localhost:80"]), "{paced:#}");
    assert_eq!(paced["refused"], json!(["the policy of host rehearsal.localhost does not allow it as often"]));
    answer(root, &["host", "set", "rehearsal.localhost", "--acts-per-second", "none", "--action", "browser_navigate"]);
    let (_, forbidden) = test(root, &asks, Some("ada"));
    assert_eq!(forbidden["reached"], json!([]), "{forbidden:#}");
    assert_eq!(forbidden["refused"], json!(["the policy of host rehearsal.localhost does not allow this tool there"]));

    let manifest = root.join("tools/asks/tool.toml");
    let outreach = fs::read_to_string(&manifest).unwrap().replace("network = true", "network = true\noutreach = true");
    let names = ["host", "to", "text"].map(|name| format!("properties.{name} = {{ type = \"string\" }}\n"));
    fs::write(manifest, outreach + &names.concat()).unwrap();
    let (_, written) = test(root, &asks, Some("ada"));
    assert_eq!(written["no_network"], "it writes to strangers, which only a goal may have it do; give a persona one");
    assert_eq!(written["reached"], json!([]), "{written:#}");
    assert_eq!(server.end(Signal::TERM), Some(0));
}
