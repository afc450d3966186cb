//! Slices offered between two steps, and how long somebody who always wants something waits for the next.

use fastrand::Rng;

use super::*;
use crate::scheduler::turns::offers::QUANTUM_MS;

/// Persona 1 holds the only slice since 0 for work of this priority; persona 2 waits with another.
fn held(mine: u16, others: u16) -> Turns<()> {
    let mut turns = turns(1);
    turns.enqueue(wish(0, 1, mine, 0), 0);
    turns.admit(0).unwrap();
    turns.enqueue(wish(1, 2, others, 0), 0);
    turns
}

fn offered(turns: &mut Turns<()>, mine: u16, now_ms: i64) -> Option<i64> {
    turns.offer(Ticket(0), wish(9, 1, mine, now_ms), now_ms)
}

#[test]
fn a_slice_is_kept_until_its_quantum_is_over_and_then_goes_to_the_next() {
    let mut turns = held(500, 500);
    assert_eq!(offered(&mut turns, 500, QUANTUM_MS - 1), None);
    assert_eq!(offered(&mut turns, 500, QUANTUM_MS), Some(QUANTUM_MS));
    assert_eq!(turns.admit(QUANTUM_MS).unwrap().persona, persona(2));
    assert!(turns.admit(QUANTUM_MS).is_none(), "one slot");
    turns.release(persona(2), Ticket(1), 2 * QUANTUM_MS);
    let again = turns.admit(2 * QUANTUM_MS).unwrap();
    assert_eq!((again.persona, again.ticket, again.waited_ms), (persona(1), Ticket(9), QUANTUM_MS));
}

#[test]
fn urgent_work_gets_it_at_the_next_step_and_urgent_work_keeps_it_for_a_quantum() {
    assert_eq!(offered(&mut held(500, 900), 500, 10), Some(10));
    let mut both = held(900, 900);
    assert_eq!(offered(&mut both, 900, 10), None);
    assert_eq!(offered(&mut both, 900, QUANTUM_MS), Some(QUANTUM_MS));
    assert_eq!(both.admit(QUANTUM_MS).unwrap().persona, persona(2));
}

#[test]
fn nobody_else_wants_it_so_it_is_kept_however_long() {
    let mut turns = turns(1);
    turns.enqueue(wish(0, 1, 500, 0), 0);
    turns.admit(0).unwrap();
    // A second wish of its own is not somebody else's.
    turns.enqueue(wish(1, 1, 900, 0), 0);
    assert_eq!(offered(&mut turns, 500, 1_000_000), None);
}

#[test]
fn who_offers_and_is_still_the_next_goes_on_and_is_charged() {
    // The other has fifteen minutes' patience, this one thirty seconds'.
    let mut turns = held(750, 50);
    assert_eq!(offered(&mut turns, 750, QUANTUM_MS), Some(QUANTUM_MS));
    assert_eq!(turns.admit(QUANTUM_MS).unwrap().ticket, Ticket(9));
    assert!(turns.shares[&persona(1)].tag_us > turns.clock_us);
}

#[test]
fn what_was_given_away_is_not_given_twice() {
    let mut turns = held(500, 500);
    assert!(offered(&mut turns, 500, QUANTUM_MS).is_some());
    turns.admit(QUANTUM_MS).unwrap();
    assert_eq!(turns.release(persona(1), Ticket(0), 3_000), None, "the old slice is worth nothing");
    assert_eq!(turns.offer(Ticket(0), wish(10, 1, 500, 3_000), 3_000), None);
    assert_eq!((turns.held(), turns.waiting()), (1, 1));
}

#[test]
fn a_step_that_overruns_keeps_its_slot_and_all_of_its_time_is_charged() {
    let mut turns = turns(1);
    (0..3_u8).for_each(|n| turns.enqueue(wish(n.into(), n.into(), 500, 0), 0));
    turns.admit(0).unwrap();
    assert!(turns.admit(100_000).is_none(), "no policy takes a slot away");
    // A hundred seconds in one step, then it wants more; the two others get as much before it is back.
    assert_eq!(turns.offer(Ticket(0), wish(9, 0, 500, 100_000), 100_000), Some(100_000));
    let (mut now_ms, mut others_ms) = (100_000, 0);
    for ticket in 100.. {
        let granted = turns.admit(now_ms).unwrap();
        if granted.persona == persona(0) {
            break;
        }
        (now_ms, others_ms) = (now_ms + 1_000, others_ms + 1_000);
        turns.release(granted.persona, granted.ticket, now_ms);
        turns.enqueue(Ask { ticket: Ticket(ticket), persona: granted.persona, ..wish(0, 0, 500, now_ms) }, now_ms);
    }
    // All three are due the same, but for the window.
    assert!((180_000..=200_000).contains(&others_ms), "{others_ms} ms");
}

