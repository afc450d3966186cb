//! Rooms: members, talk and turns are kept, found and guarded the same in every store.

use actors::{
    domain::{
        Author, GoalState, Member, Message, PersonId, PersonaId, Room, RoomId, RoomMessage, RoomStatus, RoomTurn,
        RunId, TurnState,
    },
    ports::{Change, Commit, Guard, RoomChange, RoomGuard},
    testing,
};
use greenroom::storage::Db;

use super::{
    on_both_databases, on_every_store,
    stores::{Store, moved},
};

on_every_store! {
    a_room_its_members_and_its_talk_are_kept
    turns_are_found_by_room_and_by_goal
    names_versions_keys_and_turns_are_guarded
}

mod on_databases {
    use super::*;
    on_both_databases! { what_names_no_room_is_refused_alone }
    use super::what_names_no_room_is_refused_alone;
}

fn change(changes: Vec<RoomChange>) -> Commit {
    Commit { changes: changes.into_iter().map(Change::Room).collect(), ..Commit::default() }
}

fn guarded(guard: RoomGuard, change: RoomChange) -> Commit {
    Commit { guards: vec![Guard::Room(guard)], changes: vec![Change::Room(change)], ..Commit::default() }
}

fn person() -> Member {
    Member::Person { id: PersonId::from([7; 16]), name: "owner".to_owned() }
}

/// A room with ada in it.
async fn studio(store: &Store) -> Room {
    let ada = store.persona("ada").await;
    let room = testing::room(&*store.world, "The  Studio");
    let joined = |member, at_ms| RoomChange::Joined { room: room.id, member, at_ms };
    store
        .commit(change(vec![
            RoomChange::Created(Box::new(room.clone())),
            joined(Member::Persona { id: ada.id }, 1),
            joined(person(), 2),
            joined(person(), 3),
        ]))
        .await;
    room
}

fn said(store: &Store, room: &Room, text: &str) -> RoomMessage {
    testing::room_message(&*store.world, room, Author::person("owner"), text)
}

/// A turn about a message, with the goal it is named by.
async fn turn(store: &Store, about: &RoomMessage) -> (RoomTurn, Message) {
    let ada = store.persona(&format!("p{}", about.id.0.simple())).await;
    let (_, message) = store.goal(ada.id).await;
    let turn = testing::turn(&*store.world, about, &message);
    store.commit(change(vec![RoomChange::TurnOpened(Box::new(turn.clone()))])).await;
    (turn, message)
}

async fn a_room_its_members_and_its_talk_are_kept(store: Store) {
    let room = studio(&store).await;
    let goal = store.goal(store.persona("bo").await.id).await.0;
    let first = RoomMessage { correlation: Some("one".to_owned()), ..said(&store, &room, "Hello\0 <b>there</b> ä") };
    let answer = RoomMessage {
        author: Author::Persona { id: goal.persona, name: "Bo".to_owned() },
        goal: Some(goal.id),
        reply_to: Some(first.id),
        shown_by: Some((RunId::from([5; 16]), actors::domain::Hash([6; 32]))),
        ..said(&store, &room, "As you wish")
    };
    let third = RoomMessage {
        author: Author::Person { id: Some(PersonId::from([7; 16])), name: "owner".to_owned() },
        ..said(&store, &room, "Thanks")
    };
    for message in [&first, &answer, &third] {
        store.commit(change(vec![RoomChange::Said(Box::new(message.clone()))])).await;
    }
    let changed = Room {
        name: "Workshop".to_owned(),
        topic: "Tools".to_owned(),
        status: RoomStatus::Archived,
        version: 2,
        updated_ms: room.updated_ms + 5,
        ..room.clone()
    };
    store.commit(change(vec![RoomChange::Updated(Box::new(changed.clone()))])).await;
    let store = store.reopened_if_it_can_be().await;
    let records = &store.records;
    assert_eq!(records.room(room.id).await.unwrap(), Some(changed));
    let members = records.room_members(room.id).await.unwrap();
    assert_eq!((members.len(), &members[1]), (2, &person()), "who is there already stays");
    let ada = members[0].persona().unwrap();
    assert_eq!(records.rooms_of(ada).await.unwrap(), [room.id]);
    let talk = records.room_talk(room.id, 10, None).await.unwrap();
    assert_eq!((&talk[0], &talk[1]), (&third, &answer));
    assert_eq!(talk[2].text.replace('\u{fffd}', "\0"), first.text, "PostgreSQL keeps no NUL");
    let before = records.room_talk(room.id, 1, Some(answer.id)).await.unwrap();
    assert_eq!(before.iter().map(|said| said.id).collect::<Vec<_>>(), [first.id]);
    assert_eq!(records.room_keyed(room.id, "one").await.unwrap().map(|said| said.id), Some(first.id));
    assert_eq!(records.room_message(answer.id).await.unwrap(), Some(answer));
    store.commit(change(vec![RoomChange::Left { room: room.id, member: person() }])).await;
    assert_eq!(store.records.room_members(room.id).await.unwrap(), [Member::Persona { id: ada }]);
    assert!(store.records.room_keyed(room.id, "two").await.unwrap().is_none());
}

