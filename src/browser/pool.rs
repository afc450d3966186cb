//! Which browsers are open: places, starts, the warm ones, and who makes room.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actors::domain::{Persona, PersonaId};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    act::Act,
    cookies::SealBytes,
    executable,
    fault::Fault,
    profile,
    restarts::Restarts,
    session::{Session, Start},
};
use crate::{config::BrowserConfig, egress::Egress};

/// All browsers and the places they take.
pub(super) struct Pool {
    config: BrowserConfig,
    egress: Egress,
    root: PathBuf,
    seal: Arc<dyn SealBytes>,
    places: Arc<Semaphore>,
    starts: Semaphore,
    /// Somebody has become idle and could make room.
    idle: Notify,
    slots: Mutex<HashMap<PersonaId, Arc<Slot>>>,
    /// Only a test sets it.
    pub(super) keep_popups: AtomicBool,
}

/// One persona's browser, open or not.
pub(super) struct Slot {
    /// Held for as long as a step takes: one step at a time.
    pub(super) state: tokio::sync::Mutex<State>,
    used: Mutex<Instant>,
    /// Its persona has no slice: it makes room before those that work.
    rests: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) session: Option<Session>,
    restarts: Restarts,
    /// Closes the session when nobody used it for a while.
    sleeper: Option<AbortOnDropHandle<()>>,
}

impl Slot {
    fn new() -> Self {
        Self { state: tokio::sync::Mutex::default(), used: Mutex::new(Instant::now()), rests: AtomicBool::new(false) }
    }

    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Its persona has a slice.
    pub(super) fn work(&self) {
        self.rests.store(false, Ordering::Relaxed);
    }

    /// Its persona gave its slice back.
    pub(super) fn rest(&self) {
        self.rests.store(true, Ordering::Relaxed);
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    pub(super) fn new(config: BrowserConfig, egress: Egress, root: PathBuf, seal: Arc<dyn SealBytes>) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(config.most_open.get())),
            starts: Semaphore::new(config.most_starting.get()),
            idle: Notify::new(),
            slots: Mutex::default(),
            keep_popups: AtomicBool::new(false),
            config,
            egress,
            root,
            seal,
        })
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<PersonaId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn slot(&self, persona: PersonaId) -> Arc<Slot> {
        self.slots().entry(persona).or_insert_with(|| Arc::new(Slot::new())).clone()
    }

    pub(super) fn known(&self, persona: PersonaId) -> Option<Arc<Slot>> {
        self.slots().get(&persona).cloned()
    }

    pub(super) fn forget(&self, persona: PersonaId) -> Option<Arc<Slot>> {
        self.slots().remove(&persona)
    }

    pub(super) fn forget_all(&self) -> Vec<Arc<Slot>> {
        self.slots().drain().map(|(_, slot)| slot).collect()
    }

    /// How long a step waits that does not say so itself.
    pub(super) fn step_limit(&self) -> Duration {
        self.config.step_limit
    }

    pub(super) fn open_count(&self) -> usize {
        self.config.most_open.get() - self.places.available_permits()
    }

    pub(super) async fn sweep(&self) -> usize {
        profile::sweep(&self.root).await
    }

    /// Leaves a living session with the persona's rules in the state, or says why there is none.
    pub(super) async fn make_ready(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        state: &mut State,
        persona: &Persona,
        act: &Act<'_>,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        let hangs = match &mut state.session {
            Some(session) => !session.answers().await,
            None => false,
        };
        if hangs && let Some(session) = &state.session {
            tracing::warn!(persona = %persona.id, "browser of persona {} does not answer and is ended", persona.slug);
            session.gone().cancel();
        }
        self.clear_up(state).await;
        if let Some(session) = &mut state.session {
            return session.take_rules(persona);
        }
        if let Some(wait) = state.restarts.wait(Instant::now()) {
            let minutes = wait.as_secs().div_ceil(60);
            return Err(Fault::retryable(format!(
                "the browser crashed several times within ten minutes and is left alone; try again in {minutes} min"
            )));
        }
        let starting = tokio::time::timeout_at(act.deadline, Box::pin(self.start(persona, act)));
        let session = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Fault::Stopped),
            started = starting => started.unwrap_or_else(|_| Err(Fault::retryable("the browser did not start in time"))),
        }?;
        slot.touch();
        state.session = Some(session);
        state.sleeper = Some(AbortOnDropHandle::new(tokio::spawn(sleep(
            Arc::downgrade(self),
            Arc::downgrade(slot),
            self.config.warm_for,
        ))));
        Ok(())
    }

    async fn start(&self, persona: &Persona, act: &Act<'_>) -> Result<Session, Fault> {
        let executable =
            executable::find(&self.config.executable).map_err(|error| Fault::permanent(error.to_string()))?;
        let place = self.place().await?;
        let _start = self.starts.acquire().await.map_err(|_| Fault::Gone)?;
        let start = Start {
            persona,
            executable: &executable,
            root: &self.root,
            egress: &self.egress,
            seal: self.seal.clone(),
            limit: self.config.start_limit.min(act.left()),
            place,
            keep_popups: self.keep_popups.load(Ordering::Relaxed),
        };
        Session::start(start).await
    }

    /// A free place, or that of the browser that was not used for the longest time, of those that rest if there are.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Fault> {
        loop {
            let idle = self.idle.notified();
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return Ok(place);
            }
            if self.close_least_recent().await {
                continue;
            }
            tokio::select! {
                place = self.places.clone().acquire_owned() => return place.map_err(|_| Fault::Gone),
                () = idle => {}
            }
        }
    }

    async fn close_least_recent(&self) -> bool {
        let mut slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        slots.sort_by_key(|slot| (!slot.rests.load(Ordering::Relaxed), slot.used()));
        for slot in slots {
            let Ok(mut state) = slot.state.try_lock() else { continue };
            if let Some(session) = state.session.take() {
                session.close().await;
                return true;
            }
        }
        false
    }

    /// After a step: a browser that has ended is counted and cleared up; another persona may want the place.
    pub(super) async fn clear_up(&self, state: &mut State) {
        if let Some(session) = state.session.take_if(|session| session.is_over()) {
            tracing::warn!("a browser ended by itself");
            session.kill().await;
            state.restarts.crashed(Instant::now());
        }
        self.idle.notify_waiters();
    }
}

/// Closes a session that nobody used for `warm_for`. One timer per open browser.
async fn sleep(pool: Weak<Pool>, slot: Weak<Slot>, warm_for: Duration) {
    loop {
        let Some(due) = slot.upgrade().map(|slot| slot.used() + warm_for) else { return };
        tokio::time::sleep_until(due).await;
        let (Some(_pool), Some(slot)) = (pool.upgrade(), slot.upgrade()) else { return };
        let Ok(mut state) = slot.state.try_lock() else {
            slot.touch(); // at work
            continue;
        };
        if slot.used() + warm_for > Instant::now() {
            continue;
        }
        if let Some(session) = state.session.take() {
            session.close().await;
        }
        return;
    }
}
