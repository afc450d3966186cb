//! The steps `tool_search` and `tool_describe` of a persona, and the way to a call, with every tool in a folder of its own.

use std::{fs, path::Path, sync::Arc, time::Duration};

use actors::{
    domain::{Call, Effect, GoalId, McpPin, Outcome, Persona, PersonaId, RunId, Step, TraceId},
    ports::{BoxError, Change, Commit, Performer as _, World as _},
    testing::{self, TestPorts},
};
use anyhow::ensure;
use async_trait::async_trait;
use greenroom::{
    config::{Config, ModelsConfig},
    egress::{Egress, HostRules},
    models::{Keyring, Models, UNDERSTUDY},
    secrets::{Hidden, SecretText},
    tools::{
        BrowserDriver, Day, DayBook, Own, Tools, ToolsDeps, Web,
        isolation::Isolations,
        mcp::{Mcp, McpDeps, PinBook},
        registry,
    },
};
use serde_json::{Map, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::report::{Aim, Line, Report};

const SEARCHES: usize = 300;
const CHANGES: usize = 50;
/// Milliseconds of the slowest search in a hundred.
const AIM: f64 = 5.0;

/// Name, description and keywords of a tool.
type Made = (String, String, Vec<String>);

/// Adds the lines.
pub fn measure(report: &mut Report, made: &[Made], query: impl Fn(usize) -> String) -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    for tool in made {
        put(root.path(), tool)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let place = Place::new(root.path())?;
    let whole = [
        (format!("the whole step of it, {} folders on disk", made.len()), Some(AIM)),
        ("the whole step that describes one".to_owned(), Some(AIM)),
        ("a call, up to where it would be run".to_owned(), Some(AIM)),
        ("the whole step of a search, a manifest written before each".to_owned(), None),
    ];
    let mut steps = Steps { first: Duration::ZERO, took: Default::default() };
    runtime.block_on(place.steps(made, query, &mut steps))?;
    for ((what, aim), took) in whole.into_iter().zip(&mut steps.took) {
        took.sort_unstable();
        for (percentile, aim) in [(50, None), (99, aim)] {
            let value = ms(took.get(took.len() * percentile / 100).copied().unwrap_or_default());
            report.add(Line {
                what: format!("{what}, p{percentile} of {}", took.len()),
                figure: format!("{value:.2} ms"),
                ratio: None,
                aim: aim.map_or(Aim::None, |aim| Aim::AtMost { aim, value }),
            });
        }
    }
    report.add(Line {
        what: "its first, which reads every manifest".to_owned(),
        figure: format!("{:.0} ms", ms(steps.first)),
        ratio: None,
        aim: Aim::None,
    });
    Ok(())
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// How long each took: searches, descriptions, calls, searches after a change.
struct Steps {
    first: Duration,
    took: [Vec<Duration>; 4],
}

fn put(root: &Path, (name, about, keywords): &Made) -> anyhow::Result<()> {
    let folder = root.join("tools").join(name);
    fs::create_dir_all(&folder)?;
    let manifest = format!(
        "name = {name:?}\ndescription = {about:?}\ncommand = [\"true\"]\neffect = \"pure\"\nkeywords = {keywords:?}\n\
         [parameters]\ntype = \"object\"\nrequired = [\"text\"]\nadditionalProperties = false\n\
         [parameters.properties.text]\ntype = \"string\"\ndescription = \"What it is about.\"\n"
    );
    Ok(fs::write(folder.join("tool.toml"), manifest)?)
}

/// A persona at work beside its tools.
struct Place<'a> {
    root: &'a Path,
    ports: TestPorts,
    persona: Persona,
    tools: Tools,
}

impl<'a> Place<'a> {
    fn new(root: &'a Path) -> anyhow::Result<Self> {
        let ports = TestPorts::obliging();
        let persona = testing::persona(&*ports.world, "ada");
        let changes = vec![Change::PersonaCreated(Box::new(persona.clone()))];
        ports.store.seed(Commit { changes, ..Commit::default() })?;
        let tools = tools(root, &ports)?;
        Ok(Self { root, ports, persona, tools })
    }

    async fn steps(&self, made: &[Made], query: impl Fn(usize) -> String, steps: &mut Steps) -> anyhow::Result<()> {
        let search = |round| Step::ToolSearch { query: query(round) };
        let found = |outcome: &Outcome| outcome.data["tools"].as_array().map_or(0, Vec::len);
        let Steps { first, took: [searches, descriptions, calls, after] } = steps;
        for round in 0..=SEARCHES {
            let name = &made[round * 7_919 % made.len()].0;
            let (outcome, took) = self.perform(&search(round)).await;
            ensure!(found(&outcome) == 8, "{outcome:?}");
            if round == 0 {
                *first = took;
                continue;
            }
            searches.push(took);
            let (outcome, took) = self.perform(&Step::ToolDescribe { name: name.clone() }).await;
            ensure!(found(&outcome) == 1, "{outcome:?}");
            descriptions.push(took);
            // It is not what the manifest says, so it is looked up and not run.
            let (args, effect) = (Map::new(), Effect::Read);
            let step =
                Step::Tool { name: name.clone(), args, effect, outreach: false, save_as: None, timeout_ms: None };
            let (outcome, took) = self.perform(&step).await;
            let refused = format!("{outcome:?}").contains("its manifest says pure");
            ensure!(refused, "{name} was not looked up");
            calls.push(took);
        }
        for (round, (name, about, keywords)) in made.iter().enumerate().take(CHANGES) {
            put(self.root, &(name.clone(), format!("{about} Changed."), keywords.clone()))?;
            let (outcome, took) = self.perform(&search(round)).await;
            ensure!(found(&outcome) == 8, "{outcome:?}");
            after.push(took);
        }
        Ok(())
    }

    async fn perform(&self, step: &Step) -> (Outcome, Duration) {
        let call = call(&self.persona, &self.ports, step);
        let began = Instant::now();
        let outcome = self.tools.perform(call, CancellationToken::new()).await;
        (outcome, began.elapsed())
    }
}

fn call(persona: &Persona, ports: &TestPorts, step: &Step) -> Call {
    Call {
        persona: persona.id,
        goal: GoalId(ports.world.new_id()),
        run: RunId(ports.world.new_id()),
        step: 0,
        tool: step.tool(),
        args: step.to_args(),
        effect: step.effect(),
        key: String::new(),
        page: None,
        trace: TraceId(ports.world.new_id()),
        limit: Duration::from_secs(60),
    }
}

fn tools(root: &Path, ports: &TestPorts) -> anyhow::Result<Tools> {
    let config = ModelsConfig { default: UNDERSTUDY.into(), routes: Default::default(), providers: Default::default() };
    let egress = Egress::new(HostRules::default(), ([127, 0, 0, 1], 9).into());
    let (keyring, data_root) = (Arc::new(Nothing), root.to_path_buf());
    let mcp = Mcp::new(McpDeps {
        pins: Arc::new(Nothing),
        egress: egress.clone(),
        keyring: keyring.clone(),
        data_root: data_root.clone(),
    });
    Ok(Tools::new(ToolsDeps {
        records: ports.store.clone(),
        models: Models::new(&config, keyring.clone())?,
        keyring,
        browser: Arc::new(Nothing),
        days: Arc::new(Nothing),
        world: ports.world.clone(),
        web: Web { egress, search: None },
        mcp,
        own: registry::watched(data_root.clone()),
        data_root,
        isolations: Isolations::new(&Config::for_test(root), ports.world.clone()),
        memory: None,
        voice: None,
    }))
}

/// No secrets, no browser, no day, nothing confirmed.
struct Nothing;

#[async_trait]
impl Keyring for Nothing {
    async fn open(&self, _owner: &str, _name: &str) -> Result<Option<SecretText>, BoxError> {
        Ok(None)
    }

    async fn all(&self, _owner: &str) -> Result<Vec<(String, SecretText)>, BoxError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl PinBook for Nothing {
    async fn pins(&self, _servers: &[String]) -> Result<Vec<McpPin>, BoxError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl BrowserDriver for Nothing {
    async fn perform(&self, _: &Persona, _: &Call, _: &Step, _: &Hidden, _: CancellationToken) -> Outcome {
        Outcome::done("did nothing", json!({}))
    }

    async fn rest(&self, _: PersonaId) {}

    async fn release(&self, _: PersonaId) {}
}

#[async_trait]
impl DayBook for Nothing {
    async fn since(&self, _: i64) -> Result<Day, BoxError> {
        Ok(Day::default())
    }

    async fn own(&self, _: PersonaId, _: i64, _: i64) -> Result<Own, BoxError> {
        Ok(Own::default())
    }
}
