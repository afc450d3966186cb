//! Payloads as people write them: names in any spelling, complaints that name the field.
//!
//! Steps are told apart by their `action`, which serde buffers before it knows the fields; so their names are put
//! right here, from the list of all names there are, before the strict reader of `actors::domain` sees them.

use actors::domain::{GoalKind, Payload};
use serde_json::{Map, Value};

use crate::web::{
    errors::FieldError,
    input::{same_name, unknown, wrong_sort_of},
};

/// Every name that may stand in a payload. A test holds it to the types.
const NAMES: &[&str] = &[
    "action",
    "attribute",
    "caption",
    "contains",
    "content",
    "cues",
    "description",
    "effect",
    "file",
    "format",
    "from_ms",
    "full_page",
    "lasts_ms",
    "length",
    "path",
    "prompt",
    "row",
    "save_as",
    "script",
    "selector",
    "steps",
    "text",
    "timeout_ms",
    "until_ms",
    "url",
    "value",
];

/// Reads a payload; the kind may stand beside it or in it.
pub(in crate::web::api) fn read(kind: Option<GoalKind>, payload: Option<Value>) -> Result<Payload, FieldError> {
    let required = |field: &str| FieldError::new(field, "is required");
    let mut payload = named_rightly(payload.ok_or_else(|| required("payload"))?, "payload")?;
    let inside = match &mut payload {
        Value::Object(fields) => fields.remove("kind"),
        _ => return Err(FieldError::new("payload", "must be an object")),
    };
    let inside = inside.map(|kind| {
        let text = kind.as_str().unwrap_or_default().to_owned();
        text.parse::<GoalKind>().map_err(|error| FieldError::new("payload.kind", error.to_string()))
    });
    let kind = match (kind, inside.transpose()?) {
        (Some(beside), Some(inside)) if beside != inside => {
            return Err(FieldError::new("payload.kind", "differs from `kind`; send one"));
        }
        (beside, inside) => beside.or(inside).ok_or_else(|| required("kind"))?,
    };
    Payload::parse(kind, payload).map_err(|bad| {
        let field = if bad.field == "payload" { bad.field } else { format!("payload.{}", bad.field) };
        said_plainly(field, bad.reason)
    })
}

/// The same value with every known name in its one spelling.
fn named_rightly(value: Value, path: &str) -> Result<Value, FieldError> {
    match value {
        Value::Object(fields) => {
            let mut right = Map::new();
            for (name, value) in fields {
                let known = NAMES.iter().find(|known| same_name(known, &name));
                let name = known.map_or(name, |known| (*known).to_owned());
                let field = format!("{path}.{name}");
                let value = named_rightly(value, &field)?;
                if right.insert(name, value).is_some() {
                    return Err(FieldError::new(field, "stands twice, in two spellings; send it once"));
                }
            }
            Ok(Value::Object(right))
        }
        Value::Array(items) => {
            let named = items.into_iter().enumerate().map(|(n, item)| named_rightly(item, &format!("{path}[{n}]")));
            named.collect::<Result<_, _>>().map(Value::Array)
        }
        other => Ok(other),
    }
}

/// Serde's words as people say them. A field that it names itself is put behind the path.
fn said_plainly(field: String, reason: String) -> FieldError {
    let quoted: Vec<&str> = reason.split('`').skip(1).step_by(2).collect();
    let (found, mut known) = match quoted.split_first() {
        Some((found, known)) => (*found, known.to_vec()),
        None => ("", Vec::new()),
    };
    // Nobody writes it into a plan.
    known.retain(|name| *name != "think");
    if reason.starts_with("missing field `") {
        FieldError::new(format!("{field}.{found}"), "is required")
    } else if reason.starts_with("unknown field `") {
        // Where serde reads straight from the object its path ends with the field; where it buffered a step, above it.
        let field = if field.ends_with(&format!(".{found}")) { field } else { format!("{field}.{found}") };
        FieldError::new(field, unknown(found, &known, "is not a field here"))
    } else if reason.starts_with("unknown variant `") {
        FieldError::new(field, unknown(found, &known, &format!("`{found}` is not known")))
    } else {
        FieldError::new(field, wrong_sort_of(&reason).unwrap_or(reason))
    }
}

