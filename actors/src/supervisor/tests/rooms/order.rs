//! What comes one after the other: who speaks later knows what was said before, and nobody is held up.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    super::harness::{Play, settle, until},
    Hall,
};
use crate::{
    domain::{Author, ParkedOn, Payload, PersonaId, RoomRules, RoomTurn, TurnState},
    persona::carrier::Order,
    ports::{Change, Commit},
    supervisor::rooms::{NewRoom, NewSaying},
};

/// The prompt of a turn's goal.
fn prompt(hall: &Hall, turn: &RoomTurn) -> String {
    match hall.house.goal(turn.goal).payload {
        Payload::Ai(ai) => ai.prompt,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn who_gets_the_floor_later_knows_what_was_answered_before() {
    let silent: Arc<OnceLock<PersonaId>> = Arc::default();
    let known = silent.clone();
    let script = move |order: &Order| match *known.get().unwrap() == order.work.goal.persona {
        true => Play::UntilStopped,
        false => Play::Finish,
    };
    let hall = Hall::open(4, script).await;
    silent.set(hall.personas[1]).unwrap();
    let said = hall.say("@p0 and @p1, good morning").await;
    hall.comes_to_rest().await;
    let spoke: Vec<_> = hall.turns_about(&said).into_iter().filter(|turn| turn.state == TurnState::Spoke).collect();
    let later = spoke.iter().find(|turn| turn.persona != hall.personas[0]).unwrap();
    assert_eq!((spoke.len(), hall.of(1, &said).state), (2, TurnState::Lost));
    let took_in = hall.turns().into_iter().filter(|turn| turn.persona == later.persona);
    assert_eq!(took_in.filter(|turn| turn.state == TurnState::Coalesced).count(), 1, "its receipt says so");
    let told = prompt(&hall, later);
    assert!(told.starts_with("@p0 and @p1, good morning") && told.contains("p0: an answer to owner"), "{told}");
    assert!(!prompt(&hall, &hall.of(0, &said)).contains("an answer"), "the first knew of none");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_message_takes_the_place_of_one_that_has_the_floor_but_has_not_begun() {
    let rules = RoomRules { speakers: 1, ..RoomRules::default() };
    let script = |order: &Order| match order.work.message.sender.as_str() {
        "owner" => Play::Finish,
        _ => Play::Take(Duration::from_secs(20)),
    };
    let hall = Hall::under(rules, 5, script).await;
    // All four slots are taken.
    for busy in &hall.personas[1..] {
        hall.house.give(*busy, 900).await;
    }
    until(|| hall.house.seen.running().len() == 4).await;
    let first = hall.say("@p0, I have a question").await;
    until(|| hall.of(0, &first).state == TurnState::Granted).await;
    let second = hall.say("@p0, about engines").await;
    until(|| hall.of(0, &second).state == TurnState::Spoke).await;
    until(|| hall.turns().iter().all(|turn| !turn.state.is_open())).await;
    let (old, new) = (hall.of(0, &first), hall.of(0, &second));
    assert_eq!((old.state, old.why.as_str()), (TurnState::Coalesced, "a newer message took its place"));
    assert_eq!((hall.answers_to(&first).len(), hall.answers_to(&second).len()), (0, 1));
    assert!(prompt(&hall, &new).contains("owner: @p0, I have a question"));
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_never_settles_holds_up_no_other() {
    let hall = Hall::open(2, |_| Play::Finish).await;
    let new = NewRoom {
        name: "Workshop".to_owned(),
        topic: String::new(),
        personas: hall.personas.clone(),
        people: Vec::new(),
    };
    let other = hall.house.company.create_room(new, &hall.house.by()).await.unwrap();
    hall.say("Good morning").await;
    // What is read of the first room stays as it is now: all that is decided about it comes too late, again and again.
    hall.house.records.stand_still(hall.room.id).await;
    until(|| hall.house.records.looks(hall.room.id) > 1_000).await;
    let saying =
        NewSaying { room: other.id, author: Author::person("owner"), text: "And here?".to_owned(), correlation: None };
    hall.house.company.say(saying, &hall.house.by()).await.unwrap();
    let answered = || hall.house.test.store.room_talk(other.id).len() > 1;
    for _ in 0..500 {
        settle().await;
        tokio::time::advance(Duration::from_millis(1)).await;
        if answered() {
            break;
        }
    }
    assert!(answered(), "{:?}", hall.house.test.store.turns(other.id));
    hall.close().await;
}

/// Somebody corrects what waits for a word, whatever is done just then.
#[tokio::test(start_paused = true)]
async fn what_is_corrected_while_a_persona_thinks_about_it_is_thought_about_again() {
    let mut corrected = 0;
    for nth in 1.. {
        let rules = RoomRules { speakers: 1, ..RoomRules::default() };
        let hall = Hall::under(rules, 2, |_| Play::Finish).await;
        let store = hall.house.test.store.clone();
        let (told, counted) = std::sync::mpsc::channel();
        hall.house.test.world.interrupt(nth, move || {
            for goal in store.goals().into_iter().filter(|goal| goal.parked_on == Some(ParkedOn::Room)) {
                let (id, title, payload, proof) = (goal.id, goal.title, goal.payload, goal.proof);
                let change = Change::GoalCorrected { id, title, payload, proof, at_ms: goal.updated_ms };
                store.seed(Commit { changes: vec![change], ..Commit::default() }).unwrap();
                told.send(()).unwrap();
            }
        });
        hall.say("Good morning").await;
        hall.comes_to_rest().await;
        if hall.house.test.world.is_uninterrupted() {
            assert!(corrected > 3, "some were corrected in between");
            return;
        }
        corrected += counted.try_iter().count();
        for turn in hall.turns() {
            assert!(!turn.thought.is_empty(), "corrected at reading {nth}: {turn:?}");
        }
        hall.close().await;
    }
}
