//! Reading, listing, searching.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::json;

use crate::{read, run, workspace};

#[test]
fn a_file_is_read_in_pages() {
    let text: String = (1..=4500).map(|n| format!("{n}\n")).collect();
    let dir =
        workspace(&[("a.txt", "one\ntwo\n"), ("long.txt", &text), ("dos.txt", "a\r\nb"), ("empty", "")]);
    let root = dir.path();
    assert_eq!(read(root, "a.txt"), "a.txt 2 lines\none\ntwo\n");
    assert_eq!(read(root, "./x/../a.txt"), "a.txt 2 lines\none\ntwo\n");
    assert_eq!(read(root, root.join("a.txt").to_str().expect("UTF-8")), "a.txt 2 lines\none\ntwo\n");
    assert!(read(root, "long.txt").starts_with("long.txt lines 1-2000 of 4500; more: offset=2001\n1\n2\n"));
    assert_eq!(
        run(root, "read_file", json!({"path": "long.txt", "offset": 4499, "limit": 9})),
        "long.txt lines 4499-4500 of 4500\n4499\n4500\n"
    );
    assert_eq!(
        run(root, "read_file", json!({"path": "a.txt", "offset": 9})),
        "ERROR a.txt has 2 lines; offset 9 is past its end"
    );
    assert_eq!(read(root, "dos.txt"), "dos.txt 2 lines; CRLF line ends; no final newline\na\nb\n");
    assert_eq!(read(root, "empty"), "empty is empty\n");
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    let dir = workspace(&[("lib/name.py", "x"), ("other/name.py", "x")]);
    let root = dir.path();
    fs::write(root.join("p.png"), b"\x89PNG\r\n\x1a\n\0\0").expect("file");
    fs::write(root.join("latin"), b"caf\xe9\n").expect("file");
    assert_eq!(read(root, "p.png"), "p.png is binary: PNG image, 10 bytes");
    assert_eq!(read(root, "latin"), "latin 1 lines; not UTF-8, other bytes shown as \u{fffd}\ncaf\u{fffd}\n");
    assert_eq!(read(root, "name.py"), "ERROR name.py does not exist; there is lib/name.py, other/name.py");
    assert_eq!(read(root, "lib"), "ERROR lib is a directory; use list_files");
    assert_eq!(read(root, "."), "ERROR the path is the workspace itself; use list_files");
}

#[test]
fn a_hundred_megabytes_are_not_held_in_memory() {
    let dir = workspace(&[]);
    let path = dir.path().join("big.log");
    let chunk = "0123456789abcde\n".repeat(1 << 16);
    let mut file = fs::File::create(&path).expect("file");
    for _ in 0..100 {
        std::io::Write::write_all(&mut file, chunk.as_bytes()).expect("written");
    }
    let before = resident_kib();
    let got = run(dir.path(), "read_file", json!({"path": "big.log", "offset": 6_553_600, "limit": 1}));
    assert_eq!(got, "big.log lines 6553600-6553600 of 6553600\n0123456789abcde\n");
    assert!(resident_kib() < before + 20_000);
    let edit = run(dir.path(), "edit_file", json!({"path": "big.log", "old_text": "x", "new_text": "y"}));
    assert!(edit.contains("more than the 33554432 that can be edited"), "{edit}");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a line");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[test]
fn names_that_are_not_utf8_are_shown_and_found() {
    let dir = workspace(&[]);
    fs::write(dir.path().join(OsStr::from_bytes(b"caf\xe9\n.py")), "def one(): pass\n").expect("file");
    let root = dir.path();
    assert_eq!(run(root, "list_files", json!({})), "caf\\xe9\\x0a.py 16\n");
    assert_eq!(read(root, "caf\\xe9\\x0a.py"), "caf\\xe9\\x0a.py 1 lines\ndef one(): pass\n");
    assert_eq!(run(root, "search_code", json!({"pattern": "one"})), "caf\\xe9\\x0a.py\n1:def one(): pass\n");
    let edit =
        run(root, "edit_file", json!({"path": "caf\\xe9\\x0a.py", "old_text": "one", "new_text": "two"}));
    assert_eq!(edit, "caf\\xe9\\x0a.py: replaced at line 1 (-1 +1 lines)");
}

#[test]
fn listings_and_searches_are_short() {
    let dir = workspace(&[
        (".gitignore", "build\n"),
        ("build/out", "x"),
        ("src/a.py", "class A:\n    def go(self):\n        return limit\n"),
        ("src/deep/er/b.py", "limit = 3\n"),
        ("README.md", &"limit\n".repeat(700)),
    ]);
    let root = dir.path();
    assert_eq!(run(root, "list_files", json!({})), "src/\n  deep/\n  a.py 48\n.gitignore 6\nREADME.md 4K\n");
    assert_eq!(run(root, "list_files", json!({"path": "src/deep", "depth": 1})), "er/\n");
    assert_eq!(run(root, "list_files", json!({"path": "build"})), "out 1\n");
    assert_eq!(
        run(root, "list_files", json!({"path": "README.md"})),
        "ERROR README.md is not a directory; use read_file"
    );
    assert_eq!(
        run(root, "search_code", json!({"pattern": "limit", "glob": "*.py"})),
        "src/a.py\n3:        return limit\nsrc/deep/er/b.py\n1:limit = 3\n"
    );
    assert_eq!(
        run(root, "search_code", json!({"pattern": "limit", "path": "README.md", "limit": 2})),
        "README.md\n1:limit\n2:limit\n… more than these 2; narrow by pattern, path or glob\n"
    );
    assert_eq!(run(root, "search_code", json!({"pattern": "zzz"})), "nothing found in 4 files\n");
    assert_eq!(
        run(root, "search_code", json!({"pattern": "x", "path": "nope"})),
        "ERROR nope does not exist"
    );
    assert_eq!(
        run(root, "find_symbol", json!({"name": "A.go"})),
        "src/a.py:2-3 method A.go: def go(self):\n"
    );
    assert_eq!(
        run(root, "find_symbol", json!({"name": "go", "kind": "struct"})),
        "no such definition; of that name there are:\nsrc/a.py:2-3 method A.go: def go(self):\n"
    );
    assert_eq!(
        run(root, "find_symbol", json!({"name": "self"})),
        "no definition; 1 files mention it: use search_code\n"
    );
}

#[test]
fn a_hundred_thousand_files_make_a_short_listing() {
    let dir = workspace(&[]);
    for n in 0..100 {
        fs::create_dir(dir.path().join(format!("d{n}"))).expect("directory");
        for m in 0..1000 {
            fs::File::create(dir.path().join(format!("d{n}/f{m}"))).expect("file");
        }
    }
    let got = run(dir.path(), "list_files", json!({"depth": 9}));
    assert!(
        got.len() < 12_000 && got.lines().count() < 700,
        "{} bytes, {} lines",
        got.len(),
        got.lines().count()
    );
    assert!(got.contains("d99/") && got.contains("… 900 more"));
}
