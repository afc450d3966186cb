//! `tool`: what personas can use, and tools of one's own. Writing and trying one needs no server.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use actors::{
    domain::{PersonaId, is_tool_name},
    ports::World,
};
use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Ended, Misused,
    goal::json_or_file,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};
use crate::{
    config::Config,
    egress::{Egress, HostRules},
    tools::{
        containers::Home,
        isolation::Isolations,
        own::{self, Input, Language, OwnTool, Tried},
        registry,
        sandbox::{Held, way_out::WayOut},
    },
};

/// What can be done with tools.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List every tool, built in or own, and why one cannot be used.
    List(List),
    /// Let a persona use tools, by name or by kind. It holds from its next step on.
    Grant(Granted),
    /// Take tools away from a persona, by name or by kind. It holds from its next step on.
    Revoke(Granted),
    /// Write the beginning of an own tool, for everyone: a manifest and a program that work as they are.
    New(New),
    /// Run an own tool once, in its sandbox.
    Test(Test),
}

/// Which tools.
#[derive(Debug, Args)]
pub struct List {
    /// With this persona's own: slug or id.
    #[arg(long)]
    persona: Option<String>,
}

/// Tools of one persona.
#[derive(Debug, Args)]
pub struct Granted {
    /// Its slug or id.
    persona: String,
    /// Tools, or kinds of tools: browser, files, network, people, company, registry, own, mcp.
    #[arg(required = true)]
    names: Vec<String>,
    /// What holds for everybody holds for these again.
    #[arg(long)]
    reset: bool,
}

/// A tool to be.
#[derive(Debug, Args)]
pub struct New {
    /// Lower-case letters, digits and `_`.
    name: String,
    /// What it is written in.
    #[arg(long, value_enum, default_value = "python")]
    language: Language,
}

/// One run of a tool.
#[derive(Debug, Args)]
pub struct Test {
    name: String,
    /// Its arguments, as JSON or `@FILE`; those of its first example when left out.
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// In this persona's folder, with its own tools: slug or id. Else in an empty folder that is thrown away.
    #[arg(long)]
    persona: Option<String>,
}

impl Verb {
    /// Carries it out.
    pub async fn run(self, config: &Config, out: Out, world: Arc<dyn World>) -> anyhow::Result<Ended> {
        match self {
            Self::List(List { persona }) => {
                let found = Server::find(config)?.get(&["api", "tools"], &[("persona", persona)]).await?;
                out.answer(&found, |found| table(items(found)));
                Ok(Ended::Well)
            }
            Self::Grant(said) => said.run("grant", config, out).await,
            Self::Revoke(said) => said.run("revoke", config, out).await,
            Self::New(new) => new.write(config, out),
            Self::Test(test) => test.run(config, out, world).await,
        }
    }
}

impl Granted {
    async fn run(self, word: &str, config: &Config, out: Out) -> anyhow::Result<Ended> {
        let field = if self.reset { "reset" } else { word };
        let path = ["api", "personas", &self.persona, "tools"];
        let found = Server::find(config)?.patch(&path, &json!({ field: self.names })).await?;
        out.answer(&found, |found| table(items(found)));
        Ok(Ended::Well)
    }
}

fn table(tools: &[Value]) -> String {
    let row = |tool: &Value| {
        let about =
            tool["error"].as_str().map_or_else(|| text(tool, "description"), |error| format!("BROKEN: {error}"));
        let granted = match tool["granted"].as_bool() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let [name, from, kind, effect] = ["name", "from", "category", "effect"].map(|field| text(tool, field));
        [name, from, kind, granted.to_owned(), effect, about]
    };
    print::table(["name", "from", "kind", "granted", "effect", ""], &tools.iter().map(row).collect::<Vec<_>>())
}

