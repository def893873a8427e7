//! Paths as a model writes and reads them, and the files they lead to.
//!
//! A path is shown as it is, but for what can't be shown: bytes that are not UTF-8 and control characters appear as
//! `\xHH`, and are found again when the model writes them so.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use code::Tree;
use code::tree::NodeKind;
use sandbox::beneath::{BeneathError, Refusal, Root};

/// How many files are looked at for one of the same name when a path leads nowhere.
const MAX_LOOKED_AT: usize = 50_000;
/// How many of them are named.
const MAX_SUGGESTED: usize = 3;

/// The files of a workspace.
pub(crate) struct Workspace {
    files: Root,
    root: PathBuf,
}

/// Whether a path is to be read or changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Workspace {
    /// Opens the workspace at `root`.
    pub(crate) fn open(root: &Path) -> Result<Self, String> {
        let files = Root::open(root).map_err(|error| error.to_string())?;
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        Ok(Self { files, root })
    }

    /// Its files.
    pub(crate) fn files(&self) -> &Root {
        &self.files
    }

    /// Its files as a tree to search.
    pub(crate) fn tree(&self) -> Tree<'_> {
        Tree::new(&self.root, |path| self.files.open_read(path).map_err(std::io::Error::other))
    }

    /// The path that a model wrote, relative to the root; empty for the root itself.
    pub(crate) fn path(&self, text: &str, access: Access) -> Result<PathBuf, String> {
        self.check(&unescape(text), access)
    }

    /// As [`Workspace::path`], of a path that was not escaped.
    pub(crate) fn check(&self, path: &Path, access: Access) -> Result<PathBuf, String> {
        if path.as_os_str().as_bytes().contains(&0) {
            return Err(format!("{}: a path can't hold a NUL byte", show(path)));
        }
        let relative = self.relative(path)?;
        if access == Access::Write {
            let shown = show(&relative);
            if relative.as_os_str().is_empty() {
                return Err("the path is the workspace itself, not a file".to_owned());
            }
            if inside_git(&relative) || inside_git(&self.resolved(&relative)?) {
                return Err(format!(
                    "{shown}: files of git's own are not written here; use git through run_command"
                ));
            }
        }
        Ok(relative)
    }

    /// Where a path really is, relative to the root: links followed, as far as it exists.
    pub(crate) fn resolved(&self, relative: &Path) -> Result<PathBuf, String> {
        let mut existing = relative;
        let mut rest = Vec::new();
        loop {
            if let Ok(real) = self.root.join(existing).canonicalize() {
                let real = real.strip_prefix(&self.root).map_err(|_| outside(relative))?;
                return Ok(rest.iter().rev().fold(real.to_owned(), |path, name| path.join(name)));
            }
            let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
                return Ok(relative.to_owned());
            };
            rest.push(name);
            existing = parent;
        }
    }

    /// Says why a path could not be reached, and what to do instead.
    pub(crate) fn refusal(&self, path: &Path, error: &BeneathError) -> String {
        let shown = show(path);
        match error.reason {
            Refusal::Outside => outside(path),
            Refusal::NotFound => format!("{shown} does not exist{}", self.suggestion(path)),
            Refusal::IsADirectory => format!("{shown} is a directory; use list_files"),
            Refusal::TooLarge { len, limit } => {
                format!("{shown} has {len} bytes, more than the {limit} that can be edited; use run_command")
            }
            reason => format!("{shown}: {reason}"),
        }
    }

    fn relative(&self, path: &Path) -> Result<PathBuf, String> {
        let inner = if path.is_absolute() {
            let below = |root: &Path| path.strip_prefix(root).map(Path::to_owned);
            below(self.files.path()).or_else(|_| below(&self.root)).map_err(|_| outside(path))?
        } else {
            path.to_owned()
        };
        let mut relative = PathBuf::new();
        for part in inner.components() {
            match part {
                Component::Normal(name) => relative.push(name),
                Component::ParentDir if !relative.pop() => return Err(outside(path)),
                Component::ParentDir | Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        Ok(relative)
    }

    fn suggestion(&self, path: &Path) -> String {
        let Some(name) = path.file_name() else { return String::new() };
        let found: Vec<String> = self
            .tree()
            .walk(Path::new(""), None)
            .take(MAX_LOOKED_AT)
            .filter(|node| node.kind == NodeKind::File && node.path.file_name() == Some(name))
            .take(MAX_SUGGESTED)
            .map(|node| show(&node.path))
            .collect();
        if found.is_empty() { String::new() } else { format!("; there is {}", found.join(", ")) }
    }
}

/// A path as a model sees it.
pub(crate) fn show(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        let text = chunk.valid();
        for (at, character) in text.char_indices() {
            let looks_escaped = character == '\\' && escaped_byte(&text.as_bytes()[at..]).is_some();
            if character.is_control() || looks_escaped {
                let mut bytes = [0; 4];
                character
                    .encode_utf8(&mut bytes)
                    .bytes()
                    .for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
            } else {
                shown.push(character);
            }
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    if shown.is_empty() { ".".to_owned() } else { shown }
}

fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match escaped_byte(&bytes[at..]) {
            Some(byte) => {
                out.push(byte);
                at += 4;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    PathBuf::from(OsString::from_vec(out))
}

/// The byte of a leading `\xHH`.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"\\x")?.get(..2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn inside_git(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git"))
}

fn outside(path: &Path) -> String {
    format!("{} leads outside the workspace; paths are relative to its root", show(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_not_be_shown_is_escaped() {
        let name = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        assert_eq!(show(&name(b"caf\xe9/x\ny")), r"caf\xe9/x\x0ay");
        assert_eq!(show(&name(br"a\x41")), r"a\x5cx41");
        assert_eq!(show(&name(br"a\b\xzz")), r"a\b\xzz");
        assert_eq!(show(Path::new("é")), "é");
        assert_eq!(show(Path::new("")), ".");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_name_can_be_addressed_as_it_is_shown(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\\'), Just(b'x'), Just(b'4')], 1..20)
        ) {
            let path = PathBuf::from(OsString::from_vec(bytes));
            prop_assert_eq!(unescape(&show(&path)), path);
        }
    }
}
