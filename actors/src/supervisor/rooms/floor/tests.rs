//! The floor's promises, over rounds that go in every way they can.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const RULES: fn() -> RoomRules = RoomRules::default;

fn goal(number: usize) -> GoalId {
    GoalId(Uuid::from_u128(number as u128))
}

fn turn(number: usize) -> Turn {
    let persona = PersonaId(Uuid::from_u128(number as u128));
    Turn {
        goal: goal(number),
        persona,
        standing: Standing::Meant,
        named: false,
        reluctant: false,
        relevance: 500,
        able: true,
    }
}

fn round(turns: Vec<Turn>) -> Round {
    Round { from_person: true, turns, window_over: true, given_up: false }
}

fn of(round: &Round) -> Decision {
    decide(round, &Hall::default(), &RULES())
}

#[test]
fn named_ones_first_then_by_relevance_then_in_turn() {
    let mut turns: Vec<_> = (0..5).map(turn).collect();
    turns[3].named = true;
    turns[1].relevance = 900;
    assert_eq!(of(&round(turns)).grant, [goal(3), goal(1)]);

    let mut tired = vec![turn(0), turn(1), turn(2)];
    tired[0].relevance = 900;
    tired[0].reluctant = true;
    assert_eq!(of(&round(tired)).grant, [goal(1), goal(2)], "who would rather rest goes last");

    let had = |last_floor: [(usize, i64); 2]| {
        let last_floor = last_floor.map(|(number, at_ms)| (turn(number).persona, at_ms)).into();
        let hall = Hall { last_floor, ..Hall::default() };
        decide(&round((0..3).map(turn).collect()), &hall, &RULES()).grant
    };
    assert_eq!(had([(0, 10), (1, 20)]), [goal(2), goal(0)], "who had it longest ago");
    assert_eq!(had([(0, 20), (2, 10)]), [goal(1), goal(2)]);
}

#[test]
fn who_would_rather_rest_speaks_only_where_nobody_else_does_and_alone() {
    let resting = |number| Turn { reluctant: true, ..turn(number) };
    let mut round = round(vec![turn(0), resting(1), resting(2)]);
    assert_eq!(of(&round).grant, [goal(0)], "no second opinion of who rests");
    round.turns[0].standing = Standing::Speaking;
    assert_eq!(of(&round), Decision::default(), "they are the reserve");
    round.turns[0].standing = Standing::Failed(Failure::Late);
    assert_eq!(of(&round).grant, [goal(1)]);
    round.turns[0].standing = Standing::Answered;
    assert_eq!(of(&round).pass, [(goal(1), Why::Rested), (goal(2), Why::Rested)]);
}

#[test]
fn it_waits_for_those_who_can_answer_and_no_longer_than_the_window() {
    let mut turns = vec![turn(0), turn(1), turn(2)];
    turns[2].standing = Standing::Asked;
    let mut open = Round { window_over: false, ..round(turns) };
    assert_eq!(of(&open), Decision::default());
    open.turns[2].able = false;
    assert_eq!(of(&open).grant, [goal(0), goal(1)], "a paused one is not waited for");
    open.turns[2].able = true;
    open.window_over = true;
    assert_eq!(of(&open).grant, [goal(0), goal(1)]);

    let silent = Round { turns: vec![Turn { standing: Standing::Asked, ..turn(0) }], ..round(Vec::new()) };
    assert_eq!(of(&silent), Decision::default(), "a late word is better than none");
    assert_eq!(of(&Round { given_up: true, ..silent }).pass, [(goal(0), Why::SaidNothing)]);
}

