//! Agents: named variants of a persona, which a goal in words may name. Pure.

use serde::{Deserialize, Serialize};

use super::Slug;

const MOST: usize = 32;
const MOST_TOOLS: usize = 100;
const LONGEST_INSTRUCTIONS: usize = 8_000;
const LONGEST_MODEL: usize = 120;

/// A persona as it works at goals that name this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    pub name: Slug,
    /// What it is told besides who it is.
    pub instructions: String,
    /// A configured model's or route's name; none: the persona's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The only tools it may call; none: all that its persona may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

impl Agent {
    /// The field that cannot be right, and why.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let fits = |text: &str, most: usize| !text.trim().is_empty() && text.chars().count() <= most;
        match self {
            _ if !fits(&self.instructions, LONGEST_INSTRUCTIONS) => {
                Some(("instructions", format!("must be 1 to {LONGEST_INSTRUCTIONS} characters")))
            }
            _ if self.model.as_ref().is_some_and(|model| !fits(model, LONGEST_MODEL)) => {
                Some(("model", format!("must be 1 to {LONGEST_MODEL} characters, or left out")))
            }
            _ if self.tools.len() > MOST_TOOLS || self.tools.iter().any(|name| !fits(name, 80)) => {
                Some(("tools", format!("must be at most {MOST_TOOLS} names of tools")))
            }
            _ => None,
        }
    }

    /// The only tools of this agent at a goal that names its own: none: all that its persona may. An error when the two
    /// lists have nothing in common.
    pub fn tools_for(&self, named: &[String]) -> Result<Vec<String>, String> {
        if named.is_empty() || self.tools.is_empty() {
            return Ok(if named.is_empty() { self.tools.clone() } else { named.to_vec() });
        }
        let both: Vec<String> = named.iter().filter(|name| self.tools.contains(name)).cloned().collect();
        if both.is_empty() {
            return Err(format!(
                "the agent `{}` has none of the goal's tools: it has {}",
                self.name,
                self.tools.join(", ")
            ));
        }
        Ok(both)
    }
}

/// Why a persona cannot have these agents; none: it can.
pub fn agents_fault(agents: &[Agent]) -> Option<(String, String)> {
    if agents.len() > MOST {
        return Some(("agents".to_owned(), format!("must be at most {MOST}")));
    }
    let twice = |at: usize| agents[..at].iter().any(|other| other.name == agents[at].name);
    agents.iter().enumerate().find_map(|(at, agent)| {
        let (field, reason) = match agent.fault() {
            Some(fault) => fault,
            None if twice(at) => ("name", "is there already".to_owned()),
            None => return None,
        };
        Some((format!("agents[{at}].{field}"), reason))
    })
}

/// The agent of this name; else why there is none, with the nearest names.
pub fn agent_named<'a>(agents: &'a [Agent], name: &str) -> Result<&'a Agent, String> {
    agents.iter().find(|agent| agent.name.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
        match nearest(name, &known).as_slice() {
            [] => format!("this persona has no agent `{name}`, nor any other"),
            near => format!("this persona has no agent `{name}`; nearest: {}", near.join(", ")),
        }
    })
}

/// The names most like another one, nearest first; at most three.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> =
        known.iter().map(|known| (strsim::damerau_levenshtein(name, known), *known)).collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str, tools: &[&str]) -> Agent {
        let tools = tools.iter().map(|tool| (*tool).to_owned()).collect();
        Agent { name: name.parse().unwrap(), instructions: "Look twice.".into(), model: None, tools }
    }

    #[test]
    fn an_unknown_agent_is_answered_with_the_nearest() {
        let agents = [agent("researcher", &[]), agent("writer", &[]), agent("reader", &[])];
        assert_eq!(agent_named(&agents, "writer").unwrap().name.as_str(), "writer");
        let why = agent_named(&agents, "resercher").unwrap_err();
        assert!(why.contains("nearest: researcher"), "{why}");
        assert!(agent_named(&[], "x").unwrap_err().contains("nor any other"));
    }

    #[test]
    fn a_goal_can_only_narrow_what_an_agent_has() {
        let all = vec!["file_write".to_owned(), "browser_click".to_owned()];
        assert_eq!(agent("a", &[]).tools_for(&all).unwrap(), all);
        assert_eq!(agent("a", &["file_write"]).tools_for(&[]).unwrap(), ["file_write"]);
        assert_eq!(agent("a", &["file_write"]).tools_for(&all).unwrap(), ["file_write"]);
        assert!(agent("a", &["csv_append"]).tools_for(&all).is_err(), "nothing in common is not everything");
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        assert_eq!(agents_fault(&[agent("a", &[]), agent("a", &[])]).unwrap().0, "agents[1].name");
        let empty = Agent { instructions: " ".into(), ..agent("a", &[]) };
        assert_eq!(agents_fault(&[empty]).unwrap().0, "agents[0].instructions");
    }
}
