//! `/api/personas/{persona}/messages`: the conversation with a persona.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use actors::{
    domain::{Chat, GoalId, Message, MessageId, MessageState, WaitsFor},
    supervisor::{NewWork, Work},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    goals::{GoalView, priority_of},
    personas,
};
use crate::web::{
    Deps,
    auth::Caller,
    cursor::{IdCursor, Limit, Page},
    errors::Problem,
    input::{Checks, IdempotencyKey, Loose, LooseQuery, Nothing},
    names::Names,
    routes::{Route, Table, Who},
};

const PATH: &str = "/api/personas/{persona}/messages";

/// `/api/personas/{persona}/messages`.
pub fn routes() -> Table {
    vec![
        Route::get(PATH, Who::Member, "The conversation, newest first", list)
            .query::<List>()
            .gives_page::<MessageView>(),
        Route::post(PATH, Who::Member, "Writes to it; the answer is the goal's result", send)
            .takes::<NewMessage>()
            .gives::<SentView>(),
        Route::post("/api/messages/{message}/retry", Who::Member, "A new first attempt for a dead letter", retry)
            .gives::<GoalView>(),
        Route::post("/api/messages/{message}/discard", Who::Member, "Drops a dead letter", discard).gives::<GoalView>(),
    ]
}

/// A message in an inbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    #[schema(value_type = String)]
    pub id: MessageId,
    /// `chat`, `goal` or `result`.
    pub kind: &'static str,
    pub sender: String,
    pub text: String,
    /// The goal it started.
    #[schema(value_type = String)]
    pub goal: GoalId,
    /// 0 to 1.
    pub priority: f64,
    pub state: &'static str,
    pub received_ms: i64,
    /// How often its persona fell over it; the second time makes it a dead letter.
    pub falls: u32,
    /// The key of its burst: of those that wait at the same time the newest is worked at.
    pub coalescing: Option<String>,
    /// Nobody waits for it: its persona's mood may hold it back until it expires.
    pub optional: bool,
    /// By when it is started, or expires with a receipt.
    pub serve_by_ms: i64,
    pub trace: String,
    pub correlation: Option<String>,
    pub project: Option<String>,
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            kind: message.kind.as_str(),
            sender: message.sender,
            text: message.text,
            goal: message.goal,
            priority: f64::from(message.priority.thousandths()) / 1000.0,
            state: message.state.as_str(),
            received_ms: message.received_ms,
            falls: message.falls,
            coalescing: message.coalescing,
            optional: message.optional,
            serve_by_ms: message.serve_by_ms,
            trace: message.trace.0.simple().to_string(),
            correlation: message.correlation,
            project: message.project,
        }
    }
}

/// Something to tell a persona.
#[derive(Deserialize, ToSchema)]
pub struct NewMessage {
    /// 1 to 20,000 characters.
    pub text: String,
    /// 0 to 1. Left out: 0.5, 0.4 more when the text names the persona (`@` and its display name), 0.2 more when it
    /// is about one of its topics, and 0.1 more in its first minute. Above 0.8 it starts within ten seconds.
    pub priority: Option<f64>,
    /// Start no later than this, else expire.
    pub serve_by_ms: Option<i64>,
    /// The key of its burst: of messages with one key that wait at the same time the newest is answered, with the
    /// others as its context.
    pub coalescing: Option<String>,
    /// The same key brings the same message only once; also as `Idempotency-Key`.
    pub correlation: Option<String>,
    pub project: Option<String>,
}

/// A message that is now durable, and the goal it started.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentView {
    pub message: MessageView,
    pub goal: GoalView,
    /// The key was known: this is the message of the first time.
    pub repeated: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
struct List {
    /// Only these: `dead_lettered` are those that brought their persona down twice.
    #[param(value_type = Option<String>)]
    state: Option<MessageState>,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<IdCursor>,
    /// 1 to 500; 50 when left out.
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
}

async fn list(
    name: web::Path<String>,
    query: LooseQuery<List>,
    deps: web::Data<Deps>,
) -> Result<web::Json<Page<MessageView>>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let before = query.cursor.map(|cursor| MessageId(cursor.0));
    let rows = deps.db.messages(persona.id, query.limit.and_one(), before, query.state).await?;
    let page = Page::of(rows, query.limit.get(), |message| IdCursor(message.id.0).to_string());
    Ok(web::Json(page.map(MessageView::from)))
}

async fn send(
    name: web::Path<String>,
    caller: Caller,
    key: IdempotencyKey,
    input: Loose<NewMessage>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let Loose(new) = input;
    let mut checks = Checks::default();
    checks.text("text", &new.text, 1..=20_000);
    if let Some(key) = &new.coalescing {
        checks.line("coalescing", key, 1..=120);
    }
    if let Some(project) = &new.project {
        checks.line("project", project, 1..=120);
    }
    let priority = priority_of(new.priority, &mut checks);
    checks.done()?;
    let correlation = key.or_in_body(new.correlation)?;
    let work = NewWork {
        persona: persona.id,
        what: Work::Arrived(Arc::new(Chat { text: new.text, place: None, burst: new.coalescing })),
        priority,
        serve_by_ms: new.serve_by_ms,
        due_ms: None,
        correlation,
        project: new.project,
        waits_for: WaitsFor::default(),
    };
    let delivered = deps.company.deliver(work, &caller.by()).await?;
    let goal = GoalView::new(delivered.goal, Some(persona.slug.to_string()), &[]);
    let sent = SentView { message: delivered.message.into(), goal, repeated: delivered.repeated };
    Ok(if sent.repeated { HttpResponse::Ok().json(sent) } else { HttpResponse::Created().json(sent) })
}

fn id_of(message: &str) -> Result<MessageId, Problem> {
    message.parse().map_err(|_| Problem::not_found("message", message))
}

async fn retry(
    id: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let goal = deps.company.retry_letter(id_of(&id)?, &caller.by()).await?;
    Ok(web::Json(GoalView::read(goal, &deps, &names).await?))
}

async fn discard(
    id: web::Path<String>,
    caller: Caller,
    _: Loose<Nothing>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<web::Json<GoalView>, Problem> {
    let goal = deps.company.discard_letter(id_of(&id)?, &caller.by()).await?;
    Ok(web::Json(GoalView::read(goal, &deps, &names).await?))
}
