//! Runs, pull requests and figures of a server, in the documents and the words that they have on this machine.

mod audit;
mod cost;
mod models;
mod operation;
mod pr;
mod runs;

pub use audit::audit;
pub use cost::cost;
pub use models::models;
pub use pr::pr;
pub use runs::{KIND as RUN, runs};
