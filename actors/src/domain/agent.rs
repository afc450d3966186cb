//! A goal in words, reached by a model that thinks, calls tools, looks and goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChatAnswer, GoalId, PersonaId, RunId, Step, ToolCall, Zone};

/// What an agent is to reach, and within what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentPayload {
    pub task: String,
    /// Steps of one attempt at most, calls and thoughts alike; the last is kept for the answer.
    #[serde(default = "most_steps")]
    pub max_steps: u32,
    /// How long one attempt may take, waits left out: then no call is begun, and the model must answer with what it has.
    #[serde(default = "most_minutes")]
    pub max_minutes: u32,
    /// A configured model's or route's name; none: the persona's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The only tools it may call, now and in what it schedules; none: all that its persona may. Whom it gives work to uses
    /// that persona's own tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Secrets it may have typed, by name, each with the one host where. It never sees their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// One of its persona's agents, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Written by the runtime: whose work it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegated: Option<Box<Delegated>>,
    /// Written by the runtime: it stands on the first steps of another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
}

/// Where a goal comes from that one persona gave another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegated {
    /// The goal that waits for this one.
    pub goal: GoalId,
    /// Whose budget pays, and by whose days: the first of the line.
    pub payer: PersonaId,
    pub zone: Zone,
    /// Who handed it on, the first one first.
    pub line: Vec<PersonaId>,
}

impl Delegated {
    /// Times that work is handed on at most.
    pub const MOST: usize = 3;
}

/// Where a run begins that stands on the record of another one of the same persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    pub run: RunId,
    /// So many of its steps are taken from the record.
    pub from: u32,
}

fn most_steps() -> u32 {
    100
}

fn most_minutes() -> u32 {
    30
}

impl AgentPayload {
    /// A goal in words, with what holds when nothing else is said.
    pub fn new(task: impl Into<String>) -> Self {
        Self {
            task: task.into(),
            max_steps: most_steps(),
            max_minutes: most_minutes(),
            model: None,
            tools: Vec::new(),
            secrets: BTreeMap::new(),
            agent: None,
            delegated: None,
            fork: None,
        }
    }

    /// The field that cannot be right, and why.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        match self {
            _ if self.task.trim().is_empty() => Some(("task", "must not be empty")),
            _ if self.delegated.is_some() => Some(("delegated", "is written by the runtime alone")),
            _ if self.fork.is_some() => Some(("fork", "is written by the runtime alone: fork a run")),
            _ if !(1..=1_000).contains(&self.max_steps) => Some(("max_steps", "must be between 1 and 1000")),
            _ if !(1..=1440).contains(&self.max_minutes) => Some(("max_minutes", "must be between 1 and 1440")),
            _ if self.tools.iter().any(|name| name.trim().is_empty()) => Some(("tools", "must be names of tools")),
            _ if self.secrets.values().any(|host| host.trim().is_empty() || host.contains(['/', ' '])) => {
                Some(("secrets", "must each name a host, as in `{\"board_password\": \"rehearsal.localhost\"}`"))
            }
            _ => None,
        }
    }
}

/// What a model answered, and what is to be done about it: kept as an artifact, so that a resume does the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thought {
    pub answer: ChatAnswer,
    /// One for each call of the answer, in its order.
    pub chosen: Vec<Chosen>,
}

/// A call that a model wants made, after it was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    pub call: ToolCall,
    pub what: Choice,
}

/// What comes of a call before anything is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// It is carried out.
    Step(Box<Step>),
    /// It is not; the model is told why.
    Refused(String),
}

impl Thought {
    /// File name of the artifact that holds it.
    pub const FILE: &'static str = "thought.json";
}
