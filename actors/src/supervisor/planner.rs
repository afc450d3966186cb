//! Plans the days of the personas that have it switched on: gives the goals that `scheduler/planner.rs` finds missing.
//!
//! One task and one timer for all of them; a persona whose days nobody plans costs nothing. A day is looked at when it
//! begins, at start, when its persona changes, and when one of its planned goals is over, so that what failed can be
//! planned again. Each goal is given in one commit with the key `plan:<date>:<template>:<number>`, which is taken once:
//! a crash between two of them leaves the rest to the next look, and no look plans anything twice. A number under which a
//! goal was given that counts as something else by now is passed over.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use serde_json::json;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::{By, CommandError, Company, NewWork, Work, desk::Desk};
use crate::{
    domain::{Day, GoalId, PLANNER, Persona, PersonaId, PersonaStatus, TraceId, Unit, WaitsFor},
    evidence::GoalTurn,
    ports::{Commit, Counted, MadeGoal, Playbook},
    scheduler::planner::{Demand, Planned, on_record, plan},
};

/// The wall clock may be set: due looks are looked for this often at least, while there are any.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);
/// A look that failed is tried again after this.
const AGAIN_MS: i64 = 60_000;

/// Numbers of a day that one look passes over: goals were given under them that count as something else by now.
const MOST_TAKEN: u32 = 1_000;

/// How the planner is told that a persona changed.
pub(super) struct Planning {
    tell: mpsc::UnboundedSender<PersonaId>,
    _task: AbortOnDropHandle<()>,
}

/// Filled once somebody says from what goals are made.
pub(super) type PlanningDesk = OnceLock<Planning>;

impl Company {
    /// From here on days are planned, with goals from this book. Once; a second book is ignored.
    pub fn plan_from(&self, playbook: Arc<dyn Playbook>) {
        self.desk.planning.get_or_init(|| {
            let (tell, told) = mpsc::unbounded_channel();
            let planner =
                Planner { desk: Arc::downgrade(&self.desk), playbook, agenda: BTreeMap::new(), given: HashMap::new() };
            let turns = self.desk.evidence.goal_turns();
            Planning { tell, _task: AbortOnDropHandle::new(self.runtime.spawn(planner.keep(told, turns))) }
        });
    }
}

impl Desk {
    /// The persona changed: perhaps its day has.
    pub(super) fn plans_changed(&self, persona: PersonaId) {
        if let Some(planning) = self.planning.get() {
            // Gone only while the company ends.
            let _ = planning.tell.send(persona);
        }
    }
}

struct Planner {
    desk: Weak<Desk>,
    playbook: Arc<dyn Playbook>,
    /// When each planned persona is looked at next.
    agenda: BTreeMap<PersonaId, i64>,
    /// Planned goals that are open.
    given: HashMap<GoalId, PersonaId>,
}

