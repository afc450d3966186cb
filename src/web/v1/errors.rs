//! Refusals in OpenAI's form, with the codes that its clients know.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, ContentEncoding},
    },
};
use actors::supervisor::{CommandError, NotMade};
use serde_json::{Value, json};

use crate::{models::ModelError, storage::DbError, web::errors::Problem};

/// A call that is not answered.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: StatusCode,
    /// OpenAI's `type`.
    kind: &'static str,
    code: Option<&'static str>,
    /// The field that is wrong.
    param: Option<String>,
    message: String,
    retry_after_s: Option<u64>,
    /// The same again would be refused again: clients that retry by themselves must not.
    is_final: bool,
}

const INVALID: &str = "invalid_request_error";
const RATE: &str = "rate_limit_error";
const SERVER: &str = "server_error";
/// How soon a call that is refused for what others reserved may be made again.
const RESERVED_S: u64 = 2;

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, code: Option<&'static str>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, kind, code, param: None, message, retry_after_s: None, is_final: false }
    }

    /// No key, or one that opens nothing.
    pub fn no_key() -> Self {
        let message = "This key is not known or was revoked. Send `Authorization: Bearer <key>` with a virtual key; an owner \
                       makes one with `greenroom key new`.";
        Self::new(StatusCode::UNAUTHORIZED, INVALID, Some("invalid_api_key"), message)
    }

    /// A field is wrong.
    pub fn field(param: impl Into<String>, reason: impl fmt::Display) -> Self {
        let param = param.into();
        let message = format!("`{param}` {reason}.");
        Self { param: Some(param), ..Self::new(StatusCode::BAD_REQUEST, INVALID, None, message) }
    }

    /// The body cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, None, message)
    }

    /// More bytes than are taken.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("A body may have {limit} bytes; this one has more. Send less.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID, Some("request_too_large"), message)
    }

    /// The body did not arrive.
    pub fn too_slow(limit_s: u64) -> Self {
        let message = format!("The body did not arrive within {limit_s} seconds. Send it again.");
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID, Some("timeout"), message)
    }

    /// More than fits into the model's context.
    pub fn too_long(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, Some("context_length_exceeded"), message)
    }

    /// There is no such model for this key.
    pub fn no_model(model: &str) -> Self {
        let model: String = model.chars().take(200).collect();
        let message = format!(
            "The model `{model}` does not exist, or this key may not use it. `GET /v1/models` lists those it may."
        );
        let param = Some("model".to_owned());
        Self { param, ..Self::new(StatusCode::NOT_FOUND, INVALID, Some("model_not_found"), message) }
    }

    /// The key was used too often.
    pub fn too_often(per_minute: u32, retry_after_s: u64) -> Self {
        let message = format!("This key may be used {per_minute} times a minute. Wait {retry_after_s} s.");
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, RATE, Some("rate_limit_exceeded"), message);
        Self { retry_after_s: Some(retry_after_s), ..refusal }
    }

    /// Too much is under way.
    pub fn busy() -> Self {
        let message = "As many calls are under way as are taken at once. Try again soon.";
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, RATE, Some("rate_limit_exceeded"), message);
        Self { retry_after_s: Some(1), ..refusal }
    }

    /// A budget has no room.
    pub fn over_budget(why: impl Into<String>) -> Self {
        let code = "insufficient_quota";
        Self { is_final: true, ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, Some(code), why) }
    }

    /// Nobody knows what it may cost.
    pub fn unbounded(why: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, INVALID, Some("unbounded_call"), why);
        Self { param: Some("model".to_owned()), is_final: true, ..refusal }
    }

    /// A budget has room again as soon as calls under way have ended.
    pub fn reserved(why: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, RATE, Some("rate_limit_exceeded"), why);
        Self { retry_after_s: Some(RESERVED_S), ..refusal }
    }

    /// It did not end in time.
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::new(StatusCode::GATEWAY_TIMEOUT, SERVER, Some("timeout"), message) }
    }

    /// It was tried and did not work; the same again may.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, SERVER, Some("upstream_error"), message)
    }

    /// It cannot be done as things stand.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::new(StatusCode::CONFLICT, INVALID, Some("conflict"), message) }
    }

    /// Our own fault.
    pub fn broken(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, None, message)
    }

    /// A refusal of the layers around the handlers, in this form.
    pub fn of_problem(problem: &Problem) -> Self {
        let Problem { status, detail, retry_after_s, .. } = problem;
        let (kind, code) = match *status {
            StatusCode::UNAUTHORIZED => return Self::no_key(),
            StatusCode::TOO_MANY_REQUESTS => (RATE, Some("rate_limit_exceeded")),
            StatusCode::NOT_FOUND => (INVALID, Some("unknown_url")),
            status if status.is_server_error() => (SERVER, None),
            _ => (INVALID, None),
        };
        Self { retry_after_s: *retry_after_s, ..Self::new(*status, kind, code, detail.clone()) }
    }

    /// `{"error": …}`.
    pub fn json(&self) -> Value {
        json!({ "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code } })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.message)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header(ContentEncoding::Identity);
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.is_final {
            // OpenAI's own clients ask again by themselves unless told not to.
            answer.insert_header(("x-should-retry", "false"));
        }
        answer.json(self.json())
    }
}

impl From<ModelError> for Refusal {
    fn from(error: ModelError) -> Self {
        let text = error.to_string();
        match error {
            ModelError::UnknownModel { name, .. } => Self::no_model(&name),
            ModelError::TooLong { .. } => Self::too_long(text),
            ModelError::CannotAct { .. } | ModelError::NoEmbeddings { .. } => Self::malformed(text),
            ModelError::Unfit { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, SERVER, Some("invalid_structured_output"), text)
            }
            // The provider's own judgement of what was asked.
            ModelError::Refused { status: 400 | 422, .. } => Self::malformed(text),
            ModelError::Full { .. } | ModelError::Busy { status: 429, .. } => {
                let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, RATE, Some("rate_limit_exceeded"), text);
                Self { retry_after_s: Some(2), ..refusal }
            }
            ModelError::SwitchedOff { after, .. } => {
                let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, Some("upstream_error"), text);
                Self { retry_after_s: Some(after.as_secs().max(1)), ..refusal }
            }
            ModelError::TimedOut { .. } | ModelError::Silent { .. } => Self::timed_out(text),
            _ => Self::failed(text),
        }
    }
}

impl From<NotMade> for Refusal {
    fn from(why: NotMade) -> Self {
        match why {
            NotMade::NoRoom { why, only_reserved: true, .. } => Self::reserved(why),
            NotMade::NoRoom { why, .. } => Self::over_budget(why),
            NotMade::Unbounded(why) => Self::unbounded(why),
            NotMade::NoPersona => Self::no_key(),
        }
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        Self::of_problem(&error.into())
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::of_problem(&error.into())
    }
}
