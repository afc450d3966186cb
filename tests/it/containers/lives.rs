//! How containers come and go: on demand, with their server, at rest, by somebody else's hand, and never by silent
//! replacement.

use std::{fs, path::Path, time::Duration};

use greenroom::{
    config::Isolation,
    tools::{
        containers::{NoContainer, State},
        isolation::{Isolations, Runner as _},
        registry,
        sandbox::{End, Job, NoSandbox},
    },
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Begun, LONG, Place, engine::IMAGE, said, sh};
use crate::{
    cli::server::{Server, answer},
    sandbox::{ends_soon, processes_with},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_started_when_needed_and_stopped_when_nobody_uses_it() {
    let Some(place) = Place::with(|config| config.tools.container.stop_after = Duration::from_millis(1)) else {
        return;
    };
    let before = place.containers.view(&place.home()).await;
    assert_eq!((before.state, before.since_ms, before.problem.as_deref()), (State::NotStarted, None, None));
    assert_eq!(said(&place.sh("echo fine").await), "fine\n");
    let id = place.there();
    for id in &id {
        place.engine.removed(id).await;
    }
    let ran = place.sh("echo again").await;
    assert_eq!(said(&ran), "again\n");
    let within = ran.container.unwrap();
    assert!(!id.iter().any(|old| old.starts_with(&within.id)), "another container");
    place.containers.close().await;
    let after = place.containers.view(&place.home()).await;
    assert_eq!(
        (after.state, after.last_call.map(|call| (call.tool, call.ended))),
        (State::Stopped, Some(("tried".to_owned(), "exit 0".to_owned())))
    );
    assert!(after.why == Some("the server ended") || after.why == Some("idle"), "{:?}", after.why);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_used_stays_and_is_shown() {
    let Some(place) = Place::new() else { return };
    let first = place.sh("echo 1").await.container.unwrap().id;
    assert_eq!(place.sh("echo 2; exit 3").await.container.unwrap().id, first);
    let seen = place.containers.view(&place.home()).await;
    assert_eq!(
        (seen.state, seen.id.as_deref(), seen.image.as_str(), seen.runtime.as_deref()),
        (State::Running, Some(first.as_str()), IMAGE, Some("runc"))
    );
    assert!(seen.memory_bytes.is_some_and(|bytes| bytes > 0), "{seen:?}");
    assert_eq!(seen.last_call.unwrap().ended, "exit 3");

    let seen = place.containers.restart(&place.home()).await.unwrap();
    assert!(seen.state == State::Running && seen.id.is_some_and(|id| id != first));
    assert_eq!(said(&place.sh("echo fine").await), "fine\n");
    place.containers.close().await;
    for id in place.there() {
        place.engine.removed(&id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_container_is_killed_is_lost_and_says_so() {
    let Some(place) = Place::new() else { return };
    let begun = Begun::lay(&place.workspace());
    let (command, workspace) = (sh("echo $$ > begun; exec sleep 5747"), place.workspace());
    let job = Job { may_write: true, limit: LONG, workspace: Some(&workspace), ..Job::new(&command) };
    let ada = place.ada();
    ada.ready(&job).await.unwrap();
    let stop = CancellationToken::new();
    let killed = async {
        begun.comes().await;
        let there = place.there();
        place.engine.docker(&["kill", &there[0]]);
    };
    let (ran, ()) = tokio::join!(ada.run(&job, &stop), killed);
    assert_eq!(ran.unwrap().end, End::Lost);
    assert_eq!(said(&place.sh("echo fine").await), "fine\n");
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_gone_between_two_calls_is_made_anew() {
    let Some(place) = Place::new() else { return };
    let first = place.sh("echo 1").await.container.unwrap().id;
    place.engine.docker(&["kill", &first]);
    let ran = place.sh("echo 2").await;
    assert_eq!(said(&ran), "2\n");
    assert_ne!(ran.container.unwrap().id, first);
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_nothing_else_stands_in_for_it() {
    let Some(place) = Place::with(|config| config.tools.container.image = "no-such-image".into()) else { return };
    let (command, workspace) = (sh("echo fine"), place.workspace());
    let job = Job { may_write: true, workspace: Some(&workspace), ..Job::new(&command) };
    let error = place.ada().run(&job, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), NoContainer::NoImage("no-such-image".into()).to_string());
    assert!(error.to_string().contains("docker pull no-such-image"), "{error}");
    assert_eq!(place.containers.check().await.unwrap_err(), NoContainer::NoImage("no-such-image".into()));
    assert!(place.containers.view(&place.home()).await.problem.unwrap().contains("no-such-image"));

    let mut config = place.config.clone();
    config.tools.isolation = Isolation::Container;
    config.tools.container.runtime = "nothing".into();
    let world = std::sync::Arc::new(actors::testing::TestWorld::new(4));
    let isolations = Isolations::new(&config, world.clone());
    put(place.root.path(), "echo 1");
    let tried = registry::own_tools(place.root.path(), None).named("tried").unwrap().manifest.clone();
    let runner = isolations.of(&tried, place.home()).await.unwrap();
    let error = runner.run(&job, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, NoSandbox::Container(NoContainer::NoRuntime(_))), "{error}");

    config.tools.container.socket = place.root.path().join("nobody.sock");
    let error = Isolations::new(&config, world.clone()).containers.check().await.unwrap_err();
    assert!(error.to_string().contains("apt-get install docker.io"), "{error}");
    drop(std::os::unix::net::UnixListener::bind(&config.tools.container.socket).unwrap());
    let error = Isolations::new(&config, world).containers.check().await.unwrap_err();
    assert!(matches!(error, NoContainer::Silent(_)), "{error}");
}

/// A data root of a server of its own, whose tools run in containers of this image.
fn settle(place: &Place, image: &str) {
    let settings = format!(
        "company.retry_after = []\n[tools]\nisolation = \"container\"\n[tools.container]\nsocket = \"{}\"\nimage = \"{image}\"\n",
        place.engine.socket.display()
    );
    fs::write(place.root.path().join("greenroom.toml"), settings).unwrap();
    // A server has keys of its own, and keeps them.
    if !place.root.path().join("greenroom.db").exists() {
        let _ = fs::remove_dir_all(place.root.path().join("keys"));
    }
}

/// A tool for everyone.
fn put(root: &Path, script: &str) {
    let folder = root.join("tools/tried");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tool.sh"), script).unwrap();
    let manifest = "name = \"tried\"\ndescription = \"Tried.\"\ncommand = [\"sh\", \"./tool.sh\"]\neffect = \"idempotent\"\n\
                    timeout = \"2m\"\n[parameters]\ntype = \"object\"\n";
    fs::write(folder.join("tool.toml"), manifest).unwrap();
}

/// A goal that calls the tool and needs the file that it leaves.
fn goal<'a>(steps: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let goal = ["goal", "add", "ada", "--kind", "io", "--title", "Try", "--payload", steps, "--proof", PROOF];
    [&goal[..], more].concat()
}

const PROOF: &str = r#"{"artifacts": ["file"]}"#;

fn steps() -> String {
    json!({"steps": [{"action": "tool", "name": "tried", "effect": "idempotent", "args": {}}]}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_done_in_a_container_that_people_see_and_start_anew() {
    let Some(place) = Place::new() else { return };
    settle(&place, IMAGE);
    let root = place.root.path();
    put(root, "cat > note.json; echo '{}'");
    let tried = answer(root, &["tool", "test", "tried"]);
    assert_eq!(
        (&tried["ok"], &tried["container"]["image"], &tried["files"]),
        (&json!(true), &json!(IMAGE), &json!(["note.json"]))
    );
    assert!(tried["limits"]["in_force"].as_array().unwrap().iter().all(|held| held["in_force"] == true), "{tried:#}");

    let server = Server::start(root);
    answer(root, &["persona", "new", "Ada"]);
    assert_eq!(answer(root, &["persona", "container", "ada"])["state"], "not_started");
    let steps = steps();
    let done = answer(root, &goal(&steps, &["--wait"]));
    assert_eq!(done["state"], "done", "{done:#}");
    let seen = answer(root, &["persona", "container", "ada"]);
    assert_eq!(
        (&seen["state"], &seen["last_call"]["tool"], &seen["last_call"]["ended"]),
        (&json!("running"), &json!("tried"), &json!("exit 0"))
    );
    let anew = answer(root, &["persona", "container", "ada", "--restart"]);
    assert!(anew["state"] == "running" && anew["id"] != seen["id"], "{anew:#}");
    let receipts = answer(root, &["receipts", "list", "--limit", "100"]).to_string();
    assert!(receipts.contains("restarted the container of ada"), "{receipts}");
    let shown = answer(root, &["persona", "show", "ada"])["readiness"].to_string();
    assert!(!shown.contains("container"), "{shown}");
    assert_eq!(server.end(rustix::process::Signal::TERM), Some(0));

    let image = "no-such-image";
    settle(&place, image);
    let (_, out, _) = crate::cli::said(&crate::cli::greenroom(root, &["doctor"]));
    let line = out.lines().find(|line| line.contains("containers")).unwrap();
    assert!(line.starts_with("bad") && line.contains("docker pull no-such-image"), "{out}");
    let server = Server::start(root);
    let lacks = answer(root, &["persona", "show", "ada"])["readiness"]["missing"].clone();
    let lack = lacks.as_array().unwrap().iter().find(|lack| lack["what"] == "container").unwrap();
    assert!(lack["text"].as_str().unwrap().contains("docker pull no-such-image"), "{lack}");
    let (code, out, _) = crate::cli::said(&crate::cli::greenroom(root, &goal(&steps, &["--wait", "--json"])));
    assert!(
        code == 1 && out.contains("docker pull no-such-image"),
        "in the receipt, and nothing stood in for it: {out}"
    );
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_takes_its_containers_along_and_the_next_one_sweeps_the_rest() {
    let Some(place) = Place::new() else { return };
    settle(&place, IMAGE);
    let root = place.root.path();
    put(root, "exec sh -c 'echo 1 > begun; sleep 5848; echo {}'");
    let server = Server::start(root);
    let ada = answer(root, &["persona", "new", "Ada"]);
    let files = root.join("personas").join(ada["id"].as_str().unwrap()).join("files");
    fs::create_dir_all(&files).unwrap();
    let begun = Begun::lay(&files);
    answer(root, &goal(&steps(), &[]));
    begun.comes().await;
    let shown: Value = answer(root, &["persona", "container", "ada"]);
    assert_eq!((&shown["state"], &shown["image"]), (&json!("running"), &json!(IMAGE)));

    let at_work = processes_with("sleep 5848");
    assert!(!at_work.is_empty());
    server.end(rustix::process::Signal::KILL);
    for (pid, line) in at_work {
        assert!(ends_soon(pid), "{line} goes on without its server");
    }
    // As one that was killed between making a container and starting it leaves it; and another data root's.
    let (ours, theirs) = (format!("greenroom.data-root={}", root.display()), "greenroom.data-root=/elsewhere/5848");
    place.engine.docker(&["create", "--label", &ours, IMAGE, "cat"]);
    let other = place.engine.docker(&["create", "--label", theirs, IMAGE, "cat"]);
    let orphans = place.there();
    put(root, "echo '{}'");
    let server = Server::start(root);
    let left = place.there();
    assert!(orphans.iter().all(|orphan| !left.contains(orphan)), "{orphans:?} {left:?}");
    assert_eq!(place.engine.labelled(theirs), std::slice::from_ref(&other));
    place.engine.docker(&["rm", &other]);
    assert_eq!(server.end(rustix::process::Signal::TERM), Some(0));
    // One that ends in good order leaves none.
    for id in place.there() {
        place.engine.removed(&id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_with_network_goes_out_of_its_container_by_the_gate_and_no_other_way() {
    let Some(place) = Place::new() else { return };
    settle(&place, IMAGE);
    let root = place.root.path();
    let asks = r#"page=$(wget -q -O - http://rehearsal.localhost/ | grep -c Callboard)
wget -q -O /dev/null http://elsewhere.test/ 2>/dev/null; refused=$?
nc -w 3 192.0.2.1 80 < /dev/null 2>/dev/null; direct=$?
devices=$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' \n')
echo "{\"page\": $([ "$page" -gt 0 ] && echo true), \"refused\": $refused, \"direct\": $([ $direct -eq 0 ] && echo true || echo false), \"devices\": \"$devices\"}" > seen.json
cat seen.json"#;
    put(root, asks);
    let manifest = root.join("tools/tried/tool.toml");
    let with_network = fs::read_to_string(&manifest).unwrap().replace("[parameters]", "network = true\n[parameters]");
    fs::write(&manifest, with_network).unwrap();
    let server = Server::start(root);
    let ada = answer(root, &["persona", "new", "Ada"]);
    let steps = steps();
    for _ in 0..2 {
        let done = answer(root, &goal(&steps, &["--wait"]));
        assert_eq!(done["state"], "done", "{done:#}");
    }
    let files = root.join("personas").join(ada["id"].as_str().unwrap()).join("files");
    let seen: Value = serde_json::from_slice(&fs::read(files.join("seen.json")).unwrap()).unwrap();
    assert_eq!(seen, json!({"page": true, "refused": 1, "direct": false, "devices": "lo"}));
    let receipts = answer(root, &["receipts", "list", "--limit", "100"]);
    let data = |one: &Value| one["body"]["data"].clone();
    let ran: Vec<_> =
        receipts["items"].as_array().unwrap().iter().map(data).filter(|data| !data["network"].is_null()).collect();
    let network =
        json!({"reached": ["rehearsal.localhost:80"], "refused": ["host elsewhere.test:80 is not on the host list"]});
    assert_eq!((ran.len(), &ran[0]["network"], &ran[1]["network"]), (2, &network, &network));
    assert_eq!(ran[0]["container"]["id"], ran[1]["container"]["id"], "one warm container for both");

    // A tool without network finds nothing of it, in the very same container.
    put(
        root,
        "echo \"{\\\"door\\\": $(ls /.way-out | wc -l), \\\"proxy\\\": \\\"$http_proxy\\\"}\" > seen.json; echo '{}'",
    );
    assert_eq!(answer(root, &goal(&steps, &["--wait"]))["state"], "done");
    let seen: Value = serde_json::from_slice(&fs::read(files.join("seen.json")).unwrap()).unwrap();
    assert_eq!(seen, json!({"door": 0, "proxy": ""}));
    assert_eq!(server.end(rustix::process::Signal::TERM), Some(0));
}
