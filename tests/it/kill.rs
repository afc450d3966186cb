//! `kill -9` of the real server at every receipt boundary of a goal of every kind (`subject.rs`), on both databases.
//!
//! A clean run tells the boundaries. At each of them a server on a fresh data root is killed and started again; the
//! practice site runs here, so what the world saw survives. Where goals must come to rest stands in `end_states.rs`.

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
mod rooms;
mod server;
mod stage;
mod subject;

use std::io::Write as _;

/// A line that is seen while the test runs.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "kill -9: {text}");
}
