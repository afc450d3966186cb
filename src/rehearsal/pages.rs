//! The pages as data; the HTML beside them is in `templates/`.

use askama::Template;

use super::{
    board::ProposalForm,
    deliverables::Filled,
    mail::Written,
    seeds::{self, Mail, Posting},
    store::{Deliverable, Letter, Post, Proposal},
};

/// What stands around every page.
#[derive(Default)]
pub(super) struct Frame {
    /// Who is signed in.
    pub email: Option<String>,
    /// The entry of the navigation that is marked.
    pub here: &'static str,
}

/// A proposal as its owner sees it.
pub(super) struct ProposalView {
    pub number: u32,
    pub title: &'static str,
    pub client: &'static str,
    pub reference: String,
    pub cover: String,
    pub rate: String,
}

impl From<Proposal> for ProposalView {
    fn from(proposal: Proposal) -> Self {
        let posting = seeds::posting(&proposal.posting);
        Self {
            number: proposal.number,
            title: posting.map_or("A posting that is gone", |posting| posting.title),
            client: posting.map_or("unknown", |posting| posting.client),
            reference: proposal.reference,
            cover: proposal.cover,
            rate: proposal.rate,
        }
    }
}

/// A post as everyone sees it.
pub(super) struct PostView {
    /// None: it was always there and has no page of its own.
    pub number: Option<u32>,
    pub author: String,
    pub text: String,
}

impl From<Post> for PostView {
    fn from(post: Post) -> Self {
        Self { number: Some(post.number), author: post.email, text: post.text }
    }
}

/// Work that was handed in, as its owner sees it.
pub(super) struct DeliverableView {
    pub number: u32,
    pub title: String,
    pub reference: String,
    pub content: String,
}

impl From<Deliverable> for DeliverableView {
    fn from(one: Deliverable) -> Self {
        Self { number: one.number, title: one.title, reference: one.reference, content: one.content }
    }
}

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident ($path:literal) { $($field:ident: $type:ty),* $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Template)]
            #[template(path = $path, config = "src/rehearsal/askama.toml")]
            pub(super) struct $name {
                pub frame: Frame,
                $(pub $field: $type,)*
            }
        )+
    };
}

pages! {
    HomePage("home.html") {}
    LoginPage("login.html") { next: String, email: String, error: Option<String> }
    JobsPage("jobs.html") { postings: Vec<&'static Posting>, query: String }
    PostingPage("posting.html") { posting: &'static Posting }
    /// Both proposal forms; `once`: the one that takes an idempotency key.
    FormPage("form.html") { posting: &'static Posting, once: bool, filled: ProposalForm, error: Option<String> }
    ConfirmationPage("confirmation.html") { proposal: ProposalView }
    ProposalsPage("proposals.html") { proposals: Vec<ProposalView> }
    DeliverableForm("deliver.html") { filled: Filled, error: Option<String> }
    DeliverablePage("deliverable.html") { deliverable: DeliverableView }
    DeliverablesPage("deliverables.html") { deliverables: Vec<DeliverableView> }
    InboxPage("inbox.html") { mails: &'static [Mail] }
    MailPage("mail.html") { mail: &'static Mail }
    LetterForm("letter_form.html") { written: Written, error: Option<String> }
    LetterPage("letter.html") { letter: Letter }
    OutboxPage("outbox.html") { letters: Vec<Letter> }
    FeedPage("feed.html") { posts: Vec<PostView>, text: String, error: Option<String> }
    PostPage("post.html") { post: PostView }
    PracticePage("practice.html") {}
    SlowPage("slow.html") { ms: u64 }
    AlertPage("alert.html") { now: bool }
    ObstaclesPage("obstacles.html") {}
    ProblemPage("problem.html") { text: String }
}
