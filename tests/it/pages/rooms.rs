//! Rooms in a real browser: opened, talked in by keyboard, followed live, archived; on wide and narrow screens.

use actors::{
    domain::{Author, PersonId},
    supervisor::rooms::{NewRoom, NewSaying},
};

use super::{
    house::{House, by},
    visitor::Visitor,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_opened_talked_in_and_followed_live() {
    let house = House::open().await;
    for name in ["Ada", "Bo", "Cy & <i>Co</i>"] {
        house.persona(name).await;
    }
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/rooms").await;
    visitor.sees("No room yet").await;
    visitor.press("main [data-open=add-room]").await;
    visitor.write("#add-room [name=name]", "Studio").await;
    visitor.press("#add-room [type=submit]").await;
    visitor.until("document.querySelector('#add-room .field-problem, #add-room form > .problem:not([hidden])')").await;
    visitor.sees("must name at least one").await;
    visitor.press("#add-room [value=ada]").await;
    visitor.press("#add-room [value=bo]").await;
    visitor.press("#add-room [type=submit]").await;
    visitor.until("location.pathname.startsWith('/rooms/') && document.readyState === 'complete'").await;
    visitor.is_live().await;
    visitor.sees("Nothing was said yet").await;

    talks(&visitor).await;
    changes(&visitor).await;
    visitor.press("#head [data-act*=archive]").await;
    visitor.press("#confirm-yes").await;
    visitor.until("document.querySelector('#head .tag')?.textContent === 'archived'").await;
    visitor.write("textarea[name=text]", "Too late").await;
    visitor.key("Enter").await;
    visitor.until("!document.querySelector('.compose .problem').hidden").await;
    visitor.sees("is archived").await;
    visitor.open("/rooms").await;
    visitor.sees("archived").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// Asks by keyboard, and sees who answers and why.
async fn talks(visitor: &Visitor) {
    visitor.write("textarea[name=text]", "@Bo, say <b>hello</b>?").await;
    visitor.key("Enter").await;
    visitor.sees("@Bo, say <b>hello</b>?").await;
    visitor.until("document.querySelectorAll('.bubble:not(.me)').length === 2").await;
    visitor.sees("As you wish. <b>Plainly.</b>").await;
    visitor.until("document.querySelectorAll('.turns .badge.ok').length === 2").await;
    visitor.until("[...document.querySelectorAll('.turn')].every((turn) => !turn.querySelector('.badge.live'))").await;
    let first = "document.querySelector('.floor .turns li').innerText.replace(/\\s+/g, ' ')";
    let named: String = visitor.ask(first).await;
    assert!(named.contains("Bo") && named.contains("1000") && named.contains("names me"), "{named}");
    assert!(visitor.ask::<bool>("document.querySelector('textarea[name=text]').value === ''").await, "sent");
    let link: String = visitor.ask("document.querySelector('.who a.mono').getAttribute('href')").await;
    assert!(link.starts_with("/runs/") && link.contains("#r-"), "{link}");
}

/// Brings somebody in, changes the topic, looks at it on both screens.
async fn changes(visitor: &Visitor) {
    visitor.until("document.querySelector('.members').innerText.includes('Ada')").await;
    visitor.press("aside form [type=submit]").await;
    visitor.sees("Cy & <i>Co</i>").await;
    visitor.until("document.querySelectorAll('#members li').length === 4").await;
    visitor.press("[data-open=change-room]").await;
    visitor.write("#change-room [name=topic]", "What we write").await;
    visitor.press("#change-room [type=submit]").await;
    visitor.until("document.querySelector('#head').innerText.includes('What we write')").await;
    visitor.keep("room-talk-1440").await;
    visitor.fits("room at 1440").await;
    visitor.is_clean().await;
    visitor.resize(400).await;
    visitor.keep("room-talk-400").await;
    visitor.fits("room at 400").await;
    visitor.resize(1440).await;
}

/// Fourteen personas and a person, through the whole server.
#[tokio::test(flavor = "multi_thread")]
async fn of_fourteen_the_granted_number_answers_within_ten_seconds() {
    let house = House::open().await;
    let mut personas = Vec::new();
    for number in 0..14 {
        personas.push(house.persona(&format!("P{number}")).await.id);
    }
    let new = NewRoom {
        name: "Hall".to_owned(),
        topic: "Everybody".to_owned(),
        personas,
        people: vec![(PersonId::from([1; 16]), "owner".to_owned())],
    };
    let room = house.company.create_room(new, &by()).await.unwrap();
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open(&format!("/rooms/{}", room.id)).await;
    visitor.is_live().await;
    let asked = tokio::time::Instant::now();
    let saying = NewSaying {
        room: room.id,
        author: Author::person("owner"),
        text: "Who is here today, and what should we look at first?".to_owned(),
        correlation: None,
    };
    let said = house.company.say(saying, &by()).await.unwrap();
    assert_eq!(said.heard_by, 14);
    visitor.until("document.querySelector('.bubble:not(.me)')").await;
    let took = asked.elapsed();
    println!("an answer of 14 on the page after {} ms", took.as_millis());
    assert!(took.as_secs() < 10, "{took:?}");
    let over = format!(
        "document.querySelectorAll('#floor-{} .turns li.out').length === 12 && !document.querySelector('.badge.live')",
        said.message.id
    );
    visitor.until(&over).await;
    let turns = house.deps.db.turns_about(&[said.message.id]).await.unwrap();
    let count = |state: &str| turns.iter().filter(|turn| turn.state.as_str() == state).count();
    assert_eq!((count("spoke"), count("passed")), (2, 12));
    visitor.keep("room-fourteen-1440").await;
    visitor.resize(400).await;
    visitor.keep("room-fourteen-400").await;
    visitor.fits("fourteen at 400").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
