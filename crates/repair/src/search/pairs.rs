//! Two changes together, once single ones are exhausted.

use std::collections::HashSet;

use super::round::{Round, Tried};
use crate::EditKind;
use crate::edit::{Candidate, Replacement};

/// Changes that have an effect worth adding to, and those that may add to it.
const FIRST: usize = 60;
const SECOND: usize = 160;
/// Most pairs.
const MOST: usize = 4000;

/// Pairs of the tried candidates, the likeliest first: those that turned something green or changed how the tests
/// fail, each with others of the same file.
pub(super) fn of(round: &Round) -> Vec<Candidate> {
    let mut usual: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for tried in round.results.iter().flatten() {
        *usual.entry(tried.signature.as_str()).or_default() += 1;
    }
    let base = usual.into_iter().max_by_key(|(_, count)| *count).map_or("", |(name, _)| name).to_owned();
    let worth = |tried: &Tried| match tried.result.as_str() {
        "partial" | "group" => 3.0,
        "breaks" => 1.5,
        "fail" if tried.signature != base => 1.2,
        "fail" => 0.6,
        _ => 0.0,
    };
    let mut firsts: Vec<(f64, usize)> = round
        .results
        .iter()
        .enumerate()
        .filter_map(|(n, t)| t.as_ref().map(|t| (worth(t) * round.candidates[n].score, n)))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    firsts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let seconds: Vec<(f64, usize)> = firsts.iter().copied().take(SECOND).collect();
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for (score, first) in firsts.into_iter().take(FIRST) {
        for (other_score, second) in seconds.iter().filter(|(_, s)| *s != first) {
            let (a, b) = (&round.candidates[first], &round.candidates[*second]);
            if let Some(both) = joined(a, b, score * other_score)
                && seen.insert((both.file, both.replacements.clone()))
            {
                found.push(both);
            }
        }
    }
    crate::generate::sort(&mut found);
    found.truncate(MOST);
    found
}

fn joined(a: &Candidate, b: &Candidate, score: f64) -> Option<Candidate> {
    if a.file != b.file {
        return None;
    }
    let mut replacements: Vec<Replacement> = a.replacements.iter().chain(&b.replacements).cloned().collect();
    replacements.sort();
    if replacements.windows(2).any(|two| two[0].end >= two[1].start) {
        return None;
    }
    Some(Candidate {
        file: a.file,
        replacements,
        kind: EditKind::Pair,
        score,
        line: a.line.min(b.line),
        last_line: a.last_line.max(b.last_line),
        scope: if a.scope == b.scope { a.scope } else { None },
        special: a.special || b.special,
    })
}
