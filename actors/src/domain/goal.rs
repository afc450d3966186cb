//! A goal: a unit of work with a typed payload and the proof it needs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AgentPayload, AiPayload, Delegated, ForkedPlan, GoalId, MCP_PREFIX, PersonaId, Proof, ReportPayload, Rollback,
    Step, StepsPayload, TraceId, Undoes, words::words,
};

words! {
    /// What sort of work a goal is.
    GoalKind("goal kind") {
        Browser = "browser",
        Io = "io",
        Ai = "ai",
        Report = "report",
        Agent = "agent",
    }
}

words! {
    /// Where a goal stands.
    GoalState("goal state") {
        /// Waits for a slice, or for its `due_ms` after a failed attempt.
        Pending = "pending",
        Running = "running",
        /// Waits for something that `parked_on` names, without a slice.
        Parked = "parked",
        /// Proven.
        Done = "done",
        /// Carried out to the end, but its proof does not hold.
        Unconfirmed = "unconfirmed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl GoalState {
    /// Nothing more will happen unless a person acts.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Unconfirmed | Self::Failed | Self::Cancelled)
    }
}

words! {
    /// What a parked goal waits for.
    ParkedOn("reason to park") {
        /// The pace of a site; `due_ms` says until when.
        Rate = "rate",
        /// A person must say whether an effect happened.
        Reconcile = "reconcile",
        /// A person must say yes or no to its next call; `due_ms` says until when.
        Approval = "approval",
        /// Its persona was paused.
        Pause = "pause",
        /// The day's quota is used up; `due_ms` says until when.
        Quota = "quota",
        /// A budget has no room for its next call; `due_ms` says until when.
        Budget = "budget",
        /// Goals that it waits for are not over.
        Dependency = "dependency",
        /// The floor of a room: others may speak first.
        Room = "room",
        /// A person was asked something; `due_ms` says until when.
        Answer = "answer",
    }
}

/// A goal as the journal knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    pub id: GoalId,
    pub persona: PersonaId,
    pub title: String,
    pub payload: Payload,
    pub proof: Proof,
    pub state: GoalState,
    pub parked_on: Option<ParkedOn>,
    /// Attempts begun so far; a resume after a crash is not one.
    pub attempts: u32,
    pub last_error: Option<String>,
    /// One line for people, when it is over: what was shown.
    pub result: Option<String>,
    /// Not before this moment; none: now.
    pub due_ms: Option<i64>,
    pub version: i64,
    pub trace: TraceId,
    pub correlation: Option<String>,
    pub project: Option<String>,
    /// Who asked for it.
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Goal {
    /// Whether nothing has changed it since it was given: no run of it was ever begun.
    pub const fn is_as_given(&self) -> bool {
        self.version == 1
    }

    /// Whose budget pays for it: who first gave the work away, if it was given away.
    pub fn payer(&self) -> PersonaId {
        self.payload.delegated().map_or(self.persona, |delegated| delegated.payer)
    }
}

/// What is to be done, typed by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    Browser(StepsPayload),
    Io(StepsPayload),
    Ai(AiPayload),
    Report(ReportPayload),
    Agent(Box<AgentPayload>),
    /// Work of kind `io` that takes back what a step of another goal did.
    Rollback(Box<Rollback>),
    /// A plan that goes on from one of its steps.
    Forked(Box<ForkedPlan>),
}

/// A payload that cannot be carried out: which field, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct BadPayload {
    pub field: String,
    pub reason: String,
}

const MOST_STEPS: usize = 200;

impl Payload {
    /// Reads the payload of a goal of this kind; refuses with the field's name.
    pub fn parse(kind: GoalKind, payload: Value) -> Result<Self, BadPayload> {
        let parsed = match kind {
            GoalKind::Browser => Self::Browser(fields(payload)?),
            GoalKind::Io => Self::Io(fields(payload)?),
            GoalKind::Ai => Self::Ai(fields(payload)?),
            GoalKind::Report => Self::Report(fields(payload)?),
            GoalKind::Agent => Self::Agent(fields(payload)?),
        };
        parsed.check()?;
        Ok(parsed)
    }

