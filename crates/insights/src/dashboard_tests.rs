use domain::{AgentId, AgentState, PullRequestId, RunId, RunState, TaskId, TaskKind, TaskState, Verdict};
use proptest::prelude::*;
use store::PullRequestState;

use super::*;
use crate::facts::{AgentFact, ArtifactFact, PullRequestFact, Resource, RunFact, SampleFact, TaskFact};
use crate::period::Bucket;

const HOUR: i64 = 3_600_000_000;
/// Noon of a day, in hours since the epoch.
const NOON: i64 = 24 * 20_000 + 12;

fn at(hours_before_noon: i64) -> Timestamp {
    Timestamp::from_micros((NOON - hours_before_noon) * HOUR)
}

fn run(n: u8, before: i64, state: RunState) -> RunFact {
    RunFact {
        id: RunId::from_bytes([n; 16]),
        task: TaskId::from_bytes([n; 16]),
        project: None,
        agent: Some(AgentId::from_bytes([n % 2; 16])),
        state,
        at: at(before),
        turns: 4,
        duration_ms: 10_000,
        delivered: state == RunState::Ready,
        secrets: (state == RunState::Ready).then_some(Verdict::Passed),
    }
}

fn task(n: u8, before: i64, kind: TaskKind, change: Option<PullRequestState>) -> TaskFact {
    let id = TaskId::from_bytes([n; 16]);
    TaskFact { id, kind: Some(kind), state: TaskState::Completed, at: at(before), change }
}

fn pull_request(n: u8, before: i64) -> PullRequestFact {
    PullRequestFact {
        id: PullRequestId::from_bytes([n; 16]),
        run: RunId::from_bytes([n; 16]),
        state: PullRequestState::Open,
        opened: at(before),
        changed_lines: 50,
        coverage: Some((3, 4)),
        new_findings: Some(1),
    }
}

/// Two good runs and a bad one today and yesterday evening, one good a day earlier.
fn facts() -> Facts {
    use {PullRequestState as P, RunState as S};
    Facts {
        runs: vec![
            run(1, 1, S::Ready),
            RunFact { secrets: Some(Verdict::Failed), ..run(2, 2, S::GatesFailed) },
            RunFact { turns: 1, duration_ms: 55_000, ..run(3, 16, S::Ready) },
            run(4, 30, S::Ready),
        ],
        tasks: vec![
            task(1, 1, TaskKind::Fix, Some(P::Merged)),
            task(3, 16, TaskKind::Fix, Some(P::Open)),
            task(4, 30, TaskKind::Feature, Some(P::Closed)),
        ],
        pull_requests: vec![
            PullRequestFact { new_findings: Some(4), ..pull_request(1, 1) },
            PullRequestFact { coverage: None, ..pull_request(3, 16) },
            pull_request(4, 30),
        ],
        artifacts: vec![
            ArtifactFact { run: RunId::from_bytes([1; 16]), at: at(1), quality_sum: 900, files: 1 },
            ArtifactFact { run: RunId::from_bytes([2; 16]), at: at(1), quality_sum: 2_400, files: 3 },
        ],
        agents: vec![AgentFact { id: AgentId::from_bytes([7; 16]), state: AgentState::Working }],
        samples: vec![
            sample(Resource::Cpu, 1, 60_000, 2),
            sample(Resource::Cpu, 2, 20_000, 2),
            sample(Resource::Storage, 2, 90_000, 1),
            sample(Resource::Storage, 1, 41_000, 1),
        ],
    }
}

fn sample(resource: Resource, before: i64, sum: i64, count: u64) -> SampleFact {
    SampleFact { resource, at: at(before), sum, count, last: sum }
}

fn figures(facts: &Facts, frame: Timeframe) -> Vec<Figure> {
    let dashboard = dashboard(facts, Period::ending(frame, at(0)));
    dashboard.panels.into_iter().flat_map(|panel| panel.figures).collect()
}

