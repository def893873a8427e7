//! Who should look at a change: owners by CODEOWNERS, then those who changed the same files before.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Deserialize, Serialize};

use crate::SandboxError;
use crate::git::{Git, fields};
use crate::objects::Mode;
use crate::repository::{Author, Base, Repository};

/// Where a CODEOWNERS file may lie, the first that is there counts.
const PLACES: &[&str] = &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];
/// Commits that are looked at for people.
const COMMITS: u32 = 200;
/// Paths whose history is looked at.
const PATHS: usize = 50;

/// Somebody who should look at a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewer {
    /// As CODEOWNERS or the history names them.
    pub name: String,
    /// Why they.
    pub reason: Reason,
}

/// Why somebody is suggested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// They own this many of the changed files.
    Owns {
        /// Files.
        files: usize,
    },
    /// They made this many of the last commits to them.
    Changed {
        /// Commits.
        commits: usize,
    },
}

impl Repository {
    /// At most `most` people for a change of these paths, owners first; never `author` themselves.
    ///
    /// # Errors
    /// If the base or its history can't be read.
    pub fn reviewers(
        &self,
        base: &Base,
        paths: &[Vec<u8>],
        author: &Author,
        most: usize,
    ) -> Result<Vec<Reviewer>, SandboxError> {
        let mut found = self.owners(base, paths)?;
        for (name, commits) in self.earlier_authors(base, paths, author)? {
            found.push(Reviewer { name, reason: Reason::Changed { commits } });
        }
        found.truncate(most);
        Ok(found)
    }

    fn owners(&self, base: &Base, paths: &[Vec<u8>]) -> Result<Vec<Reviewer>, SandboxError> {
        let objects = self.objects()?;
        let mut text = Vec::new();
        for place in PLACES {
            if let Some(entry) =
                objects.entry_at(base.tree, place.as_bytes())?.filter(|e| e.mode == Mode::File)
            {
                text = objects.blob(entry.id)?;
                break;
            }
        }
        let rules = parse(&String::from_utf8_lossy(&text));
        let mut counts: Vec<(String, usize)> = Vec::new();
        for owner in paths.iter().flat_map(|path| owners_of(&rules, path)) {
            match counts.iter_mut().find(|(name, _)| name == owner) {
                Some((_, files)) => *files += 1,
                None => counts.push((owner.clone(), 1)),
            }
        }
        counts.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
        Ok(counts
            .into_iter()
            .map(|(name, files)| Reviewer { name, reason: Reason::Owns { files } })
            .collect())
    }

    fn earlier_authors(
        &self,
        base: &Base,
        paths: &[Vec<u8>],
        author: &Author,
    ) -> Result<Vec<(String, usize)>, SandboxError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let literal = |path: &Vec<u8>| {
            let mut spec = OsString::from(":(literal)");
            spec.push(OsStr::from_bytes(path));
            spec
        };
        let output = Git::on(self.common_dir(), "log")
            .run_as(self.writer())
            .args([
                "--no-merges",
                "--no-show-signature",
                "--format=%aN%x00%aE%x00",
                &format!("--max-count={COMMITS}"),
            ])
            .arg(base.commit.to_string())
            .arg("--")
            .args(paths.iter().take(PATHS).map(literal))
            .run()?;
        let words: Vec<String> =
            fields(&output).map(|f| String::from_utf8_lossy(f).trim().to_owned()).collect();
        let mut counts: HashMap<(String, String), usize> = HashMap::new();
        for pair in words.chunks_exact(2).filter(|pair| !pair[1].eq_ignore_ascii_case(&author.email)) {
            *counts.entry((pair[0].clone(), pair[1].clone())).or_default() += 1;
        }
        let mut people: Vec<(String, usize)> =
            counts.into_iter().map(|((name, email), n)| (format!("{name} <{email}>"), n)).collect();
        people.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(people)
    }
}

struct Rule {
    pattern: Gitignore,
    owners: Vec<String>,
}

fn parse(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for line in text.lines().map(|l| l.split(" #").next().unwrap_or_default().trim()) {
        let mut words = line.split_whitespace();
        let Some(pattern) = words.next().filter(|w| !w.starts_with(['#', '[', '^', '!'])) else { continue };
        let mut builder = GitignoreBuilder::new("");
        if builder.add_line(None, pattern).is_ok()
            && let Ok(pattern) = builder.build()
        {
            rules.push(Rule { pattern, owners: words.map(str::to_owned).collect() });
        }
    }
    rules
}

/// The last rule that matches decides; one without owners takes them away.
fn owners_of<'r>(rules: &'r [Rule], path: &[u8]) -> &'r [String] {
    let path = Path::new(OsStr::from_bytes(path));
    let rule =
        rules.iter().rev().find(|rule| rule.pattern.matched_path_or_any_parents(path, false).is_ignore());
    rule.map(|rule| rule.owners.as_slice()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_matching_rule_names_the_owners() {
        let rules = parse(
            "# all\n* @all\n*.js @web @ui # scripts\n/docs/ docs@example.org\n/docs/free\napps/ @apps\n",
        );
        let cases: [(&str, &[&str]); 6] = [
            ("src/a.rs", &["@all"]),
            ("src/a.js", &["@web", "@ui"]),
            ("docs/a.md", &["docs@example.org"]),
            ("docs/free", &[]),
            ("deep/docs/x", &["@all"]),
            ("deep/apps/x/y", &["@apps"]),
        ];
        for (path, want) in cases {
            assert_eq!(owners_of(&rules, path.as_bytes()), want, "{path}");
        }
    }
}
