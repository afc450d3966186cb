//! An agent's run: a plan that grows from what a model answers.
//!
//! What the model answered and which steps were made of it is one artifact, kept before the next step begins. So the talk
//! and the plan follow from the receipts alone: a resume does what was chosen, and asks only what was not asked.

mod talk;

use std::collections::HashMap;

use super::{attempt::Attempt, claims, history::Key, proof::Line};
use crate::{
    domain::{AgentPayload, ArtifactKind, Choice, Payload, Phase, Receipt, Step, StepError, Thought},
    evidence::canonical,
};

/// The same call so often is told to the model,
const REPEATS_TOLD: usize = 3;
/// and so often ends the attempt.
const REPEATS_AT_MOST: usize = 5;

/// What an agent's run knows beyond its steps.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    payload: AgentPayload,
    thoughts: Vec<Thinking>,
    /// The texts that steps left as artifacts, by their place: a page is too long for a receipt.
    texts: HashMap<usize, String>,
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
    pub fn of(payload: &Payload) -> Option<Self> {
        match payload {
            Payload::Agent(payload) => {
                Some(Self { payload: (**payload).clone(), thoughts: Vec::new(), texts: HashMap::new() })
            }
            _ => None,
        }
    }

    /// What it said in the end; none: it is not at its end.
    fn answer(&self) -> Option<&str> {
        let Thought { answer, chosen } = &self.thoughts.last()?.thought;
        (chosen.is_empty() && !answer.text.trim().is_empty()).then_some(answer.text.as_str())
    }
}

/// How often this step stands in the plan up to this place.
fn repeats(steps: &[Step], at: usize) -> usize {
    let Some(step) = steps.get(at).filter(|step| !matches!(step, Step::Think { .. })) else { return 0 };
    steps[..at].iter().filter(|earlier| *earlier == step).count()
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

    /// Reads the texts that steps since the last thought left.
    async fn read_texts(&mut self) -> Result<(), StepError> {
        let Some(agent) = &mut self.agent else { return Ok(()) };
        let first = agent.thoughts.last().map_or(0, |thinking| thinking.first);
        for at in agent.thoughts.first().map_or(first, |thinking| thinking.first)..self.steps.len() {
            if agent.texts.contains_key(&at) || matches!(self.steps[at], Step::Think { .. }) {
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
            agent.texts.insert(at, text);
        }
        Ok(())
    }

    /// The step as it is carried out. What a model wrote is no template: nothing is filled in there.
    pub(super) async fn filled(&mut self, step: &Step) -> Result<Step, StepError> {
        if matches!(step, Step::Think { .. }) {
            self.read_texts().await?;
        }
        let Some(agent) = &self.agent else { return self.fill(step) };
        if !matches!(step, Step::Think { .. }) {
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
        let late = self.took_so_far_ms() >= i64::from(agent.payload.max_minutes).saturating_mul(60_000);
        let about = |at: usize| talk::Told {
            receipt: self.history.came_of(self.steps.index(at)),
            text: agent.texts.get(&at).map(String::as_str),
            repeated: repeats(&self.steps, at) + 1 >= REPEATS_TOLD,
        };
        let answer_now = late || asked + 1 == agent.payload.max_steps;
        Ok(Step::Think {
            turns: talk::turns(&agent.payload.task, &agent.thoughts, &about, answer_now),
            tools: agent.payload.tools.clone(),
            model: agent.payload.model.clone(),
            answer_now,
        })
    }

    /// How long this run has taken, by its receipts: a replay must come to the same.
    fn took_so_far_ms(&self) -> i64 {
        let mut own = self.history.receipts().iter().filter(|receipt| receipt.run == Some(self.run.id));
        let first = own.next().map_or(0, |receipt| receipt.at_ms);
        own.next_back().map_or(0, |last| (last.at_ms - first).max(0))
    }

    /// Whether the model only goes in circles.
    pub(super) fn goes_in_circles(&self, at: usize) -> Option<StepError> {
        let circles = self.agent.is_some() && repeats(&self.steps, at) + 1 >= REPEATS_AT_MOST;
        let text = || format!("the model wanted the same call {REPEATS_AT_MOST} times: {}", self.steps[at].tool());
        circles.then(|| StepError::permanent(text()))
    }

    /// What the same effect of an earlier attempt became, when it was begun then.
    pub(super) fn earlier(&self, at: usize) -> Key {
        match self.effect_key(at) {
            Some(key) if self.steps[at].effect().needs_intent() => self.history.keyed(&key, self.steps.index(at)),
            _ => Key::Open,
        }
    }

    /// The key of an agent's effect: the call itself, and how many equal ones went before. None: the plan is fixed.
    pub(super) fn effect_key(&self, at: usize) -> Option<String> {
        self.agent.as_ref()?;
        let step = self.steps.get(at)?;
        let digest = canonical::sha256(step.to_args().to_string().as_bytes());
        Some(format!("{}:{digest}:{}", self.goal.id, repeats(&self.steps, at)))
    }

    /// The answer in the end, and which of its statements a receipt shows. None: the plan is fixed, or not at its end.
    pub(super) fn claimed(&self) -> Option<(String, Vec<Line>)> {
        let answer = self.agent.as_ref()?.answer()?;
        Some((answer.to_owned(), claims::check(answer, &self.steps, self.history.receipts())))
    }
}

fn lost(why: &str) -> StepError {
    StepError::permanent(format!("what the model answered cannot be read again: {why}; retry the goal"))
}

/// Whether a receipt says that the model's call was not made at all.
fn is_denied(receipt: &Receipt) -> bool {
    receipt.phase == Some(Phase::Denied)
}
