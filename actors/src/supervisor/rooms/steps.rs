//! Carries out what was decided about a round, each step in a commit of its own. Guarded by where turns stand: whoever
//! was faster wins, and the moderator decides anew.

use std::{collections::HashMap, sync::Arc};

use super::{
    super::{office::Office, overflow::Parts},
    floor::{Decision, Failure, Why},
    opening::{self, ended},
    receipts::Receipts,
};
use crate::{
    domain::{
        Author, Goal, GoalId, GoalState, Hash, Limits, Message, MessageState, PersonaId, Phase, Receipt, ReceiptKind,
        Room, RoomMessage, RoomMessageId, RoomTurn, RunId, RunState, TurnState,
    },
    evidence::{Evidence, RecordError},
    persona::tally::Tally,
    ports::{Change, Commit, GoalMove, Guard, Ports, RoomChange, RoomGuard, Seat, Unavailable},
};

/// Why a look at rooms came to nothing.
pub(super) enum Trouble {
    /// Something was said that nobody heard: look at all.
    Missed,
    Store(Unavailable),
    Ended,
}

impl From<Unavailable> for Trouble {
    fn from(error: Unavailable) -> Self {
        Self::Store(error)
    }
}

/// Writes what the moderator decided.
pub(super) struct Steps {
    ports: Ports,
    evidence: Evidence,
    office: Office,
    limits: Arc<Limits>,
    tally: Arc<Tally>,
}

impl Steps {
    pub(super) fn new((ports, evidence, office, limits): Parts<'_>, tally: &Arc<Tally>) -> Self {
        let (ports, evidence, tally) = (ports.clone(), evidence.clone(), tally.clone());
        Self { ports, evidence, office: office.clone(), limits: limits.clone(), tally }
    }

    pub(super) async fn carry_out(&self, room: &Room, round: &[Seat], decision: Decision) -> Result<(), Trouble> {
        let seats: HashMap<GoalId, &Seat> = round.iter().map(|seat| (seat.turn.goal, seat)).collect();
        let seat = |goal: &GoalId| seats.get(goal).copied();
        for (goal, failure) in &decision.lose {
            if let Some(seat) = seat(goal) {
                self.lose(room, seat, *failure).await?;
            }
        }
        let granted: Vec<_> = decision.grant.iter().filter_map(seat).collect();
        if !granted.is_empty() {
            self.grant(room, &granted).await?;
        }
        let spoke = self.speakers(round).await?;
        let passed: Vec<_> =
            decision.pass.iter().filter_map(|(goal, why)| Some((seat(goal)?, say(*why, &spoke)))).collect();
        if !passed.is_empty() && !self.pass(room, &passed).await? {
            // The last word must not open the next round before this one is settled.
            return Ok(());
        }
        for goal in &decision.post {
            if let Some(seat) = seat(goal) {
                self.post(room, seat).await?;
            }
        }
        Ok(())
    }

    /// Turns whose goals somebody ended (a person cancelled one, a persona was deleted). Whether there were any.
    pub(super) async fn close_strays(&self, room: &Room, seats: &[Seat]) -> Result<bool, Trouble> {
        let stray =
            |seat: &&Seat| matches!(seat.turn.state, TurnState::Asked | TurnState::Meant) && seat.goal.state.is_over();
        let mut any = false;
        for seat in seats.iter().filter(stray) {
            any = true;
            let why = format!("its goal is {}", seat.goal.state);
            let receipts = self.receipts(room, seat).stray(seat, TurnState::Passed, &why);
            let changes = vec![moved(seat, TurnState::Passed, &why, self.now_ms())];
            self.write(Commit { guards: vec![stands(seat)], changes, receipts: vec![receipts] }).await?;
        }
        Ok(any)
    }

