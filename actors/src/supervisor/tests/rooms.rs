//! Rooms: who answers, who passes, what a fall or a late speaker means, and that everything is accounted for.

mod moods;
mod order;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;

use super::harness::{House, Play, limits, new_persona, settle, until};
use crate::{
    domain::{
        Author, GoalState, Limits, Member, MessageState, PersonId, PersonaId, Phase, Profile, Room, RoomId,
        RoomMessage, RoomRules, RoomStatus, RoomTurn, TurnState,
    },
    persona::carrier::Order,
    supervisor::{
        CommandError, NewPersona,
        rooms::{NewRoom, NewSaying, RoomPatch, Said},
    },
    testing::TestPorts,
};

/// A house with one room and so many personas in it: `p0`, `p1`, …
struct Hall {
    house: House,
    room: Room,
    personas: Vec<PersonaId>,
}

fn with_rules(rules: RoomRules) -> Limits {
    Limits { rooms: rules, ..limits(4) }
}

impl Hall {
    async fn open(many: usize, script: impl Fn(&Order) -> Play + Send + Sync + 'static) -> Self {
        Self::under(RoomRules::default(), many, script).await
    }

    async fn under(rules: RoomRules, many: usize, script: impl Fn(&Order) -> Play + Send + Sync + 'static) -> Self {
        Self::within(with_rules(rules), many, script).await
    }

    async fn within(limits: Limits, many: usize, script: impl Fn(&Order) -> Play + Send + Sync + 'static) -> Self {
        let house = House::open_on(TestPorts::obliging(), limits, script).await;
        let mut personas = Vec::new();
        for number in 0..many {
            let topics = if number == 3 { vec!["engines".to_owned()] } else { Vec::new() };
            let new =
                NewPersona { profile: Profile { topics, ..Profile::default() }, ..new_persona(&format!("p{number}")) };
            personas.push(house.company.create_persona(new, &house.by()).await.unwrap().id);
        }
        let new = NewRoom {
            name: "Studio".to_owned(),
            topic: String::new(),
            personas: personas.clone(),
            people: vec![(PersonId::from([1; 16]), "owner".to_owned())],
        };
        let room = house.company.create_room(new, &house.by()).await.unwrap();
        Self { house, room, personas }
    }

    /// From now on everybody finds every answer of another worth answering.
    async fn everybody_knows_answers(&self) {
        for id in &self.personas {
            let persona = self.house.test.store.personas().into_iter().find(|persona| persona.id == *id).unwrap();
            let profile = Profile { topics: vec!["answer".to_owned()], ..persona.profile };
            let patch = crate::supervisor::PersonaPatch { profile: Some(profile), ..Default::default() };
            self.house.company.update_persona(*id, persona.version, patch, &self.house.by()).await.unwrap();
        }
    }

    async fn try_say(&self, text: &str) -> Result<Said, CommandError> {
        let saying =
            NewSaying { room: self.room.id, author: Author::person("owner"), text: text.to_owned(), correlation: None };
        self.house.company.say(saying, &self.house.by()).await
    }

    async fn say(&self, text: &str) -> RoomMessage {
        self.try_say(text).await.unwrap().message
    }

    fn talk(&self) -> Vec<RoomMessage> {
        self.house.test.store.room_talk(self.room.id)
    }

    fn turns(&self) -> Vec<RoomTurn> {
        self.house.test.store.turns(self.room.id)
    }

    fn turns_about(&self, said: &RoomMessage) -> Vec<RoomTurn> {
        self.turns().into_iter().filter(|turn| turn.about == said.id).collect()
    }

    fn answers_to(&self, said: &RoomMessage) -> Vec<RoomMessage> {
        self.talk().into_iter().filter(|other| other.reply_to == Some(said.id)).collect()
    }

    fn of(&self, persona: usize, said: &RoomMessage) -> RoomTurn {
        let id = self.personas[persona];
        self.turns_about(said).into_iter().find(|turn| turn.persona == id).unwrap()
    }

