//! What a persona would do about something said in a room: its thought and how much it concerns it. Pure.
//!
//! Honest rules, no model: who is named, what the persona knows, who spoke last, and whether it is a question. Of what
//! a persona says only its own words count, not what it quotes. The thought says which of them held and nothing else, so a receipt never claims thinking that nobody did.
//! Mood and rest enter as the caller's word, and only where they may hold something back: talk that is optional
//! ([`Held`]). Then the persona leaves what personas say alone. A person is never left without an answer because
//! everybody rests: to a person it still says that it can answer, and others go before it.

use super::{Author, Held, Intention, Persona, RoomMessage, Score, own_words};

const NAMED: u16 = 1_000;
/// There to be asked.
const BASE: u16 = 200;
const KNOWS: u16 = 400;
/// It was the last to speak before: what is said now goes on from there.
const GOES_ON: u16 = 200;
const TOOK_PART: u16 = 100;
const QUESTION: u16 = 100;
/// Another persona said it: there is less to answer.
const TO_PERSONAS: u16 = 150;
/// Below this a persona does not answer another one.
const WORTH_ANSWERING: u16 = 450;

/// Reads a message as this persona would. `before`: what was said earlier, the newest first; `held`: what holds it back
/// from work that nobody waits for.
pub fn intend(said: &RoomMessage, before: &[RoomMessage], persona: &Persona, held: Option<Held>) -> Intention {
    let from_person = said.author.is_person();
    let text = if from_person { said.text.clone() } else { own_words(&said.text) };
    let score = Score::of(&text, persona);
    if score.names() {
        let thought = format!("{} names me.", said.author.name());
        return Intention { thought, relevance: NAMED, wants: true, reluctant: false };
    }
    let mut relevance = BASE;
    let mut reasons = Vec::new();
    if let Some(topic) = score.topic() {
        relevance += KNOWS;
        reasons.push(format!("it is about {topic}, which I know"));
    }
    let own = |said: &RoomMessage| said.author.is(persona.id);
    if before.first().is_some_and(own) {
        relevance += GOES_ON;
        reasons.push("it follows what I said".to_owned());
    } else if before.iter().any(own) {
        relevance += TOOK_PART;
        reasons.push("I took part in this talk".to_owned());
    }
    if text.contains('?') {
        relevance += QUESTION;
        reasons.push("it is a question".to_owned());
    }
    if !from_person {
        relevance = relevance.saturating_sub(TO_PERSONAS);
    }
    let wants = from_person || (relevance >= WORTH_ANSWERING && held.is_none());
    let thought = thought(&said.author, &reasons, wants, held);
    Intention { thought, relevance, wants, reluctant: held.is_some() }
}

fn thought(author: &Author, reasons: &[String], wants: bool, held: Option<Held>) -> String {
    let why = match reasons {
        [] => "nothing in it is mine in particular".to_owned(),
        some => some.join(", "),
    };
    let then = match (wants, held) {
        (true, None) => format!("I can answer {}", author.name()),
        (true, Some(held)) => format!("{held}, but I can answer if nobody else does"),
        (false, Some(held)) => format!("{held}: I leave it"),
        (false, None) => "I leave it".to_owned(),
    };
    let mut line = format!("{why}; {then}.");
    if let Some(first) = line.get(..1).map(str::to_uppercase) {
        line.replace_range(..1, &first);
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::Mood,
        testing::{self, TestWorld},
    };

    const TIRED: Option<Held> = Some(Held::Mood(Mood::Tired));

    fn ada() -> Persona {
        let mut ada = testing::persona(&TestWorld::new(1), "ada");
        ada.name = "Ada".to_owned();
        ada.profile.topics = vec!["engines".to_owned()];
        ada
    }

    fn said(author: Author, text: &str) -> RoomMessage {
        let world = TestWorld::new(2);
        testing::room_message(&world, &testing::room(&world, "studio"), author, text)
    }

    fn person(text: &str) -> RoomMessage {
        said(Author::person("owner"), text)
    }

    fn persona(text: &str) -> RoomMessage {
        said(Author::Persona { id: [9; 16].into(), name: "Bo".to_owned() }, text)
    }

    fn by(ada: &Persona) -> RoomMessage {
        said(Author::Persona { id: ada.id, name: ada.name.clone() }, "as I said")
    }

    #[test]
    fn what_concerns_it_counts_and_the_thought_says_why() {
        let ada = ada();
        let intention = |message: &RoomMessage, before: &[RoomMessage]| intend(message, before, &ada, None);
        let named = intention(&person("@Ada, well?"), &[]);
        assert_eq!((named.relevance, named.wants, named.thought.as_str()), (1_000, true, "owner names me."));
        let topic = intention(&person("Who knows engines?"), &[by(&ada)]);
        assert_eq!(topic.relevance, 900);
        assert_eq!(
            topic.thought,
            "It is about engines, which I know, it follows what I said, it is a question; I can answer owner."
        );
        let nothing = intention(&person("Good morning"), &[]);
        assert_eq!((nothing.relevance, nothing.wants), (200, true), "a person gets an answer");
        assert_eq!(nothing.thought, "Nothing in it is mine in particular; I can answer owner.");
    }

    #[test]
    fn personas_are_answered_only_where_it_is_worth_it() {
        let ada = ada();
        assert!(!intend(&persona("I see it so."), &[], &ada, None).wants);
        assert!(intend(&persona("What of engines"), &[], &ada, None).wants);
        assert!(intend(&persona("@Ada agrees"), &[], &ada, TIRED).wants, "who is named answers, rested or not");
        let echo = intend(&persona("You wrote: “@Ada, engines?”. Noted."), &[], &ada, None);
        assert_eq!((echo.wants, echo.relevance), (false, 50), "who repeats a name names nobody");
        let tired = intend(&persona("What of engines"), &[], &ada, TIRED);
        assert_eq!((tired.wants, tired.thought.ends_with("this can do without me: I leave it.")), (false, true));
        let tired = intend(&person("What of engines"), &[], &ada, TIRED);
        assert!(tired.wants && tired.reluctant);
    }

    proptest! {
        #[test]
        fn it_is_in_bounds_and_a_person_never_meets_a_shrug(text in "\\PC{0,200}", rests: bool, own: bool) {
            let held = TIRED.filter(|_| rests);
            let ada = ada();
            let before = if own { vec![by(&ada)] } else { Vec::new() };
            let intention = intend(&person(&text), &before, &ada, held);
            prop_assert!(intention.wants && intention.relevance <= 1_000 && !intention.thought.is_empty());
            let among_us = intend(&persona(&text), &before, &ada, held);
            prop_assert!(among_us.relevance <= intention.relevance);
        }
    }
}
