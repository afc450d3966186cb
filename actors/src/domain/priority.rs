//! How important a message is, and why. Pure.
//!
//! A sender may say it. Otherwise the text is scored when it is delivered: whether it names the persona, whether it is
//! about something the persona knows, and, in a room, whether that room is active ([`ActiveRoom`]). That a message is
//! fresh changes with time, so it is not stored but counted where the priority is used
//! ([`super::Message::priority_at`]).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Persona, RoomMessage};

const MOST: u16 = 1_000;
const NAMED: u16 = 400;
const EXPERTISE: u16 = 200;
const ACTIVE_ROOM: u16 = 200;
const FRESH: u16 = 100;
/// A message younger than this is fresh.
pub const FRESH_FOR_MS: i64 = 60_000;
/// A room in which somebody spoke within this time is active.
pub const ACTIVE_FOR_MS: i64 = 600_000;

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

    /// How long work of this priority may wait before it is late: 15 minutes at the bottom, 30 seconds below the
    /// urgent lane, 10 seconds in it, 5 seconds above 0.9.
    pub fn patience_ms(self) -> i64 {
        const BANDS_S: [i64; 10] = [900, 600, 420, 300, 210, 120, 60, 30, 10, 5];
        let band = usize::from(self.0.saturating_sub(1) / 100);
        BANDS_S[band.min(BANDS_S.len() - 1)] * 1_000
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

/// Why a room counts as active for a persona: a message there comes into talk that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActiveRoom {
    /// The persona itself spoke there within [`ACTIVE_FOR_MS`].
    SpokeItself,
    /// A person did, before this message: the first word after a silence finds the room inactive.
    PersonSpoke,
}

impl ActiveRoom {
    /// Reads what was said before a message that comes now. Older and newer talk is passed over, so that a clock
    /// that was set back makes no room active.
    pub fn of(before: &[RoomMessage], persona: &Persona, now_ms: i64) -> Option<Self> {
        let lately = |said: &&RoomMessage| (0..ACTIVE_FOR_MS).contains(&now_ms.saturating_sub(said.at_ms));
        let mut recent = before.iter().filter(lately);
        if recent.clone().any(|said| said.author.is(persona.id)) {
            return Some(Self::SpokeItself);
        }
        recent.any(|said| said.author.is_person()).then_some(Self::PersonSpoke)
    }

    const fn because(self) -> &'static str {
        match self {
            Self::SpokeItself => "it spoke there lately",
            Self::PersonSpoke => "a person spoke there lately",
        }
    }
}

/// Why a message has the priority it has, when nobody gave it one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// It names the persona: `@` and the display name.
    named: bool,
    /// The first of the persona's topics and areas of expertise that the text is about.
    topic: Option<String>,
    /// It comes into talk that goes on.
    active_room: Option<ActiveRoom>,
}

impl Score {
    /// What it can come to, but for the highest, which a message does not exceed by being fresh.
    pub const RISING: [Priority; 3] = [Priority(500), Priority(700), Priority(900)];

    /// Reads a text as this persona would.
    pub fn of(text: &str, persona: &Persona) -> Self {
        let text = text.to_lowercase();
        let named = occurs(&text, &format!("@{}", persona.name.trim().to_lowercase()));
        let known = |topic: &&String| occurs(&text, &topic.trim().to_lowercase());
        let mut subjects = persona.profile.topics.iter().chain(&persona.profile.expertise_areas);
        Self { named, topic: subjects.find(known).cloned(), active_room: None }
    }

    /// The same for what is said in a room.
    #[must_use]
    pub fn in_room(self, active_room: Option<ActiveRoom>) -> Self {
        Self { active_room, ..self }
    }

    /// Whether the text names the persona: then somebody waits for its answer.
    pub const fn names(&self) -> bool {
        self.named
    }

    /// The topic of the persona that it is about.
    pub fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// The sum, at most 1,000.
    pub fn priority(&self) -> Priority {
        let named = if self.named { NAMED } else { 0 };
        let expertise = if self.topic.is_some() { EXPERTISE } else { 0 };
        let active = if self.active_room.is_some() { ACTIVE_ROOM } else { 0 };
        Priority::BASE.raised(named + expertise + active)
    }

    /// Its parts, for the receipt.
    pub fn explained(&self) -> Value {
        let mut parts = Map::from_iter([("base".to_owned(), Priority::BASE.thousandths().into())]);
        if self.named {
            parts.insert("named".to_owned(), NAMED.into());
        }
        if let Some(topic) = &self.topic {
            parts.insert("expertise".to_owned(), EXPERTISE.into());
            parts.insert("topic".to_owned(), topic.as_str().into());
        }
        if let Some(active) = self.active_room {
            parts.insert("active_room".to_owned(), ACTIVE_ROOM.into());
            parts.insert("active_because".to_owned(), active.because().into());
        }
        Value::Object(parts)
    }
}

