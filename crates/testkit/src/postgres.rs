//! PostgreSQL for tests of other crates than `store`: a database of its own for each, and a [`Proxy`] before it that
//! sees every statement.
//!
//! Names of tests that need it contain `on_postgres`: `scripts/test` starts a server for them, or leaves them out aloud.

mod proxy;

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

pub use proxy::{Filter, Proxy};

/// The address of a server where this user may create databases.
#[expect(clippy::disallowed_methods, reason = "the runner says where the server is")]
fn server() -> String {
    std::env::var("AAMAS_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "NOT TRIED ON POSTGRESQL: name a server in AAMAS_TEST_POSTGRES_URL (`scripts/test` starts one, and so does \
             `eval \"$(scripts/services up postgres)\"`), or leave these tests out (-E 'not test(on_postgres)')"
        )
    })
}

/// An empty database that goes when this goes.
#[derive(Debug)]
pub struct Scratch {
    name: String,
}

impl Scratch {
    /// A new one.
    ///
    /// # Panics
    /// Without a server, or without the right to create databases.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = format!("aamas_tried_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let server = server();
        // Left behind by a process that died and had the same id.
        run(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).expect("our own");
        run(&server, &format!("CREATE DATABASE {name} TEMPLATE template0")).expect("this user may");
        Self { name }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        let server = server();
        let (server, options) = server.split_once('?').unwrap_or((&server, ""));
        let (host, _) = server.rsplit_once('/').expect("a name of a database");
        format!("{host}/{}?{options}", self.name)
    }

    /// Takes row-level security away from every table, as only the owner can.
    ///
    /// # Panics
    /// When this user is not the owner.
    pub fn lift_row_security(&self) {
        let lifted = "DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class WHERE relrowsecurity LOOP \
                      EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', t); END LOOP; END $$";
        self.run(lifted).expect("the owner may");
    }

    /// The lines that statements give, by a connection that goes around everything of ours.
    ///
    /// # Errors
    /// What the server says.
    pub fn run(&self, text: &str) -> Result<String, String> {
        run(&self.url(), text)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = run(&server(), &format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("{} stays behind: {error}", self.name);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the client of the server's own package")]
fn run(url: &str, text: &str) -> Result<String, String> {
    let ran = Command::new("psql")
        .args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            "--command",
            text,
        ])
        .arg(url.trim_end_matches('?'))
        .output()
        .expect("psql comes with the server");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if ran.status.success() { Ok(said(&ran.stdout)) } else { Err(said(&ran.stderr)) }
}
