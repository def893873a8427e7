//! Snapshots of what commands may leave behind, without mounting anything.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use sandbox::delivery::deliverable_tree;
use sandbox::snapshot::{Layering, Warning};
use sandbox::workspace::Discarded;

use crate::ws_fixture::{Fixture, content, files, git, opaque, put, upper, whiteout};

fn project() -> Fixture {
    Fixture::with(&[
        ("README.md", "hello\n"),
        ("src/lib.py", "one\n"),
        ("src/deep/x.txt", "x\n"),
        ("src/deep/y.txt", "y\n"),
        (".gitignore", "*.log\n/build/\n"),
    ])
}

#[test]
fn copied_up_is_not_changed() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    put(&upper(&workspace).join("src/lib.py"), b"one\n");
    let snapshot = workspace.snapshotter(&mirror).unwrap().take().unwrap();
    assert_eq!((snapshot.tree, snapshot.files_read), (workspace.base().tree, 1));
}

#[test]
fn only_what_changed_is_read_again() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    let dir = upper(&workspace);
    let old = SystemTime::now() - Duration::from_secs(100);
    for n in 0..20 {
        put(&dir.join(format!("new/{n}")), b"same size");
    }
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    let first = snapshotter.take().unwrap();
    assert_eq!(first.files_read, 20);
    // Same size, and a time of modification that was set back: the time of change gives it away.
    put(&dir.join("new/7"), b"size same");
    std::fs::File::options().write(true).open(dir.join("new/7")).unwrap().set_modified(old).unwrap();
    let second = snapshotter.take().unwrap();
    assert_ne!(second.tree, first.tree);
    assert_eq!(content(&mirror, second.tree, "new/7"), b"size same");
    // Files as fresh as a walk are read once more; after that nothing is.
    let again = (0..1000).map(|_| snapshotter.take().unwrap()).find(|s| s.files_read == 0);
    assert_eq!(again.map(|s| s.tree), Some(second.tree));
}

#[test]
fn a_change_right_after_a_snapshot_is_never_missed() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    let file = upper(&workspace).join("src/lib.py");
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    for n in 0..300 {
        put(&file, format!("{n:03}\n").as_bytes());
        let tree = snapshotter.take().unwrap().tree;
        assert_eq!(content(&mirror, tree, "src/lib.py"), format!("{n:03}\n").as_bytes());
    }
}

#[test]
fn an_opaque_directory_hides_what_the_base_has_in_it() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    opaque(&upper(&workspace).join("src/deep"));
    put(&upper(&workspace).join("src/deep/y.txt"), b"new y\n");
    let snapshot = workspace.snapshotter(&mirror).unwrap().take().unwrap();
    let want = ["100644 .gitignore", "100644 README.md", "100644 src/deep/y.txt", "100644 src/lib.py"];
    assert_eq!(files(&mirror, snapshot.tree), want);
}

