//! Artifacts, on disk before the receipt that names them.

use tracing::warn;

use super::canonical;
use crate::{
    domain::{ArtifactRef, NewArtifact},
    ports::{Blobs, Unavailable},
};

/// Keeps one: durable when this answers.
pub(crate) async fn keep(blobs: &dyn Blobs, artifact: NewArtifact) -> Result<ArtifactRef, Unavailable> {
    let named = named(&artifact);
    match blobs.put(artifact.bytes).await? == named.hash {
        true => Ok(named),
        false => Err(Unavailable(format!("the artifact {} was kept as something else", named.name).into())),
    }
}

/// Keeps what has come of something: what cannot be kept is named all the same, as missing.
pub(crate) async fn keep_all(blobs: &dyn Blobs, artifacts: Vec<NewArtifact>) -> Vec<ArtifactRef> {
    let mut kept = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        let named = named(&artifact);
        kept.push(keep(blobs, artifact).await.unwrap_or_else(|error| {
            warn!(artifact = %named.name, "artifact {} was not kept: {}", named.name, error.0);
            ArtifactRef { missing: true, ..named }
        }));
    }
    kept
}

fn named(NewArtifact { kind, name, media_type, bytes }: &NewArtifact) -> ArtifactRef {
    ArtifactRef {
        kind: *kind,
        name: name.clone(),
        media_type: (*media_type).to_owned(),
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        hash: canonical::sha256(bytes),
        missing: false,
    }
}
