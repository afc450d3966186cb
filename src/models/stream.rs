//! An answer while it comes.
//!
//! A task of its own asks; what it hears goes through a short channel, so a slow reader holds up the provider and not
//! our memory, and one that goes away ends the request. The request's limit ends it too.

use std::sync::atomic::{AtomicBool, Ordering};

use actors::domain::ToolCall;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{Chatted, ModelError};

/// Pieces that may wait for their reader.
const MOST_WAITING: usize = 16;

/// Part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// More of the text.
    Text(String),
    /// A call that the model wants made, told whole at the end.
    Call(ToolCall),
    /// The whole answer once more, and who gave it: the last piece.
    Done(Box<Chatted>),
}

/// The pieces of one answer. Dropping it cancels the request.
pub struct ChatStream {
    pieces: mpsc::Receiver<Result<Piece, ModelError>>,
    _asking: AbortOnDropHandle<()>,
}

impl ChatStream {
    /// Lets this future ask and tell.
    pub(super) fn of<F>(ask: impl FnOnce(Told) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, pieces) = mpsc::channel(MOST_WAITING);
        let told = Told { pieces: sender, begun: AtomicBool::new(false) };
        Self { pieces, _asking: AbortOnDropHandle::new(tokio::spawn(ask(told))) }
    }

    /// Tells these and ends.
    #[cfg(test)]
    pub(crate) fn that_tells(pieces: Vec<Piece>) -> Self {
        Self::of(|told| async move {
            for piece in pieces {
                told.send(Ok(piece)).await;
            }
        })
    }

    /// The next piece. After [`Piece::Done`] or an error there is none.
    pub async fn next(&mut self) -> Option<Result<Piece, ModelError>> {
        self.pieces.recv().await
    }
}

/// Where an answer is told while it comes.
pub(super) struct Told {
    pieces: mpsc::Sender<Result<Piece, ModelError>>,
    begun: AtomicBool,
}

impl Told {
    /// Somebody heard part of an answer: nobody else may begin another one.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// More of the text.
    pub(super) async fn text(&self, text: String) {
        self.begun.store(true, Ordering::Relaxed);
        self.send(Ok(Piece::Text(text))).await;
    }

    /// How it ended.
    pub(super) async fn end(&self, ended: Result<Chatted, ModelError>) {
        let chatted = match ended {
            Ok(chatted) => chatted,
            Err(error) => return self.send(Err(error)).await,
        };
        // An answer that did not come in parts is one part.
        if !self.has_begun() && !chatted.answer.text.is_empty() {
            self.text(chatted.answer.text.clone()).await;
        }
        for call in &chatted.answer.calls {
            self.send(Ok(Piece::Call(call.clone()))).await;
        }
        self.send(Ok(Piece::Done(Box::new(chatted)))).await;
    }

    async fn send(&self, piece: Result<Piece, ModelError>) {
        // Without a reader this task is being ended.
        let _ = self.pieces.send(piece).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicUsize};

    use super::*;

    #[tokio::test]
    async fn a_slow_reader_holds_up_the_teller() {
        let told_so_far = Arc::new(AtomicUsize::new(0));
        let count = told_so_far.clone();
        let mut stream = ChatStream::of(|told| async move {
            loop {
                told.text("on".to_owned()).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        // On this one thread the teller runs until it has to wait.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(told_so_far.load(Ordering::Relaxed), MOST_WAITING);
        for _ in 0..1_000 {
            assert!(matches!(stream.next().await, Some(Ok(Piece::Text(_)))));
        }
        drop(stream);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&told_so_far), 1, "the teller is gone");
    }
}
