//! Test doubles and harnesses: tests only.

pub mod bare;
pub mod model_answers;
pub mod model_server;
pub mod postgres;
pub mod speed;
