//! `room`: where several personas and people talk.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Ended,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with rooms.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Open a room.
    Create(Create),
    /// List all rooms, the newest first.
    List,
    /// Show who is in a room, what was said, and what everybody would do about it.
    Show(Show),
    /// Say something in a room.
    Say(Say),
    /// Bring a persona in.
    Add(Who),
    /// Take a persona or a person out.
    Remove(Who),
    /// Archive a room: what was said stays, nothing more can be said.
    Archive(Which),
    /// Open an archived room again.
    Reopen(Which),
}

/// A room to be.
#[derive(Debug, Args)]
pub struct Create {
    /// As people see it.
    name: String,
    /// Slug or id of a persona; may be given more than once.
    #[arg(long = "persona", value_name = "PERSONA", required = true)]
    personas: Vec<String>,
    /// Name or id of a user; may be given more than once.
    #[arg(long = "person", value_name = "USER")]
    people: Vec<String>,
    /// What it is for.
    #[arg(long, default_value = "")]
    topic: String,
}

/// One room.
#[derive(Debug, Args)]
pub struct Which {
    /// Its name or id.
    room: String,
}

/// One room and how much of its talk.
#[derive(Debug, Args)]
pub struct Show {
    /// Its name or id.
    room: String,
    /// So many messages at most, the newest.
    #[arg(long, default_value_t = 10)]
    limit: u16,
}

/// Something to say.
#[derive(Debug, Args)]
pub struct Say {
    /// The room's name or id.
    room: String,
    /// What to say. `@` and a persona's display name asks that one first.
    text: String,
    /// The same key says the same thing only once.
    #[arg(long)]
    key: Option<String>,
}

/// A room, and one who comes or goes.
#[derive(Debug, Args)]
pub struct Who {
    /// The room's name or id.
    room: String,
    /// Slug or id of a persona; to take out, also the name of a user.
    member: String,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::Create(Create { name, personas, people, topic }) => {
                let body = json!({"name": name, "topic": topic, "personas": personas, "people": people});
                out.answer(&server.post(&["api", "rooms"], &body).await?, |room| format!("opened\n{}", card(room)));
            }
            Self::List => out.answer(&all(server).await?, list),
            Self::Show(show) => show.run(server, out).await?,
            Self::Say(say) => say.run(server, out).await?,
            Self::Add(Who { room, member }) => {
                let body = json!({"personas": [member]});
                out.answer(&server.post(&["api", "rooms", &room, "members"], &body).await?, card);
            }
            Self::Remove(Who { room, member }) => {
                out.answer(&server.delete(&["api", "rooms", &room, "members", &member]).await?, card);
            }
            Self::Archive(Which { room }) => act(&room, "archive", server, out).await?,
            Self::Reopen(Which { room }) => act(&room, "reopen", server, out).await?,
        }
        Ok(Ended::Well)
    }
}

/// Every room, page by page.
async fn all(server: &Server) -> anyhow::Result<Value> {
    let (mut rooms, mut cursor) = (Vec::new(), None);
    loop {
        let query = [("limit", Some("500".to_owned())), ("cursor", cursor)];
        let page = server.get(&["api", "rooms"], &query).await?;
        rooms.extend_from_slice(items(&page));
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(json!({"items": rooms, "next": null}));
        }
    }
}

async fn act(room: &str, verb: &str, server: &Server, out: Out) -> anyhow::Result<()> {
    out.answer(&server.post(&["api", "rooms", room, verb], &json!({})).await?, card);
    Ok(())
}

impl Say {
    async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let body = json!({"text": self.text, "correlation": self.key});
        let answer = server.post(&["api", "rooms", &self.room, "messages"], &body).await?;
        out.answer(&answer, |answer| {
            let said = match answer["repeated"].as_bool() {
                Some(true) => "said before under this key, nothing is said twice".to_owned(),
                _ => format!("said; {} heard it", text(answer, "heard_by")),
            };
            format!("{said}; `greenroom room show {}` shows who answers", self.room)
        });
        Ok(())
    }
}

impl Show {
    async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let room = server.get(&["api", "rooms", &self.room], &[]).await?;
        let query = [("limit", Some(self.limit.to_string()))];
        let talk = server.get(&["api", "rooms", &self.room, "messages"], &query).await?;
        let whole = json!({"room": room, "talk": talk["items"]});
        out.answer(&whole, |whole| {
            let said = items(&whole["talk"]).iter().rev().map(told).collect::<Vec<_>>();
            format!("{}\n\n{}", card(&whole["room"]), said.join("\n\n"))
        });
        Ok(())
    }
}

/// A message, and what everybody would do about it.
fn told(said: &Value) -> String {
    let at = print::moment(said["at_ms"].as_i64().unwrap_or(0));
    let first = format!("{at}  {}: {}", text(&said["author"], "name"), print::plain(&text(said, "text")));
    let turn = |turn: &Value| {
        let name = text(&turn["persona"], "slug");
        let (state, relevance) = (text(turn, "state"), text(turn, "relevance"));
        let why = text(turn, "why");
        let thought = match why.as_str() {
            "" => text(turn, "thought"),
            why => format!("{} ({why})", text(turn, "thought")),
        };
        format!("    {state:10} {relevance:>4}  {name:16} {}", print::short(&thought, 100)).trim_end().to_owned()
    };
    let turns = items(&said["turns"]).iter().map(turn);
    std::iter::once(first).chain(turns).collect::<Vec<_>>().join("\n")
}

fn list(found: &Value) -> String {
    let row = |room: &Value| {
        let members = items(&room["members"]).iter().map(|one| text(one, "name")).collect::<Vec<_>>();
        [text(room, "name"), text(room, "status"), print::short(&members.join(", "), 60), text(room, "id")]
    };
    match items(found) {
        [] => "no rooms yet; open one with `greenroom room create <name> --persona <slug>`".to_owned(),
        some => print::table(["name", "status", "members", "id"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}

fn card(room: &Value) -> String {
    let members = items(&room["members"]).iter().map(|one| text(one, "name")).collect::<Vec<_>>().join(", ");
    let rows = [
        ("name", text(room, "name")),
        ("topic", text(room, "topic")),
        ("status", text(room, "status")),
        ("members", members),
        ("version", text(room, "version")),
        ("id", text(room, "id")),
    ];
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    rows.map(|(name, value)| format!("{name:12} {}", print::plain(value))).collect::<Vec<_>>().join("\n")
}
