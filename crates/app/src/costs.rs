//! What was spent: every call that was billed, summed by model, role, day, project, task and run; and forecasts beside what
//! came of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use auth::{Action, Caller};
use domain::{ProjectId, RunId, TaskId, Timestamp};
use serde::Serialize;
use store::{SpentRow, StoreError, TenantTx};

use crate::bills::{Bill, Sum, day_of, start_of};
use crate::facts::{Forecasted, MAX_ROWS, Memory, RunNotes};
use crate::office::Origin;
use crate::reviews::list_resource;
use crate::tasks::title_of;
use crate::{AppError, Platform};

/// Days that are looked at unless asked otherwise, today included.
const DEFAULT_DAYS: i64 = 30;
/// Tasks, and runs, that are named: the dearest.
const TOP: usize = 50;
/// Journals that one request reads at most, …
const MAX_JOURNALS: usize = 500;
/// … and bytes of them. What is read once is remembered; the next request goes on.
const MAX_JOURNAL_BYTES: usize = 64 << 20;

/// What was spent, as callers see it. All sums are of the same calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Cost {
    /// From the beginning of this day, in UTC.
    #[schema(format = DateTime)]
    pub since: String,
    /// Up to this moment.
    #[schema(format = DateTime)]
    pub until: String,
    /// US dollars; null when the price of a call is unknown.
    #[schema(required)]
    pub total_usd: Option<f64>,
    /// What the calls with a known price cost.
    pub known_usd: f64,
    /// Calls that were billed, failed ones too.
    pub calls: u64,
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// Runs that were billed for something.
    pub runs: u64,
    /// How many of them had a call whose price is unknown.
    pub unpriced_runs: u64,
    /// Runs whose journals were not read yet: in all sums as a whole, but in none by model, role or day. Ask again.
    pub unread_runs: u64,
    /// By model, the dearest first.
    pub by_model: Vec<CostLine>,
    /// By the role of the agent, the dearest first.
    pub by_role: Vec<CostLine>,
    /// By day in UTC, the newest first.
    pub by_day: Vec<DayLine>,
    /// By project, the dearest first; `key` is empty for runs of the command line.
    pub by_project: Vec<CostLine>,
    /// The fifty dearest tasks.
    pub by_task: Vec<CostLine>,
    /// The fifty dearest runs.
    pub by_run: Vec<CostLine>,
    /// Forecasts of cost beside what runs cost.
    pub cost_forecast: Forecast,
    /// Estimates of hours beside what runs took.
    pub effort_forecast: Forecast,
}

/// One line of the sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CostLine {
    /// What it is the sum of: a model, a role, an id.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// US dollars; null when the price of a call is unknown.
    #[schema(required)]
    pub cost_usd: Option<f64>,
    /// What the calls with a known price cost.
    pub known_cost_usd: f64,
    /// Calls.
    pub calls: u64,
    /// Tokens of all prompts, cached ones included.
    pub input_tokens: u64,
    /// The cached part.
    pub cached_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// Runs that have a part in it.
    pub runs: u64,
}

/// The sum of a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DayLine {
    /// `YYYY-MM-DD`, in UTC.
    pub day: String,
    /// US dollars; null when the price of a call is unknown.
    #[schema(required)]
    pub cost_usd: Option<f64>,
    /// What the calls with a known price cost.
    pub known_cost_usd: f64,
    /// Calls.
    pub calls: u64,
    /// Runs that have a part in it.
    pub runs: u64,
}

/// Forecasts of finished runs beside what came of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Forecast {
    /// Runs that have both.
    pub runs: u64,
    /// How many came out between the low and the high end; eight of ten should.
    pub within: u64,
    /// The sum of the middles.
    pub forecast: f64,
    /// The sum of what it came to.
    pub actual: f64,
    /// The fifty newest.
    pub lines: Vec<ForecastLine>,
}

