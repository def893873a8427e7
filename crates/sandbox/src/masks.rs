//! Files that hold credentials, inside directories that commands may read: found by name and by content, near the top of
//! each directory, where tools keep their settings. They are covered with something empty.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::MountPlan;

/// Files that exist to hold credentials or often do.
const FILES: &[&str] = &[
    "credentials",
    "credentials.toml",
    "credentials.json",
    "credentials.db",
    "application_default_credentials.json",
    ".npmrc",
    "npmrc",
    "pip.conf",
    "pip.ini",
    ".pypirc",
    "settings.xml",
    "settings-security.xml",
    "gradle.properties",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".gitcookies",
    "auth.json",
    ".dockercfg",
    "hosts.yml",
    ".pgpass",
    ".my.cnf",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".bash_history",
    ".zsh_history",
    ".python_history",
];
/// Directories that are nothing but credentials.
const DIRECTORIES: &[&str] =
    &[".ssh", ".aws", ".gnupg", ".kube", ".azure", ".docker", "gcloud", "gh", ".password-store"];
/// Ends of names of files that are read in search of credentials.
const SETTINGS: &[&str] = &[
    ".toml",
    ".conf",
    ".cfg",
    ".ini",
    ".json",
    ".yml",
    ".yaml",
    ".xml",
    ".properties",
    ".env",
    ".pem",
    ".key",
    "rc",
    "config",
    ".netrc",
    ".config",
];
/// What only stands in a file when a secret stands beside it.
const MARKS: &[&str] = &[
    "_authtoken",
    "_auth=",
    "_auth =",
    "_password",
    "npmauthtoken",
    "aws_secret_access_key",
    "client_secret",
    "private key-----",
    "\"auth\":",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "sk-ant-",
    "npm_auth",
    "refresh_token",
    "secret_key",
    "api_key",
    "password =",
    "password=",
    "<password>",
    "token =",
    "token=",
];
/// Settings lie near the top: `~/.cargo/credentials.toml`, `prefix/etc/npmrc`, `venv/pip.conf`.
const DEPTH: usize = 2;
/// Names looked at below one directory.
const MAX_NAMES: usize = 20_000;
/// Files read below one directory, and how much of each.
const MAX_READ: usize = 200;
const MAX_BYTES: u64 = 64 << 10;

/// Paths, as seen inside, that are to be covered.
pub(crate) fn credentials_in(plan: &MountPlan) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    for path in &plan.readable {
        Search::new(path, path).run(&mut found);
    }
    for cache in &plan.caches {
        Search::new(&cache.lower, &cache.at).run(&mut found);
    }
    for view in &plan.views {
        // Below the top of a dependency folder lie packages, whose files only look like settings.
        Search { depth: 0, ..Search::new(&view.lower, &view.at) }.run(&mut found);
    }
    for path in ["/usr/local/etc", "/usr/etc"].map(Path::new) {
        Search::new(path, path).run(&mut found);
    }
    found.into_iter().collect()
}

struct Search<'a> {
    outside: &'a Path,
    inside: &'a Path,
    depth: usize,
    names: usize,
    reads: usize,
}

impl<'a> Search<'a> {
    fn new(outside: &'a Path, inside: &'a Path) -> Self {
        Self { outside, inside, depth: DEPTH, names: MAX_NAMES, reads: MAX_READ }
    }

    fn run(mut self, found: &mut BTreeSet<PathBuf>) {
        if self.outside.is_file() && self.is_secret(self.outside) {
            found.insert(self.inside.to_owned());
        }
        self.directory(self.outside, 0, found);
    }

    fn directory(&mut self, dir: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if self.names == 0 {
                return;
            }
            self.names -= 1;
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            if kind.is_dir() {
                if named(&entry.file_name(), DIRECTORIES) {
                    self.add(&path, found);
                } else if depth < self.depth {
                    self.directory(&path, depth + 1, found);
                }
            } else if self.is_secret(&path) {
                // Of a link, what it points to is covered, if that is seen inside at all.
                let real = if kind.is_symlink() { path.canonicalize().unwrap_or(path) } else { path };
                self.add(&real, found);
            }
        }
    }

    fn add(&self, path: &Path, found: &mut BTreeSet<PathBuf>) {
        if let Ok(rest) = path.strip_prefix(self.outside) {
            found.insert(if rest.as_os_str().is_empty() {
                self.inside.to_owned()
            } else {
                self.inside.join(rest)
            });
        }
    }

    fn is_secret(&mut self, path: &Path) -> bool {
        let Some(name) = path.file_name() else { return false };
        if named(name, FILES) {
            return true;
        }
        let name = name.to_string_lossy();
        if self.reads == 0 || !SETTINGS.iter().any(|end| name.ends_with(end)) {
            return false;
        }
        let Ok(meta) = std::fs::metadata(path) else { return false };
        if !meta.is_file() || meta.len() > MAX_BYTES {
            return false;
        }
        self.reads -= 1;
        let mut text = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        read.is_ok() && holds_secret(&String::from_utf8_lossy(&text))
    }
}

fn named(name: &OsStr, names: &[&str]) -> bool {
    name.to_str().is_some_and(|name| names.contains(&name))
}

/// Whether a text has a mark of a credential in it, or an address with a password.
fn holds_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    MARKS.iter().any(|mark| text.contains(mark)) || text.split("://").skip(1).any(has_password)
}

/// `user:password@host…`, as it follows `://`.
fn has_password(rest: &str) -> bool {
    let end = rest.find(|c: char| c == '/' || c.is_whitespace() || c == '"').unwrap_or(rest.len());
    rest[..end]
        .split_once('@')
        .is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, p)| !p.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layered, View};

    #[test]
    fn credentials_are_found_by_name_and_by_content_and_settings_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let tools = dir.path().join("tools");
        let files = [
            ("credentials.toml", ""),
            ("etc/npmrc", ""),
            ("config.toml", "[registry]\ntoken = \"x\""),
            ("plain.toml", "[build]\njobs = 2"),
            ("etc/pip/pip.conf", ""),
            ("etc/mirror.ini", "index-url = https://me:pass@host/simple"),
            ("etc/free.ini", "index-url = https://host/simple\nmail = a:b@c"),
            (".ssh/known_hosts", ""),
            ("lib/a/b/c/credentials", ""),
            ("key.pem", "-----BEGIN RSA PRIVATE KEY-----"),
        ];
        for (name, text) in files {
            let path = tools.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("plain.toml", tools.join(".netrc")).unwrap();
        let at = PathBuf::from("/home/x/tools");
        let view = View { at: at.clone(), lower: tools, upper: "/u".into(), work: "/w".into() };
        let plan = MountPlan {
            root: "/r".into(),
            workspace: Layered::Plain("/r".into()),
            git_dir: None,
            views: Vec::new(),
            readable: Vec::new(),
            caches: vec![view],
            env: Vec::new(),
            broker: None,
        };
        let found: Vec<_> = credentials_in(&plan).into_iter().filter(|p| p.starts_with(&at)).collect();
        let names = [
            ".ssh",
            "config.toml",
            "credentials.toml",
            "etc/mirror.ini",
            "etc/npmrc",
            "etc/pip/pip.conf",
            "key.pem",
            "plain.toml",
        ];
        assert_eq!(found, names.map(|name| at.join(name)));
    }
}
