//! What people may ask, and what they are told.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{House, Play, new_persona, settle, until, work};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, ChainId, Draft, Effect, Goal, GoalKind, GoalState, MessageState, ParkedOn, Payload,
        PersonaId, PersonaStatus, Phase, Priority, Profile, Proof, QuotaUse, Receipt, RunId, Slug, Unit,
    },
    ports::{Change, Commit, GoalMove, Records, World},
    supervisor::{ActorState, CommandError, Correction, NewPersona, NewWork, PersonaPatch, Resolution, Work},
    testing,
};

fn summaries(house: &House, chain: &ChainId) -> Vec<String> {
    house.test.store.chain(chain).into_iter().filter_map(|receipt| Some(receipt.body?.summary)).collect()
}

fn is_conflict<T>(answer: Result<T, CommandError>, about: &str) -> bool {
    matches!(answer, Err(CommandError::Conflict(text)) if text.contains(about))
}

#[tokio::test(start_paused = true)]
async fn a_slug_is_unique_and_a_change_names_the_version_it_read() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    house.persona("bo").await;
    let (company, by) = (&house.company, house.by());
    assert!(is_conflict(company.create_persona(new_persona("ada"), &by).await, "slug `ada` is taken"));
    let rename = |slug: &str| PersonaPatch { slug: Some(slug.parse().unwrap()), ..PersonaPatch::default() };
    assert!(is_conflict(company.update_persona(ada, 1, rename("bo"), &by).await, "slug `bo` is taken"));
    assert_eq!(company.update_persona(ada, 1, rename("eve"), &by).await.unwrap().version, 2);
    assert!(is_conflict(company.update_persona(ada, 1, rename("kim"), &by).await, "changed meanwhile"));
    until(|| house.line(ada).slug == "eve".parse::<Slug>().unwrap()).await;
    let nameless = PersonaPatch { name: Some("  ".to_owned()), ..PersonaPatch::default() };
    let refused = company.update_persona(ada, 2, nameless, &by).await;
    assert!(matches!(refused, Err(CommandError::Invalid { field, .. }) if field == "name"));
    assert_eq!(summaries(&house, &ChainId::Persona(ada)), ["created by ada", "updated by ada"]);
    assert_eq!(summaries(&house, &ChainId::System(testing::node()))[0], "opened the chain of persona ada");
}

