//! The data directory: where it can't be used, when others use it, and when it is damaged.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::world::{World, command, finish, write};

/// A user that owns nothing, for what root may always do.
const ORDINARY: u32 = 54_321;

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

fn one_file(world: &World) -> String {
    world.script(&[write("added.txt", "added\n"), finish("Add a file")])
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("it is there").permissions().mode() & 0o7777
}

#[test]
fn it_is_made_for_its_owner_alone() {
    let mut world = World::plain();
    world.data = world.root().join("deep/er/data");
    std::fs::create_dir_all(world.root()).expect("a directory");
    let ran = world.aamas(["runs", "list"]).finish();
    assert_eq!((ran.code, mode(&world.data)), (0, 0o700), "{ran}");
}

#[test]
fn a_relative_one_is_where_one_stands() {
    let world = World::plain();
    let model = one_file(&world);
    let output = std::process::Command::new(crate::world::binary())
        .args(["--json", "run", "--solo", "--model", &model, "--repo", "app", "Add a file"])
        .current_dir(world.root())
        .env("AAMAS_DATA_DIR", "here")
        .env("HOME", world.home())
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(world.root().join("here/aamas.db").exists());
}

#[test]
fn one_that_cannot_be_written_is_said() {
    let world = World::plain();
    let model = one_file(&world);
    std::fs::write(&world.data, "a file").expect("a file");
    let ran = world.run(&model, &["Add a file"]);
    ran.refused(1, "data_dir_unwritable");
    std::fs::remove_file(&world.data).expect("it is there");

    std::fs::create_dir(&world.data).expect("a directory");
    if is_root() {
        let inside = format!(
            "mount --bind '{0}' '{0}' && mount -o remount,bind,ro '{0}' && exec \"$@\"",
            world.data.display()
        );
        let ran = world
            .run_call(&model, &["Add a file"])
            .through("unshare", ["-m", "sh", "-c", &inside, "sh"])
            .finish();
        ran.refused(1, "data_dir_unwritable");
    } else {
        std::fs::set_permissions(&world.data, PermissionsExt::from_mode(0o500)).expect("it is ours");
        world.run(&model, &["Add a file"]).refused(1, "data_dir_unwritable");
    }
    assert_eq!(world.branches().len(), 0);
}

#[test]
fn a_read_only_repository_can_be_worked_on_but_not_delivered_to() {
    if !is_root() {
        return;
    }
    let world = World::plain();
    let model = one_file(&world);
    let inside = format!(
        "mount --bind '{0}' '{0}' && mount -o remount,bind,ro '{0}' && exec \"$@\"",
        world.repo.display()
    );
    let ran = world
        .run_call(&model, &["Add a file"])
        .through("unshare", ["-m", "sh", "-c", &inside, "sh"])
        .finish();
    let document = ran.ended(1, "failed");
    assert!(document["branch"].is_null() && world.branches().is_empty(), "{ran}");
    assert!(
        document["error"]["message"].as_str().is_some_and(|m| m.to_lowercase().contains("read-only")),
        "{ran}"
    );
    let ready = world.resume(&["last"]).ended(0, "ready");
    assert_eq!(world.changed(ready["branch"].as_str().expect("a branch")), ["added.txt"]);
    assert_eq!(ready["turns"], 2, "the model was asked again");
}

#[test]
fn an_ordinary_user_can_do_it_all() {
    if !is_root() {
        return;
    }
    let mut world = World::python();
    let program = world.root().join("aamas");
    std::fs::copy(crate::world::binary(), &program).expect("a copy that others may read");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("it is ours");
    let model = world.script(&[crate::world::mend(), command("id -u"), finish("Add")]);
    hand_over(world.root());
    let call = |world: &World, arguments: &[&str]| {
        world.aamas(arguments.iter().copied()).program(&program).user(ORDINARY).finish().document()
    };
    let document = call(&world, &["run", "--solo", "--model", &model, "Fix add"]);
    assert_eq!(document["status"], "ready", "{document}");
    assert_eq!(call(&world, &["runs", "resume", "last"]), document);

    // A repository that it may read, and not write.
    let locked = world.root().join("locked");
    world.git(&["clone", "--quiet", ".", "../locked"]);
    hand_over(&locked);
    for entry in [".git", ".git/refs", ".git/refs/heads", ".git/objects", "."] {
        std::fs::set_permissions(locked.join(entry), PermissionsExt::from_mode(0o555)).expect("root may");
    }
    world.repo = locked;
    let document = call(&world, &["run", "--solo", "--model", &model, "Fix add"]);
    assert_eq!(document["status"], "failed", "{document}");
    assert!(document["branch"].is_null(), "{document}");
}

