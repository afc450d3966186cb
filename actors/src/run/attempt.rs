//! One attempt under way: walks the plan, and asks when the end of an effect is not known.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Now, RunEnd, Runner,
    agent::Agent,
    approval::Permit,
    broker::{Act, Acted, StoreGone},
    drafts::About,
    history::{History, Key, Recorded},
    now::Working,
    plan::{self, Saved},
    policy,
    quota::Place,
    resume::{Decision, Walk},
    settle::{self, Verdict},
    steps::Steps,
};
use crate::{
    domain::{Call, Draft, Effect, Ended, Goal, Message, Persona, Phase, Receipt, Run, Step, StepError},
    ports::{Commit, Waiting},
};

/// A run with everything it needs to go on.
pub(super) struct Attempt<'a> {
    pub runner: &'a Runner,
    /// As it was when the run began.
    pub persona: Arc<Persona>,
    pub goal: Goal,
    pub message: Message,
    pub run: Run,
    pub history: History,
    pub failure_streak: u32,
    pub stop: CancellationToken,
    /// None: given back while waiting.
    pub slice: Option<Working>,
    pub(super) steps: Steps,
    /// None: the plan is fixed.
    pub(super) agent: Option<Agent>,
    pub(super) saved: Saved,
    /// The address the browser shows, as far as a receipt told.
    page: Option<String>,
    now: Now,
}

/// Why a walk does not go on with the next step.
pub(super) enum Halt {
    /// The run has ended or stands still, durably.
    End(RunEnd),
    /// The attempt is decided.
    Verdict(Verdict),
}

impl From<StoreGone> for Halt {
    fn from(_: StoreGone) -> Self {
        Self::End(RunEnd::Unavailable)
    }
}

impl<'a> Attempt<'a> {
    /// Begins a new run of the goal, or goes on with the one that is open.
    pub async fn begin(
        runner: &'a Runner,
        persona: Arc<Persona>,
        work: Waiting,
        failure_streak: u32,
        stop: CancellationToken,
        now: Now,
        slice: Working,
    ) -> Result<Self, RunEnd> {
        let Waiting { message, goal } = work;
        let records = &runner.broker.ports.records;
        let record = async { tokio::try_join!(records.open_run(goal.id), records.goal_receipts(goal.id)) };
        let (open, receipts) = record.await.map_err(|_| RunEnd::Unavailable)?;
        let history = History::new(receipts);
        let run = open.clone().unwrap_or_else(|| settle::new_run(runner, &goal, &message));
        let (steps, saved) = (Steps::of(&goal, &history, run.id), Saved::new(goal.id));
        let mut attempt = Self {
            agent: Agent::of(&goal.payload),
            runner,
            persona,
            goal,
            message,
            run,
            history,
            failure_streak,
            stop,
            slice: Some(slice),
            steps,
            saved,
            page: None,
            now,
        };
        attempt.open(open.is_some()).await?;
        Ok(attempt)
    }

    /// What is left of an attempt whose task panicked: enough to settle it.
    pub fn fallen(
        runner: &'a Runner,
        persona: Arc<Persona>,
        Waiting { message, goal }: Waiting,
        run: Run,
        history: History,
        failure_streak: u32,
    ) -> Self {
        let (steps, saved) = (Steps::of(&goal, &history, run.id), Saved::new(goal.id));
        let (stop, now) = (CancellationToken::new(), Now::default());
        Self {
            agent: Agent::of(&goal.payload),
            runner,
            persona,
            goal,
            message,
            run,
            history,
            failure_streak,
            stop,
            slice: None,
            steps,
            saved,
            page: None,
            now,
        }
    }

    /// Walks the plan to its end, or to where it cannot go on.
    pub async fn carry(&mut self) -> RunEnd {
        let end = match self.walk_and_judge().await {
            Ok(verdict) | Err(Halt::Verdict(verdict)) => self.settle(verdict).await,
            Err(Halt::End(end)) => end,
        };
        self.say(None);
        end
    }

    async fn walk_and_judge(&mut self) -> Result<Verdict, Halt> {
        self.walk().await?;
        self.judge().await
    }