impl Planner {
    async fn keep(mut self, mut told: mpsc::UnboundedReceiver<PersonaId>, mut turns: broadcast::Receiver<GoalTurn>) {
        let mut all = true;
        loop {
            if all {
                let Some(found) = self.everybody().await else { return };
                all = !found;
            }
            let wait = self.wait(all);
            let look = tokio::select! {
                persona = told.recv() => match persona {
                    Some(persona) => Some(persona),
                    None => return,
                },
                turn = turns.recv() => match turn {
                    Ok(GoalTurn::Over(goal)) => self.given.remove(&goal),
                    Ok(GoalTurn::Waits(_) | GoalTurn::Room(_)) => None,
                    Err(RecvError::Lagged(_)) => { all = true; None }
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => None,
            };
            let Some(desk) = self.desk.upgrade() else { return };
            let now_ms = desk.now_ms();
            let due: Vec<_> = self.agenda.iter().filter(|(_, at)| **at <= now_ms).map(|(id, _)| *id).collect();
            for persona in look.into_iter().chain(due) {
                self.look(&desk, persona).await;
            }
        }
    }

    /// Until the next look; none: nothing is planned.
    fn wait(&self, all: bool) -> Option<Duration> {
        let now_ms = self.desk.upgrade()?.now_ms();
        let next_ms = self.agenda.values().min().copied();
        let next_ms = if all { Some(next_ms.unwrap_or(i64::MAX).min(now_ms + AGAIN_MS)) } else { next_ms };
        next_ms.map(|at| Duration::from_millis(u64::try_from(at - now_ms).unwrap_or(0)).min(LONGEST_SLEEP))
    }

    /// Whether they could be read; none: the company is gone.
    async fn everybody(&mut self) -> Option<bool> {
        let desk = self.desk.upgrade()?;
        // What is open among it is found again.
        self.given.clear();
        match desk.ports.records.planned_personas().await {
            Ok(personas) => {
                for persona in personas {
                    self.look(&desk, persona).await;
                }
                Some(true)
            }
            Err(error) => {
                warn!("the personas whose days are planned cannot be read: {error}");
                Some(false)
            }
        }
    }

    async fn look(&mut self, desk: &Desk, id: PersonaId) {
        match self.planned(desk, id).await {
            Ok(Some(next_ms)) => drop(self.agenda.insert(id, next_ms)),
            Ok(None) => drop(self.agenda.remove(&id)),
            Err(error) => {
                warn!(persona = %id, "the day of {id} is planned again in a minute: {error}");
                self.agenda.insert(id, desk.now_ms() + AGAIN_MS);
            }
        }
    }

    /// Gives what is missing; when to look again, if the persona's days are planned.
    async fn planned(&mut self, desk: &Desk, id: PersonaId) -> Result<Option<i64>, CommandError> {
        desk.check_open()?;
        let Some(persona) = desk.ports.records.persona(id).await? else { return Ok(None) };
        if !persona.autoplan.on || persona.status != PersonaStatus::Active {
            return Ok(None);
        }
        let now_ms = desk.now_ms();
        let day = persona.hours.day(now_ms);
        let counted = desk.ports.records.counted(id, day.begins_ms..day.ends_ms).await?;
        self.remember(&counted);
        let book = self.book(&persona);
        let demands = demands(desk, &persona, &book, &counted, &day);
        let goals = plan(&demands, &persona.hours.up(&day), now_ms);
        if !goals.is_empty() {
            self.give(desk, &persona, &day, &book, &goals).await?;
        }
        Ok(Some(day.ends_ms))
    }

    fn remember(&mut self, counted: &[Counted]) {
        let open = counted.iter().filter(|one| one.goal.created_by == PLANNER && !one.goal.state.is_over());
        self.given.extend(open.map(|one| (one.goal.id, one.goal.persona)));
    }

    /// What can be made, by what it counts as.
    fn book(&self, persona: &Persona) -> BTreeMap<Unit, Vec<(String, MadeGoal)>> {
        let mut book: BTreeMap<Unit, Vec<_>> = BTreeMap::new();
        for recipe in &persona.autoplan.work {
            match self.playbook.make(recipe, persona) {
                Ok(goal) => {
                    if let Some(unit) = goal.proof.counts_as {
                        book.entry(unit).or_default().push((recipe.template.clone(), goal));
                    }
                }
                Err(error) => {
                    warn!(persona = %persona.slug, "{} cannot be planned for {}: {error}", recipe.template, persona.slug)
                }
            }
        }
        book
    }

    async fn give(
        &mut self,
        desk: &Desk,
        persona: &Persona,
        day: &Day,
        book: &BTreeMap<Unit, Vec<(String, MadeGoal)>>,
        goals: &[Planned],
    ) -> Result<(), CommandError> {
        let by = By { who: PLANNER.to_owned(), trace: TraceId(desk.world().new_id()) };
        let mut said: BTreeMap<&str, u32> = BTreeMap::new();
        let mut taken: BTreeMap<Unit, u32> = BTreeMap::new();
        for goal in goals {
            let Some((template, made)) = book.get(&goal.unit).and_then(|made| made.get(goal.recipe)) else { continue };
            let taken = taken.entry(goal.unit).or_default();
            while *taken < MOST_TAKEN {
                let key = format!("plan:{}:{template}:{}", day.date, goal.number + *taken);
                let delivered = desk.deliver(work(persona, made, goal.due_ms, day, key), &by).await?;
                if !delivered.repeated {
                    self.given.insert(delivered.goal.id, persona.id);
                    *said.entry(template).or_default() += 1;
                    break;
                }
                *taken += 1;
            }
        }
        if said.is_empty() {
            return Ok(());
        }
        let data = json!({"date": day.date.to_string(), "goals": said});
        let summary = format!("planned {} goals for {}", said.values().sum::<u32>(), day.date);
        let receipts = vec![desk.decision(persona.id, &by, summary, data)];
        drop(desk.write(Commit { receipts, ..Commit::default() }).await?);
        Ok(())
    }
}

fn work(persona: &Persona, made: &MadeGoal, due_ms: i64, day: &Day, key: String) -> NewWork {
    let MadeGoal { title, payload, proof } = made.clone();
    NewWork {
        persona: persona.id,
        what: Work::Goal { title, payload, proof },
        priority: None,
        serve_by_ms: Some(day.ends_ms.max(due_ms + 1)),
        due_ms: Some(due_ms),
        correlation: Some(key),
        project: None,
        waits_for: WaitsFor::default(),
    }
}

fn demands(
    desk: &Desk,
    persona: &Persona,
    book: &BTreeMap<Unit, Vec<(String, MadeGoal)>>,
    counted: &[Counted],
    day: &Day,
) -> Vec<Demand> {
    let demand = |(unit, made): (&Unit, &Vec<(String, MadeGoal)>)| {
        let quota = desk.limits.quotas.quota(persona, *unit, desk.scheduler.hosts().allow_outreach())?.quota;
        let (expected, planned) = on_record(counted, *unit, &(day.begins_ms..day.ends_ms), PLANNER);
        let recipes = made.iter().map(|(_, goal)| goal.proof.counted().map_or(0, |(_, units)| units)).collect();
        Some(Demand { unit: *unit, quota, expected, planned, recipes })
    };
    book.iter().filter_map(demand).collect()
}
