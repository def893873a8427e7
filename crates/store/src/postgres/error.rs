//! Our names for the failures of PostgreSQL.

use std::error::Error as _;

use crate::error::{DatabaseFailure, StoreError};

/// Raised by `aamas_tenant()` when no tenant is set.
const NO_TENANT: &str = "AA001";

/// Raised by the triggers of tables whose rows are only added.
const APPEND_ONLY: &str = "AA002";

/// Names a failure by its SQLSTATE (appendix A of PostgreSQL's manual), or by the lack of one. What the server adds as
/// a detail is left out: it repeats values of rows.
pub(crate) fn classify(address: &str, doing: &str, error: &tokio_postgres::Error) -> StoreError {
    let Some(refusal) = error.as_db_error() else { return without_state(address, doing, error) };
    let doing = doing.to_owned();
    let message = || refusal.message().to_owned();
    match refusal.code().code() {
        "23505" => StoreError::AlreadyExists { doing },
        "23503" => StoreError::DanglingReference { doing },
        "53100" => StoreError::DiskFull { doing },
        "40001" | "40P01" | "55P03" => StoreError::Locked { path: address.into() },
        NO_TENANT | "42501" => StoreError::Denied { doing },
        APPEND_ONLY => StoreError::AppendOnly { doing },
        "XX001" | "XX002" => StoreError::Corrupt { path: address.into(), detail: message() },
        state if is_out_of_reach(state) => {
            StoreError::Unreachable { address: address.to_owned(), detail: message() }
        }
        state => StoreError::Database {
            doing,
            source: DatabaseFailure { code: state.to_owned(), message: message() },
        },
    }
}

/// No connection, no admission, too many connections, a server that shuts down or starts, no such database, an idle
/// transaction that was ended.
fn is_out_of_reach(state: &str) -> bool {
    state.starts_with("08")
        || state.starts_with("28")
        || matches!(state, "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "3D000" | "25P03" | "25P04")
}

fn without_state(address: &str, doing: &str, error: &tokio_postgres::Error) -> StoreError {
    // A value that does not fit its parameter, which was never sent.
    if error.source().is_some_and(|source| source.is::<super::value::Unfit>()) {
        return StoreError::Malformed { what: format!("parameter (to {doing})") };
    }
    StoreError::Unreachable { address: address.to_owned(), detail: words(error) }
}

/// What an error and its causes say.
pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        said = format!("{said}: {next}");
        cause = next.source();
    }
    said
}
