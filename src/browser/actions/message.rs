//! Writes to somebody: fills in whom and what, looks whether both are there, and presses what sends it.

use crate::browser::{act::Act, fault::Fault, found::Found, session::Session};

use super::{click, fill};

/// What is filled in, each with its field, and what sends it.
pub(super) struct Letter<'a> {
    pub fields: [(&'a str, &'a str); 2],
    pub send: &'a str,
}

pub(super) async fn message(session: &mut Session, act: &Act<'_>, letter: &Letter<'_>) -> Result<Found, Fault> {
    for (field, text) in letter.fields {
        // A letter that is not whole is not sent.
        if let Some(error) = fill::fill(session, act, field, text).await?.lacks {
            return Err(Fault::Step(error));
        }
    }
    click::click(session, act, letter.send).await
}
