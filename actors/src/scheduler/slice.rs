//! What the scheduler hands out: a place among those that wait, and then the slice.

use ractor::ActorRef;
use tokio::sync::oneshot;

use super::{Ended, Msg, Scheduler};
use crate::{
    domain::{PersonaId, Priority, Weight},
    scheduler::turns::Ticket,
};

/// What a slice is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub persona: PersonaId,
    pub priority: Priority,
    /// Holds until the persona wants nothing for a moment.
    pub weight: Weight,
    /// When the work arrived (wall time, milliseconds since 1970): the longer ago, the earlier the turn.
    pub since_ms: i64,
    /// Since when it could begin, or go on after a wait (wall time, milliseconds since 1970): what is urgent is late by
    /// that. None: it goes on where it made way for others.
    pub ready_ms: Option<i64>,
}

/// The right to work now. Dropping it frees the slot, also when the holder panics or is aborted.
#[derive(Debug)]
pub struct Slice {
    pub(super) persona: PersonaId,
    pub(super) ticket: Ticket,
    pub(super) actor: ActorRef<Msg>,
}

impl Slice {
    /// Who may work.
    pub fn persona(&self) -> PersonaId {
        self.persona
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        // If the scheduler is gone the company has ended and there is no slot to free.
        let _ = self.actor.cast(Msg::Released { persona: self.persona, ticket: self.ticket });
    }
}

/// A place among those that wait. Dropping it withdraws the request.
#[derive(Debug)]
pub struct Place {
    pub(super) actor: ActorRef<Msg>,
    pub(super) persona: PersonaId,
    pub(super) ticket: Ticket,
    pub(super) granted: oneshot::Receiver<Slice>,
    pub(super) open: bool,
}

impl Place {
    /// Waits for the slice. No timeout: waiting is the point.
    pub async fn granted(mut self) -> Result<Slice, Ended> {
        let slice = (&mut self.granted).await;
        self.open = slice.is_err();
        slice.map_err(|_| Ended)
    }

    /// The slice, if it is here already.
    pub fn at_once(mut self) -> Result<Slice, Self> {
        match self.granted.try_recv() {
            Ok(slice) => {
                self.open = false;
                Ok(slice)
            }
            Err(_) => Err(self),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.open {
            let _ = self.actor.cast(Msg::Withdrawn { persona: self.persona, ticket: self.ticket });
        }
    }
}

impl Scheduler {
    /// Waits for a slice and takes it. No timeout: waiting is the point. Dropping the future withdraws the request.
    pub async fn acquire(&self, wish: Wish) -> Result<Slice, Ended> {
        self.queue(wish)?.granted().await
    }

    /// A place among those that wait.
    pub(crate) fn queue(&self, wish: Wish) -> Result<Place, Ended> {
        let now_ms = self.world.now_ms();
        let waited_ms = now_ms.saturating_sub(wish.since_ms).max(0);
        let ready_for_ms = wish.ready_ms.map(|ready_ms| now_ms.saturating_sub(ready_ms).max(0));
        let (reply, place) = self.place(wish.persona);
        let asked = Msg::Acquire { wish, ticket: place.ticket, waited_ms, ready_for_ms, reply };
        self.actor.cast(asked).map_err(|_| Ended)?;
        Ok(place)
    }

    /// Whether anybody waits for a slice at this moment.
    pub fn somebody_waits(&self) -> bool {
        self.figures.borrow().waiting > 0
    }

    /// Between two steps: whether the slice may be kept (none), or was given to who is owed it. Then the run has a
    /// place among those that wait, from now on; the old slice is worth nothing any more.
    pub async fn offer(&self, slice: &Slice, wish: Wish) -> Result<Option<Place>, Ended> {
        let (reply, place) = self.place(slice.persona);
        let (answer, given) = oneshot::channel();
        let offered = Msg::Offered { wish, held: slice.ticket, ticket: place.ticket, answer, reply };
        self.actor.cast(offered).map_err(|_| Ended)?;
        match given.await {
            Ok(true) => Ok(Some(place)),
            Ok(false) => {
                let mut place = place;
                place.open = false;
                Ok(None)
            }
            Err(_) => Err(Ended),
        }
    }

    fn place(&self, persona: PersonaId) -> (oneshot::Sender<Slice>, Place) {
        let (reply, granted) = oneshot::channel();
        let ticket = Ticket(self.tickets.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        (reply, Place { actor: self.actor.clone(), persona, ticket, granted, open: true })
    }
}