#[tokio::test(start_paused = true)]
async fn a_pause_in_the_middle_of_a_run_gives_the_slice_back() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(600))).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let long = house.give(ada, 500).await.goal.id;
    until(|| house.line(ada).on_stage).await;
    let paused = house.company.pause(ada, &house.by()).await.unwrap();
    assert_eq!((paused.status, house.line(ada).state), (PersonaStatus::Paused, ActorState::Paused));
    assert_eq!(house.company.pause(ada, &house.by()).await.unwrap().version, paused.version, "once is enough");
    let other = house.give(bo, 500).await.goal.id;
    until(|| house.line(bo).on_stage).await;
    assert_eq!(house.test.performer.released(), [ada]);
    house.goal_becomes(other, GoalState::Done).await;
    assert_eq!(house.state(long), GoalState::Running);
    house.company.resume(ada, &house.by()).await.unwrap();
    house.goal_becomes(long, GoalState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_goal_stops_its_run() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    let given = house.give(ada, 500).await.goal.id;
    until(|| house.line(ada).on_stage).await;
    let goal = house.company.cancel_goal(given, &house.by()).await.unwrap();
    assert_eq!((goal.clone(), goal.state), (house.goal(given), GoalState::Cancelled));
    until(|| !house.line(ada).on_stage).await;
    assert!(is_conflict(house.company.cancel_goal(given, &house.by()).await, "already cancelled"));
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(1);
    assert_eq!(house.test.store.messages()[0].state, MessageState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_restart_begins_anew_and_carries_the_run_on() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(30))).await;
    let ada = house.persona("ada").await;
    let given = house.give(ada, 500).await.goal.id;
    until(|| house.line(ada).on_stage).await;
    house.company.restart(ada, &house.by()).await.unwrap();
    house.goal_becomes(given, GoalState::Done).await;
    assert_eq!((house.line(ada).restarts, house.seen.order.lock().unwrap().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_persona_leaves_its_chain_and_nothing_open() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    house.give(ada, 500).await;
    house.give(ada, 500).await;
    until(|| house.line(ada).on_stage).await;
    house.company.delete_persona(ada, &house.by()).await.unwrap();
    assert!(house.test.store.messages().iter().all(|message| message.state == MessageState::Cancelled));
    until(|| house.company.figures().active_personas == 0).await;
    assert_eq!(house.company.figures().registered, 0);
    let late = house.company.deliver(work(ada, 500), &house.by()).await;
    assert!(matches!(late, Err(CommandError::NotFound { what: "persona", .. })));
    assert!(is_conflict(house.company.create_persona(new_persona("ada"), &house.by()).await, "is taken"));
    assert!(!house.test.store.chain(&ChainId::Persona(ada)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_over_can_be_tried_anew() {
    let house =
        House::open(1, |order| if order.work.goal.title == "a line" { Play::Panic } else { Play::Finish }).await;
    let ada = house.persona("ada").await;
    let given = house.give(ada, 500).await.goal.id;
    house.goal_becomes(given, GoalState::Failed).await;
    let version = house.goal(given).version;
    let correction = Correction { version, title: Some("a better line".to_owned()), ..Correction::default() };
    house.company.correct_goal(given, correction, &house.by()).await.unwrap();
    let goal = house.company.retry_goal(given, &house.by()).await.unwrap();
    assert_eq!((goal.state, goal.attempts), (GoalState::Pending, 0));
    house.goal_becomes(given, GoalState::Done).await;
    until(|| house.company.figures().inbox == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_ranked_is_ranked_by_its_text_and_the_receipt_says_why() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let topics = Profile { topics: vec!["tea".to_owned()], ..Profile::default() };
    let ada = NewPersona { name: "Ada L".to_owned(), profile: topics, ..new_persona("ada") };
    let ada = house.company.create_persona(ada, &house.by()).await.unwrap().id;
    let chat =
        |text: &str, priority| NewWork { what: Work::Chat { text: text.to_owned() }, priority, ..work(ada, 500) };
    let given = Priority::try_from(100).unwrap();
    for (text, priority, counts, why) in [
        ("@ada l: tea?", None, 1_000, json!({"base": 500, "named": 400, "expertise": 200, "topic": "tea"})),
        ("hello", None, 500, json!({"base": 500})),
        ("@ada l: tea?", Some(given), 100, Value::Null),
    ] {
        let message = house.company.deliver(chat(text, priority), &house.by()).await.unwrap().message;
        assert_eq!((message.priority.thousandths(), message.scored), (counts, priority.is_none()));
        let receipts = house.test.store.chain(&ChainId::Persona(ada));
        let data = receipts.iter().find(|r| r.goal == Some(message.goal)).unwrap().body.clone().unwrap().data;
        assert_eq!((&data["priority"], &data["priority_because"]), (&json!(counts), &why));
    }
    let goal = house.company.deliver(NewWork { priority: None, ..work(ada, 0) }, &house.by()).await.unwrap();
    assert_eq!((goal.message.priority, goal.message.scored), (Priority::BASE, false), "a goal is not talk");
    let nobody = NewWork { persona: PersonaId(house.test.world.new_id()), ..chat("hello", None) };
    let refused = house.company.deliver(nobody, &house.by()).await;
    assert!(matches!(refused, Err(CommandError::NotFound { what: "persona", .. })));
}

#[tokio::test(start_paused = true)]
async fn wrong_work_is_refused_by_the_name_of_its_field() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let now_ms = house.test.world.now_ms();
    let cases = [
        ("text", NewWork { what: Work::Chat { text: " ".to_owned() }, ..work(ada, 500) }),
        ("correlation", NewWork { correlation: Some(String::new()), ..work(ada, 500) }),
        ("serve_by_ms", NewWork { serve_by_ms: Some(now_ms), ..work(ada, 500) }),
        ("serve_by_ms", NewWork { serve_by_ms: Some(now_ms + 5), due_ms: Some(now_ms + 9), ..work(ada, 500) }),
    ];
    for (expected, wrong) in cases {
        let refused = house.company.deliver(wrong, &house.by()).await;
        assert!(matches!(refused, Err(CommandError::Invalid { field, .. }) if field == expected));
    }
    house.accounts_for(0);
}

/// A browser goal whose second step was begun and whose end nobody knows, parked until a person says.
async fn uncertain(house: &House, ada: PersonaId) -> Goal {
    house.company.pause(ada, &house.by()).await.unwrap();
    let steps = json!({"steps": [{"action": "goto", "url": "http://a"}, {"action": "click", "selector": "#send"}]});
    let payload = Payload::parse(GoalKind::Browser, steps).unwrap();
    let what = Work::Goal { title: "send".to_owned(), payload, proof: Proof::default() };
    let goal = house.company.deliver(NewWork { what, ..work(ada, 500) }, &house.by()).await.unwrap().goal;
    let world = &*house.test.world;
    let phase = |phase| Draft {
        goal: Some(goal.id),
        run: Some(RunId(world.new_id())),
        step: Some(1),
        effect: Some(Effect::Irreversible),
        tool: Some("browser_click".into()),
        ..testing::draft(world, ChainId::Persona(ada), Some(phase), "about #send")
    };
    let step = GoalMove {
        id: goal.id,
        state: GoalState::Parked,
        parked_on: Some(ParkedOn::Reconcile),
        attempts: 1,
        last_error: None,
        result: None,
        due_ms: None,
        at_ms: world.now_ms(),
    };
    let alert = Alert {
        id: AlertId(world.new_id()),
        kind: AlertKind::Reconcile,
        persona: Some(ada),
        goal: Some(goal.id),
        text: "Did it happen?".to_owned(),
        raised_ms: world.now_ms(),
        resolved_ms: None,
    };
    let changes = vec![Change::GoalMoved(step), Change::AlertRaised(Box::new(alert))];
    let receipts = vec![phase(Phase::Intent), phase(Phase::Unknown)];
    house.company.desk.evidence.record(Commit { guards: Vec::new(), changes, receipts }).await.unwrap();
    house.company.resume(ada, &house.by()).await.unwrap();
    house.goal(goal.id)
}

#[tokio::test(start_paused = true)]
async fn an_effect_of_unknown_end_waits_for_a_person_and_blocks_nobody() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let goal = uncertain(&house, ada).await;
    let other = house.give(ada, 500).await.goal.id;
    house.goal_becomes(other, GoalState::Done).await;
    settle().await;
    assert_eq!(house.state(goal.id), GoalState::Parked);

    let nothing = house.company.resolve_goal(other, Resolution::Done, String::new(), &house.by()).await;
    assert!(is_conflict(nothing, "nothing to resolve"));
    let anew = house.company.retry_goal(goal.id, &house.by()).await;
    assert!(is_conflict(anew, "resolve it first"), "nobody knows whether a first attempt would be a second");
    assert_eq!((house.state(goal.id), house.goal(goal.id).attempts), (GoalState::Parked, 1));
    let (note, by) = ("seen in the outbox".to_owned(), house.by());
    let (first, second) = tokio::join!(
        house.company.resolve_goal(goal.id, Resolution::Done, note, &by),
        house.company.resolve_goal(goal.id, Resolution::NotDone, String::new(), &by),
    );
    let resolved = first.unwrap();
    assert_eq!(resolved.due_ms, Some(resolved.updated_ms), "it waits for its turn from now on, not since it came in");
    assert!(matches!(second, Err(CommandError::Conflict(_))), "one person is enough");
    house.goal_becomes(goal.id, GoalState::Done).await;
    assert!(house.test.store.alerts().iter().all(|alert| alert.resolved_ms.is_some()));
    let reconciled = |r: &Receipt| r.phase == Some(Phase::Reconciled);
    let receipt = house.test.store.receipts().into_iter().find(reconciled).unwrap();
    assert_eq!((receipt.chain, receipt.step, receipt.state.as_deref()), (ChainId::Persona(ada), Some(1), Some("done")));
    assert_eq!(receipt.tool.as_deref(), Some("browser_click"));
    let data = receipt.body.unwrap().data;
    assert_eq!(
        (&data["resolution"], &data["by"], &data["note"]),
        (&json!("done"), &json!("ada"), &json!("seen in the outbox"))
    );
    assert!(
        summaries(&house, &ChainId::System(testing::node())).last().unwrap().contains("step 2 of “send” had happened")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_person_says_has_not_happened_gives_its_place_back() {
    for (resolution, begun) in [(Resolution::Done, true), (Resolution::NotDone, false)] {
        let house = House::open(1, |_| Play::Finish).await;
        let ada = house.persona("ada").await;
        let goal = uncertain(&house, ada).await.id;
        let at_ms = house.test.world.now_ms();
        let taken = QuotaUse { goal, persona: ada, unit: Unit::Post, units: 1, at_ms, begun: true };
        let changes = vec![Change::QuotaTaken(taken)];
        house.test.store.seed(Commit { changes, ..Commit::default() }).unwrap();
        house.company.resolve_goal(goal, resolution, String::new(), &house.by()).await.unwrap();
        let kept = house.test.store.quota_use(goal).await.unwrap();
        assert_eq!(kept, Some(QuotaUse { begun, ..taken }), "{resolution:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_correction_may_not_touch_a_step_that_was_begun() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let goal = uncertain(&house, ada).await;
    let plan = |url: &str, selector: &str| {
        let steps = json!({"steps": [{"action": "goto", "url": url}, {"action": "click", "selector": selector}]});
        Some(Payload::parse(GoalKind::Browser, steps).unwrap())
    };
    let correction = |version, payload| Correction { version, payload, ..Correction::default() };
    let (company, by) = (&house.company, house.by());
    let touched = correction(goal.version, plan("http://a", "#other"));
    assert!(is_conflict(company.correct_goal(goal.id, touched, &by).await, "step 2"), "people count from one");
    let stale = correction(goal.version - 1, plan("http://b", "#send"));
    assert!(is_conflict(company.correct_goal(goal.id, stale, &by).await, "changed meanwhile"));
    let fine = correction(goal.version, plan("http://b", "#send"));
    let corrected = company.correct_goal(goal.id, fine, &by).await.unwrap();
    assert_eq!(corrected, house.goal(goal.id));
}

#[tokio::test(start_paused = true)]
async fn acts_of_operators_are_on_the_chain_of_the_node() {
    let house = House::open(1, |_| Play::Finish).await;
    house.company.record_act("logged in".to_owned(), json!({"from": "cli"}), &house.by()).await.unwrap();
    let receipt = house.test.store.chain(&ChainId::System(testing::node())).pop().unwrap();
    assert_eq!(receipt.body.unwrap().data, json!({"by": "ada", "from": "cli"}));
    let none = house.company.resolve_alert(AlertId(house.test.world.new_id()), &house.by()).await;
    assert!(matches!(none, Err(CommandError::NotFound { .. })));
}