    async fn walk(&mut self) -> Result<(), Halt> {
        // Again only when the page was closed while others had the slot.
        while !self.walk_on().await? {}
        Ok(())
    }

    /// Walks from where the record ends; `false`: the page that the next step needs is no longer there.
    async fn walk_on(&mut self) -> Result<bool, Halt> {
        self.grow().await.map_err(failed)?;
        let mut walk = Walk::new(self.steps.clone(), &self.history, self.run.id);
        let (mut went_on, mut at) = (false, 0);
        while let Some(step) = self.steps.get(at).cloned() {
            let step = &step;
            if self.stop.is_cancelled() {
                return Err(Halt::End(RunEnd::Stopped));
            }
            self.say_step(at, step);
            let decision = self.decide(&mut walk, at)?;
            // Who rebuilds a page goes at least one step further, or it might do so for ever.
            if went_on && decision == Decision::Perform && !self.offer_slice(at).await? {
                return Ok(false);
            }
            match decision {
                Decision::Perform => {
                    self.act(at, step, None).await?;
                    went_on = true;
                }
                Decision::Replay { of } => self.act(at, step, Some(of)).await?,
                Decision::Recall => self.recall(at, step),
                Decision::Skip(recorded) => self.skip(at, step, &recorded).await?,
                Decision::Answer(recorded) => self.answer(at, step, &recorded).await?,
                Decision::Lost => self.leave_out(at, step).await?,
                // A model is told, and can open the page anew.
                Decision::Stuck if self.agent.is_some() => self.leave_out(at, step).await?,
                Decision::Stuck => return Err(Halt::Verdict(self.stuck(at, step))),
                Decision::Ask => self.ask(at).await?,
            }
            // An effect that ended unknown and was then found by the read-back left another page open.
            if let Key::Done(recorded) = self.history.key(self.steps.index(at))
                && recorded.body.as_ref().is_some_and(|body| body.data.get("resolution").is_some())
            {
                walk.reconciled(recorded);
            }
            self.grow().await.map_err(failed)?;
            walk.go_on_with(&self.steps);
            at += 1;
        }
        Ok(true)
    }

    fn say_step(&self, at: usize, step: &Step) {
        let place = if self.steps.grow() {
            format!("step {}", at + 1)
        } else {
            format!("step {}/{}", at + 1, self.steps.len())
        };
        self.say(Some(format!("{place} · {}", plan::label(step))));
    }

    fn decide(&self, walk: &mut Walk, at: usize) -> Result<Decision, Halt> {
        let decision = walk.decide(at, &self.history);
        if decision != Decision::Perform {
            return Ok(decision);
        }
        if let Some(error) = self.goes_in_circles(at) {
            return Err(failed(error));
        }
        match self.earlier(at) {
            Key::Open => Ok(decision),
            Key::Done(recorded) => {
                walk.reconciled(recorded.clone());
                Ok(Decision::Skip(recorded))
            }
            // Its key makes a second try harmless.
            Key::Unknown { .. } if self.steps[at].effect() == Effect::Idempotent => Ok(decision),
            Key::Unknown { .. } => {
                let text = "an earlier attempt may have done it, and nobody has settled that: resolve the goal first";
                Err(failed(StepError::permanent(text)))
            }
        }
    }

