//! The rehearsal site as a browser meets it: over HTTP, with a cookie, and again after a crash.

#![cfg(test)]

use std::{fs, path::Path};

use greenroom::rehearsal::{PASSWORD, Rehearsal, Running, Store, StoreError};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};

/// A visitor with one cookie, who follows no redirect unasked.
struct Visitor {
    client: Client,
    base: String,
    cookie: Option<String>,
}

impl Visitor {
    fn of(site: &Running) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, base: format!("http://{}", site.addr), cookie: None }
    }

    async fn send(&self, request: RequestBuilder) -> Response {
        let cookie = self.cookie.clone().unwrap_or_default();
        request.header(header::COOKIE, cookie).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(self.client.get(format!("{}{path}", self.base))).await
    }

    async fn read(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{path}", self.base)).body(body);
        self.send(request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")).await
    }

    async fn sign_in(&mut self) -> Response {
        let answer = self.post("/login", &[("email", "Jason@greenroom.example"), ("password", PASSWORD)]).await;
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        self.cookie = cookie.split(';').next().map(str::to_owned);
        answer
    }
}

async fn site(dir: &Path) -> Running {
    Rehearsal::start(dir.to_path_buf(), 0).await.unwrap()
}

fn leads_to(answer: &Response) -> &str {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    answer.headers()[header::LOCATION].to_str().unwrap()
}

const FORM: &[(&str, &str)] = &[("reference", "ref-17"), ("cover", "I find lost <rows>."), ("rate", "$2,400")];

#[tokio::test]
async fn a_proposal_is_confirmed_listed_and_still_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let running = site(dir.path()).await;
    let mut jason = Visitor::of(&running);

    let asked = jason.get("/jobs/data-pipeline-audit/propose").await;
    assert_eq!(leads_to(&asked), "/login?next=%2Fjobs%2Fdata-pipeline-audit%2Fpropose");
    let signed_in = jason.sign_in().await;
    let cookie = signed_in.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("Max-Age=") && cookie.contains("HttpOnly"), "{cookie}");
    assert_eq!(leads_to(&signed_in), "/jobs");

    let submitted = jason.post("/jobs/data-pipeline-audit/propose", FORM).await;
    assert_eq!(leads_to(&submitted), "/proposals/1");
    assert!(jason.read("/proposals/1").await.contains("<title>Proposal submitted"));
    running.stop().await;

    let running = site(dir.path()).await;
    let again = Visitor { cookie: jason.cookie, ..Visitor::of(&running) };
    let mine = again.read("/proposals").await;
    assert!(mine.contains("ref-17") && mine.contains("I find lost &#60;rows&#62;."), "{mine}");
    let kept = running.store().proposals();
    assert_eq!((kept.len(), kept[0].email.as_str()), (1, "jason@greenroom.example"));
    running.stop().await;
}

#[tokio::test]
async fn a_site_that_has_stopped_has_given_its_store_back() {
    let dir = tempfile::tempdir().unwrap();
    let running = site(dir.path()).await;
    let held = running.store();
    running.stop().await;
    Store::open(dir.path()).unwrap();
    assert_eq!(held.posts(), [], "what was recorded can still be read");
}

#[tokio::test]
async fn only_the_form_with_a_key_forgives_a_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let running = site(dir.path()).await;
    let mut jason = Visitor::of(&running);
    jason.sign_in().await;

    let keyed: Vec<_> = FORM.iter().copied().chain([("idempotency_key", "goal-1:4")]).collect();
    for _ in 0..2 {
        let answer = jason.post("/jobs/data-pipeline-audit/propose-once", &keyed).await;
        assert_eq!(leads_to(&answer), "/proposals/1", "the first submission, twice");
    }
    jason.post("/jobs/data-pipeline-audit/propose", FORM).await;
    let second = jason.post("/jobs/data-pipeline-audit/propose", FORM).await;
    assert_eq!(leads_to(&second), "/proposals/3");
    assert_eq!(running.store().proposals().len(), 3);

    let unkeyed = jason.post("/jobs/data-pipeline-audit/propose-once", FORM).await;
    assert_eq!(unkeyed.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unkeyed.text().await.unwrap().contains("Idempotency key must not be empty"));
    running.stop().await;
}

#[tokio::test]
async fn the_inbox_and_the_feed_work() {
    let dir = tempfile::tempdir().unwrap();
    let running = site(dir.path()).await;
    let mut livia = Visitor::of(&running);

    let inbox = livia.read("/inbox").await;
    assert!(inbox.contains("<title>Inbox") && inbox.contains("<ul id=\"mails\""));
    assert!(livia.read("/inbox/rehearsal-tonight").await.contains("Places at seven"));
    assert_eq!(leads_to(&livia.post("/feed", &[("text", "Report is up.")]).await), "/login?next=%2Ffeed");
    livia.sign_in().await;
    assert_eq!(leads_to(&livia.post("/feed", &[("text", "Report is up.")]).await), "/feed/1");
    assert!(livia.read("/feed/1").await.contains("<title>Post published"));
    assert!(livia.read("/feed").await.contains("Report is up."));
    running.stop().await;
}

