//! Identities. All are UUIDs made by whoever has the clock, so that they sort by time.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes as the database keeps them.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl From<[u8; 16]> for $name {
            fn from(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

id!(/** A persona; also the name of its chain. */ PersonaId);
id!(/** A message in an inbox. */ MessageId);
id!(/** A goal. */ GoalId);
id!(/** One attempt at a goal. */ RunId);
id!(/** Something a person should see. */ AlertId);
id!(/** A person's yes or no to one exact call. */ ApprovalId);
id!(/** A room. */ RoomId);
id!(/** What was said in a room. */ RoomMessageId);
id!(/** A person: a user, as rooms know one. */ PersonId);
id!(/** A line of a persona's calendar. */ ScheduleId);
id!(/** What a persona wants to be told about another one. */ StandingWaitId);
id!(/** What a call reserved, until it is settled and after. */ EntryId);
id!(/** A try of a tool by hand. */ TryId);
id!(/** What belongs together over personas and systems: one request and all that follows from it. */ TraceId);

/// The name of a node, in headers and in the name of its system chain. Lower-case letters, digits and `-`, at most 32.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct NodeName(Arc<str>);

/// A node's name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node name `{0}` must be 1 to 32 lower-case letters, digits or `-`")]
pub struct BadNodeName(String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = BadNodeName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=32).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(BadNodeName(text.to_owned()))
        }
    }
}

impl TryFrom<String> for NodeName {
    type Error = BadNodeName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whose receipts: one chain per persona, one per node for operators' acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChainId {
    Persona(PersonaId),
    System(NodeName),
}

/// Bytes or text that name no chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no chain: expected a persona's UUID or `system:<node>`")]
pub struct BadChain(String);

const SYSTEM: &str = "system:";

impl ChainId {
    /// What the database keeps: the UUID's 16 bytes, or the text `system:<node>`.
    /// The two cannot be confused: the seventh byte of a version 7 UUID is never `:`.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Persona(id) => id.as_bytes().to_vec(),
            Self::System(node) => format!("{SYSTEM}{node}").into_bytes(),
        }
    }

    /// The inverse of [`ChainId::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadChain> {
        let bad = || BadChain(hex::encode(bytes));
        if bytes.starts_with(SYSTEM.as_bytes()) {
            return std::str::from_utf8(bytes).map_err(|_| bad())?.parse();
        }
        let id: [u8; 16] = bytes.try_into().map_err(|_| bad())?;
        Ok(Self::Persona(id.into()))
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persona(id) => id.fmt(f),
            Self::System(node) => write!(f, "{SYSTEM}{node}"),
        }
    }
}

impl FromStr for ChainId {
    type Err = BadChain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadChain(text.to_owned());
        match text.strip_prefix(SYSTEM) {
            Some(node) => node.parse().map(Self::System).map_err(|_| bad()),
            None => text.parse().map(Self::Persona).map_err(|_| bad()),
        }
    }
}

impl Serialize for ChainId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A SHA-256: of a header, of an artifact.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first receipt of a chain links to.
    pub const ZERO: Self = Self([0; 32]);

    /// The first four characters and the last two, for people.
    pub fn short(&self) -> String {
        let text = self.to_string();
        format!("{}…{}", &text[..4], &text[62..])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        // 64 hex digits always fit and are ASCII.
        let _ = hex::encode_to_slice(self.0, &mut text);
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256: expected 64 hexadecimal digits")]
pub struct BadHash(String);

impl FromStr for Hash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadHash(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_the_same_after_bytes_and_after_text() {
        let persona = ChainId::Persona(PersonaId(Uuid::from_u128(7)));
        let system = ChainId::System("nine-long".parse().unwrap());
        assert_eq!(system.to_bytes().len(), 16, "as long as a UUID on purpose");
        for chain in [persona, system] {
            assert_eq!(ChainId::from_bytes(&chain.to_bytes()).unwrap(), chain);
            assert_eq!(chain.to_string().parse::<ChainId>().unwrap(), chain);
        }
    }
}
