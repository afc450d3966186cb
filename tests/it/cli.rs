//! The command line as people and programs use it: the real program, its output and its codes.

mod exported;
mod forked;
mod planted;
mod rollback;
pub mod server;
mod told;

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// The program over a data root of its own, without any variable of this machine's.
pub fn greenroom(data_root: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_greenroom"))
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATA_ROOT", data_root)
        .current_dir(data_root)
        .output()
        .unwrap()
}

pub fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_command_nobody_understands_is_code_2() {
    let root = tempfile::tempdir().unwrap();
    for args in [&["fly"][..], &[], &["goal", "resolve", "x"], &["receipts", "verify", "--head", "abc"]] {
        let (code, out, error) = said(&greenroom(root.path(), args));
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {error}");
        assert!(!error.is_empty());
    }
    let (code, out, error) = said(&greenroom(root.path(), &["goal", "add", "--kin", "io", "--json"]));
    assert_eq!((code, out.as_str()), (2, ""), "{error}");
    let error: Value = serde_json::from_str(&error).unwrap();
    assert!(error["error"].as_str().unwrap().contains("'--kin'"), "{error}");
}

#[test]
fn a_wrong_setting_is_code_2_and_named() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("greenroom.toml"), "[server]\nprot = 1\n").unwrap();
    let (code, _, error) = said(&greenroom(root.path(), &["persona", "list"]));
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("did you mean `server.port`?"), "{error}");

    let (code, out, _) = said(&greenroom(root.path(), &["config", "check", "--json"]));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["ok"]), (1, &Value::Bool(false)), "{out}");
    assert_eq!(answer["problems"][0]["key"], "server.prot");
}

#[test]
fn a_host_rule_that_cannot_be_used_is_named_before_the_start() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("greenroom.toml"), "[egress]\nallowed_hosts = [\"http://a\"]\n").unwrap();
    let (code, out, _) = said(&greenroom(root.path(), &["config", "check", "--json"]));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["ok"]), (1, &Value::Bool(false)), "{out}");
    assert_eq!(answer["problems"][0]["key"], "egress.allowed_hosts");
    assert!(answer["problems"][0]["problem"].as_str().unwrap().contains("`http://a` must be a bare host"), "{out}");
}

#[test]
fn a_company_in_which_nobody_may_work_is_refused_by_its_key() {
    let root = tempfile::tempdir().unwrap();
    for cap in ["0", "-1", "1001", "0.5"] {
        std::fs::write(root.path().join("greenroom.toml"), format!("[company]\nactive_personas = {cap}\n")).unwrap();
        let (code, out, _) = said(&greenroom(root.path(), &["config", "check", "--json"]));
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &answer["problems"][0]["key"]), (1, &Value::from("company.active_personas")), "{cap}: {out}");
        let (code, _, error) = said(&greenroom(root.path(), &["serve"]));
        assert_eq!(code, 2, "{cap}: {error}");
        assert!(error.contains("active_personas"), "{cap}: {error}");
    }
}

#[test]
fn settings_are_shown_with_their_origin_and_without_secrets() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("greenroom.toml"), "[server]\nstatus_token = \"a-very-secret-token\"\n").unwrap();
    let (code, out, error) = said(&greenroom(root.path(), &["config", "show"]));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(!out.contains("very-secret"), "{out}");
    let line = |key: &str| out.lines().find(|line| line.starts_with(key)).unwrap();
    assert!(line("server.status_token").contains("greenroom.toml"), "{out}");
    assert!(line("data_root").ends_with("environment variable DATA_ROOT"), "{out}");
    assert!(line("server.port").ends_with("default"), "{out}");
    assert_eq!(said(&greenroom(root.path(), &["config", "check"])).0, 0);
}

