//! Reading a unified diff, git's extended headers included.
//!
//! The counts in a hunk's header are taken when they are right. Where they are wrong, as in diffs written by hand, a
//! hunk goes on to the next header. Text before the first header is skipped, as git does.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::{FilePatch, Hunk, HunkLine, LineKind, Patch, PatchError};
use crate::lines::{bare, excerpt, lines};

/// How much of an offending line is quoted.
const MAX_QUOTE_BYTES: usize = 80;

/// Reads a patch.
///
/// # Errors
/// When it is no unified diff, or asks for what is not done here: binary patches, links, submodules, copies.
pub fn parse(text: &[u8]) -> Result<Patch, PatchError> {
    let mut reader = Reader { lines: lines(text).collect(), at: 0 };
    let mut files = Vec::new();
    while reader.skip_to_header()? {
        files.push(reader.file()?);
    }
    if files.is_empty() {
        let hint = if text.starts_with(b"*** Begin Patch") {
            " (the format '*** Begin Patch' is not read)"
        } else {
            ""
        };
        return Err(PatchError::Empty { hint });
    }
    Ok(Patch { files })
}

struct Reader<'a> {
    lines: Vec<&'a [u8]>,
    at: usize,
}

/// What git's extended header says of a file.
#[derive(Default)]
struct Extended {
    old: Option<PathBuf>,
    new: Option<PathBuf>,
    is_new: bool,
    is_deleted: bool,
    mode: Option<u32>,
    renamed: bool,
}

/// A path of a `---` or `+++` line.
enum Side {
    Null,
    Path(Vec<u8>),
}

type Sides = (Option<PathBuf>, Option<PathBuf>);

