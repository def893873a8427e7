//! Paths that must not lead anywhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

use crate::run;

/// A workspace beside a secret, with links and special files in it.
fn hostile() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(dir.path().join("secret"), "canary\n").expect("file");
    fs::create_dir(dir.path().join("outside")).expect("directory");
    fs::write(dir.path().join("outside/secret"), "canary\n").expect("file");
    let root = dir.path().join("work");
    fs::create_dir_all(root.join(".git/hooks")).expect("directory");
    fs::create_dir_all(root.join("sub/.git")).expect("directory");
    fs::write(root.join(".git/config"), "[core]\n").expect("file");
    fs::write(root.join("plain"), "text\n").expect("file");
    for (target, name) in [
        ("../secret", "link-up"),
        ("../outside", "link-dir"),
        ("/etc/passwd", "link-abs"),
        ("/proc/self/root", "link-magic"),
        (".git", "link-git"),
        ("loop-b", "loop-a"),
        ("loop-a", "loop-b"),
        ("nowhere", "dangling"),
    ] {
        symlink(target, root.join(name)).expect("link");
    }
    mkfifo(&root.join("pipe"), Mode::S_IRWXU).expect("pipe");
    (dir, root)
}

const OUTSIDE: &[&str] = &[
    "../secret",
    "sub/../../secret",
    "./../work/../secret",
    "/etc/passwd",
    "/",
    "..",
    "//etc/passwd",
    "link-up",
    "link-abs",
    "link-dir/secret",
    "link-magic/etc/passwd",
    "link-dir/../secret/../../outside/secret",
    "\\x2e\\x2e/secret",
    "\\x2fetc/passwd",
    "..\\x2fsecret",
    "~/../../../secret/../../../..",
];

const NOT_FILES: &[&str] = &["pipe", "loop-a", "sub", ".", "plain/below", "", "plain\\x00"];

const OF_GIT: &[&str] = &[
    ".git/config",
    ".git/hooks/pre-commit",
    "sub/.git/config",
    "link-git/config",
    ".GIT/config",
    "sub/../.git/x",
    ".git",
];

fn calls(path: &str) -> Vec<(&'static str, Value)> {
    let patch = |old: &str, new: &str| json!({"patch": format!("--- {old}\n+++ {new}\n@@ -1 +1 @@\n-canary\n+broken\n")});
    let from = format!("a/{path}");
    let rename = format!("diff --git a/plain b/x\nrename from plain\nrename to {path}\n");
    vec![
        ("edit_file", json!({"path": path, "old_text": "canary", "new_text": "broken"})),
        ("write_file", json!({"path": path, "content": "broken\n"})),
        ("apply_patch", patch(&from, &format!("b/{path}"))),
        ("apply_patch", patch(path, path)),
        ("apply_patch", json!({"patch": format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+broken\n")})),
        ("apply_patch", json!({ "patch": rename })),
    ]
}

#[test]
fn no_tool_gets_out() {
    let (dir, root) = hostile();
    for path in OUTSIDE.iter().chain(NOT_FILES) {
        let read = run(&root, "read_file", json!({ "path": path }));
        assert!(read.starts_with("ERROR ") || read.starts_with("REFUSED "), "read {path:?}: {read}");
        for (tool, arguments) in calls(path) {
            // An escape in a patch is no escape: such a file may be made inside.
            let answer = run(&root, tool, arguments.clone());
            let inside = tool == "apply_patch" && path.contains("\\x");
            assert!(
                inside || answer.starts_with("ERROR ") || answer.starts_with("REFUSED "),
                "{tool} {arguments}: {answer}"
            );
        }
    }
    for path in OUTSIDE {
        for (tool, arguments) in [
            ("search_code", json!({"pattern": "canary", "path": path})),
            ("search_code", json!({"pattern": "root:", "path": path})),
            ("list_files", json!({"path": path})),
        ] {
            let answer = run(&root, tool, arguments);
            assert!(answer.starts_with("ERROR "), "{tool} {path:?}: {answer}");
        }
    }
    assert_eq!(fs::read_to_string(dir.path().join("secret")).expect("file"), "canary\n");
    assert_eq!(fs::read_to_string(dir.path().join("outside/secret")).expect("file"), "canary\n");
    assert_eq!(fs::read_dir(dir.path()).expect("directory").count(), 3);
    assert_eq!(fs::read_dir(dir.path().join("outside")).expect("directory").count(), 1);
    assert!(!run(&root, "search_code", json!({"pattern": "canary|root:"})).contains("canary"));
}

#[test]
fn refusals_say_what_is_the_matter() {
    let (_dir, root) = hostile();
    for (path, want) in [
        ("../secret", "ERROR ../secret leads outside the workspace; paths are relative to its root"),
        ("link-up", "ERROR link-up leads outside the workspace; paths are relative to its root"),
        ("pipe", "ERROR pipe: it is a pipe, socket or device, not a file"),
        ("loop-a", "ERROR loop-a: it goes through a loop of links, or a link of the kernel's own"),
        ("sub", "ERROR sub is a directory; use list_files"),
        ("dangling", "ERROR dangling does not exist"),
    ] {
        assert_eq!(run(&root, "read_file", json!({ "path": path })), want);
    }
}

#[test]
fn the_files_of_git_are_read_only() {
    let (_dir, root) = hostile();
    for path in OF_GIT {
        for (tool, arguments) in calls(path) {
            let answer = run(&root, tool, arguments);
            assert!(answer.starts_with("ERROR "), "{tool} {path:?}: {answer}");
        }
    }
    assert_eq!(run(&root, "read_file", json!({"path": ".git/config"})), ".git/config 1 lines\n[core]\n");
    assert_eq!(fs::read_dir(root.join(".git/hooks")).expect("directory").count(), 0);
    let ignored = run(&root, "write_file", json!({"path": ".gitignore", "content": "x\n"}));
    assert_eq!(ignored, ".gitignore: created with 1 lines");
}

#[test]
fn a_directory_swapped_for_a_link_leads_nowhere() {
    let (dir, root) = hostile();
    let (real, link) = (root.join("d"), root.join("d.link"));
    fs::create_dir(&real).expect("directory");
    fs::write(real.join("secret"), "inside\n").expect("file");
    symlink("../outside", &link).expect("link");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat2(AT_FDCWD, &real, AT_FDCWD, &link, RenameFlags::RENAME_EXCHANGE).expect("exchanged");
            }
        });
        for _ in 0..2000 {
            let read = run(&root, "read_file", json!({"path": "d/secret"}));
            assert!(!read.contains("canary"), "{read}");
            run(&root, "edit_file", json!({"path": "d/secret", "old_text": "canary", "new_text": "broken"}));
            run(&root, "write_file", json!({"path": "d/new", "content": "x"}));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::read_to_string(dir.path().join("outside/secret")).expect("file"), "canary\n");
    assert_eq!(fs::read_dir(dir.path().join("outside")).expect("directory").count(), 1);
}
