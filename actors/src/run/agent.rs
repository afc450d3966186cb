//! An agent's run: a plan that grows from what a model answers.
//!
//! What the model answered and which steps were made of it is one artifact, kept before the next step begins. So the talk
//! and the plan follow from the receipts alone: a resume does what was chosen, and asks only what was not asked.

mod circles;
mod talk;
mod untold;

use std::collections::HashMap;

use super::{attempt::Attempt, claims, history::Key, proof::Line};
use crate::{
    domain::{
        Agent as Variant, AgentPayload, ArtifactKind, Choice, Finish, Payload, Persona, Phase, Receipt, Step,
        StepError, Thought, agent_named,
    },
    evidence::canonical,
};

/// The same call with the same result so often is told to the model,
const REPEATS_TOLD: usize = 3;
/// and so often ends the attempt.
const REPEATS_AT_MOST: usize = 5;

/// What an agent's run knows beyond its steps.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    payload: AgentPayload,
    /// As which of its persona's agents it works, if the goal names one; else why it cannot.
    variant: Option<Result<Variant, String>>,
    thoughts: Vec<Thinking>,
    /// The texts that steps left as artifacts, by their place and cut: a page is too long for a receipt.
    texts: HashMap<usize, String>,
}

/// Which tools it may call at most, with which model, and what it is told besides.
struct Manner {
    tools: Vec<String>,
    model: Option<String>,
    instructions: Option<String>,
}

/// A thought, and where its steps stand.
#[derive(Debug, Clone)]
pub(super) struct Thinking {
    pub thought: Thought,
    /// The place of its first step; the others follow.
    pub first: usize,
}

impl Agent {
    /// None: the goal's plan is fixed.
    pub fn of(payload: &Payload, persona: &Persona) -> Option<Self> {
        let Payload::Agent(payload) = payload else { return None };
        let named = |name: &String| agent_named(&persona.agents, name).cloned();
        let variant = payload.agent.as_ref().map(named);
        Some(Self { payload: (**payload).clone(), variant, thoughts: Vec::new(), texts: HashMap::new() })
    }

    /// How it works at this goal.
    fn manner(&self) -> Result<Manner, StepError> {
        let AgentPayload { tools, model, .. } = &self.payload;
        let Some(variant) = &self.variant else {
            return Ok(Manner { tools: tools.clone(), model: model.clone(), instructions: None });
        };
        let variant = variant.as_ref().map_err(StepError::permanent)?;
        Ok(Manner {
            tools: variant.tools_for(tools).map_err(StepError::permanent)?,
            model: model.clone().or_else(|| variant.model.clone()),
            instructions: Some(variant.instructions.clone()),
        })
    }

    /// What it said in the end; none: it is not at its end.
    fn answer(&self) -> Option<&str> {
        let Thought { answer, chosen } = &self.thoughts.last()?.thought;
        let is_whole = chosen.is_empty() && answer.finish == Finish::Stop && !answer.text.trim().is_empty();
        is_whole.then_some(answer.text.as_str())
    }
}

