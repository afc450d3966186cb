//! Fixed plans that fetch, search and ask a person, in the whole house.

use actors::domain::{Assertion, GoalKind, GoalState, ParkedOn, Payload, Proof, Role};
use greenroom::{config::ProviderKind, tools::templates::Template};
use serde_json::json;

use super::{house::House, toolkit::Site};
use crate::models::mock::Mock;

fn plan() -> Template {
    let steps = json!({"steps": [
        {"action": "web_search", "query": "lineage", "save_as": "hits"},
        {"action": "fetch", "url": "http://board.example/page", "save_as": "page"},
        {"action": "ask_human", "question": "Keep “{{page}}”?", "save_as": "word"},
        {"action": "write_file", "path": "kept.md", "content": "{{word}}\n{{page}}\n{{hits}}"},
    ]});
    let payload = Payload::parse(GoalKind::Io, steps).unwrap();
    let proof = Proof { assertions: vec![Assertion::File("kept.md".into())], ..Proof::default() };
    Template { title: "Keep a page".into(), payload, proof }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_uses_what_it_fetched_found_and_was_answered_and_comes_out_again() {
    let (site, mock) = (Site::start().await, Mock::start([]).await);
    let search = Some(format!("http://{}/search", site.addr).parse().unwrap());
    let house = House::reaching(mock.config(ProviderKind::OpenAi), &[("board.example", site.addr)], search).await;
    let jason = house.hire("jason", Role::Worker).await;
    house.may(jason, &["network"]).await;
    let asks = house.play(jason, plan()).await;
    assert_eq!(asks.parked_on, Some(ParkedOn::Answer), "{:?}", asks.last_error);
    assert!(asks.last_error.unwrap().starts_with("Keep “Jobs"), "the page stands in the question");
    let mut receipts = house.company.receipts();
    house.company.answer_goal(asks.id, "Keep it.".into(), &house.by).await.unwrap();
    let done = loop {
        receipts.recv().await.unwrap();
        let goal = house.storage.db.goal(asks.id).await.unwrap().unwrap();
        if goal.state.is_over() {
            break goal;
        }
    };
    assert_eq!(done.state, GoalState::Done, "{:?}", done.last_error);
    let file = house.root.path().join(format!("personas/{jason}/files/kept.md"));
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(kept.starts_with("Keep it.\nJobs\n") && kept.contains("\"title\":\"Lineage\""), "{kept}");
    drop(site);
    let replayed = house.replayed_in_the_dark(asks.id).await;
    assert!(replayed.difference.is_none(), "{:?}", replayed.difference);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_the_grant_is_denied_on_record() {
    let (site, mock) = (Site::start().await, Mock::start([]).await);
    let house = House::reaching(mock.config(ProviderKind::OpenAi), &[("board.example", site.addr)], None).await;
    let jason = house.hire("jason", Role::Worker).await;
    let goal = house.play(jason, plan()).await;
    assert_eq!(goal.state, GoalState::Failed);
    assert!(goal.last_error.unwrap().contains("web_search is not granted to jason"));
    house.close().await;
}
