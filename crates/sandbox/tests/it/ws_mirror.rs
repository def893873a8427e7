//! The mirror: bases, dirty snapshots, private refs, layers.

use std::time::SystemTime;

use sandbox::layers::{Layers, WarmKey};
use sandbox::mirror::Mirror;
use sandbox::repository::Repository;
use sandbox::{Layered, SandboxError};

use crate::ws_fixture::{Fixture, content, files, git, owner, put};

fn small() -> Fixture {
    Fixture::with(&[("a.txt", "a\n"), ("sub/b.txt", "b\n"), (".gitignore", "*.log\n")])
}

#[test]
fn a_base_outlives_the_users_garbage_collection() {
    let fixture = small();
    fixture.git(&["checkout", "-q", "-b", "topic"]);
    fixture.write("a.txt", "only here\n");
    fixture.commit("soon gone");
    let (repository, base, mirror) = fixture.open();
    fixture.git(&["checkout", "-q", "main"]);
    fixture.git(&["branch", "-q", "-D", "topic"]);
    fixture.git(&["reflog", "expire", "--expire=now", "--all"]);
    fixture.git(&["gc", "-q", "--prune=now"]);
    mirror.fetch(&repository, &base).unwrap();
    let again = Mirror::open(&fixture.data, &repository).unwrap();
    assert_eq!(content(&again, base.tree, "a.txt"), b"only here\n");
    assert!(!mirror.git_dir().join("objects/info/alternates").exists());
}

#[test]
fn a_shallow_clone_can_be_a_base() {
    let fixture = small();
    for n in 0..5 {
        fixture.commit(&format!("more {n}"));
    }
    let from = format!("file://{}", fixture.repo.display());
    git(fixture.dir.path(), &["clone", "-q", "--depth=2", &from, "shallow"]);
    let repository = Repository::discover(&fixture.dir.path().join("shallow")).unwrap();
    let base = repository.resolve("HEAD").unwrap();
    let mirror = Mirror::open(&fixture.data, &repository).unwrap();
    mirror.fetch(&repository, &base).unwrap();
    assert_eq!(content(&mirror, base.tree, "a.txt"), b"a\n");
    git(mirror.git_dir(), &["fsck", "--no-dangling"]);
}

#[test]
fn a_partial_clone_can_be_a_base_as_far_as_it_is_there() {
    let fixture = small();
    fixture.git(&["config", "uploadpack.allowFilter", "true"]);
    fixture.write("a.txt", "later\n");
    fixture.commit("later");
    let from = format!("file://{}", fixture.repo.display());
    let clone = |name: &str, more: &[&str]| {
        git(fixture.dir.path(), &[&["clone", "-q", "--filter=blob:none"], more, &[&from, name]].concat());
        let repository = Repository::discover(&fixture.dir.path().join(name)).unwrap();
        let base = repository.resolve("HEAD").unwrap();
        let mirror = Mirror::open(&fixture.data, &repository).unwrap();
        let fetched = mirror.fetch(&repository, &base);
        (base, mirror, fetched)
    };
    let (base, mirror, fetched) = clone("partial", &[]);
    fetched.unwrap();
    assert_eq!(content(&mirror, base.tree, "a.txt"), b"later\n");
    // Nothing was checked out, so the base's own files are missing too: said, not fetched from a server.
    let (_, _, fetched) = clone("empty", &["--no-checkout"]);
    assert!(matches!(fetched, Err(SandboxError::Git { .. })));
}

#[test]
fn a_long_history_comes_along_only_in_part() {
    let fixture = small();
    for n in 0..60 {
        fixture.git(&["commit", "-q", "--allow-empty", "-m", &format!("more {n}")]);
    }
    let (_, base, mirror) = fixture.open();
    assert_eq!(git(mirror.git_dir(), &["rev-list", "--count", &base.commit.to_string()]).trim(), "50");
    fixture.write("a.txt", "later\n");
    fixture.commit("later");
    let (_, later, mirror) = fixture.open();
    assert_eq!(content(&mirror, later.tree, "a.txt"), b"later\n");
    git(mirror.git_dir(), &["fsck", "--no-dangling"]);
}

#[test]
fn a_dirty_tree_is_taken_as_it_is_and_left_as_it_was() {
    let fixture = small();
    fixture.write("a.txt", "changed\n");
    fixture.write("new/x.txt", "x\n");
    fixture.write("noise.log", "ignored\n");
    fixture.write("staged.txt", "staged\n");
    fixture.git(&["add", "staged.txt"]);
    std::fs::remove_file(fixture.repo.join("sub/b.txt")).unwrap();
    put(&fixture.repo.join("staged.txt"), b"staged, then changed\n");
    let before = fixture.fingerprint("");
    let objects = git(&fixture.repo, &["count-objects", "-v"]);
    let (repository, base, mirror) = fixture.open();
    let dirty = mirror.commit_dirty(&repository, &base, &repository.author(), "As it was").unwrap();
    assert_eq!(
        files(&mirror, dirty.tree),
        ["100644 .gitignore", "100644 a.txt", "100644 new/x.txt", "100644 staged.txt"]
    );
    assert_eq!(content(&mirror, dirty.tree, "staged.txt"), b"staged, then changed\n");
    assert_eq!(mirror.commit(dirty.commit).unwrap().parents, [base.commit]);
    assert_eq!(fixture.fingerprint(""), before);
    assert_eq!(git(&fixture.repo, &["count-objects", "-v"]), objects);
    git(mirror.git_dir(), &["fsck", "--strict", "--no-dangling"]);
    fixture.git(&["stash", "-q", "-u"]);
    let clean = mirror.commit_dirty(&repository, &base, &repository.author(), "As it was").unwrap();
    assert_eq!(clean, base);
}

