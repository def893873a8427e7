//! Which tests judge a candidate: those that run the lines it changes, the telling ones first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::edit::Candidate;
use crate::source::SourceFile;
use crate::survey::{Survey, Test, TestOutcome};

/// Most failing tests that every candidate of a place is tried on; the others wait until one of these turns green.
const FIRST: usize = 4;

/// The tests of a place, as numbers of the survey's tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    pub(super) first: Vec<usize>,
    pub(super) failing: Vec<usize>,
    pub(super) passing: Vec<usize>,
    /// Targets that don't run the lines.
    pub(super) others: Vec<usize>,
}

/// The plans of all candidates, each different one once.
pub(super) struct Plans<'a> {
    survey: &'a Survey,
    targets: &'a [usize],
    pub(super) list: Vec<Plan>,
    known: BTreeMap<(usize, u32, u32), usize>,
    everything: Option<usize>,
}

impl<'a> Plans<'a> {
    pub(super) fn new(survey: &'a Survey, targets: &'a [usize]) -> Self {
        Self { survey, targets, list: Vec::new(), known: BTreeMap::new(), everything: None }
    }

    /// Number of the plan of a candidate.
    pub(super) fn of(&mut self, candidate: &Candidate, file: &SourceFile) -> usize {
        // What runs on import can change any test.
        let imported = candidate.scope.is_none();
        if imported {
            return match self.everything {
                Some(number) => number,
                None => {
                    let plan = self.make(|_| true);
                    let number = self.add(plan);
                    self.everything = Some(number);
                    number
                }
            };
        }
        let key = (candidate.file, candidate.line, candidate.last_line);
        if let Some(number) = self.known.get(&key) {
            return *number;
        }
        let runs = |test: &Test| {
            test.lines.as_ref().is_none_or(|files| {
                files.get(&file.path).is_some_and(|lines| {
                    lines.range(candidate.line..=candidate.last_line.max(candidate.line)).next().is_some()
                })
            })
        };
        let plan = self.make(runs);
        // A clause without lines of its own, such as `else:`: the whole function's tests.
        let plan = if plan.first.is_empty() { self.make(|_| true) } else { plan };
        let number = self.add(plan);
        self.known.insert(key, number);
        number
    }

    fn add(&mut self, plan: Plan) -> usize {
        match self.list.iter().position(|p| *p == plan) {
            Some(number) => number,
            None => {
                self.list.push(plan);
                self.list.len() - 1
            }
        }
    }

    fn make(&self, runs: impl Fn(&Test) -> bool) -> Plan {
        let tests = &self.survey.tests;
        let quickest = |list: &mut Vec<usize>| {
            list.sort_by(|a, b| tests[*a].seconds.total_cmp(&tests[*b].seconds).then(a.cmp(b)))
        };
        let mut failing: Vec<usize> = self.targets.iter().copied().filter(|n| runs(&tests[*n])).collect();
        quickest(&mut failing);
        let first = telling(tests, &failing);
        failing.retain(|n| !first.contains(n));
        let mut passing: Vec<usize> = (0..tests.len())
            .filter(|n| tests[*n].outcome == TestOutcome::Passed && runs(&tests[*n]))
            .collect();
        quickest(&mut passing);
        let others =
            self.targets.iter().copied().filter(|n| !first.contains(n) && !failing.contains(n)).collect();
        Plan { first, failing, passing, others }
    }
}

/// The quickest test of each way to fail, the most frequent way first; `failing` is sorted by time.
fn telling(tests: &[Test], failing: &[usize]) -> Vec<usize> {
    let way = |n: usize| {
        let test = &tests[n];
        let place = test.frames.iter().rev().find(|f| f.path != test.file).map(|f| (f.path.as_str(), f.line));
        (test.hung, test.kind.as_str(), place)
    };
    let mut ways: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for number in failing {
        ways.entry(way(*number)).or_default().push(*number);
    }
    if ways.keys().any(|(hung, _, _)| !hung) {
        // A test that hangs is the dearest one to try.
        ways.retain(|(hung, _, _), _| !hung);
    }
    let mut groups: Vec<Vec<usize>> = ways.into_values().collect();
    groups.sort_by_key(|g| (tests[g[0]].hung, std::cmp::Reverse(g.len()), g[0]));
    let mut first: BTreeSet<usize> = groups.iter().take(FIRST).map(|g| g[0]).collect();
    if first.len() == 1
        && !tests[groups[0][0]].hung
        && let Some(second) = groups[0].get(1)
    {
        first.insert(*second);
    }
    first.into_iter().collect()
}
