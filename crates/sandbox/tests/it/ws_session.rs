//! Snapshots of real overlays, judged by git itself inside.

use std::time::Duration;

use sandbox::objects::Oid;
use sandbox::workspace::{Restored, Workspace};
use sandbox::{Command, End, Exec, Session};

use crate::ground::options;
use crate::ws_fixture::{Fixture, files};

/// What an agent's commands may leave behind, one after the other.
const STEPS: &[&str] = &[
    "echo two > src/lib.py",
    "rm README.md",
    "rm -r src/deep",
    "mkdir -p src/deep/other && echo y > src/deep/other/y.txt",
    "rm -r docs && mkdir docs && echo new > docs/new.md",
    "chmod +x src/run.sh && touch src/untouched.txt",
    "git stash -q -u && git stash pop -q",
    "ln -s ../README.md link && ln -sf nowhere src/dangling",
    "printf 'n' > 'a name' ; printf 'n' > $'new\\nline' ; printf 'n' > $'\\xff\\xfe'",
    "echo noise > x.log; mkdir -p build && echo b > build/out; echo keep > kept.log",
    "mkdir sub && echo '!*.log' > sub/.gitignore && echo wanted > sub/wanted.log",
    "rm -f tracked.log && echo again > tracked.log",
    "rm -r docs && echo file > docs",
    "rm src/lib.py && mkdir src/lib.py && echo inside > src/lib.py/inside",
    "mv src/untouched.txt moved.txt",
    "echo '*.txt' >> .gitignore && echo more > ignored.txt && echo changed >> src/tracked.txt",
    "git checkout -q -- README.md src/run.sh",
    "rm .gitignore",
    "git add -A && git commit -q -m 'inside' && echo after > after.py",
    "rm -rf src docs sub",
    "find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +",
    "echo last > last.txt",
];

/// Sequences of random commands.
const SEEDS: u64 = 8;

fn project() -> Fixture {
    let fixture = Fixture::with(&[
        ("README.md", "hello\n"),
        ("src/lib.py", "def one():\n    return 1\n"),
        ("src/deep/er/x.txt", "x\n"),
        ("src/run.sh", "#!/bin/sh\n"),
        ("src/untouched.txt", "same\n"),
        ("src/tracked.txt", "tracked\n"),
        ("docs/old.md", "old\n"),
        ("docs/deep/older.md", "older\n"),
        (".gitignore", "*.log\n/build/\n"),
    ]);
    fixture.write("tracked.log", "ignored, but tracked\n");
    fixture.git(&["add", "-f", "tracked.log"]);
    fixture.git(&["commit", "-q", "-m", "second"]);
    fixture
}

async fn sh(session: &Session, text: &str) -> String {
    let output = session.exec(Command::shell(text).timeout(Duration::from_secs(60))).await.unwrap();
    assert_eq!(output.end, End::Exited(0), "{text}: {} {}", output.stdout.text(), output.stderr.text());
    output.stdout.text()
}

/// The tree that git makes of the workspace: all that is tracked by the base or not ignored.
async fn gits_tree(session: &Session, base: &Workspace) -> Oid {
    let commit = base.base().commit;
    let text = format!(
        "export GIT_INDEX_FILE=/tmp/index.$$; rm -f $GIT_INDEX_FILE; git read-tree {commit} && git add -A . && git write-tree"
    );
    sh(session, &text).await.trim().parse().unwrap()
}

#[tokio::test]
async fn a_snapshot_is_the_tree_that_git_would_make() {
    let fixture = project();
    let (workspace, mirror, _) = fixture.workspace("run_1");
    let session = Session::start(workspace.plan(), options()).await.unwrap();
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    assert_eq!(snapshotter.take().unwrap().tree, workspace.base().tree);
    assert_eq!(sh(&session, "git status --porcelain").await, "");
    for step in STEPS {
        sh(&session, step).await;
        let snapshot = snapshotter.take().unwrap();
        let want = gits_tree(&session, &workspace).await;
        assert_eq!(
            snapshot.tree,
            want,
            "after {step}: {:#?} {}",
            files(&mirror, snapshot.tree),
            sh(&session, "git ls-files -s").await
        );
        // One that has seen nothing before comes to the same.
        assert_eq!(workspace.snapshotter(&mirror).unwrap().take().unwrap().tree, want, "after {step}");
    }
}

