//! What each tool does: the same as the API, by the same rights. A refusal is a result that says why, so that a model
//! can do better.

use actors::domain::{ChainId, GoalId};
use rmcp::model::{CallToolResult, ContentBlock, ErrorData};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::{Desk, offered::MOST_RECEIPTS};
use crate::{
    storage::{self, Archive, ReceiptFilter},
    web::{
        api::{
            goals::{self, GoalView, NewGoal},
            personas,
            receipts::ReceiptView,
        },
        errors::Problem,
        input::{Checks, IdempotencyKey, from_value},
    },
};

const FEWEST_RECEIPTS: u16 = 1;
const RECEIPTS: u16 = 20;
const MOST_FAULTS: usize = 20;
/// Reading the whole record takes seconds of a core: one at a time, whoever asks.
static VERIFYING: Semaphore = Semaphore::const_new(1);

#[derive(Deserialize)]
struct Nobody {}

#[derive(Deserialize)]
struct OfGoal {
    goal: String,
}

#[derive(Deserialize)]
struct OfPersona {
    persona: String,
}

#[derive(Deserialize)]
struct OfReceipts {
    persona: Option<String>,
    goal: Option<GoalId>,
    limit: Option<u16>,
}

impl Desk<'_> {
    /// What came of a call; an error only where there is no such tool.
    pub(super) async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<CallToolResult, ErrorData> {
        let arguments = Value::Object(arguments);
        let done = match name {
            "list_personas" => self.list_personas(arguments).await,
            "give_goal" => self.give_goal(arguments).await,
            "goal_status" => self.goal_status(arguments).await,
            "read_receipts" => self.read_receipts(arguments).await,
            "verify_receipts" => self.verify_receipts(arguments).await,
            _ => return Err(ErrorData::invalid_params(format!("there is no tool `{name}`"), None)),
        };
        Ok(match done {
            Ok(value) => CallToolResult::structured(value),
            Err(problem) => CallToolResult::error(vec![ContentBlock::text(problem.detail)]),
        })
    }

    async fn list_personas(&self, arguments: Value) -> Result<Value, Problem> {
        let Nobody {} = from_value(arguments)?;
        let actors = self.deps.company.actors();
        let line = |persona: actors::domain::Persona| {
            let actor = actors.iter().find(|actor| actor.persona == persona.id);
            json!({
                "slug": persona.slug, "name": persona.name, "role": persona.role, "status": persona.status.as_str(),
                "description": persona.description, "mood": actor.map(|actor| actor.vitals.mood),
            })
        };
        let personas: Vec<Value> = self.deps.db.personas(false).await?.into_iter().map(line).collect();
        Ok(json!({ "personas": personas }))
    }

    async fn give_goal(&self, mut arguments: Value) -> Result<Value, Problem> {
        if let Some(task) = arguments.as_object_mut().and_then(|fields| fields.remove("task")) {
            let mut checks = Checks::default();
            for field in ["kind", "payload", "template"] {
                checks.check(field, arguments.get(field).is_none(), "and `task` exclude each other");
            }
            checks.done()?;
            arguments["kind"] = "agent".into();
            arguments["payload"] = json!({ "task": task });
        }
        let new: NewGoal = from_value(arguments)?;
        let name = new.persona.clone().ok_or_else(|| Problem::field("persona", "is required"))?;
        let persona = personas::find(self.deps, &name).await?;
        let (view, repeated) = goals::delivered(self.deps, self.caller, IdempotencyKey(None), persona.id, new).await?;
        Ok(json!({ "goal": view, "repeated": repeated }))
    }

    async fn goal_status(&self, arguments: Value) -> Result<Value, Problem> {
        let OfGoal { goal } = from_value(arguments)?;
        let goal = goals::find(self.deps, &goal).await?;
        Ok(json!({ "goal": GoalView::read(goal, self.deps, self.names).await? }))
    }

    async fn read_receipts(&self, arguments: Value) -> Result<Value, Problem> {
        let OfReceipts { persona, goal, limit } = from_value(arguments)?;
        let limit = limit.unwrap_or(RECEIPTS);
        if !(FEWEST_RECEIPTS..=MOST_RECEIPTS).contains(&limit) {
            return Err(Problem::field("limit", format!("must be 1 to {MOST_RECEIPTS}")));
        }
        let chain = match persona {
            Some(name) => Some(ChainId::Persona(personas::find(self.deps, &name).await?.id)),
            None => None,
        };
        let filter = ReceiptFilter { chain, goal, newest_first: true, limit: limit.into(), ..ReceiptFilter::default() };
        let rows = self.deps.db.receipts(filter).await?;
        Ok(json!({ "receipts": rows.iter().map(ReceiptView::from).collect::<Vec<_>>() }))
    }

    async fn verify_receipts(&self, arguments: Value) -> Result<Value, Problem> {
        let OfPersona { persona } = from_value(arguments)?;
        let persona = personas::find(self.deps, &persona).await?;
        let deps = self.deps;
        let Ok(_alone) = VERIFYING.try_acquire() else {
            return Err(Problem::unavailable(
                "The record is being verified for somebody else; try again when that is over.",
            ));
        };
        let archive = Archive::of(deps.db.clone(), &deps.config.data_root);
        let report = storage::verify(&archive, Some(persona.id), None, |_| {}).await?;
        let faults: Vec<_> = report.faults.iter().take(MOST_FAULTS).collect();
        Ok(json!({
            "persona": persona.slug, "ok": report.is_sound(), "receipts": report.receipts, "erased": report.erased,
            "unsigned": report.unsigned, "faults": faults,
        }))
    }
}
