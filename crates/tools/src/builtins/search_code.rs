//! `search_code`.

use std::path::Path;

use code::search::{self, Found, Query};

use crate::arguments::SearchCode;
use crate::paths::{Access, Workspace, show};

/// Lines that are found when the model names no limit.
const DEFAULT_LIMIT: u64 = 100;
/// Lines that are found at most.
const MAX_LIMIT: u64 = 1000;
/// How much is shown in bytes.
const MAX_BYTES: usize = 24 * 1024;

pub(super) fn run(root: &Path, arguments: &SearchCode) -> Result<String, String> {
    let workspace = Workspace::open(root)?;
    let path = workspace.path(arguments.path.as_deref().unwrap_or(""), Access::Read)?;
    if let Err(error) =
        workspace.files().metadata(if path.as_os_str().is_empty() { Path::new(".") } else { &path })
    {
        return Err(workspace.refusal(&path, &error));
    }
    let start = workspace.resolved(&path)?;
    let limit = usize::try_from(arguments.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)).unwrap_or(1);
    let query = Query { pattern: &arguments.pattern, start: &start, glob: arguments.glob.as_deref(), limit };
    let found = search::search(&workspace.tree(), &query).map_err(|error| error.to_string())?;
    Ok(render(&found))
}

/// Each path once, its lines below it.
fn render(found: &Found) -> String {
    let mut text = String::new();
    let mut last = None;
    let mut shown = 0;
    for hit in &found.hits {
        if last != Some(&hit.path) {
            text.push_str(&show(&hit.path));
            text.push('\n');
            last = Some(&hit.path);
        }
        text.push_str(&format!("{}:{}\n", hit.line, hit.text));
        shown += 1;
        if text.len() > MAX_BYTES {
            break;
        }
    }
    if found.hits.is_empty() {
        text = format!("nothing found in {} files\n", found.files);
    }
    if found.more || shown < found.hits.len() {
        text.push_str(&format!("… more than these {shown}; narrow by pattern, path or glob\n"));
    }
    if let Some(path) = found.too_large.first() {
        text.push_str(&format!(
            "{} files too large to search, such as {}\n",
            found.too_large.len(),
            show(path)
        ));
    }
    if found.gave_up {
        text.push_str("stopped after 1 GiB; name a path\n");
    }
    text
}
