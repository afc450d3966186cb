//! Bursts: of messages with one key that wait at the same time the newest is worked at, the others are its context.
//! Pure.
//!
//! The newest by the order received, never by a sender's clock. It takes over the highest priority, the oldest time
//! and the earliest deadlines, so that a burst is served no later than its first message alone would have been.

use std::cmp::Ordering;

use crate::{
    domain::{AiPayload, Message, Payload, Priority},
    ports::Waiting,
};

/// Earlier messages that are repeated to whoever answers the newest.
const MOST_LINES: usize = 20;
/// Characters of all of them.
const MOST_CHARS: usize = 4_000;

/// What a message brings into its burst, and what the burst has of all of them. Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) priority: Priority,
    pub(crate) scored: bool,
    pub(crate) optional: bool,
    pub(crate) received_ms: i64,
    pub(crate) deadline_ms: i64,
    pub(crate) serve_by_ms: i64,
}

impl Claim {
    fn of(message: &Message) -> Self {
        let Message { priority, scored, optional, received_ms, deadline_ms, serve_by_ms, .. } = *message;
        Self { priority, scored, optional, received_ms, deadline_ms, serve_by_ms }
    }

    fn give_to(self, message: &mut Message) {
        let Self { priority, scored, optional, received_ms, deadline_ms, serve_by_ms } = self;
        (message.priority, message.scored, message.optional) = (priority, scored, optional);
        (message.received_ms, message.deadline_ms, message.serve_by_ms) = (received_ms, deadline_ms, serve_by_ms);
    }

    /// The highest priority, the oldest time and the earliest deadlines of both.
    pub(crate) fn joined(self, other: Self) -> Self {
        Self {
            priority: self.priority.max(other.priority),
            // What one gains by being fresh is its own: it is not added to what a sender said of another.
            scored: match self.priority.cmp(&other.priority) {
                Ordering::Less => other.scored,
                Ordering::Equal => self.scored || other.scored,
                Ordering::Greater => self.scored,
            },
            optional: self.optional && other.optional,
            received_ms: self.received_ms.min(other.received_ms),
            deadline_ms: self.deadline_ms.min(other.deadline_ms),
            serve_by_ms: self.serve_by_ms.min(other.serve_by_ms),
        }
    }
}

/// What becomes of a burst.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Burst {
    /// The newest message as it was.
    pub(super) before: Waiting,
    /// And as it is now.
    pub(super) trigger: Waiting,
    /// Newest first.
    pub(super) others: Vec<Waiting>,
}

/// Joins a burst, newest first; none: there is nothing to join. `known`: the newest has its context already.
pub(super) fn join(mut newest_first: Vec<Waiting>, known: bool) -> Option<Burst> {
    if newest_first.len() < 2 {
        return None;
    }
    let others = newest_first.split_off(1);
    let before = newest_first.pop()?;
    let mut trigger = before.clone();
    let claims = others.iter().map(|work| Claim::of(&work.message));
    claims.fold(Claim::of(&before.message), Claim::joined).give_to(&mut trigger.message);
    if let (Payload::Ai(ai), false) = (&trigger.goal.payload, known) {
        let earlier = others.iter().map(|work| &work.message);
        let prompt = with_context(&ai.prompt, &before.message.sender, earlier);
        trigger.goal.payload = Payload::Ai(AiPayload { prompt, ..ai.clone() });
    }
    Some(Burst { before, trigger, others })
}

