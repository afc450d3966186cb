//! Calls that programs make through the gateway: reserved, settled and recorded like a persona's, but of no goal.
//!
//! The intent is on disk with its reservation before anything is sent; the outcome with its settlement before the program
//! hears of it. Whoever lets go of an [`OpenCall`] without saying how it ended has it settled at its worst case, and so
//! has a crash: the next start finds it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{By, CommandError, Company, desk::Desk};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, ArtifactRef, Body, Bound, BudgetLeft, BudgetScope, BudgetSpan, Budgets, ChainId,
        Cost, Draft, Effect, Entry, EntryId, NewArtifact, PersonaId, Phase, ReceiptKind, Settlement, TraceId, Zone,
        by_key,
    },
    evidence::artifacts,
    ledger::{self, Charge, Reached},
    ports::{Change, Commit, Guard, LedgerChange, LedgerGuard, Outdated, Unavailable},
};

/// How often budgets are read again that change while a call is about to begin.
const RACES: usize = 5;
/// Scopes whose budgets are remembered.
const MOST_KNOWN: usize = 4_096;

/// A program's call, before it is made.
#[derive(Debug, Clone)]
pub struct ProgramCall {
    /// The virtual key, by name.
    pub key: String,
    /// Charged beside the key and the company, in days of its own zone; the receipts are on its chain.
    pub persona: Option<(PersonaId, Zone)>,
    /// As receipts name it.
    pub tool: &'static str,
    /// What it may take at worst, or why nobody knows.
    pub bound: Result<Bound, String>,
    /// What is asked, for the receipts: an object.
    pub data: Value,
    /// The words of it, for a key that keeps them: on disk before the intent names them.
    pub prompt: Option<NewArtifact>,
    pub trace: TraceId,
}

/// Why a call was not made; it is on record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    /// A budget has no room for it; when it renews, unless it never fits. Where the rest is only reserved, there may be
    /// room as soon as calls under way have ended.
    #[error("{why}")]
    NoRoom { why: String, until_ms: Option<i64>, only_reserved: bool },
    /// Nobody knows what the call could cost.
    #[error("{0}")]
    Unbounded(String),
    /// The persona that would be charged is gone.
    #[error("the persona of this key is deleted")]
    NoPersona,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEnd {
    /// It was answered; without a cost it counts as its worst case.
    Answered { cost: Option<Cost>, data: Value },
    /// It was not, and it is known what that cost.
    Failed { spent: Option<Cost>, error: String },
    /// Nobody knows how far it came: it counts as its worst case.
    Unknown { error: String },
}

/// A call that is on record and has room. Say how it ended, with [`OpenCall::end`].
#[must_use]
pub struct OpenCall {
    desk: Arc<Desk>,
    runtime: Handle,
    call: ProgramCall,
    charge: Charge,
    /// What came of it, for the last receipt.
    came: Vec<NewArtifact>,
    /// Something may have left our hands.
    sent: bool,
    open: bool,
}

/// Budgets as they were read last; whether they still are is guarded by every commit.
#[derive(Default)]
pub(super) struct KnownBudgets {
    by_scope: Mutex<BTreeMap<BudgetScope, Budgets>>,
    /// Soft limits that were passed and told of.
    told: Mutex<BTreeSet<AlertId>>,
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Company {
    /// Puts a call on record with its worst case; the inner error: it must not be made.
    pub async fn begin_call(&self, mut call: ProgramCall) -> Result<Result<OpenCall, NotMade>, CommandError> {
        self.desk.check_open()?;
        let (desk, runtime) = (self.desk.clone(), self.runtime.clone());
        // A task of its own: a program that goes away leaves no reservation behind. On the thread of the one who asks:
        // the answer of the store finds it without a stop at another one.
        let begun = tokio::spawn(async move {
            let prompt = call.prompt.take();
            let begun = desk.begin_call(&call, prompt).await?;
            Ok(begun.map(|charge| OpenCall { desk, runtime, call, charge, came: Vec::new(), sent: false, open: true }))
        });
        begun.await.unwrap_or_else(|lost| Err(CommandError::Unavailable(Unavailable(Box::new(lost)))))
    }
}

impl OpenCall {
    /// From here on a call that nobody ends counts as made.
    pub const fn sent(&mut self) {
        self.sent = true;
    }

    /// Words that came of it: on disk before the last receipt names them.
    pub fn keep(&mut self, words: impl IntoIterator<Item = NewArtifact>) {
        self.came.extend(words);
    }

