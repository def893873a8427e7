//! The offline engine: it repairs a Python repository whose tests fail, by search, without a model.
//!
//! The way of a repair, file by file: [`can_do`] looks at the task; `survey` runs the tests and records
//! which lines each of them runs; `localize` ranks the lines; `generate` makes candidate edits on the syntax
//! tree, the likeliest first; `search` has them tried in parallel by the driver (Python, in `driver/`);
//! `choose` takes the smallest and likeliest of those that pass, a plain run of all tests confirms it, and
//! `explain` says in plain words what was wrong.

mod can_do;
mod choose;
mod driver;
mod edit;
mod explain;
mod generate;
mod guess;
mod localize;
mod request;
mod search;
mod source;
mod survey;

pub use can_do::{Scope, can_do};
pub use edit::EditKind;
pub use request::{
    FileEdit, Framework, LeftOut, Outcome, Progress, RepairError, RepairLimits, RepairRequest, Repaired,
    Stats, Suspect, TestHints,
};
pub use search::repair;
