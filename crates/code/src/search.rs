//! Regular-expression search over a tree.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use regex::bytes::{Regex, RegexBuilder};

use crate::lines::{bare, excerpt, lines};
use crate::tree::{Content, NodeKind, Tree};

/// Longer files are named, not searched: they are data, and a model can't use what is found in them.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// What one search reads in all, about two seconds' worth.
const MAX_TOTAL_BYTES: u64 = 1 << 30;
/// How much of a long line is shown around a hit.
const MAX_LINE_BYTES: usize = 240;
/// How much of a long line is shown before a hit.
const LEAD_BYTES: usize = 60;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// A regular expression in Rust's syntax, tried line by line; with `\n` in it, over whole files.
    pub pattern: &'a str,
    /// Where, relative to the root: a directory, a file, or empty for everything.
    pub start: &'a Path,
    /// Which files, in the way of a `.gitignore` line; `!` in front turns it round.
    pub glob: Option<&'a str>,
    /// How many hits at most.
    pub limit: usize,
}

/// A line that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The file, relative to the root.
    pub path: PathBuf,
    /// The line's number, from 1.
    pub line: usize,
    /// The line, cut around the hit if it is long; invalid UTF-8 replaced.
    pub text: String,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Matching lines in the order of paths and lines.
    pub hits: Vec<Hit>,
    /// Whether there is at least one more.
    pub more: bool,
    /// Files looked into.
    pub files: usize,
    /// Files that were too long to look into.
    pub too_large: Vec<PathBuf>,
    /// Whether the search stopped at its bound of bytes read.
    pub gave_up: bool,
}

/// Why a query can't be searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The pattern is no regular expression.
    #[error("pattern is not a valid regular expression: {problem}; to find it as plain text use {literal}")]
    Pattern {
        /// What is wrong with it.
        problem: String,
        /// The same text with all special characters escaped.
        literal: String,
    },
    /// The glob is none.
    #[error("glob {glob:?} is not valid")]
    Glob {
        /// The glob.
        glob: String,
        /// Why not.
        source: ignore::Error,
    },
}

/// Looks for lines in the files of a tree that are text and not ignored by git.
///
/// # Errors
/// When the pattern or the glob is not valid.
pub fn search(tree: &Tree, query: &Query) -> Result<Found, SearchError> {
    let regex = compile(query.pattern)?;
    let glob = query.glob.map(|glob| Glob::new(tree.root(), glob)).transpose()?;
    let across_lines = query.pattern.contains("\\n") || query.pattern.contains('\n');
    let mut found = Found::default();
    let mut read_bytes = 0;
    for node in tree.walk(query.start, None).filter(|node| node.kind == NodeKind::File) {
        if !glob.as_ref().is_none_or(|glob| glob.accepts(&node.path)) {
            continue;
        }
        if read_bytes > MAX_TOTAL_BYTES {
            found.gave_up = true;
            break;
        }
        match tree.read(&node.path, MAX_FILE_BYTES) {
            Content::Text(source) => {
                read_bytes += source.len() as u64;
                found.files += 1;
                if across_lines {
                    whole_hits(&regex, &source, &node.path, query.limit, &mut found);
                } else {
                    line_hits(&regex, &source, &node.path, query.limit, &mut found);
                }
            }
            Content::TooLarge => found.too_large.push(node.path),
            Content::Binary | Content::Unreadable => {}
        }
        if found.more {
            break;
        }
    }
    Ok(found)
}

fn compile(pattern: &str) -> Result<Regex, SearchError> {
    RegexBuilder::new(pattern).multi_line(true).crlf(true).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or(&text);
        SearchError::Pattern {
            problem: last.trim_start_matches("error: ").to_owned(),
            literal: excerpt(regex::escape(pattern).as_bytes(), MAX_LINE_BYTES),
        }
    })
}

fn line_hits(regex: &Regex, source: &[u8], path: &Path, limit: usize, found: &mut Found) {
    if !regex.is_match(source) {
        return;
    }
    for (index, line) in lines(source).enumerate() {
        let line = bare(line);
        if let Some(hit) = regex.find(line)
            && !found.push(limit, path, index + 1, around(line, hit.start()))
        {
            return;
        }
    }
}

fn whole_hits(regex: &Regex, source: &[u8], path: &Path, limit: usize, found: &mut Found) {
    let (mut line, mut counted, mut last) = (1, 0, 0);
    for hit in regex.find_iter(source) {
        line += crate::lines::newlines(&source[counted..hit.start()]);
        counted = hit.start();
        if line == last {
            continue;
        }
        last = line;
        let begin = source[..counted].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let shown = bare(lines(&source[begin..]).next().unwrap_or_default());
        if !found.push(limit, path, line, around(shown, (counted - begin).min(shown.len()))) {
            return;
        }
    }
}

