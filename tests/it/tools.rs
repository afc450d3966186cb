//! The performer: every tool through the one door, with what can go wrong on each way.

#![cfg(test)]

mod agents;
mod asking;
mod browser;
mod evening;
mod files;
mod harm_in_runs;
mod house;
mod mcp;
mod named;
mod networks;
mod own;
mod own_in_runs;
mod remembering;
mod report;
mod texts;
mod toolkit;
mod trouble;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use actors::{
    domain::{
        Call, Goal, GoalId, Outcome, Payload, Persona, PersonaId, Profile, RunId, Step, StepIndex, StepsPayload,
        TraceId,
    },
    ports::{BoxError, Change, Commit, Performer, World},
    testing::{self, TestPorts},
};
use async_trait::async_trait;
use greenroom::{
    config::Config,
    config::ModelsConfig,
    egress::{Egress, HostRules},
    memory::Memory,
    models::{Models, UNDERSTUDY},
    secrets::Hidden,
    tools::{
        BrowserDriver, Day, DayBook, Own, Tools, ToolsDeps, Web,
        isolation::Isolations,
        mcp::{Mcp, McpDeps},
        registry, templates,
    },
    voice::Voice,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::models::Secrets;

/// A performer with a persona in a data folder of its own.
struct Stage {
    root: tempfile::TempDir,
    tools: Tools,
    mcp: Mcp,
    pins: Arc<mcp::Pins>,
    persona: Persona,
    driver: Arc<Script>,
    ports: TestPorts,
}

/// What a stage is made with.
#[derive(Default)]
struct Props {
    models: Option<ModelsConfig>,
    secrets: HashMap<(String, String), String>,
    day: Day,
    web: Option<Web>,
    memory: Option<Arc<dyn Memory>>,
    voice: Option<Arc<dyn Voice>>,
}

/// No way out: the practice site is nowhere.
fn nowhere() -> Egress {
    Egress::new(HostRules::default(), ([127, 0, 0, 1], 9).into())
}

impl Stage {
    fn new() -> Self {
        Self::with(Props::default())
    }

    fn with(props: Props) -> Self {
        let ports = TestPorts::obliging();
        let persona = testing::persona(&*ports.world, "jason");
        ports
            .store
            .seed(Commit { changes: vec![Change::PersonaCreated(Box::new(persona.clone()))], ..Commit::default() })
            .unwrap();
        let config = props.models.unwrap_or(ModelsConfig {
            default: UNDERSTUDY.into(),
            routes: BTreeMap::new(),
            providers: BTreeMap::new(),
        });
        let keyring = Arc::new(Secrets(props.secrets));
        let (root, driver) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
        let web = props.web.unwrap_or_else(|| Web { egress: nowhere(), search: None });
        let pins = Arc::new(mcp::Pins::default());
        let (egress, data_root) = (web.egress.clone(), root.path().to_path_buf());
        let mcp = Mcp::new(McpDeps { pins: pins.clone(), egress, keyring: keyring.clone(), data_root });
        let tools = Tools::new(ToolsDeps {
            records: ports.store.clone(),
            models: Models::new(&config, keyring.clone()).unwrap(),
            keyring,
            browser: driver.clone(),
            days: Arc::new(OneDay(props.day)),
            world: ports.world.clone(),
            web,
            mcp: mcp.clone(),
            memory: props.memory,
            voice: props.voice,
            data_root: root.path().to_path_buf(),
            own: registry::watched(root.path().to_path_buf()),
            isolations: Isolations::new(&Config::for_test(root.path()), ports.world.clone()),
        });
        Self { root, tools, mcp, pins, persona, driver, ports }
    }

    /// From now on it writes like this.
    fn becomes(&mut self, profile: Profile) {
        self.persona.profile = profile;
        let changes = vec![Change::PersonaUpdated(Box::new(self.persona.clone()))];
        self.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    }

    fn call(&self, step: &Step, index: StepIndex) -> Call {
        let goal = GoalId::from([1; 16]);
        Call {
            persona: self.persona.id,
            goal,
            run: RunId(self.ports.world.new_id()),
            step: index,
            tool: step.tool(),
            args: step.to_args(),
            effect: step.effect(),
            key: format!("{goal}:{index}"),
            page: None,
            trace: TraceId(self.ports.world.new_id()),
            limit: Duration::from_secs(60),
        }
    }

    async fn perform(&self, step: Step) -> Outcome {
        self.tools.perform(self.call(&step, 0), CancellationToken::new()).await
    }

    /// As a step of a goal whose plan has it in these words.
    async fn perform_as_written(&self, written: Step, step: Step) -> Outcome {
        let payload = Payload::Browser(StepsPayload { steps: vec![written] });
        let goal = Goal { payload, ..testing::goal(&*self.ports.world, self.persona.id) };
        let mut call = self.call(&step, 0);
        call.goal = goal.id;
        self.ports
            .store
            .seed(Commit { changes: vec![Change::GoalAdded(Box::new(goal))], ..Commit::default() })
            .unwrap();
        self.tools.perform(call, CancellationToken::new()).await
    }

    /// A path in the persona's folder.
    fn file(&self, path: &str) -> PathBuf {
        self.root.path().join(format!("personas/{}/files/{path}", self.persona.id))
    }
}

/// A browser that writes down what it was told and shows it back.
#[derive(Default)]
struct Script {
    told: Mutex<Vec<String>>,
}

impl Script {
    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn note(&self, text: String) {
        self.told.lock().unwrap().push(text);
    }
}

#[async_trait]
impl BrowserDriver for Script {
    async fn perform(
        &self,
        persona: &Persona,
        call: &Call,
        step: &Step,
        _hidden: &Hidden,
        _stop: CancellationToken,
    ) -> Outcome {
        let args = step.to_args().to_string();
        self.note(format!("{} {} {args}", persona.slug, call.tool));
        let seen = step
            .to_args()
            .as_object()
            .unwrap()
            .values()
            .filter_map(|value| value.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        Outcome::done(format!("did {seen}"), json!({"step": seen, "ok": true, "nested": [{"value": seen}]}))
    }

    async fn rest(&self, _persona: PersonaId) {
        self.note("rest".into());
    }

    async fn release(&self, _persona: PersonaId) {
        self.note("release".into());
    }
}

struct OneDay(Day);

#[async_trait]
impl DayBook for OneDay {
    async fn since(&self, _from_ms: i64) -> Result<Day, BoxError> {
        Ok(self.0.clone())
    }

    async fn own(&self, _persona: PersonaId, _from_ms: i64, _until_ms: i64) -> Result<Own, BoxError> {
        Ok(Own::default())
    }
}

fn error_text(outcome: &Outcome) -> &str {
    &outcome.error.as_ref().unwrap().text
}

#[test]
fn the_templates_know_the_site_they_are_for() {
    assert_eq!(greenroom::egress::REHEARSAL_HOST, greenroom::rehearsal::HOST);
    assert_eq!(templates::REHEARSAL_PASSWORD, greenroom::rehearsal::PASSWORD);
}