/// One forecast.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ForecastLine {
    /// The run.
    #[schema(value_type = crate::shapes::RunId)]
    pub run_id: RunId,
    /// Its task.
    #[schema(value_type = crate::shapes::TaskId)]
    pub task_id: TaskId,
    /// The line that people read of it.
    pub title: String,
    /// The low end.
    pub low: f64,
    /// The middle.
    pub middle: f64,
    /// The high end.
    pub high: f64,
    /// What it came to.
    pub actual: f64,
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostAsked {
    /// From this day or moment on (its whole day in UTC), `YYYY-MM-DD` or RFC 3339; the last thirty days if not given.
    pub since: Option<String>,
    /// Of this project.
    pub project: Option<ProjectId>,
    /// `model`, `role`, `day`, `project`, `task` or `run`: only these sums beside the total.
    pub group: Option<String>,
}

/// What was spent by the organization or one project.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Denied`], [`AppError::Invalid`].
pub async fn cost(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    asked: CostAsked,
) -> Result<Cost, AppError> {
    let group = Grouping::parse(asked.group.as_deref())?;
    let now = platform.now();
    let since = match asked.since.as_deref() {
        Some(text) => day_of_text(text)?,
        None => day_of(now).saturating_sub(DEFAULT_DAYS - 1),
    };
    let own = platform.clone();
    platform
        .look(caller, origin, move |look| {
            let project = match (asked.project, &look.caller().project_scope) {
                (None, Some(scope)) => scope.parse().ok(),
                (project, _) => project,
            };
            look.may(Action::CostRead, list_resource(look.tx, project)?)?;
            let mut rows = look.tx.spent_rows(start_of(since), MAX_ROWS)?;
            rows.retain(|row| project.is_none_or(|p| row.project == Some(p)));
            let books = Books::keep(look.tx, own.memory(), &rows, since)?;
            let mut cost = books.close(look.tx, group)?;
            (cost.since, cost.until) = (start_of(since).to_string(), now.to_string());
            forecasts(look.tx, own.memory(), &rows, &mut cost)?;
            Ok(cost)
        })
        .await
}

/// Which sums are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    All,
    One(&'static str),
}

impl Grouping {
    const WORDS: [&str; 6] = ["model", "role", "day", "project", "task", "run"];

    fn parse(word: Option<&str>) -> Result<Self, AppError> {
        let Some(word) = word else { return Ok(Self::All) };
        let known = Self::WORDS.into_iter().find(|known| *known == word);
        known
            .map(Self::One)
            .ok_or_else(|| AppError::invalid("group", "it is model, role, day, project, task or run"))
    }

    fn wants(self, word: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == word,
        }
    }
}

fn day_of_text(text: &str) -> Result<i64, AppError> {
    let moment = match text.parse::<jiff::Timestamp>() {
        Ok(at) => Some(at),
        Err(_) => format!("{text}T00:00:00Z").parse().ok(),
    };
    let moment = moment.ok_or_else(|| {
        AppError::invalid("since", "it is a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z")
    })?;
    Ok(day_of(Timestamp::from_micros(moment.as_microsecond())))
}

/// A sum, and the runs that have a part in it.
#[derive(Default)]
struct Account {
    sum: Sum,
    runs: HashSet<RunId>,
}

impl Account {
    fn add(&mut self, run: RunId, sum: Sum) {
        self.sum += sum;
        self.runs.insert(run);
    }
}

/// Sums that are still growing.
#[derive(Default)]
struct Books {
    total: Account,
    unpriced: HashSet<RunId>,
    unread: u64,
    models: BTreeMap<String, Account>,
    roles: BTreeMap<String, Account>,
    days: BTreeMap<i64, Account>,
    projects: HashMap<Option<ProjectId>, Account>,
    tasks: HashMap<TaskId, Account>,
    runs: HashMap<RunId, (TaskId, Account)>,
}

