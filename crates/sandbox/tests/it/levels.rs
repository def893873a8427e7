//! What the probe finds is what sessions get.

use sandbox::{Command, Exec, Level, Probe, SandboxError, Session, SessionOptions};

use crate::ground::{Ground, options};

#[tokio::test]
async fn the_probe_says_which_level_sessions_get() {
    let ground = Ground::new();
    let probe = Probe::run(&options(), ground.dir.path()).await.unwrap();
    assert!(probe.level >= Level::S2, "{probe:#?}");
    assert!(probe.overlay, "{probe:#?}");
    assert_eq!(probe.rows.len(), 11);
    assert!(probe.rows.iter().all(|row| row.ok != row.fix.is_some()), "{probe:#?}");
    let session = Session::start(&ground.plan, options()).await.unwrap();
    assert_eq!(session.level(), probe.level, "{probe:#?}");
    let more = SessionOptions { wanted: Level::S3, ..options() };
    match Session::start(&ground.plan, more).await {
        Ok(session) => assert_eq!(session.level(), Level::S3),
        Err(SandboxError::Unavailable { wanted: "S3", .. }) => assert_eq!(probe.level, Level::S2),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_kept_probe_is_used_until_something_changes() {
    let ground = Ground::new();
    let dir = ground.dir.path().join("cache");
    std::fs::create_dir(&dir).unwrap();
    let first = Probe::load_or_run(&dir, &options()).await.unwrap();
    // Marked, to tell it from a new one.
    let file = dir.join("probe.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("cgroup limits", "kept limits")).unwrap();
    let kept = Probe::load_or_run(&dir, &options()).await.unwrap();
    assert_eq!(kept.rows.last().unwrap().name, "kept limits");
    std::fs::write(&file, text.replace("\"key\":\"", "\"key\":\"another boot ")).unwrap();
    assert_eq!(Probe::load_or_run(&dir, &options()).await.unwrap(), first);
    std::fs::write(&file, "garbage").unwrap();
    assert_eq!(Probe::load_or_run(&dir, &options()).await.unwrap(), first);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing is left lying about");
}

/// A primitive taken away: the system call, a flag of its first argument or 0, and the row of the probe that must say so.
const TAKEN: &[(&str, libc::c_long, u32, Option<&str>)] = &[
    ("user namespaces", libc::SYS_clone, libc::CLONE_NEWUSER as u32, Some("user namespace")),
    ("pid namespaces", libc::SYS_clone, libc::CLONE_NEWPID as u32, Some("pid namespace with /proc")),
    ("network namespaces", libc::SYS_clone, libc::CLONE_NEWNET as u32, Some("network namespace")),
    ("mount namespaces", libc::SYS_clone, libc::CLONE_NEWNS as u32, Some("mount namespace")),
    ("mount", libc::SYS_mount, 0, Some("mount namespace")),
    ("open_tree", libc::SYS_open_tree, 0, Some("mount namespace")),
    ("move_mount", libc::SYS_move_mount, 0, Some("mount namespace")),
    ("mount_setattr", libc::SYS_mount_setattr, 0, Some("mount namespace")),
    ("pivot_root", libc::SYS_pivot_root, 0, None),
    ("Landlock", libc::SYS_landlock_create_ruleset, 0, Some("Landlock")),
    ("Landlock in force", libc::SYS_landlock_restrict_self, 0, Some("Landlock")),
    ("seccomp", libc::SYS_seccomp, 0, Some("seccomp")),
    ("capset", libc::SYS_capset, 0, None),
    ("openat2", libc::SYS_openat2, 0, None),
    ("close_range", libc::SYS_close_range, 0, None),
];

#[tokio::test]
async fn with_a_primitive_taken_away_nothing_runs_and_the_reason_is_said() {
    let ground = Ground::new();
    let mut wrong = Vec::new();
    for (name, call, flag, row) in TAKEN {
        let arguments = vec!["without".to_owned(), call.to_string(), flag.to_string()];
        let options = SessionOptions { arguments, ..options() };
        let probe = Probe::run(&options, ground.dir.path()).await.unwrap();
        if let Some(row) = row {
            let found = probe.rows.iter().find(|r| r.name == *row).unwrap();
            if found.ok || found.fix.is_none() || probe.level >= Level::S2 || probe.require(Level::S2).is_ok()
            {
                wrong.push(format!("{name}: the probe does not say so: {found:?} {}", probe.level));
            }
        }
        let ran = match Session::start(&ground.plan, options).await {
            Err(error) => Err(error),
            Ok(session) => session.exec(Command::shell("echo ran")).await.map(|_| ()),
        };
        match ran {
            Err(SandboxError::Unavailable { missing, fix, .. }) if !missing.is_empty() && !fix.is_empty() => {
            }
            Err(SandboxError::Host { doing, .. }) if !doing.is_empty() => {}
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
