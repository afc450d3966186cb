//! Everything that needs more than one room: real browsers, real sockets, real databases.

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
