//! A browser killed in the middle of a click that cannot be taken back: the site has it, or it never left; nobody knows.

use std::net::SocketAddr;

use greenroom::tools::templates;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    chromium,
    death::nothing_done_is_done_again,
    left_behind::accounts_for,
    place::Database::Sqlite,
    server::{PATIENCE, Server},
    stage::{Stage, give},
    subject::Subject,
};

/// What becomes of the submission on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Submission {
    /// The site takes it; the answer never comes.
    Arrives,
    /// It never arrives.
    IsLost,
}

/// Stands between browser and site; says when the submission is on its way, and keeps what comes after.
struct Line {
    addr: SocketAddr,
    submitted: mpsc::UnboundedReceiver<()>,
    _task: AbortOnDropHandle<()>,
}

impl Line {
    async fn to(site: SocketAddr, submission: Submission) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (tell, submitted) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                let tell = tell.clone();
                // Either side may leave at any time.
                tokio::spawn(async move { _ = carry(browser, site, submission, &tell).await });
            }
        });
        Self { addr, submitted, _task: AbortOnDropHandle::new(task) }
    }
}

/// One connection; from the submission on nothing comes back.
async fn carry(
    mut browser: TcpStream,
    site: SocketAddr,
    submission: Submission,
    tell: &mpsc::UnboundedSender<()>,
) -> std::io::Result<()> {
    let mut site = TcpStream::connect(site).await?;
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut submitted = false;
    loop {
        tokio::select! {
            read = browser.read(&mut up) => {
                let read = read?;
                submitted |= is_submission(&up[..read]);
                if submitted && submission == Submission::IsLost {
                    _ = tell.send(());
                    return std::future::pending().await;
                }
                site.write_all(&up[..read]).await?;
                if read == 0 { return Ok(()) }
            }
            read = site.read(&mut down) => {
                let read = read?;
                if submitted {
                    // It is recorded before it is answered.
                    _ = tell.send(());
                    return std::future::pending().await;
                }
                browser.write_all(&down[..read]).await?;
                if read == 0 { return Ok(()) }
            }
        }
    }
}

fn is_submission(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.starts_with("POST ") && line.contains("/propose")
}

/// The goal at rest, after its browser was killed while the click was under way.
async fn killed_mid_click(stage: &Stage, server: &Server, line: &mut Line) -> serde_json::Value {
    let goals = give(&server.caller(), &Subject::browser().goals).await.unwrap();
    tokio::time::timeout(PATIENCE, line.submitted.recv()).await.unwrap().unwrap();
    let [browser] = chromium::browsers(&stage.browsers())[..] else { panic!("one browser is at work") };
    browser.kill();
    server.at_rest(goals[0]["id"].as_str().unwrap()).await
}

async fn happens(submission: Submission) {
    let stage = Stage::open(Sqlite).await;
    let mut line = Line::to(stage.site(), submission).await;
    let server = stage.begin_behind(line.addr).await;
    let goal = killed_mid_click(&stage, &server, &mut line).await;
    let id = goal["id"].as_str().unwrap();
    let (state, parked_on, submissions) = match submission {
        // The read-back finds it, but nobody saw the page behind it.
        Submission::Arrives => (json!("unconfirmed"), json!(null), 1),
        Submission::IsLost => (json!("parked"), json!("reconcile"), 0),
    };
    assert_eq!((&goal["state"], &goal["parked_on"]), (&state, &parked_on), "{goal:#}");
    assert_eq!((stage.submitted().len(), &goal["attempts"]), (submissions, &json!(1)));
    let receipts = server.receipts(id).await;
    let submit = Subject::browser().places().submit;
    assert_eq!(nothing_done_is_done_again(&receipts).get(&submit), Some(&1), "begun once");
    let unknown: Vec<_> = receipts.iter().filter(|receipt| receipt["phase"] == "unknown").collect();
    assert_eq!((unknown.len(), unknown[0]["step"].as_u64()), (1, u64::try_from(submit).ok()), "{unknown:#?}");
    let alerts = server.get("/api/alerts").await["items"].as_array().unwrap().len();
    assert_eq!(alerts, usize::from(submission == Submission::IsLost), "a person is asked when nobody can know");

    let mail = templates::open_rehearsal_mail();
    let body = json!({ "kind": "browser", "title": mail.title, "proof": mail.proof,
        "payload": { "steps": mail.payload.steps() } });
    let mail = server.post("/api/personas/jason/goals", &body).await;
    let mail = server.over(mail["id"].as_str().unwrap()).await;
    assert_eq!(mail["state"], "done", "the persona goes on with a new browser: {mail:#}");
    accounts_for(&server, [&goal, &mail].into_iter()).await;
    assert_eq!(stage.submitted().len(), submissions, "and the world saw it no second time");
    stage.close(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_is_found_and_not_sent_again() {
    happens(Submission::Arrives).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_waits_for_a_person() {
    happens(Submission::IsLost).await;
}
