//! What a tool takes of the disk while it runs, looked at from outside.
//!
//! No file system bounds a folder here, so a tool that fills one is ended a moment later. What it writes until then is
//! what the disk takes in that time.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::statvfs;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::Job;

/// The pause between two looks, unless one takes long itself.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A look takes a fifth of the time at most.
const REST: u32 = 4;

/// What a workspace may hold, and what must be left of its disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) struct Room {
    pub workspace: PathBuf,
    pub most_bytes: u64,
    pub most_files: usize,
    pub least_free_bytes: u64,
}

impl Room {
    /// None: it writes nowhere.
    pub(in crate::tools) fn of(job: &Job<'_>, least_free_bytes: u64) -> Option<Self> {
        let workspace = job.workspace.filter(|_| job.may_write)?.to_path_buf();
        Some(Self { workspace, most_bytes: job.most_bytes, most_files: job.most_files, least_free_bytes })
    }

    /// Looks again and again, and returns when more is taken than may be.
    pub(in crate::tools) async fn is_overrun(&self) {
        loop {
            let (room, began) = (self.clone(), Instant::now());
            // Whoever cannot look does not know better than before.
            if spawn_blocking(move || room.has_too_little() || room.holds_too_much()).await.unwrap_or(false) {
                return;
            }
            sleep(LOOK_EVERY.max(began.elapsed() * REST)).await;
        }
    }

    fn has_too_little(&self) -> bool {
        statvfs(&self.workspace).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < self.least_free_bytes)
    }

    fn holds_too_much(&self) -> bool {
        let (mut bytes, mut files, mut open) = (0_u64, 0_usize, vec![self.workspace.clone()]);
        while let Some(folder) = open.pop() {
            let looked = each_entry(&folder, |entry| {
                let Some(meta) = still_there(entry.metadata())? else { return Ok(true) };
                files += 1;
                bytes = bytes.saturating_add(allocated(&meta));
                if meta.is_dir() {
                    open.push(entry.path());
                }
                Ok(files <= self.most_files && bytes <= self.most_bytes)
            });
            // What cannot be looked at may hold anything.
            if !looked.unwrap_or(false) {
                return true;
            }
        }
        false
    }
}

/// False: it was told to stop. The tool goes on while this looks, so what is there may be gone a moment later.
fn each_entry(folder: &Path, mut look: impl FnMut(fs::DirEntry) -> io::Result<bool>) -> io::Result<bool> {
    for entry in still_there(fs::read_dir(folder))?.into_iter().flatten() {
        let Some(entry) = still_there(entry)? else { continue };
        if !look(entry)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn still_there<T>(seen: io::Result<T>) -> io::Result<Option<T>> {
    match seen {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Bytes on the disk: holes are none.
fn allocated(meta: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    const BLOCK: u64 = 512;
    meta.blocks().saturating_mul(BLOCK)
}
