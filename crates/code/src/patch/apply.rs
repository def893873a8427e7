//! Finding the place of each hunk, and putting its lines there.

use std::path::Path;

use memchr::memmem;

use super::{Hunk, HunkLine, LineKind, PatchError};
use crate::lines::{bare, excerpt, is_crlf, lines};
use crate::nearest;

/// A hunk whose lines occur several times goes to the occurrence that is this near to its line number, in lines.
const MAX_AMBIGUOUS_SHIFT: usize = 50;
/// Places that are looked at for one hunk.
const MAX_CANDIDATES: usize = 100;
/// How many places of a hunk that fits several are named.
const MAX_PLACES: usize = 8;
/// How much of a differing line is shown.
const MAX_LINE_BYTES: usize = 160;

/// A source with hunks applied.
pub(super) struct Applied {
    pub(super) source: Vec<u8>,
    pub(super) shifts: Vec<isize>,
}

/// How strictly lines are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    /// Byte for byte.
    Exact,
    /// Without their terminators: for a file whose endings the patch does not reproduce.
    Endings,
}

struct Place {
    begin: usize,
    compare: Compare,
}

/// Applies all hunks, in their order, or none.
pub(super) fn hunks(source: &[u8], hunks: &[Hunk], path: &Path) -> Result<Applied, PatchError> {
    let have: Vec<&[u8]> = lines(source).collect();
    let crlf = is_crlf(source);
    let mut out = Vec::with_capacity(source.len());
    let (mut shifts, mut from, mut drift) = (Vec::new(), 0, 0isize);
    for (index, hunk) in hunks.iter().enumerate() {
        let old: Vec<&[u8]> = hunk.old().map(|line| line.text.as_slice()).collect();
        let place = locate(&have, &old, hunk.old_start, from, drift)
            .map_err(|why| refuse(source, &have, &old, from, path, index + 1, why))?;
        have[from..place.begin].iter().for_each(|line| push_line(&mut out, line));
        put(hunk, &have[place.begin..], place.compare, crlf, &mut out);
        let shift =
            hunk.old_start.map_or(0, |start| place.begin as isize - zero_based(start, old.len()) as isize);
        from = place.begin + old.len();
        drift = shift;
        shifts.push(shift);
    }
    have[from..].iter().for_each(|line| push_line(&mut out, line));
    Ok(Applied { source: out, shifts })
}

impl Hunk {
    fn old(&self) -> impl Iterator<Item = &HunkLine> {
        self.lines.iter().filter(|line| line.kind != LineKind::Added)
    }
}

/// The index of a hunk's first old line. A hunk without old lines stands after the line that it names.
fn zero_based(start: usize, old_count: usize) -> usize {
    if old_count == 0 { start } else { start.saturating_sub(1) }
}

fn locate(
    have: &[&[u8]],
    old: &[&[u8]],
    start: Option<usize>,
    from: usize,
    drift: isize,
) -> Result<Place, Option<String>> {
    let wanted = start.map(|start| zero_based(start, old.len()));
    if old.is_empty() {
        let begin = match wanted {
            Some(begin) => begin.saturating_add_signed(drift),
            None if have.is_empty() => 0,
            None => return Err(Some("it has no line to place it by, and no line number".to_owned())),
        };
        if begin < from || begin > have.len() {
            return Err(Some(format!("the file has {} lines", have.len())));
        }
        return Ok(Place { begin, compare: Compare::Exact });
    }
    for compare in [Compare::Exact, Compare::Endings] {
        let here = |begin: usize| (begin >= from && fits(have, old, begin, compare)).then_some(begin);
        let at_once =
            wanted.and_then(|wanted| here(wanted.saturating_add_signed(drift)).or_else(|| here(wanted)));
        let begin = match at_once {
            Some(begin) => Some(begin),
            None => choose(&everywhere(have, old, from, compare), wanted)?,
        };
        if let Some(begin) = begin {
            return Ok(Place { begin, compare });
        }
    }
    Err(None)
}

/// All places where a hunk fits, up to a bound.
fn everywhere(have: &[&[u8]], old: &[&[u8]], from: usize, compare: Compare) -> Vec<usize> {
    // Between line feeds, so that only whole lines match, and in time that depends on the size alone.
    let (text, starts) = joined(&have[from.min(have.len())..]);
    let (wanted, _) = joined(old);
    let finder = memmem::Finder::new(&wanted);
    let mut places = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_CANDIDATES {
        let Some(hit) = finder.find(&text[at..]) else { break };
        let begin = from + starts.partition_point(|start| *start < at + hit);
        if fits(have, old, begin, compare) {
            places.push(begin);
        }
        at += hit + 1;
    }
    places
}

