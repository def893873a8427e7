//! Dependency folders in the user's checkout that a run can share instead of installing them again.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::checkout::{Owner, make_owned_dir};
use crate::plan::{MountPlan, View};
use crate::snapshot::Scope;
use crate::snapshot::layer_dir::make_whiteout;

/// Folder names, and a file that must lie in them or beside them (`../`) for the name to mean what we think.
const FOLDERS: &[(&str, Option<&str>)] = &[
    ("node_modules", None),
    (".venv", Some("pyvenv.cfg")),
    ("venv", Some("pyvenv.cfg")),
    ("env", Some("pyvenv.cfg")),
    ("target", Some("../Cargo.toml")),
    ("vendor", None),
    (".tox", None),
    (".nox", None),
    (".bundle", None),
    ("bower_components", None),
    ("deps", Some("../mix.exs")),
    ("Pods", Some("../Podfile")),
];
/// Files that say that a directory is a project of its own, with dependencies beside it.
const MANIFESTS: &[&str] = &[
    "package.json",
    "pyproject.toml",
    "setup.py",
    "requirements.txt",
    "tox.ini",
    "Cargo.toml",
    "go.mod",
    "composer.json",
    "Gemfile",
    "bower.json",
    "mix.exs",
    "Podfile",
];
/// More views than this would make mounting slow.
const MOST: usize = 64;

/// A folder of the user's that commands see copy-on-write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// Relative to the top.
    pub(crate) path: PathBuf,
    /// The user's folder itself, without links.
    pub(crate) source: PathBuf,
    seen: Option<(i64, i64)>,
}

/// The directories of a tree, beside its top, that hold a project of their own.
pub(crate) fn places<'f>(files: impl Iterator<Item = &'f [u8]>) -> Vec<Vec<u8>> {
    let is_manifest = |name: &[u8]| MANIFESTS.iter().any(|m| m.as_bytes() == name);
    let dirs = files.filter_map(|path| {
        let slash = path.iter().rposition(|b| *b == b'/')?;
        is_manifest(&path[slash + 1..]).then(|| path[..slash].to_vec())
    });
    dirs.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The folders there are at the top of the user's checkout and in `places`, and that the base (`files`) has not itself.
pub(crate) fn find(top: &Path, places: &[Vec<u8>], files: &Path) -> Vec<Dependency> {
    let mut found = Vec::new();
    for dir in std::iter::once(&b""[..]).chain(places.iter().map(Vec::as_slice)) {
        for (name, witness) in FOLDERS {
            let path = Path::new(OsStr::from_bytes(dir)).join(name);
            let folder = top.join(&path);
            let is_known = |file: &str| match file.strip_prefix("../") {
                Some(beside) => top.join(OsStr::from_bytes(dir)).join(beside).is_file(),
                None => folder.join(file).is_file(),
            };
            let in_base = || fs::symlink_metadata(files.join(&path)).is_ok();
            if !folder.is_dir() || in_base() || !witness.is_none_or(is_known) {
                continue;
            }
            let Ok(source) = folder.canonicalize() else { continue };
            // A link to something above us, or to the whole file system, is no dependency folder.
            if !top.starts_with(&source) && source.parent().is_some() && found.len() < MOST {
                found.push(Dependency { seen: times(&source), path, source });
            }
        }
    }
    found
}

impl Dependency {
    /// Whether the user's folder was changed (packages added or removed) since it was found.
    pub(crate) fn has_changed(&self) -> bool {
        times(&self.source) != self.seen
    }

    /// Hides what a build would wrongly take for up to date. Cargo compares times: what it knows about the packages of the
    /// workspace itself was learned from the user's files, not from the base. Packages from elsewhere don't change.
    pub(crate) fn hide_stale_in(&self, view: &View, base: &Path, owner: Owner) -> io::Result<()> {
        if self.path.file_name() != Some(OsStr::new("target")) {
            return Ok(());
        }
        let own = package_names(base, &self.path);
        for profile in fs::read_dir(&self.source)?.flatten() {
            let marks = profile.path().join(".fingerprint");
            for mark in fs::read_dir(&marks).into_iter().flatten().flatten() {
                let name = mark.file_name();
                let package =
                    name.to_str().and_then(|n| n.rsplit_once('-')).map(|(package, _)| package.to_owned());
                if package.is_some_and(|p| own.contains(&p)) {
                    let dir = view.upper.join(profile.file_name());
                    for dir in [dir.clone(), dir.join(".fingerprint")] {
                        if !dir.exists() {
                            make_owned_dir(&dir, owner)?;
                        }
                    }
                    let at = dir.join(".fingerprint").join(&name);
                    if fs::symlink_metadata(&at).is_err() {
                        make_whiteout(&at)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The same again, after a view was emptied.
    pub(crate) fn hide_what_is_stale(&self, plan: &MountPlan, scope: &Scope) -> io::Result<()> {
        let view = plan.views.iter().find(|v| v.lower == self.source);
        match (view, scope.lower.last()) {
            (Some(view), Some(base)) => self.hide_stale_in(view, base, scope.owner),
            _ => Ok(()),
        }
    }
}

/// Names of the packages whose manifests lie beside a `target` folder or below, four levels deep.
fn package_names(base: &Path, target: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut pending = vec![(base.join(target.parent().unwrap_or(Path::new(""))), 0)];
    while let Some((dir, level)) = pending.pop() {
        if let Some(name) = fs::read_to_string(dir.join("Cargo.toml")).ok().as_deref().and_then(package_name)
        {
            names.insert(name);
        }
        let below = fs::read_dir(&dir).into_iter().flatten().flatten().filter(|_| level < 4);
        pending
            .extend(below.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| (e.path(), level + 1)));
    }
    names
}

/// The `name` of the `[package]` section of a manifest.
fn package_name(manifest: &str) -> Option<String> {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|l| *l != "[package]")
        .skip(1)
        .take_while(|l| !l.starts_with('['));
    let value = lines.find_map(|l| l.strip_prefix("name")?.trim_start().strip_prefix('='))?;
    let quote = value.trim().chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.trim()[1..].split(quote).next().map(str::to_owned)
}

fn times(dir: &Path) -> Option<(i64, i64)> {
    fs::metadata(dir).ok().map(|m| (m.mtime(), m.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_are_found_by_their_manifests() {
        let files: [&[u8]; 5] = [
            b"package.json",
            b"web/app/package.json",
            b"web/app/src/x.js",
            b"lib/Cargo.toml",
            b"lib/setup.py",
        ];
        assert_eq!(places(files.into_iter()), [b"lib".to_vec(), b"web/app".to_vec()]);
    }

    #[test]
    fn a_manifest_tells_its_package_name() {
        let cases = [
            ("[package]\nname = \"one\"\n", Some("one")),
            ("[workspace]\nmembers = []\n[package]\nversion = \"1\"\nname='two' # here\n", Some("two")),
            ("[dependencies]\nname = \"no\"\n", None),
            ("[package]\n[dependencies]\nname = \"no\"\n", None),
        ];
        for (manifest, want) in cases {
            assert_eq!(package_name(manifest).as_deref(), want, "{manifest}");
        }
    }
}