impl Extended {
    /// Whether `---` and `+++` lines belong to this header, and not to the next file's.
    fn goes_with(&self, (old, new): &Sides) -> bool {
        let same =
            |side: &Option<PathBuf>, own: &Option<PathBuf>| side.is_none() || own.is_none() || side == own;
        same(old, &self.old) && same(new, &self.new)
    }
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        self.lines.get(self.at).map(|line| bare(line))
    }

    fn peek_after(&self, ahead: usize) -> Option<&'a [u8]> {
        self.lines.get(self.at + ahead).map(|line| bare(line))
    }

    fn starts(&self, prefix: &[u8]) -> bool {
        self.peek().is_some_and(|line| line.starts_with(prefix))
    }

    /// Whether a file's header begins here.
    fn at_header(&self) -> bool {
        self.starts(b"diff --git ") || self.at_sides()
    }

    fn at_sides(&self) -> bool {
        self.starts(b"--- ") && self.peek_after(1).is_some_and(|line| line.starts_with(b"+++ "))
    }

    /// Skips the text between files. A hunk or a binary file in it is not to be lost silently.
    fn skip_to_header(&mut self) -> Result<bool, PatchError> {
        while let Some(line) = self.peek() {
            if self.at_header() {
                return Ok(true);
            }
            if line.starts_with(b"@@ ") {
                return Err(self.wrong("a hunk that belongs to no file header"));
            }
            if line.starts_with(b"Binary files ") && line.ends_with(b" differ") {
                return Err(self.unsupported("a binary patch", &Extended::default()));
            }
            self.at += 1;
        }
        Ok(false)
    }

    fn file(&mut self) -> Result<FilePatch, PatchError> {
        let begin = self.at;
        let extended = if self.starts(b"diff --git ") { self.extended()? } else { Extended::default() };
        let mut file = FilePatch { old: None, new: None, mode: extended.mode, hunks: Vec::new() };
        let header_end = self.at;
        let sides = if self.at_sides() { Some(self.sides()?) } else { None };
        if let Some((old, new)) = sides.filter(|sides| extended.goes_with(sides)) {
            (file.old, file.new) = (old, new);
            while self.starts(b"@@") {
                let hunk = self.hunk()?;
                file.hunks.push(hunk);
                self.skip_blank_before_hunk();
            }
            if file.hunks.is_empty() && !extended.renamed {
                return Err(self.wrong("expected a hunk header such as '@@ -1,3 +1,4 @@'"));
            }
        } else {
            self.at = header_end;
            (file.old, file.new) = (extended.old, extended.new);
        }
        if extended.is_new {
            file.old = None;
        }
        if extended.is_deleted {
            file.new = None;
        }
        if file.old.is_none() && file.new.is_none() {
            self.at = begin;
            return Err(self.wrong("a header that names no file"));
        }
        Ok(file)
    }

    fn skip_blank_before_hunk(&mut self) {
        let blank =
            self.lines[self.at..].iter().take_while(|line| bare(line).trim_ascii().is_empty()).count();
        if self.peek_after(blank).is_some_and(|line| line.starts_with(b"@@")) {
            self.at += blank;
        }
    }

    fn extended(&mut self) -> Result<Extended, PatchError> {
        let mut found = Extended::default();
        if let Some((old, new)) = self.peek().and_then(|line| git_paths(&line[b"diff --git ".len()..])) {
            (found.old, found.new) = (Some(path_of(old)), Some(path_of(new)));
        }
        self.at += 1;
        while let Some(line) = self.peek() {
            if self.at_header() || line.starts_with(b"@@") {
                break;
            }
            self.extended_line(line, &mut found)?;
            self.at += 1;
        }
        Ok(found)
    }

    fn extended_line(&self, line: &[u8], found: &mut Extended) -> Result<(), PatchError> {
        let after = |prefix: &str| line.strip_prefix(prefix.as_bytes());
        if let Some(mode) = after("new file mode ") {
            found.is_new = true;
            found.mode = self.mode(mode, found)?;
        } else if let Some(mode) = after("deleted file mode ") {
            found.is_deleted = true;
            self.mode(mode, found)?;
        } else if let Some(mode) = after("new mode ") {
            found.mode = self.mode(mode, found)?;
        } else if let Some(path) = after("rename from ") {
            found.old = Some(path_of(unquote(path)));
            found.renamed = true;
        } else if let Some(path) = after("rename to ") {
            found.new = Some(path_of(unquote(path)));
            found.renamed = true;
        } else if line.starts_with(b"copy from ") {
            return Err(self.unsupported("a copy", found));
        } else if line.starts_with(b"GIT binary patch") || line.starts_with(b"Binary files ") {
            return Err(self.unsupported("a binary patch", found));
        }
        Ok(())
    }

    fn mode(&self, digits: &[u8], found: &Extended) -> Result<Option<u32>, PatchError> {
        let mode =
            std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok());
        match mode {
            Some(mode) if mode >> 12 == 0o10 => Ok(Some(mode & 0o777)),
            Some(mode) if mode >> 12 == 0o12 => Err(self.unsupported("a symbolic link", found)),
            Some(mode) if mode >> 12 == 0o16 => Err(self.unsupported("a submodule", found)),
            _ => Err(self.wrong("a file mode that is not known")),
        }
    }

    fn sides(&mut self) -> Result<Sides, PatchError> {
        let (old, new) = (self.side(b"--- ")?, self.side(b"+++ ")?);
        // Both sides have git's prefixes, or none has: a directory may be called `a`.
        let prefixed = |side: &Side, prefix: &[u8]| match side {
            Side::Null => true,
            Side::Path(path) => path.starts_with(prefix),
        };
        let strip = if prefixed(&old, b"a/") && prefixed(&new, b"b/") { 2 } else { 0 };
        let path = |side| match side {
            Side::Null => None,
            Side::Path(path) => Some(path_of(path[strip..].to_vec())),
        };
        Ok((path(old), path(new)))
    }

    fn side(&mut self, prefix: &[u8]) -> Result<Side, PatchError> {
        let line = self.peek().unwrap_or_default();
        let rest = line.strip_prefix(prefix).unwrap_or_default();
        let name = if rest.starts_with(b"\"") { rest } else { before_tab(rest) }.trim_ascii_end();
        if name.is_empty() {
            return Err(self.wrong("a file header without a path"));
        }
        self.at += 1;
        Ok(if name == b"/dev/null" { Side::Null } else { Side::Path(unquote(name)) })
    }

    fn hunk(&mut self) -> Result<Hunk, PatchError> {
        let header = self.peek().unwrap_or_default();
        let numbers =
            numbers(header).ok_or_else(|| self.wrong("not a hunk header such as '@@ -1,3 +1,4 @@'"))?;
        self.at += 1;
        let begin = self.at;
        let counted = numbers.and_then(|numbers| self.counted(numbers));
        let lines = match counted {
            Some(lines) => lines,
            None => {
                self.at = begin;
                self.uncounted()
            }
        };
        if lines.iter().all(|line| line.kind == LineKind::Context) {
            self.at = begin;
            return Err(self.wrong("a hunk that neither adds nor removes a line"));
        }
        Ok(Hunk { old_start: numbers.map(|numbers| numbers.old_start), lines })
    }

    /// The lines of a hunk whose header has the right counts.
    fn counted(&mut self, numbers: Numbers) -> Option<Vec<HunkLine>> {
        let (mut old, mut new) = (numbers.old_count, numbers.new_count);
        let mut lines = Vec::new();
        while old > 0 || new > 0 {
            let line = self.line()?;
            if line.kind != LineKind::Added {
                old = old.checked_sub(1)?;
            }
            if line.kind != LineKind::Removed {
                new = new.checked_sub(1)?;
            }
            lines.push(line);
        }
        // A line that looks like more of the hunk says that the counts are too small; a mail's signature does not.
        let over = self.peek().is_none_or(|next| {
            !matches!(next.first(), Some(b' ' | b'+' | b'-'))
                || self.at_header()
                || next == b"-- "
                || next == b"--"
        });
        over.then_some(lines)
    }

    /// The lines of a hunk up to the next header.
    fn uncounted(&mut self) -> Vec<HunkLine> {
        let mut lines = Vec::new();
        let mut blank = 0;
        while !self.at_header() {
            let is_blank = self.peek().is_some_and(<[u8]>::is_empty);
            let Some(line) = self.line() else { break };
            lines.push(line);
            blank = if is_blank { blank + 1 } else { 0 };
        }
        // Empty lines at the end belong to the text around the hunk.
        lines.truncate(lines.len() - blank);
        lines
    }

    /// A line of a hunk with its marker of a missing line feed, if it has one.
    fn line(&mut self) -> Option<HunkLine> {
        let raw = *self.lines.get(self.at)?;
        let (kind, text) = match raw.first()? {
            b' ' => (LineKind::Context, &raw[1..]),
            b'-' => (LineKind::Removed, &raw[1..]),
            b'+' => (LineKind::Added, &raw[1..]),
            // Editors and models drop the blank of an empty context line.
            b'\n' | b'\r' => (LineKind::Context, raw),
            _ => return None,
        };
        self.at += 1;
        let mut text = text.to_vec();
        if self.starts(b"\\") {
            self.at += 1;
            text.pop_if(|last| *last == b'\n');
        } else if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        Some(HunkLine { kind, text })
    }

    fn wrong(&self, problem: &str) -> PatchError {
        let found = match self.peek() {
            Some(line) => format!("{problem}; found {:?}", excerpt(line, MAX_QUOTE_BYTES)),
            None => format!("{problem}; the patch ends here"),
        };
        PatchError::Syntax { line: self.at + 1, problem: found }
    }

    fn unsupported(&self, what: &'static str, found: &Extended) -> PatchError {
        let path = found.new.as_ref().or(found.old.as_ref()).cloned().unwrap_or_default();
        PatchError::Unsupported { path, what }
    }
}

