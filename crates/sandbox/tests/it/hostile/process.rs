//! Processes: other people's, the supervisor's, and privileges.

use super::{Case, Control, case};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = privileges();
    cases.extend(others());
    cases.extend(limits());
    cases.extend(state());
    cases
}

fn privileges() -> Vec<Case> {
    let raise = "call('capset', struct.pack('Ii', 0x20080522, 0), struct.pack('6I', *[0xffffffff] * 6))";
    vec![
        case("become root", "os.setuid(0)", "EPERM|EINVAL", Control::Differs),
        case("become root's group", "os.setgid(0)", "EPERM|EINVAL", Control::Differs),
        case("become someone", "os.setresuid(1000, 1000, 1000)", "EPERM|EINVAL", Control::Differs),
        case("effective root", "os.seteuid(0)", "EPERM|EINVAL", Control::Differs),
        case("join groups", "os.setgroups([0])", "EPERM|EINVAL", Control::Differs),
        case(
            "raise capabilities",
            raise,
            "EPERM",
            Control::Nothing("a set of all is more than root may have"),
        ),
        case(
            "ambient capability",
            "call('prctl', 47, 2, 21, 0, 0)",
            "EPERM",
            Control::Nothing("none is inheritable"),
        ),
        case("keep capabilities", "call('prctl', 28, 1, 0, 0, 0)", "EPERM", Control::Differs),
        case("undo no_new_privs", "call('prctl', 38, 0, 0, 0, 0)", "EINVAL", Control::Nothing("nobody may")),
        case("no_new_privs is set", "result = call('prctl', 39, 0, 0, 0, 0)", "1", Control::Ends("0")),
        case("seccomp is on", "result = call('prctl', 21, 0, 0, 0, 0)", "2", Control::Ends("0")),
        case("no capabilities", STATUS, "0 0 0 0 0", Control::Nothing("an ordinary user has none either")),
        case("not root", "result = os.geteuid() != 0 and os.getuid() != 0", "True", Control::Nothing("")),
        case(
            "real-time priority",
            "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
            "EPERM",
            Control::Differs,
        ),
        case("a better nice", "os.setpriority(os.PRIO_PROCESS, 0, -5)", "EACCES|EPERM", Control::Differs),
        case("real-time disk", "call('ioprio_set', 1, 0, (1 << 13) | 4)", "EPERM", Control::Differs),
        case(
            "safe from memory killing",
            "write('/proc/self/oom_score_adj', '-900')",
            "EACCES|EPERM",
            Control::Nothing("containers may not either"),
        ),
        case(
            "set the clock",
            "import time; time.clock_settime(0, time.time())",
            "EPERM",
            Control::Nothing("not done outside"),
        ),
        case(
            "adjust the clock",
            "call(159 if platform.machine() == 'x86_64' else 171, struct.pack('I', 1) + bytes(300))",
            "EPERM",
            Control::Nothing("not done outside"),
        ),
        case("sudo", RUN_SUDO, "refused", Control::Nothing("may be allowed outside")),
        case(
            "su",
            "import subprocess; result = 'refused' if subprocess.run(['su', '-c', 'true'], stdin=subprocess.DEVNULL, capture_output=True).returncode else 'done'",
            "refused",
            Control::Nothing("may be allowed outside"),
        ),
        case(
            "mount program",
            "import subprocess; result = 'refused' if subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp'], capture_output=True).returncode else 'done'",
            "refused",
            Control::Nothing("not done outside"),
        ),
    ]
}

const RUN_SUDO: &str = "
import subprocess
try: result = 'refused' if subprocess.run(['sudo', '-n', 'true'], capture_output=True).returncode else 'done'
except FileNotFoundError: result = 'refused'";

