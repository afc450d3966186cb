//! Every boundary, of the run itself and of its recovery after the worst of crashes.

use std::collections::HashMap;

use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    boundary::{self, Boundary, Places},
    death::{dead_at, dies_at},
    end_states::{self, RULES, Rule},
    say,
    stage::{Stage, give, proposal},
};

/// Servers with their browsers at work at once, in all tests together.
static AT_ONCE: Semaphore = Semaphore::const_new(3);

#[tokio::test(flavor = "multi_thread")]
async fn at_every_boundary_the_goal_comes_to_its_written_end() {
    let boundaries = boundaries().await;
    let rules = end_states::assigned(&boundaries, Places::of(&proposal()));
    end_states::are_all_used(&rules);
    let deaths = boundaries.into_iter().zip(rules).map(|(boundary, rule)| (vec![boundary.name], &RULES[rule]));
    all(deaths.collect()).await;
}

/// It happened, nobody wrote it down, and who finds out is killed too.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_recovery_changes_nothing() {
    let submit = Places::of(&proposal()).submit;
    let first = format!("before execution/browser_click/outcome/{submit}/done#1");
    let rules = end_states::assigned(&[Boundary::parse(&first)], Places::of(&proposal()));
    let boundaries = recovery(&first).await;
    // Looking at the pages before it again is like the first time.
    let is_new = |name: &String| !boundary::is_of_step_before(name, submit);
    let deaths = boundaries.into_iter().filter(is_new).map(|name| (vec![first.clone(), name], &RULES[rules[0]]));
    let deaths: Vec<_> = deaths.collect();
    assert!(deaths.iter().any(|(names, _)| names[1].contains("/reconciled/")), "{deaths:?}");
    all(deaths).await;
}

/// The boundaries of a run that nobody disturbs: those of its receipts, and nothing else.
async fn boundaries() -> Vec<Boundary> {
    let stage = Stage::open().await;
    let server = stage.begin("").await;
    let goal = give(&server, &proposal()).await;
    let goal = server.at_rest(goal["id"].as_str().unwrap()).await;
    assert_eq!(goal["state"], "done", "{goal:#}");
    assert_eq!(stage.submitted().len(), 1);
    let receipts = server.receipts(goal["id"].as_str().unwrap()).await;
    let told = stage.close(server).await;
    assert_eq!(told, boundary::of_receipts(&receipts), "every receipt has its two boundaries");
    told.iter().map(|name| Boundary::parse(name)).collect()
}

/// The boundaries of the server that carries on after a crash there.
async fn recovery(first: &str) -> Vec<String> {
    let stage = Stage::open().await;
    let server = dead_at(&stage, &[first.to_owned()], Some(""), &proposal()).await;
    let goals = server.get("/api/goals").await;
    server.over(goals["items"][0]["id"].as_str().unwrap()).await;
    stage.close(server).await
}

/// All of them, a few at a time; fails with every fault at once.
async fn all(deaths: Vec<(Vec<String>, &'static Rule)>) {
    let (began, count) = (Instant::now(), deaths.len());
    let (mut runs, mut names) = (JoinSet::new(), HashMap::new());
    for (death, rule) in deaths {
        let name = death.join(", then ");
        let run = runs.spawn(async move {
            let _place = AT_ONCE.acquire().await.unwrap();
            dies_at(&death, rule).await
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
        if over.is_multiple_of(10) || over == count {
            say(&format!("{over} of {count} boundaries after {:.1} s", began.elapsed().as_secs_f64()));
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
