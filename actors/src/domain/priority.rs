//! How important a message is, and why. Pure.
//!
//! A sender may say it. Otherwise the text is scored when it is delivered: whether it names the persona, and whether
//! it is about something the persona knows, and whether it is said in a room where the persona is talking. That a message is fresh changes with time, so it is not stored but
//! counted where the priority is used ([`super::Message::priority_at`]).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Persona;

const MOST: u16 = 1_000;
const NAMED: u16 = 400;
const ACTIVE_ROOM: u16 = 200;
const EXPERTISE: u16 = 200;
const FRESH: u16 = 100;
/// A message younger than this is fresh.
const FRESH_FOR_MS: i64 = 60_000;

/// Importance in thousandths, 0 to 1,000. Integers, because receipts carry no fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Priority(u16);

/// A priority above 1,000.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("priority {0} is more than 1000 thousandths")]
pub struct BadPriority(u16);

impl Priority {
    /// What a message has without any reason for more.
    pub const BASE: Self = Self(500);

    /// The value in thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// Above 0.8: must start within ten seconds.
    pub const fn is_urgent(self) -> bool {
        self.0 > 800
    }

    /// What a scored message of this age counts for.
    pub(super) fn at_age(self, age_ms: i64) -> Self {
        // An age far below zero is that of a message from before the clock was set back.
        if age_ms.abs() < FRESH_FOR_MS { self.raised(FRESH) } else { self }
    }

    fn raised(self, thousandths: u16) -> Self {
        Self((self.0 + thousandths).min(MOST))
    }
}

impl TryFrom<u16> for Priority {
    type Error = BadPriority;

    fn try_from(thousandths: u16) -> Result<Self, Self::Error> {
        if thousandths <= MOST { Ok(Self(thousandths)) } else { Err(BadPriority(thousandths)) }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Why a message has the priority it has, when nobody gave it one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// It names the persona: `@` and the display name.
    named: bool,
    /// The persona is in the middle of a talk in this room.
    active_room: bool,
    /// The first of the persona's topics that the text is about.
    topic: Option<String>,
}

/// A text, and where it is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talk<'a> {
    pub(super) text: &'a str,
    pub(super) in_active_room: bool,
}

impl Score {
    /// Reads a text as this persona would.
    pub fn of(text: &str, persona: &Persona) -> Self {
        Self::of_talk(Talk { text, in_active_room: false }, persona)
    }

    /// The same, knowing where it is said.
    pub(super) fn of_talk(talk: Talk<'_>, persona: &Persona) -> Self {
        let text = talk.text.to_lowercase();
        let named = occurs(&text, &format!("@{}", persona.name.trim().to_lowercase()));
        let known = |topic: &&String| occurs(&text, &topic.trim().to_lowercase());
        let topic = persona.profile.topics.iter().find(known).cloned();
        Self { named, active_room: talk.in_active_room, topic }
    }

    /// Whether the text names the persona.
    pub const fn names(&self) -> bool {
        self.named
    }

    /// The sum, at most 1,000.
    pub fn priority(&self) -> Priority {
        let named = if self.named { NAMED } else { 0 };
        let expertise = if self.topic.is_some() { EXPERTISE } else { 0 };
        let active_room = if self.active_room { ACTIVE_ROOM } else { 0 };
        Priority::BASE.raised(named + active_room + expertise)
    }

    /// Its parts, for the receipt.
    pub fn explained(&self) -> Value {
        let mut parts = Map::from_iter([("base".to_owned(), Priority::BASE.thousandths().into())]);
        if self.named {
            parts.insert("named".to_owned(), NAMED.into());
        }
        if self.active_room {
            parts.insert("active_room".to_owned(), ACTIVE_ROOM.into());
        }
        if let Some(topic) = &self.topic {
            parts.insert("expertise".to_owned(), EXPERTISE.into());
            parts.insert("topic".to_owned(), topic.as_str().into());
        }
        Value::Object(parts)
    }
}

