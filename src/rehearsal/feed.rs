//! The social feed: read by all, written by who is signed in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;

use super::{
    login,
    pages::{FeedPage, PostPage, PostView},
    seeds::POSTS,
    site::{self, Problem, field, page, see},
    store::Store,
};

const MOST_TEXT: usize = 500;
const MOST_SHOWN: usize = 100;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/feed", web::get().to(list))
        .route("/feed", web::post().to(publish))
        .route("/feed/{number}", web::get().to(show));
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PostForm {
    text: String,
}

#[derive(Deserialize, Default)]
struct Search {
    #[serde(default)]
    q: String,
}

async fn list(
    request: HttpRequest,
    store: web::Data<Store>,
    search: web::Query<Search>,
) -> Result<HttpResponse, Problem> {
    page(StatusCode::OK, &feed(&request, &store, &search.q, PostForm::default(), None))
}

async fn publish(
    request: HttpRequest,
    store: web::Data<Store>,
    form: web::Form<PostForm>,
) -> Result<HttpResponse, Problem> {
    let Some(email) = login::visitor(&request, &store) else { return Ok(login::first(&request)) };
    match field("Post", &form.text, MOST_TEXT) {
        Ok(text) => {
            let post = site::write(&store, move |store| store.publish(email, text)).await?;
            Ok(see(&format!("/feed/{}", post.number)))
        }
        Err(error) => {
            let page_again = feed(&request, &store, "", form.into_inner(), Some(error));
            page(StatusCode::UNPROCESSABLE_ENTITY, &page_again)
        }
    }
}

async fn show(request: HttpRequest, store: web::Data<Store>, number: web::Path<u32>) -> Result<HttpResponse, Problem> {
    let found = store.posts().into_iter().find(|post| post.number == *number);
    let post = PostView::from(found.ok_or(Problem::NoSuchPage)?);
    page(StatusCode::OK, &PostPage { frame: site::frame(&request, &store, "feed"), post })
}

/// The newest posts with this text in them, whatever its case.
fn feed(request: &HttpRequest, store: &Store, wanted: &str, form: PostForm, error: Option<String>) -> FeedPage {
    let wanted = wanted.trim().to_lowercase();
    let newest = store.posts().into_iter().rev().map(PostView::from);
    let seeded = POSTS.iter().map(|post| PostView { number: None, author: post.author.into(), text: post.text.into() });
    let posts = newest.chain(seeded).filter(|post| post.text.to_lowercase().contains(&wanted)).take(MOST_SHOWN);
    FeedPage { frame: site::frame(request, store, "feed"), posts: posts.collect(), text: form.text, error }
}
