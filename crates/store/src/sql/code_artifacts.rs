//! Files that agents wrote, with their scores.

super::statements! {
    PUT: "record a code artifact" =
        "INSERT INTO code_artifacts (tenant_id, artifact_id, number, project_id, run_id, file_path, language,
                                     generated_by, hash, quality_score, test_coverage, documentation_score, created_at)
         VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM code_artifacts WHERE tenant_id = $1),
                 $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (tenant_id, run_id, file_path) DO UPDATE
         SET language = excluded.language, generated_by = excluded.generated_by, hash = excluded.hash,
             quality_score = excluded.quality_score, test_coverage = excluded.test_coverage,
             documentation_score = excluded.documentation_score, created_at = excluded.created_at";
    FIND: "find a code artifact" =
        "SELECT artifact_id, number, project_id, run_id, file_path, language, generated_by, hash, quality_score,
                test_coverage, documentation_score, created_at
         FROM code_artifacts WHERE tenant_id = $1 AND artifact_id = $2";
    OF_RUN: "find a file of a run" =
        "SELECT artifact_id, number, project_id, run_id, file_path, language, generated_by, hash, quality_score,
                test_coverage, documentation_score, created_at
         FROM code_artifacts WHERE tenant_id = $1 AND run_id = $2 AND file_path = $3";
    LIST: "list code artifacts" =
        "SELECT artifact_id, number, project_id, run_id, file_path, language, generated_by, hash, quality_score,
                test_coverage, documentation_score, created_at
         FROM code_artifacts WHERE tenant_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
    OF_PROJECT: "list the code artifacts of a project" =
        "SELECT artifact_id, number, project_id, run_id, file_path, language, generated_by, hash, quality_score,
                test_coverage, documentation_score, created_at
         FROM code_artifacts WHERE tenant_id = $1 AND project_id = $4 AND number < $2 ORDER BY number DESC LIMIT $3";
}
