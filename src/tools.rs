//! What personas can do: the one performer behind every call.
//!
//! A call names its tool and carries its step. Here it is carried out, and what was observed is reported; whether that
//! is enough is for the broker to say. Texts in a step have their `{{placeholders}}` filled already;
//! `${secret:name}` is filled here, after the intent is on disk, so that no receipt ever holds a secret.
//!
//! **What an outcome says.** `not_begun` only while nothing has left our hands, `done` when the result is known,
//! `unknown` else.

pub mod added;
mod builtin;
pub mod containers;
mod days;
mod driver;
mod fitted;
mod folder;
pub mod isolation;
pub mod mcp;
pub mod own;
mod placeholders;
pub mod registry;
pub mod rollback;
pub mod sandbox;
pub mod search;
mod shelves;
pub mod templates;
mod told;
mod toolbox;

use std::{path::PathBuf, sync::Arc, time::Duration};

use actors::{
    domain::{
        ArtifactKind, Bound, Call, Effect, MCP_PREFIX, Outcome, Payload, Persona, PersonaId, Step, StepError,
        is_outreach,
    },
    ports::{Performer, Records, World},
};
use async_trait::async_trait;
use serde::Deserialize as _;
use serde_json::{Map, Value};
use tokio::{task::spawn_blocking, time::Instant};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use builtin::digest::{Digest, Number, receipt_address};
pub use days::{Day, DayBook, Line, Own};
pub use driver::BrowserDriver;
pub use fitted::Fitted;

use crate::{
    egress::{Egress, HostRules},
    memory::Memory,
    models::{Keyring, Models, Request, composing, secrets_of},
    secrets::Hidden,
    voice::Voice,
};

use builtin::think::Asked;
use containers::Home;
use isolation::Isolations;
use mcp::Mcp;
use own::{Going, Loaded, OwnTool, OwnTools, Whose};
use registry::All;
use shelves::Shelves;

/// What the tools stand on.
#[derive(Clone)]
pub struct ToolsDeps {
    pub records: Arc<dyn Records>,
    pub keyring: Arc<dyn Keyring>,
    pub models: Models,
    pub browser: Arc<dyn BrowserDriver>,
    pub days: Arc<dyn DayBook>,
    pub world: Arc<dyn World>,
    pub web: Web,
    pub mcp: Mcp,
    /// None: nobody remembers anything.
    pub memory: Option<Arc<dyn Memory>>,
    /// None: nobody speaks.
    pub voice: Option<Arc<dyn Voice>>,
    /// Personas' folders lie below `<data root>/personas`.
    pub data_root: PathBuf,
    /// What lies in folders of tools.
    pub own: OwnTools,
    /// What own tools run in.
    pub isolations: Isolations,
}

/// The ways to the web that are not the browser's.
#[derive(Debug, Clone)]
pub struct Web {
    /// Holds every request of a persona to its host rules.
    pub egress: Egress,
    /// The operator's search engine; none: nobody searches.
    pub search: Option<Url>,
}

/// The performer of a running company.
pub struct Tools {
    deps: ToolsDeps,
    shelves: Arc<Shelves>,
}

/// An own tool as a step calls it.
struct OwnCall<'a> {
    name: &'a str,
    args: &'a Map<String, Value>,
    effect: Effect,
    outreach: bool,
}

impl OwnCall<'_> {
    /// Why it is not as the tool is declared: what a step says of itself is what the broker judged it by.
    fn differs(&self, declared: &own::Manifest, who: &str) -> Option<String> {
        let (name, effect, says) = (self.name, self.effect, declared.effect);
        if effect != says {
            return Some(format!("the step calls {name} {effect}, but its {who} says {says}: correct the goal"));
        }
        let hides = declared.outreach && !self.outreach && !is_outreach(name);
        hides.then(|| format!("{name} writes to strangers, its {who} says: the step must say `\"outreach\": true`"))
    }
}

