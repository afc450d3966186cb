//! `file_write`, `csv_append` and `captions_render`: what a persona keeps in its own folder.

use std::path::Path;

use actors::domain::{ArtifactKind, Call, NewArtifact, Outcome, PersonaId, Step, StepError};
use serde_json::json;

use super::{
    captions,
    csv_rows::{self, Misfit},
};
use crate::tools::folder::{Folder, FolderError, Inside, media_type};

const MOST_FILE_BYTES: u64 = 8 << 20;

/// Writes the file or adds the row. Once begun it is waited for, up to the call's limit: a disk answers soon, and half an
/// answer would be none.
pub(in crate::tools) async fn keep(data_root: &Path, call: &Call, step: Step) -> Outcome {
    let (root, persona, key) = (data_root.to_path_buf(), call.persona, call.key.clone());
    let work = tokio::task::spawn_blocking(move || match step {
        Step::WriteFile { path, content, description } => write(&root, persona, &path, content, &description),
        Step::RenderCaptions { path, cues, description } => {
            write(&root, persona, &path, captions::render(&path, &cues), &description)
        }
        Step::AppendCsv { path, row, description } => append(&root, persona, &path, &row, &description, &key),
        other => Err(Failed::Misfit(format!("{} is no file tool", other.tool()))),
    });
    let cut = |why: String| Outcome::unknown(format!("{} was cut off", call.tool), StepError::retryable(why));
    match tokio::time::timeout(call.limit, work).await {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(Ok(Err(failed))) => failed.outcome(&call.tool),
        Ok(Err(_)) => cut(format!("{} ended unexpectedly", call.tool)),
        Err(_) => cut(format!("the disk did not answer within {} ms", call.limit.as_millis())),
    }
}

enum Failed {
    Folder(FolderError),
    Misfit(String),
}

impl From<FolderError> for Failed {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl Failed {
    fn outcome(self, tool: &str) -> Outcome {
        match self {
            Self::Folder(error @ FolderError::Unsecured { .. }) => {
                Outcome::unknown(format!("{tool} wrote without securing"), StepError::retryable(error.to_string()))
            }
            Self::Folder(error) => {
                let text = error.to_string();
                let why = if error.is_retryable() { StepError::retryable(text) } else { StepError::permanent(text) };
                Outcome::not_begun(format!("{tool} wrote nothing"), why)
            }
            Self::Misfit(text) => Outcome::not_begun(format!("{tool} wrote nothing"), StepError::permanent(text)),
        }
    }
}

fn write(root: &Path, persona: PersonaId, path: &str, content: String, description: &str) -> Result<Outcome, Failed> {
    let place = Inside::parse(path)?;
    let bytes = content.into_bytes();
    Folder::open(root, persona)?.replace(&place, &bytes, MOST_FILE_BYTES)?;
    let data = json!({
        "step": format!("write {path}"), "ok": true, "details": format!("{} bytes", bytes.len()),
        "file": path, "description": description,
    });
    let name = place.name.to_owned();
    let artifact = NewArtifact { kind: ArtifactKind::File, name, media_type: media_type(path), bytes };
    Ok(Outcome::done(format!("wrote {path}"), data).with_artifact(artifact))
}

fn append(
    root: &Path,
    persona: PersonaId,
    path: &str,
    row: &[(String, String)],
    description: &str,
    key: &str,
) -> Result<Outcome, Failed> {
    let place = Inside::parse(path)?;
    let folder = Folder::open(root, persona)?;
    let old = folder.read(&place, MOST_FILE_BYTES)?.unwrap_or_default();
    let added =
        csv_rows::add(&old, row, key).map_err(|misfit: Misfit| Failed::Misfit(format!("`{path}`: {misfit}")))?;
    let (summary, details) = match &added.file {
        Some(file) => {
            folder.replace(&place, file, MOST_FILE_BYTES)?;
            (format!("added row {} to {path}", added.row), "added")
        }
        None => (format!("found row {} in {path}", added.row), "was there already, added by an earlier try"),
    };
    let data = json!({
        "step": format!("append to {path}"), "ok": true, "details": format!("row {}: {details}", added.row),
        "file": path, "description": description, "row": added.row,
    });
    let stem = Path::new(place.name).file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}-row-{}.csv", added.row);
    let bytes = added.text.into_bytes();
    let artifact = NewArtifact { kind: ArtifactKind::CsvRow, name, media_type: "text/csv", bytes };
    Ok(Outcome::done(summary, data).with_artifact(artifact))
}