    /// Records how it ended and settles it; when this answers, it is on disk.
    pub async fn end(mut self, end: CallEnd) -> Result<(), CommandError> {
        self.open = false;
        let came = std::mem::take(&mut self.came);
        self.desk.settle(&self.call, &self.charge, end, came).await?;
        let desk = self.desk.clone();
        if self.charge.limits.iter().any(|left| left.limit.soft.is_some() && !desk.known.is_told(left)) {
            let limits = std::mem::take(&mut self.charge.limits);
            self.runtime.spawn(async move { desk.warn_of_soft_limits(&limits).await });
        }
        Ok(())
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let end = match self.sent {
            true => CallEnd::Unknown { error: "nobody waited for the end of the answer".into() },
            false => {
                CallEnd::Failed { spent: Some(Cost::default()), error: "nobody waited for it: it was not made".into() }
            }
        };
        let (desk, call, charge) = (self.desk.clone(), self.call.clone(), self.charge.clone());
        let came = std::mem::take(&mut self.came);
        self.runtime.spawn(async move {
            if let Err(error) = desk.settle(&call, &charge, end, came).await {
                tracing::warn!("a call that was let go is settled at the next start: {error}");
            }
        });
    }
}

impl KnownBudgets {
    fn is_told(&self, left: &BudgetLeft) -> bool {
        locked(&self.told).contains(&ledger::alert_id(&left.span, &left.limit, Reached::Soft))
    }
}

impl Desk {
    async fn begin_call(
        &self,
        call: &ProgramCall,
        prompt: Option<NewArtifact>,
    ) -> Result<Result<Charge, NotMade>, CommandError> {
        // A call that nobody can bound is not made: its words need not lie anywhere.
        let kept = self.kept(prompt.filter(|_| call.bound.is_ok())).await?;
        let entry = Entry {
            id: EntryId(self.world().new_id()),
            persona: call.persona.map(|(id, _)| id),
            user: by_key(&call.key),
            goal: None,
            run: None,
            step: 0,
            at_ms: self.now_ms(),
            reserved: call.bound.clone().unwrap_or_default().kept(),
        };
        let zone = call.persona.map_or(Zone::UTC, |(_, zone)| zone);
        for _ in 0..RACES {
            let charge = Charge::new(entry.clone(), &self.budgets(&entry.scopes()).await?, zone);
            if let Err(why) = &call.bound {
                let why = charge.limits.first().map_or_else(|| why.clone(), |limit| ledger::unbounded(limit, why));
                self.deny(call, &why, None, kept).await?;
                return Ok(Err(NotMade::Unbounded(why)));
            }
            let intent = self.intent(call, &charge, kept.clone());
            let Err(Outdated { guard }) = self.write(intent).await? else { return Ok(Ok(charge)) };
            match guard {
                Guard::Ledger(LedgerGuard::BudgetsAt(scope, _)) => drop(locked(&self.known.by_scope).remove(&scope)),
                Guard::Ledger(LedgerGuard::BudgetLeft(left)) => {
                    let totals = self.ports.records.totals(&left.span).await?;
                    let only_reserved = ledger::is_only_reserved(&left, &totals);
                    let why = ledger::refusal(&left, &totals, zone);
                    let until_ms = (!left.never_fits()).then_some(left.span.until_ms);
                    self.deny(call, &why, Some(&left).filter(|_| !only_reserved), kept).await?;
                    return Ok(Err(NotMade::NoRoom { why, until_ms, only_reserved }));
                }
                _ => return Ok(Err(NotMade::NoPersona)),
            }
        }
        Err(super::desk::busy("the budget of this key"))
    }

    /// The words of a call that may begin, kept; a store without room for new work takes none.
    async fn kept(&self, prompt: Option<NewArtifact>) -> Result<Vec<ArtifactRef>, CommandError> {
        let Some(prompt) = prompt else { return Ok(Vec::new()) };
        self.ports.journal.admits()?;
        Ok(vec![artifacts::keep(&*self.ports.blobs, prompt).await?])
    }

    async fn settle(
        &self,
        call: &ProgramCall,
        charge: &Charge,
        end: CallEnd,
        came: Vec<NewArtifact>,
    ) -> Result<(), CommandError> {
        let kept = artifacts::keep_all(&*self.ports.blobs, came).await;
        let mut commit = self.ended(call, charge, end);
        commit.receipts.iter_mut().for_each(|draft| draft.body.names(kept.clone()));
        self.write(commit).await?.map_err(|outdated| super::desk::refused(&outdated))?;
        Ok(())
    }

