//! `apply_patch`.

use std::io;
use std::path::{Path, PathBuf};

use code::patch::{self, Change, Mode, Patch};
use sandbox::beneath::{BeneathError, Kind, Metadata, Refusal};

use super::write_file::make_parents;
use super::{MAX_EDITED_BYTES, patch_refusal};
use crate::arguments::ApplyPatch;
use crate::paths::{Access, Workspace, show};

pub(super) fn run(root: &Path, arguments: &ApplyPatch) -> Result<String, String> {
    let workspace = Workspace::open(root)?;
    let mut patch = patch::parse(arguments.patch.as_bytes()).map_err(|error| patch_refusal(&error))?;
    check_paths(&workspace, &mut patch)?;
    let changes = patch.plan(|path| read(&workspace, path)).map_err(|error| match &error {
        patch::PatchError::Read { source, .. } => format!("{source}\nNothing was changed."),
        _ => patch_refusal(&error),
    })?;
    let kept = changes.iter().map(|change| Kept::of(&workspace, change)).collect::<Result<Vec<_>, _>>()?;
    for (done, change) in changes.iter().enumerate() {
        if let Err(error) = carry_out(&workspace, change, &kept) {
            kept[..=done].iter().rev().for_each(|kept| kept.put_back(&workspace));
            return Err(format!("{error}\nNothing was changed."));
        }
    }
    Ok(changes.iter().map(line).collect())
}

fn check_paths(workspace: &Workspace, patch: &mut Patch) -> Result<(), String> {
    for file in &mut patch.files {
        for path in [&mut file.old, &mut file.new].into_iter().flatten() {
            *path = workspace.check(path, Access::Write)?;
        }
    }
    Ok(())
}

fn read(workspace: &Workspace, path: &Path) -> io::Result<Option<Vec<u8>>> {
    match workspace.files().read(path, MAX_EDITED_BYTES) {
        Ok(source) => Ok(Some(source)),
        Err(error) if error.reason == Refusal::NotFound => Ok(None),
        Err(error) => Err(io::Error::other(workspace.refusal(path, &error))),
    }
}

/// A file as it was, to be put back if a later change of the same patch fails.
struct Kept {
    path: PathBuf,
    before: Option<(Vec<u8>, u32)>,
}

impl Kept {
    fn of(workspace: &Workspace, change: &Change) -> Result<Self, String> {
        let path = change.path().to_owned();
        let refuse = |error: &BeneathError| workspace.refusal(&path, error);
        let before = match workspace.files().metadata(&path) {
            Ok(Metadata { kind: Kind::File, mode, .. }) => {
                Some((workspace.files().read(&path, MAX_EDITED_BYTES).map_err(|e| refuse(&e))?, mode))
            }
            Ok(_) => return Err(format!("{} is not a file\nNothing was changed.", show(&path))),
            Err(error) if error.reason == Refusal::NotFound => None,
            Err(error) => return Err(refuse(&error)),
        };
        Ok(Self { path, before })
    }

    fn put_back(&self, workspace: &Workspace) {
        // What can't be put back is put back from the snapshot that was taken before the call.
        let _ = match &self.before {
            Some((source, mode)) => workspace.files().write_with_mode(&self.path, source, *mode),
            None => workspace.files().remove_file(&self.path),
        };
    }
}

fn carry_out(workspace: &Workspace, change: &Change, kept: &[Kept]) -> Result<(), String> {
    match change {
        Change::Write { path, source, mode, is_new, .. } => {
            if *is_new {
                make_parents(workspace, path)?;
            }
            let files = workspace.files();
            let written = match mode.as_ref().and_then(|mode| bits(mode, kept)) {
                Some(mode) => files.write_with_mode(path, source, mode),
                None => files.write(path, source),
            };
            written.map_err(|error| workspace.refusal(path, &error))
        }
        Change::Delete { path } => {
            workspace.files().remove_file(path).map_err(|error| workspace.refusal(path, &error))?;
            remove_empty_parents(workspace, path);
            Ok(())
        }
    }
}

fn bits(mode: &Mode, kept: &[Kept]) -> Option<u32> {
    match mode {
        Mode::Bits(bits) => Some(*bits),
        Mode::Of(old) => kept.iter().find(|kept| kept.path == *old)?.before.as_ref().map(|(_, mode)| *mode),
    }
}

/// As git does: a directory goes with its last file.
fn remove_empty_parents(workspace: &Workspace, path: &Path) {
    let parents = path.ancestors().skip(1).take_while(|parent| !parent.as_os_str().is_empty());
    for parent in parents {
        if workspace.files().remove_dir(parent).is_err() {
            return;
        }
    }
}

fn line(change: &Change) -> String {
    match change {
        Change::Delete { path } => format!("deleted {}\n", show(path)),
        Change::Write { path, is_new: true, .. } => format!("created {}\n", show(path)),
        Change::Write { path, shifts, .. } => {
            let moved: Vec<String> = shifts
                .iter()
                .enumerate()
                .filter(|(_, shift)| **shift != 0)
                .map(|(hunk, shift)| format!("hunk {} applied {shift:+} lines off", hunk + 1))
                .collect();
            let moved = if moved.is_empty() { String::new() } else { format!(" ({})", moved.join(", ")) };
            format!("changed {}{moved}\n", show(path))
        }
    }
}
