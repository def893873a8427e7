//! Models behind both wire formats: what they are sent, and what becomes of a run when they misbehave.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::model_answers::Says;
use testkit::model_server::{Behavior, ModelServer, Recorded, Stop};

use crate::model::Planned;
use crate::process::Ran;
use crate::world::{Call, World};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    Anthropic,
    OpenAi,
}

const WIRES: [Wire; 2] = [Wire::Anthropic, Wire::OpenAi];

impl Wire {
    fn model(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic/test-model-1",
            Self::OpenAi => "openai-chat/test-model-1",
        }
    }

    /// With endpoint and key set.
    fn to<'a>(self, call: Call<'a>, anthropic: &str, openai: &str) -> Call<'a> {
        match self {
            Self::Anthropic => call.env("ANTHROPIC_BASE_URL", anthropic).env("ANTHROPIC_API_KEY", "key-4711"),
            Self::OpenAi => call.env("OPENAI_BASE_URL", openai).env("OPENAI_API_KEY", "key-4711"),
        }
    }
}

/// A world, a server, and the runtime that it lives in.
struct Stage {
    world: World,
    server: ModelServer,
    _runtime: tokio::runtime::Runtime,
    wire: Wire,
}

impl Stage {
    fn new(world: World, wire: Wire, behaviors: Vec<Behavior>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = runtime.block_on(ModelServer::start(behaviors));
        Self { world, server, _runtime: runtime, wire }
    }

    fn run(&self, task: &str) -> Ran {
        self.to(self.world.run_call(self.wire.model(), &[task])).finish()
    }

    fn to<'a>(&self, call: Call<'a>) -> Call<'a> {
        self.wire.to(call, &self.server.url(), &self.server.openai_url())
    }
}

fn says(name: &str, arguments: Value) -> Says {
    Says::text("Well.").call(&format!("call_{name}"), name, &arguments.to_string())
}

fn six_calls() -> Vec<Says> {
    vec![
        says("read_file", json!({"path": "calc.py"})),
        says("search_code", json!({"pattern": "add"})),
        says("read_file", json!({"path": "tests/test_calc.py"})),
        says("edit_file", json!({"path": "calc.py", "old_text": "a - b", "new_text": "a + b"})),
        says("run_tests", json!({})),
        says("run_command", json!({"command": "git diff"})),
        says("finish", json!({"summary": "Add adds.", "title": "Let add add"})),
    ]
}

fn stream(says: Vec<Says>) -> Vec<Behavior> {
    says.into_iter().map(Behavior::stream).collect()
}

#[test]
fn requests_carry_their_headers_and_grow_only_at_the_end() {
    for wire in WIRES {
        let stage = Stage::new(World::python(), wire, stream(six_calls()));
        let task = "Fix add in calc.py";
        let document = stage.run(task).ended(0, "ready");
        let requests = stage.server.requests();
        assert_eq!(requests.len(), 7, "{wire:?}");
        for (n, request) in requests.iter().enumerate() {
            check_headers(request, &document, n + 1, wire);
        }
        check_prefixes(&requests, wire);
        check_sizes(&requests, task, wire);
        assert_eq!(
            document["usage"],
            json!({"input_tokens": 700, "cached_tokens": 420, "output_tokens": 49, "cost_usd": null}),
            "{wire:?}: a price that nobody knows is null"
        );
        let shown = stage.world.aamas(["runs", "show", "last"]).finish();
        assert!(!shown.stdout.contains("key-4711"), "{wire:?}: the key is in the transcript");
        for entry in walk(&stage.world.data) {
            let bytes = std::fs::read(&entry).unwrap_or_default();
            assert!(
                !bytes.windows(8).any(|w| w == b"key-4711"),
                "{wire:?}: the key lies in {}",
                entry.display()
            );
        }
    }
}

