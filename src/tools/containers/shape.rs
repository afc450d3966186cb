//! What a container is made of: how it is cut off, what bounds it, what lies in it. Pure.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use bollard::{
    exec::CreateExecOptions,
    models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits},
};

use super::{
    home::{CACHE, Home, WORKSPACE},
    users::Users,
};
use crate::tools::sandbox::way_out;

/// The data root whose server made it, and the persona it is for.
pub(super) const LABEL_ROOT: &str = "greenroom.data-root";
const LABEL_PERSONA: &str = "greenroom.persona";
const LABEL_PERSONA_ID: &str = "greenroom.persona-id";

/// The first two processes: the engine's own, which takes in orphans, and the one that waits for the leash.
pub(super) const AT_REST: usize = 2;
/// What they and the engine's way into the container take, besides the tool.
const OWN_MEMORY_BYTES: u64 = 16 << 20;
const TMP_BYTES: i64 = 64 << 20;
const MOST_OPEN_FILES: i64 = 256;
/// The least weight there is: everybody else comes first.
const CPU_SHARES: i64 = 2;
/// What an earlier call of the same user left there is none of this one's business.
const CLEAR_AND_RUN: &str = r#"rm -rf /tmp/* /tmp/.[!.]* /tmp/..?* 2>/dev/null; exec "$@""#;

/// What bounds all processes of a container together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub memory_bytes: u64,
    pub most_processes: u32,
}

impl Bounds {
    /// As the engine is told.
    pub(super) fn told(self) -> (i64, i64) {
        let memory = i64::try_from(self.memory_bytes.saturating_add(OWN_MEMORY_BYTES)).unwrap_or(i64::MAX);
        let at_rest = i64::try_from(AT_REST).unwrap_or_default();
        (memory, i64::from(self.most_processes).saturating_add(at_rest))
    }
}

/// What lies in a container whose tools may go out: outside, and inside.
pub(super) type Door = Vec<(PathBuf, String)>;

/// A container that waits for commands. Without network, rights, or anything to write on but its own folders.
pub(super) fn body(
    home: &Home,
    users: Users,
    image: &str,
    data_root: &Path,
    bounds: Bounds,
    door: &Door,
) -> ContainerCreateBody {
    let labels = [
        (LABEL_ROOT, data_root.display().to_string()),
        (LABEL_PERSONA, home.name.clone()),
        (LABEL_PERSONA_ID, home.key.clone()),
    ];
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(users.first.named()),
        // It reads until the leash is let go, and the container ends with it.
        entrypoint: Some(vec!["cat".to_owned()]),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        hostname: Some("sandbox".to_owned()),
        working_dir: Some("/".to_owned()),
        network_disabled: Some(true),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
        host_config: Some(cut_off(home, bounds, door)),
        ..ContainerCreateBody::default()
    }
}

fn cut_off(home: &Home, bounds: Bounds, door: &Door) -> HostConfig {
    let (memory, processes) = bounds.told();
    let limit =
        |name: &str, value: i64| ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) };
    HostConfig {
        network_mode: Some("none".to_owned()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        ipc_mode: Some("private".to_owned()),
        memory: Some(memory),
        // No more of both together: swap is no way around.
        memory_swap: Some(memory),
        pids_limit: Some(processes),
        cpu_shares: Some(CPU_SHARES),
        ulimits: Some(vec![limit("core", 0), limit("fsize", 64 << 20), limit("nofile", MOST_OPEN_FILES)]),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), format!("rw,exec,nosuid,nodev,size={TMP_BYTES},mode=1777"))])),
        shm_size: Some(TMP_BYTES),
        mounts: Some(mounts(home, door)),
        init: Some(true),
        auto_remove: Some(true),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    }
}

