//! Rooms in a real browser: opened, talked in by keyboard, followed live, archived; on wide and narrow screens.

use actors::{
    domain::{Author, Member, PersonId, PersonaId, Room, RoomMessageId},
    supervisor::rooms::{NewRoom, NewSaying, RoomPatch},
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
    visitor.until("document.querySelector('#say:disabled')?.placeholder === 'This room is archived'").await;
    visitor.until("document.querySelector('#send:disabled')").await;
    visitor.press("#head [data-act*=reopen]").await;
    visitor.until("document.querySelector('#say:enabled') && document.querySelector('#send:enabled')").await;
    visitor.write("textarea[name=text]", "   ").await;
    visitor.key("Enter").await;
    visitor.until("document.querySelector('.compose .field-problem')").await;
    // What is refused stays in sight when the page is refreshed.
    house.persona("Dee").await;
    visitor.until("document.querySelector('#feed').textContent.includes('Dee')").await;
    visitor.until("document.querySelector('#other-dee')").await;
    assert!(visitor.ask::<bool>("!!document.querySelector('#say[aria-invalid] + .field-problem')").await);
    visitor.press("#head [data-act*=archive]").await;
    visitor.press("#confirm-yes").await;
    visitor.until("document.querySelector('#say:disabled')").await;
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
    visitor.until("document.querySelectorAll('.turn-list .badge.ok').length === 2").await;
    visitor.until("[...document.querySelectorAll('.turn')].every((turn) => !turn.querySelector('.badge.live'))").await;
    let first = "document.querySelector('.floor .turn-list li').innerText.replace(/\\s+/g, ' ')";
    let named: String = visitor.ask(first).await;
    assert!(named.contains("Bo") && named.contains("1000") && named.contains("names me"), "{named}");
    assert!(visitor.ask::<bool>("document.querySelector('textarea[name=text]').value === ''").await, "sent");
    let link: String = visitor.ask("document.querySelector('.who a.mono').getAttribute('href')").await;
    assert!(link.starts_with("/runs/") && link.contains("#r-"), "{link}");
}

