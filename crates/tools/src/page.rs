//! A page of lines out of something long, read once from front to back.

use std::io::{self, BufRead, Read};

/// How many lines a page has at most.
const MAX_LINES: u64 = 2000;
/// How many bytes a page has at most.
const MAX_BYTES: usize = 48 * 1024;
/// How much of one line is shown.
const MAX_LINE_BYTES: usize = 4000;
/// How far past the page lines are counted, so that the total can be said.
const MAX_COUNTED_BYTES: u64 = 256 << 20;

/// A page, and what is to be known of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) text: String,
    /// First line, from 1.
    pub(crate) first: u64,
    /// Last line; less than `first` when the page is empty.
    pub(crate) last: u64,
    /// Lines in all, if they were counted.
    pub(crate) total: Option<u64>,
    /// Whether there are lines after the page.
    pub(crate) more: bool,
    /// The first line that is longer than what is shown of it.
    pub(crate) cut_line: Option<u64>,
    pub(crate) has_crlf: bool,
    pub(crate) is_lossy: bool,
    pub(crate) lacks_final_line_feed: bool,
}

/// Reads the page that begins at line `offset` (from 1) and has `limit` lines.
pub(crate) fn read(mut from: impl BufRead, offset: Option<u64>, limit: Option<u64>) -> io::Result<Page> {
    let first = offset.unwrap_or(1).max(1);
    let mut page = Page { first, last: first - 1, ..Page::default() };
    let skipped = skip(&mut from, first - 1, u64::MAX)?;
    if skipped.lines < first - 1 {
        page.total = Some(skipped.lines);
        return Ok(page);
    }
    let most = limit.unwrap_or(MAX_LINES).min(MAX_LINES);
    let mut bytes = Vec::new();
    while page.last + 1 - page.first < most && bytes.len() < MAX_BYTES {
        let Some(line) = read_line(&mut from)? else { break };
        page.last += 1;
        page.take(&line, &mut bytes);
    }
    let rest = skip(&mut from, u64::MAX, MAX_COUNTED_BYTES)?;
    page.more = rest.lines > 0;
    page.lacks_final_line_feed |= rest.lacks_final_line_feed;
    page.total = rest.at_end.then_some(page.last + rest.lines);
    page.is_lossy = std::str::from_utf8(&bytes).is_err();
    page.text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(page)
}

struct Line {
    bytes: Vec<u8>,
    /// Bytes of it that were not kept.
    dropped: u64,
    has_line_feed: bool,
}

