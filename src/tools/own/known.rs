//! What is known of the own tools of a data root: as true as a look at every folder at the time of asking.
//!
//! Folders and manifests are watched, so that while nothing changes nothing is looked at but the places themselves.
//! Whatever cannot be watched is looked at each time it is asked for.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    place::{Found, Place, Taken},
    shelf::{Loaded, Origin, Whose},
    watch::{Unwatched, Watch},
};

/// Places that are remembered; beyond that all are looked at anew.
const MOST_PLACES: usize = 4_096;
/// Personas with tools of their own whose picture is kept; beyond that all are made anew.
const MOST_PICTURES: usize = 64;

/// The own tools of a data root. Cheap to clone.
#[derive(Clone)]
pub struct OwnTools {
    shared: Arc<Shared>,
}

struct Shared {
    data_root: PathBuf,
    /// Names that mean something already.
    taken: Taken,
    memory: Mutex<Arc<Memory>>,
    has_told: AtomicBool,
}

struct Memory {
    watch: Watch,
    /// Each with a lock of its own: who waits for a slow disk keeps nobody waiting who looks elsewhere.
    places: Mutex<HashMap<PathBuf, Arc<Mutex<Place>>>>,
    /// By the places that hold anything.
    pictures: Mutex<HashMap<Vec<PathBuf>, Picture>>,
}

type Told = Arc<[Arc<Found>]>;

/// What was made of what.
struct Picture {
    of: Vec<Told>,
    loaded: Arc<Loaded>,
}

/// Looks at every manifest, once. A persona's own tool stands before everyone's of the same name. `taken`: names that mean
/// something already. Blocks.
pub fn load(data_root: &Path, whose: Option<Whose<'_>>, taken: Taken) -> Loaded {
    let watch = Watch::nothing();
    let places = places(data_root, whose).into_iter();
    let found: Vec<Told> = places.map(|(from, path)| Place::new(from, path).look(&watch, taken)).collect();
    Loaded::of(&found, taken)
}

/// Where tools lie: a persona's own first.
fn places(data_root: &Path, whose: Option<Whose<'_>>) -> Vec<(Origin, PathBuf)> {
    let mut places = Vec::new();
    if let Some(Whose { id, slug }) = whose {
        let folders = data_root.join("personas");
        places.push((Origin::Persona, folders.join(id.to_string()).join("tools")));
        places.push((Origin::Persona, folders.join(slug).join("tools")));
    }
    places.push((Origin::Shared, data_root.join("tools")));
    places
}

impl OwnTools {
    /// Looks at nothing yet.
    pub fn new(data_root: PathBuf, taken: Taken) -> Self {
        Self::watching(data_root, taken, Watch::new())
    }

    fn watching(data_root: PathBuf, taken: Taken, watch: Watch) -> Self {
        let memory = Mutex::new(Arc::new(Memory::new(watch)));
        Self { shared: Arc::new(Shared { data_root, taken, memory, has_told: AtomicBool::new(false) }) }
    }

    /// Everyone's, and with `whose` that persona's: what was put there counts from the next step on. Blocks.
    pub fn of(&self, whose: Option<Whose<'_>>) -> Arc<Loaded> {
        self.look(whose, None)
    }

    /// The same, where the tool of this name is looked at whatever is known of it. Blocks.
    pub fn to_call(&self, whose: Option<Whose<'_>>, name: &str) -> Arc<Loaded> {
        self.look(whose, Some(name))
    }

    /// Why folders are looked at each time, if any of those are that were looked at.
    pub fn unwatched(&self) -> Option<Unwatched> {
        lock(&self.shared.memory).watch.lack()
    }

    fn look(&self, whose: Option<Whose<'_>>, doubted: Option<&str>) -> Arc<Loaded> {
        let Shared { data_root, taken, .. } = &*self.shared;
        let memory = self.memory();
        let places = places(data_root, whose).into_iter();
        let told = places.map(|(from, path)| (memory.look(from, &path, doubted, *taken), path));
        // Who has none of its own shares everyone's picture.
        let (told, paths) = told.filter(|(told, _)| !told.is_empty()).unzip();
        self.tell_once(&memory);
        memory.picture(paths, told, *taken)
    }

    fn memory(&self) -> Arc<Memory> {
        let mut memory = lock(&self.shared.memory);
        if lock(&memory.places).len() >= MOST_PLACES {
            *memory = Arc::new(Memory::new(Watch::new()));
        }
        memory.clone()
    }

    fn tell_once(&self, memory: &Memory) {
        let Some(why) = memory.watch.lack() else { return };
        if !self.shared.has_told.swap(true, Ordering::Relaxed) {
            let root = self.shared.data_root.display();
            tracing::warn!(%root, %why, "own tools below {root} are looked at anew at each step: {why}");
        }
    }
}

impl Memory {
    fn new(watch: Watch) -> Self {
        Self { watch, places: Mutex::default(), pictures: Mutex::default() }
    }

    fn look(&self, from: Origin, path: &Path, doubted: Option<&str>, taken: Taken) -> Told {
        // Of whoever has none of its own nothing is remembered.
        if !lock(&self.places).contains_key(path) && !path.is_dir() {
            return Told::default();
        }
        let new = || Arc::new(Mutex::new(Place::new(from, path.to_path_buf())));
        let place = lock(&self.places).entry(path.to_path_buf()).or_insert_with(new).clone();
        let mut place = lock(&place);
        if let Some(name) = doubted {
            place.doubt(name);
        }
        place.look(&self.watch, taken)
    }

    fn picture(&self, paths: Vec<PathBuf>, of: Vec<Told>, taken: Taken) -> Arc<Loaded> {
        let is_same = |kept: &Picture| kept.of.iter().zip(&of).all(|(one, other)| Arc::ptr_eq(one, other));
        if let Some(kept) = lock(&self.pictures).get(&paths).filter(|kept| is_same(kept)) {
            return kept.loaded.clone();
        }
        let loaded = Arc::new(Loaded::of(&of, taken));
        let mut pictures = lock(&self.pictures);
        if pictures.len() >= MOST_PICTURES {
            pictures.clear();
        }
        pictures.insert(paths, Picture { of, loaded: loaded.clone() });
        loaded
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
