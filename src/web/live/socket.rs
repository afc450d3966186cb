//! One live socket: what it missed, then what happens, without a hole or a double, until either side leaves.

use std::time::Duration;

use actix::Addr;
use actix_web::web;
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use actors::domain::{ChainId, PersonaId, Receipt};
use bytestring::ByteString;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    fanout::{Fanout, Joined, Leave},
    frames::{Frame, ToSocket},
};
use crate::{
    storage::ReceiptFilter,
    web::{
        Deps,
        api::receipts::ReceiptView,
        auth::{Via, still_valid},
        cursor::Cursor,
        names::Names,
    },
};

const PAGE: u32 = 500;
const PING_EVERY: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(50);
/// A reader that takes nothing for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(30);

/// One open socket.
pub(super) struct Socket {
    pub(super) session: Session,
    pub(super) joined: Joined,
    pub(super) fanout: Addr<Fanout>,
    pub(super) persona: Option<PersonaId>,
    pub(super) via: Via,
    pub(super) deps: web::Data<Deps>,
    pub(super) names: web::Data<Names>,
    pub(super) stopping: CancellationToken,
}

/// Why a socket ends.
enum End {
    /// The other side is gone.
    Gone,
    /// We say good-bye, with a reason.
    Close(CloseCode, &'static str),
}

impl Socket {
    /// Carries it to its end.
    pub(super) async fn run(mut self, stream: MessageStream, since: Option<Cursor>) {
        let end = self.carry(stream, since).await;
        self.fanout.do_send(Leave(self.joined.member));
        if let End::Close(code, description) = end {
            let reason = CloseReason { code, description: Some(description.to_owned()) };
            let _ = timeout(SEND_LIMIT, self.session.close(Some(reason))).await;
        }
    }

    async fn carry(&mut self, mut stream: MessageStream, since: Option<Cursor>) -> End {
        // Everything up to here was sent.
        let mut sent = since.map_or(0, |cursor| cursor.0);
        // Until the queue was empty once, the database fills what did not fit into it.
        let mut catching_up = since.is_some();
        if catching_up && let Err(end) = self.catch_up(&mut sent).await {
            return end;
        }
        let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            catching_up &= !self.joined.queue.is_empty();
            let done = tokio::select! {
                () = self.stopping.cancelled() => Err(End::Close(CloseCode::Away, "the server is ending")),
                frame = self.joined.queue.recv() => self.forward(frame, &mut sent, catching_up).await,
                said = stream.recv() => {
                    heard = Instant::now();
                    self.answer(said).await
                }
                _ = pings.tick() => self.pulse(heard).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Sends what lies between `sent` and now, from the database.
    async fn catch_up(&mut self, sent: &mut i64) -> Result<(), End> {
        loop {
            let chain = self.persona.map(ChainId::Persona);
            let filter = ReceiptFilter {
                chain,
                after: Some(*sent),
                newest_first: false,
                limit: PAGE,
                ..ReceiptFilter::default()
            };
            let rows = self.deps.db.receipts(filter).await;
            let rows = rows.map_err(|_| End::Close(CloseCode::Again, "the database did not answer"))?;
            let last_page = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for receipt in rows {
                self.send(self.frame(&receipt).await).await?;
                *sent = receipt.pos;
            }
            if last_page {
                return Ok(());
            }
        }
    }

    async fn frame(&self, receipt: &Receipt) -> ByteString {
        let persona = match &receipt.chain {
            ChainId::Persona(id) => self.names.of(*id).await,
            ChainId::System(_) => None,
        };
        let (cursor, persona) = (Cursor(receipt.pos), persona.as_deref());
        Frame::Receipt { cursor, persona, receipt: Box::new(ReceiptView::from(receipt)) }.text()
    }

    async fn forward(&mut self, frame: Option<ToSocket>, sent: &mut i64, catching_up: bool) -> Result<(), End> {
        match frame {
            None => Err(End::Close(CloseCode::Restart, "the live stream was restarted")),
            Some(ToSocket::Status(text)) => self.send(text).await,
            Some(ToSocket::Receipt { pos, .. }) if pos <= *sent => Ok(()),
            Some(ToSocket::Receipt { pos, text }) => {
                *sent = pos;
                self.send(text).await
            }
            Some(ToSocket::Gap { to, .. }) if to <= *sent => Ok(()),
            Some(ToSocket::Gap { .. }) if catching_up => self.catch_up(sent).await,
            Some(ToSocket::Gap { from, to }) => {
                let from = from.max(*sent + 1);
                *sent = to;
                self.send(Frame::Gap { from: Cursor(from), to: Cursor(to) }.text()).await
            }
        }
    }

    async fn answer(&mut self, said: Option<Result<Message, actix_ws::ProtocolError>>) -> Result<(), End> {
        match said {
            Some(Ok(Message::Ping(bytes))) => self.session.pong(&bytes).await.map_err(|_| End::Gone),
            Some(Ok(Message::Close(_))) | None => Err(End::Close(CloseCode::Normal, "")),
            Some(Err(_)) => Err(End::Close(CloseCode::Protocol, "the frames cannot be read")),
            Some(Ok(_)) => Ok(()),
        }
    }

    /// Pings, and looks whether the reader is still there and still allowed.
    async fn pulse(&mut self, heard: Instant) -> Result<(), End> {
        if heard.elapsed() > SILENCE {
            return Err(End::Close(CloseCode::Policy, "nothing was heard for too long"));
        }
        if !still_valid(self.via, &self.deps).await {
            return Err(End::Close(CloseCode::Policy, "the login has ended"));
        }
        self.session.ping(b"").await.map_err(|_| End::Gone)
    }

    async fn send(&mut self, text: ByteString) -> Result<(), End> {
        match timeout(SEND_LIMIT, self.session.text(text)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Close(CloseCode::Policy, "the reader is too slow")),
        }
    }
}
