//! Does a model go in circles? Pure.
//!
//! Counted is the same call, by its tool and its arguments: whatever it brought, failed and refused ones too. The count
//! begins anew with progress: a call that was never made before and worked, or a page at an address that was not seen
//! before. So a look behind each new deed, or paging on and on, is no circle; calls that take turns and lead nowhere new
//! are, and so is asking for the same again and again. Who waits for something has `browser_wait_for`.

use std::collections::{HashMap, HashSet};

use super::Thinking;
use crate::{
    domain::{Choice, Chosen, Ended, Hash, Phase, Receipt, Step},
    evidence::canonical,
    run::history::is_left_out,
};

/// How often each call of each thought was wanted since the last progress, that one included. `came_of`: what came of the
/// step at a place, if anything did.
pub(super) fn counted<'a>(thoughts: &[Thinking], came_of: impl Fn(usize) -> Option<&'a Receipt>) -> Vec<Vec<usize>> {
    let mut talk = Talk::default();
    thoughts
        .iter()
        .map(|thinking| {
            let mut place = thinking.first;
            let calls = thinking.thought.chosen.iter().zip(&thinking.asked);
            let count = |(chosen, asked): (&Chosen, &Hash)| match chosen.what {
                Choice::Refused(_) => talk.counts(*asked, None),
                // There was no room for it.
                Choice::Step(_) if place >= thinking.first + thinking.taken => talk.so_far(*asked),
                Choice::Step(_) => {
                    place += 1;
                    talk.counts(*asked, came_of(place - 1))
                }
            };
            calls.map(count).collect()
        })
        .collect()
}

/// By what a call is known again.
pub(super) fn digest(chosen: &Chosen) -> Hash {
    let said = match &chosen.what {
        Choice::Step(step) => format!("{} {}", Step::tool(step), step.to_args()),
        Choice::Refused(_) => {
            let arguments = &chosen.call.arguments;
            // Two ways to write the same are the same.
            let parsed = serde_json::from_str::<serde_json::Value>(arguments).map(|value| value.to_string());
            format!("{} {}", chosen.call.name, parsed.as_ref().unwrap_or(arguments))
        }
    };
    canonical::sha256(said.as_bytes())
}

#[derive(Default)]
struct Talk {
    seen: HashSet<Hash>,
    pages: HashSet<String>,
    since_progress: HashMap<Hash, usize>,
}

impl Talk {
    fn counts(&mut self, asked: Hash, came: Option<&Receipt>) -> usize {
        if came.is_some_and(is_left_out) {
            // The runtime left it out; nobody tried it.
            return self.so_far(asked);
        }
        let count = self.so_far(asked) + 1;
        let is_new = self.seen.insert(asked);
        let worked = came.filter(|receipt| has_worked(receipt));
        let page = worked.and_then(|receipt| receipt.body.as_ref()?.data.get("url")?.as_str());
        let is_elsewhere = page.is_some_and(|page| self.pages.insert(page.to_owned()));
        if worked.is_some() && (is_new || is_elsewhere) {
            self.since_progress.clear();
            self.since_progress.insert(asked, 1);
        } else {
            self.since_progress.insert(asked, count);
        }
        count
    }

    fn so_far(&self, asked: Hash) -> usize {
        self.since_progress.get(&asked).copied().unwrap_or(0)
    }
}

fn has_worked(receipt: &Receipt) -> bool {
    let tells = matches!(receipt.phase, Some(Phase::Outcome | Phase::Reconciled | Phase::Skipped));
    let is_done = receipt.state.as_deref() == Some(Ended::Done.as_str());
    tells && is_done && receipt.body.as_ref().is_none_or(|body| body.error.is_none())
}
