//! A person tries a tool by hand: on record like an effect of a run, but of no goal.
//!
//! What may write has its intent on disk before it is begun; every try has its outcome on disk before anybody hears of it.
//! A try that nobody ends may have happened: its receipt says `unknown`, after a crash too.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{
    By, CommandError, Company,
    desk::{Desk, refused},
};
use crate::{
    domain::{Body, ChainId, Draft, Effect, PersonaId, Phase, ReceiptKind, TryId, Tryout},
    ports::{Change, Commit, Guard, Unavailable},
};

/// A try, before it is begun.
#[derive(Debug, Clone)]
pub struct NewTry {
    /// As receipts name it.
    pub tool: String,
    /// Whose folder it works in, and on whose chain it is; none: on the node's own.
    pub persona: Option<PersonaId>,
    pub effect: Effect,
    /// What it is told, for the receipts: an object.
    pub data: Value,
    pub by: By,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq)]
pub struct TryEnd {
    /// Whether it is known what became of it.
    pub known: bool,
    /// What was observed: an object.
    pub data: Value,
    /// None: it did what it should.
    pub error: Option<String>,
}

/// A try that is on record. Say how it ended, with [`OpenTry::end`].
#[must_use]
pub struct OpenTry {
    desk: Arc<Desk>,
    runtime: Handle,
    new: NewTry,
    /// Under which it is known that it was begun; none: it only looks.
    id: Option<TryId>,
    open: bool,
}

impl Company {
    /// Puts a try on record; what only looks is put there when it has ended.
    pub async fn begin_try(&self, new: NewTry) -> Result<OpenTry, CommandError> {
        self.desk.check_open()?;
        let (desk, runtime) = (self.desk.clone(), self.runtime.clone());
        let begun = self.runtime.spawn(async move {
            let id = match new.effect.needs_intent() {
                true => Some(desk.intend_try(&new).await?),
                false => {
                    if let Some(id) = new.persona {
                        desk.persona(id).await?;
                    }
                    None
                }
            };
            Ok(OpenTry { desk, runtime, new, id, open: true })
        });
        begun.await.unwrap_or_else(|lost| Err(CommandError::Unavailable(Unavailable(Box::new(lost)))))
    }
}

impl OpenTry {
    /// Records how it ended; when this answers, it is on disk.
    pub async fn end(mut self, end: TryEnd) -> Result<(), CommandError> {
        self.open = false;
        let commit = self.desk.end_of_try(&self.new, self.id, end);
        self.desk.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        Ok(())
    }
}

impl Drop for OpenTry {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let end = TryEnd { known: false, data: json!({}), error: Some("nobody waited for its end".to_owned()) };
        let (desk, commit) = (self.desk.clone(), self.desk.end_of_try(&self.new, self.id, end));
        self.runtime.spawn(async move {
            if let Err(error) = desk.write(commit).await {
                tracing::warn!("how a try ended could not be written: {error}");
            }
        });
    }
}

impl Desk {
    async fn intend_try(&self, new: &NewTry) -> Result<TryId, CommandError> {
        let intent = self.of_try(new, Phase::Intent, format!("{} tries {}", new.by.who, new.tool));
        let id = TryId(self.world().new_id());
        let begun = Tryout {
            id,
            tool: new.tool.clone(),
            persona: new.persona,
            effect: new.effect,
            by: new.by.who.clone(),
            trace: new.by.trace,
            begun_ms: intent.at_ms,
        };
        let guards = new.persona.map(Guard::PersonaExists).into_iter().collect();
        let commit = Commit { guards, changes: vec![Change::TryBegun(Box::new(begun))], receipts: vec![intent] };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        Ok(id)
    }

    /// Whoever was waiting for them is gone with the process.
    pub(super) async fn settle_lost_tries(&self) -> Result<(), Unavailable> {
        for lost in self.ports.records.open_tryouts().await? {
            let Tryout { id, tool, persona, effect, by, trace, begun_ms } = lost;
            let new = NewTry { tool, persona, effect, data: json!({}), by: By { who: by, trace } };
            let error = Some("the server ended before it did".to_owned());
            let end = TryEnd { known: false, data: json!({ "begun_ms": begun_ms }), error };
            if let Err(error) = self.write(self.end_of_try(&new, Some(id), end)).await {
                tracing::warn!("a try that a crash cut off is settled at the next start: {error}");
            }
        }
        Ok(())
    }

    fn end_of_try(&self, new: &NewTry, id: Option<TryId>, end: TryEnd) -> Commit {
        let TryEnd { known, data, error } = end;
        let phase = if known { Phase::Outcome } else { Phase::Unknown };
        let how = match (known, &error) {
            (false, _) => "nobody knows what it did",
            (true, None) => "it answered",
            (true, Some(_)) => "it did not do what it should",
        };
        let mut draft = self.of_try(new, phase, format!("{} tried {}: {how}", new.by.who, new.tool));
        if let (Some(fields), Value::Object(more)) = (draft.body.data.as_object_mut(), data) {
            fields.extend(more);
        }
        draft.body.error = error;
        Commit { changes: id.map(Change::TryEnded).into_iter().collect(), receipts: vec![draft], ..Commit::default() }
    }

    fn of_try(&self, new: &NewTry, phase: Phase, summary: String) -> Draft {
        let mut data = json!({ "tried_by": new.by.who });
        if let (Some(fields), Some(more)) = (data.as_object_mut(), new.data.as_object()) {
            fields.extend(more.clone());
        }
        let node = self.limits.node.clone();
        let chain = new.persona.map_or_else(|| ChainId::System(node.clone()), ChainId::Persona);
        let body = Body { summary, data, ..Body::default() };
        Draft {
            phase: Some(phase),
            tool: Some(new.tool.clone().into()),
            effect: Some(new.effect),
            trace: Some(new.by.trace),
            ..Draft::new(chain, self.now_ms(), node, ReceiptKind::Execution, self.world().salt(), body)
        }
    }
}