#[test]
fn odd_names_links_and_modes_are_kept() {
    let fixture = project();
    let (workspace, mirror, repository) = fixture.workspace("run_1");
    let dir = upper(&workspace);
    put(&dir.join("new\nline"), b"n");
    put(&dir.join("tab\tand \"quote\""), b"q");
    put(&dir.join(OsStr::from_bytes(b"src/\xff\xfe")), b"bytes");
    put(&dir.join("run.sh"), b"#!/bin/sh\n");
    std::fs::set_permissions(dir.join("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("/etc/passwd", dir.join("link")).unwrap();
    symlink("/", dir.join("src/root")).unwrap();
    let snapshot = workspace.snapshotter(&mirror).unwrap().take().unwrap();
    assert_eq!(snapshot.warnings, []);
    let found = files(&mirror, snapshot.tree);
    for want in [
        "100644 \"new\\nline\"",
        "100644 \"src/\\377\\376\"",
        "100755 run.sh",
        "120000 link",
        "120000 src/root",
    ] {
        assert!(found.iter().any(|f| f == want), "{want} in {found:?}");
    }
    assert_eq!(content(&mirror, snapshot.tree, "link"), b"/etc/passwd");
    let changes = mirror.changes(workspace.base().tree, snapshot.tree).unwrap();
    assert!(changes.iter().any(|c| c.path == b"src/\xff\xfe"), "{changes:?}");
    assert_eq!(changes.len(), 6);
    git(mirror.git_dir(), &["fsck", "--strict", "--no-dangling"]);
    drop(repository);
}

#[test]
fn what_git_can_not_hold_is_left_out_with_a_warning() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    let dir = upper(&workspace);
    put(&dir.join(".git/config"), b"[core]\n");
    put(&dir.join("vendor/lib/.git/HEAD"), b"ref: refs/heads/x\n");
    put(&dir.join("vendor/lib/code.c"), b"int x;\n");
    put(&dir.join("evil/.GIT/config"), b"[core]\n");
    nix::unistd::mkfifo(&dir.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(dir.join("socket")).unwrap();
    nix::unistd::mkfifo(&dir.join("quiet.log"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let snapshot = workspace.snapshotter(&mirror).unwrap().take().unwrap();
    drop(socket);
    assert_eq!(
        snapshot.warnings,
        [
            Warning::NestedRepository("vendor/lib".into()),
            Warning::SpecialFile("pipe".into()),
            Warning::SpecialFile("socket".into()),
            Warning::UnsafeName("evil/.GIT".into()),
        ]
    );
    let changes = mirror.changes(workspace.base().tree, snapshot.tree).unwrap();
    assert_eq!(changes.iter().map(|c| c.path_text()).collect::<Vec<_>>(), ["vendor/lib/code.c"]);
}

#[test]
fn ignored_directories_are_not_walked_and_tracked_files_in_them_are() {
    let fixture = project();
    fixture.write("build/kept.txt", "tracked in an ignored directory\n");
    fixture.git(&["add", "-f", "build/kept.txt"]);
    fixture.git(&["commit", "-qm", "kept"]);
    let (workspace, mirror, _) = fixture.workspace("run_1");
    let dir = upper(&workspace);
    put(&dir.join("build/kept.txt"), b"changed\n");
    put(&dir.join("build/output.bin"), b"ignored\n");
    let snapshot = workspace.snapshotter(&mirror).unwrap().take().unwrap();
    let changes = mirror.changes(workspace.base().tree, snapshot.tree).unwrap();
    assert_eq!(changes.iter().map(|c| c.path_text()).collect::<Vec<_>>(), ["build/kept.txt"]);
    whiteout(&dir.join("build2"));
    std::fs::remove_dir_all(dir.join("build")).unwrap();
    whiteout(&dir.join("build"));
    let snapshot = workspace.snapshotter(&mirror).unwrap().take().unwrap();
    assert!(!files(&mirror, snapshot.tree).iter().any(|f| f.contains("build")));
}

#[test]
fn the_users_own_ignore_rules_count() {
    let fixture = project();
    put(&fixture.repo.join(".git/info/exclude"), b"*.mine\n");
    let (workspace, mirror, _) = fixture.workspace("run_1");
    put(&upper(&workspace).join("x.mine"), b"x");
    assert_eq!(workspace.snapshotter(&mirror).unwrap().take().unwrap().tree, workspace.base().tree);
}

#[test]
fn a_large_file_is_kept_in_chunks_and_delivered_whole() {
    let fixture = project();
    let (mut workspace, mirror, _) = fixture.workspace("run_1");
    let dir = upper(&workspace);
    let mut big: Vec<u8> = (0..60_000_000u32).map(|n| (n % 251) as u8).collect();
    put(&dir.join("data/big.bin"), &big);
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    let first = snapshotter.take().unwrap().tree;
    assert!(content(&mirror, first, "data/big.bin").len() < 2_000);
    big[30_000_000] ^= 1;
    put(&dir.join("data/big.bin"), &big);
    let second = snapshotter.take().unwrap().tree;
    assert_ne!(first, second);
    let chunks: usize = walk(&mirror.dir().join("large/chunks"));
    assert_eq!(chunks, 8 + 1, "one chunk differs");
    let changes = mirror.changes(workspace.base().tree, second).unwrap();
    assert_eq!((changes[0].new_bytes, changes[0].is_binary()), (60_000_000, true));
    let whole = deliverable_tree(&mirror, workspace.base().tree, second).unwrap();
    assert_eq!(
        mirror
            .objects()
            .size(mirror.objects().entry_at(whole, b"data/big.bin").unwrap().unwrap().id)
            .unwrap(),
        Some(60_000_000)
    );
    workspace.rebuild(&mut snapshotter, first).unwrap();
    assert_eq!(std::fs::read(dir.join("data/big.bin")).unwrap()[30_000_000], big[30_000_000] ^ 1);
    assert_eq!(snapshotter.take().unwrap().tree, first);
}

#[test]
fn nothing_is_removed_before_it_is_kept() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    put(&upper(&workspace).join("src/lib.py"), b"precious\n");
    put(&upper(&workspace).join("closed/x"), b"x\n");
    let tree = workspace.snapshotter(&mirror).unwrap().take().unwrap().tree;
    let dir = workspace.dir().to_owned();
    assert_eq!(workspace.discard(&mirror, "runs/run_1").unwrap(), Discarded::NotKept { tree });
    assert!(dir.exists());
    mirror.write_ref("runs/run_1", tree).unwrap();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    std::fs::create_dir_all(dir.join("changes/work/work")).unwrap();
    std::fs::set_permissions(dir.join("changes/work/work"), PermissionsExt::from_mode(0o000)).unwrap();
    assert_eq!(workspace.discard(&mirror, "runs/run_1").unwrap(), Discarded::Yes);
    assert!(!dir.exists());
}

#[test]
fn a_plain_workspace_can_be_set_back_too() {
    let fixture = project();
    let (mut workspace, mirror, _) = fixture.workspace_of("run_1", Layering::Plain);
    let dir = upper(&workspace);
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    put(&dir.join("src/lib.py"), b"two\n");
    std::fs::remove_file(dir.join("README.md")).unwrap();
    put(&dir.join("build/out"), b"ignored\n");
    let tree = snapshotter.take().unwrap().tree;
    std::fs::remove_dir_all(dir.join("src")).unwrap();
    put(&dir.join("src"), b"a file now\n");
    put(&dir.join("junk/x"), b"x");
    workspace.restore(&mut snapshotter, tree).unwrap();
    assert_eq!(snapshotter.take().unwrap().tree, tree);
    assert_eq!(std::fs::read(dir.join("build/out")).unwrap(), b"ignored\n");
    assert!(!dir.join("junk").exists());
    workspace.restore(&mut snapshotter, workspace.base().tree).unwrap();
    assert_eq!(std::fs::read(dir.join("README.md")).unwrap(), b"hello\n");
}

fn walk(dir: &std::path::Path) -> usize {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|path| if path.is_dir() { walk(&path) } else { 1 })
        .sum()
}
