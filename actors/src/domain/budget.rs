//! Budgets: what personas, users and the company may take from models in a day or a month, in tokens and in money.
//!
//! Every call is charged to its persona, to who asked for it (a user, or a program by its virtual key), and to the company;
//! a program's call that no persona makes has no persona to charge. What it
//! could cost at worst is reserved before it begins and settled in the commit of its outcome, so what counts against a
//! budget is always what was spent and what may still be. Whole numbers only.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{EntryId, GoalId, PersonaId, RunId, StepIndex, Zone, words::words};

words! {
    /// How long a budget lasts.
    BudgetPeriod("budget period") {
        Day = "day",
        Month = "month",
    }
}

words! {
    /// What a budget is counted in.
    BudgetUnit("budget unit") {
        /// In and out together.
        Tokens = "tokens",
        /// Millionths of a dollar.
        MicroUsd = "micro_usd",
    }
}

/// Whose budget it is. Written `company`, `user:<name>`, `key:<name>` or `persona:<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BudgetScope {
    Company,
    /// Who asked, by name.
    User(String),
    /// The virtual key that a program asked with, by name.
    Key(String),
    Persona(PersonaId),
}

/// A text that names nobody's budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is nobody's budget: expected company, user:<name>, key:<name> or persona:<id>")]
pub struct BadScope(String);

/// The most of a period. What is passed softly is told; the hard limit is never passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub period: BudgetPeriod,
    pub unit: BudgetUnit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<u64>,
    pub hard: u64,
}

/// All budgets of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    pub scope: BudgetScope,
    /// 0: nobody set any.
    pub version: i64,
    pub limits: Vec<Budget>,
}

/// A limit that cannot be right: which of the list, which field, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limits[{at}].{field} {reason}")]
pub struct BadBudget {
    pub at: usize,
    pub field: &'static str,
    pub reason: String,
}

/// More than this is a mistake: a billion dollars.
const MOST: u64 = 1_000_000_000_000_000;
/// A call whose worst case lies above has no bound worth the name: a million dollars.
const MOST_A_CALL: u64 = 1_000_000_000_000;

/// The most that a call can take, or what it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    pub micro_usd: u64,
    /// In and out together.
    pub tokens: u64,
}

impl Bound {
    /// In this unit.
    pub const fn of(self, unit: BudgetUnit) -> u64 {
        match unit {
            BudgetUnit::Tokens => self.tokens,
            BudgetUnit::MicroUsd => self.micro_usd,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            micro_usd: self.micro_usd.saturating_add(other.micro_usd),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }

    /// What is left of it.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            micro_usd: self.micro_usd.saturating_sub(other.micro_usd),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }

    /// Whether one call may take so much at all.
    pub const fn is_of_one_call(self) -> bool {
        self.micro_usd <= MOST_A_CALL && self.tokens <= MOST_A_CALL
    }

    /// As it is kept: what nobody can have meant is cut off, so that no sum runs over.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { micro_usd: self.micro_usd.min(MOST_A_CALL), tokens: self.tokens.min(MOST_A_CALL) }
    }
}

/// What a stretch of time has had so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// The worst case of calls that are under way.
    pub reserved: Bound,
    pub spent: Bound,
}

impl Totals {
    /// What others cannot have any more.
    pub const fn taken(&self, unit: BudgetUnit) -> u64 {
        self.reserved.plus(self.spent).of(unit)
    }
}

/// Times are added up by quarters of an hour: days and months of every zone begin at one.
pub const SLOT_MS: i64 = 15 * 60 * 1000;

/// A stretch of time of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BudgetSpan {
    pub scope: BudgetScope,
    pub from_ms: i64,
    /// The first millisecond behind it.
    pub until_ms: i64,
}

impl BudgetSpan {
    /// The period that a moment lies in.
    pub fn of(scope: BudgetScope, period: BudgetPeriod, zone: Zone, at_ms: i64) -> Self {
        let Range { start, end } = period.span(zone, at_ms);
        Self { scope, from_ms: start, until_ms: end }
    }

    /// Whether what began then counts here.
    pub const fn holds(&self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && at_ms < self.until_ms
    }
}