/// Whether the words occur as words: `art` does not in `start`, `@ada` not in `me@ada` or `@adam`. Both lower case.
pub(super) fn occurs(text: &str, words: &str) -> bool {
    let of_a_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let stands_alone = |(at, found): (usize, &str)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !of_a_word(before) && !of_a_word(after)
    };
    !words.trim_start_matches('@').is_empty() && text.match_indices(words).any(stands_alone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{self, TestWorld};

    fn ada(topics: &[&str]) -> Persona {
        let mut ada = testing::persona(&TestWorld::new(1), "ada");
        ada.name = "Ada Lovelace".to_owned();
        ada.profile.topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        ada
    }

    fn score(text: &str) -> u16 {
        Score::of(text, &ada(&["Rust", "analytical engines", "art"])).priority().thousandths()
    }

    #[test]
    fn a_name_and_a_topic_count_as_words_only() {
        for text in ["@Ada Lovelace, hello", "hello @ada lovelace!", "(@ADA LOVELACE)", "@ada lovelace"] {
            assert_eq!(score(text), 900, "{text}");
        }
        for text in ["Ada Lovelace", "@Ada", "mail me@ada lovelace", "@Ada Lovelaces", "@Ada_Lovelace", ""] {
            assert_eq!(score(text), 500, "{text}");
        }
        for text in ["rust?", "old ANALYTICAL ENGINES", "is it art"] {
            assert_eq!(score(text), 700, "{text}");
        }
        for text in ["trust", "rusty", "start", "analytical"] {
            assert_eq!(score(text), 500, "{text}");
        }
        assert_eq!(score("@Ada Lovelace likes art"), 1_000, "at most");
        assert_eq!(Score::of("a", &ada(&["", " "])).priority(), Priority::BASE, "a blank topic is none");
    }

    #[test]
    fn the_receipt_says_why() {
        let both = Score::of("@ada lovelace: Rust", &ada(&["poems", "Rust"])).explained();
        assert_eq!(both, serde_json::json!({"base": 500, "named": 400, "expertise": 200, "topic": "Rust"}));
        assert_eq!(Score::of("hello", &ada(&[])).explained(), serde_json::json!({"base": 500}));
    }

    #[test]
    fn only_a_scored_message_gains_by_being_fresh_and_only_for_a_minute() {
        let world = TestWorld::new(1);
        let mut message = testing::message(&world, &testing::goal(&world, ada(&[]).id));
        let at =
            |message: &super::super::Message, age_ms| message.priority_at(message.received_ms + age_ms).thousandths();
        assert_eq!(at(&message, 0), 500, "its sender said 500");
        message.scored = true;
        assert_eq!(
            [0, 59_999, 60_000, i64::MAX - message.received_ms].map(|age| at(&message, age)),
            [600, 600, 500, 500]
        );
        assert_eq!(at(&message, -1), 600, "a clock that was set back");
    }

    proptest! {
        #[test]
        fn a_priority_stays_in_its_bounds(thousandths in 0_u16..=1_000, age_ms in any::<i64>()) {
            let given = Priority::try_from(thousandths).unwrap();
            let now = given.at_age(age_ms);
            prop_assert!(given <= now && now.thousandths() <= MOST);
        }

        #[test]
        fn a_score_is_the_sum_of_its_reasons_and_never_urgent_by_freshness_alone(
            text in ".{0,200}", name in "\\PC{1,20}", topics in proptest::collection::vec("\\PC{0,12}", 0..4),
        ) {
            let mut persona = ada(&[]);
            (persona.name, persona.profile.topics) = (name, topics);
            let score = Score::of(&text, &persona);
            let parts = score.explained();
            let sum: u64 = ["base", "named", "expertise"].iter().filter_map(|part| parts[part].as_u64()).sum();
            prop_assert_eq!(u64::from(score.priority().thousandths()), sum.min(1_000));
            prop_assert_eq!(score.priority().at_age(0).is_urgent(), score.priority().is_urgent());
        }

        #[test]
        fn who_is_named_is_heard_wherever_it_stands(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
            let text = format!("{before} @aDa LOVElace {after}");
            prop_assert!(Score::of(&text, &ada(&[])).priority().is_urgent());
        }
    }
}
