//! The new root: a small tmpfs in which everything is placed, and which then becomes `/`.

use std::ffi::OsStr;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{chdir, pivot_root, symlinkat};

use super::sources::{Item, Overlay, What};
use super::sys;
use crate::wire::{Doing, Failure, SessionStart};

/// Paths below `.git` that commands may not change, and whether each is a directory.
const GIT_FIXED: &[(&str, bool)] =
    &[("config", false), ("hooks", true), ("info", true), ("objects/info", true)];
/// Places where the new root may be mounted. All sources are held by descriptors already, so nothing is hidden by it.
const PLACES: &[&str] = &["/tmp", "/mnt", "/usr"];

/// Where layers are staged during set-up.
const LAYERS: &str = ".layers";

/// What a built root leaves behind for the run's init.
pub(super) struct Built {
    /// Directories where changes collect, for the disk limit.
    pub(super) uppers: Vec<OwnedFd>,
}

/// Builds the new root from the items, enters it and lets go of the old one.
pub(super) fn build(items: Vec<Item>, start: &SessionStart) -> Result<Built, Failure> {
    private()?;
    let mut root = NewRoot::mount(start.scratch_bytes)?;
    for item in items {
        root.place(item)?;
    }
    if start.plan.git_dir.is_some() {
        root.fix_git(&start.plan.root.join(".git"))?;
    }
    for path in &start.masks {
        root.mask(path)?;
    }
    root.mount_fresh()?;
    root.enter()
}

/// No mount made from here on is seen outside.
fn private() -> Result<(), Failure> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).doing(|| "make the mounts private".to_owned())
}

struct NewRoot {
    path: PathBuf,
    fd: OwnedFd,
    staged: Vec<PathBuf>,
    uppers: Vec<OwnedFd>,
}

impl NewRoot {
    fn mount(scratch_bytes: u64) -> Result<Self, Failure> {
        let mut last = Errno::ENOENT;
        for place in PLACES.iter().map(Path::new) {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            match mount(Some("root"), place, Some("tmpfs"), flags, Some("mode=0755,size=16m,nr_inodes=8k")) {
                Ok(()) => return Self::at(place.to_owned(), scratch_bytes),
                Err(errno) => last = errno,
            }
        }
        Err(Failure::new("mount the new root", last))
    }