impl New {
    fn write(&self, config: &Config, out: Out) -> anyhow::Result<Ended> {
        let name = &self.name;
        if !is_tool_name(name) {
            let why = "must be 1 to 40 lower-case letters, digits or `_`, and begin with a letter";
            return Err(Misused(format!("`{name}` {why}")).into());
        }
        let folder = config.data_root.join("tools").join(name);
        fs::create_dir_all(config.data_root.join("tools"))?;
        fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        for (file, content) in own::template_files(name, self.language) {
            let file = folder.join(file);
            fs::write(&file, content).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        out.answer(&json!({ "name": name, "folder": folder }), |_| {
            format!("{} works as it is: greenroom tool test {name}", folder.display())
        });
        Ok(Ended::Well)
    }
}

impl Test {
    async fn run(&self, config: &Config, out: Out, world: Arc<dyn World>) -> anyhow::Result<Ended> {
        let whose = match &self.persona {
            Some(persona) => Some(Whose::ask(config, persona).await?),
            None => None,
        };
        let tool = self.find(config, whose.as_ref())?;
        let arguments = self.arguments(&tool)?;
        let place = Place::of(config, whose).await?;
        let isolations = Isolations::new(config, world);
        let tried = place.try_out(config, &isolations, &tool, &arguments).await;
        isolations.containers.close().await;
        let (tried, held) = tried?;
        let ok = tried.value.is_ok();
        out.answer(&seen(&tool, &tried, &held), |seen| card(seen, &tried));
        Ok(Ended::well_if(ok))
    }

    fn find(&self, config: &Config, whose: Option<&Whose>) -> anyhow::Result<OwnTool> {
        let loaded = match whose {
            Some(Whose { id, slug, .. }) => registry::own_tools(&config.data_root, Some(own::Whose { id: *id, slug })),
            None => registry::own_tools(&config.data_root, None),
        };
        if let Some(tool) = loaded.named(&self.name) {
            return Ok(tool.clone());
        }
        match loaded.broken.iter().find(|broken| broken.name == self.name) {
            Some(broken) => bail!("{broken}"),
            None => bail!("there is no own tool `{}`: `greenroom tool new {0}` writes one", self.name),
        }
    }