    async fn grant(&self, room: &Room, granted: &[&Seat]) -> Result<(), Trouble> {
        let at_ms = self.now_ms();
        let mut commit = Commit::default();
        for (place, seat) in granted.iter().enumerate() {
            let turn =
                RoomTurn { state: TurnState::Granted, granted_ms: Some(at_ms), moved_ms: at_ms, ..seat.turn.clone() };
            let step = GoalMove { state: GoalState::Pending, ..stays(&seat.goal, at_ms) };
            commit.guards.extend([stands(seat), Guard::GoalVersion(seat.goal.id, seat.goal.version)]);
            // What was said since it was asked is part of what it answers.
            if let Some(payload) = opening::told_now(&self.ports, room, &seat.turn).await? {
                let Goal { id, title, proof, .. } = seat.goal.clone();
                commit.changes.push(Change::GoalCorrected { id, title, payload, proof, at_ms });
            }
            commit.changes.extend([Change::GoalMoved(step), Change::Room(RoomChange::TurnMoved(Box::new(turn)))]);
            if let Some(message) = self.ports.records.message(seat.turn.message).await? {
                // Somebody waits for it now, overheard or not: mood holds it back no longer.
                commit.changes.push(Change::BurstJoined(Box::new(Message { optional: false, ..message })));
            }
            commit.receipts.push(self.receipts(room, seat).granted(seat, place + 1, granted.len()));
        }
        let (office, speakers) = (self.office.clone(), personas(granted));
        let poke = move || speakers.iter().for_each(|id| office.poke(*id));
        self.write_then(commit, poke).await?;
        Ok(())
    }

    /// Whether it was written; if not, something moved meanwhile.
    async fn pass(&self, room: &Room, passed: &[(&Seat, String)]) -> Result<bool, Trouble> {
        let (at_ms, mut commit) = (self.now_ms(), Commit::default());
        for (seat, why) in passed {
            commit.guards.extend([stands(seat), Guard::GoalVersion(seat.goal.id, seat.goal.version)]);
            commit.changes.extend(ended(seat, TurnState::Passed, why, MessageState::Cancelled, at_ms));
            commit.receipts.push(self.receipts(room, seat).ended(seat, TurnState::Passed, why));
        }
        let written = self.write(commit).await?;
        for (seat, _) in passed {
            self.refresh(&seat.goal).await;
        }
        Ok(written)
    }

    /// The floor goes on to the next: what is left of this turn's goal is cancelled.
    async fn lose(&self, room: &Room, seat: &Seat, failure: Failure) -> Result<(), Trouble> {
        let at_ms = self.now_ms();
        let (why, mut commit) = match failure {
            Failure::Ended => {
                let error = seat.goal.last_error.as_deref().unwrap_or("no reason was recorded");
                let why = format!("its goal is {}: {error}", seat.goal.state);
                let receipts = vec![self.receipts(room, seat).stray(seat, TurnState::Lost, &why)];
                let changes = vec![moved(seat, TurnState::Lost, &why, at_ms)];
                (why, Commit { receipts, changes, ..Commit::default() })
            }
            Failure::Late => {
                let why = format!("it brought no answer within {} s", self.limits.rooms.answer_within.as_secs());
                let receipts = vec![self.receipts(room, seat).ended(seat, TurnState::Lost, &why)];
                let mut changes = ended(seat, TurnState::Lost, &why, MessageState::Cancelled, at_ms).to_vec();
                if let Some(run) = self.ports.records.open_run(seat.goal.id).await? {
                    let (state, ended_ms) = (RunState::Cancelled, Some(at_ms));
                    changes.push(Change::RunMoved { id: run.id, state, ended_ms, error: Some(why.clone()) });
                }
                (why, Commit { receipts, changes, ..Commit::default() })
            }
        };
        commit.guards.extend([stands(seat), Guard::GoalVersion(seat.goal.id, seat.goal.version)]);
        if self.write(commit).await? {
            tracing::info!(room = %room.id, "a speaker in room {} lost the floor: {why}", room.id);
            self.office.stop_run(seat.turn.persona, seat.goal.id);
        }
        self.refresh(&seat.goal).await;
        Ok(())
    }

    /// Its answer is said in the room, which everybody else there hears.
    async fn post(&self, room: &Room, seat: &Seat) -> Result<(), Trouble> {
        let records = &self.ports.records;
        let Some(persona) = records.persona(seat.turn.persona).await? else { return Ok(()) };
        let answer = RoomMessage {
            id: RoomMessageId(self.ports.world.new_id()),
            room: room.id,
            author: Author::Persona { id: persona.id, name: persona.name },
            text: seat.goal.result.clone().unwrap_or_default(),
            goal: Some(seat.goal.id),
            reply_to: Some(seat.turn.about),
            shown_by: shown_by(&records.goal_receipts(seat.goal.id).await?),
            at_ms: self.now_ms(),
            trace: seat.goal.trace,
            correlation: None,
        };
        let opening = opening::open(&self.ports, &self.limits, room, &answer).await?;
        let mut commit = Commit {
            guards: vec![stands(seat)],
            changes: vec![
                Change::Room(RoomChange::Said(Box::new(answer.clone()))),
                moved(seat, TurnState::Spoke, "", self.now_ms()),
            ],
            receipts: vec![self.receipts(room, seat).spoke(seat, &answer, opening.personas)],
        };
        commit.guards.extend(opening.guards);
        commit.changes.extend(opening.changes);
        commit.receipts.extend(opening.receipts);
        let (bell, rings) = (self.office.bell(), opening.rings);
        let ring = move || rings.into_iter().for_each(|(persona, news)| bell.press(persona, news));
        if self.write_then(commit, ring).await? {
            self.tally.coalesced(opening.coalesced);
        }
        for id in opening.touched {
            self.refresh_persona(id).await;
        }
        Ok(())
    }

