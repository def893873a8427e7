//! The analytics of an organization: sixteen figures in four panels, and for each the facts that it was computed from.

use auth::policy::Resource;
use auth::{Action, Caller};
use domain::{PullRequestId, RunId, TaskId, TenantId, Timestamp};
use insights::{Dashboard, Figure, Metric, Observation, Period, Source, Timeframe};
use serde::Serialize;
use std::sync::Arc;
use store::{StoreError, TenantTx};

use crate::facts::MAX_ROWS;
use crate::list::{DEFAULT_LIMIT, Listed, MAX_LIMIT, Paging};
use crate::office::Origin;
use crate::tasks::title_of;
use crate::{AppError, Platform};

/// What the facts of a timeframe say, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Analytics {
    /// Whose facts.
    #[schema(value_type = crate::shapes::OrganizationId)]
    pub organization_id: TenantId,
    /// `24h`, `7d`, `30d` or `90d`.
    #[schema(value_type = crate::shapes::Timeframe)]
    pub timeframe: String,
    /// The moment before the timeframe begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Its last moment.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// The four panels.
    pub panels: Vec<PanelView>,
    /// What has to be said of all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Four figures.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PanelView {
    /// `agent_performance`, `development_velocity`, `code_quality` or `resource_utilization`.
    pub key: String,
    /// What people read.
    pub title: String,
    /// The figures.
    pub metrics: Vec<MetricView>,
}

/// A metric with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct MetricView {
    /// Which, such as `success_rate`.
    #[schema(value_type = crate::shapes::MetricKey)]
    pub key: String,
    /// What people read.
    pub title: String,
    /// `count`, `per_day`, `seconds`, `percent` or `per_100_lines`.
    pub unit: String,
    /// The number; null where there are no facts.
    #[schema(required)]
    pub value: Option<f64>,
    /// The number of the timeframe before, which is as long.
    #[schema(required)]
    pub previous: Option<f64>,
    /// Hour by hour of 24 h, else day by day, in UTC; empty where there is no number.
    pub series: Vec<PointView>,
    /// What the number was computed from.
    pub facts: FactsLink,
    /// What has to be said beside it; where there is no number, what would fill it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PointView {
    /// The beginning of its hour or day.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The number; null where nothing was observed and the metric is no count.
    #[schema(required)]
    pub value: Option<f64>,
}

/// Where the facts behind a number can be read.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FactsLink {
    /// The query that lists them.
    pub query: String,
    /// How many there are.
    pub count: usize,
}

/// A fact that a number was computed from.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FactLine {
    /// `run`, `task`, `pull_request`, `agent` or `samples`.
    #[schema(value_type = crate::shapes::FactKind)]
    pub kind: String,
    /// Its id; of measurements, what was measured.
    pub id: String,
    /// When it was counted.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The line that people read of it.
    #[schema(required)]
    pub title: Option<String>,
    /// Where it stands.
    #[schema(required)]
    pub status: Option<String>,
    /// Its project.
    #[schema(value_type = Option<crate::shapes::ProjectId>, required)]
    pub project_id: Option<domain::ProjectId>,
    /// The task that it is, or that it belongs to.
    #[schema(value_type = Option<crate::shapes::TaskId>, required)]
    pub task_id: Option<TaskId>,
    /// What it adds to the sum, …
    pub part: i64,
    /// … and to what the sum is divided by, where the metric is a share or a mean.
    pub whole: u64,
}

