//! What people were asked about a run's calls, and what was seen then, from its receipts.

use serde::Deserialize;
use serde_json::Value;

use super::{records::Told, tape::error_of};
use crate::{
    domain::{
        Approval, ApprovalId, ApprovalState, Call, Decided, Ended, GoalId, Hash, PersonaId, Receipt, StepError,
        StepIndex, Subject,
    },
    run::approval::{ARGS, KEY, SEEN},
};

/// The questions about this goal that are on record by now, as they stood.
pub(super) fn of(told: &Told, goal: GoalId) -> Vec<Approval> {
    let taken = told.tape.taken();
    let all = || told.before.iter().chain(&taken);
    let mut asked: Vec<Approval> = all().filter_map(|receipt| question(receipt, told.persona.id, goal)).collect();
    asked.sort_by_key(|approval| approval.id);
    for approval in &mut asked {
        let newest = all().rev().find_map(|receipt| Some((receipt, became(receipt, approval.id)?)));
        let Some((receipt, state)) = newest else { continue };
        (approval.state, approval.decided) = (state, decided(receipt));
    }
    asked
}

/// The question that a receipt asks, whole.
fn question(receipt: &Receipt, persona: PersonaId, goal: GoalId) -> Option<Approval> {
    let data = &receipt.body.as_ref()?.data;
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Approval {
        id: ApprovalId::deserialize(data.get("approval")?).ok()?,
        persona,
        goal,
        run: receipt.run?,
        step: StepIndex::deserialize(data.get("step")?).ok()?,
        key: text(KEY)?,
        tool: receipt.tool.clone()?,
        digest: Hash::deserialize(data.get("digest")?).ok()?,
        state: ApprovalState::Waiting,
        subject: Subject {
            label: text("what")?,
            args: data.get(ARGS)?.clone(),
            page: data.get("page").filter(|page| !page.is_null()).cloned(),
            host: text("host"),
            rule: text("rule")?,
            // It is shown to who is asked, and decides nothing.
            disclosure: None,
        },
        again: data.get("again")?.as_bool()?,
        asked_ms: receipt.at_ms,
        expires_ms: data.get("expires_ms")?.as_i64()?,
        decided: None,
    })
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

/// What a person said, if that is what the receipt tells.
fn decided(receipt: &Receipt) -> Option<Decided> {
    let data = &receipt.body.as_ref()?.data;
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(by) = data.get("approval").and_then(|about| about.get("by")?.as_str()) {
        return Some(Decided { by: by.to_owned(), at_ms: receipt.at_ms, note: String::new() });
    }
    Some(Decided { by: text("by")?, at_ms: receipt.at_ms, note: text("note").unwrap_or_default() })
}

/// What a look showed: what the next receipt asks about or saw instead, else what was approved.
pub(super) async fn look(told: &Told, call: &Call) -> Result<Option<Value>, StepError> {
    if let Some(seen) = told.tape.next(|next| seen(next, call)) {
        return seen;
    }
    let used = of(told, call.goal).into_iter().rfind(|approval| approval.key == call.key);
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
