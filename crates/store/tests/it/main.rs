//! The store's conformance suite, written against its public API and run on each database, and what is special to
//! SQLite, to PostgreSQL and to files.

mod child;
mod damage;
mod full_disk;
mod lost_connection;
mod place;
mod row_security;
mod server;
mod sqlite_file;
mod tls;

#[path = "both.rs"]
mod on_sqlite;

#[path = "both.rs"]
#[expect(clippy::duplicate_mod, reason = "the same suite on the other database")]
mod on_postgres;
