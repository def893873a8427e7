//! File access by path, and signals and abstract sockets by domain. One rule set is made by the run's init; each command
//! only puts it in force, which is one system call.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// From `REMOVE_DIR` (4) to `MAKE_SYM` (12).
const CHANGE_NAMES: u64 = 0x1ff0;
const MAKE_DEVICES: u64 = (1 << 6) | (1 << 11);
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;
const SCOPE_SIGNAL: u64 = 2;

/// The least version that has both rules about renaming (2) and truncating (3).
pub(crate) const MIN_ABI: i32 = 3;
/// The version that keeps signals and abstract sockets apart as well.
pub(crate) const SCOPED_ABI: i32 = 6;

#[repr(C)]
struct RulesetAttr {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

/// Which version the kernel has; 0 when none.
pub(crate) fn abi() -> i32 {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel takes no structure.
    let abi = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<RulesetAttr>(), 0usize, VERSION)
    };
    i32::try_from(abi).unwrap_or(0).max(0)
}

/// A rule set: all may be read and run, only what is beneath `writable` may be changed, and nothing elsewhere.
pub(crate) fn ruleset(writable: &[&Path]) -> Result<OwnedFd, Errno> {
    let abi = abi();
    if abi < MIN_ABI {
        return Err(Errno::ENOSYS);
    }
    let read = EXECUTE | READ_FILE | READ_DIR;
    let all = read | WRITE_FILE | CHANGE_NAMES | REFER | TRUNCATE;
    let scoped = if abi >= SCOPED_ABI { SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL } else { 0 };
    let ruleset = create(&RulesetAttr { handled_access_fs: all, handled_access_net: 0, scoped }, abi)?;
    allow(&ruleset, Path::new("/"), read)?;
    allow(&ruleset, Path::new("/dev"), READ_FILE | WRITE_FILE | READ_DIR | TRUNCATE)?;
    for path in writable {
        allow(&ruleset, path, all & !MAKE_DEVICES)?;
    }
    Ok(ruleset)
}

/// Puts a rule set in force for this process, for good. `no_new_privs` must be set.
pub(crate) fn restrict(ruleset: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: takes a descriptor and a number.
    Errno::result(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })
        .map(drop)
}

fn create(attributes: &RulesetAttr, abi: i32) -> Result<OwnedFd, Errno> {
    // Older kernels refuse a structure with fields that they don't know.
    let size = match abi {
        ..4 => size_of::<u64>(),
        4..SCOPED_ABI => 2 * size_of::<u64>(),
        _ => size_of::<RulesetAttr>(),
    };
    // SAFETY: the structure is at least `size` bytes long.
    let fd =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::from_ref(attributes), size, 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor; nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn allow(ruleset: &OwnedFd, path: &Path, access: u64) -> Result<(), Errno> {
    const PATH_BENEATH: i32 = 1;
    let parent = nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    let rule = PathBeneathAttr { allowed_access: access, parent_fd: parent.as_raw_fd() };
    // SAFETY: the rule is a whole structure of the kind that is named.
    let done = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            PATH_BENEATH,
            std::ptr::from_ref(&rule),
            0,
        )
    };
    Errno::result(done).map(drop)
}
