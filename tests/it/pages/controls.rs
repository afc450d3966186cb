//! Every control acts, and its receipt is found.

use super::{
    house::{House, by},
    visitor::Visitor,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_link_is_used_up_by_its_button_only() {
    let house = House::open().await;
    let link = house.login_link().await;
    let visitor = Visitor::come(&house, 1440).await;
    visitor.open("/personas").await;
    visitor.sees("You need a link").await;

    visitor.open(&link).await;
    visitor.open(&link).await;
    let mut watch = house.watch();
    visitor.press("form[action='/login'] button").await;
    visitor.sees("Nobody is here yet").await;
    watch.saw("logged in").await;

    visitor.open(&link).await;
    visitor.press("form[action='/login'] button").await;
    visitor.sees("This link was used or has expired").await;

    visitor.open("/personas").await;
    visitor.press("footer button").await;
    watch.saw("logged out").await;
    visitor.sees("You need a link").await;
    visitor.leave().await;
    house.close().await;
}

/// From the dialog, at the second try.
async fn add_ada(visitor: &Visitor) {
    visitor.press(".topbar [data-open=add-persona]").await;
    visitor.write("#add-persona [name=name]", "Ada Lovelace").await;
    visitor.until("document.querySelector('#add-persona [name=slug]').value === 'ada-lovelace'").await;
    visitor.write("#add-persona [name='profile.style_primer']", "Plain words.").await;
    visitor.write("#add-persona [name=hosts]", "not a host!").await;
    visitor.press("#add-persona [type=submit]").await;
    visitor.until("document.querySelector('#add-persona [name=hosts]').getAttribute('aria-invalid') === 'true'").await;
    visitor.keep("add-persona-refused").await;
    visitor.write("#add-persona [name=hosts]", "example.com").await;
    visitor.press("#add-persona [type=submit]").await;
    visitor.until("location.pathname === '/personas/ada-lovelace'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persona_is_added_changed_and_deleted_from_the_pages() {
    let house = House::open().await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();

    add_ada(&visitor).await;
    watch.saw("created").await;

    visitor.open("/personas/ada-lovelace?tab=settings").await;
    visitor.write("[data-settings] [name=description]", "Counts <i>everything</i>").await;
    visitor.write("[data-settings] [name=weight]", "2.5").await;
    visitor.press("[data-settings] [type=submit]").await;
    visitor.sees("Saved.").await;
    let updated = watch.saw("updated by").await;
    assert_eq!(updated.body.as_ref().unwrap().data["changed"], serde_json::json!(["description", "weight"]));
    let ada = house.deps.db.persona_named("ada-lovelace").await.unwrap().unwrap();
    assert_eq!((ada.description.as_str(), ada.version), ("Counts <i>everything</i>", 2));
    assert_eq!((ada.hosts.as_slice(), ada.weight.thousandths()), (&["example.com".to_owned()][..], 2_500));

    // Someone else changes it meanwhile: nothing is overwritten.
    let patch = actors::supervisor::PersonaPatch { name: Some("Ada".to_owned()), ..Default::default() };
    house.company.update_persona(ada.id, 2, patch, &by()).await.unwrap();
    visitor.write("[data-settings] [name=description]", "Counts nothing").await;
    visitor.press("[data-settings] [type=submit]").await;
    visitor.until("!document.querySelector('[data-settings] > .problem').hidden").await;

    visitor.write("[name=name].mono", "JOBS_PASSWORD").await;
    visitor.write("[name=value]", "correct horse battery").await;
    visitor.press("form[data-act*=secrets] [type=submit]").await;
    watch.saw("kept a key").await;
    visitor.sees("…tery").await;
    assert!(!visitor.ask::<bool>("document.body.outerHTML.includes('correct horse')").await, "a secret stays");
    visitor.keep("settings").await;
    visitor.press("#keys button").await;
    visitor.press("#confirm-yes").await;
    watch.saw("forgot a key").await;
    visitor.sees("No key of its own").await;

    visitor.press("button.danger[data-act^=DELETE]").await;
    visitor.press("#confirm button[value=no]").await;
    visitor.press("button.danger[data-act^=DELETE]").await;
    visitor.press("#confirm-yes").await;
    watch.saw("deleted").await;
    visitor.sees("Nobody is here yet").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persona_is_paused_resumed_and_restarted() {
    let house = House::open().await;
    house.persona("Livia").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/livia").await;
    visitor.press("button[data-act$='/pause']").await;
    watch.saw("paused").await;
    visitor.until("document.querySelector('#head').innerText.includes('paused')").await;
    visitor.press("button[data-act$='/resume']").await;
    watch.saw("resumed").await;
    visitor.press("button[data-act$='/restart']").await;
    watch.saw("restart").await;
    visitor.is_clean().await;

    house.persona("Jason").await;
    visitor.open("/personas").await;
    visitor.write("#filter", "jas").await;
    visitor.until("!document.querySelector('#card-livia').checkVisibility()").await;
    assert!(visitor.ask::<bool>("document.querySelector('#card-jason').checkVisibility()").await);
    visitor.leave().await;
    house.close().await;
}
