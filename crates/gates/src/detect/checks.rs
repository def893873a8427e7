//! Builds, linters and formatters: only those that the repository configures itself.

use super::{MAX_DEPTH, javascript, rust};
use crate::plan::{Check, Reading};
use crate::tree::{Tree, is_foreign, join};

/// Compiles every Python file in memory; writes nothing.
const COMPILE_PYTHON: &str = include_str!("../runners/compile.py");

pub(super) fn build(tree: &Tree<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    if tree.paths().any(|p| p.ends_with(".py") && !is_foreign(p)) {
        let mut check = tool("python compile", "", "python3", "python3 -", Reading::Places);
        check.stdin = COMPILE_PYTHON.to_owned();
        checks.push(check);
    }
    for dir in tree.dirs_with("tsconfig.json", MAX_DEPTH) {
        checks.push(tool("tsc", dir, "tsc", "tsc --noEmit --pretty false", Reading::Places));
    }
    for dir in tree.dirs_with("package.json", MAX_DEPTH) {
        let builds = javascript::scripts(&javascript::manifest(tree, dir)).contains_key("build");
        if builds && !tree.has(&join(dir, "tsconfig.json")) && has_dependencies(tree, dir) {
            checks.push(tool("npm run build", dir, "npm", "npm run build", Reading::Places));
        }
    }
    for dir in rust::roots(tree) {
        let scope = rust::scope(tree, dir).join(" ");
        let command = format!("cargo check --all-targets {scope} --message-format=short");
        checks.push(cargo("cargo check", dir, &command, Reading::Errors));
    }
    checks
}

pub(super) fn lint(tree: &Tree<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for dir in python_dirs(tree) {
        if configures(tree, dir, &["ruff.toml", ".ruff.toml"], "[tool.ruff") {
            checks.push(tool(
                "ruff check",
                dir,
                "ruff",
                "ruff check --no-cache --output-format concise .",
                Reading::Places,
            ));
        }
        let has = |file: &str, section: &str| tree.text(&join(dir, file)).contains(section);
        if tree.has(&join(dir, ".flake8")) || has("setup.cfg", "[flake8]") || has("tox.ini", "[flake8]") {
            checks.push(tool("flake8", dir, "flake8", "flake8 .", Reading::Places));
        }
        if configures(tree, dir, &[".pylintrc", "pylintrc"], "[tool.pylint") {
            let command = "pylint --recursive=y --persistent=n --score=n --output-format=parseable .";
            checks.push(tool("pylint", dir, "pylint", command, Reading::Places));
        }
    }
    for dir in tree.dirs_with("package.json", MAX_DEPTH) {
        if uses_eslint(tree, dir) {
            checks.push(tool("eslint", dir, "eslint", "eslint --format json .", Reading::Eslint));
        }
    }
    for dir in rust::roots(tree) {
        let manifest = tree.text(&join(dir, "Cargo.toml"));
        let own = ["clippy.toml", ".clippy.toml"].iter().any(|f| tree.has(&join(dir, f)));
        if own || manifest.contains("lints.clippy") || ci_mentions(tree, "cargo clippy") {
            let scope = rust::scope(tree, dir).join(" ");
            let command = format!("cargo clippy --all-targets {scope} --message-format=short");
            checks.push(cargo("cargo clippy", dir, &command, Reading::Places));
        }
    }
    checks
}

pub(super) fn format(tree: &Tree<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for dir in python_dirs(tree) {
        let project = tree.text(&join(dir, "pyproject.toml"));
        let hooks = tree.text(&join(dir, ".pre-commit-config.yaml"));
        if project.contains("[tool.ruff.format]") || hooks.contains("id: ruff-format") {
            checks.push(tool("ruff format", dir, "ruff", "ruff format --no-cache --check .", Reading::Paths));
        } else if project.contains("[tool.black]") || hooks.contains("id: black") {
            checks.push(tool("black", dir, "black", "black --check .", Reading::Paths));
        }
    }
    for dir in tree.dirs_with("package.json", MAX_DEPTH) {
        let names = [
            ".prettierrc",
            ".prettierrc.json",
            ".prettierrc.js",
            ".prettierrc.cjs",
            ".prettierrc.yaml",
            ".prettierrc.yml",
            ".prettierrc.toml",
            "prettier.config.js",
            "prettier.config.mjs",
            "prettier.config.cjs",
        ];
        let named = names.iter().any(|f| tree.has(&join(dir, f)));
        if named || !javascript::manifest(tree, dir)["prettier"].is_null() {
            checks.push(tool("prettier", dir, "prettier", "prettier --list-different .", Reading::Paths));
        }
    }
    for dir in rust::roots(tree) {
        let own = ["rustfmt.toml", ".rustfmt.toml"].iter().any(|f| tree.has(&join(dir, f)));
        if own || ci_mentions(tree, "cargo fmt") {
            checks.push(cargo("cargo fmt", dir, "cargo fmt --all --check -- -l", Reading::Paths));
        }
    }
    checks
}

