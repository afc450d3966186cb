//! Who has the floor: the whole policy of a room's turns, without clock, task or store. Pure.
//!
//! A message in a room opens one round: every persona there has a turn about it. What holds, whatever happens:
//! - at most [`RoomRules::speakers`] of a round (one, when a persona spoke) have answered or may answer; whoever loses
//!   the floor is followed by the next, [`RoomRules::regrants`] times;
//! - named ones first, then by relevance; ties go to who had the floor longest ago;
//! - who would rather rest gets the floor only when a person would else have no answer, and then one of them: a person is
//!   answered though everybody rests, and nobody works for a second opinion who should not;
//! - personas answer each other only while a person spoke among the last messages, never more often in a minute than
//!   the rules say, and never while a round of a person is open: people first;
//! - a round comes to an end: who did not get the floor passes, with the reason.

use std::{cmp::Reverse, collections::HashMap};

use crate::domain::{GoalId, PersonaId, RoomRules};

/// Where one turn of a round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not said yet what it would do.
    Asked,
    Meant,
    /// It has the floor and works.
    Speaking,
    /// It had the floor; its answer is there and waits to be posted.
    Answered,
    /// It has the floor, and nothing comes of it any more.
    Failed(Failure),
    Spoke,
    Lost,
    /// It passed, or a newer message took its place.
    Out,
}

/// Why a granted turn brings no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Its goal ended without an answer.
    Ended,
    /// It took too long.
    Late,
}

/// One persona's turn, as the policy sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) goal: GoalId,
    pub(super) persona: PersonaId,
    pub(super) standing: Standing,
    pub(super) named: bool,
    pub(super) reluctant: bool,
    pub(super) relevance: u16,
    /// Paused personas are not waited for and get no floor.
    pub(super) able: bool,
}

/// All turns about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) from_person: bool,
    pub(super) turns: Vec<Turn>,
    /// The time to say what one would do is over.
    pub(super) window_over: bool,
    /// Nobody waits any longer for those who said nothing.
    pub(super) given_up: bool,
}

/// What the room knows besides the round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hall {
    /// Messages since a person spoke, those on their way counted too.
    pub(super) since_person: u32,
    /// Another round, of a person, is open.
    pub(super) person_waits: bool,
    /// Turns about what personas said that were granted in the last minute.
    pub(super) persona_turns: u32,
    /// When each persona had the floor last, in milliseconds.
    pub(super) last_floor: HashMap<PersonaId, i64>,
}

/// Why a turn passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Others had the floor.
    OthersSpoke,
    /// It said nothing while it could have.
    SaidNothing,
    /// No person spoke among the last messages.
    Silence,
    /// Personas had as many turns this minute as they may have.
    Enough,
    Paused,
    /// It would rather rest, and others had the floor.
    Rested,
    /// Everybody who had the floor lost it.
    NobodyLeft,
}

/// What is to be done now, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) lose: Vec<(GoalId, Failure)>,
    pub(super) grant: Vec<GoalId>,
    pub(super) pass: Vec<(GoalId, Why)>,
    /// Once the rest of the round is settled: what a persona says opens the next one.
    pub(super) post: Vec<GoalId>,
}

/// Decides about one round.
pub(super) fn decide(round: &Round, hall: &Hall, rules: &RoomRules) -> Decision {
    let mut decision = Decision::default();
    let mut count = Count::default();
    for turn in &round.turns {
        match turn.standing {
            Standing::Failed(failure) => {
                decision.lose.push((turn.goal, failure));
                count.lost += 1;
            }
            Standing::Lost => count.lost += 1,
            Standing::Speaking => count.speaking += 1,
            Standing::Answered => {
                decision.post.push(turn.goal);
                count.answered += 1;
            }
            Standing::Spoke => count.answered += 1,
            Standing::Asked | Standing::Meant | Standing::Out => {}
        }
    }
    let waits_for_word = round.turns.iter().any(|turn| turn.standing == Standing::Asked && turn.able);
    if waits_for_word && !round.window_over {
        return decision;
    }
    let denied = if round.from_person { None } else { denied(hall, rules) };
    if denied == Some(Denied::ForNow) {
        return decision;
    }
    let places = places(round, hall, rules, &count, denied.is_some());
    let mut grants: Vec<_> = candidates(round, hall).into_iter().take(places).collect();
    let alone = usize::from(count.speaking + count.answered == 0);
    let willing = grants.iter().filter(|turn| !turn.reluctant).count();
    grants.truncate(willing.max(alone));
    let speaking = count.speaking + grants.len();
    decision.grant = grants.iter().map(|turn| turn.goal).collect();
    let nobody_else = !waits_for_word || round.given_up;
    if speaking == 0 && (count.answered > 0 || nobody_else || denied.is_some()) {
        let why = |turn: &Turn| why(turn, &count, denied);
        let open = |turn: &&Turn| matches!(turn.standing, Standing::Asked | Standing::Meant);
        decision.pass = round.turns.iter().filter(open).map(|turn| (turn.goal, why(turn))).collect();
    }
    decision
}

#[derive(Default)]
struct Count {
    speaking: usize,
    answered: usize,
    lost: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denied {
    /// A person waits: not now.
    ForNow,
    ForGood(Why),
}

/// Whether personas may not answer each other here and now.
fn denied(hall: &Hall, rules: &RoomRules) -> Option<Denied> {
    match () {
        () if hall.since_person >= rules.silence_after => Some(Denied::ForGood(Why::Silence)),
        () if hall.persona_turns >= rules.persona_turns_per_minute => Some(Denied::ForGood(Why::Enough)),
        () if hall.person_waits => Some(Denied::ForNow),
        () => None,
    }
}

/// How many more may get the floor.
fn places(round: &Round, hall: &Hall, rules: &RoomRules, count: &Count, denied: bool) -> usize {
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    if denied {
        return 0;
    }
    let speakers = if round.from_person { size(rules.speakers) } else { 1 };
    let had_it = count.speaking + count.answered;
    let free = speakers.saturating_sub(had_it);
    let left = speakers.saturating_add(size(rules.regrants)).saturating_sub(had_it + count.lost);
    let this_minute = size(rules.persona_turns_per_minute.saturating_sub(hall.persona_turns));
    free.min(left).min(if round.from_person { usize::MAX } else { this_minute })
}

/// Who wants the floor and may have it, in their order.
fn candidates<'a>(round: &'a Round, hall: &Hall) -> Vec<&'a Turn> {
    let ready = |turn: &&Turn| turn.standing == Standing::Meant && turn.able;
    let mut ready: Vec<_> = round.turns.iter().filter(ready).collect();
    ready.sort_by_key(|turn| {
        let last = hall.last_floor.get(&turn.persona).copied().unwrap_or(i64::MIN);
        (!turn.named, turn.reluctant, Reverse(turn.relevance), last, turn.persona)
    });
    ready
}

fn why(turn: &Turn, count: &Count, denied: Option<Denied>) -> Why {
    match denied {
        Some(Denied::ForGood(why)) if count.answered == 0 => why,
        _ if !turn.able => Why::Paused,
        _ if turn.standing == Standing::Asked => Why::SaidNothing,
        _ if count.answered > 0 && turn.reluctant => Why::Rested,
        _ if count.answered > 0 => Why::OthersSpoke,
        _ => Why::NobodyLeft,
    }
}

#[cfg(test)]
mod tests;
