//! What a task waits for, without circles.

use domain::{ProjectId, TaskId};
use store::TenantTx;

use crate::AppError;

/// How far dependencies are followed to find a circle.
const MAX_WALK: usize = 10_000;

/// The tasks that these texts name; refused when one is unknown, of another project, or would wait for `task`.
pub(super) fn dependencies_of(
    tx: &TenantTx<'_>,
    task: TaskId,
    project: Option<ProjectId>,
    texts: &[String],
) -> Result<Vec<TaskId>, AppError> {
    let mut found = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let field = format!("dependencies[{place}]");
        let id: TaskId = text.parse().map_err(|_| AppError::invalid(&field, "it is not the id of a task"))?;
        let Some(other) = tx.task(id)?.filter(|o| o.project == project) else {
            return Err(AppError::unfit(field, "there is no such task in this project"));
        };
        if let Some(path) = path_between(tx, other.id, task)? {
            let path: Vec<_> = path.iter().map(ToString::to_string).collect();
            return Err(AppError::unfit(
                field,
                format!("tasks would wait for each other: {}", path.join(" -> ")),
            ));
        }
        if !found.contains(&other.id) {
            found.push(other.id);
        }
    }
    Ok(found)
}

/// How `from` waits for `to`, if it does.
fn path_between(tx: &TenantTx<'_>, from: TaskId, to: TaskId) -> Result<Option<Vec<TaskId>>, AppError> {
    if from == to {
        return Ok(Some(vec![to, to]));
    }
    let (mut waiting, mut seen) = (vec![vec![from]], vec![from]);
    while let Some(path) = waiting.pop() {
        let Some(last) = path.last() else { continue };
        for (next, _) in tx.dependencies(*last)? {
            let mut longer = path.clone();
            longer.push(next);
            if next == to {
                longer.insert(0, to);
                return Ok(Some(longer));
            }
            if !seen.contains(&next) && seen.len() < MAX_WALK {
                seen.push(next);
                waiting.push(longer);
            }
        }
    }
    Ok(None)
}
