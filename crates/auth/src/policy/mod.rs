//! What a caller may do: roles and attributes in Cedar (ADR 0013).
//!
//! [`Engine::decide`] answers a [`Request`]. Built-in policies (`policies/builtin.cedar`) say what each role may and what nobody
//! may; an organization adds own ones, checked against `policies/schema.cedarschema` before they are taken.
//!
//! - What no policy permits is denied.
//! - A `forbid` wins over every `permit`, so own policies can't lift a built-in one.
//! - A policy that can't be evaluated for a request (a sum that overflows) permits nothing; if it is a `forbid`, the request
//!   is denied. Cedar itself would pass over it.
//! - What can't be asked (an action on a kind of thing that it does not apply to) is denied.
//!
//! A [`Receipt`] holds all that a decision was made from, and [`reevaluate`] makes it again without the server.

mod engine;
mod entities;
mod explain;
mod problem;
mod receipt;
mod request;

pub use engine::{Decision, Engine, OwnPolicy};
pub use explain::{Explanation, Nearly, Trial};
pub use problem::{PolicyErrors, PolicyProblem};
pub use receipt::{Receipt, Reevaluation, reevaluate};
pub use request::{DataClass, Request, Resource, ResourceKind, Risk};

/// The schema that own policies are checked against, for editors.
pub const SCHEMA: &str = include_str!("../../policies/schema.cedarschema");
/// The built-in policies, to be shown.
pub const BUILTIN: &str = include_str!("../../policies/builtin.cedar");
