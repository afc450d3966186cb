//! The call that takes back what a step did: made from the manifest's `inverse`, the step's arguments and its answer.
//! Pure, and no model has a word in it.

use actors::{
    domain::{Choice, Deed, Inverse, NoRollback, Step, ToolCall},
    evidence::canonical,
};
use serde_json::{Map, Value, json};

use super::{
    own::{self, OwnTool},
    toolbox::Reach,
};

/// The inverse of a deed. `tools`: own ones of the persona, and those of MCP servers that people confirmed.
pub fn inverse(deed: &Deed, tools: &[OwnTool]) -> Result<Inverse, NoRollback> {
    let named = |name: &str| tools.iter().find(|tool| tool.manifest.name == name);
    let tool = named(&deed.tool);
    let declared = tool.and_then(|tool| tool.manifest.inverse.as_ref());
    let declared = declared.ok_or_else(|| NoRollback::NoInverse(deed.tool.clone()))?;
    let unfit = |why: String| NoRollback::Unfit { tool: declared.tool.clone(), why };
    let arguments = Value::Object(arguments(declared, deed).map_err(unfit)?).to_string();
    let call = ToolCall { id: String::new(), name: declared.tool.clone(), arguments };
    let call = match Reach::all(&[], tools).choose(call).what {
        Choice::Step(step) => *step,
        Choice::Refused(why) => return Err(unfit(why)),
    };
    if let Some(why) = cannot_take_back(&call) {
        return Err(unfit(why.to_owned()));
    }
    let manifests = json!([tool.map(|tool| &tool.manifest), named(&declared.tool).map(|tool| &tool.manifest)]);
    Ok(Inverse { call, made_by: canonical::sha256(manifests.to_string().as_bytes()) })
}

/// Each from where the manifest says; what is not there is not left out: without it a call may mean another thing.
fn arguments(declared: &own::Inverse, deed: &Deed) -> Result<Map<String, Value>, String> {
    let found = |(name, from): (&String, &String)| {
        let there = match from.split_once('.') {
            Some(("args", field)) => deed.args.get(field),
            Some(("value", field)) => deed.value.as_ref().and_then(|value| value.get(field)),
            _ => None,
        };
        let there = there.filter(|value| !value.is_null()).cloned();
        Ok((name.clone(), there.ok_or_else(|| format!("`{name}` comes from `{from}`, which is not on record"))?))
    };
    declared.args.iter().map(found).collect()
}

