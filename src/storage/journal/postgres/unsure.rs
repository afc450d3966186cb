//! A batch whose last statement was sent and never answered: did it land?

use std::collections::HashMap;

use actors::{evidence::chain::Linked, ports::Commit};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::super::{
    Failed,
    closed::Closed,
    plan::{Plan, Verdict},
};
use crate::storage::schema::receipts;

/// What is not known yet, and what turned out to have landed.
#[derive(Default)]
pub(super) struct Unsure {
    pending: Option<Plan>,
    /// By the salt of a commit's first receipt: nobody else has drawn it.
    landed: HashMap<[u8; 16], Vec<Linked>>,
    fresh: Option<Vec<Verdict>>,
}

impl Unsure {
    /// The last statement was sent for this.
    pub(super) fn remember(&mut self, plan: Plan) {
        self.pending = Some(plan);
    }

    /// Looks for the last receipt of the batch in doubt: a transaction is there whole or not at all.
    pub(super) async fn settle(&mut self, conn: &mut AsyncPgConnection, closed: &mut Closed) -> Result<(), Failed> {
        let Some(plan) = self.pending.take() else { return Ok(()) };
        match has_landed(conn, &plan).await {
            Ok(true) => {
                closed.learn(&plan);
                self.landed = by_salt(&plan);
                self.fresh = Some(plan.verdicts);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                self.pending = Some(plan);
                Err(error)
            }
        }
    }

    /// The answers to a batch that was found right after it was sent.
    pub(super) fn take_landed(&mut self) -> Option<Vec<Verdict>> {
        self.landed.clear();
        self.fresh.take()
    }

    /// Takes out the commits that have landed already.
    pub(super) fn sift(&mut self, batch: Vec<Commit>) -> (Vec<Commit>, Landed) {
        self.fresh = None;
        let known = |commit: &Commit| {
            commit.receipts.as_slice().first().and_then(|draft| self.landed.get(&draft.salt)).cloned()
        };
        let mut landed = Landed(Vec::new());
        let mut rest = Vec::with_capacity(batch.len());
        for commit in batch {
            let place = (!self.landed.is_empty()).then(|| known(&commit)).flatten();
            if place.is_none() {
                rest.push(commit);
            }
            landed.0.push(place);
        }
        (rest, landed)
    }
}

async fn has_landed(conn: &mut AsyncPgConnection, plan: &Plan) -> Result<bool, Failed> {
    let Some(last) = plan.receipts().last() else { return Ok(false) };
    let there: Option<i64> = receipts::table
        .filter(receipts::chain.eq(last.draft.chain.to_bytes()).and(receipts::seq.eq(last.seq)))
        .filter(receipts::hash.eq(last.hash.0.to_vec()))
        .select(receipts::seq)
        .get_result(conn)
        .await
        .optional()?;
    Ok(there.is_some())
}

fn by_salt(plan: &Plan) -> HashMap<[u8; 16], Vec<Linked>> {
    let accepted = plan.verdicts.iter().flatten();
    accepted.filter_map(|linked| Some((linked.as_slice().first()?.draft.salt, linked.clone()))).collect()
}

/// Which commits of a batch need not be written, in the batch's order.
pub(super) struct Landed(Vec<Option<Vec<Linked>>>);

impl Landed {
    /// The verdicts of the whole batch.
    pub(super) fn merge(self, written: Vec<Verdict>) -> Vec<Verdict> {
        let mut written = written.into_iter();
        self.0.into_iter().filter_map(|landed| landed.map(Ok).or_else(|| written.next())).collect()
    }
}
