//! Checks a record: receipts against hashes, chains and signed heads, artifacts against the hashes receipts name.

use std::{collections::HashSet, fmt::Write as _};

use actors::{
    domain::{Body, Hash},
    evidence::{
        canonical,
        verify::{Report, Verifier},
    },
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::record::{self, Record};
use crate::storage::{NodeKey, RawReceipt};

/// Faults of artifacts that are listed one by one.
const LISTED: usize = 1_000;

/// What was checked, and everything that is wrong.
#[derive(Debug, Serialize)]
pub struct Verified {
    pub ok: bool,
    #[serde(flatten)]
    pub report: Report,
    /// Artifacts that receipts name, each counted once.
    pub artifacts: u64,
    pub artifact_faults: Vec<ArtifactFault>,
    /// Keys that may have signed: `node key`.
    pub keys: Vec<String>,
}

/// An artifact that is not what its receipt names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactFault {
    pub chain: String,
    pub seq: i64,
    pub name: String,
    pub hash: Hash,
    /// `gone` or `edited`.
    pub fault: &'static str,
}

/// What somebody kept elsewhere, and must be there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept {
    /// The hash of a receipt.
    pub head: Option<Hash>,
    /// A root over all heads.
    pub root: Option<Hash>,
}

/// Reads the whole record once, and of system chains before it what they say about other chains.
pub async fn check(record: &mut dyn Record, kept: Kept, shown: &ProgressBar) -> anyhow::Result<Verified> {
    let keys = record.keys().await?;
    let mut verifier = Verifier::new(keys.iter().map(|key| key.key).collect());
    kept.head.into_iter().for_each(|head| verifier.expect_head(head));
    kept.root.into_iter().for_each(|root| verifier.expect_root(root));
    record.only().into_iter().for_each(|chain| verifier.expect_only(chain));
    for row in record.vouching().await? {
        verifier.vouched(&row.as_stored());
    }
    for checkpoint in record.checkpoints().await? {
        verifier.checkpoint(&checkpoint);
    }
    let mut artifacts = Artifacts::default();
    let mut read = 0;
    loop {
        let rows = record.more().await?;
        if rows.is_empty() {
            break;
        }
        read += rows.len();
        shown.set_message(format!("{read} receipts"));
        for row in &rows {
            verifier.receipt(&row.as_stored());
            artifacts.of(row, record).await?;
        }
    }
    shown.finish_and_clear();
    let report = verifier.finish();
    let ok = report.is_sound() && artifacts.faults.is_empty();
    let keys = keys.iter().map(|key| format!("{} {}", key.node, record::short(key))).collect();
    Ok(Verified { ok, report, artifacts: artifacts.count, artifact_faults: artifacts.faults, keys })
}

/// What a row's body names; nothing when the body is erased or cannot be read (that is a fault of its own).
pub(super) fn named_artifacts(row: &RawReceipt) -> Vec<(String, Hash)> {
    let body = row.body.as_deref().and_then(|body| serde_json::from_str::<Body>(body).ok());
    let named = body.map(|body| body.artifacts).unwrap_or_default().into_iter();
    named.filter(|artifact| !artifact.missing).map(|artifact| (artifact.name, artifact.hash)).collect()
}

#[derive(Default)]
struct Artifacts {
    seen: HashSet<Hash>,
    count: u64,
    faults: Vec<ArtifactFault>,
}

impl Artifacts {
    async fn of(&mut self, row: &RawReceipt, record: &mut dyn Record) -> anyhow::Result<()> {
        for (name, hash) in named_artifacts(row) {
            if !self.seen.insert(hash) {
                continue;
            }
            self.count += 1;
            let fault = match record.artifact(hash).await? {
                None => "gone",
                Some(bytes) if canonical::sha256(&bytes) != hash => "edited",
                Some(_) => continue,
            };
            if self.faults.len() < LISTED {
                let chain = super::bundle::chain_text(&row.chain);
                self.faults.push(ArtifactFault { chain, seq: row.seq, name, hash, fault });
            }
        }
        Ok(())
    }
}

/// What people read. `own`: the key of this machine, if it has one.
pub fn text(verified: &Verified, own: Option<&NodeKey>) -> String {
    let report = &verified.report;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} receipts in {} chains, {} signed heads, {} artifacts checked",
        report.receipts, report.chains, report.checkpoints, verified.artifacts
    );
    if report.erased > 0 {
        let what = match report.erased {
            1 => "1 body is erased; its header still verifies".to_owned(),
            some => format!("{some} bodies are erased; their headers still verify"),
        };
        let _ = writeln!(out, "{what}");
    }
    if report.unsigned > 0 {
        let _ = writeln!(out, "{} receipts lie behind the last signature of their chain", report.unsigned);
    }
    if let Some(root) = report.root {
        let _ = writeln!(out, "{} hourly roots worked out again; the newest: {root}", report.sealed);
    }
    let own = own.map(record::short);
    for key in &verified.keys {
        let is_own = own.as_ref().is_some_and(|own| key.ends_with(own.as_str()));
        let whose = if is_own { "this machine's" } else { "named by the record; compare it with one kept elsewhere" };
        let _ = writeln!(out, "key {key} ({whose})");
    }
    for fault in &report.faults {
        let _ = writeln!(out, "FAULT  {fault}");
    }
    for ArtifactFault { chain, seq, name, hash, fault } in &verified.artifact_faults {
        let name = crate::cli::print::plain(name);
        let _ = writeln!(out, "FAULT  chain {chain}, receipt {seq}: artifact {name} ({}) is {fault}", hash.short());
    }
    if report.unlisted > 0 {
        let _ = writeln!(out, "and {} more faults", report.unlisted);
    }
    out.push_str(if verified.ok { "verified: nothing is wrong" } else { "NOT verified" });
    out
}
