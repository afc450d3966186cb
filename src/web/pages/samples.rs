//! One sample of every page, from made-up records: what snapshot tests render and what one can look at without a company.

use askama::Template;

mod approvals;
mod budgets;
mod calendar;
mod pages;
mod records;
mod rooms;
mod stage;
#[cfg(test)]
mod tests;
mod tools;

/// The title of a sample and its HTML.
pub type Sample = (&'static str, String);

/// Every page, rendered from made-up records.
pub fn render() -> Result<Vec<Sample>, askama::Error> {
    let mut samples = Vec::new();
    for page in pages::personas() {
        samples.push((page.0, page.1.render()?));
    }
    for page in pages::persona() {
        samples.push((page.0, page.1.render()?));
    }
    for page in rooms::rooms() {
        samples.push((page.0, page.1.render()?));
    }
    for page in rooms::room() {
        samples.push((page.0, page.1.render()?));
    }
    samples.push(("runs", pages::runs().render()?));
    for page in pages::run() {
        samples.push((page.0, page.1.render()?));
    }
    if let Some(page) = approvals::approvals(pages::frame) {
        samples.push(("approvals", page.render()?));
    }
    for page in pages::login() {
        samples.push((page.0, page.1.render()?));
    }
    for page in tools::tools() {
        samples.push((page.0, page.1.render()?));
    }
    for page in tools::tool() {
        samples.push((page.0, page.1.render()?));
    }
    samples.push(("keys", budgets::keys().render()?));
    samples.push(("missing", pages::missing().render()?));
    Ok(samples)
}
