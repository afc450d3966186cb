//! A persona in a room: it reads what was said and says what it would do about it, its intention.
//!
//! That takes no slice and no model, so it happens also while a run is under way. Who gets the floor is not decided
//! here (`supervisor/rooms.rs`).
//!
//! Here is where mood and rest hold talk back that the persona only overheard ([`Feeling`]): what another persona said
//! it passes, with a receipt that says why, and nobody looks at it again. To a person it says that it can answer if
//! nobody else does, because whoever asks a room is owed an answer by somebody. Once it has the floor it is owed.

use std::collections::HashSet;

use serde_json::json;
use tracing::warn;

use super::{PersonaActor, feeling::Feeling, read};
use crate::{
    domain::{
        Body, ChainId, Draft, GoalId, GoalState, Held, Intention, MessageState, Mood, ParkedOn, Persona, Phase,
        Priority, ReceiptKind, Room, RoomTurn, TurnState, intend,
    },
    evidence::RecordError,
    ports::{Change, Commit, GoalMove, Guard, Outdated, RoomChange, RoomGuard, Unavailable, Waiting},
};

/// Talk before a message that a persona remembers.
const BEFORE: u32 = 8;
/// How often it thinks anew about what was changed meanwhile.
const RACES: usize = 8;

/// Turns about which it has said what it would do. What is asked once is not asked again.
#[derive(Default)]
pub(super) struct Listener {
    heard: HashSet<GoalId>,
}

impl PersonaActor {
    /// Says what it would do about everything that waits for that. Whether it heard something new.
    pub(super) async fn listen(
        &self,
        listener: &mut Listener,
        asked: &[&Waiting],
        feeling: &Feeling,
    ) -> Result<bool, Unavailable> {
        listener.heard.retain(|goal| asked.iter().any(|work| work.goal.id == *goal));
        let mut new = false;
        for work in asked {
            if listener.heard.contains(&work.goal.id) {
                continue;
            }
            if self.answer(work, feeling).await? {
                new |= listener.heard.insert(work.goal.id);
            }
        }
        Ok(new)
    }

    /// Whether there is nothing more to say about it: it was said, or there is nothing to be said. Else it kept changing.
    async fn answer(&self, work: &Waiting, feeling: &Feeling) -> Result<bool, Unavailable> {
        for _ in 0..RACES {
            let Some((commit, wants)) = self.word(work, feeling).await? else { return Ok(true) };
            match self.stage.evidence.record(commit).await {
                Ok(_) if !wants => self.tell_fresh().await,
                // Somebody else moved the turn.
                Ok(_)
                | Err(
                    RecordError::Ended | RecordError::Outdated(Outdated { guard: Guard::Room(RoomGuard::TurnIs(..)) }),
                ) => {}
                // What it was to be said about is another by now: the turn still waits for a word.
                Err(RecordError::Outdated(_)) => continue,
                Err(RecordError::Unavailable(error)) => return Err(error),
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// What it says about a turn, and whether it wants to answer. None: nobody waits for its word any more.
    async fn word(&self, work: &Waiting, feeling: &Feeling) -> Result<Option<(Commit, bool)>, Unavailable> {
        let records = &self.stage.ports.records;
        let turn = read(records.turn(work.goal.id)).await?;
        let Some(turn) = turn.filter(|turn| turn.state == TurnState::Asked) else { return Ok(None) };
        let goal = read(records.goal(work.goal.id)).await?;
        let Some(goal) = goal.filter(|goal| goal.parked_on == Some(ParkedOn::Room)) else { return Ok(None) };
        let work = &Waiting { goal, message: work.message.clone() };
        let Some(persona) = read(records.persona(self.id)).await? else { return Ok(None) };
        let Some(said) = read(records.room_message(turn.about)).await? else { return Ok(None) };
        let Some(room) = read(records.room(turn.room)).await? else { return Ok(None) };
        let before = read(records.room_talk(turn.room, BEFORE, Some(turn.about))).await?;
        let priority = work.message.priority_at(self.now_ms());
        let held = feeling.holds(&turn, priority);
        let mut intention = intend(&said, &before, &persona, held);
        if turn.named {
            // An earlier message of the burst named it.
            (intention.wants, intention.reluctant) = (true, false);
        }
        let told = Told { intention: &intention, persona: &persona, mood: feeling.mood, priority, held };
        Ok(Some((self.meant(work, &room, turn, &told), intention.wants)))
    }

    fn meant(&self, work: &Waiting, room: &Room, turn: RoomTurn, told: &Told<'_>) -> Commit {
        let Told { intention, persona, mood, priority, held } = told;
        let at_ms = self.now_ms();
        let (goal, about) = (turn.goal, turn.about);
        let state = if intention.wants { TurnState::Meant } else { TurnState::Passed };
        let why = match held {
            _ if intention.wants => String::new(),
            Some(held) => held.told(),
            None => "it did not want to answer".to_owned(),
        };
        let moved = RoomTurn {
            state,
            thought: intention.thought.clone(),
            relevance: intention.relevance,
            reluctant: intention.reluctant,
            why: why.clone(),
            moved_ms: at_ms,
            ..turn
        };
        let mut changes = vec![Change::Room(RoomChange::TurnMoved(Box::new(moved)))];
        let mut guards = vec![Guard::Room(RoomGuard::TurnIs(goal, TurnState::Asked))];
        if !intention.wants {
            guards.push(Guard::GoalVersion(goal, work.goal.version));
            changes.extend(passes(work, &why, at_ms));
        }
        let summary = match intention.wants {
            true => format!("would answer in “{}”: {}", room.name, intention.thought),
            false => format!("passed in “{}”: {}", room.name, intention.thought),
        };
        let data = json!({
            "room": room.id, "said": about, "turn": state, "thought": intention.thought,
            "relevance": intention.relevance, "reluctant": intention.reluctant, "mood": mood,
            "held_back": held.map(|held| held.to_string()), "priority": priority,
            "by_rules": "names, topics and recent talk; no model was asked", "persona": persona.slug,
        });
        let draft = Draft {
            phase: Some(if intention.wants { Phase::Decision } else { Phase::Skipped }),
            state: (!intention.wants).then_some(GoalState::Cancelled.as_str()),
            goal: Some(goal),
            trace: Some(work.goal.trace),
            project: work.goal.project.clone(),
            ..Draft::new(
                ChainId::Persona(self.id),
                at_ms,
                self.stage.limits.node.clone(),
                ReceiptKind::Decision,
                self.stage.ports.world.salt(),
                Body { summary, data, ..Body::default() },
            )
        };
        Commit { guards, changes, receipts: vec![draft] }
    }
}

/// What a persona says about a message, and what moved it.
struct Told<'a> {
    intention: &'a Intention,
    persona: &'a Persona,
    mood: Mood,
    priority: Priority,
    held: Option<Held>,
}

/// It will not answer: nothing is left to do.
fn passes(work: &Waiting, why: &str, at_ms: i64) -> [Change; 2] {
    let step = GoalMove {
        id: work.goal.id,
        state: GoalState::Cancelled,
        parked_on: None,
        attempts: work.goal.attempts,
        last_error: work.goal.last_error.clone(),
        result: Some(format!("passed: {why}")),
        due_ms: None,
        at_ms,
    };
    [Change::GoalMoved(step), Change::MessageMoved(work.message.id, MessageState::Cancelled)]
}

/// What could not be said is said at the next look.
pub(super) fn unheard(id: impl std::fmt::Display, error: &Unavailable) {
    warn!(persona = %id, "persona {id} could not say what it would do in a room: {error}");
}
