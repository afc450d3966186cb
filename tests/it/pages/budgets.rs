//! Budgets on the Settings tab.

use super::{house::House, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn budgets_are_set_in_dollars_and_shown_with_what_is_left() {
    let house = House::open().await;
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/jason?tab=settings").await;
    visitor.write("[name='limits.day.micro_usd.hard']", "1.5").await;
    visitor.write("[name='limits.day.micro_usd.soft']", "2").await;
    visitor.press("[data-act$=budgets] [type=submit]").await;
    let refused =
        "document.querySelector('[name=\"limits.day.micro_usd.soft\"]').getAttribute('aria-invalid') === 'true'";
    visitor.until(refused).await;
    visitor.keep("budgets-refused").await;
    visitor.write("[name='limits.day.micro_usd.soft']", "1").await;
    visitor.write("[name='limits.month.tokens.hard']", "90000").await;
    visitor.press("[data-act$=budgets] [type=submit]").await;
    watch.saw("set the budgets of Jason").await;
    visitor.sees("Budgets saved.").await;
    visitor.sees("$0.00 spent, $1.50 of $1.50 left").await;
    visitor.sees("0 tokens spent, 90000 tokens of 90000 tokens left").await;
    let versions = "document.querySelector('[data-act$=budgets] [name=version]').value === '1' && document.querySelector('[data-act$=quotas] [name=version]').value === '1'";
    visitor.until(versions).await;

    // From what was saved, without reading the page again; an emptied field is a limit taken away.
    visitor.write("[name='limits.day.micro_usd.hard']", "0.25").await;
    let _: bool =
        visitor.ask("(document.querySelector('[name=\"limits.day.micro_usd.soft\"]').value = '', true)").await;
    let _: bool = visitor.ask("(document.querySelector('[name=\"limits.month.tokens.hard\"]').value = '', true)").await;
    visitor.press("[data-act$=budgets] [type=submit]").await;
    watch.saw("set the budgets of Jason").await;
    visitor.sees("$0.00 spent, $0.25 of $0.25 left").await;
    visitor.keep("budgets-set").await;
    visitor.resize(400).await;
    visitor.fits("settings").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
