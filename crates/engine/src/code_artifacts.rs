//! The files that a run of a project changed, as code artifacts: who wrote them, and what code can measure of them.
//! What was not measured is null, never made up.

use std::path::Path;
use std::sync::Arc;

use agents::View;
use code::Language;
use code::symbols::{Symbol, SymbolKind, definitions};
use domain::{ArtifactId, GateName, Seat};
use sandbox::diff::{ChangeKind, FileChange};
use sandbox::objects::Mode;
use store::CodeArtifactRecord;

use crate::desk::{Ground, blocking, parse_oid};
use crate::journal::Journal;
use crate::{Engine, EngineError, pull_request};

/// Files of one run that are kept: a change of more is no longer read file by file.
const MAX_FILES: usize = 200;
/// Largest content that is kept, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// A function of more lines is hard to hold in one's head.
const LONG_FUNCTION: usize = 60;

/// The files of a delivery, with their contents kept as artifacts; none for a run of the command line.
pub(crate) async fn of_delivery(
    engine: &Engine,
    journal: &Journal,
    ground: &Arc<Ground>,
    tree: &str,
    changes: &[FileChange],
) -> Result<Vec<CodeArtifactRecord>, EngineError> {
    let Some(place) = journal.place() else { return Ok(Vec::new()) };
    let generated_by = builder(journal.view());
    let mut files = Vec::new();
    for change in changes.iter().take(MAX_FILES) {
        let path = change.path_text();
        let content = content(ground, tree, change).await?;
        let measured =
            content.as_deref().map(|text| Measured::of(Path::new(&path), text)).unwrap_or_default();
        let kept = match content {
            Some(bytes) => journal.keep("code", path.clone(), bytes).await?.parse().ok(),
            None => None,
        };
        let now = engine.desk.now();
        files.push(CodeArtifactRecord {
            id: ArtifactId::new(now, (engine.desk.random)()),
            number: 0,
            project: place.project,
            run: journal.run(),
            language: pull_request::language(&path).unwrap_or("text").to_owned(),
            generated_by: generated_by.clone(),
            content: kept,
            quality_score: measured.quality,
            test_coverage: coverage(journal.view(), &path),
            documentation_score: measured.documentation,
            created_at: now,
            file_path: path,
        });
    }
    Ok(files)
}

/// Who wrote the change: the builders' role, when they all had the same.
fn builder(view: &View) -> String {
    let mut roles = view.attempts.iter().filter(|a| a.seat == Seat::Builder).map(|a| a.role.as_str());
    let first = roles.next().unwrap_or(crate::service::ROLE);
    if roles.all(|role| role == first) { first.to_owned() } else { crate::service::ROLE.to_owned() }
}

/// The text of a changed file; `None` for one that is gone, large, or no text.
async fn content(
    ground: &Arc<Ground>,
    tree: &str,
    change: &FileChange,
) -> Result<Option<Vec<u8>>, EngineError> {
    let is_file = matches!(change.new_mode, Some(Mode::File | Mode::Executable));
    if change.kind == ChangeKind::Deleted || !is_file || change.new_bytes >= MAX_BYTES {
        return Ok(None);
    }
    let (ground, tree, path) = (ground.clone(), parse_oid(tree)?, change.path.clone());
    blocking(move || {
        let objects = ground.mirror.objects();
        let Some(entry) = objects.entry_at(tree, &path)? else { return Ok(None) };
        let bytes = objects.blob(entry.id)?;
        Ok(std::str::from_utf8(&bytes).is_ok().then_some(bytes))
    })
    .await
}

/// The part of a file's changed lines that the tests ran, in thousandths, as the gate `tests` measured it.
fn coverage(view: &View, path: &str) -> Option<i64> {
    let tests = view.judged.as_ref()?.results.iter().find(|g| g.name == GateName::Tests)?;
    let files = tests.evidence.get("changed_lines")?.get("files")?.as_array()?;
    let file = files.iter().find(|f| f["path"] == path)?;
    thousandths(file["covered"].as_u64()?, file["executable"].as_u64()?)
}

/// What can be said of a source by looking at it, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Measured {
    /// The part of its functions that have at most [`LONG_FUNCTION`] lines.
    quality: Option<i64>,
    /// The part of its public functions and types that are documented.
    documentation: Option<i64>,
}

