//! Which statements of an answer the receipts show. Pure.
//!
//! A model says “I submitted the proposal” whether or not it did. Each sentence that says that something was done outside
//! is held against the receipts of the run; one that no receipt shows makes the goal unconfirmed. It is a check of words:
//! it knows common English verbs, and says nothing about sentences without one.

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
    /// Left a file.
    Wrote,
    /// Opened a page.
    Opened,
    /// Kept a picture.
    Pictured,
}

const VERBS: &[(&str, Deed)] = &[
    ("submitted", Deed::Sent),
    ("sent", Deed::Sent),
    ("posted", Deed::Sent),
    ("published", Deed::Sent),
    ("applied", Deed::Sent),
    ("replied", Deed::Sent),
    ("emailed", Deed::Sent),
    ("booked", Deed::Sent),
    ("ordered", Deed::Sent),
    ("bought", Deed::Sent),
    ("deleted", Deed::Sent),
    ("clicked", Deed::Sent),
    ("uploaded", Deed::Sent),
    ("signed up", Deed::Sent),
    ("logged in", Deed::Sent),
    ("saved", Deed::Wrote),
    ("wrote", Deed::Wrote),
    ("created", Deed::Wrote),
    ("appended", Deed::Wrote),
    ("opened", Deed::Opened),
    ("visited", Deed::Opened),
    ("navigated", Deed::Opened),
    ("took a screenshot", Deed::Pictured),
    ("captured", Deed::Pictured),
];

/// What turns a statement into none: it says that it was not, or is to be.
const DENIALS: &[&str] =
    &["not", "never", "unable", "failed to", "could", "would", "will", "should", "if", "please", "no", "cannot"];
/// The same at the end of a word.
const SHORT_DENIALS: &[&str] = &["n't ", "n’t "];

/// One line for each sentence that says that something was done.
pub(super) fn check(answer: &str, steps: &Steps, receipts: &[Receipt]) -> Vec<Line> {
    sentences(answer).filter_map(|sentence| line(sentence, steps, receipts)).collect()
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| matches!(c, '!' | '?' | '\n' | ';');
    text.split(ends).flat_map(|part| part.split(". ")).map(str::trim).filter(|sentence| !sentence.is_empty())
}

fn line(sentence: &str, steps: &Steps, receipts: &[Receipt]) -> Option<Line> {
    let lower = format!(" {} ", sentence.to_lowercase());
    let says = |words: &str| lower.match_indices(words).any(|(at, _)| is_word(&lower, at, words.len()));
    if DENIALS.iter().any(|denial| says(denial)) || SHORT_DENIALS.iter().any(|denial| lower.contains(denial)) {
        return None;
    }
    let deeds: Vec<Deed> = VERBS.iter().filter(|(verb, _)| says(verb)).map(|(_, deed)| *deed).collect();
    if deeds.is_empty() {
        return None;
    }
    let seqs: Vec<Option<i64>> = deeds.iter().map(|deed| shown_by(*deed, &lower, steps, receipts)).collect();
    let holds = seqs.iter().all(Option::is_some);
    let short: String = sentence.chars().take(120).collect();
    Some(Line { what: format!("says “{short}”"), holds, seq: seqs.into_iter().flatten().max().filter(|_| holds) })
}

fn is_word(text: &str, at: usize, length: usize) -> bool {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !inside(text[..at].chars().next_back()) && !inside(text[at + length..].chars().next())
}

/// The newest receipt of a deed like this.
fn shown_by(deed: Deed, sentence: &str, steps: &Steps, receipts: &[Receipt]) -> Option<i64> {
    let step = |receipt: &Receipt| receipt.step.and_then(|step| steps.numbered(step));
    let names_a_file = |path: &str| sentence.contains(&path.to_lowercase());
    let files: Vec<&str> = steps.iter().filter_map(Step::file_path).collect();
    let one_is_named = files.iter().any(|path| names_a_file(path));
    let fits = |receipt: &Receipt| match (deed, step(receipt)) {
        (Deed::Sent, Some(step)) => changes_something_outside(step),
        (Deed::Wrote, Some(step)) => match step.file_path() {
            Some(path) => names_a_file(path) || (!one_is_named && !names_any_file(sentence)),
            // “Created an account” is no file.
            None if !names_any_file(sentence) => changes_something_outside(step) || files_of(receipt).next().is_some(),
            None => files_of(receipt).any(names_a_file),
        },
        (Deed::Opened, Some(step)) => matches!(step, Step::Goto { .. } | Step::Fetch { post: None, .. }),
        (Deed::Pictured, Some(step)) => matches!(step, Step::Screenshot { .. }),
        (_, None) => false,
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
