//! cargo.

use super::MAX_DEPTH;
use crate::plan::{Runner, Suite};
use crate::tree::{Tree, join};

/// One suite per workspace: the root's, else those of the topmost directories with a manifest.
pub(super) fn suites(tree: &Tree<'_>) -> Vec<Suite> {
    roots(tree)
        .into_iter()
        .map(|dir| Suite {
            dir: dir.to_owned(),
            runner: Runner::Cargo { args: scope(tree, dir) },
            given: false,
        })
        .collect()
}

/// Directories whose manifest is not below another's.
pub(super) fn roots<'t>(tree: &'t Tree<'_>) -> Vec<&'t str> {
    let mut dirs: Vec<&str> = tree.dirs_with("Cargo.toml", MAX_DEPTH).collect();
    dirs.sort_unstable();
    if dirs.first() == Some(&"") {
        return vec![""];
    }
    let all = dirs.clone();
    dirs.retain(|dir| {
        !all.iter().any(|above| above != dir && dir.strip_prefix(above).is_some_and(|r| r.starts_with('/')))
    });
    dirs
}

/// `--workspace` where there is one.
pub(super) fn scope(tree: &Tree<'_>, dir: &str) -> Vec<String> {
    let manifest = tree.text(&join(dir, "Cargo.toml"));
    if manifest.contains("[workspace]") { vec!["--workspace".to_owned()] } else { Vec::new() }
}

/// `cargo test …` as it stands in `aamas.toml`.
pub(super) fn given(words: &[String]) -> Option<Runner> {
    match words {
        [cargo, test, args @ ..] if cargo == "cargo" && (test == "test" || test == "t") => {
            let own = args.iter().take_while(|a| *a != "--").filter(|a| *a != "--no-fail-fast").cloned();
            Some(Runner::Cargo { args: own.collect() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tree_of;

    #[test]
    fn a_workspace_is_one_suite_and_its_members_none() {
        let tree =
            tree_of(&[("Cargo.toml", "[workspace]\nmembers=['a']\n"), ("a/Cargo.toml", "[package]\n")]);
        let args = vec!["--workspace".to_owned()];
        assert_eq!(
            suites(&tree),
            [Suite { dir: String::new(), runner: Runner::Cargo { args }, given: false }]
        );
        let two = tree_of(&[("x/a/Cargo.toml", ""), ("b/Cargo.toml", ""), ("b/c/Cargo.toml", "")]);
        assert_eq!(roots(&two), ["b", "x/a"]);
    }
}
