//! Test doubles and harnesses: tests only.

pub mod bare;