fn mounts(home: &Home, door: &Door) -> Vec<Mount> {
    let mount = |from: &Path, to: String, read_only: bool| Mount {
        typ: Some(MountType::BIND),
        source: Some(from.display().to_string()),
        target: Some(to),
        read_only: Some(read_only),
        ..Mount::default()
    };
    let own = [(&home.workspace, WORKSPACE), (&home.cache, CACHE)];
    let own = own.map(|(from, to)| mount(from, to.to_owned(), false));
    let door = door.iter().map(|(from, to)| mount(from, to.clone(), true));
    own.into_iter().chain(home.tools().map(|(from, to)| mount(from, to, true))).chain(door).collect()
}

/// What a tool sees of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Nothing,
    Looks,
    Writes,
}

/// A command in the container, with nothing of our environment.
pub(super) fn command(words: Vec<String>, sight: Sight, users: Users, goes_out: bool) -> CreateExecOptions<String> {
    let who = if sight == Sight::Writes { users.writer } else { users.reader };
    // Who sees nothing of the workspace cannot even begin there.
    let begins = if sight == Sight::Nothing { "/tmp" } else { WORKSPACE };
    let first = ["sh", "-c", CLEAR_AND_RUN, "sh"].map(str::to_owned);
    let env = ["HOME=/tmp", "TMPDIR=/tmp", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"];
    let set = goes_out.then(|| way_out::variables().map(|(name, value)| format!("{name}={value}")));
    CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(first.into_iter().chain(words).collect()),
        env: Some(env.map(str::to_owned).into_iter().chain(set.into_iter().flatten()).collect()),
        user: Some(who.named()),
        working_dir: Some(begins.to_owned()),
        ..CreateExecOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SMALL: Bounds = Bounds { memory_bytes: 64 << 20, most_processes: 32 };

    #[test]
    fn a_container_has_no_way_out_and_writes_only_to_its_own_folders() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("tools")).unwrap();
        let home = Home::to_try(root.path(), &root.path().join("tries/1"));
        let made = body(&home, Users::of_this_process(), "some-image", root.path(), SMALL, &Vec::new());
        let host = made.host_config.unwrap();
        assert_eq!((host.network_mode.as_deref(), host.readonly_rootfs), (Some("none"), Some(true)));
        assert_eq!(
            (host.cap_drop.unwrap(), host.security_opt.unwrap()),
            (vec!["ALL".to_owned()], vec!["no-new-privileges:true".to_owned()])
        );
        assert_eq!((host.privileged, host.cap_add, host.devices, host.binds), (None, None, None, None));
        assert_eq!((host.memory, host.memory_swap, host.pids_limit), (Some(80 << 20), Some(80 << 20), Some(34)));
        let writable: Vec<_> = host.mounts.iter().flatten().filter(|mount| mount.read_only != Some(true)).collect();
        let writable: Vec<_> = writable.iter().filter_map(|mount| mount.target.as_deref()).collect();
        assert_eq!(writable, ["/workspace", "/cache"]);
        assert!(host.mounts.iter().flatten().any(|mount| mount.target.as_deref() == Some("/tools/shared")));
        let sockets = |mount: &Mount| mount.source.as_deref().is_some_and(|source| source.ends_with(".sock"));
        assert!(!host.mounts.iter().flatten().any(sockets), "whoever has the engine's socket is root");
        assert_ne!(made.user.unwrap(), "0:0");
        assert_eq!(made.labels.unwrap()[LABEL_ROOT], root.path().display().to_string());
    }

    #[test]
    fn who_runs_is_decided_by_what_may_be_seen() {
        let users = Users::of_this_process();
        let of = |sight| command(vec!["a;b $(c)".to_owned()], sight, users, false);
        assert_eq!(of(Sight::Writes).user, Some(users.writer.named()));
        for sight in [Sight::Looks, Sight::Nothing] {
            assert_eq!(of(sight).user, Some(users.reader.named()));
        }
        assert_eq!(of(Sight::Nothing).working_dir.as_deref(), Some("/tmp"));
        assert_eq!(of(Sight::Looks).cmd.unwrap().last().unwrap(), "a;b $(c)");
    }
}
