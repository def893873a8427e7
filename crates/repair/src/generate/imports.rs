//! Imports: misspelt names and modules, and imports that are missing.

use std::collections::BTreeSet;

use super::Hints;
use super::place::{BUILTINS, is_read, similarity};
use crate::EditKind::{Function, Insertion};
use crate::edit::Sink;
use crate::source::{SourceFile, descendants, field, line_of, named};

/// Modules of the standard library that are used by name.
const MODULES: &[&str] = &[
    "re",
    "os",
    "sys",
    "math",
    "json",
    "time",
    "random",
    "itertools",
    "functools",
    "collections",
    "operator",
    "copy",
    "string",
    "datetime",
    "decimal",
    "fractions",
    "heapq",
    "bisect",
    "logging",
    "types",
    "typing",
    "warnings",
    "io",
    "hashlib",
    "base64",
    "textwrap",
    "shutil",
    "tempfile",
    "csv",
    "struct",
    "unicodedata",
    "contextlib",
    "inspect",
    "asyncio",
    "threading",
    "html",
    "urllib",
    "statistics",
    "calendar",
    "enum",
    "abc",
    "uuid",
    "pathlib",
];

/// Names of the standard library that are imported from a module.
const NAMES: &[(&str, &[&str])] = &[
    ("collections", &["defaultdict", "Counter", "OrderedDict", "deque", "namedtuple", "ChainMap"]),
    (
        "collections.abc",
        &["Mapping", "Sequence", "Iterable", "Iterator", "MutableMapping", "Callable", "Hashable"],
    ),
    (
        "functools",
        &["wraps", "partial", "reduce", "lru_cache", "cached_property", "total_ordering", "cmp_to_key"],
    ),
    (
        "itertools",
        &[
            "chain",
            "product",
            "groupby",
            "islice",
            "count",
            "cycle",
            "repeat",
            "accumulate",
            "combinations",
            "permutations",
            "zip_longest",
            "takewhile",
            "dropwhile",
        ],
    ),
    ("datetime", &["datetime", "timedelta", "date", "timezone"]),
    ("decimal", &["Decimal"]),
    ("fractions", &["Fraction"]),
    ("math", &["sqrt", "ceil", "floor", "inf", "gcd", "log", "pi"]),
    ("heapq", &["heappush", "heappop", "heapify"]),
    ("bisect", &["bisect_left", "bisect_right", "insort"]),
    ("copy", &["deepcopy"]),
    ("operator", &["itemgetter", "attrgetter"]),
    ("contextlib", &["contextmanager", "suppress"]),
    ("dataclasses", &["dataclass", "field"]),
    ("pathlib", &["Path"]),
    ("enum", &["Enum"]),
    ("abc", &["ABC", "abstractmethod"]),
    ("typing", &["Optional", "Any", "List", "Dict", "Union", "Tuple"]),
];

pub(super) fn edits(file: &SourceFile, all: &[SourceFile], hints: &Hints, sink: &mut Sink<'_>) {
    (sink.scope, sink.suspicion) = (None, 1.0);
    misspelt(file, all, hints, sink);
    missing(file, all, hints, sink);
}

/// A name or module in an import that a message complains about, or that nothing here uses.
fn misspelt(file: &SourceFile, all: &[SourceFile], hints: &Hints, sink: &mut Sink<'_>) {
    let unknown = unknown_names(file);
    for node in named(file.tree.root_node()) {
        if !matches!(node.kind(), "import_statement" | "import_from_statement") {
            continue;
        }
        (sink.line, sink.last_line) = (line_of(node), line_of(node));
        for name in descendants(node).into_iter().filter(|n| n.kind() == "identifier") {
            let text = file.of(name);
            if !hints.import_words.iter().any(|w| w == text) {
                continue;
            }
            let is_module = field(node, "module_name")
                .is_some_and(|m| m.byte_range().contains(&name.start_byte()))
                || node.kind() == "import_statement";
            let own_modules = all.iter().filter_map(|f| f.path.rsplit('/').next()?.strip_suffix(".py"));
            let defined = all
                .iter()
                .flat_map(|f| f.module_functions.keys().chain(&f.module_classes).chain(&f.module_values));
            let library = NAMES.iter().flat_map(|(_, n)| n.iter().copied());
            let candidates: Vec<&str> = if is_module {
                MODULES.iter().copied().chain(own_modules).collect()
            } else {
                unknown.iter().map(String::as_str).chain(library).chain(defined.map(String::as_str)).collect()
            };
            for (at, other) in hints
                .import_words
                .iter()
                .map(String::as_str)
                .chain(candidates)
                .enumerate()
                .filter(|(_, o)| *o != text)
            {
                let close = similarity(text, other);
                if close >= 0.4 || at < hints.import_words.len() {
                    sink.replace(Function, 0.4 + close, name.byte_range(), other);
                }
            }
        }
    }
}

/// An import for a name that was not defined.
fn missing(file: &SourceFile, all: &[SourceFile], hints: &Hints, sink: &mut Sink<'_>) {
    let unknown = unknown_names(file);
    for name in hints.unbound.iter().filter(|n| unknown.contains(*n)) {
        let at = after_imports(file);
        (sink.line, sink.last_line) = (1, 1);
        if MODULES.contains(&name.as_str()) {
            sink.replace(Insertion, 1.5, at..at, format!("import {name}\n"));
        }
        for (module, _) in NAMES.iter().filter(|(_, names)| names.contains(&name.as_str())) {
            sink.replace(Insertion, 1.4, at..at, format!("from {module} import {name}\n"));
        }
        for other in all.iter().filter(|f| f.path != file.path) {
            let defines = other.module_functions.contains_key(name)
                || other.module_classes.contains(name)
                || other.module_values.contains(name);
            if defines {
                let module =
                    other.path.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".");
                let module = module.strip_prefix("src.").unwrap_or(&module);
                sink.replace(Insertion, 1.0, at..at, format!("from {module} import {name}\n"));
                let last = module.rsplit('.').next().unwrap_or(module);
                sink.replace(Insertion, 0.9, at..at, format!("from .{last} import {name}\n"));
            }
        }
    }
}

fn after_imports(file: &SourceFile) -> usize {
    let root = named(file.tree.root_node());
    let last = root.iter().rfind(|n| n.kind() == "import_from_statement" || n.kind() == "import_statement");
    let future = root.iter().rfind(|n| n.kind() == "future_import_statement");
    let docstring = root
        .first()
        .filter(|n| n.kind() == "expression_statement" && file.of(**n).starts_with(['"', '\'', 'r']));
    last.or(future).or(docstring).map_or(0, |n| file.line_end(n.end_byte().saturating_sub(1)))
}

/// Names that are read and bound nowhere in the file.
fn unknown_names(file: &SourceFile) -> BTreeSet<String> {
    let bound: BTreeSet<&str> = file
        .functions
        .iter()
        .flat_map(|f| f.parameters.iter().chain(&f.locals))
        .chain(file.module_functions.keys())
        .chain(&file.module_values)
        .chain(&file.module_classes)
        .chain(&file.imports)
        .map(String::as_str)
        .collect();
    descendants(file.tree.root_node())
        .into_iter()
        .filter(|n| n.kind() == "identifier" && is_read(*n))
        .map(|n| file.of(n))
        .filter(|n| !bound.contains(n) && !BUILTINS.contains(n))
        .map(str::to_owned)
        .collect()
}
