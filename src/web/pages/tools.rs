//! `/tools`: every tool there is and who may use it, MCP servers and what people confirmed of them, and adding one.
//!
//! What tools and servers say of themselves is somebody's text: it is shown as text and marked as theirs.

pub mod difference;
pub mod load;
pub mod one;
pub mod row;
pub mod servers;

use askama::Template;

use self::{row::ToolRow, servers::ServerPanel};
use super::{frame::Frame, personas::AlertRow};

/// The page.
#[derive(Debug, Template)]
#[template(path = "tools.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct ToolsPage {
    pub frame: Frame,
    /// About tools that have changed.
    pub alerts: Vec<AlertRow>,
    pub body: Body,
    /// Only owners add, try and confirm.
    pub is_owner: bool,
}

/// What its tabs show.
#[derive(Debug)]
pub enum Body {
    Registry(Registry),
    Servers(Vec<ServerPanel>),
    Add(Add),
}

/// Every tool.
#[derive(Debug)]
pub struct Registry {
    /// What was looked for; empty: nothing.
    pub asked: String,
    /// Slug of the persona as which the tools are listed; empty: nobody.
    pub only: String,
    /// Slug and name of everybody.
    pub personas: Vec<(String, String)>,
    pub rows: Vec<ToolRow>,
    /// `24 tools · 3 cannot be used`
    pub summary: String,
    /// How many more there are than are shown.
    pub more: usize,
    /// Personas whose own tools are not listed here.
    pub unlisted: usize,
}

/// Beginnings of a tool and of a server.
#[derive(Debug)]
pub struct Add {
    pub personas: Vec<(String, String)>,
    pub tool: String,
    pub program: String,
    pub server: String,
}

impl ToolsPage {
    fn is_registry(&self) -> bool {
        matches!(self.body, Body::Registry(_))
    }

    fn is_servers(&self) -> bool {
        matches!(self.body, Body::Servers(_))
    }

    fn is_add(&self) -> bool {
        matches!(self.body, Body::Add(_))
    }
}