fn tool(name: &str, dir: &str, program: &str, command: &str, reading: Reading) -> Check {
    Check {
        name: if dir.is_empty() { name.to_owned() } else { format!("{name} in {dir}") },
        dir: dir.to_owned(),
        probe: format!("command -v {program} >/dev/null"),
        command: command.to_owned(),
        stdin: String::new(),
        reading,
    }
}

fn cargo(name: &str, dir: &str, command: &str, reading: Reading) -> Check {
    let part = match name {
        "cargo clippy" => "cargo clippy --version",
        "cargo fmt" => "cargo fmt --version",
        _ => "cargo --version",
    };
    Check { probe: format!("{part} >/dev/null 2>&1"), ..tool(name, dir, "cargo", command, reading) }
}

/// Directories that may configure Python tools: the root and those with a project file.
fn python_dirs<'t>(tree: &'t Tree<'_>) -> Vec<&'t str> {
    let mut dirs: Vec<&str> = std::iter::once("")
        .chain(
            ["pyproject.toml", "setup.cfg", "ruff.toml", ".flake8"]
                .into_iter()
                .flat_map(|f| tree.dirs_with(f, MAX_DEPTH)),
        )
        .collect();
    dirs.sort_unstable();
    dirs.dedup();
    dirs
}

fn configures(tree: &Tree<'_>, dir: &str, files: &[&str], section: &str) -> bool {
    files.iter().any(|f| tree.has(&join(dir, f))) || tree.text(&join(dir, "pyproject.toml")).contains(section)
}

fn uses_eslint(tree: &Tree<'_>, dir: &str) -> bool {
    let names = [
        "eslint.config.js",
        "eslint.config.mjs",
        "eslint.config.cjs",
        "eslint.config.ts",
        ".eslintrc",
        ".eslintrc.js",
        ".eslintrc.cjs",
        ".eslintrc.json",
        ".eslintrc.yml",
        ".eslintrc.yaml",
    ];
    names.iter().any(|f| tree.has(&join(dir, f)))
        || !javascript::manifest(tree, dir)["eslintConfig"].is_null()
}

fn has_dependencies(tree: &Tree<'_>, dir: &str) -> bool {
    let manifest = javascript::manifest(tree, dir);
    ["dependencies", "devDependencies"]
        .iter()
        .any(|t| manifest[*t].as_object().is_some_and(|d| !d.is_empty()))
}

fn ci_mentions(tree: &Tree<'_>, command: &str) -> bool {
    tree.paths()
        .filter(|p| {
            p.starts_with(".github/workflows/")
                || *p == ".gitlab-ci.yml"
                || *p == "Makefile"
                || *p == "justfile"
        })
        .take(50)
        .any(|p| tree.text(p).contains(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tree_of;

    fn names(checks: &[Check]) -> Vec<&str> {
        checks.iter().map(|c| c.name.as_str()).collect()
    }

    #[test]
    fn only_what_the_repository_configures_is_run() {
        let bare = tree_of(&[("a.py", ""), ("Cargo.toml", "[package]"), ("package.json", "{}")]);
        assert_eq!(
            (names(&build(&bare)), names(&lint(&bare)), names(&format(&bare))),
            (vec!["python compile", "cargo check"], vec![], vec![])
        );
        let full = tree_of(&[
            ("a.py", ""),
            ("pyproject.toml", "[tool.ruff]\n[tool.black]\n"),
            ("setup.cfg", "[flake8]\n"),
            (
                "web/package.json",
                r#"{"eslintConfig":{},"scripts":{"build":"x"},"devDependencies":{"x":"1"}}"#,
            ),
            ("web/.prettierrc", "{}"),
            ("core/Cargo.toml", "[workspace]\n[workspace.lints.clippy]\n"),
            ("core/rustfmt.toml", ""),
        ]);
        assert_eq!(names(&build(&full)), ["python compile", "npm run build in web", "cargo check in core"]);
        assert_eq!(names(&lint(&full)), ["ruff check", "flake8", "eslint in web", "cargo clippy in core"]);
        assert_eq!(names(&format(&full)), ["black", "prettier in web", "cargo fmt in core"]);
    }
}
