//! How full a file system is.

use std::io;
use std::path::Path;

/// Space of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What is taken.
    pub used: u64,
    /// What there is for us: taken and free; what only root may use counts as neither.
    pub total: u64,
}

/// The space of the file system that `path` lies on.
///
/// # Errors
/// If it can't be asked.
pub fn space(path: &Path) -> io::Result<Space> {
    let stat = nix::sys::statvfs::statvfs(path)?;
    let used = stat.blocks().saturating_sub(stat.blocks_free()).saturating_mul(stat.fragment_size());
    let free = stat.blocks_available().saturating_mul(stat.fragment_size());
    Ok(Space { used, total: used.saturating_add(free) })
}
