//! Files: out of the workspace by every kind of path, into what is protected inside it, and special ones.

use super::{Case, Control, case};

const READ_ONLY: &[&str] = &[
    "/",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
    "/etc",
    "/bin",
    "/lib",
    "/dev",
    "/run",
    "/sys",
    "/home",
];
const PROTECTED: &[(&str, &str)] = &[
    ("config", "config"),
    ("hooks", "hooks/pre-commit"),
    ("info", "info/attributes"),
    ("objects/info", "objects/info/alternates"),
];
/// Files of the machine that are not in the new root at all.
const ABSENT: &[&str] = &[
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/ssh/sshd_config",
    "/etc/machine-id",
    "/etc/fstab",
    "/root/.ssh/id_rsa",
    "/root/.bashrc",
    "/boot",
    "/var/log",
    "/var/lib",
    "/srv",
    "/mnt",
    "/media",
    "/lost+found",
    "/opt",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/dbus/system_bus_socket",
    "/run/systemd/private",
    "/run/user",
    "/.layers",
    "/.scratch",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for dir in READ_ONLY {
        let control = Control::Code(format!("os.stat('{dir}')"));
        cases.push(case(
            format!("create in {dir}"),
            format!("create('{dir}/aamas-hostile')"),
            "EROFS|EACCES",
            control,
        ));
        let control = Control::Code(format!("os.stat('{dir}')"));
        cases.push(case(
            format!("mkdir in {dir}"),
            format!("os.mkdir('{dir}/aamas-hostile')"),
            "EROFS|EACCES|EPERM",
            control,
        ));
    }
    for path in ABSENT {
        cases.push(case(
            format!("see {path}"),
            format!("os.stat('{path}')"),
            "ENOENT",
            Control::Nothing("not every machine has it"),
        ));
    }
    cases.extend(protected());
    cases.extend(ways_out());
    cases.extend(special());
    cases
}

/// What decides which programs git runs can't be written, replaced, moved or removed.
fn protected() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, file) in PROTECTED {
        let path = format!(".git/{name}");
        let tries = [
            ("write", format!("write('.git/{file}', 'x', os.O_WRONLY | os.O_CREAT)"), "EROFS"),
            ("truncate", format!("os.open('.git/{file}', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)"), "EROFS"),
            ("rename away", format!("os.rename('{path}', '.git/away')"), "EBUSY|EXDEV"),
            (
                "rename over",
                format!(
                    "os.{}('.git/mine'); os.rename('.git/mine', '{path}')",
                    if *name == "config" { "mknod" } else { "mkdir" }
                ),
                "EBUSY|EEXIST|EXDEV",
            ),
            (
                "remove",
                format!("os.{}('{path}')", if *name == "config" { "unlink" } else { "rmdir" }),
                "EBUSY",
            ),
            ("chmod", format!("os.chmod('{path}', 0o777)"), "EROFS"),
            ("touch", format!("os.utime('{path}')"), "EROFS"),
            ("set attribute", format!("os.setxattr('{path}', 'user.x', b'x')"), "EROFS"),
            (
                "by /proc/self/cwd",
                format!("write('/proc/self/cwd/.git/{file}', 'x', os.O_WRONLY | os.O_CREAT)"),
                "EROFS",
            ),
            (
                "by a link",
                format!(
                    "os.symlink('{path}', 'link-{}'); write('link-{0}{}', 'x', os.O_WRONLY | os.O_CREAT)",
                    name.replace('/', "-"),
                    file.strip_prefix(name).unwrap_or("")
                ),
                "EROFS",
            ),
        ];
        let same = |code: &str| {
            // Outside, in an empty directory: the same steps on files of one's own.
            let dir = std::path::Path::new(file).parent().and_then(|p| p.to_str()).unwrap_or("");
            let make = if *name == "config" {
                "os.mknod('.git/config')".to_owned()
            } else {
                format!("os.makedirs('.git/{name}', exist_ok=True)")
            };
            Control::Code(format!(
                "import tempfile\nos.chdir(tempfile.mkdtemp())\nos.makedirs('.git/{dir}')\n{make}\n{}",
                code.replace("EROFS", "")
            ))
        };
        for (what, code, want) in tries {
            let control = same(&code);
            cases.push(case(format!("{what} {path}"), code, want, control));
        }
        if *name == "config" {
            cases.push(case(
                "hard link .git/config",
                "os.link('.git/config', 'config-link')",
                "EXDEV|EROFS",
                same("os.link('.git/config', 'l')"),
            ));
        }
    }
    cases.push(case(
        "move .git",
        "os.rename('.git', 'git')",
        "EBUSY",
        Control::Nothing("shown by the others"),
    ));
    cases.push(case(
        "replace .git",
        "os.symlink('/tmp', 'l'); os.rename('l', '.git')",
        "EBUSY|EISDIR|ENOTDIR|EXDEV",
        Control::Nothing("shown by the others"),
    ));
    cases.push(case(
        "write a ref",
        "write('.git/refs/heads/x', 'x', os.O_WRONLY | os.O_CREAT)",
        "OK",
        Control::Nothing("allowed"),
    ));
    cases.push(case(
        "write the index",
        "write('.git/index', 'x', os.O_WRONLY | os.O_CREAT)",
        "OK",
        Control::Nothing("allowed"),
    ));
    cases.push(case(
        "write an old object",
        "create('/proc/self/cwd/../mirror-objects/x')",
        "EROFS",
        Control::Nothing("shown by the others"),
    ));
    cases.push(case(
        "case twin of .git",
        "os.makedirs('.GIT/hooks'); write('.GIT/config', 'x', os.O_WRONLY | os.O_CREAT)",
        "OK|EEXIST",
        Control::Nothing("allowed: another directory, unless the file system says otherwise"),
    ));
    cases
}

