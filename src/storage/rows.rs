//! Rows and the domain's records: one file per table, both directions.

pub(super) mod alert;
pub(super) mod approval;
pub(super) mod goal;
pub(super) mod ledger;
pub(super) mod mcp;
pub(super) mod message;
pub(super) mod persona;
pub(super) mod quota;
pub(super) mod receipt;
pub(super) mod room;
pub(super) mod run;
pub(super) mod schedule;
pub(super) mod standing_wait;
pub(super) mod tryout;

use std::str::FromStr;

use actors::{domain::Hash, ports::BoxError};
use serde::{Serialize, de::DeserializeOwned};

use super::db::DbError;

/// Reads the columns of one table; what does not fit is named with its table.
pub(super) struct Columns(pub &'static str);

impl Columns {
    pub(super) fn corrupt(&self, source: impl Into<BoxError>) -> DbError {
        DbError::Corrupt { table: self.0, source: source.into() }
    }

    pub(super) fn id<T: From<[u8; 16]>>(&self, bytes: &[u8]) -> Result<T, DbError> {
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| self.corrupt("an id has not 16 bytes"))?;
        Ok(bytes.into())
    }

    pub(super) fn optional_id<T: From<[u8; 16]>>(&self, bytes: Option<&[u8]>) -> Result<Option<T>, DbError> {
        bytes.map(|bytes| self.id(bytes)).transpose()
    }

    pub(super) fn hash(&self, bytes: &[u8]) -> Result<Hash, DbError> {
        bytes.try_into().map(Hash).map_err(|_| self.corrupt("a hash has not 32 bytes"))
    }

    pub(super) fn word<T: FromStr<Err: Into<BoxError>>>(&self, text: &str) -> Result<T, DbError> {
        text.parse().map_err(|error: T::Err| self.corrupt(error))
    }

    pub(super) fn optional_word<T: FromStr<Err: Into<BoxError>>>(
        &self,
        text: Option<&str>,
    ) -> Result<Option<T>, DbError> {
        text.map(|text| self.word(text)).transpose()
    }

    pub(super) fn json<T: DeserializeOwned>(&self, text: &str) -> Result<T, DbError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(error))
    }

    pub(super) fn count<T: TryFrom<i64>>(&self, number: impl Into<i64>) -> Result<T, DbError> {
        T::try_from(number.into()).map_err(|_| self.corrupt("a number is out of range"))
    }
}

/// A record's parts as JSON. They are strings, numbers and lists: they always have a JSON form.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Text as both databases take it: PostgreSQL refuses NUL.
pub(super) fn text(mut text: String) -> String {
    if text.contains('\0') {
        text = text.replace('\0', "\u{fffd}");
    }
    text
}

/// A counter as the database keeps it.
pub(super) fn counter(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
