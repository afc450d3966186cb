//! Templates by their names, each carried out on the rehearsal site in a real browser. What counts is what the site holds.

use actors::domain::{Goal, GoalState, PersonaId, Role, Unit};
use greenroom::tools::templates;
use serde_json::{Value, json};

use super::house::House;

async fn play(house: &House, persona: PersonaId, name: &str, params: Value) -> Goal {
    let who = house.storage.db.persona(persona).await.unwrap().unwrap();
    let goal = house.play(persona, templates::make(name, params.as_object().unwrap(), &who).unwrap()).await;
    assert_eq!(goal.state, GoalState::Done, "{name}: {:?} {:?}", goal.result, goal.last_error);
    goal
}

/// The units that a goal's last receipt counts.
async fn units(house: &House, goal: &Goal) -> Option<i64> {
    house.storage.records.goal_receipts(goal.id).await.unwrap().last().unwrap().units
}

#[tokio::test(flavor = "multi_thread")]
async fn every_named_template_is_done_and_proven() {
    let house = House::open().await;
    let jason = house.hire("jason", Role::Worker).await;
    let site = || house.site.store();

    let proposal = json!({"niche": "data pipeline", "platform": "rehearsal", "rate": "$1,900 fixed"});
    let proposal = play(&house, jason, "worker.submit_proposal", proposal).await;
    let sent = &site().proposals()[0];
    assert_eq!((&sent.reference, sent.rate.as_str()), (&proposal.id.to_string(), "$1,900 fixed"));
    assert_eq!(sent.email, "jason@greenroom.example", "its own account");

    let asset = "One order, traced end to end.";
    let post = play(&house, jason, "social.post", json!({"platform": "rehearsal", "asset": asset})).await;
    assert_eq!(site().posts()[0].text, format!("{asset} · {}", post.id));
    let files = house.root.path().join(format!("personas/{jason}/files"));
    let rows = std::fs::read_to_string(files.join("posts.csv")).unwrap();
    assert!(rows.contains(&format!("/feed/1,\"{asset}\",{}", post.id)), "the link: {rows}");

    let work = json!({"platform": "rehearsal", "title": "What the audit found", "brief": "Three rows were lost."});
    let work = play(&house, jason, "deliverable.publish", work).await;
    let handed_in = &site().deliverables()[0];
    assert_eq!((handed_in.title.as_str(), &handed_in.reference), ("What the audit found", &work.id.to_string()));
    let kept = std::fs::read_to_string(files.join(format!("deliverables/{}.md", work.id))).unwrap();
    let same = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        same(&kept),
        same(&format!("# What the audit found {}", handed_in.content)),
        "the file is what was handed in"
    );

    let digest = play(&house, jason, "report.daily_digest", json!({"file": "today.md"})).await;
    assert!(files.join("today.md").is_file());

    for (goal, unit) in [(&proposal, Unit::Proposal), (&post, Unit::Post), (&work, Unit::Deliverable)] {
        assert_eq!((goal.proof.counts_as, units(&house, goal).await), (Some(unit), Some(1)), "{}", goal.title);
    }
    assert_eq!(units(&house, &digest).await, None);
    house.close().await;
}
