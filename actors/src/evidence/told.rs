//! Evidence that writes nothing: whoever replays a run says what became of each commit.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, watch};

use super::{Evidence, QUEUE, RecordError, newest::Newest, teller::Answer, writer::Item};
use crate::{
    domain::NodeName,
    ports::{Commit, Committed, World},
};

impl Evidence {
    /// Commits go to `answer`, one after the other. It ends when nobody holds it any more.
    pub(crate) fn told(
        world: Arc<dyn World>,
        node: NodeName,
        answer: impl Fn(&Commit) -> Result<Committed, RecordError> + Send + 'static,
    ) -> Self {
        let (queue, mut items) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            while let Some(item) = items.recv().await {
                match item {
                    Item::Commit(entry) => {
                        let (commit, reply) = entry.into_parts();
                        // Who went away has no use for it.
                        let _ = reply.send(Answer { result: answer(&commit), _spent: Some(commit) });
                    }
                    Item::Close(closer) => {
                        let _ = closer.send(Ok(()));
                    }
                }
            }
        });
        let (live, turns) = (broadcast::channel(1).0, broadcast::channel(1).0);
        let (_, trouble) = watch::channel(None);
        Self { queue, pen: None, live, turns, newest: Newest::default(), trouble, world, node }
    }
}
