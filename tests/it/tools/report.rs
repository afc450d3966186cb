//! The day in numbers.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use actors::{
    domain::{ArtifactKind, ChainId, Draft, Goal, GoalState, Persona, Receipt, Step},
    ports::{Change, Commit, World},
    testing::{self, MemoryStore, TestWorld},
};
use greenroom::{
    config::StorageConfig,
    storage::Storage,
    tools::{Day, DayBook, Line},
};

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
        "- proposals proven: 3".to_owned(),
        format!("- **done** Open the \\| mail [receipt 2 `{}`]", last(&goals[0])),
        format!("- **failed** Submit a proposal: no posting matched [receipt 2 `{}`]", last(&goals[1])),
        format!("- **parked** Wait [receipt 4 `{}`]", last(&goals[2])),
    ];
    let receipts = receipts.into_iter().map(Line::from).collect();
    let day = Day { personas: vec![livia, jason], goals, receipts, proposals: 3, ..Day::default() };
    let stage = Stage::with(Props { day, ..Props::default() });
    let outcome = stage.perform(Step::DailyReport { save_as: "report".into(), from_ms: None, until_ms: None }).await;
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
    let outcome = stage.perform(Step::DailyReport { save_as: "report".into(), from_ms: None, until_ms: None }).await;
    let text = outcome.data["value"].as_str().unwrap();
    assert!(text.contains("from 0 receipts") && text.contains("The day holds more receipts than are counted here"));
}

#[tokio::test]
async fn the_day_is_read_from_the_store() {
    let (dir, world) = (tempfile::tempdir().unwrap(), Arc::new(TestWorld::new(5)));
    let config = StorageConfig {
        database_url: String::new(),
        min_free_mb: 0,
        readers: NonZeroUsize::MIN,
        key_file: PathBuf::new(),
    };
    let storage = Storage::open(&config, dir.path(), &testing::node(), world.clone()).await.unwrap();
    let livia = testing::persona(&*world, "livia");
    let chain = ChainId::Persona(livia.id);
    let now = world.now_ms();
    let mut goals = [testing::goal(&*world, livia.id), testing::goal(&*world, livia.id)];
    goals[0].updated_ms = now - 86_400_000;
    let draft = |at_ms, goal: Option<&Goal>| Draft {
        at_ms,
        goal: goal.map(|goal| goal.id),
        ..testing::draft(&*world, chain.clone(), None, "did")
    };
    // Yesterday the older goal was given; today it went on, and 1,500 more receipts came.
    let mut receipts = vec![draft(now - 86_400_000, Some(&goals[0])), draft(now, Some(&goals[0]))];
    receipts.extend((0..1_500).map(|_| draft(now, None)));
    let changes = [Change::PersonaCreated(Box::new(livia))].into_iter();
    let changes = changes.chain(goals.iter().map(|goal| Change::GoalAdded(Box::new(goal.clone())))).collect();
    storage.journal.write(vec![Commit { changes, receipts, ..Commit::default() }]).await.unwrap().remove(0).unwrap();

    let day = storage.db.since(now - 3_600_000).await.unwrap();
    assert_eq!((day.receipts.len(), day.cut, day.personas.len()), (1_501, false, 1));
    assert!(day.receipts.iter().is_sorted_by_key(|line| -line.seq), "newest first");
    let found: Vec<_> = day.goals.iter().map(|goal| goal.id).collect();
    assert_eq!(found, [goals[1].id, goals[0].id], "the one that changed, then the one a receipt names");
}
