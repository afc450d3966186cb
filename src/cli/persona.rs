//! `persona`: who there is.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    Ended, Misused,
    print::{self, Out},
    server::Server,
};

/// What can be done with personas.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a persona.
    New(Box<New>),
    /// List all personas.
    List,
    /// Show one persona.
    Show(Which),
    /// Set its time zone and when it is up; what is left out stays.
    Hours(Hours),
    /// Show what its day has of its quotas, or give it quotas of its own.
    Quotas(super::quotas::Quotas),
    /// Show, switch or change what its days are planned from.
    Plan(super::quotas::Plan),
    /// Give it examples of how it answers well; what it knows already is passed over.
    Learn(super::learning::Learn),
    /// Fit its profile to its examples: lengths, tone, formality, signature phrases.
    Train(super::learning::Train),
    /// Show the container that its own tools run in, or start it anew.
    Container(super::container::Container),
    /// Let a persona rest: its current step ends, then nothing begins until it is resumed.
    Pause(Which),
    /// Let a persona work again.
    Resume(Which),
}

/// One persona.
#[derive(Debug, Args)]
pub struct Which {
    /// Its slug or id.
    persona: String,
}

/// Where its days begin and end, and when in them it is up.
#[derive(Debug, Args)]
pub struct Hours {
    /// Its slug or id.
    persona: String,
    #[command(flatten)]
    up: Up,
}

/// A time zone and waking hours.
#[derive(Debug, Args)]
struct Up {
    /// IANA name of its time zone, such as Europe/Berlin.
    #[arg(long)]
    zone: Option<String>,
    /// When it gets up there, as HH:MM.
    #[arg(long, value_name = "HH:MM")]
    wakes: Option<String>,
    /// When it goes to sleep, as HH:MM; 24:00 is the end of the day.
    #[arg(long, value_name = "HH:MM")]
    sleeps: Option<String>,
}

impl Up {
    /// What was said; null: nothing.
    fn said(&self) -> Value {
        let said = [("zone", &self.zone), ("wakes", &self.wakes), ("sleeps", &self.sleeps)];
        let said: Map<_, _> =
            said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))).collect();
        if said.is_empty() { Value::Null } else { said.into() }
    }
}

/// A persona to be.
#[derive(Debug, Args)]
pub struct New {
    /// As people see it; may be left out with a preset.
    #[arg(required_unless_present = "preset")]
    name: Option<String>,
    /// jarvis, buddy or devbot: what is not said otherwise is taken from it.
    #[arg(long)]
    preset: Option<String>,
    /// Its name in addresses; without it, made from the name.
    #[arg(long)]
    slug: Option<String>,
    /// manager, worker, performer or friend.
    #[arg(long)]
    role: Option<String>,
    /// What it is there for, in a sentence.
    #[arg(long)]
    description: Option<String>,
    /// A host it may reach besides the practice site; may be given more than once.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Which model writes for it; without it, the configured default.
    #[arg(long)]
    model: Option<String>,
    /// Its share of the time when there is not enough for all, 0.1 to 10; without it, 1.
    #[arg(long, value_name = "SHARE")]
    weight: Option<f64>,
    /// How it writes, or `@FILE` that says so.
    #[arg(long, value_name = "TEXT")]
    style_primer: Option<String>,
    #[command(flatten)]
    up: Up,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::New(new) => {
                let persona = server.post(&["api", "personas"], &new.body()?).await?;
                out.answer(&persona, |persona| format!("created\n{}", card(persona)));
            }
            Self::List => {
                let found = server.get(&["api", "personas"], &[]).await?;
                out.answer(&found, list);
            }
            Self::Show(which) => {
                let mut persona = server.get(&["api", "personas", &which.persona], &[]).await?;
                persona["readiness"] = server.get(&["api", "personas", &which.persona, "readiness"], &[]).await?;
                out.answer(&persona, card);
            }
            Self::Quotas(quotas) => quotas.run(server, out).await?,
            Self::Plan(plan) => plan.run(server, out).await?,
            Self::Learn(learn) => learn.run(server, out).await?,
            Self::Train(train) => train.run(server, out).await?,
            Self::Hours(hours) => hours.set(server, out).await?,
            Self::Container(container) => container.run(server, out).await?,
            Self::Pause(which) => change(&which, "pause", server, out).await?,
            Self::Resume(which) => change(&which, "resume", server, out).await?,
        }
        Ok(Ended::Well)
    }
}

impl Hours {
    async fn set(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let path = ["api", "personas", &self.persona];
        let mut persona = server.get(&path, &[]).await?;
        if let Value::Object(hours) = self.up.said() {
            persona = server.patch(&path, &json!({"version": persona["version"], "hours": hours})).await?;
        }
        out.answer(&persona, card);
        Ok(())
    }
}

async fn change(which: &Which, verb: &str, server: &Server, out: Out) -> anyhow::Result<()> {
    let persona = server.post(&["api", "personas", &which.persona, verb], &json!({})).await?;
    out.answer(&persona, card);
    Ok(())
}

impl New {
    fn body(&self) -> anyhow::Result<Value> {
        let mut body = Map::from_iter([("hosts".to_owned(), json!(self.hosts))]);
        let optional = [
            ("name", &self.name),
            ("preset", &self.preset),
            ("slug", &self.slug),
            ("role", &self.role),
            ("description", &self.description),
            ("model", &self.model),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(weight) = self.weight {
            body.insert("weight".to_owned(), json!(weight));
        }
        if let Some(primer) = &self.style_primer {
            body.insert("profile".to_owned(), json!({ "style_primer": text_or_file(primer)? }));
        }
        match self.up.said() {
            Value::Null => {}
            hours => drop(body.insert("hours".to_owned(), hours)),
        }
        Ok(body.into())
    }
}

/// The text itself, or with `@` before it what the file of that name holds.
pub(super) fn text_or_file(text: &str) -> anyhow::Result<String> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    std::fs::read_to_string(file).map_err(|error| Misused(format!("cannot read {file}: {error}")).into())
}

/// What a list answers with.
pub(super) fn items(found: &Value) -> &[Value] {
    found["items"].as_array().or_else(|| found.as_array()).map_or(&[], Vec::as_slice)
}

/// A field as text; nothing when it is not there.
pub(super) fn text(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn list(found: &Value) -> String {
    let row = |persona: &Value| ["slug", "name", "role", "status"].map(|field| text(persona, field));
    match items(found) {
        [] => "no personas yet; create one with `greenroom persona new <name>`".to_owned(),
        some => print::table(["slug", "name", "role", "status"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}

fn card(persona: &Value) -> String {
    let fields = ["slug", "name", "role", "status", "description", "model", "weight", "hosts", "version", "id"];
    let row = |field: &&str| {
        (!persona[*field].is_null()).then(|| format!("{field:12} {}", print::plain(&text(persona, field))))
    };
    let hours = ["zone", "wakes", "sleeps"].map(|field| text(&persona["hours"], field));
    let hours = format!("{:12} {} to {}, {}", "up", hours[1], hours[2], hours[0]);
    let lacks = persona["readiness"]["missing"].as_array().into_iter().flatten();
    let lacks = lacks.map(|one| format!("{:12} {}", "missing", print::plain(&text(one, "text"))));
    fields.iter().filter_map(row).chain([hours]).chain(lacks).collect::<Vec<_>>().join("\n")
}
