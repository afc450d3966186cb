//! Where the numbers of a digest lead.

use serde_json::json;

use super::harness::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_a_digest_leads_to_its_place_in_the_log() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    for _ in 0..120 {
        let sent = server.post("/api/personas/ada/messages", &json!({"text": "hello"})).await;
        assert_eq!(sent.status, 201, "{}", sent.json);
    }
    let cookie = server.login().await;
    let open = |path: String| server.ask(reqwest::Method::GET, &path).header("Cookie", &cookie).send();
    let led = open("/personas/ada/receipts/2".to_owned()).await.unwrap();
    assert_eq!(led.status(), 303);
    let address = led.headers()["location"].to_str().unwrap().to_owned();
    let (page, anchor) = address.split_once('#').unwrap();
    let html = open(page.to_owned()).await.unwrap().text().await.unwrap();
    assert!(html.contains(&format!("id=\"{anchor}\"")), "{address}");
    for nowhere in ["/personas/ada/receipts/999999", "/personas/ada/receipts/x", "/personas/bo/receipts/1"] {
        assert_eq!(open(nowhere.to_owned()).await.unwrap().status(), 404, "{nowhere}");
    }
    server.stop().await;
}
