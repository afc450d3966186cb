//! `receipts`, read back. The header is the truth; columns that repeat it are for finding rows.

use actors::{
    domain::{Body, ChainId, Hash, Receipt, TraceId},
    evidence::canonical,
};
use diesel::prelude::*;

use super::Columns;
use crate::storage::{db::DbError, schema::receipts};

/// What a page or a resume needs of a receipt.
#[derive(Queryable, Selectable)]
#[diesel(table_name = receipts)]
pub(in crate::storage) struct ReceiptRow {
    pub pos: i64,
    pub header: String,
    pub hash: Vec<u8>,
    pub body: Option<String>,
}

/// Everything that is stored, for verification and export.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
#[diesel(table_name = receipts)]
pub struct RawReceipt {
    pub node: String,
    pub pos: i64,
    pub chain: Vec<u8>,
    pub seq: i64,
    pub header: String,
    pub hash: Vec<u8>,
    pub salt: Option<Vec<u8>>,
    pub body: Option<String>,
    pub at_ms: i64,
    pub kind: String,
    pub phase: Option<String>,
    pub run: Option<Vec<u8>>,
}

impl TryFrom<ReceiptRow> for Receipt {
    type Error = DbError;

    fn try_from(row: ReceiptRow) -> Result<Self, DbError> {
        let read = Columns("receipts");
        let header = canonical::parse(&row.header).map_err(|error| read.corrupt(error))?;
        let body: Option<Body> = row.body.as_deref().map(|body| read.json(body)).transpose()?;
        let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
        Ok(Self {
            pos: row.pos,
            chain: read.word::<ChainId>(&header.chain)?,
            seq: header.seq,
            prev: read.word::<Hash>(&header.prev)?,
            hash: read.hash(&row.hash)?,
            at_ms: header.at_ms,
            node: read.word(&header.node)?,
            kind: read.word(&header.kind)?,
            phase: read.optional_word(header.phase.as_deref())?,
            state: owned(header.state),
            tool: owned(header.tool),
            effect: read.optional_word(header.effect.as_deref())?,
            goal: read.optional_word(header.goal.as_deref())?,
            run: read.optional_word(header.run.as_deref())?,
            step: header.step,
            replay_of: header.replay_of,
            trace: read.optional_word::<TraceId>(header.trace.as_deref())?,
            project: owned(header.project),
            units: header.units,
            body,
        })
    }
}
