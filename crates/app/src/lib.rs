//! Use cases: authorize, decide, save and append the event in one transaction.

mod account;
pub mod agents;
pub mod analytics;
pub mod answers;
pub mod artifacts;
pub mod audit;
pub mod audit_log;
mod audit_receipts;
mod audit_runs;
pub mod authenticate;
mod bills;
pub mod claim;
pub mod costs;
pub mod create;
pub mod deaths;
pub mod entrance;
pub mod error;
pub mod estimate;
pub mod events;
mod facts;
pub mod finish;
pub mod graph;
pub mod invitations;
pub mod lazy;
pub mod list;
pub mod matching;
pub mod me;
pub mod members;
pub mod models;
pub mod needs;
pub mod office;
pub mod operations;
pub mod organizations;
pub mod people;
pub mod plans;
pub mod platform;
pub mod policies;
pub mod projects;
pub mod pull_requests;
pub mod receipts;
pub mod records;
pub mod reviews;
pub mod runs;
pub mod sessions;
pub mod setup;
pub mod shapes;
pub mod sign_in;
pub mod sso;
pub mod tasks;
mod throttle;
pub mod tokens;
pub mod try_match;
pub mod vital;
pub mod vitals;
pub mod work;

use std::sync::Arc;

use domain::{Clock, EventId, TenantId, Timestamp};
use store::Store;
pub use store::{MessageKind, StoreError};

pub use claim::{Claim, claim_run, hand_on, release, renew, rewind_run};
pub use create::{Kept, NewRun, TaskOf, create_run};
pub use entrance::{Entrance, SignedIn, Visitor};
pub use error::{AppError, FieldProblem};
pub use finish::{Finished, finish_run};
pub use office::{Look, Office};
pub use people::{Said, cancel_idle_run, say};
pub use platform::{Platform, Settings};
pub use pull_requests::{set_merged, set_pull_request_state};

/// What every use case needs: the store, whose rows they are, and time and randomness as arguments.
#[derive(Clone)]
pub struct Desk {
    /// The rows.
    pub store: Store,
    /// Whose rows.
    pub tenant: TenantId,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ten random bytes, for an id.
    pub random: fn() -> [u8; 10],
}

impl Desk {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An event of this moment, its type without `dev.aamas.`, for the transaction that changes its subject.
    #[must_use]
    pub fn event(&self, kind: &str, subject: String, data: serde_json::Value) -> store::NewEvent {
        let at = self.now();
        let kind = format!("dev.aamas.{kind}");
        store::NewEvent { id: EventId::new(at, (self.random)()), kind, subject, data, at }
    }

    /// The run that a text means: its id, a unique part of it, or `last`.
    ///
    /// # Errors
    /// [`AppError::NotFound`], [`AppError::Ambiguous`].
    pub fn find_run(&self, text: &str) -> Result<store::RunRecord, AppError> {
        self.resolve("run", text, |tx, text| tx.find_run(text), |tx, id| tx.run(id))
    }

    /// The pull request that a text means: its id, a unique part of it, `last`, or its run.
    ///
    /// # Errors
    /// [`AppError::NotFound`], [`AppError::Ambiguous`].
    pub fn find_pull_request(&self, text: &str) -> Result<store::PullRequestRecord, AppError> {
        let direct = self.resolve(
            "pull request",
            text,
            |tx, text| tx.find_pull_request(text),
            |tx, id| tx.pull_request(id),
        );
        match direct {
            Err(AppError::NotFound { what, text }) => {
                let Ok(run) = self.find_run(&text) else { return Err(AppError::NotFound { what, text }) };
                let id = run.id;
                let found = self.store.read_blocking(self.tenant, move |tx| tx.pull_request_of_run(id))?;
                found.ok_or(AppError::NotFound { what, text })
            }
            other => other,
        }
    }

    fn resolve<I, R>(
        &self,
        what: &'static str,
        text: &str,
        find: impl Fn(&store::TenantTx<'_>, &str) -> Result<store::Found<I>, StoreError>,
        read: impl Fn(&store::TenantTx<'_>, I) -> Result<Option<R>, StoreError>,
    ) -> Result<R, AppError>
    where
        I: std::fmt::Display + Copy,
    {
        let found = self.store.read_blocking(self.tenant, |tx| {
            Ok(match find(tx, text)? {
                store::Found::One(id) => Ok(read(tx, id)?),
                store::Found::None => Ok(None),
                store::Found::Ambiguous(ids) => Err(ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
            })
        })?;
        match found {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(AppError::NotFound { what, text: text.to_owned() }),
            Err(candidates) => Err(AppError::Ambiguous { text: text.to_owned(), candidates }),
        }
    }
}
