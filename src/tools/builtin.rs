//! The tools that need no browser.

mod captions;
pub(super) mod compose;
mod csv_rows;
pub(super) mod digest;
pub(super) mod fetch;
pub(super) mod file_looks;
pub(super) mod files;
pub(super) mod lookup;
pub(super) mod rag_search;
mod readable;
pub(super) mod report;
pub(super) mod speak;
pub(super) mod think;
pub(super) mod web_search;