impl Tools {
    /// Opens nothing yet.
    pub fn new(deps: ToolsDeps) -> Self {
        Self { deps, shelves: Arc::default() }
    }

    /// What the tools stand on here.
    pub const fn fitted(&self) -> Fitted {
        let ToolsDeps { web, memory, voice, .. } = &self.deps;
        Fitted { search_engine: web.search.is_some(), memory: memory.is_some(), voice: voice.is_some() }
    }

    /// What a tool stands on, or why it is not there.
    fn stands_on<T>(&self, tool: &str, part: Option<T>) -> Result<T, &'static str> {
        part.ok_or_else(|| self.fitted().lack(tool).unwrap_or("what it stands on is not there"))
    }

    async fn carry_out(&self, call: &Call, known: &Hidden, stop: CancellationToken) -> Outcome {
        let (step, persona) = match self.prepare(call).await {
            Ok(ready) => ready,
            Err(error) => return Outcome::not_begun(format!("could not begin {}", call.tool), error),
        };
        match step {
            step if step.file_path().is_some() => builtin::files::keep(&self.deps.data_root, call, step).await,
            step @ (Step::ReadFile { .. } | Step::ListFiles { .. }) => {
                let saves = step.saves_as().is_some();
                let looked = builtin::file_looks::look(&self.deps.data_root, call, step).await;
                if saves { with_value(looked) } else { looked }
            }
            Step::Compose { prompt, save_as, length, model } => {
                let model = model.as_deref();
                let request = Request { persona: &persona, prompt: &prompt, length, model, limit: call.limit };
                let composed = builtin::compose::compose(&self.deps.models, request, &save_as);
                builtin::compose::with_prompt(unless_stopped(call, &stop, composed).await, &composing(&request))
            }
            step @ Step::Think { .. } => {
                let own = self.added(&persona).await;
                match Asked::of(step, &persona, own, self.fitted()) {
                    Some(asked) => {
                        let request = asked.request();
                        let thought = builtin::think::think(&self.deps.models, asked, call.limit);
                        builtin::compose::with_prompt(unless_stopped(call, &stop, thought).await, &request)
                    }
                    None => Outcome::not_begun("asked nobody", StepError::permanent("it is no question to a model")),
                }
            }
            Step::ToolSearch { .. } | Step::ToolDescribe { .. } => self.look_up(&persona, &step).await,
            step @ (Step::Fetch { .. } | Step::WebSearch { .. } | Step::RagSearch { .. } | Step::Speak { .. }) => {
                unless_stopped(call, &stop, self.ask(&persona, step, call.limit)).await
            }
            Step::DailyReport { save_as, from_ms: Some(from_ms), until_ms: Some(until_ms) } => {
                let span = builtin::digest::Span { from_ms, until_ms };
                let digest = builtin::digest::digest(&*self.deps.days, &persona, span, &save_as);
                unless_stopped(call, &stop, digest).await
            }
            Step::DailyReport { save_as, .. } => {
                let deps = &self.deps;
                let report = builtin::report::report(&*deps.days, deps.world.now_ms(), &save_as);
                unless_stopped(call, &stop, report).await
            }
            Step::Tool { name, args, effect, outreach, .. } => {
                let wanted = OwnCall { name: &name, args: &args, effect, outreach };
                self.own_tool(&persona, call, wanted, &stop).await
            }
            step => self.in_browser(&persona, call, step, known, stop).await,
        }
    }

    /// Asks the web, its memory or its voice. A plan's later steps may use the text that came.
    async fn ask(&self, persona: &Persona, step: Step, limit: Duration) -> Outcome {
        let deps = &self.deps;
        let saves = step.saves_as().is_some();
        let outcome = match step {
            Step::Fetch { url, post, content_type, .. } => {
                let (post, content_type) = (post.as_deref(), content_type.as_deref());
                let asked = builtin::fetch::Asked { url: &url, post, content_type };
                builtin::fetch::fetch(&deps.web.egress, persona, asked, limit).await
            }
            Step::WebSearch { query, .. } => {
                let engine = self.stands_on("web_search", deps.web.search.as_ref());
                builtin::web_search::search(engine, &query, limit).await
            }
            Step::RagSearch { query, .. } => {
                let memory = self.stands_on("rag_search", deps.memory.as_deref());
                builtin::rag_search::search(memory, persona.id, &query).await
            }
            Step::Speak { text } => {
                let voice = self.stands_on("speak", deps.voice.as_deref());
                builtin::speak::speak(voice, persona, &text, limit).await
            }
            step => Outcome::not_begun("asked nobody", StepError::permanent(format!("{} asks nobody", step.tool()))),
        };
        if saves { with_value(outcome) } else { outcome }
    }

    /// What there is beside the built-in tools: own ones, and those of MCP servers that people confirmed.
    async fn added(&self, persona: &Persona) -> Arc<[OwnTool]> {
        let own = self.own_tools(persona, None).await.tools.clone();
        match self.deps.mcp.offered(Some(persona)).await {
            confirmed if confirmed.is_empty() => own,
            confirmed => own.iter().cloned().chain(confirmed).collect(),
        }
    }

    /// With `to_call`, that one is looked at whatever is known of it. Looks at folders, so it is done beside.
    async fn own_tools(&self, persona: &Persona, to_call: Option<&str>) -> Arc<Loaded> {
        let (own, id, slug) = (self.deps.own.clone(), persona.id, persona.slug.to_string());
        let to_call = to_call.map(str::to_owned);
        let looked = spawn_blocking(move || {
            let whose = Some(Whose { id, slug: &slug });
            to_call.map_or_else(|| own.of(whose), |name| own.to_call(whose, &name))
        });
        looked.await.unwrap_or_default()
    }

    /// Tools by words, or one of them.
    async fn look_up(&self, persona: &Persona, step: &Step) -> Outcome {
        let confirmed = self.deps.mcp.offered(Some(persona)).await;
        let (own, shelves, fitted) = (self.deps.own.clone(), self.shelves.clone(), self.fitted());
        let (persona, step) = (persona.clone(), step.clone());
        let looked = spawn_blocking(move || {
            let own = own.of(Some(Whose::from(&persona)));
            let all = All { own: &own, confirmed: &confirmed, persona: Some(&persona), fitted };
            match &step {
                Step::ToolDescribe { name } => builtin::lookup::describe(&all, &persona, name),
                Step::ToolSearch { query } => {
                    builtin::lookup::search(&all, &shelves.index(Some(persona.id), &own, &all), query)
                }
                _ => Outcome::not_begun("looked nothing up", StepError::permanent("it is no question about tools")),
            }
        });
        looked
            .await
            .unwrap_or_else(|error| Outcome::not_begun("looked nothing up", StepError::permanent(error.to_string())))
    }

    /// The step and whom it is for. Nothing is done yet.
    async fn prepare(&self, call: &Call) -> Result<(Step, Persona), StepError> {
        let step = Step::deserialize(&call.args)
            .map_err(|error| StepError::permanent(format!("the arguments of {} cannot be read: {error}", call.tool)))?;
        if step.tool() != call.tool {
            let text = format!("the call names {} but its arguments are a step of {}", call.tool, step.tool());
            return Err(StepError::permanent(text));
        }
        match self.deps.records.persona(call.persona).await {
            Ok(Some(persona)) => Ok((step, persona)),
            Ok(None) => Err(StepError::permanent(format!("there is no persona {}", call.persona))),
            Err(error) => Err(StepError::retryable(format!("the persona could not be read: {error}; try later"))),
        }
    }

    /// Looked at anew for each call, so that a tool can be put there or taken away while the company works.
    async fn own_tool(&self, persona: &Persona, call: &Call, wanted: OwnCall<'_>, stop: &CancellationToken) -> Outcome {
        if wanted.name.starts_with(MCP_PREFIX) {
            return Box::pin(self.deps.mcp.call(persona, call, wanted, stop)).await;
        }
        let not_begun = |error| Outcome::not_begun(format!("did not run {}", call.tool), error);
        let loaded = self.own_tools(persona, Some(wanted.name)).await;
        let OwnCall { name, args, .. } = wanted;
        let Some(tool) = loaded.named(name) else {
            let broken = loaded.broken.iter().find(|broken| broken.name == name);
            let text = broken.map_or_else(
                || format!("there is no own tool `{name}` for {}; see `greenroom tool list`", persona.slug),
                ToString::to_string,
            );
            return not_begun(StepError::permanent(text));
        };
        if let Some(text) = wanted.differs(&tool.manifest, "manifest") {
            return not_begun(StepError::permanent(text));
        }
        let home = Home::of(&self.deps.data_root, persona.into());
        let begun = Instant::now();
        let going = Going { persona, tool, arguments: args };
        let way_out = match own::way_out(&self.deps.web.egress, going, call.limit / 2, stop).await {
            Ok(way_out) => way_out,
            Err(error) => return not_begun(error),
        };
        let call = &Call { limit: call.limit.saturating_sub(begun.elapsed()), ..call.clone() };
        match self.deps.isolations.of(&tool.manifest, home).await {
            Ok(runner) => own::perform(&*runner, tool, args, call, &self.deps.data_root, way_out, stop).await,
            Err(error) => not_begun(StepError::retryable(error.to_string())),
        }
    }

    async fn in_browser(
        &self,
        persona: &Persona,
        call: &Call,
        step: Step,
        known: &Hidden,
        stop: CancellationToken,
    ) -> Outcome {
        let written = self.written(call, &step).await;
        match written.and_then(|written| placeholders::fill(step, written.as_ref(), known)) {
            Ok(step) => self.deps.browser.perform(persona, call, &step, known, stop).await,
            Err(error) => Outcome::not_begun(format!("could not fill in the step for {}", call.tool), error),
        }
    }

    /// All that the persona may use, read anew for each call: nothing can be typed that is not hidden, whenever and by
    /// whomever it got onto a page.
    async fn known(&self, persona: PersonaId) -> Result<Hidden, StepError> {
        secrets_of(&*self.deps.keyring, persona).await.map_err(|error| {
            StepError::retryable(format!("the secrets could not be read: {error}; see `greenroom doctor`"))
        })
    }

    /// The step as it stands in the plan, looked up only when it matters: when a secret is mentioned. An agent has no
    /// plan: its goal says which secrets it may have typed, and where.
    async fn written(&self, call: &Call, step: &Step) -> Result<Option<Step>, StepError> {
        if !placeholders::mentions_secret(step) {
            return Ok(None);
        }
        let goal = self.deps.records.goal(call.goal).await;
        let goal =
            goal.map_err(|error| StepError::retryable(format!("the goal could not be read: {error}; try later")))?;
        let Some(goal) = goal else { return Ok(None) };
        if let Payload::Agent(agent) = &goal.payload {
            return placeholders::check_agent(step, &agent.secrets, call.page.as_deref()).map(|()| Some(step.clone()));
        }
        let index = usize::try_from(call.step).unwrap_or(usize::MAX);
        Ok(goal.payload.steps().into_iter().nth(index))
    }
}

