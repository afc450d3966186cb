//! Gives the floor: the one owner of what becomes of turns, for all rooms.
//!
//! It hears after every commit which rooms were stirred and which goals are over, reads the room's open rounds back,
//! asks the policy ([`super::floor`]) and writes what is decided; until nothing more is to be decided. In memory it
//! keeps only since when it has seen a round or a grant, by a clock that never jumps, and one alarm per room with an
//! open turn. What it missed (a crash, a store that was gone) it finds by looking at every room with an open turn.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    sync::broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    time::Instant,
};
use tracing::warn;

use super::{
    super::{office::Office, overflow::Parts},
    floor::{self, Failure, Hall, Round, Standing, Turn},
    steps::{Steps, Trouble},
};
use crate::{
    domain::{GoalId, GoalState, Limits, RoomId, RoomMessageId, RoomTurn, TurnState},
    evidence::GoalTurn,
    persona::tally::Tally,
    ports::{Ports, Seat},
};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Grants that tell whose turn it is, and how many there were in the last minute.
const GRANTS: u32 = 256;
const MINUTE_MS: i64 = 60_000;
/// Decisions in a row about one room before the others are looked at.
const MOST_STEPS: usize = 64;

/// The one who gives the floor.
pub(in crate::supervisor) struct Moderator {
    ports: Ports,
    office: Office,
    limits: Arc<Limits>,
    steps: Steps,
    seen: HashMap<RoomId, Watch>,
    stirred: BTreeSet<RoomId>,
}

/// What is remembered of a room while it has an open turn.
#[derive(Default)]
struct Watch {
    /// Since when a round is known.
    rounds: HashMap<RoomMessageId, Instant>,
    /// Since when a speaker has the floor.
    grants: HashMap<GoalId, Instant>,
    /// Goals of open turns.
    goals: BTreeSet<GoalId>,
    alarm: Option<Instant>,
}

impl Moderator {
    pub(in crate::supervisor) fn new(parts: Parts<'_>, tally: &Arc<Tally>) -> Self {
        let steps = Steps::new(parts, tally);
        let (ports, _, office, limits) = parts;
        let (ports, office, limits) = (ports.clone(), office.clone(), limits.clone());
        Self { ports, office, limits, steps, seen: HashMap::new(), stirred: BTreeSet::new() }
    }

    /// Until the receipts are closed.
    pub(in crate::supervisor) async fn keep(mut self, mut turns: broadcast::Receiver<GoalTurn>) {
        let mut pause = FIRST_PAUSE;
        let mut missed = true;
        loop {
            let done = if missed { self.look_at_all().await } else { self.hear(&mut turns).await };
            let done = match done {
                Ok(()) => self.settle_stirred().await,
                trouble => trouble,
            };
            match done {
                Ok(()) => (missed, pause) = (false, FIRST_PAUSE),
                Err(Trouble::Missed) => missed = true,
                Err(Trouble::Store(error)) => {
                    warn!("rooms are looked at again in {} s: {error}", pause.as_secs());
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    missed = true;
                }
                Err(Trouble::Ended) => return,
            }
        }
    }

    /// Every room with an open turn; whoever was asked is told again, because a crash forgot that it was.
    async fn look_at_all(&mut self) -> Result<(), Trouble> {
        for room in self.ports.records.rooms_with_turns().await? {
            for seat in self.ports.records.rounds(room).await? {
                if matches!(seat.turn.state, TurnState::Asked | TurnState::Granted) {
                    self.office.poke(seat.turn.persona);
                }
            }
            self.stirred.insert(room);
        }
        Ok(())
    }

