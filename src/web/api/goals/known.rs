//! What a goal names must be there when it is given: attempts would only find out that it is not.

use actors::domain::{Payload, PersonaId, Step, nearest};

use crate::web::{
    Deps,
    api::tools,
    errors::{FieldError, Problem},
};

/// Refuses a plan with a tool that its persona does not have, and words for a model that nobody configured.
pub(in crate::web::api) async fn check(deps: &Deps, persona: PersonaId, payload: &Payload) -> Result<(), Problem> {
    match payload {
        Payload::Browser(plan) | Payload::Io(plan) => {
            let named = plan.steps.iter().enumerate().filter_map(|(at, step)| match step {
                Step::Tool { name, .. } => Some((at, name.as_str())),
                _ => None,
            });
            check_models(deps, &plan.steps)?;
            check_tools(deps, persona, named.collect()).await
        }
        Payload::Agent(agent) => match agent.model.as_deref().and_then(|model| deps.models.why_unknown(model)) {
            Some(why) => Err(Problem::field("payload.model", why)),
            None => Ok(()),
        },
        // What they name was there when it was taken over.
        Payload::Ai(_) | Payload::Report(_) | Payload::Rollback(_) | Payload::Forked(_) => Ok(()),
    }
}

fn check_models(deps: &Deps, steps: &[Step]) -> Result<(), Problem> {
    let unknown = |(at, step): (usize, &Step)| match step {
        Step::Compose { model: Some(model), .. } => {
            Some(FieldError::new(format!("payload.steps[{at}].model"), deps.models.why_unknown(model)?))
        }
        _ => None,
    };
    let unknown: Vec<FieldError> = steps.iter().enumerate().filter_map(unknown).collect();
    if unknown.is_empty() { Ok(()) } else { Err(Problem::invalid(unknown)) }
}

async fn check_tools(deps: &Deps, persona: PersonaId, named: Vec<(usize, &str)>) -> Result<(), Problem> {
    if named.is_empty() {
        return Ok(());
    }
    let whose = deps.db.persona_named(&persona.to_string()).await?;
    let listed = tools::of(deps, whose.as_ref()).await?;
    let known: Vec<&str> = listed.iter().map(|tool| tool.name.as_str()).collect();
    let missing = named.into_iter().filter(|(_, name)| !known.contains(name)).map(|(at, name)| {
        let reason = format!("there is no tool `{name}`; nearest: {}", nearest(name, &known).join(", "));
        FieldError::new(format!("payload.steps[{at}].name"), reason)
    });
    let missing: Vec<FieldError> = missing.collect();
    if missing.is_empty() { Ok(()) } else { Err(Problem::invalid(missing)) }
}
