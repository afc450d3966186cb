//! `kill -9` of the real server at every receipt boundary of one browser goal, in a real browser.
//!
//! A clean run tells the boundaries. At each of them a server on a fresh data root is killed and started again; the
//! practice site runs here, so what the world saw survives. Where the goal must come to rest stands in `end_states.rs`.

mod boundary;
mod chromium;
mod death;
mod disk;
mod end_states;
mod matrix;
mod model;
mod persons;
mod rooms;
mod server;
mod stage;

use std::io::Write as _;

/// A line that is seen while the test runs.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "kill -9: {text}");
}
