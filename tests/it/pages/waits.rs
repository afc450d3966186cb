//! What waits: whom a persona wants to be told about, on its Settings tab; goals that a new one can wait for.

use serde_json::json;

use super::{
    house::{House, by},
    visitor::Visitor,
    work::give,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_added_seen_and_removed_on_the_settings_tab() {
    let house = House::open().await;
    for name in ["Livia", "Helper"] {
        house.persona(name).await;
    }
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/livia?tab=settings").await;
    visitor.sees("It is not told about anybody").await;
    let form = "form[data-act='POST /api/personas/livia/waits']";
    visitor.write(&format!("{form} [name=watched]"), "livia").await;
    visitor.write(&format!("{form} [name=text]"), "parser").await;
    visitor.press(&format!("{form} [type=submit]")).await;
    visitor.sees("Livia would wait for itself").await;
    visitor.write(&format!("{form} [name=watched]"), "helper").await;
    visitor.press(&format!("{form} [type=submit]")).await;
    let made = watch.saw("stands in wait for Helper").await;
    assert_eq!(made.body.as_ref().unwrap().data["condition"]["text"], "parser");
    visitor.sees("about “parser”").await;
    for width in [400, 1440] {
        visitor.resize(width).await;
        let _: bool = visitor.ask("(document.querySelector('#waits').scrollIntoView(), true)").await;
        visitor.keep(&format!("waits-{width}")).await;
        visitor.fits("settings").await;
    }
    visitor.press("#waits button").await;
    visitor.press("#confirm-yes").await;
    watch.saw("no longer stands in wait").await;
    visitor.sees("It is not told about anybody").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_is_open_can_be_waited_for_however_many_came_after_it() {
    let house = House::open().await;
    let livia = house.persona("Livia").await;
    let open = give(&house, &livia, "The open one", json!({"prompt": "linger"})).await;
    for number in 0..201 {
        let over = give(&house, &livia, &format!("Over {number}"), json!({"prompt": "x"})).await;
        house.company.cancel_goal(over.id, &by()).await.unwrap();
    }
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/personas/livia").await;
    visitor.press("#head [data-open=new-goal]").await;
    let listed = "[...document.querySelector('#new-goal select[data-goals]').options].map((one) => one.value)";
    visitor.until(&format!("({listed}).length > 0")).await;
    assert_eq!(visitor.ask::<Vec<String>>(listed).await, [open.id.to_string()]);
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
