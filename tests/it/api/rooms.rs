//! Rooms over HTTP: opened, talked in, read by pages, and what is refused with which field.

use greenroom::storage::UserRole;
use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Answer, TestServer, answer};

async fn studio(server: &TestServer) -> Value {
    for name in ["Ada", "Bo"] {
        server.persona(name).await;
    }
    let made =
        server.post("/api/rooms", &json!({"name": "Studio", "topic": "This week", "personas": ["ada", "bo"]})).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(made.headers["location"], format!("/api/rooms/{}", made.json["id"].as_str().unwrap()));
    made.json
}

fn field(refused: &Answer) -> &str {
    assert_eq!(refused.status, 422, "{}", refused.json);
    refused.json["errors"][0]["field"].as_str().unwrap()
}

/// The room's talk, the newest first, once it answers `many` things and nothing is open.
async fn settled(server: &TestServer, many: usize) -> Vec<Value> {
    let mut live = server.company.receipts();
    loop {
        let said = server.get("/api/rooms/Studio/messages").await.json["items"].as_array().unwrap().clone();
        let turns = said.iter().flat_map(|one| one["turns"].as_array().unwrap());
        let open = turns.filter(|turn| ["asked", "meant", "granted"].contains(&turn["state"].as_str().unwrap()));
        if said.len() >= many && open.count() == 0 {
            return said;
        }
        live.recv().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_opened_changed_talked_in_and_archived() {
    let server = TestServer::start().await;
    let room = studio(&server).await;
    assert_eq!((&room["status"], &room["version"], &room["topic"]), (&json!("active"), &json!(1), &json!("This week")));
    let slugs: Vec<_> = room["members"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["ada", "bo"]);
    let shown = server.get("/api/rooms/%20studio").await;
    assert_eq!(
        (shown.status.as_u16(), &shown.json["id"], &shown.headers["etag"]),
        (200, &room["id"], &"\"1\"".parse().unwrap())
    );

    let said = server.post("/api/rooms/Studio/messages", &json!({"text": "@Ada, hello?", "correlation": "one"})).await;
    assert_eq!((said.status.as_u16(), &said.json["heard_by"]), (201, &json!(2)), "{}", said.json);
    let again = server.post("/api/rooms/Studio/messages", &json!({"text": "@Ada, hello?", "correlation": "one"})).await;
    assert_eq!((again.status.as_u16(), &again.json["message"]["id"]), (200, &said.json["message"]["id"]));
    // The scripted world writes no text, so nothing is proven and nobody answers: everybody had the floor and lost it.
    let talk = settled(&server, 1).await;
    assert_eq!((talk.len(), &talk[0]["author"]["name"]), (1, &json!("cli")));
    let turns = talk[0]["turns"].as_array().unwrap();
    let ada = turns.iter().find(|turn| turn["persona"]["slug"] == "ada").unwrap();
    assert_eq!(
        (&ada["named"], &ada["relevance"], &ada["thought"]),
        (&json!(true), &json!(1000), &json!("cli names me."))
    );
    assert!(
        turns.iter().all(|turn| turn["state"] == "lost" && !turn["why"].as_str().unwrap().is_empty()),
        "{turns:#?}"
    );

    let id = room["id"].as_str().unwrap();
    let changed = server.patch(&format!("/api/rooms/{id}"), &json!({"version": 1, "name": "Workshop"})).await;
    assert_eq!((changed.status.as_u16(), &changed.json["version"]), (200, &json!(2)), "{}", changed.json);
    let late = server.patch(&format!("/api/rooms/{id}"), &json!({"version": 1, "name": "Late"})).await;
    assert_eq!((late.status.as_u16(), &late.json["currentVersion"]), (409, &json!(2)), "{}", late.json);
    assert_eq!(server.patch(&format!("/api/rooms/{id}"), &json!({"name": "Late"})).await.status, 428);
    assert_eq!(server.post(&format!("/api/rooms/{id}/archive"), &json!({})).await.json["status"], "archived");
    let closed = server.post(&format!("/api/rooms/{id}/messages"), &json!({"text": "Hello"})).await;
    assert_eq!(closed.status, 409, "{}", closed.json);
    assert_eq!(server.post(&format!("/api/rooms/{id}/reopen"), &json!({})).await.json["status"], "active");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_personas_come_and_go_and_speaking_is_coming_in() {
    let server = TestServer::start().await;
    let room = studio(&server).await;
    let token = server.token("mia", UserRole::Member).await;
    let mia = |method: Method, path: &str| server.ask(method, path).bearer_auth(&token);
    let names = |room: &Value| -> Vec<String> {
        room["members"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&room), ["Ada", "Bo"], "the command line is no user");
    let said = mia(Method::POST, "/api/rooms/studio/messages").json(&json!({"text": "Hello"})).send().await.unwrap();
    let said = answer(said).await;
    assert_eq!((said.status.as_u16(), &said.json["message"]["author"]["name"]), (201, &json!("mia")));
    let room = server.get("/api/rooms/studio").await.json;
    assert_eq!(names(&room), ["Ada", "Bo", "mia"]);
    let own = mia(Method::POST, "/api/rooms").json(&json!({"name": "Own", "personas": ["bo"]})).send().await.unwrap();
    assert_eq!(names(&answer(own).await.json), ["Bo", "mia"], "who opens it is in it");

    let out = async |member: &str| {
        answer(server.local(Method::DELETE, &format!("/api/rooms/studio/members/{member}")).send().await.unwrap()).await
    };
    assert_eq!(names(&out("mia").await.json), ["Ada", "Bo"]);
    assert_eq!(names(&out("bo").await.json), ["Ada"]);
    assert_eq!(out("bo").await.status, 404);
    let back = server.post("/api/rooms/studio/members", &json!({"personas": ["bo", "ada"], "people": ["mia"]})).await;
    assert_eq!(names(&back.json).len(), 3, "who is there stays: {}", back.json);
    let rooms = server.get("/api/rooms?limit=1").await.json;
    assert_eq!(rooms["items"][0]["name"], "Own");
    let rest = server.get(&format!("/api/rooms?limit=1&cursor={}", rooms["next"].as_str().unwrap())).await.json;
    assert_eq!((&rest["items"][0]["name"], &rest["next"]), (&json!("Studio"), &Value::Null));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_its_field() {
    let server = TestServer::start().await;
    studio(&server).await;
    server.persona("Gone").await;
    let gone = server.local(Method::DELETE, "/api/personas/gone").send().await.unwrap();
    assert_eq!(gone.status(), 204);
    // So many are not even looked up: nobody is said not to be there.
    let many = vec!["nobody"; 65];
    for (body, wanted) in [
        (json!({"name": "Empty"}), "personas"),
        (json!({"name": "Empty", "personas": []}), "personas"),
        (json!({"name": " ", "personas": ["ada"]}), "name"),
        (json!({"name": "studio", "personas": ["ada"]}), "name"),
        (json!({"name": "n".repeat(81), "personas": ["ada"]}), "name"),
        (json!({"name": "two\nlines", "personas": ["ada"]}), "name"),
        (json!({"name": "A", "topic": "t".repeat(501), "personas": ["ada"]}), "topic"),
        (json!({"name": "A", "personas": ["ada", "nobody"]}), "personas[1]"),
        (json!({"name": "A", "personas": ["gone"]}), "personas[0]"),
        (json!({"name": "A", "personas": ["ada", "ada"]}), "personas[1]"),
        (json!({"name": "A", "personas": ["ada"], "people": ["nobody"]}), "people[0]"),
        (json!({"name": "A", "personas": ["ada"], "members": []}), "members"),
        (json!({"name": "A", "personas": many}), "personas"),
        (json!({"name": "A", "personas": ["ada"], "people": many}), "people"),
    ] {
        let refused = server.post("/api/rooms", &body).await;
        assert_eq!(field(&refused), wanted, "{body}: {}", refused.json);
    }
    let say = "/api/rooms/studio/messages";
    for (body, wanted) in [
        (json!({"text": ""}), "text"),
        (json!({"text": " \n\t"}), "text"),
        (json!({"text": "x".repeat(4_001)}), "text"),
        (json!({"text": "a\0b"}), "text"),
        (json!({"text": "a", "correlation": "k".repeat(201)}), "correlation"),
        (json!({}), "text"),
    ] {
        assert_eq!(field(&server.post(say, &body).await), wanted, "{body}");
    }
    assert_eq!(server.post("/api/rooms/nowhere/messages", &json!({"text": "a"})).await.status, 404);
    let members = "/api/rooms/studio/members";
    assert_eq!(field(&server.post(members, &json!({})).await), "personas");
    assert_eq!(field(&server.post(members, &json!({"personas": many})).await), "personas");
    assert_eq!(field(&server.post(members, &json!({"people": many})).await), "people");
    for member in ["ada", "bo"] {
        let left = server.local(Method::DELETE, &format!("/api/rooms/studio/members/{member}")).send().await.unwrap();
        assert_eq!(left.status(), 200);
    }
    let refused = server.post(say, &json!({"text": "Is anybody there?"})).await;
    assert_eq!(field(&refused), "room", "{}", refused.json);
    assert_eq!(server.get(say).await.json["items"], json!([]), "and nothing was said");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_talk_comes_in_pages_and_the_live_stream_tells_of_it() {
    let server = TestServer::start().await;
    let room = studio(&server).await;
    let mut live = server.company.receipts();
    for number in 0..3 {
        let said = server.post("/api/rooms/studio/messages", &json!({"text": format!("Number {number}")})).await;
        assert_eq!(said.status, 201);
    }
    let first = loop {
        let receipt = live.recv().await.unwrap();
        let body = receipt.body.clone().unwrap();
        if body.summary.starts_with("would answer in “Studio”") {
            break body;
        }
    };
    assert_eq!(first.data["room"], room["id"]);
    assert!(first.data["by_rules"].as_str().unwrap().contains("no model"));
    let newest = server.get("/api/rooms/studio/messages?limit=2").await.json;
    let texts = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&newest), ["Number 2", "Number 1"]);
    let rest =
        server.get(&format!("/api/rooms/studio/messages?cursor={}", newest["next"].as_str().unwrap())).await.json;
    assert_eq!((texts(&rest), &rest["next"]), (vec!["Number 0".to_owned()], &Value::Null));
    let refused = server.get("/api/rooms/studio/messages?limit=0").await;
    assert_eq!(field(&refused), "limit");
    server.stop().await;
}
