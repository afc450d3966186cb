//! A folder of tools as it was when it was last looked at, and what of it has to be looked at anew.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    manifest::{FILE, Fault},
    read::read,
    shelf::{Origin, OwnTool},
    watch::{Mark, Watch},
};

/// Tools of one place that are looked at.
pub(super) const MOST: usize = 8_192;

/// Names that mean something already.
pub(super) type Taken = fn(&str) -> bool;

/// One folder of tools.
pub(super) struct Place {
    from: Origin,
    path: PathBuf,
    /// Its device and number; none: there is no such folder.
    is: Option<(u64, u64)>,
    mark: Option<Mark>,
    is_stale: bool,
    /// Where links lead may change without a change of the folder: its names have to be read each time.
    has_links: bool,
    tools: Vec<Seen>,
    /// What was told of them last.
    told: Arc<[Arc<Found>]>,
    /// Until when changes were heard of.
    heard: u64,
}

/// A tool's folder, and what it holds.
pub(super) struct Found {
    pub name: String,
    pub from: Origin,
    pub folder: PathBuf,
    pub tool: Result<OwnTool, Fault>,
}

struct Seen {
    found: Arc<Found>,
    /// None: it has to be looked at each time.
    mark: Option<Mark>,
    is_stale: bool,
}

impl Place {
    /// Not looked at yet.
    pub(super) fn new(from: Origin, path: PathBuf) -> Self {
        let (tools, told) = (Vec::new(), Arc::default());
        Self { from, path, is: None, mark: None, is_stale: true, has_links: false, tools, told, heard: 0 }
    }

    /// Has the folder of this name looked at, whatever is heard of it.
    pub(super) fn doubt(&mut self, name: &str) {
        if let Ok(at) = self.tools.binary_search_by(|seen| seen.found.name.as_str().cmp(name)) {
            self.tools[at].is_stale = true;
        }
    }

    /// What lies there, by name: the very same when nothing changed. Looks at what did, and at what is not watched. Blocks.
    pub(super) fn look(&mut self, watch: &Watch, taken: Taken) -> Arc<[Arc<Found>]> {
        self.hear(watch);
        let about = fs::metadata(&self.path).ok().filter(fs::Metadata::is_dir);
        let is = about.map(|about| (about.dev(), about.ino()));
        if is != self.is || self.is_stale || is.is_some() && self.mark.is_none() {
            (self.is, self.is_stale) = (is, true);
            self.list(watch, taken);
        } else if self.has_links {
            self.list(watch, taken);
        } else {
            let (from, device) = (self.from, is.map(|(device, _)| device));
            for seen in self.tools.iter_mut().take(MOST).filter(|seen| seen.is_stale || seen.mark.is_none()) {
                seen.look(from, device, watch, taken);
            }
        }
        let is_same = |(told, seen): (&Arc<Found>, &Seen)| Arc::ptr_eq(told, &seen.found);
        if self.told.len() != self.tools.len() || !self.told.iter().zip(&self.tools).all(is_same) {
            self.told = self.tools.iter().map(|seen| seen.found.clone()).collect();
        }
        self.told.clone()
    }

    fn hear(&mut self, watch: &Watch) {
        let changed;
        (changed, self.heard) = watch.since(self.heard);
        if changed.is_nothing() {
            return;
        }
        self.is_stale |= changed.holds(self.mark);
        for seen in &mut self.tools {
            seen.is_stale |= changed.holds(seen.mark);
        }
    }

    /// Reads the names; looks at everything if the folder may be another one, else at what is new, changed or not watched.
    fn list(&mut self, watch: &Watch, taken: Taken) {
        // Before its names are read: what comes later is heard of.
        let mark = self.is.and_then(|_| watch.place(&self.path));
        if let Some(before) = self.mark.filter(|before| Some(*before) != mark) {
            watch.forget(before);
        }
        let every = std::mem::take(&mut self.is_stale);
        self.mark = mark;
        let device = self.is.filter(|_| mark.is_some()).map(|(device, _)| device);
        let mut known: HashMap<PathBuf, Seen> =
            self.tools.drain(..).map(|seen| (seen.found.folder.clone(), seen)).collect();
        let (folders, has_links) = names(&self.path);
        self.has_links = has_links;
        for (at, (name, folder)) in folders.into_iter().enumerate() {
            let mut seen = known.remove(&folder).unwrap_or_else(|| Seen::new(name, folder, self.from));
            match at < MOST {
                true if every || seen.is_stale || seen.mark.is_none() => seen.look(self.from, device, watch, taken),
                true => {}
                false => seen.pass_over(watch),
            }
            self.tools.push(seen);
        }
        known.into_values().filter_map(|seen| seen.mark).for_each(|mark| watch.forget(mark));
    }
}

impl Seen {
    fn new(name: String, folder: PathBuf, from: Origin) -> Self {
        Self { found: Arc::new(Found { name, from, folder, tool: Err(too_many()) }), mark: None, is_stale: true }
    }

    fn look(&mut self, from: Origin, device: Option<u64>, watch: &Watch, taken: Taken) {
        let Found { name, folder, .. } = &*self.found;
        let file = folder.join(FILE);
        // Before it is read: what is written later is heard of.
        let mark = watch.file(folder, &file, device);
        if let Some(before) = self.mark.filter(|before| Some(*before) != mark) {
            watch.forget(before);
        }
        let tool = tool(name, folder, &file, from, taken);
        (self.mark, self.is_stale) = (mark, false);
        self.becomes(tool);
    }

    fn pass_over(&mut self, watch: &Watch) {
        self.is_stale = true;
        if let Some(mark) = self.mark.take() {
            watch.forget(mark);
        }
        self.becomes(Err(too_many()));
    }

    fn becomes(&mut self, tool: Result<OwnTool, Fault>) {
        let is_same = match (&self.found.tool, &tool) {
            (Ok(before), Ok(now)) => Arc::ptr_eq(&before.manifest, &now.manifest),
            (Err(before), Err(now)) => before == now,
            _ => false,
        };
        if !is_same {
            let Found { name, from, folder, .. } = &*self.found;
            self.found = Arc::new(Found { name: name.clone(), from: *from, folder: folder.clone(), tool });
        }
    }
}

fn too_many() -> Fault {
    Fault { field: None, reason: format!("only the first {MOST} tools of a folder are used") }
}

fn tool(name: &str, folder: &Path, file: &Path, from: Origin, taken: Taken) -> Result<OwnTool, Fault> {
    let (manifest, validator) = read(file, name)?;
    if taken(name) {
        let reason = "is the name of a built-in tool: choose another".to_owned();
        return Err(Fault { field: Some("name".to_owned()), reason });
    }
    Ok(OwnTool::new(manifest, from, folder.to_path_buf(), validator))
}

/// Sub-folders by name; a place that is not there has none.
pub fn folders(place: &Path) -> Vec<(String, PathBuf)> {
    names(place).0
}

/// The same, and whether any entry is a link.
fn names(place: &Path) -> (Vec<(String, PathBuf)>, bool) {
    let (mut found, mut has_links) = (Vec::new(), false);
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // What the folder says of its entries costs nothing; only a link has to be followed.
        let Some(kind) = entry.file_type().ok().filter(|_| !name.starts_with('.')) else { continue };
        has_links |= kind.is_symlink();
        if kind.is_dir() || kind.is_symlink() && entry.path().is_dir() {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    (found, has_links)
}