    /// Carries a step out and takes in what came of it.
    async fn act(&mut self, at: usize, step: &Step, replay_of: Option<i64>) -> Result<(), Halt> {
        let filled = self.filled(step).await.map_err(failed)?;
        let host = policy::reaches(&filled, self.page());
        let terms = host.and_then(|host| self.runner.broker.hosts.terms(&host));
        let filled = policy::disclosed(filled, terms.as_ref());
        self.keep_pace(&filled).await?;
        match self.ask_and_carry_out(at, &filled, replay_of).await? {
            Acted::Holds(receipt) => {
                self.take_in(at, receipt);
                Ok(())
            }
            Acted::Fails(receipt, error) => {
                self.take_in(at, receipt);
                if error.throttled {
                    self.now.refused(&self.runner.limits.inner_life);
                    self.runner.scheduler.note_refusal();
                }
                if self.agent.is_some() && !matches!(step, Step::Think { .. }) {
                    // The model is told what went wrong.
                    return Ok(());
                }
                Err(Halt::Verdict(self.verdict_on(at, step, error)))
            }
            Acted::Unknown(receipt) => {
                let error = receipt.body.as_ref().and_then(|body| body.error.clone());
                self.take_in(at, receipt);
                self.doubt(at, step, error).await
            }
            // Asked for anew from what is there now.
            Acted::Changed(_) | Acted::Unapproved => Err(Halt::End(RunEnd::Later { due_ms: Some(self.now_ms()) })),
            // A person ended the goal or the run; that commit settled everything.
            Acted::Ended => Err(Halt::End(RunEnd::Over { failure_streak: self.failure_streak, open_circuit: false })),
            Acted::Full(full) => Err(Halt::End(self.defer(&full, true).await)),
            Acted::OverBudget(no_room) => Err(Halt::End(self.wait_for_budget(*no_room).await)),
        }
    }

    /// The same, with a person's yes where one is needed. When the page changes behind the intent, it is asked once more.
    async fn ask_and_carry_out(&mut self, at: usize, step: &Step, replay_of: Option<i64>) -> Result<Acted, Halt> {
        loop {
            let (yes, refused) = match self.permit(at, step).await? {
                Permit::Free => (None, None),
                Permit::Yes(approval) => (Some(approval), None),
                Permit::No(error) => (None, Some(error)),
            };
            let about = self.about();
            let place = if refused.is_some() { Place::default() } else { self.place_at(at, step).await? };
            let act = Act { yes: yes.as_deref(), replay_of, place, ..self.act_of(&about, at, step) };
            let acted = match refused {
                Some(error) => self.runner.broker.refuse(&act, error).await?,
                None => self.runner.broker.carry_out(&act, &self.stop).await?,
            };
            match acted {
                Acted::Changed(receipt) => self.take_in(at, receipt),
                acted => return Ok(acted),
            }
        }
    }

    /// For what nobody need be asked about.
    pub(super) async fn carry_out(&self, at: usize, step: &Step, replay_of: Option<i64>) -> Result<Acted, StoreGone> {
        let about = self.about();
        let act = Act { replay_of, place: self.place_at(at, step).await?, ..self.act_of(&about, at, step) };
        self.runner.broker.carry_out(&act, &self.stop).await
    }

    fn act_of<'b>(&'b self, about: &'b About<'b>, at: usize, step: &'b Step) -> Act<'b> {
        Act {
            about,
            run: self.run.id,
            index: self.steps.index(at),
            key: self.effect_key(at),
            step,
            page: self.page.as_deref(),
            replay_of: None,
            place: Place::default(),
            permissions: &self.persona.permissions,
            yes: None,
            zone: self.persona.hours.zone,
        }
    }

    /// The call that the step comes down to.
    pub(super) fn call_of(&self, at: usize, step: &Step) -> Call {
        let about = self.about();
        self.runner.broker.call(&self.act_of(&about, at, step))
    }

    /// The same in every attempt and resume.
    pub(super) fn key_of(&self, at: usize) -> String {
        self.effect_key(at).unwrap_or_else(|| format!("{}:{}", self.goal.id, self.steps.index(at)))
    }

    pub(super) fn take_in(&mut self, at: usize, receipt: Receipt) {
        if let (Some(step), Some(body)) = (self.steps.get(at), &receipt.body) {
            self.saved.keep(step, &body.data);
            if let Some(url) = body.data.get("url").and_then(Value::as_str) {
                self.page = Some(url.to_owned());
            }
        }
        self.history.extend([receipt]);
    }

    /// The step is behind this run: only what it saved counts.
    fn recall(&mut self, at: usize, step: &Step) {
        let recorded = match self.history.key(self.steps.index(at)) {
            Key::Done(recorded) => Some(recorded),
            _ => self.history.newest(self.steps.index(at)),
        };
        if let Some(recorded) = recorded {
            self.remember(step, &recorded);
        }
    }

