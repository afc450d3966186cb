//! Everything that needs more than one room: real browsers, real sockets, real databases.

#[cfg(test)]
mod api;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod containers;
#[cfg(test)]
mod egress;
#[cfg(test)]
#[cfg(feature = "failpoints")]
mod kill;
#[cfg(test)]
mod models;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tools;
