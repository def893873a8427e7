//! What can go wrong in the store, as its callers must be able to tell it apart.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use domain::{NanoUsd, RunId, Timestamp};

use crate::lease::Fence;
use crate::owner::Owner;

/// Why the store did not do what was asked. Nothing of the closure that failed was kept.
///
/// Errors can be cloned because one failed commit answers every caller of its group.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The data directory lies where file locks and shared memory can't be trusted.
    #[error("the data directory {} is on a network file system ({kind})", dir.display())]
    NetworkFileSystem {
        /// The data directory.
        dir: PathBuf,
        /// The file system, such as `nfs`.
        kind: String,
    },
    /// Something below the data directory can't be created or written.
    #[error("cannot write to {}", path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// No space is left, or a disk quota is used up. What was acknowledged before is kept.
    #[error("the disk is full: cannot {doing}")]
    DiskFull {
        /// What was attempted, on what.
        doing: String,
    },
    /// The database is damaged, or is none of ours.
    #[error("the database {} is damaged: {detail}", path.display())]
    Corrupt {
        /// The database file, or the address of the database without its password.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The database was written by a newer release.
    #[error("the database {} has schema version {found}; this release knows versions up to {supported}", path.display())]
    NewerSchema {
        /// The database file, or the address of the database without its password.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this release can read.
        supported: u32,
    },
    /// Another process kept the database, or the tenant in it, locked for longer than the busy time-out.
    #[error("the database {} is locked by another process", path.display())]
    Locked {
        /// The database file, or the address of the database without its password.
        path: PathBuf,
    },
    /// The caller's lease on the run is not the present one: another owner took over, or it was released.
    #[error("the lease {fence} on {run} is no longer valid")]
    Fenced {
        /// The run.
        run: RunId,
        /// The stale token.
        fence: Fence,
    },
    /// The run has an owner whose lease still holds.
    #[error("{run} is held by process {} until {until}", owner.pid)]
    LeaseHeld {
        /// The run.
        run: RunId,
        /// Who holds it.
        owner: Owner,
        /// When the lease runs out.
        until: Timestamp,
    },
    /// The tenant has nothing of this id.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The row exists already.
    #[error("cannot {doing}: it exists already")]
    AlreadyExists {
        /// What was attempted.
        doing: String,
    },
    /// The row belongs to something that the tenant does not have.
    #[error("cannot {doing}: what it belongs to does not exist")]
    DanglingReference {
        /// What was attempted.
        doing: String,
    },
    /// The journal and the audit are append-only.
    #[error("cannot {doing}: the journal and the audit are append-only")]
    AppendOnly {
        /// What was attempted.
        doing: String,
    },
    /// A value is larger than the store takes.
    #[error("{what} has {size_bytes} bytes; at most {limit_bytes} are stored")]
    TooLarge {
        /// The kind of thing.
        what: &'static str,
        /// Its size, or how much of it was seen before giving up.
        size_bytes: u64,
        /// The bound.
        limit_bytes: u64,
    },
    /// The tenant's artifacts would take more room than they may.
    #[error("artifacts of {wanted_bytes} more bytes exceed the quota of {quota_bytes} bytes")]
    QuotaExceeded {
        /// What was to be added.
        wanted_bytes: u64,
        /// The quota.
        quota_bytes: u64,
    },
    /// The run may not spend this much more.
    #[error("{run} may not spend {wanted} more")]
    BudgetExceeded {
        /// The run.
        run: RunId,
        /// What was to be reserved.
        wanted: NanoUsd,
    },
    /// A stored value is not what this release writes there.
    #[error("a stored {what} cannot be understood")]
    Malformed {
        /// The table, and the number of the column within the statement.
        what: String,
    },
    /// A file operation failed.
    #[error("cannot {doing}")]
    Io {
        /// What was attempted, on what.
        doing: String,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// The database refused a statement for a reason that has no name here.
    #[error("the database cannot {doing}")]
    Database {
        /// What was attempted.
        doing: String,
        /// The database's own words.
        source: DatabaseFailure,
    },
    /// The address of a database can't be understood.
    #[error("the database address is not usable: {detail}")]
    InvalidAddress {
        /// What is wrong with it; never the address itself, which may hold a password.
        detail: String,
    },
    /// The database server can't be reached, or the connection to it broke. Nothing of this attempt was kept.
    #[error("the database {address} can't be reached: {detail}")]
    Unreachable {
        /// Its address without the password.
        address: String,
        /// What the system or the server said.
        detail: String,
    },
    /// The connection broke while a commit was under way, and the server could not be asked afterwards: what was
    /// written is there whole, or not at all.
    #[error(
        "the connection to the database {address} broke during a commit: what was written may be there or not"
    )]
    OutcomeUnknown {
        /// Its address without the password.
        address: String,
    },
    /// The database refused a statement as none that this tenant, or the application at all, may do.
    #[error("cannot {doing}: the database denies it to this tenant")]
    Denied {
        /// What was attempted.
        doing: String,
    },
    /// The database does not keep the rows of tenants apart, so that nothing is served from it.
    #[error("the database {address} does not keep tenants apart: {detail}")]
    Unprotected {
        /// Its address without the password.
        address: String,
        /// What was found.
        detail: String,
    },
    /// The role that reads and writes rows is not there, or can't be taken on.
    #[error("the database {address} has no role {role} for this user: {detail}")]
    RoleMissing {
        /// The address of the database without the password.
        address: String,
        /// The role.
        role: &'static str,
        /// What the server said.
        detail: String,
    },
    /// The file of the database was moved or deleted while it was open.
    #[error("{path} is not there any more, or it is another file: nothing can be kept", path = path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// A text with a NUL character, which PostgreSQL can't store.
    #[error("cannot {doing}: a text holds a NUL character")]
    NulInText {
        /// What was attempted.
        doing: String,
    },
    /// The writer has stopped: the store is closed, or a failed flush to the disk left its state in doubt.
    #[error("the store is closed")]
    Closed,
}

