//! A repository that AAMAS has never seen, a data directory of its own, and the built binary.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::process::{Live, Ran};
use crate::snapshot::Snapshot;

/// Every hook that git knows; each would leave a mark.
const HOOKS: &[&str] = &[
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
];

/// Commands that a repository's configuration would have git run; each would leave a mark.
const TRAPS: &[&str] = &[
    "core.fsmonitor",
    "core.sshCommand",
    "core.editor",
    "core.pager",
    "diff.external",
    "filter.trap.smudge",
    "filter.trap.clean",
    "filter.trap.process",
    "credential.helper",
    "gpg.program",
    "sequence.editor",
    "core.alternateRefsCommand",
    "merge.trap.driver",
    "diff.trap.textconv",
];

/// Variables of this process that a run must not depend on are not passed on; these are.
const PASSED_ON: &[&str] = &["PATH", "LD_LIBRARY_PATH", "AAMAS_FAULT", "RUST_BACKTRACE"];

/// The place of one test.
pub struct World {
    _dir: tempfile::TempDir,
    /// The user's repository.
    pub repo: PathBuf,
    /// The data directory.
    pub data: PathBuf,
}

impl World {
    /// A directory, and a path for a repository that is not there yet.
    pub fn bare() -> Self {
        let dir = tempfile::Builder::new().prefix("aamas-it-").tempdir().expect("a temporary directory");
        let root = dir.path().canonicalize().expect("it is there");
        std::fs::create_dir(root.join("home")).expect("a home");
        // For the git of the tests: the repository may have been given to another user.
        std::fs::write(root.join("gitconfig"), "[safe]\n\tdirectory = *\n").expect("a file");
        // An ordinary user must be able to enter it too.
        std::fs::set_permissions(&root, PermissionsExt::from_mode(0o755)).expect("it is ours");
        Self { repo: root.join("app"), data: root.join("data"), _dir: dir }
    }

    /// A repository without commits.
    pub fn empty() -> Self {
        let world = Self::bare();
        std::fs::create_dir(&world.repo).expect("a new directory");
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.git(&["config", "user.name", "Una User"]);
        world.git(&["config", "user.email", "una@example.org"]);
        world
    }

