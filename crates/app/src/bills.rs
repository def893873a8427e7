//! What a run was billed, read from its journal: each call by its day, model and role.
//!
//! The same reading as `aamas cost` (`engine::ledger`) has: what a person set back stays paid, and what a fork shares was
//! paid by the run that it comes from.

use std::collections::{BTreeMap, HashMap};

use domain::{NanoUsd, RunId, Timestamp, Usage};
use serde::Deserialize;
use store::{StoreError, TenantTx};

/// Entries of a run that are read at most; a run of more is read in part, and says so.
const MAX_ENTRIES: u32 = 20_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// What a number of calls used and cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Calls that were billed, failed ones too.
    pub(crate) calls: u64,
    /// How many of them had no known price.
    pub(crate) unpriced: u64,
    /// Tokens of all prompts, cached ones included.
    pub(crate) input_tokens: u64,
    /// The cached part.
    pub(crate) cached_tokens: u64,
    /// Tokens of all answers.
    pub(crate) output_tokens: u64,
    /// What the calls with a known price cost.
    pub(crate) known: NanoUsd,
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.unpriced += other.unpriced;
        self.input_tokens += other.input_tokens;
        self.cached_tokens += other.cached_tokens;
        self.output_tokens += other.output_tokens;
        self.known += other.known;
    }
}

impl Sum {
    fn of(usage: &Usage, cost: Option<NanoUsd>) -> Self {
        Self {
            calls: 1,
            unpriced: u64::from(cost.is_none()),
            input_tokens: usage.input_tokens,
            cached_tokens: usage.cached_tokens,
            output_tokens: usage.output_tokens,
            known: cost.unwrap_or_default(),
        }
    }
}

/// The calls of one day by one model in one role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    /// Days since the Unix epoch, in UTC.
    pub(crate) day: i64,
    /// The model, as `SPEC`.
    pub(crate) model: String,
    /// The role file of the agent.
    pub(crate) role: String,
}

/// What a run was billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bill {
    /// By day, model and role.
    pub(crate) items: BTreeMap<Item, Sum>,
    /// Bytes that were read for it.
    pub(crate) bytes: usize,
}

/// What matters of an entry.
#[derive(Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
enum Told {
    Created {
        settings: Settings,
    },
    Begun {
        role: String,
        model: String,
    },
    FellBack {
        to: String,
    },
    ModelAnswered {
        usage: Usage,
        #[serde(default)]
        wasted: Usage,
        cost: Option<NanoUsd>,
    },
    ModelFailed {
        wasted: Usage,
        cost: Option<NanoUsd>,
    },
    AgentEnded {
        usage: Usage,
        cost: Option<NanoUsd>,
    },
    Compacted {
        usage: Usage,
        cost: Option<NanoUsd>,
    },
    Spent {
        usage: Usage,
        cost: Option<NanoUsd>,
    },
}

#[derive(Deserialize)]
struct Settings {
    model: String,
    role: String,
    #[serde(default)]
    origin: Option<serde_json::Value>,
}

/// Who works: model and role.
#[derive(Clone, Default)]
struct Worker {
    model: String,
    role: String,
}

impl Bill {
    /// The bill of a run that came at `created_at`; `None` where its journal can't be read to its end.
    pub(crate) fn read(
        tx: &TenantTx<'_>,
        run: RunId,
        created_at: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let rows = tx.billed_rows(run, 0, MAX_ENTRIES)?;
        if rows.len() == MAX_ENTRIES as usize {
            return Ok(None);
        }
        let mut bill = Self::default();
        let (mut all, mut workers, mut from) = (Worker::default(), HashMap::<u32, Worker>::new(), None);
        for row in rows {
            let Some(body) = row.body else { return Ok(None) };
            bill.bytes += body.len();
            let Ok(told) = serde_json::from_slice::<Told>(&body) else { return Ok(None) };
            let (usage, cost) = match told {
                Told::Created { settings } => {
                    let forked = settings.origin.is_some_and(|origin| origin.get("forked").is_some());
                    from = forked.then_some(created_at);
                    all = Worker { model: settings.model, role: settings.role };
                    continue;
                }
                Told::Begun { role, model } => {
                    workers.insert(row.branch, Worker { model, role });
                    continue;
                }
                Told::FellBack { to } => {
                    workers.entry(row.branch).or_insert_with(|| all.clone()).model = to;
                    continue;
                }
                Told::ModelAnswered { mut usage, wasted, cost } => {
                    usage += wasted;
                    (usage, cost)
                }
                Told::ModelFailed { wasted, .. } if wasted == Usage::default() => continue,
                Told::ModelFailed { wasted, cost } => (wasted, cost),
                Told::AgentEnded { usage, cost }
                | Told::Compacted { usage, cost }
                | Told::Spent { usage, cost } => (usage, cost),
            };
            if from.is_none_or(|from| row.at >= from) {
                let worker = workers.get(&row.branch).unwrap_or(&all);
                let day = day_of(row.at);
                let item = Item { day, model: worker.model.clone(), role: worker.role.clone() };
                *bill.items.entry(item).or_default() += Sum::of(&usage, cost);
            }
        }
        Ok(Some(bill))
    }
}

/// Days since the Unix epoch, in UTC.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(DAY_MICROS)
}

/// Its first moment.
pub(crate) fn start_of(day: i64) -> Timestamp {
    Timestamp::from_micros(day.saturating_mul(DAY_MICROS))
}
