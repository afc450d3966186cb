//! A run that waits: for the pace of a site, or for a person. The commit that parks it says what for.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    RunEnd,
    attempt::{Attempt, Halt},
    policy,
    stage::Stage,
};
use crate::{
    domain::{Alert, AlertKind, GoalState, MessageState, ParkedOn, RunState, Step},
    ports::{Change, Commit, GoalMove, Guard},
};

/// A wait for the pace up to this long keeps the slice.
const SHORT_WAIT: Duration = Duration::from_secs(1);

impl Attempt<'_> {
    /// Waits until the site's pace allows the act; a long wait gives the slice back and says so durably.
    pub(super) async fn keep_pace(&mut self, step: &Step) -> Result<(), Halt> {
        let Some(site) = policy::paced_site(step, self.page()) else { return Ok(()) };
        if self.is_refused_anyway(step).await {
            return Ok(());
        }
        loop {
            let wait = match self.runner.stage.pace(self.goal.persona, &site, step.tool()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(wait)) => wait,
                Err(_) => return Err(Halt::End(RunEnd::Stopped)),
            };
            if wait > SHORT_WAIT {
                self.wait_without_slice(wait, &site).await?;
            } else {
                self.pause(wait).await?;
            }
        }
    }

    /// Whether rules or the host list say no, whatever the site's pace. In a replay the record says how long it waited.
    async fn is_refused_anyway(&self, step: &Step) -> bool {
        let Stage::Company(_) = &self.runner.stage else { return false };
        let broker = &self.runner.broker;
        let verdict = broker.judge(step, self.page(), &self.persona.permissions, self.terms_for(step));
        if matches!(verdict, policy::Verdict::Deny { .. }) {
            return true;
        }
        let (Step::Goto { url, .. } | Step::Fetch { url, .. }) = step else { return false };
        broker.ports.performer.keeps_out(self.goal.persona, url).await
    }

    async fn wait_without_slice(&mut self, wait: Duration, site: &str) -> Result<(), Halt> {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let due_ms = self.now_ms().saturating_add(wait_ms);
        let parked =
            GoalMove { parked_on: Some(ParkedOn::Rate), due_ms: Some(due_ms), ..self.moved(GoalState::Parked) };
        let summary = format!("waits {} s for the pace of {site}", wait.as_secs().max(1));
        self.say(Some(summary.clone()));
        let data = json!({"wait_ms": wait_ms});
        self.shift(RunState::Parked, MessageState::Waiting, parked, (summary, data)).await?;
        self.slice = None;
        self.pause(wait).await?;
        self.take_slice().await?;
        let running = self.moved(GoalState::Running);
        self.shift(RunState::Running, MessageState::Running, running, (format!("goes on at {site}"), Value::Null)).await
    }

    async fn pause(&self, wait: Duration) -> Result<(), Halt> {
        tokio::select! {
            () = self.runner.stage.pause(wait) => Ok(()),
            () = self.stop.cancelled() => Err(Halt::End(RunEnd::Stopped)),
        }
    }

    /// Moves run, goal and message while the run goes on.
    async fn shift(
        &mut self,
        run: RunState,
        message: MessageState,
        goal: GoalMove,
        (summary, data): (String, Value),
    ) -> Result<(), Halt> {
        let changes =
            vec![self.run_moved(run, None), Change::GoalMoved(goal), Change::MessageMoved(self.message.id, message)];
        let mut said = self.log(summary, run.as_str());
        said.body.data = data;
        let receipts = vec![said];
        match self
            .runner
            .broker
            .evidence
            .record(Commit { guards: vec![Guard::GoalOpen(self.goal.id)], changes, receipts })
            .await
        {
            Ok(committed) => {
                self.history.extend(committed.receipts);
                Ok(())
            }
            Err(error) => Err(Halt::End(self.end_after(&error))),
        }
    }

    /// Nobody but a person can say whether the effect happened; other goals go on.
    pub(super) async fn park_for_person(&mut self, at: usize) -> RunEnd {
        let text = format!(
            "“{}”: nobody saw whether step {} ({}) happened. Look, then resolve the goal as done or not done",
            self.goal.title,
            at + 1,
            self.steps[at].tool()
        );
        let parked = GoalMove {
            parked_on: Some(ParkedOn::Reconcile),
            last_error: Some(text.clone()),
            ..self.moved(GoalState::Parked)
        };
        let mut changes = vec![
            self.run_moved(RunState::Parked, None),
            Change::GoalMoved(parked),
            Change::MessageMoved(self.message.id, MessageState::Waiting),
        ];
        match self.runner.broker.ports.records.open_alerts(self.goal.persona).await {
            Ok(open) => {
                let told = |alert: &Alert| alert.kind == AlertKind::Reconcile && alert.goal == Some(self.goal.id);
                if !open.iter().any(told) {
                    changes.push(self.alert(AlertKind::Reconcile, text.clone()));
                }
            }
            Err(_) => return RunEnd::Unavailable,
        }
        let receipts = vec![self.log(text, GoalState::Parked.as_str())];
        let guards = vec![Guard::GoalOpen(self.goal.id)];
        match self.runner.broker.evidence.record(Commit { guards, changes, receipts }).await {
            Ok(_) => RunEnd::Later { due_ms: None },
            Err(error) => self.end_after(&error),
        }
    }
}