impl Found {
    fn push(&mut self, limit: usize, path: &Path, line: usize, text: String) -> bool {
        if self.hits.len() >= limit {
            self.more = true;
            return false;
        }
        self.hits.push(Hit { path: path.to_owned(), line, text });
        true
    }
}

fn around(line: &[u8], at: usize) -> String {
    if line.len() <= MAX_LINE_BYTES {
        return String::from_utf8_lossy(line).into_owned();
    }
    let wanted = at.saturating_sub(LEAD_BYTES);
    let begin = (wanted..=at).find(|at| line.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80)).unwrap_or(at);
    let front = if begin > 0 { "…" } else { "" };
    format!("{front}{}", excerpt(&line[begin..], MAX_LINE_BYTES))
}

struct Glob {
    rules: Gitignore,
    inverted: bool,
}

impl Glob {
    fn new(root: &Path, text: &str) -> Result<Self, SearchError> {
        let wrong = |source| SearchError::Glob { glob: excerpt(text.as_bytes(), MAX_LINE_BYTES), source };
        let (inverted, line) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let mut builder = GitignoreBuilder::new(root);
        builder.add_line(None, line.strip_prefix("./").unwrap_or(line)).map_err(wrong)?;
        Ok(Self { rules: builder.build().map_err(wrong)?, inverted })
    }

    fn accepts(&self, path: &Path) -> bool {
        self.rules.matched_path_or_any_parents(path, false).is_ignore() != self.inverted
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sample() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (path, text) in [
            (".gitignore", &b"skipped\n"[..]),
            ("a.py", b"def one():\r\n    return 1\r\n"),
            ("lib/b.py", b"one = 2\nx = \xff one\n"),
            ("lib/c.rs", b"fn one() {}\n\nfn two() {}\n"),
            ("skipped", b"one\n"),
            ("picture", b"one\x00\n"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(path, text).expect("file");
        }
        dir
    }

    fn find(pattern: &str, start: &str, glob: Option<&str>, limit: usize) -> Vec<String> {
        let dir = sample();
        let query = Query { pattern, start: Path::new(start), glob, limit };
        let found = search(&Tree::plain(dir.path()), &query).expect("valid query");
        let more = found.more.then(|| "more".to_owned());
        let line = |hit: &Hit| format!("{}:{}:{}", hit.path.display(), hit.line, hit.text);
        found.hits.iter().map(line).chain(more).collect()
    }

    #[test]
    fn lines_are_found_with_their_numbers() {
        let all = [
            "a.py:1:def one():",
            "lib/b.py:1:one = 2",
            "lib/b.py:2:x = \u{fffd} one",
            "lib/c.rs:1:fn one() {}",
        ];
        assert_eq!(find("one", "", None, 10), all);
        assert_eq!(find("one", "", None, 2), [all[0], all[1], "more"]);
        assert_eq!(find(r"^\s*return 1$", "", None, 9), ["a.py:2:    return 1"]);
        assert_eq!(find("(?i)ONE", "lib/b.py", None, 1), [all[1], "more"]);
        assert_eq!(find(r"\}\n\nfn", "", None, 9), ["lib/c.rs:1:fn one() {}"]);
        assert_eq!(find("nothing here", "", None, 9), Vec::<String>::new());
    }

    #[test]
    fn a_glob_works_like_a_line_of_gitignore() {
        let names = |glob| {
            let mut names = find("one", "", Some(glob), 9);
            names.iter_mut().for_each(|hit| hit.truncate(hit.find(':').unwrap_or(hit.len())));
            names.dedup();
            names
        };
        assert_eq!(names("*.py"), ["a.py", "lib/b.py"]);
        assert_eq!(names("/*.py"), ["a.py"]);
        assert_eq!(names("!*.py"), ["lib/c.rs"]);
        assert_eq!(names("lib"), ["lib/b.py", "lib/c.rs"]);
        assert_eq!(names("lib/**/*.{rs,toml}"), ["lib/c.rs"]);
    }

    #[test]
    fn a_long_line_is_cut_around_the_hit() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("min.js"), "é".repeat(5000) + "needle" + &"x".repeat(5000)).expect("file");
        let query = Query { pattern: "needle", start: Path::new(""), glob: None, limit: 5 };
        let found = search(&Tree::plain(dir.path()), &query).expect("valid query");
        assert!(found.hits[0].text.contains("éneedlex") && found.hits[0].text.len() < 300);
    }

    #[test]
    fn what_is_no_pattern_is_said_with_a_way_out() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let query = Query { pattern: "f(x", start: Path::new(""), glob: None, limit: 5 };
        let error = search(&Tree::plain(dir.path()), &query).expect_err("not valid").to_string();
        assert_eq!(
            error,
            r"pattern is not a valid regular expression: unclosed group; to find it as plain text use f\(x"
        );
        let query = Query { pattern: "x", glob: Some("[z-a]"), ..query };
        assert!(search(&Tree::plain(dir.path()), &query).is_err());
    }
}
