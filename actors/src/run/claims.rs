//! Which statements of an answer the receipts show. Pure.
//!
//! A model says “I submitted the proposal” whether or not it did. Each clause that says that something was done is held
//! against the receipts of the run: one of its kind must show it, and must have to do with what the clause names. A clause
//! in the first person whose verb is not known is not confirmed. Nor is an answer that cannot be read, where the goal asks
//! for no other proof. What others did, what was not done and what is to be claims nothing (`clauses.rs`).
//!
//! It is a check of words, of common English: numbers, order and how often it does not know.

mod clauses;
mod lexicon;
mod told;

use std::collections::HashMap;

use self::{
    clauses::{Claim, claims, is_readable},
    told::Told,
};
use super::{
    proof::{Line, shown},
    steps::Steps,
};
use crate::domain::{ArtifactKind, Ended, Phase, Receipt, Step};

/// What a verb claims to have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Changed something outside: pressed, sent, posted.
    Sent,
    /// Left a file, or changed something outside.
    Wrote,
    /// Opened a page.
    Opened,
    /// Put something into a field.
    Filled,
    /// Kept a picture.
    Pictured,
    /// Asked a person, gave work away, set a time.
    Handed,
    /// Something that no receipt is known to show.
    Unknown,
}

/// What an answer is held against.
pub(super) struct Record<'a> {
    /// What was asked for.
    pub task: &'a str,
    pub steps: &'a Steps,
    pub receipts: &'a [Receipt],
    /// What steps left as texts, by their place.
    pub texts: &'a HashMap<usize, String>,
}

/// One line for each clause that says that something was done. `name`: who speaks. `is_alone`: the goal asks for no other
/// proof, so the answer must be one that can be read.
pub(super) fn check(answer: &str, name: &str, is_alone: bool, record: &Record<'_>) -> Vec<Line> {
    let told = Told::new(record);
    let said = is_alone.then(|| answered(answer, record.receipts));
    said.into_iter().chain(claims(answer, name).iter().map(|claim| line(claim, &told))).collect()
}

fn answered(answer: &str, receipts: &[Receipt]) -> Line {
    let holds = is_readable(answer);
    let what = if holds { "answered in words" } else { "answered in words that can be held against the receipts" };
    let thought = receipts.iter().rev().find(|receipt| receipt.tool.as_deref() == Some("think"));
    Line { what: what.to_owned(), holds, seq: thought.map(|thought| thought.seq).filter(|_| holds) }
}

fn line(claim: &Claim, told: &Told<'_>) -> Line {
    let seqs: Vec<Option<i64>> = claim.deeds.iter().map(|(deed, names)| shown_by(*deed, names, claim, told)).collect();
    let holds = seqs.iter().all(Option::is_some);
    let short: String = claim.text.chars().take(120).collect();
    Line { what: format!("says “{short}”"), holds, seq: seqs.into_iter().flatten().max().filter(|_| holds) }
}

/// The newest receipt of a deed like this.
fn shown_by(deed: Deed, names: &clauses::Names, claim: &Claim, told: &Told<'_>) -> Option<i64> {
    let Record { steps, receipts, .. } = told.record;
    let sentence = claim.text.to_lowercase();
    let names_a_file = |path: &str| sentence.contains(&path.to_lowercase());
    let one_is_named = steps.iter().filter_map(Step::file_path).any(names_a_file);
    let is_outside =
        |step: &Step, receipt: &Receipt| changes_something_outside(step) && told.has_to_do_with(names, receipt);
    let fits = |receipt: &Receipt| {
        let Some(step) = receipt.step.and_then(|step| steps.numbered(step)) else { return false };
        match deed {
            Deed::Sent => is_outside(step, receipt),
            Deed::Wrote => match step.file_path() {
                Some(path) => names_a_file(path) || (!one_is_named && !names_any_file(&sentence)),
                // “Created an account” is no file.
                None if !names_any_file(&sentence) => is_outside(step, receipt) || files_of(receipt).next().is_some(),
                None => files_of(receipt).any(names_a_file),
            },
            Deed::Opened => {
                matches!(step, Step::Goto { .. } | Step::Fetch { post: None, .. })
                    && told.has_to_do_with(names, receipt)
            }
            Deed::Filled => matches!(step, Step::Type { .. } | Step::Select { .. }),
            Deed::Pictured => matches!(step, Step::Screenshot { .. }),
            Deed::Handed => step.is_handed_over(),
            Deed::Unknown => false,
        }
    };
    // It was found later, or an earlier attempt did it.
    let elsewhere = |receipt: &&Receipt| match receipt.phase {
        Some(Phase::Reconciled) => receipt.state.as_deref() == Some(Ended::Done.as_str()),
        Some(Phase::Skipped) => receipt.body.as_ref().is_some_and(|body| body.data["ok"] == true),
        _ => false,
    };
    let seen = || receipts.iter().rev().filter(elsewhere).find(|receipt| fits(receipt)).map(|receipt| receipt.seq);
    shown(receipts, fits).or_else(seen)
}

fn changes_something_outside(step: &Step) -> bool {
    step.effect().needs_intent() && step.file_path().is_none() && !step.is_handed_over()
}

/// The files that a call left.
fn files_of(receipt: &Receipt) -> impl Iterator<Item = &str> {
    let kept = receipt.body.iter().flat_map(|body| &body.artifacts);
    kept.filter(|kept| kept.kind == ArtifactKind::File && !kept.missing).map(|kept| kept.name.as_str())
}

/// A word with a dot and an ending, as file names have.
fn names_any_file(sentence: &str) -> bool {
    let ending = |word: &str| {
        word.rsplit_once('.').is_some_and(|(name, end)| {
            !name.is_empty() && (2..=4).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphanumeric())
        })
    };
    sentence.split(|c: char| c.is_whitespace() || matches!(c, '“' | '”' | '"' | '`' | ',' | '(' | ')')).any(ending)
}
