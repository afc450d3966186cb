//! Many short days, each by its seed.

use super::*;
use crate::domain::MOST_WAITING;

/// From one slot to eight, from idle to twice what can be done. One day in thirty, with bad personas, is long enough for
/// the last retry.
fn plan(seed: u64) -> Plan {
    let cap = NonZeroUsize::new(usize::try_from(seed % 8).unwrap() + 1).unwrap();
    let load = 0.2 * real(seed % 10 + 1);
    let faults = Faults { accidents: seed % 2 == 1, bad_personas: seed % 3 == 2 };
    Plan {
        personas: 40,
        minutes: if seed % 30 == 2 { 90 } else { 4 },
        seed,
        cap,
        load,
        popularity: 0.6,
        bursts: true,
        uneven_costs: seed % 5 == 4,
        most_waiting: if seed % 4 == 2 { 5 } else { MOST_WAITING },
        faults,
    }
}

#[test]
fn the_invariants_hold_for_hundreds_of_seeds() {
    let mut reached = [0; 7];
    for seed in 0..300 {
        let outcome = plan(seed).run(Policy::Greenroom).unwrap_or_else(|violation| panic!("{violation}"));
        assert!(outcome.ends.begun > 0, "seed {seed}: nothing happened");
        let Ends { failed, expired, dropped, coalesced, .. } = outcome.ends;
        let here =
            [coalesced, failed, expired, dropped, outcome.paused - outcome.circuits, outcome.circuits, outcome.yields];
        reached.iter_mut().zip(here).for_each(|(all, here)| *all += here);
    }
    let [coalesced, failed, expired, dropped, fallen, circuits, yields] = reached;
    assert!(failed > 0 && expired > 0 && dropped > 0, "{failed} failed, {expired} expired, {dropped} were dropped");
    assert!(coalesced > 0, "some talk waited together");
    assert!(fallen > 0 && circuits > 0 && yields > 0, "{fallen} fell too often, {circuits} opened, {yields} yielded");
}

#[test]
fn every_broken_promise_is_seen_and_names_its_seed() {
    use house::{Broken, House};
    for (broken, seed, what) in [
        (Broken::Idle, 5, "slots are free"),
        (Broken::Twice, 5, "was granted what it did not ask for"),
        (Broken::Deaf, 5, "ask urgently, and ordinary work goes first"),
        (Broken::Greedy, 5, "a message is taken in while the store takes no commit"),
        // Only a retry, or a persona that is back, may ask in that moment.
        (Broken::Heedless, 151, "a slice is given while the store takes no commit"),
        (Broken::Forgetful, 5, "are accounted for"),
        (Broken::Late, 5, "a message waits past its time"),
        (Broken::Hoarding, 6, "messages wait for"),
        (Broken::Scattered, 5, "of its talk behind"),
    ] {
        let plan = plan(seed);
        let arrivals = arrivals::all(&plan);
        let mut house = House::new(&plan, &arrivals);
        house.broken = Some(broken);
        let violation = house.live().err().unwrap_or_else(|| panic!("{broken:?}: nobody saw it"));
        assert!(violation.seed == seed && violation.what.contains(what), "{broken:?}: {violation}");
    }
}

#[test]
fn what_a_failing_store_refuses_is_sent_again() {
    let day = |accidents| {
        let faults = Faults { accidents, bad_personas: false };
        Plan { faults, ..plan(6) }.run(Policy::Greenroom).unwrap()
    };
    assert_eq!(day(true).ends.messages, day(false).ends.messages);
}

#[test]
fn equal_plans_give_equal_days_and_other_seeds_others() {
    let day = |seed| plan(seed).run(Policy::Greenroom).unwrap();
    assert_eq!(day(5), day(5));
    assert_ne!(day(5).waits, day(13).waits);
}

#[test]
fn the_rivals_account_for_every_message_of_the_same_day() {
    for seed in [2, 4, 7] {
        let ours = plan(seed).run(Policy::Greenroom).unwrap();
        for policy in [Policy::Polling, Policy::Tick] {
            let theirs = plan(seed).run(policy).unwrap();
            let Ends { messages, done, failed, expired, .. } = theirs.ends;
            assert_eq!(messages, ours.ends.messages, "{policy:?}");
            assert_eq!(messages, done + failed + expired + theirs.open, "{policy:?}");
            assert!(theirs.looks_by_clock > 0 && theirs.ends.begun > 0, "{policy:?}");
        }
    }
}

/// Twenty personas that always want something: eight times as much as there is.
fn overload(popularity: f64, uneven_costs: bool) -> Plan {
    let cap = NonZeroUsize::new(2).unwrap();
    let faults = Faults::default();
    Plan {
        personas: 20,
        minutes: 960,
        seed: 1,
        cap,
        load: 8.0,
        popularity,
        bursts: false,
        uneven_costs,
        most_waiting: MOST_WAITING,
        faults,
    }
}

#[test]
fn who_always_wants_something_gets_the_same_time_as_everybody() {
    for plan in [overload(0.0, false), overload(0.3, true)] {
        let ours = plan.run(Policy::Greenroom).unwrap();
        assert!(ours.jain >= 0.995, "{}", ours.jain);
        assert!(ours.utilisation > 0.99 && ours.ends.expired > 0);
        let theirs = plan.run(Policy::Polling).unwrap();
        assert!(theirs.jain < ours.jain, "{} and {}", theirs.jain, ours.jain);
    }
}

/// Four short days with 64 slots, half of them busy in the mean, with and without the bad ones: the mean over the days
/// of how many times longer the others' p99 wait is, by band. One day alone has its p99 from one or two bursts.
#[test]
fn three_bad_personas_move_the_others_waits_by_less_than_a_tenth() {
    let mut longer = [0.0; 3];
    for seed in 7..11 {
        let plan = |bad_personas| Plan {
            personas: 2_000,
            minutes: 120,
            seed,
            cap: NonZeroUsize::new(64).unwrap(),
            load: 0.5,
            popularity: 0.6,
            bursts: true,
            uneven_costs: false,
            most_waiting: MOST_WAITING,
            faults: Faults { accidents: false, bad_personas },
        };
        let quiet = plan(false).run(Policy::Greenroom).unwrap();
        let bad = plan(true).run(Policy::Greenroom).unwrap();
        assert_eq!((quiet.urgent_late, bad.urgent_late), (0, 0), "seed {seed}");
        assert_eq!(quiet.paused, 0, "seed {seed}");
        assert!(bad.paused > 0 && bad.ends.failed > 0, "seed {seed}: who falls or fails again and again is paused");
        for ((longer, bad), quiet) in longer.iter_mut().zip(bad.waits).zip(quiet.waits) {
            *longer += real(bad.p99_ms) / real(quiet.p99_ms) / 4.0;
        }
    }
    assert!(longer.iter().all(|longer| *longer < 1.1), "{longer:?}");
}

#[test]
fn long_runs_yield_and_work_tires() {
    let cap = NonZeroUsize::MIN;
    let outcome = Plan { cap, load: 1.0, ..plan(0) }.run(Policy::Greenroom).unwrap();
    assert!(outcome.yields > 0);
    let energies = || outcome.timeline.iter().filter_map(|sample| sample.energy.zip(sample.lowest_energy));
    assert_eq!(energies().count(), outcome.timeline.len());
    assert!(energies().all(|(mean, lowest)| lowest <= mean) && energies().any(|(mean, _)| mean.percent() < 100));
}
