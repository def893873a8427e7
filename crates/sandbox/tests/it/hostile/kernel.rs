//! The kernel's surface: system calls, settings below `/proc/sys` and `/sys`, devices.

use super::{Case, Control, case};

/// Calls with arguments that have no effect even where they are allowed. Outside, as root, each fails otherwise or works.
const CALLS: &[(&str, &str)] = &[
    ("io_uring_setup", "call('io_uring_setup', 1, bytes(200))"),
    ("io_uring_enter", "call('io_uring_enter', -1, 0, 0, 0, None, 0)"),
    ("io_uring_register", "call('io_uring_register', -1, 0, None, 0)"),
    ("bpf map", "call('bpf', 0, None, 0)"),
    ("bpf program", "call('bpf', 5, bytes(128), 128)"),
    ("userfaultfd", "call('userfaultfd', 0x80000)"),
    ("perf_event_open", "call('perf_event_open', None, 0, -1, -1, 0)"),
    ("keyctl get", "call('keyctl', 0, -3, 0)"),
    ("keyctl join", "call('keyctl', 1, None)"),
    ("add_key", "call('add_key', None, None, None, 0, -3)"),
    ("request_key", "call('request_key', None, None, None, 0)"),
    ("mount", "call('mount', b'x', b'/nonexistent', b'tmpfs', 0, None)"),
    ("mount bind", "call('mount', b'/', b'/nonexistent', None, 4096, None)"),
    ("mount remount", "call('mount', None, b'/nonexistent', None, 32, None)"),
    ("umount2", "call('umount2', b'/nonexistent', 0)"),
    ("pivot_root", "call('pivot_root', b'/nonexistent', b'/nonexistent')"),
    ("chroot", "call('chroot', b'/nonexistent')"),
    ("open_tree", "call('open_tree', -1, b'x', 1)"),
    ("move_mount", "call('move_mount', -1, b'x', -1, b'x', 0)"),
    ("mount_setattr", "call('mount_setattr', -1, b'x', 0, bytes(32), 32)"),
    ("fsopen", "call('fsopen', b'nonexistent', 0)"),
    ("fsconfig", "call('fsconfig', -1, 0, None, None, 0)"),
    ("fsmount", "call('fsmount', -1, 0, 0)"),
    ("fspick", "call('fspick', -1, b'/nonexistent', 0)"),
    ("setns", "call('setns', -1, 0)"),
    ("setns of pid 1", "call('setns', call('pidfd_open', os.getpid(), 0), 0x20000)"),
    ("open_by_handle_at", "call('open_by_handle_at', -1, bytes(16), 0)"),
    ("fanotify_init", "call('fanotify_init', 0xffff, 0)"),
    ("init_module", "call('init_module', None, 0, None)"),
    ("finit_module", "call('finit_module', -1, b'', 0)"),
    ("delete_module", "call('delete_module', b'nonexistent', 0)"),
    ("kexec_load", "call('kexec_load', 0, 99, None, 0xffff)"),
    ("kexec_file_load", "call('kexec_file_load', -1, -1, 0, None, 0xffff)"),
    ("reboot", "call('reboot', 0, 0, 0, None)"),
    ("swapon", "call('swapon', b'/nonexistent', 0)"),
    ("swapoff", "call('swapoff', b'/nonexistent')"),
    ("acct", "call('acct', b'/nonexistent')"),
    ("quotactl", "call('quotactl', 0xffff, b'/nonexistent', 0, None)"),
    ("quotactl_fd", "call('quotactl_fd', -1, 0, 0, None)"),
    ("syslog", "call('syslog', 10, None, 0)"),
    ("settimeofday", "call('settimeofday', ctypes.c_void_p(1), None)"),
    ("clock_settime", "call('clock_settime', 0, None)"),
    ("sethostname", "call('sethostname', None, -1)"),
    ("setdomainname", "call('setdomainname', None, -1)"),
    ("kcmp", "call('kcmp', os.getpid(), os.getpid(), 0, 0, 1)"),
    ("pidfd_getfd", "call('pidfd_getfd', -1, 0, 0)"),
    ("ptrace traceme", "call('ptrace', 0, 0, 0, 0)"),
    ("ptrace attach", "call('ptrace', 16, 999999999, 0, 0)"),
    ("ptrace seize", "call('ptrace', 0x4206, 999999999, 0, 0)"),
    ("process_vm_readv", "call('process_vm_readv', os.getpid(), None, 0, None, 0, 0)"),
    ("process_vm_writev", "call('process_vm_writev', os.getpid(), None, 0, None, 0, 0)"),
    ("process_madvise", "call('process_madvise', -1, None, 0, 0, 0)"),
];
const NAMESPACES: &[(&str, u64)] = &[
    ("user", 0x1000_0000),
    ("mount", 0x2_0000),
    ("pid", 0x2000_0000),
    ("network", 0x4000_0000),
    ("ipc", 0x800_0000),
    ("uts", 0x400_0000),
    ("cgroup", 0x200_0000),
];
/// Settings that would change the machine.
const SETTINGS: &[&str] = &[
    "kernel/core_pattern",
    "kernel/hostname",
    "kernel/domainname",
    "kernel/modprobe",
    "kernel/panic",
    "kernel/printk",
    "kernel/randomize_va_space",
    "kernel/pid_max",
    "kernel/ns_last_pid",
    "kernel/shmmax",
    "kernel/msgmax",
    "kernel/sem",
    "kernel/cad_pid",
    "kernel/perf_event_paranoid",
    "kernel/threads-max",
    "kernel/core_uses_pid",
    "vm/drop_caches",
    "vm/overcommit_memory",
    "vm/swappiness",
    "vm/panic_on_oom",
    "net/ipv4/ip_forward",
    "net/ipv4/ping_group_range",
    "net/ipv4/ip_unprivileged_port_start",
    "net/core/somaxconn",
    "user/max_user_namespaces",
    "user/max_mnt_namespaces",
    "fs/suid_dumpable",
    "fs/protected_symlinks",
    "fs/file-max",
    "fs/inotify/max_user_watches",
];
const SYS_FILES: &[&str] = &[
    "kernel/uevent_helper",
    "kernel/new",
    "fs/cgroup/new",
    "power/state",
    "class/net/new",
    "block/new",
    "devices/system/cpu/online",
    "devices/system/cpu/cpu0/online",
    "bus/new",
];
const DEVICES: &[&str] = &[
    "mem",
    "kmem",
    "port",
    "kmsg",
    "vda",
    "sda",
    "nvme0n1",
    "loop-control",
    "loop0",
    "kvm",
    "fuse",
    "net/tun",
    "vhost-net",
    "vhost-vsock",
    "vsock",
    "uinput",
    "input/event0",
    "mapper/control",
    "snapshot",
    "hpet",
    "cpu_dma_latency",
    "watchdog",
    "userfaultfd",
    "dri/card0",
    "autofs",
    "btrfs-control",
    "console",
    "tty0",
    "tty1",
    "ttyS0",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        CALLS.iter().map(|(name, code)| case(*name, *code, "EPERM", Control::Differs)).collect();
    for (name, flag) in NAMESPACES {
        let unshare = format!("call('unshare', {flag})");
        cases.push(case(format!("unshare {name}"), unshare, "EPERM", Control::Differs));
        // The child, if there is one, ends at once.
        let clone = format!("pid = call('clone', {}, 0, 0, 0, 0)\nif pid == 0: os._exit(0)", flag | 17);
        cases.push(case(format!("clone {name}"), clone, "EPERM", Control::Differs));
    }
    cases.push(case("unshare time", "call('unshare', 0x80)", "EPERM", Control::Differs));
    cases.push(case("unshare of files is fine", "call('unshare', 0x400)", "OK", Control::Ends("OK")));
    cases.push(case("clone3", "call('clone3', bytes(88), 0)", "ENOSYS", Control::Ends("EINVAL")));
    if cfg!(target_arch = "x86_64") {
        cases.extend(foreign());
    }
    for name in SETTINGS {
        let (write, read) =
            (format!("os.open('/proc/sys/{name}', os.O_WRONLY)"), format!("os.stat('/proc/sys/{name}')"));
        let read = format!("try: {read}\nexcept FileNotFoundError: pass");
        cases.push(case(
            format!("/proc/sys/{name}"),
            write,
            "EACCES|EPERM|EROFS|ENOENT",
            Control::Code(read),
        ));
    }
    for name in SYS_FILES {
        let write = format!("os.open('/sys/{name}', os.O_WRONLY | os.O_CREAT)");
        cases.push(case(
            format!("/sys/{name}"),
            write,
            "EACCES|EPERM|EROFS",
            Control::Code("os.stat('/sys')".into()),
        ));
    }
    for name in DEVICES {
        let open = format!("os.open('/dev/{name}', os.O_RDONLY | os.O_NONBLOCK)");
        cases.push(case(
            format!("/dev/{name}"),
            open,
            "ENOENT",
            Control::Nothing("not every machine has it"),
        ));
    }
    cases.push(case(
        "sysrq",
        "os.open('/proc/sysrq-trigger', os.O_WRONLY)",
        "EACCES|ENOENT",
        Control::Nothing("not always built"),
    ));
    cases.push(case(
        "kcore",
        "os.open('/proc/kcore', os.O_RDONLY)",
        "EACCES|EPERM|ENOENT",
        Control::Nothing("not always built"),
    ));
    cases.push(case("kallsyms", KALLSYMS, "hidden", Control::Nothing("hidden from ordinary users too")));
    cases
}

