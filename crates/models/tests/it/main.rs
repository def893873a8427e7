//! The crate against a server that misbehaves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cuts;
mod failures;
mod formats;
mod large;
mod requests;
mod retries;
mod script;
mod support;
