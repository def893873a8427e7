//! Paths whose changes are delivered only with a person's approval: they steer CI, hooks, agents and dependencies, so
//! a change there acts outside the sandbox once it is merged.

use std::collections::BTreeSet;

/// Files, by their whole path or (without a slash) by their name anywhere.
const FILES: &[&str] = &[
    ".gitlab-ci.yml",
    ".travis.yml",
    ".drone.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "jenkinsfile",
    "appveyor.yml",
    "cloudbuild.yaml",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    ".gitmodules",
    ".gitattributes",
    "agents.md",
    "claude.md",
    "gemini.md",
    "copilot-instructions.md",
    ".cursorrules",
    ".mcp.json",
    "aamas.toml",
    "codeowners",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lockb",
    "cargo.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "pipfile.lock",
    "go.sum",
    "gemfile.lock",
    "composer.lock",
    "flake.lock",
    ".npmrc",
    ".yarnrc.yml",
    ".envrc",
];

/// Directories, anywhere in the path.
const DIRECTORIES: &[&str] = &[
    ".github",
    ".gitlab",
    ".circleci",
    ".buildkite",
    ".husky",
    ".githooks",
    ".aamas",
    ".claude",
    ".cursor",
    ".codex",
    ".gemini",
    ".vscode",
    ".devcontainer",
    ".cargo",
];

/// Those of `paths` that are protected, in order. Case does not matter: on some file systems it does not.
pub fn protected<'a>(paths: impl IntoIterator<Item = &'a str>, more: &[String]) -> Vec<String> {
    let found: BTreeSet<_> = paths.into_iter().filter(|p| is_protected(p, more)).map(str::to_owned).collect();
    found.into_iter().collect()
}

fn is_protected(path: &str, more: &[String]) -> bool {
    let path = path.to_lowercase();
    let mut parts: Vec<_> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    FILES.contains(&name)
        || parts.iter().any(|d| DIRECTORIES.contains(d))
        || more.iter().any(|glob| {
            globset::Glob::new(&glob.to_lowercase()).is_ok_and(|g| g.compile_matcher().is_match(&path))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_outside_is_protected_however_it_is_spelled() {
        let paths = [
            ".GitHub/workflows/ci.yml",
            "web/package-lock.json",
            "src/main.rs",
            "sub/AGENTS.md",
            "x/.github",
        ];
        assert_eq!(
            protected(paths, &[]),
            [".GitHub/workflows/ci.yml", "sub/AGENTS.md", "web/package-lock.json"]
        );
        assert_eq!(protected(["deploy/prod.yml"], &["deploy/**".to_owned()]), ["deploy/prod.yml"]);
    }
}
