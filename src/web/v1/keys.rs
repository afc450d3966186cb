//! Virtual keys in use: known by hash, remembered for a moment, counted by minute.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actors::domain::Hash;
use tokio::time::Instant;
use uuid::Uuid;

use super::errors::Refusal;
use crate::{
    models::Rate,
    storage::{Accounts, DbError, VirtualKey},
    web::auth::random,
};

/// How long a key is good without being looked up: another server may have revoked it.
const FRESH: Duration = Duration::from_secs(5);

/// The key that a call was let in with.
#[derive(Debug, Clone)]
pub struct KeyInUse(pub Arc<VirtualKey>);

/// Every key that was used of late.
pub struct Keys {
    accounts: Accounts,
    known: Mutex<HashMap<Hash, Known>>,
    rates: Mutex<HashMap<Uuid, Rate>>,
}

struct Known {
    key: Arc<VirtualKey>,
    read: Instant,
}

impl Keys {
    /// Knows none yet.
    pub fn new(accounts: Accounts) -> Self {
        Self { accounts, known: Mutex::default(), rates: Mutex::default() }
    }

    /// The key with this text, if it is good and not used too often. None: it opens nothing.
    pub async fn admit(&self, text: &str) -> Result<Option<Result<KeyInUse, Refusal>>, DbError> {
        let Some(key) = self.find(random::hash_of(text)).await? else { return Ok(None) };
        Ok(Some(self.count(&key).map(|()| KeyInUse(key))))
    }

    /// From here on it is looked up again.
    pub fn forget(&self, name: &str) {
        locked(&self.known).retain(|_, known| known.key.name != name);
    }

    async fn find(&self, hash: Hash) -> Result<Option<Arc<VirtualKey>>, DbError> {
        let now = Instant::now();
        if let Some(known) = locked(&self.known).get(&hash).filter(|known| now.duration_since(known.read) < FRESH) {
            return Ok(Some(known.key.clone()));
        }
        let Some(key) = self.accounts.key(hash).await?.map(Arc::new) else {
            locked(&self.known).remove(&hash);
            return Ok(None);
        };
        locked(&self.known).insert(hash, Known { key: key.clone(), read: now });
        Ok(Some(key))
    }

    fn count(&self, key: &VirtualKey) -> Result<(), Refusal> {
        if key.per_minute == 0 {
            return Ok(());
        }
        let (now, mut rates) = (Instant::now(), locked(&self.rates));
        let rate = rates.entry(key.id).or_insert_with(|| Rate::new(key.per_minute as usize));
        match rate.take(now, now) {
            Some(_) => Ok(()),
            None => Err(Refusal::too_often(key.per_minute, rate.free_in(now).as_secs() + 1)),
        }
    }
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
