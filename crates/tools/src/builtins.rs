//! The file tools: functions that run inside the sandbox, in a confined child of its init.

mod edit_file;
mod find_symbol;
mod list_files;
mod patch_files;
mod read_file;
mod search_code;
mod write_file;

use code::patch::PatchError;
use sandbox::Builtins;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Longer files can't be edited: the edit would have to hold them in memory several times.
const MAX_EDITED_BYTES: u64 = 32 << 20;

/// The built-ins by the names of their tools.
pub static BUILTINS: Builtins = &[
    ("read_file", |root, arguments| answer(read_file::run(root, &parse(arguments)?))),
    ("list_files", |root, arguments| answer(list_files::run(root, &parse(arguments)?))),
    ("search_code", |root, arguments| answer(search_code::run(root, &parse(arguments)?))),
    ("find_symbol", |root, arguments| answer(find_symbol::run(root, &parse(arguments)?))),
    ("edit_file", |root, arguments| answer(edit_file::run(root, &parse(arguments)?))),
    ("write_file", |root, arguments| answer(write_file::run(root, &parse(arguments)?))),
    ("apply_patch", |root, arguments| answer(patch_files::run(root, &parse(arguments)?))),
];

fn parse<T: DeserializeOwned>(arguments: Value) -> Result<T, String> {
    serde_json::from_value(arguments).map_err(|error| format!("the arguments do not fit the tool: {error}"))
}

fn answer(text: Result<String, String>) -> Result<Value, String> {
    text.map(|text| json!({ "text": text }))
}

/// The place in a file that is most like the text that was not found, to be quoted from.
fn quoted(region: &code::edit::Region) -> String {
    let text = String::from_utf8_lossy(&region.text);
    let cut = if region.cut { "\n…" } else { "" };
    format!("\nFrom line {}:\n{}{cut}", region.first_line, text.trim_end_matches(['\r', '\n']))
}

/// A patch's refusal, with the text that is there.
fn patch_refusal(error: &PatchError) -> String {
    let nearest = match error {
        PatchError::Hunk { nearest, .. } => nearest.as_ref(),
        _ => None,
    };
    format!("{error}{}\nNothing was changed.", nearest.map(quoted).unwrap_or_default())
}