fn hand_over(dir: &Path) {
    std::os::unix::fs::lchown(dir, Some(ORDINARY), Some(ORDINARY)).expect("root may");
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            hand_over(&entry.path());
        } else {
            std::os::unix::fs::lchown(entry.path(), Some(ORDINARY), Some(ORDINARY)).expect("root may");
        }
    }
}

#[test]
fn a_full_disk_is_said_and_survived() {
    if !is_root() {
        return;
    }
    let world = World::plain();
    std::fs::create_dir(&world.data).expect("a directory");
    let model = world.script(&[
        write("a.txt", "a\n"),
        command("head -c 60000000 /dev/urandom > big.bin; ls"),
        command("rm -f big.bin; ls"),
        write("b.txt", "b\n"),
        finish("Both"),
    ]);
    let (first, second) = (world.root().join("first"), world.root().join("second"));
    let steps = format!(
        "mount -t tmpfs -o size=24m none '{data}' || exit 99; \"$@\" --solo --model '{model}' 'Write two files' > '{first}'; \
         echo code $? >> '{first}'; mount -o remount,size=500m '{data}'; shift; \
         \"$0\" --json --data-dir '{data}' runs resume last > '{second}'; echo code $? >> '{second}'; cat '{second}'",
        data = world.data.display(),
        first = first.display(),
        second = second.display(),
    );
    let program = crate::world::binary();
    let ran = world
        .aamas(["run"])
        .unwatched()
        .through("unshare", ["-m".into(), "sh".into(), "-c".into(), steps.into(), program.into_os_string()])
        .raw();
    let (first, first_code) = document_and_code(&first);
    let (second, second_code) = document_and_code(&second);
    // Either the command is told that the disk is full, or the run is.
    if first_code != 0 {
        assert_eq!((first_code, &first["error"]["code"]), (1, &Value::from("disk_full")), "{first}\n{ran}");
    }
    assert_eq!((second_code, &second["status"]), (0, &Value::from("ready")), "{second}\n{ran}");
    assert_eq!(world.changed(second["branch"].as_str().expect("a branch")), ["a.txt", "b.txt"]);
}

fn document_and_code(path: &Path) -> (Value, i32) {
    let text = std::fs::read_to_string(path).expect("it was written");
    let (document, code) = text.trim_end().rsplit_once("code ").unwrap_or_else(|| panic!("no code: {text}"));
    (
        serde_json::from_str(document).unwrap_or_else(|e| panic!("{e}: {text}")),
        code.parse().expect("a number"),
    )
}

#[test]
fn a_tiny_disk_is_said_before_there_is_a_run() {
    if !is_root() {
        return;
    }
    let world = World::plain();
    std::fs::create_dir(&world.data).expect("a directory");
    let model = one_file(&world);
    let inside = format!("mount -t tmpfs -o size=64k none '{}' && exec \"$@\"", world.data.display());
    let ran = world
        .run_call(&model, &["Add a file"])
        .through("unshare", ["-m", "sh", "-c", &inside, "sh"])
        .finish();
    ran.refused(1, "disk_full");
}

