//! What a run is told when it begins or goes on: it is on the receipt that says so, or in an artifact of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::warn;

use crate::{
    domain::{
        Agent, ArtifactKind, ArtifactRef, Draft, Goal, GoalState, Grants, Hours, Limits, Payload, Permissions, Persona,
        Receipt, Role, Run, Slug, agent_named,
    },
    evidence::canonical,
    ports::Blobs,
    run::attempt::Attempt,
};

/// Longer than this it is an artifact.
const INLINE_BYTES: usize = 8 << 10;
/// Where the receipt's data holds it.
const KEY: &str = "opening";
/// Name of the artifact.
const FILE: &str = "opening.json";

/// What a stretch of a run was told at its beginning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::run) struct Opening {
    /// As it was then, with the attempts before this one.
    pub goal: Goal,
    /// The persona's.
    pub name: String,
    pub hours: Hours,
    #[serde(default, skip_serializing_if = "is_first")]
    pub permissions: Permissions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub grants: Grants,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// The agent that the goal names; where there is none, the names of those there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<Agent>,
    /// How often the message had brought down a run.
    pub falls: u32,
    /// Goals of the persona that had failed in a row.
    pub streak: u32,
    pub limits: Held,
    /// An open run went on.
    pub resumed: bool,
}

fn is_first(permissions: &Permissions) -> bool {
    *permissions == Permissions::default()
}

fn says_nothing(grants: &Grants) -> bool {
    *grants == Grants::default()
}

/// Limits that a run's receipts depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::run) struct Held {
    pub retry_after_ms: Vec<u64>,
    pub circuit_after: u32,
    pub standing_hosts: Vec<String>,
    pub approve_within_ms: u64,
}

impl Held {
    fn of(limits: &Limits) -> Self {
        let ms = |pause: &Duration| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        Self {
            retry_after_ms: limits.retry_after.iter().map(ms).collect(),
            circuit_after: limits.circuit_after,
            standing_hosts: limits.standing_hosts.clone(),
            approve_within_ms: ms(&limits.approve_within),
        }
    }

    /// These limits, but for what is on record.
    pub fn over(&self, limits: &Limits) -> Limits {
        Limits {
            retry_after: self.retry_after_ms.iter().copied().map(Duration::from_millis).collect(),
            circuit_after: self.circuit_after,
            standing_hosts: self.standing_hosts.clone(),
            approve_within: Duration::from_millis(self.approve_within_ms),
            ..limits.clone()
        }
    }
}

impl Opening {
    /// `attempts`: begun before this one.
    pub fn of(attempt: &Attempt<'_>, attempts: u32, resumed: bool) -> Self {
        let goal = Goal { attempts, last_error: None, result: None, ..attempt.goal.clone() };
        Self {
            goal,
            name: attempt.persona.name.clone(),
            hours: attempt.persona.hours,
            permissions: attempt.persona.permissions.clone(),
            role: attempt.persona.role,
            grants: attempt.persona.grants.clone(),
            slug: Some(attempt.persona.slug.clone()),
            agents: named(&attempt.goal, &attempt.persona.agents),
            falls: attempt.message.falls,
            streak: attempt.failure_streak,
            limits: Held::of(&attempt.runner.limits),
            resumed,
        }
    }

    /// Puts it on the receipt that opens the run.
    pub async fn write_into(&self, draft: &mut Draft, blobs: &dyn Blobs) {
        let text = json!(self).to_string();
        if text.len() <= INLINE_BYTES {
            draft.body.data = json!({ KEY: self });
            return;
        }
        let (bytes, hash) = (text.len() as u64, canonical::sha256(text.as_bytes()));
        let kept = blobs.put(text.into_bytes()).await;
        if let Err(error) = &kept {
            warn!("what a run was told at its beginning was not kept, so it cannot be replayed: {error}");
        }
        draft.body.data = json!({ KEY: FILE });
        draft.body.artifacts.push(ArtifactRef {
            kind: ArtifactKind::Text,
            name: FILE.to_owned(),
            media_type: "application/json".to_owned(),
            bytes,
            hash,
            missing: kept.is_err(),
        });
    }

    /// Whether a stretch begins with this receipt.
    pub fn is_on(receipt: &Receipt) -> bool {
        let opens = receipt.step.is_none() && receipt.phase.is_none();
        opens && receipt.body.as_ref().is_some_and(|body| body.data.get(KEY).is_some())
    }

    /// None: it is gone, or no longer what it was.
    pub async fn read(receipt: &Receipt, blobs: &dyn Blobs) -> Option<Self> {
        let body = receipt.body.as_ref()?;
        let inline = body.data.get(KEY).filter(|opening| opening.is_object());
        if let Some(opening) = inline {
            return Self::deserialize(opening).ok();
        }
        let kept = body.artifacts.iter().find(|kept| kept.name == FILE && !kept.missing)?;
        let bytes = blobs.get(kept.hash).await.ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// The goal as the open run has it.
    pub fn begun_goal(&self, run: &Run) -> Goal {
        let attempts = if self.resumed { self.goal.attempts } else { run.attempt };
        Goal { attempts, state: GoalState::Running, ..self.goal.clone() }
    }

    /// This persona, as far as a run knows it, as it was.
    pub fn persona(&self, now: &Persona) -> Persona {
        Persona {
            slug: self.slug.clone().unwrap_or_else(|| now.slug.clone()),
            name: self.name.clone(),
            role: self.role,
            hours: self.hours,
            permissions: self.permissions.clone(),
            grants: self.grants.clone(),
            agents: self.agents.clone(),
            ..now.clone()
        }
    }
}

/// What a run of this goal knows of its persona's agents.
fn named(goal: &Goal, all: &[Agent]) -> Vec<Agent> {
    let Payload::Agent(payload) = &goal.payload else { return Vec::new() };
    let Some(name) = &payload.agent else { return Vec::new() };
    let only_its_name =
        |agent: &Agent| Agent { instructions: String::new(), model: None, tools: Vec::new(), ..agent.clone() };
    match agent_named(all, name) {
        Ok(agent) => vec![agent.clone()],
        Err(_) => all.iter().map(only_its_name).collect(),
    }
}
