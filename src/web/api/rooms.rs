//! `/api/rooms`: where several personas and people talk.

mod talk;
mod view;

use std::collections::HashMap;

use actix_web::{HttpResponse, http::Method, web};
use actors::{
    domain::{Member, PersonId, PersonaId, Room, RoomId, RoomStatus},
    supervisor::rooms::{MOST_MEMBERS, NewRoom, RoomPatch},
};
use serde::Deserialize;
use utoipa::ToSchema;

pub use view::RoomView;

use crate::{
    storage::UserId,
    web::{
        Deps,
        auth::Caller,
        cursor::{IdCursor, Page, Paging},
        errors::{FieldError, Problem},
        input::{Checks, IfMatch, Loose, LooseQuery, Nothing, version_read},
        routes::{Route, Table, Who},
    },
};

const ALL: &str = "/api/rooms";
const ONE: &str = "/api/rooms/{room}";
const MEMBERS: &str = "/api/rooms/{room}/members";
const MEMBER: &str = "/api/rooms/{room}/members/{member}";

/// `/api/rooms…`.
pub fn routes() -> Table {
    let rooms = vec![
        Route::get(ALL, Who::Member, "Every room, the newest first", list).query::<Paging>().gives_page::<RoomView>(),
        Route::post(ALL, Who::Member, "Opens a room; who opens it is in it", create)
            .takes::<OpenRoom>()
            .gives::<RoomView>(),
        Route::get(ONE, Who::Member, "One room, by id or name", show).gives::<RoomView>(),
        Route::new(Method::PATCH, ONE, Who::Member, "Changes name or topic", patch)
            .takes::<RoomChange>()
            .gives::<RoomView>(),
        Route::post("/api/rooms/{room}/archive", Who::Member, "Nothing more can be said there", archive)
            .gives::<RoomView>(),
        Route::post("/api/rooms/{room}/reopen", Who::Member, "Opens an archived room again", reopen)
            .gives::<RoomView>(),
        Route::post(MEMBERS, Who::Member, "Brings personas and people in", join)
            .takes::<Newcomers>()
            .gives::<RoomView>(),
        Route::new(Method::DELETE, MEMBER, Who::Member, "Takes a persona (slug, id) or a person (name, id) out", leave)
            .gives::<RoomView>(),
    ];
    rooms.into_iter().chain(talk::routes()).collect()
}

