//! An agent's run: a plan that grows from what a model answers.
//!
//! What the model answered and which steps were made of it is one artifact, kept before the next step begins. So the talk
//! and the plan follow from the receipts alone: a resume does what was chosen, and asks only what was not asked.

mod circles;
mod measure;
mod talk;
mod untold;

use std::collections::HashMap;

use super::{attempt::Attempt, claims, history::Key, plan};
use crate::{
    domain::{
        Agent as Variant, AgentPayload, ArtifactKind, Choice, Finish, Goal, Hash, Payload, Persona, Phase, Receipt,
        Step, StepError, Thought, agent_named,
    },
    evidence::canonical,
};

/// The same call so often without any progress is told to the model,
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
    /// So many of its steps had room.
    pub taken: usize,
    /// By what each of its calls is known again.
    asked: Vec<Hash>,
}

impl Agent {
    /// None: the goal's plan is fixed.
    pub fn of(goal: &Goal, persona: &Persona) -> Option<Self> {
        let Payload::Agent(payload) = &goal.payload else { return None };
        let named = |name: &String| agent_named(&persona.agents, name).cloned();
        let variant = payload.agent.as_ref().map(named);
        // What carries the key can be told from everything else when it is read back.
        let task = payload.task.replace(plan::GOAL_KEY, &goal.id.to_string());
        let payload = AgentPayload { task, ..(**payload).clone() };
        Some(Self { payload, variant, thoughts: Vec::new(), texts: HashMap::new() })
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
        // One step is kept for the answer in the end.
        let room = agent.most_steps().saturating_sub(self.steps.len() + 1);
        let chosen: Vec<Step> = chosen.take(room).collect();
        let asked = thought.chosen.iter().map(circles::digest).collect();
        agent.thoughts.push(Thinking { thought, first: self.steps.len(), taken: chosen.len(), asked });
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
        let wanted = self.wanted();
        if let Some(last) = wanted.last().and_then(|counts| counts.iter().position(|often| *often >= REPEATS_AT_MOST)) {
            return Err(in_circles(agent.thoughts.last().map_or("", |last_thought| last_thought.name(last))));
        }
        let answer_now = self.must_end(agent)?;
        let about = |at: usize| talk::Told {
            receipt: self.history.came_of(self.steps.index(at)),
            text: agent.texts.get(&at).map(String::as_str),
        };
        let repeated = |thought: usize, call: usize| wanted[thought][call] >= REPEATS_TOLD;
        let Manner { tools, model, instructions } = agent.manner()?;
        let turns = talk::turns(
            &agent.payload.task,
            &agent.thoughts,
            &talk::Came { about: &about, repeated: &repeated },
            answer_now,
        );
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
        let agent = self.agent.as_ref()?;
        let of = agent.thoughts.iter().position(|thinking| thinking.holds(at))?;
        let call = agent.thoughts[of].call_at(at)?;
        let often = *self.wanted().get(of)?.get(call)?;
        (often >= REPEATS_AT_MOST).then(|| in_circles(&self.steps[at].tool()))
    }

    /// How often each call was wanted, by thought.
    fn wanted(&self) -> Vec<Vec<usize>> {
        let thoughts = self.agent.as_ref().map_or(&[][..], |agent| &agent.thoughts);
        circles::counted(thoughts, |at| self.history.came_of(self.steps.index(at)))
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
    pub(super) async fn claimed(&mut self) -> Result<Option<(String, claims::Held)>, StepError> {
        let Some(answer) = self.agent.as_ref().and_then(|agent| agent.answer().map(str::to_owned)) else {
            return Ok(None);
        };
        self.read_texts().await?;
        let Some(Agent { texts, payload, .. }) = &self.agent else { return Ok(None) };
        let record =
            claims::Record { task: &payload.task, steps: &self.steps, receipts: self.history.receipts(), texts };
        let held = claims::check(&answer, &self.persona.name, self.goal.proof.is_empty(), &record);
        Ok(Some((answer, held)))
    }
}

impl Thinking {
    fn holds(&self, at: usize) -> bool {
        (self.first..self.first + self.taken).contains(&at)
    }

    /// Which of its calls became the step at this place.
    fn call_at(&self, at: usize) -> Option<usize> {
        let steps = self.thought.chosen.iter().enumerate().filter(|(_, chosen)| matches!(chosen.what, Choice::Step(_)));
        steps.map(|(call, _)| call).nth(at.checked_sub(self.first)?)
    }

    fn name(&self, call: usize) -> &str {
        self.thought.chosen.get(call).map_or("", |chosen| &chosen.call.name)
    }
}

fn in_circles(tool: &str) -> StepError {
    StepError::permanent(format!("the model wanted the same call {REPEATS_AT_MOST} times and came no further: {tool}"))
}

fn lost(why: &str) -> StepError {
    StepError::permanent(format!("what the model answered cannot be read again: {why}; give a new goal"))
}

/// Whether a receipt says that the model's call was not made at all.
fn is_denied(receipt: &Receipt) -> bool {
    receipt.phase == Some(Phase::Denied)
}