fn ways_out() -> Vec<Case> {
    let up = "'/'.join(['..'] * 40)";
    let secret = "open(SECRET).read()";
    let nothing = || Control::Nothing("a control of the same kind stands above");
    vec![
        case("a secret outside", secret, "ENOENT", Control::Ends("OK")),
        case("a secret by dot-dot", format!("open({up} + SECRET).read()"), "ENOENT", Control::Ends("OK")),
        case(
            "a secret by /proc/self/root",
            "open('/proc/self/root' + SECRET).read()",
            "ENOENT",
            Control::Ends("OK"),
        ),
        case(
            "a secret by /proc/self/cwd",
            format!("open('/proc/self/cwd/' + {up} + SECRET).read()"),
            "ENOENT",
            Control::Ends("OK"),
        ),
        case(
            "a secret by a link",
            "os.symlink(SECRET, 'to-secret'); open('to-secret').read()",
            "ENOENT",
            Control::Ends("OK"),
        ),
        case(
            "a secret by a linked directory",
            "os.symlink(os.path.dirname(SECRET), 'to-dir'); open('to-dir/secret').read()",
            "ENOENT",
            Control::Ends("OK"),
        ),
        case(
            "a secret by hard link",
            "os.link(SECRET, 'hard')",
            "ENOENT",
            Control::Code("os.stat(SECRET)".into()),
        ),
        case(
            "a secret by the host's process",
            "open('/proc/%d/root' % PID + SECRET).read()",
            "ENOENT",
            Control::Ends("OK"),
        ),
        case(
            "the host's directory by its process",
            "os.listdir('/proc/%d/cwd/' % PID)",
            "ENOENT",
            Control::Ends("OK"),
        ),
        case(
            "the reaper's root",
            "os.listdir('/proc/1/root/')",
            "EACCES|EPERM",
            Control::Code("os.listdir('/proc/self/root/')".into()),
        ),
        case(
            "the reaper's directory",
            "os.listdir('/proc/1/cwd/')",
            "EACCES|EPERM",
            Control::Code("os.listdir('/proc/self/cwd/')".into()),
        ),
        case(
            "the reaper's descriptors",
            "os.listdir('/proc/1/fd')",
            "EACCES|EPERM",
            Control::Code("os.listdir('/proc/self/fd')".into()),
        ),
        case(
            "the reaper's namespaces",
            "os.open('/proc/1/ns/mnt', os.O_RDONLY)",
            "EACCES|EPERM",
            Control::Code("os.open('/proc/self/ns/mnt', os.O_RDONLY)".into()),
        ),
        case(
            "inherited descriptors",
            "result = sorted(set(os.listdir('/proc/%d/fd' % os.getppid())) - {'0', '1', '2'})",
            "[]|['3']|['3', '4']|['4']",
            Control::Nothing("the driver's own pipes"),
        ),
        case("descriptors lead nowhere else", DESCRIPTORS, "OK", nothing()),
        case("hard link of the system", "os.link('/etc/passwd', 'passwd')", "EXDEV|EROFS|EACCES", nothing()),
        case(
            "rename out",
            "write('mine', 'x', os.O_WRONLY | os.O_CREAT); os.rename('mine', '/usr/mine')",
            "EXDEV|EROFS|EACCES",
            nothing(),
        ),
        case(
            "move a parent of the workspace",
            "os.rename(os.path.dirname(ROOT), '/var/tmp/moved')",
            "EBUSY",
            nothing(),
        ),
        case(
            "move the workspace",
            "os.rename(ROOT, os.path.dirname(ROOT) + '/moved')",
            "EBUSY|EXDEV",
            nothing(),
        ),
        case("a root of one's own", "os.chroot('.')", "EPERM", Control::Differs),
        case("out by openat2", OPENAT2, "ENOENT", nothing()),
        case(
            "a name with a newline",
            "create('two\\nlines'); result = 'two\\nlines' in os.listdir('.')",
            "True",
            nothing(),
        ),
        case(
            "a name that is not UTF-8",
            "create(b'\\xff\\xfe'); result = b'\\xff\\xfe' in os.listdir(b'.')",
            "True",
            nothing(),
        ),
        case("a very long name", "create('x' * 256)", "ENAMETOOLONG", nothing()),
        case("a deep tree", "for _ in range(2000): os.mkdir('d'); os.chdir('d')", "OK", nothing()),
        case(
            "a sparse file",
            "os.truncate(os.open('sparse', os.O_RDWR | os.O_CREAT), 1 << 32)",
            "OK|EFBIG",
            nothing(),
        ),
        case(
            "a file beyond the limit",
            "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); os.truncate(os.open('big', os.O_RDWR | os.O_CREAT), 1 << 40)",
            "EFBIG",
            nothing(),
        ),
        case(
            "a chain of links",
            "os.symlink('b', 'a-loop'); os.symlink('a-loop', 'b'); open('a-loop')",
            "ELOOP",
            nothing(),
        ),
        case(
            "fill /tmp",
            "f = open('/tmp/fill', 'wb')\nfor _ in range(200): f.write(bytes(1 << 20))",
            "ENOSPC",
            nothing(),
        ),
        case(
            "fill HOME",
            "f = open(os.path.expanduser('~/fill'), 'wb')\nfor _ in range(200): f.write(bytes(1 << 20))",
            "ENOSPC",
            nothing(),
        ),
        case(
            "fill /dev/shm",
            "f = open('/dev/shm/fill', 'wb')\nfor _ in range(200): f.write(bytes(1 << 20))",
            "ENOSPC",
            nothing(),
        ),
        case(
            "clear up",
            "for p in ('/tmp/fill', os.path.expanduser('~/fill'), '/dev/shm/fill'): os.remove(p)",
            "OK",
            nothing(),
        ),
        case(
            "flood /tmp with names",
            "os.mkdir('/tmp/names')\nfor i in range(200000): create('/tmp/names/%d' % i)",
            "ENOSPC",
            nothing(),
        ),
        case("clear up names", "import shutil; shutil.rmtree('/tmp/names')", "OK", nothing()),
    ]
}

