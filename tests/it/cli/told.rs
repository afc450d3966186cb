//! Who does not look at the pages is told what happens: while a command waits, and in the log.

use rustix::process::Signal;
use serde_json::Value;

use super::{
    greenroom, said,
    server::{Server, answer},
};

const AWAY: &str = r#"{"steps": [{"action": "goto", "url": "http://nowhere.invalid/"}]}"#;

#[test]
fn what_goes_wrong_is_told_while_it_is_waited_for_and_in_the_log() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path());
    answer(root.path(), &["persona", "new", "Ada"]);
    let goal = ["goal", "add", "ada", "--kind", "browser", "--title", "Look away", "--payload", AWAY, "--wait"];
    let (code, out, error) = said(&greenroom(root.path(), &goal));
    assert_eq!(code, 1, "{out}{error}");
    assert!(error.starts_with("Look away is "), "nobody watches a sign turn here: {error}");
    answer(root.path(), &["persona", "pause", "ada"]);
    assert_eq!(server.end(Signal::TERM), Some(0));
    let log = std::fs::read_to_string(root.path().join("logs/greenroom.log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |level: &str, what: &str| {
        lines.iter().any(|line| line["level"] == level && line["message"].as_str().unwrap().starts_with(what))
    };
    assert!(told("INFO", "paused by cli"), "{log}");
    assert!(told("WARN", "failed “Look away”: host nowhere.invalid:80 is not on the host list"), "{log}");
}
