//! What a persona does next, and what has waited too long. Pure.

use std::collections::HashMap;

use crate::{
    domain::{BigThree, Gate, Goal, GoalId, GoalState, MessageId, MessageState, ParkedOn, Priority},
    ports::{Overdue, SET_BACK_MS, Waiting},
    scheduler::waits::Band,
};

/// What a look into the inbox brought.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Picked {
    /// To be carried now; of a burst the newest.
    pub next: Option<Waiting>,
    /// That, or something of its burst, is urgent.
    pub urgent: bool,
    /// No run of it was ever begun.
    pub fresh: bool,
    /// Not started by its time: expires.
    pub late: Vec<Waiting>,
    /// When to look again if nothing happens before.
    pub again_ms: Option<i64>,
    /// Optional work waits that the mood holds back.
    pub held_by_mood: bool,
    /// It is held back until the machine is calm, whatever the mood.
    pub held_by_machine: bool,
}

impl Picked {
    /// What is late of what was not looked at joins what is late of what was.
    pub(super) fn join(&mut self, overdue: Overdue) {
        let new = |work: &Waiting| self.late.iter().all(|known| known.message.id != work.message.id);
        let late: Vec<_> = overdue.late.into_iter().filter(new).collect();
        self.late.extend(late);
        self.again_at(overdue.again_ms);
    }

    /// It looks again at this moment at the latest.
    pub(super) fn again_at(&mut self, at_ms: Option<i64>) {
        self.again_ms = self.again_ms.into_iter().chain(at_ms).min();
    }
}

/// Goals that are not to be picked before a moment, whatever the inbox says.
pub(super) type HeldBack = HashMap<GoalId, i64>;

/// Urgent work first, of that what was not begun, for that was promised a start; then what was begun, then the big three, then what is owed, then what the mood lets through of the
/// optional. In each the earliest deadline: waiting ages a message by itself. A burst counts as one, by its best and
/// its oldest.
pub(super) fn pick(
    inbox: Vec<Waiting>,
    now_ms: i64,
    held_back: &HeldBack,
    gate: &Gate,
    three: Option<&BigThree>,
) -> Picked {
    let mut picked = Picked::default();
    let ready = ready(inbox, now_ms, held_back, &mut picked);
    let bursts = bursts(&ready, now_ms);
    let ranked: Vec<_> = ready.into_iter().map(|work| (standing(&work, &bursts, now_ms), work)).collect();
    let highest = ranked.iter().map(|(standing, _)| Band::of(standing.priority) as u8).max();
    let lets = |standing: &Standing| gate.lets(standing.priority, Some(Band::of(standing.priority) as u8) == highest);
    let (mut next, mut let_through) = (None, false);
    for (standing, work) in ranked {
        if standing.optional && !standing.begun && !(lets(&standing) && gate.rest.is_zero()) {
            picked.held_by_mood = true;
            let_through |= lets(&standing);
            continue;
        }
        let rank = standing.rank(three.and_then(|three| three.place(work.work.goal.id)));
        let newer = |best: &Ready| best.key() == work.key() && work.key().is_some() && best.place() < work.place();
        if next.as_ref().is_none_or(|(best, known)| rank < *best || (rank == *best && newer(known))) {
            next = Some((rank, work));
            (picked.urgent, picked.fresh) = (standing.priority.is_urgent(), !standing.begun);
        }
    }
    if let Some(wait) = gate.opens_in(let_through).filter(|_| picked.held_by_mood) {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).saturating_add(1);
        picked.again_at(Some(now_ms.saturating_add(wait_ms)));
    }
    picked.next = next.map(|(_, ready)| ready.work);
    picked
}

/// What can be worked at now.
struct Ready {
    work: Waiting,
    from_ms: i64,
}

impl Ready {
    /// The key of its burst, while it can be joined.
    fn key(&self) -> Option<&str> {
        let Waiting { message, goal } = &self.work;
        let fresh = message.state == MessageState::Waiting && goal.state == GoalState::Pending && goal.attempts == 0;
        message.coalescing.as_deref().filter(|_| fresh)
    }

    fn place(&self) -> (i64, MessageId) {
        (self.work.message.received_ms, self.work.message.id)
    }
}

