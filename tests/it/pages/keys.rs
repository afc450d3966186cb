//! Virtual keys: made, shown once, revoked.

use super::{house::House, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_shown_once_and_revoked() {
    let house = House::open().await;
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/keys").await;
    visitor.write("[name=name]", "ci").await;
    visitor.write("[name='limits.day.micro_usd.hard']", "1.5").await;
    visitor.press("[name=keeps_words]").await;
    visitor.write("main [name=persona]", "nobody").await;
    visitor.press("[data-act$='/keys'] [type=submit]").await;
    visitor.until("document.querySelector('[data-act$=\"/keys\"] .problem').hidden === false").await;
    visitor.write("main [name=persona]", "jason").await;
    visitor.press("[data-act$='/keys'] [type=submit]").await;
    watch.saw("made virtual key ci").await;
    visitor.until("/^gk_.{43}$/.test(document.querySelector('[data-shown=key]').textContent)").await;
    visitor.sees("$0.00 today, $1.50 left").await;
    visitor.sees("keeps words").await;
    visitor.keep("key-made").await;

    visitor.open("/keys").await;
    visitor.until("document.querySelector('[data-shown=key]').textContent === ''").await;
    visitor.press("[data-key=ci] button").await;
    visitor.press("#confirm-yes").await;
    watch.saw("revoked virtual key ci").await;
    visitor.until("document.querySelector('[data-key=ci] .tag time') !== null").await;
    visitor.resize(400).await;
    visitor.fits("keys").await;
    visitor.keep("keys-400").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
