//! Checks the stored record: [`actors::evidence::verify`] over the rows of an [`Archive`].

use actors::{
    domain::{ChainId, Hash, PersonaId},
    evidence::verify::{Report, StoredReceipt, Verifier},
};

use super::{archive::Archive, db::DbError, rows::receipt::RawReceipt};

/// Reads every receipt once, or those of one persona. `head`: a receipt with this hash must be there. `progress` is
/// told now and then how many were read.
pub async fn verify(
    archive: &Archive,
    persona: Option<PersonaId>,
    head: Option<Hash>,
    progress: impl Fn(u64),
) -> Result<Report, DbError> {
    let chain = persona.map(ChainId::Persona);
    let keys = archive.keys().await?.into_iter().map(|known| known.key);
    let mut verifier = Verifier::new(keys.collect());
    if let Some(head) = head {
        verifier.expect_head(head);
    }
    for row in archive.vouching().await? {
        verifier.vouched(&row.as_stored());
    }
    if let Some(chain) = &chain {
        verifier.expect_only(chain.clone());
    }
    for checkpoint in archive.checkpoints(chain.as_ref()).await? {
        verifier.checkpoint(&checkpoint);
    }
    let (mut rows, mut read) = (archive.rows(chain), 0);
    loop {
        let part = rows.more().await?;
        if part.is_empty() {
            return Ok(verifier.finish());
        }
        part.iter().for_each(|row| verifier.receipt(&row.as_stored()));
        read += part.len() as u64;
        progress(read);
    }
}

impl RawReceipt {
    /// As the verifier takes it.
    pub fn as_stored(&self) -> StoredReceipt<'_> {
        StoredReceipt {
            pos: self.pos,
            node: &self.node,
            chain: &self.chain,
            seq: self.seq,
            header: self.header.as_bytes(),
            hash: &self.hash,
            salt: self.salt.as_deref(),
            body: self.body.as_deref().map(str::as_bytes),
            at_ms: self.at_ms,
            kind: &self.kind,
            phase: self.phase.as_deref(),
            run: self.run.as_deref(),
        }
    }
}
