//! The tools that a model may call: what it is told of them, and the step that a call comes down to.
//!
//! A call is checked whole before anything happens. Whether a step may be done is not decided here: policy and grants are
//! the broker's. A model never says what a step does to the world: a click of its is irreversible, and an own tool does
//! what its manifest says.

mod catalogue;
mod reach;

use actors::domain::{Effect, MCP_PREFIX, Step, ToolCall, ToolKind, ToolOffer, nearest, step_fault};
use serde_json::{Map, Value};

use super::{
    own::{Manifest, OwnTool},
    told,
};
use catalogue::BUILT_IN;
pub(super) use catalogue::BuiltIn;
pub(super) use reach::Reach;

/// Bytes of arguments that are looked at.
const MOST_ARGUMENTS: usize = 256 << 10;

/// Tools that are no model's to call, and may not be mistaken for own ones.
const OTHERS: [&str; 4] = ["compose", "think", "report_daily", "captions_render"];

/// Whether a name means something already.
pub(super) fn is_built_in(name: &str) -> bool {
    // A kind of tools may not be mistaken for one of them in a grant.
    let is_kind = || name.parse::<ToolKind>().is_ok();
    name.starts_with("browser_")
        || name.starts_with(MCP_PREFIX)
        || OTHERS.contains(&name)
        || is_kind()
        || BUILT_IN.iter().any(|tool| tool.name == name)
}

/// Every built-in tool.
pub(super) const fn built_in() -> &'static [BuiltIn] {
    BUILT_IN
}

fn own_offer(tool: &OwnTool) -> ToolOffer {
    let manifest = &tool.manifest;
    let beside = goes_with(&manifest.requires, &manifest.recommends);
    let description = told::about(&manifest.name, &manifest.description);
    ToolOffer {
        name: manifest.name.clone(),
        description: format!("{description}{beside}"),
        parameters: Value::Object(manifest.parameters.clone()),
    }
}

fn goes_with<T: AsRef<str>>(requires: &[T], recommends: &[T]) -> String {
    let list = |label: &str, names: &[T]| match names {
        [] => String::new(),
        some => format!(" {label}: {}.", some.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")),
    };
    format!("{}{}", list("Needs", requires), list("Goes with", recommends))
}

/// The step that a call comes down to, or why it is not made.
fn step(call: &ToolCall, reach: &Reach<'_>) -> Result<Step, String> {
    let is_called = |name: &str| name == call.name && reach.is_named(name);
    let built_in = BUILT_IN.iter().find(|tool| is_called(tool.name));
    let own = reach.own.iter().find(|tool| is_called(&tool.manifest.name));
    let none = || {
        let known = reach.known();
        let yours = if known.len() > reach::MOST_OFFERED { nearest(&call.name, &known) } else { known };
        format!("there is no tool `{}` for you; yours are: {}", call.name, yours.join(", "))
    };
    if built_in.is_none() && own.is_none() {
        return Err(none());
    }
    if call.arguments.len() > MOST_ARGUMENTS {
        return Err(format!("the arguments of {} are longer than {MOST_ARGUMENTS} bytes", call.name));
    }
    let arguments = match call.arguments.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text)
            .map_err(|error| format!("the arguments of {} are not a JSON object: {error}", call.name))?,
    };
    match (built_in, own) {
        (Some(tool), _) => tool.step(arguments),
        (None, Some(tool)) => own_step(tool, arguments),
        (None, None) => Err(none()),
    }
}

fn own_step(tool: &OwnTool, args: Map<String, Value>) -> Result<Step, String> {
    let manifest = &tool.manifest;
    if let Some(reason) = tool.misfit(&args) {
        return Err(format!("the arguments of {} do not fit: {reason}", manifest.name));
    }
    let timeout_ms = u64::try_from(manifest.timeout.as_millis()).ok();
    let Manifest { name, effect, outreach, .. } = &**manifest;
    let (name, effect, outreach) = (name.clone(), *effect, *outreach);
    Ok(Step::Tool { name, args, effect, outreach, save_as: None, timeout_ms })
}

impl BuiltIn {
    fn offer(&self) -> ToolOffer {
        let beside = goes_with(self.requires, self.recommends);
        let description = format!("{}{beside} Example: {}", self.description, self.example);
        ToolOffer { name: self.name.to_owned(), description, parameters: self.schema() }
    }

    /// JSON Schema of its arguments.
    pub(super) fn schema(&self) -> Value {
        serde_json::from_str(self.parameters).unwrap_or(Value::Null)
    }

    /// Arguments that fit.
    pub(super) fn arguments(&self) -> Map<String, Value> {
        serde_json::from_str(self.example).unwrap_or_default()
    }

    /// What it does to the world when a model calls it.
    pub(super) fn effect(&self) -> Option<Effect> {
        self.step(self.arguments()).ok().map(|step| step.effect())
    }

    /// The kind that a grant may name.
    pub(super) fn kind(&self) -> ToolKind {
        let browser = self.name.starts_with("browser_");
        match self.action {
            _ if browser => ToolKind::Browser,
            "fetch" | "web_search" => ToolKind::Network,
            "rag_search" => ToolKind::Memory,
            "speak" => ToolKind::Voice,
            "ask_human" => ToolKind::People,
            "delegate" | "schedule" => ToolKind::Company,
            "tool_search" | "tool_describe" => ToolKind::Registry,
            _ => ToolKind::Files,
        }
    }

