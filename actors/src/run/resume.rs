//! What to do with a step when a run begins, goes on after a crash, or tries again. Pure.
//!
//! The page died with the process. Reads since the last `goto` are performed again; an effect that is done never is.
//! Behind such an effect its recorded address, title, text and picture answer the expects, until the next `goto`.
//!
//! A model chooses more while the run goes on, so what page it will need is not known at first: the page is built up when
//! a step needs it, and then also behind an effect, by opening the address that it left. What was done there is never
//! done again, and what cannot be built up the model is told.

use super::{
    history::{History, Key, Recorded},
    steps::Steps,
};
use crate::domain::{Effect, RunId, Step, StepIndex};

/// What to do with one step.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Do it.
    Perform,
    /// It holds already and its page is gone: do it once more, as a new receipt.
    Replay { of: i64 },
    /// The effect is done: the page that it left is opened anew at its address, as the `goto` before it once more.
    Reopen { url: String, of: i64, goto: usize },
    /// It needs the page, and that must be built up first: walk anew.
    Rebuild,
    /// It is behind this run: only take over what it saved.
    Recall,
    /// An earlier attempt did it for good (or its answer must stay): say so and take over what it saved.
    Skip(Recorded),
    /// It was carried out and failed, and it cannot be done again.
    WentWrong(Recorded),
    /// The recorded page behind a done effect answers it.
    Answer(Recorded),
    /// The page it looks at was lost; it can be left out, but it shows nothing.
    Lost,
    /// The page it acts on was lost; going on would be blind.
    Stuck,
    /// An earlier call of the same answer failed: the model is told before anything more is done.
    Withheld,
    /// A model wanted it, and its time is up.
    TooLate,
    /// It may have happened: ask the read-back, then a person.
    Ask,
}

/// The page as this run has it before the next step.
#[derive(Debug, Clone, PartialEq)]
pub enum Page {
    /// As the steps left it, or not opened yet.
    Live,
    /// A model's steps opened it, and it is gone.
    Closed,
    /// Behind an effect that is done; what was seen then, if anyone saw it.
    Recorded(Recorded),
}

/// How a walk begins: `history` is as it is before the run begins or goes on; no page is open then.
pub type Begin = fn(Steps, &History, RunId) -> Walk;

/// Walks a plan in order.
pub struct Walk {
    steps: Steps,
    run: RunId,
    /// The first step that is not behind this run.
    resume_at: usize,
    /// Reads from here on are performed again, up to `resume_at`.
    replay_from: usize,
    /// The page was asked for once, and is not asked for again.
    rebuilds: bool,
    page: Page,
}

impl Walk {
    /// Of a fixed plan the page that it needs first is built up at once; a model's is when a step asks for it.
    pub fn new(steps: Steps, history: &History, run: RunId) -> Self {
        // Nobody but the model itself can go on behind a thought that failed: it is asked again.
        let is_told = |at: usize| steps.grow() && !steps[at].is_thought();
        let behind = |at: &usize| history.satisfied(steps.index(*at), run, is_told(*at));
        let resume_at = (0..steps.len()).find(|at| !behind(at)).unwrap_or(steps.len());
        let page = if steps.grow() { Page::Closed } else { Page::Live };
        let mut walk = Self { steps, run, resume_at, replay_from: resume_at, rebuilds: false, page };
        let ahead = walk.steps[resume_at..].iter().find(|step| step.is_browser());
        if !walk.steps.grow() && ahead.is_some_and(|step| !is_goto(step)) {
            walk.replay_from = walk.base(resume_at, history).unwrap_or(resume_at);
        }
        walk
    }

    /// The same for steps of a model one of which needs the page: it is built up again, as far as it can be.
    pub fn rebuilding(steps: Steps, history: &History, run: RunId) -> Self {
        let walk = Self::new(steps, history, run);
        let replay_from = walk.base(walk.resume_at, history).unwrap_or(walk.resume_at);
        Self { replay_from, rebuilds: true, ..walk }
    }

    /// The step from which the page before this place can be built up again: what came before it is no longer on it.
    fn base(&self, before: usize, history: &History) -> Option<usize> {
        if !self.steps.grow() {
            return self.steps[..before].iter().rposition(is_goto);
        }
        let left_page = |at: &usize| match &self.steps[*at] {
            step if is_goto(step) => history.newest(self.steps.index(*at)).is_some(),
            step => self.left_by_effect(*at, step, history).is_some(),
        };
        let base = (0..before).rev().find(left_page)?;
        (is_goto(&self.steps[base]) || self.reopening(base, history).is_some()).then_some(base)
    }

    /// What is on record of the page that an effect in the browser left.
    fn left_by_effect(&self, at: usize, step: &Step, history: &History) -> Option<Recorded> {
        let is_effect = step.is_browser() && step.effect().needs_intent();
        is_effect.then(|| done(self.steps.index(at), history))?
    }

    /// How the page that the effect at this place left is opened anew; none: nobody saw its address.
    fn reopening(&self, at: usize, history: &History) -> Option<Decision> {
        let left = self.left_by_effect(at, &self.steps[at], history)?;
        let goto = self.steps[..at].iter().rposition(is_goto)?;
        Some(Decision::Reopen { url: left.text("url")?.to_owned(), of: left.seq, goto })
    }

