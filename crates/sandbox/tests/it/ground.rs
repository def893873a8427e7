//! A throw-away workspace and a session on it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sandbox::{GitDir, Identity, Layered, MountPlan, Session, SessionOptions};
use tempfile::TempDir;

/// The name of the launcher beside a copy of this program.
pub(crate) const LAUNCHER: &str = "sandbox-test-launcher";

/// Directories of one run, laid out as the product lays them out.
pub(crate) struct Ground {
    pub(crate) dir: TempDir,
    pub(crate) plan: MountPlan,
}

impl Ground {
    /// A workspace with two files in its base, one directory, and a git directory.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("ground").tempdir_in("/var/tmp").unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let at = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let (base, upper, work) = (at("base"), at("changes/upper"), at("changes/work"));
        let (git, objects) = (at("git"), at("mirror/objects"));
        std::fs::write(base.join("hello.txt"), "hello\n").unwrap();
        std::fs::create_dir_all(base.join("src")).unwrap();
        std::fs::write(base.join("src/lib.txt"), "library\n").unwrap();
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        for name in ["objects/info", "refs/heads"] {
            std::fs::create_dir_all(git.join(name)).unwrap();
        }
        let objects_at = dir.path().join("mirror-objects");
        std::fs::write(git.join("objects/info/alternates"), format!("{}\n", objects_at.display())).unwrap();
        let plan = MountPlan {
            root: dir.path().join("checkout"),
            workspace: Layered::Overlay { lower: vec![base], upper, work },
            git_dir: Some(GitDir { dir: git, objects, objects_at }),
            views: Vec::new(),
            readable: Vec::new(),
            caches: Vec::new(),
            env: Vec::new(),
            broker: None,
        };
        let ground = Self { dir, plan };
        ground.give_away();
        ground
    }

    /// Gives all layers to the commands' uid.
    pub(crate) fn give_away(&self) {
        let identity = Identity::of_commands();
        if identity.is_reserved() {
            for name in ["base", "changes", "git", "mirror"] {
                chown(&self.dir.path().join(name), identity);
            }
        }
    }

    pub(crate) fn upper(&self) -> PathBuf {
        self.dir.path().join("changes/upper")
    }

    pub(crate) async fn session(&self) -> Session {
        Session::start(&self.plan, options()).await.unwrap()
    }
}

impl Drop for Ground {
    /// What overlayfs leaves in its own directories can't be listed, not even by its owner.
    fn drop(&mut self) {
        let changes = self.dir.path().join("changes");
        let inner = std::fs::read_dir(&changes)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("work"));
        for work in inner.chain([changes.join("work")]) {
            let _ = std::fs::set_permissions(work.join("work"), std::fs::Permissions::from_mode(0o700));
        }
    }
}

pub(crate) fn options() -> SessionOptions {
    SessionOptions { arguments: Vec::new(), ..SessionOptions::new(launcher()) }
}

/// The launcher: beside this program if a copy lies there (see `ordinary`), else where cargo built it.
pub(crate) fn launcher() -> PathBuf {
    let beside = std::env::current_exe().unwrap().with_file_name(LAUNCHER);
    if beside.exists() { beside } else { PathBuf::from(env!("CARGO_BIN_EXE_sandbox-test-launcher")) }
}

pub(crate) fn chown(path: &Path, identity: Identity) {
    std::os::unix::fs::lchown(path, Some(identity.uid), Some(identity.gid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).unwrap() {
            chown(&entry.unwrap().path(), identity);
        }
    }
}
