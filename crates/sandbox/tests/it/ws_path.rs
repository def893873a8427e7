//! The whole way of a change: found, mirrored, checked out, changed, snapshotted, delivered.

use sandbox::delivery::{Delivered, DeliveryError, branch_name, deliver, read_branch};
use sandbox::diff::ChangeKind;
use sandbox::mirror::Commit;
use sandbox::snapshot::Layering;

use crate::ws_fixture::{Fixture, content, files, git, put, upper, whiteout};

fn project() -> Fixture {
    Fixture::with(&[
        ("README.md", "hello\n"),
        ("src/lib.py", "def one():\n    return 1\n"),
        ("src/deep/er/x.txt", "x\n"),
        (".gitignore", "*.log\n/build/\n"),
    ])
}

#[test]
fn a_change_reaches_the_users_repository_as_one_branch() {
    let fixture = project();
    let (workspace, mirror, repository) = fixture.workspace("run_1");
    let before = fixture.fingerprint("refs/heads/aamas/");
    let upper = upper(&workspace);
    put(&upper.join("src/lib.py"), b"def one():\n    return 2\n");
    put(&upper.join("src/new.py"), b"new\n");
    put(&upper.join("noise.log"), b"ignored\n");
    whiteout(&upper.join("README.md"));

    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    let snapshot = snapshotter.take().unwrap();
    assert_eq!(snapshot.warnings, []);
    let base = workspace.base();
    let changes = mirror.changes(base.tree, snapshot.tree).unwrap();
    let kinds: Vec<_> = changes.iter().map(|c| (c.path_text(), c.kind.clone())).collect();
    assert_eq!(
        kinds,
        [
            ("README.md".to_owned(), ChangeKind::Deleted),
            ("src/lib.py".to_owned(), ChangeKind::Modified),
            ("src/new.py".to_owned(), ChangeKind::Added)
        ]
    );
    let text = String::from_utf8(mirror.diff_text(base.tree, snapshot.tree, 1 << 20).unwrap()).unwrap();
    assert!(text.contains("-    return 1\n+    return 2\n"), "{text}");

    let commit = Commit {
        tree: snapshot.tree,
        parents: vec![base.commit],
        author: repository.author(),
        at_s: 1_700_000_100,
        message: "Return two\n\nRun: run_1".into(),
    };
    let commit = mirror.write_commit(&commit).unwrap();
    let branch = branch_name("Return two", "run_00000001");
    assert_eq!(deliver(&mirror, &repository, &branch, commit, None).unwrap(), Delivered::Written);
    assert_eq!(deliver(&mirror, &repository, &branch, commit, None).unwrap(), Delivered::AlreadyThere);
    assert_eq!(read_branch(&repository, &branch).unwrap(), Some(commit));
    assert_eq!(fixture.fingerprint("refs/heads/aamas/"), before);
    assert_eq!(
        fixture.git(&["log", "-1", "--format=%an <%ae>%n%B", &branch]).trim(),
        "Ada Lovelace <ada@example.org>\nReturn two\n\nRun: run_1"
    );
    fixture.git(&["fsck", "--strict", "--no-dangling"]);
    git(mirror.git_dir(), &["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_branch_that_somebody_else_moved_is_left_alone() {
    let fixture = project();
    let (_, base, mirror) = fixture.open();
    fixture.git(&["branch", "aamas/x-1"]);
    let commit = Commit {
        tree: base.tree,
        parents: vec![base.commit],
        author: fixture.repository().author(),
        at_s: 1,
        message: "m".into(),
    };
    let commit = mirror.write_commit(&commit).unwrap();
    let error = deliver(&mirror, &fixture.repository(), "aamas/x-1", commit, None).unwrap_err();
    assert!(matches!(error, DeliveryError::Moved { found, .. } if found == base.commit), "{error}");
}

#[test]
fn a_plain_workspace_gives_the_same_tree_as_an_overlay() {
    let fixture = project();
    let (overlay, mirror, _) = fixture.workspace("run_1");
    let (plain, _, _) = fixture.workspace_of("run_2", Layering::Plain);
    put(&upper(&overlay).join("src/lib.py"), b"changed\n");
    whiteout(&upper(&overlay).join("src/deep"));
    put(&upper(&plain).join("src/lib.py"), b"changed\n");
    std::fs::remove_dir_all(upper(&plain).join("src/deep")).unwrap();
    let one = overlay.snapshotter(&mirror).unwrap().take().unwrap();
    let two = plain.snapshotter(&mirror).unwrap().take().unwrap();
    assert_eq!(one.tree, two.tree);
    assert_eq!(files(&mirror, one.tree), ["100644 .gitignore", "100644 README.md", "100644 src/lib.py"]);
    assert_eq!(content(&mirror, one.tree, "src/lib.py"), b"changed\n");
}
