//! The trials, in the launcher: each in processes of its own, since most can't be undone.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Pid, Uid};

use super::{
    CGROUPS, IDMAP, LANDLOCK, MASKS, MOUNTS, NETWORK, OVERLAY, PROC, ProbeRow, SCOPES, SECCOMP,
    USER_NAMESPACE, primitive,
};
use crate::launcher::cgroup::Cgroups;
use crate::launcher::idmap::OwnerMaps;
use crate::launcher::{landlock, seccomp, sys};
use crate::wire::{self, Doing, Failure, Reply};

/// Where trials mount what they mount; a namespace's own copy of it.
const PLACE: &str = "/tmp";
/// Namespaces of the trials that mount.
const MOUNTING: i32 = libc::CLONE_NEWUSER | libc::CLONE_NEWNS;

/// What a trial found, or which step failed.
type Found = Result<String, Failure>;

#[derive(Clone, Copy)]
struct Trials<'a> {
    scratch: &'a Path,
    uid: u32,
    gid: u32,
}

/// Tries everything and sends a row for each.
pub(crate) fn serve(control: BorrowedFd<'_>, scratch: &Path, uid: u32, gid: u32) -> Result<(), Failure> {
    let trials = Trials { scratch, uid, gid };
    let tries: [(&str, &dyn Fn() -> Found); 11] = [
        (USER_NAMESPACE, &|| trials.user_namespace()),
        (MOUNTS, &|| trials.mounts()),
        (PROC, &|| trials.processes()),
        (NETWORK, &|| trials.network()),
        (LANDLOCK, &|| trials.landlock()),
        (SCOPES, &|| scopes()),
        (SECCOMP, &|| trials.seccomp()),
        (OVERLAY, &|| trials.overlay()),
        (MASKS, &|| trials.masks()),
        (IDMAP, &|| trials.idmap()),
        (CGROUPS, &|| cgroups()),
    ];
    for (name, attempt) in tries {
        let found = attempt();
        let fix = primitive(name).map(|p| p.fix.to_owned()).filter(|_| found.is_err());
        let ok = found.is_ok();
        let detail =
            found.unwrap_or_else(|f| format!("cannot {}: {}", f.doing, Errno::from_raw(f.errno).desc()));
        let row = ProbeRow { name: name.to_owned(), ok, detail, fix };
        wire::send(control, &Reply::Row(row)).doing(|| "report a trial".to_owned())?;
    }
    Ok(())
}

