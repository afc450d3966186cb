//! What goes wrong out there ends the goal with an error that says what to do, stands in its receipts, and costs the
//! persona nothing else: the next goal is done, and the record verifies.

use actors::domain::{
    ArtifactKind, ChainId, Ended, Goal, GoalState, Payload, PersonaId, Phase, Proof, Receipt, Role, Step, StepsPayload,
};
use greenroom::{
    config::BrowserConfig,
    storage::{Archive, ReceiptFilter, verify},
    tools::templates::{self, Template},
};
use serde_json::{Value, json};

use super::house::House;
use crate::browser::{lives::kill, stage};

const SITE: &str = "http://rehearsal.localhost";

/// A plan, and the words its error must have.
struct Case {
    steps: Value,
    state: GoalState,
    says: &'static [&'static str],
}

fn case(steps: Value, says: &'static [&'static str]) -> Case {
    Case { steps, state: GoalState::Failed, says }
}

fn cases() -> Vec<Case> {
    let at = |path: &str| format!("{SITE}/practice{path}");
    vec![
        case(
            json!([{"action": "goto", "url": at("")}, {"action": "wait_for", "selector": "#nowhere", "timeout_ms": 300}]),
            &["#nowhere", "is not on the page"],
        ),
        case(json!([{"action": "goto", "url": "http://example.com/"}]), &["example.com", "host"]),
        case(json!([{"action": "goto", "url": at("/elsewhere")}]), &["example.com", "host"]),
        case(
            json!([{"action": "goto", "url": at("/never"), "timeout_ms": 500}]),
            &["rehearsal.localhost/practice/never", "timeout_ms"],
        ),
        case(json!([{"action": "goto", "url": at("/download")}]), &["download"]),
    ]
}

fn plan(steps: Value) -> Template {
    let steps: Vec<Step> = serde_json::from_value(steps).unwrap();
    Template {
        title: "go where it hurts".to_owned(),
        payload: Payload::Browser(StepsPayload { steps }),
        proof: Proof { artifacts: vec![ArtifactKind::Screenshot], ..Proof::default() },
    }
}

async fn receipts_of(house: &House, goal: &Goal) -> Vec<Receipt> {
    house.storage.records.goal_receipts(goal.id).await.unwrap()
}

fn errors(receipts: &[Receipt]) -> Vec<&str> {
    receipts.iter().filter_map(|receipt| receipt.body.as_ref()?.error.as_deref()).collect()
}

/// The persona still works, and nothing of its record is lost or changed.
async fn goes_on(house: &House, persona: PersonaId) {
    let mail = house.play(persona, templates::open_rehearsal_mail()).await;
    assert_eq!(mail.state, GoalState::Done, "{:?}", mail.last_error);
}

async fn record_is_whole(house: House, persona: PersonaId) {
    house.company.end().await;
    let of = ReceiptFilter { chain: Some(ChainId::Persona(persona)), limit: 500, ..ReceiptFilter::default() };
    let count = house.storage.db.receipts(of).await.unwrap().len();
    let archive = Archive::of(house.storage.db.clone(), house.root.path());
    let report = verify(&archive, Some(persona), None, |_| ()).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.receipts, count as u64);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_obstacle_is_named_recorded_and_left_behind() {
    let house = House::open().await;
    let ada = house.hire("ada", Role::Worker).await;
    for Case { steps, state, says } in cases() {
        let goal = house.play(ada, plan(steps.clone())).await;
        let error = goal.last_error.clone().unwrap_or_default();
        assert_eq!(goal.state, state, "{steps}: {error}");
        let receipts = receipts_of(&house, &goal).await;
        for word in says {
            assert!(error.contains(word), "{steps}: {error}");
            assert!(errors(&receipts).iter().any(|text| text.contains(word)), "{steps}: {:?}", errors(&receipts));
        }
        goes_on(&house, ada).await;
    }
    record_is_whole(house, ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_box_is_closed_and_told() {
    let house = House::open().await;
    let ada = house.hire("ada", Role::Worker).await;
    let steps = json!([
        {"action": "goto", "url": format!("{SITE}/practice/alert?now=true")},
        {"action": "expect_title", "contains": "Callboard"},
        {"action": "screenshot"},
    ]);
    let goal = house.play(ada, plan(steps)).await;
    assert_eq!(goal.state, GoalState::Done, "{:?}", goal.last_error);
    let told = receipts_of(&house, &goal).await.iter().any(|receipt| {
        receipt.body.as_ref().is_some_and(|body| body.data.to_string().contains("A box from the rehearsal site"))
    });
    assert!(told, "the box stands in a receipt");
    record_is_whole(house, ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_killed_in_mid_run_costs_one_attempt() {
    let house = House::open().await;
    let ada = house.hire("ada", Role::Worker).await;
    let steps = json!([
        {"action": "goto", "url": format!("{SITE}/practice")},
        {"action": "wait_for", "selector": "#nowhere", "timeout_ms": 60_000},
    ]);
    goes_on(&house, ada).await;
    let browser = house.browsers.pid(ada).await.unwrap();
    let mut receipts = house.company.receipts();
    let (goal, ()) = tokio::join!(house.play(ada, plan(steps)), async {
        while receipts.recv().await.unwrap().state.as_deref() != Some(Ended::Done.as_str()) {}
        kill(browser);
    });
    assert_eq!((goal.state, goal.attempts), (GoalState::Failed, 1));
    assert!(goal.last_error.as_deref().unwrap().contains("browser"), "{:?}", goal.last_error);
    goes_on(&house, ada).await;
    record_is_whole(house, ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_chromium_the_goal_says_what_to_install() {
    let browser = BrowserConfig { executable: "/nowhere/chromium".into(), ..stage::config() };
    let house = House::with(browser).await;
    let ada = house.hire("ada", Role::Worker).await;
    let goal = house.play(ada, templates::open_rehearsal_mail()).await;
    assert_eq!(goal.state, GoalState::Failed);
    let error = goal.last_error.clone().unwrap();
    assert!(error.contains("/nowhere/chromium") && error.contains("browser.executable"), "{error}");
    assert!(receipts_of(&house, &goal).await.iter().all(|receipt| receipt.phase != Some(Phase::Intent)));
    let note = house.play(ada, templates::master_note_outline()).await;
    assert_eq!(note.state, GoalState::Done, "what needs no browser is done: {:?}", note.last_error);
    record_is_whole(house, ada).await;
}