    /// Names of those who have answered in a round, or are about to.
    async fn speakers(&self, round: &[Seat]) -> Result<Vec<String>, Trouble> {
        let mut names = Vec::new();
        for seat in round.iter().filter(|seat| matches!(seat.turn.state, TurnState::Granted | TurnState::Spoke)) {
            if let Some(persona) = self.ports.records.persona(seat.turn.persona).await? {
                names.push(persona.name);
            }
        }
        Ok(names)
    }

    fn receipts<'a>(&'a self, room: &'a Room, seat: &Seat) -> Receipts<'a> {
        Receipts::new(&self.ports, &self.limits, room, seat.goal.trace)
    }

    fn now_ms(&self) -> i64 {
        self.ports.world.now_ms()
    }

    async fn write(&self, commit: Commit) -> Result<bool, Trouble> {
        self.write_then(commit, || ()).await
    }

    /// Whether it was written; if not, something moved meanwhile: decide anew.
    async fn write_then(&self, commit: Commit, then: impl FnOnce() + Send + 'static) -> Result<bool, Trouble> {
        match self.evidence.record_then(commit, move |_| then()).await {
            Ok(_) => Ok(true),
            Err(RecordError::Outdated(_)) => Ok(false),
            Err(RecordError::Unavailable(error)) => Err(error.into()),
            Err(RecordError::Ended) => Err(Trouble::Ended),
        }
    }

    async fn refresh(&self, goal: &Goal) {
        self.refresh_persona(goal.persona).await;
    }

    /// The roster takes the journal's word over; what cannot be read now is read after the persona's next look.
    async fn refresh_persona(&self, id: PersonaId) {
        if let Ok(Some(record)) = self.ports.records.roster_record(id).await {
            self.office.fresh(record);
        }
    }
}

/// The newest receipt of a text that was written.
fn shown_by(receipts: &[Receipt]) -> Option<(RunId, Hash)> {
    let written = |receipt: &&Receipt| receipt.kind == ReceiptKind::Llm && receipt.phase == Some(Phase::Outcome);
    let newest = receipts.iter().rev().find(written)?;
    Some((newest.run?, newest.hash))
}

fn stands(seat: &Seat) -> Guard {
    Guard::Room(RoomGuard::TurnIs(seat.turn.goal, seat.turn.state))
}

fn moved(seat: &Seat, state: TurnState, why: &str, at_ms: i64) -> Change {
    let turn = RoomTurn { state, why: why.to_owned(), moved_ms: at_ms, ..seat.turn.clone() };
    Change::Room(RoomChange::TurnMoved(Box::new(turn)))
}

fn stays(goal: &Goal, at_ms: i64) -> GoalMove {
    GoalMove {
        id: goal.id,
        state: goal.state,
        parked_on: None,
        attempts: goal.attempts,
        last_error: goal.last_error.clone(),
        result: goal.result.clone(),
        // Its wait for a slice is counted from here.
        due_ms: Some(at_ms),
        at_ms,
    }
}

fn personas(seats: &[&Seat]) -> Vec<PersonaId> {
    seats.iter().map(|seat| seat.turn.persona).collect()
}

/// The reason in words.
fn say(why: Why, spoke: &[String]) -> String {
    match why {
        Why::OthersSpoke if spoke.is_empty() => "others had the floor".to_owned(),
        Why::OthersSpoke => format!("{} had the floor", spoke.join(" and ")),
        Why::Rested => format!("it would rather rest, and {}", say(Why::OthersSpoke, spoke)),
        Why::SaidNothing => "it said nothing while it could have".to_owned(),
        Why::Silence => "no person spoke in the last messages".to_owned(),
        Why::Enough => "personas had enough turns this minute".to_owned(),
        Why::Paused => "it is paused".to_owned(),
        Why::NobodyLeft => "nobody brought an answer".to_owned(),
    }
}
