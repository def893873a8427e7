//! What of the caller's machine commands may use: the programs on PATH with what they need, and package caches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Directories that are there inside anyway.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64"];
/// Directories that hold too much to be opened as a whole.
const TOO_WIDE: &[&str] = &[
    "/", "/home", "/root", "/etc", "/var", "/var/lib", "/tmp", "/var/tmp", "/opt", "/mnt", "/media", "/srv",
    "/proc", "/sys", "/dev", "/run", "/boot", "/nix",
];
/// Variables that are handed in as they are.
const KEPT: &[&str] = &[
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_HOME",
    "GOROOT",
    "GOPATH",
    "GOFLAGS",
    "JAVA_HOME",
    "MAVEN_HOME",
    "GRADLE_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "RBENV_ROOT",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "VOLTA_HOME",
    "FNM_DIR",
    "BUN_INSTALL",
    "DENO_DIR",
    "DOTNET_ROOT",
];
/// Variables that name a toolchain's directory, and where it lies below HOME when they are not set.
const TOOLCHAINS: &[(&str, &str)] = &[
    ("RUSTUP_HOME", ".rustup"),
    ("PYENV_ROOT", ".pyenv"),
    ("RBENV_ROOT", ".rbenv"),
    ("VOLTA_HOME", ".volta"),
    ("ASDF_DATA_DIR", ".asdf"),
];
/// Package caches: a variable that names their parent, its usual place below HOME, and the part that is only a cache.
const CACHES: &[(&str, &str, &[&str])] = &[
    ("CARGO_HOME", ".cargo", &["registry", "git"]),
    ("GOPATH", "go", &["pkg/mod"]),
    ("XDG_CACHE_HOME", ".cache", &["pip", "uv", "go-build", "pnpm", "yarn", "node-gyp", "pre-commit"]),
    ("npm_config_cache", ".npm", &["_cacache"]),
    ("MAVEN_USER_HOME", ".m2", &["repository", "wrapper"]),
    ("GRADLE_USER_HOME", ".gradle", &["caches", "wrapper"]),
    ("XDG_DATA_HOME", ".local/share", &["pnpm/store"]),
];

/// What is readable inside beside the system and the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toolchains {
    /// Directories, at their own paths.
    pub readable: Vec<PathBuf>,
    /// Package caches, copy-on-write at their own paths.
    pub caches: Vec<PathBuf>,
    /// The variables of the sandbox's environment.
    pub env: Vec<(String, String)>,
    /// The file of ignore rules that git reads for the caller when none is named.
    pub ignore_file: Option<PathBuf>,
    /// Directories of PATH that can't be read inside, and why.
    pub left_out: Vec<(PathBuf, &'static str)>,
}

/// What the caller has.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The caller's environment.
    pub env: BTreeMap<String, String>,
    /// `[sandbox] read`: more directories to be readable inside.
    pub read: Vec<PathBuf>,
    /// Top of the user's checkout: what lies in it is seen through the workspace.
    pub checkout: PathBuf,
}

impl Toolchains {
    /// Works out what the caller's PATH needs.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let mut found =
            Finding { caller, home: caller.env.get("HOME").map(PathBuf::from), readable: BTreeSet::new() };
        let mut path = Vec::new();
        let mut left_out = Vec::new();
        for dir in caller.env.get("PATH").map(String::as_str).unwrap_or_default().split(':').map(Path::new) {
            match found.path_entry(dir) {
                Ok(()) => path
                    .extend(dir.to_str().filter(|dir| !path.contains(&(*dir).to_owned())).map(str::to_owned)),
                Err(why) if dir.is_dir() => left_out.push((dir.to_owned(), why)),
                Err(_) => {}
            }
        }
        found.named_toolchains();
        for dir in &caller.read {
            found.allow(dir);
        }
        let mut env: Vec<_> =
            KEPT.iter().filter_map(|k| Some(((*k).to_owned(), caller.env.get(*k)?.clone()))).collect();
        env.push((
            "PATH".to_owned(),
            if path.is_empty() { "/usr/local/bin:/usr/bin:/bin".to_owned() } else { path.join(":") },
        ));
        env.sort();
        let caches = found.caches();
        let ignore_file = found.place("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("git/ignore"));
        Self { readable: without_nested(found.readable), caches, env, ignore_file, left_out }
    }
}

struct Finding<'c> {
    caller: &'c Caller,
    home: Option<PathBuf>,
    readable: BTreeSet<PathBuf>,
}

