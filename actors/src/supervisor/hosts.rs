//! What may be done on hosts is set.

use serde_json::json;

use super::{
    By, CommandError, Company,
    desk::{Desk, invalid, refused},
};
use crate::{
    domain::{HostPolicy, HostTerms, Rule, Ruling},
    ports::{Change, Commit, Guard, HostPolicyChange, HostPolicyGuard},
};

impl Company {
    /// Replaces the policy of a host, from the next step on. Refused with `Conflict` when `version` is not the current
    /// one; 0: there is none yet.
    pub async fn set_host_policy(
        &self,
        host: String,
        version: i64,
        terms: HostTerms,
        by: &By,
    ) -> Result<HostPolicy, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.set_host_policy(host, version, terms, &by).await }).await
    }
}

impl Desk {
    async fn set_host_policy(
        &self,
        host: String,
        version: i64,
        terms: HostTerms,
        by: &By,
    ) -> Result<HostPolicy, CommandError> {
        let named = Rule { tool: None, host: Some(format!("={host}")), say: Ruling::Ask };
        if let Some((_, reason)) = named.fault() {
            return Err(invalid("host", reason));
        }
        if let Some((field, reason)) = terms.fault() {
            return Err(invalid(field, reason));
        }
        let policy = HostPolicy { host: host.clone(), version: version + 1, terms };
        let said = format!("{} set the policy of {host}", by.who);
        let commit = Commit {
            guards: vec![Guard::HostPolicy(HostPolicyGuard { host, version })],
            changes: vec![Change::HostPolicy(HostPolicyChange::Set(Box::new(policy.clone())))],
            receipts: vec![self.system_decision(by, said, json!(policy))],
        };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        self.scheduler.hosts().keep(policy.clone());
        Ok(policy)
    }
}
