//! The steps of a browser, one file per verb.

mod click;
mod evaluate;
mod expect;
mod fill;
mod goto;
mod look;
mod message;
mod picture;
mod select;
mod snapshot;
mod subject;

use actors::domain::Step;

use super::{act::Act, fault::Fault, found::Found, session::Session};

pub(super) use picture::Capture;
pub(super) use subject::subject;

/// Carries one step out.
pub(super) async fn carry_out(session: &mut Session, act: &Act<'_>) -> Result<Found, Fault> {
    match act.step {
        Step::Goto { url, .. } => goto::goto(session, act, url).await,
        Step::Type { selector, text, .. } => fill::fill(session, act, selector, text).await,
        Step::Click { selector, .. } => click::click(session, act, selector).await,
        Step::Message { to, text, to_field, text_field, send, .. } => {
            let letter = message::Letter { fields: [(to_field, to), (text_field, text)], send };
            message::message(session, act, &letter).await
        }
        Step::Select { selector, value, .. } => select::select(session, act, selector, value).await,
        Step::WaitFor { selector, .. } => look::wait_for(session, act, selector).await,
        Step::Extract { selector, attribute, .. } => look::extract(session, act, selector, attribute.as_deref()).await,
        Step::Evaluate { script, .. } => evaluate::evaluate(session, act, script).await,
        Step::Snapshot {} => snapshot::snapshot(session, act).await,
        Step::Screenshot { caption, file, full_page, selector, format } => {
            let capture = Capture { full_page: *full_page, selector: selector.as_deref(), format: *format };
            picture::screenshot(session, act, &capture, caption.as_deref(), file.as_deref()).await
        }
        Step::ExpectTitle { contains, .. } => expect::title(session, act, contains).await,
        Step::ExpectSelector { selector, .. } => expect::selector(session, act, selector).await,
        Step::ExpectText { contains, selector, .. } => expect::text(session, act, contains, selector.as_deref()).await,
        Step::WriteFile { .. }
        | Step::AppendCsv { .. }
        | Step::RenderCaptions { .. }
        | Step::ReadFile { .. }
        | Step::ListFiles { .. }
        | Step::Compose { .. }
        | Step::Think { .. }
        | Step::ToolSearch { .. }
        | Step::ToolDescribe { .. }
        | Step::Fetch { .. }
        | Step::WebSearch { .. }
        | Step::RagSearch { .. }
        | Step::Speak { .. }
        | Step::AskHuman { .. }
        | Step::Delegate { .. }
        | Step::Schedule { .. }
        | Step::Tool { .. }
        | Step::DailyReport { .. } => {
            Err(Fault::permanent(format!("`{}` is not a step of the browser", act.step.tool())))
        }
    }
}
