//! This test binary started again as a process of its own, to be killed, confined or set beside another.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::place::Place;

/// What the process does; the name is passed in the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Works on both runs of a directory until it is killed (`crash`).
    Worker,
    /// Does a number of operations on one run (`processes`).
    Neighbor,
    /// Opens the directory and says how that went.
    Opener,
    /// Fills a small disk (`full_disk`).
    Filler,
    /// Puts one artifact (`planted`).
    Putter,
}

const ROLES: [Role; 5] = [Role::Worker, Role::Neighbor, Role::Opener, Role::Filler, Role::Putter];
const ROLE: &str = "STORE_TEST_ROLE";
const DIR: &str = "STORE_TEST_DIR";
const URL: &str = "STORE_TEST_URL";

/// The command that starts a process in this role on this store.
#[expect(clippy::disallowed_methods, reason = "the store is tested with processes that die")]
pub(crate) fn command(role: Role, place: &Place) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args(["--exact", "child::a_process_of_its_own", "--nocapture", "--test-threads=1"])
        .env(ROLE, format!("{role:?}"))
        .env(DIR, &place.dir)
        .env(URL, place.url.as_deref().unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// In a child: does what its role says. In a usual run of the tests there is no role, and nothing to do.
#[test]
#[expect(clippy::disallowed_methods, reason = "the parent process says what to do")]
fn a_process_of_its_own() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let role = ROLES.into_iter().find(|r| format!("{r:?}") == role).expect("a known role");
    let dir = std::env::var_os(DIR).expect("a directory").into();
    let place = Place { dir, url: std::env::var(URL).ok().filter(|url| !url.is_empty()) };
    match (role, place.url.is_some()) {
        (Role::Worker, false) => crate::on_sqlite::crash::work(&place),
        (Role::Worker, true) => crate::on_postgres::crash::work(&place),
        (Role::Neighbor, false) => crate::on_sqlite::processes::work(&place),
        (Role::Neighbor, true) => crate::on_postgres::processes::work(&place),
        (Role::Opener, _) => crate::damage::open(&place),
        (Role::Filler, _) => crate::full_disk::fill(&place.dir),
        (Role::Putter, false) => crate::on_sqlite::planted::put(&place),
        (Role::Putter, true) => crate::on_postgres::planted::put(&place),
    }
}

/// Tells the parent something, at once.
pub(crate) fn say(words: &str) {
    let mut out = std::io::stdout().lock();
    // A parent that has gone away will kill us soon.
    let _ = writeln!(out, "\n> {words}").and_then(|()| out.flush());
}

/// What a child says, line by line.
pub(crate) struct Words(BufReader<ChildStdout>);

impl Words {
    pub(crate) fn of(child: &mut Child) -> Self {
        Self(BufReader::new(child.stdout.take().expect("a pipe")))
    }
}

impl Iterator for Words {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            line.clear();
            // What was cut off by the kill was not said.
            let read = self.0.read_until(b'\n', &mut line).expect("a pipe");
            if read == 0 || line.last() != Some(&b'\n') {
                return None;
            }
            if let Some(words) = String::from_utf8_lossy(&line).trim_end().strip_prefix("> ") {
                return Some(words.to_owned());
            }
        }
    }
}
