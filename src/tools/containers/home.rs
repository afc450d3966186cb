//! Whose container it is, and which folders lie in it.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::tools::{
    folder::Folder,
    own::Whose,
    sandbox::{Job, NoSandbox},
};

/// Where they are found inside.
pub(super) const WORKSPACE: &str = "/workspace";
pub(super) const CACHE: &str = "/cache";
const TOOLS: &str = "/tools";

/// The owner of a container, and its folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// One container each: a persona's id.
    pub(super) key: String,
    /// How people call the owner.
    pub(super) name: String,
    pub(super) workspace: PathBuf,
    /// Outlives every container.
    pub(super) cache: PathBuf,
    /// By name: folders with own tools; not all of them are there.
    tools: Vec<(&'static str, PathBuf)>,
}

impl Home {
    /// A persona's.
    pub fn of(data_root: &Path, Whose { id, slug }: Whose<'_>) -> Self {
        let folders = data_root.join("personas");
        let own = folders.join(id.to_string());
        Self {
            key: id.to_string(),
            name: slug.to_owned(),
            workspace: Folder::place(data_root, id),
            cache: own.join("cache"),
            tools: vec![
                ("shared", data_root.join("tools")),
                ("own", own.join("tools")),
                ("named", folders.join(slug).join("tools")),
            ],
        }
    }

    /// Nobody's: to try a tool in a folder that is thrown away, with a cache beside it.
    pub fn to_try(data_root: &Path, folder: &Path) -> Self {
        Self {
            key: "try".to_owned(),
            name: "try".to_owned(),
            workspace: folder.join("workspace"),
            cache: folder.join("cache"),
            tools: vec![("shared", data_root.join("tools"))],
        }
    }

    /// Folders with tools that are there, and where they lie inside.
    pub(super) fn tools(&self) -> impl Iterator<Item = (&Path, String)> {
        let there = self.tools.iter().filter(|(_, folder)| folder.is_dir());
        there.map(|(name, folder)| (folder.as_path(), format!("{TOOLS}/{name}")))
    }

    /// What a container is bound to: a folder that was made anew is another one.
    pub(super) fn standing(&self) -> Vec<(u64, u64)> {
        let folders = [&self.workspace, &self.cache].into_iter().chain(self.tools.iter().map(|(_, folder)| folder));
        let mark = |folder: &PathBuf| fs::metadata(folder).map(|meta| (meta.dev(), meta.ino())).unwrap_or_default();
        folders.map(mark).collect()
    }

    /// A command as it is written inside: a word that begins with `./` names something in the tool's own folder.
    pub(super) fn command(&self, job: &Job<'_>) -> Result<Vec<String>, NoSandbox> {
        let place = match job.folder {
            Some(folder) => Some(self.inside(folder)?),
            None => None,
        };
        let word = |word: &String| match (word.strip_prefix("./"), &place) {
            (Some(file), Some(place)) => format!("{place}/{file}"),
            _ => word.clone(),
        };
        Ok(job.command.iter().map(word).collect())
    }

    fn inside(&self, folder: &Path) -> Result<String, NoSandbox> {
        let found = self.tools().find_map(|(place, inside)| {
            let name = folder.strip_prefix(place).ok()?.to_str()?;
            Some(format!("{inside}/{name}"))
        });
        found.ok_or_else(|| NoSandbox::Refused(format!("{} is in no folder of tools", folder.display())))
    }
}

#[cfg(test)]
mod tests {
    use actors::domain::PersonaId;

    use super::*;

    #[test]
    fn a_tool_is_found_where_its_folder_lies_inside() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::of(root.path(), Whose { id: PersonaId::from([7; 16]), slug: "ada" });
        let (shared, named) = (root.path().join("tools/count"), root.path().join("personas/ada/tools/note"));
        for folder in [&shared, &named] {
            fs::create_dir_all(folder).unwrap();
        }
        let command = ["sh", "./run me", "../x", ".hidden"].map(str::to_owned);
        let written = |folder| home.command(&Job { folder, ..Job::new(&command) });
        assert_eq!(written(Some(&shared)).unwrap(), ["sh", "/tools/shared/count/run me", "../x", ".hidden"]);
        assert_eq!(written(Some(&named)).unwrap()[1], "/tools/named/note/run me");
        assert_eq!(written(None).unwrap(), command);
        assert!(written(Some(Path::new("/etc"))).is_err());
    }

    #[test]
    fn a_folder_that_was_made_anew_is_another_one() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::of(root.path(), Whose { id: PersonaId::from([7; 16]), slug: "ada" });
        fs::create_dir_all(&home.workspace).unwrap();
        let first = home.standing();
        assert_eq!(first, home.standing());
        fs::create_dir_all(root.path().join("tools")).unwrap();
        assert_ne!(first, home.standing());
    }
}
