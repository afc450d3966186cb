//! A key of 32 bytes as a file of 64 hexadecimal digits, for its owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use zeroize::Zeroizing;

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {path} is not there; restore it from a backup")]
    Gone { path: String },
    #[error("the key file {path} can be read by others (mode {mode:o}); run `chmod 600 {path}`")]
    Open { path: String, mode: u32 },
    #[error("the key file {path} does not hold 64 hexadecimal digits; restore it from a backup")]
    Malformed { path: String },
    #[error("could not {doing} the key file {path}")]
    Io {
        doing: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the operating system gives no random bytes")]
    NoRandomness(#[source] getrandom::Error),
    #[error("the secret is too long to seal")]
    TooLong,
}

type Bytes = Zeroizing<[u8; 32]>;

pub(super) fn load_or_create(path: &Path) -> Result<Bytes, KeyError> {
    match load(path) {
        Err(KeyError::Gone { .. }) => create(path),
        loaded => loaded,
    }
}

pub(super) fn load(path: &Path) -> Result<Bytes, KeyError> {
    let name = || path.display().to_string();
    let failed = |source| KeyError::Io { doing: "read", path: name(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyError::Gone { path: name() }),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: name(), mode });
    }
    // One byte more than a key and a line end, to tell a longer file from a key.
    let mut text = Zeroizing::new([0; 66]);
    let mut length = 0;
    while length < text.len() {
        match file.read(&mut text[length..]).map_err(failed)? {
            0 => break,
            more => length += more,
        }
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let digits = text[..length].trim_ascii_end();
    hex::decode_to_slice(digits, bytes.as_mut_slice()).map_err(|_| KeyError::Malformed { path: name() })?;
    Ok(bytes)
}

/// Whole and on disk, or not there: a key that is lost after its first use would lose what it sealed.
fn create(path: &Path) -> Result<Bytes, KeyError> {
    let failed = |source| KeyError::Io { doing: "create", path: path.display().to_string(), source };
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(KeyError::NoRandomness)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
    let text = Zeroizing::new(hex::encode(*bytes));
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/secrets.key");
        let made = load_or_create(&path).unwrap();
        assert_eq!(load_or_create(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.key");
        assert!(matches!(load(&path), Err(KeyError::Gone { .. })));
        fs::write(&path, "short").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(load(&path), Err(KeyError::Malformed { .. })));
        fs::write(&path, format!("{}\n", "ab".repeat(33))).unwrap();
        assert!(matches!(load(&path), Err(KeyError::Malformed { .. })), "66 digits are no key");
    }
}
