//! Workspaces and snapshots against git's own ways, in the same minutes on the same machine. Prints a table.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench ends at the first failure, drives git and reads the clock"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime};

use sandbox::checkout::owner_for;
use sandbox::layers::Layers;
use sandbox::mirror::Mirror;
use sandbox::repository::Repository;
use sandbox::snapshot::Layering;
use sandbox::toolchains::Toolchains;
use sandbox::workspace::{Request, Workspace};

fn main() {
    let dir = tempfile::Builder::new().prefix("bench").tempdir_in("/var/tmp").unwrap();
    let sizes = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect::<Vec<usize>>();
    for files in if sizes.is_empty() { vec![7_000, 100_000] } else { sizes } {
        let (repo, data) = (dir.path().join(format!("repo{files}")), dir.path().join(format!("data{files}")));
        std::fs::create_dir_all(&data).unwrap();
        make_repository(&repo, files);
        measure(&repo, &data, files);
    }
}

fn measure(repo: &Path, data: &Path, files: usize) {
    println!("-- {files} files");
    let repository = timed("discover", || Repository::discover(repo).unwrap());
    let base = timed("resolve HEAD", || repository.resolve("HEAD").unwrap());
    timed("author", || repository.author());
    timed("dirty (git status)", || repository.dirty().unwrap());
    let mirror = timed("open mirror, first", || Mirror::open(data, &repository).unwrap());
    timed("fetch base, first", || mirror.fetch(&repository, &base).unwrap());
    timed("fetch base, again", || mirror.fetch(&repository, &base).unwrap());
    let owner = owner_for(sandbox::Identity::of_commands());
    let now = SystemTime::now();
    timed("base checkout, first", || Layers::new(&mirror, owner).base(&repository, &base, now).unwrap());
    let toolchains = Toolchains::default();
    let mut last = None;
    for run in ["one", "two", "three"] {
        last = Some(timed(&format!("all of a workspace, run {run}"), || {
            let repository = Repository::discover(repo).unwrap();
            let base = repository.resolve("HEAD").unwrap();
            let mirror = Mirror::open(data, &repository).unwrap();
            mirror.fetch(&repository, &base).unwrap();
            let base_layer = Layers::new(&mirror, owner).base(&repository, &base, now).unwrap();
            let author = repository.author();
            let request = Request {
                data_dir: data,
                run,
                repository: &repository,
                mirror: &mirror,
                base: &base,
                base_layer,
                warm: None,
                layering: Layering::Overlay,
                owner,
                author: &author,
                toolchains: &toolchains,
            };
            Workspace::prepare(request, now).unwrap()
        }));
    }
    timed("git worktree add", || git(repo, &["worktree", "add", "-q", "--detach", "../tree"]));
    git(repo, &["worktree", "remove", "--force", "../tree"]);
    let workspace = last.unwrap();
    let sandbox::Layered::Overlay { upper, .. } = &workspace.plan().workspace else {
        unreachable!("an overlay was asked for")
    };
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    timed("snapshot, nothing changed", || snapshotter.take().unwrap());
    let file = upper.join("d1/d2/f12.txt");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    for n in 0..3 {
        std::fs::write(&file, format!("changed {n}\n")).unwrap();
        timed("snapshot, one file changed", || snapshotter.take().unwrap());
    }
    for n in 0..1000 {
        std::fs::write(upper.join(format!("d1/new{n}")), format!("new {n}\n")).unwrap();
    }
    timed("snapshot, 1,000 new files", || snapshotter.take().unwrap());
    timed("snapshot, the same again", || snapshotter.take().unwrap());
    timed("git add -A and write-tree", || {
        std::fs::write(repo.join("d1/d2/f12.txt"), "changed\n").unwrap();
        git(repo, &["add", "-A"]);
        git(repo, &["write-tree"]);
    });
    git(repo, &["reset", "-q", "--hard"]);
}

/// Directories of ten files each, a hundred of them in each directory of the top.
fn make_repository(repo: &Path, files: usize) {
    std::fs::create_dir_all(repo).unwrap();
    for n in 0..files {
        let dir = repo.join(format!("d{}/d{}", n / 1000, n / 10 % 100));
        if n % 10 == 0 {
            std::fs::create_dir_all(&dir).unwrap();
        }
        std::fs::write(dir.join(format!("f{n}.txt")), format!("file {n}\n{}", "some text\n".repeat(n % 300)))
            .unwrap();
    }
    std::fs::create_dir_all(repo.join("d1/d2")).unwrap();
    std::fs::write(repo.join("d1/d2/f12.txt"), "to be changed\n").unwrap();
    git(repo, &["init", "-q", "-b", "main"]);
    git(repo, &["add", "-A"]);
    git(repo, &["-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "-q", "-m", "all"]);
}

fn timed<T>(what: &str, f: impl FnOnce() -> T) -> T {
    let (began, cpu) = (Instant::now(), cpu_ms());
    let done = f();
    println!("{:>9.2} ms {:>9.2} ms CPU  {what}", began.elapsed().as_secs_f64() * 1000.0, cpu_ms() - cpu);
    done
}

/// Processor time of this process and of children that have ended, in milliseconds.
fn cpu_ms() -> f64 {
    use nix::sys::resource::{UsageWho, getrusage};
    let of = |who| getrusage(who).map(|u| (u.user_time(), u.system_time())).unwrap();
    let times = [of(UsageWho::RUSAGE_SELF), of(UsageWho::RUSAGE_CHILDREN)];
    let ms = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 * 1000.0 + t.tv_usec() as f64 / 1000.0;
    times.into_iter().map(|(user, system)| ms(user) + ms(system)).sum()
}

fn git(dir: &Path, args: &[&str]) {
    assert!(Command::new("git").args(args).current_dir(dir).status().unwrap().success(), "git {args:?}");
}
