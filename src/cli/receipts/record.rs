//! A record of receipts, wherever it lies: in the database or in an exported folder.

use actors::{
    domain::{ChainId, Hash, PersonaId},
    ports::Checkpoint,
};
use anyhow::{Context as _, anyhow};
use async_trait::async_trait;

use crate::storage::{Archive, NodeKey, RawReceipt, Rows};

/// Everything that verification and export read, in parts that fit into memory.
#[async_trait]
pub trait Record: Send {
    /// Who may have signed.
    async fn keys(&mut self) -> anyhow::Result<Vec<NodeKey>>;

    /// Of nothing but this chain there are rows; none: of all.
    fn only(&self) -> Option<ChainId>;

    /// Whose chains these are: ids and slugs, those of deleted personas too.
    async fn personas(&mut self) -> anyhow::Result<Vec<(PersonaId, String)>>;

    /// What system chains say about other chains.
    async fn vouching(&mut self) -> anyhow::Result<Vec<RawReceipt>>;

    /// Every signed head.
    async fn checkpoints(&mut self) -> anyhow::Result<Vec<Checkpoint>>;

    /// The next rows, each chain in its order; none: there are no more.
    async fn more(&mut self) -> anyhow::Result<Vec<RawReceipt>>;

    /// An artifact's bytes, as they lie there. None: it is gone.
    async fn artifact(&mut self, hash: Hash) -> anyhow::Result<Option<Vec<u8>>>;
}

/// The key as people compare it: the first 16 hexadecimal digits.
pub fn short(key: &NodeKey) -> String {
    hex::encode(&key.key.to_bytes()[..8])
}

/// The record in the database.
pub struct Stored {
    archive: Archive,
    chain: Option<ChainId>,
    rows: Rows,
}

impl Stored {
    /// All of it, or the chain of one persona by slug or id, deleted ones included.
    pub async fn open(archive: Archive, persona: Option<&str>) -> anyhow::Result<Self> {
        let chain = match persona {
            None => None,
            Some(name) => {
                let chain = archive.persona_chain(name).await.context("the personas cannot be read")?;
                Some(
                    chain
                        .ok_or_else(|| anyhow!("there is no persona `{name}`: `greenroom persona list` names them"))?,
                )
            }
        };
        let rows = archive.rows(chain.clone());
        Ok(Self { archive, chain, rows })
    }
}

#[async_trait]
impl Record for Stored {
    async fn keys(&mut self) -> anyhow::Result<Vec<NodeKey>> {
        self.archive.keys().await.context("the signing keys cannot be read")
    }

    fn only(&self) -> Option<ChainId> {
        self.chain.clone()
    }

    async fn personas(&mut self) -> anyhow::Result<Vec<(PersonaId, String)>> {
        let all = self.archive.db.personas(true).await.context("the personas cannot be read")?;
        let is_here = |id| self.chain.as_ref().is_none_or(|only| *only == ChainId::Persona(id));
        let here = all.into_iter().filter(|persona| is_here(persona.id));
        Ok(here.map(|persona| (persona.id, persona.slug.to_string())).collect())
    }

    async fn vouching(&mut self) -> anyhow::Result<Vec<RawReceipt>> {
        self.archive.vouching().await.context("the system chains cannot be read")
    }

    async fn checkpoints(&mut self) -> anyhow::Result<Vec<Checkpoint>> {
        self.archive.checkpoints(self.chain.as_ref()).await.context("the signed heads cannot be read")
    }

    async fn more(&mut self) -> anyhow::Result<Vec<RawReceipt>> {
        self.rows.more().await.context("the receipts cannot be read")
    }

    async fn artifact(&mut self, hash: Hash) -> anyhow::Result<Option<Vec<u8>>> {
        self.archive.artifact(hash).await.with_context(|| format!("the artifact {hash} cannot be read"))
    }
}
