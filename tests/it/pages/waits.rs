//! Whom a persona wants to be told about is seen and changed on its Settings tab.

use super::{house::House, visitor::Visitor};

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
