//! Everything that needs more than one room: real browsers, real sockets, real databases.

#[cfg(test)]
mod api;
mod browser;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod egress;
#[cfg(test)]
mod models;
mod pages;
#[cfg(test)]
mod rehearsal;
mod tidy;
#[cfg(test)]
mod tools;