const DESCRIPTORS: &str = "
for fd in os.listdir('/proc/self/fd'):
    try: to = os.readlink('/proc/self/fd/' + fd)
    except FileNotFoundError: continue
    assert to.startswith(('pipe:', '/proc/', '/dev/null')), to";

const OPENAT2: &str = "
how = struct.pack('QQQ', os.O_RDONLY, 0, 0)
call(437, -100, SECRET.encode(), how, 24)";

fn special() -> Vec<Case> {
    let nothing = || Control::Nothing("an ordinary user may not either");
    vec![
        case(
            "make a character device",
            "os.mknod('null', 0o20666, os.makedev(1, 3))",
            "EPERM|EACCES",
            Control::Differs,
        ),
        case(
            "make a block device",
            "os.mknod('disk', 0o60666, os.makedev(8, 0))",
            "EPERM|EACCES",
            Control::Differs,
        ),
        case(
            "make a device in /tmp",
            "os.mknod('/tmp/null', 0o20666, os.makedev(1, 3))",
            "EPERM|EACCES",
            Control::Differs,
        ),
        case(
            "forge a whiteout",
            "os.mknod('gone', 0o20000, 0)",
            "EPERM|EACCES",
            Control::Nothing("allowed to everyone outside"),
        ),
        case("make a pipe", "os.mkfifo('fifo')", "OK", Control::Ends("OK")),
        case(
            "make a socket",
            "s = socket.socket(socket.AF_UNIX); s.bind('socket')",
            "OK",
            Control::Ends("OK"),
        ),
        case(
            "an opaque mark",
            "os.mkdir('o'); os.setxattr('o', 'user.overlay.opaque', b'y'); result = os.getxattr('o', 'user.overlay.opaque')",
            "b'y'|EPERM|ENOTSUP|EOPNOTSUPP",
            nothing(),
        ),
        case(
            "a trusted attribute",
            "create('t'); os.setxattr('t', 'trusted.overlay.opaque', b'y')",
            "EPERM|EOPNOTSUPP",
            Control::Differs,
        ),
        case(
            "a capability on a file",
            "create('c'); os.setxattr('c', 'security.capability', bytes.fromhex('0000000202000000000000000000000000000000'))",
            "EPERM|EOPNOTSUPP",
            Control::Differs,
        ),
        case(
            "give a file to root",
            "create('r'); os.chown('r', 0, 0)",
            "EPERM|EINVAL|EOVERFLOW",
            Control::Differs,
        ),
        case(
            "give a file to another",
            "create('n'); os.chown('n', 1000, 1000)",
            "EPERM|EINVAL|EOVERFLOW",
            Control::Differs,
        ),
        case("a set-user-id program", SETUID, "same", Control::Ends("same")),
        case(
            "immutable",
            "import fcntl; create('i'); fcntl.ioctl(os.open('i', os.O_RDONLY), 0x40086602, struct.pack('l', 16))",
            "EPERM|ENOTTY|EACCES",
            nothing(),
        ),
        case(
            "write to the disk's device",
            "os.open('/dev/vda', os.O_WRONLY)",
            "ENOENT|EACCES|EROFS",
            nothing(),
        ),
        case(
            "make the disk's device",
            "os.mknod('/dev/vda', 0o60666, os.makedev(254, 0))",
            "EPERM|EACCES|EROFS",
            nothing(),
        ),
    ]
}

const SETUID: &str = "
import shutil, subprocess
shutil.copy('/usr/bin/id', 'id'); os.chmod('id', 0o6755)
result = 'same' if int(subprocess.check_output(['./id', '-u'])) == os.geteuid() else 'changed'";