/// A text without what stands in quotation marks: whoever repeats a name or a topic says nothing of their own about it.
/// A mark that is not closed quotes nothing.
pub fn own_words(text: &str) -> String {
    let mut own = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, open)) = rest.char_indices().find(|(_, c)| QUOTES.iter().any(|(open, _)| c == open)) {
        let behind = &rest[at + open.len_utf8()..];
        let close = QUOTES.iter().find(|(known, _)| *known == open).map_or(open, |(_, close)| *close);
        own.push_str(&rest[..at]);
        own.push(' ');
        match behind.split_once(close) {
            Some((_, after)) => rest = after,
            None => rest = behind,
        }
    }
    own.push_str(rest);
    own
}

const QUOTES: [(char, char); 4] = [('“', '”'), ('«', '»'), ('„', '“'), ('"', '"')];

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
    use crate::{
        domain::{Author, PersonaId},
        testing::{self, TestWorld},
    };

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
        let mut expert = ada(&["art"]);
        expert.profile.expertise_areas = vec!["law".to_owned()];
        assert_eq!(Score::of("Is it law?", &expert).priority().thousandths(), 700, "what it is an expert in");
        assert_eq!(Score::of("The law of art", &expert).priority().thousandths(), 700, "counts once");
    }

    #[test]
    fn the_receipt_says_why() {
        let both = Score::of("@ada lovelace: Rust", &ada(&["poems", "Rust"])).explained();
        assert_eq!(both, serde_json::json!({"base": 500, "named": 400, "expertise": 200, "topic": "Rust"}));
        assert_eq!(Score::of("hello", &ada(&[])).explained(), serde_json::json!({"base": 500}));
    }

    #[test]
    fn what_is_quoted_is_not_said() {
        for (text, own) in [
            ("You wrote: “@Ada, engines”. Well.", "You wrote:  . Well."),
            ("a \"b\" c «d» e", "a   c   e"),
            ("„so“ it is", "  it is"),
            ("a “b", "a  b"),
            ("", ""),
        ] {
            assert_eq!(own_words(text), own, "{text}");
        }
    }

    #[test]
    fn a_room_is_active_where_somebody_spoke_lately() {
        let (world, ada) = (TestWorld::new(1), ada(&[]));
        let now_ms = 10 * ACTIVE_FOR_MS;
        let said = |author: Author, age_ms: i64| {
            let room = testing::room(&world, "studio");
            vec![RoomMessage { at_ms: now_ms - age_ms, ..testing::room_message(&world, &room, author, "hello") }]
        };
        let person = || Author::person("owner");
        let own = || Author::Persona { id: ada.id, name: ada.name.clone() };
        let other = || Author::Persona { id: PersonaId(uuid::Uuid::from_u128(9)), name: "Bo".to_owned() };
        let of = |before: Vec<RoomMessage>| ActiveRoom::of(&before, &ada, now_ms);
        assert_eq!(of(said(person(), 0)), Some(ActiveRoom::PersonSpoke));
        assert_eq!(of(said(person(), ACTIVE_FOR_MS - 1)), Some(ActiveRoom::PersonSpoke));
        assert_eq!(of(said(own(), 1)), Some(ActiveRoom::SpokeItself));
        for silent in [said(person(), ACTIVE_FOR_MS), said(other(), 1), said(person(), -1), Vec::new()] {
            assert_eq!(of(silent), None);
        }
        let score = Score::of("hello", &ada).in_room(Some(ActiveRoom::PersonSpoke));
        assert_eq!(score.priority().thousandths(), 700);
        assert_eq!(score.explained()["active_because"], "a person spoke there lately");
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
            room in 0_usize..3,
        ) {
            let mut persona = ada(&[]);
            (persona.name, persona.profile.topics) = (name, topics);
            let active = [None, Some(ActiveRoom::SpokeItself), Some(ActiveRoom::PersonSpoke)][room];
            let score = Score::of(&text, &persona).in_room(active);
            let parts = score.explained();
            let sum: u64 = ["base", "named", "expertise", "active_room"].iter().filter_map(|part| parts[part].as_u64()).sum();
            prop_assert_eq!(u64::from(score.priority().thousandths()), sum.min(1_000));
            let (whole, now) = (score.priority(), score.priority().at_age(0));
            prop_assert!(now == whole || Score::RISING.contains(&whole), "{}", whole);
            prop_assert_eq!(score.priority().at_age(0).is_urgent(), score.priority().is_urgent());
        }

        #[test]
        fn own_words_are_some_of_the_words(text in "[a“”«»\"ä ]{0,40}") {
            let own = own_words(&text);
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            prop_assert!(letters(&own) <= letters(&text));
        }

        #[test]
        fn who_is_named_is_heard_wherever_it_stands(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
            let text = format!("{before} @aDa LOVElace {after}");
            prop_assert!(Score::of(&text, &ada(&[])).priority().is_urgent());
        }
    }
}