/// Why a call takes nothing back, whatever a manifest says.
fn cannot_take_back(call: &Step) -> Option<&'static str> {
    match call {
        step if !step.effect().needs_intent() => Some("it changes nothing, so it takes nothing back"),
        step if step.is_browser() => Some("it needs an open page, and there is none"),
        step if step.is_handed_over() => Some("it is not done by a call, but by somebody"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use actors::{
        domain::{Effect, Hash, Undoes},
        testing::TestWorld,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::tools::registry;

    fn put(root: &Path, name: &str, effect: &str, more: &str) {
        let folder = root.join("tools").join(name);
        fs::create_dir_all(&folder).unwrap();
        let manifest = format!(
            "name = \"{name}\"\ndescription = \"For a test.\"\ncommand = [\"true\"]\neffect = \"{effect}\"\n{more}\n\
             [parameters]\ntype = \"object\"\nadditionalProperties = false\n\
             properties = {{ id = {{ type = [\"string\", \"number\"] }}, text = {{ type = \"string\" }} }}\n"
        );
        fs::write(folder.join("tool.toml"), manifest).unwrap();
    }

    fn tools(inverse: &str) -> Vec<OwnTool> {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "create", "irreversible", inverse);
        put(root.path(), "delete", "irreversible", "");
        put(root.path(), "show", "read", "");
        registry::own_tools(root.path(), None).tools.to_vec()
    }

    fn deed(tool: &str, args: Value, value: Value) -> Deed {
        let world = TestWorld::new(1);
        let id = || actors::ports::World::new_id(&world);
        let (goal, run) = (actors::domain::GoalId(id()), actors::domain::RunId(id()));
        let undoes = Undoes { goal, run, step: 0, seq: 7, receipt: Hash([1; 32]) };
        let args = args.as_object().unwrap().clone();
        Deed { tool: tool.to_owned(), args, value: Some(value), undoes }
    }

    const DELETE: &str = "inverse = { tool = \"delete\", args = { id = \"value.id\", text = \"args.text\" } }";

    fn refused(inverse_of: &str, args: Value, value: Value) -> NoRollback {
        inverse(&deed("create", args, value), &tools(inverse_of)).unwrap_err()
    }

    #[test]
    fn the_call_is_made_of_what_is_on_record() {
        let made = inverse(&deed("create", json!({"text": "${secret:x} {{y}}"}), json!({"id": 7})), &tools(DELETE));
        let Step::Tool { name, args, effect, .. } = made.unwrap().call else { panic!() };
        assert_eq!((name.as_str(), effect), ("delete", Effect::Irreversible));
        assert_eq!(Value::Object(args), json!({"id": 7, "text": "${secret:x} {{y}}"}), "as it is, never filled in");
    }

    #[test]
    fn what_cannot_be_called_is_refused_with_the_reason() {
        let text = |no: NoRollback| no.to_string();
        let call = (json!({"text": "a"}), json!({"id": "x"}));
        assert_eq!(refused("", call.0.clone(), call.1.clone()), NoRollback::NoInverse("create".into()));
        for gone in [json!({}), json!({"id": null}), json!("x"), Value::Null] {
            let said = text(refused(DELETE, call.0.clone(), gone));
            assert!(said.contains("`id` comes from `value.id`, which is not on record"), "{said}");
        }
        for (inverse, why) in [
            ("inverse = { tool = \"gone\" }", "there is no tool `gone`"),
            ("inverse = { tool = \"show\" }", "it changes nothing"),
            ("inverse = { tool = \"browser_click\", args = { selector = \"args.text\" } }", "open page"),
            ("inverse = { tool = \"schedule\", args = { task = \"args.text\" } }", "must say when"),
            ("inverse = { tool = \"delete\", args = { wrong = \"args.text\" } }", "do not fit"),
            ("inverse = { tool = \"delete\", args = { text = \"value.id\" } }", "do not fit"),
        ] {
            let value = if inverse.contains("value.id") { json!({"id": 7}) } else { call.1.clone() };
            let said = text(refused(inverse, call.0.clone(), value));
            assert!(said.contains(why), "{inverse}: {said}");
        }
    }

    #[test]
    fn another_manifest_is_another_inverse() {
        let call = || deed("create", json!({"text": "a"}), json!({"id": "x"}));
        let before = inverse(&call(), &tools(DELETE)).unwrap();
        assert_eq!(before, inverse(&call(), &tools(DELETE)).unwrap());
        let after = inverse(&call(), &tools(&format!("{DELETE}\nversion = \"2\""))).unwrap();
        assert_eq!(before.call, after.call);
        assert_ne!(before.made_by, after.made_by);
    }

    proptest! {
        /// Whatever was told and answered: the call says exactly that, or there is none.
        #[test]
        fn no_argument_is_made_up(text in prop::option::of(".{0,40}"), id in prop::option::of(".{0,40}")) {
            let field = |name: &str, text: &Option<String>| {
                Value::Object(text.iter().map(|text| (name.to_owned(), json!(text))).collect())
            };
            let made = inverse(&deed("create", field("text", &text), field("id", &id)), &tools(DELETE));
            match (text, id, made) {
                (Some(text), Some(id), Ok(Inverse { call: Step::Tool { args, .. }, .. })) => {
                    prop_assert_eq!(Value::Object(args), json!({"id": id, "text": text}));
                }
                (text, id, made) => prop_assert!(made.is_err() && (text.is_none() || id.is_none()), "{made:?}"),
            }
        }
    }
}
