//! Exact replacement of a text in a file, and an answer worth having when the text is not there.

use memchr::memmem;

use crate::lines::{bare, excerpt, is_crlf, line_at, lines, newlines, to_crlf, to_lf};
pub use crate::nearest::Region;

use crate::nearest;

/// How many places of a text that occurs too often are named.
const MAX_PLACES: usize = 10;
/// How much of a differing line is shown.
const MAX_LINE_BYTES: usize = 160;

/// Which occurrences are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrences {
    /// The only one there is.
    Only,
    /// All of them.
    All,
}

/// An edit, done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The whole new source.
    pub source: Vec<u8>,
    /// For each replaced occurrence, the first line of the new text, from 1.
    pub places: Vec<usize>,
    /// Lines taken out, in all.
    pub removed_lines: usize,
    /// Lines put in, in all.
    pub added_lines: usize,
}

/// Why nothing was edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is nothing to look for.
    #[error("old_text is empty")]
    Empty,
    /// The edit would change nothing.
    #[error("old_text and new_text are the same")]
    Same,
    /// The text is there more than once.
    #[error("old_text occurs {count} times, at lines {}{}", joined(lines), if *count > lines.len() { ", …" } else { "" })]
    Ambiguous {
        /// How often.
        count: usize,
        /// The lines at which the first of them begin.
        lines: Vec<usize>,
    },
    /// The text is not there.
    #[error("old_text was not found: {why}")]
    NotFound {
        /// What seems to be the matter.
        why: String,
        /// The most similar place, if there is one.
        nearest: Option<Region>,
    },
}

/// Replaces `old` by `new`. Line endings follow the file: in a file of CR LF lines a text with plain LF is found, and
/// what is put in gets CR LF. A text that ends in a line feed is also found at the end of a file that lacks it.
///
/// # Errors
/// When `old` is empty, equal to `new`, not there, or there more than once and [`Occurrences::Only`] is meant.
pub fn replace(source: &[u8], old: &[u8], new: &[u8], which: Occurrences) -> Result<Edited, EditError> {
    if old.is_empty() {
        return Err(EditError::Empty);
    }
    if old == new {
        return Err(EditError::Same);
    }
    let matched = find(source, old).ok_or_else(|| not_found(source, old))?;
    if which == Occurrences::Only && matched.spans.len() > 1 {
        let lines = matched.spans.iter().take(MAX_PLACES).map(|span| line_at(source, span.0)).collect();
        return Err(EditError::Ambiguous { count: matched.spans.len(), lines });
    }
    let new = fit(source, new, &matched);
    if matched.spans.iter().all(|(begin, end)| source[*begin..*end] == new) {
        return Err(EditError::Same);
    }
    Ok(put(source, &matched.spans, &new))
}

/// Where a text is, and what had to be bent to find it.
struct Matched {
    spans: Vec<(usize, usize)>,
    bent: Bent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bent {
    Nothing,
    Endings,
    LastLineFeed,
}

fn find(source: &[u8], old: &[u8]) -> Option<Matched> {
    let exact = occurrences(source, old);
    if !exact.is_empty() {
        let spans = exact.into_iter().map(|span| with_return(source, span)).collect();
        return Some(Matched { spans, bent: Bent::Nothing });
    }
    let other_endings = any_ending(source, old);
    if !other_endings.is_empty() {
        return Some(Matched { spans: other_endings, bent: Bent::Endings });
    }
    let shorter =
        old.strip_suffix(b"\r\n").or_else(|| old.strip_suffix(b"\n")).filter(|rest| !rest.is_empty())?;
    let at = source.len().checked_sub(shorter.len()).filter(|at| &source[*at..] == shorter)?;
    Some(Matched { spans: vec![(at, source.len())], bent: Bent::LastLineFeed })
}

fn occurrences(source: &[u8], old: &[u8]) -> Vec<(usize, usize)> {
    memmem::find_iter(source, old).map(|at| (at, at + old.len())).collect()
}

/// A text that begins with a line feed takes that line's CR along (unless the occurrence before may have it).
fn with_return(source: &[u8], span: (usize, usize)) -> (usize, usize) {
    let splits = source[..span.0].ends_with(b"\r") && source[span.0] == b'\n' && source[span.1 - 1] != b'\r';
    (span.0 - usize::from(splits), span.1)
}

/// Occurrences with CR LF and LF taken for the same.
fn any_ending(source: &[u8], old: &[u8]) -> Vec<(usize, usize)> {
    if !old.contains(&b'\n') || !(source.windows(2).any(|pair| pair == b"\r\n") || old.contains(&b'\r')) {
        return Vec::new();
    }
    let (plain, dropped) = (to_lf(source), dropped_returns(source));
    let back = |at: usize| at + dropped.partition_point(|dropped| *dropped < at);
    let wanted = to_lf(old);
    let spans = occurrences(&plain, &wanted).into_iter();
    spans.map(|(begin, end)| with_return(source, (back(begin), back(end)))).collect()
}

/// For each CR that [`to_lf`] drops: the offset of its LF in what is left.
fn dropped_returns(source: &[u8]) -> Vec<usize> {
    let mut dropped = Vec::new();
    for (at, pair) in source.windows(2).enumerate() {
        if pair == b"\r\n" {
            dropped.push(at - dropped.len());
        }
    }
    dropped
}

fn fit(source: &[u8], new: &[u8], matched: &Matched) -> Vec<u8> {
    let crlf = match matched.bent {
        Bent::Endings => matched.spans.iter().any(|(begin, end)| source[*begin..*end].contains(&b'\r')),
        Bent::Nothing | Bent::LastLineFeed => is_crlf(source),
    };
    let mut new = match (crlf, matched.bent) {
        (true, _) => to_crlf(new),
        (false, Bent::Endings) => to_lf(new),
        (false, _) => new.to_vec(),
    };
    if matched.bent == Bent::LastLineFeed && new.ends_with(b"\n") {
        new.truncate(bare_len(&new));
    }
    new
}

fn bare_len(text: &[u8]) -> usize {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text).len()
}

