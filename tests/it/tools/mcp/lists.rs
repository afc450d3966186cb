//! What a server offers: bounded when it is read, and told in marks.

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
