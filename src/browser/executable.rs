//! Finds Chromium on this machine.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Chromium is not where it was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoChromium {
    #[error(
        "Chromium was not found (looked for {looked}); install the package `chromium` (`apt-get install chromium`) \
         or set `browser.executable`"
    )]
    Nowhere { looked: String },
    #[error("`browser.executable` names {}, which is not an executable file; correct it, or install the package `chromium` and leave it empty", .0.display())]
    NotThere(PathBuf),
}

/// The program itself comes before Debian's shell script, which adds flags of its own.
const USUAL_PLACES: [&str; 4] = [
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
];
const USUAL_NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The configured program, or the first one found in the usual places and on `PATH`.
pub fn find(configured: &Path) -> Result<PathBuf, NoChromium> {
    if !configured.as_os_str().is_empty() {
        let found = is_program(configured).then(|| configured.to_owned());
        return found.ok_or_else(|| NoChromium::NotThere(configured.to_owned()));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).flat_map(|folder| USUAL_NAMES.map(|name| folder.join(name)));
    USUAL_PLACES.iter().map(PathBuf::from).chain(on_path).find(|place| is_program(place)).ok_or_else(|| {
        NoChromium::Nowhere { looked: format!("{}, and {} on PATH", USUAL_PLACES.join(", "), USUAL_NAMES.join(", ")) }
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named_and_not_papered_over() {
        let said = find(Path::new("/nowhere/chromium")).unwrap_err().to_string();
        assert!(said.contains("browser.executable") && said.contains("/nowhere/chromium"), "{said}");
        assert!(find(Path::new("/etc")).is_err(), "a folder is no program");
    }
}
