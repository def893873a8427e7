//! Analytics of agents, velocity, quality and resources, computed from stored facts.
//!
//! Everything here is a pure function of [`Facts`] and a [`Period`]. A metric is a list of [`Observation`]s and a
//! [`Reading`] of them; its value, the value before, its series and the list of what it was computed from are all made
//! of that one list, so that they can't contradict each other. Sums are sums of integers: the order of facts changes
//! nothing.

mod agents;
mod dashboard;
mod facts;
mod metric;
mod observation;
mod period;
mod quality;
mod resources;
mod velocity;

pub use dashboard::{Dashboard, Figure, Panel, dashboard};
pub use facts::{
    AgentFact, ArtifactFact, Facts, PullRequestFact, Resource, RunFact, SampleFact, TaskFact, end_of_runs,
};
pub use metric::{Group, Measured, Metric, Unit};
pub use observation::{Observation, Point, Reading, Source};
pub use period::{Bucket, Period, Span, Timeframe};
