//! A model that answers at once, always the same.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};

const ANSWER: &str = r#"{"id":"x","object":"chat.completion","created":1,"model":"small-1","choices":[{"index":0,"message":{"role":"assistant","content":"A gateway stands between programs and models and keeps count of what passes."},"finish_reason":"stop"}],"usage":{"prompt_tokens":80,"completion_tokens":16,"total_tokens":96}}"#;

/// The model while it runs; it ends when this is dropped.
pub(super) struct Mock {
    url: String,
    server: ServerHandle,
}

impl Mock {
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let app = || App::new().default_service(web::to(answer));
        let server = HttpServer::new(app).workers(2).disable_signals().listen(listener)?.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { url, server: handle })
    }

    /// What goes into `base_url`.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // The order is given here and now; what it returns only waits.
        drop(self.server.stop(false));
    }
}

/// Whatever was asked; the body is read, as a model would.
async fn answer(_: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(ANSWER)
}