/// Brings somebody in, changes the topic, looks at it on both screens.
async fn changes(visitor: &Visitor) {
    visitor.until("document.querySelector('.members').innerText.includes('Ada')").await;
    let cy: String = visitor.ask("document.querySelector('#others option').value").await;
    visitor.write("#bring-in [name=personas]", "nobody").await;
    visitor.key("Enter").await;
    visitor.sees("there is no persona `nobody`").await;
    visitor.write("#bring-in [name=personas]", &cy).await;
    visitor.press("#bring-in [type=submit]").await;
    visitor.sees("Cy & <i>Co</i>").await;
    visitor
        .until("!document.querySelector('#others option') && !document.querySelector('#bring-in input').value")
        .await;
    visitor.until("document.querySelectorAll('#members li').length === 4").await;
    visitor.press("[data-fill=change-room]").await;
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

/// A room of these, and of the owner.
async fn room_of(house: &House, name: &str, personas: Vec<PersonaId>) -> Room {
    let people = vec![(PersonId::from([1; 16]), "owner".to_owned())];
    let new = NewRoom { name: name.to_owned(), topic: "Everybody".to_owned(), personas, people };
    house.company.create_room(new, &by()).await.unwrap()
}

async fn say(house: &House, room: &Room, text: &str) -> RoomMessageId {
    let author = Author::person("owner");
    let saying = NewSaying { room: room.id, author, text: text.to_owned(), correlation: None };
    house.company.say(saying, &by()).await.unwrap().message.id
}

/// Requests that change something wait until the test lets each go on, or fail.
const HELD: &str = "(() => { const real = window.fetch; window.held = [];
    window.fetch = (to, asked) => asked?.method === 'POST' && to.endsWith('/messages')
        ? new Promise((go, fail) => held.push({ go: () => go(real(to, asked)), fail: () => fail(new TypeError('cut')) }))
        : real(to, asked);
    return true; })()";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_something_is_sent_is_kept() {
    let house = House::open().await;
    let ada = house.persona("Ada").await;
    let room = room_of(&house, "Studio", vec![ada.id]).await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open(&format!("/rooms/{}", room.id)).await;
    visitor.is_live().await;
    let _: bool = visitor.ask(HELD).await;
    visitor.write("#say", "First").await;
    visitor.key("Enter").await;
    visitor.until("held.length === 1").await;
    visitor.write("#say", "Second").await;
    visitor.key("Enter").await;
    let holds = "[document.querySelector('#say').value, held.length]";
    assert_eq!(visitor.ask::<(String, usize)>(holds).await, ("Second".to_owned(), 1), "one after the other");
    let _: bool = visitor.ask("(held[0].go(), true)").await;
    visitor.sees("First").await;
    visitor.until("!document.querySelector('#send[aria-busy]')").await;
    assert_eq!(visitor.ask::<(String, usize)>(holds).await, ("Second".to_owned(), 1), "it was not sent yet");

    visitor.press("#send").await;
    visitor.until("held.length === 2").await;
    visitor.key("Enter").await;
    let _: bool = visitor.ask("(held[1].fail(), true)").await;
    visitor.sees("The server cannot be reached").await;
    assert_eq!(visitor.ask::<(String, usize)>(holds).await, ("Second".to_owned(), 2), "nothing is lost");
    visitor.until("!document.querySelector('#send[aria-busy]')").await;
    visitor.press("#send").await;
    visitor.until("held.length === 3").await;
    let _: bool = visitor.ask("(held[2].go(), true)").await;
    visitor.until("document.querySelector('#say').value === ''").await;
    visitor.until("document.querySelectorAll('.bubble.me').length === 2").await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_a_room_starts_from_what_it_is_now() {
    let house = House::open().await;
    let ada = house.persona("Ada").await;
    let room = room_of(&house, "Studio", vec![ada.id]).await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open(&format!("/rooms/{}", room.id)).await;
    visitor.is_live().await;
    let renames = async |version: i64, name: &str| {
        let patch = RoomPatch { name: Some(name.to_owned()), ..RoomPatch::default() };
        house.company.update_room(room.id, version, patch, &by()).await.unwrap();
        visitor.until(&format!("document.querySelector('h1').innerText === '{name}'")).await;
    };
    renames(1, "Atelier").await;
    visitor.press("#head [data-fill=change-room]").await;
    visitor.write("#change-room [name=topic]", "What we write").await;
    // Somebody else is faster: nothing of theirs is undone unseen.
    renames(2, "Workshop").await;
    visitor.press("#change-room [type=submit]").await;
    visitor.sees("changed meanwhile").await;
    visitor.press("#change-room footer [data-close]").await;
    visitor.press("#head [data-fill=change-room]").await;
    visitor.until("document.querySelector('#change-room [name=name]').value === 'Workshop'").await;
    visitor.write("#change-room [name=topic]", "What we write").await;
    visitor.press("#change-room [type=submit]").await;
    visitor.until("document.querySelector('#head').innerText.includes('What we write')").await;
    let room = house.deps.db.room(room.id).await.unwrap().unwrap();
    assert_eq!((room.name.as_str(), room.version), ("Workshop", 4));
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_stay_are_not_moved_when_older_ones_leave() {
    let house = House::open().await;
    let mut personas = Vec::new();
    for number in 0..14 {
        personas.push(house.persona(&format!("P{number}")).await.id);
    }
    let room = room_of(&house, "Hall", personas[..1].to_vec()).await;
    for number in 0..40 {
        say(&house, &room, &format!("Line {number}")).await;
    }
    let others = personas[1..].iter().map(|id| Member::Persona { id: *id }).collect();
    house.company.join_room(room.id, others, &by()).await.unwrap();
    let asked = say(&house, &room, "Who is here?").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open(&format!("/rooms/{}", room.id)).await;
    visitor.is_live().await;
    let floor = format!("document.querySelector('#floor-{asked}')");
    visitor
        .until(&format!("{floor}.querySelectorAll('li.out').length >= 12 && !document.querySelector('.badge.live')"))
        .await;
    let script = format!(
        "(() => {{ const floor = {floor}; floor.open = true; window.list = floor.querySelector('.turn-list'); \
         list.scrollTop = 60; list.focus({{ preventScroll: true }}); window.moved = []; \
         window.first = document.querySelector('#conversation .turn').id; \
         new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach((node) => moved.push(node.id)))) \
           .observe(document.querySelector('#conversation'), {{ childList: true }}); return list.scrollTop; }})()"
    );
    assert_eq!(visitor.ask::<i64>(&script).await, 60);
    for text in ["And now?", "And then?"] {
        say(&house, &room, text).await;
        visitor.sees(text).await;
    }
    visitor.until("!document.getElementById(first)").await;
    let after: (bool, i64) = visitor.ask("[document.activeElement === list, list.scrollTop]").await;
    assert_eq!(after, (true, 60), "focus and scroll are where they were");
    let kept: Vec<String> = visitor.ask(&format!("moved.filter((id) => id === 'said-{asked}')")).await;
    assert!(kept.is_empty(), "the row was moved");
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_about_what_is_no_longer_shown_count_as_open() {
    let house = House::open().await;
    let ada = house.persona("Ada").await;
    let room = room_of(&house, "Studio", vec![ada.id]).await;
    let mut watch = house.watch();
    say(&house, &room, "linger a little").await;
    watch.saw("began attempt 1").await;
    for number in 0..41 {
        say(&house, &room, &format!("Line {number}")).await;
    }
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open(&format!("/rooms/{}", room.id)).await;
    visitor.sees("2 turns open").await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_ticked_can_be_named() {
    let house = House::open().await;
    for number in 0..26 {
        house.persona(&format!("P{number}")).await;
    }
    let visitor = Visitor::signed_in(&house, 1440).await;
    visitor.open("/rooms").await;
    visitor.press("main [data-open=add-room]").await;
    assert_eq!(visitor.ask::<usize>("document.querySelectorAll('#add-room [type=checkbox]').length").await, 24);
    visitor.write("#add-room [name=name]", "Studio").await;
    visitor.press("#add-room [value=p0]").await;
    visitor.write("#add-room [data-type=words]", "p24, p25").await;
    visitor.keep("room-add-1440").await;
    visitor.press("#add-room [type=submit]").await;
    visitor.until("location.pathname.startsWith('/rooms/') && document.readyState === 'complete'").await;
    let members: String = visitor.ask("document.querySelector('#members').innerText").await;
    assert!(["P0", "P24", "P25"].iter().all(|name| members.contains(name)), "{members}");
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// Fourteen personas and a person, through the whole server.
#[tokio::test(flavor = "multi_thread")]
async fn of_fourteen_the_granted_number_answers_within_ten_seconds() {
    let house = House::open().await;
    let mut personas = Vec::new();
    for number in 0..14 {
        personas.push(house.persona(&format!("P{number}")).await.id);
    }
    let room = room_of(&house, "Hall", personas).await;
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
        "document.querySelectorAll('#floor-{} .turn-list li.out').length === 12 && !document.querySelector('.badge.live')",
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
    // What somebody passed on is no goal of its own that was cancelled.
    let passed = turns.iter().find(|turn| turn.state.as_str() == "passed").unwrap();
    visitor.open(&format!("/personas/{}?tab=progress", passed.persona)).await;
    let cancelled =
        "[...document.querySelectorAll('#goals article .badge')].some((one) => one.textContent === 'cancelled')";
    visitor.until(&format!("document.querySelector('#passed p') && !{cancelled}")).await;
    visitor.press("#passed summary").await;
    visitor.sees("passed: ").await;
    visitor.fits("passed at 400").await;
    visitor.keep("progress-passed-400").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