impl Trials<'_> {
    fn user_namespace(self) -> Found {
        self.inside(libc::CLONE_NEWUSER, || {
            let uid = nix::unistd::geteuid().as_raw();
            if uid == self.uid {
                Ok(format!("commands run as uid {uid}"))
            } else {
                Err(unexpected("keep the uid"))
            }
        })
    }

    fn mounts(self) -> Found {
        self.inside(MOUNTING, || {
            let fd = empty_root()?;
            let tree = sys::clone_tree_at(fd.as_fd(), "").doing(|| "copy a mount".to_owned())?;
            sys::set_attributes(tree.as_fd(), sys::ATTR_RDONLY, true)
                .doing(|| "make a mount read-only".to_owned())?;
            std::fs::create_dir(format!("{PLACE}/copy")).doing(|| "make a directory".to_owned())?;
            let target = open_dir(&format!("{PLACE}/copy"))?;
            sys::attach(tree.as_fd(), target.as_fd()).doing(|| "attach a mount".to_owned())?;
            refused(std::fs::write(format!("{PLACE}/copy/x"), "x"), "write to a read-only mount")?;
            Ok("mounts, and a read-only one refuses writes".to_owned())
        })
    }

    fn processes(self) -> Found {
        self.inside(MOUNTING | libc::CLONE_NEWPID, || {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
                .doing(|| "mount /proc".to_owned())?;
            let seen = std::fs::read_dir("/proc").doing(|| "list /proc".to_owned())?.flatten();
            let pids =
                seen.filter(|e| e.file_name().to_str().is_some_and(|n| n.parse::<u32>().is_ok())).count();
            if pids == 1 {
                Ok("only own processes are seen".to_owned())
            } else {
                Err(unexpected("hide other processes"))
            }
        })
    }

    /// A listener of the host, which answers outside and must not inside.
    fn network(self) -> Found {
        let listener = TcpListener::bind("127.0.0.1:0").doing(|| "listen".to_owned())?;
        let address = listener.local_addr().doing(|| "listen".to_owned())?;
        TcpStream::connect(address).doing(|| "reach a local service from outside".to_owned())?;
        self.inside(libc::CLONE_NEWUSER | libc::CLONE_NEWNET, || {
            sys::loopback_up().doing(|| "bring up the loopback interface".to_owned())?;
            refused(TcpStream::connect(address), "reach a service of the host")?;
            refused(TcpStream::connect("192.0.2.1:80"), "reach a stranger")?;
            Ok("a service of the host can't be reached".to_owned())
        })
    }

    /// Needs no namespace, so that S1 is told apart from nothing. Paths are relative: the way to the scratch directory may
    /// be closed to the commands' user.
    fn landlock(self) -> Found {
        nix::unistd::chdir(self.scratch).doing(|| "enter the scratch directory".to_owned())?;
        let found = self.inside(0, || {
            std::fs::create_dir("inner").doing(|| "make a directory".to_owned())?;
            std::fs::write("outer", "x").doing(|| "write before the rules".to_owned())?;
            let rules =
                landlock::ruleset(&[Path::new("inner")]).doing(|| "make the Landlock rules".to_owned())?;
            sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).doing(|| "give up new privileges".to_owned())?;
            landlock::restrict(rules.as_fd()).doing(|| "put the Landlock rules in force".to_owned())?;
            std::fs::write("inner/x", "x").doing(|| "write where the rules allow it".to_owned())?;
            refused(std::fs::write("outer", "y"), "write where the rules forbid it")?;
            Ok(format!("version {}; a forbidden write is refused", landlock::abi()))
        });
        let _ = nix::unistd::chdir("/");
        found
    }

    fn seccomp(self) -> Found {
        self.inside(0, || {
            seccomp::refuse_one(libc::SYS_getppid).doing(|| "put a filter in force".to_owned())?;
            // SAFETY: takes nothing.
            let result = Errno::result(unsafe { libc::syscall(libc::SYS_getppid) });
            refused(result, "make a call that the filter forbids")?;
            Ok("a forbidden call is refused".to_owned())
        })
    }

    /// Not the mount but its behaviour: without `userxattr` an ordinary user's overlay mounts and is broken.
    fn overlay(self) -> Found {
        let held = self.hold();
        self.inside(MOUNTING, || {
            let tree = held.unwrap_or_else(|| self.take())?;
            let root = empty_root()?;
            for name in ["s", "m"] {
                std::fs::create_dir(format!("{PLACE}/{name}")).doing(|| "make a directory".to_owned())?;
            }
            drop(root);
            let target = open_dir(&format!("{PLACE}/s"))?;
            sys::attach(tree.as_fd(), target.as_fd()).doing(|| "stage the layers".to_owned())?;
            let scratch = format!("{PLACE}/s");
            for name in ["lower/dir/sub", "lower/gone", "upper", "work"] {
                std::fs::create_dir_all(format!("{scratch}/{name}")).doing(|| format!("make {name}"))?;
            }
            std::fs::write(format!("{scratch}/lower/dir/file"), "old")
                .doing(|| "write a layer".to_owned())?;
            let options =
                format!("lowerdir={scratch}/lower,upperdir={scratch}/upper,workdir={scratch}/work,userxattr");
            let merged = format!("{PLACE}/m");
            mount(
                Some("overlay"),
                merged.as_str(),
                Some("overlay"),
                MsFlags::empty(),
                Some(options.as_str()),
            )
            .doing(|| "mount an overlay".to_owned())?;
            overlay_behaves(&merged, &scratch)
        })
    }

    fn masks(self) -> Found {
        self.inside(MOUNTING, || {
            let _root = empty_root()?;
            let (secret, empty) = (format!("{PLACE}/secret"), format!("{PLACE}/empty"));
            std::fs::write(&secret, "canary").doing(|| "write a file".to_owned())?;
            std::fs::write(&empty, "").doing(|| "write a file".to_owned())?;
            let flags = MsFlags::MS_BIND;
            mount(Some(empty.as_str()), secret.as_str(), None::<&str>, flags, None::<&str>)
                .doing(|| "cover a file".to_owned())?;
            let text = std::fs::read_to_string(&secret).doing(|| "read a covered file".to_owned())?;
            if text.is_empty() {
                Ok("a covered file reads as empty".to_owned())
            } else {
                Err(unexpected("cover a file"))
            }
        })
    }

    fn idmap(self) -> Found {
        if !nix::unistd::geteuid().is_root() {
            return Ok("not needed: commands run as the caller".to_owned());
        }
        let dir = self.scratch.join("root-owned");
        std::fs::create_dir(&dir).doing(|| "make a directory".to_owned())?;
        let tree = sys::clone_tree(&dir).doing(|| "copy a mount".to_owned())?;
        OwnerMaps::new(self.uid, self.gid).adopt(&dir, tree.as_fd())?;
        Ok("root's folders can be seen copy-on-write".to_owned())
    }

    /// Takes hold of the scratch directory while one still is root; an ordinary user does so in its namespace.
    fn hold(self) -> Option<Result<OwnedFd, Failure>> {
        nix::unistd::geteuid().is_root().then(|| self.take())
    }

    fn take(self) -> Result<OwnedFd, Failure> {
        sys::clone_tree(self.scratch).doing(|| format!("take hold of {}", self.scratch.display()))
    }

    /// Runs a trial in new namespaces, as the commands' user, and hands on what it found.
    fn inside(self, namespaces: i32, trial: impl FnOnce() -> Found) -> Found {
        let pipe = |what: &str| std::io::pipe().doing(|| what.to_owned());
        let (mut wait, mut release) = pipe("make a pipe")?;
        let (mut answer, mut tell) = pipe("make a pipe")?;
        match sys::fork_into(namespaces).doing(|| "create new namespaces".to_owned())? {
            sys::Forked::Child => {
                drop((release, answer));
                if wait.read(&mut [0]).is_ok_and(|n| n == 1) {
                    let found = self.become_user(namespaces).and_then(|()| trial());
                    let _ = tell.write_all(&serde_json::to_vec(&found).unwrap_or_default());
                }
                sys::exit_now(0)
            }
            sys::Forked::Parent(pid) => {
                drop((wait, tell));
                let mapped = if namespaces & libc::CLONE_NEWUSER == 0 {
                    Ok(())
                } else {
                    crate::launcher::write_maps(pid, self.uid, self.gid)
                };
                if mapped.is_ok() {
                    let _ = release.write_all(&[1]);
                }
                drop(release);
                let mut text = Vec::new();
                let _ = answer.read_to_end(&mut text);
                let _ = nix::sys::wait::waitpid(Pid::from_raw(pid), None);
                mapped?;
                serde_json::from_slice(&text).unwrap_or_else(|_| Err(unexpected("finish the trial")))
            }
        }
    }

    fn become_user(self, namespaces: i32) -> Result<(), Failure> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        if nix::unistd::geteuid() != uid {
            nix::unistd::setgroups(&[]).doing(|| "give up the groups".to_owned())?;
            nix::unistd::setresgid(gid, gid, gid).doing(|| "become the commands' group".to_owned())?;
            nix::unistd::setresuid(uid, uid, uid).doing(|| "become the commands' user".to_owned())?;
        }
        if namespaces & libc::CLONE_NEWNS != 0 {
            let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
                .doing(|| "make the mounts private".to_owned())?;
        }
        Ok(())
    }
}

