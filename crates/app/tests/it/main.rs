//! Use cases on a real store.

mod audit;
#[cfg(debug_assertions)]
mod audit_damage;
mod deaths;
mod figures;
mod figures_fixture;
mod figures_speed;
mod people_members;
mod people_rules;
mod people_sign_in;
mod people_sso;
mod people_support;