impl Books {
    fn keep(tx: &TenantTx<'_>, memory: &Memory, rows: &[SpentRow], since: i64) -> Result<Self, StoreError> {
        let (mut books, mut left) =
            (Self::default(), Left { journals: MAX_JOURNALS, bytes: MAX_JOURNAL_BYTES });
        for row in rows {
            let Some(bill) = bill_of(tx, memory, row, &mut left)? else {
                books.unread += 1;
                books.add_whole(row);
                continue;
            };
            for (item, sum) in bill.items.iter().filter(|(item, _)| item.day >= since) {
                books.add(row, *sum);
                books.models.entry(item.model.clone()).or_default().add(row.run, *sum);
                books.roles.entry(item.role.clone()).or_default().add(row.run, *sum);
                books.days.entry(item.day).or_default().add(row.run, *sum);
            }
        }
        Ok(books)
    }

    /// A run whose journal was not read: what its budget says.
    fn add_whole(&mut self, row: &SpentRow) {
        let sum = Sum {
            calls: row.calls,
            unpriced: row.unpriced_calls,
            input_tokens: row.input_tokens,
            cached_tokens: row.cached_tokens,
            output_tokens: row.output_tokens,
            known: row.spent,
        };
        self.add(row, sum);
    }

    fn add(&mut self, row: &SpentRow, sum: Sum) {
        self.total.add(row.run, sum);
        if sum.unpriced > 0 {
            self.unpriced.insert(row.run);
        }
        self.projects.entry(row.project).or_default().add(row.run, sum);
        self.tasks.entry(row.task).or_default().add(row.run, sum);
        self.runs.entry(row.run).or_insert_with(|| (row.task, Account::default())).1.add(row.run, sum);
    }

    fn close(self, tx: &TenantTx<'_>, group: Grouping) -> Result<Cost, StoreError> {
        let total = self.total.sum;
        let named = |accounts: BTreeMap<String, Account>| -> Vec<CostLine> {
            dearest(accounts.into_iter().map(|(name, account)| line(name.clone(), name, &account)))
        };
        let mut cost = Cost {
            total_usd: usd(total),
            known_usd: total.known.as_usd(),
            calls: total.calls,
            input_tokens: total.input_tokens,
            cached_tokens: total.cached_tokens,
            output_tokens: total.output_tokens,
            runs: self.total.runs.len() as u64,
            unpriced_runs: self.unpriced.len() as u64,
            unread_runs: self.unread,
            ..Cost::default()
        };
        if group.wants("model") {
            cost.by_model = named(self.models);
        }
        if group.wants("role") {
            cost.by_role = named(self.roles);
        }
        if group.wants("day") {
            cost.by_day = self.days.into_iter().rev().map(|(day, account)| day_line(day, &account)).collect();
        }
        if group.wants("project") {
            let lines = self.projects.into_iter().map(|(id, account)| {
                let label = match id {
                    Some(id) => tx.project(id)?.map_or_else(|| id.to_string(), |row| row.name),
                    None => "Command line".to_owned(),
                };
                Ok(line(id.map(|id| id.to_string()).unwrap_or_default(), label, &account))
            });
            cost.by_project = dearest(lines.collect::<Result<Vec<_>, StoreError>>()?.into_iter());
        }
        if group.wants("task") {
            let lines =
                dearest(self.tasks.into_iter().map(|(id, a)| line(id.to_string(), String::new(), &a)));
            cost.by_task = labelled(tx, lines, |key| key.parse().ok())?;
        }
        if group.wants("run") {
            let task_of: HashMap<String, TaskId> =
                self.runs.iter().map(|(id, (task, _))| (id.to_string(), *task)).collect();
            let lines =
                dearest(self.runs.into_iter().map(|(id, (_, a))| line(id.to_string(), String::new(), &a)));
            cost.by_run = labelled(tx, lines, |key| task_of.get(key).copied())?;
        }
        Ok(cost)
    }
}

/// What a request may still read.
struct Left {
    journals: usize,
    bytes: usize,
}

