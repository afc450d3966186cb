//! Budgets are set, and whoever waited for one looks again.

use serde_json::json;

use super::{
    By, CommandError, Company,
    desk::{self, Desk, invalid, refused},
    drafts,
};
use crate::{
    domain::{Budget, BudgetScope, Budgets, Goal, GoalId},
    ports::{Change, Commit, GoalMove, Guard, LedgerChange, LedgerGuard},
};

impl Company {
    /// Replaces all budgets of a scope. Refused with `Conflict` when `version` is not the current one; 0: nobody has set
    /// any yet.
    pub async fn set_budgets(
        &self,
        scope: BudgetScope,
        version: i64,
        limits: Vec<Budget>,
        by: &By,
    ) -> Result<Budgets, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.set_budgets(scope, version, limits, &by).await }).await
    }
}

impl Desk {
    async fn set_budgets(
        &self,
        scope: BudgetScope,
        version: i64,
        limits: Vec<Budget>,
        by: &By,
    ) -> Result<Budgets, CommandError> {
        Budgets::check(&limits).map_err(|bad| invalid(&format!("limits[{}].{}", bad.at, bad.field), bad.reason))?;
        let mut guards = vec![Guard::Ledger(LedgerGuard::BudgetsAt(scope.clone(), version))];
        let data = json!({"scope": scope.to_string(), "version": version + 1, "limits": limits});
        let said = |whose: &str| format!("{} set the budgets of {whose}", by.who);
        let receipt = match scope {
            BudgetScope::Persona(id) => {
                let persona = self.persona(id).await?;
                guards.push(Guard::PersonaExists(id));
                self.decision(id, by, said(&persona.name), data)
            }
            BudgetScope::User(_) | BudgetScope::Key(_) | BudgetScope::Company => {
                self.system_decision(by, said(&scope.to_string()), data)
            }
        };
        let budgets = Budgets { scope, version: version + 1, limits };
        let changes = vec![Change::Ledger(LedgerChange::BudgetsSet(budgets.clone()))];
        self.write(Commit { guards, changes, receipts: vec![receipt] })
            .await?
            .map_err(|outdated| refused(&outdated))?;
        self.look_again(&budgets.scope, by).await;
        Ok(budgets)
    }

    /// Goals that wait for a budget of this scope try at once; one that cannot be told now goes on when its budget renews.
    async fn look_again(&self, scope: &BudgetScope, by: &By) {
        let goals = match self.ports.records.parked_on_budgets().await {
            Ok(goals) => goals,
            Err(error) => return tracing::warn!("goals that wait for a budget could not be looked up: {error}"),
        };
        for id in goals {
            if let Err(error) = self.try_again(id, scope, by).await {
                tracing::warn!(goal = %id, "goal {id} goes on waiting for its budget to renew: {error}");
            }
        }
    }

    async fn try_again(&self, id: GoalId, scope: &BudgetScope, by: &By) -> Result<(), CommandError> {
        let (goal, _) = self.goal(id).await?;
        let pays = match scope {
            BudgetScope::Persona(id) => *id == goal.payer(),
            BudgetScope::User(_) | BudgetScope::Key(_) => *scope == BudgetScope::of_asker(&goal.created_by),
            BudgetScope::Company => true,
        };
        if !pays {
            return Ok(());
        }
        let commit = self.due_now(&goal, by);
        // Whoever moved it meanwhile decided what it waits for.
        if self.write(commit).await?.is_ok() {
            self.refresh(goal.persona).await;
            self.office.poke(goal.persona);
        }
        Ok(())
    }

    fn due_now(&self, goal: &Goal, by: &By) -> Commit {
        let at_ms = self.now_ms();
        let step = GoalMove { parked_on: goal.parked_on, due_ms: Some(at_ms), ..desk::moved(goal, goal.state, at_ms) };
        let said = format!("may go on with “{}”: its budgets were changed", goal.title);
        let draft = self.decision(goal.persona, by, said, json!({"title": goal.title}));
        let draft = drafts::about(draft, goal.id, goal.project.clone(), Some(goal.state.as_str()));
        let guards = vec![Guard::GoalVersion(goal.id, goal.version)];
        Commit { guards, changes: vec![Change::GoalMoved(step)], receipts: vec![draft] }
    }
}
