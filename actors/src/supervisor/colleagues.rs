//! How a run gives work to another persona, or to itself for later: as anybody does, at the desk.
//!
//! Work that is handed on says whose it is a part of: who pays, and who handed it on. Nobody hands work to somebody who
//! already waits for it, and not further than [`Delegated::MOST`] times.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{By, CommandError, NewWork, Work, desk::Desk};
use crate::{
    domain::{
        AgentPayload, Delegated, Goal, GoalId, GoalState, Payload, Persona, PersonaId, PersonaStatus, Proof,
        ScheduleId, WaitsFor, nearest,
    },
    run::{Colleagues, Given, Handed, NotGiven, Repeated},
};

const LONGEST_TITLE: usize = 80;

/// The way from runs to the desk, which stands only when runs may have begun already.
pub(super) struct Reception {
    desk: watch::Sender<Option<Weak<Desk>>>,
}

impl Reception {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { desk: watch::Sender::new(None) })
    }

    /// From now on work can be given.
    pub(super) fn open(&self, desk: &Arc<Desk>) {
        self.desk.send_replace(Some(Arc::downgrade(desk)));
    }

    /// None: the company is ending.
    async fn desk(&self) -> Option<Arc<Desk>> {
        let mut desk = self.desk.subscribe();
        let desk = desk.wait_for(Option::is_some).await.ok()?;
        desk.as_ref()?.upgrade()
    }
}

#[async_trait]
impl Colleagues for Reception {
    async fn give(&self, from: &Persona, goal: &Goal, work: Handed) -> Result<Given, NotGiven> {
        let desk = self.desk().await.ok_or(NotGiven::Unavailable)?;
        desk.check_open().map_err(|_| NotGiven::Unavailable)?;
        match desk.give(from, goal, work).await {
            Ok(given) => given.map_err(NotGiven::Refused),
            Err(error) => Err(not_given(error)),
        }
    }

    async fn repeat(&self, from: &Persona, goal: &Goal, work: Repeated) -> Result<ScheduleId, NotGiven> {
        let desk = self.desk().await.ok_or(NotGiven::Unavailable)?;
        desk.check_open().map_err(|_| NotGiven::Unavailable)?;
        desk.repeat(from, goal, work).await.map_err(not_given)
    }

    async fn withdraw(&self, goal: GoalId) {
        let Some(desk) = self.desk().await else { return };
        let by = By { who: "system".to_owned(), trace: crate::domain::TraceId(desk.world().new_id()) };
        // Over already: then there is nothing to take back.
        let _ = desk.cancel_goal(goal, &by).await;
    }
}

fn not_given(error: CommandError) -> NotGiven {
    match error {
        CommandError::Unavailable(_) | CommandError::Ending => NotGiven::Unavailable,
        error => NotGiven::Refused(error.to_string()),
    }
}

impl Desk {
    /// The inner error: why it is not given.
    async fn give(&self, from: &Persona, goal: &Goal, work: Handed) -> Result<Result<Given, String>, CommandError> {
        let persona = match work.to.as_deref().map(|to| self.known_as(to)).transpose() {
            Ok(other) => other.unwrap_or(from.id),
            Err(why) => return Ok(Err(why)),
        };
        // Looked for first: what somebody works at is not taken away by what became of that persona since.
        let key = match self.free_key(persona, work.key.clone()).await? {
            Ok(key) => key,
            Err(goal) => return Ok(Ok(Given { goal, repeated: true })),
        };
        let payload = match &work.to {
            None => for_later(goal, &work.task),
            Some(_) => match self.for_colleague(from, goal, persona, &work).await? {
                Ok(payload) => payload,
                Err(why) => return Ok(Err(why)),
            },
        };
        let title = title_of(&work.task);
        let new = NewWork {
            persona,
            what: Work::Goal { title, payload: Payload::Agent(Box::new(payload)), proof: Proof::default() },
            priority: None,
            serve_by_ms: None,
            due_ms: work.due_ms,
            correlation: Some(key),
            project: goal.project.clone(),
            waits_for: WaitsFor::default(),
        };
        // Whoever asked for the first goal asked for this one.
        let by = By { who: goal.created_by.clone(), trace: goal.trace };
        let delivered = self.deliver(new, &by).await?;
        Ok(Ok(Given { goal: delivered.goal.id, repeated: delivered.repeated }))
    }

