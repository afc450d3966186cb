//! `tool`: what personas can use, and tools of one's own. Writing and trying one needs no server.

use std::{fs, sync::Arc, time::Duration};

use actors::{domain::is_tool_name, ports::World};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    Ended, Misused,
    announcement::Announcement,
    goal::json_or_file,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};
use crate::{
    config::Config,
    secrets::Hidden,
    tools::{
        isolation::Isolations,
        own::{self, Language, OwnTool},
        registry,
    },
};

/// The longest limit of a tool, and what may be waited for before it begins.
const LONGEST_TRY: Duration = Duration::from_secs(300);

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
    /// Tools, or kinds of tools: browser, files, network, people, company, memory, voice, registry, own,
    /// mcp.
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
    /// The tool's name.
    name: String,
    /// Its arguments, as JSON or `@FILE`; those of its first example when left out.
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// In this persona's folder, with its own tools and hosts: slug or id. Else in an empty folder that is thrown away, and
    /// without network.
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
        let broken = tool["error"].as_str().map(|error| format!("BROKEN: {error}"));
        let lacks = || tool["unavailable"].as_str().map(|why| format!("NOT AVAILABLE: {why}"));
        let about = broken.or_else(lacks).unwrap_or_else(|| text(tool, "description"));
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
    /// By the running server, which puts it on record; where none runs, here.
    async fn run(&self, config: &Config, out: Out, world: Arc<dyn World>) -> anyhow::Result<Ended> {
        let seen = match (Announcement::read(&config.data_root), &self.persona) {
            (Ok(None), None) => self.here(config, world).await?,
            _ => self.there(config).await?,
        };
        out.answer(&seen, card);
        Ok(Ended::well_if(seen["ok"] == true))
    }

    async fn there(&self, config: &Config) -> anyhow::Result<Value> {
        let arguments = self.args.as_deref().map(|text| json_or_file("--args", text)).transpose()?;
        let body = json!({ "arguments": arguments, "persona": self.persona, "sure": true });
        Server::find_patient(config, LONGEST_TRY)?.post(&["api", "tools", &self.name, "test"], &body).await
    }

    async fn here(&self, config: &Config, world: Arc<dyn World>) -> anyhow::Result<Value> {
        let tool = self.find(config)?;
        let arguments = self.arguments(&tool)?;
        let isolations = Isolations::new(config, world);
        let bench = own::Bench::new(config.data_root.clone(), isolations.clone(), None);
        let mark = format!("by-hand-{}", std::process::id());
        let known = Hidden::default();
        let trying = own::Trying { arguments: &arguments, persona: None, known: &known, mark: &mark };
        let tried = bench.try_out(&tool, trying).await;
        isolations.containers.close().await;
        Ok(serde_json::to_value(tried?.1)?)
    }

    fn find(&self, config: &Config) -> anyhow::Result<OwnTool> {
        let loaded = registry::own_tools(&config.data_root, None);
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

fn card(seen: &Value) -> String {
    let answer = match seen["error"].as_str() {
        // JSON escapes what moves the cursor, but not all of it.
        None => print::plain(&seen["value"].to_string()),
        Some(error) => format!("FAILED: {}", print::plain(error)),
    };
    let mut lines = vec![
        format!("answer   {answer}"),
        format!("exit     {}", seen["exit"]),
        format!("took     {} ms of {}", seen["took_ms"], seen["limits"]["timeout_ms"]),
        format!("memory   {} MB at most", seen["limits"]["memory_mb"]),
    ];
    let words =
        |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let lists = [("hit", "limits_hit"), ("wrote", "files"), ("reached", "reached"), ("refused", "refused")];
    for (label, list) in lists.map(|(label, field)| (label, &seen[field])) {
        let named = words(list);
        if !named.is_empty() {
            lines.push(format!("{label:<9}{}", print::plain(&named)));
        }
    }
    if let Some(why) = seen["no_network"].as_str() {
        lines.push(format!("network  none: {why}"));
    }
    let errors = text(seen, "stderr");
    if !errors.trim().is_empty() {
        lines.push(format!("stderr   {}", print::short(&errors, 400)));
    }
    for held in seen["limits"]["in_force"].as_array().into_iter().flatten() {
        let mark = if held["in_force"] == true { "held" } else { "NOT " };
        lines.push(format!("{mark}     {}: {}", text(held, "what"), text(held, "how")));
    }
    lines.join("\n")
}
