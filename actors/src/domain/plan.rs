//! A fixed plan: the steps of a goal as people and templates write them.

mod tools;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Effect, ReceiptKind, Turn};

/// What the names of tools of MCP servers begin with: `mcp__<server>__<tool>`.
pub const MCP_PREFIX: &str = "mcp__";

/// One step, written `{"action": "goto", "url": "…"}`.
///
/// A `selector` is CSS, or `ref=e12` for an element of the newest snapshot. Texts may hold `{{name}}`
/// (saved by an earlier step), `{{idempotency_key}}` and `${secret:name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Opens an address.
    Goto {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Fills a field, replacing what it holds.
    Type {
        selector: String,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Presses an element. Irreversible unless a person or template says otherwise.
    Click {
        selector: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<Effect>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Writes to somebody who may not have asked for it: fills in whom and what, and sends it. Outreach, whatever the page.
    Message {
        /// One name, as the host knows it.
        to: String,
        text: String,
        /// Where the name goes, where the text goes, and what sends it.
        to_field: String,
        text_field: String,
        send: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Chooses an option of a list by its value.
    Select {
        selector: String,
        value: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Waits until an element is there and visible.
    WaitFor {
        selector: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Reads the text (or an attribute) of the first match and keeps it under a name.
    Extract {
        selector: String,
        save_as: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attribute: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Runs a script in the page. Irreversible unless a person or template says otherwise.
    Evaluate {
        script: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<Effect>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// The page as compact text with element refs.
    Snapshot {},
    /// A picture of the page.
    Screenshot {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
        /// File name without folders; the extension follows the format.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        #[serde(default)]
        full_page: bool,
        /// Only this element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selector: Option<String>,
        #[serde(default)]
        format: PictureFormat,
    },
    /// The title contains this text.
    ExpectTitle {
        contains: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// An element is there and visible.
    ExpectSelector {
        selector: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// The page (or one element of it) shows this text.
    ExpectText {
        contains: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selector: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Writes a file in the persona's folder.
    WriteFile {
        path: String,
        content: String,
        #[serde(default)]
        description: String,
    },
    /// Adds one row to a CSV file; the same step never adds it twice.
    AppendCsv {
        path: String,
        row: Vec<(String, String)>,
        #[serde(default)]
        description: String,
    },
    /// Writes captions as a file a player takes beside a video: WebVTT for `.vtt`, SubRip for `.srt`.
    RenderCaptions {
        path: String,
        cues: Vec<Cue>,
        #[serde(default)]
        description: String,
    },
    /// Reads a text in the persona's folder.
    ReadFile {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
    },
    /// Names what lies in the persona's folder.
    ListFiles {
        /// A folder in it; none: all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
    },
    /// A model writes a text in the persona's voice and it is kept under a name.
    Compose {
        prompt: String,
        save_as: String,
        #[serde(default)]
        length: Length,
        /// A configured model's or route's name; none: the persona's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// Counts the day from the receipts and keeps the text under a name.
    DailyReport {
        save_as: String,
        /// With `until_ms`: the persona's own time; without: the company's day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_ms: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// An own tool, in its sandbox.
    Tool {
        name: String,
        #[serde(default)]
        args: Map<String, Value>,
        /// As its manifest says; anything else is refused.
        effect: Effect,
        /// It writes to strangers: so must the step say of whose manifest says it.
        #[serde(default, skip_serializing_if = "is_no")]
        outreach: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// Looks for tools by words.
    ToolSearch { query: String },
    /// The arguments that a tool takes, and what it goes with.
    ToolDescribe { name: String },
    /// Asks an address over HTTP: reads it, or with a body posts to it.
    Fetch {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        post: Option<String>,
        /// Of what is posted; none: JSON when it is that, else plain text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
    },
    /// Asks the configured search engine.
    WebSearch {
        query: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
    },
    /// Looks into what the persona remembers.
    RagSearch {
        query: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
    },
    /// Says a text in the persona's voice and keeps the sound.
    Speak { text: String },
    /// Asks a person and waits for the answer without a slice.
    AskHuman {
        question: String,
        /// How long anybody may take to answer.
        #[serde(default = "a_day")]
        minutes: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        save_as: Option<String>,
    },
    /// Gives a goal in words to another persona and waits for what comes of it without a slice.
    Delegate {
        /// Its slug.
        to: String,
        task: String,
        /// One of the other's agents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
    },
    /// Gives itself a goal in words for later: once (`in_minutes`), or again and again (`cron`).
    Schedule {
        task: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_minutes: Option<u32>,
        /// In its persona's time zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cron: Option<String>,
    },
    /// A model says what is done next. Nobody writes it into a plan: an agent's run grows its plan from the answers.
    Think {
        turns: Vec<Turn>,
        /// The only tools it is told of; none: all that its persona may call.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tools: Vec<String>,
        /// A configured model's or route's name; none: the persona's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// It is told of no tool: there is no time for more.
        #[serde(default)]
        answer_now: bool,
        /// Tools that it looked for and found, by name: when there are too many to tell of all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        found: Vec<String>,
        /// What the agent that the goal names is told besides who it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instructions: Option<String>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_no(said: &bool) -> bool {
    !*said
}

const fn a_day() -> u32 {
    24 * 60
}

/// One caption; each begins where the one before it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cue {
    pub text: String,
    /// At least 1 ms, at most an hour.
    pub lasts_ms: u32,
}

/// How a picture is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureFormat {
    #[default]
    Jpeg,
    Png,
}

/// Which of the persona's length targets a text aims at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    #[default]
    Short,
    Long,
}

impl Step {
    /// The file it leaves in the persona's folder.
    pub const fn file_path(&self) -> Option<&str> {
        match self {
            Self::WriteFile { path, .. } | Self::AppendCsv { path, .. } | Self::RenderCaptions { path, .. } => {
                Some(path.as_str())
            }
            _ => None,
        }
    }

    /// Whether all it works with is the persona's folder.
    pub const fn is_on_files(&self) -> bool {
        self.file_path().is_some() || matches!(self, Self::ReadFile { .. } | Self::ListFiles { .. })
    }

    /// Whether it is an assertion: it only looks, and fails the run when it does not hold.
    pub const fn is_expect(&self) -> bool {
        matches!(self, Self::ExpectTitle { .. } | Self::ExpectSelector { .. } | Self::ExpectText { .. })
    }

    /// What it does to the world.
    pub const fn effect(&self) -> Effect {
        match self {
            Self::Click { effect, .. } | Self::Evaluate { effect, .. } => match effect {
                Some(said) => *said,
                None => Effect::Irreversible,
            },
            Self::Tool { effect, .. } => *effect,
            Self::Message { .. } => Effect::Irreversible,
            Self::Fetch { post: Some(_), .. } => Effect::Irreversible,
            // By their key they are given once.
            Self::Delegate { .. } | Self::Schedule { .. } => Effect::Idempotent,
            step if step.file_path().is_some() => Effect::Idempotent,
            // A model call changes nothing outside that could be doubled; its cost is on the outcome. So does a voice.
            Self::Compose { .. } | Self::DailyReport { .. } | Self::Think { .. } | Self::Speak { .. } => Effect::Pure,
            Self::ToolSearch { .. } | Self::ToolDescribe { .. } => Effect::Pure,
            _ => Effect::Read,
        }
    }

    /// The kind of receipt its outcome is.
    pub const fn receipt_kind(&self) -> ReceiptKind {
        match self {
            Self::Screenshot { .. } => ReceiptKind::Screenshot,
            step if step.file_path().is_some() => ReceiptKind::File,
            Self::Compose { .. } | Self::Think { .. } => ReceiptKind::Llm,
            Self::Fetch { .. } | Self::WebSearch { .. } => ReceiptKind::Http,
            _ => ReceiptKind::Execution,
        }
    }

    /// The time the step itself asks for, in milliseconds.
    pub const fn timeout_ms(&self) -> Option<u64> {
        match self {
            Self::Goto { timeout_ms, .. }
            | Self::Type { timeout_ms, .. }
            | Self::Click { timeout_ms, .. }
            | Self::Message { timeout_ms, .. }
            | Self::Select { timeout_ms, .. }
            | Self::WaitFor { timeout_ms, .. }
            | Self::Extract { timeout_ms, .. }
            | Self::Evaluate { timeout_ms, .. }
            | Self::ExpectTitle { timeout_ms, .. }
            | Self::ExpectSelector { timeout_ms, .. }
            | Self::ExpectText { timeout_ms, .. }
            | Self::Tool { timeout_ms, .. } => *timeout_ms,
            _ => None,
        }
    }

    /// The name under which its result (`data.value`) is kept for later steps.
    pub fn saves_as(&self) -> Option<&str> {
        match self {
            Self::Extract { save_as, .. } | Self::Compose { save_as, .. } | Self::DailyReport { save_as, .. } => {
                Some(save_as)
            }
            Self::Evaluate { save_as, .. }
            | Self::Tool { save_as, .. }
            | Self::Fetch { save_as, .. }
            | Self::ReadFile { save_as, .. }
            | Self::ListFiles { save_as, .. }
            | Self::WebSearch { save_as, .. }
            | Self::RagSearch { save_as, .. }
            | Self::AskHuman { save_as, .. } => save_as.as_deref(),
            _ => None,
        }
    }

    /// The step as data: what a call carries and a receipt shows.
    pub fn to_args(&self) -> Value {
        // An enum of strings and numbers always has a JSON form.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
