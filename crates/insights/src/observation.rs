//! What a metric is made of, and how one number is read from it.

use std::collections::BTreeSet;

use domain::{AgentId, PullRequestId, RunId, TaskId, Timestamp};

use crate::facts::Resource;
use crate::period::{Bucket, Span};

/// Where an observation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A run.
    Run(RunId),
    /// A task.
    Task(TaskId),
    /// A pull request.
    PullRequest(PullRequestId),
    /// An agent.
    Agent(AgentId),
    /// Measurements of the machine.
    Samples(Resource),
}

/// One fact that a metric counts: `part` of `whole`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub source: Source,
    /// What is added up.
    pub part: i64,
    /// What the sum is divided by, where the metric is a share or a mean.
    pub whole: u64,
}

impl Observation {
    /// One of something.
    #[must_use]
    pub fn one(at: Timestamp, source: Source) -> Self {
        Self { at, source, part: 1, whole: 1 }
    }
}

/// How a number is read from observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// The sum of the parts.
    Sum,
    /// The sum of the parts, for each day of the span.
    PerDay {
        /// Days of the span.
        days: u32,
    },
    /// The sum of the parts over the sum of the wholes; nothing where that is 0.
    Ratio {
        /// What the ratio is multiplied with.
        scale: f64,
    },
    /// How many sources there are.
    Distinct,
    /// The part of the newest observation.
    Newest {
        /// What it is multiplied with.
        scale: f64,
    },
}

impl Reading {
    /// Whether no observation is a number too: 0.
    #[must_use]
    pub fn counts(self) -> bool {
        match self {
            Self::Sum | Self::PerDay { .. } | Self::Distinct => true,
            Self::Ratio { .. } | Self::Newest { .. } => false,
        }
    }

    /// The number; `None` where there is none. Never infinite, never "not a number".
    #[must_use]
    pub fn of<'a>(self, observations: impl Iterator<Item = &'a Observation>) -> Option<f64> {
        match self {
            Self::Sum => Some(sum(observations) as f64),
            Self::PerDay { days } => Some(sum(observations) as f64 / f64::from(days.max(1))),
            Self::Ratio { scale } => {
                let (part, whole) = observations
                    .fold((0i128, 0u128), |(p, w), o| (p + i128::from(o.part), w + u128::from(o.whole)));
                (whole > 0).then(|| part as f64 * scale / whole as f64)
            }
            Self::Distinct => Some(observations.map(|o| o.source).collect::<BTreeSet<_>>().len() as f64),
            Self::Newest { scale } => {
                let newest = observations.max_by_key(|o| (o.at, o.source, o.part));
                newest.map(|o| o.part as f64 * scale)
            }
        }
    }
}

fn sum<'a>(observations: impl Iterator<Item = &'a Observation>) -> i128 {
    observations.map(|o| i128::from(o.part)).sum()
}

/// A point of a series.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Point {
    /// The beginning of its hour or day.
    pub at: Timestamp,
    /// The number; null where nothing was observed and the metric is no count.
    pub value: Option<f64>,
}

/// The observations of a span, bucket by bucket. Of [`Reading::PerDay`] each point is the sum of its bucket.
#[must_use]
pub(crate) fn series(
    reading: Reading,
    observations: &[Observation],
    span: Span,
    bucket: Bucket,
) -> Vec<Point> {
    let reading = match reading {
        Reading::PerDay { .. } => Reading::Sum,
        other => other,
    };
    let mut sorted: Vec<&Observation> = observations.iter().filter(|o| span.has(o.at)).collect();
    sorted.sort_unstable_by_key(|o| o.at);
    let mut rest = sorted.as_slice();
    span.buckets(bucket)
        .into_iter()
        .map(|at| {
            let (own, later) = rest.split_at(rest.partition_point(|o| bucket.start(o.at) <= at));
            rest = later;
            Point { at, value: reading.of(own.iter().copied()) }
        })
        .collect()
}
