//! The step `tool_search` of a persona, with every tool in a folder of its own.

use std::{fs, path::Path, sync::Arc, time::Duration};

use actors::{
    domain::{Call, GoalId, McpPin, Outcome, Persona, PersonaId, RunId, Step, TraceId},
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
    },
};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::report::{Aim, Line, Report};

const SEARCHES: usize = 300;
/// Milliseconds of the slowest search in a hundred.
const AIM: f64 = 5.0;

/// Adds the lines; `made` are name, description and keywords of each tool.
pub fn measure(
    report: &mut Report,
    made: &[(String, String, Vec<String>)],
    query: impl Fn(usize) -> String,
) -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    for tool in made {
        put(root.path(), tool)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (first, mut took) = runtime.block_on(searches(root.path(), query))?;
    took.sort_unstable();
    let ms = |took: Duration| took.as_secs_f64() * 1_000.0;
    for (percentile, aim) in [(50, false), (99, true)] {
        let value = ms(took.get(took.len() * percentile / 100).copied().unwrap_or_default());
        report.add(Line {
            what: format!("the whole step of it, {} folders looked at, p{percentile} of {SEARCHES}", made.len()),
            figure: format!("{value:.2} ms"),
            ratio: None,
            aim: if aim { Aim::AtMost { aim: AIM, value } } else { Aim::None },
        });
    }
    report.add(Line {
        what: "its first, which reads every manifest".to_owned(),
        figure: format!("{:.0} ms", ms(first)),
        ratio: None,
        aim: Aim::None,
    });
    Ok(())
}

fn put(root: &Path, (name, about, keywords): &(String, String, Vec<String>)) -> anyhow::Result<()> {
    let folder = root.join("tools").join(name);
    fs::create_dir_all(&folder)?;
    let manifest = format!(
        "name = {name:?}\ndescription = {about:?}\ncommand = [\"true\"]\neffect = \"pure\"\nkeywords = {keywords:?}\n\
         [parameters]\ntype = \"object\"\nrequired = [\"text\"]\nadditionalProperties = false\n\
         [parameters.properties.text]\ntype = \"string\"\ndescription = \"What it is about.\"\n"
    );
    Ok(fs::write(folder.join("tool.toml"), manifest)?)
}

async fn searches(root: &Path, query: impl Fn(usize) -> String) -> anyhow::Result<(Duration, Vec<Duration>)> {
    let ports = TestPorts::obliging();
    let persona = testing::persona(&*ports.world, "ada");
    let changes = vec![Change::PersonaCreated(Box::new(persona.clone()))];
    ports.store.seed(Commit { changes, ..Commit::default() })?;
    let tools = tools(root, &ports)?;
    let (mut first, mut took) = (None, Vec::with_capacity(SEARCHES));
    for round in 0..=SEARCHES {
        let call = call(&persona, &ports, &Step::ToolSearch { query: query(round) });
        let began = Instant::now();
        let outcome = tools.perform(call, CancellationToken::new()).await;
        let one = began.elapsed();
        ensure!(outcome.data["tools"].as_array().is_some_and(|found| found.len() == 8), "{outcome:?}");
        match first {
            None => first = Some(one),
            Some(_) => took.push(one),
        }
    }
    Ok((first.unwrap_or_default(), took))
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
