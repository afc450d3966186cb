//! Room on the disk: who is still admitted when it runs low, and a reserve so that outcomes land.

use std::path::{Path, PathBuf};

use actors::ports::{Commit, Unavailable};

const MB: u64 = 1024 * 1024;
/// Given up when the disk is full: room for the outcomes that are under way.
const RESERVE_BYTES: u64 = 16 * MB;

/// There is too little room to begin anything new.
#[derive(Debug, thiserror::Error)]
#[error(
    "the disk with {folder} has {free_mb} MB free and nothing new begins below {needed_mb} MB; \
     make room, or lower `storage.min_free_mb`"
)]
pub struct LowDisk {
    pub folder: String,
    pub free_mb: u64,
    pub needed_mb: u64,
}

/// Lets no intent and no delivery in when the disk runs low. What has happened is always written.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    folder: PathBuf,
    needed_mb: u64,
}

impl Admission {
    /// Watches the disk this folder is on.
    pub(super) fn new(folder: &Path, needed_mb: u64) -> Self {
        Self { folder: folder.to_owned(), needed_mb }
    }

    /// Whether there is room; refused only when there is not and the batch begins something.
    pub(super) fn check(&self, batch: &[Commit]) -> Result<bool, Unavailable> {
        match self.room() {
            Ok(()) => Ok(true),
            Err(low) if batch.iter().any(Commit::begins_something) => Err(low),
            Err(_) => Ok(false),
        }
    }

    /// Whether there is room for something new.
    pub(super) fn room(&self) -> Result<(), Unavailable> {
        let free_mb = match rustix::fs::statvfs(&self.folder) {
            Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize) / MB,
            // Not knowing is no reason to stop; the write itself will say what is wrong.
            Err(_) => u64::MAX,
        };
        if free_mb >= self.needed_mb {
            return Ok(());
        }
        let folder = self.folder.display().to_string();
        Err(Unavailable(LowDisk { folder, free_mb, needed_mb: self.needed_mb }.into()))
    }
}

/// A file of zeros that is deleted when the disk is full.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    kept: bool,
}

impl Reserve {
    /// Beside the database.
    pub(super) fn beside(database: &Path) -> Self {
        let path = database.with_extension("reserve");
        let kept = std::fs::metadata(&path).is_ok_and(|file| file.len() == RESERVE_BYTES);
        Self { path, kept }
    }

    /// Makes it (again) when there is room for it.
    pub(super) fn keep(&mut self, has_room: bool) {
        if self.kept || !has_room {
            return;
        }
        match self.make() {
            Ok(()) => self.kept = true,
            Err(error) => {
                // The next write tries again; without it outcomes are kept in memory and retried.
                tracing::debug!(path = %self.path.display(), %error, "the reserve could not be made");
                let _ = std::fs::remove_file(&self.path);
            }
        }
    }

    fn make(&self) -> std::io::Result<()> {
        let file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).open(&self.path)?;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE_BYTES)?;
        Ok(())
    }

    /// Frees its room; whether there was any.
    pub(super) fn give_up(&mut self) -> bool {
        if !std::mem::take(&mut self.kept) {
            return false;
        }
        tracing::warn!(path = %self.path.display(), "the disk is full: the reserve is given up");
        std::fs::remove_file(&self.path).is_ok()
    }
}
