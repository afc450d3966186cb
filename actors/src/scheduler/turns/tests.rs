//! The promises of the policy, by example and by property.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn persona(n: u128) -> PersonaId {
    PersonaId(Uuid::from_u128(n))
}

fn priority(thousandths: u16) -> Priority {
    Priority::try_from(thousandths).unwrap()
}

fn turns(cap: usize) -> Turns<()> {
    Turns::new(NonZeroUsize::new(cap).unwrap())
}

/// Asks in the given order: persona, priority.
fn ask(turns: &mut Turns<()>, requests: &[(u128, u16)]) {
    for (at, (who, how_much)) in (0..).zip(requests) {
        turns.enqueue(Ticket(at), persona(*who), priority(*how_much), 0, ());
    }
}

#[test]
fn the_cap_holds_and_the_queue_is_fair() {
    let mut turns = turns(1);
    ask(&mut turns, &[(1, 500), (2, 500)]);
    let (who, ticket, ()) = turns.admit(0).unwrap();
    assert_eq!(who, persona(1));
    assert!(turns.admit(0).is_none(), "one slot, one persona");
    turns.release(who, ticket, 10);
    assert_eq!(turns.admit(10).unwrap().0, persona(2));
}

#[test]
fn urgent_work_passes_the_rest_and_waiting_ages_it() {
    let mut turns = turns(1);
    ask(&mut turns, &[(1, 100), (2, 700), (3, 900)]);
    assert_eq!(turns.admit(0).unwrap().0, persona(3));
    turns.release(persona(3), Ticket(2), 1);
    // Ten minutes later a fresh request of high priority has the later deadline.
    turns.enqueue(Ticket(9), persona(4), priority(750), 890_000, ());
    let order: Vec<_> = std::iter::from_fn(|| {
        let (who, ticket, ()) = turns.admit(890_000)?;
        turns.release(who, ticket, 890_000);
        Some(who)
    })
    .collect();
    assert_eq!(order, [persona(2), persona(1), persona(4)]);
}

#[test]
fn a_persona_never_holds_two_slices() {
    let mut turns = turns(8);
    ask(&mut turns, &[(1, 500), (1, 950)]);
    let (who, ticket, ()) = turns.admit(0).unwrap();
    assert!(turns.admit(0).is_none());
    turns.release(who, ticket, 5);
    assert_eq!(turns.admit(5).unwrap().1, Ticket(1));
}

#[test]
fn who_used_much_waits_behind_who_used_little() {
    let mut turns = turns(1);
    ask(&mut turns, &[(1, 500), (2, 500)]);
    turns.admit(0).unwrap();
    turns.release(persona(1), Ticket(0), 60_000);
    // Persona 1 comes back with the earlier deadline, yet it is half a minute ahead of its share.
    turns.enqueue(Ticket(5), persona(1), priority(750), 60_000, ());
    assert_eq!(turns.admit(60_000).unwrap().0, persona(2));
}

#[test]
fn a_ticket_that_nobody_waits_for_is_passed_over() {
    let mut turns = turns(1);
    ask(&mut turns, &[(1, 500), (2, 500)]);
    assert!(turns.withdraw(persona(1), Ticket(0)).is_some());
    assert_eq!((turns.waiting(), turns.admit(0).unwrap().0), (1, persona(2)));
    assert!(turns.withdraw(persona(2), Ticket(1)).is_none(), "granted already");
    assert_eq!(turns.held(), 1);
}

#[test]
fn a_flood_of_urgent_work_lets_overdue_work_through() {
    let mut turns = turns(1);
    turns.enqueue(Ticket(0), persona(1), priority(500), 0, ());
    let late = 10_000_000;
    let mut urgent_before = 0;
    for n in 1..100 {
        turns.enqueue(Ticket(n), persona(u128::from(n) + 1), priority(1000), late, ());
        let (who, ticket, ()) = turns.admit(late).unwrap();
        turns.release(who, ticket, late);
        if who == persona(1) {
            break;
        }
        urgent_before += 1;
    }
    assert_eq!(urgent_before, MOST_PASSED);
}

#[derive(Debug, Clone)]
enum Op {
    Ask(u8, u16),
    Release(u8),
    Withdraw(u8),
    Pass(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0_u8..12, 0_u16..=1000).prop_map(|(who, priority)| Op::Ask(who, priority)),
        3 => any::<u8>().prop_map(Op::Release),
        1 => any::<u8>().prop_map(Op::Withdraw),
        2 => (0_u32..100_000).prop_map(Op::Pass),
    ]
}

