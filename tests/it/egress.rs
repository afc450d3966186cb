//! The gate on sockets, and what a page in a real browser can do against it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod gate;
mod sinks;
mod ways_out;
