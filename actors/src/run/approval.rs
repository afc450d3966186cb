//! Asking a person before a call: what is asked about, what comes of the answer, and that it is used once.
//!
//! Asking parks the run: it gives its slice back and its page is closed. After a yes the page is rebuilt from the
//! record and looked at again, before the intent and once more behind it, because between the two the world moves.
//! When it is another page the yes is void, and the person is asked once more with the difference.

use serde_json::{Value, json};

use super::{
    RunEnd, arguments,
    attempt::{Attempt, Halt},
    broker::{Act, Broker, failure},
    plan, policy,
};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, Approval, ApprovalId, ApprovalState, Call, Draft, GoalState, Hash, MessageState,
        ParkedOn, PersonaId, Phase, Receipt, ReceiptKind, RunState, Step, StepError, Subject,
    },
    evidence::{RecordError, canonical},
    ports::{ApprovalChange, ApprovalGuard, Change, Commit, GoalMove, Guard, Outdated, Unavailable},
};

/// Whether a step may go to the broker.
pub(super) enum Permit {
    /// No person need be asked, as far as this looks: the broker judges.
    Free,
    /// A person said yes to this very call.
    Yes(Box<Approval>),
    /// It is not done, and why.
    No(StepError),
}

/// What a call is bound to.
pub(super) fn digest(persona: PersonaId, tool: &str, expires_ms: i64, subject: &Subject) -> Hash {
    let bound = json!([tool, subject.args, persona, expires_ms, subject.page]);
    canonical::sha256(bound.to_string().as_bytes())
}

/// The alert of an approval: resolved with it.
pub(crate) fn alert_of(approval: ApprovalId) -> AlertId {
    AlertId(approval.0)
}

/// An approval that comes to its end, with its alert.
pub(crate) fn closed(approval: &Approval, state: ApprovalState, at_ms: i64) -> Vec<Change> {
    let moved = ApprovalChange::Moved { id: approval.id, state, decided: None };
    vec![Change::Approval(moved), Change::AlertResolved(alert_of(approval.id), at_ms)]
}

/// Where two looks at a page differ, in words.
pub(super) fn difference(before: Option<&Value>, now: Option<&Value>) -> Option<String> {
    if before == now {
        return None;
    }
    let mut found = Vec::new();
    differ("", before.unwrap_or(&Value::Null), now.unwrap_or(&Value::Null), &mut found);
    let more = found.len().saturating_sub(DIFFERENCES);
    found.truncate(DIFFERENCES);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(format!("{}{rest}", found.join("; ")))
}

/// Differences that are named.
const DIFFERENCES: usize = 5;
const LONGEST_VALUE: usize = 120;

fn differ(at: &str, before: &Value, now: &Value, found: &mut Vec<String>) {
    let inside = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at} · {name}") };
    match (before, now) {
        _ if before == now => {}
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let side = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                differ(&inside(name), &side(one), &side(other), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (place, (one, other)) in one.iter().zip(other).enumerate() {
                let name = one.get("name").and_then(Value::as_str).map_or_else(|| place.to_string(), str::to_owned);
                differ(&inside(&name), one, other, found);
            }
        }
        _ => found.push(format!("{at}: {} → {}", short(before), short(now)).trim_start_matches(": ").to_owned()),
    }
}

fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| format!("“{text}”"));
    text.chars().take(LONGEST_VALUE).collect()
}

