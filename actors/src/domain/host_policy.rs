//! What may be done on a host, whoever does it: the operator's word, on top of what each persona may. Pure.

use serde::{Deserialize, Serialize};

/// The policy of one host. Without one, personas' own rules decide alone and outreach is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPolicy {
    /// The host alone, in lower case, without sub-domains and port.
    pub host: String,
    /// Rises with every change.
    pub version: i64,
    #[serde(flatten)]
    pub terms: HostTerms,
}

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostTerms {
    /// The only tools that may be used there; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<String>>,
    /// How often each persona may act there, in acts per thousand seconds; none: as configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acts_per_1000_s: Option<u32>,
    /// Put into what outreach sends, and shown to whoever approves an effect there.
    pub disclosure: String,
    /// None: nobody may be written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outreach: Option<Outreach>,
}

/// Who may be written to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outreach {
    /// They said that they want to be written to.
    pub recipients: Vec<String>,
    /// They said that they do not, whatever stands above.
    pub opted_out: Vec<String>,
}

const MOST_NAMES: usize = 1_000;
const LONGEST_NAME: usize = 253;
const LONGEST_DISCLOSURE: usize = 2_000;
/// A thousand acts a second.
const FASTEST: u32 = 1_000_000;

impl HostTerms {
    /// Which field is wrong, and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let lists = |names: &[String]| {
            names.len() <= MOST_NAMES && names.iter().all(|name| !name.trim().is_empty() && name.len() <= LONGEST_NAME)
        };
        let outreach = |list: fn(&Outreach) -> &[String]| self.outreach.as_ref().is_none_or(|all| lists(list(all)));
        match self {
            _ if !self.actions.as_deref().is_none_or(lists) => Some(("actions", "must be names of tools")),
            _ if self.acts_per_1000_s.is_some_and(|pace| !(1..=FASTEST).contains(&pace)) => {
                Some(("acts_per_second", "must be between 0.001 and 1000"))
            }
            _ if self.disclosure.chars().count() > LONGEST_DISCLOSURE => {
                Some(("disclosure", "must be at most 2000 characters"))
            }
            _ if !outreach(|all| &all.recipients) => Some(("outreach.recipients", "must be at most 1000 names")),
            _ if !outreach(|all| &all.opted_out) => Some(("outreach.opted_out", "must be at most 1000 names")),
            _ => None,
        }
    }

    /// Whether there is somebody who may be written to.
    pub fn allows_outreach(&self) -> bool {
        let wants = |all: &Outreach| all.recipients.iter().any(|one| !all.opted_out.contains(one));
        self.outreach.as_ref().is_some_and(wants)
    }

    /// Whether a tool may not be used there.
    pub fn forbids(&self, tool: &str) -> bool {
        self.actions.as_ref().is_some_and(|allowed| !allowed.iter().any(|name| name == tool))
    }
}

/// Whether a call is outreach: it writes to strangers.
pub fn is_outreach(tool: &str) -> bool {
    tool.starts_with("outreach.") || tool.starts_with("outreach_")
}