    async fn budgets(&self, scopes: &[BudgetScope]) -> Result<Vec<Budgets>, CommandError> {
        let all =
            |known: &BTreeMap<BudgetScope, Budgets>| scopes.iter().map(|scope| known.get(scope).cloned()).collect();
        let known: Option<Vec<_>> = all(&locked(&self.known.by_scope));
        if let Some(known) = known {
            return Ok(known);
        }
        let read = self.ports.records.budgets(scopes).await?;
        let mut known = locked(&self.known.by_scope);
        if known.len() > MOST_KNOWN {
            known.clear();
        }
        known.extend(read.iter().map(|budgets| (budgets.scope.clone(), budgets.clone())));
        Ok(read)
    }

    fn intent(&self, call: &ProgramCall, charge: &Charge, kept: Vec<ArtifactRef>) -> Commit {
        let summary = format!("is about to ask {} for key {}", asked(call), call.key);
        let mut draft = self.of_call(call, Phase::Intent, summary);
        draft.body.data["reserved"] = json!(charge.entry.reserved);
        draft.body.artifacts = kept;
        let mut guards = charge.guards();
        guards.extend(call.persona.map(|(id, _)| Guard::PersonaExists(id)));
        Commit { guards, changes: vec![charge.change()], receipts: vec![draft] }
    }

    fn ended(&self, call: &ProgramCall, charge: &Charge, end: CallEnd) -> Commit {
        let (model, key, reserved) = (asked(call), &call.key, charge.entry.reserved);
        let bound = |cost: Cost| Bound {
            micro_usd: cost.micro_usd,
            tokens: cost.input_tokens.saturating_add(cost.output_tokens),
        };
        let (phase, summary, spent, body) = match end {
            CallEnd::Answered { cost, data } => {
                let body = Body { data, cost, ..Body::default() };
                (Phase::Outcome, format!("asked {model} for key {key}"), cost.map_or(reserved, bound), body)
            }
            CallEnd::Failed { spent, error } => {
                let body = Body { error: Some(error), cost: spent, ..Body::default() };
                (Phase::Outcome, format!("{model} gave no answer for key {key}"), spent.map_or(reserved, bound), body)
            }
            CallEnd::Unknown { error } => {
                let body = Body { error: Some(error), ..Body::default() };
                (Phase::Unknown, format!("the answer of {model} for key {key} was cut"), reserved, body)
            }
        };
        let mut draft = self.of_call(call, phase, summary);
        if let (Some(data), Value::Object(more)) = (draft.body.data.as_object_mut(), body.data) {
            data.extend(more);
        }
        draft.body.data["spent"] = json!(spent.kept());
        (draft.body.cost, draft.body.error) = (body.cost, body.error);
        let settled = Settlement { entry: charge.entry.clone(), spent: spent.kept(), at_ms: self.now_ms() };
        let changes = vec![Change::Ledger(LedgerChange::Settled(settled))];
        Commit { changes, receipts: vec![draft], ..Commit::default() }
    }

    /// `left`: the budget that is used up, which people are told.
    async fn deny(
        &self,
        call: &ProgramCall,
        why: &str,
        left: Option<&BudgetLeft>,
        kept: Vec<ArtifactRef>,
    ) -> Result<(), CommandError> {
        let mut draft = self.of_call(call, Phase::Denied, format!("did not ask {} for key {}", asked(call), call.key));
        (draft.body.error, draft.body.artifacts) = (Some(why.to_owned()), kept);
        let alert = left.map(|BudgetLeft { span, limit, .. }| {
            let id = ledger::alert_id(span, limit, Reached::Hard);
            Change::AlertRaised(Box::new(self.budget_alert(id, span, AlertKind::OverBudget, why.to_owned())))
        });
        let commit = Commit { changes: alert.into_iter().collect(), receipts: vec![draft], ..Commit::default() };
        self.write(commit).await?.map_err(|outdated| super::desk::refused(&outdated))?;
        Ok(())
    }

    fn of_call(&self, call: &ProgramCall, phase: Phase, summary: String) -> Draft {
        let mut data = json!({ "key": call.key });
        if let (Some(data), Some(more)) = (data.as_object_mut(), call.data.as_object()) {
            data.extend(more.clone());
        }
        let (node, body) = (self.limits.node.clone(), Body { summary, data, ..Body::default() });
        let chain = call.persona.map_or_else(|| ChainId::System(node.clone()), |(id, _)| ChainId::Persona(id));
        Draft {
            phase: Some(phase),
            tool: Some(call.tool.into()),
            effect: Some(Effect::Read),
            trace: Some(call.trace),
            ..Draft::new(chain, self.now_ms(), node, ReceiptKind::Llm, self.world().salt(), body)
        }
    }