const STATUS: &str = "
lines = dict(line.split(':\\t') for line in open('/proc/self/status') if ':\\t' in line)
result = ' '.join(str(int(lines[n], 16)) for n in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'))";

fn others() -> Vec<Case> {
    let reaper = |what: &str| {
        let own = format!("os.open('/proc/self/{what}', os.O_RDONLY)");
        case(
            format!("/proc/1/{what}"),
            format!("os.open('/proc/1/{what}', os.O_RDONLY)"),
            "EACCES|EPERM",
            Control::Code(own),
        )
    };
    let mut cases: Vec<Case> =
        ["environ", "mem", "maps", "smaps", "auxv", "syscall", "stack", "personality", "pagemap", "exe"]
            .into_iter()
            .map(reaper)
            .collect();
    cases.extend([
        case("signal the host", "os.kill(PID, 0)", "ESRCH|EPERM", Control::Ends("OK|EPERM")),
        case(
            "kill the host",
            "os.kill(PID, 9)",
            "ESRCH|EPERM",
            Control::Code("os.stat('/proc/%d' % PID)".into()),
        ),
        case("a descriptor of the host", "call('pidfd_open', PID, 0)", "ESRCH|EINVAL", Control::Ends("OK")),
        case("see the host", "os.stat('/proc/%d' % PID)", "ENOENT", Control::Ends("OK")),
        case(
            "kill the reaper",
            "os.kill(1, 9); os.kill(1, 0); result = 'alive'",
            "alive|EPERM",
            Control::Nothing("not done outside"),
        ),
        case(
            "stop the reaper",
            "os.kill(1, 19); os.kill(1, 0); result = 'alive'",
            "alive|EPERM",
            Control::Nothing("not done outside"),
        ),
        case(
            "abort the reaper",
            "os.kill(1, 6); os.kill(1, 0); result = 'alive'",
            "alive|EPERM",
            Control::Nothing("not done outside"),
        ),
        case(
            "write the reaper's memory",
            "os.open('/proc/1/mem', os.O_RDWR)",
            "EACCES|EPERM",
            Control::Nothing("not done outside"),
        ),
        case(
            "write the parent's memory",
            "os.open('/proc/%d/mem' % os.getppid(), os.O_RDWR)",
            "EACCES|EPERM",
            Control::Ends("OK"),
        ),
        case(
            "write one's own memory",
            "os.open('/proc/self/mem', os.O_RDWR)",
            "EACCES|EPERM",
            Control::Ends("OK"),
        ),
        case(
            "few processes are seen",
            "result = sum(n.isdigit() for n in os.listdir('/proc')) < 6",
            "True",
            Control::Ends("False"),
        ),
        case("host name", "result = os.uname().nodename", "sandbox", Control::Nothing("")),
        case(
            "trace the parent",
            "call('ptrace', 16, os.getppid(), 0, 0)",
            "EPERM",
            Control::Code("call('ptrace', 0, 0, 0, 0)".into()),
        ),
        case(
            "read the parent by process_vm",
            "call('process_vm_readv', os.getppid(), None, 0, None, 0, 0)",
            "EPERM",
            Control::Ends("OK"),
        ),
        case(
            "raise one's own limit of processes",
            "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (1 << 20, 1 << 20))",
            "ValueError: not allowed to raise maximum limit|EPERM",
            Control::Nothing("an ordinary user may not either"),
        ),
        case(
            "raise one's own limit of file size",
            "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
            "ValueError: not allowed to raise maximum limit|EPERM",
            Control::Ends("OK"),
        ),
        case(
            "dump core",
            "import resource; result = resource.getrlimit(resource.RLIMIT_CORE)",
            "(0, 0)",
            Control::Nothing(""),
        ),
    ]);
    cases
}

fn limits() -> Vec<Case> {
    vec![
        case("open files", OPEN_MANY, "EMFILE", Control::Nothing("the machine's own limit")),
        case("processes", FORK_MANY, "EAGAIN", Control::Nothing("the machine's own limit")),
        case(
            "threads",
            "import threading\nfor _ in range(5000): threading.Thread(target=threading.Event().wait, daemon=True).start()",
            "RuntimeError: can't start new thread",
            Control::Nothing("the machine's own limit"),
        ),
        case(
            "lock memory",
            "import mmap; m = mmap.mmap(-1, 1 << 30); call(149 if platform.machine() == 'x86_64' else 228, ctypes.addressof(ctypes.c_char.from_buffer(m)), 1 << 30)",
            "ENOMEM|EPERM|EAGAIN",
            Control::Nothing("the machine's own limit"),
        ),
    ]
}

const OPEN_MANY: &str = "
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
assert hard <= 65536
while True: os.open('/dev/null', os.O_RDONLY)";

const FORK_MANY: &str = "
import signal
made = []
try:
    for _ in range(5000):
        pid = os.fork()
        if pid == 0:
            signal.pause()
        made.append(pid)
finally:
    for pid in made: os.kill(pid, 9)
    for pid in made: os.waitpid(pid, 0)";

/// Terminals, and traces of the host in what a process is given.
fn state() -> Vec<Case> {
    let pty = "import pty; master, slave = pty.openpty()\n";
    vec![
        case(
            "type into a terminal",
            format!("{pty}call('ioctl', slave, 0x5412, b'x')"),
            "EPERM",
            Control::Nothing("EIO outside where it is switched off"),
        ),
        case(
            "terminal of a console",
            format!("{pty}call('ioctl', slave, 0x541c, b'\\0' * 16)"),
            "EPERM",
            Control::Ends("ENOTTY|EINVAL|EPERM"),
        ),
        case(
            "type into a terminal with high bits",
            format!("{pty}call('ioctl', slave, (1 << 32) | 0x5412, b'x')"),
            "EPERM",
            Control::Nothing("as above"),
        ),
        case(
            "the controlling terminal",
            "os.open('/dev/tty', os.O_RDWR)",
            "ENXIO",
            Control::Nothing("tests may have none"),
        ),
        case("a terminal of one's own", pty, "OK", Control::Ends("OK")),
        case(
            "own session",
            "result = os.getsid(0) == os.getppid() or os.getsid(0) > 0",
            "True",
            Control::Nothing(""),
        ),
        case(
            "environment",
            "result = sorted(set(os.environ) - {'PATH', 'HOME', 'LANG', 'TERM', 'TMPDIR', 'SHELL', 'USER', 'LOGNAME', 'LC_CTYPE'})",
            "[]",
            Control::Nothing(""),
        ),
        case(
            "shared memory of System V",
            "call('shmget', 77, 4096, 0o1600)",
            "OK",
            Control::Nothing("allowed, and gone with the command"),
        ),
    ]
}
