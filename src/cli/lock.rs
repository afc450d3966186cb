//! One server per data root: whoever holds the lock on `<data root>/lock` may write there.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::announcement::Announcement;

/// The data root is ours until this is dropped; a crash gives it back too.
#[derive(Debug)]
pub struct DataRootLock {
    _file: File,
}

/// The data root cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Ask that server, or end it.
    #[error("a server{who} runs on {root} already: use it, end it, or start this one with another --data-root")]
    Held {
        root: PathBuf,
        /// Which, as far as it is known: ` (process 7, http://…)`.
        who: String,
    },
    /// Mend the folder.
    #[error("the data root {0} cannot be used")]
    Folder(PathBuf, #[source] io::Error),
}

impl DataRootLock {
    /// Makes the data root when it is not there (for its owner alone) and takes it.
    pub fn take(data_root: &Path) -> Result<Self, LockError> {
        let unusable = |error| LockError::Folder(data_root.to_owned(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(data_root).map_err(unusable)?;
        let file = open(data_root).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(LockError::Held { root: data_root.to_owned(), who: holder(data_root) })
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Whether a server holds it now. Changes nothing.
    pub fn is_held(data_root: &Path) -> bool {
        let file = File::open(path(data_root));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

fn path(data_root: &Path) -> PathBuf {
    data_root.join("lock")
}

fn open(data_root: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path(data_root))
}

fn holder(data_root: &Path) -> String {
    let found = Announcement::read(data_root).ok().flatten();
    found.map(|server| format!(" (process {}, {})", server.pid, server.url)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_second_server_is_told_about_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("deep/root");
        let first = DataRootLock::take(&root).unwrap();
        let server = Announcement { url: "http://127.0.0.1:7878".into(), pid: 42, token: "hush".into() };
        server.write(&root).unwrap();
        assert!(DataRootLock::is_held(&root));

        let text = DataRootLock::take(&root).unwrap_err().to_string();
        assert!(text.contains("process 42") && text.contains("http://127.0.0.1:7878"), "{text}");
        assert!(!text.contains("hush"));

        drop(first);
        assert!(!DataRootLock::is_held(&root));
        DataRootLock::take(&root).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("file");
        fs::write(&root, "").unwrap();
        let error = DataRootLock::take(&root).unwrap_err();
        assert!(error.to_string().contains(&root.display().to_string()), "{error}");
    }
}
