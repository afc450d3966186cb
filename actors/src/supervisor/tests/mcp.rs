//! A server that says something else of a confirmed tool: an alert, until somebody decides or it says the old again.

use std::collections::BTreeSet;

use super::harness::{House, Play};
use crate::{
    domain::{AlertKind, ChainId, Hash, McpPin, McpSighting, PersonaId},
    testing,
};

fn sighting(server: &str, tool: &str, seen: Option<u8>) -> McpSighting {
    let seen = seen.map(|byte| Hash([byte; 32]));
    McpSighting { server: server.to_owned(), tool: tool.to_owned(), pinned: Hash([1; 32]), seen }
}

fn pin(tool: &str) -> McpPin {
    let (server, definition) = ("desk".to_owned(), format!("{{\"name\":\"{tool}\"}}"));
    let (confirmed_by, confirmed_ms) = (String::new(), 0);
    McpPin { server, tool: tool.to_owned(), definition, hash: Hash([2; 32]), confirmed_by, confirmed_ms }
}

/// Of the alerts about tools: the text's beginning, whom it is about, and whether it is open.
fn alerts(house: &House) -> Vec<(String, Option<PersonaId>, bool)> {
    let all = house.test.store.alerts().into_iter().filter(|alert| alert.kind == AlertKind::McpChanged);
    let said = |text: &str| text.split(". ").next().unwrap_or_default().to_owned();
    all.map(|alert| (said(&alert.text), alert.persona, alert.resolved_ms.is_none())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_changed_tool_raises_one_alert_that_ends_when_it_is_as_it_was() {
    let house = House::open(1, |_| Play::Finish).await;
    let changed = || vec![sighting("desk", "look", Some(9)), sighting("desk", "sum", Some(1))];
    let (first, second) = tokio::join!(house.company.saw_mcp(changed()), house.company.saw_mcp(changed()));
    first.unwrap();
    second.unwrap();
    let said = "The MCP server desk describes look otherwise than was confirmed".to_owned();
    assert_eq!(alerts(&house), [(said.clone(), None, true)], "once, and none about what stands");
    house.company.saw_mcp(vec![sighting("desk", "look", Some(1))]).await.unwrap();
    assert_eq!(alerts(&house), [(said.clone(), None, false)]);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    house.company.saw_mcp(changed()).await.unwrap();
    assert_eq!(alerts(&house), [(said.clone(), None, false), (said, None, true)], "another change, another alert");
    let chain = house.test.store.chain(&ChainId::System(testing::node()));
    let said: Vec<_> = chain.into_iter().filter_map(|receipt| Some(receipt.body?.summary)).collect();
    let again = "the MCP server desk describes look again as it was confirmed";
    assert_eq!(said.iter().filter(|said| said.starts_with("an alert: ")).count(), 2, "{said:?}");
    assert!(said.iter().any(|said| said == again), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn confirming_or_withdrawing_a_tool_ends_its_alert_and_no_other() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let own = format!("{ada}/desk");
    let gone = [sighting("desk", "look", None), sighting("desk", "sum", Some(9)), sighting(&own, "look", Some(9))];
    house.company.saw_mcp(gone.to_vec()).await.unwrap();
    let open = || {
        let open = alerts(&house).into_iter().filter(|alert| alert.2);
        open.map(|alert| (alert.0, alert.1)).collect::<BTreeSet<_>>()
    };
    let own = ("The MCP server desk describes look otherwise than was confirmed".to_owned(), Some(ada));
    let sum = ("The MCP server desk describes sum otherwise than was confirmed".to_owned(), None);
    let look = ("The MCP server desk has no tool look any more, which was confirmed".to_owned(), None);
    assert_eq!(open(), BTreeSet::from([look, sum.clone(), own.clone()]));
    house.company.withdraw_mcp("desk".to_owned(), "look".to_owned(), &house.by()).await.unwrap();
    assert_eq!(open(), BTreeSet::from([sum, own.clone()]));
    house.company.confirm_mcp(vec![pin("sum")], &house.by()).await.unwrap();
    assert_eq!(open(), BTreeSet::from([own]));
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_cannot_be_read_is_not_confirmed() {
    let house = House::open(1, |_| Play::Finish).await;
    let cut = McpPin { definition: "{\"name\":".to_owned(), ..pin("sum") };
    let said = house.company.confirm_mcp(vec![pin("look"), cut], &house.by()).await.unwrap_err().to_string();
    assert!(said.contains("sum is no JSON"), "{said}");
    let chain = house.test.store.chain(&ChainId::System(testing::node()));
    assert!(chain.iter().all(|receipt| !receipt.body.as_ref().unwrap().summary.starts_with("confirmed")), "neither");
}
