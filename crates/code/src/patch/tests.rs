use std::collections::BTreeMap;

use super::*;

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(of: &[(&str, &str)]) -> Files {
    of.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
}

fn apply(mut files: Files, patch: &str) -> Result<Files, PatchError> {
    let changes = parse(patch.as_bytes())?.plan(|path| Ok(files.get(path).cloned()))?;
    for change in changes {
        match change {
            Change::Write { path, source, is_new, .. } => {
                assert_eq!(files.insert(path, source).is_none(), is_new);
            }
            Change::Delete { path } => assert!(files.remove(&path).is_some()),
        }
    }
    Ok(files)
}

fn check(before: &[(&str, &str)], patch: &str, after: &[(&str, &str)]) {
    assert_eq!(apply(files(before), patch).expect("applies"), files(after));
}

fn refused(before: &[(&str, &str)], patch: &str) -> String {
    apply(files(before), patch).expect_err("refused").to_string()
}

const ONE: &str = "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n";

#[test]
fn a_hunk_goes_where_its_lines_are() {
    check(&[("f", "a\nb\nc\n")], ONE, &[("f", "a\nB\nc\n")]);
    check(&[("f", "0\n0\na\nb\nc\nz\n")], ONE, &[("f", "0\n0\na\nB\nc\nz\n")]);
    let by_context = "--- f\n+++ f\n@@ ... @@\n a\n-b\n+B\n";
    check(&[("f", "0\na\nb\n")], by_context, &[("f", "0\na\nB\n")]);
    let changes =
        parse(ONE.as_bytes()).expect("patch").plan(|_| Ok(Some(b"0\na\nb\nc\n".to_vec()))).expect("fits");
    assert!(matches!(&changes[..], [Change::Write { shifts, .. }] if shifts[..] == [1]));
}

#[test]
fn later_hunks_follow_the_drift_of_earlier_ones() {
    let patch = "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n a\n+x\n b\n@@ -3,2 +4,1 @@\n-}\n }\n";
    check(&[("f", "0\na\nb\n}\n}\n}\n")], patch, &[("f", "0\na\nx\nb\n}\n}\n")]);
}

#[test]
fn wrong_counts_blank_lines_and_fences_are_forgiven() {
    let patch = "```diff\n--- a/f\n+++ b/f\n@@ -1,9 +1,9 @@\n a\n\n-b\n+B\n```\n";
    check(&[("f", "a\n\nb\n")], patch, &[("f", "a\n\nB\n")]);
    let short = "--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n a\n-b\n+B\n\n@@ -3 +3 @@\n-c\n+C\n\n";
    check(&[("f", "a\nb\nc\n")], short, &[("f", "a\nB\nC\n")]);
    let dashes = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n--- x\n+++ y\n z\n";
    check(&[("f", "-- x\nz\n")], dashes, &[("f", "++ y\nz\n")]);
    let mail = "From 1 Mon\nSubject: x\n\n---\n f | 2 +-\n\ndiff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+A\n-- \n2.39\n\n";
    check(&[("f", "a\n")], mail, &[("f", "A\n")]);
}

#[test]
fn files_come_go_and_move() {
    let patch = "diff --git a/new b/new\nnew file mode 100755\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+hi\ndiff --git a/empty b/empty\nnew file mode 100644\nindex 0..1\ndiff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\ndiff --git a/from b/sub/to\nsimilarity index 90%\nrename from from\nrename to sub/to\n--- a/from\n+++ b/sub/to\n@@ -1 +1 @@\n-x\n+y\n";
    check(&[("gone", "bye\n"), ("from", "x\n")], patch, &[("new", "hi\n"), ("empty", ""), ("sub/to", "y\n")]);
    let plain = "diff --git a/a b b/c d\nrename from a b\nrename to c d\n";
    check(&[("a b", "1")], plain, &[("c d", "1")]);
    let then_plain = format!("diff --git a/x b/y\nrename from x\nrename to y\n{ONE}");
    check(&[("x", "1"), ("f", "a\nb\nc\n")], &then_plain, &[("y", "1"), ("f", "a\nB\nc\n")]);
    let mode = "diff --git a/run me b/run me\nold mode 100644\nnew mode 100755\n";
    let changes = parse(mode.as_bytes()).expect("patch").plan(|_| Ok(Some(b"1".to_vec()))).expect("fits");
    let want = Change::Write {
        path: "run me".into(),
        source: b"1".to_vec(),
        mode: Some(Mode::Bits(0o755)),
        is_new: false,
        shifts: vec![],
    };
    assert_eq!(changes, [want]);
    let quoted = "--- \"a/tab\\there \\303\\251\"\n+++ \"b/tab\\there \\303\\251\"\n@@ -1 +1 @@\n-1\n+2\n";
    check(&[("tab\there é", "1\n")], quoted, &[("tab\there é", "2\n")]);
}

