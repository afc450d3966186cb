//! What goes into a tool and what comes out of it. However much it writes, only the first part is kept.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What a stream carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::tools) struct Caught {
    /// The first part.
    pub bytes: Vec<u8>,
    /// How much there was in all.
    pub total_bytes: u64,
}

impl Caught {
    /// There was more than was kept.
    pub(in crate::tools) fn is_cut(&self) -> bool {
        self.total_bytes > u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }

    /// One more part, of which only what fits into `most` bytes in all is kept.
    pub(in crate::tools) fn take(&mut self, part: &[u8], most: usize) {
        let kept = part.len().min(most.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(&part[..kept]);
        self.total_bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
    }

    /// As text, as far as it is some.
    pub(in crate::tools) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Reads to the end and keeps the first `most` bytes; the writer is never held up.
pub(super) async fn catch(stream: Option<impl AsyncRead + Unpin>, most: usize) -> Caught {
    let mut caught = Caught::default();
    let Some(mut stream) = stream else { return caught };
    let mut part = vec![0; 64 << 10];
    // A stream that breaks has ended.
    while let Ok(read @ 1..) = stream.read(&mut part).await {
        caught.take(&part[..read], most);
    }
    caught
}

/// Writes all and closes. Who does not read it all needs no more.
pub(in crate::tools) async fn feed(stream: Option<impl AsyncWrite + Unpin>, bytes: &[u8]) {
    let Some(mut stream) = stream else { return };
    let fed: io::Result<()> = async {
        stream.write_all(bytes).await?;
        stream.shutdown().await
    }
    .await;
    if let Err(error) = fed {
        tracing::debug!(%error, "a tool did not read its whole input");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_part_is_kept_and_the_rest_counted() {
        let caught = catch(Some(&[7_u8; 200_000][..]), 1_000).await;
        assert_eq!((caught.bytes.len(), caught.total_bytes, caught.is_cut()), (1_000, 200_000, true));
        let whole = catch(Some(&b"all"[..]), 3).await;
        assert_eq!((whole.text().as_str(), whole.is_cut()), ("all", false));
    }
}
