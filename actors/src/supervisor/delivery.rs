//! How work comes in: one commit with message, goal and receipt, and a poke right after it.

use std::sync::Arc;

use serde_json::json;

use super::{
    By, CommandError, Delivered, NewWork, Work,
    desk::{Desk, check_length, check_text, invalid, refused, settle},
    doorbell::News,
    drafts, rollback, waits_for,
};
use crate::{
    domain::{
        Arrival, Assignment, Chat, Draft, Given, Goal, GoalId, GoalState, Message, MessageId, MessageKind,
        MessageState, ParkedOn, Payload, PersonaId, Priority, ReceiptKind, Score, WaitsFor, agent_named,
    },
    ports::{Change, Commit, Guard, Outdated},
};

const LONGEST_KEY: usize = 200;
/// Characters of a message that its receipt repeats.
const SHOWN: usize = 500;

impl Desk {
    pub(super) async fn deliver(&self, new: NewWork, by: &By) -> Result<Delivered, CommandError> {
        self.deliver_with(new, Extra::default(), by).await
    }

    /// The same with something that must be so, or becomes so, in the same commit.
    pub(super) async fn deliver_with(&self, new: NewWork, extra: Extra, by: &By) -> Result<Delivered, CommandError> {
        let persona = new.persona;
        let Extra { guards, changes } = extra;
        let beside = |_: &Goal| Commit { guards, changes, receipts: Vec::new() };
        let delivered = self.deliver_beside(new, by, beside).await?;
        delivered.map_err(|outdated| waits_for::refused(persona, &outdated))
    }

    /// The same with what its goal brings, whose receipts come first; the inner error: one of the guards does not hold.
    pub(super) async fn deliver_beside(
        &self,
        new: NewWork,
        by: &By,
        beside: impl FnOnce(&Goal) -> Commit,
    ) -> Result<Result<Delivered, Outdated>, CommandError> {
        self.check_work(&new)?;
        if let Work::Goal { payload, proof, .. } | Work::Chosen { payload, proof, .. } = &new.what {
            self.check_counts(new.persona, proof).await?;
            self.check_agent(new.persona, payload).await?;
        }
        let prerequisites = self.prerequisites_named(&new.waits_for.goals, None).await?;
        let (correlation, waits_for) = (new.correlation.clone(), new.waits_for.clone());
        let arrival = arrived(new.what.clone());
        self.check_arrival(&*arrival)?;
        let regard = self.regard(&*arrival, &new).await?;
        let score = regard.score.clone();
        let others_by_ms = self.begun_by(&prerequisites).await?;
        let (message, goal) = self.work(new, &*arrival, regard, others_by_ms, by);
        let mut guards = vec![Guard::PersonaExists(goal.persona)];
        if let Some(key) = correlation.clone() {
            guards.push(Guard::CorrelationFree(goal.persona, key));
        }
        guards.extend(waits_for::their_personas(&goal, &prerequisites));
        let beside = beside(&goal);
        guards.extend(beside.guards);
        let mut receipts = beside.receipts;
        receipts.push(self.received(&message, &goal, score.as_ref(), &waits_for, by));
        let mut changes =
            vec![Change::MessageDelivered(Box::new(message.clone())), Change::GoalAdded(Box::new(goal.clone()))];
        if !waits_for.goals.is_empty() {
            changes.push(Change::DependenciesSet(goal.id, waits_for));
        }
        changes.extend(beside.changes);
        let bell = self.office.bell();
        let (persona, news) = (goal.persona, News { messages: 1, due_ms: stirs_ms(&message, &goal) });
        let commit = Commit { guards, changes, receipts };
        // The evidence rings after its commit, so a caller that goes away leaves no sleeper behind.
        let written = self.evidence.record_then(commit, move |_| bell.press(persona, news)).await;
        match (settle(written)?, correlation) {
            (Ok(_), _) => Ok(Ok(Delivered { message, goal, repeated: false })),
            (Err(outdated), Some(key)) if matches!(outdated.guard, Guard::CorrelationFree(..)) => {
                let first = self.ports.records.correlated(persona, &key).await?;
                let first = first.ok_or_else(|| refused(&outdated))?;
                Ok(Ok(Delivered { message: first.message, goal: first.goal, repeated: true }))
            }
            (Err(outdated), _) => Ok(Err(outdated)),
        }
    }

