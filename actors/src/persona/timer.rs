//! A message to oneself, later.

use std::time::Duration;

use ractor::ActorRef;

use super::Msg;

/// Taken back when dropped.
pub(super) struct Timer(tokio::task::AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Leaner than ractor's: everybody who is awake has one.
pub(super) fn after(me: &ActorRef<Msg>, pause: Duration, msg: fn() -> Msg) -> Timer {
    let me = me.clone();
    let task = tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        // A persona that is gone looks when it is back.
        let _ = me.cast(msg());
    });
    Timer(task.abort_handle())
}
