//! A persona's profile on disk: its folder, the lock that says whose it is, and what a crash left behind.
//!
//! `<root>/<persona id>/` holds `profile/` (Chromium's), `lock` (held while a browser of ours uses it), `browser.json`
//! (which process that is), `refs` (up to where numbers of elements are taken), `cookies.sealed`, and while the browser
//! runs `cache/`.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use actors::domain::PersonaId;
use serde_json::{Value, json};

use super::process::ProcessMark;

/// What Chromium writes down of what was typed and visited, and no login needs. Below its folder.
const TRACES: [&str; 12] = [
    "Default/Web Data",
    "Default/Web Data-journal",
    "Default/Login Data",
    "Default/Login Data-journal",
    "Default/Login Data For Account",
    "Default/Login Data For Account-journal",
    "Default/History",
    "Default/History-journal",
    "Default/Favicons",
    "Default/Favicons-journal",
    "Default/Sessions",
    "Default/Cache",
];

/// A profile folder in our hands; the lock is given back on drop.
#[derive(Debug)]
pub(super) struct Profile {
    folder: PathBuf,
    lock: File,
}

/// A profile that cannot be used now.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    #[error("browser profile {} is in use by another greenroom process; stop that one first", .0.display())]
    InUse(PathBuf),
    #[error("browser profile {} cannot be used: {error}; check the folder's owner and the free disk space", .folder.display())]
    Folder { folder: PathBuf, error: io::Error },
}

impl Drop for Profile {
    fn drop(&mut self) {
        // Closing is not enough: a child that is just being started holds a copy of the handle until its exec.
        let _ = self.lock.unlock();
    }
}

impl Profile {
    /// Creates the folder when missing, takes its lock, ends a browser that a crash left, and repairs stale locks.
    pub(super) async fn take(root: &Path, persona: PersonaId) -> Result<Self, ProfileError> {
        Self::take_folder(root.join(persona.to_string())).await
    }