#[test]
fn a_damaged_or_newer_database_is_left_alone() {
    let world = World::plain();
    let model = one_file(&world);
    world.run(&model, &["Add a file"]).ended(0, "ready");
    let database = world.data.join("aamas.db");
    let good = settled(&database);
    let mut newer = good.clone();
    // The number of the schema, by the format of the file.
    newer[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&database, &newer).expect("it is ours");
    for arguments in
        [&["run", "--solo", "--model", &model, "Add a file"][..], &["runs", "list"], &["pr", "list"]]
    {
        world.aamas(arguments.iter().copied()).finish().refused(1, "database_newer");
    }
    assert!(std::fs::read(&database).expect("it is there") == newer, "it was written to");

    let mut garbage = vec![0x5a; good.len()];
    garbage[..16].copy_from_slice(b"no SQLite at all");
    std::fs::write(&database, &garbage).expect("it is ours");
    for arguments in [
        &["run", "--solo", "--model", &model, "Add a file"][..],
        &["runs", "list"],
        &["runs", "resume", "last"],
    ] {
        world.aamas(arguments.iter().copied()).finish().refused(1, "database_corrupt");
    }
    assert!(std::fs::read(&database).expect("it is there") == garbage, "it was written to");

    let mut holed = good.clone();
    let middle = holed.len() / 2;
    holed[4096..middle].fill(0xff);
    std::fs::write(&database, &holed).expect("it is ours");
    let ran = world.aamas(["runs", "list"]).finish();
    ran.refused(1, "database_corrupt");
    assert_eq!(world.branches().len(), 1);
}

/// The bytes of the database once another program has read it and closed it: nothing stands beside it any more.
fn settled(database: &Path) -> Vec<u8> {
    let code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); list(c.iterdump()); c.close()";
    let status = std::process::Command::new("python3").args(["-c", code]).arg(database).status();
    assert!(status.is_ok_and(|s| s.success()), "python3 has SQLite");
    assert!(!database.with_extension("db-wal").exists(), "the log is still beside it");
    std::fs::read(database).expect("it is there")
}

#[test]
fn runs_on_one_repository_at_once_do_not_meet() {
    let world = World::python();
    let models: Vec<_> = (0..4)
        .map(|n| {
            let mut turns = vec![crate::world::mend()];
            turns.extend((0..3).map(|i| command(&format!("echo {n} {i} >> log.txt"))));
            turns.push(finish(&format!("Run {n}")));
            world.script(&turns)
        })
        .collect();
    let live: Vec<_> =
        models.iter().map(|model| world.run_call(model, &["Fix add"]).unwatched().start()).collect();
    for (n, live) in live.into_iter().enumerate() {
        let document = live.finish().ended(0, "ready");
        let branch = document["branch"].as_str().expect("a branch");
        assert_eq!(world.show(branch, "log.txt"), format!("{n} 0\n{n} 1\n{n} 2"));
    }
    assert_eq!((world.branches().len(), world.pull_requests().len(), world.runs().len()), (4, 4, 4));
    assert!(!world.marks().exists(), "a hook ran");
    assert_eq!(world.git(&["status", "--short"]), "");
}

#[test]
fn a_moved_repository_does_not_disturb_a_finished_run() {
    let mut world = World::plain();
    let document = world.run(&one_file(&world), &["Add a file"]).ended(0, "ready");
    let moved = world.root().join("moved");
    std::fs::rename(&world.repo, &moved).expect("it moves");
    world.repo = moved;
    assert_eq!(world.resume(&["last"]).document(), document);
    assert_eq!(world.aamas(["pr", "show", "last"]).finish().code, 0);
}

#[test]
fn a_branch_that_someone_moved_is_left_alone() {
    let world = World::plain();
    let model = world.script(&[write("a.txt", "a\n"), write("b.txt", "b\n"), finish("Both")]);
    let draft = world.run(&model, &["--max-turns", "1", "Write"]).ended(4, "limit_reached");
    let branch = draft["branch"].as_str().expect("a branch");
    let head = world.git(&["rev-parse", "HEAD"]);
    world.git(&["update-ref", &format!("refs/heads/{branch}"), &head]);
    let ran = world.aamas(["runs", "resume", "last", "--max-turns", "9"]).raw();
    assert_ne!(ran.code, 0, "{ran}");
    assert_eq!(world.git(&["rev-parse", branch]), head, "the user's own commit was overwritten");
}