    /// The kind of goal it belongs to.
    pub const fn kind(&self) -> GoalKind {
        match self {
            Self::Browser(_) => GoalKind::Browser,
            Self::Io(_) | Self::Rollback(_) => GoalKind::Io,
            Self::Ai(_) => GoalKind::Ai,
            Self::Report(_) => GoalKind::Report,
            Self::Agent(_) => GoalKind::Agent,
            Self::Forked(plan) => plan.of,
        }
    }

    /// The steps it comes down to, in order. Those of an agent are not known before its run.
    pub fn steps(&self) -> Vec<Step> {
        let keep = |path: &str, name: &str, description: &str| Step::WriteFile {
            path: path.to_owned(),
            content: format!("{{{{{name}}}}}"),
            description: description.to_owned(),
        };
        match self {
            Self::Browser(plan) | Self::Io(plan) => plan.steps.clone(),
            Self::Agent(_) => Vec::new(),
            Self::Rollback(back) => vec![back.call.clone()],
            Self::Forked(plan) => plan.steps.clone(),
            Self::Ai(ai) => {
                let name = "text".to_owned();
                let (prompt, save_as) = (ai.prompt.clone(), name.clone());
                let compose = Step::Compose { prompt, save_as, length: ai.length, model: None };
                let file = ai.file.as_ref().map(|path| keep(path, &name, "composed text"));
                std::iter::once(compose).chain(file).collect()
            }
            Self::Report(report) => {
                let name = "report".to_owned();
                let (from_ms, until_ms) = (report.from_ms, report.until_ms);
                vec![
                    Step::DailyReport { save_as: name.clone(), from_ms, until_ms },
                    keep(&report.file, &name, "daily report"),
                ]
            }
        }
    }

    /// Whose work it is a part of; none: its own.
    pub fn delegated(&self) -> Option<&Delegated> {
        match self {
            Self::Agent(agent) => agent.delegated.as_deref(),
            _ => None,
        }
    }

