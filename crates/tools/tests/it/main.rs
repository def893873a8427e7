//! The built-ins as the sandbox calls them, on directories of all kinds.

mod edits;
mod hostile;
mod properties;
mod reading;

use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A workspace with these files.
fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("file");
    }
    dir
}

/// What a tool answers, errors marked.
fn run(root: &Path, name: &str, arguments: Value) -> String {
    match tools::parse_call(name, &arguments.to_string()) {
        Ok(call) => {
            let (name, arguments) = call.builtin().expect("a file tool");
            let (_, builtin) =
                tools::BUILTINS.iter().find(|(other, _)| *other == name).expect("in the table");
            let result = tools::ToolResult::from_builtin(builtin(root, arguments));
            if result.is_error { format!("ERROR {}", result.text) } else { result.text }
        }
        Err(refusal) => format!("REFUSED {refusal}"),
    }
}

fn read(root: &Path, path: &str) -> String {
    run(root, "read_file", json!({ "path": path }))
}
