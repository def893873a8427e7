//! Systems that others run: forges, trackers, pages.

mod decode;
mod environment;
pub mod exchange;
mod github;
mod hop;
mod html;
mod page;
mod place;
mod text;

pub use environment::Environment;
pub use page::{Limits, Page, PageError, fetch, is_address};
