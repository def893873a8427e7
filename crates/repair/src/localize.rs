//! How suspicious each line is: the spectrum of the tests (Ochiai), raised by stack traces.

use std::collections::BTreeMap;

use crate::Suspect;
use crate::source::SourceFile;
use crate::survey::{Survey, TestOutcome};

/// Suspicion of lines, by file number, then line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspicion {
    lines: BTreeMap<(usize, u32), f64>,
}

/// How much the line where the exception came from counts beyond its spectrum, and the lines that led there.
const INNERMOST: f64 = 0.8;
const ON_THE_WAY: f64 = 0.35;
const SAME_FUNCTION: f64 = 0.25;

impl Suspicion {
    /// Suspicion of a line; 0 if no failing test runs it.
    pub(crate) fn of(&self, file: usize, line: u32) -> f64 {
        self.lines.get(&(file, line)).copied().unwrap_or(0.0)
    }

    /// The highest suspicion among some lines of a file.
    pub(crate) fn highest(&self, file: usize, first: u32, last: u32) -> f64 {
        if first > last {
            return 0.0;
        }
        self.lines.range((file, first)..=(file, last)).map(|(_, s)| *s).fold(0.0, f64::max)
    }

    /// Whether anything in the file is suspicious.
    pub(crate) fn touches(&self, file: usize) -> bool {
        self.lines.range((file, 0)..=(file, u32::MAX)).next().is_some()
    }

    /// The most suspicious lines, the first `count`.
    pub(crate) fn suspects(&self, files: &[SourceFile], count: usize) -> Vec<Suspect> {
        let mut all: Vec<(&(usize, u32), &f64)> = self.lines.iter().collect();
        all.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
        all.into_iter()
            .take(count)
            .map(|((file, line), suspicion)| {
                let source = &files[*file];
                Suspect {
                    path: source.path.clone(),
                    line: *line,
                    function: source
                        .function_on(*line)
                        .map_or(String::new(), |n| source.functions[n].qualified.clone()),
                    suspicion: *suspicion,
                    text: source.line_text(*line).to_owned(),
                }
            })
            .collect()
    }
}

/// Works out the suspicion of every line that a failing target runs.
pub(crate) fn localize(survey: &Survey, targets: &[usize], files: &[SourceFile]) -> Suspicion {
    let number_of: BTreeMap<&str, usize> =
        files.iter().enumerate().map(|(n, f)| (f.path.as_str(), n)).collect();
    let mut counts: BTreeMap<(usize, u32), (f64, f64)> = BTreeMap::new();
    let mut traced_failing = 0.0;
    for (number, test) in survey.tests.iter().enumerate() {
        let failing = targets.contains(&number);
        let Some(lines) = test.lines.as_ref().filter(|_| failing || test.outcome == TestOutcome::Passed)
        else {
            continue;
        };
        traced_failing += f64::from(u8::from(failing));
        for (file, line) in lines
            .iter()
            .filter_map(|(p, l)| Some((*number_of.get(p.as_str())?, l)))
            .flat_map(|(f, l)| l.iter().map(move |line| (f, *line)))
        {
            let entry = counts.entry((file, line)).or_default();
            if failing { entry.0 += 1.0 } else { entry.1 += 1.0 }
        }
    }
    let mut lines: BTreeMap<(usize, u32), f64> = counts
        .into_iter()
        .filter(|(_, (failed, _))| *failed > 0.0)
        .map(|(place, (failed, passed))| {
            (place, failed / (f64::max(traced_failing, 1.0) * (failed + passed)).sqrt())
        })
        .collect();
    raise_by_traces(&mut lines, survey, targets, files, &number_of);
    let highest = lines.values().copied().fold(0.0, f64::max);
    if highest > 0.0 {
        lines.values_mut().for_each(|s| *s /= highest);
    }
    Suspicion { lines }
}

fn raise_by_traces(
    lines: &mut BTreeMap<(usize, u32), f64>,
    survey: &Survey,
    targets: &[usize],
    files: &[SourceFile],
    number_of: &BTreeMap<&str, usize>,
) {
    let mut raised: BTreeMap<(usize, u32), f64> = BTreeMap::new();
    for number in targets {
        let own: Vec<(usize, u32)> = survey.tests[*number]
            .frames
            .iter()
            .filter_map(|f| Some((*number_of.get(f.path.as_str())?, f.line)))
            .collect();
        for (at, (file, line)) in own.iter().enumerate() {
            let amount = if at + 1 == own.len() { INNERMOST } else { ON_THE_WAY };
            raise(&mut raised, (*file, *line), amount);
        }
        if let Some((file, line)) = own.last()
            && let Some(function) = files[*file].function_on(*line)
        {
            let function = &files[*file].functions[function];
            for (place, _) in lines.range((*file, function.first_line)..=(*file, function.last_line)) {
                raise(&mut raised, *place, SAME_FUNCTION);
            }
        }
    }
    for (place, amount) in raised {
        // Without a trace of lines (a module that can't be imported) the stack is all there is.
        let base = lines.entry(place).or_insert(0.3);
        *base *= 1.0 + amount;
    }
}

fn raise(raised: &mut BTreeMap<(usize, u32), f64>, place: (usize, u32), amount: f64) {
    let entry = raised.entry(place).or_default();
    *entry = entry.max(amount);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::{Frame, Test};

    fn test(outcome: TestOutcome, lines: &[u32], frame: Option<u32>) -> Test {
        Test {
            outcome,
            lines: Some([("a.py".to_owned(), lines.iter().copied().collect())].into()),
            frames: frame
                .map(|line| Frame { path: "a.py".into(), line, function: "f".into() })
                .into_iter()
                .collect(),
            ..Test::default()
        }
    }

    #[test]
    fn lines_of_failing_tests_alone_are_most_suspicious() {
        let files = [SourceFile::parse("a.py", "def f():\n    a\n    b\n    c\n")];
        let survey = Survey {
            tests: vec![test(TestOutcome::Failed, &[2, 3], None), test(TestOutcome::Passed, &[2, 4], None)],
            ..Survey::default()
        };
        let suspicion = localize(&survey, &[0], &files);
        assert!(suspicion.of(0, 3) > suspicion.of(0, 2) && suspicion.of(0, 2) > 0.0);
        assert_eq!(suspicion.of(0, 4), 0.0);
    }

    #[test]
    fn the_line_that_raised_comes_first() {
        let files = [SourceFile::parse("a.py", "def f():\n    a\n    b\n    c\n")];
        let survey =
            Survey { tests: vec![test(TestOutcome::Failed, &[2, 3, 4], Some(3))], ..Survey::default() };
        assert_eq!(localize(&survey, &[0], &files).suspects(&files, 1)[0].line, 3);
    }
}
