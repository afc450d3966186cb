//! The stage on the page of all personas: who holds a slot, live, as a picture and as words.

use serde_json::json;

use super::{house::House, visitor::Visitor, work::give};

#[tokio::test(flavor = "multi_thread")]
async fn the_stage_shows_who_holds_a_slot_live_and_in_words() {
    let house = House::open().await;
    let (jason, mia) = (house.persona("Jason").await, house.persona("Mia <b>").await);
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.is_live().await;
    visitor.sees("Nobody held one in the last 5 minutes").await;
    give(&house, &jason, "Slow one", json!({"prompt": "linger"})).await;
    visitor.until("document.querySelector('#stage .lane title')?.textContent.startsWith('Jason holds it for')").await;
    give(&house, &mia, "Slow too", json!({"prompt": "linger"})).await;
    visitor.until("document.querySelectorAll('#stage .lane').length === 2").await;
    visitor.until("document.querySelector('#stage').textContent.includes('Nobody waits for a slot.')").await;

    // By keyboard: the list opens, and a refresh leaves it open.
    let _: bool = visitor.ask("(document.querySelector('#stage-list summary').focus(), true)").await;
    visitor.key("Enter").await;
    visitor.until("document.querySelector('#stage-list').open").await;
    let rows = "[...document.querySelectorAll('#stage-list tbody tr')].map((row) => row.textContent).join('|')";
    let text: String = visitor.ask(rows).await;
    assert!(text.contains("Jason") && text.contains("Mia <b>") && text.contains("and still"), "{text}");
    house.persona("Otis").await;
    visitor.until("document.querySelector('#card-otis')").await;
    assert!(visitor.ask::<bool>("document.querySelector('#stage-list').open").await);
    for width in [1440, 400] {
        visitor.resize(width).await;
        visitor.keep(&format!("stage-{width}")).await;
        visitor.fits("the stage").await;
    }
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