fn put(source: &[u8], spans: &[(usize, usize)], new: &[u8]) -> Edited {
    let mut out = Vec::with_capacity(source.len() + spans.len() * new.len());
    let (mut places, mut removed_lines, mut from, mut line) = (Vec::new(), 0, 0, 1);
    for &(begin, end) in spans {
        out.extend_from_slice(&source[from..begin]);
        line += newlines(&source[from..begin]);
        places.push(line);
        line += newlines(new);
        out.extend_from_slice(new);
        removed_lines += lines(&source[begin..end]).count();
        from = end;
    }
    out.extend_from_slice(&source[from..]);
    Edited { source: out, places, removed_lines, added_lines: lines(new).count() * spans.len() }
}

fn not_found(source: &[u8], old: &[u8]) -> EditError {
    let nearest = nearest::find(source, old);
    let why = match &nearest {
        _ if source.is_empty() => "the file is empty".to_owned(),
        _ if old.windows(3).any(|w| w == "\u{fffd}".as_bytes()) && std::str::from_utf8(source).is_err() => {
            "the file has bytes that are not UTF-8; quote only text around them".to_owned()
        }
        None => "nothing in the file is similar".to_owned(),
        Some(region) => difference(region, old),
    };
    EditError::NotFound { why, nearest }
}

/// What distinguishes the nearest text from the one that was looked for.
fn difference(region: &Region, old: &[u8]) -> String {
    let (have, want): (Vec<&[u8]>, Vec<&[u8]>) =
        (lines(&region.text).map(bare).collect(), lines(old).map(bare).collect());
    let same = |key: fn(&[u8]) -> Vec<u8>| {
        have.len() == want.len() && have.iter().zip(&want).all(|(have, want)| key(have) == key(want))
    };
    let place = format!("lines {}-{}", region.first_line, region.first_line + have.len().saturating_sub(1));
    if same(|line| line.trim_ascii_end().to_vec()) {
        return format!("{place} differ in white space at the end of lines");
    }
    if same(|line| line.trim_ascii().to_vec()) {
        let tabs = |lines: &[&[u8]]| lines.iter().any(|line| line.starts_with(b"\t"));
        let kind = match (tabs(&have), tabs(&want)) {
            (true, false) => "; the file is indented with tabs",
            (false, true) => "; the file is indented with spaces",
            _ => "",
        };
        return format!("{place} differ in indentation only{kind}");
    }
    if same(squeezed) {
        return format!("{place} differ in white space only");
    }
    if same(|line| line.to_ascii_lowercase()) {
        return format!("{place} differ in upper and lower case");
    }
    match have.iter().zip(&want).position(|(have, want)| have != want) {
        Some(at) if have.len() == want.len() || at > 0 => format!(
            "the nearest is {place}, where line {} is {:?}, not {:?}",
            region.first_line + at,
            excerpt(have[at], MAX_LINE_BYTES),
            excerpt(want[at], MAX_LINE_BYTES)
        ),
        _ => format!("the nearest is {place}"),
    }
}

