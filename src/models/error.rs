//! Why a model gave no answer. No variant ever holds a key.

use std::time::Duration;

use actors::ports::BoxError;

use super::retry::may_bill;

/// Why there is no answer, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A name that is neither route nor provider.
    #[error(
        "model `{name}` is not configured; known are: {known}. Add it under `models.providers` or `models.routes`, or \
         choose another"
    )]
    UnknownModel { name: String, known: String },
    /// A provider that cannot be called as it is configured.
    #[error("models.providers.{provider}.{field}: {reason}")]
    BadProvider { provider: String, field: &'static str, reason: String },
    /// The understudy was asked for more than a text.
    #[error(
        "the understudy is no model: it writes texts, but cannot {wanted}; name a model for this persona (`models.default` \
         or its own), and store its key"
    )]
    CannotAct { wanted: &'static str },
    /// It speaks a form without embeddings.
    #[error("model provider `{provider}` makes no embeddings; name one that does")]
    NoEmbeddings { provider: String },
    /// No price is known, so no worst case can be named.
    #[error(
        "what `{model}` of model provider `{provider}` costs is not known, so the call has no upper bound; set \
         `input_micro_usd_per_million` and `output_micro_usd_per_million` in `models.providers.{provider}` (0: free)"
    )]
    Unbounded { provider: String, model: String },
    /// Nobody stored the key.
    #[error(
        "model provider `{provider}` needs the secret `{secret}`, which is set neither for the persona nor for the \
         instance; store it under that name"
    )]
    NoKey { provider: String, secret: String },
    /// The vault could not be read.
    #[error("the key for the model could not be read: {0}; see `greenroom doctor`")]
    Keyring(#[source] BoxError),
    /// It failed too often in a row and is left alone for a while.
    #[error("model provider `{provider}` failed {failures} times in a row and is asked again in {} s", after.as_secs().max(1))]
    SwitchedOff { provider: String, failures: u32, after: Duration },
    /// As many calls as it may have were under way, or made, until no time was left.
    #[error("model provider `{provider}` is at its limit ({limit}) and no place came free in time; try later")]
    Full { provider: String, limit: &'static str },
    /// No connection was made: nothing was sent.
    #[error("model provider `{provider}` could not be reached at {host}: {reason}; check `base_url` and the network")]
    Unreachable { provider: String, host: String, reason: String },
    /// The connection broke, or the answer ended, after the request had left.
    #[error("the connection to model provider `{provider}` at {host} broke: {reason}")]
    Broken { provider: String, host: String, reason: String },
    /// It did not answer in time.
    #[error("model provider `{provider}` at {host} did not answer within {} ms; raise `timeout` or try later", after.as_millis())]
    TimedOut { provider: String, host: String, after: Duration },
    /// It fell silent inside its answer.
    #[error("model provider `{provider}` at {host} fell silent for {} ms inside its answer; try later", after.as_millis())]
    Silent { provider: String, host: String, after: Duration },
    /// What was sent does not fit into its context.
    #[error(
        "the prompt is too long for `{model}` of model provider `{provider}`: {reason}; shorten it or choose another model"
    )]
    TooLong { provider: String, model: String, reason: String },
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
    /// Its answer has not the form that was asked for, also when it was asked once more.
    #[error("model provider `{provider}` gave an answer that does not fit the schema it was given: {reason}")]
    Unfit { provider: String, reason: String },
    /// Nobody on the route answered; at least two were asked.
    #[error("nobody on the route answered: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))]
    Nobody(Vec<Self>),
}

impl ModelError {
    /// What to say of a route on which nobody answered; none: there was nobody on it.
    pub(super) fn of_route(mut errors: Vec<Self>) -> Option<Self> {
        let all_too_long = errors.iter().all(|error| matches!(error, Self::TooLong { .. }));
        if errors.len() < 2 || all_too_long { errors.pop() } else { Some(Self::Nobody(errors)) }
    }

    /// Another attempt may succeed without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::UnknownModel { .. } | Self::BadProvider { .. } | Self::NoKey { .. } => false,
            Self::CannotAct { .. } | Self::Unbounded { .. } | Self::TooLong { .. } | Self::NoEmbeddings { .. } => false,
            Self::Refused { .. } | Self::TooLarge { .. } => false,
            Self::Keyring(_) | Self::Unreachable { .. } | Self::Broken { .. } | Self::TimedOut { .. } => true,
            Self::Silent { .. } | Self::SwitchedOff { .. } | Self::Full { .. } => true,
            Self::Busy { .. } | Self::BadAnswer { .. } | Self::Unfit { .. } => true,
            Self::Nobody(errors) => errors.iter().any(Self::is_retryable),
        }
    }

    /// Nothing was made, so nothing is billed: every provider refused, or was too busy, before.
    pub fn is_free(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::TooLong { .. } => true,
            Self::Busy { status, .. } => !may_bill(*status),
            Self::Nobody(errors) => errors.iter().all(Self::is_free),
            error => error.is_not_begun(),
        }
    }

    /// A provider gets too many requests.
    pub fn is_throttled(&self) -> bool {
        match self {
            Self::Busy { status: 429, .. } => true,
            Self::Nobody(errors) => errors.iter().any(Self::is_throttled),
            _ => false,
        }
    }

    /// Nothing was sent.
    pub fn is_not_begun(&self) -> bool {
        match self {
            Self::UnknownModel { .. } | Self::BadProvider { .. } | Self::NoKey { .. } | Self::Keyring(_) => true,
            Self::CannotAct { .. } | Self::Unbounded { .. } | Self::NoEmbeddings { .. } => true,
            Self::SwitchedOff { .. } | Self::Full { .. } | Self::Unreachable { .. } => true,
            Self::Nobody(errors) => errors.iter().all(Self::is_not_begun),
            _ => false,
        }
    }

    /// A request left and nobody can say what became of it.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::TimedOut { .. } | Self::Silent { .. } => true,
            Self::Nobody(errors) => errors.iter().any(Self::is_unknown),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refuses_bills_nothing_and_who_breaks_off_may() {
        let busy = |status| ModelError::Busy { provider: "p".into(), status, tries: 1, reason: String::new() };
        let silent = ModelError::TimedOut { provider: "p".into(), host: "h".into(), after: Duration::from_secs(1) };
        assert!(busy(429).is_free() && busy(503).is_free() && !busy(504).is_free() && !silent.is_free());
        assert!(!ModelError::Nobody(vec![busy(429), silent]).is_free(), "one of them may have been at it");
    }
}
