//! `/login`: a button that uses up a one-time link, or how to get one.

use askama::Template;

/// The page.
#[derive(Debug, Template)]
#[template(path = "login.html", config = "src/web/pages/askama.toml")]
pub struct LoginPage {
    /// The token of the link; none: the page says how to get a link.
    pub token: Option<String>,
    /// Why the last try did not work.
    pub problem: Option<String>,
}
