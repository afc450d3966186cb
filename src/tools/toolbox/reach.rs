//! What one persona may call at one goal, and of what of it a model is told.

use actors::domain::{Choice, Chosen, Persona, ToolCall, ToolKind, ToolOffer};

use super::{BUILT_IN, BuiltIn, own_offer, step};
use crate::tools::{fitted::Fitted, own::OwnTool};

/// More tools than this are not told of one by one: the model looks for what it needs.
pub(in crate::tools) const MOST_OFFERED: usize = 24;
const LOOKUPS: [&str; 2] = ["tool_search", "tool_describe"];

/// What may be called.
pub(in crate::tools) struct Reach<'a> {
    pub own: &'a [OwnTool],
    /// The only tools; none: all.
    pub named: &'a [String],
    /// Looked for and found at this goal.
    pub found: &'a [String],
    /// Whose grants hold; none: everything is granted.
    pub persona: Option<&'a Persona>,
    /// What tools stand on.
    pub fitted: Fitted,
}

impl<'a> Reach<'a> {
    /// Everything there is, of these names.
    pub(in crate::tools) const fn all(named: &'a [String], own: &'a [OwnTool]) -> Self {
        Self { own, named, found: &[], persona: None, fitted: Fitted::ALL }
    }

    /// What the model is told of: all that is granted, or the way to find it.
    pub(in crate::tools) fn offers(&self) -> Vec<ToolOffer> {
        let built_in = BUILT_IN.iter().filter(|tool| self.is_offered(tool.name, tool.kind()));
        let own = self.own.iter().filter(|tool| self.is_offered(&tool.manifest.name, tool.kind()));
        let many = built_in.clone().count() + own.clone().count() > MOST_OFFERED + LOOKUPS.len();
        let told = |name: &str| match LOOKUPS.contains(&name) {
            true => many,
            false => !many || self.found.iter().any(|found| found == name),
        };
        let built_in = built_in.filter(|tool| told(tool.name)).map(BuiltIn::offer);
        let own = own.filter(|tool| told(&tool.manifest.name)).map(own_offer);
        built_in.chain(own).take(MOST_OFFERED * 4).collect()
    }

    /// The step that a call comes down to. What is not granted is a step like any other: the broker denies it, on
    /// record.
    pub(in crate::tools) fn choose(&self, call: ToolCall) -> Chosen {
        let what = match step(&call, self) {
            Ok(step) => Choice::Step(Box::new(step)),
            Err(why) => Choice::Refused(why),
        };
        Chosen { call, what }
    }

    /// Names a model may be told of when it calls what is not there.
    pub(super) fn known(&self) -> Vec<&str> {
        let built_in = BUILT_IN.iter().filter(|tool| self.is_offered(tool.name, tool.kind())).map(|tool| tool.name);
        let own = self.own.iter().filter(|tool| self.is_offered(&tool.manifest.name, tool.kind()));
        built_in.chain(own.map(|tool| tool.manifest.name.as_str())).collect()
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.named.is_empty() || LOOKUPS.contains(&name) || self.named.iter().any(|known| known == name)
    }

    fn is_offered(&self, name: &str, kind: ToolKind) -> bool {
        let granted = self.persona.is_none_or(|persona| persona.grants.permits(name, kind, persona.role));
        granted && self.is_named(name) && self.fitted.lack(name).is_none()
    }
}
