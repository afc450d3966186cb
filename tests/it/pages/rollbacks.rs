//! A step is taken back from its run's page: shown in a dialog, done by the second press, wide and narrow and by keyboard.

use std::{fs, path::Path};

use actors::domain::{Effect, Payload, Proof, Step, StepsPayload, WaitsFor};
use actors::supervisor::{NewWork, Work};
use serde_json::json;

use super::{
    house::{House, by},
    visitor::Visitor,
};

fn put(root: &Path, name: &str, more: &str) {
    let folder = root.join("tools").join(name);
    fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "name = \"{name}\"\ndescription = \"For a test.\"\ncommand = [\"true\"]\neffect = \"idempotent\"\n{more}\n\
         [parameters]\ntype = \"object\"\n"
    );
    fs::write(folder.join("tool.toml"), manifest).unwrap();
}

const BUTTON: &str = "#steps [data-rollback]";
const IS_OPEN: &str = "document.querySelector('#rollback').open";
/// The press before is over.
const IS_IDLE: &str = "!document.querySelector('#rollback').open && !document.querySelector('#steps [aria-busy]')";

/// Gives a goal of two calls, the second of which can be taken back.
async fn give(house: &House) {
    let root = &house.deps.config.data_root;
    put(root, "book", "inverse = { tool = \"give_back\", args = { ticket = \"value.ticket\" } }");
    put(root, "give_back", "");
    let jason = house.persona("Jason").await;
    let call = |name: &str| {
        let args = json!({"seat": "12a"}).as_object().unwrap().clone();
        Step::Tool {
            name: name.into(),
            args,
            effect: Effect::Idempotent,
            outreach: false,
            save_as: None,
            timeout_ms: None,
        }
    };
    let steps = vec![call("give_back"), call("book")];
    let what =
        Work::Goal { title: "Book".to_owned(), payload: Payload::Io(StepsPayload { steps }), proof: Proof::default() };
    let work = NewWork {
        persona: jason.id,
        what,
        priority: None,
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    };
    house.company.deliver(work, &by()).await.unwrap();
}

/// The dialog, wide and narrow.
async fn looks(visitor: &Visitor) {
    for (width, name) in [(400, "rollback-400"), (1440, "rollback-1440")] {
        visitor.resize(width).await;
        visitor.press(BUTTON).await;
        visitor.until(IS_OPEN).await;
        visitor.sees("\"ticket\": \"t-1\"").await;
        visitor.fits(name).await;
        visitor.keep(name).await;
        visitor.press("#rollback [value=no]").await;
        visitor.until(IS_IDLE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_taken_back_by_two_presses() {
    let house = House::open().await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    give(&house).await;
    let run = watch.saw("could not confirm “Book”").await.run.unwrap();
    visitor.open(&format!("/runs/{run}")).await;
    visitor.is_live().await;
    visitor.until(&format!("document.querySelectorAll('{BUTTON}').length === 1")).await;
    assert!(visitor.ask::<bool>(&format!("document.querySelector('{BUTTON}').dataset.step === '2'")).await);

    looks(&visitor).await;
    // By keyboard: the focus is inside, and comes back.
    let _: bool = visitor.ask(&format!("(document.querySelector('{BUTTON}').focus(), true)")).await;
    visitor.key("Enter").await;
    visitor.until(IS_OPEN).await;
    visitor.until("document.querySelector('#rollback').contains(document.activeElement)").await;
    visitor.key("Escape").await;
    visitor.until(&format!("{IS_IDLE} && document.activeElement.matches('{BUTTON}')")).await;
    visitor.key("Enter").await;
    visitor.until(IS_OPEN).await;
    visitor.key("Tab").await;
    visitor.until("document.activeElement.id === 'rollback-yes'").await;
    visitor.key("Enter").await;
    watch.saw("confirmed that step 2 of “Book” is rolled back").await;
    let back = watch.saw("proved “Roll back step 2 of “Book” with give_back”").await;
    visitor.until(&format!("!document.querySelector('{BUTTON}')")).await;
    visitor.sees("rollback done").await;
    visitor.fits("rolled back").await;
    visitor.keep("rolled-back-1440").await;
    visitor.press("#steps a.badge").await;
    visitor.until(&format!("location.pathname === '/runs/{}'", back.run.unwrap())).await;
    visitor.sees("Takes back what a step of another run did").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