/// The prompt behind what was said before it, oldest first; what is too much is left out from the oldest on.
fn with_context<'a>(prompt: &str, sender: &str, newest_first: impl ExactSizeIterator<Item = &'a Message>) -> String {
    let (all, mut room, mut lines) = (newest_first.len(), MOST_CHARS, Vec::new());
    for message in newest_first.take(MOST_LINES) {
        let line = format!("{}: {}", message.sender, message.text.trim());
        let length = line.chars().count();
        if length > room {
            break;
        }
        room -= length;
        lines.push(line);
    }
    let left_out = all - lines.len();
    if left_out > 0 {
        lines.push(format!("({left_out} earlier messages are left out)"));
    }
    lines.reverse();
    format!("Said before, oldest first:\n{}\n\nNow from {sender}:\n{prompt}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::PersonaId,
        ports::World,
        testing::{self, TestWorld},
    };

    /// Messages received in this order, newest first: priority, optional.
    fn burst(world: &TestWorld, sent: &[(u16, bool)]) -> Vec<Waiting> {
        let persona = PersonaId(world.new_id());
        let work = |(at, (priority, optional)): (usize, &(u16, bool))| {
            let goal = testing::goal(world, persona);
            let mut message = testing::message(world, &goal);
            message.priority = Priority::try_from(*priority).unwrap();
            message.optional = *optional;
            message.received_ms += i64::try_from(at).unwrap();
            message.text = format!("line {at}");
            Waiting { message, goal }
        };
        let mut burst: Vec<_> = sent.iter().enumerate().map(work).collect();
        burst.reverse();
        burst
    }

    fn prompt(work: &Waiting) -> &str {
        match &work.goal.payload {
            Payload::Ai(ai) => &ai.prompt,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_newest_answers_for_all_and_knows_what_was_said_before() {
        let world = TestWorld::new(1);
        let sent = burst(&world, &[(500, true), (900, false), (700, true)]);
        let Burst { before, trigger, others } = join(sent.clone(), false).unwrap();
        assert_eq!((&before, &others[..]), (&sent[0], &sent[1..]));
        assert_eq!(trigger.message.id, sent[0].message.id);
        assert_eq!((trigger.message.priority.thousandths(), trigger.message.optional), (900, false));
        assert_eq!(trigger.message.received_ms, sent[2].message.received_ms);
        assert_eq!(
            prompt(&trigger),
            "Said before, oldest first:\ntest: line 0\ntest: line 1\n\nNow from test:\nWrite a line."
        );
        assert_eq!(prompt(&join(sent, true).unwrap().trigger), "Write a line.", "once is enough");
    }

    #[test]
    fn a_burst_gains_by_being_fresh_only_what_its_most_important_does() {
        let world = TestWorld::new(1);
        let scored = |said: [(u16, bool); 2]| {
            let mut sent = burst(&world, &said.map(|(priority, _)| (priority, false)));
            sent.iter_mut().zip([said[1].1, said[0].1]).for_each(|(work, scored)| work.message.scored = scored);
            let joined = join(sent, false).unwrap().trigger.message;
            (joined.priority.thousandths(), joined.scored)
        };
        assert_eq!(scored([(750, false), (500, true)]), (750, false), "it is not urgent by being fresh");
        assert_eq!(scored([(700, true), (500, false)]), (700, true));
        assert_eq!(scored([(500, false), (500, true)]), (500, true));
        assert_eq!(scored([(500, true), (700, false)]), (700, false));
    }

    #[test]
    fn one_message_is_no_burst_and_a_long_one_is_cut() {
        let world = TestWorld::new(1);
        assert_eq!(join(burst(&world, &[(500, false)]), false), None);
        let many = join(burst(&world, &[(500, false); 200]), false).unwrap();
        assert_eq!(many.others.len(), 199);
        assert!(prompt(&many.trigger).contains("(179 earlier messages are left out)\ntest: line 179\n"));
        let mut long = burst(&world, &[(500, false), (500, false)]);
        long[1].message.text = "x".repeat(MOST_CHARS);
        assert!(prompt(&join(long, false).unwrap().trigger).contains("(1 earlier messages are left out)\n\nNow"));
    }

    proptest! {
        /// Whatever comes together: nothing is lost, nothing is served later, and the context stays bounded.
        #[test]
        fn a_burst_keeps_the_best_of_all(sent in prop::collection::vec((0..=1_000_u16, any::<bool>()), 2..60)) {
            let all = burst(&TestWorld::new(1), &sent);
            let Burst { trigger, others, .. } = join(all.clone(), false).unwrap();
            prop_assert_eq!(others.len() + 1, all.len());
            let messages = || all.iter().map(|work| &work.message);
            prop_assert_eq!(trigger.message.priority, messages().map(|m| m.priority).max().unwrap());
            prop_assert_eq!(trigger.message.serve_by_ms, messages().map(|m| m.serve_by_ms).min().unwrap());
            prop_assert_eq!(trigger.message.received_ms, messages().map(|m| m.received_ms).min().unwrap());
            prop_assert_eq!(trigger.message.optional, messages().all(|m| m.optional));
            prop_assert!(prompt(&trigger).chars().count() < MOST_CHARS + 200);
        }
    }
}
