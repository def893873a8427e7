//! Cursor connections, by the words of Relay.

use app::graph::{self, Slice, Totals};
use async_graphql::{Context, InputObject, SimpleObject};

use super::types::{Agent, CodeArtifact, Project, PullRequest, Run, Task};

/// Items of a list unless asked otherwise: what such a list is taken to cost.
const DEFAULT: i32 = 50;
/// The most items of a list.
const MAX: i32 = 200;

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, InputObject)]
pub(super) struct PaginationInput {
    /// At most so many from the beginning, 0 to 200; 50 if nothing is said.
    first: Option<i32>,
    /// Only what comes behind this cursor.
    after: Option<String>,
    /// At most so many from the end, 0 to 200.
    last: Option<i32>,
    /// Only what comes before this cursor.
    before: Option<String>,
}

/// What a list costs in multiples of its items.
pub(super) fn times(first: Option<i32>) -> usize {
    usize::try_from(first.unwrap_or(DEFAULT).clamp(1, MAX)).unwrap_or(1)
}

/// The same for a list with a whole pagination.
pub(super) fn pages(pagination: &Option<PaginationInput>) -> usize {
    times(pagination.as_ref().and_then(|p| p.first.or(p.last)))
}

impl From<PaginationInput> for Slice {
    fn from(input: PaginationInput) -> Self {
        Self { first: input.first, after: input.after, last: input.last, before: input.before }
    }
}

/// Whether the field that is being resolved is asked for its total.
pub(super) fn totals(ctx: &Context<'_>) -> Totals {
    if ctx.look_ahead().field("totalCount").exists() { Totals::Counted } else { Totals::Uncounted }
}

/// Where a page stands in its list.
#[derive(Clone, Debug, Default, SimpleObject)]
pub(super) struct PageInfo {
    /// Whether something stands before it.
    has_previous_page: bool,
    /// Whether more comes behind it.
    has_next_page: bool,
    /// The cursor of its first item.
    start_cursor: Option<String>,
    /// The cursor of its last item.
    end_cursor: Option<String>,
}

/// The connection of a type, and its edge.
macro_rules! connections {
    ($($connection:ident, $edge:ident of $node:ident from $inner:ty;)*) => {$(
        /// An item and its cursor.
        #[derive(SimpleObject)]
        pub(super) struct $edge {
            /// The item.
            node: $node,
            /// Where it stands.
            cursor: String,
        }

        /// A page of a list.
        #[derive(SimpleObject)]
        pub(super) struct $connection {
            /// Its items.
            edges: Vec<$edge>,
            /// Where it stands.
            page_info: PageInfo,
            /// Items of the whole list.
            total_count: u64,
        }

        impl From<graph::Connection<$inner>> for $connection {
            fn from(found: graph::Connection<$inner>) -> Self {
                let page_info = PageInfo::of(&found);
                // It is counted whenever it is asked for.
                let total_count = found.total.unwrap_or_default();
                let edge = |(cursor, node)| $edge { node: $node(node), cursor };
                Self { edges: found.items.into_iter().map(edge).collect(), page_info, total_count }
            }
        }
    )*};
}

connections! {
    ProjectConnection, ProjectEdge of Project from app::projects::Project;
    TaskConnection, TaskEdge of Task from app::tasks::Task;
    AgentConnection, AgentEdge of Agent from app::agents::Agent;
    RunConnection, RunEdge of Run from app::runs::Run;
    PullRequestConnection, PullRequestEdge of PullRequest from app::reviews::PullRequestView;
    CodeArtifactConnection, CodeArtifactEdge of CodeArtifact from app::artifacts::CodeArtifact;
}

impl PageInfo {
    fn of<T>(found: &graph::Connection<T>) -> Self {
        Self {
            has_previous_page: found.has_previous,
            has_next_page: found.has_next,
            start_cursor: found.items.first().map(|(cursor, _)| cursor.clone()),
            end_cursor: found.items.last().map(|(cursor, _)| cursor.clone()),
        }
    }
}