    /// A key under which nothing was given yet; the inner error: the goal that was. One that ended without being done is
    /// given anew, under a further key.
    async fn free_key(&self, persona: PersonaId, first: String) -> Result<Result<String, GoalId>, CommandError> {
        let mut key = first.clone();
        for time in 2_u32.. {
            let Some(found) = self.ports.records.correlated(persona, &key).await? else { break };
            let state = found.goal.state;
            if !state.is_over() || state == GoalState::Done {
                return Ok(Err(found.goal.id));
            }
            key = format!("{first}:{time}");
        }
        Ok(Ok(key))
    }

    /// Whose slug it is; else that it is nobody's.
    fn known_as(&self, slug: &str) -> Result<PersonaId, String> {
        let actors = self.actors();
        if let Some(found) = actors.iter().find(|one| one.slug.as_str() == slug) {
            return Ok(found.persona);
        }
        let known: Vec<&str> = actors.iter().map(|one| one.slug.as_str()).collect();
        Err(match nearest(slug, &known).as_slice() {
            [] => format!("there is no persona `{slug}`"),
            near => format!("there is no persona `{slug}`; nearest: {}", near.join(", ")),
        })
    }

    /// The inner error: why it is not given.
    async fn for_colleague(
        &self,
        from: &Persona,
        goal: &Goal,
        to: PersonaId,
        work: &Handed,
    ) -> Result<Result<AgentPayload, String>, CommandError> {
        let other = self.persona(to).await?;
        if other.status != PersonaStatus::Active {
            let (slug, status) = (&other.slug, other.status);
            return Ok(Err(format!("{slug} is {status}: give it to somebody else, or do it yourself")));
        }
        Ok(handed_on(from, goal, &other).map(|delegated| AgentPayload {
            agent: work.agent.clone(),
            delegated: Some(Box::new(delegated)),
            ..AgentPayload::new(&*work.task)
        }))
    }
}

/// What a persona gives itself: with the same tools, by the same agent, at the same expense as the goal that gave it. Its
/// secrets stay with the goal that a person gave them to.
fn for_later(goal: &Goal, task: &str) -> AgentPayload {
    let new = AgentPayload::new(task);
    let Payload::Agent(agent) = &goal.payload else { return new };
    AgentPayload { task: new.task, secrets: new.secrets, fork: new.fork, ..(**agent).clone() }
}

/// The task as a line.
pub(super) fn title_of(task: &str) -> String {
    task.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_TITLE).collect()
}

/// Whose work it is a part of, or why it may not be handed on.
fn handed_on(from: &Persona, goal: &Goal, to: &Persona) -> Result<Delegated, String> {
    let before = match &goal.payload {
        Payload::Agent(agent) => agent.delegated.as_deref(),
        _ => None,
    };
    let mut line = before.map(|before| before.line.clone()).unwrap_or_default();
    line.push(from.id);
    if line.contains(&to.id) {
        return Err(format!("{} waits for this very work already: do it yourself, or answer", to.slug));
    }
    if line.len() > Delegated::MOST {
        return Err(format!("work is handed on {} times at most: do it yourself", Delegated::MOST));
    }
    let (payer, zone) = before.map_or((from.id, from.hours.zone), |before| (before.payer, before.zone));
    Ok(Delegated { goal: goal.id, payer, zone, line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TestWorld};

    #[test]
    fn work_is_not_handed_in_circles_nor_without_end_and_the_first_one_pays() {
        let world = TestWorld::new(1);
        let people: Vec<Persona> = ["ada", "bo", "cy", "di", "ed"].map(|slug| testing::persona(&world, slug)).into();
        let mut goal = testing::goal(&world, people[0].id);
        for (from, to) in people.iter().zip(&people[1..]).take(Delegated::MOST) {
            let handed = handed_on(from, &goal, to).unwrap();
            assert_eq!((handed.payer, handed.goal), (people[0].id, goal.id));
            assert!(handed_on(from, &goal, from).unwrap_err().contains("already"), "to itself");
            let delegated = Some(Box::new(handed));
            let payload = Payload::Agent(Box::new(AgentPayload { delegated, ..AgentPayload::new("x") }));
            goal = Goal { payload, ..testing::goal(&world, to.id) };
        }
        assert!(handed_on(&people[3], &goal, &people[0]).unwrap_err().contains("already"));
        assert!(handed_on(&people[3], &goal, &people[4]).unwrap_err().contains("3 times"));
    }
}
