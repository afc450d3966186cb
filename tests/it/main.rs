//! Everything that is tested from outside, in one binary.

#[cfg(test)]
mod models;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod tools;
