//! Inboxes as the in-memory journal reads them back.

use std::cmp::Reverse;

use super::state::State;
use crate::{
    domain::{Goal, GoalState, Message, MessageId, MessageState, ParkedOn, PersonaId, TurnState},
    persona::inbox,
    ports::{Inbox, Overdue, SET_BACK_MS, Waiting},
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

    /// Of that, what no run was begun of, whatever it waits for.
    pub(super) fn fresh(&self, persona: PersonaId) -> impl Iterator<Item = Waiting> {
        self.untouched(persona).filter(|w| w.goal.state != GoalState::Running && w.goal.attempts == 0)
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

    pub(super) fn look(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Inbox {
        let all = self.inbox(persona, u32::MAX);
        let begin_by_ms = self.fresh(persona).map(|w| w.message.serve_by_ms).min();
        if all.len() < limit as usize {
            return Inbox { work: all, more: false, due_ms: None, begin_by_ms };
        }
        let due = |w: &&Waiting| !waits_for_others(&w.goal) && w.goal.due_ms.is_some_and(|due_ms| due_ms > now_ms);
        let due_ms = all.iter().filter(due).filter_map(|w| w.goal.due_ms).min();
        let mut work: Vec<_> = all.into_iter().filter(|w| may_go_on(&w.goal, now_ms)).collect();
        work.sort_by_key(|w| {
            let (&Message { id, received_ms, .. }, lane) = (&w.message, w.message.lane());
            (lane != 0, lane != 0 && !self.begun(id), lane, w.message.deadline_at(now_ms), received_ms, id)
        });
        work.truncate(limit as usize);
        Inbox { work, more: true, due_ms, begin_by_ms }
    }

    pub(super) fn overdue(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Overdue {
        let mut late: Vec<_> = self.fresh(persona).collect();
        late.sort_by_key(|w| (w.message.serve_by_ms, w.message.id));
        let (mut late, later): (Vec<_>, Vec<_>) = late.into_iter().partition(|w| w.message.serve_by_ms < now_ms);
        let again_ms = match late.len() >= limit as usize {
            true => Some(now_ms),
            false => later.first().map(|w| w.message.serve_by_ms.saturating_add(1)),
        };
        late.truncate(limit as usize);
        Overdue { late, again_ms }
    }

    pub(super) fn asked(&self, persona: PersonaId, limit: u32) -> Vec<Waiting> {
        let asked = |w: &Waiting| {
            w.goal.parked_on == Some(ParkedOn::Room)
                && self.rooms.turn(w.goal.id).is_some_and(|turn| turn.state == TurnState::Asked)
        };
        self.open(persona).filter(asked).take(limit as usize).collect()
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
            inbox::least(priority, optional, (received_ms, id))
        });
        least.truncate(limit as usize);
        least
    }
}

/// Somebody else must act before it can go on.
fn waits_for_others(goal: &Goal) -> bool {
    matches!(goal.parked_on, Some(ParkedOn::Dependency | ParkedOn::Reconcile | ParkedOn::Room))
}

fn may_go_on(goal: &Goal, now_ms: i64) -> bool {
    let now = goal.due_ms.is_none_or(|due_ms| due_ms <= now_ms) || goal.updated_ms > now_ms + SET_BACK_MS;
    now && !waits_for_others(goal)
}

fn on_goals(work: &Waiting) -> bool {
    work.goal.parked_on == Some(ParkedOn::Dependency)
}
