//! What the commands share: the data directory, the store, the engine.

use std::path::PathBuf;
use std::sync::Arc;

use app::{AppError, Desk};
use domain::TenantId;
use engine::{Engine, Host, ModelPool};
use store::{OpenOptions, Store, StoreError};

use super::rows;
use crate::cli::Global;
use crate::refusal::Refusal;
use crate::rim::{self, SystemClock};
use crate::say::err;

/// The engine on this machine's data directory, and on the rows that belong to it.
pub fn engine(global: &Global) -> Result<Engine, Refusal> {
    let engine = engine_to_serve(global)?;
    if let Some(other) = rows::noted(&engine.data_dir)?
        && engine.desk.store.address().is_some_and(|address| address != other)
    {
        err!("warning: `aamas serve` last worked on {other}, and this is another database");
    }
    Ok(engine)
}

/// The same for a server, which says itself from then on where the rows are.
pub fn engine_to_serve(global: &Global) -> Result<Engine, Refusal> {
    let data_dir = data_dir(global)?;
    let options = OpenOptions::default();
    let store = match (global.database(), rows::noted(&data_dir)?) {
        (Some(url), _) => Store::open_postgres(&data_dir, url, options),
        (None, None) => Store::open(&data_dir, options),
        (None, Some(address)) => return Err(rows::elsewhere(&data_dir, &address)),
    };
    let store = store.map_err(|e| store_refusal(&e))?;
    let desk =
        Desk { store, tenant: TenantId::LOCAL, clock: Arc::new(SystemClock), random: rim::random::<10> };
    let launcher = std::env::current_exe().map_err(|e| {
        Refusal::internal(
            "internal",
            format!("cannot find this program's own file: {e}"),
            "start it by its full path",
        )
    })?;
    let host = Host { launcher, variables: std::env::vars().collect() };
    Ok(Engine {
        desk,
        data_dir,
        pool: pool(),
        host,
        models: models::Environment::from_lookup(rim::variable),
        random_u64: || u64::from_le_bytes(rim::random::<8>()),
    })
}

/// The models of this process.
pub fn pool() -> ModelPool {
    let random = || u64::from_le_bytes(rim::random::<8>());
    let rim = models::Rim::new(Arc::new(SystemClock), random);
    ModelPool::new(models::Environment::from_lookup(rim::variable), rim, std::env::vars().collect())
}

/// The data directory, absolute.
pub fn data_dir(global: &Global) -> Result<PathBuf, Refusal> {
    let dir = global.data_dir.clone().or_else(rim::default_data_dir).ok_or_else(|| {
        Refusal::usage(
            "no_data_dir",
            "there is no home directory to keep data in",
            "name one with --data-dir DIR",
        )
    })?;
    std::path::absolute(&dir).map_err(|e| {
        Refusal::usage("no_data_dir", format!("cannot use {}: {e}", dir.display()), "name another --data-dir")
    })
}

/// A failure of the store as an exit: 1, with its own hint.
pub fn store_refusal(error: &StoreError) -> Refusal {
    let hint = error.hint().unwrap_or_else(|| "use another --data-dir".to_owned());
    Refusal::internal(error.code(), engine::sentence(error), hint)
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        let message = engine::sentence(&error);
        match error {
            AppError::Store(StoreError::LeaseHeld { .. }) => Self::usage(
                "run_is_running",
                "the run is running in another process",
                "follow it with `aamas runs watch`, or hold it with `aamas runs pause`",
            ),
            AppError::Store(error) => store_refusal(&error),
            AppError::Changed(_) => {
                Self::usage("run_is_running", message, "look again with `aamas runs list`")
            }
            AppError::Illegal(illegal) => {
                let see = if illegal.what == "task" { "task show TASK" } else { "runs show RUN" };
                Self::usage("not_possible", message, format!("see `aamas {see}`"))
            }
            AppError::NotFound { what, .. } => {
                let hint = match what {
                    "project" | "task" | "policy" | "token" => {
                        format!("`aamas {what} list` shows what there is")
                    }
                    "agent" | "run" => format!("`aamas {what}s list` shows what there is"),
                    "pull request" => "`aamas pr list` shows what there is".to_owned(),
                    _ => "name it as it was shown".to_owned(),
                };
                Self::usage("not_found", message, hint)
            }
            AppError::Ambiguous { .. } => Self::usage("ambiguous", message, "give more of the id"),
            AppError::Identity(_) => Self::internal("internal", message, "mount /proc"),
            AppError::Conflict { code, hint, .. } => {
                Self::usage(code, message, crate::server::own_hint(code).unwrap_or(hint))
            }
            AppError::Invalid(_) => Self::usage("invalid", message, "mend what it names"),
            AppError::Denied { receipt, .. } => {
                Self::usage("forbidden", message, format!("`aamas policy explain {receipt}` says why"))
            }
            AppError::Policies(_) => {
                Self::usage("policies_unreadable", message, "mend them on the server that has them")
            }
            AppError::VersionConflict => Self::usage("version_conflict", message, "look again"),
            other => Self::internal("internal", engine::sentence(&other), "see the log of the server"),
        }
    }
}
