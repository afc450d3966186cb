//! A real browser for every active persona: one Chromium process with its own profile, behind its own gate.
//!
//! A browser is started when a step needs it, stays warm between steps, and is closed when nobody used it for a while
//! or another persona needs its place. The profile and the cookies beside it survive; the page does not, so a run
//! begins with a goto. A browser that dies or hangs is cleared up and started anew by the next step.
//!
//! **What an outcome says.** `done`: carried out, and its result is known. `not_begun`: nothing left our hands.
//! `unknown`: input was sent and then the browser, the page or the time was gone.

mod act;
mod actions;
mod cdp;
mod cookies;
mod evidence;
mod executable;
mod fault;
mod found;
mod label;
mod launch;
mod notes;
mod place;
mod pool;
mod process;
mod profile;
mod refs;
mod restarts;
mod seen;
mod session;
mod settle;
mod tab;
mod tree;
mod veil;
mod watch;

use std::{path::PathBuf, sync::Arc};

use actors::domain::{Call, Outcome, Persona, PersonaId, Step, StepError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::{
    act::Act,
    fault::Fault,
    found::{Around, outcome},
    label::Label,
    pool::{Pool, Slot},
};
use crate::{config::BrowserConfig, egress::Egress, secrets::Hidden};

pub use cookies::SealBytes;
pub use executable::{NoChromium, find as find_chromium};

/// Every persona's browser. Cheap to clone.
#[derive(Clone)]
pub struct Browsers {
    pool: Arc<Pool>,
}

impl Browsers {
    /// Starts nothing yet. `root` is the folder of the profiles.
    pub fn new(config: BrowserConfig, egress: Egress, root: PathBuf, seal: Arc<dyn SealBytes>) -> Self {
        if launch::runs_as_root() {
            tracing::warn!("running as root: Chromium works without its sandbox; run greenroom as another user");
        }
        Self { pool: Pool::new(config, egress, root, seal) }
    }

    /// Carries one step out in the persona's browser, within `call.limit`. `step` is the call's step with its secrets
    /// filled in. Pictures show none of the `hidden`; texts are as the page has them, and for the caller to mask.
    pub async fn perform(
        &self,
        persona: &Persona,
        call: &Call,
        step: &Step,
        hidden: &Hidden,
        stop: CancellationToken,
    ) -> Outcome {
        let (label, act) = (Label::of(call), Act::begin(call, step, hidden, self.pool.step_limit(), Instant::now()));
        let slot = self.pool.slot(persona.id);
        let waiting = tokio::time::timeout_at(act.deadline, slot.state.lock());
        let state = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Fault::Stopped),
            state = waiting => state.map_err(|_| Fault::retryable("the browser is still busy with the step before")),
        };
        slot.work();
        let nothing = || Around { at: None, notes: Vec::new() };
        let mut state = match state {
            Ok(state) => state,
            Err(fault) => return outcome(&label, &act, Err(fault), nothing()),
        };
        if let Err(fault) = self.pool.make_ready(&slot, &mut state, persona, &act, &stop).await {
            return outcome(&label, &act, Err(fault), nothing());
        }
        let act = act.with_browser(Instant::now());
        let outcome = match state.session.as_mut() {
            Some(session) => perform_in(session, &label, &act, &stop).await,
            None => outcome(&label, &act, Err(Fault::Gone), nothing()),
        };
        slot.touch();
        self.pool.clear_up(&mut state).await;
        outcome
    }

    /// What a step would act on: the page that this run has open, the element, what the form holds, without what is
    /// hidden. Nothing is changed.
    pub async fn look(
        &self,
        persona: &Persona,
        call: &Call,
        step: &Step,
        hidden: &Hidden,
    ) -> Result<serde_json::Value, StepError> {
        let now = Instant::now();
        let act = Act::begin(call, step, hidden, self.pool.step_limit(), now).with_browser(now);
        let none = || Fault::retryable("no page is open in this run: a goto must come first").into_error();
        let slot = self.pool.known(persona.id).ok_or_else(none)?;
        slot.work();
        let state = tokio::time::timeout_at(act.deadline, slot.state.lock()).await;
        let mut state = state.map_err(|_| Fault::retryable("the browser is still busy").into_error())?;
        let session = state.session.as_mut().ok_or_else(none)?;
        let looked = tokio::time::timeout_at(act.deadline, Box::pin(actions::subject(session, &act))).await;
        slot.touch();
        looked.unwrap_or(Err(Fault::Slow("a look at the page"))).map_err(Fault::into_error)
    }

    /// The persona's slice is over: what must survive a crash is saved. The browser stays warm and its page open,
    /// until nobody used it for `warm_for` or another persona needs the place.
    pub async fn rest(&self, persona: PersonaId) {
        let Some(slot) = self.pool.known(persona) else { return };
        slot.rest();
        if let Some(session) = &mut slot.state.lock().await.session {
            session.save_cookies().await;
        }
    }

    /// Whether the page of the persona's last step is still open.
    pub async fn keeps_page(&self, persona: PersonaId) -> bool {
        let Some(slot) = self.pool.known(persona) else { return false };
        slot.work();
        let state = slot.state.lock().await;
        state.session.as_ref().is_some_and(|session| !session.is_over())
    }

    /// The persona sleeps, is paused or deleted: its browser is closed.
    pub async fn release(&self, persona: PersonaId) {
        if let Some(slot) = self.pool.forget(persona) {
            close(&slot).await;
        }
    }

    /// Closes every browser, at the end.
    pub async fn close_all(&self) {
        futures::future::join_all(self.pool.forget_all().iter().map(|slot| close(slot))).await;
    }

    /// Ends browsers that a crash of ours left behind; called once at start, before any step. Says how many.
    pub async fn sweep_orphans(&self) -> usize {
        self.pool.sweep().await
    }

    /// Browsers open now, working or warm.
    pub fn open_count(&self) -> usize {
        self.pool.open_count()
    }

    /// Leaves popups open, for the test that shows that they, too, reach nothing.
    #[doc(hidden)]
    pub fn keep_popups(&self) {
        self.pool.keep_popups.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// The process of a persona's browser, for tests that kill it.
    #[doc(hidden)]
    pub async fn pid(&self, persona: PersonaId) -> Option<i32> {
        let slot = self.pool.known(persona)?;
        let state = slot.state.lock().await;
        state.session.as_ref().map(session::Session::pid)
    }

    /// What the gate of the persona's open browser turned away lately, oldest first.
    pub async fn refusals(&self, persona: PersonaId) -> Vec<crate::egress::Refused> {
        let Some(slot) = self.pool.known(persona) else { return Vec::new() };
        let state = slot.state.lock().await;
        state.session.as_ref().map(|session| session.gate.refusals()).unwrap_or_default()
    }

    /// Tells when there are more of them; none: its browser is not open.
    pub async fn newest_refusal(&self, persona: PersonaId) -> Option<tokio::sync::watch::Receiver<u64>> {
        let slot = self.pool.known(persona)?;
        let state = slot.state.lock().await;
        state.session.as_ref().map(|session| session.gate.newest_refusal())
    }
}

async fn close(slot: &Slot) {
    if let Some(session) = slot.state.lock().await.session.take() {
        session.close().await;
    }
}

async fn perform_in(session: &mut session::Session, label: &Label, act: &Act<'_>, stop: &CancellationToken) -> Outcome {
    let before = *session.gate.newest_refusal().borrow();
    let result = session.perform(act, stop).await;
    let known = result.as_ref().is_ok_and(|found| found.at.is_some());
    let over = matches!(result, Err(Fault::Gone | Fault::PageCrashed | Fault::Slow(_)));
    let at = if known || over { None } else { session.whereabouts(act).await };
    let mut notes = session.notes.take();
    notes.extend(session.refused_since(before));
    outcome(label, act, result, Around { at, notes })
}
