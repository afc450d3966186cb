//! Fills the page of a room from the store and the roster.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{ChainId, Member, PersonaId, Receipt, RoomMessage, RoomMessageId, RoomTurn};
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
/// Personas that are suggested to be brought in; any other can be written.
const SUGGESTED: usize = 100;

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
    let members = deps.db.room_members(room.id).await?;
    let newest = ReceiptFilter { newest_first: true, limit: FEED, ..ReceiptFilter::default() };
    let feed = deps.db.receipts(newest).await?;
    let named = named(&said, &turns, &members, &feed);
    let named = deps.db.personas_among(named).await?;
    let people: People<'_> = named.iter().map(|persona| (persona.id, persona)).collect();
    let none = Vec::new();
    let row = |said| SaidRow::new(said, about.get(&said.id).unwrap_or(&none), &people, &caller.name, visit.now_ms);
    let mut talk: Vec<_> = said.iter().map(row).collect();
    // The newest question is open, also when it is decided.
    let newest = talk.iter_mut().rev().find(|row| row.by_person).and_then(|row| row.floor.as_mut());
    if let Some(floor) = newest.filter(|_| before.is_none()) {
        floor.open = true;
    }
    let actors = visit.actors();
    let open = deps.db.open_turns().await?.get(&room.id).copied().unwrap_or(0);
    Ok(RoomPage {
        frame: visit.frame(&room.name, Section::Rooms),
        head: Head::new(&room, open),
        earlier: talk.first().filter(|_| more).map(|first| format!("/rooms/{}?before={}", room.id, first.id)),
        talk,
        members: members.iter().map(|member| MemberRow::new(member, &people, &actors)).collect(),
        others: others(deps, &members).await?,
        rules: super::rules(&deps.config.limits().rooms),
        feed: visit.rows(&feed, &people),
    })
}

/// Everybody whose name stands on the page.
fn named(said: &[RoomMessage], turns: &[RoomTurn], members: &[Member], feed: &[Receipt]) -> BTreeSet<PersonaId> {
    let authors = said.iter().filter_map(|said| said.author.persona());
    let chains = feed.iter().filter_map(|receipt| match &receipt.chain {
        ChainId::Persona(id) => Some(*id),
        ChainId::System(_) => None,
    });
    let there = members.iter().filter_map(Member::persona);
    turns.iter().map(|turn| turn.persona).chain(authors).chain(chains).chain(there).collect()
}

/// Slugs of some one could bring in.
async fn others(deps: &Deps, members: &[Member]) -> Result<Vec<String>, NoPage> {
    let is_there = |id| members.iter().any(|member| member.persona() == Some(id));
    let limit = u32::try_from(SUGGESTED + members.len()).unwrap_or(u32::MAX);
    let known = deps.db.persona_names(limit).await?;
    let others = known.into_iter().filter(|(id, ..)| !is_there(*id));
    Ok(others.map(|(_, slug, _)| slug).take(SUGGESTED).collect())
}
