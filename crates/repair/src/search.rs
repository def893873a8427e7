//! The search: survey, candidates tried by the driver, one bug after the other, confirmed by a plain run.

mod pairs;
mod plan;
mod round;
mod workspace;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sandbox::Exec;
use tokio_util::sync::CancellationToken;

use crate::choose::Applied;
use crate::driver::Driver;
use crate::generate::Hints;
use crate::localize::{Suspicion, localize};
use crate::source::SourceFile;
use crate::survey::{self, Survey, TestOutcome, choose_targets};
use crate::{LeftOut, Outcome, Progress, RepairError, RepairRequest, Repaired, Stats, Suspect, explain};
use round::{Reached, Round};

/// Largest Python file that is read, in bytes; larger ones are generated or data.
const FILE_BYTES: usize = 1 << 20;
/// Most bugs that are repaired one after the other.
const MOST_BUGS: usize = 8;
/// Most choices that are confirmed by a run before a round counts as failed.
const MOST_CONFIRMED: usize = 6;
/// Kept for confirming, of the time of everything.
const KEPT_FOR_CONFIRMING: f64 = 0.1;
/// Longest time for putting files in place.
const WRITE: Duration = Duration::from_secs(60);

/// What is told on the way.
pub(crate) type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Searches for a patch that turns the failing tests green and breaks none. The workspace is afterwards as it was.
///
/// # Errors
/// When the sandbox or the driver fails, or the request is canceled. That nothing was found is an [`Outcome`].
pub async fn repair<E: Exec>(
    exec: &E,
    request: RepairRequest,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome, RepairError> {
    let driver = Driver::new(exec, &request.hints, request.cancel.clone(), request.limits.memory_bytes);
    let mut job = Job::new(&driver, &request);
    let outcome = job.run(on_progress).await;
    // What was canceled is put back all the same.
    let cleaner = Driver::new(exec, &request.hints, CancellationToken::new(), request.limits.memory_bytes);
    let restored = job.restore(&cleaner).await;
    let outcome = outcome?;
    restored?;
    Ok(outcome)
}

/// One repair under way.
pub(crate) struct Job<'a, E> {
    pub(crate) driver: &'a Driver<'a, E>,
    pub(crate) request: &'a RepairRequest,
    pub(crate) began: Instant,
    pub(crate) files: Vec<SourceFile>,
    tests: Vec<SourceFile>,
    originals: BTreeMap<String, String>,
    /// Files that the tests left behind.
    made: Vec<String>,
    changed: Vec<String>,
    left_out: Vec<LeftOut>,
    pub(crate) tally: Tally,
    suspects: Vec<Suspect>,
    /// Outcomes of a plain run on the unchanged files, once one was needed.
    plain_base: Option<BTreeMap<String, TestOutcome>>,
}

/// What the rounds cost together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) tried: usize,
    pub(crate) wall: f64,
    pub(crate) in_tests: f64,
    pub(crate) plausible: usize,
    /// A bound ended the search before its candidates did.
    pub(crate) out_of_time: bool,
    pub(crate) out_of_candidates: bool,
}

impl<'a, E: Exec> Job<'a, E> {
    fn new(driver: &'a Driver<'a, E>, request: &'a RepairRequest) -> Self {
        Self {
            driver,
            request,
            began: Instant::now(),
            files: Vec::new(),
            tests: Vec::new(),
            originals: BTreeMap::new(),
            made: Vec::new(),
            changed: Vec::new(),
            left_out: Vec::new(),
            tally: Tally::default(),
            suspects: Vec::new(),
            plain_base: None,
        }
    }

    /// Time left for searching.
    pub(crate) fn time_left(&self) -> Duration {
        self.request.limits.time.mul_f64(1.0 - KEPT_FOR_CONFIRMING).saturating_sub(self.began.elapsed())
    }

    async fn run(&mut self, on_progress: OnProgress<'_>) -> Result<Outcome, RepairError> {
        on_progress(Progress::Reproducing);
        self.read().await?;
        if self.files.is_empty() {
            return Ok(out_of_scope("the repository has no Python files of its own beside tests"));
        }
        let base = self.survey().await?;
        if !base.collected || base.tests.is_empty() {
            return Ok(out_of_scope("no tests could be collected with pytest or unittest"));
        }
        let targets = {
            let (files, tests) = (&self.files, &self.tests);
            let is_code = |name: &str| files.iter().chain(tests).any(|f| is_code_of(&f.path, name, files));
            choose_targets(&base, &self.request.targets, &self.request.task, is_code)
        };
        self.left_out = targets.left_out;
        on_progress(Progress::Reproduced { tests: base.tests.len(), failing: base.failing().len() });
        if targets.tests.is_empty() {
            return Ok(Outcome::NothingFails { left_out: std::mem::take(&mut self.left_out) });
        }
        self.bugs(base, targets.tests, on_progress).await
    }

