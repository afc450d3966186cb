//! Which statements of an answer the receipts show. Pure.
//!
//! A model says “I submitted the proposal” whether or not it did. Each clause that says that something was done is held
//! against the receipts of the run: one of its kind must show it, and must have to do with what the clause names. A clause
//! in the first person whose verb is not known is not confirmed. Nor is an answer that cannot be read, where the goal asks
//! for no other proof. What others did, what was not done and what is to be claims nothing (`clauses.rs`).
//!
//! **To have answered proves nothing.** A goal that declares no proof is proven only by a claim whose deed left something:
//! an effect, or a file or picture that was kept. An answer that claims nothing, or only to have looked, proves nothing,
//! however right it is: what has to be known for sure asks for a proof, and a text for its own sake is a goal of kind `ai`.
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

/// An answer, held against the receipts.
pub(super) struct Held {
    /// One for each clause that says that something was done.
    pub lines: Vec<Line>,
    /// One of them tells of a deed that left something.
    pub shows_a_deed: bool,
}

/// Holds an answer against the receipts. `name`: who speaks. `is_alone`: the goal asks for no other proof, so the answer
/// must be one that can be read.
pub(super) fn check(answer: &str, name: &str, is_alone: bool, record: &Record<'_>) -> Held {
    let told = Told::new(record);
    let cannot_be_read = (is_alone && !is_readable(answer)).then(|| Line {
        what: "answered in words that can be held against the receipts".to_owned(),
        holds: false,
        seq: None,
    });
    let mut held = Held { lines: cannot_be_read.into_iter().collect(), shows_a_deed: false };
    for claim in claims(answer, name) {
        let shown: Vec<Option<&Receipt>> =
            claim.deeds.iter().map(|(deed, names)| shown_by(*deed, names, &claim, &told)).collect();
        held.shows_a_deed |= shown.iter().flatten().any(|receipt| left_something(receipt, record.steps));
        held.lines.push(line(&claim, &shown));
    }
    held
}

fn line(claim: &Claim, shown: &[Option<&Receipt>]) -> Line {
    let holds = shown.iter().all(Option::is_some);
    let short: String = claim.text.chars().take(120).collect();
    let seq = shown.iter().flatten().map(|receipt| receipt.seq).max();
    Line { what: format!("says “{short}”"), holds, seq: seq.filter(|_| holds) }
}

/// Looking and filling in what is not sent leave nothing.
fn left_something(receipt: &Receipt, steps: &Steps) -> bool {
    let mut kept = receipt.body.iter().flat_map(|body| &body.artifacts);
    receipt.step.and_then(|step| steps.numbered(step)).is_some_and(|step| step.effect().needs_intent())
        || kept.any(|kept| matches!(kept.kind, ArtifactKind::File | ArtifactKind::Screenshot) && !kept.missing)
}

/// The newest receipt of a deed like this.
fn shown_by<'a>(deed: Deed, names: &clauses::Names, claim: &Claim, told: &Told<'a>) -> Option<&'a Receipt> {
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
    let seen = || receipts.iter().rev().filter(elsewhere).find(|receipt| fits(receipt));
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
