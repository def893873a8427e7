//! The PostgreSQL that tests share, and a database of it for each of them.
//!
//! It is the one at `AAMAS_TEST_POSTGRES_URL`, as `scripts/test` sets it; else one that is started for this run of the
//! tests (with `scripts/services`, in a directory named after the runner) and ended with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The address of a server where this user may create databases.
#[expect(clippy::disallowed_methods, reason = "the runner says where the server is")]
fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| std::env::var("AAMAS_TEST_POSTGRES_URL").unwrap_or_else(|_| start()))
}

#[expect(clippy::disallowed_methods, reason = "a server has to be started")]
fn start() -> String {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .is_ok_and(|mut versions| versions.any(|v| v.is_ok_and(|v| v.path().join("bin/initdb").exists())));
    assert!(
        installed,
        "NOT TRIED ON POSTGRESQL, which is not installed. Install it (sudo apt-get install postgresql), or name a \
         server in AAMAS_TEST_POSTGRES_URL, or leave these tests out (cargo nextest run -E 'not test(on_postgres)')"
    );
    let runner = std::os::unix::process::parent_id();
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/services");
    let dir = PathBuf::from(format!("/tmp/aamas-store-tests-{}-{runner}", nix::unistd::geteuid()));
    let started = Command::new(&services)
        .args(["up", "postgres"])
        .env("AAMAS_SERVICES_DIR", &dir)
        .output()
        .expect("a script");
    let said = String::from_utf8_lossy(&started.stdout).into_owned();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    if std::fs::create_dir(dir.join("watched")).is_ok() {
        let script =
            "while kill -0 \"$1\" 2>/dev/null; do sleep 1; done; \"$2\" down postgres; rm -rf \"$3\"";
        let watcher = Command::new("setsid")
            .args(["--fork", "sh", "-c", script, "sh", &runner.to_string()])
            .args([services.as_path(), dir.as_path()])
            .env("AAMAS_SERVICES_DIR", &dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(watcher.is_ok_and(|ended| ended.success()), "nobody would end the server");
    }
    let url = said.lines().find_map(|line| line.strip_prefix("export AAMAS_TEST_POSTGRES_URL="));
    url.expect("the script says where it is").to_owned()
}

/// An empty database that goes when this goes.
pub(crate) struct Scratch {
    name: String,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = format!("aamas_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let server = Direct::to(url());
        // Left behind by a process that died and had the same id.
        server.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).expect("our own");
        server.run(&format!("CREATE DATABASE {name} TEMPLATE template0")).expect("this user may");
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        let (server, options) = url().split_once('?').unwrap_or((url(), ""));
        let (host, _) = server.rsplit_once('/').expect("a name of a database");
        format!("{host}/{}?{options}", self.name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let dropped = Direct::to(url()).run(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        if let Err(error) = dropped {
            eprintln!("{} stays behind: {error}", self.name);
        }
    }
}

/// A connection that goes around the store.
pub(crate) struct Direct {
    client: Client,
    runtime: Runtime,
}

impl Direct {
    pub(crate) fn to(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (client, connection) =
            runtime.block_on(tokio_postgres::connect(url, NoTls)).expect("the server is there");
        let _moved = runtime.spawn(connection);
        Self { client, runtime }
    }

    /// The rows that statements give, as texts with a bar between columns; or the SQLSTATE and the message of a refusal.
    pub(crate) fn run(&self, text: &str) -> Result<Vec<String>, String> {
        let said = self.runtime.block_on(self.client.simple_query(text)).map_err(|error| {
            let refusal = error.as_db_error().expect("the server answers");
            format!("{} {}", refusal.code().code(), refusal.message())
        })?;
        let rows = said.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect::<Vec<_>>().join("|"))
            }
            _ => None,
        });
        Ok(rows.collect())
    }
}
