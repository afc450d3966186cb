//! `/dev/seed/*`: a first persona and a first goal with one call each, without login, on this machine only.

use actix_web::{HttpResponse, web};
use actors::domain::{GoalKind, Slug};
use serde_json::json;

use crate::web::{
    Deps,
    api::{
        goals::{GoalView, NewGoal},
        personas::{self, NewPersona, PersonaView},
    },
    auth::Caller,
    errors::Problem,
    input::{IdempotencyKey, Loose},
    routes::{Route, Table, Who},
};

pub(super) fn routes() -> Table {
    vec![
        Route::post("/dev/seed/persona", Who::Seeder, "Makes a persona, or answers with the one there is", persona)
            .takes::<NewPersona>()
            .gives::<PersonaView>(),
        Route::post("/dev/seed/goal", Who::Seeder, "Gives a goal; left empty: a look at the rehearsal site", goal)
            .takes::<NewGoal>()
            .gives::<GoalView>(),
    ]
}

const SEEDED: &str = "ada";

async fn persona(caller: Caller, input: Loose<NewPersona>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let Loose(mut new) = input;
    let name = new.name.get_or_insert_with(|| "Ada".to_owned()).clone();
    let slug = match &new.slug {
        Some(slug) => slug.clone(),
        None => Slug::from_name(&name).map_err(|error| Problem::field("name", error.to_string()))?.to_string(),
    };
    if let Some(known) = deps.db.persona_named(&slug).await? {
        return Ok(HttpResponse::Ok().json(personas::view(&deps, known).await?));
    }
    let made = personas::create_from(&deps, &caller, new).await?;
    Ok(HttpResponse::Created().json(made))
}

async fn goal(
    caller: Caller,
    key: IdempotencyKey,
    input: Loose<NewGoal>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let Loose(mut new) = input;
    let persona = new.persona.get_or_insert_with(|| SEEDED.to_owned()).clone();
    if new.payload.is_none() {
        new.kind = Some(GoalKind::Browser);
        new.title.get_or_insert_with(|| "Look at the job board".to_owned());
        new.payload = Some(json!({"steps": [
            {"action": "goto", "url": format!("{}/jobs", deps.rehearsal_url)},
            {"action": "expect_title", "contains": "Job board"},
            {"action": "screenshot", "caption": "rehearsal site"},
        ]}));
    }
    let persona = personas::find(&deps, &persona).await?;
    crate::web::api::goals::deliver(&deps, &caller, key, persona.id, new).await
}
