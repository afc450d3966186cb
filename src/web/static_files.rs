//! `/static/…`: files inside the binary.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rust_embed::RustEmbed;

use super::{
    errors::Problem,
    routes::{Route, Table, Who},
};

#[derive(RustEmbed)]
#[folder = "static/"]
#[allow_missing = true]
struct Files;

/// `/static/{file}`: no login, the login page needs them too.
pub fn routes() -> Table {
    vec![Route::get("/static/{file:.*}", Who::Anyone, "A file of the pages", file)]
}

async fn file(name: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let file = Files::get(&name).ok_or_else(|| Problem::not_found("file", &name))?;
    let tag = header::EntityTag::new_strong(hex::encode(&file.metadata.sha256_hash()[..16]));
    let quoted = tag.to_string();
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == quoted)) {
        return Ok(HttpResponse::NotModified().insert_header(header::ETag(tag)).finish());
    }
    Ok(HttpResponse::Ok()
        .content_type(file.metadata.mimetype())
        .insert_header(header::ETag(tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(file.data.into_owned()))
}
