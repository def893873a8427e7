//! Dependency folders and set-up, in real sessions.

use std::path::Path;
use std::time::{Duration, SystemTime};

use sandbox::layers::{Layers, WarmKey};
use sandbox::setup::{SetupRequest, warm_layer};
use sandbox::snapshot::Layering;
use sandbox::toolchains::Toolchains;
use sandbox::workspace::{Request, Workspace};
use sandbox::{Command, End, Exec, MountPlan, SandboxError, Session};

use crate::ground::options;
use crate::ws_fixture::{Fixture, owner, put};

fn project() -> Fixture {
    let fixture = Fixture::with(&[
        ("package.json", "{}\n"),
        ("web/app/package.json", "{}\n"),
        ("Cargo.toml", "[package]\nname = \"mine\"\n"),
        (".gitignore", "node_modules/\ntarget/\n"),
    ]);
    fixture.write("node_modules/left-pad/index.js", "left\n");
    fixture.write("web/app/node_modules/inner/index.js", "inner\n");
    fixture.write("target/debug/.fingerprint/mine-0011223344556677/dep-lib-mine", "stale\n");
    fixture.write("target/debug/.fingerprint/serde-0011223344556677/dep-lib-serde", "fresh\n");
    fixture
}

async fn run(plan: &MountPlan, text: &str) -> String {
    let session = Session::start(plan, options()).await.unwrap();
    let output = session.exec(Command::shell(text).timeout(Duration::from_secs(60))).await.unwrap();
    session.close().await;
    assert_eq!(output.end, End::Exited(0), "{text}: {}", output.stderr.text());
    output.stdout.text()
}

#[tokio::test]
async fn the_users_dependency_folders_are_seen_and_never_written() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    let before = fixture.fingerprint("");
    let want = [Path::new("node_modules"), Path::new("target"), Path::new("web/app/node_modules")];
    assert_eq!(workspace.dependencies(), want);
    let text = "cat node_modules/left-pad/index.js web/app/node_modules/inner/index.js
        echo changed > node_modules/left-pad/index.js; mkdir node_modules/new; echo x > node_modules/new/x
        ls target/debug/.fingerprint; git status --porcelain";
    assert_eq!(run(workspace.plan(), text).await, "left\ninner\nserde-0011223344556677\n");
    assert_eq!(fixture.fingerprint(""), before);
    assert_eq!(workspace.snapshotter(&mirror).unwrap().take().unwrap().tree, workspace.base().tree);
    assert_eq!(run(workspace.plan(), "cat node_modules/left-pad/index.js").await, "changed\n");
    assert!(workspace.changed_dependencies().is_empty());
    fixture.write("node_modules/another/index.js", "another\n");
    assert_eq!(workspace.changed_dependencies(), [Path::new("node_modules")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_setup_makes_is_there_for_every_later_run() {
    let fixture = project();
    let (repository, base, mirror) = fixture.open();
    let (author, toolchains) = (repository.author(), Toolchains::default());
    let layers = Layers::new(&mirror, owner());
    let now = SystemTime::now();
    let key = WarmKey::new(&base, "setup", "tools");
    for round in 0..2 {
        let base_layer = layers.base(&repository, &base, now).unwrap();
        let request = SetupRequest {
            repository: &repository,
            mirror: &mirror,
            base: &base,
            base_layer: &base_layer,
            owner: owner(),
            author: &author,
            toolchains: &toolchains,
        };
        let warm = warm_layer::<SandboxError>(&request, &key, |plan| {
            assert_eq!(round, 0, "made once");
            let text = "mkdir -p node_modules/dep && echo installed > node_modules/dep/x && echo '{\"x\":1}' > package.json && git log --oneline";
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(run(plan, text)));
            Ok(())
        });
        let warm = warm.unwrap();
        let run_id = format!("run_{round}");
        let request = Request {
            data_dir: &fixture.data,
            run: &run_id,
            repository: &repository,
            mirror: &mirror,
            base: &base,
            base_layer,
            warm: Some(warm),
            layering: Layering::Overlay,
            owner: owner(),
            author: &author,
            toolchains: &toolchains,
        };
        let workspace = Workspace::prepare(request, now).unwrap();
        assert!(workspace.dependencies().is_empty(), "set-up made the run's own");
        let text = "cat node_modules/dep/x; rm -r node_modules; echo new > new.txt";
        assert_eq!(run(workspace.plan(), text).await, "installed\n");
        let tree = workspace.snapshotter(&mirror).unwrap().take().unwrap().tree;
        let changes = mirror.changes(base.tree, tree).unwrap();
        assert_eq!(
            changes.iter().map(|c| c.path_text()).collect::<Vec<_>>(),
            ["new.txt"],
            "what set-up changed is no change of the run"
        );
    }
}

#[test]
fn a_foreign_repository_keeps_its_owner() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    use std::os::unix::fs::MetadataExt;
    let fixture = project();
    std::fs::set_permissions(fixture.dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    crate::ground::chown(&fixture.repo, sandbox::Identity { uid: 4242, gid: 4243 });
    let (repository, base, mirror) = fixture.open();
    repository.dirty().unwrap();
    let dirty = {
        put(&fixture.repo.join("new.txt"), b"n\n");
        mirror.commit_dirty(&repository, &base, &repository.author(), "m").unwrap()
    };
    sandbox::delivery::deliver(&mirror, &repository, "aamas/x-1", dirty.commit, None).unwrap();
    let mut pending = vec![fixture.repo.join(".git")];
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            assert_eq!((meta.uid(), meta.gid()), (4242, 4243), "{}", path.display());
            if meta.is_dir() {
                pending.push(path);
            }
        }
    }
}
