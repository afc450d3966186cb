//! Work of given steps, as people write it; and such work that goes on from a step of another run.

use serde::{Deserialize, Serialize};

use super::{Fork, GoalKind, Length, Payload, Step};

/// A fixed plan. `io` takes file steps and own tools only; `browser` takes every step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepsPayload {
    pub steps: Vec<Step>,
}

/// A text to write in the persona's voice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AiPayload {
    pub prompt: String,
    /// Also kept as this file in the persona's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(default)]
    pub length: Length,
}

/// A report about the persona's company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportPayload {
    /// File in the persona's folder.
    pub file: String,
    /// With `until_ms`: a digest of the persona's own time from this moment on, in milliseconds since 1970. Without
    /// both: the day of the whole company up to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<i64>,
    /// The first moment that the digest leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

/// A plan whose first steps are taken from the record of another run of it. Nobody writes it as a payload: only a fork
/// makes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkedPlan {
    /// The kind of goal that the plan is of.
    pub of: GoalKind,
    /// All of them, those that are taken from the record too.
    pub steps: Vec<Step>,
    pub fork: Fork,
}

/// What cannot be different in a plan that goes on: which field, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFork {
    pub field: &'static str,
    pub reason: String,
}

impl ForkedPlan {
    /// The steps of this payload from the fork on with another model, or another prompt for the one that asks a model.
    pub fn of(payload: &Payload, fork: Fork, model: Option<String>, task: Option<String>) -> Result<Self, NoFork> {
        let mut steps = payload.steps();
        let anew = steps.iter_mut().skip(usize::try_from(fork.from).unwrap_or(usize::MAX));
        let mut asking: Vec<_> = anew
            .filter_map(|step| match step {
                Step::Compose { prompt, model, .. } => Some((prompt, model)),
                _ => None,
            })
            .collect();
        let (from, many) = (fork.from.saturating_add(1), asking.len());
        let no = |field, reason| Err(NoFork { field, reason });
        if many == 0 && model.is_some() {
            return no("model", format!("fits nothing: no step from {from} on asks a model"));
        }
        if many != 1 && task.is_some() {
            let reason = format!(
                "a run of given steps has no task, and of its steps from {from} on {many} ask a model, not one"
            );
            return no("task", format!("fits nothing: {reason}"));
        }
        for (prompt, by) in &mut asking {
            if let Some(task) = &task {
                prompt.clone_from(task);
            }
            if model.is_some() {
                by.clone_from(&model);
            }
        }
        Ok(Self { of: payload.kind(), steps, fork })
    }

    /// The same with a corrected plan; none: it says something else of what is taken from the record.
    pub fn corrected(&self, payload: &Payload) -> Option<Self> {
        let (steps, from) = (payload.steps(), usize::try_from(self.fork.from).unwrap_or(usize::MAX));
        let fits = payload.kind() == self.of && steps.len() > from && self.steps.get(..from) == steps.get(..from);
        fits.then(|| Self { steps, ..self.clone() })
    }
}
