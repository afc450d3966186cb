//! Days that are planned: once, within their bounds, and at no cost for whoever's are not.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::json;

use super::harness::{House, Play, limits, new_persona, settle, until};
use crate::{
    domain::{
        Autoplan, Goal, GoalKind, GoalState, HostTerms, Hours, Outreach, PLANNER, Payload, Persona, PersonaId, Proof,
        Quota, Quotas, Recipe, Unit,
    },
    ports::{MadeGoal, Playbook, World as _},
    supervisor::{Correction, PersonaPatch},
    testing::TestPorts,
};

const HOUR: Duration = Duration::from_secs(3600);

/// Every template is a line that counts as what its name says.
struct Lines;

impl Playbook for Lines {
    fn make(&self, recipe: &Recipe, _: &Persona) -> Result<MadeGoal, String> {
        let unit: Unit = recipe.template.parse().map_err(|_| "there is no such template".to_owned())?;
        let payload = Payload::parse(GoalKind::Ai, json!({"prompt": "Write a line."})).unwrap();
        let proof = Proof { counts_as: Some(unit), ..Proof::default() };
        Ok(MadeGoal { title: recipe.template.clone(), payload, proof })
    }
}

async fn house(test: TestPorts, play: Play) -> House {
    let house = House::open_on(test, limits(2), move |_| play).await;
    house.company.plan_from(Arc::new(Lines));
    house
}

async fn patch(house: &House, id: PersonaId, patch: PersonaPatch) {
    let version = house.test.store.personas().into_iter().find(|persona| persona.id == id).unwrap().version;
    house.company.update_persona(id, version, patch, &house.by()).await.unwrap();
}

fn quotas(floor: i64, ceiling: i64) -> Option<Quotas> {
    Some(Quotas::from([(Unit::Post, Quota::new(floor, ceiling).unwrap())]))
}

fn autoplan(on: bool) -> Option<Autoplan> {
    let recipe = |template: &str| Recipe { template: template.to_owned(), params: Default::default() };
    Some(Autoplan { on, work: vec![recipe("post"), recipe("nonsense")] })
}

/// A persona whose days are planned with this floor and ceiling.
async fn planned(house: &House, floor: i64, ceiling: i64) -> PersonaId {
    let id = house.persona("ada").await;
    patch(house, id, PersonaPatch { quotas: quotas(floor, ceiling), autoplan: autoplan(true), ..Default::default() })
        .await;
    id
}

fn given(house: &House) -> Vec<Goal> {
    house.test.store.goals().into_iter().filter(|goal| goal.created_by == PLANNER).collect()
}

fn keys(house: &House) -> Vec<String> {
    given(house).into_iter().filter_map(|goal| goal.correlation).collect()
}

#[tokio::test(start_paused = true)]
async fn a_day_is_planned_once_and_the_next_one_too() {
    let house = house(TestPorts::obliging(), Play::Finish).await;
    planned(&house, 3, 5).await;
    until(|| given(&house).len() == 3).await;
    let due: Vec<_> = given(&house).iter().filter_map(|goal| goal.due_ms).collect();
    let noon_ms = house.test.world.now_ms();
    let hour_ms = 3_600_000;
    // Twelve hours are left of the day.
    let expected = [2, 6, 10].map(|hour| noon_ms + hour * hour_ms);
    assert!(due.iter().zip(expected).all(|(due, at)| (due - at).abs() < 1_000), "{due:?}, not {expected:?}");
    assert_eq!(keys(&house), [0, 1, 2].map(|n| format!("plan:2026-11-20:post:{n}")));
    let receipts = house.test.store.receipts();
    let said = receipts
        .iter()
        .filter_map(|receipt| receipt.body.as_ref())
        .any(|body| body.summary == "planned 3 goals for 2026-11-20");
    assert!(said);

    tokio::time::sleep(HOUR * 11).await;
    until(|| given(&house).iter().all(|goal| goal.state == GoalState::Done)).await;
    assert_eq!(given(&house).len(), 3, "what is done is not planned again");
    tokio::time::sleep(HOUR * 2).await;
    until(|| given(&house).len() == 6).await;
    assert_eq!(keys(&house)[3..], [0, 1, 2].map(|n| format!("plan:2026-11-21:post:{n}")));
}