/// A memory-backed file system of the trial's own.
fn empty_root() -> Result<OwnedFd, Failure> {
    mount(Some("trial"), PLACE, Some("tmpfs"), MsFlags::empty(), Some("size=1m"))
        .doing(|| "mount a tmpfs".to_owned())?;
    open_dir(PLACE)
}

fn open_dir(path: &str) -> Result<OwnedFd, Failure> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty()).doing(|| format!("open {path}"))
}

/// What workspaces do all day, and what marks it leaves in the upper directory.
fn overlay_behaves(merged: &str, scratch: &str) -> Found {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let step = |what: &'static str| move || what.to_owned();
    std::fs::remove_dir(format!("{merged}/gone")).doing(step("remove a directory of the lower layer"))?;
    std::fs::create_dir(format!("{merged}/new")).doing(step("make a directory"))?;
    std::fs::rename(format!("{merged}/new"), format!("{merged}/renamed"))
        .doing(step("rename a new directory"))?;
    std::fs::remove_dir_all(format!("{merged}/dir")).doing(step("remove a tree of the lower layer"))?;
    std::fs::create_dir(format!("{merged}/dir")).doing(step("make a directory again"))?;
    let left = std::fs::read_dir(format!("{merged}/dir")).doing(step("list a directory made again"))?.count();
    let gone =
        std::fs::symlink_metadata(format!("{scratch}/upper/gone")).doing(step("look for a whiteout"))?;
    if left != 0 {
        return Err(unexpected("hide what lies below a directory that was made again"));
    }
    if !gone.file_type().is_char_device() || gone.rdev() != 0 {
        return Err(unexpected("leave a whiteout for what was removed"));
    }
    Ok("removing, renaming and making again leave the right marks".to_owned())
}

fn scopes() -> Found {
    let abi = landlock::abi();
    if abi >= landlock::SCOPED_ABI {
        return Ok("signals and abstract sockets stay inside".to_owned());
    }
    Err(Failure::new(
        format!("use version {} of Landlock (this is {abi})", landlock::SCOPED_ABI),
        Errno::ENOSYS,
    ))
}

fn cgroups() -> Found {
    match Cgroups::prepare() {
        Some(mut cgroups) => {
            cgroups.remove();
            Ok("memory and processes are bounded by the kernel".to_owned())
        }
        None => Err(Failure::new("make control groups with memory and pids", Errno::EACCES)),
    }
}

/// What must not work did not work.
fn refused<T, E>(result: Result<T, E>, what: &str) -> Result<(), Failure> {
    match result {
        Ok(_) => Err(unexpected(&format!("be kept from it: it could {what}"))),
        Err(_) => Ok(()),
    }
}

fn unexpected(what: &str) -> Failure {
    Failure::new(what, Errno::EPROTO)
}
