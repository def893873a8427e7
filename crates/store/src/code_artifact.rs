//! Files that agents wrote, with their scores.

use domain::{ArtifactId, ProjectId, RunId, Timestamp};

use crate::error::StoreError;
use crate::objects::ObjectHash;
use crate::page::Page;
use crate::sql::code_artifacts as sql;
use crate::tenant::{TenantTx, values};
use crate::tx::{Row, Value};

/// A file as a run left it. Scores are thousandths; none where nothing was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeArtifactRecord {
    /// Its id.
    pub id: ArtifactId,
    /// Its place, from 1; given when it is added.
    pub number: u64,
    /// Its project.
    pub project: ProjectId,
    /// The run that wrote it.
    pub run: RunId,
    /// Its path in the repository.
    pub file_path: String,
    /// Its language.
    pub language: String,
    /// The agent or role that wrote it.
    pub generated_by: String,
    /// Its content, among the objects; none for a file that was removed.
    pub content: Option<ObjectHash>,
    /// How good it is by its metrics.
    pub quality_score: Option<i64>,
    /// The part of its changed lines that tests run.
    pub test_coverage: Option<i64>,
    /// The part of what can be documented that is.
    pub documentation_score: Option<i64>,
    /// When it was written.
    pub created_at: Timestamp,
}

impl TenantTx<'_> {
    /// Records a file; the same file of the same run is replaced.
    ///
    /// # Errors
    /// [`StoreError::DanglingReference`] when there is no such run.
    pub fn put_code_artifact(&mut self, new: &CodeArtifactRecord) -> Result<(), StoreError> {
        let content = new.content.map_or(Value::Null, |hash| Value::Blob(hash.to_bytes().to_vec().into()));
        let values = [
            new.id.into(),
            new.project.into(),
            new.run.into(),
            new.file_path.as_str().into(),
            new.language.as_str().into(),
            new.generated_by.as_str().into(),
            content,
            new.quality_score.into(),
            new.test_coverage.into(),
            new.documentation_score.into(),
            new.created_at.into(),
        ];
        self.execute(sql::PUT, values).map(drop)
    }

    /// The file with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn code_artifact(&self, id: ArtifactId) -> Result<Option<CodeArtifactRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// The file of a run with this path.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn code_artifact_of(&self, run: RunId, path: &str) -> Result<Option<CodeArtifactRecord>, StoreError> {
        self.query_one(sql::OF_RUN, values![run, path], read)
    }

    /// The files of the organization or of one project, newest first.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn code_artifacts(
        &self,
        project: Option<ProjectId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<CodeArtifactRecord>, StoreError> {
        let bound = Page::Newest { before, limit }.bound();
        match project {
            None => self.query(sql::LIST, values![bound, limit], read),
            Some(project) => self.query(sql::OF_PROJECT, values![bound, limit, project], read),
        }
    }
}

fn read(row: &mut Row<'_>) -> Result<CodeArtifactRecord, StoreError> {
    Ok(CodeArtifactRecord {
        id: row.take()?,
        number: row.take()?,
        project: row.take()?,
        run: row.take()?,
        file_path: row.take()?,
        language: row.take()?,
        generated_by: row.take()?,
        content: row.take::<Option<[u8; 32]>>()?.map(ObjectHash::from_bytes),
        quality_score: row.take()?,
        test_coverage: row.take()?,
        documentation_score: row.take()?,
        created_at: row.take()?,
    })
}
