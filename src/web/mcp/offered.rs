//! The tools, as programs are told of them.

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

/// Receipts in one answer.
pub(super) const MOST_RECEIPTS: u16 = 100;

/// Every tool, with the schema of its arguments.
pub(super) fn all() -> Vec<Tool> {
    let text = |about: &str| json!({"type": "string", "description": about});
    let persona = text("slug or id of a persona");
    let goal = text("id of a goal");
    vec![
        reading("list_personas", "Every persona: slug, name, role, status and mood.", &json!({}), &[]),
        tool(
            "give_goal",
            "Gives a persona a goal: `task` in words for its model, or `kind` with `payload`, or `template` with \
             `params`. `correlation` brings the same goal only once.",
            &json!({
                "persona": persona, "task": text("what is wanted, in words"), "title": text("one line"),
                "kind": {"type": "string", "enum": ["browser", "io", "ai", "report", "agent"]},
                "payload": {"type": "object"}, "proof": {"type": "object"}, "template": {"type": "string"},
                "params": {"type": "object"}, "priority": {"type": "number", "minimum": 0, "maximum": 1},
                "correlation": text("a key of your own"),
            }),
            &["persona"],
        ),
        reading(
            "goal_status",
            "A goal: its state, its last error, and what was shown.",
            &json!({"goal": goal}),
            &["goal"],
        ),
        reading(
            "read_receipts",
            "The runtime's own record of what was done, newest first.",
            &json!({
                "persona": persona, "goal": goal,
                "limit": {"type": "integer", "minimum": 1, "maximum": MOST_RECEIPTS},
            }),
            &[],
        ),
        reading(
            "verify_receipts",
            "Checks every receipt of a persona's chain, and its signatures.",
            &json!({"persona": persona}),
            &["persona"],
        ),
    ]
}

fn tool(name: &'static str, about: &'static str, properties: &Value, required: &[&str]) -> Tool {
    let schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    });
    let schema: Map<String, Value> = schema.as_object().cloned().unwrap_or_default();
    Tool::new(name, about, schema)
}

fn reading(name: &'static str, about: &'static str, properties: &Value, required: &[&str]) -> Tool {
    tool(name, about, properties, required).with_annotations(ToolAnnotations::new().read_only(true))
}
