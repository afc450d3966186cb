//! `/api/tools`: every tool with its schema, its effect and where it is from.

use std::fs;

use super::harness::TestServer;

#[tokio::test]
async fn the_list_names_built_in_and_own_tools_and_what_is_wrong() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let root = &server.config.data_root;
    for (place, name, effect) in
        [("tools", "count", "pure"), ("personas/ada/tools", "note", "idempotent"), ("tools", "odd", "harmless")]
    {
        let folder = root.join(place).join(name);
        fs::create_dir_all(&folder).unwrap();
        let manifest = format!(
            "name = \"{name}\"\ndescription = \"For a test.\"\ncommand = [\"true\"]\neffect = \"{effect}\"\n\
             parameters = {{ type = \"object\" }}\n"
        );
        fs::write(folder.join("tool.toml"), manifest).unwrap();
    }
    let listed = server.get("/api/tools?persona=ada").await.json;
    let of = |name: &str| listed["items"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap().clone();
    assert_eq!((&of("count")["from"], &of("count")["effect"]), (&"shared".into(), &"pure".into()));
    assert_eq!((&of("note")["from"], &of("note")["effect"]), (&"persona".into(), &"idempotent".into()));
    assert_eq!(of("browser_click")["from"], "built_in");
    assert_eq!(of("csv_append")["parameters"]["type"], "object");
    let error = of("odd")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("tools/odd/tool.toml: `effect`") && of("odd")["effect"].is_null(), "{error}");

    let everyones = server.get("/api/tools").await.json.to_string();
    assert!(everyones.contains("\"count\"") && !everyones.contains("\"note\""), "a persona's own are asked for");
    assert_eq!(server.get("/api/tools?persona=nobody").await.status, 404);
}