    /// A repository with these files in one commit, hooks and traps set.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let world = Self::empty();
        for (path, text) in files {
            world.write(path, text);
        }
        world.commit("Begin");
        world.set_traps();
        world
    }

    /// No tests: the quickest gates.
    pub fn plain() -> Self {
        Self::with(&[("README.md", "# App\n\nOne line.\n"), ("notes.txt", "first\n")])
    }

    /// Python with one test that fails and one that passes.
    pub fn python() -> Self {
        Self::with(&[
            ("calc.py", "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a * 2\n"),
            ("tests/__init__.py", ""),
            (
                "tests/test_calc.py",
                "import unittest\n\nfrom calc import add, twice\n\n\nclass CalcTest(unittest.TestCase):\n    \
                 def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n\n    \
                 def test_twice(self):\n        self.assertEqual(twice(4), 8)\n",
            ),
        ])
    }

    /// The directory that everything lies in.
    pub fn root(&self) -> &Path {
        self.data.parent().expect("a directory")
    }

    /// Where the binary's user lives.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// Where a hook or a trap writes that it ran.
    pub fn marks(&self) -> PathBuf {
        self.root().join("marks")
    }

    /// Writes a file of the repository.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.repo.join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
        std::fs::write(&path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// What a git command prints, without the last line break. Hooks and traps stay still.
    pub fn git<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        self.git_in(&self.repo, arguments)
    }

    /// The same, elsewhere.
    pub fn git_in<A: AsRef<OsStr>>(&self, dir: &Path, arguments: &[A]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.fsmonitor=false",
                "-c",
                "diff.external=",
                "-c",
                "commit.gpgSign=false",
                "-c",
                "tag.gpgSign=false",
            ])
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(dir)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|p| ("PATH", p)))
            .env("HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.root().join("gitconfig"))
            .env("GIT_OPTIONAL_LOCKS", "0")
            .output()
            .expect("git is installed");
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    /// Arms every hook, and every command that git's configuration could name.
    pub fn set_traps(&self) {
        let hooks = self.repo.join(".git/hooks");
        std::fs::create_dir_all(&hooks).expect("a directory for hooks");
        for hook in HOOKS {
            let path = hooks.join(hook);
            let text = format!("#!/bin/sh\necho hook {hook} >> '{}'\n", self.marks().display());
            std::fs::write(&path, text).expect("a hook");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a hook");
        }
        for trap in TRAPS {
            let command = format!("sh -c 'echo trap {trap} >> {}; cat' --", self.marks().display());
            self.git(&["config", trap, &command]);
        }
        self.git(&["config", "commit.gpgSign", "true"]);
        // The git of the tests may have asked a filter just now.
        let _ = std::fs::remove_file(self.marks());
    }

    /// Writes a script of a builder; the result is for `--model`.
    pub fn script(&self, turns: &[Value]) -> String {
        self.script_of(&json!({ "roles": { "builder": turns } }))
    }

    /// Writes any script.
    pub fn script_of(&self, script: &Value) -> String {
        let file = tempfile::Builder::new().suffix(".json").tempfile_in(self.root()).expect("a file");
        std::fs::write(file.path(), script.to_string()).expect("a script");
        let (_, path) = file.keep().expect("it stays");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("it is ours");
        format!("script:{}", path.display())
    }

    /// `aamas` with these arguments, in the repository, on the world's data directory.
    pub fn aamas<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Call<'_> {
        let all = arguments.into_iter().map(Into::into);
        self.in_words(std::iter::once(OsString::from("--json")).chain(all))
    }

    /// The same without `--json`.
    pub fn in_words<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Call<'_> {
        self.in_words_on(&self.data, arguments)
    }

    /// The same on another data directory.
    pub fn in_words_on<A: Into<OsString>>(
        &self,
        data: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Call<'_> {
        let mut all: Vec<OsString> = vec!["--data-dir".into(), data.into()];
        all.extend(arguments.into_iter().map(Into::into));
        Call {
            world: self,
            program: binary(),
            arguments: all,
            cwd: self.repo.clone(),
            variables: Vec::new(),
            stdin: Vec::new(),
            user: None,
            watched: Watched::Untouched,
        }
    }

    /// `aamas run --solo` with a model, and more arguments, of which the last is the task.
    pub fn run(&self, model: &str, arguments: &[&str]) -> Ran {
        self.run_call(model, arguments).finish()
    }

    /// The same, not started yet.
    pub fn run_call(&self, model: &str, arguments: &[&str]) -> Call<'_> {
        let all = ["run", "--solo", "--model", model].into_iter().chain(arguments.iter().copied());
        self.aamas(all.map(OsString::from))
    }

    /// `aamas runs resume …`.
    pub fn resume(&self, arguments: &[&str]) -> Ran {
        self.aamas(["runs", "resume"].into_iter().chain(arguments.iter().copied())).finish()
    }

    /// All runs, newest first.
    pub fn runs(&self) -> Vec<Value> {
        let listed = self.aamas(["runs", "list"]).finish();
        assert_eq!(listed.code, 0, "{listed}");
        listed.document()["runs"].as_array().expect("a list").clone()
    }

    /// All pull requests, newest first.
    pub fn pull_requests(&self) -> Vec<Value> {
        let listed = self.aamas(["pr", "list"]).finish();
        assert_eq!(listed.code, 0, "{listed}");
        let document = listed.document();
        document["pull_requests"].as_array().unwrap_or_else(|| panic!("no list: {document}")).clone()
    }

    /// The branches that AAMAS made.
    pub fn branches(&self) -> Vec<String> {
        let refs = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/aamas/"]);
        refs.lines().map(str::to_owned).collect()
    }

    /// The tree of a commit or branch.
    pub fn tree(&self, rev: &str) -> String {
        self.git(&["rev-parse", &format!("{rev}^{{tree}}")])
    }

    /// A file of a commit or branch.
    pub fn show(&self, rev: &str, path: &str) -> String {
        self.git(&["show", &format!("{rev}:{path}")])
    }

    /// Paths that a commit changes.
    pub fn changed(&self, rev: &str) -> Vec<String> {
        let names = self.git(&["diff", "--name-only", &format!("{rev}^"), rev]);
        names.lines().map(str::to_owned).collect()
    }
}