impl Attempt<'_> {
    /// Takes in every thought that is on record and not in the plan yet.
    pub(super) async fn grow(&mut self) -> Result<(), StepError> {
        while let Some(agent) = &self.agent
            && agent.answer().is_none()
            && let Some(last) = self.steps.len().checked_sub(1)
            && let Some(recorded) = self.history.newest(self.steps.index(last))
        {
            let kept = recorded.body.iter().flat_map(|body| &body.artifacts).find(|kept| kept.name == Thought::FILE);
            let hash = kept.map(|kept| kept.hash).ok_or_else(|| lost("its artifact is not named"))?;
            let bytes = self.runner.broker.ports.blobs.get(hash).await.map_err(|error| lost(&error.to_string()))?;
            let bytes = bytes.ok_or_else(|| lost("its artifact is gone"))?;
            let thought: Thought = serde_json::from_slice(&bytes).map_err(|error| lost(&error.to_string()))?;
            self.follow(thought);
        }
        Ok(())
    }

    fn follow(&mut self, thought: Thought) {
        let Some(agent) = &mut self.agent else { return };
        let chosen = thought.chosen.iter().filter_map(|chosen| match &chosen.what {
            Choice::Step(step) => Some((**step).clone()),
            Choice::Refused(_) => None,
        });
        let chosen: Vec<Step> = chosen.collect();
        agent.thoughts.push(Thinking { thought, first: self.steps.len() });
        if agent.answer().is_none() {
            self.steps.append(chosen);
        }
    }

    /// Reads the texts that steps left, as far as a model is told them.
    async fn read_texts(&mut self) -> Result<(), StepError> {
        let Some(agent) = &mut self.agent else { return Ok(()) };
        for at in 0..self.steps.len() {
            if agent.texts.contains_key(&at) || self.steps[at].is_thought() {
                continue;
            }
            let receipt = self.history.came_of(self.steps.index(at));
            let kept = receipt
                .and_then(|receipt| receipt.body.as_ref())
                .and_then(|body| body.artifacts.iter().find(|kept| kept.kind == ArtifactKind::Text && !kept.missing));
            let Some(kept) = kept else { continue };
            let bytes =
                self.runner.broker.ports.blobs.get(kept.hash).await.map_err(|error| lost(&error.to_string()))?;
            let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
            agent.texts.insert(at, talk::cut(&text, talk::RESULT_CHARS));
        }
        Ok(())
    }

    /// The step as it is carried out. What a model wrote is no template: nothing is filled in there.
    pub(super) async fn filled(&mut self, step: &Step) -> Result<Step, StepError> {
        if step.is_thought() {
            self.read_texts().await?;
        }
        let Some(agent) = &self.agent else {
            // What another step was told or answered is no template either.
            return if self.goal.payload.undoes().is_some() { Ok(step.clone()) } else { self.fill(step) };
        };
        if !step.is_thought() {
            return Ok(step.clone());
        }
        let asked = u32::try_from(agent.thoughts.len()).unwrap_or(u32::MAX);
        if asked >= agent.payload.max_steps {
            let text = format!(
                "it did not come to an end within {} thoughts: raise `max_steps`, or make the task smaller",
                agent.payload.max_steps
            );
            return Err(StepError::permanent(text));
        }
        let late = self.history.worked_ms(self.run.id) >= i64::from(agent.payload.max_minutes).saturating_mul(60_000);
        let about = |at: usize| talk::Told {
            receipt: self.history.came_of(self.steps.index(at)),
            text: agent.texts.get(&at).map(String::as_str),
            repeated: self.repeats(at, at + 1) >= REPEATS_TOLD,
        };
        let answer_now = late || asked + 1 == agent.payload.max_steps;
        let Manner { tools, model, instructions } = agent.manner()?;
        let turns = talk::turns(&agent.payload.task, &agent.thoughts, &about, answer_now);
        Ok(Step::Think { turns, tools, model, answer_now, found: self.found(), instructions })
    }

    /// The tools that it looked for and found, by name.
    fn found(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for at in 0..self.steps.len() {
            if !matches!(self.steps[at], Step::ToolSearch { .. } | Step::ToolDescribe { .. }) {
                continue;
            }
            let body = self.history.came_of(self.steps.index(at)).and_then(|receipt| receipt.body.as_ref());
            let tools = body.and_then(|body| body.data.get("tools")?.as_array());
            let names = tools.into_iter().flatten().filter_map(|tool| tool.get("name")?.as_str());
            found.extend(names.map(str::to_owned));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether the model only goes in circles.
    pub(super) fn goes_in_circles(&self, at: usize) -> Option<StepError> {
        let circles = self.agent.is_some() && self.repeats(at, at) + 1 >= REPEATS_AT_MOST;
        let text = || format!("the model wanted the same call {REPEATS_AT_MOST} times: {}", self.steps[at].tool());
        circles.then(|| StepError::permanent(text()))
    }

    fn repeats(&self, at: usize, before: usize) -> usize {
        self.steps.get(at).map_or(0, |step| circles::repeats(&self.steps, &self.history, step, before))
    }

    /// What the same effect of an earlier attempt became, when it was begun then.
    pub(super) fn earlier(&self, at: usize) -> Key {
        match self.effect_key(at) {
            Some(key) if self.steps[at].effect().needs_intent() => self.history.keyed(&key, self.steps.index(at)),
            _ => Key::Open,
        }
    }

    /// The key of an agent's effect: the call itself, and how many equal ones have happened before it, as far as anyone
    /// knows. None: the plan is fixed.
    pub(super) fn effect_key(&self, at: usize) -> Option<String> {
        self.agent.as_ref()?;
        let step = self.steps.get(at)?;
        let is_like_it =
            |before: &usize| self.steps[*before] == *step && self.history.has_happened(self.steps.index(*before));
        let before = (0..at).filter(is_like_it).count();
        let digest = canonical::sha256(step.to_args().to_string().as_bytes());
        Some(format!("{}:{digest}:{before}", self.goal.id))
    }

    /// Whether a model must not begin anew: it would not know what it did already, and find another way to do it again.
    pub(super) fn must_go_on(&self) -> bool {
        self.agent.is_some() && self.history.has_irreversible(self.run.id)
    }

    /// The answer in the end, and which of its statements a receipt shows. None: the plan is fixed, or not at its end.
    pub(super) fn claimed(&self) -> Option<(String, Vec<Line>)> {
        let answer = self.agent.as_ref()?.answer()?;
        Some((answer.to_owned(), claims::check(answer, &self.steps, self.history.receipts())))
    }
}

fn lost(why: &str) -> StepError {
    StepError::permanent(format!("what the model answered cannot be read again: {why}; give a new goal"))
}

/// Whether a receipt says that the model's call was not made at all.
fn is_denied(receipt: &Receipt) -> bool {
    receipt.phase == Some(Phase::Denied)
}
