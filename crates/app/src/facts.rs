//! What analytics and costs are made of, read from rows. Documents are read once and what matters of them is remembered:
//! a document of ten thousand runs is megabytes of JSON, what matters of it a few numbers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{GateName, PullRequestId, RunId, RunState, TaskKind, TenantId, Timestamp, Verdict};
use insights::{
    AgentFact, ArtifactFact, Bucket, Facts, Period, PullRequestFact, Resource, RunFact, SampleFact, TaskFact,
    Timeframe, end_of_runs,
};
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use store::{PullRequestRow, RunRow, StoreError, TenantTx};

use crate::analytics::Analytics;
use crate::bills::Bill;
use crate::vitals::Vitals;

/// Runs, and pull requests, that figures are made of at most: the newest ones.
pub(crate) const MAX_ROWS: u32 = 50_000;
/// Documents that are remembered at most, some hundred bytes each.
const MAX_NOTES: u64 = 200_000;
/// Days and hours of measurements that are remembered at most: more than a year of days of each resource.
const MAX_SAMPLES: u64 = 10_000;
/// How long a finished answer may be given again while nothing is committed.
const REMEMBERED: Duration = Duration::from_secs(5);

/// An answer with the place of the last event when it was made.
type Answer<T> = (u64, Arc<T>);

