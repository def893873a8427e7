//! The dashboard: sixteen figures in four panels.

use domain::Timestamp;

use crate::facts::Facts;
use crate::metric::{Group, Metric};
use crate::observation::{Point, Reading, series};
use crate::period::{Period, Span, Timeframe};

/// What the facts of a timeframe say.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard {
    /// Which timeframe.
    pub timeframe: Timeframe,
    /// The moment before it begins.
    pub from: Timestamp,
    /// Its last moment.
    pub to: Timestamp,
    /// The panels.
    pub panels: Vec<Panel>,
}

/// Four figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Which.
    pub group: Group,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// A metric with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Which metric.
    pub metric: Metric,
    /// Its number; `None` where there are no facts, and then the note says what would fill it.
    pub value: Option<f64>,
    /// The number of the timeframe before.
    pub previous: Option<f64>,
    /// Hour by hour or day by day; empty where there is no number.
    pub series: Vec<Point>,
    /// What the number was computed from: facts from the beginning of this span to its end.
    pub span: Span,
    /// How many facts these are.
    pub facts: usize,
    /// What has to be said beside it.
    pub note: Option<String>,
}

/// What the facts of a period say.
#[must_use]
pub fn dashboard(facts: &Facts, period: Period) -> Dashboard {
    let panels = Group::ALL.into_iter().map(|group| {
        let own = Metric::ALL.into_iter().filter(|metric| metric.group() == group);
        Panel { group, figures: own.map(|metric| figure(metric, facts, period)).collect() }
    });
    Dashboard {
        timeframe: period.timeframe,
        from: period.now.from,
        to: period.now.to,
        panels: panels.collect(),
    }
}

fn figure(metric: Metric, facts: &Facts, period: Period) -> Figure {
    let measured = metric.measure(facts, period);
    let (now, before) = metric.spans(period);
    let (reading, all) = (measured.reading, &measured.observations);
    let number = |span: Span, basis: bool| {
        let has_any = all.iter().any(|o| span.has(o.at));
        let reads = has_any || (basis && reading.counts());
        reads.then(|| reading.of(all.iter().filter(|o| span.has(o.at)))).flatten()
    };
    let value = number(now, measured.basis.0);
    let points = match value {
        Some(_) => series(reading, all, period.now, period.timeframe.bucket()),
        None => Vec::new(),
    };
    Figure {
        metric,
        value,
        previous: number(before, measured.basis.1),
        series: points,
        span: now,
        facts: match reading {
            Reading::Distinct | Reading::Newest { .. } => metric.counted(facts, period).len(),
            _ => all.iter().filter(|o| now.has(o.at)).count(),
        },
        note: if value.is_none() { Some(measured.missing.to_owned()) } else { measured.note },
    }
}

#[cfg(test)]
#[path = "dashboard_tests.rs"]
mod tests;
