//! A step of an agent's run taken back through the company: nothing is begun anew on what is no longer there.

use ed25519_dalek::SigningKey;
use serde_json::json;

use super::harness::{limits, new_persona, until, work};
use crate::{
    domain::{
        AgentPayload, ArtifactKind, ChatAnswer, Choice, Chosen, Effect, Finish, Goal, GoalId, Hash, Inverse,
        NewArtifact, NoRollback, Outcome, Payload, Proof, Step, Thought, ToolCall, TraceId,
    },
    ports::World as _,
    supervisor::{By, CommandError, Company, Correction, ForkFrom, NewWork, Work},
    testing::TestPorts,
};

/// Too large for an intent.
fn wish() -> String {
    "a window, ".repeat(2_000)
}

fn tool(name: &str) -> Step {
    let args = json!({"seat": "12a", "wish": wish()}).as_object().unwrap().clone();
    Step::Tool {
        name: name.to_owned(),
        args,
        effect: Effect::Idempotent,
        outreach: false,
        save_as: None,
        timeout_ms: None,
    }
}

/// Books first, then says so.
fn thought(answered: usize) -> Outcome {
    let (calls, text) = match answered {
        0 => (vec![ToolCall { id: "c".into(), name: "book".into(), arguments: "{}".into() }], ""),
        _ => (vec![], "That is all."),
    };
    let what = Choice::Step(Box::new(tool("book")));
    let chosen = calls.iter().map(|call| Chosen { call: call.clone(), what: what.clone() }).collect();
    let finish = if calls.is_empty() { Finish::Stop } else { Finish::Calls };
    let bytes = serde_json::to_vec(&Thought { answer: ChatAnswer { text: text.into(), calls, finish }, chosen });
    Outcome::done("thought", json!({})).with_artifact(NewArtifact {
        kind: ArtifactKind::Text,
        name: Thought::FILE.into(),
        media_type: "application/json",
        bytes: bytes.unwrap(),
    })
}

fn goal(test: &TestPorts, id: GoalId) -> Goal {
    test.store.goals().into_iter().find(|goal| goal.id == id).unwrap()
}

#[tokio::test(start_paused = true)]
async fn nothing_stands_on_what_was_rolled_back() {
    let test = TestPorts::new(|call| match &*call.tool {
        "think" => {
            let turns = call.args["turns"].as_array().unwrap();
            thought(turns.iter().filter(|turn| turn["role"] == "assistant").count())
        }
        "give_back" => Outcome::done("gave it back", json!({"removed": ["ticket"]})),
        _ => Outcome::done("booked", json!({"files": ["ticket"]})),
    });
    let company = Company::start(limits(1), test.ports(), SigningKey::from_bytes(&[7; 32])).await.unwrap();
    let by = By { who: "anna".to_owned(), trace: TraceId(test.world.new_id()) };
    let persona = company.create_persona(new_persona("jason"), &by).await.unwrap().id;
    let payload = Payload::Agent(Box::new(AgentPayload::new("Book a seat.")));
    let what = Work::Goal { title: "Book".to_owned(), payload, proof: Proof::default() };
    let booked = company.deliver(NewWork { what, ..work(persona, 500) }, &by).await.unwrap().goal.id;
    until(|| goal(&test, booked).state.is_over()).await;

    let run = test.store.runs()[0].id;
    let harmless = company.deed(run, 1).await.unwrap_err();
    assert!(matches!(harmless, CommandError::NoRollback(NoRollback::Harmless { .. })), "{harmless:?}");
    let (_, deed) = company.deed(run, 2).await.unwrap();
    assert_eq!((&deed.args["seat"], &deed.args["wish"]), (&json!("12a"), &json!(wish())), "whole, from the artifact");
    let intent = test
        .store
        .receipts()
        .into_iter()
        .find(|one| one.tool.as_deref() == Some("book") && one.phase == Some(crate::domain::Phase::Intent));
    let body = intent.unwrap().body.unwrap();
    assert_eq!((&body.data["args"]["artifact"], body.artifacts.len()), (&json!("arguments.json"), 1));
    assert!(body.data.to_string().len() < 1_000 && body.data["args"]["bytes"].as_u64() > Some(20_000), "{}", body.data);
    let inverse = || Inverse { call: tool("give_back"), made_by: Hash([1; 32]) };
    let plan = company.plan_rollback(&deed, inverse()).await.unwrap();
    let (back, _) = company.roll_back(&deed, inverse(), plan.digest, &by).await.unwrap();
    until(|| goal(&test, back.id).state.is_over()).await;
    assert_eq!(goal(&test, back.id).state, crate::domain::GoalState::Done);

    let again = company.plan_rollback(&deed, inverse()).await.unwrap_err();
    assert!(matches!(again, CommandError::NoRollback(NoRollback::Already(id, _)) if id == back.id), "{again:?}");
    let from = |step| ForkFrom { step, ..ForkFrom::default() };
    let forked = company.fork_run(run, from(3), &by).await.unwrap_err();
    assert!(forked.to_string().contains("rolls a step before that one back"), "{forked}");
    let retried = company.retry_goal(booked, &by).await.unwrap_err();
    assert!(retried.to_string().contains("give a new goal instead"), "{retried}");
    let title = Some("Other".to_owned());
    let correction = Correction { version: goal(&test, back.id).version, title, ..Correction::default() };
    let corrected = company.correct_goal(back.id, correction, &by).await.unwrap_err();
    assert!(corrected.to_string().contains("was confirmed as it is"), "{corrected}");
    assert!(company.fork_run(run, from(2), &by).await.is_ok(), "what lies before it stands");
    company.end().await;
}