impl Attempt<'_> {
    /// Asks whom it must, before the step goes to the broker.
    pub(super) async fn permit(&mut self, at: usize, step: &Step) -> Result<Permit, Halt> {
        self.renew_permissions().await?;
        let broker = &self.runner.broker;
        let verdict = broker.judge(step, self.page(), &self.persona.permissions, self.terms_for(step));
        let policy::Verdict::Ask { rule } = verdict else {
            self.no_longer_asks(at).await?;
            return Ok(Permit::Free);
        };
        let key = self.key_of(at);
        let asked =
            broker.ports.records.approvals_of(self.goal.id).await.map_err(|_| Halt::End(RunEnd::Unavailable))?;
        let newest = asked.into_iter().rfind(|approval| approval.key == key);
        let again = match newest {
            Some(approval) if approval.state.is_open() => match self.answer_of(at, step, approval).await? {
                Answer::Is(permit) => return Ok(permit),
                Answer::Void(void) => return self.ask_anew(at, step, rule, *void).await,
            },
            Some(approval) if approval.run == self.run.id => match refusal(&approval) {
                Some(error) => return Ok(Permit::No(error)),
                None => approval.state == ApprovalState::Void,
            },
            _ => false,
        };
        let subject = match self.subject(at, step, rule).await {
            Ok(subject) => subject,
            Err(error) => return Ok(Permit::No(error)),
        };
        // What was found to differ behind the intent stands on the receipt that says that it was not begun.
        let came = self.history.came_of(self.steps.index(at)).filter(|_| again).and_then(|came| came.body.as_ref());
        let changed = came.and_then(|body| body.data.get("changed")?.as_str()).map(str::to_owned);
        self.put_question(at, step, subject, Asking { again, changed, also: Vec::new(), said: Vec::new() }).await
    }

    /// The rules say by now what a person was asked.
    async fn no_longer_asks(&mut self, at: usize) -> Result<(), Halt> {
        let open = self.open_questions().await.map_err(|_| Halt::End(RunEnd::Unavailable))?;
        let key = self.key_of(at);
        let Some(approval) = open.into_iter().find(|approval| approval.key == key) else { return Ok(()) };
        let said = format!("no longer asks about “{}”: the rules have changed", approval.subject.label);
        let changes = closed(&approval, ApprovalState::Void, self.now_ms());
        self.note_question(self.approval_draft(&approval, ApprovalState::Void, said), changes).await
    }

    /// What people were asked about this goal and is not settled.
    pub(super) async fn open_questions(&self) -> Result<Vec<Approval>, Unavailable> {
        let asks = |receipt: &Receipt| receipt.body.as_ref().is_some_and(|body| body.data.get("became").is_some());
        if !self.history.receipts().iter().any(asks) {
            return Ok(Vec::new());
        }
        let mut asked = self.runner.broker.ports.records.approvals_of(self.goal.id).await?;
        asked.retain(|approval| approval.state.is_open());
        Ok(asked)
    }

    /// What became of an open question.
    async fn answer_of(&mut self, at: usize, step: &Step, approval: Approval) -> Result<Answer, Halt> {
        if self.now_ms() >= approval.expires_ms {
            let said = format!("nobody said yes to “{}” in time, or it was not used in time", approval.subject.label);
            let changes = closed(&approval, ApprovalState::Expired, self.now_ms());
            let draft = self.approval_draft(&approval, ApprovalState::Expired, said);
            self.note_question(draft, changes).await?;
            let why = "nobody approved it in time: retry the goal to ask again";
            return Ok(Answer::Is(Permit::No(StepError::denied(why))));
        }
        if approval.state == ApprovalState::Waiting {
            let unanswered = Guard::Approval(ApprovalGuard::Is(approval.id, ApprovalState::Waiting));
            return Err(Halt::End(self.park_on(approval.expires_ms, vec![unanswered], Vec::new(), Vec::new()).await));
        }
        let seen = self.subject(at, step, approval.subject.rule.clone()).await;
        let why = match &seen {
            Ok(now) if digest(self.goal.persona, &step.tool(), approval.expires_ms, now) == approval.digest => {
                return Ok(Answer::Is(Permit::Yes(approval.into())));
            }
            Ok(now) => {
                let args = difference(Some(&approval.subject.args), Some(&now.args));
                let page = difference(approval.subject.page.as_ref(), now.page.as_ref());
                args.into_iter().chain(page).collect::<Vec<_>>().join("; ")
            }
            Err(error) => format!("it could not be looked at again: {}", error.text),
        };
        Ok(Answer::Void(Box::new(Void { approval, why, seen })))
    }

    /// The yes is void: whoever gave it is asked once more, with what is different.
    async fn ask_anew(
        &mut self,
        at: usize,
        step: &Step,
        rule: String,
        Void { approval, why, seen }: Void,
    ) -> Result<Permit, Halt> {
        let changes = closed(&approval, ApprovalState::Void, self.now_ms());
        let mut draft = self.approval_draft(&approval, ApprovalState::Void, void_said(&approval.subject.label, &why));
        draft.body.data[SEEN] = on_record(seen.as_ref().map(|subject| subject.page.as_ref()));
        match seen {
            Ok(subject) if !approval.again => {
                let (subject, said) = (Subject { rule, ..subject }, vec![draft]);
                self.put_question(at, step, subject, Asking { again: true, changed: Some(why), also: changes, said })
                    .await
            }
            seen => {
                self.note_question(draft, changes).await?;
                Ok(Permit::No(seen.err().unwrap_or_else(|| changed_twice(&why))))
            }
        }
    }

    async fn subject(&self, at: usize, step: &Step, rule: String) -> Result<Subject, StepError> {
        let call = self.call_of(at, step);
        let page = self.runner.broker.look(&call).await?;
        let host = policy::reaches(step, self.page());
        let disclosure = self.terms_for(step).map(|terms| terms.disclosure.clone()).filter(|text| !text.is_empty());
        Ok(Subject { label: plan::label(step), args: call.args, page, host, rule, disclosure })
    }

    /// Makes the question durable, together with the wait for its answer.
    async fn put_question(&mut self, at: usize, step: &Step, subject: Subject, asking: Asking) -> Result<Permit, Halt> {
        let (asked_ms, within) = (self.now_ms(), self.runner.limits.approve_within);
        let expires_ms = asked_ms.saturating_add(i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
        let (persona, tool) = (self.goal.persona, step.tool().into_owned());
        let approval = Approval {
            id: ApprovalId(self.runner.broker.ports.world.new_id()),
            persona,
            goal: self.goal.id,
            run: self.run.id,
            step: self.steps.index(at),
            key: self.key_of(at),
            digest: digest(persona, &tool, expires_ms, &subject),
            tool,
            state: ApprovalState::Waiting,
            subject,
            again: asking.again,
            asked_ms,
            expires_ms,
            decided: None,
        };
        let Asking { changed, mut also, said: mut receipts, .. } = asking;
        let about = [Some(approval.subject.label.as_str()), approval.subject.host.as_deref()];
        let about = about.into_iter().flatten().collect::<Vec<_>>().join(" on ");
        let differs = changed.map_or_else(String::new, |why| format!(" The page has changed: {why}."));
        let text = format!("“{}” asks whether it may call {about}.{differs} Approve or deny it", self.goal.title);
        let mut asked =
            self.approval_draft(&approval, ApprovalState::Waiting, format!("asked whether it may call {about}"));
        // Its expiry stands beside the very time that it was worked out from.
        asked.at_ms = asked_ms;
        // With this the question is whole on record: whoever carries the run out again needs nothing else.
        asked.body.data[ARGS] = arguments::in_brief(&approval.subject.args);
        asked.body.data[KEY] = approval.key.as_str().into();
        receipts.push(asked);
        let alert = Alert {
            id: alert_of(approval.id),
            kind: AlertKind::Approval,
            persona: Some(persona),
            goal: Some(self.goal.id),
            text,
            raised_ms: asked_ms,
            resolved_ms: None,
        };
        also.push(Change::AlertRaised(Box::new(alert)));
        also.push(Change::Approval(ApprovalChange::Asked(Box::new(approval))));
        self.say(Some(format!("waits for a yes · {about}")));
        Err(Halt::End(self.park_on(expires_ms, Vec::new(), also, receipts).await))
    }

    /// Stands still until a person has spoken, or it is too late. `unless`: otherwise it looks again at once.
    async fn park_on(
        &mut self,
        until_ms: i64,
        unless: Vec<Guard>,
        mut changes: Vec<Change>,
        mut receipts: Vec<Draft>,
    ) -> RunEnd {
        let parked =
            GoalMove { parked_on: Some(ParkedOn::Approval), due_ms: Some(until_ms), ..self.moved(GoalState::Parked) };
        changes.extend([
            self.run_moved(RunState::Parked, None),
            Change::GoalMoved(parked),
            Change::MessageMoved(self.message.id, MessageState::Waiting),
        ]);
        let said = format!("“{}” waits for an approval", self.goal.title);
        receipts.push(self.log(said, GoalState::Parked.as_str()));
        let guards = [vec![Guard::GoalOpen(self.goal.id), Guard::RunLive(self.run.id)], unless].concat();
        match self.runner.broker.evidence.record(Commit { guards, changes, receipts }).await {
            Ok(_) => RunEnd::Later { due_ms: Some(until_ms) },
            Err(RecordError::Outdated(Outdated { guard: Guard::Approval(_) })) => {
                RunEnd::Later { due_ms: Some(self.now_ms()) }
            }
            Err(error) => self.end_after(&error),
        }
    }

    async fn note_question(&mut self, draft: Draft, changes: Vec<Change>) -> Result<(), Halt> {
        let commit = Commit { guards: vec![Guard::GoalOpen(self.goal.id)], changes, receipts: vec![draft] };
        match self.runner.broker.evidence.record(commit).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Halt::End(self.end_after(&error))),
        }
    }

    fn approval_draft(&self, approval: &Approval, state: ApprovalState, said: String) -> Draft {
        let draft = self.about().draft(ReceiptKind::Decision, Some(Phase::Decision), said, told(approval, state));
        Draft { tool: Some(approval.tool.clone().into()), ..draft }
    }
}

