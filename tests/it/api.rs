//! The server from outside: a real one on a free port, over SQLite, asked with a plain HTTP client.

mod approvals;
mod artifacts;
mod auth;
mod bad_personas;
mod budgets;
mod client;
mod dependencies;
mod digests;
mod disasters;
mod documents;
mod drifts;
mod harness;
mod input;
mod letters;
mod lists;
mod live;
mod mcp;
mod observe;
mod outward;
mod personalities;
mod quotas;
mod rooms;
mod runs;
mod schedules;
mod tools;
mod waits;
