//! What people and programs send: read strictly, but without regard to case and underscores in field names.
//!
//! `voice_agent_id`, `voiceAgentId` and `voiceagentid` are the same field. Unknown fields are refused with the
//! nearest known name, doubled ones are refused, and every complaint names the field by its path.

mod body;
mod checks;
mod loose;
mod strict;
mod version;

pub use body::{BODY_LIMIT, Loose, LooseQuery, Nothing};
pub use checks::Checks;
pub use loose::{LooseError, from_query, from_value, same_name, unknown};
pub use strict::parse_json;

pub use crate::config::words::wrong_sort_of;
pub use version::{IdempotencyKey, IfMatch, version_read};
