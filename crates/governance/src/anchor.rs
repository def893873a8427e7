//! Checkpoints as files off the box: what the log is held against when the database itself can't be trusted.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::SignedCheckpoint;

/// Files that this process wrote beside their place.
static FILES: AtomicU64 = AtomicU64::new(0);

/// Writes a checkpoint to `<tenant>-<size>.checkpoint` in `dir`, whole and flushed to the disk when it returns. A file
/// that is there is never replaced: with the same content it is left as it is.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is another checkpoint of that size: the log has been forked. Otherwise why
/// the directory can't be written.
pub fn write_checkpoint(dir: &Path, checkpoint: &SignedCheckpoint) -> io::Result<PathBuf> {
    let said = checkpoint.unverified();
    let path = dir.join(format!("{}-{}.checkpoint", said.tenant, said.size));
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let scratch = dir.join(format!(".{}-{}-{}-{number}.new", said.tenant, said.size, std::process::id()));
    let text = checkpoint.text();
    let placed = write_new(&scratch, text.as_bytes()).and_then(|()| place(&scratch, &path));
    let _ = fs::remove_file(&scratch);
    match placed {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && fs::read(&path)? == text.as_bytes() => {}
        placed => placed?,
    }
    File::open(dir)?.sync_all()?;
    Ok(path)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a process of the same number left behind when it was killed.
    let _ = fs::remove_file(path);
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a file its name. Unlike a rename, a link does not take the place of what is there.
fn place(scratch: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(scratch, path) {
        // A stick or a share without links.
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists && !path.exists() => fs::rename(scratch, path),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use domain::{TenantId, Timestamp};

    use super::*;
    use crate::head::Head;
    use crate::key::SigningKey;

    fn checkpoint(micros: i64) -> SignedCheckpoint {
        let key = SigningKey::from_seed(&[3; 32]).expect("a seed");
        let sign = |bytes: &[u8]| Some(key.sign(bytes));
        let head = Head::empty(TenantId::LOCAL);
        crate::sign_checkpoint(&head, Timestamp::from_micros(micros), None, key.public(), sign)
            .expect("our key")
    }

    #[test]
    fn a_checkpoint_is_written_once_and_never_replaced() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (one, other) = (checkpoint(1), checkpoint(2));
        let path = write_checkpoint(dir.path(), &one).expect("our directory");
        assert_eq!(path, dir.path().join(format!("{}-0.checkpoint", TenantId::LOCAL)));
        assert_eq!(write_checkpoint(dir.path(), &one).expect("it is there"), path);
        let refused = write_checkpoint(dir.path(), &other).map_err(|e| e.kind());
        assert_eq!(refused, Err(io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), one.text());
        assert_eq!(fs::read_dir(dir.path()).expect("our directory").count(), 1);
        let nowhere = write_checkpoint(&dir.path().join("none"), &one).map_err(|e| e.kind());
        assert_eq!(nowhere, Err(io::ErrorKind::NotFound));
    }
}
