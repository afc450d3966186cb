//! A server that is a command, in the sandbox: without network, without our environment, ended with its line.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, ReadBuf};

use super::{
    manifest::Manifest,
    rmcp_client::{Connected, Line},
    source::NotOpened,
};
use crate::{
    secrets::Hidden,
    tools::sandbox::{End, Job, Lasting, Sandbox},
};

/// One message of a server.
const MOST_MESSAGE_BYTES: usize = 4 << 20;
/// A server is begun anew after this long, however busy.
const LONGEST_LIFE: Duration = Duration::from_secs(60 * 60);

/// Starts it and introduces itself.
pub(super) async fn open(
    sandbox: &Sandbox,
    manifest: &Manifest,
    folder: &Path,
    workspace: Option<&Path>,
    limit: Duration,
) -> Result<Connected, NotOpened> {
    let job = Job {
        folder: Some(folder),
        workspace,
        limit: LONGEST_LIFE,
        memory_bytes: manifest.memory_mb << 20,
        ..Job::new(&manifest.command)
    };
    let failed = |error: &dyn ToString| NotOpened::Failed(error.to_string());
    let (input, output, process) = sandbox.open(&job).await.map_err(|error| failed(&error))?;
    let too_long = Arc::new(AtomicBool::new(false));
    let lines = Lines { inner: output, since_newline: 0, too_long: too_long.clone() };
    let transport = AsyncRwTransport::new_client(lines, input).with_max_line_length(usize::MAX);
    Connected::open(transport, Box::new(Process { process, too_long }), Hidden::default(), limit).await
}

struct Process {
    process: Lasting,
    too_long: Arc<AtomicBool>,
}

impl Line for Process {
    fn last_words(&self) -> Pin<Box<dyn Future<Output = String> + Send + '_>> {
        Box::pin(async {
            if self.too_long.load(Ordering::Relaxed) {
                return format!("it wrote a message longer than {MOST_MESSAGE_BYTES} bytes and was ended");
            }
            match self.process.ended().await {
                Some(ran) => {
                    let errors = ran.texts().1;
                    let line = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                    let line: String = line.trim().chars().take(300).collect();
                    let how = match ran.end {
                        End::Exit(code) => format!("the server ended with code {code}"),
                        End::TimedOut | End::Stopped | End::DiskFull | End::Lost => "the server was ended".to_owned(),
                    };
                    if line.is_empty() { how } else { format!("{how}: {line}") }
                }
                None => String::new(),
            }
        })
    }
}

/// Lines of a bounded length; a longer one ends it.
struct Lines<R> {
    inner: R,
    since_newline: usize,
    too_long: Arc<AtomicBool>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let read = &buf.filled()[before..];
        self.since_newline = match read.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => read.len() - at - 1,
            None => self.since_newline + read.len(),
        };
        if self.since_newline > MOST_MESSAGE_BYTES {
            self.too_long.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::other("a message is too long")));
        }
        Poll::Ready(Ok(()))
    }
}