impl Finding<'_> {
    fn path_entry(&mut self, dir: &Path) -> Result<(), &'static str> {
        if !dir.is_absolute() {
            return Err("it is relative");
        }
        if is_system(dir) || dir.starts_with(&self.caller.checkout) {
            return Ok(());
        }
        if !dir.is_dir() {
            return Err("it is not there");
        }
        // Programs come with libraries beside their `bin`: the directory above belongs to them, unless it is one for
        // everything, such as HOME or `~/.local`.
        let prefix = dir.parent().filter(|p| dir.ends_with("bin") && !self.is_shared(p));
        if !self.allow(prefix.unwrap_or(dir)) {
            return Err("it would open a directory with more in it than programs");
        }
        self.link_targets(dir);
        Ok(())
    }

    /// Programs that are links lead to where they are installed.
    fn link_targets(&mut self, dir: &Path) {
        /// Directories of programs with more links than this are package managers' own.
        const MOST: usize = 512;
        let links = std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|e| e.file_type().is_ok_and(|t| t.is_symlink()));
        let targets: BTreeSet<PathBuf> = links
            .take(MOST)
            .filter_map(|e| e.path().canonicalize().ok())
            .filter_map(|t| t.parent().map(Path::to_owned))
            .collect();
        for target in targets {
            if !is_system(&target) && !target.starts_with(dir) && !target.starts_with(&self.caller.checkout) {
                let prefix = target.parent().filter(|p| target.ends_with("bin") && !self.is_shared(p));
                self.allow(prefix.unwrap_or(&target));
            }
        }
    }

    fn named_toolchains(&mut self) {
        for (variable, usual) in TOOLCHAINS {
            if let Some(dir) = self.place(variable, usual) {
                self.allow(&dir);
            }
        }
        for variable in ["VIRTUAL_ENV", "CONDA_PREFIX", "GOROOT", "JAVA_HOME", "DOTNET_ROOT"] {
            if let Some(dir) = self.caller.env.get(variable).map(PathBuf::from) {
                self.allow(&dir);
                self.python_of(&dir);
            }
        }
        for name in [".venv", "venv", "env"] {
            let dir = self.caller.checkout.join(name);
            self.python_of(&dir);
        }
    }

    /// The Python that a virtual environment was made from.
    fn python_of(&mut self, dir: &Path) {
        let config = std::fs::read_to_string(dir.join("pyvenv.cfg")).unwrap_or_default();
        let home = config
            .lines()
            .filter_map(|l| l.split_once('='))
            .find(|(k, _)| k.trim() == "home")
            .map(|(_, v)| v.trim().to_owned());
        if let Some(bin) = home.map(PathBuf::from).filter(|bin| bin.is_absolute()) {
            let real = bin.canonicalize().unwrap_or_else(|_| bin.clone());
            for bin in [bin, real] {
                if let Some(prefix) = bin.parent() {
                    self.allow(if self.is_shared(prefix) { &bin } else { prefix });
                }
            }
        }
    }

    fn caches(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (variable, usual, parts) in CACHES {
            let Some(parent) = self.place(variable, usual) else { continue };
            found.extend(
                parts.iter().map(|part| parent.join(part)).filter(|dir| dir.is_dir() && self.may_open(dir)),
            );
        }
        found
    }

    fn place(&self, variable: &str, usual: &str) -> Option<PathBuf> {
        let named = self.caller.env.get(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
        named
            .or_else(|| Some(self.home.as_ref()?.join(usual)))
            .filter(|dir| dir.is_absolute() && dir.is_dir())
    }

    fn allow(&mut self, dir: &Path) -> bool {
        if is_system(dir) || dir.starts_with(&self.caller.checkout) {
            return true;
        }
        let may = dir.is_absolute() && dir.exists() && self.may_open(dir);
        if may {
            self.readable.insert(dir.to_owned());
            // A link on the way is followed inside too, so what it leads to must be there.
            if let Ok(real) = dir.canonicalize()
                && real != dir
                && self.may_open(&real)
                && !is_system(&real)
            {
                self.readable.insert(real);
            }
        }
        may
    }

    /// Whether opening a directory opens no more than a toolchain: not HOME or what lies above it, nor the checkout.
    fn may_open(&self, dir: &Path) -> bool {
        let above = |path: &Path| path.starts_with(dir);
        !TOO_WIDE.iter().any(|wide| dir == Path::new(wide))
            && !self.home.as_deref().is_some_and(above)
            && !above(&self.caller.checkout)
            && dir.to_str().is_some()
    }

    /// Whether a directory is one for everything, so that a `bin` in it says nothing about the rest.
    fn is_shared(&self, dir: &Path) -> bool {
        let shared = [".local", ".cargo", "go", ".config", ".npm-global"];
        !self.may_open(dir)
            || self.home.as_ref().is_some_and(|home| shared.iter().any(|s| dir == home.join(s)))
            || self.caller.env.get("CARGO_HOME").is_some_and(|c| dir == Path::new(c))
    }
}

fn is_system(dir: &Path) -> bool {
    SYSTEM.iter().any(|s| dir.starts_with(s))
}

fn without_nested(dirs: BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        if !kept.iter().any(|k| dir.starts_with(k)) {
            kept.push(dir);
        }
    }
    kept
}
