//! Fills the page of a room from the store and the roster.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{Member, PersonaStatus, RoomMessageId};
use serde::Deserialize;

use super::{Head, MemberRow, People, RoomPage, SaidRow};
use crate::{
    storage::ReceiptFilter,
    web::{
        Deps,
        auth::Caller,
        pages::{
            frame::Section,
            visit::{self, NoPage, Visit},
        },
        routes::{Route, Table, Who},
    },
};

/// `/rooms/{room}`.
pub fn routes() -> Table {
    vec![Route::page("/rooms/{room}", Who::Member, "One room: the talk and who has the floor", show)]
}

/// What an address may ask of the page. Words that mean nothing are ignored.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    before: String,
}

async fn show(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let which = request.match_info().get("room").unwrap_or_default();
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let page = load(&deps, &caller, which, &asked).await;
    visit::answer(&request, &deps, &caller, page)
}

const TALK: u32 = 40;
const FEED: u32 = 40;
const MOST_CHOICES: usize = 500;

async fn load(deps: &Deps, caller: &Caller, which: &str, asked: &Asked) -> Result<RoomPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let room = deps.db.room_named(which).await?.ok_or_else(|| NoPage::missing("room", which))?;
    let before: Option<RoomMessageId> = asked.before.parse().ok();
    let mut said = deps.db.room_talk(room.id, TALK + 1, before).await?;
    let more = said.len() > TALK as usize;
    said.truncate(TALK as usize);
    said.reverse();
    let ids: Vec<_> = said.iter().map(|said| said.id).collect();
    let turns = deps.db.turns_about(&ids).await?;
    let about = super::by_message(&turns);
    let everybody = deps.db.personas(true).await?;
    let people: People<'_> = everybody.iter().map(|persona| (persona.id, persona)).collect();
    let none = Vec::new();
    let row = |said| SaidRow::new(said, about.get(&said.id).unwrap_or(&none), &people, &caller.name, visit.now_ms);
    let mut talk: Vec<_> = said.iter().map(row).collect();
    // The newest question is open, also when it is decided.
    let newest = talk.iter_mut().rev().find(|row| row.by_person).and_then(|row| row.floor.as_mut());
    if let Some(floor) = newest.filter(|_| before.is_none()) {
        floor.open = true;
    }
    let members = deps.db.room_members(room.id).await?;
    let actors = visit.actors();
    let open = turns.iter().filter(|turn| turn.state.is_open()).count();
    let newest = ReceiptFilter { newest_first: true, limit: FEED, ..ReceiptFilter::default() };
    let feed = deps.db.receipts(newest).await?;
    let is_there = |id| members.iter().any(|member: &Member| member.persona() == Some(id));
    let others = everybody.iter().filter(|one| one.status != PersonaStatus::Deleted && !is_there(one.id));
    Ok(RoomPage {
        frame: visit.frame(&room.name, Section::Rooms),
        head: Head::new(&room, open),
        earlier: talk.first().filter(|_| more).map(|first| format!("/rooms/{}?before={}", room.id, first.id)),
        talk,
        members: members.iter().map(|member| MemberRow::new(member, &people, &actors)).collect(),
        others: others.take(MOST_CHOICES).map(|one| (one.slug.to_string(), one.name.clone())).collect(),
        rules: super::rules(&deps.config.limits().rooms),
        feed: visit.rows(&feed, &people.iter().map(|(id, one)| (*id, *one)).collect::<HashMap<_, _>>()),
    })
}