/// A failure in the database's own words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct DatabaseFailure {
    /// SQLite's extended result code, or PostgreSQL's SQLSTATE.
    pub code: String,
    /// The message.
    pub message: String,
}

impl StoreError {
    /// A stable word for the kind of failure, for the `code` of an error document.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NetworkFileSystem { .. } => "data_dir_on_network",
            Self::Unwritable { .. } => "data_dir_unwritable",
            Self::DiskFull { .. } => "disk_full",
            Self::Corrupt { .. } => "database_corrupt",
            Self::Gone { .. } => "database_gone",
            Self::NewerSchema { .. } => "database_newer",
            Self::Locked { .. } => "database_locked",
            Self::Fenced { .. } => "lease_lost",
            Self::LeaseHeld { .. } => "run_is_running",
            Self::NotFound { .. } => "not_found",
            Self::AlreadyExists { .. } => "already_exists",
            Self::DanglingReference { .. } => "dangling_reference",
            Self::AppendOnly { .. } => "append_only",
            Self::TooLarge { .. } => "too_large",
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::BudgetExceeded { .. } => "budget_exceeded",
            Self::Malformed { .. } => "row_malformed",
            Self::Io { .. } => "io_error",
            Self::Database { .. } => "database_error",
            Self::InvalidAddress { .. } => "database_address_invalid",
            Self::Unreachable { .. } => "database_unreachable",
            Self::OutcomeUnknown { .. } => "commit_unknown",
            Self::Denied { .. } => "database_denied",
            Self::Unprotected { .. } => "tenants_unprotected",
            Self::RoleMissing { .. } => "database_role_missing",
            Self::NulInText { .. } => "nul_in_text",
            Self::Closed => "store_closed",
        }
    }

    /// What a person can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NetworkFileSystem { .. } => {
                "choose a directory on a local disk with --data-dir or AAMAS_DATA_DIR".to_owned()
            }
            Self::Unwritable { path, .. } => {
                format!("make {} writable, or choose another directory with --data-dir", path.display())
            }
            Self::DiskFull { .. } => {
                "free some space and try again; nothing that was acknowledged is lost".to_owned()
            }
            Self::Corrupt { path, .. } if path.starts_with("postgres:") => {
                "restore it from a backup, or give AAMAS a database or a schema of its own".to_owned()
            }
            Self::Corrupt { path, .. } => format!(
                "move {} and its -wal and -shm files away and put a copy from the `backups` directory beside it \
                 in their place",
                path.display()
            ),
            Self::Gone { path } => format!(
                "put the data directory back where it was, or restore {} from a copy, and start again",
                path.display()
            ),
            Self::NewerSchema { .. } => "use the release that wrote it, or a newer one".to_owned(),
            Self::Locked { .. } => "wait for the other process, or end it".to_owned(),
            Self::InvalidAddress { .. } => {
                "write it as postgres://user:password@host:port/database?sslmode=require".to_owned()
            }
            Self::Unreachable { .. } => {
                "check that the server runs and that the address, the password and the certificate are right"
                    .to_owned()
            }
            Self::OutcomeUnknown { .. } => "look whether it is there before trying it again".to_owned(),
            Self::Unprotected { .. } => {
                "undo what was changed by hand, or protect the table with `SELECT aamas_protect('table')`"
                    .to_owned()
            }
            Self::RoleMissing { role, .. } => format!(
                "let an administrator run: CREATE ROLE {role} NOLOGIN; GRANT {role} TO the user in the address"
            ),
            Self::LeaseHeld { run, .. } => format!("wait for it, or stop it with `aamas runs cancel {run}`"),
            Self::QuotaExceeded { .. } => "delete old runs or raise the quota".to_owned(),
            Self::BudgetExceeded { .. } => "resume the run with a higher budget".to_owned(),
            Self::Fenced { .. }
            | Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::DanglingReference { .. }
            | Self::AppendOnly { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Io { .. }
            | Self::Database { .. }
            | Self::Denied { .. }
            | Self::NulInText { .. }
            | Self::Closed => return None,
        };
        Some(hint)
    }

    /// A failed file operation: `doing` says what was attempted, on what.
    pub(crate) fn io(doing: impl Into<String>, source: io::Error) -> Self {
        let doing = doing.into();
        if is_full(&source) {
            return Self::DiskFull { doing };
        }
        Self::Io { doing, source: Arc::new(source) }
    }

    /// A failed attempt to create or write `path`.
    pub(crate) fn unwritable(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        if is_full(&source) {
            return Self::DiskFull { doing: format!("write to {}", path.display()) };
        }
        Self::Unwritable { path, source: Arc::new(source) }
    }
}

/// Whether this is the operating system's way to say that there is no more room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(is_full_errno)
}

/// ENOSPC, EDQUOT, and EFBIG (a limit on the size of files).
pub(crate) fn is_full_errno(errno: i32) -> bool {
    use nix::libc;
    matches!(errno, libc::ENOSPC | libc::EDQUOT | libc::EFBIG)
}
