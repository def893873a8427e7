//! `list_files`.

use std::path::Path;

use code::listing::{self, Bounds, Entry};
use code::tree::NodeKind;

use crate::arguments::ListFiles;
use crate::paths::{Access, Workspace, show};

/// Entries of one directory: more of them are rarely what is looked for.
const MAX_PER_DIRECTORY: usize = 100;
/// Entries in all, about 2,000 tokens.
const MAX_TOTAL: usize = 400;
/// Deeper than any source tree that people keep.
const MAX_DEPTH: u64 = 20;

pub(super) fn run(root: &Path, arguments: &ListFiles) -> Result<String, String> {
    let workspace = Workspace::open(root)?;
    let path = workspace.path(arguments.path.as_deref().unwrap_or(""), Access::Read)?;
    let start = workspace.resolved(&path)?;
    let depth = usize::try_from(arguments.depth.min(MAX_DEPTH)).unwrap_or(1);
    let bounds = Bounds { depth, per_directory: MAX_PER_DIRECTORY, total: MAX_TOTAL };
    let listing = listing::list(&workspace.tree(), &start, bounds).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotADirectory => format!("{} is not a directory; use read_file", show(&path)),
        std::io::ErrorKind::NotFound => format!("{} does not exist", show(&path)),
        _ => format!("cannot list {}: {error}", show(&path)),
    })?;
    if listing.entries.is_empty() {
        return Ok(format!("{} is empty", show(&path)));
    }
    let mut text = String::new();
    for entry in &listing.entries {
        line(entry, &mut text);
    }
    if listing.gave_up {
        text.push_str("… and more: the tree is too large, list a part of it\n");
    }
    Ok(text)
}

fn line(entry: &Entry, text: &mut String) {
    let (Entry::Node { depth, .. } | Entry::More { depth, .. }) = entry;
    text.push_str(&"  ".repeat(depth - 1));
    match entry {
        Entry::More { count, .. } => text.push_str(&format!("… {count} more")),
        Entry::Node { path, kind, size_bytes, target, .. } => {
            text.push_str(&path.file_name().map(|name| show(Path::new(name))).unwrap_or_default());
            match kind {
                NodeKind::Directory => text.push('/'),
                NodeKind::File => text.push_str(&format!(" {}", size(size_bytes.unwrap_or(0)))),
                NodeKind::Link => {
                    text.push_str(&format!(" -> {}", target.as_deref().map(show).unwrap_or_default()));
                }
                NodeKind::Special => text.push_str(" (pipe, socket or device)"),
            }
        }
    }
    text.push('\n');
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => bytes.to_string(),
        1_000..1_000_000 => format!("{}K", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}M", bytes / 1_000_000),
        _ => format!("{}G", bytes / 1_000_000_000),
    }
}
