//! What a persona does next, and what has waited too long. Pure.

use std::collections::HashMap;

use crate::{
    domain::{GoalId, GoalState, MessageState, ParkedOn, Priority},
    ports::Waiting,
    scheduler::turns::patience_ms,
};

/// What a look into the inbox brought.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Picked {
    /// To be carried now.
    pub next: Option<Waiting>,
    /// Not started by its time: expires.
    pub late: Vec<Waiting>,
    /// When to look again if nothing happens before.
    pub again_ms: Option<i64>,
}

/// Goals that are not to be picked before a moment, whatever the inbox says.
pub(super) type HeldBack = HashMap<GoalId, i64>;

/// Urgent work first, then what was begun, then the earliest deadline: waiting ages a message by itself.
pub(super) fn pick(inbox: Vec<Waiting>, now_ms: i64, held_back: &HeldBack) -> Picked {
    let mut picked = Picked::default();
    let mut best = None;
    for work in inbox {
        let Some(from_ms) = workable_from(&work, held_back) else { continue };
        if let Some(serve_by_ms) = serve_by(&work) {
            if serve_by_ms < now_ms {
                picked.late.push(work);
                continue;
            }
            picked.again_ms = earliest(picked.again_ms, serve_by_ms + 1);
        }
        if from_ms > now_ms {
            picked.again_ms = earliest(picked.again_ms, from_ms);
            continue;
        }
        let rank = rank(&work, from_ms, now_ms);
        if best.is_none_or(|best| rank < best) {
            best = Some(rank);
            picked.next = Some(work);
        }
    }
    picked
}

/// From when on it can be worked at; none: not until a person acts, or the goals it waits for are over.
fn workable_from(work: &Waiting, held_back: &HeldBack) -> Option<i64> {
    let goal = &work.goal;
    let waits = matches!(goal.parked_on, Some(ParkedOn::Reconcile | ParkedOn::Dependency | ParkedOn::Room));
    if goal.state == GoalState::Parked && waits {
        return None;
    }
    let held_ms = held_back.get(&goal.id).copied().unwrap_or(0);
    // Held back for good: until someone pokes.
    (held_ms < i64::MAX).then(|| goal.due_ms.unwrap_or(0).max(held_ms))
}

/// By when it must be started; none: it was. A retry waits as long anew as the message could at first.
fn serve_by(work: &Waiting) -> Option<i64> {
    let Waiting { message, goal } = work;
    let begun = message.state != MessageState::Waiting || goal.state != GoalState::Pending || goal.attempts > 0;
    let patience_ms = message.serve_by_ms.saturating_sub(message.received_ms);
    let touched = goal.updated_ms > goal.created_ms;
    let serve_by_ms = if touched { goal.updated_ms.saturating_add(patience_ms) } else { message.serve_by_ms };
    (!begun).then_some(serve_by_ms)
}

/// The smallest goes first.
fn rank(work: &Waiting, from_ms: i64, now_ms: i64) -> (u8, i64) {
    let message = &work.message;
    order(message.priority_at(now_ms), message.state == MessageState::Running, message.received_ms.max(from_ms))
}

/// What decides between two messages of one inbox; the smallest goes first.
pub(crate) fn order(priority: Priority, begun: bool, from_ms: i64) -> (u8, i64) {
    let class = match begun {
        _ if priority.is_urgent() => 0,
        true => 1,
        false => 2,
    };
    (class, from_ms.saturating_add(patience_ms(priority)))
}

fn earliest(known: Option<i64>, other: i64) -> Option<i64> {
    Some(known.map_or(other, |known| known.min(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::PersonaId,
        ports::World,
        testing::{self, TestWorld},
    };

    /// Messages that arrived now, with these priorities.
    fn inbox(world: &TestWorld, priorities: &[u16]) -> Vec<Waiting> {
        let persona = PersonaId(world.new_id());
        let work = |priority: &u16| {
            let goal = testing::goal(world, persona);
            let mut message = testing::message(world, &goal);
            message.priority = Priority::try_from(*priority).unwrap();
            Waiting { message, goal }
        };
        priorities.iter().map(work).collect()
    }

    fn next(inbox: &[Waiting], now_ms: i64) -> Option<GoalId> {
        pick(inbox.to_vec(), now_ms, &HeldBack::new()).next.map(|work| work.goal.id)
    }

    #[test]
    fn urgent_first_then_what_was_begun_then_by_deadline() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[300, 950, 700, 100]);
        inbox[3].message.state = MessageState::Running;
        let now_ms = world.now_ms();
        let mut order = Vec::new();
        while let Some(goal) = next(&inbox, now_ms) {
            let at = inbox.iter().position(|work| work.goal.id == goal).unwrap();
            order.push(inbox.remove(at).message.priority.thousandths());
        }
        assert_eq!(order, [950, 100, 700, 300]);
    }

    #[test]
    fn an_old_unimportant_message_passes_a_new_important_one() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[100, 800]);
        inbox[1].message.received_ms += 899_000;
        assert_eq!(next(&inbox, world.now_ms() + 899_000), Some(inbox[0].goal.id));
    }

    #[test]
    fn a_scored_message_goes_first_while_it_is_fresh() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[500, 500]);
        inbox[1].message.scored = true;
        let now_ms = world.now_ms();
        assert_eq!(next(&inbox, now_ms + 59_999), Some(inbox[1].goal.id));
        assert_eq!(next(&inbox, now_ms + 60_000), Some(inbox[0].goal.id), "then as it came in");
    }

    #[test]
    fn what_waits_for_a_person_or_a_later_time_is_left() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[500, 500, 500, 900]);
        let now_ms = world.now_ms();
        inbox[3].goal.state = GoalState::Parked;
        inbox[3].goal.parked_on = Some(ParkedOn::Dependency);
        inbox[3].goal.due_ms = Some(now_ms);
        inbox[0].goal.state = GoalState::Parked;
        inbox[0].goal.parked_on = Some(ParkedOn::Reconcile);
        inbox[1].goal.due_ms = Some(now_ms + 60_000);
        inbox[1].message.state = MessageState::Running;
        let held_back = HeldBack::from([(inbox[2].goal.id, i64::MAX)]);
        let picked = pick(inbox.clone(), now_ms, &held_back);
        assert_eq!(picked, Picked { again_ms: Some(now_ms + 60_000), ..Picked::default() });
        assert_eq!(next(&inbox[..2], now_ms + 60_000), Some(inbox[1].goal.id));
    }

    #[test]
    fn what_was_not_started_in_time_is_late_and_a_retry_waits_anew() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[500]);
        let after_ms = inbox[0].message.serve_by_ms + 1;
        assert_eq!(pick(inbox.clone(), after_ms, &HeldBack::new()).late, inbox);
        inbox[0].goal.updated_ms = after_ms;
        assert_eq!(next(&inbox, after_ms), Some(inbox[0].goal.id));
        inbox[0].message.state = MessageState::Running;
        assert_eq!(next(&inbox, i64::MAX - 1), Some(inbox[0].goal.id), "what was begun does not expire");
    }
}
