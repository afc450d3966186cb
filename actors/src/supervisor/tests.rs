//! The company with ports in memory and scripted runs, under a clock that stands still.

mod chaos;
mod commands;
mod dependencies;
mod failing;
mod harness;
mod weights;
mod working;
