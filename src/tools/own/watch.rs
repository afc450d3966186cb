//! Hears what changes, so that nobody has to look: the kernel's own list of changes (inotify), read when somebody asks.
//!
//! There is no thread and no timer. The kernel notes a change before the call that made it returns, and whoever looks takes
//! the notes first: what was written before a look is seen by it.
//!
//! **Promise.** A [`Mark`] is given only where every change will be noted. Links, folders on other file systems, systems
//! that others may write to unseen, and whatever is beyond the kernel's limit get none: they are looked at each time.

use std::{
    collections::{HashMap, HashSet},
    fmt, fs,
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

/// Bytes of notes that are taken at once.
const TAKEN_BYTES: usize = 16 << 10;
/// Notes taken in one go; after that everything counts as changed.
const MOST_NOTES: usize = 65_536;

/// What becomes of the names in a folder, and of itself.
const OF_PLACE: WatchFlags = WatchFlags::ONLYDIR
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);
/// What becomes of a file, by whichever name; `ATTRIB` tells also that a name of it went, `CLOSE_WRITE` that somebody wrote
/// through memory.
const OF_FILE: WatchFlags = WatchFlags::DONT_FOLLOW
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// File systems on which nobody else writes: ext, XFS, Btrfs, tmpfs, overlay, F2FS, ZFS, bcachefs.
const OWN_SYSTEMS: [u64; 8] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e];

/// Marks whose changes are remembered; beyond that everything counts as changed.
const MOST_CHANGED: usize = 65_536;

type Add = fn(BorrowedFd<'_>, &Path, WatchFlags) -> Result<i32, Errno>;

/// What the kernel was asked to note, and what it noted.
pub(super) struct Watch(Mutex<Notes>);

struct Notes {
    /// None: the kernel gave none.
    queue: Option<OwnedFd>,
    add: Add,
    lack: Option<Unwatched>,
    /// How often something was noted.
    now: u64,
    /// When each changed last.
    changed: HashMap<Mark, u64>,
    /// When anything may have.
    everything: u64,
}

/// Something that is watched. Two names of one thing have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mark(i32);

/// What changed since it was asked last.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changed {
    These(HashSet<Mark>),
    /// Nobody knows.
    Everything,
}

/// Why folders of tools are looked at each time instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwatched {
    /// The kernel watches no more for this user.
    TooMany,
    /// The kernel does not watch for this process at all.
    Refused(Errno),
    /// The file system may be changed from elsewhere; its number.
    Shared(u64),
}

impl fmt::Display for Unwatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => {
                f.write_str("the kernel watches no more files for this user (fs.inotify.max_user_watches)")
            }
            Self::Refused(errno) => {
                write!(f, "the kernel watches nothing for this process: {errno} (fs.inotify.max_user_instances)")
            }
            Self::Shared(kind) => write!(f, "their file system (0x{kind:x}) may be written to from elsewhere"),
        }
    }
}

impl Changed {
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::These(marks) if marks.is_empty())
    }

    pub(super) fn holds(&self, mark: Option<Mark>) -> bool {
        match self {
            Self::These(marks) => mark.is_some_and(|mark| marks.contains(&mark)),
            Self::Everything => true,
        }
    }
}

impl Watch {
    pub(super) fn new() -> Self {
        Self::adding(|queue, path, what| inotify::add_watch(queue, path, what))
    }

    /// Watches nothing: for who looks once.
    pub(super) fn nothing() -> Self {
        Self(Mutex::new(Notes::of(None, |_, _, _| Err(Errno::NOSYS), None)))
    }

