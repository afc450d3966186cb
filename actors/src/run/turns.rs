//! A run between two steps: it offers its slice to whom it is owed, and goes on later where it was.
//!
//! That costs no attempt and nothing is done again: the run waits in its task, and its page stays open. How long a
//! page may stay is the browser's to say (`browser.warm_for`, and sooner when another persona needs the place); when
//! it was closed meanwhile, the run rebuilds it as after a crash, from the record, with the slice it then has.

use super::{
    REST_WITHIN, RunEnd,
    attempt::{Attempt, Halt},
    stage::Stage,
};
use crate::{
    domain::Step,
    scheduler::{Ended, Slice, Wish},
};

impl Attempt<'_> {
    /// Before the step at this place. `false`: others had the slot, and the page of the steps before is gone.
    pub(super) async fn offer_slice(&mut self, at: usize) -> Result<bool, Halt> {
        let scheduler = match &self.runner.stage {
            Stage::Company(scheduler) => scheduler,
            Stage::Told(tape) => return Ok(tape.page_is_kept()),
        };
        if !scheduler.somebody_waits() {
            return Ok(true);
        }
        // What it goes on with was begun.
        let wish = Wish { ready_ms: None, ..self.wish().await };
        let Some(held) = &self.slice else { return Ok(true) };
        let offered = scheduler.offer(held.slice(), wish).await.map_err(stopped)?;
        let Some(place) = offered else { return Ok(true) };
        // Given back before the next one is worked in: its end would count as the end of all work.
        self.slice = None;
        let place = match place.at_once() {
            Ok(slice) => {
                self.work_in(slice);
                return Ok(true);
            }
            Err(place) => place,
        };
        self.say(Some("waits for its next turn".to_owned()));
        let performer = &self.runner.broker.ports.performer;
        let rested = tokio::time::timeout(REST_WITHIN, performer.rest(self.goal.persona));
        let slice = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Halt::End(RunEnd::Stopped)),
            (slice, _) = async { tokio::join!(place.granted(), rested) } => slice.map_err(stopped)?,
        };
        self.work_in(slice);
        let opened = self.steps[..at].iter().any(Step::is_browser);
        Ok(!opened || performer.keeps_page(self.goal.persona).await)
    }

    /// A slice for a run that has none, from now on.
    pub(super) async fn take_slice(&mut self) -> Result<(), Halt> {
        let Stage::Company(scheduler) = &self.runner.stage else { return Ok(()) };
        let wish = self.wish().await;
        let slice = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Halt::End(RunEnd::Stopped)),
            slice = scheduler.acquire(wish) => slice.map_err(stopped)?,
        };
        self.work_in(slice);
        Ok(())
    }

    fn work_in(&mut self, slice: Slice) {
        self.slice = Some(self.now().work(slice, self.goal.payload.kind(), self.runner.limits.clone()));
    }

    /// What this run wants now. Its persona's weight may have been changed since the last turn.
    async fn wish(&self) -> Wish {
        let persona = self.runner.broker.ports.records.persona(self.goal.persona).await;
        let weight = persona.ok().flatten().map_or(self.persona.weight, |persona| persona.weight);
        let now_ms = self.now_ms();
        let priority = self.message.priority_at(now_ms);
        Wish { persona: self.goal.persona, priority, weight, since_ms: now_ms, ready_ms: Some(now_ms) }
    }
}

fn stopped(_: Ended) -> Halt {
    Halt::End(RunEnd::Stopped)
}
