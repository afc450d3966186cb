//! The understudy: writes without any model, from the persona's profile and a handful of templates.
//!
//! The same persona and prompt always give the same text. It does not pretend to know anything: it says how the persona
//! would go about the matter, with the words it was given. Every receipt names it.

mod forms;
mod layout;
mod reading;
mod voice;

use std::time::Duration;

use actors::domain::{ChatAnswer, ChatRequest, Cost, Finish, Length, Persona, Turn};

use self::{reading::Task, voice::Voice};
use super::{Chatted, ModelError, Request, UNDERSTUDY};

/// Answers the last thing that a user said. It cannot act, so it refuses a talk in which it should.
pub(super) fn chat(persona: &Persona, request: &ChatRequest, length: Length) -> Result<Chatted, ModelError> {
    let wanted = match request {
        ChatRequest { tools, must_answer, .. } if !tools.is_empty() && !must_answer => Some("make calls"),
        ChatRequest { answer_schema: Some(_), .. } => Some("fit its answer to a schema"),
        _ => None,
    };
    if let Some(wanted) = wanted {
        return Err(ModelError::CannotAct { wanted });
    }
    let said = request.turns.iter().rev().find_map(|turn| match turn {
        Turn::User { text } => Some(text.as_str()),
        _ => None,
    });
    let text =
        compose(&Request { persona, prompt: said.unwrap_or_default(), length, model: None, limit: Duration::ZERO });
    Ok(Chatted {
        answer: ChatAnswer { text, calls: Vec::new(), finish: Finish::Stop },
        provider: UNDERSTUDY.to_owned(),
        model: UNDERSTUDY.to_owned(),
        cost: Some(Cost::default()),
        sent: None,
        tried: Vec::new(),
    })
}

/// Writes the text; it cannot fail.
fn compose(request: &Request<'_>) -> String {
    let task = Task::read(request.prompt);
    let words = request.persona.profile.length.words(request.length);
    let mut voice = Voice::of(request.persona, request.prompt, words);
    let sections = forms::write(&task, &mut voice);
    layout::lay_out(sections, words as usize)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actors::domain::{Length, LengthTargets, Persona, Profile};
    use proptest::prelude::*;

    use super::*;

    fn jason() -> Persona {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Persona {
            name: "Jason".into(),
            description: "Finds lost rows.".into(),
            profile: Profile {
                style_primer: "Plain and friendly.".into(),
                do_: texts(&["Name the evidence for each finding"]),
                dont: texts(&["Never say \"walk through\"", "No exclamation marks"]),
                topics: texts(&["data lineage", "nightly checks"]),
                signature_phrases: texts(&["Rows do not vanish by themselves!"]),
                temperature_thousandths: None,
                length: LengthTargets { short: 40, long: 160 },
                ..Profile::default()
            },
            ..actors::testing::persona(&actors::testing::TestWorld::new(7), "jason")
        }
    }

    fn written(prompt: &str, length: Length) -> String {
        let persona = jason();
        compose(&Request { persona: &persona, prompt, length, model: None, limit: Duration::ZERO })
    }

    const PROPOSAL: &str = "Write a proposal for \"Data pipeline audit\".\n\nOur pipeline loses rows. Find out where.";

    #[test]
    fn the_form_follows_the_task() {
        let proposal = written(PROPOSAL, Length::Long);
        assert!(proposal.contains("“Data pipeline audit”") && proposal.contains("\n1. "), "{proposal}");
        assert!(proposal.contains("Our pipeline loses rows"), "{proposal}");
        assert!(proposal.trim_end().ends_with("Jason"), "{proposal}");
        let outline = written("Write the outline of the \"Master note\", version 0.", Length::Long);
        assert!(
            outline.starts_with("# Master note") && outline.contains("\n## ") && outline.contains("\n- "),
            "{outline}"
        );
        let report = written("Write a report on the week", Length::Long);
        assert!(report.starts_with("# "), "{report}");
        let reply = written("Can you look at the nightly run?", Length::Short);
        assert!(!reply.contains('#') && reply.contains("nightly run"), "{reply}");
    }

    #[test]
    fn the_profile_is_kept() {
        let text = written(PROPOSAL, Length::Long);
        assert!(!text.contains('!') && !text.to_lowercase().contains("walk through"), "{text}");
        assert!(text.contains("Rows do not vanish by themselves."), "{text}");
        let words = |length| written(PROPOSAL, length).split_whitespace().count();
        assert!(words(Length::Short) < words(Length::Long));
        assert!((100..=220).contains(&words(Length::Long)), "aims at 160, wrote {}", words(Length::Long));
    }

    proptest! {
        #[test]
        fn any_prompt_gives_the_same_bounded_text_twice(prompt in "\\PC{0,400}") {
            let text = written(&prompt, Length::Long);
            prop_assert_eq!(&text, &written(&prompt, Length::Long));
            prop_assert!(!text.trim().is_empty() && text.len() < 8_000);
            prop_assert!(!text.to_lowercase().contains("language model"));
        }
    }
}