#[cfg(test)]
mod tests {
    use actors::domain::Step;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_in_steps_match_in_every_spelling() {
        let payload = json!({"Steps": [{"Action": "wait_for", "selector": "a", "timeoutMs": 5}], "kind": "browser"});
        let Payload::Browser(plan) = read(None, Some(payload)).unwrap() else { panic!("not a browser plan") };
        assert_eq!(plan.steps, [Step::WaitFor { selector: "a".into(), timeout_ms: Some(5) }]);
    }

    #[test]
    fn a_complaint_names_the_field() {
        let browser = |step: Value| read(Some(GoalKind::Browser), Some(json!({"steps": [step]}))).unwrap_err();
        let wrong = browser(json!({"action": "click", "selektor": "a"}));
        assert_eq!(wrong.field, "payload.steps[0].selektor");
        assert!(wrong.reason.contains("did you mean `selector`"), "{wrong:?}");
        let wrong = browser(json!({"action": "gotoo", "url": "a"}));
        assert_eq!(wrong.field, "payload.steps[0].action");
        assert!(wrong.reason.contains("did you mean `goto`?") && !wrong.reason.contains("think"), "{wrong:?}");
        assert_eq!(browser(json!({"action": "click"})), FieldError::new("payload.steps[0].selector", "is required"));
        let wrong = browser(json!({"action": "click", "selector": "a", "timeout_ms": "x"}));
        assert_eq!(wrong.reason, "must be a whole number, 0 or more, it is the text \"x\"");
        let twice = browser(json!({"action": "click", "timeoutMs": 1, "timeout_ms": 1}));
        assert_eq!(twice.field, "payload.steps[0].timeout_ms");
        for kind in [GoalKind::Ai, GoalKind::Report, GoalKind::Agent] {
            let wrong = read(Some(kind), Some(json!({"stepz": []}))).unwrap_err();
            assert_eq!(wrong.field, "payload.stepz", "{kind}: {wrong:?}");
        }
        let wrong = read(Some(GoalKind::Browser), Some(json!({"steps": [], "promptt": 1}))).unwrap_err();
        assert_eq!(wrong.field, "payload.promptt");
        assert_eq!(read(None, Some(json!({}))).unwrap_err().field, "kind");
        assert_eq!(read(Some(GoalKind::Ai), None).unwrap_err().field, "payload");
        assert_eq!(read(Some(GoalKind::Ai), Some(json!([]))).unwrap_err().field, "payload");
    }

    #[test]
    fn every_name_of_every_step_is_known() {
        let t = "t";
        let steps = json!([
            {"action": "goto", "url": t, "timeout_ms": 1}, {"action": "type", "selector": t, "text": t},
            {"action": "click", "selector": t, "effect": "read"}, {"action": "select", "selector": t, "value": t},
            {"action": "wait_for", "selector": t}, {"action": "extract", "selector": t, "save_as": t, "attribute": t},
            {"action": "evaluate", "script": t, "save_as": t, "effect": "read"}, {"action": "snapshot"},
            {"action": "screenshot", "caption": t, "file": t, "full_page": true, "selector": t, "format": "png"},
            {"action": "expect_title", "contains": t}, {"action": "expect_selector", "selector": t},
            {"action": "expect_text", "contains": t, "selector": t},
            {"action": "write_file", "path": t, "content": t, "description": t},
            {"action": "append_csv", "path": t, "row": [["a", "b"]], "description": t},
            {"action": "render_captions", "path": "t.vtt", "cues": [{"text": t, "lasts_ms": 1}], "description": t},
            {"action": "read_file", "path": t, "save_as": t}, {"action": "list_files", "path": t, "save_as": t},
            {"action": "compose", "prompt": t, "save_as": t, "length": "long"},
            {"action": "daily_report", "save_as": t, "from_ms": 1, "until_ms": 2},
        ]);
        for step in steps.as_array().unwrap() {
            let read: Step = serde_json::from_value(step.clone()).unwrap();
            let fields = read.to_args();
            for name in fields.as_object().unwrap().keys() {
                assert!(NAMES.contains(&name.as_str()), "{name}");
            }
        }
    }
}
