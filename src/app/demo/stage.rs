//! Gives the demo's goals in their order and waits for what comes of them.

use actors::{
    domain::{Goal, GoalId, ParkedOn, PersonaId, TraceId, WaitsFor},
    ports::World,
    supervisor::{By, Company, NewWork, Work},
};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

use super::cast::{self, Cast};
use crate::{app::rooms::Rooms, storage::Db, tools::templates::Template};

const PROJECT: &str = "demo";

/// What is needed to give work and to see what comes of it.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) company: Company,
    pub(super) db: Db,
    world: Arc<dyn World>,
}

impl Stage {
    pub(super) fn of(rooms: &Rooms) -> Self {
        Self { company: rooms.company.clone(), db: rooms.storage.db.clone(), world: rooms.world.clone() }
    }

    /// A demo that is started again finds the work of the first time instead of doing it twice.
    async fn give(&self, persona: PersonaId, part: &str, template: Template) -> anyhow::Result<GoalId> {
        let Template { title, payload, proof } = template;
        let work = NewWork {
            persona,
            what: Work::Goal { title, payload, proof },
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: Some(format!("demo-{part}")),
            project: Some(PROJECT.to_owned()),
            waits_for: WaitsFor::default(),
        };
        let by = By { who: PROJECT.to_owned(), trace: TraceId(self.world.new_id()) };
        Ok(self.company.deliver(work, &by).await?.goal.id)
    }

    /// The first part: everything but the report.
    pub(super) async fn open(&self, cast: &Cast) -> anyhow::Result<Vec<GoalId>> {
        let [note, proposal] = cast::work_of_jason();
        Ok(vec![
            self.give(cast.livia.id, "mail", cast::opening_of_livia()).await?,
            self.give(cast.jason.id, "note", note).await?,
            self.give(cast.jason.id, "proposal", proposal).await?,
        ])
    }

    /// The last part.
    pub(super) async fn close(&self, cast: &Cast) -> anyhow::Result<GoalId> {
        self.give(cast.livia.id, "report", cast::closing_of_livia()).await
    }

    /// Waits until all are over, or wait for a person. Every receipt is shown to `watch` on the way.
    pub(super) async fn until_over(&self, goals: &[GoalId], mut watch: impl FnMut(&str)) -> anyhow::Result<Vec<Goal>> {
        // Subscribed before the first look, so that nothing happens unseen in between.
        let mut receipts = self.company.receipts();
        loop {
            let mut found = Vec::new();
            for id in goals {
                found.extend(self.db.goal(*id).await?);
            }
            if found.iter().all(is_settled) {
                return Ok(found);
            }
            loop {
                match receipts.recv().await {
                    Ok(receipt) => {
                        if let Some(body) = &receipt.body {
                            watch(&body.summary);
                        }
                        if receipt.state.is_some() {
                            break;
                        }
                    }
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => anyhow::bail!("the company ended before the work was done"),
                }
            }
        }
    }
}

fn is_settled(goal: &Goal) -> bool {
    goal.state.is_over() || goal.parked_on == Some(ParkedOn::Reconcile) || (goal.attempts > 0 && goal.due_ms.is_some())
}

/// The whole play, in the background of `demo`.
pub(super) async fn play(stage: Stage, cast: Cast) {
    let played = async {
        let first = stage.open(&cast).await?;
        stage.until_over(&first, |_| ()).await?;
        stage.close(&cast).await
    };
    if let Err(error) = played.await {
        tracing::warn!("the demo's work was not all given: {error:#}");
    }
}