    /// Waits for news or the next alarm. All news that is there is taken at once: a round of many is one look.
    async fn hear(&mut self, turns: &mut broadcast::Receiver<GoalTurn>) -> Result<(), Trouble> {
        let alarm = self.seen.values().filter_map(|watch| watch.alarm).min();
        let unsettled = !self.stirred.is_empty();
        let ring = async {
            match alarm {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            heard = turns.recv() => match heard {
                Ok(turn) => self.take_in(turn),
                Err(RecvError::Lagged(_)) => return Err(Trouble::Missed),
                Err(RecvError::Closed) => return Err(Trouble::Ended),
            },
            () = ring => {
                let now = Instant::now();
                let due = self.seen.iter().filter(|(_, watch)| watch.alarm.is_some_and(|at| at <= now));
                self.stirred.extend(due.map(|(room, _)| *room));
            }
            () = tokio::task::yield_now(), if unsettled => {}
        }
        loop {
            match turns.try_recv() {
                Ok(turn) => self.take_in(turn),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Lagged(_)) => return Err(Trouble::Missed),
                Err(TryRecvError::Closed) => return Err(Trouble::Ended),
            }
        }
    }

    fn take_in(&mut self, turn: GoalTurn) {
        match turn {
            GoalTurn::Room(room) => drop(self.stirred.insert(room)),
            GoalTurn::Over(goal) => {
                let its = self.seen.iter().filter(|(_, watch)| watch.goals.contains(&goal));
                self.stirred.extend(its.map(|(room, _)| *room));
            }
            GoalTurn::Waits(_) => {}
        }
    }

    /// Where somebody is always faster the others come first, and so does the news.
    async fn settle_stirred(&mut self) -> Result<(), Trouble> {
        let mut unsettled = BTreeSet::new();
        while let Some(room) = self.stirred.pop_first() {
            if !self.settle(room).await? {
                unsettled.insert(room);
            }
        }
        self.stirred = unsettled;
        Ok(())
    }

    /// Decides about a room until nothing is to be decided now. Whether it came to that.
    async fn settle(&mut self, id: RoomId) -> Result<bool, Trouble> {
        for _ in 0..MOST_STEPS {
            let seats = self.ports.records.rounds(id).await?;
            if seats.is_empty() {
                self.seen.remove(&id);
                return Ok(true);
            }
            let Some(room) = self.ports.records.room(id).await? else { return Ok(true) };
            self.watch(id, &seats);
            if self.steps.close_strays(&room, &seats).await? {
                continue;
            }
            let Some((round, decision)) = self.next(id, &seats).await? else {
                return Ok(true);
            };
            self.steps.carry_out(&room, &round, decision).await?;
        }
        Ok(false)
    }

    /// The first round something is to be decided about; people's rounds first.
    async fn next(&self, id: RoomId, seats: &[Seat]) -> Result<Option<(Vec<Seat>, floor::Decision)>, Trouble> {
        let hall = self.hall(id, seats).await?;
        let mut rounds: Vec<Vec<Seat>> = Vec::new();
        for seat in seats {
            match rounds.last_mut().filter(|round| round[0].turn.about == seat.turn.about) {
                Some(round) => round.push(seat.clone()),
                None => rounds.push(vec![seat.clone()]),
            }
        }
        rounds.sort_by_key(|round| !round[0].turn.from_person);
        for round in rounds {
            let decision = floor::decide(&self.round(id, &round), &hall, &self.limits.rooms);
            if decision != floor::Decision::default() {
                return Ok(Some((round, decision)));
            }
        }
        Ok(None)
    }

    async fn hall(&self, id: RoomId, seats: &[Seat]) -> Result<Hall, Trouble> {
        let rules = &self.limits.rooms;
        let talk = self.ports.records.room_talk(id, rules.silence_after.max(1), None).await?;
        let silent = talk.iter().take_while(|said| !said.author.is_person()).count();
        let granted = |seat: &&Seat| seat.turn.state == TurnState::Granted;
        let on_their_way = seats.iter().filter(granted).count();
        let now_ms = self.ports.world.now_ms();
        let grants = self.ports.records.granted_turns(id, GRANTS).await?;
        let lately = |turn: &&RoomTurn| turn.granted_ms.is_some_and(|at_ms| within_a_minute(at_ms, now_ms));
        let persona_turns = grants.iter().filter(|turn| !turn.from_person).filter(lately).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let mut hall = Hall {
            since_person: count(silent + on_their_way),
            person_waits: seats.iter().any(|seat| seat.turn.from_person && seat.turn.state.is_open()),
            persona_turns: count(persona_turns),
            last_floor: HashMap::new(),
        };
        for turn in grants.iter().rev() {
            hall.last_floor.insert(turn.persona, turn.granted_ms.unwrap_or(0));
        }
        Ok(hall)
    }

