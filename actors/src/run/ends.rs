//! What ends with a goal, whoever ends it: what its calls reserved, and what people were asked for it.

use super::{approval, budget};
use crate::{
    domain::{AlertKind, ApprovalState, Goal, ParkedOn},
    ports::{Change, Records, Unavailable},
};

/// The changes that belong in the commit that ends it. What was reserved and not settled counts as spent; nobody needs to
/// answer any more.
pub(crate) async fn ends_with(records: &dyn Records, goal: &Goal, at_ms: i64) -> Result<Vec<Change>, Unavailable> {
    let mut changes: Vec<Change> = budget::at_worst(&records.open_entries(goal.id).await?, at_ms).collect();
    let asked = records.approvals_of(goal.id).await?;
    let open = asked.iter().filter(|approval| approval.state.is_open());
    changes.extend(open.flat_map(|approval| approval::closed(approval, ApprovalState::Void, at_ms)));
    if goal.parked_on == Some(ParkedOn::Answer) {
        let alerts = records.open_alerts(goal.persona).await?;
        let its = alerts.iter().filter(|alert| alert.kind == AlertKind::Question && alert.goal == Some(goal.id));
        changes.extend(its.map(|alert| Change::AlertResolved(alert.id, at_ms)));
    }
    Ok(changes)
}
