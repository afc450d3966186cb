//! Whatever arrives comes in the same way, and says for itself how it is to be treated.

use std::{sync::Arc, time::Duration};

use super::harness::{House, Play, work};
use crate::{
    domain::{ActiveRoom, Arrival, Assignment, ChainId, Chat, MessageKind, Place, ResultOf},
    supervisor::{CommandError, Delivered, NewWork, Work},
};

#[tokio::test(start_paused = true)]
async fn what_arrives_says_for_itself_how_it_is_to_be_treated() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    let deliver = async |arrival: Arc<dyn Arrival>| {
        let what = Work::Arrived(arrival);
        house.company.deliver(NewWork { what, priority: None, ..work(ada, 0) }, &house.by()).await
    };
    let place = || Place {
        room: [7; 16].into(),
        name: "Studio".to_owned(),
        active: Some(ActiveRoom::PersonSpoke),
        own_words: None,
        told: "(Said by Bo.)".to_owned(),
    };
    let overheard = deliver(Arc::new(Chat::in_room("who is there?", place()))).await.unwrap().message;
    assert_eq!((overheard.kind, overheard.optional, overheard.priority.thousandths()), (MessageKind::Room, true, 700));
    assert!(overheard.coalescing.unwrap().starts_with("room:07070707"));
    let named = deliver(Arc::new(Chat::in_room("are you there, @ada?", place()))).await.unwrap().message;
    assert_eq!((named.optional, named.priority.thousandths()), (false, 1_000));
    let result = ResultOf {
        from: "Helper".to_owned(),
        asked: "flags code".to_owned(),
        happened: vec!["flagged parser.rs".to_owned()],
        more: 0,
        burst: "wait:1".to_owned(),
    };
    let Delivered { message, goal, .. } = deliver(Arc::new(result.clone())).await.unwrap();
    assert_eq!((message.kind, message.optional, message.scored), (MessageKind::Result, false, true));
    assert_eq!((message.coalescing.as_deref(), &*goal.title), (Some("wait:1"), "Helper: flagged parser.rs"));
    assert_eq!(house.test.store.messages().iter().find(|m| m.id == message.id), Some(&message));
    let receipts = house.test.store.chain(&ChainId::Persona(ada));
    let received = receipts.iter().find(|r| r.goal == Some(goal.id)).unwrap().body.clone().unwrap();
    assert_eq!(received.summary, "received a result: Helper: flagged parser.rs");
    assert_eq!(received.data["coalescing"], "wait:1");
    for (field, wrong) in [
        ("happened", ResultOf { happened: Vec::new(), ..result.clone() }),
        ("coalescing", ResultOf { burst: " ".to_owned(), ..result }),
    ] {
        let refused = deliver(Arc::new(wrong)).await;
        assert!(matches!(refused, Err(CommandError::Invalid { field: at, .. }) if at == field));
    }
    house.accounts_for(3);
}

/// A picture of something that moves: nobody wants it a minute later.
#[derive(Debug)]
struct Frame;

impl Arrival for Frame {
    fn kind(&self) -> MessageKind {
        MessageKind::Result
    }

    fn text(&self) -> String {
        "a frame".to_owned()
    }

    fn patience(&self) -> Option<Duration> {
        Some(Duration::from_secs(60))
    }

    fn assignment(&self) -> Assignment {
        Assignment::answer("What is on it?")
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_waits_as_long_as_it_can_unless_its_sender_says_by_when() {
    let house = House::open(1, |_| Play::UntilStopped).await;
    let ada = house.persona("ada").await;
    let waits_ms = async |arrival: Arc<dyn Arrival>, serve_by_ms| {
        let new = NewWork { what: Work::Arrived(arrival), serve_by_ms, ..work(ada, 500) };
        let message = house.company.deliver(new, &house.by()).await.unwrap().message;
        message.serve_by_ms - message.received_ms
    };
    assert_eq!(waits_ms(Arc::new(Frame), None).await, 60_000);
    assert_eq!(waits_ms(Arc::new(Chat::to_it("hello")), None).await, 24 * 3_600_000, "as configured");
    let at_ms = crate::ports::World::now_ms(&*house.test.world) + 7_000;
    assert_eq!(waits_ms(Arc::new(Frame), Some(at_ms)).await, 7_000);
}
