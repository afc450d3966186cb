//! The OpenAPI document: complete, and true to itself.

use greenroom::web;
use serde_json::Value;

use super::harness::TestServer;

fn references(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("$ref", Value::String(to)) => out.push(to.clone()),
                    _ => references(value, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, out)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_api_is_described() {
    let server = TestServer::start().await;
    let document = server.get("/api/openapi.json").await.json;
    assert_eq!(document["info"]["title"], "Greenroom");
    let mut ids = Vec::new();
    for route in web::tables().iter().filter(|route| route.path.starts_with("/api")) {
        let operation = &document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["summary"], route.about, "{} {}", route.method, route.path);
        ids.push(operation["operationId"].as_str().unwrap().to_owned());
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
    server.stop().await;
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = serde_json::to_value(web::openapi::document(&web::tables())).unwrap();
    let mut to = Vec::new();
    references(&document, &mut to);
    assert!(to.len() > 50);
    for to in to {
        let pointer = to.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{to}");
    }
}
