//! The gate on sockets, and what a page in a real browser can do against it.

mod gate;
mod sinks;
mod ways_out;
