//! Inboxes as the in-memory journal reads them back.

use std::cmp::Reverse;

use super::state::State;
use crate::{
    domain::{GoalState, Message, MessageId, MessageState, ParkedOn, PersonaId},
    ports::Waiting,
};

impl State {
    /// Messages of a persona whose goal is open.
    fn open(&self, persona: PersonaId) -> impl Iterator<Item = Waiting> {
        let open = |message: &Message| {
            let goal = &self.goals.get(&message.goal)?.goal;
            (!goal.state.is_over()).then(|| Waiting { message: message.clone(), goal: goal.clone() })
        };
        self.messages.values().filter(move |message| message.persona == persona).filter_map(open)
    }

    /// What waits and was not begun.
    fn untouched(&self, persona: PersonaId) -> impl Iterator<Item = Waiting> {
        self.open(persona).filter(|w| w.message.state == MessageState::Waiting && !self.begun(w.message.id))
    }

    fn begun(&self, id: MessageId) -> bool {
        self.begun.contains(&id)
    }

    pub(super) fn inbox(&self, persona: PersonaId, limit: u32) -> Vec<Waiting> {
        let in_inbox = |w: &Waiting| matches!(w.message.state, MessageState::Waiting | MessageState::Running);
        let mut open: Vec<_> = self.open(persona).filter(in_inbox).filter(|w| !on_goals(w)).collect();
        open.sort_by_key(|w| {
            let Message { id, deadline_ms, received_ms, .. } = w.message;
            (!self.begun(id), w.message.lane(), deadline_ms, received_ms, id)
        });
        open.truncate(limit as usize);
        open
    }

    pub(super) fn parked(&self, persona: PersonaId, limit: u32) -> Vec<Waiting> {
        self.open(persona).filter(on_goals).take(limit as usize).collect()
    }

    pub(super) fn waiting(&self, persona: PersonaId) -> u32 {
        let waits = |m: &&Message| m.persona == persona && m.state == MessageState::Waiting;
        u32::try_from(self.messages.values().filter(waits).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn burst(&self, persona: PersonaId, coalescing: &str, now_ms: i64, limit: u32) -> Vec<Waiting> {
        let joins = |w: &Waiting| {
            let Waiting { message, goal } = w;
            let fresh = goal.state == GoalState::Pending && goal.attempts == 0;
            let now = goal.due_ms.is_none_or(|due_ms| due_ms <= now_ms) && message.serve_by_ms >= now_ms;
            message.coalescing.as_deref() == Some(coalescing) && fresh && now && !self.is_waited_for(goal.id)
        };
        let mut burst: Vec<_> = self.untouched(persona).filter(joins).collect();
        burst.sort_by_key(|w| Reverse((w.message.received_ms, w.message.id)));
        burst.truncate(limit as usize);
        burst
    }

    pub(super) fn least_important(&self, persona: PersonaId, limit: u32) -> Vec<Waiting> {
        let mut least: Vec<_> = self.untouched(persona).collect();
        least.sort_by_key(|w| {
            let Message { priority, optional, received_ms, id, .. } = w.message;
            (priority, !optional, Reverse((received_ms, id)))
        });
        least.truncate(limit as usize);
        least
    }
}

fn on_goals(work: &Waiting) -> bool {
    work.goal.parked_on == Some(ParkedOn::Dependency)
}
