//! Tools granted and revoked, agents kept, and a question answered, on the pages.

use super::{house::House, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_granted_agents_kept_and_questions_answered() {
    let house = House::open().await;
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/jason?tab=settings").await;
    visitor.is_live().await;
    visitor.press("#tools-network summary").await;
    visitor.press("[data-tool=http_fetch] button").await;
    watch.saw("tools granted or revoked by").await;
    visitor.until("document.querySelector('[data-tool=http_fetch] .badge.ok')").await;
    visitor.write("[name=agent]", "reader").await;
    visitor.write("[data-act*='/agents/'] [name=instructions]", "Look twice.").await;
    visitor.write("[data-act*='/agents/'] [name=tools]", "browser_navigat").await;
    visitor.press("[data-act*='/agents/'] [type=submit]").await;
    visitor.sees("nearest: browser_navigate").await;
    visitor.write("[data-act*='/agents/'] [name=tools]", "browser_navigate").await;
    visitor.press("[data-act*='/agents/'] [type=submit]").await;
    visitor.until("document.querySelector('#agents').textContent.includes('only browser_navigate')").await;
    saves_permissions(&visitor).await;
    let to_tools = "(document.querySelector('#tools-title').scrollIntoView({block: 'start'}), true)";
    let _: bool = visitor.ask(to_tools).await;
    visitor.keep("settings-tools-1440").await;
    visitor.resize(400).await;
    visitor.fits("tools").await;
    let _: bool = visitor.ask(to_tools).await;
    visitor.keep("settings-tools-400").await;
    visitor.resize(1440).await;
    let jason = house.deps.db.persona_named("jason").await.unwrap().unwrap();
    assert!(jason.grants.names("http_fetch") && jason.agents[0].tools == ["browser_navigate"]);

    visitor.open("/personas/jason?tab=progress").await;
    visitor.is_live().await;
    visitor.press("#head [data-open=new-goal]").await;
    visitor.press("#new-goal [name=kind][value=agent]").await;
    visitor.write("#new-goal [name=title]", "Choose a colour").await;
    visitor.write("#new-goal [data-kind=agent] [name='payload.task']", "Ask me for a colour.").await;
    visitor.press("#new-goal [type=submit]").await;
    watch.saw("asked a person").await;
    question_is_led_to(&visitor).await;
    visitor.write("#goals [name=answer]", "Blue").await;
    visitor.press("#goals form [type=submit]").await;
    watch.saw("answered by").await;
    watch.saw("could not confirm “Choose a colour”").await;
    visitor.sees("Blue it is.").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// What was granted and kept meanwhile does not stand in the way of the other forms.
async fn saves_permissions(visitor: &Visitor) {
    visitor.write("[name=rules]", "ask browser_click on =rehearsal.localhost").await;
    visitor.press("[data-act$=permissions] [type=submit]").await;
    visitor.sees("Permissions saved.").await;
}

async fn question_is_led_to(visitor: &Visitor) {
    visitor.sees("Which colour?").await;
    visitor.press("#alerts a.btn").await;
    visitor.until("document.querySelector(location.hash)?.querySelector('[name=answer]')").await;
    visitor.keep("question-1440").await;
    visitor.resize(400).await;
    visitor.fits("question").await;
    visitor.keep("question-400").await;
}
