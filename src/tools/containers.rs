//! Runs own tools in containers: one warm one for each persona, made when it is first needed, ended when nobody used it for
//! a while.
//!
//! **What is promised.** The same as by the sandbox beside it. A command that is cut, or leaves something behind, costs the
//! container: it is killed whole, and the next call gets another. What a call is allowed is held by the user that it runs
//! as ([`users`]). A container lives on a leash, a connection of ours: when this process ends, however that comes, the
//! engine ends the container and removes it. What is left of one that never ran is swept at the next start.
//!
//! The engine's socket is root. Nobody but this room speaks to it, and it lies in no container.

mod call;
mod engine;
mod home;
mod report;
mod shape;
mod users;
mod view;
mod ways;

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex as Plain, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actors::ports::World;
use async_trait::async_trait;
use futures::future::join_all;
use tokio::{
    sync::{Mutex, OnceCell},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    isolation::Runner,
    sandbox::{End, Held, Job, NoSandbox, Ran, Within},
};
use crate::config::{Config, ContainerConfig};
use call::{Call, GONE, Order};
use engine::{Engine, Fault, Leash};
use shape::{Bounds, Sight};
use users::Users;
use view::Seen;
use ways::Ways;

pub use engine::NoContainer;
pub use home::Home;
pub(super) use users::take_back;
pub use view::{ContainerView, LastCall, State};

/// A start waits so long for the sweep.
const SWEEPING: Duration = Duration::from_secs(5);
/// People wait for no longer.
const LOOKING: Duration = Duration::from_secs(5);
const CLOSING: Duration = Duration::from_secs(10);

/// Of this process; for their names.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Every persona's container. Cheap to clone.
#[derive(Clone)]
pub struct Containers(Arc<Inner>);

struct Inner {
    config: ContainerConfig,
    data_root: PathBuf,
    least_free_mb: u64,
    world: Arc<dyn World>,
    users: Users,
    ways: Arc<Ways>,
    engine: OnceCell<Engine>,
    slots: Plain<HashMap<String, Arc<Slot>>>,
}

/// The place of one container.
#[derive(Default)]
struct Slot {
    /// Held while a command runs in it: one after the other.
    warm: Mutex<Option<Warm>>,
    seen: Plain<Seen>,
}

/// A container that runs.
#[derive(Debug)]
struct Warm {
    id: String,
    bounds: Bounds,
    /// The folders it was bound to.
    standing: Vec<(u64, u64)>,
    /// Its tools may go out, if they ask for it.
    has_door: bool,
    _leash: Leash,
}

impl Slot {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Containers {
    /// Asks nobody yet.
    pub fn new(config: &Config, world: Arc<dyn World>) -> Self {
        Self(Arc::new(Inner {
            config: config.tools.container.clone(),
            data_root: config.data_root.clone(),
            least_free_mb: config.storage.min_free_mb,
            world,
            users: Users::of_this_process(),
            ways: Arc::new(Ways::of_this_process()),
            engine: OnceCell::new(),
            slots: Plain::default(),
        }))
    }

    /// The container of this home, for a tool of this name.
    pub fn of(&self, home: Home, tool: &str) -> Contained {
        Contained { all: self.clone(), home, tool: tool.to_owned() }
    }

    /// Whether one could be had now.
    pub async fn check(&self) -> Result<String, NoContainer> {
        let engine = self.0.engine().await?;
        engine.check().await?;
        Ok(format!("image {}, runtime {}", self.0.config.image, engine.runtime_name))
    }

    /// Removes what a server that is gone left of this data root; how many there were. Where no engine answers, none.
    pub async fn sweep(&self) -> usize {
        let swept = async {
            let engine = self.0.engine().await?;
            let label = format!("{}={}", shape::LABEL_ROOT, self.0.data_root.display());
            let left = engine.labelled(&label).await?;
            for id in &left {
                engine.remove(id).await?;
            }
            Ok::<usize, NoContainer>(left.len())
        };
        match timeout(SWEEPING, swept).await {
            Ok(Ok(count)) => count,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no containers are swept");
                0
            }
            Err(_) => {
                tracing::warn!("the container engine is too slow to be asked for what a crash left behind");
                0
            }
        }
    }

