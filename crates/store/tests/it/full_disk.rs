//! A disk that is full: a typed error, nothing acknowledged is lost, and work goes on once there is room.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};
use store::{OpenOptions, Store, StoreError};

use crate::child::{Role, Words, command, say};
use crate::damage::OwnMounts;
use crate::on_sqlite::fixture::{TENANT, TTL, add_run, at, entry, id, owner, task};
use crate::place::Place;

/// Written first, to be given up when the disk is full.
const BALLAST_BYTES: usize = 400 << 10;

/// The child's part: works until the disk is full, then makes room and works on.
pub(crate) fn fill(dir: &Path) {
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![1; BALLAST_BYTES]).expect("there is room for it");
    let store = Store::open(dir, OpenOptions::default()).expect("there is room for an empty store");
    let (task, run) = (task(), store::RunRecord::queued(id(), id(), Path::new("/r"), "offline", at(1)));
    let (run, fence) = store
        .write_blocking(TENANT, move |tx| {
            let run = add_run(tx, &task, run)?;
            Ok((run, tx.acquire_lease(run, &owner(1), at(1), TTL, |_| false)?.fence))
        })
        .expect("there is room for a run");
    let body = entry(&"x".repeat(2_000));
    let append = |store: &Store| {
        let body = body.clone();
        store.write_blocking(TENANT, move |tx| tx.append(run, fence, &[body]))
    };
    let mut acknowledged = 0;
    let error = loop {
        match append(&store) {
            Ok(seqs) => acknowledged = seqs[0],
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    let put = store.put_object(TENANT, &vec![7; 8 << 20][..]);
    assert!(matches!(put, Err(StoreError::DiskFull { .. })), "{put:?}");
    assert_eq!(
        store.read_blocking(TENANT, |tx| tx.journal_head(run)).expect("reading goes on"),
        acknowledged
    );
    say("full");
    fs::remove_file(&ballast).expect("our file");
    if make_room(&store) {
        assert_eq!(append(&store).expect("there is room again"), [acknowledged + 1]);
        acknowledged += 1;
    }
    store.close();
    let store = Store::open(dir, OpenOptions::default()).expect("it opens again");
    assert_eq!(store.read_blocking(TENANT, |tx| tx.journal_head(run)).expect("a look"), acknowledged);
    assert_eq!(store.check(TENANT).expect("a check").findings, [""; 0]);
    say("kept");
}

/// Lifts the limit on the size of files, if that was the limit. Always true on a small disk.
fn make_room(store: &Store) -> bool {
    use nix::sys::resource::getrlimit;
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("our own limit");
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard).expect("up to the hard limit");
    store.dir().exists()
}

#[test]
fn on_a_small_disk_everything_acknowledged_is_kept() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (place, own) = (dir.path().to_owned(), OwnMounts::new());
    let mut command = command(Role::Filler, &Place::of(dir.path()));
    let small_disk = move || {
        own.enter()?;
        mount(Some("tmpfs"), &place, Some("tmpfs"), MsFlags::empty(), Some("size=2m,mode=0777"))?;
        Ok(())
    };
    // SAFETY: the closure only makes system calls, on memory that was set up before the fork.
    let mut child = match unsafe { command.pre_exec(small_disk) }.spawn() {
        Ok(child) => child,
        Err(e) => return eprintln!("no small disk can be had here, so this is not tried: {e}"),
    };
    let said: Vec<_> = Words::of(&mut child).collect();
    assert!(child.wait().expect("our child").success(), "{said:?}");
    assert_eq!(said, ["full", "kept"]);
}

#[test]
fn under_a_limit_on_the_size_of_files_everything_acknowledged_is_kept() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = command(Role::Filler, &Place::of(dir.path()));
    let limited = || {
        // SAFETY: setting a signal to be ignored installs no handler.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn)? };
        setrlimit(Resource::RLIMIT_FSIZE, 600 << 10, 64 << 20)?;
        Ok(())
    };
    // SAFETY: the closure only makes system calls.
    let mut child = unsafe { command.pre_exec(limited) }.spawn().expect("this binary starts");
    let said: Vec<_> = Words::of(&mut child).collect();
    assert!(child.wait().expect("our child").success(), "{said:?}");
    assert_eq!(said, ["full", "kept"]);
}

#[test]
fn a_disk_that_is_full_from_the_start_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (place, own) = (dir.path().to_owned(), OwnMounts::new());
    let mut command = command(Role::Opener, &Place::of(dir.path()));
    let no_room = move || {
        own.enter()?;
        // Room for the directory and the empty file, and for no page of them.
        mount(Some("tmpfs"), &place, Some("tmpfs"), MsFlags::empty(), Some("nr_blocks=1,mode=0777"))?;
        Ok(())
    };
    // SAFETY: the closure only makes system calls, on memory that was set up before the fork.
    let mut child = match unsafe { command.pre_exec(no_room) }.spawn() {
        Ok(child) => child,
        Err(e) => return eprintln!("no small disk can be had here, so this is not tried: {e}"),
    };
    let said: Vec<_> = Words::of(&mut child).collect();
    child.wait().expect("our child");
    assert!(said.len() == 1 && said[0].starts_with("disk_full: "), "{said:?}");
}
