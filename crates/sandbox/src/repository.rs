//! The user's repository, read and never changed: where it is, where work starts, who the user is, what is dirty.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::SandboxError;
use crate::git::{self, Config, Git};
use crate::objects::{Mode, Objects, Oid};

/// What running a program or its tests leaves behind, in a repository that does not ignore it itself: never part of a
/// change.
const LEFTOVERS: &[u8] =
    b"__pycache__/\n*.py[cod]\n.pytest_cache/\n.mypy_cache/\n.ruff_cache/\n.hypothesis/\n.tox/\n.nox/\n\
    .coverage\n.coverage.*\n.eslintcache\n.nyc_output/\nnode_modules/\n.DS_Store\n";
/// A file at the top that tells the build tool, and the directory that the tool writes to.
const BUILD_DIRECTORIES: &[(&str, &str)] = &[
    ("Cargo.toml", "target/\n"),
    ("pom.xml", "target/\n"),
    ("build.gradle", ".gradle/\n"),
    ("build.gradle.kts", ".gradle/\n"),
];

/// Why a directory can't be worked on.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// No repository there.
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// A repository without a work tree.
    #[error("{} is a bare repository: it has no files to work on", .0.display())]
    Bare(PathBuf),
    /// Nothing to start from.
    #[error("the repository {} has no commits yet", .0.display())]
    NoCommits(PathBuf),
    /// The base does not name a commit.
    #[error("{reference:?} names no commit of {}", repository.display())]
    UnknownBase {
        /// What was asked for.
        reference: String,
        /// Where.
        repository: PathBuf,
    },
    /// A format that is not understood.
    #[error("the repository {} can't be read: {why}", repository.display())]
    Unsupported {
        /// Where.
        repository: PathBuf,
        /// What is in the way.
        why: String,
    },
    /// Reading it failed.
    #[error(transparent)]
    Failed(#[from] SandboxError),
}

/// A git repository with a work tree.
#[derive(Clone)]
pub struct Repository {
    top: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    owner: (u32, u32),
    inner: gix::ThreadSafeRepository,
}

/// The commit that work starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The commit.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
    /// The branch that the name led to, such as `refs/heads/main`; `None` for a detached HEAD or a plain commit.
    pub branch: Option<String>,
    /// When it was committed, in seconds since 1970.
    pub committed_s: i64,
}

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// `user.name`.
    pub name: String,
    /// `user.email`.
    pub email: String,
    /// Whether the user had set it; else it was made up from the account.
    pub configured: bool,
}

/// Files that differ from HEAD, by count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dirty {
    /// Changed tracked files.
    pub tracked: usize,
    /// Untracked files that are not ignored.
    pub untracked: usize,
}

impl Dirty {
    /// All together.
    #[must_use]
    pub fn files(self) -> usize {
        self.tracked + self.untracked
    }
}

/// What a base holds that a checkout of plain files can't show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peculiarities {
    /// Paths of submodules.
    pub submodules: Vec<Vec<u8>>,
    /// Some files are Git LFS pointers.
    pub lfs: bool,
}

impl Repository {
    /// The repository that `dir` lies in.
    ///
    /// # Errors
    /// [`RepositoryError::NotARepository`], [`RepositoryError::Bare`] or [`RepositoryError::Unsupported`].
    pub fn discover(dir: &Path) -> Result<Self, RepositoryError> {
        let start = dir.canonicalize().map_err(|_| RepositoryError::NotARepository(dir.to_owned()))?;
        for candidate in start.ancestors() {
            if candidate.join(".git").exists() {
                return Self::open(candidate);
            }
            if is_git_dir(candidate) {
                return Err(RepositoryError::Bare(candidate.to_owned()));
            }
        }
        Err(RepositoryError::NotARepository(dir.to_owned()))
    }

