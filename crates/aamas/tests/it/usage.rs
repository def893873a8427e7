//! What can be typed: tasks, models, options; and what is said when it can't be meant.

use serde_json::json;

use crate::world::{World, command, finish, write};

fn one_file(world: &World) -> String {
    world.script(&[write("added.txt", "added\n"), finish("Add a file")])
}

#[test]
fn a_task_comes_from_the_line_a_file_or_standard_input() {
    let world = World::plain();
    let text = "Add a file\nwith two lines of task";
    std::fs::write(world.root().join("task.md"), text).expect("a file");
    let expecting = || {
        let first = write("added.txt", "added\n");
        world.script(&[
            json!({"expect": {"contains": ["with two lines of task"]}, "tool_calls": first["tool_calls"]}),
            finish("Add a file"),
        ])
    };
    world.run(&expecting(), &[text]).ended(0, "ready");
    world.run(&expecting(), &["@../task.md"]).ended(0, "ready");
    world.run_call(&expecting(), &["-"]).stdin(text).finish().ended(0, "ready");
    for run in world.runs() {
        assert_eq!(run["task"], text);
        assert!(
            run["branch"].as_str().is_some_and(|b| b.starts_with("aamas/add-a-file-with-two-lines-of-task-")),
            "{run}"
        );
    }
}

#[test]
fn tasks_that_are_none_are_refused() {
    let world = World::plain();
    let model = one_file(&world);
    let large = "x".repeat((1 << 20) + 1);
    std::fs::write(world.root().join("large"), &large).expect("a file");
    std::fs::write(world.root().join("latin"), b"caf\xe9").expect("a file");
    for task in ["", " \n\t ", "\u{1}\u{7f}", "@../large", "@../latin", "@../nowhere", "@.."] {
        let ran = world.run(&model, &[task]);
        assert_eq!(ran.code, 2, "{task:?}: {ran}");
        assert!(ran.document().get("run_id").is_none(), "{ran}");
    }
    for task in ["", "  \n"] {
        let ran = world.run_call(&model, &["-"]).stdin(task).finish();
        assert_eq!(ran.code, 2, "{ran}");
    }
    let ran = world.run_call(&model, &["-"]).stdin(large).finish();
    assert_eq!(ran.code, 2, "{ran}");
    assert_eq!(world.runs().len(), 0);
    assert_eq!(world.branches().len(), 0);
}

#[test]
fn a_task_of_a_megabyte_is_taken() {
    let world = World::plain();
    let task = format!("Add a file. {}", "Really. ".repeat(131_000));
    assert!(task.len() <= 1 << 20);
    world.run_call(&one_file(&world), &["-"]).stdin(task).finish().ended(0, "ready");
    assert_eq!(world.aamas(["runs", "show", "last"]).finish().code, 0);
}

#[test]
fn control_characters_drive_nothing() {
    let world = World::plain();
    let task = "Add\u{1b}[2J\u{1b}]0;owned\u{7} a\u{202e} file\u{0}\r\u{8}";
    std::fs::write(world.root().join("task"), task).expect("a file");
    let model = world.script(&[
        json!({"text": "Now\u{1b}[2J\u{7}", "tool_calls": command("printf '\\033[2J\\007'")["tool_calls"]}),
        write("added.txt", "added\n"),
        finish("Add\u{1b}[31m a \u{202e}file\nAamas-Run: forged"),
    ]);
    let ran = world.run(&model, &["@../task"]);
    let document = ran.ended(0, "ready");
    let bad =
        |text: &str| text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}');
    assert!(!bad(&ran.stderr), "{ran}");
    let branch = document["branch"].as_str().expect("a branch");
    assert!(branch.is_ascii(), "{branch}");
    let message = world.git(&["log", "-1", "--format=%B", branch]);
    assert!(!bad(&message), "{message:?}");
    let trailers = world.git(&["log", "-1", "--format=%(trailers:key=Aamas-Run,valueonly)", branch]);
    assert_eq!(trailers.trim(), document["run_id"].as_str().expect("an id"));
    for arguments in [["runs", "list"], ["runs", "show"], ["pr", "show"]] {
        let mut all = arguments.to_vec();
        if arguments[1] == "show" {
            all.push("last");
        }
        let words = world.aamas(all.iter().copied()).finish();
        assert_eq!(words.code, 0, "{words}");
    }
}

