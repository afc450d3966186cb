//! Streamed answers: told as they come, as fast as they are read. Whoever stops reading ends the answer, and it is settled.

use std::{convert::Infallible, time::Duration};

use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding},
    web::Bytes,
};
use actors::{
    domain::{ChatAnswer, Finish},
    supervisor::{CallEnd, OpenCall},
};
use futures::stream;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use super::{
    CALL_LIMIT,
    asked::Asked,
    chat::{Begun, Calling, answered, failed, words::Words},
    errors::Refusal,
    persona,
    told::{Label, event},
};
use crate::models::{ChatStream, Piece};

/// Events that may wait for their reader.
const MOST_WAITING: usize = 16;
/// How long a reader may take over one of them.
const SLOWEST_READER: Duration = Duration::from_secs(30);
/// How often somebody who waits for a persona hears that the line is open.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Where events go.
struct Line(mpsc::Sender<Bytes>);

impl Line {
    /// False: nobody reads any more.
    async fn say(&self, event: Bytes) -> bool {
        timeout(SLOWEST_READER, self.0.send(event)).await.is_ok_and(|sent| sent.is_ok())
    }
}

fn answer(events: mpsc::Receiver<Bytes>) -> HttpResponse {
    let events = stream::unfold(events, async |mut events| Some((Ok::<_, Infallible>(events.recv().await?), events)));
    HttpResponse::Ok()
        .content_type("text/event-stream")
        // Compressed events would wait for each other.
        .insert_header(ContentEncoding::Identity)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .streaming(Box::pin(events))
}

/// Answers when the model has begun to speak; what goes wrong before has its own status.
pub(super) async fn of_model(calling: Calling, asked: Asked) -> Result<HttpResponse, Refusal> {
    let (line, events) = mpsc::channel(MOST_WAITING);
    let (begun, beginning) = oneshot::channel();
    actix_web::rt::spawn(tell(calling, asked, Line(line), begun));
    let lost = |_| Err(Refusal::broken("The server could not carry this call to its end; its log says why."));
    beginning.await.unwrap_or_else(lost)?;
    Ok(answer(events))
}

async fn tell(mut calling: Calling, asked: Asked, line: Line, begun: oneshot::Sender<Result<(), Refusal>>) {
    let Begun { mut open, outward, how, words } = match calling.begin(asked).await {
        Ok(begun) => begun,
        Err(refusal) => return drop(begun.send(Err(refusal))),
    };
    let mut teller = Teller {
        label: Label::new(calling.deps.world.new_id(), calling.deps.world.now_ms(), &how.model),
        line,
        begun: Some(begun),
        words,
        came: ChatAnswer { text: String::new(), calls: Vec::new(), finish: Finish::Calls },
        include_usage: how.include_usage,
        began: Instant::now(),
    };
    open.sent();
    let mut pieces = calling.deps.models.pass_stream(outward, CALL_LIMIT);
    let ended = teller.listen(&mut pieces).await;
    // Nothing more is asked for once nobody reads.
    drop(pieces);
    teller.finish(open, ended).await;
}

/// How listening to a model ended.
enum Ended {
    Whole(Box<crate::models::Chatted>),
    Broke(crate::models::ModelError),
    /// It ended without a last word: whoever asked the model fell.
    BrokeOff,
    /// Nobody reads any more.
    Left,
}

impl Ended {
    /// What goes on record.
    fn end(&self, began: Instant) -> CallEnd {
        match self {
            Self::Whole(chatted) => answered(chatted, began),
            Self::Broke(error) => failed(error),
            Self::BrokeOff => CallEnd::Unknown { error: "the answer broke off before it was whole".into() },
            Self::Left => CallEnd::Unknown { error: "the program stopped reading before the answer was whole".into() },
        }
    }
}

struct Teller {
    label: Label,
    line: Line,
    /// Who waits to hear that it begins; none: they did.
    begun: Option<oneshot::Sender<Result<(), Refusal>>>,
    words: Words,
    /// What came of the answer so far.
    came: ChatAnswer,
    include_usage: bool,
    began: Instant,
}

impl Teller {
    async fn listen(&mut self, pieces: &mut ChatStream) -> Ended {
        loop {
            let piece = tokio::select! {
                piece = pieces.next() => piece,
                () = self.line.0.closed() => return Ended::Left,
            };
            let is_read = match piece {
                Some(Ok(Piece::Text(text))) => {
                    self.words.come(&mut self.came, &text);
                    self.begin().await && self.line.say(self.label.text(&text)).await
                }
                Some(Ok(Piece::Call(call))) => {
                    let event = self.label.call(self.came.calls.len(), &call);
                    self.came.calls.push(call);
                    self.begin().await && self.line.say(event).await
                }
                Some(Ok(Piece::Done(chatted))) => return Ended::Whole(chatted),
                Some(Err(error)) => return Ended::Broke(error),
                None => return Ended::BrokeOff,
            };
            if !is_read {
                return Ended::Left;
            }
        }
    }

