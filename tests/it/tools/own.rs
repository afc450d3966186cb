//! Own tools through the one door: what they are told, what they may do, and what is observed of them.

use std::{fs, path::Path};

use actors::{
    domain::{ArtifactKind, Effect, Ended, Outcome, Pace, Step},
    ports::Performer as _,
};
use greenroom::tools::{Fitted, Web, registry};
use rustix::fs::{FileType, Mode};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{Props, Stage, error_text};
use crate::sandbox::is_left_out;

/// Puts a tool for everyone there: a script for the shell.
pub(super) fn put(root: &Path, name: &str, effect: &str, script: &str) {
    let folder = root.join("tools").join(name);
    fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "name = \"{name}\"\ndescription = \"For a test.\"\ncommand = [\"sh\", \"./tool.sh\"]\neffect = \"{effect}\"\n\
         timeout = \"60s\"\n[parameters]\ntype = \"object\"\nadditionalProperties = false\n\
         [parameters.properties.text]\ntype = \"string\"\n"
    );
    fs::write(folder.join("tool.toml"), manifest).unwrap();
    fs::write(folder.join("tool.sh"), script).unwrap();
}

pub(super) fn step(name: &str, effect: Effect, args: Value) -> Step {
    let args: Map<String, Value> = args.as_object().unwrap().clone();
    Step::Tool { name: name.into(), args, effect, outreach: false, save_as: None, timeout_ms: None }
}

