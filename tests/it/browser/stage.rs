//! A persona with a real browser in front of a site, for one test.

use std::{collections::HashMap, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use actors::{
    domain::{Call, GoalId, Outcome, Persona, PersonaId, PersonaStatus, Profile, RunId, Step, TraceId, Weight},
    ports::BoxError,
};
use greenroom::{
    browser::{Browsers, SealBytes},
    config::BrowserConfig,
    egress::{Egress, Enforcement, REHEARSAL_HOST},
    secrets::{Hidden, SecretText},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::site::{Answer, Site};

/// Turns bytes round, so that a test can tell sealed from plain.
pub struct Mirror;

impl SealBytes for Mirror {
    fn seal(&self, owner: &str, name: &str, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        Ok(format!("{owner}/{name}\n").into_bytes().into_iter().chain(plain.iter().rev().copied()).collect())
    }

    fn open(&self, owner: &str, name: &str, sealed: &[u8]) -> Result<Vec<u8>, BoxError> {
        let front = format!("{owner}/{name}\n");
        let rest = sealed.strip_prefix(front.as_bytes()).ok_or("sealed for somebody else")?;
        Ok(rest.iter().rev().copied().collect())
    }
}

/// Settings for a test's browsers.
pub fn config() -> BrowserConfig {
    BrowserConfig {
        executable: PathBuf::new(),
        root: PathBuf::new(),
        most_open: NonZeroUsize::new(8).unwrap(),
        most_starting: NonZeroUsize::new(2).unwrap(),
        warm_for: Duration::from_secs(120),
        start_limit: Duration::from_secs(30),
        step_limit: Duration::from_secs(30),
    }
}

/// A persona by number.
pub fn persona(number: u128) -> Persona {
    Persona {
        id: PersonaId(Uuid::from_u128(number)),
        slug: format!("persona-{number}").parse().unwrap(),
        name: format!("Persona {number}"),
        role: None,
        description: String::new(),
        status: PersonaStatus::Active,
        version: 1,
        profile: Profile::default(),
        hosts: Vec::new(),
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
        quotas: Default::default(),
        autoplan: Default::default(),
        permissions: Default::default(),
        grants: Default::default(),
        agents: Vec::new(),
        created_ms: 0,
        updated_ms: 0,
        resumed_ms: None,
    }
}

/// One test's browser, site and persona.
pub struct Stage {
    pub browsers: Browsers,
    pub site: Site,
    pub root: TempDir,
    pub persona: Persona,
    pub run: RunId,
    pub limit: Duration,
    pub hidden: Hidden,
}

impl Stage {
    pub async fn with(pages: &[(&'static str, Answer)]) -> Self {
        let site = Site::start(pages).await;
        let root = tempfile::tempdir().unwrap();
        // Every other name leads to the same site, so only the rules stand in between.
        let fixed = HashMap::from([(("*.example".to_owned(), 80), site.addr)]);
        let egress = Egress::for_test(site.addr, Enforcement::On, fixed);
        let browsers = Browsers::new(config(), egress, root.path().to_owned(), Arc::new(Mirror));
        let run = RunId(Uuid::from_u128(1));
        Self {
            browsers,
            site,
            root,
            persona: persona(1),
            run,
            limit: Duration::from_secs(20),
            hidden: Hidden::default(),
        }
    }

    /// From now on this is a secret of the persona's.
    pub fn knows(&mut self, name: &str, value: &str) {
        self.hidden.hold(name, SecretText::new(value.to_owned()));
    }

    /// One page at `/`, already open.
    pub async fn on(html: &'static str) -> Self {
        let stage = Self::with(&[("/", Answer::Html(html))]).await;
        stage.goes_to("/").await;
        stage
    }

    /// The call of a step, as a run would make it.
    pub fn call(&self, step: &Value) -> (Call, Step) {
        let parsed: Step = serde_json::from_value(step.clone()).unwrap();
        let call = Call {
            persona: self.persona.id,
            goal: GoalId(Uuid::from_u128(1)),
            run: self.run,
            step: 0,
            tool: parsed.tool(),
            args: step.clone(),
            effect: parsed.effect(),
            key: String::new(),
            page: None,
            trace: TraceId(Uuid::from_u128(1)),
            limit: self.limit,
        };
        (call, parsed)
    }

    pub async fn step(&self, step: Value) -> Outcome {
        let (call, step) = self.call(&step);
        self.perform(&call, &step).await
    }

    pub async fn perform(&self, call: &Call, step: &Step) -> Outcome {
        self.browsers.perform(&self.persona, call, step, &self.hidden, CancellationToken::new()).await
    }

    /// A step that must hold.
    pub async fn does(&self, step: Value) -> Outcome {
        let outcome = self.step(step.clone()).await;
        assert!(outcome.holds(), "{step}: {outcome:?}");
        outcome
    }

    pub async fn goes_to(&self, path: &str) -> Outcome {
        self.does(json!({ "action": "goto", "url": url(path) })).await
    }

    /// What the page computes.
    pub async fn value(&self, script: &str) -> Value {
        let step = json!({ "action": "evaluate", "script": script, "effect": "read" });
        self.does(step).await.data["value"].clone()
    }

    pub async fn close(self) {
        self.browsers.close_all().await;
    }
}

/// An address of the site.
pub fn url(path: &str) -> String {
    format!("http://{REHEARSAL_HOST}{path}")
}

/// Why a step did not hold.
pub fn error(outcome: &Outcome) -> &str {
    outcome.error.as_ref().map(|error| error.text.as_str()).unwrap_or_default()
}
