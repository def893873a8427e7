//! The change in the user's work tree, and merged: as a whole or not at all.

use sandbox::apply::{ApplyError, Merged, apply, merge};
use sandbox::objects::Oid;

use crate::ws_fixture::Fixture;

/// A repository whose branch `aamas/x-1` changes a.txt, adds new.txt and removes old.txt.
fn reviewed() -> (Fixture, Oid, Oid) {
    let fixture = Fixture::with(&[("a.txt", "a\nb\nc\n"), ("old.txt", "old\n"), ("other.txt", "other\n")]);
    let base = fixture.git(&["rev-parse", "HEAD"]).trim().parse().unwrap();
    fixture.git(&["checkout", "-q", "-b", "aamas/x-1"]);
    fixture.write("a.txt", "a\nB\nc\n");
    fixture.write("new.txt", "new\n");
    std::fs::remove_file(fixture.repo.join("old.txt")).unwrap();
    fixture.commit("change");
    let head = fixture.git(&["rev-parse", "HEAD"]).trim().parse().unwrap();
    fixture.git(&["checkout", "-q", "main"]);
    (fixture, base, head)
}

#[test]
fn applying_changes_the_work_tree_alone() {
    let (fixture, base, head) = reviewed();
    fixture.write("other.txt", "the user's own\n");
    let index = std::fs::read(fixture.repo.join(".git/index")).unwrap();
    apply(&fixture.repository(), base, head).unwrap();
    assert_eq!(std::fs::read(fixture.repo.join(".git/index")).unwrap(), index);
    assert_eq!(fixture.git(&["status", "--porcelain"]), " M a.txt\n D old.txt\n M other.txt\n?? new.txt\n");
}

#[test]
fn what_the_user_is_working_on_is_never_overwritten() {
    for (path, content) in [("a.txt", "mine\n"), ("new.txt", "mine too\n"), ("old.txt", "still needed\n")] {
        let (fixture, base, head) = reviewed();
        fixture.write(path, content);
        let before = fixture.fingerprint("");
        let refused =
            |error: ApplyError| matches!(&error, ApplyError::Overlap(paths) if paths == &[path.to_owned()]);
        assert!(refused(apply(&fixture.repository(), base, head).unwrap_err()), "{path}");
        assert!(refused(merge(&fixture.repository(), "aamas/x-1", "main", "Merge").unwrap_err()), "{path}");
        assert_eq!(fixture.fingerprint(""), before, "{path}");
        assert_eq!(std::fs::read_to_string(fixture.repo.join(path)).unwrap(), content);
    }
}

#[test]
fn a_conflict_leaves_everything_as_it_was() {
    let (fixture, base, head) = reviewed();
    fixture.write("a.txt", "a\nsomething else\nc\n");
    fixture.commit("meanwhile");
    let before = fixture.fingerprint("");
    assert!(matches!(apply(&fixture.repository(), base, head), Err(ApplyError::Conflict(_))));
    let conflict = merge(&fixture.repository(), "aamas/x-1", "main", "Merge").unwrap_err();
    assert!(matches!(&conflict, ApplyError::Conflict(files) if files == "a.txt"), "{conflict}");
    assert_eq!(fixture.fingerprint(""), before);
}

#[test]
fn merging_into_the_branch_that_is_checked_out_moves_the_work_tree() {
    let (fixture, _, head) = reviewed();
    fixture.write("other.txt", "committed meanwhile\n");
    fixture.commit("meanwhile");
    fixture.write("untracked.txt", "stays\n");
    let merged = merge(&fixture.repository(), "aamas/x-1", "main", "Merge the change\n\nBy: aamas").unwrap();
    let Merged::Into(commit) = merged else { panic!("{merged:?}") };
    assert_eq!(fixture.git(&["rev-parse", "main"]).trim(), commit.to_string());
    assert_eq!(fixture.git(&["rev-parse", "main^2"]).trim(), head.to_string());
    assert_eq!(fixture.git(&["status", "--porcelain"]), "?? untracked.txt\n");
    assert_eq!(
        fixture.git(&["log", "-1", "--format=%an %s", "main"]).trim(),
        "Ada Lovelace Merge the change"
    );
    assert!(fixture.git(&["reflog", "main"]).lines().next().unwrap().contains(&commit.to_string()[..7]));
    assert_eq!(merge(&fixture.repository(), "aamas/x-1", "main", "Merge").unwrap(), Merged::AlreadyIn);
}

#[test]
fn merging_into_another_branch_leaves_the_work_tree_alone() {
    let (fixture, _, _) = reviewed();
    fixture.git(&["checkout", "-q", "-b", "elsewhere"]);
    fixture.write("a.txt", "dirty\n");
    let merged = merge(&fixture.repository(), "aamas/x-1", "main", "Merge").unwrap();
    assert!(matches!(merged, Merged::Into(_)));
    assert_eq!(fixture.git(&["status", "--porcelain"]), " M a.txt\n");
    assert_eq!(fixture.git(&["show", "main:new.txt"]), "new\n");
    fixture.git(&["worktree", "add", "-q", "../linked", "main"]);
    fixture.git(&["branch", "aamas/y-2", "main~1"]);
    let elsewhere = merge(&fixture.repository(), "aamas/x-1", "nothing", "Merge").unwrap_err();
    assert!(matches!(elsewhere, ApplyError::NoBranch(_)), "{elsewhere}");
    fixture.git(&["-C", "../linked", "reset", "-q", "--hard", "HEAD~1"]);
    let elsewhere = merge(&fixture.repository(), "aamas/x-1", "main", "Merge").unwrap_err();
    assert!(matches!(elsewhere, ApplyError::CheckedOutElsewhere(_)), "{elsewhere}");
}
