//! What a tool left in the workspace, seen from outside: before and after it ran.

use std::{collections::BTreeMap, fs, io, os::unix::fs::MetadataExt as _, path::Path};

use crate::tools::sandbox::MOST_FILES;

/// Every entry by its path, and by what changes whenever it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen(BTreeMap<String, Mark>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    bytes: u64,
    /// Of the entry's record: no program can set it.
    changed: (i64, i64),
    is_file: bool,
}

/// What became different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Plain files that are new or were written.
    pub files: Vec<String>,
    /// Anything that is no longer there.
    pub removed: Vec<String>,
    /// Links and other things that are new.
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
                open.push((entry.path(), format!("{name}/")));
                continue;
            }
            let mark = Mark {
                inode: meta.ino(),
                bytes: meta.len(),
                changed: (meta.ctime(), meta.ctime_nsec()),
                is_file: meta.is_file(),
            };
            seen.0.insert(name, mark);
        }
    }
    Ok(seen)
}

/// What is different in `after`.
pub(super) fn difference(before: &Seen, after: &Seen) -> Difference {
    let new = |(name, mark): &(&String, &Mark)| before.0.get(*name) != Some(*mark);
    let names = |is_file: bool| {
        let those = after.0.iter().filter(|(_, mark)| mark.is_file == is_file).filter(new);
        those.map(|(name, _)| name.clone()).collect()
    };
    let removed = before.0.keys().filter(|name| !after.0.contains_key(*name)).cloned().collect();
    Difference { files: names(true), removed, others: names(false), unseen: false }
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
}
