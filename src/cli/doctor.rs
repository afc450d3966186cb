//! `doctor`: looks for what would keep Greenroom from working, and says what to do about it.
//!
//! It changes nothing. Each line is ok, warn (it works, but) or bad (it will not).

mod checks;
mod rooms;

use serde::Serialize;

use super::{Ended, print::Out};

pub use checks::machine;
pub use rooms::{chromium, containers, database, hosts, sandbox, tools};

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// Something will not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `chromium`, `database`, ….
    pub what: &'static str,
    pub standing: Standing,
    /// What was found.
    pub found: String,
    /// What to do next; none: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Finding {
    /// Nothing to do.
    pub fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, standing: Standing::Ok, found: found.into(), next: None }
    }

    /// It works, but.
    pub fn warn(what: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, standing: Standing::Warn, found: found.into(), next: Some(next.into()) }
    }

    /// It does not work.
    pub fn bad(what: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, standing: Standing::Bad, found: found.into(), next: Some(next.into()) }
    }
}

/// Prints the findings; code 1 when something is bad.
pub fn report(findings: &[Finding], out: Out) -> Ended {
    out.answer(&findings, |findings| findings.iter().map(line).collect::<Vec<_>>().join("\n"));
    Ended::well_if(findings.iter().all(|finding| finding.standing != Standing::Bad))
}

fn line(finding: &Finding) -> String {
    let mark = match finding.standing {
        Standing::Ok => "ok  ",
        Standing::Warn => "warn",
        Standing::Bad => "bad ",
    };
    let next = finding.next.as_ref().map(|next| format!("\n                 → {next}")).unwrap_or_default();
    format!("{mark}  {:10} {}{next}", finding.what, finding.found)
}
