//! Starts sandboxes from one thread that lives as long as the process.
//!
//! The kernel ends a sandbox when the *thread* that started it ends. Threads of a runtime come and go; this one does not,
//! so a sandbox ends exactly when this process does, however that comes.

use std::{
    io,
    sync::mpsc::{Sender, channel},
    thread,
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

type Order = (Command, Handle, oneshot::Sender<io::Result<Child>>);

/// The thread, by its inbox.
#[derive(Debug, Clone)]
pub(super) struct Launcher {
    orders: Sender<Order>,
}

impl Launcher {
    pub(super) fn new() -> io::Result<Self> {
        let (orders, inbox) = channel::<Order>();
        thread::Builder::new().name("sandboxes".to_owned()).spawn(move || {
            for (mut command, runtime, answer) in inbox {
                let _inside = runtime.enter();
                // Who asked may have gone: then dropping the child ends it.
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(Self { orders })
    }

    /// Starts it under the runtime of whoever asks.
    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (answer, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts sandboxes has ended");
        self.orders.send((command, Handle::current(), answer)).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}