/// Somebody who always wants something: runs of a few steps, one after the other.
struct Busy {
    ticket: Ticket,
    asked_ms: i64,
    /// How far beyond the window it was when it asked, in microseconds of virtual time; none: within its share.
    beyond_us: Option<i64>,
    steps_left: u32,
    longest_step_ms: i64,
    /// The most it ever held at once.
    longest_ms: i64,
    since_ms: i64,
    waits: Vec<(i64, Option<i64>)>,
}

struct Company {
    turns: Turns<usize>,
    people: Vec<Busy>,
    rng: Rng,
    now_ms: i64,
    next: u64,
    steps: BTreeSet<(i64, usize)>,
}

impl Company {
    fn new(slots: usize, longest_steps_ms: &[i64], seed: u64) -> Self {
        let busy = |longest_step_ms: &i64| Busy {
            ticket: Ticket(0),
            asked_ms: 0,
            beyond_us: None,
            steps_left: 0,
            longest_step_ms: *longest_step_ms,
            longest_ms: 0,
            since_ms: 0,
            waits: Vec::new(),
        };
        let people = longest_steps_ms.iter().map(busy).collect();
        let turns = Turns::new(NonZeroUsize::new(slots).unwrap());
        Self { turns, people, rng: Rng::with_seed(seed), now_ms: 0, next: 0, steps: BTreeSet::new() }
    }

    fn ask(&mut self, who: usize) -> Ask<usize> {
        self.next += 1;
        self.people[who].asked_ms = self.now_ms;
        self.people[who].ticket = Ticket(self.next);
        Ask {
            ticket: Ticket(self.next),
            persona: persona(who as u128),
            priority: priority(500),
            weight: Weight::ORDINARY,
            arrived_ms: self.now_ms,
            waiter: who,
        }
    }

    fn begins_a_run(&mut self, who: usize) {
        self.people[who].steps_left = self.rng.u32(1..=8);
        let ask = self.ask(who);
        self.turns.enqueue(ask, self.now_ms);
        self.stands_in_line(who);
    }

    fn stands_in_line(&mut self, who: usize) {
        let ahead_us = self.turns.shares[&persona(who as u128)].tag_us - self.turns.clock_us;
        self.people[who].beyond_us = Some(ahead_us - WINDOW_US).filter(|beyond_us| *beyond_us > 0);
    }

    fn step(&mut self, who: usize) {
        let takes_ms = self.rng.i64(1..=self.people[who].longest_step_ms);
        self.people[who].steps_left -= 1;
        self.steps.insert((self.now_ms + takes_ms, who));
    }

    fn grant(&mut self) {
        while let Some(granted) = self.turns.admit(self.now_ms) {
            let one = &mut self.people[granted.waiter];
            one.waits.push((self.now_ms - one.asked_ms, one.beyond_us));
            one.since_ms = self.now_ms;
            self.step(granted.waiter);
        }
    }

    /// The next step ends.
    fn go_on(&mut self) {
        let (over_ms, who) = self.steps.pop_first().unwrap();
        self.now_ms = over_ms;
        let (ticket, held_ms) = (self.people[who].ticket, over_ms - self.people[who].since_ms);
        self.people[who].longest_ms = self.people[who].longest_ms.max(held_ms);
        if self.people[who].steps_left == 0 {
            self.turns.release(persona(who as u128), ticket, over_ms);
            self.begins_a_run(who);
        } else {
            let asked_ms = self.people[who].asked_ms;
            let again = self.ask(who);
            if self.turns.offer(ticket, again, over_ms).is_some() {
                self.stands_in_line(who);
            } else {
                (self.people[who].ticket, self.people[who].asked_ms) = (ticket, asked_ms);
                self.step(who);
            }
        }
        self.grant();
    }

    /// Slices under way have also been waited for.
    fn looks_up(&mut self) {
        for (_, who) in &self.steps {
            let one = &mut self.people[*who];
            one.longest_ms = one.longest_ms.max(self.now_ms - one.since_ms);
        }
    }
}

