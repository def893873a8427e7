//! What holds for any words of a model.

use proptest::prelude::*;
use sandbox::{Captured, End, Output};
use serde_json::Value;
use testkit::bare::BareDir;

use crate::workspace;

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec!["path", "steps", "title", "status", "limit", "pattern", "patch"])
                .prop_map(str::to_owned),
            ".{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A piece of what a terminal may get.
fn piece() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"word "[..],
        b"\n",
        b"\r\n",
        b"\r",
        b"\x1b[",
        b"31m",
        b"\x1b]0;",
        b"\x07",
        b"\x1b",
        b"\x08",
        b"\xff",
        b"\xc3",
        "é".as_bytes(),
        "\u{9b}".as_bytes(),
        b"\0",
        b"0123456789012345678901234567890123456789",
    ])
}

fn captured(bytes: Vec<u8>) -> Captured {
    Captured { total_bytes: bytes.len() as u64, head: bytes, tail: vec![] }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_arguments_are_parsed_or_refused_in_few_words(
        name in prop::sample::select(tools::TABLE.iter().map(|spec| spec.name).collect::<Vec<_>>()),
        arguments in prop_oneof![json().prop_map(|value| value.to_string()), ".{0,60}", "[\\[\\]{}\",:a-c0-9\\\\]{0,40}"],
    ) {
        if let Err(refusal) = tools::parse_call(name, &arguments) {
            prop_assert!(refusal.to_string().len() < 1000);
        }
        let refused = tools::parse_call(&arguments, "").is_err();
        prop_assert!(refused);
    }

    #[test]
    fn a_call_comes_out_of_its_builtin_arguments_as_it_went_in(arguments in json()) {
        for spec in tools::TABLE {
            if let Ok(call) = tools::parse_call(spec.name, &arguments.to_string())
                && let Some((name, arguments)) = call.builtin()
            {
                prop_assert_eq!(tools::parse_call(name, &arguments.to_string()), Ok(call));
            }
        }
    }

    #[test]
    fn any_output_is_rendered_within_its_bound(
        stdout in prop::collection::vec(piece(), 0..300).prop_map(|pieces| pieces.concat()),
        stderr in prop::collection::vec(piece(), 0..300).prop_map(|pieces| pieces.concat()),
        bound in 200usize..2000,
    ) {
        let output = Output {
            end: End::Exited(1),
            stdout: captured(stdout.clone()),
            stderr: captured(stderr),
            wall: std::time::Duration::ZERO,
            cpu: std::time::Duration::ZERO,
        };
        let text = tools::render_output(&output, "c", bound).text;
        prop_assert!(text.len() <= bound + 400, "{} of {bound}", text.len());
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        let page = tools::page_text("@output/c.stdout", &stdout, Some(1), None);
        prop_assert!(!page.is_error);
    }
}

#[test]
fn file_tools_run_through_an_exec_and_others_do_not() {
    let dir = workspace(&[("a", "1\n")]);
    let exec = BareDir::new(dir.path(), tools::BUILTINS);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ask = |name: &str, arguments: &str| {
        let call = tools::parse_call(name, arguments).expect("valid");
        runtime.block_on(tools::run_builtin(&exec, &call)).expect("a working sandbox")
    };
    assert_eq!(
        ask("read_file", r#"{"path":"a"}"#).map(|r| (r.text, r.is_error)),
        Some(("a 1 lines\n1\n".into(), false))
    );
    assert_eq!(ask("read_file", r#"{"path":"b"}"#).map(|r| r.is_error), Some(true));
    assert_eq!(ask("run_command", r#"{"command":"true"}"#), None);
    let names: Vec<&str> = tools::BUILTINS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, tools::BUILDER[..7]);
}
