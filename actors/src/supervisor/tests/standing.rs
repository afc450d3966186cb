//! "Tell me when Helper flags code": told once, in bounded portions, over crashes, and never in a circle.

use std::time::Duration;

use super::harness::{House, Play, limits, new_persona, settle, until, work};
use crate::{
    domain::{ChainId, Condition, Draft, GoalState, Happening, Message, MessageKind, PersonaId, StandingWait},
    ports::{Commit, Records},
    supervisor::{CommandError, NewPersona, NewStandingWait, NewWork, Work},
    testing::{self, TestPorts},
};

fn about(text: &str) -> Condition {
    Condition { text: Some(text.to_owned()), ..Condition::default() }
}

async fn named(house: &House, name: &str) -> PersonaId {
    let new = NewPersona { name: name.to_owned(), ..new_persona(&name.to_lowercase()) };
    house.company.create_persona(new, &house.by()).await.unwrap().id
}

async fn wait(
    house: &House,
    waiter: PersonaId,
    watched: PersonaId,
    condition: Condition,
) -> Result<StandingWait, CommandError> {
    house.company.stand_in_wait(NewStandingWait { waiter, watched, condition }, &house.by()).await
}

async fn say(house: &House, to: PersonaId, text: &str) {
    let what = Work::Chat { text: text.to_owned() };
    house.company.deliver(NewWork { what, ..work(to, 100) }, &house.by()).await.unwrap();
}

/// What this persona was told, oldest first.
fn told(house: &House, who: PersonaId) -> Vec<Message> {
    let results = |m: &Message| m.persona == who && m.kind == MessageKind::Result;
    house.test.store.messages().into_iter().filter(results).collect()
}

/// Lines and more of all results.
fn matches(messages: &[Message]) -> usize {
    let of = |message: &Message| -> usize {
        message
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("- "))
            .map(|line| {
                line.strip_prefix("and ").and_then(|rest| rest.strip_suffix(" more")).map_or(1, |n| n.parse().unwrap())
            })
            .sum()
    };
    messages.iter().map(of).sum()
}

async fn pass(seconds: u64) {
    for _ in 0..seconds {
        settle().await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn what_matches_is_told_once_as_a_result_and_nothing_else_is() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, helper) = (named(&house, "Ada").await, named(&house, "Helper").await);
    say(&house, helper, "code before").await;
    let standing = wait(&house, ada, helper, about("code")).await.unwrap();
    say(&house, helper, "tea?").await;
    say(&house, helper, "this CODE is bad").await;
    until(|| !told(&house, ada).is_empty()).await;
    pass(60).await;
    let results = told(&house, ada);
    assert_eq!(results.len(), 1, "once, and not what was before");
    assert_eq!(results[0].sender, "Helper");
    assert!(results[0].text.ends_with("received message from ada · this CODE is bad"), "{}", results[0].text);
    assert_eq!(results[0].coalescing, Some(format!("wait:{}", standing.id)));
    assert_eq!(house.state(results[0].goal), GoalState::Done, "it is worked at like any other message");
    house.company.end_standing_wait(standing.id, &house.by()).await.unwrap();
    say(&house, helper, "more code").await;
    pass(60).await;
    assert_eq!(told(&house, ada).len(), 1);
    let gone = house.company.end_standing_wait(standing.id, &house.by()).await;
    assert!(matches!(gone, Err(CommandError::NotFound { what: "standing wait", .. })));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_goal_is_told_by_kind() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, helper) = (named(&house, "Ada").await, named(&house, "Helper").await);
    wait(&house, ada, helper, Condition { kind: Some(Happening::Cancelled), ..Condition::default() }).await.unwrap();
    house.company.pause(helper, &house.by()).await.unwrap();
    let goal = house.give(helper, 500).await.goal.id;
    house.company.cancel_goal(goal, &house.by()).await.unwrap();
    until(|| told(&house, ada).len() == 1).await;
    assert!(told(&house, ada)[0].text.ends_with("- cancelled by ada"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_matches_is_told_in_a_few_messages_and_none_is_lost() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, helper) = (named(&house, "Ada").await, named(&house, "Helper").await);
    wait(&house, ada, helper, about("code")).await.unwrap();
    for second in 0..60 {
        for _ in 0..20 {
            say(&house, helper, &format!("code {second}")).await;
        }
        pass(1).await;
    }
    pass(30).await;
    let results = told(&house, ada);
    assert!((6..=9).contains(&results.len()), "at most one in ten seconds: {}", results.len());
    assert_eq!(matches(&results), 1_200, "each match in exactly one of them");
    assert!(results.iter().all(|result| result.text.lines().count() <= 22));
    let standing = house.test.store.standing_waits().await.unwrap();
    assert_eq!(standing[0].told, 1_200);
}

