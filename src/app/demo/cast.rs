//! Who is in the demo, and what they are asked to do.

use std::path::Path;

use actors::{
    domain::{LengthTargets, Persona, Profile, Role, Slug, Weight},
    supervisor::NewPersona,
};

use crate::{
    app::rooms::Rooms,
    tools::templates::{self, ProposalWanted, Template},
};

/// Where to look while they work, and how to check it afterwards.
pub(super) fn what_to_see(data_root: &Path) -> String {
    format!(
        "What to look at:
  /personas          Livia and Jason, their status lights, and the evidence as it is written
  /personas/jason    Progress: his goals; Input: what he did, with screenshots; Output: his files
  /personas/livia    the mail she opened, and the daily report she posts when Jason is done
  /runs              every attempt, step by step
Check the record without the server: greenroom receipts verify --data-root {}",
        data_root.display()
    )
}

/// The two of them.
pub(super) struct Cast {
    pub(super) livia: Persona,
    pub(super) jason: Persona,
}

impl Cast {
    /// Makes whoever is not there yet.
    pub(super) async fn gather(rooms: &Rooms) -> anyhow::Result<Self> {
        Ok(Self { livia: find_or_make(rooms, livia()?).await?, jason: find_or_make(rooms, jason()?).await? })
    }
}

/// What is done first, by whom.
pub(super) fn opening_of_livia() -> Template {
    templates::open_rehearsal_mail()
}

/// In this order.
pub(super) fn work_of_jason() -> [Template; 2] {
    let wanted = ProposalWanted::new("data pipeline", "jason@greenroom.example", templates::GOAL_KEY);
    [templates::master_note_outline(), templates::submit_proposal(&wanted)]
}

/// When the others are done.
pub(super) fn closing_of_livia() -> Template {
    templates::daily_report()
}

async fn find_or_make(rooms: &Rooms, new: NewPersona) -> anyhow::Result<Persona> {
    match rooms.storage.db.persona_named(new.slug.as_str()).await? {
        Some(known) => Ok(known),
        None => Ok(rooms.company.create_persona(new, &rooms.by("demo")).await?),
    }
}

fn livia() -> anyhow::Result<NewPersona> {
    let primer = "You run a small studio that audits data pipelines. You write like a calm chief of staff: facts \
                  first, one number per sentence, no praise without a reason.";
    Ok(NewPersona {
        slug: "livia".parse::<Slug>()?,
        name: "Livia".into(),
        role: Some(Role::Manager),
        description: "Runs the studio: reads the mail, keeps the day's report.".into(),
        profile: Profile {
            style_primer: primer.into(),
            do_: vec!["name the next step".into()],
            dont: vec!["promise dates nobody agreed to".into()],
            topics: vec!["planning".into(), "reporting".into()],
            signature_phrases: vec!["Here is where we stand.".into()],
            temperature_thousandths: Some(300),
            length: LengthTargets::default(),
            ..Profile::default()
        },
        hosts: Vec::new(),
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
    })
}

fn jason() -> anyhow::Result<NewPersona> {
    let primer = "You audit data pipelines for a living. You write plainly to people who pay for results: what you \
                  will check, what they will hold in their hands, what it costs.";
    Ok(NewPersona {
        slug: "jason".parse::<Slug>()?,
        name: "Jason".into(),
        role: Some(Role::Worker),
        description: "Finds work on the job board, writes proposals and the notes behind them.".into(),
        profile: Profile {
            style_primer: primer.into(),
            do_: vec!["say what counts as evidence".into()],
            dont: vec!["use buzzwords".into()],
            topics: vec!["data pipelines".into(), "audits".into()],
            signature_phrases: vec!["You can check every line of it.".into()],
            temperature_thousandths: Some(500),
            length: LengthTargets::default(),
            ..Profile::default()
        },
        hosts: Vec::new(),
        model: None,
        weight: Weight::ORDINARY,
        hours: Default::default(),
    })
}
