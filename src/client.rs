//! A typed client for a running server: personas over HTTP, for programs written in Rust.
//!
//! It speaks the same `/api` as everybody else, with a token made by an owner. What the server refuses comes back as a
//! [`ClientError`] whose variants say what to do about it.

use std::time::Duration;

use actors::domain::{ConversationExample, Hours, PersonaId, Profile, ProfilePart, Role};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What a persona is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonaConfig {
    pub name: String,
    /// None: made from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(default)]
    pub role: Option<Role>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub profile: Profile,
    /// What its browser may reach besides the rehearsal site.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// None: the configured default.
    #[serde(default)]
    pub model: Option<String>,
    /// Its share of the company's time: 0.1 to 10.
    #[serde(default = "ordinary")]
    pub weight: f64,
    #[serde(default)]
    pub hours: Hours,
}

const fn ordinary() -> f64 {
    1.0
}

impl PersonaConfig {
    /// A persona with nothing but a name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            slug: None,
            role: None,
            description: String::new(),
            profile: Profile::default(),
            hosts: Vec::new(),
            model: None,
            weight: ordinary(),
            hours: Hours::default(),
        }
    }
}

/// A persona as the server knows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KnownPersona {
    pub id: PersonaId,
    /// `active`, `paused` or `deleted`.
    pub status: String,
    /// An update names the version it was made from.
    pub version: i64,
    #[serde(flatten)]
    pub config: PersonaConfig,
}

/// What became of examples.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Learned {
    /// New ones.
    pub learned: usize,
    /// Those that it had already.
    pub known: usize,
    /// How many it has now.
    pub examples: usize,
    pub version: i64,
}

/// A profile fitted to its examples, or as it would be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Trained {
    pub dry_run: bool,
    pub examples: usize,
    pub parts: Vec<TrainedPart>,
    pub drift: MeanDrift,
    pub profile: Profile,
    pub version: i64,
}

/// What became of one part of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TrainedPart {
    pub part: ProfilePart,
    pub from: Value,
    /// None: it was left.
    pub to: Option<Value>,
    pub why: String,
}

/// Mean drift of the examples, 0 to 1,000; none: there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct MeanDrift {
    pub before: Option<u16>,
    pub after: Option<u16>,
}

/// A call that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be one of a server.
    #[error("`{0}` is no address of a server: it must begin with http:// or https://")]
    Address(String),
    /// Nobody answered: try later, or check the address.
    #[error("the server did not answer")]
    Unreachable(#[source] reqwest::Error),
    /// The token opens nothing, or not this.
    #[error("{0}")]
    NotAllowed(String),
    /// There is no such persona.
    #[error("{0}")]
    NotFound(String),
    /// Somebody changed it meanwhile, or the slug is taken: read it again, decide again.
    #[error("{detail}")]
    Conflict { detail: String, current_version: Option<i64> },
    /// What was sent cannot be right; the fields by name.
    #[error("{detail}")]
    Invalid { detail: String, fields: Vec<String> },
    /// Any other refusal.
    #[error("the server answered {status}: {detail}")]
    Refused { status: u16, detail: String },
    /// It answered with something that is no answer.
    #[error("the server's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

/// Personas of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PersonaClient {
    http: Client,
    base: Url,
    token: String,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<KnownPersona>,
    next: Option<String>,
}