/// Ada waits for what Helper says of code, and the company has ended.
async fn one_waits_for_the_other(test: &TestPorts) -> (PersonaId, PersonaId) {
    let house = House::open_on(test.clone(), limits(2), |_| Play::Finish).await;
    let (ada, helper) = (named(&house, "Ada").await, named(&house, "Helper").await);
    wait(&house, ada, helper, about("code")).await.unwrap();
    house.company.end().await;
    (ada, helper)
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_nobody_looked_is_told_once_at_the_next_start() {
    let test = TestPorts::obliging();
    let (ada, helper) = one_waits_for_the_other(&test).await;
    // As a crash leaves it: the receipt is there, and nobody was told.
    let world = &*test.world;
    let draft = |text: &str| testing::draft(world, ChainId::Persona(helper), None, text);
    let receipts: Vec<Draft> = (0..600).map(|n| draft(if n % 300 == 0 { "flagged code" } else { "else" })).collect();
    test.store.seed(Commit { receipts, ..Commit::default() }).unwrap();
    for start in 0..3 {
        let house = House::open_on(test.clone(), limits(2), |_| Play::Finish).await;
        until(|| told(&house, ada).len() == 1).await;
        pass(30).await;
        assert_eq!((told(&house, ada).len(), matches(&told(&house, ada))), (1, 2), "start {start}");
        house.company.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_for_a_while_delays_what_is_told_and_doubles_nothing() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, helper) = (named(&house, "Ada").await, named(&house, "Helper").await);
    house.company.pause(helper, &house.by()).await.unwrap();
    wait(&house, ada, helper, about("code")).await.unwrap();
    pass(1).await;
    say(&house, helper, "code").await;
    until(|| told(&house, ada).len() == 1).await;
    say(&house, helper, "more code").await;
    {
        let _gone = house.test.store.fail_until_told();
        pass(20).await;
        assert_eq!(told(&house, ada).len(), 1, "it rested, then it could not");
    }
    until(|| told(&house, ada).len() == 2).await;
    pass(60).await;
    assert_eq!((told(&house, ada).len(), matches(&told(&house, ada))), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_refused_with_everybody_on_it_named() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, bo, cy) = (named(&house, "Ada").await, named(&house, "Bo").await, named(&house, "Cy").await);
    wait(&house, ada, bo, about("code")).await.unwrap();
    wait(&house, bo, cy, about("code")).await.unwrap();
    let refused = |answer: Result<StandingWait, CommandError>| match answer {
        Err(CommandError::Invalid { field, reason }) => (field, reason),
        other => panic!("{other:?}"),
    };
    let (field, reason) = refused(wait(&house, cy, ada, about("code")).await);
    assert_eq!(field, "watched");
    assert_eq!(reason, "Cy would wait for itself: Cy waits for Ada, who waits for Bo, who waits for Cy");
    let (field, reason) = refused(wait(&house, ada, ada, about("code")).await);
    assert_eq!((&*field, &*reason), ("watched", "Ada would wait for itself: Ada waits for Ada"));
    assert_eq!(refused(wait(&house, ada, cy, Condition::default()).await).0, "kind");
    assert_eq!(refused(wait(&house, ada, cy, about(" ")).await).0, "text");
    house.company.delete_persona(cy, &house.by()).await.unwrap();
    let (field, reason) = refused(wait(&house, ada, cy, about("code")).await);
    assert!(field == "watched" && reason.contains("it is deleted"), "{reason}");
    let nobody = wait(&house, cy, ada, about("code")).await;
    assert!(matches!(nobody, Err(CommandError::NotFound { what: "persona", .. })));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_either_of_the_two_and_the_waiter_is_told() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, bo, cy) = (named(&house, "Ada").await, named(&house, "Bo").await, named(&house, "Cy").await);
    wait(&house, ada, bo, about("code")).await.unwrap();
    wait(&house, cy, ada, about("code")).await.unwrap();
    house.company.delete_persona(bo, &house.by()).await.unwrap();
    until(|| told(&house, ada).len() == 1).await;
    assert!(told(&house, ada)[0].text.ends_with("- Bo was deleted: nothing more will be told"));
    house.company.delete_persona(cy, &house.by()).await.unwrap();
    pass(1).await;
    assert!(house.test.store.standing_waits().await.unwrap().is_empty());
    let cys = house.test.store.chain(&ChainId::Persona(cy));
    assert!(cys.iter().any(|r| r.body.as_ref().unwrap().summary == "no longer stands in wait: Cy was deleted"));
    pass(30).await;
    assert!(told(&house, cy).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_persona_that_cannot_be_read_at_start_is_not_deleted() {
    let test = TestPorts::obliging();
    let (ada, helper) = one_waits_for_the_other(&test).await;
    for unread in [helper, ada] {
        test.store.fail_reads_of(unread, 1);
        let house = House::open_on(test.clone(), limits(2), |_| Play::Finish).await;
        pass(30).await;
        assert_eq!(told(&house, ada), [], "nothing has happened");
        assert_eq!(test.store.standing_waits().await.unwrap().len(), 1);
        house.company.end().await;
    }
    let house = House::open_on(test.clone(), limits(2), |_| Play::Finish).await;
    say(&house, helper, "code").await;
    until(|| matches(&told(&house, ada)) == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_a_deleted_persona_ends_truly_though_the_store_has_a_moment() {
    let house = House::open(2, |_| Play::Finish).await;
    let (ada, bo) = (named(&house, "Ada").await, named(&house, "Bo").await);
    let standing = wait(&house, ada, bo, about("code")).await.unwrap();
    pass(1).await;
    house.test.store.fail_reads_of(ada, 1);
    house.company.delete_persona(bo, &house.by()).await.unwrap();
    until(|| told(&house, ada).len() == 1).await;
    assert!(told(&house, ada)[0].text.ends_with("- Bo was deleted: nothing more will be told"));
    assert!(house.test.store.standing_waits().await.unwrap().is_empty(), "{standing:?}");
    pass(60).await;
    assert_eq!(told(&house, ada).len(), 1);
}
