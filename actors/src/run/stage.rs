//! Who says whose turn it is: the company's scheduler, or the record of a run that is replayed.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::replay::Tape;
use crate::{
    domain::PersonaId,
    scheduler::{Ended, Place, Scheduler, Wish},
};

/// Where a run asks for turns and for the pace of sites.
#[derive(Clone)]
pub(super) enum Stage {
    Company(Scheduler),
    Told(Arc<Tape>),
}

impl Stage {
    /// A place among those that wait for a slice. What is replayed needs none.
    pub fn queue(&self, wish: Wish) -> Result<Place, Ended> {
        match self {
            Self::Company(scheduler) => scheduler.queue(wish),
            Self::Told(_) => Err(Ended),
        }
    }

    /// Whether the act is within the pace of its site; else how long to wait.
    pub async fn pace(
        &self,
        persona: PersonaId,
        site: &str,
        action: Cow<'static, str>,
    ) -> Result<Result<(), Duration>, Ended> {
        match self {
            Self::Company(scheduler) => scheduler.pace(persona, site, action).await,
            Self::Told(tape) => Ok(tape.pace()),
        }
    }

    /// Lets this much time pass, where time passes.
    pub async fn pause(&self, wait: Duration) {
        if let Self::Company(_) = self {
            tokio::time::sleep(wait).await;
        }
    }
}
