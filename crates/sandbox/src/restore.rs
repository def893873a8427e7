//! Setting a workspace back to a snapshot.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::SandboxError;
use crate::checkout::{finish, is_safe_name, make_owned_dir, place};
use crate::large::LargeFiles;
use crate::layers::remove_tree;
use crate::objects::{Mode, Oid};
use crate::repository::join;
use crate::snapshot::layer_dir::{LayerDir, make_opaque, make_whiteout};
use crate::snapshot::{Layering, Snapshotter, Warning};
use crate::tree_diff::{Change, compare};

/// Rounds until nothing differs any more: ignore rules that come and go may need more than one.
const ROUNDS: usize = 4;

impl Snapshotter {
    /// Sets all paths that are not ignored back to `tree`; what is ignored stays as it is. For a workspace whose process
    /// died. Nothing may be running in it.
    ///
    /// # Errors
    /// If something can't be read or written.
    pub fn restore(&mut self, tree: Oid) -> Result<(), SandboxError> {
        self.restore_rules(tree)?;
        for _ in 0..ROUNDS {
            let now = self.take()?;
            for warning in &now.warnings {
                if let Warning::SpecialFile(path) = warning {
                    let _ = fs::remove_file(self.scope.dir.join(path));
                }
            }
            if now.tree == tree {
                return Ok(());
            }
            self.apply(&compare(&self.objects, now.tree, tree)?)?;
        }
        let source = io::Error::other("it differs again each time it is set back");
        Err(SandboxError::host(format!("set the workspace back to {tree}"), source))
    }

    /// Empties the workspace's own directory and makes it show `tree`, without anything that was ignored. For a workspace
    /// that a power loss may have torn, and for forks. Overlays only: `dir` is the upper directory.
    ///
    /// # Errors
    /// If something can't be removed or written.
    pub fn rebuild(&mut self, tree: Oid) -> Result<(), SandboxError> {
        let emptying = |e| SandboxError::host("empty the workspace", e);
        for entry in fs::read_dir(&self.scope.dir).map_err(emptying)? {
            let entry = entry.map_err(emptying)?;
            if entry.file_name().as_bytes() != b".git" {
                remove_tree(&entry.path()).map_err(emptying)?;
            }
        }
        for hidden in &self.scope.hidden {
            self.ensure_dir(hidden).map_err(emptying)?;
        }
        self.restore(tree)
    }

    /// Ignore rules first: by the wrong ones, what is to be kept would look like something to take away.
    fn restore_rules(&mut self, tree: Oid) -> Result<(), SandboxError> {
        let changes = compare(&self.objects, self.scope.base, tree)?;
        let is_rules = |path: &[u8]| path == b".gitignore" || path.ends_with(b"/.gitignore");
        let mut wanted: Vec<Change> = changes.into_iter().filter(|c| is_rules(&c.path)).collect();
        for path in self.rule_files_in_upper()? {
            if !wanted.iter().any(|c| c.path == path) {
                let entry = self.objects.entry_at(tree, &path)?.map(|e| (e.mode, e.id));
                wanted.push(Change { path, old: entry, new: entry });
            }
        }
        self.apply(&wanted.into_iter().filter(|c| c.new.is_some()).collect::<Vec<_>>())
    }