    /// Nothing is open any more, and every message and turn is accounted for by a receipt.
    async fn comes_to_rest(&self) {
        until(|| self.turns().iter().all(|turn| !turn.state.is_open())).await;
        settle().await;
        let store = &self.house.test.store;
        let messages = store.messages();
        self.house.accounts_for(messages.len());
        assert!(messages.iter().all(|m| !matches!(m.state, MessageState::Waiting | MessageState::Running)));
        let turns = self.turns();
        let heard: BTreeSet<_> = messages.iter().map(|message| message.id).collect();
        assert_eq!(turns.iter().map(|turn| turn.message).collect::<BTreeSet<_>>(), heard, "one turn for each");
        for turn in turns {
            let about = store.receipts().into_iter().filter(|receipt| receipt.goal == Some(turn.goal));
            let phases: Vec<_> = about.filter_map(|receipt| receipt.phase).collect();
            match turn.state {
                TurnState::Passed | TurnState::Lost => assert!(phases.contains(&Phase::Skipped), "{turn:?}"),
                TurnState::Coalesced => assert!(phases.contains(&Phase::Coalesced), "{turn:?}"),
                _ => assert_eq!(turn.state, TurnState::Spoke),
            }
            let answers = self.talk().into_iter().filter(|said| said.goal == Some(turn.goal)).count();
            assert_eq!(answers, usize::from(turn.state == TurnState::Spoke), "{turn:?}");
        }
    }

    async fn close(self) {
        self.house.company.end().await;
    }
}

fn states(turns: &[RoomTurn]) -> BTreeMap<TurnState, usize> {
    turns.iter().fold(BTreeMap::new(), |mut count, turn| {
        *count.entry(turn.state).or_default() += 1;
        count
    })
}

