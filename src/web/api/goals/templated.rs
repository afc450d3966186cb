//! Goals made from a template: title and proof come with it.

use actors::domain::{Payload, PersonaId};

use super::NewGoal;
use crate::{
    tools::templates,
    web::{
        Deps,
        errors::{FieldError, Problem},
    },
};

/// Makes the goal that its template says, if it names one; then its payload is the answer.
pub(super) async fn take(deps: &Deps, persona: PersonaId, new: &mut NewGoal) -> Result<Option<Payload>, Problem> {
    let Some(name) = new.template.take() else {
        let alone = || Problem::field("params", "belongs to a template; send `template` too");
        return if new.params.is_some() { Err(alone()) } else { Ok(None) };
    };
    let beside = [("kind", new.kind.is_some()), ("payload", new.payload.is_some()), ("proof", new.proof.is_some())];
    let beside = beside.into_iter().filter(|(_, sent)| *sent);
    let doubled: Vec<_> =
        beside.map(|(field, _)| FieldError::new(field, "comes with the template; leave it out")).collect();
    if !doubled.is_empty() {
        return Err(Problem::invalid(doubled));
    }
    let gone = || Problem::not_found("persona", &persona.to_string());
    let persona = deps.db.persona_named(&persona.to_string()).await?.ok_or_else(gone)?;
    let made = templates::make(&name, &new.params.take().unwrap_or_default(), &persona);
    let made = made.map_err(|bad| Problem::field(bad.field, bad.reason))?;
    new.title.get_or_insert(made.title);
    new.proof = Some(made.proof);
    Ok(Some(made.payload))
}
