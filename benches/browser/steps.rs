//! The twenty steps as a goal has them. `playwright/twenty_steps.mjs` has the same in its own words.

use actors::domain::{Effect, PictureFormat, Step};
use greenroom::egress::REHEARSAL_HOST;

pub(super) fn all() -> Vec<Step> {
    vec![
        goto("/login"),
        fill("#email", "jason@rehearsal.example"),
        fill("#password", greenroom::rehearsal::PASSWORD),
        click("#sign-in", Some(Effect::Read)),
        Step::WaitFor { selector: "#signed-in".to_owned(), timeout_ms: None },
        goto("/practice/obstacles"),
        Step::Select { selector: "#size".to_owned(), value: "l".to_owned(), timeout_ms: None },
        goto("/jobs"),
        fill("#q", "pipeline"),
        click("#search-button", Some(Effect::Read)),
        Step::Extract {
            selector: "#job-data-pipeline-audit".to_owned(),
            save_as: "title".to_owned(),
            attribute: None,
            timeout_ms: None,
        },
        click("#job-data-pipeline-audit", Some(Effect::Read)),
        Step::ExpectTitle { contains: "Data pipeline audit".to_owned(), timeout_ms: None },
        click("#propose", Some(Effect::Read)),
        fill("#reference", "bench"),
        fill("#cover", "A written audit with findings by severity, and a check that runs every night."),
        fill("#rate", "$2,400"),
        // The one effect: the driver also keeps what the page says and shows right after it.
        click("#submit", None),
        Step::ExpectText { contains: "Proposal submitted".to_owned(), selector: None, timeout_ms: None },
        Step::Screenshot { caption: None, file: None, full_page: false, selector: None, format: PictureFormat::Jpeg },
    ]
}

/// What a step is called.
pub(super) fn name(at: usize) -> String {
    all().get(at).map_or_else(String::new, |step| step.tool().trim_start_matches("browser_").to_owned())
}

fn goto(path: &str) -> Step {
    Step::Goto { url: format!("http://{REHEARSAL_HOST}{path}"), timeout_ms: None }
}

fn fill(selector: &str, text: &str) -> Step {
    Step::Type { selector: selector.to_owned(), text: text.to_owned(), timeout_ms: None }
}

fn click(selector: &str, effect: Option<Effect>) -> Step {
    Step::Click { selector: selector.to_owned(), effect, timeout_ms: None }
}