/// The bill of a run, if it is remembered or may still be read.
fn bill_of(
    tx: &TenantTx<'_>,
    memory: &Memory,
    row: &SpentRow,
    left: &mut Left,
) -> Result<Option<Arc<Bill>>, StoreError> {
    let key = (tx.tenant(), row.run);
    let known = memory.bills.get(&key);
    if let Some((at, calls, bill)) = known
        && (at, calls) == (row.updated_at, row.calls)
    {
        return Ok(Some(bill));
    }
    if left.journals == 0 || left.bytes == 0 {
        return Ok(None);
    }
    left.journals -= 1;
    let Some(bill) = Bill::read(tx, row.run, row.created_at)? else { return Ok(None) };
    left.bytes = left.bytes.saturating_sub(bill.bytes);
    let bill = Arc::new(bill);
    memory.bills.insert(key, (row.updated_at, row.calls, bill.clone()));
    Ok(Some(bill))
}

fn usd(sum: Sum) -> Option<f64> {
    (sum.unpriced == 0).then(|| sum.known.as_usd())
}

fn line(key: String, label: String, account: &Account) -> CostLine {
    let sum = account.sum;
    CostLine {
        key,
        label,
        cost_usd: usd(sum),
        known_cost_usd: sum.known.as_usd(),
        calls: sum.calls,
        input_tokens: sum.input_tokens,
        cached_tokens: sum.cached_tokens,
        output_tokens: sum.output_tokens,
        runs: account.runs.len() as u64,
    }
}

fn day_line(day: i64, account: &Account) -> DayLine {
    let at = start_of(day).to_string();
    DayLine {
        day: at.get(..10).unwrap_or(&at).to_owned(),
        cost_usd: usd(account.sum),
        known_cost_usd: account.sum.known.as_usd(),
        calls: account.sum.calls,
        runs: account.runs.len() as u64,
    }
}

fn dearest(lines: impl Iterator<Item = CostLine>) -> Vec<CostLine> {
    let mut lines: Vec<_> = lines.collect();
    lines.sort_by(|a, b| {
        let by_cost = b.known_cost_usd.total_cmp(&a.known_cost_usd);
        let tokens = |line: &CostLine| line.input_tokens + line.output_tokens;
        by_cost.then(tokens(b).cmp(&tokens(a))).then_with(|| a.key.cmp(&b.key))
    });
    lines
}

/// The first lines, with the titles of their tasks.
fn labelled(
    tx: &TenantTx<'_>,
    lines: Vec<CostLine>,
    task_of: impl Fn(&str) -> Option<TaskId>,
) -> Result<Vec<CostLine>, StoreError> {
    let top = lines.into_iter().take(TOP).map(|line| {
        let task = task_of(&line.key).map(|id| tx.task(id)).transpose()?.flatten();
        Ok(CostLine { label: task.map_or_else(|| line.key.clone(), |task| title_of(&task)), ..line })
    });
    top.collect()
}

fn forecasts(
    tx: &TenantTx<'_>,
    memory: &Memory,
    rows: &[SpentRow],
    cost: &mut Cost,
) -> Result<(), StoreError> {
    for row in rows.iter().filter(|row| row.state.is_finished()) {
        let RunNotes { cost: money, effort, .. } = memory.run_notes(tx, row.run, row.updated_at)?;
        for (into, found) in [(&mut cost.cost_forecast, money), (&mut cost.effort_forecast, effort)] {
            if let Some(found) = found {
                into.add(tx, row, found)?;
            }
        }
    }
    Ok(())
}

impl Forecast {
    fn add(&mut self, tx: &TenantTx<'_>, row: &SpentRow, found: Forecasted) -> Result<(), StoreError> {
        let Forecasted { low, middle, high, actual } = found;
        self.runs += 1;
        self.within += u64::from((low..=high).contains(&actual));
        self.forecast += middle;
        self.actual += actual;
        if self.lines.len() < TOP {
            let title = tx.task(row.task)?.map_or_else(String::new, |task| title_of(&task));
            let (run_id, task_id) = (row.run, row.task);
            self.lines.push(ForecastLine { run_id, task_id, title, low, middle, high, actual });
        }
        Ok(())
    }
}
