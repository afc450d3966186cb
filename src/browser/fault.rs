//! Why a step of the browser did not come to its end.

use actors::domain::StepError;
use chromiumoxide::error::CdpError;

/// Each variant is a different thing to do next.
#[derive(Debug)]
pub(super) enum Fault {
    /// The step itself is at fault, or the page is not as expected: tell the run.
    Step(StepError),
    /// Chromium did not answer in time: find out who hangs.
    Slow(&'static str),
    /// The document went away under the call: look again in the new one.
    PageChanged,
    /// The page's process died: a new tab is needed.
    PageCrashed,
    /// The browser died: a new one is needed.
    Gone,
    /// Whoever asked no longer wants it.
    Stopped,
    /// Chromium refused the command.
    Refused { method: &'static str, message: String },
}

impl Fault {
    pub(super) fn from_cdp(method: &'static str, error: CdpError) -> Self {
        match error {
            CdpError::Chrome(error) if is_page_change(&error.message) => Self::PageChanged,
            CdpError::Chrome(error) => Self::Refused { method, message: error.message },
            CdpError::ChannelSendError(_) | CdpError::Ws(_) | CdpError::NoResponse => Self::Gone,
            CdpError::Timeout => Self::Slow(method),
            other => Self::Refused { method, message: other.to_string() },
        }
    }

    pub(super) fn permanent(text: impl Into<String>) -> Self {
        Self::Step(StepError::permanent(text))
    }

    pub(super) fn retryable(text: impl Into<String>) -> Self {
        Self::Step(StepError::retryable(text))
    }

    /// What the run is told.
    pub(super) fn into_error(self) -> StepError {
        match self {
            Self::Step(error) => error,
            Self::Slow(what) => StepError::retryable(format!(
                "the page did not answer in time ({what}); raise `timeout_ms` or try later"
            )),
            Self::PageChanged => StepError::retryable("the page changed to another one while the step was at work"),
            Self::PageCrashed => StepError::retryable("the page crashed; the next goto opens a new tab"),
            Self::Gone => {
                StepError::retryable("the browser ended while the step was at work; the next step restarts it")
            }
            Self::Stopped => StepError::retryable("the step was stopped from outside"),
            Self::Refused { method, message } => StepError::retryable(format!(
                "Chromium refused {method}: {}",
                message.chars().take(300).collect::<String>()
            )),
        }
    }
}

fn is_page_change(message: &str) -> bool {
    const SAID: [&str; 6] = [
        "Cannot find context with specified id",
        "Execution context was destroyed",
        "Inspected target navigated or closed",
        "Promise was collected",
        "uniqueContextId not found",
        "No frame for given id found",
    ];
    SAID.iter().any(|said| message.contains(said))
}
