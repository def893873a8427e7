//! Plans, as `domain` writes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a task is to be done: steps and what each waits for.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// What will be done and why, for a person.
    pub summary: String,
    /// Title of the pull request.
    pub title: String,
    /// The steps, in the planner's order.
    #[schema(min_items = 1, max_items = 400)]
    pub steps: Vec<PlanStep>,
    /// The planner's estimate for all of it, in hours.
    #[schema(minimum = 0, maximum = 100_000)]
    pub effort_hours: f64,
    /// What may go wrong.
    #[serde(default)]
    pub risks: Vec<String>,
}

/// One node of a plan.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PlanStep {
    /// What the plan calls it.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// Name of the role file that does it.
    pub role: String,
    /// Ids of the steps whose results it starts from.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// How one sees that it is done.
    #[serde(default)]
    pub acceptance: Vec<String>,
}