    /// A round as the policy sees it.
    fn round(&self, id: RoomId, seats: &[Seat]) -> Round {
        let rules = &self.limits.rooms;
        let (about, from_person) = (seats[0].turn.about, seats[0].turn.from_person);
        let watch = self.seen.get(&id);
        let age = watch.and_then(|watch| watch.rounds.get(&about)).map_or(Duration::ZERO, Instant::elapsed);
        let late = |goal: &GoalId| {
            let since = watch.and_then(|watch| watch.grants.get(goal));
            since.is_some_and(|since| since.elapsed() >= rules.answer_within)
        };
        let able = self.able(seats);
        let turn = |(seat, able): (&Seat, bool)| Turn {
            goal: seat.turn.goal,
            persona: seat.turn.persona,
            standing: standing(seat, late(&seat.turn.goal)),
            named: seat.turn.named,
            reluctant: seat.turn.reluctant,
            relevance: seat.turn.relevance,
            able,
        };
        Round {
            from_person,
            turns: seats.iter().zip(able).map(turn).collect(),
            window_over: age >= rules.window,
            given_up: age >= rules.window + rules.answer_within,
        }
    }

    /// Who is there and not paused.
    fn able(&self, seats: &[Seat]) -> Vec<bool> {
        let roster = self.office.roster().read().unwrap_or_else(PoisonError::into_inner);
        seats.iter().map(|seat| roster.is_active(seat.turn.persona)).collect()
    }

    /// Remembers since when rounds and grants are known, and when to look again if nothing happens before.
    fn watch(&mut self, id: RoomId, seats: &[Seat]) {
        let (now, rules) = (Instant::now(), &self.limits.rooms);
        let watch = self.seen.entry(id).or_default();
        let open = || seats.iter().filter(|seat| seat.turn.state.is_open());
        let granted = || open().filter(|seat| seat.turn.state == TurnState::Granted).map(|seat| seat.turn.goal);
        watch.rounds.retain(|about, _| open().any(|seat| seat.turn.about == *about));
        watch.grants.retain(|goal, _| granted().any(|granted| granted == *goal));
        watch.goals = open().map(|seat| seat.turn.goal).collect();
        for seat in open() {
            watch.rounds.entry(seat.turn.about).or_insert(now);
        }
        for goal in granted() {
            watch.grants.entry(goal).or_insert(now);
        }
        let windows = watch.rounds.values().flat_map(|since| {
            let window = *since + rules.window;
            [window, window + rules.answer_within]
        });
        let answers = watch.grants.values().map(|since| *since + rules.answer_within);
        watch.alarm = windows.chain(answers).filter(|at| *at > now).min();
    }
}

/// A moment far ahead was written before the clock was set back: it is none of this minute.
const fn within_a_minute(at_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(at_ms).saturating_abs() < MINUTE_MS
}

fn standing(seat: &Seat, late: bool) -> Standing {
    match seat.turn.state {
        TurnState::Asked => Standing::Asked,
        TurnState::Meant => Standing::Meant,
        TurnState::Granted if seat.goal.state == GoalState::Done => Standing::Answered,
        TurnState::Granted if seat.goal.state.is_over() => Standing::Failed(Failure::Ended),
        TurnState::Granted if late => Standing::Failed(Failure::Late),
        TurnState::Granted => Standing::Speaking,
        TurnState::Spoke => Standing::Spoke,
        TurnState::Lost => Standing::Lost,
        TurnState::Passed | TurnState::Coalesced => Standing::Out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_of_before_the_clock_was_set_back_is_none_of_this_minute() {
        let now_ms = 10_000_000;
        for (ago_ms, counts) in [(0, true), (59_999, true), (60_000, false), (-59_999, true), (-3_600_000, false)] {
            assert_eq!(within_a_minute(now_ms - ago_ms, now_ms), counts, "{ago_ms} ms ago");
        }
    }
}
