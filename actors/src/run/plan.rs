//! Fills the placeholders of a step with what earlier steps saved. Pure.

use std::collections::HashMap;

use serde_json::Value;

use crate::domain::{GoalId, Step, StepError};

/// Stands for the goal itself, in an agent's task too: the same in every attempt, and of no other goal.
pub const GOAL_KEY: &str = "{{idempotency_key}}";

/// What earlier steps saved, by name.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    values: HashMap<String, String>,
}

impl Saved {
    /// `{{idempotency_key}}` is the goal itself: the same in every attempt.
    pub fn new(goal: GoalId) -> Self {
        Self { values: HashMap::from([("idempotency_key".to_owned(), goal.to_string())]) }
    }

    /// Keeps the value of an outcome, if the step saves one.
    pub fn keep(&mut self, step: &Step, data: &Value) {
        // What a person said is on record as an answer.
        let field = if matches!(step, Step::AskHuman { .. }) { "answer" } else { "value" };
        if let (Some(name), Some(value)) = (step.saves_as(), data.get(field)) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.values.insert(name.to_owned(), text);
        }
    }

    /// One saved value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The step with every `{{name}}` in its texts filled.
    pub fn fill_step(&self, step: &Step) -> Result<Step, StepError> {
        let mut args = step.to_args();
        self.fill_value(&mut args)?;
        serde_json::from_value(args).map_err(|error| {
            StepError::permanent(format!("the step is no longer valid with its placeholders filled: {error}"))
        })
    }

    /// A text with every `{{name}}` filled. What was filled in is not looked at again.
    pub fn fill(&self, text: &str) -> Result<String, StepError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let Some((name, after)) = behind.split_once("}}") else { break };
            let value = self.get(name.trim()).ok_or_else(|| {
                StepError::permanent(format!("`{{{{{name}}}}}` was not saved by an earlier step: check its `save_as`"))
            })?;
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn fill_value(&self, value: &mut Value) -> Result<(), StepError> {
        match value {
            Value::String(text) => *text = self.fill(text)?,
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.fill_value(item))?,
            Value::Object(fields) => fields.values_mut().try_for_each(|field| self.fill_value(field))?,
            _ => {}
        }
        Ok(())
    }
}

/// One line for people: the tool and what it is about.
pub fn label(step: &Step) -> String {
    let about = match step {
        Step::Goto { url, .. } => url.as_str(),
        Step::Type { selector, .. }
        | Step::Click { selector, .. }
        | Step::Select { selector, .. }
        | Step::WaitFor { selector, .. }
        | Step::Extract { selector, .. }
        | Step::ExpectSelector { selector, .. } => selector,
        Step::Message { to, .. } => to,
        Step::Screenshot { caption, .. } => caption.as_deref().unwrap_or(""),
        Step::ExpectTitle { contains, .. } | Step::ExpectText { contains, .. } => contains,
        Step::WriteFile { path, .. }
        | Step::AppendCsv { path, .. }
        | Step::RenderCaptions { path, .. }
        | Step::ReadFile { path, .. } => path,
        Step::ListFiles { path, .. } => path.as_deref().unwrap_or(""),
        Step::Compose { prompt, .. } => prompt,
        Step::ToolSearch { query } | Step::WebSearch { query, .. } | Step::RagSearch { query, .. } => query,
        Step::Speak { text } => text,
        Step::ToolDescribe { name } => name,
        Step::Fetch { url, .. } => url,
        Step::AskHuman { question, .. } => question,
        Step::Delegate { to, .. } => to,
        Step::Schedule { task, .. } => task,
        Step::Evaluate { .. }
        | Step::Snapshot {}
        | Step::DailyReport { .. }
        | Step::Think { .. }
        | Step::Tool { .. } => "",
    };
    let short: String = about.chars().take(80).collect();
    format!("{} {short}", step.tool()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_are_filled_once_and_missing_ones_refused() {
        let mut saved = Saved::new(GoalId(uuid::Uuid::from_u128(1)));
        let extract = Step::DailyReport { save_as: "note".into(), from_ms: None, until_ms: None };
        saved.keep(&extract, &json!({"value": "{{idempotency_key}}"}));
        assert_eq!(
            saved.fill("a {{note}} b").unwrap(),
            "a {{idempotency_key}} b",
            "a saved text is data, not a template"
        );
        assert!(saved.fill("{{other}}").unwrap_err().text.contains("other"));
        assert_eq!(saved.fill("{{ open").unwrap(), "{{ open");
    }
}
