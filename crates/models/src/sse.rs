//! Server-sent events from pieces of any size.

/// The longest line taken. Tool arguments of 5 MB in one event, escaped twice, stay below it.
pub const MAX_LINE_BYTES: usize = 24 << 20;
/// The most data of one event.
pub const MAX_EVENT_BYTES: usize = 32 << 20;

/// One event. Its bytes need not be UTF-8: that is for the JSON parser to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What the `event` field named it; empty if nothing did.
    pub name: &'a [u8],
    /// The `data` lines, with a line feed between them.
    pub data: &'a [u8],
}

/// A line or event beyond its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line or event of the stream is too long")]
pub struct TooLong;

/// Reads a stream as it comes. A piece may end anywhere, also inside a character. What follows the last blank line is
/// not an event, as the standard says: the stream may have been cut there.
#[derive(Debug, Default)]
pub struct SseParser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    /// A line has been read: a byte order mark may no longer come.
    began: bool,
}

impl SseParser {
    /// Takes the next piece and gives each event that it completes to `on_event`, until that gives an error.
    ///
    /// # Errors
    /// What `on_event` gave, or [`TooLong`].
    pub fn push<E: From<TooLong>>(
        &mut self,
        mut piece: &[u8],
        mut on_event: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !piece.is_empty() {
            if std::mem::take(&mut self.after_cr) && piece[0] == b'\n' {
                piece = &piece[1..];
                continue;
            }
            let Some(end) = piece.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
                return Ok(self.keep(piece)?);
            };
            self.keep(&piece[..end])?;
            self.after_cr = piece[end] == b'\r';
            piece = &piece[end + 1..];
            let line = std::mem::take(&mut self.line);
            self.end_line(&line, &mut on_event)?;
            // Its memory serves the next line.
            self.line = line;
            self.line.clear();
        }
        Ok(())
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + part.len() > MAX_LINE_BYTES {
            return Err(TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line<E: From<TooLong>>(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut line = line;
        if !std::mem::replace(&mut self.began, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_event(on_event);
        }
        let (field, value) = match line.iter().position(|b| *b == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[..0]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = value.to_vec(),
            b"data" => self.add_data(value)?,
            // A comment, an id, a retry time, or a field that is none.
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, value: &[u8]) -> Result<(), TooLong> {
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push(b'\n');
        }
        if self.data.len() + value.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        self.data.extend_from_slice(value);
        Ok(())
    }

    fn end_event<E>(&mut self, on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let name = std::mem::take(&mut self.name);
        if !std::mem::take(&mut self.has_data) {
            return Ok(());
        }
        let outcome = on_event(Event { name: &name, data: &self.data });
        self.data.clear();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        for piece in pieces {
            let taken: Result<(), TooLong> = parser.push(piece, |e| {
                events.push((e.name.to_vec(), e.data.to_vec()));
                Ok(())
            });
            assert_eq!(taken, Ok(()));
        }
        events
    }

    #[test]
    fn fields_comments_and_line_ends_of_every_kind() {
        let text = "\u{feff}: hello\r\nevent: a\r\ndata: 1\r\ndata:2\r\rdata\n\nid: 7\nretry: 5\n\nevent: b\n\ndata: {\"é\":1}\n\ndata: cut";
        let want: [(&[u8], &[u8]); 3] = [(b"a", b"1\n2"), (b"", b""), (b"", "{\"é\":1}".as_bytes())];
        let want: Vec<_> = want.iter().map(|(n, d)| (n.to_vec(), d.to_vec())).collect();
        assert_eq!(read(&[text.as_bytes()]), want);
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut parser = SseParser::default();
        let piece = vec![b'x'; 1 << 20];
        let outcome = (0..64).try_for_each(|_| parser.push::<TooLong>(&piece, |_| Ok(())));
        assert_eq!(outcome, Err(TooLong));
    }

    #[test]
    fn an_event_without_end_is_given_up() {
        let mut parser = SseParser::default();
        let mut piece = b"data:".to_vec();
        piece.resize(1 << 20, b'x');
        piece.push(b'\n');
        let outcome = (0..64).try_for_each(|_| parser.push::<TooLong>(&piece, |_| Ok(())));
        assert_eq!(outcome, Err(TooLong));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), any::<u8>()], 0..200),
            lines in proptest::collection::vec("(data|event|id|x)?:? ?[a-z é\u{1F600}]{0,5}(\n|\r|\r\n){1,2}", 0..20),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            for stream in [bytes, lines.concat().into_bytes()] {
                let mut at: Vec<usize> = cuts.iter().map(|c| c.index(stream.len() + 1)).collect();
                at.extend([0, stream.len()]);
                at.sort_unstable();
                let pieces: Vec<&[u8]> = at.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
                prop_assert_eq!(read(&pieces), read(&[&stream]));
            }
        }

        #[test]
        fn what_was_written_is_read(texts in proptest::collection::vec("[^\r\n]{1,40}", 0..20), end in "(\n|\r|\r\n)") {
            let stream: String = texts.iter().map(|t| format!("data: {t}{end}{end}")).collect();
            let read: Vec<Vec<u8>> = read(&[stream.as_bytes()]).into_iter().map(|(_, d)| d).collect();
            let want: Vec<Vec<u8>> = texts.iter().map(|t| t.clone().into_bytes()).collect();
            prop_assert_eq!(read, want);
        }
    }
}
