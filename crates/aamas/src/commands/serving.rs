//! One server for each data directory: the lock that says so.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::host;
use crate::cli::Global;
use crate::refusal::Refusal;

/// Tries to hold a data directory, and the time between them: somebody may just be looking whether a server runs.
const TRIES: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(20);

/// Holds the data directory: a second server is refused, and told who has it.
#[expect(clippy::disallowed_methods, reason = "nobody tells when a glance at a lock is over")]
pub fn hold(data_dir: &Path) -> Result<File, Refusal> {
    let path = place(data_dir);
    let failed = |e| unusable(&path, &e);
    let mut file =
        File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    for left in (0..TRIES).rev() {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if left > 0 => std::thread::sleep(BETWEEN),
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                return Err(Refusal::usage(
                    "already_serving",
                    format!("process {} serves this data directory already", pid.trim()),
                    "stop it first, or serve another one with --data-dir",
                ));
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// Whether a server runs on the data directory.
fn is_held(data_dir: &Path) -> Result<bool, Refusal> {
    let path = place(data_dir);
    let file = match File::open(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(|e| unusable(&path, &e))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(unusable(&path, &e)),
    }
}

/// Whether a server may be at work on the rows of this machine. In another database, that of another machine may be.
pub fn is_served(global: &Global) -> Result<bool, Refusal> {
    Ok(global.database().is_some() || is_held(&host::data_dir(global)?)?)
}

fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("serve.lock")
}

fn unusable(path: &Path, error: &std::io::Error) -> Refusal {
    let message = format!("cannot hold {}: {error}", path.display());
    Refusal::internal("unwritable", message, "make the data directory writable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_by_one_and_looking_does_not_get_in_the_way() {
        let dir = tempfile::tempdir().expect("a directory");
        let looked = || is_held(dir.path()).expect("it can be looked at");
        assert!(!looked(), "nobody was ever here");
        let held = hold(dir.path()).expect("it is free");
        assert!(looked());
        assert_eq!(hold(dir.path()).expect_err("it is taken").error.code, "already_serving");
        drop(held);
        assert!(!looked());
        let glance = File::open(place(dir.path())).expect("the lock's file stays");
        glance.lock_shared().expect("nobody holds it");
        let other = std::thread::spawn({
            let dir = dir.path().to_owned();
            move || hold(&dir).is_ok()
        });
        drop(glance);
        assert!(other.join().expect("it does not panic"), "a glance is waited out");
    }
}