    /// Files of ignore rules that the workspace's own directory changes or hides, where the base has one.
    fn rule_files_in_upper(&self) -> Result<Vec<Vec<u8>>, SandboxError> {
        let (mut found, mut pending) = (Vec::new(), vec![(Vec::new(), self.scope.base)]);
        while let Some((dir, tree)) = pending.pop() {
            for entry in self.objects.tree(tree)? {
                let path = join(&dir, &entry.name);
                let Ok(meta) = fs::symlink_metadata(self.host(&path)) else { continue };
                match entry.mode {
                    Mode::Tree if meta.is_dir() => pending.push((path, entry.id)),
                    // All of it is hidden, rules included: they come back with the rest.
                    _ if entry.name == b".gitignore" => found.push(path),
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), SandboxError> {
        for change in changes {
            let path = self.host(&change.path);
            let result = match change.new {
                Some((Mode::Submodule, _)) => Ok(()),
                Some((mode, id)) => self.put(&change.path, mode, id),
                None => self
                    .delete(&change.path)
                    .map_err(|e| SandboxError::host(format!("remove {}", path.display()), e)),
            };
            result?;
        }
        Ok(())
    }

    fn put(&self, path: &[u8], mode: Mode, id: Oid) -> Result<(), SandboxError> {
        let to = self.host(path);
        let writing = |e| SandboxError::host(format!("write {}", to.display()), e);
        let parent = path.iter().rposition(|b| *b == b'/').map_or(&[][..], |slash| &path[..slash]);
        self.ensure_dir(parent).and_then(|()| remove_tree(&to)).map_err(writing)?;
        let data = self.objects.blob(id)?;
        if !self.large.is_pointer(id) {
            return place(&to, mode, &data, self.scope.owner, None).map_err(writing);
        }
        let damaged = || writing(io::Error::other("the pointer to its content is damaged"));
        let pointer = LargeFiles::parse(&data).ok_or_else(damaged)?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(writing)?;
        self.large.write_to(&pointer, &mut file)?;
        finish(&file, mode, self.scope.owner, None).map_err(writing)
    }

    /// Makes a directory and its parents real ones, whatever stands there. One that was taken away comes back without what
    /// the layers below hold: its files are put back one by one.
    fn ensure_dir(&self, dir: &[u8]) -> io::Result<()> {
        let mut path = self.scope.dir.clone();
        for name in dir.split(|b| *b == b'/').filter(|n| !n.is_empty()) {
            path.push(OsStr::from_bytes(name));
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => {}
                Ok(meta) => {
                    fs::remove_file(&path)?;
                    make_owned_dir(&path, self.scope.owner)?;
                    if is_whiteout(&meta) && self.scope.layering == Layering::Overlay {
                        make_opaque(&path)?;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => make_owned_dir(&path, self.scope.owner)?,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn delete(&self, path: &[u8]) -> io::Result<()> {
        debug_assert!(
            path.split(|b| *b == b'/').all(is_safe_name),
            "names come from trees and walks, which check them"
        );
        let at = self.host(path);
        match fs::symlink_metadata(&at) {
            // A directory of the workspace's own has taken the file's place: what is in it is none of this change.
            Ok(meta) if meta.is_dir() => {}
            Ok(meta) if is_whiteout(&meta) => return Ok(()),
            Ok(_) => fs::remove_file(&at)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        if self.is_below(path)? {
            let parent = path.iter().rposition(|b| *b == b'/').map_or(&[][..], |slash| &path[..slash]);
            self.ensure_dir(parent)?;
            if !at.exists() {
                make_whiteout(&at)?;
            }
        } else {
            self.prune(path);
        }
        Ok(())
    }

    /// Whether a lower layer has something at `path` that the workspace's own directory does not hide.
    fn is_below(&self, path: &[u8]) -> io::Result<bool> {
        if self.scope.layering == Layering::Plain {
            return Ok(false);
        }
        let mut upper = Some(LayerDir::open(&self.scope.dir)?);
        let mut names: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
        names.pop();
        for name in names {
            let Some(dir) = upper else { break };
            upper = match dir.stat(name) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                Err(e) => return Err(e),
                Ok(_) => match dir.subdirectory(name) {
                    Ok(sub) if sub.is_opaque()? => return Ok(false),
                    Ok(sub) => Some(sub),
                    Err(_) => return Ok(false),
                },
            };
        }
        Ok(self.scope.lower.iter().any(|layer| {
            fs::symlink_metadata(layer.join(OsStr::from_bytes(path))).is_ok_and(|meta| !is_whiteout(&meta))
        }))
    }

    /// Takes away directories that a removed file leaves empty, unless the base has them.
    fn prune(&self, path: &[u8]) {
        let mut rest = path;
        while let Some(slash) = rest.iter().rposition(|b| *b == b'/') {
            rest = &rest[..slash];
            let in_base = self.scope.lower.iter().any(|layer| layer.join(OsStr::from_bytes(rest)).exists());
            if in_base || fs::remove_dir(self.host(rest)).is_err() {
                break;
            }
        }
    }

    fn host(&self, path: &[u8]) -> PathBuf {
        self.scope.dir.join(Path::new(OsStr::from_bytes(path)))
    }
}

fn is_whiteout(meta: &fs::Metadata) -> bool {
    meta.file_type().is_char_device() && meta.rdev() == 0
}
