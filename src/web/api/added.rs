//! Folders of own tools and of MCP servers over the API: what callers send, and how it gets into its place on record.

use std::{collections::BTreeMap, path::PathBuf};

use actix_web::web;
use actors::domain::Persona;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::personas;
use crate::{
    tools::{
        added::{self, NewFile, NewFolder, NotAdded, Shelf, Staged},
        own::Whose,
    },
    web::{Deps, auth::Caller, errors::Problem},
};

/// A folder to be: its manifest and what lies beside it.
#[derive(Deserialize, ToSchema)]
pub struct Addition {
    /// The text of `tool.toml` or `mcp.toml`; its name is the folder's.
    pub manifest: String,
    /// By path below the folder; 512 KB with the manifest, 32 files.
    #[serde(default)]
    pub files: BTreeMap<String, FileText>,
    /// Slug or id: its own; left out: everyone's.
    pub persona: Option<String>,
    /// What is there already is replaced.
    #[serde(default)]
    pub replace: bool,
}

/// What a file holds.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FileText {
    Text(String),
    Whole {
        text: Option<String>,
        /// Instead of the text.
        base64: Option<String>,
        /// It can be started by its name.
        #[serde(default)]
        executable: bool,
    },
}

/// Whose it is.
#[derive(Deserialize, IntoParams)]
pub struct WhoseQuery {
    /// Slug or id: a persona's own.
    pub persona: Option<String>,
}

impl FileText {
    fn file(self, path: String) -> Result<NewFile, Problem> {
        let wrong = |reason: &str| Problem::field(format!("files.{path}"), reason);
        let (bytes, executable) = match self {
            Self::Text(text) => (text.into_bytes(), false),
            Self::Whole { text: Some(text), base64: None, executable } => (text.into_bytes(), executable),
            Self::Whole { text: None, base64: Some(coded), executable } => {
                let bytes = BASE64_STANDARD.decode(coded).map_err(|_| wrong("is no base64"))?;
                (bytes, executable)
            }
            Self::Whole { .. } => return Err(wrong("must have `text` or `base64`, one of them")),
        };
        Ok(NewFile { path, bytes, executable })
    }
}

/// The persona of this name, where one is named.
pub(super) async fn named(deps: &Deps, name: Option<&str>) -> Result<Option<Persona>, Problem> {
    match name {
        Some(name) => personas::find(deps, name).await.map(Some),
        None => Ok(None),
    }
}

/// Puts a folder in its place; the receipt stands before anybody can use it. Brings its name.
pub(super) async fn add(
    deps: &Deps,
    caller: &Caller,
    (shelf, what): (Shelf, &'static str),
    addition: Addition,
) -> Result<(String, Option<Persona>), Problem> {
    let Addition { manifest, files, persona, replace } = addition;
    let persona = named(deps, persona.as_deref()).await?;
    let files = files.into_iter().map(|(path, text)| text.file(path)).collect::<Result<Vec<_>, _>>()?;
    let (root, id, mark) = (deps.config.data_root.clone(), persona.as_ref().map(|one| one.id), deps.world.new_id());
    let (hashes, text) = (hashes(&manifest, &files), manifest);
    let staged: Staged = web::block(move || {
        let new = NewFolder { manifest: &text, files: &files, persona: id, replace };
        shelf.stage(&root, &new, &mark.to_string())
    })
    .await
    .map_err(|_| ending())?
    .map_err(|error| not_added(what, error))?;
    let name = staged.name.clone();
    let data = json!({ "name": name, "persona": id, "sha256": hashes });
    deps.company.record_act(format!("added the {what} {name}{}", of(persona.as_ref())), data, &caller.by()).await?;
    let put = web::block(move || staged.put()).await.map_err(|_| ending())?;
    if let Err(error) = put {
        let data = json!({ "name": name, "persona": id, "error": error.to_string() });
        deps.company.record_act(format!("the {what} {name} did not get into its place"), data, &caller.by()).await?;
        return Err(not_added(what, NotAdded::Io(error)));
    }
    Ok((name, persona))
}

/// Takes a folder away; the receipt stands before it goes.
pub(super) async fn take_away(
    deps: &Deps,
    caller: &Caller,
    (shelf, what): (Shelf, &'static str),
    (name, persona): (&str, Option<&Persona>),
) -> Result<(), Problem> {
    let folder = find(deps, shelf, name, persona).ok_or_else(|| Problem::not_found(what, name))?;
    let data = json!({ "name": name, "persona": persona.map(|one| one.id) });
    deps.company.record_act(format!("removed the {what} {name}{}", of(persona)), data, &caller.by()).await?;
    let mark = deps.world.new_id().to_string();
    let gone = web::block(move || added::remove(&folder, &mark)).await.map_err(|_| ending())?;
    gone.map_err(|error| not_added(what, NotAdded::Io(error)))
}

fn find(deps: &Deps, shelf: Shelf, name: &str, persona: Option<&Persona>) -> Option<PathBuf> {
    shelf.find(&deps.config.data_root, persona.map(Whose::from), name)
}

fn of(persona: Option<&Persona>) -> String {
    persona.map(|one| format!(" of {}", one.slug)).unwrap_or_default()
}

/// What was added, for the receipt: nobody can say afterwards that it was something else.
fn hashes(manifest: &str, files: &[NewFile]) -> Map<String, Value> {
    let hash = |bytes: &[u8]| Value::from(hex::encode(Sha256::digest(bytes)));
    let all = files.iter().map(|file| (file.path.clone(), hash(&file.bytes)));
    all.chain([("manifest".to_owned(), hash(manifest.as_bytes()))]).collect()
}

fn ending() -> Problem {
    Problem::unavailable("The server is ending. Try again when it is back.")
}

fn not_added(what: &str, error: NotAdded) -> Problem {
    match error {
        NotAdded::Field(field, reason) => Problem::field(field, reason),
        NotAdded::Taken(name) => Problem::conflict(format!(
            "There is a {what} {name} already. Send `replace: true` to put this in its place."
        )),
        NotAdded::Io(error) => Problem::unavailable(format!("The files could not be written or removed: {error}.")),
    }
}
