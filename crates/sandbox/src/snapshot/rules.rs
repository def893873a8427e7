//! Ignore rules as a directory walk meets them: the nearest `.gitignore` that says something decides.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Rules in force in one directory.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    /// Rules and the directory that they stand in, the outermost first.
    chain: Vec<(Vec<u8>, Arc<Gitignore>)>,
}

impl Rules {
    /// The rules in force below `dir`, where a file of rules with this text lies.
    pub(crate) fn below(&self, dir: &[u8], text: &[u8], cache: &mut RuleCache) -> Self {
        let mut chain = self.chain.clone();
        if let Some(rules) = cache.parse(text) {
            chain.push((dir.to_vec(), rules));
        }
        Self { chain }
    }

    /// Whether a path is ignored by name. Whether a directory above it is ignored is the walk's business.
    pub(crate) fn ignores(&self, path: &[u8], is_dir: bool) -> bool {
        for (dir, rules) in self.chain.iter().rev() {
            let below = if dir.is_empty() { path } else { path.get(dir.len() + 1..).unwrap_or_default() };
            match rules.matched(Path::new(OsStr::from_bytes(below)), is_dir) {
                Match::None => {}
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

/// Parsed rules by their text.
#[derive(Default)]
pub(crate) struct RuleCache {
    parsed: HashMap<Vec<u8>, Option<Arc<Gitignore>>>,
}

impl RuleCache {
    /// Rules of more texts than this are parsed anew.
    const MOST: usize = 256;

    fn parse(&mut self, text: &[u8]) -> Option<Arc<Gitignore>> {
        if let Some(known) = self.parsed.get(text) {
            return known.clone();
        }
        if self.parsed.len() >= Self::MOST {
            self.parsed.clear();
        }
        let rules = build(text);
        self.parsed.insert(text.to_vec(), rules.clone());
        rules
    }
}

/// Lines that are no valid pattern, or not UTF-8, count for nothing, as in git.
fn build(text: &[u8]) -> Option<Arc<Gitignore>> {
    let mut builder = GitignoreBuilder::new("");
    for line in text.split(|b| *b == b'\n') {
        if let Ok(line) = std::str::from_utf8(line) {
            let _ = builder.add_line(None, line.strip_suffix('\r').unwrap_or(line));
        }
    }
    builder.build().ok().filter(|rules| !rules.is_empty()).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rule_decides() {
        let mut cache = RuleCache::default();
        let top = Rules::default().below(b"", b"*.log\n/build/\nkeep/*\n!keep/this\n", &mut cache);
        let sub = top.below(b"sub", b"!wanted.log\n/own\n", &mut cache);
        let cases: [(&Rules, &[u8], bool, bool); 10] = [
            (&top, b"a.log", false, true),
            (&top, b"deep/er/a.log", false, true),
            (&top, b"build", true, true),
            (&top, b"build", false, false),
            (&top, b"deep/build", true, false),
            (&top, b"keep/that", false, true),
            (&top, b"keep/this", false, false),
            (&sub, b"sub/wanted.log", false, false),
            (&sub, b"sub/other.log", false, true),
            (&sub, b"sub/own", false, true),
        ];
        for (rules, path, is_dir, want) in cases {
            assert_eq!(rules.ignores(path, is_dir), want, "{}", String::from_utf8_lossy(path));
        }
    }

    #[test]
    fn a_name_that_is_not_utf8_can_be_ignored() {
        let rules = Rules::default().below(b"", b"*.o\n", &mut RuleCache::default());
        assert!(rules.ignores(b"\xff\xfe.o", false));
    }
}
