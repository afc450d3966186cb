//! What can be seen from outside: this machine, its folders, ports and settings.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::fs::{Access, statvfs};

use super::Finding;
use crate::{
    cli::{announcement::Announcement, lock::DataRootLock},
    config::{Config, Readiness},
};

const MB: u64 = 1024 * 1024;

/// Everything but the database with its keys and the browser.
pub fn machine(config: &Config) -> Vec<Finding> {
    let mut found = vec![settings(config), data_root(&config.data_root), disk(config)];
    found.extend(ports(config));
    found.push(models(config));
    found
}

fn settings(config: &Config) -> Finding {
    let mut places: Vec<_> = config.sources.values().map(String::as_str).collect();
    places.sort_unstable();
    places.dedup();
    match places.as_slice() {
        [] => Finding::ok("settings", "the defaults"),
        some => Finding::ok("settings", format!("{} of your own, from {}", config.sources.len(), some.join(", "))),
    }
}

/// The folder itself, or the nearest one above it that is there.
fn nearest(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder)
}

fn data_root(root: &Path) -> Finding {
    let there = nearest(root);
    let next = "make the folder writable for this user, or name another with DATA_ROOT";
    if !there.is_dir() {
        return Finding::bad("data root", format!("{} is not a folder", there.display()), next);
    }
    if rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Finding::bad("data root", format!("{} cannot be written", there.display()), next);
    }
    if there != root {
        return Finding::ok("data root", format!("{} will be made", root.display()));
    }
    let mode = root.metadata().map_or(0, |meta| meta.permissions().mode());
    if mode & 0o007 != 0 {
        let found = format!("{} is open to every user of this machine", root.display());
        return Finding::warn("data root", found, format!("chmod 700 {}", root.display()));
    }
    Finding::ok("data root", root.display().to_string())
}

fn disk(config: &Config) -> Finding {
    let folder = nearest(&config.data_root);
    let needed = config.storage.min_free_mb;
    let free = match statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize) / MB,
        Err(error) => {
            let found = format!("the free space of {} is not known: {error}", folder.display());
            return Finding::warn("disk", found, "look at the file system it is on");
        }
    };
    let found = format!("{free} MB free on {}", folder.display());
    if free < needed {
        let next = format!("no work begins below {needed} MB: make room, or lower storage.min_free_mb");
        return Finding::bad("disk", found, next);
    }
    if free < needed.saturating_mul(4) {
        return Finding::warn("disk", found, format!("no work begins below {needed} MB: make room soon"));
    }
    Finding::ok("disk", found)
}

/// A key's file: there, and nobody else's to read.
pub(super) fn key(use_: &str, file: &Path) -> Finding {
    let shown = file.display();
    match file.metadata() {
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            Finding::bad("keys", format!("others may read {shown}"), format!("chmod 600 {shown}"))
        }
        Ok(_) => Finding::ok("keys", format!("{shown} ({use_})")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Finding::ok("keys", format!("{shown} ({use_}) will be made at the first start"))
        }
        Err(error) => {
            Finding::bad("keys", format!("{shown} cannot be read: {error}"), "give it to the user that runs greenroom")
        }
    }
}

fn ports(config: &Config) -> Vec<Finding> {
    let root = &config.data_root;
    if DataRootLock::is_held(root) {
        let server = Announcement::read(root).ok().flatten();
        let found = server.map(|server| format!("a server runs: process {}, {}", server.pid, server.url));
        return vec![Finding::ok("port", found.unwrap_or_else(|| "a server is starting".to_owned()))];
    }
    let address = SocketAddr::new(config.server.host, config.server.port);
    let mut found = vec![port(address, "server.port (or PORT)")];
    if !config.server.host.is_loopback() {
        let open = format!("{} can be reached from other machines", config.server.host);
        found.push(Finding::warn("port", open, "put a proxy with TLS in front, or set server.host to 127.0.0.1"));
    }
    if config.rehearsal.port != 0 {
        found.push(port(SocketAddr::from(([127, 0, 0, 1], config.rehearsal.port)), "rehearsal.port"));
    }
    found
}

