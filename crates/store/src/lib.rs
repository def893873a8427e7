//! The only SQL: journal, leases, tasks, runs, outbox, artifacts, migrations.