/// A room to be.
#[derive(Deserialize, ToSchema)]
struct OpenRoom {
    /// 1 to 80 characters; no two rooms share one, whatever the case.
    name: String,
    /// What it is for, up to 500 characters.
    #[serde(default)]
    topic: String,
    /// Slugs or ids; at least one.
    #[serde(default)]
    personas: Vec<String>,
    /// Names or ids of users, besides the caller.
    #[serde(default)]
    people: Vec<String>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
struct RoomChange {
    /// As read; also as `ifVersion` or `If-Match`.
    version: Option<i64>,
    if_version: Option<i64>,
    name: Option<String>,
    topic: Option<String>,
}

/// Who is to come in.
#[derive(Deserialize, ToSchema)]
struct Newcomers {
    #[serde(default)]
    personas: Vec<String>,
    #[serde(default)]
    people: Vec<String>,
}

/// The room a path names, by id or name.
async fn find(deps: &Deps, name: &str) -> Result<Room, Problem> {
    deps.db.room_named(name).await?.ok_or_else(|| Problem::not_found("room", name))
}

async fn list(query: LooseQuery<Paging>, deps: web::Data<Deps>) -> Result<web::Json<Page<RoomView>>, Problem> {
    let before = query.cursor.map(|cursor| RoomId(cursor.0));
    let rows = deps.db.rooms(query.limit.and_one(), before).await?;
    let page = Page::of(rows, query.limit.get(), |room| IdCursor(room.id.0).to_string());
    Ok(web::Json(Page { items: view::all(&deps, &page.items).await?, next: page.next }))
}

async fn create(caller: Caller, input: Loose<OpenRoom>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let Loose(new) = input;
    let mut checks = Checks::default();
    checks.line("name", &new.name, 1..=80);
    checks.text("topic", &new.topic, 0..=500);
    few(&mut checks, &new.personas, &new.people);
    checks.done()?;
    let personas = personas(&deps, &new.personas).await?;
    let mut people = people(&deps, &new.people).await?;
    if let Some(UserId(id)) = caller.user
        && !people.iter().any(|(known, _)| known.0 == id)
    {
        people.push((PersonId(id), caller.name.clone()));
    }
    let new = NewRoom { name: new.name, topic: new.topic, personas, people };
    let room = deps.company.create_room(new, &caller.by()).await?;
    let address = format!("/api/rooms/{}", room.id);
    Ok(HttpResponse::Created().insert_header(("Location", address)).json(view::one(&deps, room).await?))
}

async fn show(name: web::Path<String>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let room = find(&deps, &name).await?;
    let tag = format!("\"{}\"", room.version);
    Ok(HttpResponse::Ok().insert_header(("ETag", tag)).json(view::one(&deps, room).await?))
}

async fn patch(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<RoomChange>,
    deps: web::Data<Deps>,
) -> Result<web::Json<RoomView>, Problem> {
    let room = find(&deps, &name).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let Loose(RoomChange { name, topic, .. }) = input;
    let mut checks = Checks::default();
    if let Some(name) = &name {
        checks.line("name", name, 1..=80);
    }
    if let Some(topic) = &topic {
        checks.text("topic", topic, 0..=500);
    }
    checks.done()?;
    let patch = RoomPatch { name, topic, status: None };
    match deps.company.update_room(room.id, version, patch, &caller.by()).await {
        Ok(room) => view::one(&deps, room).await.map(web::Json),
        Err(error) => {
            let problem: Problem = error.into();
            let now = deps.db.room(room.id).await?.map_or(room.version, |room| room.version);
            Err(if problem.status == 409 { problem.with_current_version(now) } else { problem })
        }
    }
}

async fn archive(
    name: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<RoomView>, Problem> {
    set_status(&deps, &caller, &name, RoomStatus::Archived).await
}

async fn reopen(
    name: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
) -> Result<web::Json<RoomView>, Problem> {
    set_status(&deps, &caller, &name, RoomStatus::Active).await
}

async fn set_status(
    deps: &Deps,
    caller: &Caller,
    name: &str,
    status: RoomStatus,
) -> Result<web::Json<RoomView>, Problem> {
    let room = find(deps, name).await?;
    let room = deps.company.set_room_status(room.id, status, &caller.by()).await?;
    view::one(deps, room).await.map(web::Json)
}

async fn join(
    name: web::Path<String>,
    caller: Caller,
    input: Loose<Newcomers>,
    deps: web::Data<Deps>,
) -> Result<web::Json<RoomView>, Problem> {
    let room = find(&deps, &name).await?;
    if input.personas.is_empty() && input.people.is_empty() {
        return Err(Problem::field("personas", "must name somebody, here or in `people`"));
    }
    let mut checks = Checks::default();
    few(&mut checks, &input.personas, &input.people);
    checks.done()?;
    let personas = personas(&deps, &input.personas).await?.into_iter().map(|id| Member::Persona { id });
    let people = people(&deps, &input.people).await?.into_iter().map(|(id, name)| Member::Person { id, name });
    let room = deps.company.join_room(room.id, personas.chain(people).collect(), &caller.by()).await?;
    view::one(&deps, room).await.map(web::Json)
}

async fn leave(
    path: web::Path<(String, String)>,
    caller: Caller,
    deps: web::Data<Deps>,
) -> Result<web::Json<RoomView>, Problem> {
    let (name, member) = path.into_inner();
    let room = find(&deps, &name).await?;
    let members = deps.db.room_members(room.id).await?;
    let names = view::people(&deps, members.iter().filter_map(Member::persona)).await?;
    let called = |one: &&Member| match one {
        Member::Person { id, name } => *name == member || id.to_string() == member,
        Member::Persona { id } => {
            id.to_string() == member || names.get(id).is_some_and(|persona| persona.slug.as_str() == member)
        }
    };
    let one = members.iter().find(called).cloned().ok_or_else(|| Problem::not_found("member", &member))?;
    let room = deps.company.leave_room(room.id, one, &caller.by()).await?;
    view::one(&deps, room).await.map(web::Json)
}

/// More names than a room takes are not looked up.
fn few(checks: &mut Checks, personas: &[String], people: &[String]) {
    for (field, named) in [("personas", personas), ("people", people)] {
        checks.check(field, named.len() <= MOST_MEMBERS, format!("a room takes at most {MOST_MEMBERS} members"));
    }
}

/// Personas as a caller names them.
async fn personas(deps: &Deps, named: &[String]) -> Result<Vec<PersonaId>, Problem> {
    let mut found = Vec::with_capacity(named.len());
    let mut wrong = Vec::new();
    for (at, name) in named.iter().enumerate() {
        match deps.db.persona_named(name).await? {
            Some(persona) => found.push(persona.id),
            None => wrong.push(FieldError::new(format!("personas[{at}]"), format!("there is no persona `{name}`"))),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(Problem::invalid(wrong)) }
}

/// Users as a caller names them.
async fn people(deps: &Deps, named: &[String]) -> Result<Vec<(PersonId, String)>, Problem> {
    let users: HashMap<_, _> = match named {
        [] => HashMap::new(),
        _ => deps.accounts.users().await?.into_iter().map(|user| (user.name.clone(), user)).collect(),
    };
    let mut found = Vec::with_capacity(named.len());
    let mut wrong = Vec::new();
    for (at, name) in named.iter().enumerate() {
        let by_id = || users.values().find(|user| user.id.to_string() == *name);
        match users.get(name).or_else(by_id) {
            Some(user) => found.push((PersonId(user.id.0), user.name.clone())),
            None => wrong.push(FieldError::new(format!("people[{at}]"), format!("there is no user `{name}`"))),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(Problem::invalid(wrong)) }
}