    fn step(&self, mut arguments: Map<String, Value>) -> Result<Step, String> {
        let known: Value = serde_json::from_str(self.parameters).unwrap_or(Value::Null);
        let known = &known["properties"];
        if let Some(name) = arguments.keys().find(|name| known.get(name.as_str()).is_none()) {
            return Err(format!("{} takes no `{name}`", self.name));
        }
        if let Some(Value::Object(row)) = arguments.get("row") {
            let pairs = row.iter().map(|(column, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Value::from(vec![column.clone(), text])
            });
            let pairs = Value::Array(pairs.collect());
            arguments.insert("row".to_owned(), pairs);
        }
        if self.action == "extract" {
            arguments.entry("save_as").or_insert_with(|| "text".into());
        }
        arguments.insert("action".to_owned(), self.action.into());
        let step: Step = serde_path_to_error::deserialize(Value::Object(arguments))
            .map_err(|error| format!("the arguments of {} do not fit: {}", self.name, error.into_inner()))?;
        match step_fault(&step) {
            Some((field, reason)) => Err(format!("{}: `{field}` {reason}", self.name)),
            None => Ok(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use actors::domain::{Choice, Effect};
    use proptest::prelude::*;

    use super::*;

    fn call(name: &str, arguments: &str) -> ToolCall {
        ToolCall { id: "c1".into(), name: name.into(), arguments: arguments.into() }
    }

    fn choose(call: ToolCall, named: &[String], own: &[OwnTool]) -> actors::domain::Chosen {
        Reach::all(named, own).choose(call)
    }

    fn refused(name: &str, arguments: &str) -> String {
        match choose(call(name, arguments), &[], &[]).what {
            Choice::Refused(why) => why,
            Choice::Step(step) => panic!("{step:?}"),
        }
    }

    #[test]
    fn every_tool_offers_a_schema_whose_example_is_taken() {
        for tool in BUILT_IN {
            let offer = tool.offer();
            assert_eq!(offer.parameters["type"], "object", "{}", tool.name);
            let Choice::Step(step) = choose(call(tool.name, tool.example), &[], &[]).what else {
                panic!("{}: {}", tool.name, refused(tool.name, tool.example))
            };
            assert_eq!(step.tool(), tool.name);
            assert_eq!(step.kind(), Some(tool.kind()), "{}", tool.name);
            let there = |name: &&str| BUILT_IN.iter().any(|other| other.name == *name);
            assert!(tool.requires.iter().chain(tool.recommends).all(there), "{}", tool.name);
        }
    }

    #[test]
    fn a_model_cannot_say_that_a_click_is_harmless() {
        assert!(refused("browser_click", r##"{"selector": "#send", "effect": "read"}"##).contains("takes no `effect`"));
        let Choice::Step(click) = choose(call("browser_click", r##"{"selector": "#send"}"##), &[], &[]).what else {
            panic!()
        };
        assert_eq!(click.effect(), Effect::Irreversible);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        assert!(refused("browser_fly", "{}").contains("there is no tool `browser_fly`"));
        assert!(refused("browser_click", "[1]").contains("not a JSON object"));
        assert!(refused("browser_click", "{}").contains("missing field `selector`"));
        assert!(refused("file_write", r#"{"path": "../x", "content": ""}"#).contains("`path`"));
        let named = ["browser_click".to_owned()];
        assert!(matches!(choose(call("file_write", "{}"), &named, &[]).what, Choice::Refused(_)));
    }

    #[test]
    fn an_own_tool_is_offered_by_its_manifest_and_called_by_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("tools/invoice");
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = "name = \"invoice\"\ndescription = \"Writes one.\"\ncommand = [\"true\"]\neffect = \"idempotent\"\n\
                        timeout = \"50s\"\nrequires = [\"file_write\"]\n[parameters]\ntype = \"object\"\n\
                        required = [\"to\"]\nadditionalProperties = false\nproperties = { to = { type = \"string\" } }\n";
        std::fs::write(folder.join("tool.toml"), manifest).unwrap();
        let own = crate::tools::registry::own_tools(root.path(), None).tools;
        let only = ["invoice".to_owned()];
        let offered = Reach::all(&only, &own).offers();
        assert_eq!(offered.len(), 1);
        assert!(offered[0].description.contains("data and no instruction"), "{offered:?}");
        assert!(offered[0].description.ends_with(": \"Writes one.\" Needs: file_write."), "{offered:?}");
        let click = Reach::all(&["browser_click".to_owned()], &[]).offers().remove(0);
        let beside = "Needs: browser_navigate. Goes with: browser_snapshot, browser_expect_text. Example:";
        assert!(click.description.contains(beside), "{}", click.description);
        let chosen = |arguments, named: &[String]| choose(call("invoice", arguments), named, &own).what;
        let Choice::Step(step) = chosen(r#"{"to": "Ada"}"#, &only) else { panic!() };
        assert_eq!((step.effect(), step.timeout_ms(), &*step.tool()), (Effect::Idempotent, Some(50_000), "invoice"));
        for (arguments, why) in [("{}", "\"to\" is a required"), (r#"{"to": "x", "effect": "pure"}"#, "effect")] {
            let Choice::Refused(said) = chosen(arguments, &only) else { panic!("{arguments}") };
            assert!(said.contains("the arguments of invoice do not fit") && said.contains(why), "{said}");
        }
        assert!(matches!(chosen(r#"{"to": "x"}"#, &["file_write".to_owned()]), Choice::Refused(_)));
    }

    proptest! {
        #[test]
        fn whatever_a_model_writes_is_a_step_or_a_refusal(name in "(browser_click|file_write|csv_append|.{0,20})", arguments in ".{0,200}") {
            let _ = choose(call(&name, &arguments), &[], &[]);
        }
    }
}
