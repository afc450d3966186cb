//! Mood and rest in a room: they hold back talk that nobody addressed to the persona, and no person waits for that.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    super::harness::{Play, settle, until},
    Hall, with_rules,
};
use crate::domain::{Limits, Receipt, RoomRules, RoomTurn, TurnState};

/// Two personas of whom one answers a person, the other that answer, and then nobody while both rest.
async fn both_have_spoken(limits: Limits) -> Hall {
    let hall = Hall::within(limits, 2, |_| Play::Finish).await;
    hall.everybody_knows_answers().await;
    hall.say("Good morning").await;
    hall.comes_to_rest().await;
    hall
}

fn one_speaker() -> Limits {
    with_rules(RoomRules { speakers: 1, ..RoomRules::default() })
}

fn receipts(hall: &Hall, turn: &RoomTurn) -> Vec<Receipt> {
    hall.house.test.store.receipts().into_iter().filter(|receipt| receipt.goal == Some(turn.goal)).collect()
}

/// What held this turn back, as its receipts tell it.
fn held_back(hall: &Hall, turn: &RoomTurn) -> Option<String> {
    let told = receipts(hall, turn).into_iter().filter_map(|receipt| Some(receipt.body?.data["held_back"].clone()));
    told.filter_map(|told| told.as_str().map(str::to_owned)).next()
}

#[tokio::test(start_paused = true)]
async fn who_has_just_spoken_leaves_what_personas_say_and_nobody_looks_again() {
    let hall = both_have_spoken(one_speaker()).await;
    assert_eq!(hall.talk().len(), 3, "one answer to the person, one to that");
    let turns = hall.turns();
    let left = turns.iter().find(|turn| !turn.from_person && turn.state == TurnState::Passed).unwrap();
    // A script answers nobody, so the rest of three seconds is doubled.
    let held = held_back(&hall, left).unwrap();
    assert!(held.starts_with("I rest for another 6.0 s") || held.starts_with("I rest for another 5."), "{held}");
    assert_eq!(left.why, held.replace("I rest", "it rests").replace("my", "its"));
    assert_eq!(hall.house.seen.order.lock().unwrap().len(), 2, "no run for a turn that was left");
    let looks = hall.house.company.inbox_figures().looks;
    for _ in 0..60 {
        tokio::time::advance(Duration::from_secs(60)).await;
        settle().await;
    }
    assert_eq!(hall.house.company.inbox_figures().looks, looks, "an hour without a look");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_is_answered_though_everybody_rests_and_by_one_of_them() {
    let hall = both_have_spoken(with_rules(RoomRules::default())).await;
    let asked = Instant::now();
    let said = hall.say("And now?").await;
    until(|| !hall.answers_to(&said).is_empty()).await;
    assert!(asked.elapsed() < RoomRules::default().window, "nobody waits for the rest: {:?}", asked.elapsed());
    hall.comes_to_rest().await;
    let turns = hall.turns_about(&said);
    assert!(turns.iter().all(|turn| turn.reluctant), "{turns:?}");
    assert_eq!(hall.answers_to(&said).len(), 1, "who rests gives no second opinion");
    let passed = turns.iter().find(|turn| turn.state == TurnState::Passed).unwrap();
    assert!(passed.why.starts_with("it would rather rest, and p"), "{}", passed.why);
    // Rested, both say what they think.
    tokio::time::advance(Duration::from_secs(60)).await;
    let said = hall.say("And now?").await;
    hall.comes_to_rest().await;
    assert_eq!(hall.answers_to(&said).len(), 2);
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_named_answers_rested_or_not() {
    let hall = both_have_spoken(with_rules(RoomRules::default())).await;
    let said = hall.say("@p0 and @p1, and now?").await;
    hall.comes_to_rest().await;
    let turns = hall.turns_about(&said);
    assert!(turns.iter().all(|turn| !turn.reluctant && held_back(&hall, turn).is_none()), "{turns:?}");
    assert_eq!(hall.answers_to(&said).len(), 2);
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_tired_leave_what_is_not_important_enough_to_them() {
    let mut limits = one_speaker();
    limits.inner_life.tired_below = 2.0;
    limits.inner_life.optional.above_tired = 1.0;
    let hall = both_have_spoken(limits).await;
    assert_eq!(hall.talk().len(), 2, "the person has an answer, and nobody answers that");
    let left = hall.turns().into_iter().find(|turn| !turn.from_person).unwrap();
    assert_eq!((left.state, left.why.as_str()), (TurnState::Passed, "it is tired: this was not important enough"));
    assert_eq!(held_back(&hall, &left).unwrap(), "I am tired and this can do without me");
    hall.close().await;
}