    /// The step that it takes back; none: it is other work.
    pub fn undoes(&self) -> Option<&Undoes> {
        match self {
            Self::Rollback(back) => Some(&back.undoes),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), BadPayload> {
        let bad = |field: String, reason: &str| Err(BadPayload { field, reason: reason.to_owned() });
        match self {
            Self::Browser(plan) | Self::Io(plan) if plan.steps.is_empty() => {
                return bad("steps".into(), "must hold at least one step");
            }
            Self::Browser(plan) | Self::Io(plan) if plan.steps.len() > MOST_STEPS => {
                return bad("steps".into(), "must hold at most 200 steps");
            }
            Self::Ai(ai) if ai.prompt.trim().is_empty() => return bad("prompt".into(), "must not be empty"),
            Self::Agent(agent) => {
                if let Some((field, reason)) = agent.fault() {
                    return bad(field.to_owned(), reason);
                }
            }
            Self::Report(report) => match (report.from_ms, report.until_ms) {
                (None, None) => {}
                (Some(from_ms), Some(until_ms)) if from_ms < until_ms => {}
                (Some(_), Some(_)) => return bad("until_ms".into(), "must lie behind `from_ms`"),
                (Some(_), None) => return bad("until_ms".into(), "is required with `from_ms`"),
                (None, Some(_)) => return bad("from_ms".into(), "is required with `until_ms`"),
            },
            _ => {}
        }
        for (index, step) in self.steps().iter().enumerate() {
            let field = |name: &str| format!("steps[{index}].{name}");
            let without_page = step.is_on_files() || step.is_asking() || matches!(step, Step::Tool { .. });
            if matches!(self, Self::Io(_)) && !without_page {
                return bad(
                    field("action"),
                    "an `io` goal takes only `write_file`, `append_csv`, `render_captions`, `read_file`, `list_files`, `tool`, \
                     `fetch`, `web_search`, `rag_search`, `speak` and `ask_human`",
                );
            }
            if let Some((name, reason)) = step_fault(step) {
                return bad(field(name), reason);
            }
            if has_other_scheme(step) {
                return bad(field("url"), "must begin with `http://` or `https://`: nothing else is opened");
            }
            if step.is_for_agents() {
                return bad(field("action"), "is for models to choose: give an `agent` goal instead");
            }
        }
        Ok(())
    }
}

/// Whether it asks for an address that no host list could allow. What an earlier step fills in is not known yet.
fn has_other_scheme(step: &Step) -> bool {
    let (Step::Goto { url, .. } | Step::Fetch { url, .. }) = step else { return false };
    let url = url.trim();
    let begins = |with: &str| url.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    !["http://", "https://", "{{", "${"].into_iter().any(begins)
}

/// The first field of a step that cannot be right, and why.
pub fn step_fault(step: &Step) -> Option<(&'static str, &'static str)> {
    let selector = match step {
        Step::Type { selector, .. }
        | Step::Click { selector, .. }
        | Step::Select { selector, .. }
        | Step::WaitFor { selector, .. }
        | Step::Extract { selector, .. }
        | Step::ExpectSelector { selector, .. } => Some(selector),
        Step::Message { send, .. } => Some(send),
        Step::ExpectText { selector, .. } | Step::Screenshot { selector, .. } => selector.as_ref(),
        _ => None,
    };
    if selector.is_some_and(|text| text.trim().is_empty()) {
        return Some(("selector", "must not be empty"));
    }
    if step.timeout_ms().is_some_and(|ms| !(1..=120_000).contains(&ms)) {
        return Some(("timeout_ms", "must be between 1 and 120000"));
    }
    if step.saves_as().is_some_and(|name| !is_name(name)) {
        return Some(("save_as", "must be 1 to 40 letters, digits or `_`"));
    }
    if step.file_path().or(looks_at(step)).is_some_and(|path| !is_inside(path)) {
        return Some(("path", "must be a relative path without `..` inside the persona's folder"));
    }
    match step {
        Step::Think { .. } => Some(("action", "cannot be part of a plan: give an `agent` goal instead")),
        Step::Tool { name, .. } if !is_tool_name(name) => {
            Some(("name", "must be 1 to 40 lower-case letters, digits or `_`, and begin with a letter"))
        }
        Step::Goto { url, .. } if url.trim().is_empty() => Some(("url", "must not be empty")),
        Step::ExpectTitle { contains, .. } | Step::ExpectText { contains, .. } if contains.is_empty() => {
            Some(("contains", "must not be empty: every page would match"))
        }
        Step::AppendCsv { row, .. } if row.is_empty() => Some(("row", "must hold at least one column")),
        Step::RenderCaptions { path, .. } if !path.ends_with(".vtt") && !path.ends_with(".srt") => {
            Some(("path", "must end in `.vtt` or `.srt`"))
        }
        Step::RenderCaptions { cues, .. } if !(1..=10_000).contains(&cues.len()) => {
            Some(("cues", "must hold 1 to 10000 captions"))
        }
        Step::RenderCaptions { cues, .. } if cues.iter().any(|cue| !(1..=3_600_000).contains(&cue.lasts_ms)) => {
            Some(("cues", "must each last 1 to 3600000 ms"))
        }
        Step::Screenshot { file: Some(name), .. } if name.contains(['/', '\\']) || !is_inside(name) => {
            Some(("file", "must be a file name without folders"))
        }
        step => letter_fault(step).or_else(|| choice_fault(step)),
    }
}

fn looks_at(step: &Step) -> Option<&str> {
    match step {
        Step::ReadFile { path, .. } => Some(path),
        Step::ListFiles { path, .. } => path.as_deref(),
        _ => None,
    }
}

/// The same of a step that writes to somebody.
fn letter_fault(step: &Step) -> Option<(&'static str, &'static str)> {
    let Step::Message { to, text, to_field, text_field, .. } = step else { return None };
    match step {
        _ if to_field.trim().is_empty() => Some(("to_field", "must not be empty")),
        _ if text_field.trim().is_empty() => Some(("text_field", "must not be empty")),
        _ if to.trim().is_empty() || to.contains(['\n', '\r', ',', ';']) => Some(("to", "must be one name")),
        _ if text.trim().is_empty() => Some(("text", "must not be empty")),
        _ => None,
    }
}

/// The same of a step that only a model chooses.
fn choice_fault(step: &Step) -> Option<(&'static str, &'static str)> {
    match step {
        Step::ToolSearch { query } | Step::WebSearch { query, .. } | Step::RagSearch { query, .. }
            if query.trim().is_empty() || query.len() > 500 =>
        {
            Some(("query", "must be 1 to 500 bytes"))
        }
        Step::Speak { text } if text.trim().is_empty() || text.chars().count() > 5_000 => {
            Some(("text", "must be 1 to 5000 characters"))
        }
        Step::AskHuman { question, .. } if question.trim().is_empty() || question.chars().count() > 2_000 => {
            Some(("question", "must be 1 to 2000 characters"))
        }
        Step::AskHuman { minutes, .. } if !(1..=10_080).contains(minutes) => {
            Some(("minutes", "must be between 1 and 10080"))
        }
        Step::Delegate { task, .. } | Step::Schedule { task, .. } if !is_task(task) => {
            Some(("task", "must be 1 to 8000 characters"))
        }
        Step::Schedule { in_minutes: Some(minutes), .. } if !(1..=527_040).contains(minutes) => {
            Some(("in_minutes", "must be between 1 and 527040"))
        }
        Step::Schedule { in_minutes: Some(_), cron: Some(_), .. } => {
            Some(("cron", "is for again and again, `in_minutes` for once: give one of them"))
        }
        Step::Schedule { in_minutes: None, cron: None, .. } => Some(("in_minutes", "or `cron` must say when")),
        Step::Fetch { url, .. } if url.trim().is_empty() || url.len() > 4_096 => {
            Some(("url", "must be 1 to 4096 bytes"))
        }
        _ => None,
    }
}

fn is_task(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 8_000
}

fn is_name(text: &str) -> bool {
    // Names of MCP servers' tools carry their server's.
    let most = if text.starts_with(MCP_PREFIX) { 64 } else { 40 };
    (1..=most).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether an own tool may be called so.
pub fn is_tool_name(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    is_name(text) && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(letters)
}

/// A path that stays inside the folder it is relative to.
fn is_inside(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.len() <= 200 && !path.contains(['\\', '\0', '\n']) && path.split('/').all(part)
}

fn fields<T: serde::de::DeserializeOwned>(payload: Value) -> Result<T, BadPayload> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "payload".to_owned() } else { path };
        BadPayload { field, reason: error.into_inner().to_string() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(kind: GoalKind, payload: Value) -> String {
        Payload::parse(kind, payload).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_payload_is_refused_with_the_name_of_the_field() {
        let browser = |step: Value| refused(GoalKind::Browser, json!({ "steps": [step] }));
        assert!(browser(json!({"action": "goto"})).contains("missing field `url`"));
        assert!(browser(json!({"action": "goto", "url": "http://x", "colour": 1})).contains("unknown field `colour`"));
        assert!(browser(json!({"action": "fly"})).contains("unknown variant `fly`"));
        for url in ["ftp://x/a", "javascript:alert(1)", "x.test/page", "file:///etc/passwd"] {
            for action in ["goto", "fetch"] {
                assert!(
                    browser(json!({"action": action, "url": url})).starts_with("steps[0].url: must begin"),
                    "{url}"
                );
            }
        }
        assert!(browser(json!({"action": "read_file", "path": "../x"})).starts_with("steps[0].path"));
        assert!(browser(json!({"action": "list_files", "path": "/etc"})).starts_with("steps[0].path"));
        let looks =
            json!({"steps": [{"action": "list_files"}, {"action": "read_file", "path": "a.md", "save_as": "a"}]});
        assert!(Payload::parse(GoalKind::Io, looks).is_ok());
        assert!(browser(json!({"action": "click", "selector": " "})).starts_with("steps[0].selector"));
        assert!(browser(json!({"action": "write_file", "path": "../x", "content": ""})).starts_with("steps[0].path"));
        assert!(
            browser(json!({"action": "wait_for", "selector": "a", "timeout_ms": 0})).starts_with("steps[0].timeout_ms")
        );
        assert!(refused(GoalKind::Browser, json!({"steps": []})).starts_with("steps:"));
        assert!(refused(GoalKind::Io, json!({"steps": [{"action": "snapshot"}]})).starts_with("steps[0].action"));
        assert!(refused(GoalKind::Ai, json!({"prompt": "  "})).starts_with("prompt:"));
        assert!(refused(GoalKind::Ai, json!({"prompt": 7})).starts_with("prompt:"));
        assert!(refused(GoalKind::Agent, json!({"task": " "})).starts_with("task:"));
        assert!(refused(GoalKind::Agent, json!({"task": "a", "max_steps": 0})).starts_with("max_steps:"));
        assert!(refused(GoalKind::Agent, json!({"task": "a", "secrets": {"k": "http://x"}})).starts_with("secrets:"));
        assert!(browser(json!({"action": "think", "turns": []})).starts_with("steps[0].action"));
        for action in
            [json!({"action": "delegate", "to": "bo", "task": "a"}), json!({"action": "tool_search", "query": "a"})]
        {
            assert!(browser(action).starts_with("steps[0].action"), "only a model chooses it");
        }
        assert!(browser(json!({"action": "ask_human", "question": " "})).starts_with("steps[0].question"));
        let asks = json!({"steps": [{"action": "ask_human", "question": "a", "save_as": "b"}, {"action": "fetch", "url": "{{b}}"}]});
        assert!(Payload::parse(GoalKind::Io, asks).is_ok());
        let id = "01939e00-0000-7000-8000-000000000001";
        let paid = json!({"task": "a", "delegated": {"goal": id, "payer": id, "zone": "UTC", "line": [id]}});
        assert!(refused(GoalKind::Agent, paid).starts_with("delegated:"), "nobody spends another's budget by hand");
        let forked = json!({"task": "a", "fork": {"run": id, "from": 3}});
        assert!(refused(GoalKind::Agent, forked).starts_with("fork:"), "only a run that was looked at is stood on");
        let tool = |name: &str| json!({"steps": [{"action": "tool", "name": name, "effect": "pure"}]});
        assert!(refused(GoalKind::Io, tool("../x")).starts_with("steps[0].name"));
        assert!(Payload::parse(GoalKind::Io, tool("word_count")).is_ok());
        assert!(refused(GoalKind::Report, json!({})).contains("missing field `file`"));
        assert!(refused(GoalKind::Report, json!({"file": "a.md", "from_ms": 1})).starts_with("until_ms: is required"));
        let backward = json!({"file": "a.md", "from_ms": 2, "until_ms": 2});
        assert!(refused(GoalKind::Report, backward).starts_with("until_ms: must lie behind"));
    }

    #[test]
    fn clicks_and_scripts_are_irreversible_until_someone_says_otherwise() {
        let plain: Step = serde_json::from_value(json!({"action": "click", "selector": "a"})).unwrap();
        let read: Step = serde_json::from_value(json!({"action": "click", "selector": "a", "effect": "read"})).unwrap();
        assert_eq!(plain.effect(), super::super::Effect::Irreversible);
        assert_eq!(read.effect(), super::super::Effect::Read);
    }
}
