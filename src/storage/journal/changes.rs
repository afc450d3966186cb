//! Every change as the statement that carries it out, once for both databases.

mod rooms;

use std::future::Future;

use actors::{
    domain::{Goal, GoalId, Message, MessageState, Persona, QuotaUse, Run, StandingWait, WaitsFor},
    ports::{Change, Checkpoint, GoalMove},
};
use diesel::{
    QueryResult, insert_into,
    pg::Pg,
    query_builder::{QueryFragment, QueryId},
    sqlite::Sqlite,
};

use super::{
    approvals, calendar,
    closed::Late,
    ledger, mcp,
    plan::{Places, Plan},
    statements::{
        AddDependency, CorrectGoal, CountFalls, EraseBody, ForgetDependencies, ForgetTry, JoinBurst, MoveGoal,
        MoveMessage, MoveRun, NoteBlob, ResolveAlert, SetStandingWait, SetStreak, TakeQuota, UpdatePersona, WidenGoal,
        WidenGoalOfRun, WidenRun,
    },
};
use crate::storage::{
    rows::{
        alert::AlertRow, counter, goal::GoalRow, json, message::MessageRow, persona::PersonaRow, run::RunRow,
        standing_wait::StandingWaitRow, text, tryout::TryoutRow,
    },
    schema::{alerts, goals, messages, personas, runs, tryouts},
};

/// A statement that both databases understand.
pub(super) trait Statement: QueryFragment<Sqlite> + QueryFragment<Pg> + QueryId + Send {}

impl<T: QueryFragment<Sqlite> + QueryFragment<Pg> + QueryId + Send> Statement for T {}

/// The open transaction of either database. SQLite's futures never wait.
pub(super) trait Transaction: Send {
    fn run(&mut self, statement: impl Statement) -> impl Future<Output = QueryResult<usize>> + Send;

    /// Keeps signed heads; a second signature of the same head is not kept.
    fn keep(&mut self, signed: &[&Checkpoint]) -> impl Future<Output = QueryResult<()>> + Send;
}

/// Whether a plan writes receipts and nothing else.
pub(super) fn are_none(plan: &Plan, late: &[Late]) -> bool {
    let mut receipts = plan.receipts();
    plan.changes.is_empty() && late.is_empty() && receipts.all(|linked| linked.draft.body.artifacts.is_empty())
}

/// Carries out a plan's changes in order, and what its receipts mean for other tables.
pub(super) async fn write(plan: &Plan, late: &[Late], to: &mut impl Transaction) -> QueryResult<()> {
    for linked in plan.receipts() {
        for artifact in linked.draft.body.artifacts.iter().filter(|artifact| !artifact.missing) {
            let note = NoteBlob {
                hash: &artifact.hash.0,
                chain: &linked.draft.chain.to_bytes(),
                kind: artifact.kind.as_str(),
                name: &text(artifact.name.clone()),
                media_type: &text(artifact.media_type.clone()),
                bytes: i64::try_from(artifact.bytes).unwrap_or(i64::MAX),
                at_ms: linked.draft.at_ms,
            };
            to.run(note).await?;
        }
    }
    let mut sums = ledger::Sums::default();
    for (index, change) in &plan.changes {
        match change {
            Change::Ledger(change) => ledger::apply(change, &mut sums, to).await?,
            change => apply(change, plan.places(*index), to).await?,
        };
    }
    sums.write(to).await?;
    let signed: Vec<_> = plan.changes.iter().filter_map(|(_, change)| signed(change)).collect();
    if !signed.is_empty() {
        to.keep(&signed).await?;
    }
    for late in late {
        if let Some(run) = late.run {
            to.run(WidenRun { last_seq: late.seq, id: run.as_bytes(), seq: late.seq }).await?;
        }
        if let Some(goal) = late.goal {
            to.run(WidenGoal { last_seq: late.seq, id: goal.as_bytes(), seq: late.seq }).await?;
        }
    }
    Ok(())
}