#[tokio::test(start_paused = true)]
async fn of_fourteen_two_answer_a_person_within_ten_seconds_and_the_rest_passes() {
    let hall = Hall::open(14, |_| Play::Take(Duration::from_secs(1))).await;
    let asked = Instant::now();
    let said = hall.say("Good morning, who is here?").await;
    until(|| !hall.answers_to(&said).is_empty()).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    hall.comes_to_rest().await;
    assert_eq!(states(&hall.turns_about(&said)), BTreeMap::from([(TurnState::Spoke, 2), (TurnState::Passed, 12)]));
    let answers = hall.answers_to(&said);
    assert!(answers.iter().all(|answer| answer.text == "an answer to owner" && answer.goal.is_some()));
    for turn in hall.turns_about(&said) {
        assert!(!turn.thought.is_empty() && turn.relevance > 0, "everybody said what it would do: {turn:?}");
    }
    assert!(hall.house.seen.most.load(std::sync::atomic::Ordering::SeqCst) <= 2, "no more had a slice");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_named_or_knows_the_topic_gets_the_floor() {
    let hall = Hall::open(14, |_| Play::Finish).await;
    let said = hall.say("@p7, what do you say about engines?").await;
    hall.comes_to_rest().await;
    let spoke: BTreeSet<_> = hall.answers_to(&said).iter().map(|answer| answer.author.name().to_owned()).collect();
    assert_eq!(spoke, BTreeSet::from(["p3".to_owned(), "p7".to_owned()]));
    let (named, knows) = (hall.of(7, &said), hall.of(3, &said));
    assert_eq!((named.relevance, named.thought.as_str()), (1_000, "owner names me."));
    assert!(knows.thought.contains("engines"));
    let message = |turn: &RoomTurn| {
        hall.house.test.store.messages().into_iter().find(|message| message.id == turn.message).unwrap()
    };
    let priorities = [&named, &knows, &hall.of(0, &said)].map(|turn| message(turn).priority.thousandths());
    assert_eq!(priorities, [900, 700, 500], "each inbox has its own");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_floor_goes_round() {
    let hall = Hall::open(6, |_| Play::Finish).await;
    let mut spoke = Vec::new();
    for text in ["Good morning", "Fine weather", "So be it"] {
        let said = hall.say(text).await;
        hall.comes_to_rest().await;
        spoke.extend(hall.answers_to(&said).iter().map(|answer| answer.author.name().to_owned()));
        // Else those who took part are closer to what follows.
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(spoke.len(), 6);
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_speaker_that_fails_or_falls_silent_is_followed_by_the_next() {
    let personas: Arc<OnceLock<Vec<PersonaId>>> = Arc::default();
    let known = personas.clone();
    let script = move |order: &Order| match known.get().unwrap().iter().position(|id| *id == order.work.goal.persona) {
        Some(7) => Play::UntilStopped,
        Some(3) => Play::OpenCircuit,
        _ => Play::Finish,
    };
    let hall = Hall::open(14, script).await;
    personas.set(hall.personas.clone()).unwrap();
    let said = hall.say("@p7, what do you say about engines?").await;
    hall.comes_to_rest().await;
    assert_eq!(hall.of(7, &said).why, "it brought no answer within 30 s");
    assert!(hall.of(3, &said).why.starts_with("its goal is failed"), "{:?}", hall.of(3, &said));
    assert_eq!(hall.answers_to(&said).len(), 2, "a person still gets the answers");
    assert_eq!(states(&hall.turns_about(&said))[&TurnState::Lost], 2);
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_can_answer_and_it_still_ends() {
    let hall = Hall::open(14, |_| Play::UntilStopped).await;
    let said = hall.say("Anybody?").await;
    hall.comes_to_rest().await;
    let rules = RoomRules::default();
    let most = (rules.speakers + rules.regrants) as usize;
    assert_eq!(
        states(&hall.turns_about(&said)),
        BTreeMap::from([(TurnState::Lost, most), (TurnState::Passed, 14 - most)])
    );
    assert!(hall.talk().len() == 1);
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_one_is_not_waited_for_and_passes() {
    let hall = Hall::open(3, |_| Play::Finish).await;
    hall.house.company.pause(hall.personas[1], &hall.house.by()).await.unwrap();
    let asked = Instant::now();
    let said = hall.say("@p1, are you there?").await;
    until(|| hall.answers_to(&said).len() == 2).await;
    assert!(asked.elapsed() < RoomRules::default().window, "the window closed early: {:?}", asked.elapsed());
    hall.comes_to_rest().await;
    let paused = hall.of(1, &said);
    assert_eq!((paused.state, paused.why.as_str()), (TurnState::Passed, "it is paused"));
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_one_question() {
    let hall = Hall::open(3, |_| Play::Take(Duration::from_secs(5))).await;
    hall.house.company.pause(hall.personas[0], &hall.house.by()).await.unwrap();
    let first = hall.say("@p0, I have a question").await;
    let second = hall.say("about engines").await;
    hall.comes_to_rest().await;
    let (old, new) = (hall.of(0, &first), hall.of(0, &second));
    assert_eq!((old.state, old.why.as_str()), (TurnState::Coalesced, "a newer message took its place"));
    assert!(new.named, "the burst names it");
    let messages = hall.house.test.store.messages();
    let of = |turn: &RoomTurn| messages.iter().find(|message| message.id == turn.message).unwrap();
    assert_eq!(of(&old).state, MessageState::Coalesced);
    assert_eq!(of(&new).priority, of(&old).priority, "the highest");
    assert_eq!(of(&new).received_ms, of(&old).received_ms, "the oldest");
    let coalesced = messages.iter().filter(|message| message.state == MessageState::Coalesced).count();
    assert_eq!(hall.house.company.inbox_figures().coalesced, coalesced as u64, "the figures know them all");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_concerns_nobody_is_answered_by_nobody() {
    let hall = Hall::open(4, |_| Play::Finish).await;
    // "an answer to owner" names no persona; talk of engines concerns p3.
    let said = hall.say("@p0, engines").await;
    hall.comes_to_rest().await;
    assert_eq!(hall.answers_to(&said).len(), 2);
    let among: Vec<_> = hall.turns().into_iter().filter(|turn| !turn.from_person).collect();
    assert_eq!(among.len(), 6, "every answer was heard by the three others");
    assert!(among.iter().all(|turn| matches!(turn.state, TurnState::Passed | TurnState::Coalesced)), "{among:?}");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn chatter_among_personas_is_limited_per_minute_and_ends_without_people() {
    let rules = RoomRules { persona_turns_per_minute: 3, silence_after: 6, ..RoomRules::default() };
    let hall = Hall::under(rules.clone(), 5, |_| Play::Finish).await;
    hall.everybody_knows_answers().await;
    hall.say("Good morning").await;
    for _ in 0..10 {
        hall.comes_to_rest().await;
        tokio::time::advance(Duration::from_secs(61)).await;
    }
    let talk = hall.talk();
    let silent = talk.iter().rev().take_while(|said| !said.author.is_person()).count();
    assert!(silent > 2, "personas answered each other: {silent}");
    assert!(silent <= rules.silence_after as usize, "{silent} messages without a person");
    let granted: Vec<_> =
        hall.turns().iter().filter(|turn| !turn.from_person).filter_map(|turn| turn.granted_ms).collect();
    for at_ms in &granted {
        let minute = granted.iter().filter(|other| (*at_ms..at_ms + 60_000).contains(*other)).count();
        assert!(minute <= rules.persona_turns_per_minute as usize, "{minute} in a minute");
    }
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_comes_before_what_personas_have_to_say_to_each_other() {
    // The second answer takes so long that a third is still to be given when the person speaks again.
    let rules = RoomRules { speakers: 1, ..RoomRules::default() };
    let script = |order: &Order| match order.work.message.sender.as_str() {
        "owner" => Play::Finish,
        _ => Play::Take(Duration::from_secs(600)),
    };
    let hall = Hall::under(rules, 4, script).await;
    hall.everybody_knows_answers().await;
    hall.say("Good morning").await;
    until(|| hall.turns().iter().any(|turn| !turn.from_person && turn.state == TurnState::Granted)).await;
    let asked = Instant::now();
    let said = hall.say("And now?").await;
    until(|| !hall.answers_to(&said).is_empty()).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let among = hall.turns().into_iter().filter(|turn| !turn.from_person && turn.opened_ms < said.at_ms);
    for turn in among {
        assert!(!matches!(turn.state, TurnState::Asked | TurnState::Meant), "{turn:?}");
    }
    hall.comes_to_rest().await;
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_start_goes_on_where_a_crash_came_between() {
    let hall = Hall::open(4, |_| Play::UntilStopped).await;
    let said = hall.say("Anybody?").await;
    until(|| states(&hall.turns_about(&said)).get(&TurnState::Granted) == Some(&2)).await;
    let Hall { house, room, personas } = hall;
    let test = house.test.clone();
    house.company.end().await;
    let granted: BTreeSet<_> =
        test.store.turns(room.id).iter().filter(|t| t.granted_ms.is_some()).map(|t| t.goal).collect();
    let house = House::open_on(test, with_rules(RoomRules::default()), |_| Play::Finish).await;
    let hall = Hall { house, room, personas };
    hall.comes_to_rest().await;
    let spoke: BTreeSet<_> = hall.answers_to(&said).iter().filter_map(|answer| answer.goal).collect();
    assert_eq!(spoke, granted, "the same, once each");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_has_too_much_to_do_goes_last_but_answers_to_its_name() {
    let rules = RoomRules { speakers: 1, ..RoomRules::default() };
    let script = |order: &Order| match order.work.message.sender.as_str() {
        "owner" => Play::Finish,
        _ => Play::Take(Duration::from_secs(20)),
    };
    let hall = Hall::under(rules, 2, script).await;
    for _ in 0..100 {
        hall.house.give(hall.personas[0], 500).await;
    }
    let said = hall.say("Who has time?").await;
    until(|| !hall.answers_to(&said).is_empty()).await;
    assert!(hall.of(0, &said).reluctant && hall.of(0, &said).thought.starts_with("It is a question; I am overwhelmed"));
    assert_eq!(hall.answers_to(&said)[0].author.name(), "p1");
    let said = hall.say("@p0, and you?").await;
    let asked = Instant::now();
    until(|| !hall.answers_to(&said).is_empty()).await;
    assert_eq!(hall.answers_to(&said)[0].author.name(), "p0");
    assert!(asked.elapsed() < Duration::from_secs(30), "before its hundred goals: {:?}", asked.elapsed());
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_said_twice_under_one_key_is_said_once() {
    let hall = Hall::open(2, |_| Play::Finish).await;
    let saying = NewSaying {
        room: hall.room.id,
        author: Author::Person { id: Some(PersonId::from([9; 16])), name: "guest".to_owned() },
        text: "Hello".to_owned(),
        correlation: Some("once".to_owned()),
    };
    let (by, company) = (hall.house.by(), &hall.house.company);
    let (one, two) = tokio::join!(company.say(saying.clone(), &by), company.say(saying, &by));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.message.id, one.repeated, two.repeated), (two.message.id, false, true));
    let members = crate::ports::RoomRecords::room_members(&*hall.house.test.store, hall.room.id).await.unwrap();
    assert!(
        members.iter().any(|m| matches!(m, Member::Person { name, .. } if name == "guest")),
        "speaking is coming in"
    );
    hall.comes_to_rest().await;
    hall.close().await;
}

/// The field or thing that a refusal is about.
fn about(refused: &CommandError) -> String {
    match refused {
        CommandError::Invalid { field, .. } => field.clone(),
        CommandError::NotFound { what, .. } => (*what).to_owned(),
        CommandError::Conflict(text) => text.clone(),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_with_its_field() {
    let hall = Hall::open(2, |_| Play::Finish).await;
    let (company, by) = (&hall.house.company, hall.house.by());
    let (one, gone) = (hall.personas[0], hall.house.persona("gone").await);
    company.delete_persona(gone, &by).await.unwrap();
    let new = |name: &str, personas: Vec<PersonaId>| NewRoom {
        name: name.to_owned(),
        topic: String::new(),
        personas,
        people: Vec::new(),
    };
    let nobody = PersonaId::from([8; 16]);
    for (room, field) in [
        (new("Empty", Vec::new()), "personas"),
        (new(" \t", vec![one]), "name"),
        (new(&"n".repeat(81), vec![one]), "name"),
        (new("  STUDIO ", vec![one]), "name"),
        (new("Other", vec![one, one]), "personas[1]"),
        (new("Other", vec![one, nobody]), "personas[1]"),
        (new("Other", vec![gone]), "personas[0]"),
        (NewRoom { topic: "t".repeat(501), ..new("Other", vec![one]) }, "topic"),
    ] {
        let refused = company.create_room(room.clone(), &by).await.unwrap_err();
        assert_eq!(about(&refused), field, "{room:?}");
    }
    for text in ["", " \n", &"x".repeat(4_001)] {
        assert_eq!(about(&hall.try_say(text).await.unwrap_err()), "text");
    }
    let id = hall.room.id;
    let persona = |id| Member::Persona { id };
    assert_eq!(about(&company.join_room(id, vec![persona(gone)], &by).await.unwrap_err()), "personas[0]");
    assert_eq!(about(&company.leave_room(id, persona(nobody), &by).await.unwrap_err()), "member");
    let lost = RoomId::from([7; 16]);
    assert_eq!(about(&company.join_room(lost, vec![persona(one)], &by).await.unwrap_err()), "room");
    let renamed = RoomPatch { name: Some("Workshop".to_owned()), ..RoomPatch::default() };
    assert!(matches!(company.update_room(id, 7, renamed.clone(), &by).await, Err(CommandError::Conflict(_))));
    assert_eq!(company.update_room(id, 1, renamed, &by).await.unwrap().version, 2);

    company.set_room_status(id, RoomStatus::Archived, &by).await.unwrap();
    assert!(about(&hall.try_say("Hello").await.unwrap_err()).contains("archived"));
    company.set_room_status(id, RoomStatus::Active, &by).await.unwrap();
    for persona in &hall.personas {
        company.leave_room(id, Member::Persona { id: *persona }, &by).await.unwrap();
    }
    assert_eq!(about(&hall.try_say("Hello").await.unwrap_err()), "room", "nobody is there to hear it");
    company.join_room(id, vec![persona(one)], &by).await.unwrap();
    company.delete_persona(one, &by).await.unwrap();
    assert_eq!(about(&hall.try_say("Hello").await.unwrap_err()), "room", "who is deleted hears nothing");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_persona_or_goal_goes_away_is_over() {
    let hall = Hall::open(4, |_| Play::Take(Duration::from_secs(5))).await;
    let said = hall.say("@p0 and @p1 and @p2?").await;
    until(|| states(&hall.turns_about(&said)).get(&TurnState::Granted) == Some(&2)).await;
    let granted: Vec<_> = hall.turns_about(&said).into_iter().filter(|turn| turn.state == TurnState::Granted).collect();
    let by = hall.house.by();
    hall.house.company.delete_persona(granted[0].persona, &by).await.unwrap();
    hall.house.company.cancel_goal(granted[1].goal, &by).await.unwrap();
    hall.comes_to_rest().await;
    assert_eq!(hall.answers_to(&said).len(), 2, "the next ones answered");
    let retried = hall.house.company.retry_goal(granted[1].goal, &by).await.unwrap_err();
    assert!(retried.to_string().contains("room"), "{retried}");
    hall.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_room_costs_nothing() {
    let hall = Arc::new(Hall::open(3, |_| Play::Finish).await);
    hall.say("Good morning").await;
    hall.comes_to_rest().await;
    // Everybody has gone to sleep.
    until(|| hall.house.company.figures().awake == 0).await;
    let reads = || hall.personas.iter().map(|id| hall.house.records.reads(*id)).sum::<u32>();
    let before = (reads(), hall.house.test.store.batches().len());
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(60)).await;
        settle().await;
    }
    assert_eq!(reads(), before.0);
    // Once an hour the heads are sealed.
    assert!(hall.house.test.store.batches().len() - before.1 <= 4);
    let _ = GoalState::Done;
    Arc::into_inner(hall).unwrap().close().await;
}
