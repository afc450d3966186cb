//! The texts themselves: what a proposal, an outline, a report and a reply are made of.

use super::{
    layout::{Section, Shape},
    reading::{Form, Task},
    voice::Voice,
};

/// The sections of the text that is asked for.
pub(super) fn write(task: &Task, voice: &mut Voice<'_>) -> Vec<Section> {
    let mut sections = match task.form {
        Form::Proposal => proposal(task, voice),
        Form::Outline => outline(task, voice),
        Form::Report => report(task, voice),
        Form::Reply => reply(task, voice),
    };
    for section in &mut sections {
        section.lines = voice.keep(std::mem::take(&mut section.lines));
    }
    sections
}

fn proposal(task: &Task, voice: &mut Voice<'_>) -> Vec<Section> {
    let opening = match voice.warm {
        true => voice.choose(&["Thank you for the clear posting.", "Good to read a posting this clear."]),
        false => voice.choose(&["I read the posting closely.", "The posting is clear to me."]),
    };
    let subject = &task.subject;
    let first = voice.choose(&["I would like to take it on.", "I can start this week.", "This is work I do gladly."]);
    let mut opening = vec![format!("{opening} About “{subject}”: {first}")];
    opening.extend(said("What I take from it: ", task.material.iter().take(3)));
    let steps = [
        "Write down with you what must hold, so that we agree on what is right.",
        "Check every part against it, the riskiest first.",
        "Report findings by severity, each with its evidence.",
        "Propose fixes in the order that lowers the risk soonest.",
        "Leave a check behind that you can run without me.",
        "Close with one call to go through the results.",
    ];
    let topics = voice.profile.topics.iter();
    let topics = topics.map(|topic| format!("On {topic} I show the numbers behind each statement."));
    vec![
        Section::new(Shape::Prose, 1, opening),
        Section::new(Shape::Numbers, 2, texts(&steps)).under("How I would go about it:"),
        Section::new(Shape::Prose, 0, promises(voice).into_iter().chain(topics).collect()),
        signed(voice),
    ]
}

fn outline(task: &Task, voice: &mut Voice<'_>) -> Vec<Section> {
    let subject = &task.subject;
    let purpose = [
        format!("What {subject} is for, in one sentence."),
        "Who reads it, and what they decide with it.".to_owned(),
        "What it leaves out on purpose.".to_owned(),
    ];
    let state = [
        "What is known today, each point with its source.",
        "What is assumed, and how it could be checked.",
        "What nobody knows yet.",
    ];
    let next = [
        "The next step, with a name and a date.",
        "What could stop it, and the way around.",
        "When this note is looked at again.",
    ];
    let mut sections = vec![
        title(subject),
        Section::new(Shape::Bullets, 2, purpose.to_vec()).under("## Purpose"),
        Section::new(Shape::Bullets, 2, texts(&state)).under("## Where things stand"),
    ];
    sections.extend(task.material.first().map(|_| material(task)));
    for topic in voice.profile.topics.iter().take(4) {
        let lines = [
            format!("The question about {topic} that matters most here."),
            format!("Evidence we have on {topic}, and what is missing."),
            format!("What we would change in {topic} first."),
        ];
        sections.push(Section::new(Shape::Bullets, 1, lines.to_vec()).under(format!("## {}", capital(topic))));
    }
    sections.push(Section::new(Shape::Bullets, 1, texts(&next)).under("## Next"));
    sections.push(Section::new(Shape::Bullets, 0, promises(voice)).under("## House rules"));
    sections.extend(closing(voice));
    sections
}

fn report(task: &Task, voice: &mut Voice<'_>) -> Vec<Section> {
    let summary = [
        "This report holds what was given to me, in order.",
        "Numbers stand where they can be checked; everything else is marked as open.",
    ];
    let open = ["Confirm the points above with whoever owns them.", "Add the numbers that are still missing."];
    let mut sections = vec![title(&task.subject), Section::new(Shape::Prose, 1, texts(&summary)).under("## Summary")];
    sections.extend(task.material.first().map(|_| material(task)));
    let topics = voice.profile.topics.iter().map(|topic| format!("{}: nothing reported.", capital(topic)));
    sections.push(Section::new(Shape::Bullets, 0, topics.collect()).under("## By topic"));
    sections.push(Section::new(Shape::Bullets, 1, texts(&open)).under("## Open"));
    sections.extend(closing(voice));
    sections
}

fn reply(task: &Task, voice: &mut Voice<'_>) -> Vec<Section> {
    let opening = match voice.warm {
        true => voice.choose(&["Thanks for writing.", "Good to hear from you."]),
        false => voice.choose(&["Noted.", "Understood."]),
    };
    let mut lines = vec![
        format!("{opening} You wrote: “{}”.", task.subject),
        voice
            .choose(&["I would begin with what can be checked.", "First I would write down what done means."])
            .to_owned(),
    ];
    lines.extend(voice.profile.topics.first().map(|topic| format!("It touches {topic}, so I would look there first.")));
    lines.extend(said("You also say: ", task.material.iter().take(3)));
    lines.extend(promises(voice));
    lines.push("Give me a goal with the proof you want to see, and I take it from there.".to_owned());
    let mut sections = vec![Section::new(Shape::Prose, 2, lines)];
    sections.extend(closing(voice));
    sections
}

fn title(subject: &str) -> Section {
    Section::new(Shape::Lines, 1, vec![format!("# {}", capital(subject))])
}

fn material(task: &Task) -> Section {
    let lines = task.material.iter().map(|said| sentence(said)).collect();
    Section::new(Shape::Bullets, 1, lines).under("## Given")
}

fn promises(voice: &Voice<'_>) -> Vec<String> {
    said("You can hold me to this: ", voice.profile.do_.iter())
}

/// Sentences, the first of them introduced.
fn said<'a>(introduction: &str, sentences: impl Iterator<Item = &'a String>) -> Vec<String> {
    let introduced = |index| if index == 0 { introduction } else { "" };
    sentences.enumerate().map(|(index, text)| format!("{}{}", introduced(index), sentence(text.trim()))).collect()
}

fn closing(voice: &mut Voice<'_>) -> Option<Section> {
    voice.signature().map(|phrase| Section::new(Shape::Prose, 1, vec![phrase]))
}

fn signed(voice: &mut Voice<'_>) -> Section {
    let lines: Vec<_> = voice.signature().into_iter().chain([voice.name.to_owned()]).collect();
    Section::new(Shape::Lines, lines.len(), lines)
}

fn texts(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

fn sentence(text: &str) -> String {
    let text = capital(text);
    if text.ends_with(['.', '?', '!', ':']) { text } else { format!("{text}.") }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