    fn open(top: &Path) -> Result<Self, RepositoryError> {
        let unsupported = |why: String| RepositoryError::Unsupported { repository: top.to_owned(), why };
        if top.to_str().is_none() {
            return Err(unsupported("its path is not UTF-8".into()));
        }
        let options = gix::open::Options::default()
            .with(gix::sec::Trust::Full)
            .permissions(gix::open::Permissions {
                // Not `GIT_DIR` and its like: a run may be started from a hook or an alias of another repository.
                env: gix::open::permissions::Environment {
                    git_prefix: gix::sec::Permission::Deny,
                    objects: gix::sec::Permission::Deny,
                    ..gix::open::permissions::Environment::all()
                },
                ..gix::open::Permissions::all()
            })
            .lossy_config(true)
            .strict_config(false);
        let inner =
            gix::ThreadSafeRepository::open_opts(top, options).map_err(|e| unsupported(e.to_string()))?;
        let local = inner.to_thread_local();
        let absolute = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let work_dir = local.workdir().map(absolute).ok_or_else(|| RepositoryError::Bare(top.to_owned()))?;
        if local.object_hash() != gix::hash::Kind::Sha1 {
            return Err(unsupported("its objects are not named by SHA-1".into()));
        }
        let (git_dir, common_dir) = (absolute(local.git_dir()), absolute(local.common_dir()));
        let meta = std::fs::metadata(&common_dir).map_err(|e| unsupported(e.to_string()))?;
        Ok(Self { top: work_dir, git_dir, common_dir, owner: (meta.uid(), meta.gid()), inner })
    }

    /// Top of the work tree: absolute, without symbolic links.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// Its git directory (that of the linked work tree, if it is one).
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The git directory that all linked work trees share.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// User and group that own it.
    #[must_use]
    pub fn owner(&self) -> (u32, u32) {
        self.owner
    }

    /// Whom git calls on it run as: the owner, when that is somebody else and we are root.
    pub(crate) fn writer(&self) -> Option<(u32, u32)> {
        (nix::unistd::geteuid().is_root() && self.owner.0 != 0).then_some(self.owner)
    }

    /// The user's objects.
    ///
    /// # Errors
    /// If they can't be read.
    pub fn objects(&self) -> Result<Objects, SandboxError> {
        Objects::open(&self.common_dir.join("objects"))
    }

    /// The commit that `reference` (such as `HEAD`, a branch, a tag, a commit id) names.
    ///
    /// # Errors
    /// [`RepositoryError::NoCommits`] or [`RepositoryError::UnknownBase`].
    pub fn resolve(&self, reference: &str) -> Result<Base, RepositoryError> {
        let local = self.inner.to_thread_local();
        if local.head().is_ok_and(|head| head.is_unborn()) && reference == "HEAD" {
            return Err(RepositoryError::NoCommits(self.top.clone()));
        }
        let unknown = || RepositoryError::UnknownBase {
            reference: reference.chars().take(200).collect(),
            repository: self.top.clone(),
        };
        let commit = match local
            .rev_parse_single(reference)
            .ok()
            .and_then(|id| id.object().ok()?.peel_to_commit().ok())
        {
            Some(commit) => Oid::from_gix(&commit.id),
            None => self.resolve_by_git(reference).ok_or_else(unknown)?,
        };
        let head = self.objects()?.commit(commit)?;
        let branch = match reference {
            "HEAD" | "@" => local.head_name().ok().flatten(),
            name => local.try_find_reference(name).ok().flatten().map(|r| r.name().to_owned()),
        };
        let branch = branch.map(|name| name.to_string()).filter(|name| name.starts_with("refs/heads/"));
        Ok(Base { commit, tree: head.tree, branch, committed_s: head.committed_s })
    }

    /// The rarer ways to name a commit, which only git itself knows.
    fn resolve_by_git(&self, reference: &str) -> Option<Oid> {
        let named = format!("{reference}^{{commit}}");
        let answer =
            self.git("rev-parse").args(["--verify", "--quiet", "--end-of-options", &named]).run().ok()?;
        git::line(&answer).parse().ok()
    }

    /// Counts what differs from HEAD. This looks at the whole work tree: let it run beside other work.
    ///
    /// # Errors
    /// If git can't tell.
    pub fn dirty(&self) -> Result<Dirty, SandboxError> {
        let output = self
            .git("status")
            .settings(&self.filters_off())
            .args([
                "--porcelain=v1",
                "-z",
                "--untracked-files=all",
                "--ignore-submodules=dirty",
                "--no-renames",
            ])
            .run()?;
        let untracked = git::fields(&output).filter(|f| f.starts_with(b"?? ")).count();
        Ok(Dirty { tracked: git::fields(&output).count() - untracked, untracked })
    }

