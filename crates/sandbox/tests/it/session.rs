//! Commands and built-ins end to end.

use std::path::{Path, PathBuf};

use sandbox::{Command, End, Exec, Layered, Level, SandboxError, Session, View};
use serde_json::json;

use crate::ground::{Ground, options};

/// What a shell command prints, in a fresh session on fresh ground.
async fn printed(text: &str) -> String {
    let ground = Ground::new();
    let session = ground.session().await;
    let output = session.exec(Command::shell(text)).await.unwrap();
    output.stdout.text() + &output.stderr.text()
}

#[tokio::test]
async fn a_command_runs_in_the_workspace_and_its_changes_land_in_the_upper() {
    let ground = Ground::new();
    let session = ground.session().await;
    assert!(session.level() >= Level::S2);
    assert_eq!(session.root(), ground.plan.root);
    let output =
        session.exec(Command::shell("pwd; cat hello.txt; echo new > src/new.txt; echo e >&2")).await.unwrap();
    assert_eq!(output.end, End::Exited(0), "{}", output.stderr.text());
    assert_eq!(output.stdout.text(), format!("{}\nhello\n", ground.plan.root.display()));
    assert_eq!(output.stderr.text(), "e\n");
    assert_eq!(std::fs::read_to_string(ground.upper().join("src/new.txt")).unwrap(), "new\n");
    assert!(!ground.plan.root.exists(), "nothing appears outside");
    session.close().await;
}

#[tokio::test]
async fn built_ins_run_inside_and_refuse_in_words() {
    let ground = Ground::new();
    let session = ground.session().await;
    let root = ground.plan.root.display().to_string();
    let cases = [
        ("echo", json!([1, "two"]), Ok(json!({ "root": root, "arguments": [1, "two"], "cwd": root }))),
        ("write", json!({ "path": "new.txt", "text": "by a tool" }), Ok(json!(null))),
        ("read", json!({ "path": "new.txt" }), Ok(json!({ "text": "by a tool" }))),
        (
            "read",
            json!({ "path": "../x" }),
            Err("cannot read ../x: it leads outside the workspace".to_owned()),
        ),
        ("panic", json!({}), Err("the tool itself failed (it panicked); nothing more is known".to_owned())),
        (
            "fill",
            json!({ "bytes": 17 << 20 }),
            Err("the answer has 17825801 bytes, more than 16777216".to_owned()),
        ),
    ];
    for (name, arguments, want) in cases {
        assert_eq!(session.call(name, arguments).await.unwrap(), want, "{name}");
    }
    let big = session.call("fill", json!({ "bytes": 1 << 20 })).await.unwrap().unwrap();
    assert_eq!(big.as_str().map(str::len), Some(1 << 20));
    let unknown = session.call("no_such", json!(null)).await.unwrap_err();
    assert!(
        matches!(unknown, SandboxError::Host { ref doing, .. } if doing == "find the built-in no_such"),
        "{unknown}"
    );
}

#[tokio::test]
async fn several_commands_run_at_once() {
    let ground = Ground::new();
    let session = ground.session().await;
    // Each waits for the other's file, so that one after the other they would never end.
    let wait = |own: &str, other: &str| {
        let text = format!("touch {own}; until [ -e {other} ]; do read -t 0.01 <> <(:); done; echo {own}");
        session.exec(Command::shell(text))
    };
    let call = session.call("echo", json!("beside"));
    let (a, b, c) = tokio::join!(wait("a", "b"), wait("b", "a"), call);
    assert_eq!((a.unwrap().stdout.text(), b.unwrap().stdout.text()), ("a\n".to_owned(), "b\n".to_owned()));
    assert_eq!(c.unwrap().unwrap()["arguments"], "beside");
}

#[tokio::test]
async fn input_environment_and_directory_reach_the_command() {
    let mut ground = Ground::new();
    ground.plan.env = vec![("HOME".into(), "/home/someone".into()), ("FROM_PLAN".into(), "p".into())];
    let session = ground.session().await;
    let mut command =
        Command::shell("cat; pwd; echo $HOME $FROM_PLAN $OWN; ls -A ~ | wc -l").env("OWN", "o").stdin("in\n");
    command.cwd = PathBuf::from("src");
    let output = session.exec(command).await.unwrap();
    let cwd = ground.plan.root.join("src");
    assert_eq!(output.stdout.text(), format!("in\n{}\n/home/someone p o\n0\n", cwd.display()));
    let big = "x".repeat(3 << 20);
    let output = session.exec(Command::argv(["wc", "-c"]).stdin(big)).await.unwrap();
    assert_eq!(output.stdout.text(), "3145728\n");
    // A command that doesn't read its input isn't held up by it.
    let output = session.exec(Command::shell("exit 3").stdin("x".repeat(1 << 20))).await.unwrap();
    assert_eq!(output.end, End::Exited(3));
}

