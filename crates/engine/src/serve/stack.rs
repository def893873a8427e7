//! What a repository is written in: by its manifests, and by what most of its files are.

use std::collections::BTreeMap;

use sandbox::SandboxError;
use sandbox::objects::{Mode, Objects, Oid};

/// Files that are looked at; a larger repository shows its languages in its first ones.
const MAX_FILES: usize = 20_000;
/// Directories that hold what others wrote.
const FOREIGN: &[&str] = &["node_modules", "vendor", "third_party", "dist", "target", ".venv"];
/// A language of fewer of the source files is not what the repository is written in.
const LEAST_PERCENT: usize = 10;
/// Largest manifest that is read for frameworks, in bytes.
const MAX_MANIFEST: usize = 1 << 20;
/// Manifest, and the language that it is one of.
const MANIFESTS: &[(&str, &str)] = &[
    ("Cargo.toml", "rust"),
    ("go.mod", "go"),
    ("pyproject.toml", "python"),
    ("setup.py", "python"),
    ("setup.cfg", "python"),
    ("requirements.txt", "python"),
    ("tsconfig.json", "typescript"),
    ("package.json", "javascript"),
    ("pom.xml", "java"),
    ("build.gradle", "java"),
    ("build.gradle.kts", "kotlin"),
    ("Gemfile", "ruby"),
    ("composer.json", "php"),
    ("mix.exs", "elixir"),
    ("Package.swift", "swift"),
    ("CMakeLists.txt", "c++"),
    ("Dockerfile", "docker"),
];
const EXTENSIONS: &[(&str, &str)] = &[
    ("py", "python"),
    ("js", "javascript"),
    ("mjs", "javascript"),
    ("jsx", "javascript"),
    ("ts", "typescript"),
    ("tsx", "typescript"),
    ("rs", "rust"),
    ("go", "go"),
    ("java", "java"),
    ("kt", "kotlin"),
    ("rb", "ruby"),
    ("php", "php"),
    ("cs", "c#"),
    ("c", "c"),
    ("cc", "c++"),
    ("cpp", "c++"),
    ("swift", "swift"),
    ("ex", "elixir"),
    ("svelte", "svelte"),
    ("vue", "vue"),
    ("sh", "shell"),
];
/// A dependency as manifests write it, and the framework that it is.
const FRAMEWORKS: &[(&str, &str)] = &[
    ("\"react\"", "react"),
    ("\"next\"", "next.js"),
    ("\"vue\"", "vue"),
    ("\"svelte\"", "svelte"),
    ("\"express\"", "express"),
    ("\"@angular/core\"", "angular"),
    ("django", "django"),
    ("flask", "flask"),
    ("fastapi", "fastapi"),
    ("axum", "axum"),
    ("actix-web", "actix"),
    ("spring-boot", "spring boot"),
    ("gin-gonic/gin", "gin"),
    ("rails", "rails"),
    ("laravel/framework", "laravel"),
];

/// Languages and frameworks of a tree: those of manifests at its top or one level below, then languages by their share
/// of the files, each once.
pub(super) fn of_tree(objects: &Objects, tree: Oid) -> Result<Vec<String>, SandboxError> {
    let mut found = Found::default();
    let mut pending = vec![(0usize, tree)];
    while let Some((depth, tree)) = pending.pop() {
        for entry in objects.tree(tree)? {
            let name = String::from_utf8_lossy(&entry.name).into_owned();
            match entry.mode {
                Mode::Tree if !FOREIGN.contains(&name.as_str()) => pending.push((depth + 1, entry.id)),
                Mode::File | Mode::Executable if found.files < MAX_FILES => {
                    let manifest = depth < 2 && found.note(&name);
                    if manifest && objects.size(entry.id)?.is_some_and(|size| size <= MAX_MANIFEST as u64) {
                        found.read(&String::from_utf8_lossy(&objects.blob(entry.id)?));
                    }
                    if depth >= 2 {
                        found.note(&name);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(found.stack())
}

#[derive(Default)]
struct Found {
    files: usize,
    manifests: Vec<&'static str>,
    frameworks: Vec<&'static str>,
    sources: BTreeMap<&'static str, usize>,
}

impl Found {
    /// Counts a file; whether it is a manifest.
    fn note(&mut self, name: &str) -> bool {
        self.files += 1;
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
        if let Some((_, language)) = EXTENSIONS.iter().find(|(e, _)| *e == extension) {
            *self.sources.entry(language).or_default() += 1;
        }
        let manifest = MANIFESTS.iter().find(|(n, _)| *n == name);
        self.manifests.extend(manifest.map(|(_, language)| *language));
        manifest.is_some()
    }

    fn read(&mut self, manifest: &str) {
        let text = manifest.to_lowercase();
        self.frameworks
            .extend(FRAMEWORKS.iter().filter(|(sign, _)| text.contains(sign)).map(|(_, name)| *name));
    }

    fn stack(&self) -> Vec<String> {
        let all: usize = self.sources.values().sum();
        let mut by_share: Vec<_> =
            self.sources.iter().filter(|(_, n)| **n * 100 >= all * LEAST_PERCENT).collect();
        by_share.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), **name));
        // A manifest of packages alone does not make a language of a repository that has none of its files.
        let written =
            |name: &&&str| **name != "javascript" || self.sources.contains_key("javascript") || all == 0;
        let mut stack: Vec<String> = Vec::new();
        let names = self.manifests.iter().filter(written).chain(by_share.into_iter().map(|(name, _)| name));
        for name in names.chain(&self.frameworks) {
            if !stack.iter().any(|known| known == name) {
                stack.push((*name).to_owned());
            }
        }
        stack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_come_before_what_most_files_are() {
        let stack = |files: &[(&str, usize)], manifest: &str| {
            let mut found = Found::default();
            for (name, times) in files {
                for _ in 0..*times {
                    found.note(name);
                }
            }
            found.read(manifest);
            found.stack()
        };
        let cases = [
            (
                stack(&[("Cargo.toml", 1), ("main.rs", 20), ("build.sh", 1)], "axum = \"0.8\""),
                vec!["rust", "axum"],
            ),
            (
                stack(&[("package.json", 1), ("tsconfig.json", 1), ("a.ts", 5)], "{\"react\": 1}"),
                vec!["typescript", "react"],
            ),
            (stack(&[("a.py", 3), ("b.go", 3)], ""), vec!["go", "python"]),
            (stack(&[("README.md", 3)], ""), vec![]),
        ];
        for (stack, want) in cases {
            assert_eq!(stack, want);
        }
    }
}
