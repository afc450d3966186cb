//! The company with ports in memory and scripted runs, under a clock that stands still.

mod approvals;
mod arrivals;
mod big_three;
mod budgets;
mod bursts;
mod calendar;
mod chaos;
mod clock;
mod commands;
mod crowded;
mod dependencies;
mod failing;
mod forks;
mod handing;
mod harness;
mod load;
mod mcp;
mod moods;
mod planning;
mod rollbacks;
mod rooms;
mod standing;
mod tries;
mod weights;
mod working;
