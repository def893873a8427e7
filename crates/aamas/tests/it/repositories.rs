//! Repositories as they are found: half-done, odd, large, unusable.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::world::{Call, World, calls, command, finish, write};

/// Writes one file and finishes.
fn one_file(world: &World) -> String {
    world.script(&[write("added.txt", "added\n"), finish("Add a file")])
}

#[track_caller]
fn branch_of(document: &Value) -> &str {
    document["branch"].as_str().expect("a branch")
}

#[test]
fn a_subdirectory_means_its_top_level() {
    let world = World::with(&[("sub/deep/file.txt", "x\n"), ("README.md", "top\n")]);
    let model = one_file(&world);
    let inside = world.run_call(&model, &["Add a file"]).cwd(world.repo.join("sub/deep")).finish();
    assert_eq!(world.changed(branch_of(&inside.ended(0, "ready"))), ["added.txt"]);
    let named = world.run_call(&model, &["--repo", "app/sub", "Add a file"]).cwd(world.root()).finish();
    assert_eq!(world.changed(branch_of(&named.ended(0, "ready"))), ["added.txt"]);
}

#[test]
fn a_detached_head_is_fine() {
    let world = World::plain();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.write("later.txt", "later\n");
    world.commit("Later");
    world.git(&["checkout", "--quiet", "--detach", "HEAD~1"]);
    let document = world.run(&one_file(&world), &["Add a file"]).ended(0, "ready");
    assert_eq!(
        (&document["base_commit"], world.changed(branch_of(&document))),
        (&json!(first), vec!["added.txt".into()])
    );
}

#[test]
fn the_base_can_be_any_commit() {
    let world = World::plain();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.git(&["tag", "--annotate", "v1", "--message", "v1"]);
    world.git(&["branch", "release/1"]);
    world.write("later.txt", "later\n");
    world.commit("Later");
    world.git(&["pack-refs", "--all"]);
    for base in ["v1", "release/1", "HEAD~1", &first, &first[..10], "refs/heads/release/1"] {
        let document = world.run(&one_file(&world), &["--base", base, "Add a file"]).ended(0, "ready");
        assert_eq!(document["base_commit"], json!(first), "{base}");
        assert_eq!(world.changed(branch_of(&document)), ["added.txt"], "{base}");
    }
    for base in [
        "nowhere",
        "",
        "--upload-pack=touch",
        "v1:README.md",
        "HEAD^{tree}",
        "0000000000000000000000000000000000000000",
    ] {
        let base = format!("--base={base}");
        world.run(&one_file(&world), &[&base, "Add a file"]).refused(2, "unknown_base");
    }
}

#[test]
fn what_is_no_usable_repository_is_refused() {
    let world = World::empty();
    world.run(&one_file(&world), &["Add a file"]).refused(2, "no_commits");
    std::fs::create_dir(world.root().join("plain")).expect("a directory");
    world.run(&one_file(&world), &["--repo", "../plain", "Add a file"]).refused(2, "not_a_repository");
    world.run(&one_file(&world), &["--repo", "../nowhere", "Add a file"]).refused(2, "not_a_repository");
    world.git(&["init", "--quiet", "--bare", "../bare.git"]);
    world.run(&one_file(&world), &["--repo", "../bare.git", "Add a file"]).refused(2, "bare_repository");
    assert_eq!(world.runs().len(), 0);
}

