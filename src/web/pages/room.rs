//! `/rooms/{room}`: the talk, what everybody would do about it and who got the floor, live.

pub mod load;

use std::collections::HashMap;

use actors::{
    domain::{
        Author, Member, Persona, PersonaId, PersonaStatus, Room, RoomMessage, RoomMessageId, RoomRules, RoomStatus,
        RoomTurn, TurnState,
    },
    supervisor::ActorInfo,
};
use askama::Template;

use super::{
    card::Standing,
    evidence::ReceiptRow,
    frame::Frame,
    show::{self, When},
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "room.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct RoomPage {
    pub frame: Frame,
    pub head: Head,
    /// Oldest first.
    pub talk: Vec<SaidRow>,
    /// Where the talk before this is.
    pub earlier: Option<String>,
    pub members: Vec<MemberRow>,
    /// Slugs of some one could bring in, as suggestions.
    pub others: Vec<String>,
    /// How the floor is given, name and value.
    pub rules: Vec<(&'static str, String)>,
    pub feed: Vec<ReceiptRow>,
}

/// What stands above the talk.
#[derive(Debug, Clone)]
pub struct Head {
    pub id: String,
    pub name: String,
    pub topic: String,
    pub archived: bool,
    pub version: i64,
    /// A class of `.light`.
    pub light: &'static str,
    pub standing: String,
}

/// Someone in the room.
#[derive(Debug, Clone)]
pub struct MemberRow {
    pub id: String,
    pub name: String,
    pub page: Option<String>,
    /// A class of `.light`.
    pub light: &'static str,
    pub standing: &'static str,
}

/// Something that was said.
#[derive(Debug, Clone)]
pub struct SaidRow {
    pub id: String,
    pub by: String,
    pub by_person: bool,
    /// The page of who said it.
    pub page: Option<String>,
    pub at: When,
    pub text: String,
    /// The receipt that shows the text: where it stands, and the start of its hash.
    pub shown_by: Option<(String, String)>,
    /// None: nobody was asked about it.
    pub floor: Option<Floor>,
}

/// What everybody would do about one message.
#[derive(Debug, Clone)]
pub struct Floor {
    /// `14 heard it · 2 spoke · 12 passed`
    pub summary: String,
    /// Somebody may still speak.
    pub undecided: bool,
    /// Shown without being asked for.
    pub open: bool,
    /// Who spoke first, then by relevance.
    pub turns: Vec<TurnRow>,
}

/// One persona's turn.
#[derive(Debug, Clone)]
pub struct TurnRow {
    pub goal: String,
    pub name: String,
    pub state: &'static str,
    /// A class of `.badge`.
    pub tone: &'static str,
    /// It said what it would do.
    pub said: bool,
    pub thought: String,
    pub relevance: u16,
    pub percent: u16,
    pub why: String,
    /// It did not get the floor.
    pub out: bool,
}

/// Everybody by id, deleted ones included: they may have spoken.
pub type People<'a> = HashMap<PersonaId, &'a Persona>;

impl Head {
    /// The head of a room with so many open turns.
    pub fn new(room: &Room, open: usize) -> Self {
        let archived = room.status == RoomStatus::Archived;
        let (light, standing) = match (archived, open) {
            (true, _) => ("paused", "closed".to_owned()),
            (false, 0) => ("idle", "quiet".to_owned()),
            (false, open) => ("active", format!("{} open", show::counted(open as u64, "turn"))),
        };
        Self {
            id: room.id.to_string(),
            name: room.name.clone(),
            topic: room.topic.clone(),
            archived,
            version: room.version,
            light,
            standing,
        }
    }
}

impl MemberRow {
    /// A member as the roster knows it.
    pub fn new(member: &Member, people: &People<'_>, actors: &HashMap<PersonaId, ActorInfo>) -> Self {
        match member {
            Member::Person { id, name } => {
                Self { id: id.to_string(), name: name.clone(), page: None, light: "active", standing: "person" }
            }
            Member::Persona { id } => {
                let persona = people.get(id).filter(|persona| persona.status != PersonaStatus::Deleted);
                let standing = persona.map(|persona| Standing::of(persona, actors.get(id)));
                Self {
                    id: id.to_string(),
                    name: people.get(id).map_or_else(|| show::short(id), |persona| persona.name.clone()),
                    page: persona.map(|persona| format!("/personas/{}", persona.slug)),
                    light: standing.map_or("paused", |standing| standing.light),
                    standing: standing.map_or("deleted", |standing| standing.word),
                }
            }
        }
    }
}

impl SaidRow {
    /// Something said, with the turns about it, as `reader` sees it.
    pub fn new(said: &RoomMessage, turns: &[&RoomTurn], people: &People<'_>, reader: &str, now_ms: i64) -> Self {
        let page = match &said.author {
            Author::Persona { id, .. } => {
                let there = people.get(id).filter(|persona| persona.status != PersonaStatus::Deleted);
                there.map(|persona| format!("/personas/{}", persona.slug))
            }
            Author::Person { .. } => None,
        };
        let by_person = said.author.is_person();
        let own = by_person && said.author.name() == reader;
        let shown_by = said.shown_by.map(|(run, receipt)| {
            let hash = receipt.to_string();
            (format!("/runs/{run}#r-{}", hash.get(..12).unwrap_or_default()), receipt.short())
        });
        Self {
            id: said.id.to_string(),
            by: if own { "you".to_owned() } else { said.author.name().to_owned() },
            by_person,
            page,
            at: When::at(said.at_ms, now_ms),
            text: said.text.clone(),
            shown_by,
            floor: Floor::new(turns, people),
        }
    }
}

impl Floor {
    fn new(turns: &[&RoomTurn], people: &People<'_>) -> Option<Self> {
        if turns.is_empty() {
            return None;
        }
        let mut sorted: Vec<_> = turns.to_vec();
        sorted.sort_by_key(|turn| (rank(turn.state), !turn.named, std::cmp::Reverse(turn.relevance), turn.goal));
        let undecided = turns.iter().any(|turn| turn.state.is_open());
        Some(Self {
            summary: summary(turns),
            undecided,
            open: undecided,
            turns: sorted.into_iter().map(|turn| TurnRow::new(turn, people)).collect(),
        })
    }
}

impl TurnRow {
    fn new(turn: &RoomTurn, people: &People<'_>) -> Self {
        let said = !turn.thought.is_empty();
        Self {
            goal: turn.goal.to_string(),
            name: people.get(&turn.persona).map_or_else(|| show::short(turn.persona), |one| one.name.clone()),
            state: match turn.state {
                TurnState::Granted => "has the floor",
                TurnState::Meant => "would answer",
                other => other.as_str(),
            },
            tone: match turn.state {
                TurnState::Spoke => "ok",
                TurnState::Granted => "live",
                TurnState::Lost => "warn",
                _ => "",
            },
            said,
            thought: if said { turn.thought.clone() } else { "Has not said anything.".to_owned() },
            relevance: turn.relevance,
            percent: turn.relevance.min(1_000) / 10,
            why: turn.why.clone(),
            out: matches!(turn.state, TurnState::Passed | TurnState::Coalesced | TurnState::Lost),
        }
    }
}

const fn rank(state: TurnState) -> u8 {
    match state {
        TurnState::Spoke => 0,
        TurnState::Granted => 1,
        TurnState::Meant => 2,
        TurnState::Asked => 3,
        TurnState::Lost => 4,
        TurnState::Passed => 5,
        TurnState::Coalesced => 6,
    }
}

/// How many there are of each, in words.
fn summary(turns: &[&RoomTurn]) -> String {
    let count = |state: TurnState| turns.iter().filter(|turn| turn.state == state).count();
    let words = [
        (TurnState::Spoke, "spoke"),
        (TurnState::Granted, "with the floor"),
        (TurnState::Meant, "would answer"),
        (TurnState::Asked, "asked"),
        (TurnState::Lost, "lost the floor"),
        (TurnState::Passed, "passed"),
        (TurnState::Coalesced, "took it in with other talk"),
    ];
    let parts = words.iter().map(|(state, word)| (count(*state), word)).filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, word)| format!("{count} {word}")).collect();
    format!("{} heard it · {}", turns.len(), parts.join(" · "))
}

/// The turns about each message.
pub fn by_message(turns: &[RoomTurn]) -> HashMap<RoomMessageId, Vec<&RoomTurn>> {
    let mut about: HashMap<_, Vec<_>> = HashMap::new();
    for turn in turns {
        about.entry(turn.about).or_default().push(turn);
    }
    about
}

/// The rules of the floor, for people.
pub fn rules(rules: &RoomRules) -> Vec<(&'static str, String)> {
    let seconds = |time: std::time::Duration| show::took(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    vec![
        ("answers to a person", format!("at most {}", rules.speakers)),
        ("time to say so", seconds(rules.window)),
        ("time to answer", seconds(rules.answer_within)),
        ("among personas", format!("{} a minute", rules.persona_turns_per_minute)),
        ("silent after", format!("{} without a person", show::counted(rules.silence_after.into(), "message"))),
    ]
}
