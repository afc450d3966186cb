//! The command line that puts one command into its sandbox. Pure.
//!
//! Three programs, each handing over to the next: a shell that enters the control groups (only when there are any),
//! bubblewrap, and `nice` with `prlimit`, which set what holds for each process before the tool itself begins.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Job, way_out};

/// Descriptors that bubblewrap is told of, in its own numbers.
pub(super) const FILTER_FD: i32 = 3;
pub(super) const STATUS_FD: i32 = 4;

/// Where a tool finds its own folder, and the persona's.
pub(super) const TOOL: &str = "/tool";
pub(super) const WORKSPACE: &str = "/workspace";

/// Parts of the system that a program needs to run, besides `/usr`. Nothing in them is secret.
const NEEDED: [&str; 5] =
    ["/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/certs", "/usr/share/zoneinfo"];
/// Links into `/usr` on a merged system, folders elsewhere.
const MERGED: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const TMP_BYTES: u64 = 64 << 20;
const MOST_OPEN_FILES: u32 = 256;

/// How the limits of this machine are set for a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The file of every group through which the call enters.
    pub groups: Vec<PathBuf>,
    /// No group bounds the memory, so each process is bounded by itself.
    pub memory_by_process: bool,
}

/// Everything behind the first program, which is the first of these.
pub(super) fn command_line(bwrap: &Path, job: &Job<'_>, bounds: &Bounds) -> Vec<OsString> {
    let mut line = enter(&bounds.groups);
    line.push(bwrap.into());
    line.extend(cut_off());
    line.extend(way_out_of(job));
    line.extend(folders(job));
    line.extend(words(["--seccomp", &FILTER_FD.to_string(), "--json-status-fd", &STATUS_FD.to_string(), "--"]));
    line.extend(limits(job, bounds));
    if job.way_out.is_some() {
        line.extend(words(way_out::before_command()));
    }
    line.extend(job.command.iter().map(|word| in_folder(word).into()));
    line
}

/// A word that begins with `./` names something in the tool's own folder.
fn in_folder(word: &str) -> String {
    word.strip_prefix("./").map_or_else(|| word.to_owned(), |inside| format!("{TOOL}/{inside}"))
}

/// Who is in a group before the first process is made has every process in it.
fn enter(groups: &[PathBuf]) -> Vec<OsString> {
    if groups.is_empty() {
        return Vec::new();
    }
    let script = r#"while [ "$1" != -- ]; do echo 0 >"$1" || exit 1; shift; done; shift; exec "$@""#;
    let mut line = words(["/bin/sh", "-c", script, "sh"]);
    line.extend(groups.iter().map(|group| group.clone().into_os_string()));
    line.push("--".into());
    line
}

