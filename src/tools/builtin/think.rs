//! `think`: a model says what an agent does next. What it wants is checked here, whole, before anything is done.

use std::{sync::Arc, time::Duration};

use actors::domain::{
    ChatRequest, Choice, Chosen, NewArtifact, Outcome, Persona, Step, StepError, Thought, ToolCall, Turn,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::compose::failed;
use crate::{
    models::{Chatted, Models, build_agent_prompt},
    tools::{fitted::Fitted, own::OwnTool, toolbox::Reach},
};

/// Tokens of one answer at most.
const MOST_TOKENS: u32 = 4_096;
/// Characters of an answer that its receipt repeats.
const SHOWN: usize = 500;
/// Characters of why a call was refused that the line about it repeats.
const SHOWN_WHY: usize = 200;

/// What the model is told.
pub(in crate::tools) struct Asked<'a> {
    pub persona: &'a Persona,
    /// The own tools of the persona, and everyone's.
    pub own: Arc<[OwnTool]>,
    /// What tools stand on.
    pub fitted: Fitted,
    turns: Vec<Turn>,
    tools: Vec<String>,
    found: Vec<String>,
    model: Option<String>,
    answer_now: bool,
    instructions: Option<String>,
}

impl<'a> Asked<'a> {
    /// What a step asks; none: it asks no model what to do.
    pub(in crate::tools) fn of(step: Step, persona: &'a Persona, own: Arc<[OwnTool]>, fitted: Fitted) -> Option<Self> {
        let Step::Think { turns, tools, model, answer_now, found, instructions } = step else { return None };
        Some(Self { persona, own, fitted, turns, tools, found, model, answer_now, instructions })
    }

    fn reach(&self) -> Reach<'_> {
        let (named, found) = (&self.tools, &self.found);
        Reach { own: &self.own, named, found, persona: Some(self.persona), fitted: self.fitted }
    }

    /// What calls come down to. Arguments are held against schemas, so it is done beside.
    async fn choose(&self, calls: Vec<ToolCall>) -> Vec<Chosen> {
        let refused = |call, why: &str| Chosen { call, what: Choice::Refused(why.to_owned()) };
        if self.answer_now {
            return calls.into_iter().map(|call| refused(call, "there is no time for more calls")).collect();
        }
        let (persona, own, named, found) =
            (self.persona.clone(), self.own.clone(), self.tools.clone(), self.found.clone());
        let (asked, fitted) = (calls.clone(), self.fitted);
        let chosen = spawn_blocking(move || {
            let reach = Reach { own: &own, named: &named, found: &found, persona: Some(&persona), fitted };
            asked.into_iter().map(|call| reach.choose(call)).collect()
        });
        let fell = |_| calls.into_iter().map(|call| refused(call, "its arguments could not be looked at")).collect();
        chosen.await.unwrap_or_else(fell)
    }

    /// The whole request, as the model gets it.
    pub(in crate::tools) fn request(&self) -> ChatRequest {
        let mut text = build_agent_prompt(self.persona);
        if let Some(instructions) = &self.instructions {
            text.push_str("\n\nHow you work at this goal: ");
            text.push_str(instructions.trim());
        }
        let system = Turn::System { text };
        let turns = std::iter::once(system).chain(self.turns.iter().cloned()).collect();
        ChatRequest {
            model: self.model.clone(),
            turns,
            tools: self.reach().offers(),
            must_answer: self.answer_now,
            max_output_tokens: MOST_TOKENS,
            temperature_thousandths: self.persona.profile.temperature_thousandths,
            answer_schema: None,
        }
    }
}

/// Asks. Request and thought are artifacts; the receipt says in few words what was chosen.
pub(in crate::tools) async fn think(models: &Models, asked: Asked<'_>, limit: Duration) -> Outcome {
    let request = asked.request();
    let chatted = match models.chat(asked.persona, &request, limit).await {
        Ok(chatted) => chatted,
        Err(error) => return failed("think", &error),
    };
    let Chatted { answer, provider, model, sent, cost, tried } = chatted;
    let is_shortened = sent.is_some();
    let request = sent.unwrap_or(request);
    let chosen = asked.choose(answer.calls.clone()).await;
    let thought = Thought { answer, chosen };
    let calls: Vec<Value> = thought.chosen.iter().map(shown).collect();
    let said: String = thought.answer.text.chars().take(SHOWN).collect();
    let did = did(&thought.chosen, &provider);
    let mut data = json!({
        "step": "think", "ok": true, "details": did, "provider": provider, "model": model,
        "finish": thought.answer.finish, "calls": calls, "text": said, "tried": tried,
    });
    if is_shortened {
        data["shortened"] = "older results were shortened to fit into the model's context".into();
    }
    let kept = [(ChatRequest::FILE, as_json(&request)), (Thought::FILE, as_json(&thought))];
    let mut outcome = Outcome { cost, ..Outcome::done(did, data) };
    for (name, bytes) in kept {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::not_begun("could not keep what the model said", error),
        };
        outcome = outcome.with_artifact(NewArtifact::json(name, bytes));
    }
    outcome
}

/// In a line for people; a call that was refused says so, and why.
fn did(chosen: &[Chosen], provider: &str) -> String {
    let refused: Vec<&str> = chosen.iter().filter_map(refusal).collect();
    let chose = match (chosen.len(), refused.len()) {
        (0, _) => "answered".to_owned(),
        (1, 0) => "chose a call".to_owned(),
        (many, 0) => format!("chose {many} calls"),
        (1, _) => "chose a call that was refused".to_owned(),
        (many, of_them) => format!("chose {many} calls, {of_them} of them refused"),
    };
    let why = refused.first().map(|why| format!(": {}", why.chars().take(SHOWN_WHY).collect::<String>()));
    format!("{chose}, by {provider}{}", why.unwrap_or_default())
}

fn refusal(chosen: &Chosen) -> Option<&str> {
    match &chosen.what {
        Choice::Step(_) => None,
        Choice::Refused(why) => Some(why),
    }
}

fn shown(chosen: &Chosen) -> Value {
    match &chosen.what {
        Choice::Step(step) => json!({"tool": step.tool()}),
        Choice::Refused(why) => json!({"tool": chosen.call.name, "refused": why}),
    }
}

fn as_json(what: &impl Serialize) -> Result<Vec<u8>, StepError> {
    serde_json::to_vec(what).map_err(|error| StepError::permanent(format!("it has no JSON form: {error}")))
}
