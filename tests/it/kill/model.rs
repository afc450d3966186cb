//! A model that answers when the test says so: a call that is under way as long as it is wanted.

use std::net::SocketAddr;

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// The endpoint, and the questions it has not answered.
pub(super) struct Model {
    pub(super) addr: SocketAddr,
    questions: mpsc::UnboundedReceiver<Question>,
    server: ServerHandle,
}

/// Somebody waits for an answer.
pub(super) struct Question {
    text: String,
    answer: oneshot::Sender<String>,
}

impl Model {
    pub(super) fn start() -> Self {
        let (ask, questions) = mpsc::unbounded_channel::<Question>();
        let server = HttpServer::new(move || {
            let ask = web::Data::new(ask.clone());
            App::new().app_data(ask).default_service(web::to(wait))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let addr = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { addr, questions, server: handle }
    }

    /// The next question; asked with this word in it.
    pub(super) async fn question(&mut self, word: &str) -> Question {
        let question = tokio::time::timeout(super::server::PATIENCE, self.questions.recv()).await.unwrap().unwrap();
        assert!(question.text.contains(word), "{}", question.text);
        question
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}

impl Question {
    pub(super) fn answer(self, text: &str) {
        self.answer.send(text.to_owned()).unwrap();
    }
}

/// Everybody writes with that model, and failed attempts are made again soon.
pub(super) fn settings(model: SocketAddr) -> String {
    format!(
        "[company]\nretry_after = [\"1s\", \"1s\", \"1s\"]\nstep_limit = \"2m\"\n[models]\ndefault = \"patient\"\n\
         [models.providers.patient]\nbase_url = \"http://{model}/v1\"\nmodel = \"patient-1\"\nkey_secret = \"\"\n\
         timeout = \"2m\"\nretries = 0\ninput_micro_usd_per_million = 0\noutput_micro_usd_per_million = 0\n"
    )
}

/// Everybody asks a model there that can call tools.
pub(super) fn asking(url: &str) -> String {
    format!(
        "[company]\nstep_limit = \"2m\"\n[models]\ndefault = \"scripted\"\n[models.providers.scripted]\n\
         base_url = \"{url}\"\nmodel = \"scripted-1\"\nkey_secret = \"\"\ntimeout = \"2m\"\nretries = 0\ninput_micro_usd_per_million = 0\n\
         output_micro_usd_per_million = 0\n"
    )
}

async fn wait(ask: web::Data<mpsc::UnboundedSender<Question>>, body: web::Json<Value>) -> HttpResponse {
    let (answer, said) = oneshot::channel();
    // A test that is over asks nothing more.
    let _ = ask.send(Question { text: body.to_string(), answer });
    let said = said.await.unwrap_or_default();
    HttpResponse::Ok().json(json!({
        "model": "patient-1", "choices": [{ "message": { "role": "assistant", "content": said } }],
    }))
}