fn check_headers(request: &Recorded, document: &Value, turn: usize, wire: Wire) {
    let header = |name: &str| request.header(name).unwrap_or_else(|| panic!("{wire:?}: no header {name}"));
    assert_eq!(header("x-aamas-run"), document["run_id"].as_str().expect("an id"));
    assert_eq!((header("x-aamas-role"), header("x-aamas-turn")), ("builder", turn.to_string().as_str()));
    assert!(!header("x-aamas-step").is_empty() && !header("x-aamas-attempt").is_empty());
    match wire {
        Wire::Anthropic => {
            assert_eq!((request.path.as_str(), header("x-api-key")), ("/v1/messages", "key-4711"))
        }
        Wire::OpenAi => {
            assert_eq!(
                (request.path.as_str(), header("authorization")),
                ("/v1/chat/completions", "Bearer key-4711")
            );
        }
    }
    assert_eq!(request.json()["stream"], true);
    assert_eq!(request.json()["model"], "test-model-1");
}

/// What was sent before stays as it was: body n without its closing bytes begins body n + 1. Cache marks may move.
fn check_prefixes(requests: &[Recorded], wire: Wire) {
    for pair in requests.windows(2) {
        let (before, after) = (&pair[0].body, &pair[1].body);
        let same = before.iter().zip(after).take_while(|(a, b)| a == b).count();
        let rest = String::from_utf8_lossy(&before[same..]).into_owned();
        let closing = |c: char| "}] \n".contains(c);
        let is_closed = rest.trim_matches(closing).is_empty();
        let is_mark = wire == Wire::Anthropic && rest.len() < 120 && rest.contains("cache_control");
        assert!(is_closed || is_mark, "{wire:?}: sent before, and not again: {rest:.300}");
    }
}

/// Bytes / 4, as the house counts tokens.
fn check_sizes(requests: &[Recorded], task: &str, wire: Wire) {
    let tokens: Vec<usize> = requests.iter().map(|r| r.body.len() / 4).collect();
    let first = tokens[0] - task.len() / 4;
    assert!(first <= 1_400, "{wire:?}: the first prompt has {first} tokens");
    let all: usize = tokens[..6].iter().sum();
    assert!(all <= 12_000, "{wire:?}: six calls cost {all} tokens: {tokens:?}");
    println!(
        "{wire:?}: first prompt {first} tokens, six calls {all}, with the closing one {}",
        tokens.iter().sum::<usize>()
    );
}

#[test]
fn tools_come_in_the_order_of_the_contract() {
    let order = [
        "read_file",
        "list_files",
        "search_code",
        "find_symbol",
        "edit_file",
        "write_file",
        "apply_patch",
        "run_command",
        "run_tests",
        "update_plan",
        "recall",
        "ask_human",
        "finish",
    ];
    for wire in WIRES {
        let stage = Stage::new(World::plain(), wire, stream(vec![says("finish", json!({"summary": "x"}))]));
        stage.run("Look").ended(0, "no_change");
        let body = stage.server.requests()[0].json();
        let tools = body["tools"].as_array().expect("tools").clone();
        let names: Vec<_> = tools
            .iter()
            .map(|t| t["name"].as_str().or(t["function"]["name"].as_str()).expect("a name").to_owned())
            .collect();
        let expected: Vec<_> = order.iter().filter(|n| names.iter().any(|m| m == *n)).collect();
        assert_eq!(
            names.iter().map(String::as_str).collect::<Vec<_>>(),
            expected.into_iter().copied().collect::<Vec<_>>()
        );
        assert!(names.len() >= 12, "{names:?}");
    }
}

