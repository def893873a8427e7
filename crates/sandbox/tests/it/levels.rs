//! What the probe finds is what sessions get.

use sandbox::{Level, Probe, SandboxError, Session, SessionOptions};

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
