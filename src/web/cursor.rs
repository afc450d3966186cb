//! Where a reader stands in a list or in the live stream. Opaque outside.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

/// A place in the receipt log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub i64);

/// A text that is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor this server gave")]
pub struct BadCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{:x}", self.0.max(0))
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let digits = text.strip_prefix('r').filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        i64::from_str_radix(digits.ok_or(BadCursor)?, 16).map(Self).map_err(|_| BadCursor)
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A place in a list whose rows sort by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdCursor(pub Uuid);

impl fmt::Display for IdCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl FromStr for IdCursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let id = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        id.map(|id| Self(Uuid::from_bytes(id))).ok_or(BadCursor)
    }
}

impl<'de> Deserialize<'de> for IdCursor {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// For `cursor=` of the next page; none: this is the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page out of one row more than it may have, if there are so many.
    pub fn of(mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(place);
        Self { items: rows, next }
    }

    /// A list that is whole.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// The same page with its rows made into something else.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), next: self.next }
    }
}

/// How many rows a page may have: 50 when nobody says, never more than 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

const MOST_ROWS: u32 = 500;

impl Limit {
    /// The rows of a page.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// One more than the page has, to see whether there is another.
    pub const fn and_one(self) -> u32 {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let limit = u32::deserialize(from)?;
        let fits = (1..=MOST_ROWS).contains(&limit);
        if fits { Ok(Self(limit)) } else { Err(serde::de::Error::custom("must be between 1 and 500")) }
    }
}

/// What a list is asked for that has no filters.
#[derive(Debug, Deserialize, IntoParams)]
pub struct Paging {
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<IdCursor>,
    /// 1 to 500; 50 when left out.
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    pub limit: Limit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_the_same_after_text() {
        for pos in [0, 1, i64::MAX] {
            assert_eq!(Cursor(pos).to_string().parse(), Ok(Cursor(pos)));
        }
        for bad in ["", "r", "r-1", "1", "r+1", "r80000000000000000"] {
            assert_eq!(bad.parse::<Cursor>(), Err(BadCursor), "{bad}");
        }
    }

    #[test]
    fn a_page_knows_whether_there_is_another() {
        let page = Page::of(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!((page.items, page.next), (vec![1, 2], Some("2".into())));
        assert_eq!(Page::of(vec![1, 2], 2, ToString::to_string).next, None);
    }
}
