//! Which files differ between two trees, in process.

use std::collections::BTreeMap;

use crate::SandboxError;
use crate::objects::{Mode, Objects, Oid, TreeEntry};
use crate::repository::join;

/// One path that differs: what it was and what it is. Directories never appear, only what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: Vec<u8>,
    pub(crate) old: Option<(Mode, Oid)>,
    pub(crate) new: Option<(Mode, Oid)>,
}

/// Compares two trees, ordered by path. What goes comes before what appears in its place.
pub(crate) fn compare(objects: &Objects, old: Oid, new: Oid) -> Result<Vec<Change>, SandboxError> {
    let mut changes = Vec::new();
    descend(objects, &[], Some(old), Some(new), &mut changes)?;
    Ok(changes)
}

fn descend(
    objects: &Objects,
    path: &[u8],
    old: Option<Oid>,
    new: Option<Oid>,
    changes: &mut Vec<Change>,
) -> Result<(), SandboxError> {
    if old == new {
        return Ok(());
    }
    let (old, new) = (entries(objects, old)?, entries(objects, new)?);
    let mut names: Vec<&Vec<u8>> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (was, is) = (old.get(name), new.get(name));
        if was.map(|e| (e.mode, e.id)) == is.map(|e| (e.mode, e.id)) {
            continue;
        }
        let path = join(path, name);
        let (was_file, is_file) = (file(was), file(is));
        if was_file.is_some() && is_file.is_none() {
            changes.push(Change { path: path.clone(), old: was_file, new: None });
        }
        if tree(was).is_some() || tree(is).is_some() {
            descend(objects, &path, tree(was), tree(is), changes)?;
        }
        if is_file.is_some() {
            changes.push(Change { path, old: was_file, new: is_file });
        }
    }
    Ok(())
}

fn entries(objects: &Objects, tree: Option<Oid>) -> Result<BTreeMap<Vec<u8>, TreeEntry>, SandboxError> {
    let list = tree.map(|id| objects.tree(id)).transpose()?.unwrap_or_default();
    Ok(list.into_iter().map(|e| (e.name.clone(), e)).collect())
}

fn file(entry: Option<&TreeEntry>) -> Option<(Mode, Oid)> {
    entry.filter(|e| e.mode != Mode::Tree).map(|e| (e.mode, e.id))
}

fn tree(entry: Option<&TreeEntry>) -> Option<Oid> {
    entry.filter(|e| e.mode == Mode::Tree).map(|e| e.id)
}
