//! Which tool carries a step out, and what kind of doing that is.

use std::borrow::Cow;

use super::{MCP_PREFIX, Step};
use crate::domain::{ToolKind, host_policy::is_outreach};

impl Step {
    /// The tool that carries it out.
    pub fn tool(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Tool { name, .. } => return Cow::Owned(name.clone()),
            Self::Goto { .. } => "browser_navigate",
            Self::Type { .. } => "browser_fill",
            Self::Click { .. } => "browser_click",
            Self::Message { .. } => "browser_message",
            Self::Select { .. } => "browser_select",
            Self::WaitFor { .. } => "browser_wait_for",
            Self::Extract { .. } => "browser_extract",
            Self::Evaluate { .. } => "browser_evaluate",
            Self::Snapshot {} => "browser_snapshot",
            Self::Screenshot { .. } => "browser_screenshot",
            Self::ExpectTitle { .. } => "browser_expect_title",
            Self::ExpectSelector { .. } => "browser_expect_selector",
            Self::ExpectText { .. } => "browser_expect_text",
            Self::WriteFile { .. } => "file_write",
            Self::AppendCsv { .. } => "csv_append",
            Self::RenderCaptions { .. } => "captions_render",
            Self::ReadFile { .. } => "file_read",
            Self::ListFiles { .. } => "file_list",
            Self::Compose { .. } => "compose",
            Self::DailyReport { .. } => "report_daily",
            Self::Think { .. } => "think",
            Self::ToolSearch { .. } => "tool_search",
            Self::ToolDescribe { .. } => "tool_describe",
            Self::Fetch { .. } => "http_fetch",
            Self::WebSearch { .. } => "web_search",
            Self::RagSearch { .. } => "rag_search",
            Self::Speak { .. } => "speak",
            Self::AskHuman { .. } => "ask_human",
            Self::Delegate { .. } => "delegate",
            Self::Schedule { .. } => "schedule",
        })
    }

    /// The kind of tool it needs a grant for; none: it is the runtime's own doing.
    pub fn kind(&self) -> Option<ToolKind> {
        match self {
            Self::Compose { .. } | Self::DailyReport { .. } | Self::Think { .. } => None,
            Self::Tool { name, .. } if name.starts_with(MCP_PREFIX) => Some(ToolKind::Mcp),
            Self::Tool { .. } => Some(ToolKind::Own),
            Self::Fetch { .. } | Self::WebSearch { .. } => Some(ToolKind::Network),
            Self::RagSearch { .. } => Some(ToolKind::Memory),
            Self::Speak { .. } => Some(ToolKind::Voice),
            Self::AskHuman { .. } => Some(ToolKind::People),
            Self::Delegate { .. } | Self::Schedule { .. } => Some(ToolKind::Company),
            Self::ToolSearch { .. } | Self::ToolDescribe { .. } => Some(ToolKind::Registry),
            step if step.is_on_files() => Some(ToolKind::Files),
            _ => Some(ToolKind::Browser),
        }
    }

    /// Whether only a model may choose it: who writes a plan knows his tools, and gives work himself.
    pub const fn is_for_agents(&self) -> bool {
        matches!(
            self,
            Self::ToolSearch { .. } | Self::ToolDescribe { .. } | Self::Delegate { .. } | Self::Schedule { .. }
        )
    }

    /// Whether it asks somebody outside for something to read or hear, and needs no page.
    pub const fn is_asking(&self) -> bool {
        matches!(
            self,
            Self::Fetch { .. }
                | Self::WebSearch { .. }
                | Self::RagSearch { .. }
                | Self::Speak { .. }
                | Self::AskHuman { .. }
        )
    }

    /// Whether somebody else does it, a person or a persona, and not a call.
    pub const fn is_handed_over(&self) -> bool {
        matches!(self, Self::AskHuman { .. } | Self::Delegate { .. } | Self::Schedule { .. })
    }

    /// A model is asked what comes next. Filled in when its turn comes: what was said until then is known only then.
    pub const fn think() -> Self {
        Self::Think {
            turns: Vec::new(),
            tools: Vec::new(),
            model: None,
            answer_now: false,
            found: Vec::new(),
            instructions: None,
        }
    }

    /// Whether a model is asked what comes next.
    pub const fn is_thought(&self) -> bool {
        matches!(self, Self::Think { .. })
    }

    /// Whether it is outreach, which writes to strangers: by what it is, by what its tool's manifest says, or by its name.
    pub fn is_outreach(&self) -> bool {
        match self {
            Self::Message { .. } => true,
            Self::Tool { outreach, name, .. } => *outreach || is_outreach(name),
            _ => false,
        }
    }

    /// Whether it needs the page as earlier steps left it.
    pub fn is_browser(&self) -> bool {
        !matches!(self, Self::Tool { .. }) && self.tool().starts_with("browser_")
    }
}