#[tokio::test]
async fn what_cannot_run_ends_as_in_a_shell() {
    let ground = Ground::new();
    let session = ground.session().await;
    let outside = |cwd: &str| Command { cwd: cwd.into(), ..Command::shell("true") };
    let cases = [
        (Command::argv(["no-such-program"]), 127, "no-such-program: No such file or directory\n"),
        (Command::argv(["./hello.txt"]), 126, "./hello.txt: Permission denied\n"),
        (Command::argv(Vec::<String>::new()), 126, "no program is named: Invalid argument\n"),
        (Command::argv(["echo", "a\0b"]), 126, "echo: Invalid argument\n"),
        (outside("../.."), 126, "cannot enter ../..: Cross-device link\n"),
        (outside("/etc"), 126, "cannot enter /etc: Cross-device link\n"),
        (outside("missing"), 126, "cannot enter missing: No such file or directory\n"),
    ];
    for (command, code, words) in cases {
        let output = session.exec(command).await.unwrap();
        assert_eq!((output.end, output.stderr.text()), (End::Exited(code), words.to_owned()));
    }
}

#[tokio::test]
async fn the_kept_output_is_bounded_and_streamed() {
    let ground = Ground::new();
    let session = ground.session().await;
    let mut command = Command::shell("seq 1 200000");
    command.limits.output_bytes = 1000;
    let mut streamed = 0;
    let output = session.exec_streaming(command, |_, bytes| streamed += bytes.len()).await.unwrap();
    assert_eq!((output.end, output.stdout.total_bytes, streamed), (End::Exited(0), 1_288_895, 1_288_895));
    assert!(output.stdout.head.starts_with(b"1\n2\n") && output.stdout.tail.ends_with(b"199999\n200000\n"));
    assert_eq!(output.stdout.head.len() + output.stdout.tail.len(), 1000);
}

#[tokio::test]
async fn the_git_directory_is_writable_but_for_what_decides_what_git_runs() {
    let text = r#"
        for f in config hooks/pre-commit info/attributes objects/info/alternates; do echo x >> .git/$f && echo wrote $f; done
        for d in config hooks info objects/info; do mv .git/$d .git/gone && echo moved $d; rm -rf .git/$d && echo removed $d; done
        mv .git other && echo moved all
        echo ok > .git/refs/heads/x; echo ok > .git/index; cat .git/refs/heads/x .git/index"#;
    let text = printed(text).await;
    assert!(!text.contains("wrote") && !text.contains("moved") && !text.contains("removed"), "{text}");
    assert!(text.contains("ok\nok\n"), "{text}");
    assert!(text.contains("Read-only file system") && text.contains("Device or resource busy"), "{text}");
}

