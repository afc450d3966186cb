//! What every page has around its content: navigation, live state, who is signed in.

use actors::supervisor::Figures;

/// The part of a page outside `main`.
#[derive(Debug, Clone)]
pub struct Frame {
    pub title: String,
    pub section: Section,
    /// Slices held now, and how many there may be.
    pub held: usize,
    pub cap: usize,
    pub user: String,
    /// May manage keys.
    pub owner: bool,
    /// Calls that wait for a yes or no.
    pub waiting: u32,
    /// The newest receipt this page already shows: the live stream goes on behind it.
    pub cursor: String,
    /// Only this persona's receipts concern the page.
    pub persona: Option<String>,
}

/// Where in the navigation a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Personas,
    Rooms,
    Runs,
    Approvals,
    Tools,
    /// Not in the navigation: owners find it at the foot of every page.
    Keys,
}

impl Frame {
    /// The frame of a page about everybody.
    pub fn new(title: &str, section: Section, figures: &Figures, user: &str, cursor: &str) -> Self {
        Self {
            title: title.to_owned(),
            section,
            held: figures.active_personas,
            cap: figures.cap,
            user: user.to_owned(),
            owner: false,
            waiting: 0,
            cursor: cursor.to_owned(),
            persona: None,
        }
    }

    /// The same for a page about one persona.
    #[must_use]
    pub fn about(mut self, slug: &str) -> Self {
        self.persona = Some(slug.to_owned());
        self
    }

    fn is(&self, section: Section) -> bool {
        self.section == section
    }

    /// For the navigation: this page is about personas.
    pub fn in_personas(&self) -> bool {
        self.is(Section::Personas)
    }

    /// For the navigation: this page is about rooms.
    pub fn in_rooms(&self) -> bool {
        self.is(Section::Rooms)
    }

    /// For the navigation: this page is about runs.
    pub fn in_runs(&self) -> bool {
        self.is(Section::Runs)
    }

    /// For the navigation: this page is about tools.
    pub fn in_tools(&self) -> bool {
        self.is(Section::Tools)
    }

    /// For the navigation: this page is about approvals.
    pub fn in_approvals(&self) -> bool {
        self.is(Section::Approvals)
    }
}
