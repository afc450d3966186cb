//! Model `persona/<slug>`: a message in that persona's inbox, answered by its ordinary work.

use std::sync::Arc;

use actors::{
    domain::{
        Body, Chat, ChatAnswer, Cost, Finish, Goal, GoalId, GoalState, ParkedOn, Persona, PersonaStatus, Phase,
        Receipt, ReceiptKind, Turn, WaitsFor, by_key,
    },
    supervisor::{By, NewWork, Work},
};
use serde_json::Value;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

use super::{CALL_LIMIT, asked::Asked, chat::Calling, errors::Refusal, told::Label};
use crate::storage::ReceiptFilter;

/// Receipts of one goal that are looked through.
const MOST_RECEIPTS: u32 = 500;
/// Characters of a message, as in every inbox.
const MOST_CHARS: usize = 20_000;

/// The persona that a model's name means.
pub(super) fn slug_of(model: &str) -> Option<&str> {
    model.strip_prefix("persona/")
}

/// The whole answer.
pub(super) async fn whole(calling: Calling, asked: Asked) -> Result<Value, Refusal> {
    let label = Label::new(calling.deps.world.new_id(), calling.deps.world.now_ms(), &asked.how.model);
    let (answer, cost) = Given::to(calling, &asked).await?.answer().await?;
    Ok(label.completion(&answer, cost))
}

/// What was said to a persona, in its inbox.
pub(super) struct Given {
    calling: Calling,
    persona: Persona,
    goal: GoalId,
    by: By,
    receipts: Receiver<Arc<Receipt>>,
}

impl Given {
    /// Puts it there.
    pub(super) async fn to(calling: Calling, asked: &Asked) -> Result<Self, Refusal> {
        if !asked.request.tools.is_empty() || asked.request.answer_schema.is_some() {
            return Err(Refusal::field(
                "tools",
                "and `response_format` are not for personas: a persona answers in its own words",
            ));
        }
        let text = message(&asked.request.turns)?;
        let slug = slug_of(&asked.how.model).unwrap_or_default();
        let persona = calling.deps.db.persona_named(slug).await?;
        let persona = persona.filter(|persona| persona.status != PersonaStatus::Deleted);
        let persona = persona.ok_or_else(|| Refusal::no_model(&asked.how.model))?;
        if persona.status == PersonaStatus::Paused {
            return Err(Refusal::conflict(format!(
                "{} is paused: its messages wait until somebody resumes it.",
                persona.name
            )));
        }
        let work = NewWork {
            persona: persona.id,
            what: Work::Arrived(Arc::new(Chat { text, place: None, burst: None })),
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: None,
            project: None,
            waits_for: WaitsFor::default(),
        };
        let by = By { who: by_key(&calling.key.name), trace: calling.trace };
        let receipts = calling.deps.company.receipts();
        let goal = calling.deps.company.deliver(work, &by).await?.goal.id;
        Ok(Self { calling, persona, goal, by, receipts })
    }

    /// What the persona says, and what its models took.
    pub(super) async fn answer(self) -> Result<(ChatAnswer, Option<Cost>), Refusal> {
        let Self { calling, persona, goal, by, mut receipts } = self;
        let over = timeout(CALL_LIMIT, calling.over(goal, &by, &mut receipts)).await.unwrap_or_else(|_| {
            let text =
                format!("{} is still at it, as goal {goal}: its answer will be in its conversation.", persona.name);
            Err(Refusal::timed_out(text))
        })?;
        calling.said(&over).await
    }
}