/// What figures were made of a moment ago. What is remembered of a row belongs to the version of the row that it names.
pub(crate) struct Memory {
    runs: Cache<(TenantId, RunId), (Timestamp, RunNotes)>,
    pull_requests: Cache<(TenantId, PullRequestId), (Timestamp, ChangeNotes)>,
    samples: Cache<(Resource, Timestamp, i64), Option<SampleFact>>,
    pub(crate) bills: Cache<(TenantId, RunId), (Timestamp, u64, Arc<Bill>)>,
    pub(crate) dashboards: Cache<(TenantId, Timeframe), Answer<Analytics>>,
    pub(crate) vitals: Cache<(), Arc<Vitals>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            runs: Cache::new(MAX_NOTES),
            pull_requests: Cache::new(MAX_NOTES),
            samples: Cache::new(MAX_SAMPLES),
            bills: Cache::new(MAX_NOTES),
            dashboards: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build(),
            vitals: Cache::builder().max_capacity(1).time_to_live(REMEMBERED).build(),
        }
    }

    /// What matters of the document of a run.
    pub(crate) fn run_notes(
        &self,
        tx: &TenantTx<'_>,
        run: RunId,
        version: Timestamp,
    ) -> Result<RunNotes, StoreError> {
        let key = (tx.tenant(), run);
        if let Some((of, notes)) = self.runs.get(&key)
            && of == version
        {
            return Ok(notes);
        }
        let text = tx.run_document_text(run)?;
        let notes = text.map(|text| RunNotes::of(&text)).unwrap_or_default();
        self.runs.insert(key, (version, notes));
        Ok(notes)
    }

    fn change_notes(&self, tx: &TenantTx<'_>, row: &PullRequestRow) -> Result<ChangeNotes, StoreError> {
        let key = (tx.tenant(), row.id);
        if let Some((of, notes)) = self.pull_requests.get(&key)
            && of == row.updated_at
        {
            return Ok(notes);
        }
        let text = tx.pull_request_document_text(row.id)?;
        let notes = text.map(|text| ChangeNotes::of(&text)).unwrap_or_default();
        self.pull_requests.insert(key, (row.updated_at, notes));
        Ok(notes)
    }

    /// The facts of an organization since a moment; all but the measurements, which are the installation's.
    pub(crate) fn facts(&self, tx: &TenantTx<'_>, since: Timestamp) -> Result<Facts, StoreError> {
        let rows = tx.run_rows(since, MAX_ROWS)?;
        let runs = rows.iter().map(|row| self.run_fact(tx, row)).collect::<Result<Vec<_>, _>>()?;
        let changes = tx.pull_request_rows(since, MAX_ROWS)?;
        let pull_requests = changes
            .iter()
            .map(|row| Ok(pull_request_fact(row, self.change_notes(tx, row)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let artifacts = tx.score_rows(since, MAX_ROWS)?.into_iter().map(|row| ArtifactFact {
            run: row.run,
            at: row.at,
            quality_sum: row.quality_sum,
            files: row.files,
        });
        let agents = tx.agent_states(MAX_ROWS)?.into_iter().map(|(id, state)| AgentFact { id, state });
        Ok(Facts {
            tasks: tasks_of(&rows, &runs, &changes),
            pull_requests,
            artifacts: artifacts.collect(),
            agents: agents.collect(),
            samples: Vec::new(),
            runs,
        })
    }

    fn run_fact(&self, tx: &TenantTx<'_>, row: &RunRow) -> Result<RunFact, StoreError> {
        // What a run came to before it was taken up again is not counted.
        let stands = !matches!(row.state, RunState::Queued | RunState::Running);
        let notes = if stands { self.run_notes(tx, row.run, row.updated_at)? } else { RunNotes::default() };
        Ok(RunFact {
            id: row.run,
            task: row.task,
            project: row.project,
            agent: row.agent,
            state: row.state,
            at: row.updated_at,
            turns: notes.turns,
            duration_ms: notes.duration_ms,
            delivered: notes.delivered,
            secrets: notes.secrets,
        })
    }

    /// The measurements of a period, hour by hour or day by day, in a transaction of the installation. A bucket that is
    /// whole and past is read once.
    pub(crate) fn samples(
        &self,
        tx: &TenantTx<'_>,
        period: Period,
        now: Timestamp,
    ) -> Result<Vec<SampleFact>, StoreError> {
        let bucket = period.timeframe.bucket();
        let mut samples = Vec::new();
        for span in [period.before, period.now] {
            for start in span.buckets(bucket) {
                let (after, end) = ends_of(start, bucket);
                let whole = span.from <= after && end <= span.to && end < now;
                let (after, end) = (after.max(span.from), end.min(span.to));
                for resource in Resource::ALL {
                    let key = (resource, start, bucket.micros());
                    let known = self.samples.get(&key).filter(|_| whole);
                    let found = match known {
                        Some(known) => known,
                        None => sample(tx, resource, after, end)?,
                    };
                    if whole {
                        self.samples.insert(key, found.clone());
                    }
                    samples.extend(found);
                }
            }
        }
        Ok(samples)
    }
}

/// The moment before a bucket, and its last moment.
fn ends_of(start: Timestamp, bucket: Bucket) -> (Timestamp, Timestamp) {
    let before = start.as_micros().saturating_sub(1);
    (Timestamp::from_micros(before), Timestamp::from_micros(before.saturating_add(bucket.micros())))
}

fn sample(
    tx: &TenantTx<'_>,
    resource: Resource,
    after: Timestamp,
    to: Timestamp,
) -> Result<Option<SampleFact>, StoreError> {
    let sum = tx.sample_sum(resource.metric(), after, to)?;
    Ok(sum.map(|s| SampleFact { resource, at: s.at, sum: s.sum, count: s.count, last: s.last }))
}

fn tasks_of(rows: &[RunRow], runs: &[RunFact], changes: &[PullRequestRow]) -> Vec<TaskFact> {
    // The rows come newest first: of several pull requests of a run the newest stays.
    let mut change_of = HashMap::new();
    for change in changes {
        change_of.entry(change.run).or_insert(change.state);
    }
    let last = end_of_runs(runs);
    let mut seen = HashSet::new();
    rows.iter()
        .filter(|row| seen.insert(row.task))
        .filter_map(|row| {
            let run = last.get(&row.task)?;
            Some(TaskFact {
                id: row.task,
                kind: TaskKind::from_word(&row.task_kind),
                state: row.task_state,
                at: run.at,
                change: change_of.get(&run.id).copied(),
            })
        })
        .collect()
}

fn pull_request_fact(row: &PullRequestRow, notes: ChangeNotes) -> PullRequestFact {
    PullRequestFact {
        id: row.id,
        run: row.run,
        state: row.state,
        opened: row.created_at,
        changed_lines: notes.changed_lines,
        coverage: notes.coverage,
        new_findings: notes.new_findings,
    }
}

/// What matters of the document of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RunNotes {
    turns: u64,
    duration_ms: u64,
    delivered: bool,
    secrets: Option<Verdict>,
    /// What it was taken to cost, and what it did, in US dollars.
    pub(crate) cost: Option<Forecasted>,
    /// What it was taken to take, and what it did, in hours.
    pub(crate) effort: Option<Forecasted>,
}

/// A forecast beside what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecasted {
    pub(crate) low: f64,
    pub(crate) middle: f64,
    pub(crate) high: f64,
    pub(crate) actual: f64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RunText {
    head_commit: Option<serde::de::IgnoredAny>,
    turns: u64,
    duration_ms: u64,
    gates: Vec<Gate>,
    plan: Option<PlanText>,
}

#[derive(Deserialize)]
struct Gate {
    name: GateName,
    verdict: Verdict,
    #[serde(default)]
    evidence: Evidence,
}

/// Evidence has another form for each gate; what is no object has none of these.
#[derive(Default)]
struct Evidence {
    changed_lines: Option<(u64, u64)>,
    new: Option<u64>,
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(d)?;
        let lines = &value["changed_lines"];
        Ok(Self {
            changed_lines: lines["covered"].as_u64().zip(lines["executable"].as_u64()),
            new: value["new"].as_array().map(|all| all.len() as u64),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlanText {
    cost_usd: Option<IntervalText>,
    actual_cost_usd: Option<f64>,
    analysis: AnalysisText,
    actual_effort_hours: Option<f64>,
}

#[derive(Deserialize)]
struct IntervalText {
    low: f64,
    middle: f64,
    high: f64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnalysisText {
    effort: f64,
    effort_low: f64,
    effort_high: f64,
}

impl RunNotes {
    /// A document that this version can't read says nothing.
    fn of(text: &str) -> Self {
        let Ok(run) = serde_json::from_str::<RunText>(text) else { return Self::default() };
        let plan = run.plan.unwrap_or_default();
        let guess = plan.analysis;
        let effort = plan.actual_effort_hours.filter(|_| guess.effort > 0.0);
        Self {
            turns: run.turns,
            duration_ms: run.duration_ms,
            delivered: run.head_commit.is_some(),
            secrets: run.gates.iter().find(|g| g.name == GateName::Secrets).map(|g| g.verdict),
            cost: plan.cost_usd.zip(plan.actual_cost_usd).map(|(i, actual)| Forecasted {
                low: i.low,
                middle: i.middle,
                high: i.high,
                actual,
            }),
            effort: effort.map(|actual| Forecasted {
                low: guess.effort_low,
                middle: guess.effort,
                high: guess.effort_high,
                actual,
            }),
        }
    }
}

/// What matters of the document of a pull request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ChangeNotes {
    changed_lines: u64,
    coverage: Option<(u64, u64)>,
    new_findings: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChangeText {
    files: Vec<FileText>,
    gates: Vec<Gate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FileText {
    added: Option<u64>,
    removed: Option<u64>,
}

impl ChangeNotes {
    fn of(text: &str) -> Self {
        let Ok(change) = serde_json::from_str::<ChangeText>(text) else { return Self::default() };
        let lines = change.files.iter().map(|f| f.added.unwrap_or(0).saturating_add(f.removed.unwrap_or(0)));
        let spoke = |g: &&Gate| {
            matches!(g.name, GateName::Lint | GateName::Format)
                && matches!(g.verdict, Verdict::Passed | Verdict::Failed)
        };
        // A tool that turned red without naming a place found at least one thing.
        let found = change.gates.iter().filter(spoke).map(|g| match g.verdict {
            Verdict::Failed => g.evidence.new.unwrap_or(0).max(1),
            _ => g.evidence.new.unwrap_or(0),
        });
        let found: Vec<u64> = found.collect();
        Self {
            changed_lines: lines.fold(0, u64::saturating_add),
            coverage: change
                .gates
                .iter()
                .find(|g| g.name == GateName::Tests)
                .and_then(|g| g.evidence.changed_lines),
            new_findings: (!found.is_empty()).then(|| found.iter().sum()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_matters_of_a_runs_document() {
        let text = json!({
            "head_commit": "abc", "turns": 3, "duration_ms": 900, "status": "ready", "unknown": [1],
            "gates": [{"name": "tests", "verdict": "passed", "summary": "all"}, {"name": "secrets", "verdict": "failed", "summary": ""}],
            "plan": {"steps": [], "cost_usd": {"low": 0.1, "middle": 0.2, "high": 0.4}, "actual_cost_usd": 0.3,
                     "analysis": {"effort": 1.5, "effort_low": 1.0, "effort_high": 2.0}},
        });
        let want = RunNotes {
            turns: 3,
            duration_ms: 900,
            delivered: true,
            secrets: Some(Verdict::Failed),
            cost: Some(Forecasted { low: 0.1, middle: 0.2, high: 0.4, actual: 0.3 }),
            effort: None,
        };
        assert_eq!(RunNotes::of(&text.to_string()), want);
        for nothing in ["{}", "null", "", r#"{"head_commit":null,"plan":null}"#, r#"{"turns":"many"}"#] {
            assert_eq!(RunNotes::of(nothing), RunNotes::default(), "{nothing}");
        }
    }

    #[test]
    fn what_matters_of_a_pull_requests_document() {
        let gate = |name: &str, verdict: &str, evidence: Value| json!({"name": name, "verdict": verdict, "summary": "", "evidence": evidence});
        let files = json!([{"path": "a", "status": "added", "added": 7, "removed": 1}, {"path": "b", "status": "added", "added": null, "removed": null}]);
        let cases = [
            (json!([]), None, None),
            (
                json!([gate(
                    "tests",
                    "passed",
                    json!({"changed_lines": {"covered": 3, "executable": 4, "ratio": 0.75, "files": []}})
                )]),
                Some((3, 4)),
                None,
            ),
            (
                json!([gate("lint", "passed", json!({"new": []})), gate("format", "skipped", json!(null))]),
                None,
                Some(0),
            ),
            (
                json!([
                    gate("lint", "failed", json!({"new": ["a", "b"]})),
                    gate("format", "failed", json!("odd"))
                ]),
                None,
                Some(3),
            ),
            (json!([gate("lint", "error", json!({"new": ["a"]}))]), None, None),
        ];
        for (gates, coverage, new_findings) in cases {
            let text = json!({"files": files, "gates": gates}).to_string();
            let want = ChangeNotes { changed_lines: 8, coverage, new_findings };
            assert_eq!(ChangeNotes::of(&text), want, "{text}");
        }
    }
}
