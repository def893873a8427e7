//! The bare mirror of a repository in the data directory: own objects, private refs, shared by all processes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use crate::SandboxError;
use crate::durable::{make_dir, make_dirs, sync_dir, write_file};
use crate::git::{self, Config, Git, UPLOAD_PACK};
use crate::objects::{CommitHead, Kind, Mode, Objects, Oid};
use crate::repository::{Author, Base, Repository};

/// History that comes along with a base, in commits, so that `git log` and `git blame` say something inside. All of it
/// would make the first run in an old repository wait for minutes.
const HISTORY_DEPTH: u32 = 50;

/// A repository's place in the data directory: its mirror, base checkouts and warm layers.
pub struct Mirror {
    dir: PathBuf,
    git_dir: PathBuf,
    objects: Objects,
}

impl Mirror {
    /// Opens the mirror of `repository`, making it if there is none.
    ///
    /// # Errors
    /// If the data directory can't be written.
    pub fn open(data_dir: &Path, repository: &Repository) -> Result<Self, SandboxError> {
        let dir = data_dir.join("repositories").join(place_of(repository));
        let git_dir = dir.join("mirror.git");
        if !git_dir.join("HEAD").exists() {
            let making = |e| SandboxError::host(format!("make the mirror {}", git_dir.display()), e);
            make_mirror(&dir, &git_dir, repository).map_err(making)?;
        }
        let objects = Objects::open(&git_dir.join("objects"))?;
        Ok(Self { dir, git_dir, objects })
    }

    /// The repository's place in the data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The bare git directory.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The mirror's objects.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Brings the base into the mirror; does nothing when it is there.
    ///
    /// # Errors
    /// If objects are missing in the user's repository, or the disk is full.
    pub fn fetch(&self, repository: &Repository, base: &Base) -> Result<(), SandboxError> {
        let kept = format!("base/{}", base.commit);
        if self.read_ref(&kept)?.is_some() {
            return Ok(());
        }
        let _lock = self.lock()?;
        if self.read_ref(&kept)?.is_none() {
            self.forget_locks()?;
            // Where older content is missing (partial clones) the base alone may still be whole.
            if self.fetch_depth(repository, base, HISTORY_DEPTH).is_err() {
                self.fetch_depth(repository, base, 1)?;
            }
            self.make_readable()?;
            self.write_ref(&kept, base.commit)?;
        }
        Ok(())
    }

    fn fetch_depth(&self, repository: &Repository, base: &Base, depth: u32) -> Result<(), SandboxError> {
        Git::on(&self.git_dir, "fetch")
            .args([
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                "--no-recurse-submodules",
            ])
            .args(["--update-shallow", "--no-show-forced-updates", "--refmap="])
            .arg(format!("--depth={depth}"))
            .arg(format!("--upload-pack={UPLOAD_PACK}"))
            .arg("--")
            .arg(repository.common_dir())
            .arg(base.commit.to_string())
            .run()
            .map(drop)
    }

    /// A commit of the user's work tree as it is now: changed tracked files and untracked ones that are not ignored, on
    /// top of `base` (which must be HEAD). The user's index and objects stay as they are. It is `base` itself when
    /// nothing is dirty.
    ///
    /// # Errors
    /// If git can't read the work tree.
    pub fn commit_dirty(
        &self,
        repository: &Repository,
        base: &Base,
        by: &Author,
        message: &str,
    ) -> Result<Base, SandboxError> {
        let tree = self.dirty_tree(repository)?;
        if tree == base.tree {
            return Ok(base.clone());
        }
        let commit = Commit {
            tree,
            parents: vec![base.commit],
            author: by.clone(),
            at_s: base.committed_s,
            message: message.to_owned(),
        };
        let mut batch = self.objects.batch();
        let id = batch.put(Kind::Commit, &commit.encode())?;
        batch.commit()?;
        self.write_ref(&format!("base/{id}"), id)?;
        Ok(Base { commit: id, tree, branch: base.branch.clone(), committed_s: base.committed_s })
    }

