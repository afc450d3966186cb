//! Templates by their names, each carried out on the rehearsal site in a real browser. What counts is what the site holds.

use actors::domain::{
    AgentPayload, Assertion, Goal, GoalState, HostTerms, Outreach, Payload, PersonaId, Phase, Proof, Quota, Quotas,
    Role, Unit,
};
use actors::supervisor::PersonaPatch;
use greenroom::{
    config::ProviderKind,
    tools::templates::{self, Template},
};
use serde_json::{Value, json};

use super::house::House;
use crate::models::mock::{Mock, Reply, Seen};

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

fn letter(to: &str) -> Value {
    json!({"platform": "rehearsal", "to": to, "text": "We audit data pipelines.", "batch_size": to.lines().count()})
}

/// What the policy of the practice site says; `version`: of the one before.
async fn policy(house: &House, version: i64, opted_out: &[&str]) {
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
    let outreach = Outreach { recipients: names(&["bo@a.test", "cy@a.test"]), opted_out: names(opted_out) };
    let disclosure = "Written by a machine. Answer STOP to hear no more.".to_owned();
    let terms = HostTerms { disclosure, outreach: Some(outreach), ..HostTerms::default() };
    house.company.set_host_policy("rehearsal.localhost".into(), version, terms, &house.by).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_go_to_who_wants_them_with_what_the_policy_wants_said_and_to_nobody_else() {
    let house = House::open().await;
    let jason = house.hire("jason", Role::Worker).await;
    let who = house.storage.db.persona(jason).await.unwrap().unwrap();
    let made = |to: &str| templates::make("outreach.send_message", letter(to).as_object().unwrap(), &who).unwrap();
    let sent = || house.site.store().letters();

    // Without a policy of the host no message is counted, and none is sent by a goal that counts as nothing either.
    let mut uncounted = made("bo@a.test");
    (uncounted.proof.counts_as, uncounted.proof.units) = (None, None);
    let off = house.play(jason, uncounted).await;
    assert_eq!(off.state, GoalState::Failed, "{off:?}");
    assert!(off.last_error.unwrap().contains("outreach is off on rehearsal.localhost"));

    policy(&house, 0, &["cy@a.test"]).await;
    let messages = Quotas::from([(Unit::Message, Quota::new(0, 9).unwrap())]);
    let patch = PersonaPatch { quotas: Some(messages), ..PersonaPatch::default() };
    house.company.update_persona(jason, who.version, patch, &house.by).await.unwrap();
    let done = house.play(jason, made("bo@a.test")).await;
    assert_eq!(done.state, GoalState::Done, "{done:?}");
    let letters = sent();
    let wanted = "We audit data pipelines.\n\nRef. ID\n\nWritten by a machine. Answer STOP to hear no more.";
    assert_eq!((letters.len(), letters[0].to.as_str()), (1, "bo@a.test"));
    assert_eq!(letters[0].text.replace("\r\n", "\n"), wanted.replace("ID", &done.id.to_string()));
    assert_eq!(units(&house, &done).await, Some(1));
    let rows = std::fs::read_to_string(house.root.path().join(format!("personas/{jason}/files/sent.csv"))).unwrap();
    assert!(rows.contains(&format!("bo@a.test,{}", done.id)), "{rows}");

    // Who opted out is not written to, whatever else stands there; nor is who never asked for it.
    for (to, why) in [("cy@a.test", "does not want to be written to"), ("ed@a.test", "is not among those who want")] {
        let refused = house.play(jason, made(to)).await;
        assert!(refused.last_error.as_ref().unwrap().contains(why), "{refused:?}");
        let receipts = house.storage.records.goal_receipts(refused.id).await.unwrap();
        let denied = receipts.iter().find(|receipt| receipt.phase == Some(Phase::Denied)).unwrap();
        assert!(denied.tool.as_deref() == Some("browser_message") && denied.body.as_ref().unwrap().error.is_some());
    }
    assert_eq!(sent().len(), 1);
    let receipts = house.storage.records.goal_receipts(done.id).await.unwrap();
    let said = |phase| {
        let of = |receipt: &&actors::domain::Receipt| {
            receipt.phase == Some(phase) && receipt.tool.as_deref() == Some("browser_message")
        };
        receipts.iter().find(of).and_then(|receipt| receipt.body.clone()).unwrap()
    };
    assert!(said(Phase::Intent).data["args"]["text"].as_str().unwrap().contains("Answer STOP"));
    assert_eq!(said(Phase::Outcome).summary, "wrote to bo@a.test");
    house.close().await;
}

/// Signs in and writes to the two names in its task, one after the other.
fn writes(seen: &Seen) -> Reply {
    let go = |path: &str| ("browser_navigate", json!({"url": format!("http://rehearsal.localhost{path}")}));
    let fill = |at: &str, text: &str| ("browser_fill", json!({"selector": at, "text": text}));
    let letter = |to: &str| {
        let fields = json!({"to": to, "text": "We audit data pipelines.", "to_field": "#to", "text_field": "#text", "send": "#send"});
        Reply::calls([
            go("/outbox/new"),
            ("browser_message", fields),
            ("browser_expect_title", json!({"contains": "Letter sent"})),
        ])
    };
    let messages = seen.body["messages"].as_array().unwrap();
    match messages.iter().filter(|message| message["role"] == "assistant").count() {
        0 => Reply::calls([
            go("/login"),
            fill("#email", "jason@greenroom.example"),
            fill("#password", "rehearsal"),
            ("browser_click", json!({"selector": "#sign-in"})),
            ("browser_wait_for", json!({"selector": "#signed-in"})),
        ]),
        1 => letter("bo@a.test"),
        2 => letter("cy@a.test"),
        _ => Reply::text("I wrote to Bo."),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_writes_to_who_wants_it_where_the_policy_lets_it_and_to_nobody_else() {
    let mock = Mock::answering(writes).await;
    let house = House::asking(mock.config(ProviderKind::OpenAi)).await;
    let jason = house.hire("jason", Role::Worker).await;
    let agent = || Template {
        title: "Write to two".into(),
        payload: Payload::Agent(Box::new(AgentPayload::new("Write to bo@a.test and to cy@a.test."))),
        proof: Proof { assertions: vec![Assertion::TitleContains("Letter sent".into())], ..Proof::default() },
    };
    let denied = async |goal: &Goal| -> Vec<String> {
        let receipts = house.storage.records.goal_receipts(goal.id).await.unwrap();
        let of = receipts.into_iter().filter(|receipt| {
            receipt.phase == Some(Phase::Denied) && receipt.tool.as_deref() == Some("browser_message")
        });
        of.filter_map(|receipt| receipt.body?.error).collect()
    };
    let off = house.play(jason, agent()).await;
    let offered = mock.requests()[0].body["tools"].to_string();
    assert!(offered.contains("browser_message") && offered.contains("host's policy allows outreach"), "{offered}");
    assert!(house.site.store().letters().is_empty());
    let why = denied(&off).await;
    assert!(why.len() == 2 && why.iter().all(|why| why.contains("outreach is off")), "{why:?}");

    policy(&house, 0, &["cy@a.test"]).await;
    let sent = house.play(jason, agent()).await;
    assert_eq!(sent.state, GoalState::Done, "{:?}", sent.last_error);
    let letters = house.site.store().letters();
    assert_eq!((letters.len(), letters[0].to.as_str()), (1, "bo@a.test"));
    assert!(letters[0].text.contains("Answer STOP to hear no more."), "{}", letters[0].text);
    let why = denied(&sent).await;
    assert!(why.len() == 1 && why[0].contains("does not want to be written to"), "{why:?}");
    house.close().await;
}
