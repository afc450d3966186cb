//! Every boundary of a goal of every kind on both databases, and of the recovery after the worst of crashes.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    boundary::{self, Boundary},
    death::{dead_at, dies_at},
    end_states::{self, Rule},
    place::Database::{self, Postgres, Sqlite},
    proposer, say,
    stage::{Stage, give},
    subject::Subject,
};
use crate::models::mock::Mock;

/// Servers at work at once, in all tests together: those with a browser, and those without.
static WITH_BROWSER: Semaphore = Semaphore::const_new(3);
static WITHOUT: Semaphore = Semaphore::const_new(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_goal_on_sqlite() {
    dies_everywhere(Subject::browser(), Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_goal_on_postgres() {
    dies_everywhere(Subject::browser(), Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_io_goal() {
    for database in [Sqlite, Postgres] {
        dies_everywhere(Subject::io(), database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ai_goal() {
    for database in [Sqlite, Postgres] {
        dies_everywhere(Subject::ai(), database).await;
    }
}

/// What a model chose is on record, and is not asked for again; what it is asked again it answers as before.
#[tokio::test(flavor = "multi_thread")]
async fn an_agents_goal() {
    let model = Mock::answering(Subject::keeps_a_row).await;
    for database in [Sqlite, Postgres] {
        dies_everywhere(Subject::agent(&model), database).await;
    }
}

/// In a real browser: what it clicked is never clicked again, and every run comes out of its record with no network.
#[tokio::test(flavor = "multi_thread")]
async fn an_agents_goal_in_a_browser_on_sqlite() {
    let model = Mock::answering(proposer::proposes).await;
    dies_everywhere(proposer::subject(&model), Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_goal_in_a_browser_on_postgres() {
    let model = Mock::answering(proposer::proposes).await;
    dies_everywhere(proposer::subject(&model), Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_goal() {
    for database in [Sqlite, Postgres] {
        dies_everywhere(Subject::report(), database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_and_the_one_that_waits_for_it() {
    for database in [Sqlite, Postgres] {
        dies_everywhere(Subject::released(), database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_fails_and_the_one_that_waits_for_it() {
    for database in [Sqlite, Postgres] {
        dies_everywhere(Subject::fails(), database).await;
    }
}

/// It happened, nobody wrote it down, and who finds out is killed too.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_recovery_changes_nothing() {
    let subject = Subject::browser();
    let submit = subject.places().submit;
    let first = format!("before execution/browser_click/outcome/{submit}/done#1");
    let rules = end_states::assigned(subject.rules, &[Boundary::parse(&first)], subject.places());
    let boundaries = recovery(&subject, &first).await;
    // Looking at the pages before it again is like the first time.
    let is_new = |name: &String| !boundary::is_of_step_before(name, submit);
    let rule = &subject.rules[rules[0]];
    let deaths = boundaries.into_iter().filter(is_new).map(|name| (vec![first.clone(), name], rule));
    let deaths: Vec<_> = deaths.collect();
    assert!(deaths.iter().any(|(names, _)| names[1].contains("/reconciled/")), "{deaths:?}");
    all(subject, Sqlite, deaths).await;
}

/// At every boundary its goals come to their written end.
async fn dies_everywhere(subject: Subject, database: Database) {
    let boundaries = boundaries(&subject, database).await;
    let rules = end_states::assigned(subject.rules, &boundaries, subject.places());
    end_states::are_all_used(subject.rules, &rules);
    let deaths = boundaries.into_iter().zip(rules);
    let deaths = deaths.map(|(boundary, rule)| (vec![boundary.name], &subject.rules[rule])).collect();
    all(subject, database, deaths).await;
}

/// The boundaries of work that nobody disturbs: those of its receipts, and nothing else.
async fn boundaries(subject: &Subject, database: Database) -> Vec<Boundary> {
    let _place = place(subject).await;
    let stage = Stage::of(subject, database).await;
    let server = stage.begin("").await;
    if subject.goals.len() > 1 {
        server.post("/api/personas/jason/pause", &serde_json::json!({})).await;
    }
    let mut receipts = Vec::new();
    for goal in give(&server.caller(), &subject.goals).await.unwrap() {
        let id = goal["id"].as_str().unwrap();
        let goal = server.over(id).await;
        receipts.extend(server.receipts(id).await);
        let ended = end_states::undisturbed(subject.rules).as_shown().0;
        assert_eq!(goal["state"], ended, "{goal:#}");
    }
    receipts.sort_by_key(|receipt| receipt["seq"].as_i64());
    assert_eq!(stage.submitted().len(), usize::from(subject.has_browser()));
    let told = stage.close(server).await;
    assert_eq!(told, boundary::of_receipts(&receipts), "every receipt has its two boundaries");
    told.iter().map(|name| Boundary::parse(name)).collect()
}

/// The boundaries of the server that carries on after a crash there.
async fn recovery(subject: &Subject, first: &str) -> Vec<String> {
    let _place = place(subject).await;
    let stage = Stage::open(Sqlite).await;
    let server = dead_at(&stage, subject, &[first.to_owned()], Some("")).await;
    let goals = server.get("/api/goals").await;
    server.over(goals["items"][0]["id"].as_str().unwrap()).await;
    stage.close(server).await
}

async fn place(subject: &Subject) -> SemaphorePermit<'static> {
    let places = if subject.has_browser() { &WITH_BROWSER } else { &WITHOUT };
    places.acquire().await.unwrap()
}

/// All of them, a few at a time; fails with every fault at once.
async fn all(subject: Subject, database: Database, deaths: Vec<(Vec<String>, &'static Rule)>) {
    let (began, count) = (Instant::now(), deaths.len());
    let what = format!("{} on {}", subject.name, database.name());
    let subject = Arc::new(subject);
    let (mut runs, mut names) = (JoinSet::new(), HashMap::new());
    for (death, rule) in deaths {
        let (name, subject) = (death.join(", then "), subject.clone());
        let run = runs.spawn(async move {
            let _place = place(&subject).await;
            dies_at(&subject, database, &death, rule).await
        });
        names.insert(run.id(), name);
    }
    let (mut ends, mut faults) = (Vec::new(), Vec::new());
    while let Some(run) = runs.join_next_with_id().await {
        match run {
            Ok((id, end)) => ends.push(format!("{}: {end}", names[&id])),
            Err(error) => faults.push(format!("{}: {}", names[&error.id()], why(error))),
        }
        let over = ends.len() + faults.len();
        if over.is_multiple_of(20) || over == count {
            say(&format!("{what}: {over} of {count} boundaries after {:.1} s", began.elapsed().as_secs_f64()));
        }
    }
    ends.sort();
    println!("{}", ends.join("\n"));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n\n"));
}

fn why(error: JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