#[tokio::test]
async fn letters_are_sent_by_who_is_signed_in_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let running = site(dir.path()).await;
    let mut livia = Visitor::of(&running);
    let letter = [("to", "bo@a.test"), ("text", "Hello.")];
    assert_eq!(leads_to(&livia.post("/outbox", &letter).await), "/login?next=%2Foutbox");
    livia.sign_in().await;
    assert_eq!(leads_to(&livia.post("/outbox", &letter).await), "/outbox/1");
    let two = livia.post("/outbox", &[("to", "bo@a.test, cy@a.test"), ("text", "Hello.")]).await;
    assert_eq!(two.status(), StatusCode::UNPROCESSABLE_ENTITY);
    running.stop().await;

    let running = site(dir.path()).await;
    assert_eq!(running.store().letters()[0].to, "bo@a.test", "also after the site was ended");
    let mut livia = Visitor::of(&running);
    livia.sign_in().await;
    assert!(livia.read("/outbox?q=Hello").await.contains("bo@a.test"));
    assert!(!livia.read("/outbox?q=other").await.contains("bo@a.test"));
    running.stop().await;
}

#[tokio::test]
async fn a_search_finds_a_post_however_many_came_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let line = |number: u32, text: &str| {
        format!("{{\"record\":\"post\",\"number\":{number},\"email\":\"a@b.example\",\"text\":\"{text}\"}}\n")
    };
    let later = (2..=101).map(|number| line(number, "One more."));
    fs::write(dir.path().join("callboard.jsonl"), line(1, "The first one.") + &later.collect::<String>()).unwrap();
    let running = site(dir.path()).await;
    let visitor = Visitor::of(&running);
    assert!(visitor.read("/feed?q=first").await.contains("The first one."));
    assert!(!visitor.read("/feed").await.contains("The first one."), "the whole feed ends before it");
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_and_not_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let running = site(dir.path()).await;
    let mut jason = Visitor::of(&running);

    let wrong = jason.post("/login", &[("email", "a@b.example"), ("password", "no")]).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    jason.sign_in().await;
    let huge = "x".repeat(100_000);
    let refused = jason.post("/jobs/data-pipeline-audit/propose", &[("cover", &huge)]).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let long = "x".repeat(10_001);
    let fields = [("reference", "r"), ("rate", "1"), ("cover", long.as_str())];
    let refused = jason.post("/jobs/data-pipeline-audit/propose", &fields).await;
    assert!(refused.text().await.unwrap().contains("Proposal has 10001 characters; at most 10000 are taken"));
    assert_eq!(jason.get("/jobs/none").await.status(), StatusCode::NOT_FOUND);

    let foreign = jason.client.get(&jason.base).header(header::HOST, "evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::MISDIRECTED_REQUEST);
    let named = jason.client.get(&jason.base).header(header::HOST, "rehearsal.localhost").send().await.unwrap();
    assert_eq!(named.status(), StatusCode::OK);
    assert_eq!(running.store().proposals(), []);
    running.stop().await;
}

#[tokio::test]
async fn the_pages_for_practice_misbehave_as_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let running = site(dir.path()).await;
    let visitor = Visitor::of(&running);

    assert!(visitor.read("/practice/slow?ms=1").await.contains("took 1 ms"));
    let file = visitor.get("/practice/download").await;
    assert!(file.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
    assert!(visitor.read("/practice/alert?now=true").await.contains("data-alert-now"));
    assert_eq!(leads_to(&visitor.get("/practice/elsewhere").await), "http://example.com/");
    for file in ["site.css", "practice.js"] {
        assert_eq!(visitor.get(&format!("/static/{file}")).await.status(), StatusCode::OK, "{file}");
    }
    assert_eq!(visitor.get("/practice/obstacles").await.status(), StatusCode::OK);
    running.stop().await;
}

#[test]
fn a_torn_last_line_is_cut_off_and_damage_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("callboard.jsonl");
    let whole = r#"{"record":"post","number":1,"email":"a@b.example","text":"kept"}"#;
    fs::write(&file, format!("{whole}\n{{\"record\":\"post\",\"num")).unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.posts().len(), 1);
    assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse { .. })), "one process at a time");
    drop(store);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{whole}\n"));

    fs::write(&file, format!("{whole}\nnonsense\n{whole}\n")).unwrap();
    let Err(damaged) = Store::open(dir.path()) else { panic!("damage in the middle must be refused") };
    assert!(damaged.to_string().contains("line 2"), "{damaged}");
}