/// How a question is put.
struct Asking {
    again: bool,
    /// What is different from the page that was asked about before.
    changed: Option<String>,
    also: Vec<Change>,
    said: Vec<Draft>,
}

/// What came of a question.
enum Answer {
    Is(Permit),
    /// The page is another one.
    Void(Box<Void>),
}

/// A yes to what is no longer there.
struct Void {
    approval: Approval,
    /// Where it differs.
    why: String,
    /// What is there now.
    seen: Result<Subject, StepError>,
}

/// Where the receipt of a question holds the arguments of the call, and the key of its step.
pub(super) const ARGS: &str = "args";
pub(super) const KEY: &str = "key";
/// Where the receipt of a yes that is void holds what was there instead.
pub(super) const SEEN: &str = "seen";

/// What a look showed, for whoever carries the run out again.
pub(super) fn on_record(seen: Result<Option<&Value>, &StepError>) -> Value {
    match seen {
        Ok(page) => json!({"page": page}),
        Err(error) => json!({"error": error.text, "failed": failure(error)}),
    }
}

/// What is said of a yes that is void.
pub(super) fn void_said(label: &str, why: &str) -> String {
    format!("the yes to “{label}” is void: {why}")
}

/// What a receipt says about an approval.
pub(crate) fn told(approval: &Approval, state: ApprovalState) -> Value {
    json!({
        "approval": approval.id, "became": state, "step": approval.step, "what": approval.subject.label,
        "host": approval.subject.host, "rule": approval.subject.rule, "digest": approval.digest,
        "page": approval.subject.page, "again": approval.again, "expires_ms": approval.expires_ms,
    })
}

