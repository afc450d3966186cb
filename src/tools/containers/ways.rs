//! The way out of a container, which has no network: the sandbox's own, laid where a container finds it.
//!
//! The mounts of a container cannot be changed while it runs. So a folder lies in it that is empty between calls, and the
//! socket of a call is linked into that for as long as the call lasts; calls of one container come one after the other.
//! This program goes in with the libraries that it was loaded with, because an image need not have them.

use std::{
    env,
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::tools::sandbox::way_out;

/// Inside: this program, and what it was loaded with.
const PROGRAMS: &str = "/.greenroom";
const PROGRAM: &str = "program";
/// For every user of a container; whoever is outside does not get to the folder.
const OPEN: u32 = 0o666;

/// A folder of this process for each container.
#[derive(Debug)]
pub(super) struct Ways(PathBuf);

/// A socket that lies there; dropping it takes it away.
#[derive(Debug)]
pub(super) struct Laid(PathBuf);

impl Ways {
    pub(super) fn of_this_process() -> Self {
        Self(env::temp_dir().join(format!("greenroom-{}-ways", std::process::id())))
    }

    /// What has to lie in a container whose tools may go out: outside, and inside. Blocks.
    pub(super) fn mounts(&self, key: &str) -> io::Result<Vec<(PathBuf, String)>> {
        self.take()?;
        let folder = self.0.join(key);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        let mut mounts = vec![(folder, way_out::FOLDER.to_owned())];
        mounts.push((env::current_exe()?, format!("{PROGRAMS}/{PROGRAM}")));
        mounts.extend(libraries()?.into_iter().map(|(name, file)| (file, format!("{PROGRAMS}/{name}"))));
        Ok(mounts)
    }

    /// Makes the folder, or sees that the one that is there is ours alone: anybody may make one in the place for what is
    /// temporary.
    fn take(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made,
        }
        if self.is_ours()? {
            return Ok(());
        }
        let why = format!("{} is not a folder of this user alone: remove it and try again", self.0.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }

    fn is_ours(&self) -> io::Result<bool> {
        let found = fs::symlink_metadata(&self.0)?;
        Ok(found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o077 == 0)
    }

    /// Lays the socket of a call, in `from`, into the container with this key. Blocks.
    pub(super) fn lay(&self, key: &str, from: &Path) -> io::Result<Laid> {
        let (from, to) = (from.join(way_out::SOCKET), self.0.join(key).join(way_out::SOCKET));
        fs::set_permissions(&from, Permissions::from_mode(OPEN))?;
        match fs::remove_file(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::hard_link(&from, &to)?,
        }
        Ok(Laid(to))
    }

    /// The command behind what leads it out.
    pub(super) fn before(command: Vec<String>) -> io::Result<Vec<String>> {
        let program = format!("{PROGRAMS}/{PROGRAM}");
        let loader = libraries()?.into_iter().find(|(name, _)| is_loader(name)).map(|(name, _)| name);
        let mut words = match loader {
            Some(name) => vec![format!("{PROGRAMS}/{name}"), "--library-path".to_owned(), PROGRAMS.to_owned(), program],
            None => vec![program],
        };
        words.extend(way_out::before_command()[1..].iter().map(|word| (*word).to_owned()));
        words.extend(command);
        Ok(words)
    }

    /// No container is left.
    pub(super) fn clear(&self) {
        if self.is_ours().is_ok_and(|ours| ours) {
            // What stays leads nowhere.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn is_loader(name: &str) -> bool {
    name.starts_with("ld-linux") || name.starts_with("ld-musl") || name.starts_with("ld64")
}

/// What this program was loaded with, each by every name that it goes by; nothing, if it needs nothing.
fn libraries() -> io::Result<Vec<(String, PathBuf)>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let mut found: Vec<PathBuf> = maps.lines().filter_map(|line| line.split_once('/')).map(|(_, rest)| rest).fold(
        Vec::new(),
        |mut found, rest| {
            let file = PathBuf::from(format!("/{rest}"));
            let is_library = file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(".so"));
            if is_library && !found.contains(&file) {
                found.push(file);
            }
            found
        },
    );
    found.sort();
    Ok(found.iter().flat_map(|file| names_of(file).into_iter().map(|name| (name, file.clone()))).collect())
}

/// A library is looked for by a name that may be a link beside it.
fn names_of(file: &Path) -> Vec<String> {
    let Some(own) = file.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let stem = own.split(['-', '.']).next().unwrap_or(own);
    let beside = file.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let links = beside.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let fits = name != own && name.starts_with(stem) && name.contains(".so");
        (fits && fs::canonicalize(entry.path()).is_ok_and(|target| target == file)).then_some(name)
    });
    std::iter::once(own.to_owned()).chain(links).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_goes_out_by_this_program_and_what_it_was_loaded_with() {
        let words = Ways::before(vec!["wget".to_owned()]).unwrap();
        assert_eq!(words[words.len() - 4..], ["/.greenroom/program", "way-out", "--", "wget"]);
        let root = tempfile::tempdir().unwrap();
        let ways = Ways(root.path().join("ways"));
        let mounts = ways.mounts("ada").unwrap();
        assert!(mounts.iter().all(|(from, _)| from.exists()), "{mounts:?}");
        // Whoever starts it has to find there what it names.
        let inside = |word: &str| mounts.iter().any(|(_, to)| to == word);
        assert!(words.iter().filter(|word| word.starts_with("/.greenroom/")).all(|word| inside(word)), "{words:?}");
        ways.clear();
    }

    #[test]
    fn the_folder_is_ours_alone() {
        let root = tempfile::tempdir().unwrap();
        let refused = |folder: PathBuf| {
            let error = Ways(folder.clone()).mounts("ada").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
            let said = error.to_string();
            assert!(said.contains(folder.to_str().unwrap()) && said.contains("remove it"), "{said}");
            assert!(!folder.join("ada").exists());
        };
        let (open, link, file) = (root.path().join("open"), root.path().join("link"), root.path().join("file"));
        DirBuilder::new().mode(0o755).create(&open).unwrap();
        refused(open);
        let elsewhere = root.path().join("elsewhere");
        DirBuilder::new().mode(0o700).create(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        refused(link);
        fs::write(&file, "").unwrap();
        refused(file);
        // Only root can give a folder away.
        if geteuid().is_root() {
            let given = root.path().join("given");
            DirBuilder::new().mode(0o700).create(&given).unwrap();
            std::os::unix::fs::chown(&given, Some(65_534), None).unwrap();
            refused(given);
        }
        let ours = Ways(root.path().join("ours"));
        ours.mounts("ada").unwrap();
        let mode = fs::symlink_metadata(&ours.0).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        ours.mounts("bo").unwrap();
    }

    #[test]
    fn a_socket_lies_there_for_as_long_as_its_call_lasts() {
        let root = tempfile::tempdir().unwrap();
        let ways = Ways(root.path().join("ways"));
        ways.mounts("ada").unwrap();
        let listener = std::os::unix::net::UnixListener::bind(root.path().join(way_out::SOCKET)).unwrap();
        let place = root.path().join("ways/ada").join(way_out::SOCKET);
        let laid = ways.lay("ada", root.path()).unwrap();
        std::os::unix::net::UnixStream::connect(&place).unwrap();
        listener.accept().unwrap();
        // One that a crash left there is in nobody's way.
        std::mem::forget(laid);
        drop(ways.lay("ada", root.path()).unwrap());
        assert!(!place.exists());
    }
}