    fn remember(&mut self, step: &Step, recorded: &Recorded) {
        if let Some(body) = &recorded.body {
            self.saved.keep(step, &body.data);
        }
        if let Some(url) = recorded.text("url") {
            self.page = Some(url.to_owned());
        }
    }

    /// An earlier attempt did it for good.
    async fn skip(&mut self, at: usize, step: &Step, recorded: &Recorded) -> Result<(), Halt> {
        self.remember(step, recorded);
        let data = json!({"step": plan::label(step), "ok": true, "done_at_seq": recorded.seq});
        self.note(at, step, Phase::Skipped, format!("did not repeat {}: it is done", plan::label(step)), data).await
    }

    /// The recorded page behind a done effect answers an expect or gives the picture.
    async fn answer(&mut self, at: usize, step: &Step, recorded: &Recorded) -> Result<(), Halt> {
        let filled = self.filled(step).await.map_err(failed)?;
        let (key, wanted) = match &filled {
            Step::ExpectTitle { contains, .. } => ("title", Some(contains)),
            Step::ExpectText { contains, .. } => ("page_text", Some(contains)),
            _ => ("url", None),
        };
        let seen = recorded.text(key).unwrap_or_default();
        let holds = wanted.is_none_or(|wanted| seen.contains(wanted.as_str()));
        let label = plan::label(&filled);
        let error = (!holds).then(|| format!("the page showed {key} “{seen}” right after the effect"));
        let data = json!({"step": label, "ok": holds, "details": "answered by what was recorded right after the effect",
            "recorded_at_seq": recorded.seq, "url": recorded.text("url"), "title": recorded.text("title")});
        let mut draft = self.step_draft(at, step, Phase::Outcome, format!("answered {label} from the record"), data);
        draft.state = Some(Ended::Done.as_str());
        draft.body.error.clone_from(&error);
        if matches!(step, Step::Screenshot { .. }) {
            draft.body.artifacts = recorded.body.as_ref().map(|body| body.artifacts.clone()).unwrap_or_default();
        }
        self.write_step(draft).await?;
        match error {
            None => Ok(()),
            Some(text) => Err(Halt::Verdict(self.verdict_on(at, step, StepError::permanent(text)))),
        }
    }

    async fn leave_out(&mut self, at: usize, step: &Step) -> Result<(), Halt> {
        let data = json!({"step": plan::label(step), "ok": false, "details": "the page behind the effect was lost"});
        self.note(at, step, Phase::Skipped, format!("could not look at {}: its page was lost", plan::label(step)), data)
            .await
    }

    /// A receipt about a step that nothing was done for.
    async fn note(&mut self, at: usize, step: &Step, phase: Phase, summary: String, data: Value) -> Result<(), Halt> {
        let draft = self.step_draft(at, step, phase, summary, data);
        self.write_step(draft).await
    }

    pub(super) fn step_draft(&self, at: usize, step: &Step, phase: Phase, summary: String, data: Value) -> Draft {
        let draft = self.about().step(self.steps.index(at), step.receipt_kind(), phase, summary, data);
        Draft { tool: Some(step.tool()), effect: Some(step.effect()), ..draft }
    }

    pub(super) async fn write_step(&mut self, draft: Draft) -> Result<(), Halt> {
        let receipt = self.runner.broker.write(Commit { receipts: vec![draft], ..Commit::default() }).await?;
        self.history.extend([receipt]);
        Ok(())
    }

    /// A step with its placeholders filled.
    pub(super) fn fill(&self, step: &Step) -> Result<Step, StepError> {
        self.saved.fill_step(step)
    }

    /// The address the browser shows, as far as a receipt told.
    pub(super) fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    pub(super) fn about(&self) -> About<'_> {
        let broker = &self.runner.broker;
        About { node: &broker.node, world: broker.ports.world.as_ref(), goal: &self.goal, run: Some(self.run.id) }
    }

    /// What people see of this persona.
    pub(super) fn now(&self) -> &Now {
        &self.now
    }

    /// One line for people: what this persona is doing.
    pub(super) fn say(&self, line: Option<String>) {
        self.now.say(line);
    }
}

pub(super) fn failed(error: StepError) -> Halt {
    Halt::Verdict(Verdict::Failed(error))
}
