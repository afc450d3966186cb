//! Quotas, planned days and templates on the pages.

use std::sync::Arc;

use greenroom::tools::templates::Templates;

use super::{house::House, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_set_days_planned_and_goals_made_from_templates() {
    let house = House::open().await;
    house.company.plan_from(Arc::new(Templates));
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/jason?tab=settings").await;
    visitor.write("[name='hours.zone']", "Mars/Olympus").await;
    visitor.press("[data-settings] [type=submit]").await;
    visitor.until("document.querySelector('[name=\"hours.zone\"]').getAttribute('aria-invalid') === 'true'").await;
    visitor.write("[name='hours.zone']", "Asia/Tokyo").await;
    visitor.press("[data-settings] [type=submit]").await;
    watch.saw("updated by").await;

    visitor.until("document.querySelector('[data-act$=quotas] [name=version]').value === '2'").await;
    visitor.write("[name='quotas.post.floor']", "5").await;
    visitor.write("[name='quotas.post.ceiling']", "3").await;
    visitor.press("[data-act$=quotas] [type=submit]").await;
    visitor
        .until("document.querySelector('[name=\"quotas.post.floor\"]').getAttribute('aria-invalid') === 'true'")
        .await;
    visitor.keep("quotas-refused").await;
    visitor.write("[name='quotas.post.floor']", "1").await;
    visitor.press("[data-act$=quotas] [type=submit]").await;
    watch.saw("updated by").await;
    visitor.sees("Quotas saved.").await;
    visitor.until("document.querySelector('[data-act$=autoplan] [name=version]').value === '3'").await;
    plans(&visitor, &house).await;
    watch.saw("planned 11 goals").await;
    visitor.keep("settings-planned").await;

    visitor.open("/personas/jason").await;
    visitor.until("document.querySelector('#today-proposals b').textContent === '0/20'").await;
    visitor.press("#today-proposals summary").await;
    visitor.sees("Submit a proposal: data pipeline").await;
    visitor.keep("today-planned").await;

    a_goal_from_a_template(&visitor).await;
    visitor.resize(400).await;
    visitor.fits("today").await;
    visitor.keep("today-400").await;
    visitor.open("/personas/jason?tab=settings").await;
    visitor.fits("settings").await;
    visitor.keep("settings-planned-400").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// Plans its days, from nothing but what is written.
async fn plans(visitor: &Visitor, house: &House) {
    let work = async || house.deps.db.persona_named("jason").await.unwrap().unwrap().autoplan.work;
    visitor.press("[data-act$=autoplan] [type=submit]").await;
    visitor.sees("Plan saved.").await;
    assert!(work().await.is_empty(), "the example is no plan");
    visitor
        .write("[name=work]", r#"[{"template": "social.post", "params": {"platform": "rehearsal", "asset": "A"}}]"#)
        .await;
    visitor.press("[data-act$=autoplan] [type=submit]").await;
    visitor.until("document.querySelector('[data-act$=autoplan] [name=version]').value === '5'").await;
    assert_eq!(work().await.len(), 1);
    let _: bool = visitor.ask("(document.querySelector('[name=work]').value = '', true)").await;
    visitor.press("[data-act$=autoplan] [type=submit]").await;
    visitor.until("document.querySelector('[data-act$=autoplan] [name=version]').value === '6'").await;
    assert!(work().await.is_empty(), "emptied");
    let example = "(field => (field.value = field.placeholder, true))(document.querySelector('[name=work]'))";
    let _: bool = visitor.ask(example).await;
    let _: bool = visitor.ask("(document.querySelector('[data-act$=autoplan] [name=on]').value = 'true', true)").await;
    visitor.press("[data-act$=autoplan] [type=submit]").await;
}

/// Gives a post from the dialog, after a field was refused.
async fn a_goal_from_a_template(visitor: &Visitor) {
    visitor.press("#head [data-open=new-goal]").await;
    visitor.press("#new-goal [name=kind][value='']").await;
    let choose = "(c => (c.value = 'social.post', c.dispatchEvent(new Event('change', {bubbles: true}))))(document.querySelector('[data-template-choice]'))";
    let _: bool = visitor.ask(choose).await;
    visitor.write("[data-template='social.post'] [name='params.asset']", "${secret:a}").await;
    visitor.press("#new-goal [type=submit]").await;
    visitor.until("document.querySelector('#new-goal .field-problem').textContent.includes('must not hold')").await;
    visitor.keep("new-goal-template").await;
    visitor.write("[data-template='social.post'] [name='params.asset']", "Rows do not vanish.").await;
    visitor.press("#new-goal [type=submit]").await;
    visitor.until("location.search === '?tab=progress' && document.readyState === 'complete'").await;
    visitor.sees("Post: Rows do not vanish.").await;
}
