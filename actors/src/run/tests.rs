//! Runs through the ports in memory, with the clock stopped. A crash is a run's task aborted in mid-call; the
//! board it acted on lives on, as the world does.

mod agent_trouble;
mod agents;
mod approvals;
mod board;
mod budgets;
mod circles;
mod claims;
mod crashes;
mod forks;
mod outcomes;
mod queue;
mod quotas;
mod replays;
mod rollbacks;
mod rules;
mod turns;
