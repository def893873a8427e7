//! A tree of git objects as plain files, and the index that matches them. Content is written byte for byte: no filter, no
//! line-ending conversion.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown, lchown, symlink};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gix::index::entry::{Flags, Stat, stat::Time};

use crate::SandboxError;
use crate::objects::{Mode, Objects, Oid};
use crate::repository::join;

/// User and group that layers belong to: those that commands run as. `None`: the caller's own.
pub type Owner = Option<(u32, u32)>;

/// Whom layers must be given to, so that commands of this identity can use them.
#[must_use]
pub fn owner_for(commands: crate::Identity) -> Owner {
    commands.is_reserved().then_some((commands.uid, commands.gid))
}

/// Threads that write files; more only wait for each other.
const WRITERS: usize = 8;

/// A file to be written.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) path: Vec<u8>,
    pub(crate) mode: Mode,
    pub(crate) id: Oid,
    size: u32,
}

/// What a tree becomes on disk.
#[derive(Default)]
pub(crate) struct Plan {
    dirs: Vec<Vec<u8>>,
    pub(crate) files: Vec<Item>,
    pub(crate) submodules: Vec<Item>,
}

/// Lists a tree, refusing names that must not reach a file system.
pub(crate) fn list(objects: &Objects, tree: Oid) -> Result<Plan, SandboxError> {
    let mut plan = Plan::default();
    list_into(objects, tree, &[], &mut plan)?;
    Ok(plan)
}

fn list_into(objects: &Objects, tree: Oid, prefix: &[u8], plan: &mut Plan) -> Result<(), SandboxError> {
    for entry in objects.tree(tree)? {
        let path = join(prefix, &entry.name);
        if !is_safe_name(&entry.name) {
            let message =
                format!("it has an entry named {:?}, which can't be a file", String::from_utf8_lossy(&path));
            return Err(SandboxError::Git { command: format!("check out tree {tree}"), message });
        }
        let item = |path| Item { path, mode: entry.mode, id: entry.id, size: 0 };
        match entry.mode {
            Mode::Tree => {
                plan.dirs.push(path.clone());
                list_into(objects, entry.id, &path, plan)?;
            }
            Mode::Submodule => {
                plan.dirs.push(path.clone());
                plan.submodules.push(item(path));
            }
            Mode::File | Mode::Executable | Mode::Symlink => plan.files.push(item(path)),
        }
    }
    Ok(())
}

