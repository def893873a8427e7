//! System calls that commands don't get, as a classic BPF program: a list of refusals, everything else allowed.
//!
//! Written out here rather than taken from a library because answers differ: `ENOSYS` where a program then falls back to
//! an older call, `EAFNOSUPPORT` for socket families, `EPERM` for the rest.

use nix::errno::Errno;

use super::sys;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
/// The bit in the numbers of x32 calls; no 64-bit call has it.
const X32: u32 = 0x4000_0000;

/// `CLONE_NEW*` as `clone` takes them: all but time, whose bit is part of the exit signal there.
const NAMESPACES: u32 = 0x7e02_0000;
const NEW_TIME: u32 = 0x80;
const SOCKET_TYPE: u32 = 0xf;
/// The obsolete way to a packet socket.
const SOCK_PACKET: u32 = 10;

/// Calls that are refused whatever their arguments.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
];
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_uselib];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Refused unless commands may trace each other.
const TRACING: &[libc::c_long] =
    &[libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_process_madvise];

/// A program, ready to be put in force.
pub(crate) struct Filter(Vec<libc::sock_filter>);

/// The filter of commands and built-ins.
pub(crate) fn filter(ptrace: bool) -> Filter {
    let mut program = Program::default();
    program.load(4);
    program.unless_equal(NATIVE, Errno::ENOSYS);
    program.load(0);
    if cfg!(target_arch = "x86_64") {
        program.if_at_least(X32, Errno::ENOSYS);
    }
    let tracing = if ptrace { &[][..] } else { TRACING };
    for call in REFUSED.iter().chain(REFUSED_HERE).chain(tracing) {
        program.if_equal(number(*call), Errno::EPERM);
    }
    program.if_equal(number(libc::SYS_clone3), Errno::ENOSYS);
    program.for_call(libc::SYS_clone, |p| {
        p.argument(0);
        p.if_any_bit(NAMESPACES, Errno::EPERM);
    });
    program.for_call(libc::SYS_unshare, |p| {
        p.argument(0);
        p.if_any_bit(NAMESPACES | NEW_TIME, Errno::EPERM);
    });
    program.for_call(libc::SYS_ioctl, |p| {
        p.argument(1);
        p.if_equal(libc::TIOCSTI as u32, Errno::EPERM);
        p.if_equal(libc::TIOCLINUX as u32, Errno::EPERM);
    });
    program.for_call(libc::SYS_socket, sockets);
    program.for_call(libc::SYS_socketpair, |p| {
        p.argument(0);
        p.unless_equal(libc::AF_UNIX.cast_unsigned(), Errno::EAFNOSUPPORT);
    });
    program.emit(RETURN, ALLOW, 0, 0);
    Filter(program.0)
}

/// Local, internet and route sockets; no raw ones.
fn sockets(p: &mut Program) {
    let family = |f: i32| f.cast_unsigned();
    p.argument(0);
    p.if_then(EQUAL, family(libc::AF_UNIX), |p| p.emit(RETURN, ALLOW, 0, 0));
    p.if_then(EQUAL, family(libc::AF_NETLINK), |p| {
        p.argument(2);
        p.unless_equal(family(libc::NETLINK_ROUTE), Errno::EPERM);
        p.emit(RETURN, ALLOW, 0, 0);
    });
    for internet in [libc::AF_INET, libc::AF_INET6] {
        p.if_then(EQUAL, family(internet), |p| {
            p.argument(1);
            p.emit(AND, SOCKET_TYPE, 0, 0);
            p.if_equal(family(libc::SOCK_RAW), Errno::EPERM);
            p.if_equal(SOCK_PACKET, Errno::EPERM);
            p.emit(RETURN, ALLOW, 0, 0);
        });
    }
    p.emit(RETURN, ERRNO | Errno::EAFNOSUPPORT as u32, 0, 0);
}

impl Filter {
    /// Puts it in force for this process, for good. `no_new_privs` must be set.
    pub(crate) fn apply(&self) -> Result<(), Errno> {
        let len = libc::c_ushort::try_from(self.0.len()).map_err(|_| Errno::E2BIG)?;
        let program = libc::sock_fprog { len, filter: self.0.as_ptr().cast_mut() };
        // SAFETY: the program lives until the call returns; the kernel only reads it.
        let done = unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, std::ptr::from_ref(&program))
        };
        Errno::result(done).map(drop)
    }
}

/// Puts a filter in force that refuses one call, to see that filters work.
pub(crate) fn refuse_one(call: libc::c_long) -> Result<(), Errno> {
    let mut program = Program::default();
    program.load(0);
    program.if_equal(number(call), Errno::EPERM);
    program.emit(RETURN, ALLOW, 0, 0);
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0)?;
    Filter(program.0).apply()
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).expect("numbers of system calls are small")
}

#[derive(Default)]
struct Program(Vec<libc::sock_filter>);

impl Program {
    fn emit(&mut self, code: u16, k: u32, jt: u8, jf: u8) {
        self.0.push(libc::sock_filter { code, jt, jf, k });
    }

    /// Loads 32 bits of `struct seccomp_data`: 0 the number, 4 the architecture, from 16 on the arguments.
    fn load(&mut self, offset: u32) {
        self.emit(LOAD, offset, 0, 0);
    }

    /// The low half of an argument: all that is compared here are C ints, of which the kernel takes no more.
    fn argument(&mut self, index: u32) {
        self.load(16 + 8 * index);
    }

    fn if_equal(&mut self, k: u32, errno: Errno) {
        self.if_then(EQUAL, k, |p| p.emit(RETURN, ERRNO | errno as u32, 0, 0));
    }

    fn if_at_least(&mut self, k: u32, errno: Errno) {
        self.if_then(AT_LEAST, k, |p| p.emit(RETURN, ERRNO | errno as u32, 0, 0));
    }

    fn if_any_bit(&mut self, k: u32, errno: Errno) {
        self.if_then(ANY_BIT, k, |p| p.emit(RETURN, ERRNO | errno as u32, 0, 0));
    }

    fn unless_equal(&mut self, k: u32, errno: Errno) {
        self.emit(EQUAL, k, 1, 0);
        self.emit(RETURN, ERRNO | errno as u32, 0, 0);
    }

    /// Runs `then` if the test holds, else goes on after it.
    fn if_then(&mut self, test: u16, k: u32, then: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        then(&mut inner);
        let skip = u8::try_from(inner.0.len()).expect("blocks are short");
        self.emit(test, k, 0, skip);
        self.0.append(&mut inner.0);
    }

    /// A block about one system call, which ends in allowing it.
    fn for_call(&mut self, call: libc::c_long, rules: impl FnOnce(&mut Self)) {
        self.if_then(EQUAL, number(call), |p| {
            rules(p);
            p.emit(RETURN, ALLOW, 0, 0);
        });
    }
}
