//! Commands and built-ins: children of init, each the first process of a pid namespace of its own.

use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::{MsFlags, mount};
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::sys::wait::{WaitStatus, waitpid};

use super::cgroup::Slot;
use super::confine::{self, Confinement};
use super::slots::Slots;
use super::{place, sys};
use crate::wire::{Doing, Ended, Failure};
use crate::{Builtin, Limits, Program};

/// The longest answer of a built-in.
pub(crate) const MAX_RESULT: usize = 16 << 20;
/// Processes of a run that are not the command's own: its reaper and the run's init.
const OWN_PROCESSES: u32 = 2;
/// The conventions of shells for what can't be run, and what can't be found.
const CANNOT_RUN: i32 = 126;
const NOT_FOUND: i32 = 127;

/// What all commands of a run have in common.
pub(super) struct Ground {
    pub(super) root: PathBuf,
    pub(super) root_fd: OwnedFd,
    pub(super) env: Vec<(String, String)>,
    pub(super) confinement: Confinement,
    pub(super) slots: Slots,
    pub(super) null: OwnedFd,
}

/// One command.
pub(super) struct Job<'a> {
    pub(super) slot: usize,
    pub(super) program: &'a Program,
    pub(super) cwd: &'a Path,
    pub(super) env: &'a [(String, String)],
    pub(super) limits: &'a Limits,
    /// Standard input, output and error.
    pub(super) streams: [&'a OwnedFd; 3],
    pub(super) cgroup: Option<&'a Slot>,
}

/// Starts a command and returns the pid of its reaper, whose death ends all its processes.
pub(super) fn command(ground: &Ground, job: &Job<'_>) -> Result<libc::pid_t, Failure> {
    let namespaces = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC;
    match sys::fork_into(namespaces).doing(|| "create a command's namespaces".to_owned())? {
        sys::Forked::Parent(pid) => Ok(pid),
        sys::Forked::Child => {
            if let Err(failure) = reap(ground, job) {
                ground.slots.set(job.slot, &Ended::NotStarted(failure));
            }
            sys::exit_now(0)
        }
    }
}

/// Starts a built-in, which reads its arguments from `arguments` and writes its answer to `result`.
pub(super) fn builtin(
    ground: &Ground,
    slot: usize,
    function: Builtin,
    limits: &Limits,
    arguments: &OwnedFd,
    result: &OwnedFd,
) -> Result<libc::pid_t, Failure> {
    match sys::fork_into(libc::CLONE_NEWPID).doing(|| "create a built-in's namespace".to_owned())? {
        sys::Forked::Parent(pid) => Ok(pid),
        sys::Forked::Child => {
            let run = || {
                place(arguments, 0)?;
                place(&ground.null, 1)?;
                place(&ground.null, 2)?;
                place(result, 3)?;
                confine::limit(limits)?;
                nix::unistd::fchdir(&ground.root_fd).doing(|| "enter the workspace".to_owned())?;
                confined(ground, 4)?;
                answer(ground, function)
            };
            let how = run().map_or_else(Ended::NotStarted, |()| Ended::Exited(0));
            ground.slots.set(slot, &how);
            sys::exit_now(0)
        }
    }
}

/// The first process of a command: confines itself, starts the program and waits for it.
fn reap(ground: &Ground, job: &Job<'_>) -> Result<(), Failure> {
    if let Some(cgroup) = job.cgroup {
        cgroup.join()?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .doing(|| "mount the command's /proc".to_owned())?;
    for (number, stream) in (0..).zip(job.streams) {
        place(stream, number)?;
    }
    let entered = enter(ground, job.cwd);
    confined(ground, 3)?;
    match sys::fork_into(0).doing(|| "start the command's process".to_owned())? {
        sys::Forked::Child => {
            match confine::limit(&with_own_processes(job.limits)) {
                Ok(()) => execute(ground, job, entered),
                Err(failure) => ground.slots.set(job.slot, &Ended::NotStarted(failure)),
            }
            sys::exit_now(CANNOT_RUN)
        }
        sys::Forked::Parent(pid) => {
            let _ = sys::close_from(0);
            ground.slots.set(job.slot, &wait_for(pid));
            Ok(())
        }
    }
}

/// Waits for one process and collects all others that end meanwhile.
fn wait_for(pid: libc::pid_t) -> Ended {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(which, code)) if which.as_raw() == pid => return Ended::Exited(code),
            Ok(WaitStatus::Signaled(which, signal, _)) if which.as_raw() == pid => {
                return Ended::Signaled(signal as i32);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Ended::NotStarted(Failure::new("wait for the command", errno)),
        }
    }
}

fn with_own_processes(limits: &Limits) -> Limits {
    Limits { processes: limits.processes.saturating_add(OWN_PROCESSES), ..*limits }
}