impl BudgetPeriod {
    /// The period that a moment lies in: its first millisecond, and that of the next one.
    pub fn span(self, zone: Zone, at_ms: i64) -> Range<i64> {
        match self {
            Self::Day => {
                let day = zone.day(at_ms);
                day.begins_ms..day.ends_ms
            }
            Self::Month => zone.month(at_ms),
        }
    }
}

/// There is room for a call in one budget: what its period has had leaves enough below the hard limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLeft {
    pub span: BudgetSpan,
    pub limit: Budget,
    /// What the call may take at worst, in the limit's unit.
    pub amount: u64,
}

impl BudgetLeft {
    /// It would not fit into an empty period either.
    pub const fn never_fits(&self) -> bool {
        self.amount > self.limit.hard
    }

    /// Whether it fits beside this.
    pub const fn fits(&self, totals: &Totals) -> bool {
        totals.taken(self.limit.unit).saturating_add(self.amount) <= self.limit.hard
    }
}

/// What a call reserved: for whom, and when. It counts for the periods in which it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    /// None: a program's call that no persona makes.
    pub persona: Option<PersonaId>,
    /// Who asked: a user by name, or a virtual key as [`by_key`] writes it.
    pub user: String,
    /// What it is for; neither of both: a program's call through the gateway.
    pub goal: Option<GoalId>,
    pub run: Option<RunId>,
    pub step: StepIndex,
    pub at_ms: i64,
    /// The worst case.
    pub reserved: Bound,
}

impl Entry {
    /// Who is charged.
    pub fn scopes(&self) -> Vec<BudgetScope> {
        let persona = self.persona.map(BudgetScope::Persona);
        persona.into_iter().chain([BudgetScope::of_asker(&self.user), BudgetScope::Company]).collect()
    }
}

/// What came of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub entry: Entry,
    pub spent: Bound,
    pub at_ms: i64,
}

impl Budgets {
    /// A scope nobody has set budgets for.
    pub const fn none(scope: BudgetScope) -> Self {
        Self { scope, version: 0, limits: Vec::new() }
    }

    /// Refuses what is too much, a soft limit above its hard one, and two limits for the same.
    pub fn check(limits: &[Budget]) -> Result<(), BadBudget> {
        for (at, limit) in limits.iter().enumerate() {
            let bad = |field, reason: String| Err(BadBudget { at, field, reason });
            if limit.hard > MOST {
                return bad("hard", format!("must be at most {MOST}"));
            }
            if limit.soft.is_some_and(|soft| soft > limit.hard) {
                return bad("soft", format!("must not be above the hard limit, {}", limit.hard));
            }
            if limits[..at].iter().any(|other| (other.period, other.unit) == (limit.period, limit.unit)) {
                return bad("unit", format!("is limited twice: {} a {}", limit.unit, limit.period));
            }
        }
        Ok(())
    }
}

/// Before the name of a virtual key, where a user's name could stand as well.
const KEY: &str = "key:";

/// Who asked, when it was a program: its virtual key.
pub fn by_key(name: &str) -> String {
    format!("{KEY}{name}")
}

impl BudgetScope {
    /// Who asked, as goals and entries name them: a user, or a virtual key.
    pub fn of_asker(who: &str) -> Self {
        who.strip_prefix(KEY).map_or_else(|| Self::User(who.to_owned()), |name| Self::Key(name.to_owned()))
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Company => f.write_str("company"),
            Self::User(name) => write!(f, "user:{name}"),
            Self::Key(name) => write!(f, "key:{name}"),
            Self::Persona(id) => write!(f, "persona:{id}"),
        }
    }
}

impl From<BudgetScope> for String {
    fn from(scope: BudgetScope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for BudgetScope {
    type Error = BadScope;

    fn try_from(text: String) -> Result<Self, BadScope> {
        text.parse()
    }
}

impl FromStr for BudgetScope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let bad = || BadScope(text.chars().take(80).collect());
        match text.split_once(':') {
            None if text == "company" => Ok(Self::Company),
            Some(("user", name)) => Ok(Self::User(name.to_owned())),
            Some(("key", name)) => Ok(Self::Key(name.to_owned())),
            Some(("persona", id)) => Ok(Self::Persona(id.parse().map_err(|_| bad())?)),
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests;
