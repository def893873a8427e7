//! Ways out of a directory, and what is left of it after a write.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn root() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("root");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(dir.path().join("secret"), "canary").unwrap();
    std::fs::write(inner.join("plain"), "text").unwrap();
    std::fs::create_dir(inner.join("sub")).unwrap();
    let root = Root::open(inner).unwrap();
    (dir, root)
}

fn reason<T: std::fmt::Debug>(result: Result<T, BeneathError>) -> Refusal {
    result.unwrap_err().reason
}

#[test]
fn paths_that_lead_outside_are_refused() {
    let (dir, root) = root();
    let inner = root.path();
    symlink("../secret", inner.join("up")).unwrap();
    symlink(dir.path().join("secret"), inner.join("absolute")).unwrap();
    symlink("..", inner.join("parent")).unwrap();
    symlink("/proc/self/root", inner.join("magic")).unwrap();
    let secret = dir.path().join("secret");
    let outside =
        ["../secret", "sub/../../secret", "/etc/passwd", "up", "absolute", "parent/secret", "magic/etc"];
    for path in outside.iter().map(Path::new).chain([secret.as_path()]) {
        assert_eq!(reason(root.read(path, 100)), Refusal::Outside, "read {path:?}");
        assert_eq!(reason(root.write(path, b"x")), Refusal::Outside, "write {path:?}");
    }
    assert_eq!(reason(root.create_new("parent/new", b"")), Refusal::Outside);
    assert_eq!(reason(root.create_dir_all("parent/new")), Refusal::Outside);
    assert_eq!(reason(root.remove_file("parent/secret")), Refusal::Outside);
    assert_eq!(reason(root.rename("plain", "parent/new")), Refusal::Outside);
    assert_eq!(reason(root.read_dir("parent", 9)), Refusal::Outside);
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "canary");
}

#[test]
fn special_files_are_never_opened() {
    let (_dir, root) = root();
    nix::unistd::mkfifo(&root.path().join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    for name in ["fifo", "socket"] {
        assert_eq!(reason(root.read(name, 9)), Refusal::Special, "{name}");
        assert_eq!(reason(root.write(name, b"")), Refusal::Special, "{name}");
    }
    assert_eq!(reason(root.read("sub", 9)), Refusal::IsADirectory);
    assert_eq!(reason(root.read(".", 9)), Refusal::IsADirectory);
    assert_eq!(reason(root.write(".", b"")), Refusal::IsADirectory);
}

#[test]
fn writing_keeps_the_mode_and_goes_through_links_inside() {
    let (_dir, root) = root();
    let plain = root.path().join("plain");
    std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../plain", root.path().join("sub/link")).unwrap();
    root.write("sub/link", b"new").unwrap();
    assert_eq!(std::fs::read_to_string(&plain).unwrap(), "new");
    assert_eq!(root.metadata("plain").unwrap().mode, 0o755);
    assert_eq!(root.symlink_metadata("sub/link").unwrap().kind, Kind::Link);
    assert_eq!(root.read_link("sub/link").unwrap(), Path::new("../plain"));
    root.write_with_mode("plain", b"newer", 0o600).unwrap();
    assert_eq!(root.metadata("plain").unwrap().mode, 0o600);
    let names: Vec<_> = root.read_dir(".", 9).unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names, ["plain", "sub"], "no temporary file is left");
}

#[test]
fn a_loop_of_links_and_bad_paths_have_their_own_words() {
    let (_dir, root) = root();
    symlink("b", root.path().join("a")).unwrap();
    symlink("a", root.path().join("b")).unwrap();
    assert_eq!(reason(root.read("a", 9)), Refusal::Links);
    assert_eq!(reason(root.write("a", b"")), Refusal::Links);
    assert_eq!(reason(root.read("nul\0", 9)), Refusal::BadPath);
    assert_eq!(reason(root.read("plain/below", 9)), Refusal::NotADirectory);
    assert_eq!(reason(root.read("missing", 9)), Refusal::NotFound);
    assert_eq!(reason(root.read("plain", 3)), Refusal::TooLarge { len: 4, limit: 3 });
    assert_eq!(reason(root.create_new("plain", b"")), Refusal::Exists);
    let text = root.read("../x", 9).unwrap_err().to_string();
    assert_eq!(text, "cannot read ../x: it leads outside the workspace");
}

#[test]
fn an_absolute_path_below_the_root_is_the_relative_one() {
    let (_dir, root) = root();
    let absolute = root.path().join("plain");
    assert_eq!(root.read(&absolute, 9).unwrap(), b"text");
    root.create_dir_all("x/y/z").unwrap();
    root.create_dir_all(root.path()).unwrap();
    root.write("x/y/z/f", b"1").unwrap();
    root.rename("x/y/z/f", "moved").unwrap();
    root.remove_file("moved").unwrap();
    root.remove_dir("x/y/z").unwrap();
    assert_eq!(reason(root.metadata("x/y/z")), Refusal::NotFound);
}

#[test]
fn a_directory_swapped_for_a_link_never_leads_outside() {
    let (dir, root) = root();
    let (real, swapped) = (root.path().join("d"), root.path().join("d.link"));
    std::fs::create_dir(&real).unwrap();
    std::fs::write(real.join("secret"), "inside").unwrap();
    symlink(dir.path(), &swapped).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flags = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                nix::fcntl::renameat2(nix::fcntl::AT_FDCWD, &real, nix::fcntl::AT_FDCWD, &swapped, flags)
                    .unwrap();
            }
        });
        for _ in 0..10_000 {
            if let Ok(bytes) = root.read("d/secret", 100) {
                assert_eq!(bytes, b"inside");
            }
            let _ = root.write("d/new", b"x");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(!dir.path().join("new").exists());
}
