//! Finds the servers of a data root: everyone's, and one persona's. A broken one is named and passed over.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::manifest::{FILE, Manifest};
use crate::tools::own::{Origin, Whose, folders};

/// Servers of one place that are looked at.
const MOST: usize = 16;
const MOST_MANIFEST_BYTES: u64 = 64 << 10;

/// A server's folder, and what its manifest says.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub name: String,
    pub from: Origin,
    /// What pins call it.
    pub key: String,
    pub folder: PathBuf,
    /// Or why it cannot be used.
    pub manifest: Result<Manifest, String>,
}

/// Reads every manifest anew. A persona's own server stands before everyone's of the same name.
pub(super) fn find(data_root: &Path, whose: Option<Whose<'_>>) -> Vec<Found> {
    let mut places = Vec::new();
    if let Some(Whose { id, slug }) = whose {
        let own = data_root.join("personas");
        let key = format!("{id}/");
        places.push((Origin::Persona, key.clone(), own.join(id.to_string()).join("mcp")));
        places.push((Origin::Persona, key, own.join(slug).join("mcp")));
    }
    places.push((Origin::Shared, String::new(), data_root.join("mcp")));
    let mut found: Vec<Found> = Vec::new();
    for (from, key, place) in places {
        for (at, (name, folder)) in folders(&place).into_iter().enumerate() {
            if found.iter().any(|other| other.name == name) {
                continue;
            }
            let manifest = match at < MOST {
                true => read(&name, &folder),
                false => Err(format!("only the first {MOST} servers of a folder are used")),
            };
            found.push(Found { key: format!("{key}{name}"), name, from, folder, manifest });
        }
    }
    found
}

fn read(name: &str, folder: &Path) -> Result<Manifest, String> {
    let file = folder.join(FILE);
    let said = |reason: String| format!("{}: {reason}", file.display());
    let bytes = fs::metadata(&file).map_err(|error| said(error.to_string()))?.len();
    if bytes > MOST_MANIFEST_BYTES {
        return Err(said(format!("has {bytes} bytes; at most {MOST_MANIFEST_BYTES} are read")));
    }
    let text = fs::read_to_string(&file).map_err(|error| said(error.to_string()))?;
    Manifest::parse(&text, name).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personas_own_server_stands_before_everyones_under_a_key_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        for place in ["mcp/notes", "mcp/broken", "personas/ada/mcp/notes"] {
            fs::create_dir_all(root.path().join(place)).unwrap();
            let name = place.rsplit('/').next().unwrap();
            let text = format!("name = \"{name}\"\ncommand = [\"true\"]\n");
            fs::write(root.path().join(place).join(FILE), if name == "broken" { "=" } else { &text }).unwrap();
        }
        let id = "01939e00-0000-7000-8000-000000000001".parse().unwrap();
        let keys = |whose| {
            let found = find(root.path(), whose);
            found.into_iter().map(|found| (found.key, found.manifest.is_ok())).collect::<Vec<_>>()
        };
        assert_eq!(keys(None), [("broken".to_owned(), false), ("notes".to_owned(), true)]);
        let own = format!("{id}/notes");
        assert_eq!(keys(Some(Whose { id, slug: "ada" })), [(own, true), ("broken".to_owned(), false)]);
    }
}
