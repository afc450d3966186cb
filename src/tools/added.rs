//! Own tools and MCP servers that come over the API: a manifest and a few files, put into their folder whole or not at
//! all, and taken away again. Nothing is written or removed outside that folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Component, Path, PathBuf},
};

use actors::domain::PersonaId;
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use super::{folder::Inside, mcp, own, toolbox};

/// Files beside the manifest.
const MOST_FILES: usize = 32;
/// Of all files together, with the manifest.
pub const MOST_BYTES: usize = 512 << 10;

/// What is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    Tools,
    Servers,
}

/// A file beside the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Below the folder.
    pub path: String,
    pub bytes: Vec<u8>,
    pub executable: bool,
}

/// A folder to be.
#[derive(Debug, Clone)]
pub struct NewFolder<'a> {
    /// `tool.toml` or `mcp.toml`; its name is the folder's.
    pub manifest: &'a str,
    pub files: &'a [NewFile],
    /// Whose own it is; none: everyone's.
    pub persona: Option<PersonaId>,
    /// What is there already is replaced.
    pub replace: bool,
}

/// It was not added.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded {
    /// By the field: `manifest.effect`, `files.tool.py`.
    #[error("{0}: {1}")]
    Field(String, String),
    #[error("there is a `{0}` already")]
    Taken(String),
    #[error("the files could not be written: {0}")]
    Io(#[from] io::Error),
}

/// Written beside its place and not yet in use; dropped, it is gone.
#[derive(Debug)]
pub struct Staged {
    pub name: String,
    beside: PathBuf,
    place: PathBuf,
}

impl Shelf {
    const fn folder(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Servers => "mcp",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Tools => own::FILE,
            Self::Servers => mcp::FILE,
        }
    }

    /// The name in a manifest that is sound.
    fn name(self, manifest: &str) -> Result<String, NotAdded> {
        let named = match self {
            Self::Tools => own::check_new(manifest, &toolbox::is_built_in).map(|manifest| manifest.name),
            Self::Servers => mcp::check_new(manifest),
        };
        let field = |field: Option<String>| field.map_or("manifest".to_owned(), |field| format!("manifest.{field}"));
        named.map_err(|(named, reason)| NotAdded::Field(field(named), reason))
    }

    fn place(self, data_root: &Path, persona: Option<PersonaId>) -> PathBuf {
        match persona {
            Some(id) => data_root.join("personas").join(id.to_string()).join(self.folder()),
            None => data_root.join(self.folder()),
        }
    }

    /// Writes a folder beside its place; `mark` is drawn for this one. Blocking.
    pub fn stage(self, data_root: &Path, new: &NewFolder<'_>, mark: &str) -> Result<Staged, NotAdded> {
        let name = self.name(new.manifest)?;
        self.check(new)?;
        let shelf = self.place(data_root, new.persona);
        let place = shelf.join(&name);
        if !new.replace && place.symlink_metadata().is_ok() {
            return Err(NotAdded::Taken(name));
        }
        let staged = Staged { name, beside: shelf.join(format!(".new-{mark}")), place };
        fs::create_dir_all(&staged.beside)?;
        let whole = NewFile { path: self.file().to_owned(), bytes: new.manifest.into(), executable: false };
        for file in std::iter::once(&whole).chain(new.files) {
            write(&staged.beside, file)?;
        }
        Ok(staged)
    }

    /// Sizes and names, before anything is written.
    fn check(self, new: &NewFolder<'_>) -> Result<(), NotAdded> {
        let refused = |field: &str, reason: String| Err(NotAdded::Field(field.to_owned(), reason));
        if new.files.len() > MOST_FILES {
            return refused("files", format!("must be at most {MOST_FILES}"));
        }
        let bytes: usize = new.manifest.len() + new.files.iter().map(|file| file.bytes.len()).sum::<usize>();
        if bytes > MOST_BYTES {
            return refused("files", format!("have {bytes} bytes with the manifest; at most {MOST_BYTES} are taken"));
        }
        for NewFile { path, .. } in new.files {
            let field = format!("files.{path}");
            if let Err(error) = Inside::parse(path) {
                return refused(&field, error.to_string());
            }
            if path == self.file() {
                return refused(&field, "is the manifest, which has a field of its own".to_owned());
            }
        }
        Ok(())
    }

    /// The folder of this name: everyone's, or one persona's by its id or slug.
    pub fn find(self, data_root: &Path, whose: Option<own::Whose<'_>>, name: &str) -> Option<PathBuf> {
        let mut parts = Path::new(name).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !plain || name.starts_with('.') {
            return None;
        }
        let places = match whose {
            Some(own::Whose { id, slug }) => {
                let personas = data_root.join("personas");
                vec![personas.join(id.to_string()).join(self.folder()), personas.join(slug).join(self.folder())]
            }
            None => vec![data_root.join(self.folder())],
        };
        places.into_iter().map(|place| place.join(name)).find(|folder| folder.is_dir())
    }
}