    async fn take_folder(folder: PathBuf) -> Result<Self, ProfileError> {
        let failed = |error: io::Error| ProfileError::Folder { folder: folder.clone(), error };
        let data = folder.join("profile");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&data).map_err(failed)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ProfileError::InUse(folder)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let profile = Self { folder, lock };
        profile.end_left_over().await;
        profile.remove_stale_locks();
        profile.remove_traces();
        profile.prefer().map_err(|error| ProfileError::Folder { folder: profile.folder.clone(), error })?;
        Ok(profile)
    }

    /// Chromium's own folder.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// Where Chromium keeps what it loaded, until it is closed.
    pub(super) fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// Chromium remembers no form, no password and no address. A person's other settings of this profile stay.
    fn prefer(&self) -> io::Result<()> {
        let file = self.data().join("Default/Preferences");
        let held = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let mut all = held.unwrap_or(Value::Null);
        let wanted = json!({
            "autofill": { "enabled": false, "profile_enabled": false, "credit_card_enabled": false },
            "credentials_enable_service": false,
            "profile": { "password_manager_enabled": false },
            "history": { "saving_disabled": true },
        });
        lay_over(&mut all, &wanted);
        fs::create_dir_all(self.data().join("Default"))?;
        fs::write(file, serde_json::to_vec(&all)?)
    }

    /// Also what a crash, or a version of ours before, left there. Only while no browser uses the profile.
    fn remove_traces(&self) {
        for place in TRACES.map(|name| self.data().join(name)).into_iter().chain([self.cache()]) {
            // Mostly it is not there, and each is one or the other.
            let _ = fs::remove_file(&place);
            let _ = fs::remove_dir_all(&place);
        }
    }

    pub(super) fn cookie_file(&self) -> PathBuf {
        self.folder.join("cookies.sealed")
    }

    /// Writes down which process uses the profile, for whoever comes after a crash.
    pub(super) fn note_browser(&self, mark: ProcessMark) -> io::Result<()> {
        fs::write(self.browser_file(), serde_json::to_vec(&mark)?)
    }

    /// The browser has ended.
    pub(super) fn forget_browser(&self) {
        self.remove_traces();
        // When it stays, the next start finds no such process.
        let _ = fs::remove_file(self.browser_file());
    }

    /// Up to where numbers of elements are taken; 0: none was ever given.
    pub(super) fn refs_taken(&self) -> u32 {
        let noted = fs::read_to_string(self.folder.join("refs")).ok();
        noted.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// Takes numbers of elements up to this one for good.
    pub(super) fn take_refs(&self, upto: u32) -> io::Result<()> {
        let new = self.folder.join("refs.new");
        let mut file = File::create(&new)?;
        file.write_all(upto.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(new, self.folder.join("refs"))
    }

    fn browser_file(&self) -> PathBuf {
        self.folder.join("browser.json")
    }

    /// Whose browser is still alive although its owner let go of the lock: an orphan.
    fn left_over(&self) -> Vec<ProcessMark> {
        let noted = fs::read(self.browser_file()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        // Chromium's own lock names the process too: `host-4242`.
        let locked = fs::read_link(self.data().join("SingletonLock")).ok().and_then(|target| {
            let (_, pid) = target.to_str()?.rsplit_once('-')?;
            ProcessMark::of(pid.parse().ok()?)
        });
        let marks = noted.into_iter().chain(locked);
        marks.filter(|mark: &ProcessMark| mark.runs_with(&self.data())).collect()
    }

    async fn end_left_over(&self) -> usize {
        let marks = self.left_over();
        for mark in &marks {
            tracing::warn!(pid = mark.pid, "browser {} was left over by a crash and is ended", mark.pid);
            mark.kill().await;
        }
        self.forget_browser();
        marks.len()
    }

    /// Chromium keeps the socket in a folder of its own below the system's temporary one, where only Chromium's clean
    /// end removes it.
    fn remove_stale_socket(&self) {
        let Ok(socket) = fs::read_link(self.data().join("SingletonSocket")) else { return };
        let Some(folder) = socket.parent().filter(|folder| is_socket_folder(folder)) else { return };
        for name in ["SingletonSocket", "SingletonCookie"] {
            let _ = fs::remove_file(folder.join(name));
        }
        // With anything else in it it stays.
        let _ = fs::remove_dir(folder);
    }

    /// Only while we hold the folder's lock: nobody else can be using it then.
    fn remove_stale_locks(&self) {
        self.remove_stale_socket();
        for name in ["SingletonLock", "SingletonSocket", "SingletonCookie"] {
            // Mostly they are not there.
            let _ = fs::remove_file(self.data().join(name));
        }
    }
}

/// The fields of one on top of those of the other.
fn lay_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                lay_over(below.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

fn is_socket_folder(folder: &Path) -> bool {
    let named = folder.file_name().and_then(OsStr::to_str);
    folder.is_absolute() && named.is_some_and(|name| name.contains("org.chromium.Chromium."))
}

/// Ends every browser that no living process of ours owns; says how many profiles were freed.
pub(super) async fn sweep(root: &Path) -> usize {
    let folders = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut freed = 0;
    for folder in folders.filter(|folder| folder.join("browser.json").exists()) {
        match Profile::take_folder(folder).await {
            Ok(_) => freed += 1,
            Err(ProfileError::InUse(_)) => {}
            Err(error) => tracing::warn!("a browser profile could not be swept: {error}"),
        }
    }
    freed
}

#[cfg(test)]
mod tests {
    use super::{super::process::tests::process_with, *};

    fn persona() -> PersonaId {
        PersonaId(uuid::Uuid::from_u128(1))
    }

    #[tokio::test]
    async fn a_profile_has_one_holder() {
        let root = tempfile::tempdir().unwrap();
        let held = Profile::take(root.path(), persona()).await.unwrap();
        assert!(matches!(Profile::take(root.path(), persona()).await, Err(ProfileError::InUse(_))));
        drop(held);
        assert!(Profile::take(root.path(), persona()).await.is_ok());
    }

    #[tokio::test]
    async fn a_profile_remembers_no_form_and_keeps_what_else_is_set() {
        let root = tempfile::tempdir().unwrap();
        let held = Profile::take(root.path(), persona()).await.unwrap();
        let file = |name: &str| held.data().join("Default").join(name);
        fs::write(file("Preferences"), r#"{"autofill": {"profile_enabled": true, "other": 1}, "zoom": 2}"#).unwrap();
        fs::write(file("Web Data"), "what was typed").unwrap();
        fs::write(file("Cookies"), "logins").unwrap();
        fs::create_dir_all(held.cache().join("Cache_Data")).unwrap();
        held.prefer().unwrap();
        held.remove_traces();
        let set: Value = serde_json::from_slice(&fs::read(file("Preferences")).unwrap()).unwrap();
        let told = (&set["autofill"]["profile_enabled"], &set["autofill"]["other"], &set["zoom"]);
        assert_eq!(told, (&json!(false), &json!(1), &json!(2)), "{set}");
        assert!(!file("Web Data").exists() && !held.cache().exists() && file("Cookies").exists());
    }

    #[tokio::test]
    async fn an_orphan_is_ended_and_a_foreign_lock_removed() {
        let root = tempfile::tempdir().unwrap();
        let held = Profile::take(root.path(), persona()).await.unwrap();
        let mut orphan = process_with(&held.data().join("some-file")).await;
        held.note_browser(ProcessMark::of(orphan.id().unwrap() as i32).unwrap()).unwrap();
        std::os::unix::fs::symlink("otherhost-1", held.data().join("SingletonLock")).unwrap();
        let socket_folder = root.path().join("org.chromium.Chromium.a1B2c3");
        fs::create_dir(&socket_folder).unwrap();
        fs::write(socket_folder.join("SingletonSocket"), "").unwrap();
        std::os::unix::fs::symlink(socket_folder.join("SingletonSocket"), held.data().join("SingletonSocket")).unwrap();
        drop(held);

        assert_eq!(sweep(root.path()).await, 1);
        assert!(!orphan.wait().await.unwrap().success());
        let held = Profile::take(root.path(), persona()).await.unwrap();
        assert!(fs::symlink_metadata(held.data().join("SingletonLock")).is_err());
        assert!(!socket_folder.exists(), "the socket of a browser that was killed is left over");
        assert_eq!(sweep(root.path()).await, 0, "nothing is noted any more");
    }
}
