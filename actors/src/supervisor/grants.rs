//! Granting tools to personas, and taking them away. It holds from the next step of a run on.

use serde_json::json;

use super::{
    By, CommandError,
    desk::{Desk, RACES, busy, invalid},
};
use crate::{
    domain::{GrantChange, Persona, PersonaId},
    ports::{Change, Commit, Guard},
};

impl Desk {
    pub(super) async fn grant_tools(
        &self,
        id: PersonaId,
        change: &GrantChange,
        by: &By,
    ) -> Result<Persona, CommandError> {
        for _ in 0..RACES {
            let before = self.persona(id).await?;
            let grants = before.grants.with(change).map_err(|(field, reason)| invalid(field, reason))?;
            if grants == before.grants {
                return Ok(before);
            }
            let version = before.version;
            let after = Persona { grants, version: version + 1, updated_ms: self.now_ms(), ..before };
            let data = json!({"grant": change.grant, "revoke": change.revoke, "reset": change.reset,
                "version": after.version});
            let commit = Commit {
                guards: vec![Guard::PersonaVersion(id, version)],
                changes: vec![Change::PersonaUpdated(Box::new(after.clone()))],
                receipts: vec![self.decision(id, by, format!("tools granted or revoked by {}", by.who), data)],
            };
            if self.write(commit).await?.is_ok() {
                return Ok(after);
            }
        }
        Err(busy("the persona"))
    }
}
