//! Roles, prompts, project rules and the pure turn loop.

pub mod conversation;
pub mod next;
pub mod prompt;
pub mod role;
pub mod rules;
pub mod stuck;
pub mod view;

pub use conversation::{Conversation, Turn};
pub use next::{Delivery, Op, Situation, StopRequest};
pub use role::{InvalidRole, Role};
pub use rules::ProjectRules;
pub use view::{CallState, Judged, View};
