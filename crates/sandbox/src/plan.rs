//! What a sandbox is made of: worked out by the workspace side, carried out by the launcher.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything the launcher has to mount for one run. Paths outside are host paths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountPlan {
    /// The checkout's own absolute path, where the workspace appears inside.
    pub root: PathBuf,
    /// The workspace itself.
    pub workspace: Layered,
    /// The throw-away git directory, mounted at `root/.git`; `None` when the base has none.
    pub git_dir: Option<GitDir>,
    /// Dependency folders (`node_modules`, `.venv`, `target`, …) seen copy-on-write at `root/path`.
    pub views: Vec<View>,
    /// Toolchains and other directories that are readable inside at their own paths.
    pub readable: Vec<PathBuf>,
    /// Package caches (such as `~/.cargo/registry`), copy-on-write at their own paths.
    pub caches: Vec<View>,
    /// The variables of the sandbox's own environment: PATH, `VIRTUAL_ENV`, locale and what `aamas.toml` names.
    pub env: Vec<(String, String)>,
    /// Unix socket of the egress broker, when the run may reach hosts; `None`: no network at all.
    pub broker: Option<PathBuf>,
}

/// How the workspace is laid over the base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layered {
    /// overlayfs with `userxattr`: `lower` from top to bottom.
    Overlay {
        /// Read-only layers, the topmost first.
        lower: Vec<PathBuf>,
        /// Where changes land. On the same mount as `work`, never on overlayfs.
        upper: PathBuf,
        /// overlayfs's own directory.
        work: PathBuf,
    },
    /// A plain directory (a worktree), where overlayfs can't be had.
    Plain(PathBuf),
}

/// A directory seen copy-on-write at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Absolute path inside.
    pub at: PathBuf,
    /// What is seen there.
    pub lower: PathBuf,
    /// Where changes land.
    pub upper: PathBuf,
    /// overlayfs's own directory, on the mount of `upper`.
    pub work: PathBuf,
}

/// The throw-away git directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitDir {
    /// A generated git directory (HEAD, index, refs, config, empty objects with alternates), writable but for
    /// `config`, `hooks`, `info` and `objects/info`.
    pub dir: PathBuf,
    /// The mirror's object directory, bound read-only at `objects_at`, which `objects/info/alternates` names.
    pub objects: PathBuf,
    /// Where it appears inside.
    pub objects_at: PathBuf,
}