async fn apply(change: &Change, places: Places<'_>, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        Change::PersonaCreated(persona) => {
            to.run(insert_into(personas::table).values(PersonaRow::from((**persona).clone()))).await
        }
        Change::PersonaUpdated(persona) => update_persona(persona, to).await,
        Change::FailureStreak(id, streak) => to.run(SetStreak { streak: counter(*streak), id: id.as_bytes() }).await,
        Change::MessageDelivered(message) => {
            to.run(insert_into(messages::table).values(MessageRow::from((**message).clone()))).await
        }
        Change::MessageMoved(id, state) => {
            let begins = *state == MessageState::Running;
            to.run(MoveMessage { state: state.as_str(), begins, id: id.as_bytes() }).await
        }
        Change::BurstJoined(message) => join_burst(message, to).await,
        Change::StandingWaitSet(wait) => set_standing_wait(wait, to).await,
        Change::MessageFalls(id, falls) => to.run(CountFalls { falls: counter(*falls), id: id.as_bytes() }).await,
        Change::AlertRaised(alert) => {
            let row = AlertRow::from((**alert).clone());
            to.run(insert_into(alerts::table).values(row).on_conflict(alerts::id).do_nothing()).await
        }
        Change::AlertResolved(id, at_ms) => to.run(ResolveAlert { resolved_ms: *at_ms, id: id.as_bytes() }).await,
        Change::ScheduleSet(_) | Change::ScheduleRemoved(_) | Change::BigThreeChosen(_) => {
            calendar::apply(change, to).await
        }
        // All of them at once: every chain is signed every second.
        Change::CheckpointSigned(_) => Ok(0),
        Change::BodyErased { chain, seq } => to.run(EraseBody { chain: &chain.to_bytes(), seq: *seq }).await,
        Change::Room(change) => rooms::apply(change, to).await,
        // With the sums of its transaction.
        Change::Ledger(_) => Ok(0),
        Change::Mcp(change) => mcp::apply(change, to).await,
        Change::TryBegun(tryout) => {
            to.run(insert_into(tryouts::table).values(TryoutRow::from((**tryout).clone()))).await
        }
        Change::TryEnded(id) => to.run(ForgetTry { id: id.as_bytes() }).await,
        Change::Approval(change) => approvals::apply(change, to).await,
        Change::HostPolicy(change) => approvals::set_policy(change, to).await,
        Change::DependenciesSet(goal, waits_for) => set_dependencies(*goal, waits_for, to).await,
        Change::GoalAdded(_) | Change::GoalMoved(_) | Change::GoalCorrected { .. } => {
            apply_to_goal(change, places, to).await
        }
        Change::QuotaTaken(taken) => take_quota(taken, to).await,
        Change::RunStarted(_) | Change::RunMoved { .. } => apply_to_run(change, places, to).await,
    }
}

fn signed(change: &Change) -> Option<&Checkpoint> {
    match change {
        Change::CheckpointSigned(signed) => Some(signed),
        _ => None,
    }
}

async fn update_persona(persona: &Persona, to: &mut impl Transaction) -> QueryResult<usize> {
    let row = PersonaRow::from(persona.clone());
    to.run(UpdatePersona {
        slug: &row.slug,
        name: &row.name,
        role: row.role.as_deref(),
        description: &row.description,
        status: &row.status,
        version: row.version,
        profile: &row.profile,
        hosts: &row.hosts,
        model: row.model.as_deref(),
        weight: row.weight,
        updated_ms: row.updated_ms,
        zone: &row.zone,
        wakes_minute: row.wakes_minute,
        sleeps_minute: row.sleeps_minute,
        quotas: &row.quotas,
        autoplan: &row.autoplan,
        planned: row.planned,
        permissions: &row.permissions,
        grants: &row.grants,
        agents: &row.agents,
        resumed_ms: row.resumed_ms,
        id: &row.id,
    })
    .await
}

async fn take_quota(taken: &QuotaUse, to: &mut impl Transaction) -> QueryResult<usize> {
    to.run(TakeQuota {
        goal: taken.goal.as_bytes(),
        persona: taken.persona.as_bytes(),
        unit: taken.unit.as_str(),
        units: counter(taken.units),
        at_ms: taken.at_ms,
        begun: taken.begun,
    })
    .await
}

