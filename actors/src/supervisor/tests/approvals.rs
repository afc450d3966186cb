//! A person's yes or no through the company: whenever it comes, the goal goes on.

use ed25519_dalek::SigningKey;
use serde_json::json;

use super::harness::{limits, new_persona, until, work};
use crate::{
    domain::{ApprovalState, GoalId, GoalState, Outcome, ParkedOn, Payload, Proof, Step, StepsPayload, TraceId},
    ports::World as _,
    supervisor::{By, CommandError, Company, NewWork, Work},
    testing::TestPorts,
};

/// A company at work on a goal that asks before its click.
async fn asking(rests_long: bool) -> (TestPorts, Company, By, GoalId) {
    let test = TestPorts::new(|call| Outcome::done(format!("did {}", call.tool), json!({"url": "http://a.test/"})));
    test.performer.rest_long(rests_long);
    let company = Company::start(limits(1), test.ports(), SigningKey::from_bytes(&[7; 32])).await.unwrap();
    let by = By { who: "anna".to_owned(), trace: TraceId(test.world.new_id()) };
    let persona = company.create_persona(new_persona("jason"), &by).await.unwrap().id;
    let steps = vec![
        Step::Goto { url: "http://a.test/".into(), timeout_ms: None },
        Step::Click { selector: "#send".into(), effect: None, timeout_ms: None },
        Step::ExpectTitle { contains: "Sent".into(), timeout_ms: None },
    ];
    let what = Work::Goal {
        title: "Send".to_owned(),
        payload: Payload::Browser(StepsPayload { steps }),
        proof: Proof::default(),
    };
    let given = company.deliver(NewWork { what, ..work(persona, 500) }, &by).await.unwrap();
    (test, company, by, given.goal.id)
}

fn state(test: &TestPorts, id: GoalId) -> (GoalState, Option<ParkedOn>) {
    let goal = test.store.goals().into_iter().find(|goal| goal.id == id).unwrap();
    (goal.state, goal.parked_on)
}

/// Another goal like the first.
async fn give(company: &Company, test: &TestPorts, by: &By) -> GoalId {
    let first = test.store.goals().remove(0);
    let what = Work::Goal { title: "Send".to_owned(), payload: first.payload, proof: Proof::default() };
    company.deliver(NewWork { what, ..work(first.persona, 500) }, by).await.unwrap().goal.id
}

/// Whoever says no three times has not seen the persona fail.
#[tokio::test(start_paused = true)]
async fn a_no_is_no_failure_of_the_persona() {
    let (test, company, by, mut goal) = asking(false).await;
    for _ in 0..4 {
        until(|| state(&test, goal) == (GoalState::Parked, Some(ParkedOn::Approval))).await;
        let asked = test.store.approvals().pop().unwrap();
        company.decide_approval(asked.id, false, "not now".to_owned(), &by).await.unwrap();
        until(|| state(&test, goal).0 == GoalState::Failed).await;
        goal = give(&company, &test, &by).await;
    }
    until(|| state(&test, goal) == (GoalState::Parked, Some(ParkedOn::Approval))).await;
    let circuit = |alert: &crate::domain::Alert| alert.kind == crate::domain::AlertKind::CircuitOpen;
    assert!(!test.store.alerts().iter().any(circuit), "it is still at work");
    company.end().await;
}

/// The run has said that it waits, and has not let go yet: the yes must not get lost in between.
#[tokio::test(start_paused = true)]
async fn a_yes_that_comes_while_the_run_still_lets_go_is_heard() {
    let (test, company, by, goal) = asking(true).await;
    while test.store.approvals().is_empty() {
        tokio::task::yield_now().await;
    }
    let asked_ms = test.world.now_ms();
    let approval = test.store.approvals().remove(0);
    company.decide_approval(approval.id, true, String::new(), &by).await.unwrap();
    until(|| state(&test, goal).0.is_over()).await;
    assert_eq!((state(&test, goal).0, test.store.approvals()[0].state), (GoalState::Done, ApprovalState::Used));
    assert!(test.world.now_ms() - asked_ms < 60_000, "at once, not when the approval would have expired");
    company.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_word_is_said_once_in_time_and_about_a_goal_that_is_open() {
    let (test, company, by, goal) = asking(false).await;
    until(|| state(&test, goal) == (GoalState::Parked, Some(ParkedOn::Approval))).await;
    let approval = test.store.approvals().remove(0);
    company.decide_approval(approval.id, false, "not now".to_owned(), &by).await.unwrap();
    until(|| state(&test, goal).0.is_over()).await;
    assert_eq!(state(&test, goal).0, GoalState::Failed);
    let decided = test.store.approvals().remove(0);
    assert_eq!((decided.state, decided.decided.unwrap().by), (ApprovalState::Denied, "anna".to_owned()));
    let again = company.decide_approval(approval.id, true, String::new(), &by).await;
    assert!(matches!(again, Err(CommandError::Conflict(_))), "{again:?}");

    company.retry_goal(goal, &by).await.unwrap();
    until(|| test.store.approvals().len() == 2).await;
    until(|| state(&test, goal) == (GoalState::Parked, Some(ParkedOn::Approval))).await;
    company.cancel_goal(goal, &by).await.unwrap();
    let asked = test.store.approvals().pop().unwrap();
    assert_eq!(asked.state, ApprovalState::Void, "a retry asks anew, and a cancelled goal asks nobody");
    let late = company.decide_approval(asked.id, true, String::new(), &by).await;
    assert!(matches!(late, Err(CommandError::Conflict(_))), "{late:?}");
    assert!(test.store.alerts().iter().all(|alert| alert.resolved_ms.is_some()));
    company.end().await;
}
