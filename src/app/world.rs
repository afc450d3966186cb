//! The one place where the real clock, real ids and real chance come in.

use std::time::{SystemTime, UNIX_EPOCH};

use actors::ports::{Machine, World};
use futures::future::{BoxFuture, FutureExt as _};
use uuid::Uuid;

use super::machine;

/// This machine's time and chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisMachine;

impl World for ThisMachine {
    #[expect(clippy::disallowed_methods, reason = "everyone else asks this one")]
    fn now_ms(&self) -> i64 {
        // A clock before 1970 is broken; zero is as wrong as any other answer and breaks nothing.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        if let Err(error) = getrandom::fill(&mut salt) {
            // Tokens and salts that can be guessed would be worse than no process.
            tracing::error!(%error, "the operating system gives no random bytes, ending");
            std::process::abort();
        }
        salt
    }

    fn machine(&self) -> Option<Machine> {
        machine::look()
    }

    fn clock_set(&self) -> BoxFuture<'static, ()> {
        machine::clock_set().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_salts_differ() {
        let world = ThisMachine;
        let (first, second) = (world.new_id(), world.new_id());
        assert!(first < second);
        assert_ne!(world.salt(), world.salt());
        assert!(world.now_ms() > 1_700_000_000_000);
    }
}