/// Takes out what is late, and what can only be worked at later.
fn ready(inbox: Vec<Waiting>, now_ms: i64, held_back: &HeldBack, picked: &mut Picked) -> Vec<Ready> {
    let mut ready = Vec::with_capacity(inbox.len());
    for work in inbox {
        if let Some(serve_by_ms) = serve_by(&work) {
            if serve_by_ms < now_ms {
                picked.late.push(work);
                continue;
            }
            picked.again_at(Some(serve_by_ms.saturating_add(1)));
        }
        let Some(from_ms) = workable_from(&work, held_back, now_ms) else { continue };
        if from_ms > now_ms {
            picked.again_at(Some(from_ms));
            continue;
        }
        ready.push(Ready { work, from_ms });
    }
    ready
}

/// What decides about a message, or about its whole burst.
#[derive(Debug, Clone, Copy)]
struct Standing {
    priority: Priority,
    optional: bool,
    begun: bool,
    from_ms: i64,
}

impl Standing {
    fn of(ready: &Ready, now_ms: i64) -> Self {
        let Waiting { message, goal } = &ready.work;
        let priority = message.priority_at(now_ms);
        Self {
            priority,
            optional: message.is_held_by_mood() && !priority.is_urgent(),
            begun: message.state == MessageState::Running || goal.attempts > 0,
            from_ms: if message.received_ms > now_ms.saturating_add(SET_BACK_MS) {
                // Older than all that came in since.
                0
            } else {
                message.received_ms.max(ready.from_ms)
            },
        }
    }

    fn joined(self, other: Self) -> Self {
        Self {
            priority: self.priority.max(other.priority),
            optional: self.optional && other.optional,
            begun: false,
            from_ms: self.from_ms.min(other.from_ms),
        }
    }

    /// The smallest goes first; `place`: among the big three.
    fn rank(&self, place: Option<usize>) -> (bool, (u8, i64)) {
        let rank = match (order(self.priority, self.begun, self.from_ms), place) {
            ((ORDINARY, _), Some(place)) => (ORDINARY, i64::try_from(place).unwrap_or(i64::MAX)),
            ((ORDINARY, deadline_ms), None) => (ORDINARY + 1, deadline_ms),
            (other, _) => other,
        };
        (self.optional && !self.begun, rank)
    }
}

fn bursts(ready: &[Ready], now_ms: i64) -> HashMap<String, Standing> {
    let mut bursts: HashMap<String, Standing> = HashMap::new();
    for one in ready {
        if let Some(key) = one.key() {
            let standing = Standing::of(one, now_ms);
            let known = bursts.get(key).map_or(standing, |known| known.joined(standing));
            bursts.insert(key.to_owned(), known);
        }
    }
    bursts
}

fn standing(ready: &Ready, bursts: &HashMap<String, Standing>, now_ms: i64) -> Standing {
    let of_burst = ready.key().and_then(|key| bursts.get(key)).copied();
    of_burst.unwrap_or_else(|| Standing::of(ready, now_ms))
}

/// Whether it could be begun now, and in time.
pub(super) fn may_begin(work: &Waiting, now_ms: i64, held_back: &HeldBack) -> bool {
    let late = serve_by(work).is_some_and(|serve_by_ms| serve_by_ms < now_ms);
    !late && workable_from(work, held_back, now_ms).is_some_and(|from_ms| from_ms <= now_ms)
}

/// The class of what is neither urgent nor begun.
const ORDINARY: u8 = 3;

/// From when on it can be worked at; none: not until a person acts, or the goals it waits for are over.
fn workable_from(work: &Waiting, held_back: &HeldBack, now_ms: i64) -> Option<i64> {
    let goal = &work.goal;
    let waits = matches!(goal.parked_on, Some(ParkedOn::Reconcile | ParkedOn::Dependency | ParkedOn::Room));
    if goal.state == GoalState::Parked && waits {
        return None;
    }
    let held_ms = held_back.get(&goal.id).copied().unwrap_or(0);
    let from_ms = goal.due_ms.unwrap_or(0).max(held_ms);
    // Held back for good: until someone pokes.
    (held_ms < i64::MAX).then_some(if was_set_back(goal, now_ms) { 0 } else { from_ms })
}

/// The clock was set back during a pause: what is left of it nobody knows, so it is over. A moment that was asked for
/// stays a moment.
fn was_set_back(goal: &Goal, now_ms: i64) -> bool {
    let pauses = goal.parked_on == Some(ParkedOn::Rate) || (goal.state == GoalState::Pending && goal.attempts > 0);
    pauses && goal.updated_ms > now_ms.saturating_add(SET_BACK_MS)
}

/// By when it must be started, whatever it waits for; none: it was.
fn serve_by(work: &Waiting) -> Option<i64> {
    let Waiting { message, goal } = work;
    let begun = message.state != MessageState::Waiting || goal.state == GoalState::Running || goal.attempts > 0;
    (!begun).then_some(message.serve_by_ms)
}