    fn at(path: PathBuf, scratch_bytes: u64) -> Result<Self, Failure> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(&path, flags, Mode::empty()).doing(|| "open the new root".to_owned())?;
        let mut root = Self { path, fd, staged: Vec::new(), uppers: Vec::new() };
        // Every name here costs kernel memory, so names are bounded as well as bytes.
        let options = format!(
            "mode=0755,size={scratch_bytes},nr_inodes={}",
            (scratch_bytes / 4096).clamp(1024, 1 << 20)
        );
        root.directory(Path::new("/.scratch"))?;
        let scratch = root.path.join(".scratch");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("scratch"), &scratch, Some("tmpfs"), flags, Some(options.as_str()))
            .doing(|| "mount the scratch space".to_owned())?;
        for (name, mode) in [("tmp", 0o1777), ("shm", 0o1777), ("home", 0o700)] {
            let path = scratch.join(name);
            nix::unistd::mkdir(&path, Mode::empty()).doing(|| format!("make scratch/{name}"))?;
            nix::sys::stat::fchmodat(
                nix::fcntl::AT_FDCWD,
                &path,
                Mode::from_bits_truncate(mode),
                nix::sys::stat::FchmodatFlags::FollowSymlink,
            )
            .doing(|| format!("open up scratch/{name}"))?;
        }
        root.staged.push(scratch);
        Ok(root)
    }

    fn place(&mut self, item: Item) -> Result<(), Failure> {
        let Item { at, what } = item;
        match what {
            What::Directory => self.directory(&at).map(drop),
            What::Link(to) => {
                let parent = self.directory(at.parent().unwrap_or(Path::new("/")))?;
                symlinkat(&to, &parent, name(&at)).doing(|| format!("link {}", at.display()))
            }
            What::Text(bytes) => {
                let mut file = std::fs::File::from(self.file(&at, OFlag::O_WRONLY)?);
                file.write_all(&bytes).doing(|| format!("write {}", at.display()))
            }
            What::Tree { fd, directory } => {
                let target = if directory { self.directory(&at)? } else { self.file(&at, OFlag::O_PATH)? };
                sys::attach(fd.as_fd(), target.as_fd()).doing(|| format!("mount {}", at.display()))
            }
            What::Scratch(part) => {
                let source = self
                    .beneath(Path::new("/.scratch").join(part).as_path(), OFlag::O_PATH)
                    .doing(|| format!("open scratch/{part}"))?;
                let tree = sys::clone_tree_at(source.as_fd(), "")
                    .doing(|| format!("take hold of scratch/{part}"))?;
                let target = self.directory(&at)?;
                sys::attach(tree.as_fd(), target.as_fd()).doing(|| format!("mount {}", at.display()))
            }
            What::Overlay(overlay) => self.overlay(&at, &overlay),
            What::Pin => self.pin(&at),
        }
    }

    fn overlay(&mut self, at: &Path, overlay: &Overlay) -> Result<(), Failure> {
        let mut lower = Vec::new();
        for layer in &overlay.lower {
            lower.push(self.stage(layer.as_fd())?);
        }
        let changes = self.stage(overlay.changes.as_fd())?;
        let show = |path: &Path| path.display().to_string();
        let options = format!(
            "lowerdir={},upperdir={},workdir={},userxattr",
            lower.iter().map(|p| show(p)).collect::<Vec<_>>().join(":"),
            escaped(&changes.join(&overlay.upper)),
            escaped(&changes.join(&overlay.work)),
        );
        self.directory(at)?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let upper = nix::fcntl::open(&changes.join(&overlay.upper), flags, Mode::empty())
            .doing(|| format!("open the upper directory of {}", at.display()))?;
        self.uppers.push(upper);
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        let target = self.path.join(at.strip_prefix("/").unwrap_or(at));
        mount(Some("overlay"), &target, Some("overlay"), flags, Some(options.as_str()))
            .doing(|| format!("mount the overlay at {}", at.display()))
    }

    /// Gives a detached mount a short path for the time of set-up: overlayfs wants paths.
    fn stage(&mut self, tree: BorrowedFd<'_>) -> Result<PathBuf, Failure> {
        let inner = Path::new("/").join(LAYERS).join(self.staged.len().to_string());
        let target = self.directory(&inner)?;
        sys::attach(tree, target.as_fd()).doing(|| "stage a layer".to_owned())?;
        let path = self.path.join(inner.strip_prefix("/").expect("absolute"));
        self.staged.push(path.clone());
        Ok(path)
    }

    /// Makes read-only, in a git directory that is otherwise writable, what decides which programs git runs and which
    /// objects it believes in. What is missing is made first, so that it can't be made later.
    fn fix_git(&self, git: &Path) -> Result<(), Failure> {
        for (name, directory) in GIT_FIXED {
            let at = git.join(name);
            let target = if *directory { self.directory(&at)? } else { self.file(&at, OFlag::O_PATH)? };
            let tree =
                sys::clone_tree_at(target.as_fd(), "").doing(|| format!("take hold of {}", at.display()))?;
            sys::set_attributes(tree.as_fd(), sys::ATTR_RDONLY | sys::ATTR_NOSUID | sys::ATTR_NODEV, false)
                .doing(|| format!("make {} read-only", at.display()))?;
            sys::attach(tree.as_fd(), target.as_fd()).doing(|| format!("fix {}", at.display()))?;
        }
        Ok(())
    }

    /// Puts something empty and read-only over a path, if it is there.
    fn mask(&self, at: &Path) -> Result<(), Failure> {
        let target = match self.beneath(at, OFlag::O_PATH | OFlag::O_NOFOLLOW) {
            Ok(target) => target,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
            Err(errno) => return Err(Failure::new(format!("look at {}", at.display()), errno)),
        };
        let stat = nix::sys::stat::fstat(&target).doing(|| format!("look at {}", at.display()))?;
        let empty = match stat.st_mode & libc::S_IFMT {
            libc::S_IFDIR => self.directory(Path::new("/.empty/directory"))?,
            libc::S_IFLNK => return Ok(()),
            _ => {
                self.directory(Path::new("/.empty"))?;
                self.file(Path::new("/.empty/file"), OFlag::O_PATH)?
            }
        };
        let tree = sys::clone_tree_at(empty.as_fd(), "").doing(|| "take hold of an empty file".to_owned())?;
        sys::set_attributes(tree.as_fd(), sys::ATTR_RDONLY, false)
            .doing(|| "make a mask read-only".to_owned())?;
        sys::attach(tree.as_fd(), target.as_fd()).doing(|| format!("mask {}", at.display()))
    }

    /// File systems of this pid and ipc namespace.
    fn mount_fresh(&self) -> Result<(), Failure> {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        self.directory(Path::new("/proc"))?;
        mount(Some("proc"), &self.path.join("proc"), Some("proc"), flags | MsFlags::MS_NODEV, None::<&str>)
            .doing(|| "mount /proc".to_owned())?;
        self.directory(Path::new("/dev/pts"))?;
        let options = Some("newinstance,ptmxmode=0666,mode=0620");
        mount(Some("devpts"), &self.path.join("dev/pts"), Some("devpts"), flags, options)
            .doing(|| "mount /dev/pts".to_owned())
    }

    /// A directory becomes a mount of its own: a mount can't be renamed, so that no command can move the workspace below
    /// it away and put something else in its place.
    fn pin(&self, at: &Path) -> Result<(), Failure> {
        let target = self.directory(at)?;
        let tree =
            sys::clone_tree_at(target.as_fd(), "").doing(|| format!("take hold of {}", at.display()))?;
        sys::attach(tree.as_fd(), target.as_fd()).doing(|| format!("pin {}", at.display()))
    }

    fn enter(self) -> Result<Built, Failure> {
        let step = |what: &'static str| move || what.to_owned();
        for path in self.staged.iter().rev() {
            umount2(path, MntFlags::MNT_DETACH).doing(step("let go of a layer"))?;
            nix::unistd::unlinkat(nix::fcntl::AT_FDCWD, path, nix::unistd::UnlinkatFlags::RemoveDir)
                .doing(step("clear up after a layer"))?;
        }
        if self.staged.len() > 1 {
            let layers = self.path.join(LAYERS);
            nix::unistd::unlinkat(nix::fcntl::AT_FDCWD, &layers, nix::unistd::UnlinkatFlags::RemoveDir)
                .doing(step("clear up after the layers"))?;
        }
        chdir(&self.path).doing(step("enter the new root"))?;
        pivot_root(".", ".").doing(step("make the new root the root"))?;
        umount2(".", MntFlags::MNT_DETACH).doing(step("let go of the old root"))?;
        chdir("/").doing(step("enter the root"))?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open("/", flags, Mode::empty()).doing(step("open the root"))?;
        sys::set_attributes(root.as_fd(), sys::ATTR_RDONLY, false).doing(step("make the root read-only"))?;
        Ok(Built { uppers: self.uppers })
    }

    /// A directory of the new root, made with those above it if missing. No part of the way may be a link.
    fn directory(&self, at: &Path) -> Result<OwnedFd, Failure> {
        let mut made = PathBuf::from("/");
        for part in at.components() {
            let Component::Normal(part) = part else { continue };
            let above = made.clone();
            made.push(part);
            match self.beneath(&made, OFlag::O_PATH | OFlag::O_DIRECTORY) {
                Ok(_) => {}
                Err(Errno::ENOENT) => {
                    let parent =
                        self.beneath(&above, OFlag::O_PATH).doing(|| format!("open {}", above.display()))?;
                    mkdirat(&parent, Path::new(part), Mode::from_bits_truncate(0o755))
                        .doing(|| format!("make the directory {}", made.display()))?;
                }
                Err(errno) => {
                    return Err(Failure::new(format!("open the directory {}", made.display()), errno));
                }
            }
        }
        self.beneath(&made, OFlag::O_PATH | OFlag::O_DIRECTORY).doing(|| format!("open {}", made.display()))
    }

    /// A file of the new root, made empty with the directories above it if missing.
    fn file(&self, at: &Path, flags: OFlag) -> Result<OwnedFd, Failure> {
        let parent = self.directory(at.parent().unwrap_or(Path::new("/")))?;
        match self.beneath(at, flags | OFlag::O_NOFOLLOW) {
            Err(Errno::ENOENT) => {}
            found => return found.doing(|| format!("open {}", at.display())),
        }
        let create = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let made = nix::fcntl::openat(&parent, name(at), create, Mode::from_bits_truncate(0o644))
            .doing(|| format!("make {}", at.display()))?;
        if flags.contains(OFlag::O_PATH) {
            return self.beneath(at, flags).doing(|| format!("open {}", at.display()));
        }
        Ok(made)
    }

    fn beneath(&self, at: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        let relative = at.strip_prefix("/").unwrap_or(at);
        let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS);
        openat2(&self.fd, relative, how)
    }
}

fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(OsStr::new("."))
}

/// A path in the options of overlayfs, where commas and backslashes have a meaning.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\").replace(',', "\\,")
}
