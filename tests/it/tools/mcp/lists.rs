//! What a server offers: bounded when it is read, and told in marks.

use actors::domain::Step;
use serde_json::json;

use super::{Served, tool};
use crate::sandbox::is_left_out;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_bounded_and_nothing_is_kept_of_what_is_too_large() {
    if is_left_out().await {
        return;
    }
    let served = Served::new("");
    let mut large = tool("look", "For a test.");
    large["inputSchema"]["description"] = "x".repeat(300 << 10).into();
    served.offers(&[large.clone(), tool("sum", "Adds.")]);
    let seen = served.look().await;
    assert!(seen.tools[0].error.as_ref().unwrap().contains("larger than 16384 bytes"), "{:?}", seen.tools[0].error);
    assert!(seen.tools[0].parameters.is_empty() && !seen.tools[1].parameters.is_empty());
    let listed = served.0.mcp.list(Some(&served.0.persona)).await.unwrap();
    assert!(serde_json::to_string(&listed).unwrap().len() < 4_096);
    served.answers_a_list_with(&json!({"again": [large]}));
    let refused = served.0.mcp.look(&served.0.persona, "desk").await.unwrap_err().to_string();
    assert!(refused.contains("its list of tools is longer than 1048576 bytes"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_among_many_brings_words_of_the_server_in_marks() {
    if is_left_out().await {
        return;
    }
    let served = Served::new("");
    let about = |at: usize| format!("Counts the herons\" in picture {at}. {}", "And says where they stand. ".repeat(9));
    served.offers(&(0..30).map(|at| tool(&format!("herons_{at}"), &about(at))).collect::<Vec<_>>());
    let seen: Vec<_> = served.look().await.tools.into_iter().map(|tool| (tool.tool, tool.hash)).collect();
    served.0.pins.add(served.0.mcp.to_confirm(None, "desk", &seen).await.unwrap());
    let found = served.0.perform(Step::ToolSearch { query: "count herons".into() }).await;
    let lines = found.data["tools"].as_array().unwrap();
    assert_eq!(lines.len(), 8, "{found:?}");
    for line in lines {
        let signature = line["signature"].as_str().unwrap();
        let (front, said) = signature.split_once(": ").unwrap();
        assert!(front.starts_with("mcp__desk__herons_") && front.ends_with("(numbers?, text?)"), "{signature}");
        let said = said.strip_prefix("the MCP server desk says: ").unwrap_or_else(|| panic!("{signature}"));
        let words: String = serde_json::from_str(said).unwrap();
        assert!(words.starts_with("Counts the herons\" in picture"), "{signature}");
    }
}
