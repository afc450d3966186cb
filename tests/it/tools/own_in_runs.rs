//! Own tools in whole runs: called by a plan and by an agent, proven by what the sandbox saw.

use actors::domain::{
    AgentPayload, ApprovalState, ArtifactKind, Effect, Goal, GoalState, ParkedOn, Payload, Phase, Proof, Receipt, Role,
    Step, StepsPayload,
};
use greenroom::{config::ProviderKind, storage::ReceiptFilter, tools::templates::Template};
use serde_json::{Value, json};

use super::{
    house::House,
    own::{put, step},
};
use crate::{
    models::mock::{Mock, Reply, Seen},
    sandbox::is_left_out,
};

fn wants_a_file() -> Proof {
    Proof { artifacts: vec![ArtifactKind::File], ..Proof::default() }
}

fn plan(step: Step, proof: Proof) -> Template {
    Template { title: "Use a tool".into(), payload: Payload::Io(StepsPayload { steps: vec![step] }), proof }
}

async fn receipts(house: &House, goal: &Goal) -> Vec<Receipt> {
    let filter = ReceiptFilter { goal: Some(goal.id), newest_first: false, limit: 500, ..ReceiptFilter::default() };
    house.storage.db.receipts(filter).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_done_by_the_file_that_was_seen_and_not_by_the_word_of_a_tool() {
    if is_left_out().await {
        return;
    }
    let house = House::open().await;
    let jason = house.hire("jason", Role::Worker).await;
    put(house.root.path(), "invoice", "idempotent", "cat > invoice.json; echo '{}'");
    put(house.root.path(), "boaster", "idempotent", "echo '{\"ok\": true, \"file\": \"invoice.json\"}'");
    put(house.root.path(), "payment", "irreversible", "touch paid; echo '{}'");

    let done = house.play(jason, plan(step("invoice", Effect::Idempotent, json!({})), wants_a_file())).await;
    assert_eq!(done.state, GoalState::Done, "{:?}", done.last_error);
    let written = receipts(&house, &done).await;
    let of = |phase| written.iter().find(|receipt| receipt.phase == Some(phase) && receipt.tool.is_some()).unwrap();
    let (intent, outcome) = (of(Phase::Intent), of(Phase::Outcome));
    assert_eq!((intent.tool.as_deref(), intent.effect), (Some("invoice"), Some(Effect::Idempotent)));
    let body = outcome.body.as_ref().unwrap();
    assert_eq!((&body.data["files"], &body.data["exit"]), (&json!(["invoice.json"]), &json!(0)));
    let kept = house.storage.blobs.get(body.artifacts[0].hash).await.unwrap().unwrap();
    let told: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(told["key"], intent.body.as_ref().unwrap().data["key"], "the step's key, as in its intent");

    let boasted = house.play(jason, plan(step("boaster", Effect::Idempotent, json!({})), wants_a_file())).await;
    assert_eq!(boasted.state, GoalState::Unconfirmed);

    let asks = house.play(jason, plan(step("payment", Effect::Irreversible, json!({})), wants_a_file())).await;
    assert_eq!((asks.state, asks.parked_on), (GoalState::Parked, Some(ParkedOn::Approval)));
    let asked = house.storage.records.approvals_of(asks.id).await.unwrap();
    assert_eq!((asked.len(), asked[0].tool.as_str(), asked[0].state), (1, "payment", ApprovalState::Waiting));
    let folder = house.root.path().join(format!("personas/{jason}/files"));
    assert!(folder.join("invoice.json").exists() && !folder.join("paid").exists());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_offered_its_own_tools_and_uses_them() {
    if is_left_out().await {
        return;
    }
    let uses = |seen: &Seen| {
        let messages = seen.body["messages"].as_array().unwrap();
        match messages.iter().filter(|message| message["role"] == "assistant").count() {
            0 => Reply::calls([("count", json!({"text": 7})), ("count", json!({"text": "to be or not"}))]),
            1 => Reply::call("note", json!({"text": "4 words"})),
            _ => Reply::text("There are 4 words."),
        }
    };
    let mock = Mock::answering(uses).await;
    let house = House::asking(mock.config(ProviderKind::OpenAi)).await;
    let jason = house.hire("jason", Role::Worker).await;
    put(
        house.root.path(),
        "count",
        "pure",
        "words=$(sed 's/.*:\"//; s/\".*//' | wc -w); printf '{\"words\": %d}' $words",
    );
    put(&house.root.path().join("personas/jason"), "note", "idempotent", "cat > note.json; echo '{}'");
    put(&house.root.path().join("personas/maria"), "secret_tool", "pure", "echo '{}'");
    let payload = Payload::Agent(Box::new(AgentPayload {
        task: "How many words?".into(),
        max_steps: 20,
        max_minutes: 5,
        model: None,
        tools: vec![],
        secrets: Default::default(),
        agent: None,
        delegated: None,
        fork: None,
    }));
    let goal = house.play(jason, Template { title: "Count".into(), payload, proof: wants_a_file() }).await;
    assert_eq!(goal.state, GoalState::Done, "{:?}", goal.last_error);
    let told: Vec<Value> = mock.requests().iter().map(|seen| seen.body.clone()).collect();
    let offered = told[0]["tools"].to_string();
    assert!(offered.contains("\"count\"") && offered.contains("\"note\"") && offered.contains("browser_click"));
    assert!(!offered.contains("secret_tool"), "another persona's own tool");
    let last = told.last().unwrap().to_string();
    assert!(last.contains("the arguments of count do not fit: /text"), "{last}");
    assert!(last.contains("words") && last.contains("ran note"), "{last}");
    house.close().await;
}
