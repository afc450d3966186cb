//! Server-sent events out of bytes, however they are cut.
//!
//! Not `eventsource-stream`: it keeps an event of any size, and looks through what it keeps again with each part that
//! comes, so that one endless line takes all memory and all time.

use super::Malformed;

/// Bytes of one event's data, and of one line, that are taken.
const MOST_EVENT_BYTES: usize = 1 << 20;

/// Takes bytes, gives the data of whole events. Names, ids and comments are passed over: the data says what it is.
#[derive(Default)]
pub(in crate::models) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    /// The last byte was a carriage return: a line feed right behind it belongs to it.
    after_return: bool,
}

impl Events {
    /// The data of every event that these bytes complete. What is not UTF-8 is replaced.
    pub(in crate::models) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, Malformed> {
        let mut complete = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(rest)?;
                break;
            };
            self.keep(&rest[..end])?;
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            complete.extend(self.line_ended()?);
        }
        Ok(complete)
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), Malformed> {
        if self.line.len() + part.len() > MOST_EVENT_BYTES {
            return Err(Malformed::TooMuch("bytes in one event"));
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn line_ended(&mut self) -> Result<Option<String>, Malformed> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return Ok(self.data.take().map(|data| String::from_utf8_lossy(&data).into_owned()));
        }
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line);
        let Some(value) = line.strip_prefix(b"data").filter(|rest| matches!(rest.first(), None | Some(b':'))) else {
            return Ok(None);
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            Some(data) if data.len() + value.len() >= MOST_EVENT_BYTES => {
                return Err(Malformed::TooMuch("bytes in one event"));
            }
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str =
        ": hello\r\n\r\nevent: a\ndata: one\ndata:two\n\nid: 3\r\rdata\n\ndatum: x\n\ndata: grün\r\n\r\ndata: cut";

    #[test]
    fn lines_end_in_three_ways_and_data_is_joined() {
        let heard = Events::default().push(STREAM.as_bytes()).unwrap();
        assert_eq!(heard, ["one\ntwo", "", "grün"], "what has no empty line behind it is not heard");
    }

    #[test]
    fn an_endless_line_and_an_endless_event_are_refused() {
        let mut line = Events::default();
        assert!(line.push(&vec![b'x'; MOST_EVENT_BYTES]).unwrap().is_empty());
        assert_eq!(line.push(b"x"), Err(Malformed::TooMuch("bytes in one event")));
        let mut event = Events::default();
        let row = format!("data: {}\n", "x".repeat(1_000));
        let refused = (0..2_000).find_map(|_| event.push(row.as_bytes()).err());
        assert_eq!(refused, Some(Malformed::TooMuch("bytes in one event")));
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(cuts in prop::collection::vec(1_usize..8, 1..80)) {
            let (mut events, mut heard, mut rest) = (Events::default(), Vec::new(), STREAM.as_bytes());
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (part, others) = rest.split_at(cut.min(rest.len()));
                heard.extend(events.push(part).unwrap());
                rest = others;
            }
            prop_assert_eq!(heard, ["one\ntwo", "", "grün"]);
        }

        #[test]
        fn any_bytes_are_survived(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
            let mut events = Events::default();
            for part in parts {
                let _ = events.push(&part);
            }
        }
    }
}
