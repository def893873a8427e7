//! An empty store, and things to put into it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{RunId, Taint, TaskId, TenantId, Timestamp};
use serde_json::json;
use store::{Fence, Lease, NewEntry, OpenOptions, Owner, RunRecord, Store, StoreError, TaskRecord, TenantTx};
use tempfile::TempDir;

use crate::place::{Kind, Place};
use crate::server::Scratch;

pub(crate) const TENANT: TenantId = TenantId::LOCAL;
pub(crate) const TTL: Duration = Duration::from_secs(30);

/// The database that this copy of the suite is for.
pub(crate) fn kind() -> Kind {
    Kind::of_module(module_path!())
}

/// An empty directory, and an empty database if there is none in a directory; both go when this goes.
pub(crate) struct Empty {
    pub(crate) place: Place,
    _dir: TempDir,
    _database: Option<Scratch>,
}

impl Empty {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let database = (kind() == Kind::Postgres).then(Scratch::new);
        let place = Place { dir: dir.path().to_owned(), url: database.as_ref().map(Scratch::url) };
        Self { place, _dir: dir, _database: database }
    }
}

/// A store that goes when this goes.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    empty: Empty,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(OpenOptions::default())
    }

    pub(crate) fn with(options: OpenOptions) -> Self {
        let empty = Empty::new();
        let store = empty.place.try_open(options).expect("an empty place opens");
        Self { store, empty }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place().dir
    }

    pub(crate) fn place(&self) -> &Place {
        &self.empty.place
    }

    /// The same store opened once more.
    pub(crate) fn again(&self) -> Store {
        self.place().open()
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut TenantTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.write_blocking(TENANT, work)
    }

    pub(crate) fn read<T>(
        &self,
        look: impl FnOnce(&TenantTx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.store.read_blocking(TENANT, look)
    }

    /// A task with a run that nobody holds.
    pub(crate) fn run(&self) -> RunId {
        let (task, run) = (task(), RunRecord::queued(id(), id(), Path::new("/repo"), "offline", at(1)));
        self.write(move |tx| add_run(tx, &task, run)).expect("a new run")
    }

    /// A run with a lease.
    pub(crate) fn held_run(&self) -> (RunId, Fence) {
        let run = self.run();
        (run, self.acquire(run, &owner(1), at(1)).expect("a free run").fence)
    }

    pub(crate) fn acquire(&self, run: RunId, owner: &Owner, now: Timestamp) -> Result<Lease, StoreError> {
        let owner = owner.clone();
        self.write(move |tx| tx.acquire_lease(run, &owner, now, TTL, |_| false))
    }
}

pub(crate) fn add_run(
    tx: &mut TenantTx<'_>,
    task: &TaskRecord,
    mut run: RunRecord,
) -> Result<RunId, StoreError> {
    run.task = task.id;
    tx.insert_task(task)?;
    tx.insert_run(&run)?;
    Ok(run.id)
}

pub(crate) fn task() -> TaskRecord {
    TaskRecord {
        kind: "fix".to_owned(),
        doc: json!({"labels": ["bug"]}).into(),
        ..TaskRecord::new(id(), "Fix the off-by-one in paging", at(1))
    }
}

pub(crate) fn entry(text: &str) -> NewEntry {
    NewEntry {
        branch: 1,
        at: at(5),
        kind: "note".to_owned(),
        taint: Taint::Untrusted,
        data_key: None,
        body: text.as_bytes().to_vec(),
        raw: None,
    }
}

/// A process that may or may not exist.
pub(crate) fn owner(pid: u32) -> Owner {
    Owner {
        host: "here".to_owned(),
        boot_id: "boot".to_owned(),
        pid_namespace: "pid:[1]".to_owned(),
        pid,
        started_ticks: 1,
    }
}

/// `seconds` after the epoch.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// A new id of any kind.
pub(crate) fn id<T: FromCounter>() -> T {
    static NEXT: AtomicU64 = AtomicU64::new(0x100);
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    T::from_counter(bytes)
}

pub(crate) trait FromCounter {
    fn from_counter(bytes: [u8; 16]) -> Self;
}

macro_rules! from_counter {
    ($($id:ty),+) => {$(
        impl FromCounter for $id {
            fn from_counter(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }
        }
    )+};
}

from_counter!(
    domain::AgentId,
    domain::ArtifactId,
    domain::AttemptId,
    domain::CredentialId,
    domain::EventId,
    domain::OperationId,
    domain::PolicyId,
    domain::ProjectId,
    domain::PullRequestId,
    domain::ReceiptId,
    domain::UserId,
    domain::StepId,
    RunId,
    TaskId,
    TenantId
);
