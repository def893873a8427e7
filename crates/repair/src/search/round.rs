//! One round: all candidates for the tests that fail now, tried by the driver.

use std::time::{Duration, Instant};

use sandbox::Exec;
use serde::Deserialize;
use serde_json::{Value, json};

use super::plan::Plans;
use super::{Job, OnProgress, pairs};
use crate::choose::{self, Choice};
use crate::driver::{Event, typed};
use crate::edit::{Candidate, apply};
use crate::generate::{self, Hints};
use crate::localize::Suspicion;
use crate::source::SourceFile;
use crate::survey::Survey;
use crate::{Progress, RepairError};

/// Time that an ended search has for its last words.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// How often progress is told.
const TELL: Duration = Duration::from_millis(400);
/// Candidates looked at after the first one that repairs everything it can reach, but not all targets: so many, and
/// as many again as it took to find it, twice.
const AFTER_GROUP: usize = 1200;

/// How far a candidate got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Every target is green.
    All,
    /// Some are.
    Some,
}

/// What the driver says of one candidate.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tried {
    #[serde(rename = "i")]
    index: usize,
    /// `plausible`, `group` (all targets that it can reach), `partial`, `breaks`, `fail`, `compile`, `hang`, `crash`.
    #[serde(rename = "r")]
    pub(super) result: String,
    #[serde(rename = "g", default)]
    green: Vec<usize>,
    #[serde(rename = "s", default)]
    pub(super) signature: String,
}

/// Candidates and what came of them.
#[derive(Default)]
pub(super) struct Round {
    pub(super) candidates: Vec<Candidate>,
    pub(super) results: Vec<Option<Tried>>,
    /// The first candidate that was not tried, because a step for some of the targets was found.
    pub(super) cut_at: Option<usize>,
    exhausted: bool,
}

#[derive(Deserialize)]
struct Searched {
    reason: String,
    next: usize,
    tried: usize,
    test_seconds: f64,
}

/// Generates the candidates and tries them, from number `from` on; pairs of them when no single one helps.
pub(super) async fn search<E: Exec>(
    job: &mut Job<'_, E>,
    survey: &Survey,
    targets: &[usize],
    suspicion: &Suspicion,
    hints: &Hints,
    from: usize,
    on_progress: OnProgress<'_>,
) -> Result<Round, RepairError> {
    let room = job.request.limits.candidates.saturating_sub(job.tally.tried);
    let mut candidates = generate::candidates(&job.files, suspicion, hints, room + from);
    job.tally.out_of_candidates |= candidates.len() == room + from;
    let candidates = candidates.split_off(from.min(candidates.len()));
    let mut round = attempt(job, survey, targets, candidates, from == 0, on_progress).await?;
    if let Some(cut) = &mut round.cut_at {
        *cut += from;
    }
    let helped = round.results.iter().flatten().any(|t| matches!(t.result.as_str(), "plausible" | "group"));
    if !helped && round.exhausted && !job.time_left().is_zero() {
        let mut pairs = pairs::of(&round);
        pairs.truncate(job.request.limits.candidates.saturating_sub(job.tally.tried));
        let mut second = attempt(job, survey, targets, pairs, false, on_progress).await?;
        let complete = second.results.iter().flatten().any(|t| t.result == "plausible");
        let partial = round.results.iter().flatten().any(|t| t.result == "partial");
        if complete || !partial {
            second.cut_at = None;
            return Ok(second);
        }
    }
    Ok(round)
}

async fn attempt<E: Exec>(
    job: &mut Job<'_, E>,
    survey: &Survey,
    targets: &[usize],
    candidates: Vec<Candidate>,
    stop_at_group: bool,
    on_progress: OnProgress<'_>,
) -> Result<Round, RepairError> {
    let left = job.time_left();
    if candidates.is_empty() || left.is_zero() {
        job.tally.out_of_time |= left.is_zero();
        return Ok(Round { exhausted: candidates.is_empty(), ..Round::default() });
    }
    let request = request(job, survey, targets, &candidates, left, stop_at_group);
    let mut round = Round { results: vec![None; candidates.len()], candidates, ..Round::default() };
    let (began, mut told, mut count, mut shown) = (Instant::now(), Instant::now(), 0_usize, 0_usize);
    let mut searched: Option<Searched> = None;
    let before = job.tally.tried;
    let at_most = before + round.candidates.len();
    let files = &job.files;
    let on_event = |name: &str, event: Event| match name {
        "tried" => {
            let Some(tried) = typed::<Tried>(event) else { return };
            count += 1;
            let good = matches!(tried.result.as_str(), "plausible" | "group");
            if good && tried.green.len() > shown {
                shown = tried.green.len();
                on_progress(plausible(&round.candidates[tried.index], files, shown));
            }
            let index = tried.index;
            round.results[index] = Some(tried);
            if told.elapsed() > TELL {
                told = Instant::now();
                let per_second = count as f64 / began.elapsed().as_secs_f64().max(0.001);
                on_progress(Progress::Searching { tried: before + count, at_most, per_second });
            }
        }
        "searched" => searched = typed(event),
        _ => {}
    };
    let ended = job.driver.run("trying candidates", request, "searched", left + LAST_WORDS, on_event).await?;
    job.tally.tried += count;
    job.tally.wall += ended.wall.as_secs_f64();
    job.tally.plausible += round.results.iter().flatten().filter(|t| t.result == "plausible").count();
    let Some(searched) = searched else {
        job.tally.out_of_time = true;
        return Ok(round);
    };
    job.tally.in_tests += searched.test_seconds;
    job.tally.out_of_time |= searched.reason == "time";
    round.exhausted = searched.reason == "exhausted" && searched.tried >= round.candidates.len();
    round.cut_at = (searched.reason == "group").then_some(searched.next);
    Ok(round)
}