impl Staged {
    /// Puts it in its place in one step: whoever looks finds what was there or this. What was there is gone. Blocking.
    pub fn put(self) -> io::Result<()> {
        let shelf = self.place.parent().unwrap_or(&self.place).to_path_buf();
        match renameat_with(CWD, &self.beside, CWD, &self.place, RenameFlags::EXCHANGE) {
            // On disk before the old one goes.
            Ok(()) => File::open(&shelf)?.sync_all()?,
            // Nothing was there.
            Err(Errno::NOENT) => fs::rename(&self.beside, &self.place)?,
            // Some file systems (those of a network, mostly) cannot exchange: for a moment there is none then.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                remove(&self.place, &self.mark())?;
                fs::rename(&self.beside, &self.place)?;
            }
            Err(error) => return Err(error.into()),
        }
        // What was exchanged lies beside it now.
        drop(self);
        File::open(shelf)?.sync_all()
    }

    fn mark(&self) -> String {
        let name = self.beside.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.trim_start_matches(".new-").to_owned()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Nothing is left here when it went to a place where nothing was; else what was there before.
        let _ = clear(&self.beside);
    }
}

/// Takes a folder that [`Shelf::find`] found away: out of use at once, then gone. A link goes, not what it leads to.
/// Blocking.
pub fn remove(folder: &Path, mark: &str) -> io::Result<()> {
    let aside = folder.with_file_name(format!(".gone-{mark}"));
    fs::rename(folder, &aside)?;
    clear(&aside)
}

/// Removes a folder with all that is in it, or a link alone.
fn clear(place: &Path) -> io::Result<()> {
    if place.symlink_metadata()?.is_dir() { fs::remove_dir_all(place) } else { fs::remove_file(place) }
}

