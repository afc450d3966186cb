//! A persona's nightly digest: one report goal for each of its days in which it began a run.
//!
//! A digest's day goes from one night's hour to the next (23:55 to 23:55 unless configured otherwise) and is named by
//! the date on which it ends, so that nothing falls between two digests. That a persona worked is read from its runs,
//! digests left out; the key `digest:<date>` makes it one goal per persona and day over crash and restart. Who did
//! nothing is in no list and costs nothing.

use chrono::NaiveDate;

use super::{Trouble, WHO};
use crate::{
    domain::{
        DIGEST_KEY, Hours, Payload, PersonaId, PersonaStatus, Priority, Proof, ReportPayload, TraceId, WaitsFor,
        WallTime,
    },
    supervisor::{By, CommandError, NewWork, Work, desk::Desk},
};

/// How far back a start looks for work without a digest.
pub(super) const LOOK_BACK_MS: i64 = 8 * 24 * 60 * 60 * 1000;
/// The priority of a digest: nobody waits for it.
const UNHURRIED: u16 = 300;
/// How long a digest may wait for its persona.
const PATIENCE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What one digest covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::supervisor) struct DigestDay {
    pub(super) date: NaiveDate,
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
}

/// The digest's day that a moment lies in.
pub(super) fn day(hours: &Hours, digest_at: WallTime, at_ms: i64) -> DigestDay {
    let mut today = hours.day(at_ms);
    let mut until_ms = digest_at.on(&today, hours.zone);
    if at_ms >= until_ms {
        today = hours.day_after(&today);
        until_ms = digest_at.on(&today, hours.zone);
    }
    let yesterday = hours.day(today.begins_ms - 1);
    DigestDay { date: today.date, from_ms: digest_at.on(&yesterday, hours.zone), until_ms }
}

impl Desk {
    /// Starts the digests that the day around a moment and the one before it still lack, if they are over. Answers
    /// when the next one is due; none: the persona has not worked since.
    pub(super) async fn start_digests(&self, id: PersonaId, around_ms: i64) -> Result<Option<i64>, Trouble> {
        let records = &self.ports.records;
        let persona = records.persona(id).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
        let Some(persona) = persona else { return Ok(None) };
        let day_of = |at_ms| day(&persona.hours, self.limits.calendar.digest_at, at_ms);
        let (last, today) = (day_of(around_ms), day_of(self.now_ms()));
        for day in [day_of(last.from_ms - 1), last] {
            let over = day.until_ms <= self.now_ms();
            if over
                && records.worked(id, day.from_ms, day.until_ms).await?
                && records.correlated(id, &key(day)).await?.is_none()
            {
                self.deliver_digest(id, day).await?;
            }
        }
        let worked_today = records.worked(id, today.from_ms, today.until_ms).await?;
        Ok(worked_today.then_some(today.until_ms))
    }

    async fn deliver_digest(&self, persona: PersonaId, day: DigestDay) -> Result<(), Trouble> {
        let file = format!("digests/{}.md", day.date);
        let work = NewWork {
            persona,
            what: Work::Goal {
                title: format!("Digest of {}", day.date.format("%-d %B %Y")),
                payload: Payload::Report(ReportPayload {
                    file,
                    from_ms: Some(day.from_ms),
                    until_ms: Some(day.until_ms),
                }),
                proof: Proof::default(),
            },
            priority: Priority::try_from(UNHURRIED).ok(),
            serve_by_ms: Some(self.now_ms() + PATIENCE_MS),
            due_ms: None,
            correlation: Some(key(day)),
            project: None,
            waits_for: WaitsFor::default(),
        };
        let by = By { who: WHO.to_owned(), trace: TraceId(self.world().new_id()) };
        match self.deliver(work, &by).await {
            Ok(_) | Err(CommandError::NotFound { .. }) => Ok(()),
            Err(CommandError::Unavailable(error)) => Err(error.into()),
            Err(CommandError::Ending) => Err(Trouble::Ended),
            Err(refused @ (CommandError::Conflict(_) | CommandError::NoRollback(_) | CommandError::Invalid { .. })) => {
                tracing::warn!(persona = %persona, "no digest of {}: {refused}", day.date);
                Ok(())
            }
        }
    }
}

fn key(day: DigestDay) -> String {
    format!("{DIGEST_KEY}{}", day.date)
}
