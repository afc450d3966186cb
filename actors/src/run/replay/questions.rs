//! What people were asked about a run's calls, and what was seen then, from its receipts.

use serde::Deserialize;
use serde_json::Value;

use super::{records::Told, tape::error_of};
use crate::{
    domain::{Approval, ApprovalId, ApprovalState, Call, Ended, GoalId, Receipt, StepError},
    ports::Unavailable,
    run::approval::SEEN,
};

/// The questions about this goal that are on record by now, as they stood.
pub(super) async fn of(told: &Told, goal: GoalId) -> Result<Vec<Approval>, Unavailable> {
    let mut asked = told.real.approvals_of(goal).await?;
    let taken = told.tape.taken();
    asked.retain_mut(|approval| {
        let newest = told.before.iter().chain(&taken).rev().find_map(|receipt| became(receipt, approval.id));
        newest.map(|state| approval.state = state).is_some()
    });
    Ok(asked)
}

/// What a receipt says that this question became: of its own, or with the intent that used it.
fn became(receipt: &Receipt, id: ApprovalId) -> Option<ApprovalState> {
    let data = &receipt.body.as_ref()?.data;
    let about = data.get("approval")?;
    let (named, became) = match about.get("id") {
        Some(named) => (named, about.get("became")?),
        None => (about, data.get("became")?),
    };
    let is_it = ApprovalId::deserialize(named).ok()? == id;
    is_it.then(|| ApprovalState::deserialize(became).ok())?
}

/// What a look showed: what the next receipt asks about or saw instead, else what was approved.
pub(super) async fn look(told: &Told, call: &Call) -> Result<Option<Value>, StepError> {
    let unread = |error: Unavailable| StepError::retryable(error.to_string());
    if let Some(seen) = told.tape.next(|next| seen(next, call)) {
        return seen;
    }
    let asked = of(told, call.goal).await.map_err(unread)?;
    let used = asked.into_iter().rfind(|approval| approval.key == call.key);
    Ok(used.and_then(|approval| approval.subject.page))
}

fn seen(next: &Receipt, call: &Call) -> Option<Result<Option<Value>, StepError>> {
    let body = next.body.as_ref()?;
    let page = |data: &Value| data.get("page").filter(|page| !page.is_null()).cloned();
    if let Some(seen) = body.data.get(SEEN) {
        let failed = seen.get("failed").and_then(Value::as_str);
        let text = || seen.get("error").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Some(failed.map_or_else(|| Ok(page(seen)), |failed| Err(error_of(failed, text()))));
    }
    if body.data.get("became").and_then(Value::as_str) == Some(ApprovalState::Waiting.as_str()) {
        return Some(Ok(page(&body.data)));
    }
    let failed = body.data.get("failed").and_then(Value::as_str)?;
    let is_refused = next.step == Some(call.step) && next.state.as_deref() == Some(Ended::NotBegun.as_str());
    is_refused.then(|| Err(error_of(failed, body.error.clone().unwrap_or_default())))
}
