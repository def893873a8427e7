//! The store's conformance suite, written against its public API, and what is special to SQLite and to files.

mod artifacts;
mod audit;
mod budgets;
mod cache;
mod child;
mod crash;
mod damage;
mod fixture;
mod full_disk;
mod inbox;
mod journal;
mod journal_model;
mod leases;
mod outbox;
mod planted;
mod platform;
mod processes;
mod pull_requests;
mod rows;
mod tenants;
mod transactions;
