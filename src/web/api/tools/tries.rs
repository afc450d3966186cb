//! `POST /api/tools/{tool}/test`: an owner tries an own tool by hand, on record.

use actix_web::{http::StatusCode, web};
use actors::{
    domain::{Effect, Persona},
    supervisor::{NewTry, TryEnd},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    models::secrets_of,
    secrets::Hidden,
    tools::{
        own::{Bench, NotTried, OwnTool, Tried, TriedView, Trying, Whose},
        registry,
    },
    web::{
        Deps,
        api::added::named,
        auth::Caller,
        errors::{FieldError, Problem},
        input::Loose,
        routes::{Route, Table, Who},
    },
};

/// Arguments up to this stand in the receipt; of longer ones their hash does.
const MOST_TOLD_BYTES: usize = 4 << 10;

pub(super) fn routes() -> Table {
    let about = "Runs an own tool once, in its sandbox: what came of it is on record";
    vec![Route::post("/api/tools/{tool}/test", Who::Owner, about, test).takes::<NewTest>().gives::<TriedView>()]
}

/// One try.
#[derive(Deserialize, ToSchema)]
pub struct NewTest {
    /// What it is told; left out: its first example.
    #[schema(value_type = Option<Object>)]
    pub arguments: Option<Map<String, Value>>,
    /// Slug or id: in its folder, with its own tools and hosts; left out: in an empty folder that is thrown away, and
    /// without network.
    pub persona: Option<String>,
    /// A tool that may write runs only with this.
    #[serde(default)]
    pub sure: bool,
}

async fn test(
    name: web::Path<String>,
    caller: Caller,
    input: Loose<NewTest>,
    deps: web::Data<Deps>,
    bench: web::Data<Bench>,
) -> Result<web::Json<TriedView>, Problem> {
    let Loose(NewTest { arguments, persona, sure }) = input;
    let persona = named(&deps, persona.as_deref()).await?;
    let tool = find(&deps, persona.as_ref(), &name).await?;
    let first = || tool.manifest.examples.first().map(|example| example.arguments.clone()).unwrap_or_default();
    let arguments = arguments.unwrap_or_else(first);
    check(&tool, &arguments, sure)?;
    // A task of its own: what was begun is recorded, whoever goes away.
    let tried = tokio::spawn(async move { carry_out(&deps, &bench, &caller, (tool, persona), arguments).await });
    tried
        .await
        .unwrap_or_else(|_| Err(Problem::unavailable("The try was cut off; its receipt says so.")))
        .map(web::Json)
}

async fn find(deps: &Deps, persona: Option<&Persona>, name: &str) -> Result<OwnTool, Problem> {
    let (own, persona, wanted) = (deps.own.clone(), persona.cloned(), name.to_owned());
    let loaded = web::block(move || own.to_call(persona.as_ref().map(Whose::from), &wanted)).await;
    let loaded = loaded.map_err(|_| Problem::unavailable("The server is ending. Try again when it is back."))?;
    if let Some(tool) = loaded.named(name) {
        return Ok(tool.clone());
    }
    let refused = |why: String| Err(Problem::new(StatusCode::CONFLICT, "not-tried", "It cannot be tried", why));
    match loaded.broken.iter().find(|broken| broken.name == name) {
        Some(broken) => refused(format!("The tool cannot be used: {broken}.")),
        None if registry::is_built_in(name) => {
            refused(format!("{name} is built in and acts for a persona: give it a goal. Own tools can be tried."))
        }
        None => Err(Problem::not_found("own tool", name)),
    }
}

/// Before anything happens: do the arguments fit, and is it meant?
fn check(tool: &OwnTool, arguments: &Map<String, Value>, sure: bool) -> Result<(), Problem> {
    let place = |place: String| match place.as_str() {
        "" => "arguments".to_owned(),
        inner => format!("arguments.{inner}"),
    };
    let misfits = tool.misfits(arguments).into_iter().map(|(at, reason)| FieldError::new(place(at), reason));
    let misfits: Vec<FieldError> = misfits.collect();
    if !misfits.is_empty() {
        return Err(Problem::invalid(misfits));
    }
    let effect = tool.manifest.effect;
    if effect.needs_intent() && !sure {
        return Err(Problem::field("sure", format!("must be true: the tool is {effect} and may write")));
    }
    Ok(())
}

async fn carry_out(
    deps: &Deps,
    bench: &Bench,
    caller: &Caller,
    (tool, persona): (OwnTool, Option<Persona>),
    arguments: Map<String, Value>,
) -> Result<TriedView, Problem> {
    let (effect, persona) = (tool.manifest.effect, persona.as_ref());
    let known = known(deps, persona).await?;
    let new = NewTry {
        tool: tool.manifest.name.clone(),
        persona: persona.map(|persona| persona.id),
        effect,
        data: told(&tool, &arguments),
        by: caller.by(),
    };
    let open = deps.company.begin_try(new).await?;
    let mark = deps.world.new_id().to_string();
    match bench.try_out(&tool, Trying { arguments: &arguments, persona, known: &known, mark: &mark }).await {
        Ok((tried, view)) => {
            open.end(end(&tried, effect)).await?;
            Ok(view)
        }
        Err(error) => {
            let why = error.to_string();
            open.end(TryEnd { known: true, data: json!({ "begun": false }), error: Some(why.clone()) }).await?;
            match error {
                NotTried::Arguments { .. } => Err(Problem::field("arguments", why)),
                NotTried::Sandbox(_) | NotTried::NoWayOut(_) | NotTried::Workspace(_) => {
                    Err(Problem::unavailable(format!("The tool was not begun: {why}.")))
                }
            }
        }
    }
}

fn end(tried: &Tried, effect: Effect) -> TryEnd {
    TryEnd { known: tried.is_known(effect), data: tried.data(), error: tried.fault() }
}

/// What nobody is to read of what a tool brings back for that persona.
async fn known(deps: &Deps, persona: Option<&Persona>) -> Result<Hidden, Problem> {
    let Some(persona) = persona else { return Ok(Hidden::default()) };
    let known = secrets_of(&deps.vault, persona.id).await;
    known.map_err(|error| Problem::unavailable(format!("The secrets could not be read: {error}.")))
}

fn told(tool: &OwnTool, arguments: &Map<String, Value>) -> Value {
    let text = Value::Object(arguments.clone()).to_string();
    let version = &tool.manifest.version;
    match text.len() <= MOST_TOLD_BYTES {
        true => json!({ "arguments": arguments, "version": version }),
        false => {
            let hash = hex::encode(Sha256::digest(text.as_bytes()));
            json!({ "arguments_sha256": hash, "arguments_bytes": text.len(), "version": version })
        }
    }
}
