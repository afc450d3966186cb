//! `/v1`: the gateway as programs know it, in OpenAI's form.
//!
//! A program shows a virtual key. Model `persona/<slug>` is that persona, asked through its inbox; every other name goes
//! through `models` as a persona's call would: reserved at its worst case, settled at its outcome, with a receipt for both.
//! What was begun is carried on in a task of its own: a program that goes away leaves its receipt, and a streamed answer
//! that is cut is settled too.

mod asked;
mod chat;
mod embeddings;
pub mod errors;
pub mod keys;
mod list;
mod persona;
mod stream;
mod told;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpMessage, HttpRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::{errors::Refusal, keys::KeyInUse};
use super::routes::{Route, Table, Who};

/// Calls that are under way at once; more are asked to come again.
const MOST_CALLS: usize = 1_024;
/// Kibibytes of bodies of all calls together.
const MOST_KIB: usize = 64 << 10;
/// How long one call may take, all tries and fallbacks together.
const CALL_LIMIT: Duration = Duration::from_secs(540);

/// `/v1/…`.
pub fn routes() -> Table {
    vec![
        Route::get("/v1/models", Who::Key, "What this key may ask for", list::all),
        Route::get("/v1/models/{model:.*}", Who::Key, "Whether this key may ask for it", list::one),
        Route::post(
            "/v1/chat/completions",
            Who::Key,
            "A persona's or a model's answer, whole or streamed",
            chat::complete,
        ),
        Route::post("/v1/embeddings", Who::Key, "Texts as vectors, by a provider that makes them", embeddings::make),
    ]
}

/// How many calls are under way, and how much they carry.
pub struct Calls {
    places: Arc<Semaphore>,
    kib: Arc<Semaphore>,
}

impl Default for Calls {
    /// None is under way.
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST_CALLS)), kib: Arc::new(Semaphore::new(MOST_KIB)) }
    }
}

impl Calls {
    /// Carries a call on, whoever goes away meanwhile: on the thread of its connection, where its receipts are written, too,
    /// while it is the only one, and its provider's answer comes in.
    async fn carry<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        tokio::spawn(work).await.unwrap_or_else(|lost| {
            tracing::error!("a call through the gateway fell: {lost}");
            Err(Refusal::broken("The server could not carry this call to its end; its log says why."))
        })
    }

    /// A place for one more.
    fn enter(&self) -> Result<Place, Refusal> {
        let full = |_| Refusal::busy();
        let place = self.places.clone().try_acquire_owned().map_err(full)?;
        let room = self.kib.clone().try_acquire_owned().map_err(full)?;
        Ok(Place { _place: place, room, kib: self.kib.clone() })
    }
}

/// Counts as under way as long as this lives.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    /// In KiB.
    room: OwnedSemaphorePermit,
    kib: Arc<Semaphore>,
}

impl Place {
    /// Makes room for a body of so many bytes.
    fn hold(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = bytes.div_ceil(1024).saturating_sub(self.room.num_permits());
        if let Some(more) = u32::try_from(more).ok().filter(|more| *more > 0) {
            self.room.merge(self.kib.clone().try_acquire_many_owned(more).map_err(|_| Refusal::busy())?);
        }
        Ok(())
    }
}

/// The key that the guard let through.
fn key_of(request: &HttpRequest) -> Result<KeyInUse, Refusal> {
    request.extensions().get::<KeyInUse>().cloned().ok_or_else(Refusal::no_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_share_what_room_there_is_and_give_it_back() {
        let calls = Calls::default();
        let (mut first, mut second) = (calls.enter().unwrap(), calls.enter().unwrap());
        first.hold(60 << 20).unwrap();
        first.hold(60 << 20).unwrap();
        assert!(second.hold(5 << 20).is_err(), "64 MiB for all");
        drop(first);
        second.hold(5 << 20).unwrap();
    }
}
