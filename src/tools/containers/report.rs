//! What a container holds a tool to on this machine, and what it cannot.

use tokio_util::sync::CancellationToken;

use super::{Contained, NoContainer};
use crate::tools::{
    isolation::Runner as _,
    sandbox::{End, Held, Job, NoSandbox},
};

impl Contained {
    /// Looks from inside, as who may do least; then says what bounds the limits of all.
    pub(super) async fn look(&self) -> Result<Vec<Held>, NoSandbox> {
        let look = ["cat", "/proc/self/status"].map(str::to_owned);
        self.ready(&Job::new(&look)).await?;
        let ran = self.run(&Job::new(&look), &CancellationToken::new()).await?;
        let (seen, errors) = ran.texts();
        if ran.end != End::Exit(0) {
            let why = format!("nobody can look from inside: {} {}", ran.end.word(), errors.trim());
            return Err(NoContainer::Failed { doing: "run a first command", why }.into());
        }
        let line = |name: &str| seen.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let none = line("CapEff:").is_some_and(|rights| rights.trim_matches('0').is_empty());
        let is_root = line("Uid:").is_none_or(|ids| ids.split_whitespace().any(|id| id == "0"));
        let held = |what, in_force, how: &str| Held { what, in_force, how: how.to_owned() };
        let engine = self.all.0.engine().await?;
        Ok(vec![
            held("name spaces", true, &format!("a container with runtime {}", engine.runtime_name)),
            held(
                "files",
                true,
                "the image read-only, its workspace and cache by user, a bounded /tmp; no network of its own",
            ),
            held(
                "rights",
                none && !is_root && line("NoNewPrivs:") == Some("1"),
                "no user of rights, and none can be gained",
            ),
            held("system calls", line("Seccomp:") == Some("2"), "the engine's own list"),
            held("memory", engine.bounds_memory, "of the whole container, by the engine"),
            held("processes", engine.bounds_processes, "of the whole container, by the engine"),
            held(
                "disk",
                true,
                "workspace and cache looked at five times a second, and the container ended above their bounds",
            ),
            held("processor", true, "the least weight there is, behind everybody else; no share of it is bounded"),
        ])
    }
}