fn squeezed(line: &[u8]) -> Vec<u8> {
    line.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

fn joined(lines: &[usize]) -> String {
    lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn once(source: &str, old: &str, new: &str) -> Result<String, EditError> {
        replace(source.as_bytes(), old.as_bytes(), new.as_bytes(), Occurrences::Only)
            .map(|edited| String::from_utf8(edited.source).expect("UTF-8"))
    }

    fn why(source: &str, old: &str) -> (String, Option<(usize, String)>) {
        match once(source, old, "brand new") {
            Err(EditError::NotFound { why, nearest }) => {
                let show =
                    |region: Region| (region.first_line, String::from_utf8(region.text).expect("UTF-8"));
                (why, nearest.map(show))
            }
            other => panic!("found: {other:?}"),
        }
    }

    #[test]
    fn the_only_occurrence_is_replaced() {
        assert_eq!(once("a\nb\nc\n", "b\n", "x\ny\n").as_deref(), Ok("a\nx\ny\nc\n"));
        assert_eq!(once("a\nb", "b", "").as_deref(), Ok("a\n"));
        let edited = replace(b"a\nb\nc", b"b\nc", b"x", Occurrences::Only).expect("found");
        assert_eq!((edited.places, edited.removed_lines, edited.added_lines), (vec![2], 2, 1));
    }

    #[test]
    fn all_occurrences_are_replaced_only_when_asked_for() {
        let error = once("x\ny\nx\n", "x", "z").expect_err("ambiguous");
        assert_eq!(error.to_string(), "old_text occurs 2 times, at lines 1, 3");
        let edited = replace(b"x\ny\nx\n", b"x", b"1\n2", Occurrences::All).expect("found");
        assert_eq!((edited.source, edited.places), (b"1\n2\ny\n1\n2\n".to_vec(), vec![1, 4]));
        assert_eq!(once("x", "", "z"), Err(EditError::Empty));
        assert_eq!(once("x", "x", "x"), Err(EditError::Same));
    }

    #[test]
    fn line_endings_follow_the_file() {
        assert_eq!(once("a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\nz\n").as_deref(), Ok("x\r\ny\r\nz\r\nc\r\n"));
        assert_eq!(once("a\r\nb\r\n", "b", "x\ny").as_deref(), Ok("a\r\nx\r\ny\r\n"));
        assert_eq!(once("a\nb\n", "a\r\nb", "x\r\ny").as_deref(), Ok("x\ny\n"));
        assert_eq!(once("a\r\nb\r\n", "\nb", "!").as_deref(), Ok("a!\r\n"));
        assert_eq!(once("a\nb\r\nc\n", "b\nc", "x").as_deref(), Ok("a\nx\n"));
        assert_eq!(once("a\r\n", "a\n", "a\r\n"), Err(EditError::Same));
    }

    #[test]
    fn a_missing_final_line_feed_stays_missing() {
        assert_eq!(once("a\nb", "b\n", "c\n").as_deref(), Ok("a\nc"));
        assert_eq!(once("a\r\nb", "b\n", "c\nd\n").as_deref(), Ok("a\r\nc\r\nd"));
    }

    #[test]
    fn the_reason_is_named() {
        let source = "def f():\n    if x:\n        return 1\n    return 2\n";
        let (text, near) = why(source, "  if x:\n      return 1\n");
        assert_eq!(text, "lines 2-3 differ in indentation only");
        assert_eq!(near, Some((2, "    if x:\n        return 1\n".to_owned())));
        assert_eq!(
            why("\tif x:\n\t\treturn 1\n", "    if x:\n        return 1\n").0,
            "lines 1-2 differ in indentation only; the file is indented with tabs"
        );
        assert_eq!(
            why(source, "    if x: \n        return 1\n").0,
            "lines 2-3 differ in white space at the end of lines"
        );
        assert_eq!(why(source, "    if x:\n        return  1").0, "lines 2-3 differ in white space only");
        assert_eq!(why(source, "DEF f():").0, "lines 1-1 differ in upper and lower case");
        assert_eq!(
            why(source, "        return 1\n    return 3\n").0,
            "the nearest is lines 3-4, where line 4 is \"    return 2\", not \"    return 3\""
        );
        assert_eq!(why(source, "zzz qqq"), ("nothing in the file is similar".to_owned(), None));
        assert_eq!(why("", "x"), ("the file is empty".to_owned(), None));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_and_explained() {
        let source = b"a\xff\nb\n";
        let edited = replace(source, b"b", b"c", Occurrences::Only).expect("found");
        assert_eq!(edited.source, b"a\xff\nc\n");
        let error = replace(source, "a\u{fffd}".as_bytes(), b"c", Occurrences::Only).expect_err("not there");
        assert!(error.to_string().contains("not UTF-8"), "{error}");
    }
}
