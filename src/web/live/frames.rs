//! What is sent over a live socket.

use actors::{
    domain::PersonaId,
    supervisor::{ActorInfo, Figures},
};
use bytestring::ByteString;
use serde::Serialize;

use crate::web::{
    api::{alerts::AlertView, receipts::ReceiptView},
    cursor::Cursor,
    names::Named,
};

/// One frame, as JSON `{"type": …}`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    /// A committed receipt.
    Receipt { cursor: Cursor, persona: Option<&'a Named>, receipt: Box<ReceiptView> },
    /// What lies between was not sent, both ends included.
    Gap { from: Cursor, to: Cursor },
    /// What changed on the roster; `whole`: this is all of it.
    Actors { whole: bool, actors: Vec<&'a ActorInfo>, gone: Vec<PersonaId>, figures: Figures },
    /// An alert was raised, or resolved (`resolved_ms`).
    Alert { alert: AlertView },
}

impl Frame<'_> {
    /// As it goes over the wire; shared by all sockets.
    pub(super) fn text(&self) -> ByteString {
        // Frames are strings, integers and JSON values: they always have a JSON form.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// A frame on its way to one socket.
#[derive(Debug, Clone)]
pub(super) enum ToSocket {
    Receipt {
        pos: i64,
        text: ByteString,
    },
    Gap {
        from: i64,
        to: i64,
    },
    /// Status and alerts: only the newest matters.
    Status(ByteString),
}
