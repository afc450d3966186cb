//! What a tool left in the workspace, seen from outside: before and after it ran.

use std::{collections::BTreeMap, fs, io, ops::Bound, os::unix::fs::MetadataExt as _, path::Path};

use crate::tools::sandbox::MOST_FILES;

/// Every entry by its path, a folder's ends with a slash, and by what changes whenever it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen(BTreeMap<String, Mark>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    bytes: u64,
    /// Of the entry's record: no program can set it. A folder's says what is in it, which is seen anyway.
    changed: (i64, i64),
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Other,
}

/// What became different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Plain files that are new or were written.
    pub files: Vec<String>,
    /// Anything that is no longer there. A folder that held something is not named beside that.
    pub removed: Vec<String>,
    /// Links, empty folders and other things that are new.
    pub others: Vec<String>,
    /// It could not be looked at, so it may be anything.
    pub unseen: bool,
}

impl Difference {
    pub(super) const fn is_none(&self) -> bool {
        !self.unseen && self.files.is_empty() && self.removed.is_empty() && self.others.is_empty()
    }
}

/// Looks at everything below, following no link. A workspace with more than a tool may leave is not looked through.
pub(super) fn look(workspace: &Path) -> io::Result<Seen> {
    look_at_most(workspace, MOST_FILES)
}

fn look_at_most(workspace: &Path, most: usize) -> io::Result<Seen> {
    let (mut seen, mut looked_at) = (Seen::default(), 0);
    let mut open = vec![(workspace.to_path_buf(), String::new())];
    while let Some((folder, path)) = open.pop() {
        for entry in fs::read_dir(folder)? {
            looked_at += 1;
            if looked_at > most {
                return Err(io::Error::other(format!("there are more than {most} files in the workspace")));
            }
            let entry = entry?;
            let meta = entry.metadata()?;
            let name = format!("{path}{}", entry.file_name().to_string_lossy());
            if meta.is_dir() {
                let name = format!("{name}/");
                open.push((entry.path(), name.clone()));
                seen.0.insert(name, Mark { inode: meta.ino(), bytes: 0, changed: (0, 0), kind: Kind::Folder });
                continue;
            }
            let kind = if meta.is_file() { Kind::File } else { Kind::Other };
            let changed = (meta.ctime(), meta.ctime_nsec());
            seen.0.insert(name, Mark { inode: meta.ino(), bytes: meta.len(), changed, kind });
        }
    }
    Ok(seen)
}

impl Seen {
    /// Whether something lies below this, a folder.
    fn holds_more(&self, folder: &str) -> bool {
        let behind = (Bound::Excluded(folder), Bound::Unbounded);
        // What is below a folder stands right behind it.
        self.0.range::<str, _>(behind).next().is_some_and(|(name, _)| name.starts_with(folder))
    }

    /// Everything but folders that hold something.
    fn leaves(&self) -> impl Iterator<Item = (&String, &Mark)> {
        self.0.iter().filter(|(name, mark)| mark.kind != Kind::Folder || !self.holds_more(name))
    }
}

/// What is different in `after`.
pub(super) fn difference(before: &Seen, after: &Seen) -> Difference {
    let new = after.leaves().filter(|(name, mark)| before.0.get(*name) != Some(*mark));
    let (files, others): (Vec<_>, Vec<_>) = new.partition(|(_, mark)| mark.kind == Kind::File);
    let names = |entries: Vec<(&String, _)>| entries.into_iter().map(|(name, _)| name.clone()).collect();
    let removed = before.leaves().filter(|(name, _)| !after.0.contains_key(*name));
    Difference { files: names(files), removed: names(removed.collect()), others: names(others), unseen: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_with_more_than_is_looked_at_is_refused_flat_or_deep() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..10 {
            fs::write(root.path().join(number.to_string()), "").unwrap();
        }
        assert_eq!(look_at_most(root.path(), 10).unwrap().0.len(), 10);
        let error = look_at_most(root.path(), 9).unwrap_err();
        assert_eq!(error.to_string(), "there are more than 9 files in the workspace");
        let deep = tempfile::tempdir().unwrap();
        fs::create_dir_all(deep.path().join("a/b/c/d")).unwrap();
        assert!(look_at_most(deep.path(), 4).is_ok() && look_at_most(deep.path(), 3).is_err());
    }

    #[test]
    fn what_was_written_removed_or_linked_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        for name in ["same", "written", "removed"] {
            fs::write(file(name), "1").unwrap();
        }
        let before = look(root.path()).unwrap();
        assert!(difference(&before, &look(root.path()).unwrap()).is_none());
        fs::write(file("new"), "2").unwrap();
        fs::write(file("written"), "longer").unwrap();
        fs::remove_file(file("removed")).unwrap();
        fs::create_dir_all(file("deep/er")).unwrap();
        fs::write(file("deep/er/x"), "").unwrap();
        std::os::unix::fs::symlink("/etc", file("way-out")).unwrap();
        let found = difference(&before, &look(root.path()).unwrap());
        assert_eq!(found.files, ["deep/er/x", "new", "written"]);
        assert_eq!((found.removed, found.others), (vec!["removed".to_owned()], vec!["way-out".to_owned()]));
    }

    #[test]
    fn folders_are_seen_where_nothing_in_them_is() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["emptied", "full/of", "gone/deep", "kept", "replaced"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["emptied/x", "full/of/y", "replaced/z"] {
            fs::write(at(name), "").unwrap();
        }
        let before = look(root.path()).unwrap();
        fs::create_dir_all(at("new/er")).unwrap();
        fs::create_dir_all(at("new.txt")).unwrap();
        fs::create_dir_all(at("filled/up")).unwrap();
        fs::write(at("filled/up/x"), "").unwrap();
        fs::remove_file(at("emptied/x")).unwrap();
        for name in ["full", "gone", "replaced"] {
            fs::remove_dir_all(at(name)).unwrap();
        }
        fs::write(at("replaced"), "").unwrap();
        let found = difference(&before, &look(root.path()).unwrap());
        assert_eq!(found.files, ["filled/up/x", "replaced"]);
        assert_eq!(found.others, ["new.txt/", "new/er/"]);
        assert_eq!(found.removed, ["emptied/x", "full/of/y", "gone/deep/", "replaced/z"]);

        let before = look(root.path()).unwrap();
        fs::create_dir(at("alone")).unwrap();
        assert!(!difference(&before, &look(root.path()).unwrap()).is_none(), "who made a folder wrote");
    }
}
