//! `kill -9` of the real server at every receipt boundary of a goal of every kind (`subject.rs`), on both databases.
//!
//! A clean run tells the boundaries. At each of them a server on a fresh data root is killed and started again; the
//! practice site runs here, so what the world saw survives. Where goals must come to rest stands in `end_states.rs`.

mod approved;
mod boundary;
mod chromium;
mod death;
mod disk;
mod end_states;
mod flood;
mod left_behind;
mod locked;
mod matrix;
mod mid_click;
mod model;
mod persons;
mod place;
mod proposer;
mod rooms;
mod server;
mod stage;
mod subject;
mod synced;

use std::{env, io::Write as _};

/// A line that is seen while the test runs.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "kill -9: {text}");
}

/// Names what tests may leave out for want of a right, with commas.
const MAY_SKIP: &str = "TESTS_MAY_SKIP";

/// This machine does not allow what a test needs: it fails, unless whoever runs it has said that it may be left out.
fn skip(what: &str, why: &str) {
    let allowed = env::var(MAY_SKIP).unwrap_or_default();
    assert!(
        allowed.split(',').any(|allowed| allowed.trim() == what),
        "{why}; to leave this test out, set {MAY_SKIP}={what}"
    );
    say(&format!("SKIPPED, as {MAY_SKIP} allows: {why}"));
}
