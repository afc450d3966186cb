//! What arrives in an inbox: chat, a result, a webhook, a frame. Each says for itself how urgent it is and why, which
//! burst it belongs to, how long it can wait and whether anybody waits for it. The inbox knows nothing else of it.
//!
//! Whatever it is, it becomes one message and the goal that the message starts, in one commit with its receipt.

use std::{fmt, time::Duration};

use super::{
    ActiveRoom, AiPayload, ArtifactKind, BadPayload, Length, MessageKind, Payload, Persona, Proof, RoomId, Score,
};

/// Something that arrives at a persona. Deliver it with [`crate::supervisor::Work::Arrived`].
pub trait Arrival: fmt::Debug + Send + Sync {
    fn kind(&self) -> MessageKind;

    /// Which field of its sender's holds the text, and how many characters fit.
    fn text_field(&self) -> (&'static str, usize) {
        ("text", 50_000)
    }

    /// What people read; the message keeps it.
    fn text(&self) -> String;

    /// Refuses what cannot be right, with the field's name.
    fn check(&self) -> Result<(), BadPayload> {
        Ok(())
    }

    /// How important it is to this persona, and why. What is scored counts for more while it is fresh. None: the
    /// base, whatever its age.
    fn urgency(&self, _to: &Persona) -> Option<Score> {
        None
    }

    /// How long it can wait before it expires, unless its sender said by when; none: as configured.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// The key of its burst. Of messages with one key that wait at the same time the newest is worked at, the others
    /// are its context.
    fn coalescing(&self) -> Option<String> {
        None
    }

    /// Whether nobody waits for it; then mood may hold it back.
    fn is_optional(&self, _to: &Persona) -> bool {
        false
    }

    /// The goal it starts.
    fn assignment(&self) -> Assignment;
}

/// What is to be done about an arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// At most 200 characters.
    pub title: String,
    pub payload: Payload,
    pub proof: Proof,
}

/// Characters of a text that become its goal's title.
const TITLE_OF_TEXT: usize = 80;

impl Assignment {
    /// An answer to a text, in the persona's own words.
    pub fn answer(text: &str) -> Self {
        let title = text.trim().lines().next().unwrap_or_default().chars().take(TITLE_OF_TEXT).collect();
        let payload = Payload::Ai(AiPayload { prompt: text.to_owned(), file: None, length: Length::Short });
        Self { title, payload, proof: Proof { artifacts: vec![ArtifactKind::Text], ..Proof::default() } }
    }
}

/// Someone says something: to the persona, or in a room where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    pub text: String,
    /// None: it is said to the persona itself.
    pub place: Option<Place>,
    /// The key of its burst where it has no room; in a room it is the room.
    pub burst: Option<String>,
}

/// Where something is said to several at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub room: RoomId,
    /// The room's name.
    pub name: String,
    /// Whether talk goes on there, and why it counts as that.
    pub active: Option<ActiveRoom>,
    /// What counts of the text, when that is not all of it: a persona's words without what it quotes.
    pub own_words: Option<String>,
    /// What an answer is told besides the text: where it was said, and what was said before; may be empty.
    pub told: String,
}

impl Chat {
    /// Said to the persona itself.
    pub fn to_it(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: None, burst: None }
    }

    /// Said in a room.
    pub fn in_room(text: impl Into<String>, place: Place) -> Self {
        Self { text: text.into(), place: Some(place), burst: None }
    }

    fn counts(&self) -> &str {
        let own = self.place.as_ref().and_then(|place| place.own_words.as_deref());
        own.unwrap_or(&self.text)
    }
}

impl Arrival for Chat {
    fn kind(&self) -> MessageKind {
        if self.place.is_some() { MessageKind::Room } else { MessageKind::Chat }
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn urgency(&self, to: &Persona) -> Option<Score> {
        Some(Score::of(self.counts(), to).in_room(self.place.as_ref().and_then(|place| place.active)))
    }

    fn coalescing(&self) -> Option<String> {
        let room = self.place.as_ref().map(|place| format!("room:{}", place.room));
        room.or_else(|| self.burst.clone())
    }

    /// Overheard: said in a room, without its name.
    fn is_optional(&self, to: &Persona) -> bool {
        self.place.is_some() && !Score::of(self.counts(), to).names()
    }

    fn assignment(&self) -> Assignment {
        let Some(Place { name, told, .. }) = &self.place else { return Assignment::answer(&self.text) };
        let text = self.text.trim();
        let told = if told.is_empty() { text.to_owned() } else { format!("{text}\n\n{told}") };
        let answer = Assignment::answer(&told);
        let title = format!("{name}: {}", answer.title).chars().take(TITLE_OF_TEXT).collect();
        Assignment { title, ..answer }
    }
}

/// A goal as somebody gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Given(pub Assignment);

impl Arrival for Given {
    fn kind(&self) -> MessageKind {
        MessageKind::Goal
    }

    fn text_field(&self) -> (&'static str, usize) {
        ("title", 200)
    }

