//! Use cases on a real store.

mod audit;
#[cfg(debug_assertions)]
mod audit_damage;