    fn dirty_tree(&self, repository: &Repository) -> Result<Oid, SandboxError> {
        let scratch = self.dir.join(format!("index-{}", std::process::id()));
        let _lock = self.lock()?;
        copy_index(&repository.git_dir().join("index"), &scratch)?;
        let git = |subcommand: &str| {
            let off = repository.filters_off();
            Git::on_work_tree(repository.git_dir(), repository.top(), subcommand, Config::Caller)
                .settings(&off)
                .env("GIT_INDEX_FILE", &scratch)
                .env("GIT_OBJECT_DIRECTORY", self.objects.dir())
                .env(
                    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                    OsStr::from_bytes(&quoted(&repository.common_dir().join("objects"))),
                )
        };
        let tree = git("add")
            .args(["--all", "--ignore-errors", "--", "."])
            .answer()
            .and_then(|_| git("write-tree").run());
        let _ = fs::remove_file(&scratch);
        let _ = fs::remove_file(scratch.with_extension("lock"));
        let tree: Oid = parse_oid(&git::line(&tree?))?;
        copy_tree(&repository.objects()?, &self.objects, tree)?;
        self.make_readable()?;
        Ok(tree)
    }

    /// Writes a commit, durably, and hands back its name.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_commit(&self, commit: &Commit) -> Result<Oid, SandboxError> {
        let mut batch = self.objects.batch();
        let id = batch.put(Kind::Commit, &commit.encode())?;
        batch.commit()?;
        Ok(id)
    }

    /// Removes the lock files that a killed fetch left: only the holder of the mirror's own lock fetches, and that is us.
    fn forget_locks(&self) -> Result<(), SandboxError> {
        for name in ["shallow.lock", "packed-refs.lock", "config.lock"] {
            let lock = self.git_dir.join(name);
            match fs::remove_file(&lock) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(SandboxError::host(format!("remove {}", lock.display()), e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What a private ref names. `name` is such as `runs/run_…`, below `refs/aamas/`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read_ref(&self, name: &str) -> Result<Option<Oid>, SandboxError> {
        let path = self.ref_path(name);
        match fs::read_to_string(&path) {
            Ok(text) => parse_oid(&text).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(SandboxError::host(format!("read the private ref {name}"), e)),
        }
    }

    /// Points a private ref at an object that is already in the mirror, durably.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_ref(&self, name: &str, id: Oid) -> Result<(), SandboxError> {
        let path = self.ref_path(name);
        let writing = |e| SandboxError::host(format!("write the private ref {name}"), e);
        make_dirs(path.parent().expect("a ref lies in a directory")).map_err(writing)?;
        write_file(&path, format!("{id}\n").as_bytes()).map_err(writing)
    }

    /// Takes a private ref away; the objects stay until clean-up.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn delete_ref(&self, name: &str) -> Result<(), SandboxError> {
        let path = self.ref_path(name);
        let deleting = |e| SandboxError::host(format!("delete the private ref {name}"), e);
        match fs::remove_file(&path) {
            Ok(()) => sync_dir(path.parent().expect("a ref lies in a directory")).map_err(deleting),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(deleting(e)),
        }
    }

    /// A commit of the mirror.
    ///
    /// # Errors
    /// If it is missing or damaged.
    pub fn commit(&self, id: Oid) -> Result<CommitHead, SandboxError> {
        self.objects.commit(id)
    }

    /// Keeps other processes from changing this repository's place while the guard lives.
    pub(crate) fn lock(&self) -> Result<Flock<File>, SandboxError> {
        lock_file(&self.dir.join("lock"), FlockArg::LockExclusive)?.ok_or_else(|| {
            SandboxError::host(
                format!("lock {}", self.dir.display()),
                io::Error::from(io::ErrorKind::WouldBlock),
            )
        })
    }

    fn ref_path(&self, name: &str) -> PathBuf {
        self.git_dir.join("refs/aamas").join(name)
    }

    /// Lets every user read the objects, whatever the umask: inside the sandbox another one may. The data directory
    /// itself stays closed to them.
    fn make_readable(&self) -> Result<(), SandboxError> {
        let opening = |e| SandboxError::host("open the mirror's objects for reading", e);
        for entry in fs::read_dir(self.objects.dir()).map_err(opening)? {
            let path = entry.map_err(opening)?.path();
            let meta = fs::symlink_metadata(&path).map_err(opening)?;
            if meta.is_dir() && meta.mode() & 0o055 != 0o055 {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(opening)?;
            }
        }
        Ok(())
    }
}

/// A commit to be written.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its tree.
    pub tree: Oid,
    /// Its parents.
    pub parents: Vec<Oid>,
    /// Author and committer.
    pub author: Author,
    /// When, in seconds since 1970 (written as UTC).
    pub at_s: i64,
    /// The whole message, trailers included.
    pub message: String,
}

