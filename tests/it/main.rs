//! Everything that is tested from outside, in one binary: it links once.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod egress;
#[cfg(test)]
mod models;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod tidy;