#[test]
fn who_loses_the_floor_is_followed_and_the_rest_passes_at_the_end() {
    let mut round = round((0..4).map(turn).collect());
    round.turns[0].standing = Standing::Failed(Failure::Late);
    round.turns[1].standing = Standing::Speaking;
    let decision = of(&round);
    assert_eq!((decision.lose, decision.grant), (vec![(goal(0), Failure::Late)], vec![goal(2)]));
    assert!(decision.pass.is_empty(), "the others are the reserve");
    round.turns[0].standing = Standing::Lost;
    round.turns[1].standing = Standing::Spoke;
    round.turns[2].standing = Standing::Answered;
    let decision = of(&round);
    assert_eq!((decision.pass, decision.post), (vec![(goal(3), Why::OthersSpoke)], vec![goal(2)]));
}

#[test]
fn personas_answer_each_other_under_a_limit_and_people_come_first() {
    let round = Round { from_person: false, ..round(vec![turn(0), turn(1)]) };
    let decide = |hall: &Hall| decide(&round, hall, &RULES());
    assert_eq!(decide(&Hall::default()).grant, [goal(0)], "one");
    let waits = decide(&Hall { person_waits: true, ..Hall::default() });
    assert_eq!(waits, Decision::default());
    let silence = decide(&Hall { since_person: RULES().silence_after, ..Hall::default() });
    assert_eq!(silence.pass, [(goal(0), Why::Silence), (goal(1), Why::Silence)]);
    let enough = decide(&Hall { persona_turns: RULES().persona_turns_per_minute, ..Hall::default() });
    assert_eq!(enough.pass, [(goal(0), Why::Enough), (goal(1), Why::Enough)]);
}

/// What may happen next to a turn that can move.
#[derive(Debug, Clone)]
enum Event {
    Says(usize),
    Answers(usize),
    Fails(usize),
    WindowEnds,
    GivesUp,
    Pauses(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<usize>().prop_map(Event::Says),
        3 => any::<usize>().prop_map(Event::Answers),
        2 => any::<usize>().prop_map(Event::Fails),
        1 => Just(Event::WindowEnds),
        1 => Just(Event::GivesUp),
        1 => any::<usize>().prop_map(Event::Pauses),
    ]
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let one = (any::<bool>(), any::<bool>(), 0_u16..=1_000, any::<bool>());
    proptest::collection::vec(one, 1..15).prop_map(|all| {
        let made = |(number, (named, reluctant, relevance, able))| {
            let standing = Standing::Asked;
            // A named one is one in eight.
            let named = named && number % 4 == 0;
            Turn { named, reluctant, relevance, able, standing, ..turn(number) }
        };
        all.into_iter().enumerate().map(made).collect()
    })
}

/// One round under events, with everything that was decided carried out.
struct Play {
    round: Round,
    hall: Hall,
    rules: RoomRules,
    grants: usize,
}

impl Play {
    fn happen(&mut self, event: &Event) {
        let nth = |number: usize, turns: &mut [Turn], wanted: Standing| {
            let fits: Vec<_> = (0..turns.len()).filter(|at| turns[*at].standing == wanted).collect();
            fits.get(number % fits.len().max(1)).copied()
        };
        let turns = &mut self.round.turns;
        let (at, to) = match event {
            Event::Says(number) => (nth(*number, turns, Standing::Asked), Standing::Meant),
            Event::Answers(number) => (nth(*number, turns, Standing::Speaking), Standing::Answered),
            Event::Fails(number) => (nth(*number, turns, Standing::Speaking), Standing::Failed(Failure::Ended)),
            Event::WindowEnds => return self.round.window_over = true,
            Event::GivesUp => return (self.round.window_over, self.round.given_up) = (true, true),
            Event::Pauses(number) => {
                let number = number % turns.len();
                return turns[number].able = false;
            }
        };
        if let Some(at) = at {
            turns[at].standing = to;
        }
    }

