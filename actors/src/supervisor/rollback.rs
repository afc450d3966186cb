//! Taking back what a step did: shown first, confirmed by the digest of what was shown, then a goal like any other.
//!
//! The digest binds the call, the receipt of the step, the persona and the manifests it was made by, until it expires; a
//! change of any of them makes another one. It keeps people from a slip, not from what they may do anyway.
//!
//! **Once.** The goal of a rollback has a key made of the step and of how many rollbacks of it came to nothing before, and
//! its commit moves the goal whose step it takes back: of two that are confirmed at once, or of a rollback and a retry,
//! one is written.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    By, CommandError, Company, Delivered, NewWork, Work,
    desk::{self, Desk, invalid, refused},
    drafts,
};
use crate::{
    domain::{
        ArtifactKind, ArtifactRef, Autonomy, Deed, Goal, GoalId, Hash, Inverse, NoRollback, Payload, Persona, Proof,
        Receipt, Rollback, RunId, Step, StepIndex, Undoes, WaitsFor,
    },
    evidence::canonical,
    ports::{Change, Commit, Guard},
    run::{
        Judged, Rules, arguments, came_to_nothing, deed, disclosed, judge, reaches, rollbacks, rolled_back_by,
        standing_rules,
    },
};

/// How long what was shown may be confirmed.
const CONFIRM_WITHIN: Duration = Duration::from_secs(600);
/// Such keys are given to rollbacks alone.
const KEYS: &str = "rollback:";

/// What would be done, for a person to confirm.
#[derive(Debug, Clone, PartialEq)]
pub struct RollbackPlan {
    pub undoes: Undoes,
    /// The call as it would be made.
    pub call: Step,
    /// The host that it reaches, where one is named.
    pub host: Option<String>,
    /// The rule by which a person is asked once more before the call; none: nobody is.
    pub asks: Option<String>,
    /// Confirms this very plan.
    pub digest: String,
    pub expires_ms: i64,
}

/// Under what a plan holds.
struct Drawn {
    plan: RollbackPlan,
    persona: Persona,
    goal: Goal,
    /// Rollbacks of the step that came to nothing.
    before: Vec<Goal>,
}

impl Company {
    /// What a step of a run did, from 1 as pages number them, and whose run it is.
    pub async fn deed(&self, run: RunId, step: u32) -> Result<(Persona, Deed), CommandError> {
        self.desk.deed(run, step).await
    }

    /// What would be done to take it back.
    pub async fn plan_rollback(&self, deed: &Deed, inverse: Inverse) -> Result<RollbackPlan, CommandError> {
        let expires_ms = self.desk.now_ms().saturating_add(within_ms());
        Ok(self.desk.drawn(deed.undoes, inverse, expires_ms).await?.plan)
    }

    /// Gives the persona a goal that takes it back. `digest`: of the plan that was shown.
    pub async fn roll_back(
        &self,
        deed: &Deed,
        inverse: Inverse,
        digest: String,
        by: &By,
    ) -> Result<(Goal, RollbackPlan), CommandError> {
        let undoes = deed.undoes;
        self.carry_out(by, move |desk, by| async move { desk.roll_back(undoes, inverse, &digest, &by).await }).await
    }
}

impl Desk {
    async fn deed(&self, id: RunId, step: u32) -> Result<(Persona, Deed), CommandError> {
        let not_found = || CommandError::NotFound { what: "run", which: id.to_string() };
        let run = self.ports.records.run(id).await?.ok_or_else(not_found)?;
        let persona = self.persona(run.persona).await?;
        let goal = self.ports.records.goal(run.goal).await?.ok_or_else(not_found)?;
        if step == 0 {
            return Err(invalid("step", "must be 1 or more, as the run's page numbers its steps"));
        }
        let receipts = self.ports.records.goal_receipts(goal.id).await?;
        let receipts = arguments::whole(receipts, &*self.ports.blobs).await?;
        let mut deed = deed(&goal, &run, receipts.clone(), step)?;
        if deed.value.is_none() {
            deed.value = self.long_answer(&deed, &receipts).await?;
        }
        Ok((persona, deed))
    }