proptest! {
    /// What `scheduler.rs` states for personas that always want something, of one priority and weight: `n` of them on
    /// `u` slots, slices of at most `L` = quantum and the longest step.
    #[test]
    fn who_always_wants_something_waits_for_one_slice_of_each_other(
        slots in 1_usize..6,
        longest_steps_ms in prop::collection::vec(1_i64..4_000, 2..24),
        overruns_ms in prop::option::of(10_000_i64..120_000),
        seed in any::<u64>(),
    ) {
        let mut longest_steps_ms = longest_steps_ms;
        longest_steps_ms[0] = overruns_ms.unwrap_or(longest_steps_ms[0]);
        let mut company = Company::new(slots, &longest_steps_ms, seed);
        (0..longest_steps_ms.len()).for_each(|who| company.begins_a_run(who));
        company.grant();
        (0..3_000).for_each(|_| company.go_on());
        company.looks_up();
        let (n, u) = (i64::try_from(longest_steps_ms.len()).unwrap(), i64::try_from(slots).unwrap());
        let slices_ms: i64 = company.people.iter().map(|one| one.longest_ms).sum();
        let longest_ms = company.people.iter().map(|one| one.longest_ms).max().unwrap();
        for (who, one) in company.people.iter().enumerate() {
            // With a slot for everybody nobody is asked to stop.
            prop_assert!(n <= u || one.longest_ms < QUANTUM_MS + longest_steps_ms[who], "a slice ends with the step under way");
            for (waited_ms, beyond_us) in &one.waits {
                let others_ms = slices_ms - one.longest_ms;
                // Whoever is ahead of its share first waits until virtual time has come so far.
                let pays_ms = beyond_us.map_or(0, |beyond_us| beyond_us * n / 1_000 + (n + u) * longest_ms);
                prop_assert!(waited_ms * u <= others_ms + pays_ms, "{waited_ms} ms, {beyond_us:?} us");
            }
        }
        // In whole slices: at most ⌈n/u⌉ − 1 of them.
        let worst = company.people.iter().flat_map(|one| &one.waits).filter(|(_, beyond_us)| beyond_us.is_none());
        let worst_ms = worst.map(|(waited_ms, _)| *waited_ms).max().unwrap_or(0);
        prop_assert!(worst_ms <= (n + u - 1).div_euclid(u).saturating_sub(1) * longest_ms);
    }
}

proptest! {
    /// All of them ask at one moment while ordinary work holds every slot, and go on asking urgently for ever.
    #[test]
    fn urgent_work_of_one_moment_has_all_begun_after_a_slice_of_each(
        slots in 1_usize..9,
        priorities in prop::collection::vec(801_u16..=1_000, 1..24),
        longest_step_ms in 1_i64..4_000,
        seed in any::<u64>(),
    ) {
        let (mut turns, mut rng) = (Turns::new(NonZeroUsize::new(slots).unwrap()), Rng::with_seed(seed));
        let (n, mut ticket, mut steps) = (priorities.len(), 0, BTreeSet::new());
        let wish = |who: usize, ticket: u64, now_ms| {
            let how_much = priority(priorities.get(who).copied().unwrap_or(500));
            let (persona, ticket) = (persona(who as u128), Ticket(ticket));
            Ask { ticket, persona, priority: how_much, weight: Weight::ORDINARY, arrived_ms: now_ms, waiter: who }
        };
        // Twice as many as there are slots want ordinary work.
        for who in (n..n + 2 * slots).chain(0..n) {
            turns.enqueue(wish(who, ticket, 0), 0);
            ticket += 1;
            while let Some(granted) = turns.admit(0) {
                steps.insert((rng.i64(1..=longest_step_ms), granted.waiter, granted.ticket));
            }
        }
        let (mut begun, mut now_ms) = (BTreeSet::new(), 0);
        while begun.len() < n {
            let (over_ms, who, held) = steps.pop_first().unwrap();
            (now_ms, ticket) = (over_ms, ticket + 1);
            if turns.offer(held, wish(who, ticket, now_ms), now_ms).is_none() {
                steps.insert((now_ms + rng.i64(1..=longest_step_ms), who, held));
            }
            while let Some(granted) = turns.admit(now_ms) {
                steps.insert((now_ms + rng.i64(1..=longest_step_ms), granted.waiter, granted.ticket));
                begun.extend(Some(granted.waiter).filter(|who| *who < n));
            }
        }
        let (n, u) = (i64::try_from(n).unwrap(), i64::try_from(turns.urgent_max).unwrap());
        let most_ms = (n + u - 1).div_euclid(u) * (QUANTUM_MS + longest_step_ms) + longest_step_ms;
        prop_assert!(now_ms <= most_ms, "{now_ms} ms of {most_ms}");
    }
}