impl Calling {
    /// Waits for the goal to be over.
    async fn over(&self, id: GoalId, by: &By, receipts: &mut Receiver<Arc<Receipt>>) -> Result<Goal, Refusal> {
        loop {
            let goal = self.deps.db.goal(id).await?.ok_or_else(|| Refusal::broken("The goal is gone."))?;
            if goal.state.is_over() {
                return Ok(goal);
            }
            if goal.parked_on == Some(ParkedOn::Budget) {
                let why = goal.last_error.unwrap_or_else(|| "A budget has no room for it.".to_owned());
                // Who asked hears of it now; nobody would hear the answer of another day.
                self.deps.company.cancel_goal(id, by).await?;
                return Err(Refusal::over_budget(why));
            }
            loop {
                match receipts.recv().await {
                    Ok(receipt) if receipt.goal == Some(id) => break,
                    Ok(_) => {}
                    // Some were missed: look.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Err(Refusal::broken("The server is ending.")),
                }
            }
        }
    }

    async fn said(&self, goal: &Goal) -> Result<(ChatAnswer, Option<Cost>), Refusal> {
        let limit = MOST_RECEIPTS;
        let filter = ReceiptFilter { goal: Some(goal.id), newest_first: true, limit, ..ReceiptFilter::default() };
        let receipts = self.deps.db.receipts(filter).await?;
        // An answer is handed over as one: whether it is proven, the goal says.
        let is_answered =
            goal.state == GoalState::Done || (goal.state == GoalState::Unconfirmed && goal.result.is_some());
        if !is_answered {
            let why = goal.last_error.as_deref().or(goal.result.as_deref()).unwrap_or("no reason was recorded");
            let fits_no_budget = goal.state == GoalState::Failed && receipts.iter().any(is_over_budget);
            return Err(match fits_no_budget {
                true => Refusal::over_budget(why),
                false => Refusal::failed(format!("The persona's work ended {}: {why}.", goal.state)),
            });
        }
        let of_models = || receipts.iter().filter(|receipt| receipt.kind == ReceiptKind::Llm);
        let value = |receipt: &Receipt| receipt.body.as_ref()?.data.get("value")?.as_str().map(str::to_owned);
        let text = of_models().find_map(value).or_else(|| goal.result.clone()).unwrap_or_default();
        let mut costs = of_models().filter_map(|receipt| receipt.body.as_ref()?.cost);
        let cost = costs.next().map(|first| {
            costs.fold(first, |sum, cost| Cost {
                input_tokens: sum.input_tokens.saturating_add(cost.input_tokens),
                output_tokens: sum.output_tokens.saturating_add(cost.output_tokens),
                micro_usd: sum.micro_usd.saturating_add(cost.micro_usd),
            })
        });
        Ok((ChatAnswer { text, calls: Vec::new(), finish: Finish::Stop }, cost))
    }
}

/// Its call is larger than a whole budget: no other day has room for it.
fn is_over_budget(receipt: &Receipt) -> bool {
    let names_a_budget = |body: &Body| body.data.get("scope").is_some() && body.data.get("hard").is_some();
    receipt.phase == Some(Phase::Denied) && receipt.body.as_ref().is_some_and(names_a_budget)
}

/// What lands in the inbox: the last words; what was said before stands above them, for it knows only its own past.
fn message(turns: &[Turn]) -> Result<String, Refusal> {
    let line = |turn: &Turn| match turn {
        Turn::System { text } => format!("The program’s note: {text}"),
        Turn::User { text } => format!("Them: {text}"),
        Turn::Assistant { text, .. } => format!("You: {text}"),
        Turn::Tool { text, .. } => format!("Result: {text}"),
    };
    let (Some(Turn::User { text: last }), before) = (turns.last(), &turns[..turns.len().saturating_sub(1)]) else {
        return Err(Refusal::field("messages", "must end with a message of role `user`"));
    };
    if last.trim().is_empty() {
        return Err(Refusal::field(format!("messages[{}].content", before.len()), "must not be empty"));
    }
    let text = match before {
        [] => last.clone(),
        before => {
            let before: Vec<_> = before.iter().map(line).collect();
            format!("What was said before:\n{}\n\n{last}", before.join("\n"))
        }
    };
    let count = text.chars().count();
    if count > MOST_CHARS {
        return Err(Refusal::too_long(format!(
            "A message to a persona may have {MOST_CHARS} characters; this has {count}."
        )));
    }
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    Ok(text.replace(is_odd, " "))
}
