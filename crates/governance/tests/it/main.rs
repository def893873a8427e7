//! Whole logs, damaged in every way that we can think of, against the verifier and the export.

mod damage;
mod export;
mod fixture;
mod mutations;
mod verify;