    fn check_work(&self, new: &NewWork) -> Result<(), CommandError> {
        for (field, text) in [("correlation", &new.correlation), ("project", &new.project)] {
            if let Some(text) = text {
                check_text(field, text, LONGEST_KEY)?;
                check_length(field, text, LONGEST_KEY)?;
            }
        }
        let payload = match &new.what {
            Work::Goal { payload, .. } | Work::Chosen { payload, .. } => Some(payload),
            Work::Chat { .. } | Work::Arrived(_) => None,
        };
        if new.correlation.as_ref().is_some_and(|key| rollback::is_reserved(key, payload)) {
            return Err(invalid("correlation", "must not begin like the key of a rollback: choose another one"));
        }
        let begins_ms = new.due_ms.unwrap_or(0).max(self.now_ms());
        if new.serve_by_ms.is_some_and(|serve_by_ms| serve_by_ms <= begins_ms) {
            return Err(invalid("serve_by_ms", "must lie in the future and after the moment at which it is due"));
        }
        Ok(())
    }

    /// Only an agent that its persona has can be named.
    pub(super) async fn check_agent(&self, persona: PersonaId, payload: &Payload) -> Result<(), CommandError> {
        let Payload::Agent(payload) = payload else { return Ok(()) };
        let Some(name) = &payload.agent else { return Ok(()) };
        let persona = self.persona(persona).await?;
        let agent = agent_named(&persona.agents, name).map_err(|reason| invalid("payload.agent", reason))?;
        agent.tools_for(&payload.tools).map_err(|reason| invalid("payload.tools", reason))?;
        Ok(())
    }

    fn check_arrival(&self, arrival: &dyn Arrival) -> Result<(), CommandError> {
        let (field, most_chars) = arrival.text_field();
        check_text(field, &arrival.text(), most_chars)?;
        arrival.check().map_err(|bad| invalid(&bad.field, bad.reason))?;
        match arrival.coalescing() {
            Some(key) => check_text("coalescing", &key, LONGEST_KEY),
            None => Ok(()),
        }
    }

    /// How the persona sees it.
    async fn regard(&self, arrival: &dyn Arrival, new: &NewWork) -> Result<Regard, CommandError> {
        // A goal is the same to everybody.
        if arrival.kind() == MessageKind::Goal {
            return Ok(Regard { score: None, optional: matches!(new.what, Work::Chosen { .. }) });
        }
        let persona = self.persona(new.persona).await?;
        let score = if new.priority.is_none() { arrival.urgency(&persona) } else { None };
        Ok(Regard { score, optional: arrival.is_optional(&persona) })
    }

    /// By when all of these must be begun.
    async fn begun_by(&self, goals: &[Goal]) -> Result<i64, CommandError> {
        let mut last_ms = 0;
        for goal in goals.iter().filter(|goal| !goal.state.is_over()) {
            let message = self.ports.records.message_of(goal.id).await?;
            last_ms = last_ms.max(message.map_or(0, |message| message.serve_by_ms));
        }
        Ok(last_ms)
    }

