//! A persona in a room: it reads what was said and says what it would do about it, its intention.
//!
//! That takes no slice and no model, so it happens also while a run is under way. Who gets the floor is not decided
//! here (`supervisor/rooms.rs`).

use serde_json::json;
use tracing::warn;

use super::{PersonaActor, read};
use crate::{
    domain::{
        Body, ChainId, Draft, GoalId, GoalState, Intention, MessageState, Mood, Persona, Phase, ReceiptKind, Room,
        RoomTurn, TurnState, intend,
    },
    evidence::RecordError,
    ports::{Change, Commit, GoalMove, Guard, RoomChange, RoomGuard, Unavailable, Waiting},
};

/// Talk before a message that a persona remembers.
const BEFORE: u32 = 8;

/// Turns about which it has said what it would do. What is asked once is not asked again.
#[derive(Default)]
pub(super) struct Listener {
    heard: Vec<GoalId>,
}

impl PersonaActor {
    /// Says what it would do about everything that waits for that. Whether it heard something new.
    pub(super) async fn listen(
        &self,
        listener: &mut Listener,
        asked: &[&Waiting],
        mood: Mood,
    ) -> Result<bool, Unavailable> {
        listener.heard.retain(|goal| asked.iter().any(|work| work.goal.id == *goal));
        let mut new = false;
        for work in asked {
            if listener.heard.contains(&work.goal.id) {
                continue;
            }
            self.answer(work, mood).await?;
            listener.heard.push(work.goal.id);
            new = true;
        }
        Ok(new)
    }

    async fn answer(&self, work: &Waiting, mood: Mood) -> Result<(), Unavailable> {
        let records = &self.stage.ports.records;
        let turn = read(records.turn(work.goal.id)).await?;
        let Some(turn) = turn.filter(|turn| turn.state == TurnState::Asked) else { return Ok(()) };
        let Some(persona) = read(records.persona(self.id)).await? else { return Ok(()) };
        let Some(said) = read(records.room_message(turn.about)).await? else { return Ok(()) };
        let Some(room) = read(records.room(turn.room)).await? else { return Ok(()) };
        let before = read(records.room_talk(turn.room, BEFORE, Some(turn.about))).await?;
        let rests = matches!(mood, Mood::Tired | Mood::Overwhelmed);
        let mut intention = intend(&said, &before, &persona, rests);
        if turn.named {
            // An earlier message of the burst named it.
            (intention.wants, intention.reluctant) = (true, false);
        }
        let commit = self.meant(work, &room, turn, &intention, &persona, mood);
        match self.stage.evidence.record(commit).await {
            // Outdated: somebody else moved the turn; there is nothing to say any more.
            Ok(_) | Err(RecordError::Outdated(_) | RecordError::Ended) => {}
            Err(RecordError::Unavailable(error)) => return Err(error),
        }
        if !intention.wants {
            self.tell_fresh().await;
        }
        Ok(())
    }

    fn meant(
        &self,
        work: &Waiting,
        room: &Room,
        turn: RoomTurn,
        intention: &Intention,
        persona: &Persona,
        mood: Mood,
    ) -> Commit {
        let at_ms = self.now_ms();
        let (goal, about) = (turn.goal, turn.about);
        let state = if intention.wants { TurnState::Meant } else { TurnState::Passed };
        let why = if intention.wants { String::new() } else { "it did not want to answer".to_owned() };
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
