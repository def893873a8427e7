//! Artifacts and their contents.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use domain::{RunId, TenantId};
use store::{NewArtifact, ObjectHash, OpenOptions, StoreError, StoredObject};

use super::fixture::{Fixture, TENANT, at, id};

fn artifact(run: RunId, object: StoredObject) -> NewArtifact {
    NewArtifact {
        id: id(),
        run,
        kind: "report".to_owned(),
        name: "report.json".to_owned(),
        object,
        at: at(1),
    }
}

fn put(f: &Fixture, content: &[u8]) -> StoredObject {
    f.store.put_object(TENANT, content).expect("there is room")
}

/// All files below `objects`.
fn files(f: &Fixture) -> Vec<PathBuf> {
    let (mut dirs, mut files) = (vec![f.path().join("objects")], Vec::new());
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.expect("a readable directory").path();
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn a_content_can_be_read_from_any_offset() {
    let f = Fixture::new();
    let run = f.run();
    let content: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    let object = put(&f, &content);
    assert_eq!((object.hash(), object.size_bytes()), (ObjectHash::of(&content), 200_000));
    let added = artifact(run, object);
    let new = added.clone();
    f.write(move |tx| tx.add_artifact(&new)).expect("a known run");
    let read =
        |offset, limit| f.store.read_object(TENANT, object.hash(), offset, limit).expect("it is there");
    assert_eq!(read(0, usize::MAX), content);
    assert_eq!(read(70_000, 10), content[70_000..70_010]);
    assert_eq!(read(199_999, 10), content[199_999..]);
    assert_eq!(read(200_000, 10), [0; 0]);
    let listed = f.read(|tx| tx.artifacts(run, 9)).expect("a look");
    assert_eq!(listed, [f.read(|tx| tx.artifact(added.id)).expect("a look").expect("it is there")]);
    assert_eq!((listed[0].hash, listed[0].size_bytes, listed[0].run), (object.hash(), 200_000, run));
}

#[test]
fn equal_contents_are_one_file_and_count_once() {
    let f = Fixture::new();
    let run = f.run();
    for _ in 0..2 {
        let new = artifact(run, put(&f, b"same"));
        f.write(move |tx| tx.add_artifact(&new)).expect("a known run");
    }
    assert_eq!(f.read(|tx| tx.stored_bytes()).expect("a look"), 4);
    assert_eq!(f.read(|tx| tx.artifacts(run, 9)).expect("a look").len(), 2);
    let files = files(&f);
    let modes: Vec<_> =
        files.iter().map(|f| f.metadata().expect("a file").permissions().mode() & 0o777).collect();
    assert_eq!(modes, [0o600], "{files:?}");
}

#[test]
fn a_content_without_an_artifact_cannot_be_read() {
    let f = Fixture::new();
    let object = put(&f, b"unclaimed");
    let refused = f.store.read_object(TENANT, object.hash(), 0, 9);
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
}

#[test]
fn a_content_of_another_tenant_cannot_be_claimed_or_read() {
    let f = Fixture::new();
    let run = f.run();
    let other: TenantId = id();
    let new = artifact(run, f.store.put_object(other, &b"theirs"[..]).expect("there is room"));
    let hash = new.object.hash();
    let refused = f.write(move |tx| tx.add_artifact(&new));
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    let mine = artifact(run, put(&f, b"theirs"));
    f.write(move |tx| tx.add_artifact(&mine)).expect("a known run");
    let refused = f.store.read_object(other, hash, 0, 9);
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
}

#[test]
fn the_quota_holds() {
    let f = Fixture::with(OpenOptions { quota_bytes: 100 });
    let run = f.run();
    let first = artifact(run, put(&f, &[1; 60]));
    // Two contents that were put while there was room for each: only one gets in.
    let second = artifact(run, put(&f, &[2; 50]));
    f.write(move |tx| tx.add_artifact(&first)).expect("there is room");
    let refused = f.write(move |tx| tx.add_artifact(&second));
    assert!(matches!(refused, Err(StoreError::QuotaExceeded { quota_bytes: 100, .. })), "{refused:?}");
    let endless = f.store.put_object(TENANT, io::repeat(0));
    assert!(matches!(endless, Err(StoreError::QuotaExceeded { .. })), "{endless:?}");
    let parts: Vec<_> =
        files(&f).into_iter().filter(|path| path.to_string_lossy().contains("part-")).collect();
    assert_eq!(parts, Vec::<PathBuf>::new());
}

#[test]
fn a_content_that_breaks_off_leaves_nothing() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("cut"))
        }
    }
    let f = Fixture::new();
    let refused = f.store.put_object(TENANT, (&b"some"[..]).chain(Broken));
    assert!(matches!(refused, Err(StoreError::Io { .. })), "{refused:?}");
    assert_eq!(files(&f), Vec::<PathBuf>::new());
}

#[test]
fn a_check_finds_contents_that_are_gone_cut_or_changed() {
    let f = Fixture::new();
    let run = f.run();
    for content in [b"gone", b"cut!", b"fake", b"good"] {
        let new = artifact(run, put(&f, content));
        f.write(move |tx| tx.add_artifact(&new)).expect("a known run");
    }
    assert_eq!(f.store.check(TENANT).expect("a check").findings, [""; 0]);
    for path in files(&f) {
        match &fs::read(&path).expect("a file")[..] {
            b"gone" => fs::remove_file(&path).expect("our file"),
            b"cut!" => fs::write(&path, b"cu").expect("our file"),
            b"fake" => fs::write(&path, b"FAKE").expect("our file"),
            _ => {}
        }
    }
    let report = f.store.check(TENANT).expect("a check");
    assert_eq!((report.objects, report.findings.len()), (4, 3), "{:?}", report.findings);
    let refused = f.store.read_object(TENANT, ObjectHash::of(b"gone"), 0, 9);
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}
