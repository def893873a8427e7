//! A real repository and a data directory, both throw-away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sandbox::checkout::{Owner, owner_for};
use sandbox::layers::Layers;
use sandbox::mirror::Mirror;
use sandbox::repository::{Base, Repository};
use sandbox::snapshot::Layering;
use sandbox::toolchains::Toolchains;
use sandbox::workspace::{Request, Workspace};
use tempfile::TempDir;

pub struct Fixture {
    pub dir: TempDir,
    pub repo: PathBuf,
    pub data: PathBuf,
}

impl Fixture {
    /// An empty repository on branch `main`.
    pub fn empty() -> Self {
        let dir = tempfile::Builder::new().prefix("ws").tempdir_in("/var/tmp").unwrap();
        let (repo, data) = (dir.path().join("project"), dir.path().join("data"));
        std::fs::create_dir(&repo).unwrap();
        std::fs::create_dir(&data).unwrap();
        let fixture = Self { dir, repo, data };
        fixture.git(&["init", "-q", "-b", "main"]);
        fixture.git(&["config", "user.name", "Ada Lovelace"]);
        fixture.git(&["config", "user.email", "ada@example.org"]);
        fixture
    }

    /// A repository with one commit of these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let fixture = Self::empty();
        for (path, content) in files {
            fixture.write(path, content);
        }
        fixture.commit("first");
        fixture
    }

    pub fn write(&self, path: &str, content: &str) {
        put(&self.repo.join(path), content.as_bytes());
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.repo, args)
    }

    pub fn repository(&self) -> Repository {
        Repository::discover(&self.repo).unwrap()
    }

    pub fn open(&self) -> (Repository, Base, Mirror) {
        let repository = self.repository();
        let base = repository.resolve("HEAD").unwrap();
        let mirror = Mirror::open(&self.data, &repository).unwrap();
        mirror.fetch(&repository, &base).unwrap();
        (repository, base, mirror)
    }

    pub fn workspace(&self, run: &str) -> (Workspace, Mirror, Repository) {
        self.workspace_of(run, Layering::Overlay)
    }

    pub fn workspace_of(&self, run: &str, layering: Layering) -> (Workspace, Mirror, Repository) {
        let (repository, base, mirror) = self.open();
        let workspace =
            prepare(&self.data, run, &repository, &mirror, &base, layering, &Toolchains::default());
        (workspace, mirror, repository)
    }

    /// Everything about the repository that must not change, except the named branches.
    pub fn fingerprint(&self, except: &str) -> BTreeMap<String, Vec<u8>> {
        use std::os::unix::fs::MetadataExt;
        let mut all = BTreeMap::new();
        let refs = self.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
        let refs: String = refs.lines().filter(|l| !l.contains(except) || except.is_empty()).collect();
        all.insert("refs".to_owned(), refs.into_bytes());
        for name in [
            ".git/HEAD",
            ".git/index",
            ".git/config",
            ".git/logs/HEAD",
            ".git/FETCH_HEAD",
            ".git/packed-refs",
        ] {
            all.insert(name.to_owned(), std::fs::read(self.repo.join(name)).unwrap_or_default());
        }
        let mut pending = vec![self.repo.clone()];
        while let Some(dir) = pending.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let meta = std::fs::symlink_metadata(&path).unwrap();
                if path.ends_with(".git") {
                    continue;
                }
                let times = format!("{} {} {}", meta.mtime(), meta.mtime_nsec(), meta.mode());
                all.insert(path.to_string_lossy().into_owned(), times.into_bytes());
                if meta.is_dir() {
                    pending.push(path);
                }
            }
        }
        all
    }
}

pub fn owner() -> Owner {
    owner_for(sandbox::Identity::of_commands())
}

pub fn prepare(
    data: &Path,
    run: &str,
    repository: &Repository,
    mirror: &Mirror,
    base: &Base,
    layering: Layering,
    toolchains: &Toolchains,
) -> Workspace {
    let now = SystemTime::now();
    let base_layer = Layers::new(mirror, owner()).base(repository, base, now).unwrap();
    let author = repository.author();
    let request = Request {
        data_dir: data,
        run,
        repository,
        mirror,
        base,
        base_layer,
        warm: None,
        layering,
        owner: owner(),
        author: &author,
        toolchains,
    };
    Workspace::prepare(request, now).unwrap()
}

pub fn upper(workspace: &Workspace) -> PathBuf {
    match &workspace.plan().workspace {
        sandbox::Layered::Overlay { upper, .. } => upper.clone(),
        sandbox::Layered::Plain(dir) => dir.clone(),
    }
}

pub fn put(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// What overlayfs leaves where a name of the lower layer was removed.
pub fn whiteout(path: &Path) {
    use nix::sys::stat::{Mode, SFlag, mknod};
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    mknod(path, SFlag::S_IFCHR, Mode::empty(), 0).unwrap();
}

/// What overlayfs leaves where a directory was removed and made again.
pub fn opaque(path: &Path) {
    use std::os::unix::ffi::OsStrExt;
    std::fs::create_dir_all(path).unwrap();
    let name = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    let done = unsafe {
        libc::lsetxattr(name.as_ptr(), c"user.overlay.opaque".as_ptr(), b"y".as_ptr().cast(), 1, 0)
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(args)
        .current_dir(dir)
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `mode path` of every file of a tree of the mirror.
pub fn files(mirror: &Mirror, tree: sandbox::objects::Oid) -> Vec<String> {
    let text = git(
        mirror.git_dir(),
        &["-c", "core.quotePath=true", "ls-tree", "-r", "--format=%(objectmode) %(path)", &tree.to_string()],
    );
    text.lines().map(str::to_owned).collect()
}

/// The content of a file of a tree of the mirror.
pub fn content(mirror: &Mirror, tree: sandbox::objects::Oid, path: &str) -> Vec<u8> {
    let entry = mirror.objects().entry_at(tree, path.as_bytes()).unwrap().unwrap();
    mirror.objects().blob(entry.id).unwrap()
}
