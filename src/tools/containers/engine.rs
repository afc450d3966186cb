//! The engine behind its socket: what is asked of it, how long it may take, and what to do when it is not there.

use std::{collections::HashMap, fmt, io, path::PathBuf, pin::Pin, time::Duration};

use bollard::{
    API_DEFAULT_VERSION, Docker,
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecResults},
    models::{ContainerCreateBody, ContainerStatsResponse, ContainerUpdateBody, EventMessage},
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, EventsOptionsBuilder,
        KillContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StatsOptionsBuilder,
        TopOptionsBuilder,
    },
};
use futures::{Stream, StreamExt as _};
use tokio::{io::AsyncWrite, net::UnixStream, time::timeout};

use crate::config::ContainerConfig;

/// For one answer of the engine; ending a container is its longest work.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The runtime that is taken where it is present.
const STRONGER: &str = "runsc";

/// No container can be had, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoContainer {
    #[error(
        "there is no container engine at {}: install one (Debian: apt-get install docker.io), or name its socket in \
         tools.container.socket", .0.display()
    )]
    NoSocket(PathBuf),
    #[error(
        "this user may not use the container engine at {}: add it to the socket's group (`docker`; whoever is in it is as \
         good as root) and start greenroom anew", .0.display()
    )]
    NotAllowed(PathBuf),
    #[error("nobody answers at {}: start the container engine (systemctl start docker)", .0.display())]
    Silent(PathBuf),
    #[error(
        "the container engine at {} gives users other numbers (rootless, or userns-remap), so a tool could not work in its \
         persona's folder: name the socket of one that does not in tools.container.socket", .0.display()
    )]
    OtherUsers(PathBuf),
    #[error(
        "the container engine has no image `{0}`, and it is not fetched by itself: docker pull {0}, or name another in \
         tools.container.image"
    )]
    NoImage(String),
    #[error("the container engine has no runtime `{0}`: install it there, or name another in tools.container.runtime")]
    NoRuntime(String),
    /// Try later.
    #[error("the container engine could not {doing}: {why}")]
    Failed { doing: &'static str, why: String },
}

/// The engine did not do as it was asked.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no such container, or it does not run.
    Gone,
    Other(NoContainer),
}

impl From<NoContainer> for Fault {
    fn from(error: NoContainer) -> Self {
        Self::Other(error)
    }
}

impl From<Fault> for NoContainer {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Gone => Self::Failed { doing: "use the container", why: "it is gone".to_owned() },
            Fault::Other(error) => error,
        }
    }
}

/// What comes out of a command, and what goes into it.
pub(super) struct Line {
    pub output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// For as long as this is held, the container lives: its first process reads from here, and ends with its input.
pub(super) struct Leash {
    _line: Line,
}

impl fmt::Debug for Leash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leash")
    }
}

/// What the engine says of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happened {
    /// A command began.
    Began { exec: String },
    /// A command ended, with this code.
    Ended { exec: String, code: i32 },
    /// Something in it was ended for want of memory.
    OutOfMemory,
    /// Somebody ends it.
    Killed,
    /// It ended.
    Died,
}

impl Happened {
    fn of(event: EventMessage) -> Option<Self> {
        let said = event.actor?.attributes?;
        let exec = || said.get("execID").cloned();
        match event.action.as_deref()? {
            "oom" => Some(Self::OutOfMemory),
            "kill" => Some(Self::Killed),
            "die" => Some(Self::Died),
            "exec_die" => Some(Self::Ended { exec: exec()?, code: said.get("exitCode")?.parse().ok()? }),
            // The command stands behind it.
            began if began.starts_with("exec_start") => Some(Self::Began { exec: exec()? }),
            _ => None,
        }
    }
}

/// The engine, found and asked once who it is. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    docker: Docker,
    socket: PathBuf,
    image: String,
    /// None: the engine's own.
    runtime: Option<String>,
    /// The runtime as people read it.
    pub runtime_name: String,
    /// Whether the machine lets it bound these.
    pub bounds_memory: bool,
    pub bounds_processes: bool,
}

