//! Progress: goals, calendar and runs.

use super::{calendar::Calendar, goal::GoalRow};
use crate::web::pages::runs::RunRow;

/// The tab.
#[derive(Debug)]
pub struct Progress {
    pub goals: Vec<GoalRow>,
    /// Talk in rooms that it left to others: nothing is to be done about it.
    pub passed: Vec<GoalRow>,
    pub calendar: Calendar,
    pub runs: Vec<RunRow>,
    /// Where the goals before these are.
    pub earlier: Option<String>,
}