#[test]
fn sixteen_figures_say_what_the_facts_say() {
    let said: Vec<_> = figures(&facts(), Timeframe::Day)
        .into_iter()
        .map(|f| (f.metric.key(), f.value, f.previous, f.facts))
        .collect();
    let want = [
        ("active_agents", Some(3.0), Some(1.0), 3),
        ("tasks_completed_today", Some(1.0), Some(1.0), 1),
        ("average_response_time", Some(75.0 / 9.0), Some(2.5), 3),
        ("success_rate", Some(200.0 / 3.0), Some(100.0), 3),
        ("commits_per_day", Some(2.0), Some(1.0), 2),
        ("pull_requests_created", Some(2.0), Some(1.0), 2),
        ("bugs_fixed", Some(2.0), Some(0.0), 2),
        ("features_delivered", Some(0.0), Some(0.0), 0),
        ("code_quality_score", Some(82.5), None, 2),
        ("test_coverage", Some(75.0), Some(75.0), 1),
        ("technical_debt_ratio", Some(5.0), Some(2.0), 2),
        ("security_score", Some(200.0 / 3.0), Some(100.0), 3),
        ("cpu_usage", Some(20.0), None, 2),
        ("memory_usage", None, None, 0),
        ("gpu_utilization", None, None, 0),
        ("storage_usage", Some(41.0), None, 1),
    ];
    assert_eq!(said, want);
}

#[test]
fn a_number_that_needs_a_word_has_it_and_a_missing_one_says_what_would_fill_it() {
    for figure in figures(&facts(), Timeframe::Day) {
        let note = figure.note.as_deref();
        match figure.metric {
            Metric::BugsFixed => assert_eq!(note, Some("1 merged or applied, 1 waiting for a review")),
            _ => assert_eq!(note.is_some(), figure.value.is_none(), "{figure:?}"),
        }
    }
}

#[test]
fn tasks_of_today_are_counted_since_midnight() {
    let of = |before: &[i64]| {
        let tasks = before.iter().zip(1u8..).map(|(b, n)| task(n, *b, TaskKind::Docs, None)).collect();
        let runs = vec![run(1, 1, RunState::NoChange), run(2, 40, RunState::NoChange)];
        let all = figures(&Facts { tasks, runs, ..Facts::default() }, Timeframe::Week);
        let today = all.into_iter().find(|f| f.metric == Metric::TasksCompletedToday).expect("it is shown");
        (today.value, today.previous)
    };
    // Noon: 12 hours ago was midnight, 24 hours ago yesterday's noon.
    assert_eq!(of(&[1, 12, 13, 20, 24, 36, 37]), (Some(2.0), Some(2.0)));
}

#[test]
fn without_facts_there_is_no_number() {
    for frame in Timeframe::ALL {
        for figure in figures(&Facts::default(), frame) {
            let empty = (figure.value, figure.previous, figure.series.len(), figure.facts);
            assert_eq!(empty, (None, None, 0, 0), "{figure:?}");
            assert!(figure.note.is_some_and(|note| note.ends_with('.')));
        }
    }
}

fn any_run() -> impl Strategy<Value = RunFact> {
    let states = prop::sample::select(RunState::ALL);
    let verdicts = prop::option::of(prop::sample::select(vec![
        Verdict::Passed,
        Verdict::Failed,
        Verdict::Skipped,
        Verdict::Error,
    ]));
    (any::<u8>(), 0i64..4_500, states, verdicts, any::<(bool, u32, u64)>()).prop_map(
        |(n, before, state, secrets, (delivered, turns, duration_ms))| RunFact {
            secrets,
            delivered,
            turns: turns.into(),
            duration_ms,
            ..run(n, before, state)
        },
    )
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let runs = prop::collection::vec(any_run(), 0..40);
    let changes =
        prop::option::of(prop::sample::select(vec![PullRequestState::Open, PullRequestState::Closed]));
    let kinds = prop::sample::select(TaskKind::ALL);
    let tasks = prop::collection::vec((any::<u8>(), 0i64..4_500, kinds, changes), 0..40).prop_map(|all| {
        all.into_iter().map(|(n, b, kind, change)| task(n, b, kind, change)).collect::<Vec<_>>()
    });
    let lines = any::<(u64, Option<(u64, u64)>, Option<u64>)>();
    let pull_requests =
        prop::collection::vec((any::<u8>(), 0i64..4_500, lines), 0..40).prop_map(|all| {
            let made = all.into_iter().map(|(n, b, (changed_lines, coverage, new_findings))| {
                PullRequestFact { changed_lines, coverage, new_findings, ..pull_request(n, b) }
            });
            made.collect::<Vec<_>>()
        });
    let resources = prop::sample::select(Resource::ALL.to_vec());
    let samples = prop::collection::vec((resources, 0i64..4_500, any::<i64>(), any::<u64>()), 0..40)
        .prop_map(|all| {
            all.into_iter().map(|(r, b, sum, count)| sample(r, b, sum, count)).collect::<Vec<_>>()
        });
    (runs, tasks, pull_requests, samples).prop_map(|(runs, tasks, pull_requests, samples)| Facts {
        runs,
        tasks,
        pull_requests,
        samples,
        ..facts()
    })
}

