//! A persona's own folder: nothing in it leads out of it, and a file is whole or not there.
//!
//! Every part of a path is opened from the folder above it without following links, so a link that a tool or a person
//! put there cannot carry a write elsewhere. A file is written beside its place, synced, and moved there.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use actors::domain::PersonaId;
use rustix::{
    fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags},
    io::Errno,
};

const DEEPEST: usize = 8;
const LONGEST_PART: usize = 200;
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The folder, held alone until dropped.
pub(super) struct Folder {
    root: OwnedFd,
}

/// A path that stays inside.
pub(super) struct Inside<'a> {
    pub text: &'a str,
    folders: Vec<&'a str>,
    /// The last part.
    pub name: &'a str,
}

/// A file that lies in the folder.
pub(super) struct Lying {
    /// From the folder that was looked into.
    pub path: String,
    pub bytes: u64,
}

/// A file that was not written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    #[error("`{path}` is not a path inside the persona's folder: {reason}")]
    BadPath { path: String, reason: &'static str },
    #[error("`{path}` leads over a link or through something that is not a folder; remove it or choose another path")]
    LeadsOut { path: String },
    #[error("`{path}` is not a plain file; choose another path")]
    NotAFile { path: String },
    #[error("`{path}` has {bytes} bytes; at most {most} are taken. Choose a new file or shorten it")]
    TooLarge { path: String, bytes: u64, most: u64 },
    #[error("the disk that holds `{path}` is full; free some space, then retry the goal")]
    DiskFull { path: String },
    #[error("`{path}` could not be {action}: {source}; check the data folder's disk and permissions")]
    Io { action: &'static str, path: String, source: io::Error },
    /// It is in its place, but a power cut could still undo that.
    #[error("`{path}` was written but not yet secured on disk: {source}; retry the goal")]
    Unsecured { path: String, source: io::Error },
}

impl FolderError {
    /// Another attempt may succeed without anyone changing the goal.
    pub(super) const fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Io { .. } | Self::Unsecured { .. })
    }

    fn io(action: &'static str, path: &str, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.to_owned(), source.into());
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { action, path, source },
        }
    }
}

impl<'a> Inside<'a> {
    /// Checks the words of a path; what lies there is checked when it is opened.
    pub(super) fn parse(text: &'a str) -> Result<Self, FolderError> {
        let bad = |reason| Err(FolderError::BadPath { path: text.to_owned(), reason });
        let mut folders: Vec<&str> = text.split('/').collect();
        let name = folders.pop().unwrap_or_default();
        for part in folders.iter().chain([&name]) {
            match *part {
                "" => return bad("it is empty, absolute, or holds an empty part"),
                "." | ".." => return bad("it holds `.` or `..`"),
                part if part.len() > LONGEST_PART => return bad("a part of it is longer than 200 bytes"),
                part if part.chars().any(|c| c.is_control() || c == '\\') => {
                    return bad("it holds a control character or `\\`");
                }
                part if part.starts_with(".greenroom-") => return bad("names that begin with `.greenroom-` are taken"),
                _ => {}
            }
        }
        if folders.len() > DEEPEST { bad("it is more than 8 folders deep") } else { Ok(Self { text, folders, name }) }
    }
}

impl Folder {
    /// Opens the persona's folder, made if need be, and waits until nobody else works in it. Blocks.
    pub(super) fn open(data_root: &Path, persona: PersonaId) -> Result<Self, FolderError> {
        let path = Self::place(data_root, persona);
        let shown = path.display().to_string();
        fs::create_dir_all(&path).map_err(|source| FolderError::io("created", &shown, source))?;
        let opened = rustix::fs::open(&path, FOLDER, Mode::empty());
        let root = opened.map_err(|source| FolderError::io("opened", &shown, source))?;
        // A step that was given up may still be writing; the lock ends with the descriptor.
        rustix::fs::flock(&root, FlockOperation::LockExclusive)
            .map_err(|source| FolderError::io("locked", &shown, source))?;
        Ok(Self { root })
    }

