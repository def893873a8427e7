//! The conformance suite: what holds on every database. This file is compiled once for each of them; the module's own
//! name tells the fixture which one it is.

pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod cache;
pub(crate) mod crash;
pub(crate) mod facts;
pub(crate) mod fixture;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod journal_model;
pub(crate) mod leases;
pub(crate) mod outbox;
pub(crate) mod planted;
pub(crate) mod platform;
pub(crate) mod processes;
pub(crate) mod pull_requests;
pub(crate) mod rows;
pub(crate) mod tenants;
pub(crate) mod transactions;