async fn apply_to_goal(change: &Change, places: Places<'_>, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        Change::GoalAdded(goal) => {
            let (first_seq, last_seq) = places.on(goal.persona);
            let row = GoalRow::new(Goal::clone(goal), first_seq, last_seq);
            to.run(insert_into(goals::table).values(row)).await
        }
        Change::GoalMoved(step) => move_goal(step, places, to).await,
        Change::GoalCorrected { id, title, payload, proof, at_ms } => {
            let statement = CorrectGoal {
                title: &text(title.clone()),
                payload: &json(payload),
                proof: &json(proof),
                unit: proof.counts_as.map(|unit| unit.as_str()),
                updated_ms: *at_ms,
                id: id.as_bytes(),
            };
            to.run(statement).await
        }
        _ => Ok(0),
    }
}

async fn join_burst(message: &Message, to: &mut impl Transaction) -> QueryResult<usize> {
    to.run(JoinBurst {
        priority: message.priority.thousandths().into(),
        scored: message.scored,
        lane: message.lane().into(),
        optional: message.optional,
        received_ms: message.received_ms,
        deadline_ms: message.deadline_ms,
        serve_by_ms: message.serve_by_ms,
        id: message.id.as_bytes(),
    })
    .await
}

async fn set_standing_wait(wait: &StandingWait, to: &mut impl Transaction) -> QueryResult<usize> {
    let row = StandingWaitRow::from(wait.clone());
    to.run(SetStandingWait {
        id: &row.id,
        waiter: &row.waiter,
        watched: &row.watched,
        kind: row.kind.as_deref(),
        tag: row.tag.as_deref(),
        text: row.text.as_deref(),
        created_by: &row.created_by,
        created_ms: row.created_ms,
        seen_seq: row.seen_seq,
        told: row.told,
        told_ms: row.told_ms,
        ended_ms: row.ended_ms,
        ended_because: row.ended_because.as_deref(),
    })
    .await
}

async fn set_dependencies(goal: GoalId, waits_for: &WaitsFor, to: &mut impl Transaction) -> QueryResult<usize> {
    to.run(ForgetDependencies { goal: goal.as_bytes() }).await?;
    let if_failed = waits_for.if_failed.as_str();
    for prerequisite in &waits_for.goals {
        to.run(AddDependency { goal: goal.as_bytes(), prerequisite: prerequisite.as_bytes(), if_failed }).await?;
    }
    Ok(waits_for.goals.len())
}

async fn move_goal(step: &GoalMove, places: Places<'_>, to: &mut impl Transaction) -> QueryResult<usize> {
    let (last_error, result) = (step.last_error.clone().map(text), step.result.clone().map(text));
    to.run(MoveGoal {
        state: step.state.as_str(),
        parked_on: step.parked_on.map(|reason| reason.as_str()),
        attempts: counter(step.attempts),
        last_error: last_error.as_deref(),
        result: result.as_deref(),
        due_ms: step.due_ms,
        updated_ms: step.at_ms,
        last_seq: places.last_of_goal(step.id),
        id: step.id.as_bytes(),
    })
    .await
}

async fn apply_to_run(change: &Change, places: Places<'_>, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        Change::RunStarted(run) => {
            let first_seq = places.on(run.persona).0;
            let row = RunRow::from(Run { first_seq, last_seq: None, ..Run::clone(run) });
            to.run(insert_into(runs::table).values(row)).await
        }
        Change::RunMoved { id, state, ended_ms, error } => {
            let (error, last_seq) = (error.clone().map(text), places.last_of_run(*id));
            let (state, ended_ms, error) = (state.as_str(), *ended_ms, error.as_deref());
            to.run(MoveRun { state, ended_ms, error, last_seq, id: id.as_bytes() }).await?;
            // A goal cancelled meanwhile closed its range before this run did.
            match last_seq {
                Some(seq) => to.run(WidenGoalOfRun { last_seq: seq, run: id.as_bytes(), seq }).await,
                None => Ok(0),
            }
        }
        _ => Ok(0),
    }
}