    /// A model has chosen more.
    pub fn go_on_with(&mut self, steps: &Steps) {
        if steps.len() > self.steps.len() {
            self.steps = steps.clone();
        }
    }

    /// What to do with the step at this place; call once per step, in order.
    pub fn decide(&mut self, at: usize, history: &History) -> Decision {
        let step = &self.steps[at];
        let decision = if at < self.resume_at { self.behind(at, history) } else { self.ahead(at, history) };
        if matches!(decision, Decision::Reopen { .. }) || (is_goto(step) && decision != Decision::Recall) {
            self.page = Page::Live;
        } else if step.is_browser()
            && step.effect().needs_intent()
            && let Some(recorded) = done(self.steps.index(at), history)
        {
            self.page = Page::Recorded(recorded);
        }
        decision
    }

    /// A person or read-back said it was done: nobody saw the page behind it.
    pub fn reconciled(&mut self, recorded: Recorded) {
        self.page = Page::Recorded(recorded);
        self.rebuilds = false;
    }

    fn behind(&self, at: usize, history: &History) -> Decision {
        let step = &self.steps[at];
        if self.steps.grow()
            && at == self.replay_from
            && let Some(reopening) = self.reopening(at, history)
        {
            return reopening;
        }
        let is_open = self.page == Page::Live || (at == self.replay_from && is_goto(step));
        let replayable = step.is_browser() && !step.effect().needs_intent() && is_open;
        // A model was told what it saw; only what made the page as it was is done again.
        let is_wanted = !self.steps.grow() || makes_page(step);
        match history.newest(self.steps.index(at)) {
            Some(recorded) if replayable && is_wanted && at >= self.replay_from => {
                Decision::Replay { of: recorded.seq }
            }
            _ => Decision::Recall,
        }
    }

    fn ahead(&self, at: usize, history: &History) -> Decision {
        let step = &self.steps[at];
        match history.key(self.steps.index(at)) {
            // A model was told of it, and went on.
            Key::Done(recorded) if recorded.went_wrong() && !self.steps.grow() => match step.effect() {
                Effect::Irreversible => return Decision::WentWrong(recorded),
                Effect::Idempotent | Effect::Pure | Effect::Read => {}
            },
            Key::Done(recorded) if step.effect().needs_intent() => return Decision::Skip(recorded),
            Key::Unknown { .. } if step.effect() == Effect::Irreversible => return Decision::Ask,
            _ => {}
        }
        if matches!(step, Step::Compose { .. })
            && let Some(answer) = self.answer_on_record(at, history)
        {
            return Decision::Skip(answer);
        }
        // Nobody is asked twice: in a plan, what a person said stays for the goal.
        if matches!(step, Step::AskHuman { .. })
            && let Some(answer) = history.newest(self.steps.index(at))
        {
            return Decision::Skip(answer);
        }
        let looked = match &self.page {
            _ if !step.is_browser() || is_goto(step) => return Decision::Perform,
            Page::Live => return Decision::Perform,
            Page::Closed => Decision::Perform,
            Page::Recorded(recorded) => behind_effect(step, recorded),
        };
        let is_answer = matches!(looked, Decision::Answer(_));
        let may_rebuild = self.steps.grow() && !self.rebuilds && self.base(at, history).is_some();
        if may_rebuild && !is_answer { Decision::Rebuild } else { looked }
    }

    /// A resume uses the answer on record; a retry asks anew, unless an effect behind it already used the answer.
    fn answer_on_record(&self, at: usize, history: &History) -> Option<Recorded> {
        let answer = history.newest(self.steps.index(at))?;
        let used = || {
            (at..self.steps.len()).any(|later| {
                self.steps[later].effect().needs_intent()
                    && matches!(history.key(self.steps.index(later)), Key::Done(_))
            })
        };
        (answer.run == Some(self.run) || used()).then_some(answer)
    }
}

/// What the record of a done effect can say about the steps right behind it.
fn behind_effect(step: &Step, recorded: &Recorded) -> Decision {
    let answer = || Decision::Answer(recorded.clone());
    match step {
        Step::ExpectTitle { .. } if recorded.text("title").is_some() => answer(),
        Step::ExpectText { selector: None, .. } if recorded.text("page_text").is_some() => answer(),
        Step::Screenshot { selector: None, .. } if recorded.has_screenshot() => answer(),
        // What a later step needs the value of, or acts on, cannot be left out.
        Step::Extract { .. } | Step::Evaluate { .. } | Step::Click { .. } | Step::Message { .. } => Decision::Stuck,
        _ => Decision::Lost,
    }
}

/// What is done for good, by this step or by an earlier attempt.
fn done(step: StepIndex, history: &History) -> Option<Recorded> {
    match history.key(step) {
        Key::Done(recorded) => Some(recorded),
        _ => history.skipped(step),
    }
}

/// Whether it makes the page what it is, and does not only look at it.
const fn makes_page(step: &Step) -> bool {
    matches!(
        step,
        Step::Goto { .. }
            | Step::Type { .. }
            | Step::Select { .. }
            | Step::Click { .. }
            | Step::Message { .. }
            | Step::Evaluate { .. }
            | Step::WaitFor { .. }
    )
}

fn is_goto(step: &Step) -> bool {
    matches!(step, Step::Goto { .. })
}
