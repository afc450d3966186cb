//! What each event means for a persona's line, without any actor.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const ADA: PersonaId = PersonaId(Uuid::from_u128(1));
const BUDGET: Budget = Budget { restarts: 2, window: Duration::from_secs(60) };

fn record(due_ms: Option<i64>) -> RosterRecord {
    RosterRecord { id: ADA, slug: "ada".parse().unwrap(), paused: false, waiting: 1, due_ms, failure_streak: 0 }
}

/// A roster with one persona, asleep with nothing to do. Handles are numbers.
fn roster() -> Roster<u32> {
    Roster::new(vec![record(None)])
}

fn state(roster: &mut Roster<u32>) -> ActorState {
    roster.line(ADA).unwrap().state()
}

fn exit(roster: &mut Roster<u32>, fell: bool) -> AfterExit {
    roster.exited(ADA, fell, Instant::now(), BUDGET)
}

#[test]
fn a_poke_wakes_a_sleeper_and_is_told_to_the_awake() {
    let mut roster = roster();
    assert_eq!(roster.poke(ADA), Poked::Wake);
    roster.woke(ADA, 7);
    assert_eq!(roster.poke(ADA), Poked::Tell(&mut 7));
}

#[tokio::test(start_paused = true)]
async fn a_poke_while_it_retires_wakes_it_again_once_it_is_gone() {
    let mut roster = roster();
    roster.woke(ADA, 7);
    assert_eq!(roster.retire(ADA, false, |handle| *handle == 7), Some(&7));
    assert_eq!(state(&mut roster), ActorState::Retiring);
    assert_eq!(roster.poke(ADA), Poked::Noted);
    assert!(!roster.may_wake(ADA), "the old actor still lives");
    assert_eq!(exit(&mut roster, false), AfterExit::Wake);
    assert!(roster.may_wake(ADA));
}

#[tokio::test(start_paused = true)]
async fn a_fall_is_followed_by_a_return_until_the_budget_is_spent() {
    let mut roster = roster();
    for _ in 0..BUDGET.restarts {
        roster.woke(ADA, 7);
        assert!(matches!(exit(&mut roster, true), AfterExit::Return(_)));
        assert_eq!(state(&mut roster), ActorState::Restarting);
        assert_eq!(roster.poke(ADA), Poked::Noted);
    }
    roster.woke(ADA, 7);
    assert_eq!(exit(&mut roster, true), AfterExit::GiveUp);
    assert_eq!((state(&mut roster), roster.awake()), (ActorState::Paused, 0));
    assert_eq!(roster.poke(ADA), Poked::Noted);
    roster.resume(&record(Some(0)));
    assert_eq!(roster.poke(ADA), Poked::Wake);
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlasts_pokes_and_a_resume_while_it_leaves_brings_it_back() {
    let mut roster = roster();
    roster.woke(ADA, 7);
    assert_eq!(roster.pause(ADA), Some(&7));
    assert_eq!(roster.poke(ADA), Poked::Noted);
    assert_eq!(state(&mut roster), ActorState::Paused);
    roster.resume(&record(Some(0)));
    assert_eq!(roster.poke(ADA), Poked::Noted, "it is still leaving");
    assert_eq!(exit(&mut roster, false), AfterExit::Wake);
}

#[test]
fn a_sleeper_is_due_at_its_time_and_not_before() {
    let mut roster = Roster::<u32>::new(vec![record(Some(5_000))]);
    assert_eq!((roster.next_due(), roster.take_due(4_999)), (Some(5_000), vec![]));
    assert_eq!((roster.take_due(5_000), roster.next_due()), (vec![ADA], None));
}

#[tokio::test(start_paused = true)]
async fn the_due_time_of_an_awake_persona_counts_when_it_sleeps_again() {
    let mut roster = roster();
    roster.woke(ADA, 7);
    roster.refresh(&record(Some(5_000)));
    assert_eq!(roster.next_due(), None, "it looks by itself");
    roster.retire(ADA, false, |_| true);
    exit(&mut roster, false);
    assert_eq!(roster.next_due(), Some(5_000));
}

#[tokio::test(start_paused = true)]
async fn a_paused_persona_is_due_once_for_each_look_at_what_may_expire() {
    let mut roster = roster();
    roster.woke(ADA, 7);
    roster.refresh(&record(Some(0)));
    roster.pause(ADA);
    assert_eq!(roster.next_due(), None, "it is still leaving");
    exit(&mut roster, false);
    assert_eq!((roster.take_due(9), roster.next_due()), (vec![ADA], None));
    roster.swept(ADA, Some(3), Some(5_000));
    assert_eq!((roster.next_due(), roster.inbox()), (Some(5_000), 3));
    // Something comes in while it is looked at: an answer from before does not push its look away.
    assert_eq!(roster.take_due(5_000), [ADA]);
    roster.delivered(ADA, 1, 2_000);
    assert_eq!(roster.take_due(6_000), [], "one at a time");
    roster.swept(ADA, None, Some(5_000));
    assert_eq!((roster.next_due(), roster.inbox()), (Some(2_000), 4));
    roster.resume(&record(Some(0)));
    roster.swept(ADA, Some(9), None);
    assert_eq!((roster.next_due(), roster.inbox()), (Some(0), 1), "it looks by itself again");
}

#[tokio::test(start_paused = true)]
async fn who_is_paused_after_a_fall_is_due_too() {
    let mut roster = roster();
    roster.woke(ADA, 7);
    roster.refresh(&record(Some(0)));
    assert!(matches!(exit(&mut roster, true), AfterExit::Return(_)));
    assert_eq!(roster.next_due(), None);
    roster.pause(ADA);
    assert_eq!(roster.take_due(1), [ADA]);
}

#[test]
fn a_line_is_small() {
    let bytes = size_of::<(PersonaId, Line<crate::persona::Awake>)>();
    // A map is between 7/16 and 7/8 full; the slug lies outside.
    assert!((bytes + 1) * 16 / 7 + 48 < 400, "{bytes} bytes");
}

proptest! {
    #[test]
    fn counts_stay_true_whatever_happens(events in prop::collection::vec((0_u8..9, any::<bool>()), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let _inside = runtime.enter();
        let mut roster = roster();
        for (event, flag) in events {
            match event {
                0 => roster.delivered(ADA, 1, 0),
                1 if roster.may_wake(ADA) => _ = roster.woke(ADA, 7),
                2 => _ = roster.retire(ADA, flag, |_| true),
                3 if roster.line(ADA).unwrap().handle().is_some() => _ = exit(&mut roster, flag),
                4 => _ = roster.pause(ADA),
                5 => roster.resume(&record(flag.then_some(0))),
                6 => roster.refresh(&record(None)),
                7 => _ = roster.poke(ADA),
                8 => _ = roster.restart(ADA),
                _ => {}
            }
            let line = roster.line(ADA).unwrap();
            let (alive, inbox, may_work) = (line.handle().is_some(), line.inbox, !line.paused);
            prop_assert_eq!(roster.awake(), usize::from(alive));
            prop_assert_eq!(roster.inbox(), u64::from(inbox));
            // Never two actors of one persona, and nobody who may work is unreachable.
            prop_assert!(!(alive && roster.may_wake(ADA)));
            prop_assert!(alive || !may_work || roster.may_wake(ADA));
        }
    }
}