    /// An answer that is too long for its receipt stands in an artifact.
    async fn long_answer(&self, deed: &Deed, receipts: &[Receipt]) -> Result<Option<Value>, CommandError> {
        let receipt = receipts.iter().find(|receipt| receipt.seq == deed.undoes.seq);
        let kept = receipt.and_then(|receipt| receipt.body.as_ref()).map(|body| &body.artifacts);
        let is_it = |one: &&ArtifactRef| one.kind == ArtifactKind::Text && one.name == deed.long_answer();
        let Some(kept) = kept.and_then(|kept| kept.iter().find(is_it)) else { return Ok(None) };
        let bytes = self.ports.blobs.get(kept.hash).await?;
        // What is not what was kept is no answer of the tool.
        let sound = bytes.filter(|bytes| canonical::sha256(bytes) == kept.hash);
        Ok(sound.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn drawn(&self, undoes: Undoes, inverse: Inverse, expires_ms: i64) -> Result<Drawn, CommandError> {
        let (goal, _) = self.goal(undoes.goal).await?;
        let persona = self.persona(goal.persona).await?;
        if !goal.state.is_over() {
            return Err(NoRollback::UnderWay(goal.id, goal.state).into());
        }
        let before = self.earlier(&undoes, None).await?;
        let Inverse { call, made_by } = inverse;
        let host = reaches(&call, None);
        let terms = host.as_deref().and_then(|host| self.scheduler.hosts().terms(host));
        let call = disclosed(call, terms.as_ref());
        let asks = self.allowed(&persona, &call)?;
        let digest = confirmation(&undoes, &persona, &call, made_by, expires_ms);
        let plan = RollbackPlan { undoes, call, host, asks, digest, expires_ms };
        Ok(Drawn { plan, persona, goal, before })
    }

    /// The rollbacks of a step that were confirmed before, but for `this`: each must have come to nothing.
    async fn earlier(&self, undoes: &Undoes, this: Option<GoalId>) -> Result<Vec<Goal>, CommandError> {
        let mut before = Vec::new();
        for (step, id) in rollbacks(&self.ports.records.goal_receipts(undoes.goal).await?) {
            if step != undoes.step || this == Some(id) {
                continue;
            }
            let (goal, _) = self.goal(id).await?;
            if !came_to_nothing(&goal, self.ports.records.goal_receipts(id).await?) {
                return Err(NoRollback::Already(id, goal.state).into());
            }
            before.push(goal);
        }
        Ok(before)
    }

    /// What the broker would say now; the rule by which it would ask.
    fn allowed(&self, persona: &Persona, call: &Step) -> Result<Option<String>, NoRollback> {
        let (tool, slug, permissions) = (call.tool(), &persona.slug, &persona.permissions);
        if permissions.autonomy == Autonomy::ReadOnly {
            return Err(NoRollback::Forbidden(format!("{slug} is readonly: give it another autonomy first")));
        }
        if call.kind().is_some_and(|kind| !persona.grants.permits(&tool, kind, persona.role)) {
            let how = format!("`greenroom tool grant {slug} {tool}`");
            return Err(NoRollback::Forbidden(format!("`{tool}` is not granted to {slug}: an operator may say {how}")));
        }
        let terms = reaches(call, None).and_then(|host| self.scheduler.hosts().terms(&host));
        let standing = standing_rules(&self.limits.standing_hosts);
        match judge(call, None, &Rules { permissions, standing: &standing, terms: terms.as_ref() }) {
            Judged::Allow { .. } => Ok(None),
            Judged::Ask { rule } => Ok(Some(rule)),
            Judged::Deny { reason } => Err(NoRollback::Forbidden(reason)),
        }
    }

    async fn roll_back(
        &self,
        undoes: Undoes,
        inverse: Inverse,
        digest: &str,
        by: &By,
    ) -> Result<(Goal, RollbackPlan), CommandError> {
        let (now_ms, expires_ms) =
            (self.now_ms(), expiry(digest).ok_or(NoRollback::Void("it is no digest of a plan"))?);
        if !(now_ms..=now_ms.saturating_add(within_ms())).contains(&expires_ms) {
            return Err(NoRollback::Void("it has expired").into());
        }
        let Drawn { plan, persona, goal, before } = self.drawn(undoes, inverse, expires_ms).await?;
        if plan.digest != digest {
            return Err(
                NoRollback::Void("the call, the receipt, the manifests or the persona are no longer the same").into()
            );
        }
        let work = NewWork {
            persona: persona.id,
            what: Work::Goal {
                title: title(&goal, &plan),
                payload: Payload::Rollback(Box::new(Rollback { call: plan.call.clone(), undoes })),
                proof: Proof::default(),
            },
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: Some(format!("{KEYS}{}:{}:{}", undoes.goal, undoes.step, before.len())),
            project: goal.project.clone(),
            waits_for: WaitsFor::default(),
        };
        let moved = desk::moved(&goal, goal.state, now_ms);
        let said = format!("{} confirmed that step {} of “{}” is rolled back", by.who, undoes.step + 1, goal.title);
        let delivered = self.deliver_beside(work, by, |new| {
            let mut guards = vec![Guard::PersonaVersion(persona.id, persona.version)];
            guards.extend(before.iter().chain([&goal]).map(|goal| Guard::GoalVersion(goal.id, goal.version)));
            let mut data = rolled_back_by(&undoes, new.id);
            data["digest"] = json!(digest);
            let draft = self.decision(goal.persona, by, said, data);
            let receipts = vec![drafts::about(draft, goal.id, goal.project.clone(), None)];
            Commit { guards, changes: vec![Change::GoalMoved(moved)], receipts }
        });
        match delivered.await?.map_err(|outdated| refused(&outdated))? {
            Delivered { goal, repeated: true, .. } => Err(NoRollback::Already(goal.id, goal.state).into()),
            Delivered { goal, .. } => Ok((goal, plan)),
        }
    }

    /// Under what a goal may be begun anew: what was rolled back is no longer there, and a rollback is one of one.
    pub(super) async fn not_rolled_back(&self, goal: &Goal) -> Result<Vec<Guard>, CommandError> {
        let receipts = self.ports.records.goal_receipts(goal.id).await?;
        if let Some((step, by)) = self.effective(&receipts, |_| true).await? {
            let id = goal.id;
            let reason = format!("goal {by} rolls step {} of goal {id} back: give a new goal instead", step + 1);
            return Err(CommandError::Conflict(reason));
        }
        let Some(undoes) = goal.payload.undoes() else { return Ok(Vec::new()) };
        let (other, _) = self.goal(undoes.goal).await?;
        if !other.state.is_over() {
            return Err(NoRollback::UnderWay(other.id, other.state).into());
        }
        self.earlier(undoes, Some(goal.id)).await?;
        Ok(vec![Guard::GoalVersion(other.id, other.version)])
    }

    /// The first rollback of one of these steps of a goal that has happened or may, by the receipts about the goal.
    pub(super) async fn effective(
        &self,
        receipts: &[Receipt],
        is_one: impl Fn(StepIndex) -> bool,
    ) -> Result<Option<(StepIndex, GoalId)>, CommandError> {
        for (step, id) in rollbacks(receipts).into_iter().filter(|(step, _)| is_one(*step)) {
            let (goal, _) = self.goal(id).await?;
            if !came_to_nothing(&goal, self.ports.records.goal_receipts(id).await?) {
                return Ok(Some((step, id)));
            }
        }
        Ok(None)
    }
}

/// Whether only a rollback may have this key.
pub(super) fn is_reserved(key: &str, payload: Option<&Payload>) -> bool {
    key.starts_with(KEYS) && payload.is_none_or(|payload| payload.undoes().is_none())
}

fn title(goal: &Goal, plan: &RollbackPlan) -> String {
    let cut: String = goal.title.chars().take(120).collect();
    format!("Roll back step {} of “{cut}” with {}", plan.undoes.step + 1, plan.call.tool())
}

fn within_ms() -> i64 {
    i64::try_from(CONFIRM_WITHIN.as_millis()).unwrap_or(i64::MAX)
}

/// What a person sends back: when it expires, and the hash of all that it is bound to.
fn confirmation(undoes: &Undoes, persona: &Persona, call: &Step, made_by: Hash, expires_ms: i64) -> String {
    let bound = json!([undoes, persona.id, persona.version, call.to_args(), made_by, expires_ms]);
    format!("{expires_ms}-{}", canonical::sha256(bound.to_string().as_bytes()))
}

fn expiry(digest: &str) -> Option<i64> {
    digest.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::Effect,
        testing::{self, TestWorld},
    };

    proptest! {
        /// Whatever is different makes another digest, and each says when it expires.
        #[test]
        fn one_change_is_another_confirmation(ticket in "[a-z]{1,9}", expires_ms in 0_i64..1 << 50, what in 0_usize..7) {
            let undoes = Undoes {
                goal: GoalId(Uuid::from_u128(1)), run: RunId(Uuid::from_u128(2)), step: 3, seq: 4, receipt: Hash([5; 32]),
            };
            let ada = Persona { id: crate::domain::PersonaId(Uuid::from_u128(6)), ..testing::persona(&TestWorld::new(1), "ada") };
            let call = |ticket: &str, effect| {
                let args = json!({"ticket": ticket}).as_object().cloned().unwrap_or_default();
                Step::Tool { name: "give_back".into(), args, effect, outreach: false, save_as: None, timeout_ms: None }
            };
            let plain = || call(&ticket, Effect::Idempotent);
            let made_by = Hash([7; 32]);
            let first = confirmation(&undoes, &ada, &plain(), made_by, expires_ms);
            let other = match what {
                0 => confirmation(&Undoes { receipt: Hash([6; 32]), ..undoes }, &ada, &plain(), made_by, expires_ms),
                1 => confirmation(&Undoes { step: 4, ..undoes }, &ada, &plain(), made_by, expires_ms),
                2 => confirmation(&undoes, &Persona { version: ada.version + 1, ..ada.clone() }, &plain(), made_by, expires_ms),
                3 => confirmation(&undoes, &ada, &call(&format!("{ticket}x"), Effect::Idempotent), made_by, expires_ms),
                4 => confirmation(&undoes, &ada, &call(&ticket, Effect::Irreversible), made_by, expires_ms),
                5 => confirmation(&undoes, &ada, &plain(), Hash([8; 32]), expires_ms),
                _ => confirmation(&undoes, &ada, &plain(), made_by, expires_ms + 1),
            };
            prop_assert_eq!(expiry(&first), Some(expires_ms));
            prop_assert_eq!(&first, &confirmation(&undoes, &ada, &plain(), made_by, expires_ms));
            prop_assert_ne!(first, other);
        }
    }
}
