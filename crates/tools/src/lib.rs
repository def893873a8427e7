//! The tools a model sees: schemas, limits, effect classes.

mod arguments;
mod builtins;
mod call;
mod output;
mod page;
mod paths;
mod refusal;
mod result;
mod shape;
mod table;

pub use arguments::{
    ApplyPatch, AskHuman, CommentSeverity, EditFile, FindSymbol, Finish, ListFiles, PlannedStep, PlannedWork,
    ReadFile, ReviewComment, ReviewVerdict, RunCommand, RunTests, SearchCode, StepStatus, SubmitPlan,
    SubmitReview, UpdatePlan, WriteFile,
};
pub use builtins::BUILTINS;
pub use call::{ToolCall, parse_call, run_builtin};
pub use output::{OUTPUT_BOUND, OutputRef, page_text, render_output};
pub use refusal::Refusal;
pub use result::ToolResult;
pub use table::{BUILDER, Spec, TABLE, select, spec};