#[test]
fn a_damaged_repository_is_named_and_left_alone() {
    let world = World::plain();
    let blob = world.git(&["rev-parse", "HEAD:README.md"]);
    let object = world.repo.join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(object).expect("a loose object");
    let ran = world.run(&one_file(&world), &["Add a file"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(ran.document()["error"]["code"], "git_failed", "{ran}");
}

#[test]
fn a_linked_worktree_works_like_any_checkout() {
    let world = World::plain();
    world.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let ran = world.run_call(&one_file(&world), &["Add a file"]).cwd(world.root().join("side")).finish();
    let document = ran.ended(0, "ready");
    assert_eq!(world.changed(branch_of(&document)), ["added.txt"]);
}

#[test]
fn a_dirty_tree_is_left_alone_and_counted() {
    let world = World::with(&[
        ("README.md", "one\n"),
        ("kept.txt", "kept\n"),
        (".gitignore", "*.log\n"),
        ("gone.txt", "x\n"),
    ]);
    world.write("README.md", "two\n");
    world.write("untracked.txt", "new\n");
    world.write("folder/a.txt", "new\n");
    world.write("folder/b.txt", "new\n");
    world.write("noise.log", "ignored\n");
    std::fs::remove_file(world.repo.join("gone.txt")).expect("it is there");
    world.git(&["add", "README.md"]);
    let ran = world.run(&one_file(&world), &["Add a file"]);
    let document = ran.ended(0, "ready");
    // README.md, gone.txt, untracked.txt and the two in the folder.
    assert!(ran.stderr.lines().any(|l| l.contains("warning") && l.contains(" 5 ")), "{ran}");
    assert_eq!(world.changed(branch_of(&document)), ["added.txt"]);
    assert_eq!(world.show(branch_of(&document), "README.md"), "one");
}

#[test]
fn a_dirty_tree_can_be_taken_along() {
    let world = World::with(&[("README.md", "one\n"), ("gone.txt", "x\n"), (".gitignore", "*.log\n")]);
    world.write("README.md", "two\n");
    world.write("untracked.txt", "new\n");
    world.write("noise.log", "ignored\n");
    std::fs::remove_file(world.repo.join("gone.txt")).expect("it is there");
    let model = world.script(&[
        command("cat README.md untracked.txt; ls gone.txt noise.log 2>&1"),
        json!({"expect": {"contains": ["two\nnew", "cannot access"]}, "tool_calls": write("added.txt", "added\n")["tool_calls"]}),
        finish("Add a file"),
    ]);
    let document = world.run(&model, &["--include-dirty", "Add a file"]).ended(0, "ready");
    let branch = branch_of(&document);
    assert_eq!(world.git(&["show", "--format=", "--name-only", branch]), "added.txt");
    let tree = world.git(&["ls-tree", "-r", "--name-only", branch]);
    assert_eq!(tree, ".gitignore\nREADME.md\nadded.txt\nuntracked.txt");
    assert_eq!(document["base_commit"], world.git(&["rev-parse", "HEAD"]));
}

#[test]
fn submodules_are_filled_from_local_objects_or_left_empty() {
    let world = World::plain();
    let library = world.root().join("library");
    world.git(&["clone", "--quiet", ".", "../library"]);
    world.git(&["submodule", "--quiet", "add", &library.display().to_string(), "vendor/library"]);
    world.commit("Take a library along");
    let model = world.script(&[
        command("ls vendor/library | tr '\\n' ,"),
        json!({"expect": {"contains": ["README.md,notes.txt"]}, "tool_calls": write("added.txt", "added\n")["tool_calls"]}),
        finish("Add a file"),
    ]);
    let document = world.run(&model, &["Add a file"]).ended(0, "ready");
    assert_eq!(world.changed(branch_of(&document)), ["added.txt"]);

    let clone = world.root().join("clone");
    world.git(&["clone", "--quiet", ".", "../clone"]);
    let model = world.script(&[
        command("ls -A vendor/library | wc -l"),
        json!({"expect": {"contains": ["0"]}, "tool_calls": write("added.txt", "added\n")["tool_calls"]}),
        finish("Add a file"),
    ]);
    let mut empty = World::bare();
    empty.repo = clone;
    let ran = empty.run(&model, &["Add a file"]);
    let document = ran.ended(0, "ready");
    assert!(ran.stderr.lines().any(|l| l.contains("warning") && l.contains("submodule")), "{ran}");
    assert_eq!(empty.changed(branch_of(&document)), ["added.txt"]);
}

#[test]
fn large_file_pointers_stay_pointers() {
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "ab".repeat(32));
    let world = World::with(&[
        (".gitattributes", "*.bin filter=trap diff=trap merge=trap -text\n"),
        ("model.bin", &pointer),
    ]);
    // Its time differs from the index: whoever asks git for changes makes it look at the content.
    world.write("model.bin", &pointer);
    let model = world.script(&[
        command("head -c 40 model.bin"),
        json!({"expect": {"contains": ["version https://git-lfs"]}, "tool_calls": write("more.bin", &pointer)["tool_calls"]}),
        finish("Add a pointer"),
    ]);
    let document = world.run(&model, &["Add a pointer"]).ended(0, "ready");
    assert_eq!(world.git(&["show", &format!("{}:model.bin", branch_of(&document))]), pointer.trim_end());
    assert_eq!(world.git(&["show", &format!("{}:more.bin", branch_of(&document))]), pointer.trim_end());
}

#[test]
fn names_of_any_bytes_survive() {
    let world = World::plain();
    let odd: &[&[u8]] = &[
        b"caf\xe9.txt",
        b"new\nline.txt",
        b"-rf",
        b"tab\there",
        "日本/ü.txt".as_bytes(),
        b"quo\"te'.txt",
        b" space ",
    ];
    for name in odd {
        world.write(OsStr::from_bytes(name), "odd\n");
    }
    world.commit("Odd names");
    let before = world.git(&["ls-tree", "-r", "-z", "HEAD"]);
    let model = world.script(&[
        calls("list_files", json!({})),
        calls("search_code", json!({"pattern": "odd"})),
        command("printf 'more\\n' >> $'caf\\xe9.txt'; printf x > $'made\\nup-\\xff'; mv ./-rf ./-fr"),
        finish("Odd"),
    ]);
    let document = world.run(&model, &["Change odd files"]).ended(0, "ready");
    let branch = branch_of(&document);
    let names = world.git(&["diff", "--name-status", "--no-renames", &format!("{branch}^"), branch]);
    assert_eq!(names, "A\t-fr\nD\t-rf\nM\t\"caf\\351.txt\"\nA\t\"made\\nup-\\377\"");
    assert_eq!(before, world.git(&["ls-tree", "-r", "-z", "HEAD"]));
    assert_eq!(world.aamas(["pr", "show", "last"]).finish().code, 0);
}

#[test]
fn a_file_of_100_mb_is_no_obstacle() {
    let world = World::plain();
    let mut bytes = vec![0u8; 100 << 20];
    let mut state = 1u64;
    for chunk in bytes.chunks_mut(4096) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        chunk[..8].copy_from_slice(&state.to_le_bytes());
    }
    world.write("huge.bin", &bytes);
    world.commit("Huge");
    let model = world.script(&[
        command("wc -c < huge.bin"),
        json!({"expect": {"contains": ["104857600"]}, "tool_calls": write("added.txt", "added\n")["tool_calls"]}),
        finish("Add a file"),
    ]);
    let document = world.run(&model, &["Add a file"]).ended(0, "ready");
    let branch = branch_of(&document);
    assert_eq!(world.changed(branch), ["added.txt"]);
    let size = world.git(&["cat-file", "-s", &format!("{branch}:huge.bin")]);
    assert_eq!(size, "104857600");
}