    fn budget_alert(&self, id: AlertId, span: &BudgetSpan, kind: AlertKind, text: String) -> Alert {
        let persona = match span.scope {
            BudgetScope::Persona(persona) => Some(persona),
            BudgetScope::User(_) | BudgetScope::Key(_) | BudgetScope::Company => None,
        };
        Alert { id, kind, persona, goal: None, text, raised_ms: self.now_ms(), resolved_ms: None }
    }

    /// Once in each period; what cannot be looked at now is looked at after the next call.
    async fn warn_of_soft_limits(&self, limits: &[BudgetLeft]) {
        for left in limits.iter().filter(|left| left.limit.soft.is_some() && !self.known.is_told(left)) {
            if let Err(error) = self.warn_of_soft_limit(left).await {
                tracing::warn!("a soft limit could not be looked at: {error}");
            }
        }
    }

    async fn warn_of_soft_limit(&self, left: &BudgetLeft) -> Result<(), CommandError> {
        let BudgetLeft { span, limit, .. } = left;
        let totals = self.ports.records.totals(span).await?;
        if limit.soft.is_none_or(|soft| totals.spent.of(limit.unit) < soft) {
            return Ok(());
        }
        let id = ledger::alert_id(span, limit, Reached::Soft);
        if !self.ports.records.has_alert(id).await? {
            let alert = self.budget_alert(id, span, AlertKind::BudgetLow, ledger::warning(span, limit, &totals));
            let node = self.limits.node.clone();
            let body = Body { summary: alert.text.clone(), data: json!({ "alert": id }), ..Body::default() };
            let chain = ChainId::System(node.clone());
            let draft = Draft::new(chain, self.now_ms(), node, ReceiptKind::Log, self.world().salt(), body);
            let changes = vec![Change::AlertRaised(Box::new(alert))];
            let commit = Commit { changes, receipts: vec![draft], ..Commit::default() };
            self.write(commit).await?.map_err(|outdated| super::desk::refused(&outdated))?;
        }
        let mut told = locked(&self.known.told);
        if told.len() > MOST_KNOWN {
            told.clear();
        }
        told.insert(id);
        Ok(())
    }

    /// What a crash left reserved counts as spent: whoever was asked may have answered.
    pub(super) async fn settle_what_was_lost(&self) -> Result<(), Unavailable> {
        for entry in self.ports.records.lost_entries().await? {
            let commit = if entry.goal.is_some() { self.left_by_goal(&entry) } else { self.left_by_program(entry) };
            if let Err(error) = self.write(commit).await {
                tracing::warn!("what a crash left reserved is settled at the next start: {error}");
            }
        }
        self.settle_lost_tries().await
    }

    /// Its goal is over, so nobody goes on with it.
    pub(super) fn left_by_goal(&self, entry: &Entry) -> Commit {
        let by = By { who: "system".to_owned(), trace: TraceId(self.world().new_id()) };
        let said = "settled at its worst what a call of a goal that is over had reserved".to_owned();
        let data = json!({"entry": entry.id, "step": entry.step, "spent": entry.reserved});
        let mut receipt = self.system_decision(&by, said, data);
        receipt.goal = entry.goal;
        let settled = Settlement { entry: entry.clone(), spent: entry.reserved, at_ms: self.now_ms() };
        let changes = vec![Change::Ledger(LedgerChange::Settled(settled))];
        Commit { changes, receipts: vec![receipt], ..Commit::default() }
    }

    fn left_by_program(&self, entry: Entry) -> Commit {
        let call = ProgramCall {
            key: entry.user.strip_prefix("key:").unwrap_or(&entry.user).to_owned(),
            persona: entry.persona.map(|id| (id, Zone::UTC)),
            tool: "chat",
            bound: Ok(entry.reserved),
            data: json!({ "entry": entry.id }),
            prompt: None,
            trace: TraceId(self.world().new_id()),
        };
        let end = CallEnd::Unknown { error: "the server ended before the answer did".into() };
        let mut commit = self.ended(&call, &Charge::new(entry, &[], Zone::UTC), end);
        // A text or an embedding: the entry does not say.
        commit.receipts.iter_mut().for_each(|draft| draft.tool = None);
        commit
    }
}

fn asked(call: &ProgramCall) -> &str {
    call.data["model"].as_str().unwrap_or("a model")
}
