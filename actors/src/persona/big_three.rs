//! What the persona does first in this hour. Chosen when it looks at an inbox in which more than three goals wait,
//! once an hour, with a receipt that explains it; a restart in the same hour finds the choice in the journal.
//!
//! Nobody looks because an hour has begun: a persona with nothing to choose from costs nothing.

use std::collections::HashMap;

use serde_json::json;
use tracing::warn;

use super::{PersonaActor, inbox, life::Life, read};
use crate::{
    domain::{BIG, BigThree, Body, ChainId, Draft, GoalState, MessageState, Pending, Phase, ReceiptKind, Unit},
    evidence::RecordError,
    ports::{Change, Commit, Guard, Unavailable, Waiting},
};

impl PersonaActor {
    /// The big three of this hour, if there are any; chosen now, if it is time.
    pub(super) async fn big_three(&self, life: &mut Life, inbox: &[Waiting]) -> Option<BigThree> {
        let hour_ms = BigThree::hour(self.now_ms());
        let pending: Vec<&Waiting> = inbox.iter().filter(|work| self.may_be_big(life, work)).collect();
        if life.big_three.as_ref().is_some_and(|three| three.hour_ms >= hour_ms) {
            return life.big_three.as_deref().cloned();
        }
        if pending.len() < 2 {
            return None;
        }
        match self.find_or_choose(&pending, hour_ms, life.big_three_read_ms != Some(hour_ms)).await {
            Ok(three) => {
                life.big_three_read_ms = Some(hour_ms);
                life.big_three = three.clone().map(Box::new);
                three
            }
            Err(error) => {
                // Without them the inbox has its order all the same; the next look tries again.
                warn!(persona = %self.id, "the big three of {} could not be chosen: {error}", self.id);
                None
            }
        }
    }

    fn may_be_big(&self, life: &Life, work: &Waiting) -> bool {
        let waits = work.message.state == MessageState::Waiting && work.goal.state == GoalState::Pending;
        // Talk that comes in bursts, or that nobody waits for, is no big thing.
        let talk = work.message.coalescing.is_some() || work.message.is_held_by_mood();
        waits && !talk && inbox::may_begin(work, self.now_ms(), &life.held_back)
    }

    async fn find_or_choose(
        &self,
        pending: &[&Waiting],
        hour_ms: i64,
        may_be_there: bool,
    ) -> Result<Option<BigThree>, Unavailable> {
        if may_be_there && let Some(three) = self.chosen(hour_ms).await? {
            return Ok(Some(three));
        }
        if pending.len() <= BIG {
            return Ok(None);
        }
        let now_ms = self.now_ms();
        let Some(three) = BigThree::choose(self.id, &self.facts(pending).await?, now_ms) else { return Ok(None) };
        match self.stage.evidence.record(self.choice(&three, pending)).await {
            Ok(_) => Ok(Some(three)),
            // One that fell had chosen already, and its commit landed after the look.
            Err(RecordError::Outdated(_)) => self.chosen(hour_ms).await,
            Err(RecordError::Unavailable(error)) => Err(error),
            Err(RecordError::Ended) => Ok(None),
        }
    }

    async fn chosen(&self, hour_ms: i64) -> Result<Option<BigThree>, Unavailable> {
        Ok(read(self.stage.ports.records.big_three(self.id)).await?.filter(|three| three.hour_ms >= hour_ms))
    }

    /// What the score needs to know of each.
    async fn facts(&self, pending: &[&Waiting]) -> Result<Vec<Pending>, Unavailable> {
        let now_ms = self.now_ms();
        let ids: Vec<_> = pending.iter().map(|work| work.goal.id).collect();
        let dependents = read(self.stage.ports.records.dependent_counts(&ids)).await?;
        let unit = |work: &Waiting| work.goal.proof.counted().map(|(unit, _)| unit);
        let missing = self.quotas_missing(pending.iter().filter_map(|work| unit(work)).collect()).await?;
        let facts = pending.iter().zip(dependents).map(|(work, dependents)| Pending {
            goal: work.goal.id,
            priority: work.message.priority_at(now_ms),
            received_ms: work.message.received_ms,
            serve_by_ms: work.message.serve_by_ms,
            quota_missing: unit(work).and_then(|unit| missing.get(&unit)).copied().unwrap_or(0),
            dependents,
        });
        Ok(facts.collect())
    }

    /// How much of today's floor is missing of these, in thousandths.
    async fn quotas_missing(&self, units: Vec<Unit>) -> Result<HashMap<Unit, u16>, Unavailable> {
        let records = &self.stage.ports.records;
        let mut missing = HashMap::new();
        if units.is_empty() {
            return Ok(missing);
        }
        let Some(persona) = read(records.persona(self.id)).await? else { return Ok(missing) };
        let day = persona.hours.day(self.now_ms());
        let mut counted = read(records.counted(self.id, day.begins_ms..day.ends_ms)).await?;
        counted.retain(|one| one.goal.state == GoalState::Done);
        for unit in units {
            let today = counted
                .iter()
                .filter_map(|one| one.taken)
                .filter(|taken| taken.unit == unit && (day.begins_ms..day.ends_ms).contains(&taken.at_ms));
            let done = today.fold(0u32, |sum, taken| sum.saturating_add(taken.units));
            // What is forbidden was never let in.
            let floor = self.stage.limits.quotas.quota(&persona, unit, true).map_or(0, |held| held.quota.floor());
            let left = u64::from(floor.saturating_sub(done)) * 1_000;
            let share = left.checked_div(u64::from(floor)).unwrap_or(0);
            missing.insert(unit, u16::try_from(share).unwrap_or(1_000));
        }
        Ok(missing)
    }

    fn choice(&self, three: &BigThree, pending: &[&Waiting]) -> Commit {
        let title = |id| {
            let found = pending.iter().find(|work| work.goal.id == id);
            found.map_or(String::new(), |work| work.goal.title.clone())
        };
        let titles: Vec<_> = three.goals.iter().map(|scored| format!("“{}”", title(scored.goal))).collect();
        let goals = three.goals.iter().map(|scored| {
            json!({
                "goal": scored.goal, "title": title(scored.goal), "points": scored.points,
                "because": scored.because(), "parts": scored.parts,
            })
        });
        let data = json!({"hour_ms": three.hour_ms, "of": pending.len(), "goals": goals.collect::<Vec<_>>()});
        let summary = format!("chose the big three of {} goals: {}", pending.len(), titles.join(", "));
        let draft = Draft {
            phase: Some(Phase::Decision),
            ..Draft::new(
                ChainId::Persona(self.id),
                self.now_ms(),
                self.stage.limits.node.clone(),
                ReceiptKind::Decision,
                self.stage.ports.world.salt(),
                Body { summary, data, ..Body::default() },
            )
        };
        Commit {
            guards: vec![Guard::PersonaExists(self.id), Guard::BigThreeBefore(self.id, three.hour_ms)],
            changes: vec![Change::BigThreeChosen(Box::new(three.clone()))],
            receipts: vec![draft],
        }
    }
}