async fn turns_are_found_by_room_and_by_goal(store: Store) {
    let room = studio(&store).await;
    let (one, two) = (said(&store, &room, "One"), said(&store, &room, "Two"));
    for message in [&one, &two] {
        store.commit(change(vec![RoomChange::Said(Box::new(message.clone()))])).await;
    }
    let ((first, _), (second, message)) = (turn(&store, &one).await, turn(&store, &two).await);
    let third = RoomTurn { goal: store.goal(second.persona).await.0.id, ..second.clone() };
    store.commit(change(vec![RoomChange::TurnOpened(Box::new(third.clone()))])).await;
    let granted = RoomTurn {
        state: TurnState::Granted,
        thought: "I know it.".to_owned(),
        relevance: 640,
        named: true,
        reluctant: true,
        granted_ms: Some(9),
        moved_ms: 9,
        ..second.clone()
    };
    let passed = RoomTurn { state: TurnState::Passed, why: "others spoke".to_owned(), ..third.clone() };
    let over = RoomTurn { state: TurnState::Spoke, granted_ms: Some(4), ..first.clone() };
    let moves = [&granted, &passed, &over].map(|turn| RoomChange::TurnMoved(Box::new(turn.clone())));
    store.commit(change(moves.to_vec())).await;
    let store = store.reopened_if_it_can_be().await;
    let records = &store.records;
    assert_eq!(records.turn(second.goal).await.unwrap(), Some(granted.clone()));
    let seats = records.rounds(room.id).await.unwrap();
    let turns: Vec<_> = seats.iter().map(|seat| seat.turn.clone()).collect();
    assert_eq!(turns, [granted.clone(), passed], "all of a message with an open turn, none of one without");
    assert_eq!((seats[0].goal.id, seats[0].goal.state), (message.goal, GoalState::Pending));
    assert_eq!(records.rooms_with_turns().await.unwrap(), [room.id]);
    assert_eq!(records.granted_turns(room.id, 10).await.unwrap(), [granted.clone(), over]);
    assert_eq!(records.granted_turns(room.id, 1).await.unwrap(), std::slice::from_ref(&granted));
    let lost = RoomTurn { state: TurnState::Lost, ..granted };
    store.commit(change(vec![RoomChange::TurnMoved(Box::new(lost))])).await;
    assert!(store.records.rounds(room.id).await.unwrap().is_empty());
    assert!(store.records.rooms_with_turns().await.unwrap().is_empty());
    if let Some(storage) = &store.storage {
        is_read_by_pages(&storage.db, &room, [&one, &two], first.persona).await;
    }
}

async fn is_read_by_pages(db: &Db, room: &Room, [one, two]: [&RoomMessage; 2], persona: PersonaId) {
    assert_eq!(db.turns_about(&[one.id, two.id]).await.unwrap().len(), 3);
    assert!(db.open_turns().await.unwrap().is_empty());
    let last = db.last_said(&[room.id, RoomId::from([9; 16])]).await.unwrap();
    assert_eq!(last.into_iter().collect::<Vec<_>>(), [(room.id, two.clone())]);
    let twice = [persona, PersonaId::from([9; 16]), persona];
    let among = db.personas_among(twice).await.unwrap();
    assert_eq!(among.iter().map(|one| one.id).collect::<Vec<_>>(), [persona]);
    let names = db.persona_names(1).await.unwrap();
    assert_eq!((names.len(), names[0].0), (1, db.personas(false).await.unwrap()[0].id));
    assert_eq!(db.room_named(" the studio ").await.unwrap().unwrap().id, room.id);
    assert_eq!(db.room_named(&room.id.to_string()).await.unwrap().unwrap().id, room.id);
    assert!(db.room_named("nowhere\0").await.unwrap().is_none());
}

