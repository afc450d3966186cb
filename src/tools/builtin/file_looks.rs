//! `file_read` and `file_list`: what lies in a persona's own folder. It only looks, by the same paths as those that write,
//! and what it finds is kept as a text: data, whatever it says.

use std::{fmt::Write as _, path::Path};

use actors::domain::{ArtifactKind, Call, NewArtifact, Outcome, PersonaId, Step, StepError};
use serde_json::json;

use crate::tools::folder::{Folder, FolderError, Inside, Lying};

/// Bytes of a file that are looked at,
const MOST_FILE_BYTES: u64 = 8 << 20;
/// and of its text that are kept.
const MOST_TEXT_BYTES: usize = 1 << 20;
/// Files that a list names.
const MOST_NAMED: usize = 500;

/// Looks, within the call's limit.
pub(in crate::tools) async fn look(data_root: &Path, call: &Call, step: Step) -> Outcome {
    let (root, persona) = (data_root.to_path_buf(), call.persona);
    let work = tokio::task::spawn_blocking(move || match step {
        Step::ReadFile { path, .. } => read(&root, persona, &path),
        Step::ListFiles { path, .. } => list(&root, persona, path.as_deref()),
        other => Ok(nothing(StepError::permanent(format!("{} reads no file", other.tool())))),
    });
    match tokio::time::timeout(call.limit, work).await {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(Ok(Err(error))) => {
            let text = error.to_string();
            nothing(if error.is_retryable() { StepError::retryable(text) } else { StepError::permanent(text) })
        }
        Ok(Err(_)) => nothing(StepError::retryable(format!("{} ended unexpectedly", call.tool))),
        Err(_) => {
            let waited = call.limit.as_millis();
            nothing(StepError::retryable(format!("the folder was in use, or did not answer, for {waited} ms")))
        }
    }
}

fn nothing(why: StepError) -> Outcome {
    Outcome::not_begun("read nothing", why)
}

fn read(root: &Path, persona: PersonaId, path: &str) -> Result<Outcome, FolderError> {
    let place = Inside::parse(path)?;
    let Some(bytes) = Folder::open(root, persona)?.read(&place, MOST_FILE_BYTES)? else {
        return Ok(nothing(StepError::permanent(format!(
            "there is no file `{path}`; `file_list` names those there are"
        ))));
    };
    let size = bytes.len();
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let Some(text) = text else {
        return Ok(nothing(StepError::permanent(format!("`{path}` is no text: {size} bytes"))));
    };
    let end = (0..=MOST_TEXT_BYTES.min(size)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let data = json!({"step": format!("read {path}"), "ok": true, "path": path, "bytes": size, "cut": end < size});
    Ok(Outcome::done(format!("read {path}"), data).with_artifact(as_text(place.name, &text[..end])))
}

fn list(root: &Path, persona: PersonaId, path: Option<&str>) -> Result<Outcome, FolderError> {
    let place = path.map(Inside::parse).transpose()?;
    let Some(mut lying) = Folder::open(root, persona)?.list(place.as_ref(), MOST_NAMED + 1)? else {
        return Ok(nothing(StepError::permanent(format!("there is no folder `{}`", path.unwrap_or_default()))));
    };
    let cut = lying.len() > MOST_NAMED;
    lying.truncate(MOST_NAMED);
    let mut text = String::new();
    for Lying { path, bytes } in &lying {
        // A name may hold anything, line breaks too.
        let _ = writeln!(text, "{} {bytes}", json!(path));
    }
    if text.is_empty() {
        text.push_str("no files\n");
    }
    let summary = match lying.len() {
        1 => "named a file".to_owned(),
        many => format!("named {many} files"),
    };
    let data = json!({"step": "file_list", "ok": true, "path": path, "count": lying.len(), "cut": cut});
    Ok(Outcome::done(summary, data).with_artifact(as_text("files.txt", &text)))
}

fn as_text(name: &str, text: &str) -> NewArtifact {
    NewArtifact {
        kind: ArtifactKind::Text,
        name: name.to_owned(),
        media_type: "text/plain; charset=utf-8",
        bytes: text.as_bytes().to_vec(),
    }
}