    /// How the container of this home stands.
    pub async fn view(&self, home: &Home) -> ContainerView {
        let slot = self.0.slot(&home.key);
        let slow = || NoContainer::Failed { doing: "say how it stands", why: "it is too slow".to_owned() };
        let asked = timeout(LOOKING, self.0.memory_bytes(&slot)).await.unwrap_or_else(|_| Err(slow()));
        let (memory_bytes, problem) = match asked {
            Ok(bytes) => (bytes, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let seen = slot.seen().clone();
        ContainerView {
            state: seen.state,
            since_ms: seen.since_ms,
            why: seen.why,
            id: seen.id.as_deref().map(view::short),
            image: self.0.config.image.clone(),
            runtime: self.0.engine.get().map(|engine| engine.runtime_name.clone()),
            memory_bytes,
            most_memory_bytes: seen.most_memory_bytes,
            last_call: seen.last_call,
            problem,
        }
    }

    /// Ends the container of this home, whatever runs in it, and starts another.
    pub async fn restart(&self, home: &Home) -> Result<ContainerView, NoContainer> {
        let (inner, slot) = (&self.0, self.0.slot(&home.key));
        let engine = inner.engine().await?;
        let id = slot.seen().id.clone();
        if let Some(id) = &id {
            // Whoever is in it loses it; then the place is free.
            engine.kill(id).await?;
            slot.seen().stopped(id, "restarted", inner.world.now_ms());
        }
        let mut warm = slot.warm.lock().await;
        inner.end(&slot, &mut warm, "restarted").await;
        let usual = Job::new(&[]);
        let bounds = Bounds { memory_bytes: usual.memory_bytes, most_processes: usual.most_processes };
        inner.start(engine, home, &slot, &mut warm, (bounds, false)).await?;
        drop(warm);
        Ok(self.view(home).await)
    }

    /// Ends all of them.
    pub async fn close(&self) {
        let slots: Vec<Arc<Slot>> = self.0.slots().values().cloned().collect();
        let ends = slots.iter().map(|slot| async {
            let mut warm = slot.warm.lock().await;
            self.0.end(slot, &mut warm, "the server ended").await;
        });
        if timeout(CLOSING, join_all(ends)).await.is_err() {
            tracing::warn!("some containers did not end in time, the engine ends them without us");
        }
        self.0.ways.clear();
    }
}

/// One persona's container, as a tool is run in it.
pub struct Contained {
    all: Containers,
    home: Home,
    tool: String,
}

#[async_trait]
impl Runner for Contained {
    async fn ready(&self, job: &Job<'_>) -> Result<(), NoSandbox> {
        let (users, home, writes) = (self.all.0.users, self.home.clone(), job.workspace.is_some() && job.may_write);
        let made = spawn_blocking(move || if writes { users.give(&home.workspace) } else { Ok(()) });
        Ok(made.await.map_err(io::Error::other)??)
    }

    async fn run(&self, job: &Job<'_>, stop: &CancellationToken) -> Result<Ran, NoSandbox> {
        let (inner, stop) = (self.all.0.clone(), stop.child_token());
        let order = Order::of(job, &self.home, inner.config.cache_mb, inner.least_free_mb)?;
        // Who gives up must not leave a command at work: a task of its own ends it in every case.
        let _given_up = stop.clone().drop_guard();
        let (home, tool) = (self.home.clone(), self.tool.clone());
        let task = tokio::spawn(async move { inner.carry_out(&home, &tool, order, &stop).await });
        task.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }

    async fn report(&self) -> Result<Vec<Held>, NoSandbox> {
        self.look().await
    }
}

impl Inner {
    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &str) -> Arc<Slot> {
        self.slots().entry(key.to_owned()).or_default().clone()
    }

    /// What the one that runs takes; none: none runs, but one could.
    async fn memory_bytes(&self, slot: &Slot) -> Result<Option<u64>, NoContainer> {
        let (engine, id) = (self.engine().await?, slot.seen().id.clone());
        let Some(id) = id else { return engine.check().await.map(|()| None) };
        match engine.memory_bytes(&id).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Fault::Gone) => {
                slot.seen().stopped(&id, GONE, self.world.now_ms());
                Ok(None)
            }
            Err(Fault::Other(error)) => Err(error),
        }
    }

    async fn engine(&self) -> Result<&Engine, NoContainer> {
        self.engine.get_or_try_init(|| Engine::find(&self.config)).await
    }

    async fn carry_out(
        self: &Arc<Self>,
        home: &Home,
        tool: &str,
        mut order: Order,
        stop: &CancellationToken,
    ) -> Result<Ran, NoSandbox> {
        let slot = self.slot(&home.key);
        let mut warm = slot.warm.lock().await;
        let engine = self.engine().await?;
        self.made(home).await?;
        self.show(home, order.sight).await?;
        let exec = self.named(engine, home, &slot, &mut warm, &mut order).await?;
        let Some(id) = warm.as_ref().map(|warm| warm.id.clone()) else {
            return Err(NoContainer::from(Fault::Gone).into());
        };
        let _laid = self.laid(home, &order).await?;
        slot.seen().most_memory_bytes = Some(order.bounds.memory_bytes);
        let began = Instant::now();
        let call = Call { engine, container: &id, exec: &exec, order: &order };
        let (place, own) = (&mut *warm, &*slot);
        let seen = call.carry(stop, |why| self.end(own, place, why)).await;
        let took = began.elapsed();
        self.note(&slot, tool, seen.end, took);
        let hit = [(seen.end == End::DiskFull).then_some("disk"), seen.ran_out_of_memory.then_some("memory")];
        let container =
            Within { id: view::short(&id), image: self.config.image.clone(), runtime: engine.runtime_name.clone() };
        Ok(Ran {
            end: seen.end,
            output: seen.output,
            errors: seen.errors,
            took,
            hit: hit.into_iter().flatten().collect(),
            container: Some(container),
        })
    }

    fn note(&self, slot: &Slot, tool: &str, end: End, took: Duration) {
        let ended = match end {
            End::Exit(code) => format!("exit {code}"),
            other => other.word().to_owned(),
        };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let mut seen = slot.seen();
        seen.last_call = Some(LastCall { tool: tool.to_owned(), at_ms: self.world.now_ms(), took_ms, ended });
        seen.due = Some(Instant::now() + self.config.stop_after);
    }

    /// The way out of this call, where the container finds it; none: it has no network.
    async fn laid(&self, home: &Home, order: &Order) -> Result<Option<ways::Laid>, NoSandbox> {
        let Some(from) = order.way.clone() else { return Ok(None) };
        let (ways, key) = (self.ways.clone(), home.key.clone());
        let laid = spawn_blocking(move || ways.lay(&key, &from)).await;
        Ok(Some(laid.map_err(io::Error::other)??))
    }

    /// Shows the workspace to who may look, and to nobody else.
    async fn show(&self, home: &Home, sight: Sight) -> Result<(), NoSandbox> {
        let (users, workspace) = (self.users, home.workspace.clone());
        let shown = spawn_blocking(move || match sight {
            Sight::Nothing => Users::hide(&workspace),
            Sight::Looks => users.show(&workspace),
            Sight::Writes => Ok(()),
        });
        Ok(shown.await.map_err(io::Error::other)??)
    }

    /// The command in a container that runs; one that is gone is made anew, once.
    async fn named(
        self: &Arc<Self>,
        engine: &Engine,
        home: &Home,
        slot: &Arc<Slot>,
        warm: &mut Option<Warm>,
        order: &mut Order,
    ) -> Result<String, NoContainer> {
        let (words, goes_out) = (std::mem::take(&mut order.command), order.way.is_some());
        let words = if goes_out { Ways::before(words).map_err(|error| no_folders(&error))? } else { words };
        let command = shape::command(words, order.sight, self.users, goes_out);
        if warm.as_ref().is_some_and(|warm| goes_out && !warm.has_door) {
            self.end(slot, warm, "a tool asked for its way out").await;
        }
        if warm.as_ref().is_some_and(|warm| warm.standing != home.standing()) {
            self.end(slot, warm, "its folders were made anew").await;
        }
        if let Some(running) = warm.as_mut() {
            match Self::name_in(engine, running, command.clone(), order.bounds).await {
                Ok(exec) => return Ok(exec),
                Err(Fault::Gone) => self.end(slot, warm, GONE).await,
                Err(Fault::Other(error)) => {
                    // It hangs, or the engine does: the next call gets another.
                    self.end(slot, warm, "it did not answer").await;
                    return Err(error);
                }
            }
        }
        self.start(engine, home, slot, warm, (order.bounds, goes_out)).await?;
        match warm.as_mut() {
            Some(running) => Ok(Self::name_in(engine, running, command, order.bounds).await?),
            None => Err(Fault::Gone.into()),
        }
    }

    async fn name_in(
        engine: &Engine,
        running: &mut Warm,
        command: bollard::exec::CreateExecOptions<String>,
        bounds: Bounds,
    ) -> Result<String, Fault> {
        if running.bounds != bounds {
            let (memory, processes) = bounds.told();
            engine.bound(&running.id, memory, processes).await?;
            running.bounds = bounds;
        }
        engine.name_command(&running.id, command).await
    }

    async fn start(
        self: &Arc<Self>,
        engine: &Engine,
        home: &Home,
        slot: &Arc<Slot>,
        warm: &mut Option<Warm>,
        (bounds, has_door): (Bounds, bool),
    ) -> Result<(), NoContainer> {
        let standing = self.made(home).await?;
        let door = if has_door { self.door(home).await? } else { Vec::new() };
        let body = shape::body(home, self.users, &self.config.image, &self.data_root, bounds, &door);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-{}-{number}-{}", std::process::id(), home.name);
        let (id, leash) = engine.start(&name, body).await?;
        tracing::debug!(container = id, owner = home.name, "started a container for {}", home.name);
        {
            let mut seen = slot.seen();
            seen.started(&id, self.world.now_ms());
            seen.due = Some(Instant::now() + self.config.stop_after);
        }
        tokio::spawn(end_when_idle(Arc::downgrade(self), slot.clone(), id.clone()));
        *warm = Some(Warm { id, bounds, standing, has_door, _leash: leash });
        Ok(())
    }

    async fn door(&self, home: &Home) -> Result<shape::Door, NoContainer> {
        let (ways, key) = (self.ways.clone(), home.key.clone());
        let made = spawn_blocking(move || ways.mounts(&key)).await;
        made.map_err(|error| no_folders(&io::Error::other(error)))?.map_err(|error| no_folders(&error))
    }

    /// Makes the folders that it is bound to, where they are not there yet.
    async fn made(&self, home: &Home) -> Result<Vec<(u64, u64)>, NoContainer> {
        let (users, home) = (self.users, home.clone());
        let made = spawn_blocking(move || {
            fs::create_dir_all(&home.workspace)?;
            users.make(&home.cache)?;
            Ok(home.standing())
        });
        made.await.map_err(|error| no_folders(&io::Error::other(error)))?.map_err(|error| no_folders(&error))
    }

    /// Every process of it has ended when this returns. Without the engine's help it ends with its leash.
    async fn end(&self, slot: &Slot, warm: &mut Option<Warm>, why: &'static str) {
        let Some(ended) = warm.take() else { return };
        if let Some(engine) = self.engine.get()
            && let Err(error) = engine.kill(&ended.id).await
        {
            tracing::warn!(container = ended.id, %error, "a container that was to end may still be there");
        }
        slot.seen().stopped(&ended.id, why, self.world.now_ms());
    }
}

fn no_folders(error: &io::Error) -> NoContainer {
    NoContainer::Failed { doing: "be given its folders", why: error.to_string() }
}

/// Waits until it is unused for long enough, and ends it. One timer for each container, and no looking in between.
async fn end_when_idle(inner: Weak<Inner>, slot: Arc<Slot>, id: String) {
    loop {
        let due = slot.seen().due;
        let Some(due) = due else { return };
        sleep_until(due).await;
        let mut warm = slot.warm.lock().await;
        let Some(inner) = inner.upgrade().filter(|_| warm.as_ref().is_some_and(|warm| warm.id == id)) else { return };
        if slot.seen().due.is_none_or(|due| due <= Instant::now()) {
            return inner.end(&slot, &mut warm, "idle").await;
        }
    }
}
