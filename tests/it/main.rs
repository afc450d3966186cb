//! Everything that needs more than one room: real browsers, real sockets, real databases.

mod browser;
mod egress;
#[cfg(test)]
mod models;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod tools;