#[tokio::test(start_paused = true)]
async fn a_restart_plans_nothing_twice() {
    let test = TestPorts::obliging();
    let first = house(test.clone(), Play::Finish).await;
    let id = planned(&first, 3, 5).await;
    until(|| given(&first).len() == 3).await;
    first.company.end().await;
    let second = house(test.clone(), Play::Finish).await;
    // It has looked when it has seen a change.
    patch(&second, id, PersonaPatch { quotas: quotas(4, 5), ..Default::default() }).await;
    until(|| given(&second).len() == 4).await;
    assert_eq!(keys(&second).into_iter().collect::<BTreeSet<_>>().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_planned_again_within_the_ceiling() {
    let house = house(TestPorts::obliging(), Play::Panic).await;
    planned(&house, 1, 3).await;
    // From noon on: in the middle of what is left of the day, each time.
    for (number, wait) in [(1, 6 * HOUR), (2, 3 * HOUR), (3, 3 * HOUR / 2)] {
        until(|| given(&house).len() == number).await;
        tokio::time::sleep(wait).await;
        until(|| given(&house)[number - 1].state == GoalState::Failed).await;
    }
    tokio::time::sleep(HOUR).await;
    assert_eq!(given(&house).len(), 3, "as many as the ceiling, and no more today");
}

#[tokio::test(start_paused = true)]
async fn what_a_person_cancels_is_not_planned_again() {
    let house = house(TestPorts::obliging(), Play::Finish).await;
    planned(&house, 2, 5).await;
    until(|| given(&house).len() == 2).await;
    house.company.cancel_goal(given(&house)[0].id, &house.by()).await.unwrap();
    tokio::time::sleep(HOUR * 11).await;
    until(|| given(&house)[1].state == GoalState::Done).await;
    assert_eq!(given(&house).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn goals_are_due_while_their_persona_is_up() {
    let house = house(TestPorts::obliging(), Play::Finish).await;
    let id = house.persona("ada").await;
    let hours = Hours {
        zone: "Asia/Tokyo".parse().unwrap(),
        wakes: "22:00".parse().unwrap(),
        sleeps: "23:00".parse().unwrap(),
    };
    let change =
        PersonaPatch { quotas: quotas(4, 4), autoplan: autoplan(true), hours: Some(hours), ..Default::default() };
    patch(&house, id, change).await;
    until(|| given(&house).len() == 4).await;
    assert!(given(&house).iter().all(|goal| hours.is_up(goal.due_ms.unwrap())));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_planned_is_never_looked_at() {
    let house = house(TestPorts::obliging(), Play::Finish).await;
    let id = house.company.create_persona(new_persona("bo"), &house.by()).await.unwrap().id;
    patch(&house, id, PersonaPatch { quotas: quotas(3, 5), autoplan: autoplan(false), ..Default::default() }).await;
    let before = house.records.reads(id);
    tokio::time::sleep(HOUR * 72).await;
    assert_eq!((given(&house).len(), house.records.reads(id)), (0, before));

    patch(&house, id, PersonaPatch { autoplan: autoplan(true), ..Default::default() }).await;
    until(|| given(&house).len() == 3).await;
    patch(&house, id, PersonaPatch { autoplan: autoplan(false), ..Default::default() }).await;
    tokio::time::sleep(HOUR * 72).await;
    assert_eq!(given(&house).len(), 3, "what is planned stays, no more comes");
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_no_day_could_hold_is_refused_when_it_is_given() {
    let house = house(TestPorts::obliging(), Play::Finish).await;
    let id = house.persona("ada").await;
    patch(&house, id, PersonaPatch { quotas: quotas(0, 2), ..Default::default() }).await;
    let give = async |unit, units| {
        let mut work = super::harness::work(id, 500);
        if let crate::supervisor::Work::Goal { proof, .. } = &mut work.what {
            *proof = Proof { counts_as: Some(unit), units, ..Proof::default() };
        }
        house
            .company
            .deliver(work, &house.by())
            .await
            .map(|delivered| delivered.goal.id)
            .map_err(|error| error.to_string())
    };
    assert!(give(Unit::Post, Some(2)).await.is_ok());
    assert_eq!(give(Unit::Post, Some(0)).await.unwrap_err(), "proof.units: must be between 1 and 10000");
    assert_eq!(give(Unit::Post, Some(u32::MAX)).await.unwrap_err(), "proof.units: must be between 1 and 10000");
    let too_much = give(Unit::Post, Some(3)).await.unwrap_err();
    assert!(
        too_much.starts_with("proof.counts_as: counts as 3 post") && too_much.contains("allows 2 a day"),
        "{too_much}"
    );
    let message = give(Unit::Message, None).await.unwrap_err();
    assert_eq!(message, "proof.counts_as: outreach is off: no host policy allows it");

    let closed = HostTerms { outreach: Some(Outreach::default()), ..HostTerms::default() };
    house.company.set_host_policy("board.test".into(), 0, closed, &house.by()).await.unwrap();
    assert!(give(Unit::Message, None).await.unwrap_err().contains("outreach is off"), "nobody said yes to it");
    let outreach = Some(Outreach { recipients: vec!["bo@board.test".into()], opted_out: vec![] });
    let open = HostTerms { outreach, ..HostTerms::default() };
    house.company.set_host_policy("board.test".into(), 1, open, &house.by()).await.unwrap();
    let none = give(Unit::Message, None).await.unwrap_err();
    assert!(none.contains("allows 0 a day: raise it"), "nobody set a quota: {none}");
    let messages = Quotas::from([(Unit::Message, Quota::new(0, 2).unwrap())]);
    patch(&house, id, PersonaPatch { quotas: Some(messages), ..Default::default() }).await;
    assert!(give(Unit::Message, Some(2)).await.is_ok());
    let too_much = give(Unit::Message, Some(3)).await.unwrap_err();
    assert!(too_much.starts_with("proof.counts_as: counts as 3 message"), "{too_much}");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_taken_is_passed_over() {
    let house = house(TestPorts::obliging(), Play::Finish).await;
    let id = planned(&house, 3, 5).await;
    until(|| given(&house).len() == 3).await;
    // A person makes something else of two of them: the day has one left, and all three numbers are taken.
    for goal in &given(&house)[..2] {
        let proof = Some(Proof { counts_as: Some(Unit::Proposal), ..Proof::default() });
        let correction = Correction { version: goal.version, proof, ..Correction::default() };
        house.company.correct_goal(goal.id, correction, &house.by()).await.unwrap();
    }
    let look = async |name: &str| {
        let name = Some(name.to_owned());
        patch(&house, id, PersonaPatch { name, ..Default::default() }).await;
        settle().await;
    };
    look("Ada B").await;
    until(|| given(&house).len() == 5).await;
    assert_eq!(keys(&house), [0, 1, 2, 3, 4].map(|n| format!("plan:2026-11-20:post:{n}")));
    let said = || {
        let bodies = house.test.store.receipts().into_iter().filter_map(|receipt| receipt.body);
        bodies.map(|body| body.summary).filter(|said| said.starts_with("planned ")).collect::<Vec<_>>()
    };
    let twice = ["planned 3 goals for 2026-11-20", "planned 2 goals for 2026-11-20"];
    assert_eq!(said(), twice);
    look("Ada C").await;
    assert_eq!(said(), twice, "a look that gives nothing says nothing");
}
