//! Output: the digests, pictures and files the persona's receipts name.

use actors::domain::{Level, Receipt, ReceiptKind};
use serde::Deserialize as _;

use crate::{
    models::Drift,
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
    /// What models were asked and answered on the way.
    pub papers: Vec<Made<FileLink>>,
    pub digests: Vec<DigestRow>,
    /// How far the newest composed texts are from the profile.
    pub drift: Option<MeanDrift>,
    /// Where what was made before is.
    pub earlier: Option<String>,
}

/// Something that was made, when and in which run.
#[derive(Debug, Clone)]
pub struct Made<T> {
    pub what: T,
    pub at: When,
    pub run_href: Option<String>,
    /// Of a composed text: how far it is from the profile.
    pub drift: Option<DriftRow>,
}

/// How far a text is from its persona's profile, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftRow {
    /// `0.23`.
    pub score: String,
    /// The persona's limit, where the text is above it: `0.2`.
    pub above: Option<String>,
    /// The reasons that have points, or that there is none.
    pub why: String,
    thousandths: u16,
}

/// The mean over some texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeanDrift {
    /// `0.23`.
    pub score: String,
    pub texts: usize,
}

/// So many texts make a mean.
const MEAN_OF: usize = 20;

impl DriftRow {
    fn of(receipt: &Receipt) -> Option<Self> {
        let data = &receipt.body.as_ref()?.data;
        let drift = Drift::deserialize(data.get("drift")?).ok()?;
        let limit = data.get("drift_limit").and_then(|limit| Level::deserialize(limit).ok()).map(Level::thousandths);
        let above = limit.filter(|limit| drift.score > *limit).map(decimal);
        let told = drift.parts.iter().filter(|part| part.points > 0);
        let told: Vec<_> = told.map(|part| format!("{} {}: {}", part.what, decimal(part.points), part.why)).collect();
        let why = if told.is_empty() { "as its profile has it".to_owned() } else { told.join("; ") };
        Some(Self { score: decimal(drift.score), above, why, thousandths: drift.score })
    }
}

impl MeanDrift {
    fn of(files: &[Made<FileLink>]) -> Option<Self> {
        let newest: Vec<u64> =
            files.iter().filter_map(|made| Some(made.drift.as_ref()?.thousandths.into())).take(MEAN_OF).collect();
        let mean = newest.iter().sum::<u64>().checked_div(newest.len() as u64)?;
        Some(Self { score: decimal(u16::try_from(mean).ok()?), texts: newest.len() })
    }
}

/// Thousandths as `0.23`.
fn decimal(thousandths: u16) -> String {
    format!("{}.{:02}", thousandths / 1_000, thousandths % 1_000 / 10)
}

impl Output {
    /// Collects what these receipts, newest first, name.
    pub fn of(receipts: &[Receipt], now_ms: i64) -> Self {
        let mut output = Self::default();
        for receipt in receipts {
            let row = ReceiptRow::new(receipt, "", now_ms);
            let (at, run_href) = (&row.at, &row.run_href);
            output.shots.extend(row.shots.into_iter().map(|what| made(what, at, run_href)));
            // The first is the text; what the model wrote may be beside it.
            let mut drift = DriftRow::of(receipt);
            let files = row.files.into_iter().map(|what| Made { drift: drift.take(), ..made(what, at, run_href) });
            match receipt.kind {
                ReceiptKind::Llm => output.papers.extend(files),
                _ => output.files.extend(files),
            }
            output
                .digests
                .extend(DigestRow::of(receipt, now_ms).map(|what| DigestRow { run_href: run_href.clone(), ..what }));
        }
        output.drift = MeanDrift::of(&output.papers);
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
    Made { what, at: at.clone(), run_href: run_href.clone(), drift: None }
}
