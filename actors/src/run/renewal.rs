//! What changes about a persona while its run is under way: read anew before what cannot be taken back, and on record,
//! so that the run comes out again.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    RunEnd,
    attempt::{Attempt, Halt},
};
use crate::domain::{Hours, Permissions, Persona, ReceiptKind};

/// Where the receipt's data holds it.
pub(super) const KEY: &str = "renewed";

/// What a run's receipts depend on and may be changed meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Renewed {
    name: String,
    hours: Hours,
    permissions: Permissions,
}

impl Renewed {
    fn of(persona: &Persona) -> Self {
        let Persona { name, hours, permissions, .. } = persona.clone();
        Self { name, hours, permissions }
    }

    /// The persona with these.
    pub fn over(self, persona: Persona) -> Persona {
        let Self { name, hours, permissions } = self;
        Persona { name, hours, permissions, ..persona }
    }
}

impl Attempt<'_> {
    /// What was changed while the run was under way counts from the next irreversible effect on.
    pub(super) async fn renew_permissions(&mut self) -> Result<(), Halt> {
        let persona = self.runner.broker.ports.records.persona(self.goal.persona).await;
        let Some(persona) = persona.map_err(|_| Halt::End(RunEnd::Unavailable))? else { return Ok(()) };
        let (before, now) = (Renewed::of(&self.persona), Renewed::of(&persona));
        self.persona = persona.into();
        if before == now {
            return Ok(());
        }
        let said = "goes on with what was changed meanwhile".to_owned();
        let draft = self.about().draft(ReceiptKind::Log, None, said, json!({ KEY: now }));
        self.write_step(draft).await
    }
}
