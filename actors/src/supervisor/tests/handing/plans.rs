//! A fixed plan that asks a person: it stands still until there is an answer, uses it, and does not ask twice.

use super::*;
use crate::domain::{GoalKind, StepError};

const PLAN: &str = r#"{"steps": [
    {"action": "ask_human", "question": "Which colour?", "minutes": 60, "save_as": "colour"},
    {"action": "ask_human", "question": "Is {{colour}} sure?", "minutes": 60, "save_as": "sure"},
    {"action": "write_file", "path": "a.md", "content": "{{colour}}: {{sure}}"}]}"#;

impl House {
    async fn give_plan(&self, persona: PersonaId) -> GoalId {
        let payload = Payload::parse(GoalKind::Io, serde_json::from_str(PLAN).unwrap()).unwrap();
        let work = NewWork {
            persona,
            what: Work::Goal { title: "a plan".into(), payload, proof: Proof::default() },
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: None,
            project: None,
            waits_for: WaitsFor::default(),
        };
        self.company.deliver(work, &self.by()).await.unwrap().goal.id
    }

    fn written(&self) -> Vec<String> {
        let calls = self.test.performer.calls();
        let written = calls.iter().filter(|call| call.tool == "file_write");
        written.map(|call| call.args["content"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_waits_for_answers_without_a_slice_over_a_restart_and_uses_them() {
    let house = House::open(|_, _| says("nothing")).await;
    let bo = house.hire("bo", None).await;
    let id = house.give_plan(bo).await;
    house.parked(id, ParkedOn::Answer).await;
    assert_eq!((house.questions(), house.goal(id).last_error.as_deref()), (1, Some("Which colour?")));
    let house = house.restarted().await;
    house.company.answer_goal(id, "Blue".into(), &house.by()).await.unwrap();
    until(|| house.goal(id).last_error.as_deref() == Some("Is Blue sure?")).await;
    house.parked(id, ParkedOn::Answer).await;
    house.company.answer_goal(id, "{{colour}}".into(), &house.by()).await.unwrap();
    assert_eq!(house.over(id).await.state, GoalState::Done);
    assert_eq!(house.written(), ["Blue: {{colour}}"], "an answer is data, not a template");
    assert_eq!(house.receipts("ask_human", Phase::Decision).len(), 2, "asked once each");
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_nobody_answers_fails_and_says_so() {
    let house = House::open(|_, _| says("nothing")).await;
    let bo = house.hire("bo", None).await;
    let goal = house.give_plan(bo).await;
    let goal = house.over(goal).await;
    assert_eq!(goal.state, GoalState::Failed);
    assert!(goal.last_error.unwrap().contains("nobody answered within 60 minutes"));
    assert_eq!((house.questions(), house.written()), (0, Vec::new()));
    house.ends().await;
}

#[tokio::test(start_paused = true)]
async fn who_has_answered_is_not_asked_again_by_another_attempt() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let test = TestPorts::new(move |_| -> Act {
        match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Outcome::not_begun("could not", StepError::retryable("the disk is away")).into(),
            _ => Outcome::done("wrote", json!({"file": "a.md"})).into(),
        }
    });
    let house = House::on(test).await;
    let bo = house.hire("bo", None).await;
    let id = house.give_plan(bo).await;
    for answer in ["Blue", "yes"] {
        house.parked(id, ParkedOn::Answer).await;
        house.company.answer_goal(id, answer.into(), &house.by()).await.unwrap();
        until(|| {
            house.goal(id).parked_on != Some(ParkedOn::Answer)
                || house.goal(id).last_error.as_deref() == Some("Is Blue sure?")
        })
        .await;
    }
    let goal = house.over(id).await;
    assert_eq!((goal.state, goal.attempts), (GoalState::Done, 2), "{:?}", goal.last_error);
    assert_eq!(house.written(), ["Blue: yes", "Blue: yes"]);
    assert_eq!(house.receipts("ask_human", Phase::Decision).len(), 2);
    house.ends().await;
}
