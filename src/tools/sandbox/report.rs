//! What a sandbox holds a tool to on this machine, and what it cannot.

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{End, Job, NoSandbox, Sandbox, groups::Version};

/// One bound, and what holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Held {
    /// What is bounded: `system calls`, `memory`, ….
    pub what: &'static str,
    /// For a whole tool; `false`: for each of its processes, or not at all.
    pub in_force: bool,
    pub how: String,
}

impl Sandbox {
    /// Makes one sandbox and looks from inside; then says what bounds the limits of all.
    pub async fn report(&self) -> Result<Vec<Held>, NoSandbox> {
        let look = ["grep", "-E", "^(Seccomp|NoNewPrivs|CapEff):", "/proc/self/status"];
        let look = look.map(str::to_owned);
        let ran = self.run(&Job::new(&look), &CancellationToken::new()).await?;
        let (seen, errors) = ran.texts();
        if ran.end == End::Exit(126) || ran.end == End::Exit(127) {
            return Err(NoSandbox::Refused(errors));
        }
        let line = |name: &str| seen.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let none = line("CapEff:").is_some_and(|rights| rights.trim_matches('0').is_empty());
        let held = |what, in_force, how: &str| Held { what, in_force, how: how.to_owned() };
        Ok(vec![
            held("name spaces", true, "its own users, processes, network, ipc, host name and control groups"),
            held("files", true, "the system read-only, its workspace, a bounded /tmp; no network but its own loopback"),
            held("rights", none && line("NoNewPrivs:") == Some("1"), "no capabilities, and none can be gained"),
            held("system calls", line("Seccomp:") == Some("2"), "an allow-list"),
            self.memory(),
            self.processes(),
            self.disk(),
            held(
                "processor",
                true,
                "nice 19, behind everybody else; no share of it is bounded, each process's seconds are",
            ),
        ])
    }

    fn memory(&self) -> Held {
        let (in_force, how) = match self.groups.memory() {
            Some(version) => (true, group(version)),
            None => (false, "for each process by its address space: no control group can be made here".to_owned()),
        };
        Held { what: "memory", in_force, how }
    }

    fn disk(&self) -> Held {
        let of_all = Job::new(&[]);
        let how = format!(
            "a workspace of at most {} files and {} MB, {} MB left free: looked at five times a second, and the tool is \
             ended above that; files of at most {} MB",
            of_all.most_files,
            of_all.most_bytes >> 20,
            self.least_free_mb,
            of_all.most_file_bytes >> 20
        );
        Held { what: "disk", in_force: true, how }
    }

    fn processes(&self) -> Held {
        let root = rustix::process::geteuid().is_root();
        let (in_force, how) = match self.groups.processes() {
            Some(version) => (true, group(version)),
            None if !root => (true, "by their number in the sandbox's own user name space".to_owned()),
            None => (false, "not at all: no control group can be made here, and no other limit binds root".to_owned()),
        };
        Held { what: "processes", in_force, how }
    }
}

fn group(version: Version) -> String {
    let version = if version == Version::One { 1 } else { 2 };
    format!("for the whole tree by control groups, version {version}")
}