#[tokio::test]
async fn an_interrupted_workspace_goes_back_to_any_of_its_snapshots() {
    let fixture = project();
    let (mut workspace, mirror, _) = fixture.workspace("run_1");
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    let mut trees = vec![workspace.base().tree];
    for step in STEPS {
        let session = Session::start(workspace.plan(), options()).await.unwrap();
        sh(&session, step).await;
        trees.push(snapshotter.take().unwrap().tree);
        session.close().await;
    }
    for (n, tree) in trees.iter().enumerate().rev().chain(trees.iter().enumerate()) {
        assert_eq!(workspace.restore(&mut snapshotter, *tree).unwrap(), Restored::InPlace, "snapshot {n}");
        let session = Session::start(workspace.plan(), options()).await.unwrap();
        assert_eq!(gits_tree(&session, &workspace).await, *tree, "snapshot {n}");
        session.close().await;
    }
    for (n, tree) in trees.iter().enumerate() {
        workspace.rebuild(&mut snapshotter, *tree).unwrap();
        let session = Session::start(workspace.plan(), options()).await.unwrap();
        assert_eq!(gits_tree(&session, &workspace).await, *tree, "snapshot {n}, rebuilt");
        session.close().await;
    }
}

#[tokio::test]
async fn what_is_ignored_outlives_a_restore_and_not_a_rebuild() {
    let fixture = project();
    let (mut workspace, mirror, _) = fixture.workspace("run_1");
    let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
    let session = Session::start(workspace.plan(), options()).await.unwrap();
    sh(&session, "mkdir build && echo b > build/out && echo one > src/lib.py").await;
    let tree = snapshotter.take().unwrap().tree;
    // The interrupted step also took the rule away by which the folder is ignored.
    sh(&session, "rm .gitignore src/lib.py && mkfifo pipe && echo half > half").await;
    session.close().await;
    workspace.restore(&mut snapshotter, tree).unwrap();
    let session = Session::start(workspace.plan(), options()).await.unwrap();
    assert_eq!(sh(&session, "cat build/out src/lib.py; ls half pipe 2>/dev/null || true").await, "b\none\n");
    session.close().await;
    workspace.rebuild(&mut snapshotter, tree).unwrap();
    let session = Session::start(workspace.plan(), options()).await.unwrap();
    assert_eq!(sh(&session, "cat src/lib.py; ls build 2>/dev/null || true").await, "one\n");
}

/// A small generator of numbers, so that a seed tells the whole story.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn path(&mut self) -> String {
        const NAMES: &[&str] = &[
            "a",
            "b",
            "src",
            "docs",
            "deep",
            "x.txt",
            "y.log",
            "build",
            "lib.py",
            "README.md",
            "tracked.log",
        ];
        let depth = 1 + self.roll(3);
        (0..depth).map(|_| NAMES[self.roll(NAMES.len() as u64) as usize]).collect::<Vec<_>>().join("/")
    }

    fn command(&mut self) -> String {
        let (one, two, n) = (self.path(), self.path(), self.roll(5));
        match self.roll(11) {
            0..=2 => format!("rm -rf '{one}'; mkdir -p \"$(dirname '{one}')\"; echo {n} > '{one}'"),
            3 => format!("echo {n} >> '{one}'"),
            4 => format!("rm -rf '{one}'"),
            5 => format!("mv -f '{one}' '{two}'"),
            6 => format!("cp -r '{one}' '{two}'"),
            7 => format!("mkdir -p '{one}'"),
            8 => format!("rm -f '{one}'; ln -s '{two}' '{one}'"),
            9 => format!("chmod +x '{one}'; ln -f '{one}' '{two}'"),
            _ => format!(
                "git checkout -q HEAD -- '{one}'; printf '%s\\n' '{two}' '!{one}' > \"$(dirname '{one}')/.gitignore\""
            ),
        }
    }
}

#[tokio::test]
async fn random_commands_are_seen_as_git_sees_them_and_can_be_undone() {
    let fixture = project();
    for seed in 0..SEEDS {
        let mut dice = Dice(seed);
        let (mut workspace, mirror, _) = fixture.workspace(&format!("run_{seed}"));
        let mut snapshotter = workspace.snapshotter(&mirror).unwrap();
        let mut trees = Vec::new();
        let session = Session::start(workspace.plan(), options()).await.unwrap();
        for _ in 0..6 {
            let step = (0..4).map(|_| dice.command()).collect::<Vec<_>>().join("\n");
            sh(&session, &format!("{{ {step}\n}} 2>/dev/null || true")).await;
            trees.push(snapshotter.take().unwrap().tree);
            assert_eq!(*trees.last().unwrap(), gits_tree(&session, &workspace).await, "seed {seed}: {step}");
        }
        session.close().await;
        for _ in 0..3 {
            let tree = trees[dice.roll(trees.len() as u64) as usize];
            workspace.restore(&mut snapshotter, tree).unwrap();
            let session = Session::start(workspace.plan(), options()).await.unwrap();
            assert_eq!(gits_tree(&session, &workspace).await, tree, "seed {seed}: set back");
            session.close().await;
        }
        workspace.rebuild(&mut snapshotter, trees[0]).unwrap();
        assert_eq!(snapshotter.take().unwrap().tree, trees[0], "seed {seed}: rebuilt");
    }
}
