//! The tools that need no browser.

mod captions;
pub(super) mod compose;
mod csv_rows;
pub(super) mod digest;
pub(super) mod fetch;
pub(super) mod files;
pub(super) mod lookup;
mod readable;
pub(super) mod report;
pub(super) mod think;
pub(super) mod web_search;
