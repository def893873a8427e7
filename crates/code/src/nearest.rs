//! The place in a source that is most like a text that is not in it.
//!
//! Lines are compared by the set of their letter pairs, hashed into 256 bits: one pass over the source, then a few word
//! operations for each pair of lines, so that the time is bounded by the size of the source alone.

use crate::lines::{bare, lines};

/// Lines longer than this are looked at in pieces.
const PIECE_BYTES: usize = 400;
/// Pairs of lines that are compared at most.
const MAX_COMPARISONS: usize = 8 << 20;
/// Lines of the wanted text that take part at most.
const MAX_ANCHORS: usize = 64;
/// Mean likeness below which a place is no help.
const MIN_LIKENESS: f32 = 0.4;
/// How much is shown.
const MAX_REGION_LINES: usize = 24;
/// How much is shown in bytes.
const MAX_REGION_BYTES: usize = 2400;

/// A part of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its first line, from 1.
    pub first_line: usize,
    /// Its bytes, as they are, bounded.
    pub text: Vec<u8>,
    /// Whether the bound left something out.
    pub cut: bool,
}

struct Piece {
    line: usize,
    begin: usize,
    end: usize,
    print: Fingerprint,
}

#[derive(Clone, Copy, Default)]
struct Fingerprint([u64; 4]);

/// Finds the most similar place.
pub(crate) fn find(source: &[u8], wanted: &[u8]) -> Option<Region> {
    let here = pieces(source);
    let wanted = pieces(wanted);
    let anchors = anchors(&wanted, here.len());
    if anchors.is_empty() || here.is_empty() {
        return None;
    }
    // The score of a window is that of the anchors at their own places in it.
    let lead = wanted.len();
    let mut scores = vec![0f32; here.len() + lead];
    let mut most = 0f32;
    for &anchor in &anchors {
        let print = wanted[anchor].print;
        // A line with much in it says more than a brace.
        let weight = print.size() as f32;
        most += weight;
        for (at, piece) in here.iter().enumerate() {
            scores[at + lead - anchor] += weight * piece.print.likeness(print);
        }
    }
    let (best, score) = scores
        .iter()
        .enumerate()
        .fold((0, 0f32), |best, (at, score)| if *score > best.1 { (at, *score) } else { best });
    if score < most * MIN_LIKENESS {
        return None;
    }
    let first = best.saturating_sub(lead).min(here.len() - 1);
    let last = (best + wanted.len()).saturating_sub(lead + 1).clamp(first, here.len() - 1);
    Some(region(source, &here[first], &here[last]))
}

fn region(source: &[u8], first: &Piece, last: &Piece) -> Region {
    let whole = &source[first.begin..last.end.max(first.end)];
    let mut end = lines(whole).take(MAX_REGION_LINES).map(<[u8]>::len).sum::<usize>();
    if end > MAX_REGION_BYTES {
        end = (0..=MAX_REGION_BYTES).rev().find(|at| whole[*at] & 0xC0 != 0x80).unwrap_or(MAX_REGION_BYTES);
    }
    Region { first_line: first.line, text: whole[..end].to_vec(), cut: end < whole.len() }
}

fn pieces(source: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    for (index, line) in lines(source).enumerate() {
        for part in line.chunks(PIECE_BYTES) {
            let print = Fingerprint::of(bare(part).trim_ascii());
            pieces.push(Piece { line: index + 1, begin, end: begin + part.len(), print });
            begin += part.len();
        }
    }
    pieces
}

/// Which pieces of the wanted text take part: those that are not blank, spread evenly, as many as time allows.
fn anchors(wanted: &[Piece], here: usize) -> Vec<usize> {
    let telling: Vec<usize> = (0..wanted.len()).filter(|at| wanted[*at].print.size() > 0).collect();
    let most = (MAX_COMPARISONS / here.max(1)).clamp(1, MAX_ANCHORS);
    let step = telling.len().div_ceil(most).max(1);
    telling.into_iter().step_by(step).collect()
}

impl Fingerprint {
    fn of(text: &[u8]) -> Self {
        let mut bits = [0u64; 4];
        let mut before = b' ';
        for byte in text.iter().map(u8::to_ascii_lowercase) {
            if !(byte == b' ' && before == b' ') {
                let hash = (u32::from(before) << 8 | u32::from(byte)).wrapping_mul(0x9E37_79B1) >> 24;
                bits[(hash >> 6) as usize] |= 1 << (hash & 63);
            }
            before = byte;
        }
        Self(bits)
    }

    fn size(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// How alike a line is to a wanted one, from 0 to 1: the mean of what they share of both together, and of what the
    /// wanted one has in the other, so that a line that only goes on longer is still near.
    fn likeness(self, wanted: Self) -> f32 {
        let (mut both, mut any) = (0, 0);
        for (a, b) in self.0.iter().zip(wanted.0) {
            both += (a & b).count_ones();
            any += (a | b).count_ones();
        }
        let (both, any, size) = (both as f32, any.max(1) as f32, wanted.size().max(1) as f32);
        (both / any + both / size) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(source: &str, wanted: &str) -> Option<(usize, String)> {
        find(source.as_bytes(), wanted.as_bytes())
            .map(|region| (region.first_line, String::from_utf8(region.text).expect("UTF-8")))
    }

    #[test]
    fn the_most_similar_lines_are_found() {
        let source = "fn one() {\n    1\n}\n\nfn second(x: u8) -> u8 {\n    x + 2\n}\n";
        let got = near(source, "fn second(y: u8) -> u8 {\n    y + 3\n}\n");
        assert_eq!(got, Some((5, "fn second(x: u8) -> u8 {\n    x + 2\n}\n".to_owned())));
        assert_eq!(near(source, "class Unrelated: pass # 77"), None);
        assert_eq!(near(source, "\n\n"), None);
        assert_eq!(near("", "x"), None);
    }

    #[test]
    fn a_window_may_begin_before_or_end_after_the_source() {
        assert_eq!(near("alpha beta\ngamma delta\n", "zero\nalpha beta\n").map(|r| r.0), Some(1));
        assert_eq!(
            near("alpha beta\ngamma delta\n", "gamma delta\nomega\n"),
            Some((2, "gamma delta\n".to_owned()))
        );
    }

    #[test]
    fn five_megabytes_are_no_matter() {
        let lines: String =
            (0..120_000).map(|n| format!("let value_{n} = compute({n}, {});\n", n * 7)).collect();
        let wanted: String =
            (60_000..60_200).map(|n| format!("let value_{n} = computed({n}, {});\n", n * 7)).collect();
        assert!(lines.len() > 5_000_000 - 1_000_000);
        let region = find(lines.as_bytes(), wanted.as_bytes()).expect("something similar");
        assert!(region.cut && region.text.len() <= MAX_REGION_BYTES);

        let one_line = "abc def ghi ".repeat(420_000);
        let region = find(one_line.as_bytes(), b"abc deff ghi").expect("something similar");
        assert!(region.text.len() <= MAX_REGION_BYTES);
        assert!(find("\n".repeat(5 << 20).as_bytes(), "x\n".repeat(2 << 20).as_bytes()).is_none());
    }
}