/// Name spaces of its own, no rights, nothing of our environment, no terminal; it ends with us.
fn cut_off() -> Vec<OsString> {
    let mut line = words(["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]);
    line.extend(words(["--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--new-session"]));
    line.extend(words(["--die-with-parent", "--clearenv"]));
    for (name, value) in [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/tmp"), ("TMPDIR", "/tmp")] {
        line.extend(words(["--setenv", name, value]));
    }
    line.extend(words(["--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONDONTWRITEBYTECODE", "1"]));
    line
}

/// The socket that leads out, and this program, which knows how to get there.
fn way_out_of(job: &Job<'_>) -> Vec<OsString> {
    let Some(way_out) = job.way_out else { return Vec::new() };
    // Where the program cannot be named the sandbox cannot be made, and says so.
    let program = std::env::current_exe().unwrap_or_default();
    let binds = [(way_out.folder(), way_out::FOLDER), (program.as_path(), way_out::PROGRAM)];
    let binds = binds.iter().flat_map(|(from, to)| ["--ro-bind".into(), OsString::from(from), OsString::from(to)]);
    let set = way_out::variables().flat_map(|(name, value)| ["--setenv".into(), OsString::from(name), value.into()]);
    binds.chain(set).collect()
}

fn folders(job: &Job<'_>) -> Vec<OsString> {
    let mut line = words(["--ro-bind", "/usr", "/usr"]);
    for place in MERGED {
        match std::fs::read_link(place) {
            Ok(target) => line.extend([OsStr::new("--symlink"), target.as_os_str(), OsStr::new(place)].map(Into::into)),
            Err(_) => line.extend(words(["--ro-bind-try", place, place])),
        }
    }
    for place in NEEDED {
        line.extend(words(["--ro-bind-try", place, place]));
    }
    line.extend(words(["--proc", "/proc", "--dev", "/dev"]));
    for place in ["/tmp", "/dev/shm"] {
        line.extend(words(["--size", &TMP_BYTES.to_string(), "--tmpfs", place]));
    }
    let mut bind = |how: &str, from: &Path, to: &str| line.extend([how.into(), from.into(), OsString::from(to)]);
    if let Some(folder) = job.folder {
        bind("--ro-bind", folder, TOOL);
    }
    match job.workspace {
        Some(folder) => bind(if job.may_write { "--bind" } else { "--ro-bind" }, folder, WORKSPACE),
        None => line.extend(words(["--dir", WORKSPACE])),
    }
    // Who is root outside may write to the kernel's settings by the mere owner of their files, without any right.
    for place in ["/proc", "/dev", "/"] {
        line.extend(words(["--remount-ro", place]));
    }
    line.extend(words(["--chdir", WORKSPACE]));
    line
}

fn limits(job: &Job<'_>, bounds: &Bounds) -> Vec<OsString> {
    let seconds = job.limit.as_secs() + u64::from(job.limit > Duration::from_secs(job.limit.as_secs())) + 1;
    // Everybody else comes first.
    let mut line = words(["/usr/bin/nice", "-n", "19", "/usr/bin/prlimit", "--core=0"]);
    let mut limit = |name: &str, value: u64| line.push(format!("--{name}={value}").into());
    limit("cpu", seconds);
    limit("fsize", job.most_file_bytes);
    limit("nofile", MOST_OPEN_FILES.into());
    limit("nproc", job.most_processes.into());
    if bounds.memory_by_process {
        limit("as", job.memory_bytes);
    }
    line.push("--".into());
    line
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.map(OsString::from).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(command: &[String]) -> Job<'_> {
        Job { workspace: Some(Path::new("/data/files")), may_write: true, ..Job::new(command) }
    }

    fn said(job: &Job<'_>, bounds: &Bounds) -> String {
        let line = command_line(Path::new("/usr/bin/bwrap"), job, bounds);
        line.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_command_is_the_last_thing_and_stays_as_it_is() {
        let command = ["./run me".to_owned(), "--unshare-net".into(), "a;b $(c)".into(), ".hidden".into()];
        let line = command_line(Path::new("/usr/bin/bwrap"), &job(&command), &Bounds::default());
        assert_eq!(line[line.len() - 5..], ["--", "/tool/run me", "--unshare-net", "a;b $(c)", ".hidden"]);
        assert_eq!(line[0], "/usr/bin/bwrap", "no shell where there is no group");
    }

    #[test]
    fn only_the_workspace_can_be_written_and_only_when_it_may() {
        let command = ["true".to_owned()];
        let writes = said(&job(&command), &Bounds::default());
        assert_eq!(writes.matches(" --bind ").count(), 1);
        assert!(writes.contains("--bind /data/files /workspace"), "{writes}");
        let reads = said(&Job { may_write: false, ..job(&command) }, &Bounds::default());
        assert!(!reads.contains(" --bind ") && reads.contains("--ro-bind /data/files /workspace"), "{reads}");
        let sees_nothing = said(&Job { workspace: None, ..job(&command) }, &Bounds::default());
        assert!(sees_nothing.contains("--dir /workspace") && !sees_nothing.contains("/data/files"), "{sees_nothing}");
        assert!(reads.contains("--remount-ro / --chdir /workspace --seccomp"), "nothing is mounted behind: {reads}");
    }

    #[test]
    fn what_no_group_bounds_is_bounded_for_each_process() {
        let command = ["true".to_owned()];
        let job = Job { limit: Duration::from_millis(1_500), ..job(&command) };
        assert!(said(&job, &Bounds::default()).contains("--cpu=3 "));
        assert!(!said(&job, &Bounds::default()).contains("--as="));
        let alone = Bounds { memory_by_process: true, ..Bounds::default() };
        assert!(said(&job, &alone).contains(&format!("--as={}", job.memory_bytes)));
    }

    #[test]
    fn groups_are_entered_before_anything_else() {
        let command = ["true".to_owned()];
        let bounds = Bounds { groups: vec!["/g/memory".into(), "/g/pids".into()], memory_by_process: false };
        let line = said(&job(&command), &bounds);
        assert!(line.starts_with("/bin/sh -c while ") && line.contains(" sh /g/memory /g/pids -- /usr/bin/bwrap "));
    }
}