    /// Where it lies.
    pub(super) fn place(data_root: &Path, persona: PersonaId) -> PathBuf {
        data_root.join("personas").join(persona.to_string()).join("files")
    }

    /// The whole file; none: there is none.
    pub(super) fn read(&self, path: &Inside<'_>, most: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let failed = |source: io::Error| FolderError::io("read", path.text, source);
        let parent = match self.parent(path, false) {
            Ok(parent) => parent,
            Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Non-blocking, so that a pipe in its place cannot hold us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&parent, path.name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(FolderError::LeadsOut { path: path.text.to_owned() }),
            Err(errno) => return Err(failed(errno.into())),
        };
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Err(FolderError::NotAFile { path: path.text.to_owned() });
        }
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
        check_size(path, meta.len().max(bytes.len() as u64), most)?;
        Ok(Some(bytes))
    }

    /// The plain files in a folder of it (none: in all of it) and below, by name, `most` at most; none: there is no such
    /// folder. Links are neither followed nor named.
    pub(super) fn list(&self, at: Option<&Inside<'_>>, most: usize) -> Result<Option<Vec<Lying>>, FolderError> {
        let shown = at.map_or("", |at| at.text);
        let failed = |source: io::Error| FolderError::io("listed", shown, source);
        let top = match at {
            None => self.root.try_clone().map_err(failed)?,
            Some(at) => match self.parent(at, false).and_then(|parent| below(&parent, at)) {
                Ok(folder) => folder,
                Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        let mut found = Vec::new();
        gather(&top, "", DEEPEST, most, &mut found).map_err(failed)?;
        Ok(Some(found))
    }

    /// Puts a file in its place: whole and on disk when this returns, untouched when it fails (but for `Unsecured`).
    pub(super) fn replace(&self, path: &Inside<'_>, bytes: &[u8], most: u64) -> Result<(), FolderError> {
        check_size(path, bytes.len() as u64, most)?;
        let parent = self.parent(path, true)?;
        // One name for all: the folder is locked, so a file of that name is what a crash left.
        let beside = ".greenroom-new";
        match rustix::fs::unlinkat(&parent, beside, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(FolderError::io("written", path.text, errno)),
        }
        let written = write_new(&parent, beside, bytes)
            .and_then(|()| rustix::fs::renameat(&parent, beside, &parent, path.name).map_err(io::Error::from));
        if let Err(source) = written {
            let _ = rustix::fs::unlinkat(&parent, beside, AtFlags::empty());
            return Err(match source.kind() {
                io::ErrorKind::IsADirectory => FolderError::NotAFile { path: path.text.to_owned() },
                _ => FolderError::io("written", path.text, source),
            });
        }
        rustix::fs::fsync(&parent)
            .map_err(|errno| FolderError::Unsecured { path: path.text.to_owned(), source: errno.into() })
    }

    /// The folder that holds the last part.
    fn parent(&self, path: &Inside<'_>, make: bool) -> Result<OwnedFd, FolderError> {
        let failed = |errno: Errno| leads_out(path, errno);
        let mut at = self.root.try_clone().map_err(|source| FolderError::io("opened", path.text, source))?;
        for part in &path.folders {
            if make {
                match rustix::fs::mkdirat(&at, *part, Mode::from_raw_mode(0o755)) {
                    Ok(()) => rustix::fs::fsync(&at).map_err(failed)?,
                    Err(Errno::EXIST) => {}
                    Err(errno) => return Err(failed(errno)),
                }
            }
            at = rustix::fs::openat(&at, *part, FOLDER, Mode::empty()).map_err(failed)?;
        }
        Ok(at)
    }
}

fn below(parent: &OwnedFd, at: &Inside<'_>) -> Result<OwnedFd, FolderError> {
    rustix::fs::openat(parent, at.name, FOLDER, Mode::empty()).map_err(|errno| leads_out(at, errno))
}

fn leads_out(path: &Inside<'_>, errno: Errno) -> FolderError {
    match errno {
        Errno::LOOP | Errno::NOTDIR => FolderError::LeadsOut { path: path.text.to_owned() },
        errno => FolderError::io("opened", path.text, errno),
    }
}

/// Adds the plain files of a folder and, `deeper` levels at most, of those below it.
fn gather(folder: &OwnedFd, before: &str, deeper: usize, most: usize, found: &mut Vec<Lying>) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !name.to_bytes().starts_with(b".greenroom-") && !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort_unstable();
    for name in names {
        if found.len() >= most {
            break;
        }
        let path = format!("{before}{}", name.to_string_lossy());
        let meta = match rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(meta) => meta,
            // It went meanwhile.
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno.into()),
        };
        match FileType::from_raw_mode(meta.st_mode) {
            FileType::RegularFile => found.push(Lying { path, bytes: u64::try_from(meta.st_size).unwrap_or(0) }),
            FileType::Directory if deeper > 0 => {
                let below = rustix::fs::openat(folder, &name, FOLDER, Mode::empty())?;
                gather(&below, &format!("{path}/"), deeper - 1, most, found)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_size(path: &Inside<'_>, bytes: u64, most: u64) -> Result<(), FolderError> {
    if bytes > most { Err(FolderError::TooLarge { path: path.text.to_owned(), bytes, most }) } else { Ok(()) }
}

fn write_new(parent: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o644))?);
    file.write_all(bytes)?;
    file.sync_all()
}