impl Engine {
    /// Nothing is made yet.
    pub(super) async fn find(config: &ContainerConfig) -> Result<Self, NoContainer> {
        let socket = config.socket.clone();
        reach(&socket).await?;
        let path = socket.to_str().ok_or_else(|| NoContainer::NoSocket(socket.clone()))?;
        let failed = |error: Error| failed("say which version it is", &error);
        let docker = Docker::connect_with_unix(path, ANSWER_LIMIT.as_secs(), API_DEFAULT_VERSION).map_err(failed)?;
        let docker = docker.negotiate_version().await.map_err(failed)?;
        let info = docker.info().await.map_err(failed)?;
        let maps = |option: &String| option.starts_with("name=rootless") || option.starts_with("name=userns");
        if info.security_options.iter().flatten().any(maps) {
            return Err(NoContainer::OtherUsers(socket));
        }
        let knows = |name: &str| info.runtimes.as_ref().is_some_and(|known| known.contains_key(name));
        let runtime = match config.runtime.as_str() {
            "" => knows(STRONGER).then(|| STRONGER.to_owned()),
            name if knows(name) => Some(name.to_owned()),
            name => return Err(NoContainer::NoRuntime(name.to_owned())),
        };
        let runtime_name = runtime.clone().or(info.default_runtime).unwrap_or_default();
        let image = config.image.clone();
        let (bounds_memory, bounds_processes) = (info.memory_limit == Some(true), info.pids_limit == Some(true));
        Ok(Self { docker, socket, image, runtime, runtime_name, bounds_memory, bounds_processes })
    }

