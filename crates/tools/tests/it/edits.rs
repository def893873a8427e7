//! Editing, writing, patching.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::{run, workspace};

fn content(dir: &tempfile::TempDir, path: &str) -> String {
    fs::read_to_string(dir.path().join(path)).expect("file")
}

#[test]
fn an_edit_that_fails_shows_what_is_there() {
    let source = "def f(x):\n\tif x:\n\t\treturn 1\n\treturn 2\n";
    let dir = workspace(&[("a.py", source)]);
    let edit = |old: &str, new: &str| {
        run(dir.path(), "edit_file", json!({"path": "a.py", "old_text": old, "new_text": new}))
    };
    assert_eq!(
        edit("    if x:\n        return 1\n", "pass"),
        "ERROR a.py: old_text was not found: lines 2-3 differ in indentation only; the file is indented with tabs. \
         Nothing was changed.\nFrom line 2:\n\tif x:\n\t\treturn 1"
    );
    assert_eq!(
        edit("return", "yield"),
        "ERROR a.py: old_text occurs 2 times, at lines 3, 4; quote more lines around it, or set replace_all. Nothing \
         was changed."
    );
    assert_eq!(edit("", "x"), "ERROR a.py: old_text is empty; write_file makes a new file");
    assert_eq!(content(&dir, "a.py"), source);
    assert_eq!(edit("return 1", "return 3"), "a.py: replaced at line 3 (-1 +1 lines)");
    let all = json!({"path": "a.py", "old_text": "return", "new_text": "yield", "replace_all": true});
    assert_eq!(run(dir.path(), "edit_file", all), "a.py: replaced 2 times at line 3, 4 (-2 +2 lines)");
    assert_eq!(content(&dir, "a.py"), "def f(x):\n\tif x:\n\t\tyield 3\n\tyield 2\n");
}

#[test]
fn writing_makes_directories_and_keeps_modes() {
    let dir = workspace(&[("run.sh", "old")]);
    fs::set_permissions(dir.path().join("run.sh"), fs::Permissions::from_mode(0o755)).expect("mode");
    let write = |path: &str| run(dir.path(), "write_file", json!({"path": path, "content": "a\nb\n"}));
    assert_eq!(write("run.sh"), "run.sh: overwritten with 2 lines");
    assert_eq!(fs::metadata(dir.path().join("run.sh")).expect("file").permissions().mode() & 0o777, 0o755);
    assert_eq!(write("x/y/z.txt"), "x/y/z.txt: created with 2 lines");
    assert_eq!(write("x"), "ERROR x is a directory; use list_files");
    assert_eq!(write("run.sh/below"), "ERROR run.sh/below: not a directory");
    assert_eq!(content(&dir, "x/y/z.txt"), "a\nb\n");
}

#[test]
fn five_megabytes_are_written_and_edited() {
    let dir = workspace(&[]);
    let big: String = (0..300_000).map(|n| format!("line number {n}\n")).collect();
    let wrote = run(dir.path(), "write_file", json!({"path": "big", "content": big}));
    assert_eq!(wrote, "big: created with 300000 lines");
    let edit = run(dir.path(), "edit_file", json!({"path": "big", "old_text": big, "new_text": "gone\n"}));
    assert_eq!(edit, "big: replaced at line 1 (-300000 +1 lines)");
    run(dir.path(), "write_file", json!({"path": "big", "content": big}));
    let near = run(
        dir.path(),
        "edit_file",
        json!({"path": "big", "old_text": big.replace("number 7\n", "number seven\n"), "new_text": ""}),
    );
    assert!(
        near.contains("line 8 is \"line number 7\", not \"line number seven\"") && near.len() < 4000,
        "{near}"
    );
    let patch = run(dir.path(), "apply_patch", json!({"patch": big}));
    assert!(patch.starts_with("ERROR no file header found") && patch.len() < 500);
}

#[test]
fn a_patch_changes_all_files_or_none() {
    let dir = workspace(&[("a", "1\n2\n3\n"), ("d/b", "x\n"), ("run", "#!\n")]);
    fs::set_permissions(dir.path().join("run"), fs::Permissions::from_mode(0o755)).expect("mode");
    let patch = "--- a/a\n+++ b/a\n@@ -7,2 +7,2 @@\n 2\n-3\n+three\n--- a/d/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
                 diff --git a/run b/bin/run\nrename from run\nrename to bin/run\n--- /dev/null\n+++ b/new/c\n@@ -0,0 +1 @@\n+c\n";
    let apply = |patch: &str| run(dir.path(), "apply_patch", json!({ "patch": patch }));
    let bad = format!("{patch}--- a/missing\n+++ b/missing\n@@ -1 +1 @@\n-a\n+b\n");
    assert_eq!(
        apply(&bad),
        "ERROR missing does not exist; a new file is written as '--- /dev/null'\nNothing was changed."
    );
    assert_eq!(content(&dir, "a"), "1\n2\n3\n");
    assert_eq!(
        apply(patch),
        "changed a (hunk 1 applied -5 lines off)\ndeleted d/b\ncreated bin/run\ndeleted run\ncreated new/c\n"
    );
    assert_eq!((content(&dir, "a"), content(&dir, "new/c")), ("1\n2\nthree\n".into(), "c\n".into()));
    assert_eq!(fs::metadata(dir.path().join("bin/run")).expect("file").permissions().mode() & 0o777, 0o755);
    assert!(!dir.path().join("d").exists() && !dir.path().join("run").exists());
    assert_eq!(
        apply("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+ONE\n"),
        "ERROR a: hunk 1 does not fit: nothing in the file is similar to its context and removed lines\nNothing was \
         changed."
    );
}

#[test]
fn a_patch_that_fails_half_way_is_undone() {
    let dir = workspace(&[("a", "1\n"), ("blocker", "file\n")]);
    let patch = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n--- /dev/null\n+++ b/x/new\n@@ -0,0 +1 @@\n+n\n\
                 --- /dev/null\n+++ b/x/new/below\n@@ -0,0 +1 @@\n+n\n";
    let answer = run(dir.path(), "apply_patch", json!({ "patch": patch }));
    assert!(answer.starts_with("ERROR ") && answer.ends_with("Nothing was changed."), "{answer}");
    assert_eq!(content(&dir, "a"), "1\n");
    assert!(!dir.path().join("x/new").exists());
}
