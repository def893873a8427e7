//! The built `aamas` as its users meet it: only the command line, its documents and exit codes, and git.

#![expect(clippy::disallowed_methods, reason = "these tests drive the built binary, and wait for it")]

mod again;
mod audit;
mod canaries;
mod crash;
mod data_dir;
mod document;
mod edges;
mod editors;
mod evidence;
mod exits;
mod forecast;
mod full_disk;
mod model;
mod nouns;
mod offline;
mod on_server;
mod pages;
mod people;
mod process;
mod repositories;
mod routing;
mod served;
mod serving;
mod serving_tasks;
mod session;
mod snapshot;
mod team;
mod tls;
mod tools;
mod usage;
mod world;
