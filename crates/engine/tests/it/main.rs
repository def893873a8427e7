//! The engine's role in a server, on real repositories in the real sandbox, with scripted models.
#![expect(
    clippy::disallowed_methods,
    reason = "tests drive git, read the clock, and start the loop under test"
)]

mod engine_on;
mod operations;
mod recovery;
mod scheduler;
mod world;
