//! Greenroom: an actor runtime for AI personas that proves what it did. The map is in README.md.

pub mod app;
pub mod browser;
pub mod cli;
pub mod client;
pub mod config;
pub mod egress;
pub mod memory;
pub mod models;
pub mod rehearsal;
pub mod secrets;
pub mod storage;
pub mod telemetry;
pub mod tools;
pub mod voice;
pub mod web;
