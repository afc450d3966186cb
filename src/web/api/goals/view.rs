//! A goal as the API shows it.

use std::collections::{HashMap, hash_map::Entry};

use actors::{
    domain::{BigThree, Goal, GoalId, Part, Payload, PersonaId, Proof},
    ports::Prerequisite,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::web::{Deps, errors::Problem, names::Names};

/// A goal.
#[derive(Debug, Serialize, ToSchema)]
pub struct GoalView {
    #[schema(value_type = String)]
    pub id: GoalId,
    /// The persona's slug.
    pub persona: Option<String>,
    #[schema(value_type = String)]
    pub persona_id: PersonaId,
    pub title: String,
    /// `browser`, `io`, `ai` or `report`.
    pub kind: &'static str,
    #[schema(value_type = Object)]
    pub payload: Value,
    #[schema(value_type = Object)]
    pub proof: Proof,
    /// `pending`, `running`, `parked`, `done`, `unconfirmed`, `failed` or `cancelled`.
    pub state: &'static str,
    /// What a parked goal waits for: `rate`, `reconcile`, `approval`, `pause`, `dependency`, ….
    pub parked_on: Option<&'static str>,
    /// Ids of the goals that it waits for, or waited for.
    #[schema(value_type = Vec<String>)]
    pub waits_for: Vec<GoalId>,
    /// What becomes of it when one of them is over but not done: `fail` or `release`; none: it waits for nobody.
    pub if_failed: Option<&'static str>,
    /// Among what its persona does first in this hour, and why; none: it is not.
    pub big_three: Option<BigThreeView>,
    pub attempts: u32,
    pub last_error: Option<String>,
    /// What was shown, when it is over.
    pub result: Option<String>,
    /// Not before this moment.
    pub due_ms: Option<i64>,
    /// Send it back with a correction.
    pub version: i64,
    pub trace: String,
    pub correlation: Option<String>,
    pub project: Option<String>,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// A goal's place among the three that its persona does first in an hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct BigThreeView {
    /// 1 to 3.
    pub place: usize,
    /// When the hour begins.
    pub hour_ms: i64,
    pub points: u32,
    /// The parts in words.
    pub because: String,
    /// What the points are made of: `what`, `points`, `why`.
    #[schema(value_type = Vec<Object>)]
    pub parts: Vec<Part>,
}

impl BigThreeView {
    /// Where an open goal stands among them.
    pub fn find(goal: &Goal, three: Option<&BigThree>) -> Option<Self> {
        let three = three.filter(|_| !goal.state.is_over())?;
        let place = three.place(goal.id)?;
        let scored = three.goals.get(place)?;
        let (points, because, parts) = (scored.points, scored.because(), scored.parts.clone());
        Some(Self { place: place + 1, hour_ms: three.hour_ms, points, because, parts })
    }
}

/// What the persona does first in the hour that it is now.
async fn current(deps: &Deps, persona: PersonaId) -> Result<Option<BigThree>, Problem> {
    let hour_ms = BigThree::hour(deps.world.now_ms());
    Ok(deps.db.big_three(persona).await?.filter(|three| three.hour_ms >= hour_ms))
}

impl GoalView {
    /// With the slug of its persona, where it is known.
    pub fn new(goal: Goal, persona: Option<String>, waits_for: &[Prerequisite]) -> Self {
        Self {
            id: goal.id,
            persona,
            persona_id: goal.persona,
            title: goal.title,
            kind: goal.payload.kind().as_str(),
            payload: payload(&goal.payload),
            proof: goal.proof,
            state: goal.state.as_str(),
            parked_on: goal.parked_on.map(|on| on.as_str()),
            waits_for: waits_for.iter().map(|prerequisite| prerequisite.goal.id).collect(),
            if_failed: waits_for.first().map(|prerequisite| prerequisite.if_failed.as_str()),
            big_three: None,
            attempts: goal.attempts,
            last_error: goal.last_error,
            result: goal.result,
            due_ms: goal.due_ms,
            version: goal.version,
            trace: goal.trace.0.simple().to_string(),
            correlation: goal.correlation,
            project: goal.project,
            created_by: goal.created_by,
            created_ms: goal.created_ms,
            updated_ms: goal.updated_ms,
        }
    }

    /// With its persona's slug and what it waits for looked up.
    pub async fn read(goal: Goal, deps: &Deps, names: &Names) -> Result<Self, Problem> {
        let waits_for = deps.db.prerequisites(&[goal.id]).await?.remove(&goal.id).unwrap_or_default();
        let slug = names.of(goal.persona).await.map(|named| named.slug.clone());
        let big_three = BigThreeView::find(&goal, current(deps, goal.persona).await?.as_ref());
        Ok(Self { big_three, ..Self::new(goal, slug, &waits_for) })
    }

    /// The same for a list.
    pub async fn read_all(goals: Vec<Goal>, deps: &Deps, names: &Names) -> Result<Vec<Self>, Problem> {
        let ids: Vec<_> = goals.iter().map(|goal| goal.id).collect();
        let mut waits_for = deps.db.prerequisites(&ids).await?;
        let mut views = Vec::with_capacity(goals.len());
        let mut threes: HashMap<PersonaId, Option<BigThree>> = HashMap::new();
        for goal in goals {
            let slug = names.of(goal.persona).await.map(|named| named.slug.clone());
            let waits_for = waits_for.remove(&goal.id).unwrap_or_default();
            if let Entry::Vacant(new) = threes.entry(goal.persona) {
                new.insert(current(deps, goal.persona).await?);
            }
            let big_three = BigThreeView::find(&goal, threes.get(&goal.persona).and_then(Option::as_ref));
            views.push(Self { big_three, ..Self::new(goal, slug, &waits_for) });
        }
        Ok(views)
    }
}

/// The payload as it may be sent again: without its kind, which stands beside it.
fn payload(payload: &Payload) -> Value {
    let mut value = serde_json::to_value(payload).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.remove("kind");
    }
    value
}
