//! package.json scripts, `node --test`, jest, vitest, mocha.

use serde_json::{Map, Value};

use super::{MAX_DEPTH, script};
use crate::plan::{Runner, Script, Suite};
use crate::tree::{Tree, is_foreign, join};

/// Test files read to see whether they are written for `node:test`.
const MAX_READ: usize = 100;

/// One suite for each package with tests; the root's runner stands for packages below that use the same.
pub(super) fn suites(tree: &Tree<'_>) -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    let mut dirs: Vec<&str> = tree.dirs_with("package.json", MAX_DEPTH).collect();
    dirs.sort_unstable();
    for dir in &dirs {
        for runner in package(tree, dir) {
            let covered = suites.iter().any(|s| s.dir.is_empty() && s.runner.family() == runner.family());
            if dir.is_empty() || !covered {
                suites.push(Suite { dir: (*dir).to_owned(), runner, given: false });
            }
        }
    }
    if dirs.is_empty() && has_node_tests(tree, "") {
        suites.push(Suite { dir: String::new(), runner: plain_node(), given: false });
    }
    suites
}

/// A command of `aamas.toml` that calls a runner of JavaScript, or a script of `package.json`.
pub(super) fn given(tree: &Tree<'_>, words: &[String]) -> Option<Runner> {
    let first = words.iter().find(|w| !w.contains('='))?.as_str();
    let known = ["node", "npx", "jest", "vitest", "mocha", "c8", "nyc", "cross-env", "tsx"];
    if known.contains(&first) {
        return script::runner(words);
    }
    let asks = matches!(first, "npm" | "yarn" | "pnpm") && !words.iter().any(|w| w == "--");
    let scripts = scripts(&manifest(tree, ""));
    let name = match words.last()?.as_str() {
        "t" | "test" => "test",
        name => name,
    };
    let mut runners = asks.then(|| script::look_into(&scripts, name).runners)?;
    (runners.len() == 1).then(|| runners.remove(0))
}

/// Whether a file's name says that it holds tests.
pub(crate) fn is_test_file(path: &str) -> bool {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some((stem, ext)) = name.rsplit_once('.') else { return false };
    let code = matches!(ext, "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx");
    let in_tests = dir.split('/').any(|p| matches!(p, "test" | "tests" | "__tests__" | "spec"));
    let named = [".test", ".spec", "-test", "_test", "-spec"].iter().any(|end| stem.ends_with(end));
    code && (named || in_tests || stem == "test" || stem.starts_with("test-") || stem.starts_with("test."))
}

fn package(tree: &Tree<'_>, dir: &str) -> Vec<Runner> {
    let manifest = manifest(tree, dir);
    let scripts = scripts(&manifest);
    let name = ["test", "test:unit", "unit", "tests"].into_iter().find(|n| scripts.contains_key(*n));
    if let Some(name) = name {
        let text = scripts.get(name).and_then(Value::as_str).unwrap_or_default();
        let found = script::look_into(&scripts, name);
        if !found.runners.is_empty() {
            return found.runners;
        }
        if found.delegates && tree.dirs_with("package.json", MAX_DEPTH).count() > 1 {
            return Vec::new();
        }
        let runs_something = !found.others.is_empty() || found.delegates;
        if runs_something && !text.contains("no test specified") {
            let run = if found.lints && !found.others.is_empty() {
                found.others.join(" && ")
            } else if name == "test" {
                "npm test".to_owned()
            } else {
                format!("npm run {name}")
            };
            return vec![Runner::Command { text: run }];
        }
    }
    by_configuration(tree, dir, &manifest)
}

/// Without a script that says it: dependencies, configuration files, imports.
fn by_configuration(tree: &Tree<'_>, dir: &str, manifest: &Value) -> Vec<Runner> {
    let depends = |name: &str| {
        ["devDependencies", "dependencies"].iter().any(|table| manifest[*table].get(name).is_some())
    };
    let configured = |prefix: &str| {
        ["js", "ts", "mjs", "cjs", "mts", "json"]
            .iter()
            .any(|ext| tree.has(&join(dir, &format!("{prefix}.{ext}"))))
    };
    let script = |head: &str| Script { head: head.to_owned(), ..Script::default() };
    let has_tests = tree.paths().any(|p| below(p, dir) && is_test_file(p) && !is_foreign(p));
    if !has_tests {
        return Vec::new();
    }
    if configured("vitest.config") || depends("vitest") {
        vec![Runner::Vitest(script("vitest run"))]
    } else if configured("jest.config") || depends("jest") || manifest.get("jest").is_some() {
        vec![Runner::Jest(script("jest"))]
    } else if configured(".mocharc") || depends("mocha") {
        vec![Runner::Mocha(script("mocha"))]
    } else if has_node_tests(tree, dir) {
        vec![plain_node()]
    } else {
        Vec::new()
    }
}

fn plain_node() -> Runner {
    Runner::Node(Script { head: "node --test".to_owned(), ..Script::default() })
}

fn has_node_tests(tree: &Tree<'_>, dir: &str) -> bool {
    tree.paths()
        .filter(|p| below(p, dir) && is_test_file(p) && !is_foreign(p))
        .take(MAX_READ)
        .any(|p| tree.text(p).contains("node:test"))
}

fn below(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn manifest(tree: &Tree<'_>, dir: &str) -> Value {
    serde_json::from_str(&tree.text(&join(dir, "package.json"))).unwrap_or(Value::Null)
}

pub(super) fn scripts(manifest: &Value) -> Map<String, Value> {
    manifest["scripts"].as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tree_of;

    fn check(files: &[(&str, &str)], want: &[(&str, &str)]) {
        let found: Vec<(String, String)> =
            suites(&tree_of(files)).iter().map(|s| (s.dir.clone(), s.label())).collect();
        let want: Vec<(String, String)> =
            want.iter().map(|(d, l)| ((*d).to_owned(), (*l).to_owned())).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn scripts_come_first_then_configuration_then_imports() {
        check(&[("package.json", r#"{"scripts":{"test":"jest"}}"#)], &[("", "jest")]);
        check(&[("package.json", r#"{"scripts":{"test":"ava"}}"#)], &[("", "npm test")]);
        check(&[("package.json", r#"{"scripts":{"test":"xo && ava"}}"#)], &[("", "ava")]);
        check(
            &[("package.json", r#"{"devDependencies":{"vitest":"1"}}"#), ("src/a.test.ts", "")],
            &[("", "vitest")],
        );
        check(
            &[
                ("package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#),
                ("test/a.js", "import test from 'node:test'"),
            ],
            &[("", "node --test")],
        );
        check(&[("a.test.mjs", "import test from 'node:test'")], &[("", "node --test")]);
        check(
            &[("package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#)],
            &[],
        );
        check(&[("package.json", "not json")], &[]);
    }

    #[test]
    fn packages_of_a_monorepo_are_suites() {
        check(
            &[
                (
                    "package.json",
                    r#"{"scripts":{"test":"npm test --workspaces"},"workspaces":["packages/*"]}"#,
                ),
                ("packages/a/package.json", r#"{"scripts":{"test":"vitest"}}"#),
                ("packages/b/package.json", r#"{"scripts":{"test":"mocha"}}"#),
                ("node_modules/c/package.json", r#"{"scripts":{"test":"mocha"}}"#),
            ],
            &[("packages/a", "vitest in packages/a"), ("packages/b", "mocha in packages/b")],
        );
    }
}