fn port(address: SocketAddr, setting: &str) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Finding::ok("port", "a free one will be taken"),
        Ok(_) => Finding::ok("port", format!("{address} is free")),
        Err(error) => {
            let next = format!("end what listens there (`ss -ltnp`), or set {setting}; 0 takes a free one");
            Finding::bad("port", format!("{address} cannot be had: {error}"), next)
        }
    }
}

fn models(config: &Config) -> Finding {
    let models = &config.models;
    let name = &models.default;
    let asked = models.writers_of(name).into_iter().filter_map(|writer| models.provider_of(writer));
    let asked: Vec<_> = asked.filter_map(|(name, model)| Some((models.providers.get(name)?, model))).collect();
    if asked.is_empty() {
        let unused = models.providers.iter().find(|(_, p)| config.env_keys.0.contains_key(&p.key_secret));
        let hint =
            unused.map(|(name, _)| format!("; there is a key for `{name}`: models.default = \"{name}\" uses it"));
        return Finding::ok("models", format!("{name} (built in, no key){}", hint.unwrap_or_default()));
    }
    let shown = asked.iter().map(|(provider, model)| format!("{model} at {}", provider.base_url));
    let found = format!("{name}: {}", shown.collect::<Vec<_>>().join(", then "));
    let Readiness::NoKey(secrets) = models.readiness(name, |secret| config.env_keys.0.contains_key(secret)) else {
        return Finding::ok("models", found);
    };
    let next = format!("unless the secret `{}` is stored already, set it in the environment", secrets.join("` or `"));
    Finding::warn("models", format!("{found}, without a key in the environment"), next)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{
        super::{Finding, Standing},
        *,
    };

    fn of<'a>(found: &'a [Finding], what: &str) -> Vec<&'a Finding> {
        found.iter().filter(|finding| finding.what == what).collect()
    }

    #[test]
    fn a_sound_machine_has_nothing_bad() {
        let root = tempfile::tempdir().unwrap();
        let found = machine(&Config::for_test(&root.path().join("new")));
        assert!(found.iter().all(|finding| finding.standing == Standing::Ok), "{found:#?}");
        assert!(of(&found, "data root")[0].found.ends_with("will be made"));
    }

    #[test]
    fn what_is_wrong_comes_with_the_next_step() {
        let root = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = Config::for_test(root.path());
        config.server.port = taken.local_addr().unwrap().port();
        config.storage.min_free_mb = u64::MAX;
        fs::create_dir(root.path().join("keys")).unwrap();
        fs::write(&config.storage.key_file, "x").unwrap();
        fs::set_permissions(&config.storage.key_file, fs::Permissions::from_mode(0o644)).unwrap();
        config.models.default = "openrouter".into();

        let mut found = machine(&config);
        found.push(key("secrets", &config.storage.key_file));
        for what in ["port", "disk", "keys"] {
            assert!(of(&found, what).iter().any(|finding| finding.standing == Standing::Bad), "{what}: {found:#?}");
        }
        assert_eq!(of(&found, "models")[0].standing, Standing::Warn);
        config.models.default = "everyday".into();
        let found_on_route = machine(&config);
        let route = of(&found_on_route, "models")[0];
        // The understudy on it needs no key.
        assert!(route.standing == Standing::Ok && route.found.starts_with("everyday: openai/gpt-4o-mini at "));
        assert!(found.iter().all(|finding| finding.standing == Standing::Ok || finding.next.is_some()));
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_bad() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(data_root(&file).standing, Standing::Bad);
        assert_eq!(data_root(&file.join("deeper")).standing, Standing::Bad);
    }

    #[test]
    fn a_running_server_is_not_taken_for_a_port_in_use() {
        let root = tempfile::tempdir().unwrap();
        let _lock = DataRootLock::take(root.path()).unwrap();
        let server = Announcement { url: "http://127.0.0.1:7".into(), pid: 4, token: "hush".into() };
        server.write(root.path()).unwrap();
        let found = ports(&Config::for_test(root.path()));
        assert!(found[0].found.contains("process 4") && !found[0].found.contains("hush"), "{found:?}");
    }
}
