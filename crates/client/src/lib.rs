//! A typed client of the HTTP API: one function for each operation.
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! let server = client::Client::new("http://127.0.0.1:8080", Some("aamas_…".to_owned()))?;
//! let tasks = server.list_tasks(&client::types::ListTasksQuery { limit: Some(10), ..Default::default() }).await?;
//! for task in tasks.items {
//!     println!("{} {}", task.id, task.title);
//! }
//! # Ok(())
//! # }
//! ```

pub mod call;
mod error;
#[rustfmt::skip]
pub mod generated;
mod shape;
mod transport;

pub use call::{Asked, Outcome};
pub use error::{Distrust, Error, FieldError, Problem};
pub use generated as types;
pub use transport::Client;