fn any_frame() -> impl Strategy<Value = Timeframe> {
    prop::sample::select(Timeframe::ALL.to_vec())
}

proptest! {
    #[test]
    fn every_number_is_finite(facts in any_facts(), frame in any_frame()) {
        for figure in figures(&facts, frame) {
            let points = figure.series.iter().filter_map(|p| p.value);
            for number in points.chain(figure.value).chain(figure.previous) {
                prop_assert!(number.is_finite(), "{:?}", figure);
            }
        }
    }

    #[test]
    fn the_order_of_facts_changes_nothing(facts in any_facts(), frame in any_frame(), turn in any::<prop::sample::Index>()) {
        let mut other = facts.clone();
        if !other.runs.is_empty() {
            let by = turn.index(other.runs.len());
            other.runs.rotate_left(by);
        }
        other.tasks.reverse();
        other.pull_requests.reverse();
        other.samples.reverse();
        other.artifacts.reverse();
        prop_assert_eq!(figures(&facts, frame), figures(&other, frame));
    }

    /// What is a sum is the sum of its series, and a commit a day times days is a number of commits.
    #[test]
    fn a_series_adds_up_to_its_number(facts in any_facts(), frame in any_frame()) {
        for figure in figures(&facts, frame) {
            let sum: f64 = figure.series.iter().filter_map(|p| p.value).sum();
            let value = figure.value.unwrap_or(0.0);
            match figure.metric {
                Metric::PullRequestsCreated | Metric::BugsFixed | Metric::FeaturesDelivered => {
                    prop_assert_eq!(sum, value);
                    prop_assert_eq!(figure.facts as f64, value);
                }
                Metric::CommitsPerDay => {
                    prop_assert!((sum - value * f64::from(frame.days())).abs() < 1e-6);
                }
                _ => {}
            }
        }
    }

    /// A share lies between its least and its greatest point.
    #[test]
    fn a_share_lies_within_its_series(facts in any_facts(), frame in any_frame()) {
        for figure in figures(&facts, frame) {
            let (Metric::SuccessRate | Metric::SecurityScore, Some(value)) = (figure.metric, figure.value) else {
                continue;
            };
            let points: Vec<f64> = figure.series.iter().filter_map(|p| p.value).collect();
            let (least, most) = points.iter().fold((f64::MAX, f64::MIN), |(l, m), p| (l.min(*p), m.max(*p)));
            prop_assert!(least <= value + 1e-9 && value <= most + 1e-9, "{} {} {}", least, value, most);
        }
    }

    #[test]
    fn what_a_number_was_computed_from_lies_in_its_span(facts in any_facts(), frame in any_frame()) {
        let period = Period::ending(frame, at(0));
        for metric in Metric::ALL {
            let counted = metric.counted(&facts, period);
            let (span, _) = metric.spans(period);
            prop_assert!(counted.iter().all(|o| span.has(o.at)));
            prop_assert!(counted.windows(2).all(|two| two[0].at >= two[1].at));
        }
    }

    #[test]
    fn every_moment_of_a_span_has_its_bucket(from in 0i64..1_000_000, long in 1i64..100_000, step in 0i64..100_000) {
        let span = Span { from: Timestamp::from_micros(from * 60_000_000), to: Timestamp::from_micros((from + long) * 60_000_000) };
        let moment = Timestamp::from_micros((from + 1 + step % long) * 60_000_000);
        for bucket in [Bucket::Hour, Bucket::Day] {
            prop_assert!(span.buckets(bucket).contains(&bucket.start(moment)));
        }
    }
}