/// The binary under test; `AAMAS_TEST_BINARY` names another one.
pub fn binary() -> PathBuf {
    std::env::var_os("AAMAS_TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_aamas").into(), PathBuf::from)
}

/// What is expected of the user's repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// It stays as it is but for one new branch.
    Untouched,
    /// Not looked at.
    Not,
}

/// A call of the binary.
pub struct Call<'a> {
    world: &'a World,
    program: PathBuf,
    arguments: Vec<OsString>,
    cwd: PathBuf,
    variables: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    user: Option<u32>,
    watched: Watched,
}

impl<'a> Call<'a> {
    /// In another directory.
    pub fn cwd(self, dir: impl Into<PathBuf>) -> Self {
        Self { cwd: dir.into(), ..self }
    }

    /// With a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// With something on standard input.
    pub fn stdin(self, bytes: impl Into<Vec<u8>>) -> Self {
        Self { stdin: bytes.into(), ..self }
    }

    /// As another user (root only).
    pub fn user(self, uid: u32) -> Self {
        Self { user: Some(uid), ..self }
    }

    /// Another copy of the binary.
    pub fn program(self, program: &Path) -> Self {
        Self { program: program.to_owned(), ..self }
    }

    /// Through another program, which gets the binary and its arguments behind its own.
    pub fn through<A: Into<OsString>>(
        mut self,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut all: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        all.push(self.program.into());
        all.append(&mut self.arguments);
        Self { program: program.into(), arguments: all, ..self }
    }

    /// The repository may change, or is looked at by the test itself.
    pub fn unwatched(self) -> Self {
        Self { watched: Watched::Not, ..self }
    }

    /// Starts it.
    pub fn start(self) -> Live<'a> {
        let before = (self.watched == Watched::Untouched).then(|| Snapshot::of(self.world));
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.cwd).env_clear();
        for name in PASSED_ON {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", self.world.home()).env("LANG", "C.UTF-8").envs(self.variables);
        if let Some(uid) = self.user {
            use std::os::unix::process::CommandExt;
            command.uid(uid).gid(uid);
        }
        Live::start(self.world, command, self.stdin, before)
    }

    /// Runs it to its end.
    pub fn finish(self) -> Ran {
        self.start().finish()
    }

    /// Runs it to its end; what it printed is not looked at.
    pub fn raw(self) -> Ran {
        self.start().end()
    }
}

/// A turn of a scripted model.
pub fn turn(calls: &[Value]) -> Value {
    json!({ "tool_calls": calls })
}

/// A tool call.
pub fn call(name: &str, arguments: Value) -> Value {
    json!({ "name": name, "arguments": arguments })
}

/// A turn of one tool call.
pub fn calls(name: &str, arguments: Value) -> Value {
    turn(&[call(name, arguments)])
}

/// A turn that runs a command.
pub fn command(text: &str) -> Value {
    calls("run_command", json!({ "command": text }))
}

/// A turn that writes a file.
pub fn write(path: &str, content: &str) -> Value {
    calls("write_file", json!({ "path": path, "content": content }))
}

/// The closing turn.
pub fn finish(title: &str) -> Value {
    calls("finish", json!({ "summary": format!("{title}, as asked."), "title": title }))
}

/// The turn that mends [`World::python`].
pub fn mend() -> Value {
    calls("edit_file", json!({ "path": "calc.py", "old_text": "a - b", "new_text": "a + b" }))
}