/// What goes first when too much waits; the smallest does. Of equals the newest: the others waited longer.
pub(crate) fn least<P: Ord>(priority: Priority, optional: bool, place: P) -> impl Ord {
    (priority, !optional, std::cmp::Reverse(place))
}

/// What decides between two messages of one inbox; the smallest goes first.
pub(crate) fn order(priority: Priority, begun: bool, from_ms: i64) -> (u8, i64) {
    let class = match begun {
        _ if priority.is_urgent() => u8::from(begun),
        true => 2,
        false => ORDINARY,
    };
    (class, from_ms.saturating_add(priority.patience_ms()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{PersonaId, Scored},
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
        pick(inbox.to_vec(), now_ms, &HeldBack::new(), &Gate::OPEN, None).next.map(|work| work.goal.id)
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
    fn the_big_three_go_behind_urgent_work_and_before_the_rest() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[300, 950, 700, 100, 200, 790]);
        inbox[4].message.state = MessageState::Running;
        let scored = |at: usize| Scored { goal: inbox[at].goal.id, points: 1, parts: Vec::new() };
        let three = BigThree { persona: inbox[0].goal.persona, hour_ms: 0, goals: vec![scored(3), scored(0)] };
        let mut order = Vec::new();
        let next =
            |inbox: &[Waiting]| pick(inbox.to_vec(), world.now_ms(), &HeldBack::new(), &Gate::OPEN, Some(&three)).next;
        while let Some(work) = next(&inbox) {
            inbox.retain(|other| other.goal.id != work.goal.id);
            order.push(work.message.priority.thousandths());
        }
        assert_eq!(order, [950, 200, 100, 300, 790, 700]);
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
        let picked = pick(inbox.clone(), now_ms, &held_back, &Gate::OPEN, None);
        assert_eq!(picked, Picked { again_ms: Some(now_ms + 60_000), ..Picked::default() });
        assert_eq!(next(&inbox[..2], now_ms + 60_000), Some(inbox[1].goal.id));
    }

    #[test]
    fn what_was_not_started_in_time_is_late_whatever_it_waits_for() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[500]);
        let after_ms = inbox[0].message.serve_by_ms + 1;
        assert_eq!(pick(inbox.clone(), after_ms, &HeldBack::new(), &Gate::OPEN, None).late, inbox);
        inbox[0].goal.updated_ms = after_ms;
        inbox[0].goal.state = GoalState::Parked;
        for on in [ParkedOn::Dependency, ParkedOn::Quota, ParkedOn::Room] {
            inbox[0].goal.parked_on = Some(on);
            assert_eq!(pick(inbox.clone(), after_ms, &HeldBack::new(), &Gate::OPEN, None).late, inbox, "{on}");
        }
        (inbox[0].goal.state, inbox[0].goal.parked_on) = (GoalState::Pending, None);
        inbox[0].message.state = MessageState::Running;
        assert_eq!(next(&inbox, i64::MAX - 1), Some(inbox[0].goal.id), "what was begun does not expire");
    }

    #[test]
    fn urgent_work_that_was_not_begun_goes_before_urgent_work_that_was() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[950, 810]);
        inbox[0].message.state = MessageState::Running;
        inbox[1].message.received_ms += 60_000;
        let picked = pick(inbox.clone(), world.now_ms() + 60_000, &HeldBack::new(), &Gate::OPEN, None);
        assert_eq!((picked.next.as_ref(), picked.urgent, picked.fresh), (Some(&inbox[1]), true, true));
        assert_eq!(next(&inbox[..1], world.now_ms()), Some(inbox[0].goal.id));
    }

    #[test]
    fn a_burst_is_as_urgent_as_its_best_and_waits_no_longer_than_its_oldest() {
        let world = TestWorld::new(1);
        let mut inbox = inbox(&world, &[950, 300, 700]);
        for (work, key) in inbox.iter_mut().zip(["room:7", "room:7", "room:8"]) {
            work.message.coalescing = Some(key.to_owned());
        }
        inbox[1].message.received_ms += 1;
        let picked = pick(inbox.clone(), world.now_ms() + 1, &HeldBack::new(), &Gate::OPEN, None);
        assert_eq!((picked.next.as_ref(), picked.urgent), (Some(&inbox[1]), true), "its newest, for all of it");
        let picked = pick(inbox[1..].to_vec(), world.now_ms() + 1, &HeldBack::new(), &Gate::OPEN, None);
        assert_eq!((picked.next.as_ref(), picked.urgent), (Some(&inbox[2]), false));
    }
}
