//! Goals that could never count are refused when they are given; what a person says has not happened counts no more.

use super::{
    CommandError, Resolution,
    desk::{Desk, invalid},
};
use crate::{
    domain::{Goal, InForce, OUTREACH_IS_OFF, PersonaId, Proof, QuotaUse, Receipt, StepIndex},
    ports::Change,
    run::{History, Steps, may_have_happened},
};

/// Units of one goal.
const MOST_UNITS: u32 = 10_000;

impl Desk {
    /// A goal that counts as more than any day of its persona may hold.
    pub(super) async fn check_counts(&self, persona: PersonaId, proof: &Proof) -> Result<(), CommandError> {
        let Some((unit, units)) = proof.counted() else { return Ok(()) };
        if !(1..=MOST_UNITS).contains(&units) {
            return Err(invalid("proof.units", format!("must be between 1 and {MOST_UNITS}")));
        }
        let persona = self.persona(persona).await?;
        match self.limits.quotas.quota(&persona, unit, self.scheduler.hosts().allow_outreach()) {
            Some(InForce { forbidden: Some(_), .. }) => Err(invalid("proof.counts_as", OUTREACH_IS_OFF)),
            Some(held) if units > held.quota.ceiling() => {
                let ceiling = held.quota.ceiling();
                Err(invalid(
                    "proof.counts_as",
                    format!(
                        "counts as {units} {unit}, and the quota of {} allows {ceiling} a day: raise it",
                        persona.slug
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The place in a day that was kept for this step alone, when a person says that it has not happened.
    pub(super) async fn given_back(
        &self,
        goal: &Goal,
        step: StepIndex,
        resolution: Resolution,
        receipts: Vec<Receipt>,
    ) -> Result<Option<Change>, CommandError> {
        let steps = Steps::planned(goal);
        if resolution == Resolution::Done || may_have_happened(&steps, &History::new(receipts), Some(step)) {
            return Ok(None);
        }
        let kept = self.ports.records.quota_use(goal.id).await?.filter(|taken| taken.begun);
        Ok(kept.map(|taken| Change::QuotaTaken(QuotaUse { begun: false, ..taken })))
    }
}