impl Measured {
    fn of(path: &Path, source: &[u8]) -> Self {
        let (Some(language), Ok(text)) = (Language::of_path(path), std::str::from_utf8(source)) else {
            return Self::default();
        };
        let lines: Vec<&str> = text.lines().collect();
        let symbols = definitions(language, source);
        let functions = || symbols.iter().filter(|s| is_function(s));
        let short = functions().filter(|s| s.end_line.saturating_sub(s.start_line) < LONG_FUNCTION);
        let public = || symbols.iter().filter(|s| is_documentable(s) && is_public(language, s));
        let documented = public().filter(|s| is_documented(language, s, &lines));
        Self {
            quality: share(short.count(), functions().count()),
            documentation: share(documented.count(), public().count()),
        }
    }
}

fn is_function(symbol: &Symbol) -> bool {
    matches!(symbol.kind, SymbolKind::Function | SymbolKind::Method)
}

fn is_documentable(symbol: &Symbol) -> bool {
    use SymbolKind as K;
    is_function(symbol) || matches!(symbol.kind, K::Class | K::Struct | K::Enum | K::Trait | K::Interface)
}

/// Whether others are meant to use it, by the language's own sign.
fn is_public(language: Language, symbol: &Symbol) -> bool {
    match language {
        Language::Rust => symbol.signature.starts_with("pub ") || symbol.signature.starts_with("pub("),
        Language::Java => symbol.signature.contains("public "),
        Language::Go => symbol.name.starts_with(char::is_uppercase),
        Language::Python => !symbol.name.starts_with('_'),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            symbol.signature.starts_with("export ")
                || (symbol.kind == SymbolKind::Method
                    && !symbol.name.starts_with(['#', '_'])
                    && !symbol.signature.starts_with("private "))
        }
    }
}

/// Whether a documentation comment stands where the language wants it.
fn is_documented(language: Language, symbol: &Symbol, lines: &[&str]) -> bool {
    let first = symbol.start_line.saturating_sub(1);
    if language == Language::Python {
        let body = lines.get(first..symbol.end_line.min(lines.len())).unwrap_or_default();
        // The head may have several lines: the body begins behind the one that ends with a colon.
        let mut behind = body.iter().skip_while(|line| !head_ends(line)).skip(1).map(|line| line.trim());
        return behind
            .find(|line| !line.is_empty())
            .is_some_and(|line| line.trim_start_matches(['r', 'R', 'u', 'U']).starts_with(['"', '\'']));
    }
    // Attributes, annotations and decorators stand between the comment and what it documents.
    let above = lines.get(..first.min(lines.len())).unwrap_or_default().iter().rev().map(|line| line.trim());
    let above = above.skip_while(|line| line.starts_with(['#', '@'])).map(str::trim_end).next();
    above.is_some_and(|line| match language {
        Language::Rust => line.starts_with("///") || line.ends_with("*/"),
        Language::Go => line.starts_with("//") || line.ends_with("*/"),
        _ => line.ends_with("*/"),
    })
}

fn head_ends(line: &str) -> bool {
    line.split('#').next().unwrap_or_default().trim_end().ends_with(':')
}

fn share(part: usize, whole: usize) -> Option<i64> {
    thousandths(u64::try_from(part).ok()?, u64::try_from(whole).ok()?)
}

fn thousandths(part: u64, whole: u64) -> Option<i64> {
    (whole > 0).then(|| i64::try_from(part.saturating_mul(1_000) / whole).unwrap_or(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_counted_where_each_language_wants_it() {
        let cases = [
            (
                "a.py",
                "def add(a,\n        b):\n    \"\"\"Adds.\"\"\"\n    return a + b\n\n\ndef _own():\n    return 1\n\n\nclass Bare:\n    x = 1\n",
                Some(500),
            ),
            (
                "a.rs",
                "/// Adds.\n#[must_use]\npub fn add() {}\n\npub fn bare() {}\n\nfn own() {}\n",
                Some(500),
            ),
            ("a.go", "package a\n\n// Add adds.\nfunc Add() {}\n\nfunc own() {}\n", Some(1_000)),
            ("a.ts", "/** Adds. */\nexport function add() {}\n\nexport function bare() {}\n", Some(500)),
            ("a.py", "x = 1\n", None),
            ("a.txt", "def add():\n    pass\n", None),
        ];
        for (path, source, want) in cases {
            assert_eq!(
                Measured::of(Path::new(path), source.as_bytes()).documentation,
                want,
                "{path}: {source}"
            );
        }
    }

    #[test]
    fn long_functions_count_against_a_file() {
        let long = format!("def long():\n{}\n\ndef short():\n    return 1\n", "    x = 1\n".repeat(70));
        assert_eq!(Measured::of(Path::new("a.py"), long.as_bytes()).quality, Some(500));
    }
}
