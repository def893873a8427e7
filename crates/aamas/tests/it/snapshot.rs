//! The user's repository, byte for byte, before and after.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::process::Ran;
use crate::world::World;

/// Everything that must not change.
pub struct Snapshot {
    files: BTreeMap<PathBuf, String>,
    refs: BTreeMap<String, String>,
}

impl Snapshot {
    /// Takes it.
    pub fn of(world: &World) -> Self {
        let mut files = BTreeMap::new();
        let is_repository = world.repo.join(".git").exists();
        if world.repo.exists() {
            walk(&world.repo, &world.repo, &mut files);
        }
        Self { files, refs: if is_repository { refs(world) } else { BTreeMap::new() } }
    }

    /// Asserts that nothing changed since but for one new branch of AAMAS, and that no hook ran.
    #[track_caller]
    pub fn untouched(&self, world: &World, ran: &Ran) {
        let now = Self::of(world);
        let mut wrong = Vec::new();
        for (path, was) in &self.files {
            match now.files.get(path) {
                Some(is) if is == was => {}
                Some(is) => wrong.push(format!("changed: {} from {was} to {is}", path.display())),
                None => wrong.push(format!("gone: {}", path.display())),
            }
        }
        let new = now.files.keys().filter(|path| !self.files.contains_key(*path));
        wrong.extend(new.map(|path| format!("new: {}", path.display())));
        for (name, was) in &self.refs {
            if now.refs.get(name) != Some(was) && !name.starts_with("refs/heads/aamas/") {
                wrong.push(format!("ref {name} was {was} and is {:?}", now.refs.get(name)));
            }
        }
        let new: Vec<_> = now.refs.keys().filter(|name| !self.refs.contains_key(*name)).collect();
        if new.len() > 1 || !new.iter().all(|name| name.starts_with("refs/heads/aamas/")) {
            wrong.push(format!("new refs: {new:?}"));
        }
        if let Ok(marks) = std::fs::read_to_string(world.marks()) {
            wrong.push(format!("hooks or commands of the configuration ran: {marks}"));
        }
        assert!(wrong.is_empty(), "the repository was touched:\n{}\n{ran}", wrong.join("\n"));
    }
}

fn refs(world: &World) -> BTreeMap<String, String> {
    let listed = world.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    listed.lines().filter_map(|l| l.split_once(' ')).map(|(n, o)| (n.to_owned(), o.to_owned())).collect()
}

/// Describes each file below `dir`; of the repository's own store only what is not added to by a new branch.
fn walk(root: &Path, dir: &Path, files: &mut BTreeMap<PathBuf, String>) {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    for entry in entries {
        let path = entry.expect("a directory can be read").path();
        let inside = path.strip_prefix(root).expect("below the root").to_owned();
        if grows(&inside) {
            continue;
        }
        let Ok(about) = path.symlink_metadata() else { continue };
        files.insert(inside.clone(), describe(&path, &about, inside.starts_with(".git")));
        if about.is_dir() {
            walk(root, &path, files);
        }
    }
}

/// Where delivery puts objects, the branch and its log.
fn grows(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    [&b".git/objects"[..], b".git/refs/heads/aamas", b".git/logs/refs", b".git/reftable/0x"]
        .iter()
        .any(|prefix| bytes.starts_with(prefix))
}

fn describe(path: &Path, about: &std::fs::Metadata, in_store: bool) -> String {
    let what = if about.is_symlink() {
        format!("link to {:?}", std::fs::read_link(path).ok())
    } else if about.is_file() {
        format!("file of {} bytes, {}", about.len(), digest(path))
    } else {
        "directory".to_owned()
    };
    if path.ends_with("reftable/tables.list") {
        return "the list of what holds refs".to_owned();
    }
    // Directories of the store change their time when a lock file comes and goes.
    let time =
        if in_store && !about.is_file() { 0 } else { about.mtime_nsec() + about.mtime() * 1_000_000_000 };
    format!("{what}, mode {:o}, owner {}, time {time}", about.mode(), about.uid())
}

fn digest(path: &Path) -> String {
    std::fs::read(path).map_or_else(
        |e| e.to_string(),
        |bytes| {
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            format!("{:016x}", hasher.finish())
        },
    )
}