#[test]
fn failures_that_last_end_with_6_and_say_what_to_do() {
    let cases: &[(&str, Behavior, &[&str])] = &[
        ("401", Behavior::status(401, &[], r#"{"error":{"message":"bad key"}}"#), &["model_key_refused"]),
        ("403", Behavior::status(403, &[], r#"{"error":{"message":"no"}}"#), &["model_key_refused"]),
        ("404", Behavior::status(404, &[], r#"{"error":{"message":"no such model"}}"#), &["model_not_found"]),
        ("400", Behavior::status(400, &[], r#"{"error":{"message":"odd"}}"#), &["model_bad_request"]),
        (
            "429 for long",
            Behavior::status(429, &[("retry-after", "86400")], "{}"),
            &["model_rate_limited", "model_quota_exceeded"],
        ),
        (
            "redirect",
            Behavior::status(302, &[("location", "http://127.0.0.1:1/")], ""),
            &["model_redirected"],
        ),
    ];
    for wire in WIRES {
        for (name, behavior, codes) in cases {
            let stage = Stage::new(World::plain(), wire, vec![behavior.clone()]);
            let ran = stage.run("Look");
            let document = ran.ended(6, "failed");
            let code = document["error"]["code"].as_str().expect("a code");
            assert!(codes.contains(&code), "{wire:?} {name}: {ran}");
            assert!(!ran.stdout.contains("key-4711") && !ran.stderr.contains("key-4711"), "{ran}");
            assert_eq!(stage.server.requests().len(), 1, "{wire:?} {name}: tried again in vain");
        }
    }
}

#[test]
fn failures_that_pass_are_waited_out() {
    let done = || Behavior::stream(says("finish", json!({"summary": "Nothing to do."})));
    let long = Says::text(&"words ".repeat(400)).call("c1", "finish", r#"{"summary":"x"}"#);
    let cases: Vec<(&str, Vec<Behavior>)> = vec![
        ("429", vec![Behavior::status(429, &[("retry-after", "1")], "{}")]),
        ("500, 529", vec![Behavior::status(500, &[], "oops"), Behavior::status(529, &[], "{}")]),
        ("cut", vec![Behavior::stream(long.clone()).stopped(Stop::Cut(700))]),
        ("garbage", vec![Behavior::raw("text/event-stream", "data: {nonsense\n\n")]),
        ("empty", vec![Behavior::raw("text/event-stream", "")]),
        ("a page", vec![Behavior::raw("text/html", "<html>Sign in</html>")]),
    ];
    let threads: Vec<_> = WIRES
        .into_iter()
        .map(|wire| {
            let cases = cases.clone();
            std::thread::spawn(move || {
                for (name, mut behaviors) in cases {
                    let failures = behaviors.len();
                    behaviors.push(done());
                    let stage = Stage::new(World::plain(), wire, behaviors);
                    let ran = stage.run("Look");
                    assert_eq!(ran.code, 0, "{wire:?} {name}: {ran}");
                    let requests = stage.server.requests();
                    assert_eq!(requests.len(), failures + 1, "{wire:?} {name}");
                    assert!(
                        requests.iter().all(|r| r.body == requests[0].body),
                        "{wire:?} {name}: the tries differ"
                    );
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("both formats do it"));
}

#[test]
fn answers_that_stay_useless_end_with_6_and_a_resume_goes_on() {
    for (wire, behavior, code) in [
        (Wire::OpenAi, Behavior::raw("text/event-stream", "data: {nonsense\n\n"), "model_answer_garbled"),
        (Wire::Anthropic, Behavior::stream(Says::default()), "model_answer_empty"),
    ] {
        let first = Behavior::stream(says("write_file", json!({"path": "a.txt", "content": "a\n"})));
        let stage =
            Stage::new(World::plain(), wire, vec![first, behavior.clone(), behavior.clone(), behavior]);
        stage.run("Write two files").ended_with(6, "failed", code);
        assert_eq!(stage.server.requests().len(), 4);
        stage.server.then(Behavior::stream(says("write_file", json!({"path": "b.txt", "content": "b\n"}))));
        stage.server.then(Behavior::stream(says("finish", json!({"summary": "Both."}))));
        let resumed = stage.to(stage.world.aamas(["runs", "resume", "last"])).finish().ended(0, "ready");
        assert_eq!(stage.world.changed(resumed["branch"].as_str().expect("a branch")), ["a.txt", "b.txt"]);
    }
}

#[test]
fn a_server_that_goes_away_and_comes_back_is_waited_for() {
    for wire in WIRES {
        let world = World::python();
        let server = Planned::start(six_calls());
        let call = world.run_call(wire.model(), &["Fix add"]);
        let mut live = wire.to(call, &server.anthropic_url(), &server.openai_url()).start();
        live.line("search_code").expect("it works");
        server.go();
        live.line("waiting").expect("it waits");
        server.come_back();
        let document = live.finish().ended(0, "ready");
        assert_eq!(document["turns"], 7);
        assert!(world.show(document["branch"].as_str().expect("a branch"), "calc.py").contains("a + b"));
        assert!(server.answered(Duration::ZERO).is_some());
        assert!(server.bodies().len() >= 7);
    }
}

#[test]
fn an_interrupt_while_the_model_thinks_is_heard() {
    let behaviors = vec![Behavior::hang()];
    let stage = Stage::new(World::plain(), Wire::OpenAi, behaviors);
    let live = stage.to(stage.world.run_call(stage.wire.model(), &["Look"])).start();
    stage._runtime.block_on(stage.server.received(1));
    live.signal(nix::sys::signal::Signal::SIGINT);
    live.finish().ended(130, "interrupted");
    stage.server.then(Behavior::stream(says("finish", json!({"summary": "Nothing."}))));
    stage.to(stage.world.aamas(["runs", "resume", "last"])).finish().ended(0, "no_change");
}

#[test]
fn parallel_calls_and_reasoning_go_back_as_they_came() {
    for wire in WIRES {
        let first = Says::text("Both at once.")
            .reasoning("I should look at both.")
            .call("call_a", "read_file", r#"{"path":"README.md"}"#)
            .call("call_b", "read_file", r#"{"path":"notes.txt"}"#);
        let stage = Stage::new(
            World::plain(),
            wire,
            stream(vec![first, says("finish", json!({"summary": "Read."}))]),
        );
        stage.run("Read").ended(0, "no_change");
        let body = stage.server.requests()[1].body.clone();
        let text = String::from_utf8(body).expect("JSON");
        assert!(
            text.contains("call_a") && text.contains("call_b") && text.contains("I should look at both."),
            "{text}"
        );
        if wire == Wire::Anthropic {
            assert!(text.contains("c2lnbmVk"), "the signature is lost: {text}");
        }
    }
}

#[test]
fn budgets_end_runs_of_priced_models() {
    let many = |n: usize| {
        let mut says = says("run_command", json!({"command": format!("echo {n} >> log.txt")}));
        says.input_tokens = 200_000;
        says.cached_tokens = 0;
        says.cache_write_tokens = 0;
        says.output_tokens = 50_000;
        says
    };
    let stage = Stage::new(World::plain(), Wire::Anthropic, stream((0..20).map(many).collect()));
    let call = stage.world.run_call("anthropic/claude-sonnet-4-5", &["--budget-usd", "2", "Spend"]);
    let document = stage.to(call).finish().ended_with(4, "limit_reached", "budget_limit");
    let cost = document["usage"]["cost_usd"].as_f64().expect("a price is known");
    assert!((2.0..5.0).contains(&cost), "{document}");
    let again = stage.to(stage.world.aamas(["runs", "resume", "last"])).finish();
    assert_eq!((again.code, again.document()), (4, document));
    let raised = stage.to(stage.world.aamas(["runs", "resume", "last", "--budget-usd", "4"])).finish();
    raised.ended_with(4, "limit_reached", "budget_limit");
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|e| if e.file_type().is_ok_and(|t| t.is_dir()) { walk(&e.path()) } else { vec![e.path()] })
        .collect()
}
