//! Why there is no text. No variant ever holds a key.

use std::time::Duration;

use actors::ports::BoxError;

/// Why there is no text, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A name that is no provider.
    #[error("model `{name}` is not configured; known are: {known}. Add it under `models.providers` or choose another")]
    UnknownModel { name: String, known: String },
    /// A provider that cannot be called as it is configured.
    #[error("models.providers.{provider}.{field}: {reason}")]
    BadProvider { provider: String, field: &'static str, reason: String },
    /// Nobody stored the key.
    #[error(
        "model provider `{provider}` needs the secret `{secret}`, which is set neither for the persona nor for the \
         instance; store it under that name"
    )]
    NoKey { provider: String, secret: String },
    /// The vault could not be read.
    #[error("the key for the model could not be read: {0}; see `greenroom doctor`")]
    Keyring(#[source] BoxError),
    /// No connection was made: nothing was sent.
    #[error("model provider `{provider}` could not be reached at {host}: {reason}; check `base_url` and the network")]
    Unreachable { provider: String, host: String, reason: String },
    /// The connection broke after the request had left.
    #[error("the connection to model provider `{provider}` at {host} broke: {reason}")]
    Broken { provider: String, host: String, reason: String },
    /// It did not answer in time.
    #[error("model provider `{provider}` at {host} did not answer within {} ms; raise `timeout` or try later", after.as_millis())]
    TimedOut { provider: String, host: String, after: Duration },
    /// It said no and will say no again.
    #[error("model provider `{provider}` refused the request with {status}: {reason}{hint}")]
    Refused { provider: String, status: u16, reason: String, hint: &'static str },
    /// It was busy or broken, after every try that was allowed.
    #[error("model provider `{provider}` answered {status} after {tries} tries: {reason}; try later")]
    Busy { provider: String, status: u16, tries: u32, reason: String },
    /// It sent more than is taken.
    #[error("model provider `{provider}` sent more than {limit} bytes; the answer was dropped")]
    TooLarge { provider: String, limit: usize },
    /// It answered with something that is no answer.
    #[error("model provider `{provider}` sent an answer that cannot be used: {reason}")]
    BadAnswer { provider: String, reason: String },
}

impl ModelError {
    /// Another attempt may succeed without anyone changing anything.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::UnknownModel { .. } | Self::BadProvider { .. } | Self::NoKey { .. } => false,
            Self::Refused { .. } | Self::TooLarge { .. } => false,
            Self::Keyring(_) | Self::Unreachable { .. } | Self::Broken { .. } | Self::TimedOut { .. } => true,
            Self::Busy { .. } | Self::BadAnswer { .. } => true,
        }
    }

    /// The provider gets too many requests.
    pub const fn is_throttled(&self) -> bool {
        matches!(self, Self::Busy { status: 429, .. })
    }

    /// Nothing was sent.
    pub const fn is_not_begun(&self) -> bool {
        matches!(
            self,
            Self::UnknownModel { .. }
                | Self::BadProvider { .. }
                | Self::NoKey { .. }
                | Self::Keyring(_)
                | Self::Unreachable { .. }
        )
    }

    /// The request left and nobody can say what became of it.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::TimedOut { .. })
    }
}
