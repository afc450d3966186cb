//! The server from outside: a real one on a free port, over SQLite, asked with a plain HTTP client.

#![expect(clippy::unwrap_used, reason = "what the tests share fails the test that uses it")]

mod artifacts;
mod auth;
mod documents;
mod harness;
mod input;
mod lists;
mod live;
mod observe;
