//! What came out of runs: files that agents wrote, and objects.

use auth::{Action, Caller};
use domain::{ArtifactId, ProjectId, RunId, TenantId, Timestamp};
use serde::Serialize;
use store::{CodeArtifactRecord, ObjectHash, StoreError};

use crate::list::{Asked, Listed, Paging};
use crate::office::Origin;
use crate::reviews::list_resource;
use crate::{AppError, Platform};

/// The largest object that is shown whole: a larger one is exported.
pub const MAX_SHOWN: usize = 16 << 20;
/// The largest file that stands in its artifact.
pub(crate) const MAX_CONTENT: usize = 1 << 20;

/// A file that an agent wrote, as callers see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CodeArtifact {
    /// `artifact_…`.
    #[schema(value_type = crate::shapes::ArtifactId)]
    pub id: ArtifactId,
    /// Its project.
    #[schema(value_type = crate::shapes::ProjectId)]
    pub project_id: ProjectId,
    /// The run that wrote it.
    #[schema(value_type = crate::shapes::RunId)]
    pub run_id: RunId,
    /// Its path in the repository.
    pub file_path: String,
    /// Its text; null in lists, and where it was removed, is not text, or is larger than 1 MB.
    #[schema(required)]
    pub content: Option<String>,
    /// Its language.
    pub language: String,
    /// The agent or role that wrote it.
    pub generated_by: String,
    /// How good it is by its metrics, 0 to 1; null where nothing was measured.
    #[schema(required)]
    pub quality_score: Option<f64>,
    /// The part of its changed lines that tests run, 0 to 1.
    #[schema(required)]
    pub test_coverage: Option<f64>,
    /// The part of what can be documented that is, 0 to 1.
    #[schema(required)]
    pub documentation_score: Option<f64>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The files of the organization or of one project or run.
///
/// # Errors
/// [`AppError::NotFound`] for the project, [`AppError::Denied`], [`AppError::Invalid`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: Option<ProjectId>,
    run: Option<RunId>,
    paging: Paging,
) -> Result<Listed<CodeArtifact>, AppError> {
    let asked = Asked::parse(&paging, &format!("artifacts {project:?} {run:?}"))?;
    platform
        .look(caller, origin, move |look| {
            let project = match (project, &look.caller().project_scope) {
                (None, Some(scope)) => scope.parse().ok(),
                (project, _) => project,
            };
            look.may(Action::RunsRead, list_resource(look.tx, project)?)?;
            asked.collect(
                |page| match page {
                    store::Page::Newest { before, limit } => look.tx.code_artifacts(project, before, limit),
                    store::Page::Oldest { .. } => Ok(Vec::new()),
                },
                |record| record.number,
                |record| Ok(run.is_none_or(|r| r == record.run).then(|| view(&record))),
            )
        })
        .await
}

/// One file, with its text.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: ArtifactId,
) -> Result<CodeArtifact, AppError> {
    let record = platform
        .glance(caller, origin, move |look| {
            let record = look.tx.code_artifact(id)?.ok_or_else(|| AppError::not_found("artifact", id))?;
            look.may(Action::RunsRead, list_resource(look.tx, Some(record.project))?)?;
            Ok(record)
        })
        .await?;
    let mut artifact = view(&record);
    if let Some(hash) = record.content
        && let Ok(bytes) = object(platform, caller.tenant, &hash.to_string(), MAX_CONTENT).await
    {
        artifact.content = String::from_utf8(bytes).ok();
    }
    Ok(artifact)
}

/// The bytes of an object, up to a size.
///
/// # Errors
/// [`AppError::NotFound`]; [`StoreError::TooLarge`].
pub async fn object(
    platform: &Platform,
    tenant: TenantId,
    hash: &str,
    most: usize,
) -> Result<Vec<u8>, AppError> {
    let hash: ObjectHash = hash.parse().map_err(|_| AppError::not_found("object", hash))?;
    let store = platform.store().clone();
    let read = tokio::task::spawn_blocking(move || store.read_object(tenant, hash, 0, most + 1));
    let bytes = read.await.map_err(|_| StoreError::Closed)??;
    if bytes.len() > most {
        let (size_bytes, limit_bytes) = (bytes.len() as u64, most as u64);
        return Err(StoreError::TooLarge { what: "object", size_bytes, limit_bytes }.into());
    }
    Ok(bytes)
}

pub(crate) fn view(record: &CodeArtifactRecord) -> CodeArtifact {
    #[expect(clippy::cast_precision_loss, reason = "thousandths")]
    let score = |value: Option<i64>| value.map(|v| v as f64 / 1000.0);
    CodeArtifact {
        id: record.id,
        project_id: record.project,
        run_id: record.run,
        file_path: record.file_path.clone(),
        content: None,
        language: record.language.clone(),
        generated_by: record.generated_by.clone(),
        quality_score: score(record.quality_score),
        test_coverage: score(record.test_coverage),
        documentation_score: score(record.documentation_score),
        created_at: record.created_at,
    }
}