async fn perform(effect: Effect, script: &str) -> Outcome {
    let stage = Stage::new();
    put(stage.root.path(), "tried", effect.as_str(), script);
    stage.perform(step("tried", effect, json!({"text": "hello"}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_go_in_and_the_answer_comes_out() {
    if is_left_out().await {
        return;
    }
    let outcome = perform(Effect::Pure, "cat; test -z \"$(ls -A /workspace)\"").await;
    assert!(outcome.holds(), "{outcome:?}");
    assert_eq!(outcome.data["value"], json!({"text": "hello"}), "a pure tool is given no key");
    assert_eq!((&outcome.data["exit"], outcome.summary.as_str()), (&json!(0), "ran tried"));
    assert_eq!(outcome.artifacts, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_idempotent_tool_left_is_seen_by_the_sandbox_not_told_by_the_tool() {
    if is_left_out().await {
        return;
    }
    let stage = Stage::new();
    put(
        stage.root.path(),
        "invoice",
        "idempotent",
        "mkdir -p out; cat > out/invoice.json; echo '{\"files\": \"none\"}'",
    );
    let outcome = stage.perform(step("invoice", Effect::Idempotent, json!({"text": "hello"}))).await;
    assert!(outcome.holds(), "{outcome:?}");
    assert_eq!(outcome.data["files"], json!(["out/invoice.json"]));
    let [kept] = outcome.artifacts.as_slice() else { panic!("{outcome:?}") };
    assert_eq!(
        (kept.kind, kept.name.as_str(), kept.media_type),
        (ArtifactKind::File, "invoice.json", "application/json")
    );
    let told: Value = serde_json::from_slice(&kept.bytes).unwrap();
    assert_eq!(told["key"], json!("01010101-0101-0101-0101-010101010101:0"), "the key of the step");
    assert_eq!(fs::read(stage.file("out/invoice.json")).unwrap(), kept.bytes);

    // It says ok and does nothing: nothing is observed, so there is no artifact that a proof could rest on.
    put(stage.root.path(), "boaster", "idempotent", "echo '{\"ok\": true, \"files\": [\"invoice.json\"]}'");
    let outcome = stage.perform(step("boaster", Effect::Idempotent, json!({}))).await;
    assert_eq!((outcome.ended, outcome.artifacts.len()), (Ended::Done, 0));
    assert!(outcome.data.get("files").is_none(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_changed_something_is_unknown_and_one_that_changed_nothing_may_be_tried_again() {
    if is_left_out().await {
        return;
    }
    let half = perform(Effect::Idempotent, "echo half > half.txt; echo 'no paper' >&2; exit 3").await;
    assert_eq!((half.ended, &half.data["exit"]), (Ended::Unknown, &json!(3)));
    assert_eq!(half.data["files"], json!(["half.txt"]));
    assert!(error_text(&half).contains("ended with code 3: no paper"), "{half:?}");

    let unseen = perform(Effect::Idempotent, "mkdir m; seq -f m/%g 20001 | xargs touch; echo 1").await;
    assert_eq!(unseen.ended, Ended::Unknown, "what it left cannot be told, so it was not nothing");
    assert!(error_text(&unseen).contains("more than 20000 files"), "{unseen:?}");

    let folder = perform(Effect::Idempotent, "mkdir drafts; exit 3").await;
    assert_eq!((folder.ended, &folder.data["not_files"]), (Ended::Unknown, &json!(["drafts/"])), "{folder:?}");
    let nothing = perform(Effect::Idempotent, "exit 3").await;
    assert_eq!(nothing.ended, Ended::NotBegun);
    for script in ["exit 3", "echo no JSON"] {
        let told = perform(Effect::Irreversible, script).await;
        assert_eq!(told.ended, Ended::Unknown, "it ran, and nobody knows what it did: {told:?}");
    }
    let stage = Stage::new();
    put(stage.root.path(), "hangs", "idempotent", "sleep 600");
    let manifest = stage.root.path().join("tools/hangs/tool.toml");
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("60s", "200ms")).unwrap();
    let hangs = stage.perform(step("hangs", Effect::Idempotent, json!({}))).await;
    assert_eq!((hangs.ended, &hangs.data["exit"]), (Ended::NotBegun, &json!("timed out")));
    assert!(error_text(&hangs).contains("took longer than 200 ms"), "{hangs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_writes_to_strangers_is_called_as_what_it_is() {
    if is_left_out().await {
        return;
    }
    let stage = Stage::new();
    put(stage.root.path(), "letter", "irreversible", "echo '{}'");
    let file = stage.root.path().join("tools/letter/tool.toml");
    let manifest = fs::read_to_string(&file).unwrap().replace("[parameters]", "outreach = true\n[parameters]");
    let more = "[parameters.properties.host]\ntype = \"string\"\n[parameters.properties.to]\ntype = \"string\"\n";
    fs::write(&file, manifest + more).unwrap();
    let args = json!({"host": "a.test", "to": "bo@a.test", "text": "Hello."});
    let hidden = step("letter", Effect::Irreversible, args.clone());
    let refused = stage.perform(hidden.clone()).await;
    assert_eq!(refused.ended, Ended::NotBegun);
    assert!(error_text(&refused).contains("writes to strangers, its manifest says"), "{refused:?}");
    let Step::Tool { name, args, effect, .. } = hidden else { panic!() };
    let open = Step::Tool { name, args, effect, outreach: true, save_as: None, timeout_ms: None };
    assert!(stage.perform(open).await.holds(), "whether it may be, the broker has judged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_cannot_do_more_than_its_manifest_says() {
    if is_left_out().await {
        return;
    }
    let stage = Stage::new();
    fs::create_dir_all(stage.file("")).unwrap();
    fs::write(stage.file("note.md"), "mine").unwrap();
    put(stage.root.path(), "reader", "read", "printf '\"%s\"' \"$(cat note.md)\"; echo x > note.md");
    let reader = stage.perform(step("reader", Effect::Read, json!({}))).await;
    assert!(error_text(&reader).contains("Read-only file system"), "{reader:?}");
    assert_eq!(fs::read_to_string(stage.file("note.md")).unwrap(), "mine");
    put(stage.root.path(), "blind", "pure", "cat note.md");
    let blind = stage.perform(step("blind", Effect::Pure, json!({}))).await;
    assert!(error_text(&blind).contains("No such file"), "{blind:?}");

    // A plan cannot call it something else either.
    let lied = stage.perform(step("reader", Effect::Pure, json!({}))).await;
    assert_eq!(lied.ended, Ended::NotBegun);
    assert!(error_text(&lied).contains("its manifest says read"), "{lied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_right_is_refused_before_anything_happens() {
    if is_left_out().await {
        return;
    }
    let stage = Stage::new();
    put(stage.root.path(), "tried", "idempotent", "touch began");
    let wrong = stage.perform(step("tried", Effect::Idempotent, json!({"text": 7}))).await;
    assert_eq!(wrong.ended, Ended::NotBegun);
    assert!(error_text(&wrong).contains("the arguments of tried do not fit: /text"), "{wrong:?}");
    let strange = stage.perform(step("tried", Effect::Idempotent, json!({"colour": 1}))).await;
    assert!(error_text(&strange).contains("colour"), "{strange:?}");
    assert!(!stage.file("began").exists());

    let missing = stage.perform(step("gone", Effect::Pure, json!({}))).await;
    assert!(error_text(&missing).contains("there is no own tool `gone` for jason"), "{missing:?}");
    fs::write(stage.root.path().join("tools/tried/tool.toml"), "name = 7").unwrap();
    let broken = stage.perform(step("tried", Effect::Idempotent, json!({}))).await;
    assert!(error_text(&broken).contains("tools/tried/tool.toml: `name`"), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_is_said_to_be_none() {
    if is_left_out().await {
        return;
    }
    let words = perform(Effect::Pure, "echo all went well").await;
    assert!(error_text(&words).contains("what it wrote is not JSON"), "{words:?}");
    let silent = perform(Effect::Pure, "true").await;
    assert!(silent.holds() && silent.data["value"].is_null(), "{silent:?}");
    let flood = perform(Effect::Pure, "head -c 100000000 /dev/zero").await;
    assert!(error_text(&flood).contains("it wrote 100000000 bytes; at most 1048576"), "{flood:?}");
    assert!(flood.data.to_string().len() < 1_000);
    // Longer than a receipt should be.
    let long = perform(Effect::Pure, "printf '\"'; head -c 20000 /dev/zero | tr '\\0' x; printf '\"'").await;
    let [kept] = long.artifacts.as_slice() else { panic!("{long:?}") };
    assert_eq!((kept.kind, kept.name.as_str(), kept.bytes.len()), (ArtifactKind::Text, "tried.json", 20_002));
    assert!(long.data.get("value").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_ends_its_tool() {
    if is_left_out().await {
        return;
    }
    let stage = Stage::new();
    put(stage.root.path(), "tried", "pure", "sleep 600");
    let call = stage.call(&step("tried", Effect::Pure, json!({})), 0);
    let stop = CancellationToken::new();
    let stopping = async {
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(stage.tools.perform(call, stop.clone()), stopping);
    assert!(!outcome.holds(), "{outcome:?}");
    assert!(error_text(&outcome).contains("stopped"), "{outcome:?}");
}

#[test]
fn the_list_names_what_is_broken_beside_what_is_not() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "good", "read", "");
    put(root.path(), "browser_fly", "read", "");
    let list = registry::list(&registry::watched(root.path().to_path_buf()), None, &[], Fitted::default());
    let of = |name: &str| list.iter().find(|listed| listed.name == name).unwrap();
    assert_eq!((of("browser_click").from, of("browser_click").effect), ("built_in", Some(Effect::Irreversible)));
    assert_eq!(
        (of("file_write").effect, of("browser_snapshot").effect),
        (Some(Effect::Idempotent), Some(Effect::Read))
    );
    assert_eq!((of("good").from, of("good").timeout_ms), ("shared", Some(60_000)));
    assert_eq!(of("good").parameters["properties"]["text"]["type"], "string");
    let broken = of("browser_fly").error.as_deref().unwrap();
    assert!(broken.contains("tools/browser_fly/tool.toml: `name`: is the name of a built-in tool"), "{broken}");
}

// One thread: whoever waits on it for a file keeps everybody waiting.
#[tokio::test]
async fn a_manifest_that_takes_long_to_read_keeps_nobody_else_waiting() {
    let stage = Stage::new();
    put(stage.root.path(), "slow", "pure", "cat");
    let file = stage.root.path().join("tools/slow/tool.toml");
    let manifest = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &file, FileType::Fifo, Mode::RWXU, 0).unwrap();
    // Who reads it waits until somebody writes, and that is begun after the reading.
    let (found, ()) = tokio::join!(stage.perform(Step::ToolSearch { query: "slow".into() }), async {
        tokio::task::spawn_blocking(move || fs::write(file, manifest)).await.unwrap().unwrap();
    });
    assert_eq!(found.data["tools"][0]["name"], "slow", "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_tool_with_network_keep_the_usual_pace() {
    if is_left_out().await {
        return;
    }
    let paced = super::nowhere().paced(Pace { default_per_1000_s: 1, sites: Vec::new() });
    let stage = Stage::with(Props { web: Some(Web { egress: paced, search: None }), ..Props::default() });
    for (name, network) in [("asks", true), ("asks_too", true), ("counts", false)] {
        put(stage.root.path(), name, "read", "echo 1");
        let file = stage.root.path().join("tools").join(name).join("tool.toml");
        let manifest = fs::read_to_string(&file).unwrap();
        fs::write(&file, manifest.replace("timeout", &format!("network = {network}\ntimeout"))).unwrap();
    }
    let call = async |name: &str| stage.perform(step(name, Effect::Read, json!({}))).await;
    // Begun, that is: this test is no program that leads a tool out.
    for name in ["asks", "asks_too", "counts", "counts"] {
        let outcome = call(name).await;
        assert_eq!(outcome.ended, Ended::Done, "{name}: {outcome:?}");
    }
    let outcome = call("asks").await;
    assert!(outcome.ended == Ended::NotBegun && outcome.error.as_ref().unwrap().retryable, "{outcome:?}");
    assert!(error_text(&outcome).contains("the pace of asks lets `asks` act there again in"), "{outcome:?}");
}
