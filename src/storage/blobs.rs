//! Artifacts as files: `blobs/<first two digits>/<sha256>`, durable before a receipt names them.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use actors::{
    domain::Hash,
    evidence::canonical,
    ports::{Blobs, Unavailable},
};
use async_trait::async_trait;

/// A file of the store that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} {path}")]
struct BlobError {
    doing: &'static str,
    path: String,
    #[source]
    source: io::Error,
}

/// Folder of the files that are being written.
const UNFINISHED: &str = "new";

/// Artifacts in a folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileBlobs {
    folder: Arc<Path>,
}

impl FileBlobs {
    /// Makes the folder; what a crash left half written goes.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        let unfinished = folder.join(UNFINISHED);
        if unfinished.is_dir() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir_all(&unfinished)?;
        Ok(Self { folder: folder.into() })
    }

    /// The artifacts of a folder, to be read only: nothing is made or swept.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the file of an artifact lies.
    pub fn path(&self, hash: Hash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(name)
    }

    fn put_now(&self, bytes: &[u8]) -> Result<Hash, BlobError> {
        let hash = canonical::sha256(bytes);
        let path = self.path(hash);
        let folder = path.parent().unwrap_or(&self.folder);
        let kept = fs::metadata(&path).is_ok_and(|file| file.len() == bytes.len() as u64);
        if !kept {
            let failed = |source| BlobError { doing: "write", path: path.display().to_string(), source };
            write_durably(folder, &path, bytes, &self.folder).map_err(failed)?;
        }
        Ok(hash)
    }

    fn get_now(&self, hash: Hash) -> Result<Option<Vec<u8>>, BlobError> {
        let path = self.path(hash);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(BlobError { doing: "read", path: path.display().to_string(), source }),
        }
    }
}

/// Temporary file, fsync, rename, fsync of the folder: after a crash the file is whole or not there.
fn write_durably(folder: &Path, path: &Path, bytes: &[u8], root: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        File::open(root)?.sync_all()?;
    }
    // Two writers of the same bytes must not share a temporary file.
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let temporary = root.join(UNFINISHED).join(hex::encode(random));
    let written = (|| {
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if let Err(error) = written {
        // What cannot be removed now is swept at the next start.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn put(&self, bytes: Vec<u8>) -> Result<Hash, Unavailable> {
        let blobs = self.clone();
        let hop = tokio::task::spawn_blocking(move || blobs.put_now(&bytes));
        hop.await.map_err(|error| Unavailable(error.into()))?.map_err(|error| Unavailable(error.into()))
    }

    async fn get(&self, hash: Hash) -> Result<Option<Vec<u8>>, Unavailable> {
        let blobs = self.clone();
        let hop = tokio::task::spawn_blocking(move || blobs.get_now(hash));
        hop.await.map_err(|error| Unavailable(error.into()))?.map_err(|error| Unavailable(error.into()))
    }
}