#[test]
fn a_tool_is_written_and_tried_without_a_server() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(said(&greenroom(root.path(), &["tool", "new", "Bad-Name"])).0, 2);
    let (code, out, error) = said(&greenroom(root.path(), &["tool", "new", "look_at", "--language", "sh"]));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.contains("greenroom tool test look_at"), "{out}");
    let (code, _, error) = said(&greenroom(root.path(), &["tool", "new", "look_at"]));
    assert_eq!(code, 1, "what is there is not written over: {error}");
    let (code, _, error) = said(&greenroom(root.path(), &["tool", "test", "gone"]));
    assert!(code == 1 && error.contains("there is no own tool `gone`"), "{error}");
    std::fs::create_dir_all(root.path().join("tools/odd")).unwrap();
    std::fs::write(root.path().join("tools/odd/tool.toml"), "effect = 7").unwrap();
    let (code, _, error) = said(&greenroom(root.path(), &["tool", "test", "odd"]));
    assert!(code == 1 && error.contains("tools/odd/tool.toml: "), "{error}");

    if crate::sandbox::is_left_out_here() {
        return;
    }
    let (code, out, error) = said(&greenroom(root.path(), &["tool", "test", "look_at", "--json"]));
    let seen: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &seen["value"]["bytes"], &seen["exit"]), (0, &29.into(), &0.into()), "{out}{error}");
    assert!(seen["limits"]["in_force"].as_array().unwrap().iter().any(|held| held["what"] == "system calls"));
    let wrong = greenroom(root.path(), &["tool", "test", "look_at", "--args", r#"{"text": 7}"#]);
    assert!(said(&wrong).2.contains("the arguments of look_at do not fit: /text"), "{wrong:?}");
    assert!(!root.path().join("tries").read_dir().unwrap().flatten().any(|_| true), "nothing is left behind");
    let python = greenroom(root.path(), &["tool", "new", "word_count"]);
    assert_eq!(said(&python).0, 0);
    let (code, out, _) = said(&greenroom(root.path(), &["tool", "test", "word_count"]));
    assert!(code == 0 && out.contains(r#"{"longest":"not","words":6}"#), "{out}");
}

#[test]
fn a_tool_ends_with_who_runs_it_even_by_kill_9() {
    if crate::sandbox::is_left_out_here() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    assert_eq!(said(&greenroom(root.path(), &["tool", "new", "sleeper", "--language", "sh"])).0, 0);
    let folder = root.path().join("tools/sleeper");
    // The pipe stays open as long as any process of the tool is there.
    std::fs::write(folder.join("tool.sh"), "exec 3>/tool/pipe; echo begun >&3; sleep 600 & sleep 600").unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let mut server = Command::new(env!("CARGO_BIN_EXE_greenroom"))
        .args(["tool", "test", "sleeper"])
        .env("DATA_ROOT", root.path())
        .current_dir(root.path())
        .spawn()
        .unwrap();
    let mut pipe = BufReader::new(File::open(folder.join("pipe")).unwrap());
    let mut line = String::new();
    pipe.read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(pipe.read_line(&mut line).unwrap(), 0, "nobody holds the pipe any more");
}

#[test]
fn a_simulated_day_needs_no_server_and_is_the_same_again() {
    let root = tempfile::tempdir().unwrap();
    let options = ["sim", "--personas", "50", "--hours", "1", "--cap", "4", "--faults"];
    let (code, first, error) = said(&greenroom(root.path(), &[&options[..], &["--json", "--svg", "day.svg"]].concat()));
    assert_eq!((code, error.as_str()), (0, ""));
    let (_, second, _) = said(&greenroom(root.path(), &[&options[..], &["--json"]].concat()));
    let [mut answer, mut again] = [first, second].map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let drawn = [&mut answer, &mut again].map(|answer| answer.as_object_mut().unwrap().remove("drawn").unwrap());
    assert_eq!(drawn, ["day.svg", "sim-7.svg"]);
    assert_eq!(answer, again);
    let policies: Vec<_> = answer["days"].as_array().unwrap().iter().map(|day| &day["policy"]).collect();
    assert_eq!(policies, ["greenroom", "polling", "30 s tick"]);
    let ours = &answer["days"][0];
    let count = |name: &str| ours[name].as_u64().unwrap();
    assert!(count("begun") > 0);
    assert_eq!(
        count("messages"),
        count("done") + count("failed") + count("expired") + count("dropped") + count("coalesced") + count("open")
    );
    let drawn = std::fs::read_to_string(root.path().join("day.svg")).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n") && drawn.matches("<polyline").count() == 6);

    let many = ["--seed", "11", "--seeds", "3"];
    let (code, table, error) = said(&greenroom(root.path(), &[&options[..], &many].concat()));
    assert_eq!((code, table.lines().take_while(|line| !line.is_empty()).count()), (0, 4), "{table}");
    assert!(table.contains("\n\nHeld at every event (greenroom):\n- the cap, and one slice a persona\n"), "{table}");
    assert!(!table.contains("Polling"), "no rival took part: {table}");
    let told: Vec<_> = error.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(told, ["seed 11, greenroom", "seed 12, greenroom", "seed 13, greenroom"], "as each ended: {error}");
    assert!(table.ends_with("\n\nDrawn: sim-11.svg\n") && root.path().join("sim-11.svg").exists(), "{table}");
    for wrong in [&["--load", "NaN"][..], &["--load", "-1"], &["--cap", "0"], &["--personas", "0"]] {
        assert_eq!(said(&greenroom(root.path(), &[&["sim"], wrong].concat())).0, 2, "{wrong:?}");
    }
}

#[test]
fn without_a_server_the_next_step_is_named() {
    let root = tempfile::tempdir().unwrap();
    let (code, out, error) = said(&greenroom(root.path(), &["persona", "list"]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("greenroom serve") && error.lines().count() == 1, "{error}");

    // Nothing listens on port 1: a server that was killed leaves its file behind.
    let left = r#"{"url": "http://127.0.0.1:1", "pid": 1, "token": "hush"}"#;
    std::fs::write(root.path().join("server.json"), left).unwrap();
    let (code, _, error) = said(&greenroom(root.path(), &["--json", "persona", "list"]));
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(code, 1);
    assert!(error["error"].as_str().unwrap().contains("http://127.0.0.1:1/ does not answer"), "{error}");
    assert!(!error.to_string().contains("hush"));
}