const KALLSYMS: &str = "
try: result = 'hidden' if all(int(line.split()[0], 16) == 0 for line in open('/proc/kallsyms')) else 'shown'
except (PermissionError, FileNotFoundError): result = 'hidden'";

/// Calls by the numbers of another architecture of the same processor.
fn foreign() -> Vec<Case> {
    // mov eax, N; int 0x80; ret
    let old = |n: u8| format!("machine_code(bytes([0xb8, {n}, 0, 0, 0, 0xcd, 0x80, 0xc3]))");
    vec![
        case("32-bit getpid", old(20), "ENOSYS", Control::Ends("OK")),
        case("32-bit mount", old(21), "ENOSYS", Control::Differs),
        case("32-bit ptrace", old(26), "ENOSYS", Control::Differs),
        case("x32 getpid", "call(0x40000000 + 39)", "ENOSYS", Control::Nothing("not always built")),
        case(
            "x32 ptrace",
            "call(0x40000000 + 521, 0, 0, 0, 0)",
            "ENOSYS",
            Control::Nothing("not always built"),
        ),
        case("iopl", "call('iopl', 3)", "EPERM", Control::Nothing("not done as root outside")),
        case("ioperm", "call('ioperm', 0, 1, 1)", "EPERM", Control::Nothing("not done as root outside")),
        case("modify_ldt", "call('modify_ldt', 0, None, 0)", "EPERM", Control::Differs),
    ]
}
