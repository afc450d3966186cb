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
    figures(&visitor).await;

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
        let top = |id: &str| format!("document.getElementById('{id}').getBoundingClientRect().top");
        let stage_first: bool = visitor.ask(&format!("{} < {}", top("stage"), top("cards"))).await;
        assert_eq!(stage_first, width == 1440, "on a phone the personas come first");
        visitor.keep(&format!("stage-{width}")).await;
        visitor.fits("the stage").await;
    }
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// What scheduler and inboxes report stands below the time line, in words.
async fn figures(visitor: &Visitor) {
    for words in [
        "slices granted a second",
        "slots in use, the mean",
        "urgent ones late since the start",
        "messages in inboxes",
        "dropped since the start",
        "messages looked at for each one begun",
        "Waits for a slot, by priority",
    ] {
        visitor.sees(words).await;
    }
    let figure = |words: &str| {
        let of = "[...document.querySelectorAll('#stage-figures dl > div')]";
        format!("{of}.find((one) => one.querySelector('dt').textContent === '{words}').querySelector('dd').textContent")
    };
    visitor.until(&format!("{} === '2'", figure("messages in inboxes"))).await;
    visitor.until(&format!("Number({}) > 0", figure("slices granted a second"))).await;
    visitor.until(&format!("{} === '2'", figure("slices granted since the start"))).await;
    visitor.until(&format!("{} === '–'", figure("how evenly time is shared; 1: all alike"))).await;
    visitor.until(&format!("{}.endsWith(' of 8')", figure("slots in use, the mean"))).await;
    visitor.until(&format!("Number({}) >= 1", figure("messages looked at for each one begun"))).await;
    visitor.until(&format!("{} === '0'", figure("urgent ones late since the start"))).await;
    visitor.until(&format!("{} === '0'", figure("dropped since the start"))).await;
    let rows = "[...document.querySelectorAll('#stage-figures tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))";
    visitor.until(&format!("({rows})[1][1] === '2'")).await;
    let rows: Vec<Vec<String>> = visitor.ask(rows).await;
    assert_eq!((rows[0][0].as_str(), rows[0][2].as_str()), ("low, up to 0.3", "–"), "nothing was granted there");
    assert!(rows[1][2..].iter().all(|waited| waited.ends_with(" ms") || waited.ends_with(" s")), "{rows:?}");
}
