//! Projects: what an organization works on.

use domain::{ProjectId, ProjectState, Timestamp};

use crate::error::StoreError;
use crate::page::Page;
use crate::sql::projects as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// A project as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectRecord {
    /// Its id.
    pub id: ProjectId,
    /// Its place among the projects of its organization, from 1; given when it is added.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Where its repository is: a path on the server or an address of git.
    pub repository_url: String,
    /// How far it is.
    pub state: ProjectState,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

impl TenantTx<'_> {
    /// Adds a project; number and version are the store's to give.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn insert_project(&mut self, new: &ProjectRecord) -> Result<(), StoreError> {
        let doc = document("project", &new.doc)?;
        let (name, url) = (new.name.as_str(), new.repository_url.as_str());
        self.execute(sql::INSERT, values![new.id, name, url, new.state, new.created_at, doc]).map(drop)
    }

    /// Saves a project; the version counts up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn save_project(&mut self, project: &ProjectRecord) -> Result<(), StoreError> {
        let doc = document("project", &project.doc)?;
        let (name, url) = (project.name.as_str(), project.repository_url.as_str());
        match self
            .execute(sql::SAVE, values![project.id, name, url, project.state, project.updated_at, doc])?
        {
            0 => Err(StoreError::NotFound { what: "project", id: project.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// The project with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn project(&self, id: ProjectId) -> Result<Option<ProjectRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// A page of the projects.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn projects(&self, page: Page) -> Result<Vec<ProjectRecord>, StoreError> {
        let statement = match page {
            Page::Newest { .. } => sql::LIST,
            Page::Oldest { .. } => sql::LIST_UPWARDS,
        };
        self.query(statement, values![page.bound(), page.limit()], read)
    }

    /// How many projects there are.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn count_projects(&self) -> Result<u64, StoreError> {
        Ok(self.query_one(sql::COUNT, [], |row| row.take())?.unwrap_or(0))
    }
}

fn read(row: &mut Row<'_>) -> Result<ProjectRecord, StoreError> {
    Ok(ProjectRecord {
        id: row.take()?,
        number: row.take()?,
        name: row.take()?,
        repository_url: row.take()?,
        state: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        version: row.take()?,
        doc: row.take()?,
    })
}