#[async_trait]
impl Performer for Tools {
    async fn perform(&self, call: Call, stop: CancellationToken) -> Outcome {
        if stop.is_cancelled() {
            return Outcome::not_begun(
                format!("stopped before {}", call.tool),
                StepError::retryable("the run was stopped before the step began"),
            );
        }
        let begun = Instant::now();
        let outcome = match self.known(call.persona).await {
            Ok(known) => placeholders::masked(self.carry_out(&call, &known, stop).await, &known),
            Err(error) => Outcome::not_begun(format!("could not begin {}", call.tool), error),
        };
        tracing::debug!(persona = %call.persona, tool = %call.tool, ended = %outcome.ended, took = ?begun.elapsed(), "{} ended {}", call.tool, outcome.ended);
        outcome
    }

    async fn bound(&self, call: &Call) -> Result<Option<Bound>, StepError> {
        if !matches!(&*call.tool, "compose" | "think" | "speak") {
            return Ok(None);
        }
        let (step, persona) = self.prepare(call).await?;
        let models = &self.deps.models;
        let bound = match step {
            Step::Compose { prompt, length, model, .. } => {
                let (prompt, model) = (&*prompt, model.as_deref());
                models.compose_bound(&Request { persona: &persona, prompt, length, model, limit: call.limit })
            }
            Step::Speak { text } => {
                let Some(voice) = &self.deps.voice else { return Ok(None) };
                return builtin::speak::bound(&**voice, &persona, &text).map(some_cost);
            }
            step => {
                let own = self.added(&persona).await;
                let Some(asked) = Asked::of(step, &persona, own, self.fitted()) else {
                    return Ok(None);
                };
                models.bound(&persona, &asked.request())
            }
        };
        bound.map(some_cost).map_err(|error| StepError::permanent(error.to_string()))
    }

