//! Everything that needs more than one room: real browsers, real sockets, real databases.

mod browser;
mod cli;
mod egress;
mod models;
#[cfg(test)]
mod pages;
mod rehearsal;
#[cfg(test)]
mod tidy;
mod tools;