impl Page {
    fn take(&mut self, line: &Line, bytes: &mut Vec<u8>) {
        let text = line.bytes.strip_suffix(b"\n").unwrap_or(&line.bytes);
        let bare = if line.has_line_feed { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
        self.has_crlf |= bare.len() < text.len();
        self.lacks_final_line_feed = !line.has_line_feed;
        bytes.extend_from_slice(bare);
        if line.dropped > 0 {
            self.cut_line.get_or_insert(self.last);
            bytes.extend_from_slice(format!("…[+{} bytes]", line.dropped).as_bytes());
        }
        bytes.push(b'\n');
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    from.take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.ends_with(b"\n") {
        return Ok(Some(Line { bytes, dropped: 0, has_line_feed: true }));
    }
    let kept = whole_characters(&bytes);
    let mut dropped = (bytes.len() - kept) as u64;
    let mut has_line_feed = false;
    loop {
        let (skipped, found) = skip_some(from)?;
        dropped += skipped as u64;
        has_line_feed |= found;
        if found || skipped == 0 {
            break;
        }
    }
    if dropped == u64::from(has_line_feed) + (bytes.len() - kept) as u64 {
        return Ok(Some(Line { bytes, dropped: 0, has_line_feed }));
    }
    bytes.truncate(kept);
    Ok(Some(Line { bytes, dropped: dropped - u64::from(has_line_feed), has_line_feed }))
}

/// Skips what is buffered, up to the next line feed at most; says whether that was met.
fn skip_some(from: &mut impl BufRead) -> io::Result<(usize, bool)> {
    let buffer = from.fill_buf()?;
    let end = buffer.iter().position(|byte| *byte == b'\n');
    let count = end.map_or(buffer.len(), |at| at + 1);
    from.consume(count);
    Ok((count, end.is_some()))
}

/// How many bytes are left when a character that was cut at the end is taken off.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

#[derive(Default)]
struct Skipped {
    lines: u64,
    at_end: bool,
    lacks_final_line_feed: bool,
}

/// Skips lines, until about `most_bytes` are read.
fn skip(from: &mut impl BufRead, lines: u64, most_bytes: u64) -> io::Result<Skipped> {
    let mut skipped = Skipped::default();
    let mut bytes = 0;
    let mut open = false;
    while skipped.lines < lines && bytes < most_bytes {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            skipped.at_end = true;
            skipped.lines += u64::from(open);
            skipped.lacks_final_line_feed = open;
            return Ok(skipped);
        }
        let wanted = usize::try_from(lines - skipped.lines).unwrap_or(usize::MAX);
        let (mut used, mut found) = (0, 0);
        for part in buffer.split_inclusive(|byte| *byte == b'\n').take(wanted) {
            used += part.len();
            open = !part.ends_with(b"\n");
            found += u64::from(!open);
        }
        skipped.lines += found;
        bytes += used as u64;
        from.consume(used);
    }
    Ok(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &[u8], offset: u64, limit: u64) -> Page {
        // A small buffer, so that lines lie across its borders.
        read(io::BufReader::with_capacity(7, text), Some(offset), Some(limit)).expect("from memory")
    }

    #[test]
    fn pages_follow_one_another() {
        let text = b"one\ntwo\nthree three three\nfour\n";
        let got = page(text, 2, 2);
        let want = Page {
            text: "two\nthree three three\n".into(),
            first: 2,
            last: 3,
            total: Some(4),
            more: true,
            ..Page::default()
        };
        assert_eq!(got, want);
        let got = page(text, 4, 9);
        assert_eq!(
            (got.text.as_str(), got.last, got.more, got.lacks_final_line_feed),
            ("four\n", 4, false, false)
        );
        let got = page(text, 6, 1);
        assert_eq!((got.text.as_str(), got.total), ("", Some(4)));
        assert_eq!(page(b"", 1, 1).total, Some(0));
    }

    #[test]
    fn what_is_special_is_noted() {
        let got = page(b"a\r\nb", 1, 9);
        assert_eq!(
            (got.text.as_str(), got.has_crlf, got.lacks_final_line_feed, got.total),
            ("a\nb\n", true, true, Some(2))
        );
        assert!(page(b"a\nb", 1, 1).lacks_final_line_feed);
        let got = page(b"a\xff\n", 1, 9);
        assert_eq!((got.text.as_str(), got.is_lossy), ("a\u{fffd}\n", true));
    }

    #[test]
    fn long_lines_and_long_pages_are_bounded() {
        let long = format!("{}\nnext\n", "é".repeat(50_000));
        let got = page(long.as_bytes(), 1, 9);
        assert_eq!(got.text, format!("{}…[+96000 bytes]\nnext\n", "é".repeat(2000)));
        assert_eq!((got.cut_line, got.total), (Some(1), Some(2)));
        let exact = format!("{}\nnext\n", "x".repeat(MAX_LINE_BYTES));
        assert_eq!(page(exact.as_bytes(), 1, 9).text, exact);
        let many = "0123456789\n".repeat(9000);
        let got = page(many.as_bytes(), 1, 9000);
        assert_eq!((got.last, got.total), (2000, Some(9000)));
        let wide = format!("{}\n", "x".repeat(1000)).repeat(100);
        assert!(page(wide.as_bytes(), 1, 100).text.len() <= MAX_BYTES + MAX_LINE_BYTES);
    }
}
