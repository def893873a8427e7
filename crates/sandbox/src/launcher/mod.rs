//! The far side of a session: the process that builds a run's namespaces, and the run's init inside them.
//!
//! ```text
//! aamas ──spawn──▶ launcher ──clone──▶ init (PID 1) ──clone──▶ reaper (PID 1 of a command) ──fork──▶ the command
//!   └───────── one socket ───────────────┘
//! ```
//!
//! The launcher stays outside only to write the user namespace's maps and to see init end; init never executes another
//! program. When the socket closes, init ends, and with it everything in its pid namespace.

pub(crate) mod cgroup;
mod confine;
mod disk;
mod forward;
pub(crate) mod idmap;
mod init;
pub(crate) mod landlock;
mod memory;
mod root;
pub(crate) mod seccomp;
mod slots;
mod sources;
mod spawn;
pub(crate) use spawn::MAX_RESULT;
pub(crate) mod sys;
mod watch;

use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;

use crate::Builtins;
use crate::wire::{self, Doing, Failure, Reply, SessionStart, Start};
use cgroup::Cgroups;
use idmap::OwnerMaps;

/// The namespaces of a run.
pub(crate) const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// HOME inside, when the plan's environment names none.
const DEFAULT_HOME: &str = "/home/agent";
/// Descriptors from here on are the launcher's own; what a session hands to a command is placed below.
const OWN_FDS: i32 = 64;
/// When the machine runs out of memory, what runs inside goes before what runs outside.
const OOM_SCORE: &[u8] = b"500";

/// Serves as a session's launcher, or as a probe, over the socket inherited as standard input. The binary calls this for
/// its hidden sub-command `sandbox-launcher`, before any thread or runtime exists.
///
/// # Panics
/// Never on what arrives over the socket: what can't be understood ends the process.
pub fn run_launcher(builtins: Builtins) -> ! {
    std::process::exit(match serve(builtins) {
        Ok(()) => 0,
        Err(failure) => {
            eprintln!(
                "sandbox launcher: cannot {}: {}",
                failure.doing,
                Errno::from_raw(failure.errno).desc()
            );
            1
        }
    })
}

fn serve(builtins: Builtins) -> Result<(), Failure> {
    let control = take_control()?;
    match wire::receive::<Start>(control.as_fd()).doing(|| "read what to start".to_owned())? {
        None => Ok(()),
        Some((Start::Session(start), _)) => session(control, &start, builtins),
        Some((Start::Probe { scratch, uid, gid }, _)) => {
            crate::probe::serve(control.as_fd(), &scratch, uid, gid)
        }
    }
}

/// Moves the socket away from standard input, where a command's own input will be.
fn take_control() -> Result<OwnedFd, Failure> {
    let stdin = std::io::stdin();
    let control = dup_high(stdin.as_fd())?;
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .doing(|| "open /dev/null".to_owned())?;
    nix::unistd::dup2_stdin(&null).doing(|| "replace standard input".to_owned())?;
    Ok(control)
}

/// A copy of a descriptor, numbered [`OWN_FDS`] or more.
fn dup_high(fd: impl AsFd) -> Result<OwnedFd, Failure> {
    use std::os::fd::FromRawFd;
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(OWN_FDS)).doing(|| "copy a descriptor".to_owned())?;
    // SAFETY: the kernel has just made this descriptor; nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Makes the run's init and waits until it is gone.
fn session(control: OwnedFd, start: &SessionStart, builtins: Builtins) -> Result<(), Failure> {
    let mut cgroups = Cgroups::prepare();
    let result = clone_init(&control, start, cgroups.as_mut(), builtins);
    let result = match result {
        Ok(init) => {
            drop(control);
            let _ = nix::sys::wait::waitpid(init, None);
            Ok(())
        }
        Err(failure) => {
            let _ = wire::send(control.as_fd(), &Reply::Failed(failure.clone()));
            Err(failure)
        }
    };
    if let Some(cgroups) = &mut cgroups {
        cgroups.remove();
    }
    result
}

fn clone_init(
    control: &OwnedFd,
    start: &SessionStart,
    cgroups: Option<&mut Cgroups>,
    builtins: Builtins,
) -> Result<nix::unistd::Pid, Failure> {
    let _ = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE);
    let home = home_of(start);
    let is_root = nix::unistd::geteuid().is_root();
    let held = if is_root {
        Some(sources::take(start, &home, &OwnerMaps::new(start.uid, start.gid))?)
    } else {
        None
    };
    let (mut wait, mut release) = std::io::pipe().doing(|| "make a pipe".to_owned())?;
    match sys::fork_into(NAMESPACES).doing(|| "create new namespaces".to_owned())? {
        sys::Forked::Child => {
            drop(release);
            // No byte: the launcher failed or died before the maps were written.
            if wait.read(&mut [0]).is_ok_and(|n| n == 1) {
                drop(wait);
                let items = match held {
                    Some(items) => Ok(items),
                    None => sources::take(start, &home, &OwnerMaps::new(start.uid, start.gid)),
                };
                let cgroups = cgroups.map(Cgroups::slots);
                init::run(control, start, items, &home, cgroups, builtins);
            }
            sys::exit_now(1)
        }
        sys::Forked::Parent(pid) => {
            let made = write_maps(pid, start.uid, start.gid)
                .and_then(|()| release.write_all(&[1]).doing(|| "release the sandbox's init".to_owned()));
            let pid = nix::unistd::Pid::from_raw(pid);
            if made.is_err() {
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
                let _ = nix::sys::wait::waitpid(pid, None);
            }
            made.map(|()| pid)
        }
    }
}

/// The commands' uid and gid, the same inside and outside, and no others.
pub(crate) fn write_maps(pid: libc::pid_t, uid: u32, gid: u32) -> Result<(), Failure> {
    let write = |name: &str, text: String| {
        // These files take one write, and no O_CREAT or O_TRUNC.
        std::fs::OpenOptions::new()
            .write(true)
            .open(format!("/proc/{pid}/{name}"))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .doing(|| format!("write {name} of the user namespace"))
    };
    if !nix::unistd::geteuid().is_root() {
        write("setgroups", "deny".to_owned())?;
    }
    write("uid_map", format!("{uid} {uid} 1"))?;
    write("gid_map", format!("{gid} {gid} 1"))
}

/// HOME as the plan names it, unless an empty directory there would hide the system or be impossible.
fn home_of(start: &SessionStart) -> PathBuf {
    let named = start.plan.env.iter().find(|(name, _)| name == "HOME").map(|(_, value)| Path::new(value));
    named.filter(|path| sources::is_placeable(path)).unwrap_or(Path::new(DEFAULT_HOME)).to_owned()
}

/// A copy of a raw descriptor at exactly this number, kept across `exec`.
fn place(fd: &OwnedFd, number: i32) -> Result<(), Failure> {
    // SAFETY: the numbers used are 0 to 3, which nothing in this process owns at this point.
    Errno::result(unsafe { libc::dup2(fd.as_raw_fd(), number) })
        .map(drop)
        .doing(|| "place a descriptor".to_owned())
}
