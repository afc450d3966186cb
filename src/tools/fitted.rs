//! What some tools stand on and may not be there: without it they are listed with the reason and offered to nobody.

use serde::Serialize;
use utoipa::ToSchema;

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Fitted {
    /// A search engine is configured.
    pub search_engine: bool,
    pub memory: bool,
    pub voice: bool,
}

impl Fitted {
    /// Everything.
    pub const ALL: Self = Self { search_engine: true, memory: true, voice: true };

    /// Why a tool cannot be used here, and what to do; none: nothing of this kind keeps it.
    pub fn lack(self, tool: &str) -> Option<&'static str> {
        match tool {
            "web_search" if !self.search_engine => {
                Some("no search engine is configured: an operator sets `tools.web_search` to a SearXNG address")
            }
            "rag_search" if !self.memory => Some("this server has no memory for personas"),
            "speak" if !self.voice => Some("this server has no voice for personas"),
            _ => None,
        }
    }
}