#[test]
fn private_refs_come_and_go() {
    let fixture = small();
    let (_, base, mirror) = fixture.open();
    assert_eq!(mirror.read_ref("runs/run_1").unwrap(), None);
    mirror.write_ref("runs/run_1", base.commit).unwrap();
    assert_eq!(mirror.read_ref("runs/run_1").unwrap(), Some(base.commit));
    assert!(git(mirror.git_dir(), &["for-each-ref"]).contains("refs/aamas/runs/run_1"));
    mirror.delete_ref("runs/run_1").unwrap();
    mirror.delete_ref("runs/run_1").unwrap();
    assert_eq!(mirror.read_ref("runs/run_1").unwrap(), None);
}

#[test]
fn a_half_made_base_is_made_anew() {
    let fixture = small();
    let (repository, base, mirror) = fixture.open();
    let layers = Layers::new(&mirror, owner());
    let dir = mirror.dir().join("bases").join(base.commit.to_string());
    let unfinished = mirror.dir().join(format!("bases/.new-{}/files/junk", base.commit));
    put(&unfinished, b"left by a crash");
    put(&dir.join("files/a.txt"), b"half");
    let layer = layers.base(&repository, &base, SystemTime::now()).unwrap();
    assert_eq!(std::fs::read(layer.files().join("a.txt")).unwrap(), b"a\n");
    assert!(!unfinished.exists());
    drop(layer);
    // After the machine was started anew only what was flushed counts.
    std::fs::write(
        dir.join("complete"),
        format!(
            "another-boot {}",
            std::fs::read_to_string(dir.join("complete")).unwrap().rsplit(' ').next().unwrap()
        ),
    )
    .unwrap();
    std::fs::write(dir.join("files/a.txt"), "").unwrap();
    let layer = layers.base(&repository, &base, SystemTime::now()).unwrap();
    assert_eq!(std::fs::read(layer.files().join("a.txt")).unwrap(), b"a\n");
    layer.settle().unwrap();
    layer.settle().unwrap();
}

#[test]
fn layers_in_use_are_never_evicted_and_others_go_oldest_first() {
    let fixture = small();
    let (repository, base, mirror) = fixture.open();
    let layers = Layers::new(&mirror, owner());
    let now = SystemTime::now();
    let first = layers.base(&repository, &base, now).unwrap();
    let key = WarmKey::new(&base, "setup", "tools");
    let warm = layers
        .warm::<SandboxError>(&key, |dir| {
            put(&dir.join("big"), &[1; 100_000]);
            Ok(())
        })
        .unwrap();
    assert_eq!(layers.evict(0).unwrap().layers, 0);
    drop(warm);
    let evicted = layers.evict(0).unwrap();
    assert_eq!(evicted.layers, 1);
    assert!(evicted.bytes >= 100_000);
    assert!(layers.find_warm(&key).is_none());
    assert!(first.files().join("a.txt").exists());
    drop(first);
    assert_eq!(layers.evict(u64::MAX).unwrap().layers, 0);
    assert_eq!(layers.evict(0).unwrap().left_bytes, 0);
}

#[test]
fn a_setup_that_fails_leaves_no_layer() {
    let fixture = small();
    let (_, base, mirror) = fixture.open();
    let layers = Layers::new(&mirror, owner());
    let key = WarmKey::new(&base, "setup", "tools");
    let failed = layers.warm(&key, |_| Err(SandboxError::Git { command: "x".into(), message: "y".into() }));
    assert!(failed.is_err() && layers.find_warm(&key).is_none());
    let made = layers
        .warm::<SandboxError>(&key, |dir| {
            put(&dir.join("node_modules/x"), b"x");
            Ok(())
        })
        .unwrap();
    let found = layers.find_warm(&key).unwrap();
    assert_eq!(found.files(), made.files());
    layers.warm::<SandboxError>(&key, |_| panic!("it is there already")).unwrap();
    assert_ne!(WarmKey::new(&base, "setup", "tools2"), key);
}

#[test]
fn two_processes_can_open_one_mirror_at_once() {
    let fixture = small();
    let bases = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let fixture = &fixture;
                scope.spawn(move || {
                    let (workspace, _, _) = fixture.workspace(&format!("run_{n}"));
                    match &workspace.plan().workspace {
                        Layered::Overlay { lower, .. } => std::fs::read(lower[0].join("a.txt")).unwrap(),
                        Layered::Plain(_) => Vec::new(),
                    }
                })
            })
            .collect();
        tasks.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(bases, vec![b"a\n".to_vec(); 8]);
}

#[test]
fn submodules_are_filled_from_what_the_user_has() {
    let library = Fixture::with(&[("lib.c", "int x;\n")]);
    let fixture = small();
    let from = library.repo.to_str().unwrap();
    fixture.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "third/party"]);
    fixture.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "third/missing"]);
    fixture.git(&["commit", "-qm", "submodules"]);
    std::fs::remove_dir_all(fixture.repo.join("third/missing")).unwrap();
    std::fs::remove_dir_all(fixture.repo.join(".git/modules/third/missing")).unwrap();
    let (workspace, mirror, repository) = fixture.workspace("run_1");
    let names: Vec<_> = repository.peculiarities(workspace.base()).unwrap().submodules;
    assert_eq!(names, [b"third/missing".to_vec(), b"third/party".to_vec()]);
    let Layered::Overlay { lower, .. } = &workspace.plan().workspace else {
        panic!("an overlay was asked for")
    };
    assert_eq!(std::fs::read(lower[0].join("third/party/lib.c")).unwrap(), b"int x;\n");
    assert_eq!(std::fs::read_dir(lower[0].join("third/missing")).unwrap().count(), 0);
    assert_eq!(workspace.snapshotter(&mirror).unwrap().take().unwrap().tree, workspace.base().tree);
}
