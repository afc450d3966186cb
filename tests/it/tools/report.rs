//! The day in numbers.

use actors::{
    domain::{ArtifactKind, ChainId, Draft, Goal, GoalState, Persona, Receipt, Step},
    ports::{Commit, World},
    testing::{self, MemoryStore, TestWorld},
};
use greenroom::tools::Day;

use super::{Props, Stage};

fn goal(world: &dyn World, persona: &Persona, title: &str, state: GoalState) -> Goal {
    Goal { title: title.into(), state, ..testing::goal(world, persona.id) }
}

/// Two receipts for each goal, newest first.
fn receipts(world: &dyn World, goals: &[Goal]) -> Vec<Receipt> {
    let store = MemoryStore::default();
    for goal in goals {
        let draft =
            |text| Draft { goal: Some(goal.id), ..testing::draft(world, ChainId::Persona(goal.persona), None, text) };
        store.seed(Commit { receipts: vec![draft("began"), draft("ended")], ..Commit::default() }).unwrap();
    }
    store.receipts().into_iter().rev().collect()
}

#[tokio::test]
async fn every_goal_of_the_day_is_counted_with_its_last_receipt() {
    let world = TestWorld::new(3);
    let (livia, jason) = (testing::persona(&world, "livia"), testing::persona(&world, "jason"));
    let mut goals = vec![
        goal(&world, &livia, "Open the | mail", GoalState::Done),
        goal(&world, &jason, "Submit a proposal", GoalState::Failed),
        goal(&world, &jason, "Wait", GoalState::Parked),
    ];
    goals[1].last_error = Some("no posting\nmatched".into());
    let receipts = receipts(&world, &goals);
    let last = |goal: &Goal| receipts.iter().find(|receipt| receipt.goal == Some(goal.id)).unwrap().hash;
    let expected = [
        "# Daily report, 20 November 2026".to_owned(),
        "Counted at 12:00 UTC from 6 receipts.".to_owned(),
        "| livia | 1 | 0 | 0 | 0 | 0 | 2 |".to_owned(),
        "| jason | 0 | 0 | 1 | 0 | 1 | 4 |".to_owned(),
        format!("- **done** Open the \\| mail [receipt 2 `{}`]", last(&goals[0])),
        format!("- **failed** Submit a proposal: no posting matched [receipt 2 `{}`]", last(&goals[1])),
        format!("- **parked** Wait [receipt 4 `{}`]", last(&goals[2])),
    ];
    let day = Day { personas: vec![livia, jason], goals, receipts, cut: false };
    let stage = Stage::with(Props { day, ..Props::default() });
    let outcome = stage.perform(Step::DailyReport { save_as: "report".into() }).await;
    let text = outcome.data["value"].as_str().unwrap();
    for line in expected {
        assert!(text.contains(&line), "{line}\n---\n{text}");
    }
    assert!(!text.contains("more receipts than"), "{text}");
    assert_eq!(
        (outcome.artifacts[0].kind, outcome.artifacts[0].bytes.as_slice()),
        (ArtifactKind::Text, text.as_bytes())
    );
}

#[tokio::test]
async fn a_day_without_anything_is_a_report_too() {
    let stage = Stage::with(Props { day: Day { cut: true, ..Day::default() }, ..Props::default() });
    let outcome = stage.perform(Step::DailyReport { save_as: "report".into() }).await;
    let text = outcome.data["value"].as_str().unwrap();
    assert!(text.contains("from 0 receipts") && text.contains("The day holds more receipts than are counted here"));
}
