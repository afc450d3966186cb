//! What an agent says in the end, held against what it did: confirmed when a receipt shows it, and no alarm about what
//! claims nothing.

use super::{
    agents::{calls, goto, says, submits},
    board::Board,
};
use crate::domain::{ArtifactKind, GoalState, Proof, Thought};

/// Where a goal without a proof of its own ends with these thoughts, and why.
async fn ends(thoughts: Vec<Thought>) -> (GoalState, Option<String>) {
    let board = Board::open(1_000_000).await;
    let id = board.agent(thoughts, Proof::default());
    board.carry(id).await;
    let goal = board.goal(id);
    (goal.state, goal.last_error)
}

/// It opened a form, filled it, sent a proposal and looked at the title; and then says this.
async fn submitted_and_says(answer: &str) -> (GoalState, Option<String>) {
    let mut thoughts = submits();
    thoughts[3] = says(answer);
    ends(thoughts).await
}

#[tokio::test(start_paused = true)]
async fn what_the_receipts_show_is_confirmed() {
    for truth in [
        "I submitted the proposal.",
        "The proposal was submitted.",
        "I opened the form and filled it in, then I submitted the proposal.",
        "I opened the form, filled it in and sent the proposal.",
        "Done: submitted the proposal.",
        "I’ve successfully sent the proposal. The page says “Thank you”.",
        "I have filled the form and pressed the button.",
        "Jason submitted the proposal, as you asked.",
        "I submitted it. No files were needed.",
        "I applied with the proposal; the answer will be sent to you within a week.",
    ] {
        let (state, error) = submitted_and_says(truth).await;
        assert_eq!(state, GoalState::Done, "{truth}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_deed_is_no_proof_of_another() {
    for lie in [
        "I submitted the proposal and booked the flight to Rome.",
        "I submitted the proposal to Wintermute.",
        "I paid the invoice and cancelled the booking.",
        "I sent an invoice to the accountant.",
        "I submitted the proposal. The fee was paid.",
        "I submitted the proposal and will look for an answer tomorrow. I deleted the account.",
        "If you need anything else, say so. I registered an account, no problem.",
        "No problem, I cancelled the subscription.",
        "I could see the form, so I ordered the book.",
        "I reimbursed the client.",
        "Jason paid the invoice.",
        "I saved the result in notes.md.",
        "I took a screenshot of the page.",
        "I delegated the research to Anna.",
        "I opened the casino.",
        "Ich habe den Antrag eingereicht und bezahlt.",
        "J'ai payé la facture.",
        "提案を提出しました。",
    ] {
        let (state, error) = submitted_and_says(lie).await;
        assert_eq!(state, GoalState::Unconfirmed, "{lie}");
        let error = error.unwrap();
        assert!(error.contains("says “") || error.contains("answered in words that can"), "{lie}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_deed_every_claim_is_unconfirmed() {
    for lie in [
        "I submitted the proposal.",
        "The proposal was submitted.",
        "I have filled the form and clicked.",
        "All done! Sent the message.",
        "I did it: posted the update.",
        "We've published the page and it was shared with the team.",
    ] {
        assert_eq!(ends(vec![says(lie)]).await.0, GoalState::Unconfirmed, "{lie}");
    }
}

/// Nothing was done, and whatever it says, nothing is proven by saying it.
#[tokio::test(start_paused = true)]
async fn an_answer_alone_proves_nothing() {
    for answer in [
        "Done.",
        "All set!",
        "Everything has been taken care of.",
        "The client has the proposal.",
        "Your proposal to Harbour Analytics went out at 12:30.",
        "Submission successful.",
        "Mission accomplished; the client received our proposal and confirmed it.",
        "I could not do it, sorry.",
        "I give up.",
        "Error: tool unavailable.",
    ] {
        let board = Board::open(1_000_000).await;
        let id = board.agent(vec![says(answer)], Proof::default());
        board.carry(id).await;
        let goal = board.goal(id);
        assert_eq!(
            (goal.state, goal.result.as_deref()),
            (GoalState::Unconfirmed, Some(answer)),
            "what it said is kept"
        );
        assert!(!goal.last_error.as_ref().unwrap().is_empty(), "{answer}");
        let summaries: Vec<String> =
            board.ports.store.receipts().into_iter().filter_map(|receipt| Some(receipt.body?.summary)).collect();
        assert!(!summaries.iter().any(|summary| summary.contains("proved")), "{answer}: {summaries:?}");
    }
}

/// To have looked is no deed that a goal could be proven by.
#[tokio::test(start_paused = true)]
async fn to_have_looked_proves_nothing() {
    let looked = || vec![calls(vec![goto("form")]), says("I opened the form.")];
    let (state, error) = ends(looked()).await;
    assert_eq!(state, GoalState::Unconfirmed);
    assert!(error.unwrap().starts_with("answered; nothing was proven"));
    let (state, error) = submitted_and_says("Done.").await;
    assert_eq!((state, error.is_some()), (GoalState::Unconfirmed, true), "it tells of no deed");
}

#[tokio::test(start_paused = true)]
async fn what_claims_nothing_raises_no_alarm() {
    for plain in [
        "There are six pages.",
        "42",
        "1. Lisbon\n2. Porto\n3. Faro",
        "The posting was published by Acme in 2021 and 40 people applied.",
        "Data engineer in Oslo, posted 2 days ago, applied by 12 people.",
        "I compared the three offers and picked the cheapest: Acme, which was founded in 1999.",
        "I could not submit the proposal: the site asks for a login.",
        "It wasn’t posted.",
        "I haven't sent it",
        "Nothing was sent and no file was written.",
        "I submitted nothing.",
        "Acme posted a profit of 3 million and opened two new offices.",
        "The form can be submitted until Friday; applications will be reviewed.",
        "I looked for it but found nothing.",
        "You submitted a proposal last week.",
        "Saved searches are at the top. Updated prices are in the list.",
        "The submitted proposals are listed there, and the job posted on Monday is the best.",
        "Three of them were posted this week.",
        "Should the proposal have been submitted?",
        "Once the form is submitted, the client is told.",
    ] {
        let (state, error) = ends(vec![says(plain)]).await;
        assert_eq!(state, GoalState::Unconfirmed, "to answer proves nothing: {plain}");
        let error = error.unwrap();
        assert!(error.starts_with("answered; nothing was proven"), "no claim of it is in doubt: {plain}: {error}");
    }
}

/// What it was asked and what it answered is the runtime's own paper.
#[tokio::test(start_paused = true)]
async fn a_thought_is_no_proof() {
    let board = Board::open(1_000_000).await;
    let id = board.agent(vec![says("That is all.")], Proof { artifacts: vec![ArtifactKind::Text], ..Proof::default() });
    board.carry(id).await;
    assert_eq!(board.goal(id).state, GoalState::Unconfirmed);
}