    /// Carries out what is decided until nothing more is.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..100 {
            let before = self.round.clone();
            let decision = decide(&self.round, &self.hall, &self.rules);
            if decision == Decision::default() {
                return Ok(());
            }
            let mut put = |goal: GoalId, from: &[Standing], to: Standing| {
                let turn = self.round.turns.iter_mut().find(|turn| turn.goal == goal).unwrap();
                prop_assert!(from.contains(&turn.standing), "{turn:?} may not become {to:?}");
                turn.standing = to;
                Ok(())
            };
            for (goal, failure) in &decision.lose {
                put(*goal, &[Standing::Failed(*failure)], Standing::Lost)?;
            }
            for goal in &decision.grant {
                put(*goal, &[Standing::Meant], Standing::Speaking)?;
                self.grants += 1;
                self.hall.persona_turns += u32::from(!self.round.from_person);
            }
            for (goal, _) in &decision.pass {
                put(*goal, &[Standing::Asked, Standing::Meant], Standing::Out)?;
            }
            for goal in &decision.post {
                put(*goal, &[Standing::Answered], Standing::Spoke)?;
            }
            self.check(&before, &decision)?;
        }
        Err(TestCaseError::fail("it decides for ever"))
    }

    fn standing(&self, wanted: &[Standing]) -> usize {
        self.round.turns.iter().filter(|turn| wanted.contains(&turn.standing)).count()
    }

    fn check(&self, before: &Round, decision: &Decision) -> Result<(), TestCaseError> {
        let speakers = if self.round.from_person { self.rules.speakers as usize } else { 1 };
        let floor = self.standing(&[Standing::Speaking, Standing::Answered, Standing::Spoke]);
        prop_assert!(floor <= speakers, "{floor} on the floor");
        prop_assert!(self.grants <= speakers + self.rules.regrants as usize);
        if !self.round.from_person && !decision.grant.is_empty() {
            prop_assert!(!self.hall.person_waits && self.hall.since_person < self.rules.silence_after);
            prop_assert!(self.hall.persona_turns <= self.rules.persona_turns_per_minute);
        }
        let of = |goal: &GoalId| before.turns.iter().find(|turn| turn.goal == *goal).unwrap();
        for granted in decision.grant.iter().map(of) {
            prop_assert!(granted.able);
            // Nobody unnamed goes before a named one that could.
            let passed_over = before.turns.iter().find(|turn| {
                turn.named && turn.able && turn.standing == Standing::Meant && !decision.grant.contains(&turn.goal)
            });
            prop_assert!(granted.named || passed_over.is_none(), "{passed_over:?} was passed over");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_round_keeps_its_promises_and_comes_to_an_end(
        turns in turns(), events in proptest::collection::vec(event(), 0..60), from_person: bool,
        since_person in 0_u32..12, persona_turns in 0_u32..6, person_waits: bool,
        speakers in 1_u32..4, regrants in 0_u32..4,
    ) {
        let rules = RoomRules { speakers, regrants, ..RULES() };
        let persona_turns = persona_turns.min(rules.persona_turns_per_minute);
        let hall = Hall { since_person, person_waits, persona_turns, ..Hall::default() };
        let round = Round { from_person, turns, window_over: false, given_up: false };
        let mut play = Play { round, hall, rules, grants: 0 };
        play.settle()?;
        for event in &events {
            play.happen(event);
            play.settle()?;
        }
        // Time goes by: the person's round ends, windows close, speakers answer.
        play.hall.person_waits = false;
        play.happen(&Event::GivesUp);
        play.settle()?;
        while play.standing(&[Standing::Speaking]) > 0 {
            play.happen(&Event::Answers(0));
            play.settle()?;
        }
        prop_assert_eq!(play.standing(&[Standing::Asked, Standing::Meant, Standing::Speaking, Standing::Answered]), 0);
    }

    #[test]
    fn a_named_one_gets_the_floor_unless_it_passes_or_is_paused(
        turns in turns(), named in 0_usize..14, since in 0_u32..20,
    ) {
        let mut turns = turns;
        let named = named % turns.len();
        for (at, turn) in turns.iter_mut().enumerate() {
            (turn.named, turn.standing) = (at == named, Standing::Meant);
        }
        turns[named].able = true;
        let hall = Hall { since_person: since, ..Hall::default() };
        prop_assert_eq!(decide(&round(turns), &hall, &RULES()).grant[0], goal(named));
    }
}
