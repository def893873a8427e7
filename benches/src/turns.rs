//! What the model says, turn by turn: once for the HTTP server, once as a `script:FILE`.

use serde_json::{Value, json};

/// One reply of the model: a single tool call.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    name: &'static str,
    arguments: Value,
}

impl Turn {
    pub(crate) fn new(name: &'static str, arguments: Value) -> Self {
        Self { name, arguments }
    }

    /// As an answer of Chat Completions, whole or as a stream of events.
    pub(crate) fn answer(&self, number: usize, streamed: bool) -> String {
        let call = json!({"index": 0, "id": format!("call_{number}"), "type": "function",
            "function": {"name": self.name, "arguments": self.arguments.to_string()}});
        let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110});
        let frame = |choices: Value, usage: Value| {
            json!({"id": format!("reply_{number}"), "object": "chat.completion.chunk", "created": 0, "model": "bench",
                "choices": choices, "usage": usage})
        };
        if !streamed {
            return frame(json!([{"index": 0, "message": message, "finish_reason": "tool_calls"}]), usage)
                .to_string();
        }
        let frames = [
            frame(json!([{"index": 0, "delta": message, "finish_reason": null}]), Value::Null),
            frame(json!([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]), Value::Null),
            frame(json!([]), usage),
        ];
        frames
            .iter()
            .map(|frame| format!("data: {frame}\n\n"))
            .chain(["data: [DONE]\n\n".to_owned()])
            .collect()
    }
}

/// `count` commands that differ (a loop of equal ones would be stopped as stuck), then the end.
pub(crate) fn commands(count: usize) -> Vec<Turn> {
    let command = |n| Turn::new("run_command", json!({"command": format!("echo {n}")}));
    (0..count).map(command).chain([finish()]).collect()
}

/// One file written, then the end.
pub(crate) fn one_change() -> Vec<Turn> {
    vec![Turn::new("write_file", json!({"path": "d000/f00.txt", "content": "changed\n"})), finish()]
}

/// Six calls as a small task takes them, then the end.
pub(crate) fn six_calls() -> Vec<Turn> {
    vec![
        Turn::new("list_files", json!({})),
        Turn::new("search_code", json!({"pattern": "def area"})),
        Turn::new("read_file", json!({"path": "shapes.py"})),
        Turn::new(
            "edit_file",
            json!({"path": "shapes.py", "old_text": "return width + height", "new_text": "return width * height"}),
        ),
        Turn::new("read_file", json!({"path": "shapes.py"})),
        Turn::new("run_command", json!({"command": "python3 -c 'import shapes; print(shapes.area(2, 3))'"})),
        finish(),
    ]
}

/// The turns as the JSON of `script:FILE`, for the builder.
pub(crate) fn script(turns: &[Turn]) -> String {
    let turn = |t: &Turn| json!({"tool_calls": [{"name": t.name, "arguments": t.arguments}]});
    json!({"roles": {"builder": turns.iter().map(turn).collect::<Vec<_>>()}}).to_string()
}

fn finish() -> Turn {
    Turn::new("finish", json!({"summary": "Done."}))
}
