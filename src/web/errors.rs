//! Errors as RFC 9457 problems: what was tried, what went wrong, which field, what to do next.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use actors::{domain::NoRollback, ports::Unavailable, supervisor::CommandError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::storage::DbError;

/// The media type of every error answer.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong with a request.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Names the kind of problem; stable.
    pub kind: &'static str,
    pub title: &'static str,
    pub status: StatusCode,
    /// One or two sentences: what happened and what to do next.
    pub detail: String,
    /// Every field that was wrong.
    pub errors: Vec<FieldError>,
    /// After a conflict: the version to read again.
    pub current_version: Option<i64>,
    /// Seconds after which another try makes sense; sent as `Retry-After`.
    pub retry_after_s: Option<u64>,
}

/// A problem as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Written<'a> {
    /// Names the kind of problem; stable.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: &'a str,
    pub status: u16,
    /// One or two sentences: what happened and what to do next.
    pub detail: &'a str,
    /// The address that was asked.
    pub instance: &'a str,
    #[serde(rename = "traceId")]
    pub trace_id: &'a str,
    /// Every field that was wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [FieldError],
    /// After a conflict: the version to read again.
    #[serde(rename = "currentVersion", skip_serializing_if = "Option::is_none")]
    pub current_version: Option<i64>,
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its path: `payload.steps[0].url`.
    pub field: String,
    pub reason: String,
}

impl FieldError {
    /// Says what is wrong with a field.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// Both as one sentence, also when the reason begins with a name of its own.
    fn said(&self) -> String {
        let between = if self.reason.starts_with('`') { ": " } else { " " };
        format!("`{}`{between}{}", self.field, self.reason)
    }
}

impl Problem {
    /// A problem of a stable kind.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let (detail, errors) = (detail.into(), Vec::new());
        Self { kind, title, status, detail, errors, current_version: None, retry_after_s: None }
    }

    /// As it is sent in answer to a request.
    pub fn json(&self, instance: &str, trace_id: &str) -> Vec<u8> {
        let written = Written {
            kind: format!("/problems/{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            instance,
            trace_id,
            errors: &self.errors,
            current_version: self.current_version,
        };
        // Texts and numbers always have a JSON form.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// The bytes are not what they should be.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// Fields are wrong; each is named.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let named: Vec<String> = errors.iter().map(FieldError::said).collect();
        let detail = format!("{}. Correct this and send it again.", named.join("; ").trim_end_matches(['.', '?']));
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field is wrong", detail) }
    }

    /// One field is wrong.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, reason)])
    }

    /// Nothing has this name.
    pub fn not_found(what: &str, which: &str) -> Self {
        let which: String = which.chars().take(100).collect();
        let detail = format!("There is no {what} `{which}`. Check the name, or list what there is.");
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// Who calls is not known.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login-needed", "Login needed", detail)
    }

    /// Who calls is known, and may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// It cannot be done as things stand.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Not possible as things stand", detail)
    }

    /// Try again later.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", detail);
        Self { retry_after_s: Some(2), ..problem }
    }

    /// Too often from one place.
    pub fn too_many(detail: impl Into<String>, retry_after_s: u64) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests", detail);
        Self { retry_after_s: Some(retry_after_s), ..problem }
    }

    /// The same, of what the caller read and is no longer so; with the version that is current now.
    #[must_use]
    pub fn with_current_version(mut self, version: i64) -> Self {
        self.title = "Changed meanwhile";
        self.detail = format!("{} The current version is {version}.", self.detail);
        self.current_version = Some(version);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.title, self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"greenroom\""));
        }
        let mut answer = answer.content_type(PROBLEM_JSON).body(self.json("", ""));
        answer.extensions_mut().insert(self.clone());
        answer
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound { what, which } => Self::not_found(what, &which),
            CommandError::Conflict(why) => Self::conflict(sentence(&why)),
            CommandError::Invalid { field, reason } => Self::field(field, reason),
            CommandError::NoRollback(no) => no.into(),
            CommandError::Unavailable(error) => error.into(),
            CommandError::Ending => Self::unavailable("The server is ending. Try again when it is back."),
        }
    }
}

impl From<NoRollback> for Problem {
    fn from(no: NoRollback) -> Self {
        Self::new(StatusCode::CONFLICT, no.kind(), "Not rolled back", sentence(&no.to_string()))
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        tracing::warn!(error = %chain(&error), "the store did not answer a request: {}", chain(&error));
        Self::unavailable("The store cannot be reached right now; `/readyz` says why. Nothing was changed; try again.")
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        tracing::warn!(error = %chain(&error), "a request could not be read from the database: {}", chain(&error));
        Self::unavailable("The database did not answer; `/readyz` says why. Nothing was changed; try again.")
    }
}

/// An error with all its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use actors::domain::{Autonomy, BudgetPeriod};

    use super::*;

    #[test]
    fn a_reason_that_names_something_itself_stands_behind_a_colon() {
        let week = FieldError::new("limits.week", "week".parse::<BudgetPeriod>().unwrap_err().to_string());
        let yolo = FieldError::new("autonomy", "yolo".parse::<Autonomy>().unwrap_err().to_string());
        let problem = Problem::invalid(vec![week, FieldError::new("name", "is required"), yolo]);
        assert_eq!(
            problem.detail,
            "`limits.week`: `week` is not a budget period; known are: day, month; `name` is required; `autonomy`: \
             `yolo` is not an autonomy; known are: readonly, supervised, full. Correct this and send it again."
        );
    }
}