    fn arguments(&self, tool: &OwnTool) -> anyhow::Result<Map<String, Value>> {
        let Some(text) = &self.args else {
            return Ok(tool.manifest.examples.first().map(|example| example.arguments.clone()).unwrap_or_default());
        };
        match json_or_file("--args", text)? {
            Value::Object(arguments) => Ok(arguments),
            _ => Err(Misused("`--args` must be a JSON object".to_owned()).into()),
        }
    }
}

/// A persona as the running server knows it.
struct Whose {
    id: PersonaId,
    slug: String,
    hosts: Vec<String>,
}

impl Whose {
    async fn ask(config: &Config, persona: &str) -> anyhow::Result<Self> {
        let found = Server::find(config)?.get(&["api", "personas", persona], &[]).await?;
        let id = text(&found, "id").parse().map_err(|_| anyhow!("the server names no persona"))?;
        let hosts = found["hosts"].as_array().into_iter().flatten();
        let hosts = hosts.filter_map(|host| host.as_str().map(str::to_owned)).collect();
        Ok(Self { id, slug: text(&found, "slug"), hosts })
    }
}

/// Where a tool is tried.
enum Place {
    /// While it is tried, no step of the persona writes there.
    Persona(own::Workspace, Whose),
    ThrownAway(Emptied),
}

impl Place {
    async fn of(config: &Config, whose: Option<Whose>) -> anyhow::Result<Self> {
        match whose {
            Some(whose) => Ok(Self::Persona(own::Workspace::of(&config.data_root, whose.id).await?, whose)),
            None => Ok(Self::ThrownAway(Emptied::new(&config.data_root)?)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Persona(workspace, _) => workspace.place(),
            Self::ThrownAway(emptied) => &emptied.workspace,
        }
    }

    /// By the persona's hosts; without one nobody is reached. The practice site is the server's: nobody reaches it from
    /// here.
    async fn way_out(&self, config: &Config) -> anyhow::Result<WayOut> {
        let hosts: &[String] = match self {
            Self::Persona(_, whose) => &whose.hosts,
            Self::ThrownAway(_) => &[],
        };
        let egress = Egress::new(HostRules::parse(&config.egress.allowed_hosts)?, ([127, 0, 0, 1], 9).into());
        Ok(WayOut::open(egress.gate(HostRules::parse(hosts)?).await?)?)
    }

    /// What came of it, and what held it while it ran.
    async fn try_out(
        &self,
        config: &Config,
        isolations: &Isolations,
        tool: &OwnTool,
        arguments: &Map<String, Value>,
    ) -> anyhow::Result<(Tried, Vec<Held>)> {
        let root = &config.data_root;
        let home = match self {
            Self::Persona(_, Whose { id, slug, .. }) => Home::of(root, own::Whose { id: *id, slug }),
            Self::ThrownAway(emptied) => Home::to_try(root, &emptied.folder),
        };
        let runner = isolations.of(&tool.manifest, home).await?;
        let held = runner.report().await?;
        let way_out = if tool.manifest.network { Some(self.way_out(config).await?) } else { None };
        let limit = tool.manifest.timeout;
        let told = Input { arguments, key: "a-try-by-hand", limit, way_out: way_out.as_ref() };
        let tried = own::try_out(&*runner, tool, &told, self.path(), &CancellationToken::new()).await?;
        Ok((tried, held))
    }
}

/// A folder with a workspace; both are gone when it is dropped.
struct Emptied {
    folder: PathBuf,
    workspace: PathBuf,
}

impl Emptied {
    fn new(data_root: &Path) -> anyhow::Result<Self> {
        let folder = data_root.join("tries").join(std::process::id().to_string());
        let workspace = folder.join("workspace");
        fs::create_dir_all(&workspace).with_context(|| format!("{} cannot be made", workspace.display()))?;
        Ok(Self { folder, workspace })
    }
}

impl Drop for Emptied {
    fn drop(&mut self) {
        // Left behind, it harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn seen(tool: &OwnTool, tried: &Tried, held: &[Held]) -> Value {
    let ran = &tried.ran;
    json!({
        "tool": tool.manifest.name,
        "ok": tried.value.is_ok(),
        "value": tried.value.as_ref().ok(),
        "error": tried.value.as_ref().err(),
        "exit": ran.end.told(),
        "container": ran.container.as_ref().map(|within| json!({ "image": within.image, "runtime": within.runtime })),
        "took_ms": u64::try_from(ran.took.as_millis()).unwrap_or(u64::MAX),
        "limits_hit": ran.hit,
        "network": tried.went.as_ref().map(|went| json!({ "reached": went.reached, "refused": went.refused })),
        "files": tried.files(),
        "stderr": ran.texts().1,
        "limits": {
            "timeout_ms": u64::try_from(tool.manifest.timeout.as_millis()).unwrap_or(u64::MAX),
            "memory_mb": tool.manifest.memory_mb,
            "in_force": held,
        },
    })
}

fn card(seen: &Value, tried: &Tried) -> String {
    let answer = match &tried.value {
        // JSON escapes what moves the cursor, but not all of it.
        Ok(value) => print::plain(&value.to_string()),
        Err(error) => format!("FAILED: {}", print::plain(error)),
    };
    let mut lines = vec![
        format!("answer   {answer}"),
        format!("exit     {}", seen["exit"]),
        format!("took     {} ms of {}", seen["took_ms"], seen["limits"]["timeout_ms"]),
        format!("memory   {} MB at most", seen["limits"]["memory_mb"]),
    ];
    if !tried.files().is_empty() {
        lines.push(format!("wrote    {}", print::plain(&tried.files().join(", "))));
    }
    if let Some(went) = &tried.went {
        let list =
            |names: &[String]| if names.is_empty() { "nobody".to_owned() } else { print::plain(&names.join(", ")) };
        lines.push(format!("reached  {}", list(&went.reached)));
        lines.extend(went.refused.iter().map(|refused| format!("refused  {}", print::plain(refused))));
    }
    let (_, errors) = tried.ran.texts();
    if !errors.trim().is_empty() {
        lines.push(format!("stderr   {}", print::short(&errors, 400)));
    }
    for held in seen["limits"]["in_force"].as_array().into_iter().flatten() {
        let mark = if held["in_force"] == true { "held" } else { "NOT " };
        lines.push(format!("{mark}     {}: {}", text(held, "what"), text(held, "how")));
    }
    lines.join("\n")
}
