//! Work from the pages: goals and messages given, followed, corrected, resolved, cancelled.

use actors::{
    domain::{Goal, GoalId, IfFailed, Payload, Persona, Phase, Proof, WaitsFor},
    supervisor::{NewWork, Work},
};
use serde_json::{Value, json};

use super::{
    house::{House, by},
    visitor::Visitor,
};

/// Gives a goal of this kind.
pub(super) async fn give(house: &House, to: &Persona, title: &str, payload: Value) -> Goal {
    give_after(house, to, title, payload, Vec::new()).await
}

/// The same behind others.
async fn give_after(house: &House, to: &Persona, title: &str, payload: Value, goals: Vec<GoalId>) -> Goal {
    let kind = if payload.get("steps").is_some() { "browser" } else { "ai" };
    let payload = Payload::parse(kind.parse().unwrap(), payload).unwrap();
    let what = Work::Goal { title: title.to_owned(), payload, proof: Proof::default() };
    let work = NewWork {
        persona: to.id,
        what,
        priority: None,
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor { goals, if_failed: IfFailed::Fail },
    };
    house.company.deliver(work, &by()).await.unwrap().goal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_answered_and_a_goal_leaves_pictures_and_files() {
    let house = House::open().await;
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.says_to("jason", "Say <i>hello</i>").await;
    watch.saw("received").await;
    visitor.sees("Say <i>hello</i>").await;
    visitor.sees("As you wish. <b>Plainly.</b>").await;
    visitor.until("document.querySelector('.conversation .badge.ok')").await;
    visitor.keep("input-answered").await;

    visitor.press("#head [data-open=new-goal]").await;
    visitor.press("#new-goal [name=kind][value=browser]").await;
    visitor.write("#new-goal [name=title]", "Look at the board").await;
    visitor.write("#new-goal [data-kind=browser] [name='payload.steps']", r#"[{"action":"fly"}]"#).await;
    visitor.press("#new-goal [type=submit]").await;
    visitor.until("document.querySelector('[data-kind=browser] .field-problem').textContent.includes('fly')").await;
    let steps = r#"[{"action":"goto","url":"http://rehearsal.localhost/jobs"},{"action":"expect_title","contains":"Job board"},{"action":"screenshot"},{"action":"write_file","path":"note.md","content":"x"}]"#;
    visitor.write("#new-goal [data-kind=browser] [name='payload.steps']", steps).await;
    visitor.press("#new-goal [type=submit]").await;
    visitor.until("location.search === '?tab=progress' && document.readyState === 'complete'").await;
    watch.saw("proved “Look at the board”").await;
    visitor.until("document.querySelector('#goals .badge.ok')").await;
    visitor.keep("progress-done").await;

    visitor.press("#goals article:first-child h3 a").await;
    visitor.until("document.querySelectorAll('#proof .badge.ok').length === 2").await;
    visitor.keep("run-done").await;
    visitor.open("/personas/jason?tab=output").await;
    visitor.until("document.querySelector('.tile img').naturalWidth === 8").await;
    visitor.sees("note.md").await;
    visitor.keep("output-made").await;
    visitor.press(".tabs a[href$=logs]").await;
    visitor.until("location.search === '?tab=logs' && document.querySelectorAll('#log details').length > 8").await;
    visitor.press(".chips a[href$=file]").await;
    visitor
        .until("location.search.endsWith('kind=file') && document.querySelectorAll('#log details').length === 2")
        .await;
    visitor.press("#log details summary").await;
    visitor.until("document.querySelector('#log details').open").await;
    visitor.keep("logs-files").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_goal_is_corrected_and_tried_again() {
    let house = House::open().await;
    let jason = house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/personas/jason").await;
    visitor.is_live().await;
    give(&house, &jason, "Outline", json!({"prompt": "please fail"})).await;
    visitor.until("document.querySelector('#goals .badge.bad')").await;
    let mut watch = house.watch();
    visitor.press("[data-correct]").await;
    visitor.write("#correct-goal [name=payload]", r#"{"prompt": "please do well"}"#).await;
    visitor.press("#correct-goal [type=submit]").await;
    watch.saw("correct").await;
    visitor.sees("Corrected.").await;
    visitor.press("#goals button[data-act$='/retry']").await;
    watch.saw("proved “Outline”").await;
    visitor.until("document.querySelector('#goals .badge.ok')").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_whether_a_lost_effect_happened_and_resolves_the_alert() {
    let house = House::open().await;
    let jason = house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/personas/jason").await;
    visitor.is_live().await;
    let steps = json!({"steps": [
        {"action": "goto", "url": "http://rehearsal.localhost/jobs"},
        {"action": "click", "selector": "#vanish"},
        {"action": "goto", "url": "http://rehearsal.localhost/jobs"},
        {"action": "expect_title", "contains": "Job board"},
    ]});
    give(&house, &jason, "Send it", steps.clone()).await;
    visitor.sees("did its last effect happen?").await;
    visitor.sees("Did it happen?").await;
    visitor.keep("progress-reconcile").await;
    let mut watch = house.watch();
    visitor.press("#goals button[data-body*='\"done\"']").await;
    visitor.press("#confirm-yes").await;
    watch.saw("proved “Send it”").await;
    visitor.until("document.querySelector('#goals .badge.ok')").await;

    give(&house, &jason, "Send another", steps).await;
    visitor.until("document.querySelector('#goals .badge.warn')").await;
    visitor.press("#goals button[data-body*='not_done']").await;
    visitor.press("#confirm-yes").await;
    let said = watch.saw("had not happened").await;
    assert_eq!((said.phase, said.state.as_deref()), (Some(Phase::Reconciled), Some("not_begun")));
    // The step is free again, so it is tried again, and this world loses sight of it again.
    watch.saw("nobody saw whether").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_cancelled_from_its_goal_and_from_its_run() {
    let house = House::open().await;
    let jason = house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/personas/jason").await;
    visitor.is_live().await;
    give(&house, &jason, "Slow one", json!({"prompt": "linger"})).await;
    visitor.until("document.querySelector('#goals .badge.live')").await;
    visitor.until("document.querySelector('#held').textContent === '1'").await;
    visitor.keep("progress-running").await;
    let mut watch = house.watch();
    visitor.press("#goals button[data-act$='/cancel']").await;
    watch.saw("cancel").await;
    visitor.until("!document.querySelector('#goals .badge.live')").await;

    give(&house, &jason, "Slow too", json!({"prompt": "linger"})).await;
    visitor.until("document.querySelector('#goals article h3 a')?.textContent === 'Slow too'").await;
    visitor.press("#goals article:first-child h3 a").await;
    visitor.until("document.querySelector('#run-head button[data-act$=\"/cancel\"]')").await;
    visitor.is_live().await;
    visitor.press("#run-head button[data-act$='/cancel']").await;
    visitor.press("#confirm-yes").await;
    watch.saw("cancel").await;
    visitor.until("document.querySelector('#run-head .badge').textContent === 'cancelled'").await;
    visitor.keep("run-cancelled").await;

    visitor.open("/runs?persona=jason&state=cancelled").await;
    visitor.sees("Slow too").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_shows_what_it_waits_for_and_fails_with_it() {
    let house = House::open().await;
    let (jason, mia) = (house.persona("Jason").await, house.persona("Mia").await);
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/personas/jason").await;
    visitor.is_live().await;
    let slow = give(&house, &mia, "Slow <b>one</b>", json!({"prompt": "linger"})).await;
    give_after(&house, &jason, "Then", json!({"prompt": "do well"}), vec![slow.id]).await;
    visitor.sees("waits for “Slow <b>one</b>”").await;
    visitor.keep("progress-waits-for").await;
    let mut watch = house.watch();
    visitor.press(&format!("#goals a[href$='#goal-{}']", slow.id)).await;
    visitor.until(&format!("document.querySelector('#goal-{} button[data-act$=\"/cancel\"]')", slow.id)).await;
    visitor.is_live().await;
    visitor.press("#goals button[data-act$='/cancel']").await;
    let said = watch.saw("failed “Then”").await;
    assert_eq!((said.phase, said.state.as_deref()), (Some(Phase::Decision), Some("failed")));
    visitor.open("/personas/jason").await;
    visitor.sees("see to that one, then retry this one").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_goal_waits_for_is_chosen_and_corrected_in_its_dialogs() {
    let house = House::open().await;
    let (jason, mia) = (house.persona("Jason").await, house.persona("Mia").await);
    let visitor = Visitor::signed_in(&house, 1440).await;
    let slow = give(&house, &mia, "Slow <b>one</b>", json!({"prompt": "linger"})).await;
    let other = give(&house, &mia, "Other", json!({"prompt": "linger"})).await;
    visitor.open("/personas/jason").await;
    visitor.is_live().await;
    let mut watch = house.watch();
    visitor.press("#head [data-open=new-goal]").await;
    visitor.write("#new-goal [name=title]", "Then").await;
    visitor.write("#new-goal [name='payload.prompt']", "do well").await;
    visitor.press("#new-goal details:has([name=waits_for]) summary").await;
    choose(&visitor, "#new-goal [name=waits_for]", slow.id).await;
    visitor.keep("new-goal-waits-for-1440").await;
    visitor.resize(400).await;
    visitor.fits("new goal").await;
    visitor.keep("new-goal-waits-for-400").await;
    visitor.resize(1440).await;
    visitor.press("#new-goal [type=submit]").await;
    watch.saw("received goal “Then”").await;
    visitor.sees("waits for “Slow <b>one</b>”").await;
    let find = async || {
        let goals = house.deps.db.goals(Default::default()).await.unwrap();
        goals.into_iter().find(|goal| goal.title == "Then").unwrap()
    };
    let waits_for = async |goal: GoalId| {
        let mut waits = house.deps.db.prerequisites(&[goal]).await.unwrap();
        waits.remove(&goal).unwrap_or_default().into_iter().map(|p| (p.goal.id, p.if_failed)).collect::<Vec<_>>()
    };
    let then = find().await;
    assert_eq!(waits_for(then.id).await, [(slow.id, IfFailed::Fail)]);

    let correct = format!("[data-correct='{}']", then.id);
    visitor.press(&correct).await;
    choose(&visitor, "#correct-goal [name=waits_for]", other.id).await;
    visitor.ask::<String>("document.querySelector('#correct-goal [name=if_failed]').value = 'release'").await;
    visitor.keep("correct-goal-waits-for").await;
    visitor.press("#correct-goal [type=submit]").await;
    watch.saw("correct").await;
    visitor.sees("waits for “Other”").await;
    assert_eq!(waits_for(then.id).await, [(other.id, IfFailed::Release)]);

    // What was not touched is not sent, so a goal that has begun can be corrected too.
    visitor.press(&format!("[data-correct='{}']", then.id)).await;
    visitor.write("#correct-goal [name=title]", "And then").await;
    visitor.press("#correct-goal [type=submit]").await;
    visitor.sees("And then").await;
    assert_eq!(waits_for(then.id).await, [(other.id, IfFailed::Release)]);
    assert_eq!(jason.id, then.persona);
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// Chooses exactly this goal, once it is offered.
async fn choose(visitor: &Visitor, select: &str, goal: GoalId) {
    visitor.until(&format!("document.querySelector(`{select} option[value='{goal}']`)")).await;
    let script = format!(
        "[...document.querySelector(`{select}`).options].map((option) => option.selected = option.value === '{goal}').length"
    );
    assert!(visitor.ask::<u32>(&script).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_circuit_is_seen_and_resolved() {
    let house = House::open().await;
    let jason = house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.is_live().await;
    for title in ["One", "Two", "Three"] {
        give(&house, &jason, title, json!({"prompt": "please fail"})).await;
    }
    visitor.sees("Circuit open").await;
    visitor.until("document.querySelector('#card-jason').innerText.includes('paused')").await;
    visitor.keep("personas-alert").await;
    let mut watch = house.watch();
    visitor.press(".alert button").await;
    watch.saw("resolved").await;
    visitor.until("!document.querySelector('.alert')").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
