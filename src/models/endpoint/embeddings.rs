//! Embeddings of one provider: the same gate, retries and refusals as for talk.

use actors::domain::{Bound, Cost};
use tokio::time::{Instant, timeout};

use super::{Endpoint, Heard, Insisting};
use crate::{
    models::{
        ModelError,
        wire::{Embeddings, embedding},
    },
    secrets::SecretText,
};

impl Endpoint {
    /// The worst case of a request of so many bytes.
    pub(in crate::models) fn bound_of_bytes(&self, model: &str, bytes: usize) -> Result<Bound, ModelError> {
        let unbounded = || ModelError::Unbounded { provider: self.name.clone(), model: model.to_owned() };
        Ok(self.price(model).ok_or_else(unbounded)?.bound(bytes, 0))
    }

    /// What a request of so many bytes costs at its worst; none: nobody said.
    pub(in crate::models) fn worst_of_bytes(&self, model: &str, bytes: usize) -> Option<Cost> {
        Some(self.price(model)?.worst(bytes, 0))
    }

    /// Asks until there is an answer, a refusal, or no time or try left. `share`: the others on the route want their
    /// time, too.
    pub(in crate::models) async fn embed(
        &self,
        model: &str,
        body: Vec<u8>,
        key: Option<&SecretText>,
        (share, deadline): (Instant, Instant),
        refused: Heard<'_>,
    ) -> Result<Embeddings, ModelError> {
        let path = self.kind.embeddings_path();
        let path = path.ok_or_else(|| ModelError::NoEmbeddings { provider: self.name.clone() })?;
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches(self.kind.path())));
        let request = Insisting { model, key, since: Instant::now(), share, deadline, told: None, refused };
        let exchange = || async {
            let limit = self.config.timeout.min(share.saturating_duration_since(Instant::now()));
            let whole = async {
                let response = self.request(&url, key, body.clone()).send().await.map_err(|error| self.lost(error))?;
                self.whole_as(key, response, embedding).await
            };
            timeout(limit, whole).await.unwrap_or_else(|_| Err(self.timed_out(limit)))
        };
        self.insist(&request, exchange).await
    }
}