    async fn look(&self, call: &Call) -> Result<Option<Value>, StepError> {
        let (step, persona) = self.prepare(call).await?;
        if !step.is_browser() {
            return Ok(None);
        }
        let known = self.known(persona.id).await?;
        self.deps.browser.look(&persona, call, &step, &known).await.map(Some)
    }

    async fn keeps_out(&self, persona: PersonaId, address: &str) -> bool {
        let Ok(Some(persona)) = self.deps.records.persona(persona).await else { return false };
        let rules = HostRules::parse(&persona.hosts);
        rules.is_ok_and(|rules| self.deps.web.egress.check_url(&rules, address).is_err())
    }

    async fn rest(&self, persona: PersonaId) {
        self.deps.browser.rest(persona).await;
    }

    async fn keeps_page(&self, persona: PersonaId) -> bool {
        self.deps.browser.keeps_page(persona).await
    }

    async fn release(&self, persona: PersonaId) {
        self.deps.mcp.release(persona);
        self.deps.browser.release(persona).await;
    }
}

/// The text that came, or what is known of it, where later steps find it; a receipt holds so much of it and no more.
fn with_value(mut outcome: Outcome) -> Outcome {
    const MOST_CHARS: usize = 8_000;
    let text = outcome.artifacts.iter().find(|kept| kept.kind == ArtifactKind::Text);
    let text = text.map(|kept| String::from_utf8_lossy(&kept.bytes).chars().take(MOST_CHARS).collect::<String>());
    let text = text.or_else(|| Some(outcome.data.get("results")?.to_string())).unwrap_or_default();
    if let Value::Object(data) = &mut outcome.data {
        data.insert("value".to_owned(), text.into());
    }
    outcome
}

/// The understudy takes nothing, and neither does a voice of the machine's own.
fn some_cost(bound: Bound) -> Option<Bound> {
    Some(bound).filter(|bound| *bound != Bound::default())
}

/// Waits for work that may be dropped at any point, up to the call's limit.
async fn unless_stopped(call: &Call, stop: &CancellationToken, work: impl Future<Output = Outcome>) -> Outcome {
    let cut = |why: String| Outcome::unknown(format!("{} was cut off", call.tool), StepError::retryable(why));
    tokio::select! {
        biased;
        () = stop.cancelled() => cut("the run was stopped while the step was under way".to_owned()),
        done = tokio::time::timeout(call.limit, work) => done.unwrap_or_else(|_| {
            cut(format!("{} took longer than {} ms", call.tool, call.limit.as_millis()))
        }),
    }
}
