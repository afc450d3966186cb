//! What the run did and saw, in words, to hold against the words of a claim. Pure.

use std::collections::HashSet;

use super::{Record, clauses::Names};
use crate::domain::{Phase, Receipt, Step};

/// Words of a run.
pub(super) struct Told<'a> {
    pub record: &'a Record<'a>,
    /// Whatever it saw or said, anywhere.
    anywhere: HashSet<String>,
}

impl<'a> Told<'a> {
    pub(super) fn new(record: &'a Record<'a>) -> Self {
        let mut anywhere = HashSet::new();
        for receipt in record.receipts.iter().filter(|receipt| receipt.tool.as_deref() != Some("think")) {
            anywhere.extend(words(&of_receipt(receipt)));
        }
        for step in record.steps.iter().filter(|step| !step.is_thought()) {
            anywhere.extend(words(&step.to_args().to_string()));
        }
        record.texts.values().for_each(|text| anywhere.extend(words(text)));
        Self { record, anywhere }
    }

    /// Whether an effect has to do with what a claim names: one of the things itself, and all that has a name of its own
    /// at least somewhere in the run. A claim that names nothing may mean any.
    pub(super) fn has_to_do_with(&self, names: &Names, receipt: &Receipt) -> bool {
        let near = self.near(receipt);
        let is_in = |name: &String, words: &HashSet<String>| words.iter().any(|word| are_alike(name, word));
        let own_names_hold = names.own.iter().all(|name| is_in(name, &near) || is_in(name, &self.anywhere));
        let about = if names.things.is_empty() { &names.own } else { &names.things };
        own_names_hold && (about.is_empty() || about.iter().any(|name| is_in(name, &near)))
    }

    /// Words of a call, of what came of it, and of the page it was made on: what was opened and filled in before.
    fn near(&self, receipt: &Receipt) -> HashSet<String> {
        let mut near: HashSet<String> = words(&of_receipt(receipt)).collect();
        if receipt.phase == Some(Phase::Reconciled) {
            // Nobody saw its page; what was looked for is what was asked for.
            near.extend(words(self.record.task));
        }
        let steps = self.record.steps;
        let Some(at) = receipt.step.and_then(|number| (0..steps.len()).find(|at| steps.index(*at) == number)) else {
            return near;
        };
        let is_goto = |at: &usize| matches!(steps[*at], Step::Goto { .. });
        let from = if steps[at].is_browser() { (0..=at).rfind(is_goto).unwrap_or(at) } else { at };
        for place in (from..=at).filter(|place| *place == at || steps[*place].is_browser()) {
            near.extend(words(&format!("{} {}", steps[place].tool(), steps[place].to_args())));
            if let Some(text) = self.record.texts.get(&place) {
                near.extend(words(text));
            }
        }
        near
    }
}

fn of_receipt(receipt: &Receipt) -> String {
    let Some(body) = &receipt.body else { return String::new() };
    let kept: Vec<&str> = body.artifacts.iter().map(|kept| kept.name.as_str()).collect();
    format!("{} {} {}", body.summary, body.data, kept.join(" "))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let words: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 2)
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// The same word, or another form of it: a longer ending, another one, or much in common.
fn are_alike(name: &str, word: &str) -> bool {
    let same = name.chars().zip(word.chars()).take_while(|(one, other)| one == other).count();
    let lengths = [name.chars().count(), word.chars().count()];
    let (shorter, longer) = (lengths[0].min(lengths[1]), lengths[0].max(lengths[1]));
    let is_longer_form = same == shorter && longer <= shorter + 2;
    is_longer_form || same >= 5 || (same >= 4 && same + 2 >= shorter)
}
