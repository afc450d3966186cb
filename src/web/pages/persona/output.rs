//! Output: the pictures and files the persona's receipts name.

use actors::domain::Receipt;

use crate::web::pages::{
    evidence::{FileLink, ReceiptRow, Shot},
    show::When,
};

/// The tab. Newest first.
#[derive(Debug, Default)]
pub struct Output {
    pub shots: Vec<Made<Shot>>,
    pub files: Vec<Made<FileLink>>,
    /// Where what was made before is.
    pub earlier: Option<String>,
}

/// Something that was made, when and in which run.
#[derive(Debug, Clone)]
pub struct Made<T> {
    pub what: T,
    pub at: When,
    pub run_href: Option<String>,
}

impl Output {
    /// Collects what these receipts, newest first, name.
    pub fn of(receipts: &[Receipt], now_ms: i64) -> Self {
        let mut output = Self::default();
        for receipt in receipts {
            let row = ReceiptRow::new(receipt, "", now_ms);
            let (at, run_href) = (&row.at, &row.run_href);
            output.shots.extend(row.shots.into_iter().map(|what| made(what, at, run_href)));
            output.files.extend(row.files.into_iter().map(|what| made(what, at, run_href)));
        }
        output
    }
}

fn made<T>(what: T, at: &When, run_href: &Option<String>) -> Made<T> {
    Made { what, at: at.clone(), run_href: run_href.clone() }
}