fn write(folder: &Path, new: &NewFile) -> Result<(), NotAdded> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            NotAdded::Field(format!("files.{}", new.path), "stands where another one is to be".to_owned())
        }
        _ => NotAdded::Io(error),
    };
    let place = folder.join(&new.path);
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).map_err(refused)?;
    }
    let mode = if new.executable { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&place).map_err(refused)?;
    file.write_all(&new.bytes)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    const TOOL: &str = "name = \"greet\"\ndescription = \"Greets.\"\ncommand = [\"./run\"]\neffect = \"pure\"\n\
                        parameters = { type = \"object\" }\n";

    fn file(path: &str, bytes: &[u8]) -> NewFile {
        NewFile { path: path.to_owned(), bytes: bytes.to_vec(), executable: path == "run" }
    }

    fn stage(root: &Path, manifest: &str, files: &[NewFile], replace: bool) -> Result<Staged, NotAdded> {
        Shelf::Tools.stage(root, &NewFolder { manifest, files, persona: None, replace }, "1")
    }

    /// Everything below a folder, by name.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_tool_is_there_whole_or_not_at_all_and_goes_again() {
        let root = tempfile::tempdir().unwrap();
        let files = [file("run", b"#!/bin/sh\necho 1"), file("lib/words.txt", b"hello")];
        drop(stage(root.path(), TOOL, &files, false).unwrap());
        assert_eq!(names(&root.path().join("tools")), [""; 0], "not put, it leaves nothing");
        stage(root.path(), TOOL, &files, false).unwrap().put().unwrap();
        assert_eq!(names(&root.path().join("tools")), ["greet"]);
        assert_eq!(names(&root.path().join("tools/greet")), ["lib", "run", "tool.toml"]);
        assert_eq!(own::load(root.path(), None, |_| false).tools.len(), 1);
        assert!(matches!(stage(root.path(), TOOL, &[], false), Err(NotAdded::Taken(name)) if name == "greet"));
        stage(root.path(), TOOL, &[], true).unwrap().put().unwrap();
        assert_eq!(names(&root.path().join("tools/greet")), ["tool.toml"], "nothing of the old one stays");
        let found = Shelf::Tools.find(root.path(), None, "greet").unwrap();
        remove(&found, "2").unwrap();
        assert_eq!(names(&root.path().join("tools")), [""; 0]);
    }

    #[test]
    fn whoever_looks_while_a_tool_is_replaced_finds_one() {
        let root = tempfile::tempdir().unwrap();
        let files = [file("run", b"#!/bin/sh\necho 1"), file("lib/words.txt", b"hello")];
        stage(root.path(), TOOL, &files, false).unwrap().put().unwrap();
        let known = own::OwnTools::new(root.path().to_path_buf(), |_| false);
        let said = || known.of(None).named("greet").map(|tool| tool.manifest.description.clone());
        assert_eq!(said().as_deref(), Some("Greets."));
        let (manifest, over) = (root.path().join("tools/greet/tool.toml"), AtomicBool::new(false));
        let missed = thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut missed = 0;
                while !over.load(Ordering::Relaxed) {
                    missed += usize::from(!manifest.exists());
                }
                missed
            });
            let waves = TOOL.replace("Greets", "Waves");
            let replaced = (0..30).try_for_each(|_| Ok(stage(root.path(), &waves, &files, true)?.put()?));
            over.store(true, Ordering::Relaxed);
            replaced.map_err(|error: NotAdded| error.to_string()).unwrap();
            looking.join().unwrap()
        });
        assert_eq!(missed, 0);
        assert_eq!(said().as_deref(), Some("Waves."), "what is watched is seen");
        assert_eq!(names(&root.path().join("tools")), ["greet"]);
    }

    #[test]
    fn a_link_or_a_file_is_replaced_and_what_it_leads_to_stays() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join("tool.toml"), TOOL).unwrap();
        let place = root.path().join("tools/greet");
        fs::create_dir_all(root.path().join("tools")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &place).unwrap();
        for _ in 0..2 {
            stage(root.path(), TOOL, &[], true).unwrap().put().unwrap();
            assert!(place.symlink_metadata().unwrap().is_dir());
            assert_eq!(names(&root.path().join("tools")), ["greet"]);
            fs::remove_dir_all(&place).unwrap();
            fs::write(&place, "").unwrap();
        }
        assert_eq!(names(elsewhere.path()), ["tool.toml"]);
    }

    #[test]
    fn nothing_outside_the_folder_is_written_or_found() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("keys")).unwrap();
        fs::create_dir_all(root.path().join("tools")).unwrap();
        let field = |files: &[NewFile]| match stage(root.path(), TOOL, files, false) {
            Err(NotAdded::Field(field, _)) => field,
            other => panic!("{other:?}"),
        };
        for path in ["../x", "/etc/x", "a/../../x", "", "a\\b", "tool.toml", "x\0"] {
            assert_eq!(field(&[file(path, b"x")]), format!("files.{path}"));
        }
        assert_eq!(field(&[file("a", b""), file("a", b"")]), "files.a");
        assert_eq!(field(&[file("a", b""), file("a/b", b"")]), "files.a/b");
        assert_eq!(field(&[file("big", &vec![0; MOST_BYTES])]), "files");
        assert_eq!(field(&vec![file("many", b""); MOST_FILES + 1]), "files");
        for (from, to, named) in
            [("greet", "../greet", "name"), ("greet", "file_write", "name"), ("pure", "odd", "effect")]
        {
            let refused = stage(root.path(), &TOOL.replace(from, to), &[], false);
            assert!(
                matches!(&refused, Err(NotAdded::Field(field, _)) if *field == format!("manifest.{named}")),
                "{to}"
            );
        }
        for name in ["../keys", "..", ".", "", "/etc", "tools/..", ".new-1"] {
            assert_eq!(Shelf::Tools.find(root.path(), None, name), None, "{name}");
        }
        assert_eq!(names(&root.path().join("tools")), [""; 0]);
    }

    #[test]
    fn a_link_goes_and_what_it_leads_to_stays() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join("tool.toml"), TOOL).unwrap();
        fs::create_dir_all(root.path().join("tools")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("tools/greet")).unwrap();
        remove(&Shelf::Tools.find(root.path(), None, "greet").unwrap(), "1").unwrap();
        assert_eq!(
            (names(&root.path().join("tools")), names(elsewhere.path())),
            (vec![], vec!["tool.toml".to_owned()])
        );
    }
}
