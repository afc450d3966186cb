//! `/rooms`: every room, who is there and what was said last.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{Member, Persona, PersonaId, PersonaStatus, Room, RoomId, RoomMessage, RoomStatus};
use askama::Template;
use serde::Deserialize;

use super::{
    frame::{Frame, Section},
    show::{self, When},
    visit::{self, NoPage, Visit},
};
use crate::web::{
    Deps,
    auth::Caller,
    routes::{Route, Table, Who},
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "rooms.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct RoomsPage {
    pub frame: Frame,
    /// `3 rooms · 1 talking`
    pub summary: String,
    pub cards: Vec<RoomCard>,
    /// Where the rooms before these are.
    pub earlier: Option<String>,
    /// Slug and name of whom a new room can be opened with.
    pub personas: Vec<(String, String)>,
}

/// A room at a glance.
#[derive(Debug, Clone)]
pub struct RoomCard {
    pub id: String,
    pub name: String,
    pub topic: String,
    pub archived: bool,
    /// Somebody is asked or has the floor.
    pub busy: bool,
    /// A class of `.light`.
    pub light: &'static str,
    pub standing: String,
    pub by: String,
    pub by_person: bool,
    /// What was said last; empty: nothing yet.
    pub said: String,
    pub at: Option<When>,
    pub faces: Vec<Face>,
    /// Members that are not among the faces.
    pub more: usize,
}

/// A member by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    pub name: String,
    pub person: bool,
}

/// A room with everything that is needed to show it on a card.
pub struct Parts<'a> {
    pub room: &'a Room,
    pub members: &'a [Member],
    pub people: &'a HashMap<PersonaId, &'a Persona>,
    pub last: Option<&'a RoomMessage>,
    /// Turns that are open there.
    pub open: usize,
}

const FACES: usize = 8;

impl RoomCard {
    /// Prepares a card, as seen from now.
    pub fn new(parts: &Parts<'_>, now_ms: i64) -> Self {
        let Parts { room, members, people, last, open } = parts;
        let archived = room.status == RoomStatus::Archived;
        let busy = *open > 0;
        let mut faces: Vec<_> = members.iter().filter_map(|member| face(member, people)).collect();
        faces.sort_by_key(|face| !face.person);
        let more = faces.len().saturating_sub(FACES);
        faces.truncate(FACES);
        Self {
            id: room.id.to_string(),
            name: room.name.clone(),
            topic: if room.topic.is_empty() { "Nothing was said yet.".to_owned() } else { room.topic.clone() },
            archived,
            busy,
            light: if archived { "paused" } else { ["idle", "active"][usize::from(busy)] },
            standing: match (archived, busy) {
                (true, _) => "closed".to_owned(),
                (false, true) => "talking".to_owned(),
                (false, false) => "quiet".to_owned(),
            },
            by: last.map(|said| said.author.name().to_owned()).unwrap_or_default(),
            by_person: last.is_some_and(|said| said.author.is_person()),
            said: last.map(|said| show::clip(&said.text, 200)).unwrap_or_default(),
            at: last.map(|said| When::at(said.at_ms, now_ms)),
            faces,
            more,
        }
    }
}

/// None: it was deleted.
fn face(member: &Member, people: &HashMap<PersonaId, &Persona>) -> Option<Face> {
    match member {
        Member::Person { name, .. } => Some(Face { name: name.clone(), person: true }),
        Member::Persona { id } => {
            let persona = people.get(id).filter(|persona| persona.status != PersonaStatus::Deleted)?;
            Some(Face { name: persona.name.clone(), person: false })
        }
    }
}

/// The line under the heading.
pub fn summary(cards: &[RoomCard]) -> String {
    let busy = cards.iter().filter(|card| card.busy).count();
    format!("{} · {busy} talking", show::counted(cards.len() as u64, "room"))
}

/// `/rooms`.
pub fn routes() -> Table {
    vec![Route::page("/rooms", Who::Member, "Every room, and what was said there last", show)]
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    before: String,
}

async fn show(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let page = load(&deps, &caller, &asked).await;
    visit::answer(&request, &deps, &caller, page)
}

const CARDS: u32 = 60;
const MOST_CHOICES: usize = 500;

async fn load(deps: &Deps, caller: &Caller, asked: &Asked) -> Result<RoomsPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let before: Option<RoomId> = asked.before.parse().ok();
    let mut rooms = deps.db.rooms(CARDS + 1, before).await?;
    let more = rooms.len() > CARDS as usize;
    rooms.truncate(CARDS as usize);
    let ids: Vec<_> = rooms.iter().map(|room| room.id).collect();
    let members = deps.db.members_of(&ids).await?;
    let everybody = deps.db.personas(false).await?;
    let people: HashMap<_, _> = everybody.iter().map(|persona| (persona.id, persona)).collect();
    let open = deps.db.open_turns().await?;
    let mut cards = Vec::with_capacity(rooms.len());
    for room in &rooms {
        let last = deps.db.room_talk(room.id, 1, None).await?.pop();
        let members = members.get(&room.id).map_or(&[][..], Vec::as_slice);
        let open = open.get(&room.id).copied().unwrap_or(0);
        cards.push(RoomCard::new(&Parts { room, members, people: &people, last: last.as_ref(), open }, visit.now_ms));
    }
    let earlier = rooms.last().filter(|_| more).map(|last| format!("/rooms?before={}", last.id));
    let personas = everybody.iter().take(MOST_CHOICES).map(|one| (one.slug.to_string(), one.name.clone())).collect();
    Ok(RoomsPage { frame: visit.frame("Rooms", Section::Rooms), summary: summary(&cards), cards, earlier, personas })
}