impl PersonaClient {
    /// For the server at `base_url` (`http://127.0.0.1:7878`), with a token of `POST /api/admin/tokens`.
    pub fn new(base_url: &str, token: impl Into<String>) -> Result<Self, ClientError> {
        let bad = || ClientError::Address(base_url.to_owned());
        let base = Url::parse(base_url).map_err(|_| bad())?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(bad());
        }
        let http = Client::builder().timeout(LIMIT).build().map_err(ClientError::Unreachable)?;
        Ok(Self { http, base, token: token.into() })
    }

    /// Makes a persona.
    pub async fn create(&self, config: &PersonaConfig) -> Result<KnownPersona, ClientError> {
        self.read(self.call(Method::POST, &[]).json(config)).await
    }

    /// Every persona that is not deleted, the oldest first.
    pub async fn list(&self) -> Result<Vec<KnownPersona>, ClientError> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut url = self.url(&[]);
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("cursor", cursor);
            }
            let Page { items, next } = self.read(self.http.get(url).bearer_auth(&self.token)).await?;
            all.extend(items);
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// One persona, by slug or id.
    pub async fn get(&self, persona: &str) -> Result<KnownPersona, ClientError> {
        self.read(self.call(Method::GET, &[persona])).await
    }

    /// Replaces all of it; refused with [`ClientError::Conflict`] when `version` is not the current one.
    pub async fn update(
        &self,
        persona: &str,
        version: i64,
        config: &PersonaConfig,
    ) -> Result<KnownPersona, ClientError> {
        let mut body = serde_json::to_value(config).map_err(ClientError::Unreadable)?;
        body["version"] = version.into();
        self.read(self.call(Method::PUT, &[persona]).json(&body)).await
    }

    /// Deletes it; its receipts stay.
    pub async fn delete(&self, persona: &str) -> Result<(), ClientError> {
        self.send(self.call(Method::DELETE, &[persona])).await?;
        Ok(())
    }

    /// Makes it the one that the token's user talks to when none is named.
    pub async fn activate(&self, persona: &str) -> Result<KnownPersona, ClientError> {
        self.read(self.call(Method::POST, &[persona, "activate"]).json(&json!({}))).await
    }

    /// Whom the token's user talks to when none is named; none: nobody was chosen.
    pub async fn get_active_persona(&self) -> Result<Option<KnownPersona>, ClientError> {
        match self.read(self.call(Method::GET, &["active"])).await {
            Ok(persona) => Ok(Some(persona)),
            Err(ClientError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds examples of how it answers well; what it knows already is passed over. Refused with
    /// [`ClientError::Conflict`] when `version` is not the current one.
    pub async fn learn(
        &self,
        persona: &str,
        version: i64,
        examples: &[ConversationExample],
    ) -> Result<Learned, ClientError> {
        let body = json!({ "version": version, "examples": examples });
        self.read(self.call(Method::POST, &[persona, "learn"]).json(&body)).await
    }

    /// Fits its profile to its examples; what a person decided stays, but for the parts named in `again`.
    pub async fn train(&self, persona: &str, version: i64, again: &[ProfilePart]) -> Result<Trained, ClientError> {
        let body = json!({ "version": version, "again": again });
        self.read(self.call(Method::POST, &[persona, "train"]).json(&body)).await
    }

    /// What [`Self::train`] would do now; nothing is changed.
    pub async fn try_training(&self, persona: &str, again: &[ProfilePart]) -> Result<Trained, ClientError> {
        let body = json!({ "dry_run": true, "again": again });
        self.read(self.call(Method::POST, &[persona, "train"]).json(&body)).await
    }

    fn call(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth(&self.token)
    }

    /// Each part is one segment, whatever it holds.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "personas"]).extend(path);
        }
        url
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        serde_json::from_slice(&self.send(request).await?).map_err(ClientError::Unreadable)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let answer = request.send().await.map_err(ClientError::Unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(ClientError::Unreachable)?.to_vec();
        if status.is_success() { Ok(body) } else { Err(refused(status, &body)) }
    }
}

/// A problem (RFC 9457) as what to do about it.
fn refused(status: StatusCode, body: &[u8]) -> ClientError {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("no reason given").to_owned();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ClientError::NotAllowed(detail),
        StatusCode::NOT_FOUND => ClientError::NotFound(detail),
        StatusCode::CONFLICT => ClientError::Conflict { detail, current_version: problem["currentVersion"].as_i64() },
        StatusCode::UNPROCESSABLE_ENTITY => {
            let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
            let fields = errors.iter().filter_map(|error| error["field"].as_str().map(str::to_owned)).collect();
            ClientError::Invalid { detail, fields }
        }
        status => ClientError::Refused { status: status.as_u16(), detail },
    }
}