/// Gives up everything and closes the descriptors from `first` on.
pub(super) fn confined(ground: &Ground, first: i32) -> Result<(), Failure> {
    debug_assert!(
        ground.confinement.fd().as_raw_fd() >= first,
        "the rules are numbered above what is placed"
    );
    ground.confinement.apply()?;
    for signal in [Signal::SIGPIPE, Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) };
    }
    let _ = SigSet::empty().thread_set_mask();
    sys::close_from(first).doing(|| "close descriptors".to_owned())
}

/// Enters the working directory, which must lie beneath the workspace.
fn enter(ground: &Ground, cwd: &Path) -> Result<(), Errno> {
    let relative = if cwd.as_os_str().is_empty() { Path::new(".") } else { cwd };
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    nix::unistd::fchdir(openat2(&ground.root_fd, relative, how)?.as_fd())
}

/// Becomes the program; on failure says so on standard error and ends as a shell would.
fn execute(ground: &Ground, job: &Job<'_>, entered: Result<(), Errno>) {
    let say = |what: &str, errno: Errno| {
        let _ = std::io::stderr().write_all(format!("{what}: {}\n", errno.desc()).as_bytes());
    };
    if let Err(errno) = entered {
        say(&format!("cannot enter {}", job.cwd.display()), errno);
        return;
    }
    let _ = nix::unistd::setsid();
    let words: Vec<&str> = match job.program {
        Program::Shell(text) => vec!["bash", "-c", text],
        Program::Argv(words) => words.iter().map(String::as_str).collect(),
    };
    let Some(program) = words.first() else {
        say("no program is named", Errno::EINVAL);
        return;
    };
    let env = merged(&ground.env, job.env);
    let c_words: Option<Vec<CString>> = words.iter().map(|w| CString::new(*w).ok()).collect();
    let c_env: Option<Vec<CString>> =
        env.iter().map(|(n, v)| CString::new(format!("{n}={v}")).ok()).collect();
    let (Some(c_words), Some(c_env)) = (c_words, c_env) else {
        say(program, Errno::EINVAL);
        return;
    };
    let path = env.iter().find(|(name, _)| *name == "PATH").map_or("", |(_, value)| value);
    let mut worst = Errno::ENOENT;
    for candidate in candidates(program, path) {
        let Ok(candidate) = CString::new(candidate.as_os_str().as_bytes()) else { continue };
        match nix::unistd::execve(&candidate, &c_words, &c_env) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => worst = errno,
            Ok(never) => match never {},
        }
    }
    say(program, worst);
    sys::exit_now(if worst == Errno::ENOENT { NOT_FOUND } else { CANNOT_RUN })
}

/// Where a program may be: as named if it has a slash, else in the directories of PATH.
fn candidates<'a>(program: &'a str, path: &'a str) -> Box<dyn Iterator<Item = PathBuf> + 'a> {
    if program.contains('/') {
        return Box::new(std::iter::once(PathBuf::from(program)));
    }
    Box::new(path.split(':').filter(|dir| dir.starts_with('/')).map(move |dir| Path::new(dir).join(program)))
}

/// Variables, a later one of the same name in place of the earlier.
fn merged<'a>(base: &'a [(String, String)], more: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
    let mut env: Vec<(&str, &str)> = Vec::with_capacity(base.len() + more.len());
    for (name, value) in base.iter().chain(more) {
        match env.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => env.push((name, value)),
        }
    }
    env
}

/// Reads the arguments, runs the function, writes its answer.
fn answer(ground: &Ground, function: Builtin) -> Result<(), Failure> {
    let mut text = Vec::new();
    std::io::stdin()
        .take(MAX_RESULT as u64)
        .read_to_end(&mut text)
        .doing(|| "read the arguments".to_owned())?;
    std::panic::set_hook(Box::new(|_| {}));
    let result = match serde_json::from_slice(&text) {
        Ok(arguments) => {
            std::panic::catch_unwind(|| function(&ground.root, arguments)).unwrap_or_else(|_| {
                Err("the tool itself failed (it panicked); nothing more is known".to_owned())
            })
        }
        Err(error) => Err(format!("the arguments are not JSON: {error}")),
    };
    let mut bytes = serde_json::to_vec(&result).unwrap_or_default();
    if bytes.len() > MAX_RESULT {
        let refusal: Result<(), _> =
            Err(format!("the answer has {} bytes, more than {MAX_RESULT}", bytes.len()));
        bytes = serde_json::to_vec(&refusal).unwrap_or_default();
    }
    // SAFETY: descriptor 3 was placed for this and nothing else owns it.
    let mut out = std::fs::File::from(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(3) });
    out.write_all(&bytes).doing(|| "write the answer".to_owned())
}
