//! `/api/rooms/{room}/messages`: what is said there, with what every persona would do about it.

use actix_web::{HttpResponse, web};
use actors::{
    domain::{Author, PersonId, RoomMessageId},
    supervisor::rooms::{NewSaying, Said},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Paging, find,
    view::{self, SaidView},
};
use crate::web::{
    Deps,
    auth::Caller,
    cursor::{IdCursor, Page},
    errors::Problem,
    input::{Checks, IdempotencyKey, Loose, LooseQuery},
    routes::{Route, Table, Who},
};

const PATH: &str = "/api/rooms/{room}/messages";

pub(super) fn routes() -> Table {
    vec![
        Route::get(PATH, Who::Member, "The talk, newest first, with everybody's intentions", list)
            .query::<Paging>()
            .gives_page::<SaidView>(),
        Route::post(PATH, Who::Member, "Says something; answers come as further messages", say)
            .takes::<NewSaid>()
            .gives::<SaidAnswer>(),
    ]
}

/// Something to say.
#[derive(Deserialize, ToSchema)]
struct NewSaid {
    /// 1 to 4,000 characters. `@` and a persona's display name names it: it is asked first.
    text: String,
    /// The same key says the same thing only once; also as `Idempotency-Key`.
    correlation: Option<String>,
}

/// What now stands in the room.
#[derive(Debug, Serialize, ToSchema)]
struct SaidAnswer {
    message: SaidView,
    /// Personas that were asked.
    heard_by: usize,
    /// The key was known: this was said the first time.
    repeated: bool,
}

async fn list(
    name: web::Path<String>,
    query: LooseQuery<Paging>,
    deps: web::Data<Deps>,
) -> Result<web::Json<Page<SaidView>>, Problem> {
    let room = find(&deps, &name).await?;
    let before = query.cursor.map(|cursor| RoomMessageId(cursor.0));
    let rows = deps.db.room_talk(room.id, query.limit.and_one(), before).await?;
    let page = Page::of(rows, query.limit.get(), |said| IdCursor(said.id.0).to_string());
    Ok(web::Json(Page { items: view::talk(&deps, page.items).await?, next: page.next }))
}

async fn say(
    name: web::Path<String>,
    caller: Caller,
    key: IdempotencyKey,
    input: Loose<NewSaid>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let room = find(&deps, &name).await?;
    let Loose(new) = input;
    let mut checks = Checks::default();
    checks.text("text", &new.text, 1..=4_000);
    checks.done()?;
    let correlation = key.or_in_body(new.correlation)?;
    let author = Author::Person { id: caller.user.map(|user| PersonId(user.0)), name: caller.name.clone() };
    let saying = NewSaying { room: room.id, author, text: new.text, correlation };
    let Said { message, heard_by, repeated } = deps.company.say(saying, &caller.by()).await?;
    let mut views = view::talk(&deps, vec![message]).await?;
    let message = views.pop().ok_or_else(|| Problem::not_found("message", &name))?;
    let answer = SaidAnswer { message, heard_by, repeated };
    Ok(if repeated { HttpResponse::Ok().json(answer) } else { HttpResponse::Created().json(answer) })
}