async fn names_versions_keys_and_turns_are_guarded(store: Store) {
    let room = studio(&store).await;
    let other = Room { name: "other".to_owned(), ..testing::room(&*store.world, "other") };
    let create = |name: &str, room: &Room| {
        guarded(RoomGuard::NameFree(Room::name_key(name)), RoomChange::Created(Box::new(room.clone())))
    };
    let same = Room { name: "the studio".to_owned(), ..testing::room(&*store.world, "x") };
    let answers = store.write(vec![create(&same.name, &same), create("other", &other), create("OTHER", &same)]).await;
    let free = |name: &str| Guard::Room(RoomGuard::NameFree(name.to_owned()));
    assert_eq!(answers[0].as_ref().unwrap_err().guard, free("the studio"));
    assert!(answers[1].is_ok());
    assert_eq!(answers[2].as_ref().unwrap_err().guard, free("other"), "its neighbour took it");

    let next = |version: i64| {
        let room = Room { version: version + 1, ..room.clone() };
        guarded(RoomGuard::Version(room.id, version), RoomChange::Updated(Box::new(room)))
    };
    let answers = store.write(vec![next(1), next(1), next(2)]).await;
    assert_eq!([0, 1, 2].map(|at| answers[at].is_ok()), [true, false, true]);

    let keyed = |key: &str| {
        let message = RoomMessage { correlation: Some(key.to_owned()), ..said(&store, &room, "Hello") };
        guarded(RoomGuard::KeyFree(room.id, key.to_owned()), RoomChange::Said(Box::new(message)))
    };
    let answers = store.write(vec![keyed("a"), keyed("a"), keyed("b")]).await;
    assert_eq!([0, 1, 2].map(|at| answers[at].is_ok()), [true, false, true]);
    assert!(store.write(vec![keyed("b")]).await[0].is_err(), "known also later");

    let about = said(&store, &room, "Well?");
    store.commit(change(vec![RoomChange::Said(Box::new(about.clone()))])).await;
    let (asked, _) = turn(&store, &about).await;
    let grant = || {
        let turn = RoomTurn { state: TurnState::Granted, ..asked.clone() };
        guarded(RoomGuard::TurnIs(asked.goal, TurnState::Asked), RoomChange::TurnMoved(Box::new(turn)))
    };
    let answers = store.write(vec![grant(), grant()]).await;
    assert_eq!([0, 1].map(|at| answers[at].is_ok()), [true, false], "nothing is granted twice");
    let store = store.reopened_if_it_can_be().await;
    let again = guarded(RoomGuard::TurnIs(asked.goal, TurnState::Asked), RoomChange::TurnMoved(Box::new(asked)));
    assert!(store.write(vec![again]).await[0].is_err());
}

async fn what_names_no_room_is_refused_alone(store: Store) {
    let room = studio(&store).await;
    let lost = testing::room(&*store.world, "lost");
    let goal = store.goal(store.persona("bo").await.id).await.0;
    let about = said(&store, &room, "Well?");
    let nowhere = testing::turn(&*store.world, &about, &testing::message(&*store.world, &goal));
    let answers = store
        .write(vec![
            change(vec![RoomChange::Said(Box::new(said(&store, &lost, "Hello")))]),
            change(vec![RoomChange::Joined { room: lost.id, member: person(), at_ms: 1 }]),
            change(vec![RoomChange::TurnMoved(Box::new(nowhere))]),
            change(vec![RoomChange::Created(Box::new(Room { name: "THE STUDIO".to_owned(), ..lost.clone() }))]),
            change(vec![RoomChange::Said(Box::new(about))]),
            Commit { changes: vec![Change::GoalMoved(moved(&goal, GoalState::Done))], ..Commit::default() },
        ])
        .await;
    assert_eq!([0, 1, 2, 3, 4, 5].map(|at| answers[at].is_ok()), [false, false, false, false, true, true]);
}
