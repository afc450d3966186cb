//! What becomes of a goal whose next call no budget has room for, and of money that a crash left reserved.

use serde_json::json;

use super::{RunEnd, attempt::Attempt, broker::NoRoom, quota::PutOff};
use crate::{
    domain::{AlertKind, Entry, ParkedOn, Settlement},
    ledger::{self, Reached},
    ports::{Change, Guard, LedgerChange, LedgerGuard, Unavailable},
};

/// How long who only lacks what is reserved waits until it looks again.
const RESERVED_MS: i64 = 60_000;

impl Attempt<'_> {
    /// The goal waits until the budget renews, or until what others reserved is settled, or fails when no period could
    /// ever hold the call. Costs no attempt; a person is told once in each period in which that is so.
    pub(super) async fn wait_for_budget(&mut self, NoRoom { left, why, only_reserved, version }: NoRoom) -> RunEnd {
        let (at_ms, renews_ms) = (self.now_ms(), left.span.until_ms);
        let until_ms = match only_reserved {
            true => Some(renews_ms.min(at_ms.saturating_add(RESERVED_MS))),
            false => (!left.never_fits()).then_some(renews_ms),
        };
        let (title, period) = (&self.goal.title, left.limit.period);
        let said = match until_ms {
            None => format!("refused “{title}”: its call is larger than a budget"),
            Some(_) if only_reserved => format!("put “{title}” off a little: a budget is reserved for calls under way"),
            Some(_) => format!("put “{title}” off to the next {period}: a budget has no room for its call"),
        };
        let data = json!({
            "scope": left.span.scope.to_string(), "period": period, "unit": left.limit.unit, "hard": left.limit.hard,
            "wanted": left.amount, "span": [left.span.from_ms, left.span.until_ms], "due_ms": until_ms,
        });
        let mut also = Vec::new();
        if !only_reserved {
            let id = ledger::alert_id(&left.span, &left.limit, Reached::Hard);
            let alert = self.runner.broker.budget_alert(id, &left.span, AlertKind::OverBudget, why.clone());
            also.push(Change::AlertRaised(Box::new(alert)));
        }
        // Who raises it meanwhile looks for those that wait, and would not find this one yet.
        let unless = vec![Guard::Ledger(LedgerGuard::BudgetsAt(left.span.scope, version))];
        self.put_off(PutOff { on: ParkedOn::Budget, at_ms, until_ms, why, said, data, also, unless }, true).await
    }

    /// What this goal's calls reserved of which nobody saw the end.
    pub(super) async fn lost_reservations(&self) -> Result<Vec<Entry>, Unavailable> {
        if !self.history.has_intents() {
            return Ok(Vec::new());
        }
        self.runner.broker.ports.records.open_entries(self.goal.id).await
    }
}

/// Whoever was asked may have done it: it counts as spent.
pub(super) fn at_worst(lost: &[Entry], at_ms: i64) -> impl Iterator<Item = Change> {
    let settled = move |entry: &Entry| Settlement { entry: entry.clone(), spent: entry.reserved, at_ms };
    lost.iter().map(move |entry| Change::Ledger(LedgerChange::Settled(settled(entry))))
}
