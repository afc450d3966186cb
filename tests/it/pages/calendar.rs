//! The calendar's controls, in a real browser.

use super::{house::House, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_put_on_the_calendar_switched_and_removed_from_the_page() {
    let house = House::open().await;
    house.persona("Ada").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/ada").await;
    visitor.sees("Nothing on the calendar").await;

    visitor.press("[data-open=new-schedule]").await;
    visitor.write("#new-schedule [name=name]", "Morning round").await;
    visitor.write("#new-schedule [name=cron]", "0 0 30 2 *").await;
    visitor.write("#new-schedule [name=text]", "Good morning <b>you</b>").await;
    visitor.press("#new-schedule [type=submit]").await;
    visitor.sees("never comes").await;
    visitor.until("document.querySelector('#new-schedule [name=cron]').getAttribute('aria-invalid') === 'true'").await;
    visitor.keep("calendar-refused").await;
    visitor.write("#new-schedule [name=cron]", "0 9 1 1 *").await;
    visitor.press("#new-schedule [type=submit]").await;
    watch.saw("on the calendar").await;
    visitor.sees("Good morning <b>you</b>").await;

    // A goal has its own fields, and a message none of them.
    visitor.press("[data-open=new-schedule]").await;
    let shown = |kind: &str| format!("!document.querySelector('#new-schedule [data-kind={kind}]').hidden");
    visitor.until(&format!("{} && !({})", shown("chat"), shown("ai"))).await;
    visitor.press("#new-schedule [name=kind][value=ai]").await;
    visitor.until(&format!("{} && !({})", shown("ai"), shown("chat"))).await;
    visitor.write("#new-schedule [name=name]", "Yearly line").await;
    visitor.write("#new-schedule [name=cron]", "0 10 1 1 *").await;
    visitor.write("#new-schedule [name=title]", "A line for the year").await;
    visitor.write("#new-schedule [name='payload.prompt']", "Write a line.").await;
    visitor.press("#new-schedule [type=submit]").await;
    visitor.sees("ai goal “A line for the year”").await;
    visitor.keep("calendar").await;
    visitor.resize(400).await;
    visitor.fits("calendar-narrow").await;
    visitor.resize(1440).await;

    visitor.press("#calendar article:first-child [data-act^=PATCH]").await;
    watch.saw("switched off").await;
    visitor.sees("switched off").await;
    visitor.press("#calendar article:first-child [data-act^=DELETE]").await;
    visitor.press("#confirm-yes").await;
    watch.saw("off the calendar").await;
    visitor.until("document.querySelectorAll('#calendar article').length === 1").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
