//! Pages follow the company without reload, and find back after the server was away.

use super::{house::House, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_follows_what_happens_and_catches_up_after_an_outage() {
    let mut house = House::open().await;
    house.persona("Livia").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.is_live().await;
    let _: bool = visitor.ask("window.sameDocument = true").await;

    house.persona("Jason <b>Bold</b>").await;
    visitor.until("document.querySelector('#card-jason-b-bold-b h3').textContent.includes('<b>')").await;
    visitor
        .until("[...document.querySelectorAll('#feed b')].some((who) => who.textContent === 'Jason <b>Bold</b>')")
        .await;

    // Rows do not move away under the pointer: they wait until it leaves.
    visitor.point_at("#feed").await;
    house.persona("Otis").await;
    visitor.until("document.querySelector('#feed-note').textContent === '2 new'").await;
    assert!(!visitor.ask::<String>("document.querySelector('#feed').textContent").await.contains("Otis"));
    visitor.point_at(".brand").await;
    visitor.until("document.querySelector('#feed').textContent.includes('Otis')").await;

    house.lose_server().await;
    visitor.sees("reconnecting").await;
    house.persona("Mara").await;
    house.bring_server_back();
    visitor.is_live().await;
    visitor
        .until("document.querySelector('#card-mara') && document.querySelector('#feed').textContent.includes('Mara')")
        .await;
    assert!(visitor.ask::<bool>("window.sameDocument").await, "all this without a reload");
    visitor.leave().await;
    house.close().await;
}