/// Lines without their terminators, each between two line feeds, and where each begins.
fn joined(lines: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
    let mut text = Vec::with_capacity(1 + lines.iter().map(|line| line.len() + 1).sum::<usize>());
    let mut starts = Vec::with_capacity(lines.len());
    text.push(b'\n');
    for line in lines {
        starts.push(text.len() - 1);
        text.extend_from_slice(bare(line));
        text.push(b'\n');
    }
    (text, starts)
}

fn choose(places: &[usize], wanted: Option<usize>) -> Result<Option<usize>, Option<String>> {
    if places.len() < 2 {
        return Ok(places.first().copied());
    }
    if let Some(wanted) = wanted {
        let mut by_distance: Vec<usize> = places.to_vec();
        by_distance.sort_by_key(|place| place.abs_diff(wanted));
        let (first, second) = (by_distance[0].abs_diff(wanted), by_distance[1].abs_diff(wanted));
        if first < second && first <= MAX_AMBIGUOUS_SHIFT {
            return Ok(Some(by_distance[0]));
        }
    }
    let named: Vec<String> = places.iter().take(MAX_PLACES).map(|place| (place + 1).to_string()).collect();
    Err(Some(format!(
        "its lines occur {} times, at lines {}; give more context",
        places.len(),
        named.join(", ")
    )))
}

fn fits(have: &[&[u8]], old: &[&[u8]], begin: usize, compare: Compare) -> bool {
    let Some(there) = have.get(begin..begin + old.len()) else { return false };
    there.iter().zip(old).all(|(have, old)| match compare {
        Compare::Exact => have == old,
        Compare::Endings => bare(have) == bare(old),
    })
}

fn put(hunk: &Hunk, have: &[&[u8]], compare: Compare, crlf: bool, out: &mut Vec<u8>) {
    let mut at = 0;
    for line in &hunk.lines {
        match line.kind {
            LineKind::Context => {
                push_line(out, have[at]);
                at += 1;
            }
            LineKind::Removed => at += 1,
            LineKind::Added if compare == Compare::Exact => push_line(out, &line.text),
            LineKind::Added => {
                push_line(out, bare(&line.text));
                out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
            }
        }
    }
    keep_missing_line_feed(hunk, have, at, compare, out);
}

/// Where a hunk that was found by its bare lines replaces the last line, a line feed that was missing stays missing.
fn keep_missing_line_feed(hunk: &Hunk, have: &[&[u8]], at: usize, compare: Compare, out: &mut Vec<u8>) {
    let adds_last = hunk.lines.last().is_some_and(|line| line.kind == LineKind::Added);
    let replaced_last = at > 0 && at == have.len() && !have[at - 1].ends_with(b"\n");
    if compare == Compare::Endings && adds_last && replaced_last {
        out.truncate(bare_len(out));
    }
}

/// Adds a line, after a line feed where the one before lacks it.
fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.extend_from_slice(line);
}

fn bare_len(text: &[u8]) -> usize {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text).len()
}

fn refuse(
    source: &[u8],
    have: &[&[u8]],
    old: &[&[u8]],
    from: usize,
    path: &Path,
    hunk: usize,
    why: Option<String>,
) -> PatchError {
    let path = path.to_owned();
    if let Some(why) = why {
        return PatchError::Hunk { path, hunk, why, nearest: None };
    }
    if !everywhere(have, old, 0, Compare::Endings).is_empty() {
        let why = format!("its lines come before line {}, where the hunk before it ended", from + 1);
        return PatchError::Hunk { path, hunk, why, nearest: None };
    }
    let nearest = nearest::find(source, &old.concat());
    let differs = nearest.as_ref().and_then(|region| {
        let there = have.get(region.first_line - 1..)?;
        let at = there.iter().zip(old).position(|(have, old)| bare(have) != bare(old))?;
        Some(format!(
            "line {} of the file is {:?}, not {:?}",
            region.first_line + at,
            excerpt(bare(there[at]), MAX_LINE_BYTES),
            excerpt(bare(old[at]), MAX_LINE_BYTES)
        ))
    });
    let why = differs
        .unwrap_or_else(|| "nothing in the file is similar to its context and removed lines".to_owned());
    PatchError::Hunk { path, hunk, why, nearest }
}