    /// The user's name and address for commits.
    #[must_use]
    pub fn author(&self) -> Author {
        let local = self.inner.to_thread_local();
        let config = local.config_snapshot();
        let setting = |key: &str| config.string(key).map(|v| clean(&v.to_string())).filter(|v| !v.is_empty());
        let account = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
        let login = account.as_ref().map_or_else(|| "aamas".to_owned(), |u| u.name.clone());
        let full_name = account.and_then(|u| u.gecos.into_string().ok());
        let full_name = full_name.and_then(|g| g.split(',').next().map(clean)).filter(|g| !g.is_empty());
        let (name, email) = (setting("user.name"), setting("user.email"));
        Author {
            configured: name.is_some() && email.is_some(),
            name: name.or(full_name).unwrap_or_else(|| login.clone()),
            email: email.unwrap_or_else(|| format!("{login}@localhost")),
        }
    }

    /// Ignore rules beside those in the tree: what tools leave behind, then the user's own: those of `core.excludesFile`,
    /// else of `usual` (the file that git reads when none is named), then those of `info/exclude`. Later ones win.
    #[must_use]
    pub fn excludes(&self, usual: Option<&Path>) -> Vec<u8> {
        let local = self.inner.to_thread_local();
        let named = local.config_snapshot().trusted_path("core.excludesFile").ok().flatten();
        let own = self.common_dir.join("info/exclude");
        let mut rules = LEFTOVERS.to_vec();
        for (_, rule) in BUILD_DIRECTORIES.iter().filter(|(sign, _)| self.top.join(sign).exists()) {
            rules.extend(rule.as_bytes());
        }
        for file in [named.as_deref().or(usual), Some(&own)].into_iter().flatten() {
            rules.extend(std::fs::read(file).unwrap_or_default());
            rules.push(b'\n');
        }
        rules
    }

    /// What a checkout of plain files can't show.
    ///
    /// # Errors
    /// If the base can't be read.
    pub fn peculiarities(&self, base: &Base) -> Result<Peculiarities, SandboxError> {
        let objects = self.objects()?;
        let attributes = objects
            .entry_at(base.tree, b".gitattributes")?
            .filter(|e| matches!(e.mode, Mode::File | Mode::Executable));
        let attributes = attributes.map(|e| objects.blob(e.id)).transpose()?.unwrap_or_default();
        let submodules = match objects.entry_at(base.tree, b".gitmodules")? {
            Some(_) => submodule_paths(&objects, base.tree)?,
            None => Vec::new(),
        };
        Ok(Peculiarities { submodules, lfs: String::from_utf8_lossy(&attributes).contains("filter=lfs") })
    }

    /// A call of git on the user's repository.
    pub(crate) fn git(&self, subcommand: &str) -> Git {
        Git::on_work_tree(&self.git_dir, &self.top, subcommand, Config::Caller).run_as(self.writer())
    }

    /// Settings that turn every configured clean and smudge filter off.
    pub(crate) fn filters_off(&self) -> Vec<String> {
        let local = self.inner.to_thread_local();
        let config = local.config_snapshot();
        let mut settings = Vec::new();
        for section in config.sections_by_name("filter").into_iter().flatten() {
            let Some(name) = section.header().subsection_name() else { continue };
            for key in ["clean", "smudge", "process"] {
                settings.push(format!("filter.{name}.{key}="));
            }
            settings.push(format!("filter.{name}.required=false"));
        }
        settings
    }

    /// The objects of a submodule, where the user has them.
    pub(crate) fn submodule_objects(&self, path: &[u8]) -> Option<Objects> {
        let checkout = self.top.join(OsStr::from_bytes(path));
        let inner =
            gix::open_opts(checkout, gix::open::Options::isolated().with(gix::sec::Trust::Full)).ok()?;
        Objects::open(&inner.common_dir().join("objects")).ok()
    }
}

/// Paths of all submodules of a tree.
pub(crate) fn submodule_paths(objects: &Objects, tree: Oid) -> Result<Vec<Vec<u8>>, SandboxError> {
    let (mut found, mut pending) = (Vec::new(), vec![(Vec::new(), tree)]);
    while let Some((prefix, tree)) = pending.pop() {
        for entry in objects.tree(tree)? {
            let path = join(&prefix, &entry.name);
            match entry.mode {
                Mode::Submodule => found.push(path),
                Mode::Tree => pending.push((path, entry.id)),
                Mode::File | Mode::Executable | Mode::Symlink => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `prefix/name`, or `name` at the top.
pub(crate) fn join(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if prefix.is_empty() {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

fn is_git_dir(dir: &Path) -> bool {
    dir.join("HEAD").is_file() && dir.join("objects").is_dir() && dir.join("refs").is_dir()
}

/// Without what git's commit headers can't hold.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect::<String>().trim().to_owned()
}
