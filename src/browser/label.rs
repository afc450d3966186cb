//! A step in words, from its form with secrets still by name.

use actors::domain::{Call, Step};

const LONGEST: usize = 160;

/// One step in three tenses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    /// `click #submit`
    pub(super) step: String,
    /// `clicked #submit`
    pub(super) did: String,
    /// `did not click #submit`
    pub(super) did_not: String,
}

impl Label {
    /// Texts that are typed are left out: they may be secret where nobody marked them.
    pub(super) fn of(call: &Call) -> Self {
        let Ok(step) = serde_json::from_value::<Step>(call.args.clone()) else {
            return Self::new(&call.tool, &call.tool, "");
        };
        match &step {
            Step::Goto { url, .. } => Self::new("open", "opened", url),
            Step::Type { selector, .. } => Self::new("fill", "filled", selector),
            Step::Click { selector, .. } => Self::new("click", "clicked", selector),
            Step::Message { to, .. } => Self::new("write to", "wrote to", to),
            Step::Select { selector, value, .. } => Self::new("choose", "chose", &format!("{value} in {selector}")),
            Step::WaitFor { selector, .. } => Self::new("wait for", "saw", selector),
            Step::Extract { selector, save_as, .. } => Self::new("read", "read", &format!("{selector} as {save_as}")),
            Step::Evaluate { .. } => Self::new("run a script", "ran a script", ""),
            Step::Snapshot {} => Self::new("take a snapshot", "took a snapshot", ""),
            Step::Screenshot { caption, .. } => {
                let about = caption.as_ref().map(|caption| format!("of {caption}")).unwrap_or_default();
                Self::new("take a screenshot", "took a screenshot", &about)
            }
            Step::ExpectTitle { contains, .. } => Self::new("expect title", "title holds", &format!("\"{contains}\"")),
            Step::ExpectSelector { selector, .. } => Self::new("expect", "page shows", selector),
            Step::ExpectText { contains, .. } => {
                Self::new("expect text", "page shows text", &format!("\"{contains}\""))
            }
            other => Self::new(&other.tool(), &other.tool(), ""),
        }
    }

    /// Somebody ended it from outside: nothing is known of what it was about.
    pub(super) fn stopped(&self) -> String {
        match self.step.strip_prefix("wait for ") {
            Some(what) => format!("was stopped while it waited for {what}"),
            None => format!("was stopped before its end: {}", self.step),
        }
    }

    fn new(present: &str, past: &str, object: &str) -> Self {
        let short = |verb: &str| {
            let whole = format!("{verb} {object}").trim_end().replace(['\n', '\r'], " ");
            let cut: String = whole.chars().take(LONGEST).collect();
            if cut.len() < whole.len() { format!("{cut}…") } else { cut }
        };
        // What is expected is the page's to do: who expects it did that.
        let did_not = match present.strip_prefix("expect") {
            Some("") => "page does not show".to_owned(),
            Some(" title") => "title does not hold".to_owned(),
            Some(what) => format!("page does not show{what}"),
            None => format!("did not {present}"),
        };
        Self { step: short(present), did: short(past), did_not: short(&did_not) }
    }
}
