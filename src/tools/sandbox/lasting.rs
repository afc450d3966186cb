//! A command that is spoken with while it runs.

use tokio::{sync::Mutex, task::JoinHandle, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{ENDING, NoSandbox, Ran};

/// The command, for as long as this is held; dropping it ends every process of it.
pub(in crate::tools) struct Lasting {
    task: Mutex<Option<JoinHandle<Result<Ran, NoSandbox>>>>,
    stop: CancellationToken,
    _ended: DropGuard,
}

impl Lasting {
    pub(super) fn new(task: JoinHandle<Result<Ran, NoSandbox>>, stop: CancellationToken) -> Self {
        Self { task: Mutex::new(Some(task)), _ended: stop.clone().drop_guard(), stop }
    }

    /// Waits a moment for its own end, then ends it; what was observed, once.
    pub(in crate::tools) async fn ended(&self) -> Option<Ran> {
        let mut task = self.task.lock().await.take()?;
        if let Ok(ended) = timeout(ENDING, &mut task).await {
            return ended.ok()?.ok();
        }
        self.stop.cancel();
        timeout(ENDING, task).await.ok()?.ok()?.ok()
    }
}
