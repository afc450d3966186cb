//! Today: what the persona's day has of its quotas, each number with the goals behind it.

use std::collections::HashMap;

use actors::domain::{GoalId, Persona};

use crate::web::{
    day::{CountedView, DayView, QuotaView},
    pages::show::{self, When},
};

/// The panel.
#[derive(Debug, Clone)]
pub struct Today {
    /// When the next day begins.
    pub resets: When,
    pub zone: &'static str,
    pub rows: Vec<Row>,
}

/// One quota.
#[derive(Debug, Clone)]
pub struct Row {
    pub label: &'static str,
    /// `12/20`.
    pub value: String,
    pub percent: u8,
    pub tone: &'static str,
    /// `12 of 10 to 20 done, 1 under way, 3 waiting`.
    pub means: String,
    pub goals: Vec<Behind>,
}

/// A goal behind a number.
#[derive(Debug, Clone)]
pub struct Behind {
    pub title: String,
    pub word: String,
    /// Its newest run with the receipts; none: it has not begun.
    pub href: Option<String>,
    pub due: Option<When>,
}

impl Today {
    /// The panel from the day; `runs`: the address of each goal's newest run.
    pub fn new(persona: &Persona, day: &DayView, runs: &HashMap<GoalId, String>, now_ms: i64) -> Self {
        Self {
            resets: When::at(day.ends_ms, now_ms),
            zone: persona.hours.zone.name(),
            rows: day.quotas.iter().map(|quota| Row::new(quota, runs, now_ms)).collect(),
        }
    }
}

impl Row {
    fn new(quota: &QuotaView, runs: &HashMap<GoalId, String>, now_ms: i64) -> Self {
        let QuotaView { floor, ceiling, done, under_way, waiting, .. } = *quota;
        let off = !quota.unlimited && ceiling == 0 && done == 0;
        let (value, bounds) = match (quota.forbidden, quota.unlimited) {
            _ if off => ("off".to_owned(), String::new()),
            (Some(_), _) => ("off".to_owned(), String::new()),
            (None, true) => (done.to_string(), String::new()),
            (None, false) => (format!("{done}/{ceiling}"), format!(" of {floor} to {ceiling}")),
        };
        let rest = [(under_way, "under way"), (waiting, "waiting")].into_iter().filter(|(count, _)| *count > 0);
        let rest: String = rest.map(|(count, word)| format!(", {count} {word}")).collect();
        let full = ceiling > 0 && done + under_way >= ceiling;
        Self {
            label: label(quota.unit),
            value,
            percent: show::percent(done.into(), ceiling.into()),
            tone: if full { "warn" } else { "" },
            means: match quota.forbidden {
                Some(why) => why.to_owned(),
                None if off => format!("off: its quota allows none{rest}"),
                None => format!("{done}{bounds} done{rest}"),
            },
            goals: quota.goals.iter().map(|goal| Behind::new(goal, runs, now_ms)).collect(),
        }
    }
}

impl Behind {
    fn new(goal: &CountedView, runs: &HashMap<GoalId, String>, now_ms: i64) -> Self {
        let units = if goal.units > 1 { format!("{} · ", goal.units) } else { String::new() };
        Self {
            title: goal.title.clone(),
            word: format!("{units}{}", goal.counts_as.replace('_', " ")),
            href: runs.get(&goal.goal).cloned(),
            due: goal.due_ms.filter(|due_ms| *due_ms > now_ms).map(|due_ms| When::at(due_ms, now_ms)),
        }
    }
}

/// A unit in the plural.
pub fn label(unit: &str) -> &'static str {
    match unit {
        "post" => "posts",
        "proposal" => "proposals",
        "deliverable" => "deliverables",
        _ => "messages to strangers",
    }
}