/// Writes a listed tree into `into`, an empty directory that nobody else uses; all files get the time `mtime`.
pub(crate) fn write(
    objects: &Objects,
    plan: &mut Plan,
    into: &Path,
    owner: Owner,
    mtime: SystemTime,
) -> Result<(), SandboxError> {
    for dir in &plan.dirs {
        let path = into.join(OsStr::from_bytes(dir));
        make_owned_dir(&path, owner)
            .map_err(|e| SandboxError::host(format!("create {}", path.display()), e))?;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(WRITERS);
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let sizes: Vec<AtomicUsize> = plan.files.iter().map(|_| AtomicUsize::new(0)).collect();
    let files = &plan.files;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (objects, next, failure, sizes) = (objects.clone(), &next, &failure, &sizes);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = files.get(n) else { break };
                    match write_item(&objects, item, into, owner, mtime) {
                        Ok(size) => sizes[n].store(size, Ordering::Relaxed),
                        Err(error) => {
                            *failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                            next.store(files.len(), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(error);
    }
    for (item, size) in plan.files.iter_mut().zip(sizes) {
        item.size = u32::try_from(size.into_inner()).unwrap_or(u32::MAX);
    }
    Ok(())
}

fn write_item(
    objects: &Objects,
    item: &Item,
    into: &Path,
    owner: Owner,
    mtime: SystemTime,
) -> Result<usize, SandboxError> {
    let data = objects.blob(item.id)?;
    let path = into.join(OsStr::from_bytes(&item.path));
    place(&path, item.mode, &data, owner, Some(mtime))
        .map_err(|e| SandboxError::host(format!("write {}", path.display()), e))?;
    Ok(data.len())
}

/// Writes one new file or link.
pub(crate) fn place(
    path: &Path,
    mode: Mode,
    data: &[u8],
    owner: Owner,
    mtime: Option<SystemTime>,
) -> io::Result<()> {
    if mode == Mode::Symlink {
        symlink(OsStr::from_bytes(data), path)?;
        return owner.map_or(Ok(()), |(uid, gid)| lchown(path, Some(uid), Some(gid)));
    }
    let wanted = permissions(mode).mode();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(wanted)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    file.write_all(data)?;
    finish(&file, mode, owner, mtime)
}

/// Gives a written file its owner, mode and time.
pub(crate) fn finish(file: &File, mode: Mode, owner: Owner, mtime: Option<SystemTime>) -> io::Result<()> {
    if let Some((uid, gid)) = owner {
        fchown(file, Some(uid), Some(gid))?;
    }
    // Looking costs less than setting, and only an unusual umask makes a difference.
    if file.metadata()?.permissions().mode() & 0o7777 != permissions(mode).mode() {
        file.set_permissions(permissions(mode))?;
    }
    mtime.map_or(Ok(()), |time| file.set_modified(time))
}

fn permissions(mode: Mode) -> Permissions {
    Permissions::from_mode(if mode == Mode::Executable { 0o755 } else { 0o644 })
}

/// Makes a directory that belongs to `owner`, whatever the umask.
pub(crate) fn make_owned_dir(path: &Path, owner: Owner) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    owner.map_or(Ok(()), |(uid, gid)| lchown(path, Some(uid), Some(gid)))
}

/// When files of a base count as changed: its commit's time, but in 1980 or later (archives can't hold less) and well
/// before the index is written (else git would have to read each file again).
pub(crate) fn file_time(committed_s: i64, now: SystemTime) -> SystemTime {
    const YEAR_1980_S: u64 = 315_619_200;
    let committed = UNIX_EPOCH + Duration::from_secs(u64::try_from(committed_s).unwrap_or(0));
    let latest = now.checked_sub(Duration::from_secs(10)).unwrap_or(UNIX_EPOCH);
    committed.min(latest).max(UNIX_EPOCH + Duration::from_secs(YEAR_1980_S))
}

/// Writes the index that matches what [`write`] wrote.
pub(crate) fn write_index(plan: &Plan, mtime: SystemTime, to: &Path) -> Result<(), SandboxError> {
    let mut state = gix::index::State::new(gix::hash::Kind::Sha1);
    let secs = mtime.duration_since(UNIX_EPOCH).map_or(0, |d| u32::try_from(d.as_secs()).unwrap_or(u32::MAX));
    let time = Time { secs, nsecs: 0 };
    for item in plan.files.iter().chain(&plan.submodules) {
        let stat = Stat { mtime: time, ctime: time, size: item.size, ..Stat::default() };
        state.dangerously_push_entry(
            stat,
            item.id.gix(),
            Flags::empty(),
            index_mode(item.mode),
            item.path.as_slice().into(),
        );
    }
    state.sort_entries();
    let writing = |e: String| SandboxError::Git { command: "write an index".into(), message: e };
    let mut bytes = Vec::new();
    gix::index::File::from_state(state, to)
        .write_to(&mut bytes, gix::index::write::Options::default())
        .map_err(|e| writing(e.to_string()))?;
    fs::write(to, bytes).map_err(|e| SandboxError::host(format!("write {}", to.display()), e))
}

fn index_mode(mode: Mode) -> gix::index::entry::Mode {
    match mode {
        Mode::Executable => gix::index::entry::Mode::FILE_EXECUTABLE,
        Mode::Symlink => gix::index::entry::Mode::SYMLINK,
        Mode::Submodule => gix::index::entry::Mode::COMMIT,
        Mode::File | Mode::Tree => gix::index::entry::Mode::FILE,
    }
}

/// Whether a name may become a file: no `.`, `..`, slash or NUL, and nothing that some file system takes for `.git`.
pub(crate) fn is_safe_name(name: &[u8]) -> bool {
    let options = gix::validate::path::component::Options {
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    !name.contains(&b'/')
        && !name.contains(&0)
        && gix::validate::path::component(name.into(), None, options).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_or_into_git_are_refused() {
        for name in ["", ".", "..", "a/b", ".git", ".GIT", "git~1", "a\0b", ".git\u{200c}"] {
            assert!(!is_safe_name(name.as_bytes()), "{name:?}");
        }
        for name in ["a", ".gitignore", "git", "con", "a\nb", "ü", "...", "x\\y", " "] {
            assert!(is_safe_name(name.as_bytes()), "{name:?}");
        }
        assert!(is_safe_name(b"\xff\xfe"));
    }

    #[test]
    fn file_times_stay_between_1980_and_just_now() {
        let at = |s| UNIX_EPOCH + Duration::from_secs(s);
        let cases = [
            (0, at(315_619_200)),
            (1_000_000_000, at(1_000_000_000)),
            (3_000_000_000, at(1_999_999_990)),
            (-5, at(315_619_200)),
        ];
        for (committed_s, want) in cases {
            assert_eq!(file_time(committed_s, at(2_000_000_000)), want, "{committed_s}");
        }
    }
}
