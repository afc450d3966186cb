//! Everything that needs more than one room: real browsers, real sockets, real databases.

// Said here too, so that lints take helpers for what they are: tests.
#![cfg(test)]

mod api;
mod browser;
mod cli;
mod egress;
mod models;
mod pages;
mod postgres;
mod rehearsal;
mod storage;
mod tidy;
mod tools;