    /// One bug after the other, until every target is green.
    async fn bugs(
        &mut self,
        base: Survey,
        targets: Vec<usize>,
        on_progress: OnProgress<'_>,
    ) -> Result<Outcome, RepairError> {
        let ids: Vec<String> = targets.iter().map(|n| base.tests[*n].id.clone()).collect();
        let mut done: Vec<Applied> = Vec::new();
        let mut resume: Option<usize> = None;
        let (mut now, mut left) = (base.clone(), targets.clone());
        for number in 0..MOST_BUGS {
            let round = self.round(&now, &left, number == 0, 0, on_progress).await?;
            if number == 0 {
                resume = round.cut_at;
            }
            if let Some(applied) = self.finish(&base, &ids, &now, &left, &round, on_progress).await? {
                done.push(applied);
                return Ok(self.repaired(&base, ids, &done));
            }
            let Some((applied, survey)) = self.step(&base, &now, &left, &round).await? else { break };
            done.push(applied);
            left = still_failing(&survey, &base, &ids);
            now = survey;
            if left.is_empty() {
                if self.confirm(&base, &ids, on_progress).await? {
                    return Ok(self.repaired(&base, ids, &done));
                }
                break;
            }
        }
        let partial = self.edits();
        if let Some(from) = resume.filter(|_| !self.time_left().is_zero()) {
            // One step at a time led nowhere: perhaps a single change later in the list is the repair after all.
            self.reset().await?;
            let round = self.round(&base, &targets, false, from, on_progress).await?;
            if let Some(applied) = self.finish(&base, &ids, &base, &targets, &round, on_progress).await? {
                return Ok(self.repaired(&base, ids, &[applied]));
            }
        }
        Ok(Outcome::NotFound {
            tried: self.tally.tried,
            reason: self.why_not(),
            partial,
            suspects: self.suspects.clone(),
            stats: self.stats(),
        })
    }

    /// Works out suspicion and candidates, and has them tried.
    async fn round(
        &mut self,
        survey: &Survey,
        targets: &[usize],
        tell: bool,
        from: usize,
        on_progress: OnProgress<'_>,
    ) -> Result<Round, RepairError> {
        let suspicion: Suspicion = localize(survey, targets, &self.files);
        if tell {
            self.suspects = suspicion.suspects(&self.files, 10);
            on_progress(Progress::Localized { suspects: self.suspects.clone() });
        }
        let hints = Hints::gather(survey, targets, &self.tests);
        round::search(self, survey, targets, &suspicion, &hints, from, on_progress).await
    }

