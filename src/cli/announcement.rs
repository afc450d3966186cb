//! `<data root>/server.json`: where the running server is and the token the command line asks it with.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Written by a server when it is ready, removed when it ends. Only its owner may read it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    pub url: String,
    pub pid: u32,
    pub token: String,
}

impl Announcement {
    /// Written whole or not at all.
    pub fn write(&self, data_root: &Path) -> io::Result<()> {
        let path = path(data_root);
        let draft = path.with_extension("json.new");
        // A draft of a server that died keeps its permissions; a new file gets ours.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(draft, path)
    }

    /// None: no server has announced itself.
    pub fn read(data_root: &Path) -> io::Result<Option<Self>> {
        match fs::read(path(data_root)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The server is ending. A file that is gone already is as good.
    pub fn remove(data_root: &Path) {
        let _ = fs::remove_file(path(data_root));
    }
}

/// Where it lies.
pub fn path(data_root: &Path) -> PathBuf {
    data_root.join("server.json")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_comes_back_and_only_its_owner_may_read_it() {
        let root = tempfile::tempdir().unwrap();
        assert!(Announcement::read(root.path()).unwrap().is_none());
        let written = Announcement { url: "http://127.0.0.1:1".into(), pid: 7, token: "t".into() };
        written.write(root.path()).unwrap();
        written.write(root.path()).unwrap();
        assert!(Announcement::read(root.path()).unwrap() == Some(written));
        assert_eq!(fs::metadata(path(root.path())).unwrap().permissions().mode() & 0o777, 0o600);
        Announcement::remove(root.path());
        assert!(Announcement::read(root.path()).unwrap().is_none());
    }
}
