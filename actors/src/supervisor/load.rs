//! Follows the machine: fewer slots and no optional work while it is hot, all of it again when it has cooled down.
//!
//! One task for the whole process. It looks at the machine every few seconds while somebody works or the cap is down,
//! and at nothing else: an idle company is not sampled. Every change is a receipt on the system chain, written before
//! it holds; without the receipt nothing changes. Slices in use above the new cap are not taken away. The policy is
//! `scheduler/load.rs`.

use std::sync::Arc;

use serde_json::json;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::{By, CommandError, Company, desk::Desk};
use crate::{
    domain::{Alert, AlertId, AlertKind, Load, LoadLevel, PersonaId, TraceId},
    ports::{Change, Commit, Guard},
    scheduler::{
        Figures,
        load::{Governor, Sample},
    },
};

impl Company {
    /// How many may work, and what the machine has to do with it.
    pub fn load(&self) -> Load {
        self.desk.scheduler.load().borrow().clone()
    }

    /// A model said that it gets too many requests, asked by this persona or by a program in its name; none: by a program
    /// of its own. Its compute budget falls, and the machine is the hotter for it.
    pub fn model_refused(&self, persona: Option<PersonaId>) {
        self.desk.scheduler.note_refusal();
        if let Some(persona) = persona {
            self.desk.office.model_refused(persona);
        }
    }
}

/// The one who follows the machine.
pub(super) struct LoadKeeper {
    desk: Arc<Desk>,
    governor: Governor,
    hot_since: Option<Instant>,
    alert: Option<AlertId>,
}

impl LoadKeeper {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        let governor = Governor::new(desk.limits.active_personas, desk.limits.load.clone());
        Self { desk, governor, hot_since: None, alert: None }
    }

    /// Until the company ends, unless the machine cannot be seen or need not be.
    pub(super) async fn keep(mut self) {
        if !self.desk.limits.load.adapt || self.desk.ports.world.machine().is_none() {
            return;
        }
        let mut figures = self.desk.scheduler.figures();
        let mut settled = false;
        loop {
            if self.governor.level() == LoadLevel::Calm {
                let works = |figures: &Figures| figures.waiting > 0 || !figures.on_stage.is_empty();
                if !works(&figures.borrow()) {
                    if figures.wait_for(works).await.is_err() {
                        return;
                    }
                    // What programs met with while nobody worked is no figure of one sample.
                    self.desk.scheduler.take_refusals();
                }
            }
            sleep(self.desk.limits.load.sample_every).await;
            settled = settled || self.resolve_left_over().await.is_ok();
            match self.look().await {
                Err(CommandError::Ending) => return,
                Err(error) => warn!("the cap stays as it is: {error}"),
                Ok(()) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), CommandError> {
        let refusals = self.desk.scheduler.take_refusals();
        let Some(machine) = self.desk.ports.world.machine() else { return Ok(()) };
        if let Some(load) = self.governor.hear(Sample { machine, refusals }) {
            self.change(load).await?;
        }
        let hot_for = self.hot_since.map(|since| since.elapsed());
        if self.alert.is_none() && hot_for.is_some_and(|hot_for| hot_for >= self.desk.limits.load.alert_after) {
            self.raise().await?;
        }
        Ok(())
    }

    async fn change(&mut self, load: Load) -> Result<(), CommandError> {
        let resolved = self.alert.filter(|_| load.level == LoadLevel::Calm);
        let said = match load.level {
            LoadLevel::Calm => "the machine has cooled down: all slots are open, optional work is caught up".to_owned(),
            LoadLevel::Warm => format!("the machine is cooling down: {} of {} slots", load.cap, load.configured),
            LoadLevel::Hot => {
                format!("the machine is hot: {} of {} slots, optional work waits", load.cap, load.configured)
            }
        };
        let said = format!("{said} ({})", load.why);
        let data = json!({"level": load.level, "cap": load.cap, "configured": load.configured, "why": load.why});
        let resolve = resolved.map(|id| Change::AlertResolved(id, self.desk.now_ms()));
        let receipts = vec![self.desk.system_decision(&self.by(), said.clone(), data)];
        let commit = Commit { guards: Vec::new(), changes: resolve.into_iter().collect(), receipts };
        if self.desk.write(commit).await?.is_err() {
            return Ok(());
        }
        info!(level = %load.level, cap = load.cap, "{said}");
        self.alert = self.alert.filter(|_| resolved.is_none());
        self.hot_since = match load.level {
            LoadLevel::Hot => self.hot_since.or_else(|| Some(Instant::now())),
            LoadLevel::Calm | LoadLevel::Warm => None,
        };
        self.governor.take(&load);
        self.desk.scheduler.adapt(load);
        Ok(())
    }

    async fn raise(&mut self) -> Result<(), CommandError> {
        let load = self.desk.scheduler.load().borrow().clone();
        let text = format!(
            "The machine has been hot for long ({}): {} of {} slots are open and optional work waits. Take work off it, or \
             lower `company.active_personas`.",
            load.why, load.cap, load.configured
        );
        let id = AlertId(self.desk.world().new_id());
        let raised_ms = self.desk.now_ms();
        let alert =
            Alert { id, kind: AlertKind::MachineHot, persona: None, goal: None, text, raised_ms, resolved_ms: None };
        let receipts = vec![self.desk.system_decision(&self.by(), alert.text.clone(), json!({"alert": id}))];
        let changes = vec![Change::AlertRaised(Box::new(alert))];
        if self.desk.write(Commit { guards: Vec::new(), changes, receipts }).await?.is_ok() {
            self.alert = Some(id);
        }
        Ok(())
    }

    /// Alerts of a process that was killed while it was hot: this one begins with all slots.
    async fn resolve_left_over(&self) -> Result<(), CommandError> {
        for alert in self.desk.ports.records.open_alerts_of(AlertKind::MachineHot).await? {
            let said = "started anew with all slots: what the process before said of the machine is over".to_owned();
            let commit = Commit {
                guards: vec![Guard::AlertOpen(alert.id)],
                changes: vec![Change::AlertResolved(alert.id, self.desk.now_ms())],
                receipts: vec![self.desk.system_decision(&self.by(), said, json!({"alert": alert.id}))],
            };
            // A person who resolved it meanwhile was faster.
            let _ = self.desk.write(commit).await?;
        }
        Ok(())
    }

    fn by(&self) -> By {
        By { who: "system".to_owned(), trace: TraceId(self.desk.world().new_id()) }
    }
}
