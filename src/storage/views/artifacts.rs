//! Artifacts, as receipts named them.

use actors::domain::{ArtifactRef, Hash};
use diesel::prelude::*;

use crate::storage::{
    db::{Db, DbError, on_db},
    rows::Columns,
    schema::blobs,
};

impl Db {
    /// What an artifact is, as a receipt first named it. None: no receipt names it.
    pub async fn artifact(&self, hash: Hash) -> Result<Option<ArtifactRef>, DbError> {
        let row: Option<(String, String, String, i64)> = on_db!(self, one:
            blobs::table
                .filter(blobs::hash.eq(hash.0.to_vec()))
                .order((blobs::at_ms, blobs::chain))
                .limit(1)
                .select((blobs::kind, blobs::name, blobs::media_type, blobs::bytes)));
        let Some((kind, name, media_type, bytes)) = row else { return Ok(None) };
        let read = Columns("blobs");
        let (kind, bytes) = (read.word(&kind)?, read.count(bytes)?);
        Ok(Some(ArtifactRef { kind, name, media_type, bytes, hash, missing: false }))
    }
}
