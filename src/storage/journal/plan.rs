//! What a batch comes down to: verdicts, receipts at their place, changes with the sequences they need. Pure.

use std::collections::BTreeSet;

use actors::{
    domain::{ChainId, GoalId, PersonaId, RunId},
    evidence::chain::{Batch, Heads, Linked},
    ports::{Change, Commit, Outdated},
};

use super::facts::Facts;

/// A commit's receipts as they will stand in their chains, or why it is refused.
pub(super) type Verdict = Result<Vec<Linked>, Outdated>;

/// A batch, judged and linked, ready to be written.
#[derive(Default)]
pub(super) struct Plan {
    pub verdicts: Vec<Verdict>,
    /// In order; each with the index of the verdict whose receipts tell its sequences.
    pub changes: Vec<(usize, Change)>,
}

impl Plan {
    /// Judges the commits in order, each seeing its accepted neighbours, and links the accepted ones.
    pub(super) fn make(batch: Vec<Commit>, facts: &mut Facts, chains: &mut Batch<'_>) -> Self {
        let mut plan = Self::default();
        for (index, commit) in batch.into_iter().enumerate() {
            let verdict = facts.judge(&commit).map(|()| {
                facts.accept(&commit);
                plan.changes.extend(commit.changes.into_iter().map(|change| (index, change)));
                commit.receipts.into_iter().map(|draft| chains.link(draft)).collect()
            });
            plan.verdicts.push(verdict);
        }
        plan
    }

    /// Every receipt of the batch, in order of `pos`.
    pub(super) fn receipts(&self) -> impl Iterator<Item = &Linked> {
        self.verdicts.iter().flatten().flatten()
    }

    /// Where the receipts of this verdict lie.
    pub(super) fn places(&self, index: usize) -> Places<'_> {
        Places(self.verdicts.get(index).and_then(|verdict| verdict.as_deref().ok()).unwrap_or_default())
    }
}

/// The chains a batch writes to whose heads are not known yet.
pub(super) fn new_chains(batch: &[Commit], heads: &Heads) -> BTreeSet<ChainId> {
    let drafts = batch.iter().flat_map(|commit| &commit.receipts);
    drafts.map(|draft| &draft.chain).filter(|chain| !heads.knows(chain)).cloned().collect()
}

/// Where one commit's receipts lie on the chains of personas.
#[derive(Clone, Copy)]
pub(super) struct Places<'a>(pub &'a [Linked]);

impl Places<'_> {
    /// First and last sequence on this persona's chain. Without a receipt there: from the chain's beginning, which
    /// finds everything, only slower.
    pub(super) fn on(&self, persona: PersonaId) -> (i64, i64) {
        let chain = ChainId::Persona(persona);
        let mut seqs = self.0.iter().filter(|linked| linked.draft.chain == chain).map(|linked| linked.seq);
        let first = seqs.next().unwrap_or(1);
        (first, seqs.next_back().unwrap_or(first))
    }

    /// Last sequence for this goal, if the commit has a receipt on its persona's chain.
    pub(super) fn last_of_goal(&self, id: GoalId) -> Option<i64> {
        self.last(|linked| linked.draft.goal == Some(id))
    }

    /// Last sequence for this run, if the commit has a receipt on its persona's chain.
    pub(super) fn last_of_run(&self, id: RunId) -> Option<i64> {
        self.last(|linked| linked.draft.run == Some(id))
    }

    /// A commit is about one persona as a rule; when it is not, only a receipt that names the thing tells its chain.
    fn last(&self, names_it: impl Fn(&Linked) -> bool) -> Option<i64> {
        let on_persona = |linked: &&Linked| matches!(linked.draft.chain, ChainId::Persona(_));
        let mut newest = self.0.iter().rev().filter(on_persona);
        let last = newest.clone().next()?;
        if newest.all(|linked| linked.draft.chain == last.draft.chain) {
            return Some(last.seq);
        }
        let named = self.0.iter().find(|linked| on_persona(linked) && names_it(linked))?;
        let same_chain = |linked: &&Linked| linked.draft.chain == named.draft.chain;
        self.0.iter().rev().find(same_chain).map(|linked| linked.seq)
    }
}
