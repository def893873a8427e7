//! Databases that are damaged, foreign, newer or out of reach: a typed error each, and nothing is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rusqlite::Connection;
use store::{OpenOptions, Store, StoreError};

use crate::child::{Role, Words, command, say};
use crate::on_sqlite::fixture::{Fixture, TENANT, entry};
use crate::place::Place;

/// The child's part.
pub(crate) fn open(place: &Place) {
    match place.try_open(OpenOptions::default()) {
        Ok(_) => say("opened"),
        Err(error) => say(&format!("{}: {error}", error.code())),
    }
}

/// Opens a directory whose database file is what `damage` leaves of a filled one.
fn open_damaged(damage: impl FnOnce(&Path)) -> Result<Store, StoreError> {
    with_damaged(damage, |store| store)
}

/// The same, for a look at what opened.
fn with_damaged<T>(damage: impl FnOnce(&Path), look: impl FnOnce(Result<Store, StoreError>) -> T) -> T {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let entries: Vec<_> = (0..200).map(|n| entry(&format!("{n} {}", "x".repeat(2_000)))).collect();
    f.write(move |tx| tx.append(run, fence, &entries)).expect("the lease holds");
    f.store.close();
    damage(&f.path().join("aamas.db"));
    look(Store::open(f.path(), OpenOptions::default()))
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let f = tempfile::tempdir().expect("a temporary directory");
    for content in
        [&b"hello"[..], &[0x55; 9_000], b"SQLite format 2\0 and more that is not a database at all"]
    {
        fs::write(f.path().join("aamas.db"), content).expect("our directory");
        let refused = Store::open(f.path(), OpenOptions::default());
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
        assert_eq!(fs::read(f.path().join("aamas.db")).expect("it is there"), content);
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let f = tempfile::tempdir().expect("a temporary directory");
    let conn = Connection::open(f.path().join("aamas.db")).expect("our directory");
    conn.execute_batch("CREATE TABLE songs (title TEXT); PRAGMA user_version = 1;")
        .expect("plain statements");
    drop(conn);
    let refused = Store::open(f.path(), OpenOptions::default());
    assert!(
        matches!(&refused, Err(StoreError::Corrupt { detail, .. }) if detail.contains("another program")),
        "{refused:?}"
    );
}

#[test]
fn a_newer_database_is_refused() {
    let refused = open_damaged(|path| {
        Connection::open(path).and_then(|c| c.pragma_update(None, "user_version", 77)).expect("our file");
    });
    let Err(error @ StoreError::NewerSchema { found: 77, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(error.code(), "database_newer");
    assert!(error.hint().is_some());
}

#[test]
fn a_damaged_schema_is_found_when_it_opens() {
    let refused = open_damaged(|path| {
        let mut content = fs::read(path).expect("our file");
        content[100..4096].fill(0xaa);
        fs::write(path, content).expect("our file");
    });
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

#[test]
fn a_database_without_its_tables_is_not_taken_for_a_new_one() {
    let refused = open_damaged(|path| {
        let conn = Connection::open(path).expect("our file");
        let marks: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0)).expect("a number");
        drop(conn);
        fs::remove_file(path).expect("our file");
        let conn = Connection::open(path).expect("our directory");
        conn.pragma_update(None, "application_id", marks).expect("an empty database");
        conn.pragma_update(None, "user_version", 1).expect("an empty database");
    });
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

#[test]
fn damage_inside_is_found_when_it_is_read_and_by_the_check() {
    let damage = |path: &Path| {
        let mut content = fs::read(path).expect("our file");
        let pages = content.len() / 4096;
        assert!(pages > 40, "{pages}");
        // All but the schema, which takes the first pages.
        content[pages * 2 / 3 * 4096..].fill(0xaa);
        fs::write(path, content).expect("our file");
    };
    let (findings, read) = with_damaged(damage, |store| {
        let store = store.expect("the schema is whole");
        let read = store.read_blocking(TENANT, |tx| {
            let Some(run) = tx.runs(0, 1)?.pop() else { return Ok(0) };
            Ok(tx.entries(run.id, 1, 1_000)?.len())
        });
        (store.check(TENANT).map(|report| report.findings), read)
    });
    assert!(
        matches!(&findings, Ok(found) if !found.is_empty())
            || matches!(findings, Err(StoreError::Corrupt { .. })),
        "{findings:?}"
    );
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
}

#[test]
fn everything_is_private() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let place = dir.path().join("data");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let store = Store::open(&place, OpenOptions::default()).expect("an empty directory opens");
    store.put_object(TENANT, &b"x"[..]).expect("there is room");
    let files =
        ["", "aamas.db", "aamas.db-wal", "aamas.db-shm", "objects"].map(|name| mode(&place.join(name)));
    assert_eq!(files, [0o700, 0o600, 0o600, 0o600, 0o700]);
    store.close();
    fs::set_permissions(place.join("aamas.db"), fs::Permissions::from_mode(0o644)).expect("our file");
    let _store = Store::open(&place, OpenOptions::default()).expect("it opens");
    assert_eq!(["aamas.db", "aamas.db-wal"].map(|name| mode(&place.join(name))), [0o600; 2]);
}

#[test]
fn a_place_that_can_hold_nothing_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("file");
    fs::write(&file, b"").expect("our directory");
    fs::create_dir_all(dir.path().join("odd/aamas.db")).expect("our directory");
    for place in [file.join("below"), file] {
        let refused = Store::open(&place, OpenOptions::default());
        assert!(matches!(refused, Err(StoreError::Unwritable { .. })), "{refused:?}");
    }
    let refused = Store::open(&dir.path().join("odd"), OpenOptions::default());
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

/// In a mount namespace of its own, where the directory is mounted read-only: this holds for the superuser as
/// well.
#[test]
fn a_read_only_directory_is_refused() {
    let f = Fixture::new();
    f.store.close();
    let empty = tempfile::tempdir().expect("a temporary directory");
    for dir in [f.path(), empty.path()] {
        let mut command = command(Role::Opener, &Place::of(dir));
        let (place, own) = (dir.to_owned(), OwnMounts::new());
        let read_only = move || {
            let none: Option<&str> = None;
            let bound = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            own.enter()?;
            mount(Some(&place), &place, none, MsFlags::MS_BIND, none)?;
            // In a namespace of an ordinary user the flags that the mount has already must be kept.
            mount(none, &place, none, bound, none).or_else(|_| {
                mount(none, &place, none, bound | MsFlags::MS_NOSUID | MsFlags::MS_NODEV, none)
            })?;
            Ok(())
        };
        // SAFETY: the closure only makes system calls, on memory that was set up before the fork.
        let mut child = match unsafe { command.pre_exec(read_only) }.spawn() {
            Ok(child) => child,
            Err(e) => return eprintln!("no mount namespace can be had here, so this is not tried: {e}"),
        };
        let said: Vec<_> = Words::of(&mut child).collect();
        child.wait().expect("our child");
        assert!(said.len() == 1 && said[0].starts_with("data_dir_unwritable: cannot write to"), "{said:?}");
    }
}

/// Gives a child, between fork and exec, mounts of its own. An ordinary user needs a user namespace for that,
/// in which it is itself.
#[derive(Clone)]
pub(crate) struct OwnMounts {
    /// What to write to which file; made before the fork, because nothing should be allocated after it.
    maps: [(&'static str, String); 3],
}

impl OwnMounts {
    pub(crate) fn new() -> Self {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        Self {
            maps: [
                ("/proc/self/uid_map", format!("{uid} {uid} 1")),
                ("/proc/self/setgroups", "deny".to_owned()),
                ("/proc/self/gid_map", format!("{gid} {gid} 1")),
            ],
        }
    }

    pub(crate) fn enter(&self) -> std::io::Result<()> {
        let none: Option<&str> = None;
        if nix::unistd::geteuid().is_root() {
            unshare(CloneFlags::CLONE_NEWNS)?;
        } else {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
            self.maps.iter().try_for_each(|(file, map)| fs::write(file, map))?;
        }
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        Ok(())
    }
}