/// What the policy must agree with.
#[derive(Default)]
struct Model {
    now_ms: i64,
    next: u64,
    waiting: Vec<(PersonaId, Ticket)>,
    holding: HashMap<PersonaId, Ticket>,
}

impl Model {
    fn apply(&mut self, turns: &mut Turns<u64>, op: &Op) {
        match op {
            Op::Ask(who, how_much) => {
                let (who, ticket) = (persona(u128::from(*who)), Ticket(self.next));
                self.next += 1;
                turns.enqueue(ticket, who, priority(*how_much), self.now_ms, ticket.0);
                self.waiting.push((who, ticket));
            }
            Op::Release(n) if !self.holding.is_empty() => {
                let mut held: Vec<_> = self.holding.keys().copied().collect();
                held.sort();
                let who = held[usize::from(*n) % held.len()];
                turns.release(who, self.holding.remove(&who).unwrap(), self.now_ms);
            }
            Op::Withdraw(n) if !self.waiting.is_empty() => {
                let (who, ticket) = self.waiting.remove(usize::from(*n) % self.waiting.len());
                assert_eq!(turns.withdraw(who, ticket), Some(ticket.0));
            }
            Op::Pass(ms) => self.now_ms += i64::from(*ms),
            Op::Release(_) | Op::Withdraw(_) => {}
        }
    }

    fn grant(&mut self, turns: &mut Turns<u64>) {
        while let Some((who, ticket, waiter)) = turns.admit(self.now_ms) {
            assert_eq!(waiter, ticket.0, "each waiter gets its own slice");
            assert!(self.holding.insert(who, ticket).is_none(), "two slices of one persona");
            let asked = self.waiting.iter().position(|asked| *asked == (who, ticket)).expect("granted without asking");
            self.waiting.remove(asked);
        }
    }
}

proptest! {
    #[test]
    fn cap_and_lock_hold_and_no_slot_stays_empty(ops in prop::collection::vec(op(), 1..300), cap in 1_usize..5) {
        let mut turns = Turns::new(NonZeroUsize::new(cap).unwrap());
        let mut model = Model::default();
        for op in &ops {
            model.apply(&mut turns, op);
            model.grant(&mut turns);
            prop_assert!(model.holding.len() <= cap);
            prop_assert_eq!((turns.held(), turns.waiting()), (model.holding.len(), model.waiting.len()));
            let could_start: HashSet<_> =
                model.waiting.iter().map(|(who, _)| who).filter(|who| !model.holding.contains_key(who)).collect();
            prop_assert!(could_start.is_empty() || model.holding.len() == cap, "a slot is free and somebody waits");
        }
        // Nothing is kept about personas that neither wait, hold, nor are ahead.
        prop_assert!(turns.shares.len() <= model.holding.len() + model.waiting.len() + turns.resting.len());
    }

    #[test]
    fn nobody_starves_under_a_flood(cap in 1_usize..4, victim in 0_u16..=1000, flood in 0_u16..=1000, used in 1_i64..60_000) {
        // Its patience (15 min at most) in the shortest turns, and the flood's share in front of it.
        let most = 910_000 / used * 2 + 1_000;
        prop_assert!(turns_before(cap, priority(victim), priority(flood), used, most) < most);
    }
}

/// Twenty personas always want a slice and use it up; how many turns they get before one that asked once.
fn turns_before(cap: usize, victim: Priority, flood: Priority, used_ms: i64, most: i64) -> i64 {
    let mut turns = turns(cap);
    turns.enqueue(Ticket(0), persona(0), victim, 0, ());
    for n in 1..=20 {
        turns.enqueue(Ticket(n), persona(u128::from(n)), flood, 0, ());
    }
    let (mut now_ms, mut held) = (0, VecDeque::new());
    for grants in 0..most {
        while let Some((who, ticket, ())) = turns.admit(now_ms) {
            if who == persona(0) {
                return grants;
            }
            held.push_back((who, ticket));
        }
        now_ms += used_ms;
        let (who, ticket) = held.pop_front().unwrap();
        turns.release(who, ticket, now_ms);
        turns.enqueue(Ticket(100 + grants.unsigned_abs()), who, flood, now_ms, ());
    }
    most
}