#[test]
fn one_path_may_change_twice() {
    let twice = "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n a\n+b\n";
    check(&[], twice, &[("f", "a\nb\n")]);
    let swap = "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+b\n";
    check(&[("f", "a\n")], swap, &[("f", "b\n")]);
}

#[test]
fn line_endings_and_the_end_of_the_file_are_kept() {
    check(&[("f", "a\r\nb\r\nc\r\n")], ONE, &[("f", "a\r\nB\r\nc\r\n")]);
    check(&[("f", "a\nb\nc\n")], &ONE.replace('\n', "\r\n"), &[("f", "a\nB\nc\n")]);
    let last = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n";
    check(&[("f", "a\nb")], last, &[("f", "a\nB")]);
    let more = "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n a\n b\n+c\n";
    check(&[("f", "a\nb")], more, &[("f", "a\nb\nc")]);
    let marked = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n";
    check(&[("f", "a\nb")], marked, &[("f", "a\nb\n")]);
    let unmarked = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n";
    check(&[("f", "a\n")], unmarked, &[("f", "a")]);
}

#[test]
fn what_does_not_fit_is_refused_as_a_whole() {
    let two = format!("{ONE}--- a/g\n+++ b/g\n@@ -1 +1 @@\n-there was\n+x\n");
    assert_eq!(
        refused(&[("f", "a\nb\nc\n"), ("g", "there is\n")], &two),
        "g: hunk 1 does not fit: line 1 of the file is \"there is\", not \"there was\""
    );
    let message = refused(&[("f", "qqq\n")], ONE);
    assert_eq!(
        message,
        "f: hunk 1 does not fit: nothing in the file is similar to its context and removed lines"
    );
    let many = "--- a/f\n+++ b/f\n@@\n-x\n+y\n";
    let message = refused(&[("f", "x\nx\nx\n")], many);
    assert_eq!(
        message,
        "f: hunk 1 does not fit: its lines occur 3 times, at lines 1, 2, 3; give more context"
    );
    assert_eq!(refused(&[], ONE), "f does not exist; a new file is written as '--- /dev/null'");
    let new = "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n";
    assert_eq!(refused(&[("f", "")], new), "f exists already");
    let delete = "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n";
    assert!(refused(&[("f", "a\nb\n")], delete).starts_with("f would not be empty"));
    let backwards = "--- a/f\n+++ b/f\n@@ -3 +3 @@\n-c\n+C\n@@ -1 +1 @@\n-a\n+A\n";
    let message = refused(&[("f", "a\nb\nc\n")], backwards);
    assert_eq!(
        message,
        "f: hunk 2 does not fit: its lines come before line 4, where the hunk before it ended"
    );
}

#[test]
fn what_is_no_patch_or_not_done_here_is_refused() {
    for (patch, want) in [
        ("hello", "no file header found"),
        ("*** Begin Patch\n*** Update File: x\n", "the format '*** Begin Patch' is not read"),
        ("--- a/f\n+++ b/f\nhello\n", "line 3 of the patch: expected a hunk header"),
        ("--- a/f\n+++ b/f\n@@ -1 +1 @@\n a\n", "neither adds nor removes"),
        ("--- a/f\n+++ b/f\n@@ nonsense\n+a\n", "line 3 of the patch: not a hunk header"),
        ("@@ -1 +1 @@\n-a\n+b\n", "line 1 of the patch: a hunk that belongs to no file header"),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "names no file"),
        (
            "diff --git a/p b/p\nindex 1..2\nGIT binary patch\nliteral 1\n",
            "p: a binary patch can't be applied here",
        ),
        ("Binary files a/x and b/x differ\n", "a binary patch"),
        ("diff --git a/p b/p\nnew file mode 120000\n", "p: a symbolic link"),
        ("diff --git a/p b/q\ncopy from p\ncopy to q\n", "q: a copy"),
    ] {
        let message = refused(&[("f", "a\n")], patch);
        assert!(message.contains(want), "{patch:?}: {message}");
    }
}
