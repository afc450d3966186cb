//! Output: the digests, pictures and files the persona's receipts name.

use actors::domain::Receipt;
use serde::Deserialize as _;

use crate::{
    tools::{Digest, Number},
    web::pages::{
        evidence::{FileLink, ReceiptRow, Shot},
        show::When,
    },
};

/// The tab. Newest first.
#[derive(Debug, Default)]
pub struct Output {
    pub shots: Vec<Made<Shot>>,
    pub files: Vec<Made<FileLink>>,
    pub digests: Vec<DigestRow>,
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
            output
                .digests
                .extend(DigestRow::of(receipt, now_ms).map(|what| DigestRow { run_href: run_href.clone(), ..what }));
        }
        output
    }
}

/// A digest: what the persona did in a day, each number with its receipts.
#[derive(Debug, Clone)]
pub struct DigestRow {
    pub from: When,
    pub until: When,
    pub zone: String,
    pub receipts: usize,
    pub cut: bool,
    pub numbers: Vec<Number>,
    pub run_href: Option<String>,
}

impl DigestRow {
    fn of(receipt: &Receipt, now_ms: i64) -> Option<Self> {
        let said =
            receipt.body.as_ref().filter(|_| receipt.tool.as_deref() == Some("report_daily"))?.data.get("digest")?;
        let digest = Digest::deserialize(said).ok()?;
        Some(Self {
            from: When::at(digest.from_ms, now_ms),
            until: When::at(digest.until_ms, now_ms),
            zone: digest.zone,
            receipts: digest.receipts,
            cut: digest.cut,
            numbers: digest.numbers,
            run_href: None,
        })
    }
}

fn made<T>(what: T, at: &When, run_href: &Option<String>) -> Made<T> {
    Made { what, at: at.clone(), run_href: run_href.clone() }
}
