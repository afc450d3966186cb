//! `personas`.

use actors::domain::{Hours, Persona, Role, WallTime, Weight};
use diesel::prelude::*;

use super::{Columns, json, text};
use crate::storage::{db::DbError, schema::personas};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = personas, treat_none_as_default_value = false)]
pub(in crate::storage) struct PersonaRow {
    pub id: Vec<u8>,
    pub slug: String,
    pub name: String,
    pub role: Option<String>,
    pub description: String,
    pub status: String,
    pub version: i64,
    pub profile: String,
    pub hosts: String,
    pub model: Option<String>,
    pub failure_streak: i32,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub weight: i32,
    pub zone: String,
    pub wakes_minute: i32,
    pub sleeps_minute: i32,
    pub quotas: String,
    pub autoplan: String,
    pub planned: bool,
    pub permissions: String,
    pub grants: String,
    pub agents: String,
    pub resumed_ms: Option<i64>,
}

impl From<Persona> for PersonaRow {
    fn from(persona: Persona) -> Self {
        Self {
            id: persona.id.as_bytes().to_vec(),
            slug: persona.slug.to_string(),
            name: text(persona.name),
            role: persona.role.map(|role: Role| role.to_string()),
            description: text(persona.description),
            status: persona.status.to_string(),
            version: persona.version,
            profile: json(&persona.profile),
            hosts: json(&persona.hosts),
            model: persona.model.map(text),
            failure_streak: 0,
            created_ms: persona.created_ms,
            updated_ms: persona.updated_ms,
            weight: persona.weight.thousandths().into(),
            zone: persona.hours.zone.to_string(),
            wakes_minute: persona.hours.wakes.minute().into(),
            sleeps_minute: persona.hours.sleeps.minute().into(),
            quotas: json(&persona.quotas),
            planned: persona.autoplan.on,
            autoplan: json(&persona.autoplan),
            permissions: json(&persona.permissions),
            grants: json(&persona.grants),
            agents: json(&persona.agents),
            resumed_ms: persona.resumed_ms,
        }
    }
}

impl TryFrom<PersonaRow> for Persona {
    type Error = DbError;

    fn try_from(row: PersonaRow) -> Result<Self, DbError> {
        let read = Columns("personas");
        let time = |minute: i32| WallTime::from_minute(read.count(minute)?).map_err(|error| read.corrupt(error));
        Ok(Self {
            id: read.id(&row.id)?,
            slug: read.word(&row.slug)?,
            name: row.name,
            role: read.optional_word(row.role.as_deref())?,
            description: row.description,
            status: read.word(&row.status)?,
            version: row.version,
            profile: read.json(&row.profile)?,
            hosts: read.json(&row.hosts)?,
            model: row.model,
            hours: Hours {
                zone: read.word(&row.zone)?,
                wakes: time(row.wakes_minute)?,
                sleeps: time(row.sleeps_minute)?,
            },
            quotas: read.json(&row.quotas)?,
            autoplan: read.json(&row.autoplan)?,
            permissions: read.json(&row.permissions)?,
            grants: read.json(&row.grants)?,
            agents: read.json(&row.agents)?,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
            resumed_ms: row.resumed_ms,
            weight: Weight::try_from(read.count::<u16>(row.weight)?).map_err(|error| read.corrupt(error))?,
        })
    }
}