#[tokio::test]
async fn views_and_caches_are_copy_on_write_and_readable_things_are_not_writable() {
    let mut ground = Ground::new();
    let root = ground.plan.root.clone();
    let at = |name: &str| {
        let path = ground.dir.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let view = |name: &str, place: PathBuf| {
        let lower = at(&format!("{name}-lower"));
        std::fs::write(lower.join("old"), "old\n").unwrap();
        View {
            at: place,
            lower,
            upper: at(&format!("changes/{name}/upper")),
            work: at(&format!("changes/{name}/work")),
        }
    };
    let tools = at("private-home/tools");
    std::fs::write(tools.join("tool"), "tool\n").unwrap();
    std::fs::set_permissions(tools.parent().unwrap(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let (modules, cache) =
        (view("modules", root.join("node_modules")), view("cache", "/home/someone/.cache/p".into()));
    ground.plan.views = vec![modules.clone()];
    ground.plan.caches = vec![cache];
    ground.plan.readable = vec![tools.clone()];
    ground.give_away();
    let session = ground.session().await;
    let tools = tools.display();
    let text = format!(
        "cat node_modules/old ~/.cache/p/old {tools}/tool; echo new > node_modules/old && echo more > node_modules/more; \
         echo x > /home/someone/.cache/p/x && echo cached; cat /home/someone/.cache/p/old; echo x > {tools}/x"
    );
    let output = session.exec(Command::shell(text).env("HOME", "/home/someone")).await.unwrap();
    assert_eq!(output.stdout.text(), "old\nold\ntool\ncached\nold\n", "{}", output.stderr.text());
    assert!(output.stderr.text().contains("Read-only file system"), "{}", output.stderr.text());
    assert_eq!(std::fs::read_to_string(modules.lower.join("old")).unwrap(), "old\n");
    assert_eq!(std::fs::read_to_string(modules.upper.join("old")).unwrap(), "new\n");
}

#[tokio::test]
async fn a_plain_directory_serves_as_a_workspace() {
    let mut ground = Ground::new();
    let base = ground.dir.path().join("base");
    ground.plan.workspace = Layered::Plain(base.clone());
    let session = ground.session().await;
    let output = session.exec(Command::shell("echo direct > made; cat hello.txt")).await.unwrap();
    assert_eq!(output.stdout.text(), "hello\n", "{}", output.stderr.text());
    assert_eq!(std::fs::read_to_string(base.join("made")).unwrap(), "direct\n");
}

#[tokio::test]
async fn the_workspace_cannot_be_moved_away() {
    let ground = Ground::new();
    let session = ground.session().await;
    let parent = ground.plan.root.parent().unwrap().display().to_string();
    let text = format!("mv {parent} /var/tmp/other; mv $PWD {parent}/other; rmdir $PWD; ls {parent}");
    let output = session.exec(Command::shell(text)).await.unwrap();
    assert_eq!(output.stdout.text(), "checkout\nmirror-objects\n");
    assert_eq!(
        output.stderr.text().matches("Device or resource busy").count(),
        3,
        "{}",
        output.stderr.text()
    );
}

#[tokio::test]
async fn set_up_that_fails_says_where() {
    let mut ground = Ground::new();
    let missing = ground.dir.path().join("missing");
    ground.plan.readable = vec![missing.clone()];
    let error = Session::start(&ground.plan, options()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot look at {}", missing.display()));
    ground.plan.readable.clear();
    for at in ["/", "/usr/src/x", "/etc/x", "/proc/x", "/var/tmp/../../etc", "relative"] {
        let plan = sandbox::MountPlan { root: at.into(), ..ground.plan.clone() };
        let error = Session::start(&plan, options()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot put a part of the workspace at {at}"));
    }
    let no_program = sandbox::SessionOptions { exe: missing, ..options() };
    let error = Session::start(&ground.plan, no_program).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot start the sandbox's launcher");
    let low = sandbox::SessionOptions { wanted: Level::S1, ..options() };
    assert!(matches!(
        Session::start(&ground.plan, low).await,
        Err(SandboxError::Unavailable { wanted: "S1", .. })
    ));
}

#[tokio::test]
async fn a_far_side_that_talks_nonsense_is_an_error() {
    let ground = Ground::new();
    let scripts = [
        "",
        "printf 'garbage that is no frame' >&0",
        "printf '\\377\\377\\377\\377' >&0",
        "printf '\\2\\0\\0\\0{}' >&0",
    ];
    for script in scripts {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let options = sandbox::SessionOptions { exe: Path::new("/bin/sh").into(), arguments, ..options() };
        let error = Session::start(&ground.plan, options).await.unwrap_err();
        assert!(matches!(error, SandboxError::Host { .. }), "{script:?}: {error}");
    }
    // A session that breaks off in the middle ends what waits for it.
    let script = "printf '\\30\\0\\0\\0{\"Ready\":{\"level\":\"S2\"}}' >&0; dd bs=1 count=9 >/dev/null 2>&1; printf 'xxxxxxxx' >&0";
    let script = script.replace("\\30", &format!("\\{:o}", "{\"Ready\":{\"level\":\"S2\"}}".len()));
    let options =
        sandbox::SessionOptions { exe: "/bin/sh".into(), arguments: vec!["-c".into(), script], ..options() };
    let session = Session::start(&ground.plan, options).await.unwrap();
    let error = session.exec(Command::shell("true")).await.unwrap_err();
    assert!(matches!(error, SandboxError::InitDied { .. }), "{error}");
}

#[tokio::test]
async fn a_home_that_would_hide_the_system_is_replaced() {
    for home in ["/", "/usr", "relative", ""] {
        let mut ground = Ground::new();
        ground.plan.env = vec![("HOME".into(), home.into())];
        let session = ground.session().await;
        let output = session.exec(Command::shell("echo $HOME; touch ~/x && ls ~")).await.unwrap();
        assert_eq!(output.stdout.text(), "/home/agent\nx\n", "{home:?}: {}", output.stderr.text());
    }
}
