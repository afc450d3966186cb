//! A goal in words, from the dialog to its proven end.

use super::{house::House, visitor::Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_in_words_is_given_followed_and_proven() {
    let house = House::open().await;
    house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/jason?tab=progress").await;
    visitor.is_live().await;
    visitor.press("#head [data-open=new-goal]").await;
    visitor.press("#new-goal [name=kind][value=agent]").await;
    visitor.write("#new-goal [name=title]", "Look around").await;
    visitor.write("#new-goal [data-kind=agent] [name='payload.max_steps']", "0").await;
    visitor.write("#new-goal [data-kind=agent] [name='payload.task']", "Open the board and write a note.").await;
    visitor.keep("agent-dialog").await;
    visitor.press("#new-goal [type=submit]").await;
    visitor.until("!document.querySelector('#new-goal [name=\"payload.max_steps\"]').validity.valid").await;
    visitor.write("#new-goal [data-kind=agent] [name='payload.max_steps']", "8").await;
    visitor.press("#new-goal [type=submit]").await;
    watch.saw("proved “Look around”").await;
    visitor.until("document.querySelector('#goals .badge.ok')").await;
    visitor.sees("I opened the board and wrote note.md").await;
    visitor.keep("agent-progress").await;
    visitor.press("#goals article:first-child h3 a").await;
    visitor.sees("says “I opened the board”").await;
    visitor.sees("says “wrote note.md”").await;
    visitor.until("document.querySelectorAll('#proof .badge.bad').length === 0").await;
    visitor.until("document.querySelectorAll('.wf').length >= 6").await;
    visitor.press("#replay").await;
    watch.saw("came out again").await;
    visitor.sees("receipts came out again").await;
    visitor.keep("agent-run-1440").await;
    visitor.resize(400).await;
    visitor.fits("agent run").await;
    visitor.keep("agent-run-400").await;
    // From its last thought on with another task: what was done before comes from the record.
    visitor.resize(1440).await;
    visitor.press("#fork summary").await;
    visitor.write("#fork [name=from]", "99").await;
    visitor.press("#fork [type=submit]").await;
    visitor.until("!document.querySelector('#fork [name=from]').validity.valid").await;
    visitor.ask::<bool>("(document.querySelector('#fork [name=from]').value = document.querySelector('#fork [name=from]').max - 1, true)").await;
    visitor.write("#fork [name=task]", "Say it once more.").await;
    visitor.keep("agent-fork").await;
    visitor.press("#fork [type=submit]").await;
    visitor.until("location.pathname === '/personas/jason'").await;
    watch.saw("proved “Look around (anew from step").await;
    its_input_shows_the_task(&visitor).await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// Not only the title of the goal.
async fn its_input_shows_the_task(visitor: &Visitor) {
    visitor.open("/personas/jason?tab=input").await;
    visitor.sees("Open the board and write a note.").await;
}