#[test]
fn a_path_with_odd_characters_is_a_path() {
    let mut world = World::plain();
    let odd = world.root().join(OsStr::from_bytes(b"my app: \xc3\xbc,$(touch x) '\"\\"));
    std::fs::rename(&world.repo, &odd).expect("it moves");
    world.repo = odd;
    let document = world.run(&one_file(&world), &["Add a file"]).ended(0, "ready");
    assert_eq!(world.changed(branch_of(&document)), ["added.txt"]);
    assert!(!world.root().join("x").exists());
}

#[test]
fn a_path_that_is_not_utf8_works_or_is_refused() {
    let mut world = World::plain();
    let odd = world.root().join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::rename(&world.repo, &odd).expect("it moves");
    world.repo = odd;
    let ran = world.run(&one_file(&world), &["Add a file"]);
    assert!(ran.code == 0 || (ran.code == 2 && ran.document().get("run_id").is_none()), "{ran}");
    assert_eq!(world.branches().len(), usize::from(ran.code == 0));
}

#[test]
fn a_link_to_the_repository_is_the_repository() {
    let world = World::plain();
    std::os::unix::fs::symlink(&world.repo, world.root().join("link")).expect("a link");
    let document = world
        .run_call(&one_file(&world), &["--repo", "link", "Add a file"])
        .cwd(world.root())
        .finish()
        .ended(0, "ready");
    assert_eq!(world.changed(branch_of(&document)), ["added.txt"]);
}

#[test]
fn shallow_clones_work() {
    let world = World::plain();
    world.write("later.txt", "later\n");
    world.commit("Later");
    let from = format!("file://{}", world.repo.display());
    world.git(&["clone", "--quiet", "--depth=1", &from, "../shallow"]);
    let mut shallow = World::bare();
    shallow.repo = world.root().join("shallow");
    let document = shallow.run(&one_file(&shallow), &["Add a file"]).ended(0, "ready");
    assert_eq!(shallow.git(&["rev-list", "--count", branch_of(&document)]), "2");
}

