//! Control groups: what bounds a whole tree of processes. One group for each call, below our own, of version 1 or 2.
//!
//! Where no group can be made (no rights, no controllers) there is none, and the report says so.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::process::{Pid, Signal, kill_process};

const ROOT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "greenroom-";

/// Where groups can be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Groups {
    memory: Option<Place>,
    processes: Option<Place>,
}

/// Our own group of one controller.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    folder: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The groups of one call; given back when dropped.
#[derive(Debug, Default)]
pub(super) struct Group {
    memory: Option<(PathBuf, Version)>,
    processes: Option<(PathBuf, Version)>,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Groups {
    /// Looks where we are, tries whether a group can be made there, and takes away what a killed server left.
    pub(super) fn find() -> Self {
        let ours = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut groups = places(&ours, Path::new(ROOT));
        sweep(&groups);
        let works = groups.enter(64 << 20, 8);
        if works.memory.is_none() {
            groups.memory = None;
        }
        if works.processes.is_none() {
            groups.processes = None;
        }
        groups
    }

    pub(super) fn memory(&self) -> Option<Version> {
        self.memory.as_ref().map(|place| place.version)
    }

    pub(super) fn processes(&self) -> Option<Version> {
        self.processes.as_ref().map(|place| place.version)
    }

    /// Groups for one call; none where none can be made.
    pub(super) fn enter(&self, memory_bytes: u64, most_processes: u32) -> Group {
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (bytes, tasks) = (memory_bytes.to_string(), most_processes.to_string());
        let bounded =
            |place: &Option<Place>, limits: fn(Version) -> &'static [&'static str], value: &str, extra: &str| {
                let place = place.as_ref()?;
                let folder = place.folder.join(&name);
                let made = make(&folder, limits(place.version), value, extra);
                // Half a group bounds nothing.
                if made.is_err() {
                    let _ = fs::remove_dir(&folder);
                }
                made.ok().map(|()| (folder, place.version))
            };
        let memory = bounded(&self.memory, memory_limits, &bytes, "0");
        let processes = bounded(&self.processes, |_| &["pids.max"], &tasks, "");
        Group { memory, processes }
    }
}

/// The file that must be set first, then what is set when it is there: swap is no way around.
const fn memory_limits(version: Version) -> &'static [&'static str] {
    match version {
        Version::One => &["memory.limit_in_bytes", "memory.swappiness"],
        Version::Two => &["memory.max", "memory.swap.max"],
    }
}

fn make(folder: &Path, limits: &[&str], value: &str, extra: &str) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let mut limits = limits.iter();
    if let Some(first) = limits.next() {
        fs::write(folder.join(first), value)?;
    }
    for more in limits {
        // A kernel without swap has no such file.
        let _ = fs::write(folder.join(more), extra);
    }
    Ok(())
}

/// Our groups by `/proc/self/cgroup`; version 1 wins where both are mounted, for then it has the controllers.
fn places(ours: &str, root: &Path) -> Groups {
    let first = |controller: &str| {
        let path = ours.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|name| name == controller).then_some(path)
        })?;
        // In a container the path may be one of the world outside.
        let (own, top) = (root.join(controller).join(path.trim_start_matches('/')), root.join(controller));
        let folder = [own, top].into_iter().find(|folder| folder.is_dir())?;
        Some(Place { folder, version: Version::One })
    };
    let second = |controller: &str| {
        let path = ours.lines().find_map(|line| line.strip_prefix("0::"))?;
        let own = root.join(path.trim_start_matches('/'));
        // Only who has no processes beside its groups may bound them, but for the topmost.
        let given = || fs::read_to_string(own.join("cgroup.subtree_control")).unwrap_or_default();
        let has = |text: &str| text.split_whitespace().any(|name| name == controller);
        if !has(&given()) {
            let _ = fs::write(own.join("cgroup.subtree_control"), format!("+{controller}"));
        }
        has(&given()).then_some(Place { folder: own, version: Version::Two })
    };
    let place = |controller: &str| first(controller).or_else(|| second(controller));
    Groups { memory: place("memory"), processes: place("pids") }
}

/// Of a server that is gone, what was being made when it went may still wait there.
fn sweep(groups: &Groups) {
    for place in groups.memory.iter().chain(&groups.processes) {
        for entry in fs::read_dir(&place.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
            if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
                end_all(&entry.path());
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

fn end_all(folder: &Path) {
    let inside = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for pid in inside.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

impl Group {
    /// The files through which a process of one thread enters.
    pub(super) fn entrances(&self) -> Vec<PathBuf> {
        let door = |version: Version| match version {
            // A thread that moves itself needs no lock over all threads of the machine: 10 ms for the second group.
            Version::One => "tasks",
            Version::Two => "cgroup.procs",
        };
        self.memory.iter().chain(&self.processes).map(|(folder, version)| folder.join(door(*version))).collect()
    }

    pub(super) fn bounds_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// The limits that processes ran into.
    pub(super) fn hit(&self) -> Vec<&'static str> {
        let count = |group: &Option<(PathBuf, Version)>, one: &str, two: &str, name: &str| {
            let (folder, version) = group.as_ref()?;
            let file = if *version == Version::One { one } else { two };
            let text = fs::read_to_string(folder.join(file)).ok()?;
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
            found.filter(|times| *times > 0)
        };
        let memory = count(&self.memory, "memory.oom_control", "memory.events", "oom_kill ").map(|_| "memory");
        let processes = count(&self.processes, "pids.events", "pids.events", "max ").map(|_| "processes");
        memory.into_iter().chain(processes).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for (folder, _) in self.memory.iter().chain(&self.processes) {
            // Of a sandbox that was given up while it was being made, some may wait for one that is gone.
            end_all(folder);
            if let Err(error) = fs::remove_dir(folder) {
                tracing::debug!(folder = %folder.display(), %error, "a control group stays until the next start");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_groups_are_found_in_both_versions() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["memory/ours", "pids", "unified", "slice/ours"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let one = places("8:pids:/elsewhere\n4:cpu,memory:/ours\n0::/\n", root.path());
        assert_eq!(one.memory.unwrap().folder, root.path().join("memory/ours"));
        assert_eq!(one.processes.unwrap(), Place { folder: root.path().join("pids"), version: Version::One });

        fs::write(root.path().join("slice/ours/cgroup.subtree_control"), "cpu memory").unwrap();
        let two = places("0::/slice/ours\n", root.path());
        assert_eq!(two.memory.unwrap(), Place { folder: root.path().join("slice/ours"), version: Version::Two });
        // The file took the wish; a kernel would have refused it.
        assert_eq!(two.processes, None);
        assert_eq!(places("", root.path()), Groups::default());
    }
}