    /// Whether a container could be made now.
    pub(super) async fn check(&self) -> Result<(), NoContainer> {
        reach(&self.socket).await?;
        match self.docker.inspect_image(&self.image).await {
            Ok(_) => Ok(()),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                Err(NoContainer::NoImage(self.image.clone()))
            }
            Err(error) => Err(failed("look for the image", &error)),
        }
    }

    /// Makes it and starts it. It ends with the leash.
    pub(super) async fn start(
        &self,
        name: &str,
        mut body: ContainerCreateBody,
    ) -> Result<(String, Leash), NoContainer> {
        reach(&self.socket).await?;
        if let Some(host) = &mut body.host_config {
            host.runtime.clone_from(&self.runtime);
        }
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let made = self.docker.create_container(Some(options), body).await.map_err(|error| match error {
            Error::DockerResponseServerError { status_code: 404, .. } => NoContainer::NoImage(self.image.clone()),
            error => failed("make the container", &error),
        })?;
        let started = async {
            let options = AttachContainerOptionsBuilder::default().stdin(true).stream(true).build();
            let line = self.docker.attach_container(&made.id, Some(options)).await?;
            self.docker.start_container(&made.id, None).await?;
            Ok(Leash { _line: Line { output: line.output, input: line.input } })
        };
        match started.await {
            Ok(leash) => Ok((made.id, leash)),
            Err(error) => {
                let error = failed("start the container", &error);
                if self.remove(&made.id).await.is_err() {
                    tracing::warn!(container = made.id, "a container that did not start could not be removed");
                }
                Err(error)
            }
        }
    }

    /// Other bounds for the calls to come.
    pub(super) async fn bound(&self, id: &str, memory_bytes: i64, most_processes: i64) -> Result<(), Fault> {
        let bounds = ContainerUpdateBody {
            memory: Some(memory_bytes),
            memory_swap: Some(memory_bytes),
            pids_limit: Some(most_processes),
            ..ContainerUpdateBody::default()
        };
        self.docker.update_container(id, bounds).await.map_err(|error| self.fault("bound the container", error))
    }

    /// Names a command that is to be run. Nothing is begun.
    pub(super) async fn name_command(&self, id: &str, command: CreateExecOptions<String>) -> Result<String, Fault> {
        let named = self.docker.create_exec(id, command).await;
        named.map(|named| named.id).map_err(|error| self.fault("take a command", error))
    }

    /// Begins it. From here on nobody knows that it did nothing.
    pub(super) async fn begin(&self, exec: &str) -> Result<Line, Fault> {
        match self.docker.start_exec(exec, None).await {
            Ok(StartExecResults::Attached { output, input }) => Ok(Line { output, input }),
            Ok(StartExecResults::Detached) => Err(Fault::Gone),
            Err(error) => Err(self.fault("begin a command", error)),
        }
    }

    /// What happens to a container, beginning with what the engine remembers, until it says no more.
    pub(super) fn watch(&self, id: &str) -> impl Stream<Item = Happened> + Send + use<> {
        let filters =
            HashMap::from([("container", vec![id]), ("event", vec!["exec_start", "exec_die", "oom", "kill", "die"])]);
        let options = EventsOptionsBuilder::default().since("1").filters(&filters).build();
        let said = self.docker.events(Some(options));
        said.filter_map(|event| std::future::ready(event.ok().and_then(Happened::of)))
    }

    /// How many processes are in it now.
    pub(super) async fn processes(&self, id: &str) -> Result<usize, Fault> {
        let options = TopOptionsBuilder::default().ps_args("-o pid").build();
        let seen = self.docker.top_processes(id, Some(options)).await;
        let seen = seen.map_err(|error| self.fault("list the container's processes", error))?;
        seen.processes.map(|all| all.len()).ok_or(Fault::Gone)
    }

    /// What it takes now. The engine looks once a second.
    pub(super) async fn memory_bytes(&self, id: &str) -> Result<u64, Fault> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let seen = timeout(ANSWER_LIMIT, self.docker.stats(id, Some(options)).next()).await;
        let none = || NoContainer::Failed { doing: "say what the container takes", why: "no answer".to_owned() };
        let seen: ContainerStatsResponse = seen
            .map_err(|_| none())?
            .ok_or_else(none)?
            .map_err(|error| self.fault("say what the container takes", error))?;
        // Of a container that has ended there are figures, too: none.
        seen.memory_stats.and_then(|memory| memory.usage).filter(|bytes| *bytes > 0).ok_or(Fault::Gone)
    }

    /// Ends every process of it; it is gone when this returns, or was before. The engine removes it by itself.
    pub(super) async fn kill(&self, id: &str) -> Result<(), NoContainer> {
        let options = KillContainerOptionsBuilder::default().signal("KILL").build();
        match self
            .docker
            .kill_container(id, Some(options))
            .await
            .map_err(|error| self.fault("end the container", error))
        {
            Ok(()) | Err(Fault::Gone) => Ok(()),
            Err(Fault::Other(error)) => Err(error),
        }
    }

    /// Ends it where it runs, and removes what is left.
    pub(super) async fn remove(&self, id: &str) -> Result<(), NoContainer> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self.docker.remove_container(id, Some(options)).await;
        match removed.map_err(|error| self.fault("remove the container", error)) {
            Ok(()) | Err(Fault::Gone) => Ok(()),
            Err(Fault::Other(error)) => Err(error),
        }
    }

    /// Every container with this label, at work or not.
    pub(super) async fn labelled(&self, label: &str) -> Result<Vec<String>, NoContainer> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found =
            self.docker.list_containers(Some(options)).await.map_err(|error| failed("list containers", &error))?;
        Ok(found.into_iter().filter_map(|container| container.id).collect())
    }

    fn fault(&self, doing: &'static str, error: Error) -> Fault {
        match error {
            // 409: it does not run, or is on its way out.
            Error::DockerResponseServerError { status_code: 404 | 409, .. } => Fault::Gone,
            error => failed(doing, &error).into(),
        }
    }
}

fn failed(doing: &'static str, error: &Error) -> NoContainer {
    let why = match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::RequestTimeoutError => format!("it did not answer within {} s", ANSWER_LIMIT.as_secs()),
        error => error.to_string(),
    };
    NoContainer::Failed { doing, why: why.chars().take(500).collect() }
}

/// Whether somebody listens, in words for people.
async fn reach(socket: &PathBuf) -> Result<(), NoContainer> {
    match timeout(CONNECT_LIMIT, UnixStream::connect(socket)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(NoContainer::NoSocket(socket.clone())),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(NoContainer::NotAllowed(socket.clone()))
        }
        Ok(Err(_)) | Err(_) => Err(NoContainer::Silent(socket.clone())),
    }
}