#[test]
fn borrowed_objects_are_found() {
    let world = World::plain();
    world.git(&["clone", "--quiet", "--shared", ".", "../borrower"]);
    let mut borrower = World::bare();
    borrower.repo = world.root().join("borrower");
    let document = borrower.run(&one_file(&borrower), &["Add a file"]).ended(0, "ready");
    assert_eq!(borrower.changed(branch_of(&document)), ["added.txt"]);
}

#[test]
fn line_endings_and_modes_stay_as_they_are() {
    let world = World::with(&[
        (".gitattributes", "*.txt text eol=crlf ident\n"),
        ("a.txt", "one\ntwo $Id$\n"),
        ("run.sh", "#!/bin/sh\n"),
    ]);
    world.git(&["config", "core.autocrlf", "true"]);
    let before = world.git(&["ls-tree", "-r", "HEAD"]);
    let model = world.script(&[command("chmod +x run.sh; ln -s run.sh link"), finish("Modes")]);
    let document = world.run(&model, &["Make run.sh executable"]).ended(0, "ready");
    let tree = world.git(&["ls-tree", "-r", branch_of(&document)]);
    let kept = |line: &&str| line.ends_with(".txt") || line.ends_with(".gitattributes");
    assert_eq!(
        tree.lines().filter(kept).collect::<Vec<_>>(),
        before.lines().filter(kept).collect::<Vec<_>>()
    );
    assert!(tree.lines().any(|l| l.starts_with("100755") && l.ends_with("run.sh")), "{tree}");
    assert!(tree.lines().any(|l| l.starts_with("120000") && l.ends_with("link")), "{tree}");
}

#[test]
fn what_is_delivered_belongs_to_the_owner() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let world = World::plain();
    let own =
        |path: &std::path::Path| std::os::unix::fs::lchown(path, Some(4321), Some(4321)).expect("root may");
    each_below(&world.repo, &mut |path| own(path));
    own(&world.repo);
    world.run(&one_file(&world), &["Add a file"]).ended(0, "ready");
    let mut strangers = Vec::new();
    each_below(&world.repo, &mut |path| {
        use std::os::unix::fs::MetadataExt;
        if path.symlink_metadata().is_ok_and(|m| m.uid() != 4321) {
            strangers.push(path.to_owned());
        }
    });
    assert_eq!(strangers, [""; 0].map(std::path::PathBuf::from));
}

fn each_below(dir: &std::path::Path, act: &mut dyn FnMut(&std::path::Path)) {
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        act(&entry.path());
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            each_below(&entry.path(), act);
        }
    }
}

#[test]
fn an_invalid_project_file_is_named_with_its_line() {
    let world = World::with(&[("aamas.toml", "[sandbox]\nread = [\"relative\"]\n"), ("README.md", "x\n")]);
    let document = world.run(&one_file(&world), &["Add a file"]).refused(2, "invalid_config");
    assert!(document["error"]["message"].as_str().is_some_and(|m| m.contains("aamas.toml")), "{document}");
}

#[test]
fn the_callers_own_git_settings_do_not_matter() {
    let world = World::plain();
    let other = world.root().join("elsewhere");
    let call = |model: &str| -> Call<'_> {
        world
            .run_call(model, &["Add a file"])
            .env("GIT_DIR", &other)
            .env("GIT_INDEX_FILE", &other)
            .env("GIT_WORK_TREE", &other)
            .env("GIT_OBJECT_DIRECTORY", &other)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "core.hooksPath")
            .env("GIT_CONFIG_VALUE_0", world.root())
    };
    let document = call(&one_file(&world)).finish().ended(0, "ready");
    assert_eq!(world.changed(branch_of(&document)), ["added.txt"]);
    assert!(!other.exists());
}

#[test]
fn many_files_are_no_obstacle() {
    let world = World::plain();
    for n in 0..3000 {
        world.write(format!("lib/d{}/f{n}.txt", n % 50), format!("{n}\n"));
    }
    world.commit("Many");
    let arguments: Vec<OsString> =
        ["run", "--solo", "--model", &one_file(&world), "Add a file"].map(Into::into).into();
    let document = world.aamas(arguments).finish().ended(0, "ready");
    assert_eq!(world.changed(branch_of(&document)), ["added.txt"]);
}