    /// Confirms the best of the choices that turn all that is left green.
    async fn finish(
        &mut self,
        base: &Survey,
        ids: &[String],
        now: &Survey,
        left: &[usize],
        round: &Round,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Applied>, RepairError> {
        for choice in round.choices(Reached::All).into_iter().take(MOST_CONFIRMED) {
            let applied = self.apply(&choice, now, left, round.alternatives(&choice, &self.files)).await?;
            let sure = self.confirm(base, ids, on_progress).await?;
            if sure {
                return Ok(Some(applied));
            }
            self.undo(&applied).await?;
        }
        Ok(None)
    }

    /// Takes the best choice that turns some targets green, and looks anew at what is left.
    async fn step(
        &mut self,
        base: &Survey,
        now: &Survey,
        left: &[usize],
        round: &Round,
    ) -> Result<Option<(Applied, Survey)>, RepairError> {
        for choice in round.choices(Reached::Some).into_iter().take(MOST_CONFIRMED) {
            let applied = self.apply(&choice, now, left, Vec::new()).await?;
            let survey = self.survey().await?;
            let green = |id: &str| outcome_of(&survey, id) == Some(TestOutcome::Passed);
            let gained = choice.green.iter().all(|n| green(&now.tests[*n].id));
            let held = base.tests.iter().filter(|t| t.outcome == TestOutcome::Passed).all(|t| green(&t.id));
            if gained && held {
                return Ok(Some((applied, survey)));
            }
            self.undo(&applied).await?;
        }
        Ok(None)
    }

    /// A plain run of all tests from the files on disk: every target green, nothing lost.
    async fn confirm(
        &mut self,
        base: &Survey,
        ids: &[String],
        on_progress: OnProgress<'_>,
    ) -> Result<bool, RepairError> {
        on_progress(Progress::Confirming);
        let found = self.check(base.lenient).await?;
        if !ids.iter().all(|id| is_green(&found, id)) {
            return Ok(false);
        }
        let lost = |found: &Survey, base: &dyn Fn(&str) -> bool| {
            base_passing(base, &found.tests)
                .iter()
                .any(|id| outcome_of(found, id) == Some(TestOutcome::Failed))
        };
        let passed_on_base = |id: &str| outcome_of(base, id) == Some(TestOutcome::Passed);
        let vanished = base
            .tests
            .iter()
            .any(|t| t.outcome == TestOutcome::Passed && outcome_of(&found, &t.id).is_none());
        if vanished {
            return Ok(false);
        }
        if lost(&found, &passed_on_base) {
            // Perhaps the test fails in a plain run anyhow: one on the unchanged files tells.
            let plain = self.plain_base(base.lenient).await?;
            let passed = |id: &str| passed_on_base(id) && plain.get(id) == Some(&TestOutcome::Passed);
            if lost(&found, &passed) {
                return Ok(false);
            }
        }
        on_progress(Progress::Confirmed);
        Ok(true)
    }

    async fn plain_base(&mut self, lenient: bool) -> Result<BTreeMap<String, TestOutcome>, RepairError> {
        if self.plain_base.is_none() {
            let edits = self.edits();
            self.write(edits.iter().map(|e| (e.path.clone(), e.before.clone())).collect()).await?;
            let found = self.check(lenient).await?;
            self.write(edits.iter().map(|e| (e.path.clone(), e.after.clone())).collect()).await?;
            self.plain_base = Some(found.tests.into_iter().map(|t| (t.id, t.outcome)).collect());
        }
        Ok(self.plain_base.clone().unwrap_or_default())
    }

    fn repaired(&self, base: &Survey, ids: Vec<String>, done: &[Applied]) -> Outcome {
        let stats = self.stats();
        let told = explain::Told {
            base,
            green: &ids,
            done,
            suspects: &self.suspects,
            stats: &stats,
            left_out: &self.left_out,
        };
        Outcome::Repaired(Repaired {
            patches: self.edits(),
            title: explain::title(done),
            explanation: explain::explanation(&told),
            kinds: done.iter().map(|a| a.kind).collect(),
            green: ids,
            left_out: self.left_out.clone(),
            stats,
        })
    }

    fn stats(&self) -> Stats {
        let t = &self.tally;
        let workers = self.request.limits.workers.max(1) as f64;
        Stats {
            tried: t.tried,
            per_second: if t.wall > 0.0 { t.tried as f64 / t.wall } else { 0.0 },
            share_in_tests: if t.wall > 0.0 { (t.in_tests / (t.wall * workers)).min(1.0) } else { 0.0 },
            seconds: self.began.elapsed().as_secs_f64(),
            plausible: t.plausible,
        }
    }

    fn why_not(&self) -> String {
        if self.tally.out_of_time {
            format!("no repair was found within the time limit of {} s", self.request.limits.time.as_secs())
        } else if self.tally.out_of_candidates {
            format!("none of the {} likeliest changes repairs it", self.request.limits.candidates)
        } else {
            "none of the changes that offline repair knows turns every failing test green".into()
        }
    }
}

fn out_of_scope(reason: &str) -> Outcome {
    Outcome::OutOfScope { reason: reason.into() }
}

fn outcome_of(survey: &Survey, id: &str) -> Option<TestOutcome> {
    survey.tests.iter().find(|t| t.id == id).map(|t| t.outcome)
}

fn base_passing(passed: &dyn Fn(&str) -> bool, tests: &[survey::Test]) -> Vec<String> {
    tests.iter().filter(|t| passed(&t.id)).map(|t| t.id.clone()).collect()
}

/// Whether a target is green; a file that could not be collected is when all that is in it is.
fn is_green(survey: &Survey, id: &str) -> bool {
    if let Some(outcome) = outcome_of(survey, id) {
        return outcome == TestOutcome::Passed;
    }
    let mut inside = survey.tests.iter().filter(|t| belongs(&t.id, id)).peekable();
    inside.peek().is_some() && inside.all(|t| t.outcome != TestOutcome::Failed)
}

fn belongs(test: &str, whole: &str) -> bool {
    test.starts_with(&format!("{whole}::"))
        || test.starts_with(&format!("{whole}."))
        || test.split('.').next() == Some(whole)
}

/// Targets that are not green yet, as numbers of the new survey.
fn still_failing(survey: &Survey, base: &Survey, ids: &[String]) -> Vec<usize> {
    let whole: Vec<&String> =
        ids.iter().filter(|id| base.tests.iter().any(|t| t.id == **id && t.collection)).collect();
    survey
        .failing()
        .into_iter()
        .filter(|n| {
            ids.contains(&survey.tests[*n].id) || whole.iter().any(|w| belongs(&survey.tests[*n].id, w))
        })
        .collect()
}

/// Whether a path, or a module's name, is the repository's own code and no test.
fn is_code_of(path: &str, name: &str, files: &[SourceFile]) -> bool {
    if name.ends_with(".py") {
        return files.iter().any(|f| f.path == name);
    }
    path.split('/').any(|part| part == name || part.strip_suffix(".py") == Some(name))
}