#[derive(Clone, Copy)]
struct Numbers {
    old_start: usize,
    old_count: usize,
    new_count: usize,
}

/// The numbers of `@@ -a,b +c,d @@`: `Some(None)` for a header without numbers, `None` if it is no header.
fn numbers(header: &[u8]) -> Option<Option<Numbers>> {
    let text = String::from_utf8_lossy(header.strip_prefix(b"@@")?).into_owned();
    let Some(rest) = text.trim_start().strip_prefix('-') else {
        return text.trim().trim_matches(['.', '@', ' ']).is_empty().then_some(None);
    };
    let mut words = rest.split(' ');
    let range = |word: &str| -> Option<(usize, usize)> {
        let (start, count) = word.split_once(',').unwrap_or((word, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let (old_start, old_count) = range(words.next()?)?;
    let (_, new_count) = range(words.next()?.strip_prefix('+')?)?;
    words.next()?.starts_with("@@").then_some(Some(Numbers { old_start, old_count, new_count }))
}

/// The two paths of a `diff --git` line, without their prefixes.
fn git_paths(rest: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if rest.starts_with(b"\"") || rest.ends_with(b"\"") {
        let (old, new) = split_quoted(rest)?;
        return Some((
            unquote(old).strip_prefix(b"a/")?.to_vec(),
            unquote(new).strip_prefix(b"b/")?.to_vec(),
        ));
    }
    // Unquoted paths may hold blanks; but for a rename, which says its names again, both are the same.
    let same = (0..rest.len()).filter(|at| rest[*at] == b' ').find_map(|at| {
        let (old, new) = (rest[..at].strip_prefix(b"a/")?, rest[at + 1..].strip_prefix(b"b/")?);
        (old == new).then(|| (old.to_vec(), new.to_vec()))
    });
    same.or_else(|| {
        let at = rest.windows(3).position(|w| w == b" b/")?;
        Some((rest[..at].strip_prefix(b"a/")?.to_vec(), rest[at + 3..].to_vec()))
    })
}

fn split_quoted(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    if !rest.starts_with(b"\"") {
        let at = rest.iter().position(|byte| *byte == b' ')?;
        return Some((&rest[..at], &rest[at + 1..]));
    }
    let mut at = 1;
    while *rest.get(at)? != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    Some((&rest[..=at], rest.get(at + 2..)?))
}

fn before_tab(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'\t').next().unwrap_or(text)
}

/// A path as git quotes it: in double quotes, with octal and C escapes. Others are taken as they are.
fn unquote(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")) else {
        return text.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        if inner[at] != b'\\' || at + 1 == inner.len() {
            out.push(inner[at]);
            at += 1;
            continue;
        }
        let octal = inner.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            out.push(byte);
            at += 4;
            continue;
        }
        out.push(match inner[at + 1] {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            other => other,
        });
        at += 2;
    }
    out
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}