    fn text(&self) -> String {
        self.0.title.clone()
    }

    fn assignment(&self) -> Assignment {
        self.0.clone()
    }
}

/// What became of something that a persona waits for: the result of another one's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultOf {
    /// The other persona's name.
    pub from: String,
    /// What this one asked to be told.
    pub asked: String,
    /// What happened, oldest first, a line each.
    pub happened: Vec<String>,
    /// More happened than these lines tell.
    pub more: usize,
    /// The key of its burst: what comes in while it is busy is told together.
    pub burst: String,
}

impl Arrival for ResultOf {
    fn kind(&self) -> MessageKind {
        MessageKind::Result
    }

    /// Without what it asked for: whoever waits for this one must not take those words for something that happened.
    fn text(&self) -> String {
        let lines: Vec<_> = self.happened.iter().map(|line| format!("- {line}")).collect();
        let more = if self.more > 0 { format!("\n- and {} more", self.more) } else { String::new() };
        format!("From {}:\n{}{more}", self.from, lines.join("\n"))
    }

    fn check(&self) -> Result<(), BadPayload> {
        if self.happened.is_empty() {
            return Err(BadPayload { field: "happened".to_owned(), reason: "must name what happened".to_owned() });
        }
        Ok(())
    }

    /// It was asked for, so its subject is the persona's own.
    fn urgency(&self, to: &Persona) -> Option<Score> {
        Some(Score::of(&self.text(), to))
    }

    fn coalescing(&self) -> Option<String> {
        Some(self.burst.clone())
    }

    fn assignment(&self) -> Assignment {
        let answer = Assignment::answer(&format!("You asked to be told: {}\n{}", self.asked, self.text()));
        let title = format!("{}: {}", self.from, self.happened.last().map_or("", String::as_str));
        Assignment { title: title.chars().take(TITLE_OF_TEXT).collect(), ..answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TestWorld};

    fn ada() -> Persona {
        let mut ada = testing::persona(&TestWorld::new(1), "ada");
        ada.name = "Ada".to_owned();
        ada.profile.topics = vec!["tea".to_owned()];
        ada
    }

    fn place(active: bool) -> Place {
        let active = active.then_some(ActiveRoom::PersonSpoke);
        Place {
            room: [7; 16].into(),
            name: "Studio".to_owned(),
            active,
            own_words: None,
            told: "(Said by Bo.)".to_owned(),
        }
    }

    #[test]
    fn talk_counts_by_whom_it_names_where_it_is_said_and_what_it_is_about() {
        let counts = |chat: Chat| chat.urgency(&ada()).unwrap().priority().thousandths();
        assert_eq!(counts(Chat::to_it("hello")), 500);
        assert_eq!(counts(Chat::in_room("hello", place(false))), 500);
        assert_eq!(counts(Chat::in_room("hello", place(true))), 700);
        assert_eq!(counts(Chat::in_room("tea?", place(true))), 900);
        assert_eq!(counts(Chat::in_room("@Ada tea?", place(true))), 1_000, "never more");
        let quoted = Place { own_words: Some("Well. ".to_owned()), ..place(true) };
        let quoted = Chat::in_room("Well. “@Ada tea?”", quoted);
        assert_eq!((counts(quoted.clone()), quoted.is_optional(&ada())), (700, true), "who is quoted is not named");
    }

    #[test]
    fn only_what_is_overheard_is_optional_and_a_room_is_a_burst() {
        let overheard = Chat::in_room("hello all", place(true));
        assert!(overheard.is_optional(&ada()));
        assert!(!Chat::in_room("hello @Ada", place(true)).is_optional(&ada()));
        assert!(!Chat::to_it("hello").is_optional(&ada()));
        assert_eq!(overheard.coalescing().as_deref(), Some("room:07070707-0707-0707-0707-070707070707"));
        let Assignment { title, payload, .. } = overheard.assignment();
        assert_eq!(title, "Studio: hello all");
        assert!(matches!(payload, Payload::Ai(ai) if ai.prompt == "hello all\n\n(Said by Bo.)"));
        assert_eq!(Chat::to_it("hello").coalescing(), None);
    }

    #[test]
    fn a_result_tells_what_happened_and_is_owed() {
        let result = ResultOf {
            from: "Helper".to_owned(),
            asked: "flags code".to_owned(),
            happened: vec!["flagged parser.rs".to_owned(), "flagged lexer.rs".to_owned()],
            more: 3,
            burst: "wait:1".to_owned(),
        };
        assert!(!result.is_optional(&ada()));
        assert_eq!(result.text(), "From Helper:\n- flagged parser.rs\n- flagged lexer.rs\n- and 3 more");
        let Assignment { title, payload, .. } = result.assignment();
        assert_eq!(title, "Helper: flagged lexer.rs");
        assert!(
            matches!(payload, Payload::Ai(ai) if ai.prompt == format!("You asked to be told: flags code\n{}", result.text()))
        );
        assert_eq!(ResultOf { happened: vec![], ..result }.check().unwrap_err().field, "happened");
    }
}
