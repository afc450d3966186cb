//! What a browser shows when a page cannot be: what is missing, and where to go on.

use askama::Template;

use super::frame::Frame;

/// The page.
#[derive(Debug, Template)]
#[template(path = "error.html", config = "src/web/pages/askama.toml")]
pub struct ErrorPage {
    pub frame: Frame,
    pub title: String,
    pub text: String,
}
