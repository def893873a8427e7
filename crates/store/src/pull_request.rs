//! Local pull requests.

use domain::{ProjectId, PullRequestId, RunId, Timestamp};

use crate::column::words;
use crate::error::StoreError;
use crate::found::{Found, IdPattern};
use crate::page::Page;
use crate::sql::pull_requests as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// Where a pull request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullRequestState {
    /// Ready to be looked at.
    Open,
    /// A gate refused the change, or it is not finished.
    Draft,
    /// Merged into its target branch.
    Merged,
    /// Turned down.
    Closed,
    /// Its changes were put into a work tree.
    Applied,
}

impl PullRequestState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Open, Self::Draft, Self::Merged, Self::Closed, Self::Applied];

    /// The word on the wire and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Draft => "draft",
            Self::Merged => "merged",
            Self::Closed => "closed",
            Self::Applied => "applied",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

words!(PullRequestState);

/// A pull request as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct PullRequestRecord {
    /// Its id.
    pub id: PullRequestId,
    /// The run that made it.
    pub run: RunId,
    /// Its number at a forge, once it is there.
    pub forge_number: Option<u64>,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub state: PullRequestState,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

impl TenantTx<'_> {
    /// Adds a pull request.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`]; [`StoreError::DanglingReference`] when there is no such run.
    pub fn insert_pull_request(&mut self, pr: &PullRequestRecord) -> Result<(), StoreError> {
        let doc = document("pull request document", &pr.doc)?;
        let title = pr.title.as_str();
        self.execute(
            sql::INSERT,
            values![pr.id, pr.run, pr.forge_number, title, pr.state, pr.created_at, pr.updated_at, doc],
        )?;
        Ok(())
    }

    /// Saves a pull request.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_pull_request(&mut self, pr: &PullRequestRecord) -> Result<(), StoreError> {
        let doc = document("pull request document", &pr.doc)?;
        let values = values![pr.id, pr.forge_number, pr.title.as_str(), pr.state, pr.updated_at, doc];
        match self.execute(sql::SAVE, values)? {
            0 => Err(StoreError::NotFound { what: "pull request", id: pr.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// The pull request with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn pull_request(&self, id: PullRequestId) -> Result<Option<PullRequestRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// The newest pull request that `run` made.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn pull_request_of_run(&self, run: RunId) -> Result<Option<PullRequestRecord>, StoreError> {
        self.query_one(sql::OF_RUN, values![run, 1u32], read)
    }

    /// The pull requests, newest first, `skip` of them left out.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn pull_requests(&self, skip: u32, limit: u32) -> Result<Vec<PullRequestRecord>, StoreError> {
        self.query(sql::LIST, values![limit, skip], read)
    }

    /// The pull requests of the organization or of one project, newest first, before the one with this number; each with
    /// its own number and project.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn pull_requests_before(
        &self,
        project: Option<ProjectId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(PullRequestId, u64, Option<ProjectId>)>, StoreError> {
        let bound = Page::Newest { before, limit }.bound();
        let read = |row: &mut Row<'_>| Ok((row.take()?, row.take()?, row.take()?));
        match project {
            None => self.query(sql::PAGE, values![bound, limit], read),
            Some(project) => self.query(sql::PAGE_OF_PROJECT, values![bound, limit, project], read),
        }
    }

    /// The pull requests that `text` can mean, by the rules of [`TenantTx::find_run`].
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn find_pull_request(&self, text: &str) -> Result<Found<PullRequestId>, StoreError> {
        let pattern = IdPattern::parse(PullRequestId::KIND, text);
        self.resolve(&pattern, sql::LAST, sql::BETWEEN, sql::ENDING)
    }
}

fn read(row: &mut Row<'_>) -> Result<PullRequestRecord, StoreError> {
    Ok(PullRequestRecord {
        id: row.take()?,
        run: row.take()?,
        forge_number: row.take()?,
        title: row.take()?,
        state: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        doc: row.take()?,
    })
}
