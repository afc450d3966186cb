//! The formulas by example, and what holds whatever happens.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn rules() -> InnerLife {
    InnerLife::default()
}

/// Some moment.
fn begin() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Energy, attention and compute budget in thousandths.
fn levels(inner: &Inner, now: Instant) -> [u16; 3] {
    let Vitals { energy, attention, compute, .. } = inner.look(0, now, &rules());
    [energy, attention, compute].map(Level::thousandths)
}

fn mood(inner: &Inner, waiting: u32, now: Instant) -> Mood {
    inner.look(waiting, now, &rules()).mood
}

/// Rested at a moment, then worked for so long.
fn after_work(minutes: u32) -> (Inner, Instant) {
    let start = begin();
    let mut inner = Inner::rested(start);
    let end = start + minutes * MINUTE;
    inner.work_begins(start, GoalKind::Browser, &rules());
    inner.work_ends(end, &rules());
    (inner, end)
}

#[test]
fn a_minute_of_work_takes_a_tenth_and_half_a_minute_of_rest_brings_it_back() {
    let (inner, now) = after_work(5);
    assert_eq!(levels(&inner, now), [500, 1_000, 1_000]);
    assert_eq!(levels(&inner, now + 30 * SECOND), [600, 1_000, 1_000]);
    assert_eq!(levels(&inner, now + 10 * MINUTE)[0], 1_000, "never more than all");
    assert_eq!(levels(&after_work(60).0, now)[0], 0, "never less than none");
}

#[test]
fn each_kind_of_work_tires_as_its_complexity_says_and_attention_recovers_as_configured() {
    let start = begin();
    let end = start + 4 * MINUTE;
    let energy_after = |kind, rules: &InnerLife| {
        let mut inner = Inner::rested(start);
        inner.work_begins(start, kind, rules);
        inner.look(0, end, rules).energy.thousandths()
    };
    let kinds = [GoalKind::Browser, GoalKind::Io, GoalKind::Ai, GoalKind::Report];
    assert_eq!(kinds.map(|kind| energy_after(kind, &rules())), [600, 800, 600, 800]);
    let complexity = Complexity { browser: 0.25, io: 2.0, ai: 0.0, report: 1.0, agent: 1.0 };
    let other = InnerLife { complexity, attention_recovers: 0.5, ..rules() };
    assert_eq!(kinds.map(|kind| energy_after(kind, &other)), [900, 200, 1_000, 600]);
    let (tired, now) = after_work(8);
    assert_eq!(levels(&tired, now)[1], 900);
    assert_eq!(tired.look(0, now + 30 * SECOND, &other).attention.thousandths(), 950);
}

#[test]
fn what_is_shown_during_work_is_of_this_moment() {
    let start = begin();
    let mut inner = Inner::rested(start);
    inner.work_begins(start, GoalKind::Browser, &rules());
    assert_eq!([0, 1, 4].map(|minute| levels(&inner, start + minute * MINUTE)[0]), [1_000, 900, 600]);
}

#[test]
fn tired_work_costs_attention_which_recovers_twice_as_fast() {
    let (mut inner, mut now) = after_work(8);
    assert_eq!(levels(&inner, now), [200, 900, 1_000]);
    inner.work_begins(now, GoalKind::Browser, &rules());
    now += 30 * SECOND;
    inner.work_ends(now, &rules());
    assert_eq!(levels(&inner, now), [150, 810, 1_000]);
    assert_eq!(levels(&inner, now + 15 * SECOND), [200, 910, 1_000]);
    assert_eq!(levels(&after_work(6).0, now)[1], 1_000, "0.4 is not tired");
}

#[test]
fn the_compute_budget_falls_when_models_refuse_and_recovers_even_during_work() {
    let start = begin();
    let mut inner = Inner::rested(start);
    inner.refused(start, &rules());
    inner.refused(start, &rules());
    assert_eq!(levels(&inner, start), [1_000, 1_000, 250]);
    inner.work_begins(start, GoalKind::Browser, &rules());
    assert_eq!(levels(&inner, start + 3 * MINUTE), [700, 1_000, 550]);
}

#[test]
fn every_mood_can_be_reached_and_the_worst_is_named() {
    let (mut tired, now) = after_work(8);
    assert_eq!([mood(&tired, 50, now), mood(&tired, 51, now)], [Mood::Tired, Mood::Overwhelmed]);
    tired.answered(now, &rules());
    assert_eq!(mood(&tired, 0, now), Mood::Tired);
    assert_eq!(mood(&tired, 0, now + MINUTE), Mood::Idle, "an answer, but 0.4 is not enough to be active");
    assert_eq!(mood(&tired, 0, now + 2 * MINUTE), Mood::Active);
    assert_eq!(mood(&tired, 0, now + 10 * MINUTE), Mood::Idle, "the answer is too long ago");
    assert_eq!(mood(&Inner::rested(now), 0, now), Mood::Idle);
}

#[test]
fn only_who_is_not_rested_takes_room_while_asleep_and_little() {
    let (inner, now) = after_work(5);
    assert!(inner.clone().asleep(now + 3 * MINUTE, &rules()).is_none(), "it has recovered");
    let kept = inner.asleep(now + MINUTE, &rules()).unwrap();
    assert_eq!(levels(&kept, now + MINUTE)[0], 700);
    let mut busy = Inner::rested(now);
    (0..100).for_each(|_| busy.answered(now, &rules()));
    let kept = busy.asleep(now, &rules()).unwrap();
    assert!(size_of::<Inner>() + kept.answers.capacity() * size_of::<Instant>() <= 256);
}

#[test]
fn a_run_that_is_cut_off_is_charged_until_its_persona_sleeps() {
    let start = begin();
    let mut inner = Inner::rested(start);
    inner.work_begins(start, GoalKind::Browser, &rules());
    let kept = inner.asleep(start + 2 * MINUTE, &rules()).unwrap();
    assert_eq!(levels(&kept, start + 3 * MINUTE)[0], 1_000, "from there on it rests");
}

#[test]
fn a_mean_of_nobody_is_full() {
    assert_eq!(Level::mean([]).thousandths(), 1_000);
    assert_eq!(Level::mean([1.0, 0.5].map(Level::from)).thousandths(), 750);
    assert_eq!(serde_json::to_string(&Level::from(0.25)).unwrap(), "0.25");
}

#[derive(Debug, Clone)]
enum Event {
    Begin,
    End,
    Answer,
    Refuse,
}

proptest! {
    #[test]
    fn shares_stay_shares_and_looking_changes_nothing(
        events in proptest::collection::vec(
            (prop_oneof![Just(Event::Begin), Just(Event::End), Just(Event::Answer), Just(Event::Refuse)], 0_u64..600_000),
            0..60,
        ),
        looks in any::<bool>(),
    ) {
        let (rules, mut now) = (rules(), begin());
        let mut inner = Inner::rested(now);
        for (event, after_ms) in events {
            now += Duration::from_millis(after_ms);
            if looks {
                let seen = inner.look(0, now, &rules);
                prop_assert_eq!(seen, inner.look(0, now, &rules));
            }
            match event {
                Event::Begin => inner.work_begins(now, GoalKind::Browser, &rules),
                Event::End => inner.work_ends(now, &rules),
                Event::Answer => inner.answered(now, &rules),
                Event::Refuse => inner.refused(now, &rules),
            }
            for share in [inner.energy, inner.attention, inner.compute] {
                prop_assert!((0.0..=1.0).contains(&share), "{}", share);
            }
            prop_assert!(inner.answers.len() <= MOST_ANSWERS);
        }
    }
}