/// The dashboard of the caller's organization, which `customer` names. Timeframes are `24h`, `7d` (if none is given), `30d`
/// and `90d`.
///
/// # Errors
/// [`AppError::NotFound`] for another organization, [`AppError::Denied`], [`AppError::Invalid`].
pub async fn dashboard(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    customer: &str,
    timeframe: Option<&str>,
) -> Result<Arc<Analytics>, AppError> {
    let frame = timeframe_of(timeframe)?;
    let tenant = own_organization(caller, customer)?;
    let (own, key) = (platform.clone(), (tenant, frame));
    let looked = platform
        .look(caller, origin, move |look| {
            look.may(Action::AnalyticsRead, Resource::organization(tenant))?;
            let place = look.tx.last_event_position()?;
            if let Some((of, known)) = own.memory().dashboards.get(&key)
                && of == place
            {
                return Ok(Looked::Known(known));
            }
            let period = Period::ending(frame, look.now());
            Ok(Looked::Facts(place, period, own.memory().facts(look.tx, period.before.from)?))
        })
        .await?;
    let (place, period, mut facts) = match looked {
        Looked::Known(known) => return Ok(known),
        Looked::Facts(place, period, facts) => (place, period, facts),
    };
    facts.samples = samples(platform, period).await?;
    let full = facts.runs.len() >= MAX_ROWS as usize;
    let dashboard = insights::dashboard(&facts, period);
    let analytics = Arc::new(view(tenant, &dashboard, full));
    platform.memory().dashboards.insert(key, (place, analytics.clone()));
    Ok(analytics)
}

enum Looked {
    Known(Arc<Analytics>),
    Facts(u64, Period, insights::Facts),
}

/// The facts that a figure was computed from, newest first. `until` is the `to` of the dashboard.
///
/// # Errors
/// [`AppError::NotFound`] for another organization, [`AppError::Denied`], [`AppError::Invalid`].
pub async fn facts(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    customer: &str,
    asked: &FactsAsked,
    paging: &Paging,
) -> Result<Listed<FactLine>, AppError> {
    let tenant = own_organization(caller, customer)?;
    let frame = timeframe_of(asked.timeframe.as_deref())?;
    let metric = Metric::from_key(&asked.metric)
        .ok_or_else(|| AppError::invalid("metric", "there is no such metric"))?;
    let until = asked.until.as_deref().map(time_of).transpose()?;
    let limit = paging.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(AppError::invalid("limit", format!("it is a number from 1 to {MAX_LIMIT}")));
    }
    let skip: usize = match paging.cursor.as_deref() {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| AppError::invalid("cursor", "it is not the next_cursor of this list"))?
        }
    };
    let period = Period::ending(frame, until.unwrap_or_else(|| platform.now()));
    let measured = samples(platform, period).await?;
    let own = platform.clone();
    platform
        .look(caller, origin, move |look| {
            // The lines name tasks and runs: who may not list these may not see them here.
            for action in [Action::AnalyticsRead, Action::TasksRead, Action::RunsRead] {
                look.may(action, Resource::organization(tenant))?;
            }
            let mut facts = own.memory().facts(look.tx, period.before.from)?;
            facts.samples = measured;
            let all = metric.counted(&facts, period);
            let page = all.iter().skip(skip).take(limit as usize);
            let items = page.map(|fact| line(look.tx, fact)).collect::<Result<Vec<_>, _>>()?;
            let next = skip.saturating_add(items.len());
            let next_cursor = (next < all.len() && !items.is_empty()).then(|| next.to_string());
            Ok(Listed { items, next_cursor })
        })
        .await
}

/// Which figure's facts are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactsAsked {
    /// The metric.
    pub metric: String,
    /// The timeframe, as of [`dashboard`].
    pub timeframe: Option<String>,
    /// Its last moment, RFC 3339; now if not given.
    pub until: Option<String>,
}

fn timeframe_of(word: Option<&str>) -> Result<Timeframe, AppError> {
    let Some(word) = word else { return Ok(Timeframe::Week) };
    Timeframe::from_word(word).ok_or_else(|| AppError::invalid("timeframe", "it is 24h, 7d, 30d or 90d"))
}

/// Another organization does not exist for a caller.
fn own_organization(caller: &Caller, customer: &str) -> Result<TenantId, AppError> {
    match customer.parse::<TenantId>() {
        Ok(id) if id == caller.tenant => Ok(id),
        _ => Err(AppError::not_found("organization", customer)),
    }
}

/// A moment as RFC 3339.
pub(crate) fn time_of(text: &str) -> Result<Timestamp, AppError> {
    let at = text.parse::<jiff::Timestamp>();
    at.map(|at| Timestamp::from_micros(at.as_microsecond()))
        .map_err(|_| AppError::invalid("until", "it is a time such as 2026-01-31T12:00:00Z"))
}

