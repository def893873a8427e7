//! Secrets that lie about outside are never seen inside.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use super::python;
use crate::ground::Ground;

/// Prints the paths in which a word stands that is given in two halves, so that the search doesn't find itself.
const SEARCH: &str = r"
import os, sys
word = (sys.argv[1] + sys.argv[2]).encode()
seen = 0
def look(path):
    global seen
    try:
        with open(path, 'rb') as f: text = f.read(1 << 22)
    except OSError: return
    seen += 1
    if word in text or word in path.encode(errors='surrogateescape'): print('found in', path)
if any(word in k.encode() + v.encode() for k, v in os.environ.items()): print('found in the environment')
for pid in os.listdir('/proc'):
    if pid.isdigit():
        for name in ('environ', 'cmdline', 'maps', 'mountinfo', 'stat', 'comm'): look('/proc/%s/%s' % (pid, name))
prefix, tops = sys.argv[3], sys.argv[4:]
for top in tops:
    for dir, dirs, files in os.walk(top):
        dirs[:] = [d for d in dirs if os.path.join(dir, d) != prefix]
        for name in files: look(os.path.join(dir, name))
print('looked at', 'enough' if seen > 10 else seen)
";

#[test]
fn canary_secrets_are_never_seen() {
    let (first, second) = ("CANARY", format!("{}x{}", std::process::id(), "f00d"));
    let canary = format!("{first}{second}");
    let home = tempfile::tempdir_in("/var/tmp").unwrap();
    let files = [
        ".ssh/id_ed25519",
        ".aws/credentials",
        ".netrc",
        ".npmrc",
        ".git-credentials",
        ".config/gh/hosts.yml",
        "notes.txt",
        "tools/credentials.toml",
        "tools/etc/npmrc",
        "tools/pip.conf",
        "tools/.ssh/key",
        "cache/settings.xml",
    ];
    for name in files {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &canary).unwrap();
    }
    std::fs::write(home.path().join("tools/config.json"), format!("{{\"auth\": \"{canary}\"}}")).unwrap();
    std::fs::write(home.path().join("tools/plain.txt"), "nothing").unwrap();
    let python = python();
    let mut ground = Ground::new();
    ground.plan.env = vec![("HOME".into(), home.path().to_str().unwrap().into())];
    let layer = |name: &str| {
        let path = ground.dir.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let cache = home.path().join("cache");
    let (upper, work) = (layer("changes/cache/upper"), layer("changes/cache/work"));
    ground.plan.caches = vec![sandbox::View { at: cache.clone(), lower: cache, upper, work }];
    ground.plan.readable = vec![python.prefix.clone(), home.path().join("tools")];
    ground.give_away();

    let program = python.program.to_str().unwrap();
    let (prefix, home_path) = (python.prefix.display(), home.path().display());
    let tops = "/etc /home /root /tmp /var /run /dev/shm /opt /srv /mnt";
    let search = format!("{program} -c \"$SEARCH\" {first} {second} {prefix} {tops} {home_path}");
    ground.plan.env.push(("SEARCH".into(), SEARCH.into()));
    let text = run_in_host(&ground, &search, &canary, home.path());
    assert_eq!(text, "looked at enough\n");

    // The search does find what is there to be found: outside, in the same places.
    #[expect(clippy::disallowed_methods, reason = "the positive control runs outside on purpose")]
    let outside = Command::new(program)
        .args(["-c", SEARCH, first, &second, "-", home.path().to_str().unwrap()])
        .env("TOKEN", &canary)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&outside.stdout).into_owned();
    for name in files {
        assert!(text.contains(name), "{name} is not among {text}");
    }
    assert!(text.contains("found in the environment"));
}

/// Runs a command in a session whose host has the canary in its environment.
fn run_in_host(ground: &Ground, command: &str, canary: &str, home: &Path) -> String {
    let plan = serde_json::to_string(&ground.plan).unwrap();
    #[expect(clippy::disallowed_methods, reason = "drives the built binary")]
    let mut host = Command::new(crate::ground::launcher())
        .args(["host", &plan, command])
        .env("ANTHROPIC_API_KEY", canary)
        .env("AAMAS_TOKEN", canary)
        .env("HOME", home)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    host.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    host.wait().unwrap();
    text
}
