//! Everything that needs more than one room: real browsers, real sockets, real databases.

mod browser;
mod egress;