fn plausible(candidate: &Candidate, files: &[SourceFile], green: usize) -> Progress {
    let file = &files[candidate.file];
    let after = apply(&file.text, &candidate.replacements);
    let (old, new) = choose::changed_lines(&file.text, &after);
    Progress::PlausibleFound {
        path: file.path.clone(),
        line: candidate.line,
        change: format!("{}\n{}", old.trim(), new.trim()),
        green,
    }
}

fn request<E: Exec>(
    job: &Job<'_, E>,
    survey: &Survey,
    targets: &[usize],
    candidates: &[Candidate],
    left: Duration,
    stop_at_group: bool,
) -> Event {
    let limits = &job.request.limits;
    let mut plans = Plans::new(survey, targets);
    let mut scopes: Vec<Value> = Vec::new();
    let mut scope_numbers = std::collections::BTreeMap::new();
    let mut paths: Vec<usize> = Vec::new();
    let listed: Vec<Value> = candidates
        .iter()
        .map(|c| {
            let file = &job.files[c.file];
            let path = paths.iter().position(|f| *f == c.file).unwrap_or_else(|| {
                paths.push(c.file);
                paths.len() - 1
            });
            let scope = c.scope.map_or(-1, |scope| {
                *scope_numbers.entry((c.file, scope)).or_insert_with(|| {
                    let f = &file.functions[scope];
                    scopes.push(json!({ "start": f.start, "end": f.end, "first": f.first_line, "name": f.name, "headers": f.headers }));
                    scopes.len() as i64 - 1
                })
            });
            let edits: Vec<Value> = c.replacements.iter().map(|r| json!([r.start, r.end, r.text])).collect();
            json!({ "f": path, "s": scope, "e": edits, "p": plans.of(c, file) })
        })
        .collect();
    let collect = survey.collect_seconds.max(0.05);
    // A test that hangs on the base will take as long as the slowest of the others, more or less.
    let slowest = survey.tests.iter().filter(|t| !t.hung).map(|t| t.seconds).fold(0.002, f64::max).min(2.0);
    let seconds: Vec<f64> = survey.tests.iter().map(|t| if t.hung { slowest } else { t.seconds }).collect();
    let collections: Vec<&str> =
        survey.tests.iter().filter(|t| t.collection).map(|t| t.id.as_str()).collect();
    let mut request = job.driver.base_request("search");
    for (name, value) in [
        ("tests", json!(survey.tests.iter().map(|t| &t.id).collect::<Vec<_>>())),
        ("test_seconds", json!(seconds)),
        ("failing", json!(targets)),
        ("plans", json!(plans.list)),
        ("scopes", json!(scopes)),
        ("paths", json!(paths.iter().map(|n| &job.files[*n].path).collect::<Vec<_>>())),
        ("candidates", json!(listed)),
        ("workers", json!(if tests_share_files(survey) { 1 } else { limits.workers.max(1) })),
        ("seconds", json!(left.as_secs_f64())),
        ("collect_seconds", json!((20.0 * collect).clamp(15.0, 120.0))),
        ("import_seconds", json!(collect)),
        ("all_cold", json!(false)),
        ("extra", json!(limits.candidates_after_first)),
        ("group_extra", json!(stop_at_group.then_some(AFTER_GROUP))),
        ("lenient", json!(survey.lenient)),
        ("preload", json!(survey.modules)),
        ("collections", json!(collections)),
    ] {
        request.insert(name.into(), value);
    }
    request
}

impl Round {
    /// Candidates that got so far, the best first.
    pub(super) fn choices(&self, reached: Reached) -> Vec<Choice> {
        let mut found: Vec<Choice> = self
            .results
            .iter()
            .flatten()
            .filter(|t| match reached {
                Reached::All => t.result == "plausible",
                Reached::Some => matches!(t.result.as_str(), "group" | "partial"),
            })
            .map(|t| Choice::of(&self.candidates[t.index], t.green.clone(), t.result == "group"))
            .collect();
        match reached {
            Reached::All => choose::sort(&mut found),
            Reached::Some => choose::sort_steps(&mut found),
        }
        found
    }

    /// What else would have turned the same tests green, as lines before and after.
    pub(super) fn alternatives(&self, chosen: &Choice, files: &[SourceFile]) -> Vec<String> {
        self.choices(Reached::All)
            .into_iter()
            .filter(|c| (c.file, &c.replacements) != (chosen.file, &chosen.replacements))
            .take(3)
            .map(|c| {
                let file = &files[c.file];
                let after = apply(&file.text, &c.replacements);
                let (_, new) = choose::changed_lines(&file.text, &after);
                format!("{}:{}: {}", file.path, c.line, new.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .collect()
    }
}

/// Whether the tests write files into the workspace: candidates tried side by side would then read each other's.
fn tests_share_files(survey: &Survey) -> bool {
    const CACHES: [&str; 4] = ["__pycache__", ".pytest_cache", ".hypothesis", ".coverage"];
    let written = |path: &&String| !CACHES.iter().any(|cache| path.contains(cache));
    survey.made.iter().chain(&survey.changed).any(|path| written(&path))
}