impl Commit {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut text = format!("tree {}\n", self.tree);
        for parent in &self.parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        let who = format!("{} <{}> {} +0000", self.author.name, self.author.email, self.at_s.max(0));
        let message = self.message.replace('\0', "");
        text.push_str(&format!("author {who}\ncommitter {who}\n\n{}\n", message.trim_end()));
        text.into_bytes()
    }
}

/// Copies what is missing in `to` of a tree in `from`.
pub(crate) fn copy_tree(from: &Objects, to: &Objects, tree: Oid) -> Result<(), SandboxError> {
    let mut batch = to.batch();
    let mut pending = vec![(tree, Mode::Tree)];
    while let Some((id, mode)) = pending.pop() {
        let missing = !to.contains(id);
        if mode == Mode::Tree {
            let entries = if missing { from.tree(id)? } else { to.tree(id)? };
            pending.extend(entries.iter().filter(|e| e.mode != Mode::Submodule).map(|e| (e.id, e.mode)));
        }
        if missing && let Some((kind, data)) = from.find(id)? {
            batch.put(kind, &data)?;
        }
    }
    batch.commit()
}

/// Takes a lock on a file; `None` when it is held and `how` does not wait.
pub(crate) fn lock_file(path: &Path, how: FlockArg) -> Result<Option<Flock<File>>, SandboxError> {
    let locking = |e| SandboxError::host(format!("lock {}", path.display()), e);
    let file =
        File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(locking)?;
    match Flock::lock(file, how) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, e)) => Err(locking(e.into())),
    }
}

pub(crate) fn parse_oid(text: &str) -> Result<Oid, SandboxError> {
    text.trim().parse().map_err(|e: crate::objects::InvalidOid| SandboxError::Git {
        command: "read an object id".into(),
        message: e.to_string(),
    })
}

/// A readable name and a hash of the canonical path of what linked work trees share.
fn place_of(repository: &Repository) -> String {
    let common = repository.common_dir();
    let shared = if common.file_name() == Some(OsStr::new(".git")) {
        common.parent().unwrap_or(common)
    } else {
        common
    };
    let hash = Sha256::digest(shared.as_os_str().as_bytes());
    let hash: String = hash.iter().take(8).map(|b| format!("{b:02x}")).collect();
    let name = shared.file_name().unwrap_or_default().to_string_lossy();
    let name: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(40).collect();
    format!("{name}-{hash}")
}

fn make_mirror(dir: &Path, git_dir: &Path, repository: &Repository) -> io::Result<()> {
    make_dirs(dir)?;
    for sub in
        ["", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/aamas", "refs/aamas/base"]
    {
        make_dir(&git_dir.join(sub))?;
    }
    write_file(&dir.join("source"), repository.common_dir().as_os_str().as_bytes())?;
    let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\tsharedRepository = 0644\n\
                  [gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
    write_file(&git_dir.join("config"), config.as_bytes())?;
    // Last, because its presence says that the rest is there.
    write_file(&git_dir.join("HEAD"), b"ref: refs/heads/none\n")?;
    sync_dir(dir)
}

/// A copy of an index that keeps its time: git trusts an entry only if it is older than its index.
fn copy_index(from: &Path, to: &Path) -> Result<(), SandboxError> {
    let copying = |e| SandboxError::host("copy the user's index", e);
    match fs::copy(from, to) {
        Ok(_) => {
            let modified = fs::metadata(from).and_then(|m| m.modified()).map_err(copying)?;
            File::options().write(true).open(to).and_then(|f| f.set_modified(modified)).map_err(copying)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(copying(e)),
    }
}

/// A path as an entry of a colon-separated list of git's.
fn quoted(path: &Path) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
    out
}
