//! Who is who in a container, and what that lets them do on the disk.
//!
//! One container serves tools of every effect, and its mounts cannot be changed while it runs. So it is the user that holds
//! a tool to its effect: the *writer* owns the workspace; the *reader* owns nothing, and sees at most what it is shown. The
//! first process is a third one's, so that no tool can end or hold it.

use std::{
    fs::{self, DirBuilder, Metadata, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown},
    path::{Path, PathBuf},
};

use rustix::process::{getegid, geteuid};

use crate::tools::sandbox::MOST_FILES;

/// Ids that no system gives away by itself.
const FREE: [u32; 4] = [65_533, 65_532, 65_531, 65_530];
const SHOWN: u32 = 0o755;
const HIDDEN: u32 = 0o700;

/// User and group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who(u32, u32);

impl Who {
    /// As the engine reads it.
    pub(super) fn named(self) -> String {
        format!("{}:{}", self.0, self.1)
    }
}

/// The three users of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Users {
    pub first: Who,
    pub writer: Who,
    pub reader: Who,
    /// We are root, who is no user for a tool: what the writer works on must be given to it.
    gives: bool,
}

impl Users {
    pub(super) fn of_this_process() -> Self {
        Self::of(geteuid().as_raw(), getegid().as_raw())
    }

    fn of(user: u32, group: u32) -> Self {
        let mut free = FREE.into_iter().filter(|id| *id != user && *id != group).map(|id| Who(id, id));
        let mut next = || free.next().unwrap_or(Who(FREE[0], FREE[0]));
        let (first, reader) = (next(), next());
        let gives = user == 0;
        Self { first, reader, writer: if gives { next() } else { Who(user, group) }, gives }
    }

    /// Lets the writer work on what lies there. Before anybody looks at it: a new owner is a change. Blocks.
    pub(super) fn give(self, workspace: &Path) -> io::Result<()> {
        if self.gives {
            each(workspace, |path, meta| self.give_one(path, meta))?;
        }
        set_mode(workspace, SHOWN)
    }

    /// Lets the reader look at what lies there, and change nothing of it. Blocks.
    pub(super) fn show(self, workspace: &Path) -> io::Result<()> {
        each(workspace, |path, meta| {
            let (mode, seen) = (meta.mode() & 0o7777, readable(meta.mode()));
            if meta.is_symlink() || mode == seen { Ok(()) } else { set_mode(path, seen) }
        })?;
        set_mode(workspace, SHOWN)
    }

    /// Lets the reader not even look. Blocks.
    pub(super) fn hide(workspace: &Path) -> io::Result<()> {
        set_mode(workspace, HIDDEN)
    }

    /// Makes a folder that is the writer's and that others may read. Blocks.
    pub(super) fn make(self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(SHOWN).create(folder)?;
        if self.gives { self.give_one(folder, &fs::symlink_metadata(folder)?) } else { Ok(()) }
    }

    fn give_one(self, path: &Path, meta: &Metadata) -> io::Result<()> {
        let Who(user, group) = self.writer;
        if (meta.uid(), meta.gid()) == (user, group) { Ok(()) } else { lchown(path, Some(user), Some(group)) }
    }
}

/// Gives us back what a container's writer owns; only root needs to, and only where one was at work. Blocks.
pub(in crate::tools) fn take_back(workspace: &Path) -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    if user != 0 || fs::symlink_metadata(workspace)?.uid() == user {
        return Ok(());
    }
    each(workspace, |path, _| lchown(path, Some(user), Some(group)))
}

/// What the owner may read or run, everybody may, and nobody else may change.
const fn readable(mode: u32) -> u32 {
    let seen = mode & 0o500;
    (mode & 0o700) | (seen >> 3) | (seen >> 6)
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Everything below, following no link, and the folder itself last. Nobody works there meanwhile.
fn each(folder: &Path, act: impl Fn(&Path, &Metadata) -> io::Result<()>) -> io::Result<()> {
    let (mut open, mut looked_at): (Vec<PathBuf>, _) = (vec![folder.to_owned()], 0);
    while let Some(inside) = open.pop() {
        for entry in fs::read_dir(inside)? {
            let entry = entry?;
            looked_at += 1;
            if looked_at > MOST_FILES {
                return Err(io::Error::other(format!("there are more than {MOST_FILES} files in the workspace")));
            }
            let (path, meta) = (entry.path(), entry.metadata()?);
            act(&path, &meta)?;
            if meta.is_dir() {
                open.push(path);
            }
        }
    }
    act(folder, &fs::symlink_metadata(folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_are_never_one_and_never_root() {
        for (user, group) in [(0, 0), (1000, 1000), (65_533, 65_533), (65_532, 65_531), (65_533, 0)] {
            let users = Users::of(user, group);
            let ids = [users.first.0, users.writer.0, users.reader.0];
            assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2] && !ids.contains(&0), "{users:?}");
            assert!(users.reader.1 != users.writer.1 && users.gives == (user == 0), "{users:?}");
        }
        assert_eq!(Users::of(1000, 100).writer.named(), "1000:100");
    }

    #[test]
    fn what_is_shown_can_be_read_and_changed_by_nobody_else() {
        for (had, has) in
            [(0o600, 0o644), (0o666, 0o644), (0o700, 0o755), (0o4777, 0o755), (0o022, 0o000), (0o200, 0o200)]
        {
            assert_eq!(readable(had), has, "{had:o}");
        }
        let root = tempfile::tempdir().unwrap();
        let (deep, file) = (root.path().join("a/b"), root.path().join("a/b/c"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("link")).unwrap();
        set_mode(&file, 0o666).unwrap();
        set_mode(&deep, 0o700).unwrap();
        let (users, mode) = (Users::of(1000, 1000), |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777);
        let outside = mode(Path::new("/etc/passwd"));
        users.show(root.path()).unwrap();
        assert_eq!((mode(&file), mode(&deep), mode(root.path())), (0o644, 0o755, 0o755));
        Users::hide(root.path()).unwrap();
        assert_eq!((mode(root.path()), mode(Path::new("/etc/passwd"))), (0o700, outside));
    }
}