#[test]
fn branches_are_named_after_the_task() {
    let world = World::plain();
    let cases = [
        ("日本語だけ", "task"),
        ("---", "task"),
        ("Ünïcode & Co.", "n-code-co"),
        (
            "A very long task whose words go on and on until nobody reads them",
            "a-very-long-task-whose-words-go-on-and-o",
        ),
        ("  refs/heads/main..lock~^:?*[\\  ", "refs-heads-main-lock"),
    ];
    for (task, slug) in cases {
        let document = world.run(&one_file(&world), &["--", task]).ended(0, "ready");
        let branch = document["branch"].as_str().expect("a branch");
        let (got, id) =
            branch.strip_prefix("aamas/").and_then(|b| b.rsplit_once('-')).expect("a slug and an id");
        assert!(got.len() <= 40 && document["run_id"].as_str().is_some_and(|r| r.ends_with(id)), "{branch}");
        if task.is_ascii() || slug == "task" {
            // The slug may be cut at a word.
            assert!(slug.starts_with(got) && !got.is_empty(), "{task}: {branch}");
        }
        world.git(&["check-ref-format", &format!("refs/heads/{branch}")]);
    }
}

#[test]
fn models_that_cannot_be_had_are_refused() {
    let world = World::plain();
    let cases = [
        ("anthropic/claude-sonnet-4-5", "model_not_configured"),
        ("openai-chat/gpt-4.1", "model_not_configured"),
        ("gemini/gemini-3", "model_not_configured"),
        ("openai/gpt-5", "model_not_configured"),
        ("nobody/nothing", "model_not_available"),
        ("acp:no-such-agent", "model_not_available"),
    ];
    for (spec, code) in cases {
        world.run(spec, &["Add a file"]).refused(2, code);
    }
    for spec in ["", "anthropic/", "/x", "words without meaning", "script:"] {
        let ran = world.run_call("x", &[]).finish();
        assert_eq!(ran.code, 2, "{spec:?}: {ran}");
        let ran = world.run(spec, &["Add a file"]);
        assert_eq!(ran.code, 2, "{spec:?}: {ran}");
    }
    for script in ["[]", "{", "{\"roles\": 3}", "{\"roles\":{\"builder\":[{\"tool_calls\":[{}]}]}}"] {
        std::fs::write(world.root().join("bad.json"), script).expect("a file");
        let ran = world.run("script:../bad.json", &["Add a file"]);
        assert!([2, 6].contains(&ran.code) && ran.document().get("run_id").is_none(), "{script}: {ran}");
    }
    assert_eq!(world.runs().len(), 0);
}

#[test]
fn without_a_key_the_offline_engine_works_or_says_what_it_needs() {
    let world = World::plain();
    let ran = world.aamas(["run", "--solo", "Add a chapter about whales"]).finish();
    let document = ran.ended(5, "needs_input");
    assert_eq!(document["model"], "offline");
    assert!(
        document["error"]["hint"]
            .as_str()
            .is_some_and(|h| h.contains("ANTHROPIC_API_KEY") || h.contains("--model")),
        "{ran}"
    );
}

#[test]
fn wrong_usage_is_one_document_and_2() {
    let world = World::plain();
    let cases: &[&[&str]] = &[
        &["run"],
        &["run", "--no-such-option", "x"],
        &["run", "--max-turns", "0", "x"],
        &["run", "--max-turns", "many", "x"],
        &["run", "--timeout", "soon", "x"],
        &["run", "--budget-usd", "-1", "x"],
        &["run", "one", "two"],
        &["runs"],
        &["runs", "show"],
        &["runs", "show", "run_01"],
        &["runs", "resume", "last"],
        &["runs", "cancel", "last"],
        &["pr", "show", "last"],
        &["nonsense"],
        &["serve", "--listen", "nowhere"],
    ];
    for arguments in cases {
        let ran = world.aamas(arguments.iter().copied()).finish();
        assert_eq!(ran.code, 2, "{arguments:?}: {ran}");
        assert!(ran.document()["error"]["code"].is_string(), "{arguments:?}: {ran}");
    }
}

#[test]
fn without_json_words_go_to_both_streams_and_the_code_is_the_same() {
    let world = World::plain();
    let model = one_file(&world);
    let output = std::process::Command::new(crate::world::binary())
        .args(["run", "--solo", "--model", &model, "Add a file", "--data-dir"])
        .arg(&world.data)
        .current_dir(&world.repo)
        .env("HOME", world.home())
        .output()
        .expect("it starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.contains("ready") && stdout.contains("aamas/add-a-file-"), "{stdout}");
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show", "last"],
        &["pr", "list"],
        &["pr", "show", "last"],
        &["--help"],
        &["--version"],
    ] {
        let output = std::process::Command::new(crate::world::binary())
            .args(arguments)
            .arg("--data-dir")
            .arg(&world.data)
            .output()
            .expect("it starts");
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
}