async fn samples(platform: &Platform, period: Period) -> Result<Vec<insights::SampleFact>, StoreError> {
    let (own, now) = (platform.clone(), platform.now());
    platform.store().read(TenantId::INSTALLATION, move |tx| own.memory().samples(tx, period, now)).await
}

fn view(tenant: TenantId, dashboard: &Dashboard, full: bool) -> Analytics {
    Analytics {
        organization_id: tenant,
        timeframe: dashboard.timeframe.as_str().to_owned(),
        from: dashboard.from,
        to: dashboard.to,
        panels: dashboard
            .panels
            .iter()
            .map(|panel| PanelView {
                key: panel.group.key().to_owned(),
                title: panel.group.title().to_owned(),
                metrics: panel.figures.iter().map(|figure| metric_view(tenant, dashboard, figure)).collect(),
            })
            .collect(),
        note: full.then(|| format!("of the newest {MAX_ROWS} runs: there are more in this timeframe")),
    }
}

fn metric_view(tenant: TenantId, dashboard: &Dashboard, figure: &Figure) -> MetricView {
    let metric = figure.metric;
    let query = format!(
        "/api/v1/analytics/dashboard/{tenant}/facts?metric={}&timeframe={}&until={}",
        metric.key(),
        dashboard.timeframe.as_str(),
        dashboard.to
    );
    MetricView {
        key: metric.key().to_owned(),
        title: metric.title().to_owned(),
        unit: metric.unit().as_str().to_owned(),
        value: figure.value,
        previous: figure.previous,
        series: figure.series.iter().map(|p| PointView { at: p.at, value: p.value }).collect(),
        facts: FactsLink { query, count: figure.facts },
        note: figure.note.clone(),
    }
}

fn line(tx: &TenantTx<'_>, fact: &Observation) -> Result<FactLine, StoreError> {
    let (kind, id) = match fact.source {
        Source::Run(id) => ("run", id.to_string()),
        Source::Task(id) => ("task", id.to_string()),
        Source::PullRequest(id) => ("pull_request", id.to_string()),
        Source::Agent(id) => ("agent", id.to_string()),
        Source::Samples(resource) => ("samples", resource.metric().to_owned()),
    };
    let told = match fact.source {
        Source::Run(id) => of_run(tx, id)?,
        Source::Task(id) => of_task(tx, id)?,
        Source::PullRequest(id) => of_pull_request(tx, id)?,
        Source::Agent(id) => tx.agent(id)?.map(|a| (a.name, a.state.as_str().to_owned(), None)),
        Source::Samples(_) => None,
    };
    let (title, status, project_id) = match told {
        Some((title, status, project)) => (Some(title), Some(status), project),
        None => (None, None, None),
    };
    let task_id = match fact.source {
        Source::Run(id) => tx.run(id)?.map(|run| run.task),
        Source::Task(id) => Some(id),
        Source::PullRequest(id) => {
            let run = tx.pull_request(id)?.map(|pr| tx.run(pr.run)).transpose()?.flatten();
            run.map(|run| run.task)
        }
        Source::Agent(_) | Source::Samples(_) => None,
    };
    let (part, whole) = (fact.part, fact.whole);
    Ok(FactLine { kind: kind.to_owned(), id, at: fact.at, title, status, project_id, task_id, part, whole })
}

type Told = Option<(String, String, Option<domain::ProjectId>)>;

fn of_run(tx: &TenantTx<'_>, id: RunId) -> Result<Told, StoreError> {
    let Some(run) = tx.run(id)? else { return Ok(None) };
    let task = tx.task(run.task)?;
    Ok(task.map(|task| (title_of(&task), run.state.as_str().to_owned(), task.project)))
}

fn of_task(tx: &TenantTx<'_>, id: TaskId) -> Result<Told, StoreError> {
    Ok(tx.task(id)?.map(|task| (title_of(&task), task.state.as_str().to_owned(), task.project)))
}

fn of_pull_request(tx: &TenantTx<'_>, id: PullRequestId) -> Result<Told, StoreError> {
    let Some(pr) = tx.pull_request(id)? else { return Ok(None) };
    let project = of_run(tx, pr.run)?.and_then(|(_, _, project)| project);
    Ok(Some((pr.title, pr.state.as_str().to_owned(), project)))
}