/// Why a question that was closed in this run is not asked again.
fn refusal(approval: &Approval) -> Option<StepError> {
    match approval.state {
        ApprovalState::Denied => {
            let said = approval.decided.as_ref();
            let by = said.map_or("a person", |said| said.by.as_str());
            let note = said.map(|said| said.note.trim()).filter(|note| !note.is_empty());
            let note = note.map_or_else(String::new, |note| format!(": {note}"));
            Some(StepError::said_no(format!("{by} said no{note}")))
        }
        ApprovalState::Expired => Some(StepError::denied("nobody approved it in time: retry the goal to ask again")),
        ApprovalState::Void if approval.again => Some(changed_twice("see its receipts")),
        _ => None,
    }
}

fn changed_twice(why: &str) -> StepError {
    StepError::denied(format!("the page was another one than was approved, twice: {why}"))
}

/// How a page differs from the one that was approved, and what was seen.
pub(super) struct Changed {
    pub why: String,
    pub seen: Value,
}

impl Broker {
    /// What a call would act on, within the time that the call itself has.
    pub(super) async fn look(&self, call: &Call) -> Result<Option<Value>, StepError> {
        let looked = tokio::time::timeout(call.limit, self.ports.performer.look(call)).await;
        looked.unwrap_or_else(|_| Err(StepError::retryable(format!("{} could not be looked at in time", call.tool))))
    }

    /// Behind the intent: whether the page is still the one that was approved; else, what is different.
    pub(super) async fn changed_since(&self, act: &Act<'_>, call: &Call) -> Option<Changed> {
        let approval = act.yes?;
        let seen = self.look(call).await;
        let why = match &seen {
            Ok(now) => difference(approval.subject.page.as_ref(), now.as_ref())?,
            Err(error) => format!("it could not be looked at again: {}", error.text),
        };
        Some(Changed { why, seen: on_record(seen.as_ref().map(Option::as_ref)) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subject(args: Value, page: Value) -> Subject {
        Subject { label: "click".into(), args, page: Some(page), host: None, rule: "r".into(), disclosure: None }
    }

    #[test]
    fn a_difference_names_the_field() {
        let before = json!({"address": "http://a/", "form": [{"name": "text", "value": "one"}]});
        let now = json!({"address": "http://a/", "form": [{"name": "text", "value": "two"}]});
        assert_eq!(difference(Some(&before), Some(&now)).unwrap(), "form · text · value: “one” → “two”");
        assert_eq!(difference(Some(&before), Some(&before)), None);
        assert!(difference(None, Some(&now)).is_some());
    }

    proptest! {
        /// One changed byte of anything that a yes is bound to makes it another call.
        #[test]
        fn one_changed_byte_is_another_call(text in "[a-z]{1,12}", at in 0_usize..12, what in 0_usize..5) {
            let args = |text: &str| json!({"action": "click", "selector": text});
            let page = |text: &str| json!({"address": format!("http://a/{text}"), "form": []});
            let other = {
                let mut bytes = text.clone().into_bytes();
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1;
                String::from_utf8(bytes).unwrap()
            };
            let (ada, bo) = (PersonaId(uuid::Uuid::from_u128(1)), PersonaId(uuid::Uuid::from_u128(2)));
            let first = digest(ada, &text, 7, &subject(args(&text), page(&text)));
            let second = match what {
                0 => digest(bo, &text, 7, &subject(args(&text), page(&text))),
                1 => digest(ada, &other, 7, &subject(args(&text), page(&text))),
                2 => digest(ada, &text, 8, &subject(args(&text), page(&text))),
                3 => digest(ada, &text, 7, &subject(args(&other), page(&text))),
                _ => digest(ada, &text, 7, &subject(args(&text), page(&other))),
            };
            prop_assert_ne!(first, second);
            prop_assert_eq!(first, digest(ada, &text, 7, &subject(args(&text), page(&text))));
        }
    }
}