/// What a file holds, by its name.
pub(in crate::tools) fn media_type(path: &str) -> &'static str {
    mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: PersonaId = PersonaId(uuid::Uuid::from_u128(7));

    #[test]
    fn only_paths_that_stay_inside_are_taken() {
        for good in ["a.md", "notes/outline.md", "ü/日本.csv", "..a", ".hidden"] {
            assert!(Inside::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\0b",
            "a\\b",
            ".greenroom-new",
            "a/b/c/d/e/f/g/h/i/j",
        ] {
            assert!(Inside::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_full_disk_is_named_and_worth_another_try() {
        let error = FolderError::io("written", "notes.md", Errno::NOSPC);
        assert_eq!(error.to_string(), "the disk that holds `notes.md` is full; free some space, then retry the goal");
        assert!(error.is_retryable());
    }

    #[test]
    fn a_link_leads_nowhere() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = Folder::open(root.path(), ADA).unwrap();
        let files = root.path().join(format!("personas/{ADA}/files"));
        std::os::unix::fs::symlink(outside.path(), files.join("way-out")).unwrap();
        fs::write(outside.path().join("theirs"), "theirs").unwrap();
        std::os::unix::fs::symlink(outside.path().join("theirs"), files.join("mine")).unwrap();

        let through = Inside::parse("way-out/x").unwrap();
        assert!(matches!(folder.replace(&through, b"x", 9), Err(FolderError::LeadsOut { .. })));
        let link = Inside::parse("mine").unwrap();
        assert!(matches!(folder.read(&link, 9), Err(FolderError::LeadsOut { .. })));
        folder.replace(&link, b"own", 9).unwrap();
        assert_eq!(folder.read(&link, 9).unwrap().unwrap(), b"own", "the link itself was replaced");
        assert_eq!(fs::read(outside.path().join("theirs")).unwrap(), b"theirs");
    }

    #[test]
    fn what_a_crash_left_beside_is_no_obstacle() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path(), ADA).unwrap();
        let files = root.path().join(format!("personas/{ADA}/files"));
        fs::write(files.join(".greenroom-new"), "half").unwrap();
        let path = Inside::parse("whole.txt").unwrap();
        folder.replace(&path, b"whole", 9).unwrap();
        let names: Vec<_> = fs::read_dir(files).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["whole.txt"]);
        assert!(matches!(folder.replace(&path, b"ten bytes!", 9), Err(FolderError::TooLarge { bytes: 10, .. })));
        fs::create_dir(root.path().join(format!("personas/{ADA}/files/d"))).unwrap();
        let place = Inside::parse("d").unwrap();
        assert!(matches!(folder.replace(&place, b"x", 9), Err(FolderError::NotAFile { .. })));
    }
}
