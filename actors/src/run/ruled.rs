//! The rules that a run goes by, as they are on its record.
//!
//! What is changed while a run is under way counts at its next step: what its persona may do, and the policy of the host
//! that the step reaches. The run takes it in there and nowhere else, with a receipt of what it goes by from then on. So a
//! replay goes by the same, and no receipt names the policy of a host that the run has nothing to do with.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    attempt::{Attempt, Halt},
    policy,
    stage::Stage,
};
use crate::{
    domain::{HostTerms, Persona, ReceiptKind, Step},
    evidence::Said,
    ports::Commit,
};

/// Where a receipt's data holds what the persona may do,
const RULES: &str = "rules";
/// and what holds on a host.
const TERMS: &str = "terms";

/// What holds on a host for a step.
#[derive(Serialize, Deserialize)]
struct OnHost {
    host: String,
    /// None: no policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<HostTerms>,
}

impl Attempt<'_> {
    /// Takes in what its persona may do by now.
    pub(super) async fn renew_permissions(&mut self) -> Result<(), Halt> {
        let said = match &self.runner.stage {
            Stage::Company(_) => self.runner.broker.evidence.said_of(self.persona.id),
            Stage::Told(tape) => tape.data(RULES),
        };
        let Some(said) = said.filter(|said| *said != Said::of(&self.persona)) else { return Ok(()) };
        let summary = "goes on by other rules: what its persona may do was changed".to_owned();
        self.note_rules(summary, json!({ RULES: said })).await?;
        let Said { permissions, grants, role } = said;
        self.persona = Arc::new(Persona { permissions, grants, role, ..(*self.persona).clone() });
        Ok(())
    }

    /// Takes in what holds for this step on the host that it reaches.
    pub(super) async fn renew_terms(&mut self, step: &Step) -> Result<(), Halt> {
        let Some(host) = policy::reaches(step, self.page()) else { return Ok(()) };
        let terms = match &self.runner.stage {
            Stage::Company(_) => self.runner.broker.hosts.terms(&host).map(|terms| policy::narrowed(terms, step)),
            Stage::Told(tape) => match tape.data::<OnHost>(TERMS).filter(|told| told.host == host) {
                Some(told) => told.terms,
                None => return Ok(()),
            },
        };
        if self.terms.get(&host) == terms.as_ref() {
            return Ok(());
        }
        let summary = match &terms {
            Some(_) => format!("goes by the policy of {host}"),
            None => format!("goes on without a policy of {host}: it was taken back"),
        };
        let on_host = OnHost { host, terms };
        self.note_rules(summary, json!({ TERMS: on_host })).await?;
        let OnHost { host, terms } = on_host;
        match terms {
            Some(terms) => self.terms.insert(host, terms),
            None => self.terms.remove(&host),
        };
        Ok(())
    }

    /// What holds for this step on the host that it reaches, as it was taken in.
    pub(super) fn terms_for(&self, step: &Step) -> Option<&HostTerms> {
        self.terms.get(&policy::reaches(step, self.page())?)
    }

    async fn note_rules(&mut self, summary: String, data: Value) -> Result<(), Halt> {
        let draft = self.about().draft(ReceiptKind::Log, None, summary, data);
        let receipt = self.runner.broker.write(Commit { receipts: vec![draft], ..Commit::default() }).await?;
        self.history.extend([receipt]);
        Ok(())
    }
}
