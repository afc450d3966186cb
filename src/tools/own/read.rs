//! Reads manifests, each once: what was made of a file is kept until the file is another one.
//!
//! That is kept for the whole process, because files are: whoever asks, the same file says the same.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use rustix::time::{ClockId, clock_gettime};

use super::manifest::{self, Fault, Manifest};

const MOST_MANIFEST_BYTES: u64 = 256 << 10;
/// Files whose manifests are kept; beyond that all are read anew.
const MOST_KEPT: usize = 16_384;

type Read = Result<(Arc<Manifest>, Validator), Fault>;

static KEPT: LazyLock<Mutex<HashMap<PathBuf, (Stamp, Read)>>> = LazyLock::new(Mutex::default);

/// What changes with whatever is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        Self {
            file: (about.dev(), about.ino()),
            bytes: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

/// What a file says of the tool whose folder is called `name`. Blocks.
pub(super) fn read(file: &Path, name: &str) -> Read {
    let whole = |reason: String| Fault { field: None, reason };
    // As the file system tells the time.
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let about = fs::metadata(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => whole("there is no such file; `greenroom tool new` writes one".to_owned()),
        _ => whole(format!("cannot be read: {error}")),
    })?;
    let stamp = Stamp::of(&about);
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(file).cloned();
    if let Some((_, read)) = kept.filter(|(of, _)| *of == stamp) {
        return read;
    }
    if stamp.bytes > MOST_MANIFEST_BYTES {
        return Err(whole(format!("has {} bytes; at most {MOST_MANIFEST_BYTES} are read", stamp.bytes)));
    }
    let text = fs::read_to_string(file).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let read = manifest::parse(&text, name).map(|(manifest, validator)| (Arc::new(manifest), validator));
    // What is written in the same tick as the last change may leave the same stamp.
    if stamp.changed < (now.tv_sec, now.tv_nsec) {
        let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_KEPT {
            all.clear();
        }
        all.insert(file.to_path_buf(), (stamp, read.clone()));
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(about: &str) -> String {
        format!(
            "name = \"sums\"\ndescription = \"{about}\"\ncommand = [\"true\"]\neffect = \"pure\"\n\
             parameters = {{ type = \"object\" }}\n"
        )
    }

    #[test]
    fn what_is_written_is_read_and_what_stays_is_read_once() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("tool.toml");
        let said = || read(&file, "sums").map(|(manifest, _)| manifest);
        assert!(said().unwrap_err().reason.contains("no such file"));
        // Of one length, as fast as can be: each is another one.
        for round in 100..400 {
            fs::write(&file, manifest(&format!("Adds {round}."))).unwrap();
            assert_eq!(said().unwrap().description, format!("Adds {round}."));
        }
        let old = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, manifest("Adds 400.")).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        assert_eq!(said().unwrap().description, "Adds 400.", "whatever its time of modification says");
        let written = Stamp::of(&fs::metadata(&file).unwrap()).changed;
        while {
            let now = clock_gettime(ClockId::RealtimeCoarse);
            (now.tv_sec, now.tv_nsec)
        } <= written
        {
            std::hint::spin_loop();
        }
        assert!(Arc::ptr_eq(&said().unwrap(), &said().unwrap()), "nobody wrote: it is the same");
    }
}
