//! Everything that is tested from outside, as one program: it links once.

mod cli;
mod tidy;