    pub(super) fn adding(add: Add) -> Self {
        let notes = match inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
            Ok(queue) => Notes::of(Some(queue), add, None),
            Err(errno) => Notes::of(None, add, Some(Unwatched::Refused(errno))),
        };
        Self(Mutex::new(notes))
    }

    /// What kept something from being watched, if anything did.
    pub(super) fn lack(&self) -> Option<Unwatched> {
        self.notes().lack
    }

    /// What changed since `then`, and when this is. Before anything is looked at.
    pub(super) fn since(&self, then: u64) -> (Changed, u64) {
        let mut notes = self.notes();
        notes.take();
        let changed = match notes.everything > then {
            true => Changed::Everything,
            false if notes.now == then => Changed::These(HashSet::new()),
            false => {
                Changed::These(notes.changed.iter().filter(|(_, at)| **at > then).map(|(mark, _)| *mark).collect())
            }
        };
        (changed, notes.now)
    }

    /// Watches a folder's names.
    pub(super) fn place(&self, folder: &Path) -> Option<Mark> {
        let mut notes = self.notes();
        notes.queue.as_ref()?;
        // The numbers are of 32 bits, in a field that may have a sign.
        let kind = rustix::fs::statfs(folder).ok()?.f_type as u64 & 0xffff_ffff;
        if !OWN_SYSTEMS.contains(&kind) {
            notes.lack = Some(Unwatched::Shared(kind));
            return None;
        }
        notes.add(folder, OF_PLACE)
    }

    /// Watches a file in a folder of a watched one, which lies on `device` (none: it is not watched). Whatever is not
    /// plainly that gets no mark.
    pub(super) fn file(&self, folder: &Path, file: &Path, device: Option<u64>) -> Option<Mark> {
        let device = device?;
        if !fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir()) {
            return None;
        }
        let mark = self.notes().add(file, OF_FILE)?;
        if fs::symlink_metadata(file).is_ok_and(|about| about.is_file() && about.dev() == device) {
            return Some(mark);
        }
        self.forget(mark);
        None
    }

    /// Watches it no more. Who has the same mark hears of that as of a change.
    pub(super) fn forget(&self, Mark(mark): Mark) {
        if let Some(queue) = &self.notes().queue {
            // What is gone is forgotten already.
            let _ = inotify::remove_watch(queue, mark);
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn of(queue: Option<OwnedFd>, add: Add, lack: Option<Unwatched>) -> Self {
        Self { queue, add, lack, now: 0, changed: HashMap::new(), everything: 0 }
    }

    /// Takes what the kernel noted.
    fn take(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        let mut buffer = [MaybeUninit::uninit(); TAKEN_BYTES];
        let mut reader = Reader::new(&queue, &mut buffer);
        let next = self.now + 1;
        for taken in 0..=MOST_NOTES {
            match reader.next() {
                Ok(note) if taken < MOST_NOTES => self.note(next, Mark(note.wd()), note.events()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Ok(_) | Err(_) => {
                    self.lose(next);
                    break;
                }
            }
        }
        self.queue = Some(queue);
    }

    fn note(&mut self, now: u64, mark: Mark, what: ReadFlags) {
        if what.contains(ReadFlags::QUEUE_OVERFLOW) || self.changed.len() >= MOST_CHANGED {
            return self.lose(now);
        }
        self.now = now;
        self.changed.insert(mark, now);
    }

    /// Nobody knows what changed.
    fn lose(&mut self, now: u64) {
        (self.now, self.everything) = (now, now);
        self.changed.clear();
    }

    fn add(&mut self, path: &Path, what: WatchFlags) -> Option<Mark> {
        match (self.add)(self.queue.as_ref()?.as_fd(), path, what) {
            Ok(mark) => Some(Mark(mark)),
            Err(Errno::NOSPC) => {
                self.lack = Some(Unwatched::TooMany);
                None
            }
            // What is not there, or may not be read, is told by whoever looks at it.
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_nobody_writes_unseen_a_mark_is_given() {
        let (root, watch) = (tempfile::tempdir().unwrap(), Watch::new());
        assert!(watch.place(root.path()).is_some() && watch.lack().is_none());
        assert_eq!(watch.place(Path::new("/proc")), None);
        assert_eq!(watch.lack(), Some(Unwatched::Shared(0x9fa0)));
        assert_eq!(Watch::nothing().place(root.path()), None);
    }

    #[test]
    fn when_notes_were_lost_everything_counts_as_changed_once() {
        let mut notes = Notes::of(None, |_, _, _| Err(Errno::NOSYS), None);
        notes.note(1, Mark(5), ReadFlags::MODIFY);
        notes.note(2, Mark(-1), ReadFlags::QUEUE_OVERFLOW);
        notes.note(3, Mark(6), ReadFlags::MODIFY);
        let watch = Watch(Mutex::new(notes));
        assert_eq!(watch.since(1), (Changed::Everything, 3));
        assert_eq!(watch.since(2), (Changed::These(HashSet::from([Mark(6)])), 3));
        assert!(watch.since(3).0.is_nothing());
    }
}
