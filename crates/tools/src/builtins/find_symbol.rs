//! `find_symbol`.

use std::path::Path;

use code::symbols::{self, Located};

use crate::arguments::FindSymbol;
use crate::paths::{Workspace, show};

/// Definitions that are shown.
const MAX_SHOWN: usize = 30;

pub(super) fn run(root: &Path, arguments: &FindSymbol) -> Result<String, String> {
    let workspace = Workspace::open(root)?;
    let name = arguments.name.trim().trim_end_matches("()");
    let found = symbols::find_symbol(&workspace.tree(), name, arguments.kind, MAX_SHOWN);
    let mut text: String = found.symbols.iter().map(line).collect();
    if found.symbols.is_empty() {
        text = match (found.others.is_empty(), found.mentions) {
            (false, _) => "no such definition; of that name there are:\n".to_owned(),
            (true, 0) => "no definition, and no mention in files of known languages\n".to_owned(),
            (true, files) => format!("no definition; {files} files mention it: use search_code\n"),
        };
        text.extend(found.others.iter().map(line));
    }
    if found.more {
        text.push_str(&format!("… more than these {MAX_SHOWN}; name its type (Type.name) or kind\n"));
    }
    Ok(text)
}

fn line(found: &Located) -> String {
    let symbol = &found.symbol;
    let name = symbol
        .container
        .as_ref()
        .map_or(symbol.name.clone(), |container| format!("{container}.{}", symbol.name));
    format!(
        "{}:{}-{} {} {name}: {}\n",
        show(&found.path),
        symbol.start_line,
        symbol.end_line,
        symbol.kind.as_str(),
        symbol.signature
    )
}
