//! One attempt under way: walks the plan, and asks when the end of an effect is not known.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
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
    recorded::{FAILED_BEFORE, PAGE_LOST, TIME_IS_UP},
    resume::{Begin, Decision, Walk},
    settle::{self, Verdict},
    steps::Steps,
};
use crate::{
    domain::{Approval, Call, Effect, Goal, HostTerms, Message, Persona, Receipt, Run, Step, StepError},
    ports::Waiting,
};

/// A run with everything it needs to go on.
pub(super) struct Attempt<'a> {
    pub runner: &'a Runner,
    /// As it was when the run began, but for what it may do: that is as it was taken in last.
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
    /// A person's yes to what is being handed over.
    pub(super) yes: Option<Box<Approval>>,
    /// The address the browser shows, as far as a receipt told.
    pub(super) page: Option<String>,
    /// What was taken in of hosts' policies, by host.
    pub(super) terms: BTreeMap<String, HostTerms>,
    now: Now,
}

/// Where a walk came to.
enum Walked {
    ToItsEnd,
    /// The page was closed while others had the slot.
    PageClosed,
    /// A step of a model's needs the page that is gone.
    PageNeeded,
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
        slice: Option<Working>,
    ) -> Result<Self, RunEnd> {
        let (records, goal) = (&runner.broker.ports.records, &work.goal);
        let (open, receipts) = match goal.is_as_given() {
            // The guard of the opening sees whether that still holds.
            true => (None, Vec::new()),
            false => tokio::try_join!(records.open_run(goal.id), records.goal_receipts(goal.id))
                .map_err(|_| RunEnd::Unavailable)?,
        };
        let resumed = open.is_some();
        let run = open.unwrap_or_else(|| settle::new_run(runner, &persona, &work));
        let idle = Self::idle(runner, persona, work, run, History::new(receipts), failure_streak);
        let mut attempt = Self { stop, now, slice, ..idle };
        attempt.open(resumed).await?;
        Ok(attempt)
    }

    /// An attempt that is not under way: what is left when its task panicked is enough to settle it.
    pub fn idle(
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
            agent: Agent::of(&goal, &persona),
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
            yes: None,
            page: None,
            terms: BTreeMap::new(),
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
        self.stands().map_err(failed)?;
        let mut begin: Begin = Walk::new;
        loop {
            begin = match self.walk_on(begin).await? {
                Walked::ToItsEnd => return Ok(()),
                Walked::PageClosed => Walk::new,
                Walked::PageNeeded => Walk::rebuilding,
            }
        }
    }

    /// Walks from where the record ends.
    async fn walk_on(&mut self, begin: Begin) -> Result<Walked, Halt> {
        self.grow().await.map_err(failed)?;
        let mut walk = begin(self.steps.clone(), &self.history, self.run.id);
        let (mut went_on, mut at) = (false, 0);
        while let Some(step) = self.steps.get(at).cloned() {
            let step = &step;
            self.goes_on()?;
            self.say_step(at, step);
            let decision = self.decide(&mut walk, at)?;
            // Who rebuilds a page goes at least one step further, or it might do so for ever.
            if went_on && decision == Decision::Perform && !self.offer_slice(at).await? {
                return Ok(Walked::PageClosed);
            }
            if matches!(decision, Decision::Perform | Decision::Replay { .. } | Decision::Reopen { .. }) {
                self.renew_permissions().await?;
            }
            match decision {
                Decision::Perform => {
                    went_on = true;
                    at += self.perform(&mut walk, at, step).await?;
                }
                Decision::Replay { of } => self.act(at, step, Some(of)).await?,
                Decision::Reopen { url, of, goto } => {
                    self.recall(at, step);
                    self.act(goto, &Step::Goto { url, timeout_ms: None }, Some(of)).await?;
                }
                Decision::Rebuild => return Ok(Walked::PageNeeded),
                Decision::Recall => self.recall(at, step),
                Decision::Skip(recorded) => self.skip(at, step, &recorded).await?,
                Decision::Answer(recorded) => self.answer(at, step, &recorded).await?,
                Decision::Lost => self.leave_out(at, step, PAGE_LOST).await?,
                // A model is told, and can open the page anew.
                Decision::Stuck if self.agent.is_some() => self.leave_out(at, step, PAGE_LOST).await?,
                Decision::Withheld => self.leave_out(at, step, FAILED_BEFORE).await?,
                Decision::TooLate => self.leave_out(at, step, TIME_IS_UP).await?,
                Decision::Stuck => return Err(Halt::Verdict(self.stuck(at, step))),
                Decision::WentWrong(recorded) => return Err(failed(went_wrong(step, &recorded))),
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
        Ok(Walked::ToItsEnd)
    }

    /// Performs the step, and those that may go beside it; how many those are.
    async fn perform(&mut self, walk: &mut Walk, at: usize, step: &Step) -> Result<usize, Halt> {
        let many = self.beside(at).await?;
        if many == 1 {
            self.act(at, step, None).await?;
        } else {
            self.act_beside(at, many).await?;
            // What only looks leaves the page as it is: the walk has nothing to learn of it.
            walk.go_on_with(&self.steps);
        }
        Ok(many - 1)
    }

    /// Nobody stopped it.
    pub(super) fn goes_on(&self) -> Result<(), Halt> {
        if self.stop.is_cancelled() { Err(Halt::End(RunEnd::Stopped)) } else { Ok(()) }
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
        let decision = match walk.decide(at, &self.history) {
            Decision::Perform | Decision::Rebuild if self.is_too_late(at) => Decision::TooLate,
            Decision::Perform | Decision::Rebuild if self.goes_on_blindly(at) => Decision::Withheld,
            Decision::Replay { .. } | Decision::Reopen { .. } if self.goes_on_blindly(at) => Decision::Recall,
            decision => decision,
        };
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
        if let Some(error) = self.not_granted(step) {
            return self.refuse(at, step, error).await;
        }
        let filled = self.filled(step).await.map_err(failed)?;
        if filled.is_handed_over() {
            return self.hand_over(at, &filled).await;
        }
        self.renew_terms(&filled).await?;
        let terms = self.terms_for(&filled);
        let filled = policy::disclosed(filled, terms);
        self.keep_pace(&filled).await?;
        let acted = self.ask_and_carry_out(at, &filled, replay_of).await?;
        self.take(at, step, acted).await
    }

    /// Takes in what came of a step.
    pub(super) async fn take(&mut self, at: usize, step: &Step, acted: Acted) -> Result<(), Halt> {
        match acted {
            Acted::Holds(receipt) => {
                self.take_in(at, receipt);
                Ok(())
            }
            Acted::Fails(receipt, error) => {
                self.take_in(at, receipt);
                if self.agent.is_some() && !step.is_thought() {
                    // The model is told what went wrong.
                    return Ok(());
                }
                self.failed_step(at, step, error).await
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

    /// A step, ready to be carried out.
    pub(super) fn act_of<'b>(&'b self, about: &'b About<'b>, at: usize, step: &'b Step) -> Act<'b> {
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
            terms: self.terms_for(step),
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

    /// A step with its placeholders filled.
    pub(super) fn fill(&self, step: &Step) -> Result<Step, StepError> {
        self.saved.fill_step(step)
    }

    /// A model says what is done, and is told what came of it.
    pub(super) const fn is_agent(&self) -> bool {
        self.agent.is_some()
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

fn went_wrong(step: &Step, recorded: &Recorded) -> StepError {
    let why = recorded.body.as_ref().and_then(|body| body.error.as_deref()).unwrap_or("nobody knows why");
    let label = plan::label(step);
    StepError::permanent(format!("{label} was carried out and failed ({why}); it is not done again: give a new goal"))
}

pub(super) fn failed(error: StepError) -> Halt {
    Halt::Verdict(Verdict::Failed(error))
}
