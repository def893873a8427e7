//! Files of another owner that commands may change copies of: shown under the commands' own uid.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::sys;
use crate::wire::{Doing, Failure};

/// Makes layers that belong to someone else look as if they were the commands'. Only root can, and only root has to:
/// an ordinary user's commands are that user.
pub(crate) struct OwnerMaps {
    uid: u32,
    gid: u32,
    needed: bool,
    made: std::cell::RefCell<Vec<((u32, u32), OwnedFd)>>,
}

impl OwnerMaps {
    pub(crate) fn new(uid: u32, gid: u32) -> Self {
        let needed = nix::unistd::geteuid().is_root();
        Self { uid, gid, needed, made: std::cell::RefCell::default() }
    }

    /// Maps the owner of `path` to the commands' uid on the detached mount of it, where they differ.
    pub(crate) fn adopt(&self, path: &Path, mount: BorrowedFd<'_>) -> Result<(), Failure> {
        let meta = std::fs::metadata(path).doing(|| format!("look at {}", path.display()))?;
        let owner = (meta.uid(), meta.gid());
        if !self.needed || owner.0 == self.uid {
            return Ok(());
        }
        let doing = || format!("show {} as the commands' own", path.display());
        let mut made = self.made.borrow_mut();
        if !made.iter().any(|(known, _)| *known == owner) {
            made.push((owner, namespace(owner, (self.uid, self.gid)).doing(doing)?));
        }
        let map = &made.iter().find(|(known, _)| *known == owner).expect("made above").1;
        sys::set_idmap(mount, map.as_fd()).doing(doing)
    }
}

/// A user namespace that maps one owner on disk to one owner in the mount. Its only process is gone when this returns.
fn namespace(on_disk: (u32, u32), shown: (u32, u32)) -> std::io::Result<OwnedFd> {
    let (wait, release) = std::io::pipe()?;
    match sys::fork_into(libc::CLONE_NEWUSER)? {
        sys::Forked::Child => {
            drop(release);
            let mut wait = wait;
            let _ = wait.read(&mut [0]);
            sys::exit_now(0);
        }
        sys::Forked::Parent(pid) => {
            let map = |kind: &str, from: u32, to: u32| {
                File::options()
                    .write(true)
                    .open(format!("/proc/{pid}/{kind}_map"))?
                    .write_all(format!("{from} {to} 1").as_bytes())
            };
            let made = map("uid", on_disk.0, shown.0)
                .and_then(|()| map("gid", on_disk.1, shown.1))
                .and_then(|()| File::open(format!("/proc/{pid}/ns/user")));
            drop(release);
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
            made.map(OwnedFd::from)
        }
    }
}