    /// False: nobody reads.
    async fn begin(&mut self) -> bool {
        let Some(begun) = self.begun.take() else { return true };
        begun.send(Ok(())).is_ok() && self.line.say(self.label.begin()).await
    }

    /// On record first, then told.
    async fn finish(mut self, mut open: OpenCall, ended: Ended) {
        let came = if let Ended::Whole(chatted) = &ended { &chatted.answer } else { &self.came };
        open.keep(self.words.answer(came));
        let refusal = match (open.end(ended.end(self.began)).await, ended) {
            (Err(error), _) => Refusal::from(error),
            (Ok(()), Ended::Left) => return,
            (Ok(()), Ended::Broke(error)) => error.into(),
            (Ok(()), Ended::BrokeOff) => {
                Refusal::broken("The answer broke off before it was whole; the server's log says why.")
            }
            (Ok(()), Ended::Whole(chatted)) => {
                let used = chatted.cost.filter(|_| self.include_usage);
                if self.begin().await {
                    self.line.say(self.label.end(chatted.answer.finish, used)).await;
                }
                return;
            }
        };
        match self.begun.take() {
            Some(begun) => drop(begun.send(Err(refusal))),
            None => drop(self.line.say(event(&refusal.json())).await),
        }
    }
}

/// A persona's answer is whole when it comes: it is told in pieces at once, after signs of life while it is worked at. What
/// is wrong before it lies in the inbox has its own status.
pub(super) async fn of_persona(calling: Calling, asked: Asked) -> Result<HttpResponse, Refusal> {
    let (line, events) = mpsc::channel(MOST_WAITING);
    let line = Line(line);
    let label = Label::new(calling.deps.world.new_id(), calling.deps.world.now_ms(), &asked.how.model);
    let given = persona::Given::to(calling, &asked).await?;
    actix_web::rt::spawn(async move {
        let include_usage = asked.how.include_usage;
        let mut answer = std::pin::pin!(given.answer());
        let mut is_read = line.say(label.begin()).await;
        let answered = loop {
            match timeout(SIGN_OF_LIFE, &mut answer).await {
                Ok(answered) => break answered,
                Err(_) if is_read => is_read = line.say(Bytes::from_static(b": still at it\n\n")).await,
                Err(_) => {}
            }
        };
        let events = match answered {
            Ok((said, cost)) => {
                for piece in pieces(&said.text) {
                    if !line.say(label.text(piece)).await {
                        return;
                    }
                }
                label.end(said.finish, cost.filter(|_| include_usage))
            }
            Err(refusal) => event(&refusal.json()),
        };
        line.say(events).await;
    });
    Ok(answer(events))
}

/// Bytes of a piece, about.
const PIECE: usize = 8;
/// Of what has no white space.
const LONGEST_PIECE: usize = 64;

/// A text in pieces that end behind white space where they can.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = |from: usize| rest.char_indices().find(|(place, c)| *place >= from && c.is_whitespace());
        let end = at(PIECE).map(|(place, c)| place + c.len_utf8()).filter(|end| *end < LONGEST_PIECE);
        let end = end.unwrap_or_else(|| rest.floor_char_boundary(LONGEST_PIECE));
        let (piece, left) = rest.split_at(end);
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn teller(line: mpsc::Sender<Bytes>) -> Teller {
        Teller {
            label: Label::new(uuid::Uuid::nil(), 0, "m"),
            line: Line(line),
            begun: None,
            words: Words::default(),
            came: ChatAnswer { text: String::new(), calls: Vec::new(), finish: Finish::Calls },
            include_usage: false,
            began: Instant::now(),
        }
    }

    fn told_of(end: CallEnd) -> String {
        match end {
            CallEnd::Unknown { error } => error,
            other => panic!("{other:?}"),
        }
    }

    #[actix_web::test]
    async fn an_answer_without_a_last_word_broke_off_and_who_reads_it_did_not_leave() {
        let (line, mut events) = mpsc::channel(MOST_WAITING);
        let mut pieces = ChatStream::that_tells(vec![Piece::Text("Once".to_owned())]);
        let ended = teller(line).listen(&mut pieces).await;
        assert!(String::from_utf8_lossy(&events.recv().await.unwrap()).contains("Once"));
        assert_eq!(told_of(ended.end(Instant::now())), "the answer broke off before it was whole");

        let (line, events) = mpsc::channel(MOST_WAITING);
        drop(events);
        let mut pieces = ChatStream::that_tells(vec![Piece::Text("Once".to_owned())]);
        let ended = teller(line).listen(&mut pieces).await;
        assert!(told_of(ended.end(Instant::now())).starts_with("the program stopped reading"));
    }

    proptest! {
        #[test]
        fn pieces_are_the_text(text in "[a-zé \\n日]{0,900}") {
            let all: Vec<_> = pieces(&text).collect();
            prop_assert_eq!(all.concat(), text.as_str());
            prop_assert!(all.iter().all(|piece| piece.len() <= LONGEST_PIECE + 4 && !piece.is_empty()));
        }
    }
}