    /// Without a word of its sender's it may wait as long as configured from when it may begin; behind others, from
    /// when those must be begun.
    fn work(&self, new: NewWork, arrival: &dyn Arrival, regard: Regard, others_by_ms: i64, by: &By) -> (Message, Goal) {
        let now_ms = self.now_ms();
        let waits = !new.waits_for.goals.is_empty();
        let Assignment { title, payload, proof } = arrival.assignment();
        let patience = arrival.patience().unwrap_or(self.limits.serve_within);
        let serve_within_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        let begins_ms = new.due_ms.unwrap_or(0).max(now_ms);
        let goal = Goal {
            id: GoalId(self.world().new_id()),
            persona: new.persona,
            title,
            payload,
            proof,
            state: if waits { GoalState::Parked } else { GoalState::Pending },
            parked_on: waits.then_some(ParkedOn::Dependency),
            attempts: 0,
            last_error: None,
            result: None,
            due_ms: new.due_ms.filter(|due_ms| *due_ms > now_ms),
            version: 1,
            trace: by.trace,
            correlation: new.correlation,
            project: new.project,
            created_by: by.who.clone(),
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        let priority = new.priority.or_else(|| regard.score.as_ref().map(Score::priority)).unwrap_or(Priority::BASE);
        let message = Message {
            id: MessageId(self.world().new_id()),
            persona: new.persona,
            kind: arrival.kind(),
            sender: by.who.clone(),
            text: arrival.text(),
            goal: goal.id,
            priority,
            deadline_ms: begins_ms.saturating_add(priority.patience_ms()),
            scored: regard.score.is_some(),
            falls: 0,
            coalescing: arrival.coalescing(),
            optional: regard.optional,
            state: MessageState::Waiting,
            received_ms: now_ms,
            serve_by_ms: new.serve_by_ms.unwrap_or(begins_ms.max(others_by_ms).saturating_add(serve_within_ms)),
            trace: by.trace,
            correlation: goal.correlation.clone(),
            project: goal.project.clone(),
        };
        (message, goal)
    }

    fn received(&self, message: &Message, goal: &Goal, score: Option<&Score>, waits_for: &WaitsFor, by: &By) -> Draft {
        let summary = match message.kind {
            MessageKind::Chat | MessageKind::Room => format!("received message from {}", message.sender),
            MessageKind::Goal => format!("received goal “{}”", goal.title),
            MessageKind::Result => format!("received a result: {}", goal.title),
        };
        let mut data = json!({
            "message": message.id,
            "kind": goal.payload.kind(),
            "text": message.text.chars().take(SHOWN).collect::<String>(),
            "priority": message.priority,
            "serve_by_ms": message.serve_by_ms,
        });
        if !waits_for.goals.is_empty() {
            data["waits_for"] = json!(waits_for.goals);
            data["if_failed"] = json!(waits_for.if_failed);
        }
        if let Some(key) = &message.coalescing {
            data["coalescing"] = json!(key);
        }
        if message.optional {
            data["optional"] = json!(true);
        }
        if let Some(score) = score {
            data["priority_because"] = score.explained();
        }
        let draft = self.decision(goal.persona, by, summary, data);
        let draft = drafts::about(draft, goal.id, goal.project.clone(), Some(goal.state.as_str()));
        Draft { kind: ReceiptKind::Log, phase: None, ..draft }
    }
}

/// When something can be done, or is to expire: what waits for other goals wakes nobody before.
fn stirs_ms(message: &Message, goal: &Goal) -> i64 {
    if goal.state == GoalState::Parked { message.serve_by_ms.saturating_add(1) } else { goal.due_ms.unwrap_or(0) }
}

fn arrived(what: Work) -> Arc<dyn Arrival> {
    match what {
        Work::Chat { text } => Arc::new(Chat::to_it(text)),
        Work::Goal { title, payload, proof } | Work::Chosen { title, payload, proof } => {
            Arc::new(Given(Assignment { title, payload, proof }))
        }
        Work::Arrived(arrival) => arrival,
    }
}

/// What else a delivery rests on and changes.
#[derive(Debug, Default)]
pub(super) struct Extra {
    pub(super) guards: Vec<Guard>,
    pub(super) changes: Vec<Change>,
}

/// How a persona sees an arrival.
struct Regard {
    /// Why it has its priority, when its sender gave none.
    score: Option<Score>,
    optional: bool,
}
