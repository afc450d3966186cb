//! Pages on a wide and on a narrow screen, and by keyboard.

use actors::supervisor::rooms::NewRoom;

use super::{
    house::{House, by},
    visitor::Visitor,
};

const PLACES: [(&str, &str); 14] = [
    ("personas", "/personas"),
    ("progress", "/personas/livia?tab=progress"),
    ("input", "/personas/livia?tab=input"),
    ("logs", "/personas/livia?tab=logs"),
    ("output", "/personas/livia?tab=output"),
    ("settings", "/personas/livia?tab=settings"),
    ("rooms", "/rooms"),
    ("room", "/rooms/Studio"),
    ("runs", "/runs"),
    ("approvals", "/approvals"),
    ("tools", "/tools"),
    ("tool", "/tools/http_fetch"),
    ("missing", "/personas/nobody"),
    ("nowhere", "/no/such/page"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_wide_and_narrow_screens_and_obeys_the_content_policy() {
    let house = House::open().await;
    let livia = house.persona("Livia").await;
    let room =
        NewRoom { name: "Studio".to_owned(), topic: String::new(), personas: vec![livia.id], people: Vec::new() };
    house.company.create_room(room, &by()).await.unwrap();
    let visitor = Visitor::signed_in(&house, 1440).await;
    for width in [1440, 400] {
        visitor.resize(width).await;
        for (name, place) in PLACES {
            visitor.open(place).await;
            visitor.keep(&format!("{name}-{width}")).await;
            visitor.fits(name).await;
            visitor.is_clean().await;
            for link in ["/personas", "/rooms", "/runs", "/approvals", "/tools"] {
                let script = format!("document.querySelector('.topbar nav a[href=\"{link}\"]').checkVisibility()");
                assert!(visitor.ask::<bool>(&script).await, "{name} at {width}: {link} can be reached");
            }
        }
    }
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_usable_by_keyboard() {
    let house = House::open().await;
    house.persona("Livia").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/personas").await;
    visitor.key("Tab").await;
    assert_eq!(visitor.ask::<String>("document.activeElement.className").await, "skip");
    visitor.key("Enter").await;
    visitor.until("location.hash === '#main'").await;
    visitor.key("Tab").await;
    assert_eq!(visitor.ask::<String>("document.activeElement.id").await, "filter");
    visitor.key("Tab").await;
    let outline = "getComputedStyle(document.activeElement, '::after').outlineStyle";
    assert_eq!(visitor.ask::<String>(outline).await, "solid", "the focus on a card can be seen");

    let _: bool = visitor.ask("(document.querySelector('.topbar [data-open]').focus(), true)").await;
    visitor.key("Enter").await;
    visitor.until("document.activeElement.name === 'name'").await;
    visitor.key("Escape").await;
    visitor.until("!document.querySelector('#add-persona').open").await;
    assert!(visitor.ask::<bool>("document.activeElement.matches('[data-open=add-persona]')").await, "focus comes back");
    visitor.leave().await;
    house.close().await;
}
