//! The house rules that a machine can check, read from the tree itself.
//!
//! Each test collects everything that breaks its rule and shows all of it at once. A rule that must bend has an
//! allow table beside it; an entry there names its reason.

#![expect(clippy::disallowed_methods, reason = "asks cargo about the workspace")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates a crate may use. Lowest first: an arrow can only point to a line above.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("code", &[]),
    // what is outside of the server: it knows the API by its description alone
    ("client", &[]),
    ("store", &["domain"]),
    ("evidence", &["domain"]),
    ("auth", &["domain"]),
    ("governance", &["domain"]),
    ("insights", &["domain", "store"]),
    ("app", &["domain", "store", "auth", "governance", "insights"]),
    ("api", &["domain", "app", "auth"]),
    ("sandbox", &["domain"]),
    ("models", &["domain"]),
    ("integrations", &["domain"]),
    ("tools", &["domain", "code", "sandbox"]),
    ("gates", &["domain", "code", "sandbox"]),
    ("repair", &["domain", "code", "sandbox"]),
    ("acp", &["domain", "sandbox"]),
    ("agents", &["domain", "models", "tools"]),
    (
        "engine",
        &[
            "domain", "code", "store", "app", "sandbox", "models", "tools", "gates", "repair", "acp",
            "agents", "evidence",
        ],
    ),
    (
        "aamas",
        &[
            "domain",
            "code",
            "store",
            "app",
            "sandbox",
            "models",
            "tools",
            "gates",
            "repair",
            "acp",
            "agents",
            "evidence",
            "integrations",
            "auth",
            "governance",
            "api",
            "engine",
            "client",
        ],
    ),
    // tests only: any crate may use it in its own tests, none in what is shipped
    ("testkit", &["domain", "code", "store", "sandbox", "models"]),
    ("benches", &["domain", "store", "app", "models", "agents", "testkit"]),
];

/// Third-party crates that come in through named crates only (tests may use anyhow and tokio anywhere).
const DOORS: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("postgres", &["store"]),
    ("tokio-postgres", &["store"]),
    ("axum", &["api"]),
    ("async-graphql", &["api"]),
    ("utoipa", &["app", "api"]),
    ("cedar-policy", &["auth"]),
    ("reqwest", &["models", "integrations", "client"]),
    ("gix", &["sandbox"]),
    ("landlock", &["sandbox"]),
    ("seccompiler", &["sandbox"]),
    ("clap", &["aamas"]),
    ("clap_complete", &["aamas"]),
    ("directories", &["aamas"]),
    ("indicatif", &["aamas"]),
    ("anyhow", &["aamas", "testkit", "benches"]),
    (
        "tokio",
        &[
            "store",
            "app",
            "sandbox",
            "models",
            "integrations",
            "gates",
            "repair",
            "acp",
            "engine",
            "api",
            "aamas",
            "testkit",
            "benches",
        ],
    ),
];

/// What must not be compiled into anything: one TLS provider, rustls on aws-lc-rs.
const BANNED: &[&str] = &["ring", "openssl-sys", "native-tls"];

/// The rows of docs/features.md.
const FEATURES: &[&str] = &[
    "J1", "J2", "J3", "J4", "J5", "J6", "J7", "J8", "O1", "O2", "O3", "O4", "O5", "O6", "O7", "O8", "O9",
    "O10", "O11", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "A1", "A2", "A3", "A4", "G1", "G2", "G3", "G4",
    "G5", "G6", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "I1", "I2", "I3", "I4", "I5", "I6", "I7", "S1",
    "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9",
    "P10", "P11", "B1", "B2", "B3", "B4", "B5",
];

/// Longest file that still holds one idea.
const MAX_LINES: usize = 700;

/// Files that may be longer: path, reason.
const LONG_FILES: &[(&str, &str)] =
    &[("crates/client/src/generated.rs", "written by a program: one function for each operation of the API")];

/// Places that may name a directory of a host: path, reason.
const HOST_PATHS: &[(&str, &str)] = &[
    ("crates/sandbox/src/launcher/mod.rs", "the home directory inside the sandbox"),
    ("crates/sandbox/src/launcher/sources.rs", "the password file inside the sandbox"),
    ("crates/sandbox/src/masks.rs", "a home directory made up for a test"),
    ("crates/sandbox/src/toolchains.rs", "directories that are never made readable whole"),
    ("crates/sandbox/tests/it/hostile/canary.rs", "where canaries are looked for"),
    ("crates/sandbox/tests/it/hostile/files.rs", "what hostile commands try to read"),
    ("crates/sandbox/tests/it/session.rs", "home directories inside the sandbox"),
];

#[test]
fn arrows_between_crates_point_only_downwards() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (place, (name, uses)) in ARROWS.iter().enumerate() {
        let above = |used: &str| ARROWS[..place].iter().any(|(other, _)| *other == used);
        wrong.extend(uses.iter().filter(|used| !above(used)).map(|used| format!("table: {name} -> {used}")));
    }
    let members = members();
    for member in &members {
        let Some(uses) = allowed.get(member.name.as_str()) else {
            wrong.push(format!("{} is not in the table of arrows", member.name));
            continue;
        };
        for used in member.dependencies.iter().filter(|d| members.iter().any(|m| m.name == d.name)) {
            // Tests may make rows by hand, and use the harnesses.
            let for_tests = used.dev && ["testkit", "store"].contains(&used.name.as_str());
            if !for_tests && !uses.contains(&used.name.as_str()) {
                wrong.push(format!("{} -> {}", member.name, used.name));
            }
        }
    }
    none(&wrong, "an arrow that DESIGN and ARCHITECTURE.md do not allow");
}

#[test]
fn third_party_crates_come_in_through_their_doors() {
    let mut wrong = Vec::new();
    for member in members() {
        for used in &member.dependencies {
            let Some((_, doors)) = DOORS.iter().find(|(name, _)| *name == used.name) else { continue };
            let in_tests = used.dev && ["anyhow", "tokio"].contains(&used.name.as_str());
            if !in_tests && !doors.contains(&member.name.as_str()) {
                wrong.push(format!("{} uses {}", member.name, used.name));
            }
        }
    }
    none(&wrong, "a dependency beside its door");
}

#[test]
fn nothing_banned_is_compiled() {
    let tree = cargo(&["tree", "--workspace", "--locked", "--offline", "--edges", "all", "--prefix", "none"]);
    let compiled: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(compiled.contains("rustls"), "cargo tree printed something else: {tree:.200}");
    let wrong: Vec<_> =
        BANNED.iter().filter(|name| compiled.contains(*name)).map(ToString::to_string).collect();
    none(&wrong, "a banned crate in the build");
}

#[test]
fn every_crate_has_a_readme_lints_and_workspace_dependencies() {
    let mut wrong = Vec::new();
    for member in members() {
        let readme = std::fs::read_to_string(member.dir.join("README.md")).unwrap_or_default();
        let last =
            readme.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_lowercase();
        if !last.contains("never") {
            wrong.push(format!(
                "{}: the last line of README.md must say what must never be in it",
                member.name
            ));
        }
        let manifest = read(&member.dir.join("Cargo.toml"));
        if !manifest.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{}: Cargo.toml lacks [lints] workspace = true", member.name));
        }
        for line in dependency_lines(&manifest).filter(|line| !line.contains(".workspace = true")) {
            wrong.push(format!("{}: `{line}` belongs into the workspace table", member.name));
        }
    }
    none(&wrong, "a crate out of order");
}

#[test]
fn nothing_is_left_to_do_and_no_test_is_ignored_or_sleeps() {
    // put together here, so that this file does not name them itself
    let everywhere = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!(")];
    // At the start of a line: the gates look for the same words in other people's tests.
    let ignored = concat!("#[ign", "ore");
    let sleep = concat!("thread::", "sleep");
    let mut wrong = Vec::new();
    for (path, text) in files(&["rs"]) {
        let tests = if path.contains("/tests/") {
            &text
        } else {
            text.split_once("#[cfg(test)]").map_or("", |t| t.1)
        };
        wrong.extend(
            everywhere.iter().filter(|word| text.contains(*word)).map(|word| format!("{path}: {word}")),
        );
        if text.lines().any(|line| line.trim_start().starts_with(ignored)) {
            wrong.push(format!("{path}: {ignored}"));
        }
        if tests.contains(sleep) {
            wrong.push(format!("{path}: a test waits for an event, not for time"));
        }
    }
    none(&wrong, "unfinished work");
}

#[test]
fn sql_stands_only_in_the_store() {
    let words = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE", "PRAGMA ", "BEGIN IMMEDIATE"];
    let mut wrong = Vec::new();
    for (path, text) in files(&["rs"]) {
        // What tests do to a database around the store is written in one place.
        let is_harness = path.starts_with("crates/testkit/src/postgres");
        if path.starts_with("crates/store/") || path.ends_with("/tidy.rs") || is_harness {
            continue;
        }
        wrong.extend(words.iter().filter(|word| text.contains(*word)).map(|word| format!("{path}: {word}")));
    }
    none(&wrong, "SQL outside crates/store");
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for (path, text) in files(&["md"]) {
        let folder = root().join(&path).parent().expect("a file has a folder").to_owned();
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains(':') && !folder.join(file).exists() {
                wrong.push(format!("{path}: {target}"));
            }
        }
    }
    none(&wrong, "a dead link");
}

#[test]
fn the_table_of_features_is_whole_and_names_real_tests() {
    let table = read(&root().join("docs/features.md"));
    let sources: String = files(&["rs"]).into_iter().map(|(_, text)| text).collect();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| id "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut wrong = Vec::new();
    for id in FEATURES {
        let count = rows.iter().filter(|row| row[0] == *id).count();
        if count != 1 {
            wrong.push(format!("{id} stands there {count} times"));
        }
    }
    for row in &rows {
        let [id, _, state, _, proof, missing] = row[..] else {
            wrong.push(format!("{}: a row has six columns", row[0]));
            continue;
        };
        match state {
            "done" if proof.is_empty() => wrong.push(format!("{id} is done, but by which test?")),
            "partly" | "not yet" if missing.is_empty() => wrong.push(format!("{id}: what is missing?")),
            "done" | "partly" | "not yet" => {}
            other => wrong.push(format!("{id}: no state is called {other:?}")),
        }
        wrong.extend(
            code_words(proof)
                .filter(|name| !names_something(name, &sources))
                .map(|name| format!("{id}: neither a file nor a test function is called {name}")),
        );
    }
    none(&wrong, "docs/features.md out of order");
}

#[test]
fn files_hold_one_idea() {
    let mut wrong = Vec::new();
    for (path, text) in files(&["rs", "py", ""]) {
        let lines = text.lines().count();
        if lines > MAX_LINES && path != "LICENSE" && !LONG_FILES.iter().any(|(long, _)| *long == path) {
            wrong.push(format!("{path}: {lines} lines"));
        }
    }
    none(&wrong, "a file longer than 700 lines (cut it by idea, or add it to the table with the reason)");
}

#[test]
fn decisions_are_numbered_once_and_listed() {
    let index = read(&root().join("docs/adr/README.md"));
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (path, _) in files(&["md"]) {
        let Some(name) = path.strip_prefix("docs/adr/").filter(|name| *name != "README.md") else { continue };
        let number = name.split('-').next().unwrap_or_default();
        if number.len() != 4 || number.parse::<u16>().is_err() {
            wrong.push(format!("{path}: the name is not NNNN-title.md"));
        }
        if !seen.insert(number.to_owned()) {
            wrong.push(format!("{path}: the number is taken"));
        }
        if !index.contains(&format!("({name})")) {
            wrong.push(format!("{path}: not in docs/adr/README.md"));
        }
    }
    none(&wrong, "a decision out of order");
}

#[test]
fn no_file_names_a_directory_of_one_machine() {
    let homes = [concat!("/ro", "ot"), concat!("/ho", "me/")];
    let mut wrong = Vec::new();
    for (path, text) in files(&["rs", "md", "toml", "py", "json", "yml", "yaml", ""]) {
        if HOST_PATHS.iter().any(|(allowed, _)| *allowed == path) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if homes.iter().any(|home| names_path(line, home)) {
                wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(&wrong, "a path of somebody's machine");
}

/// Fails with the whole list.
fn none(wrong: &[String], what: &str) {
    assert!(wrong.is_empty(), "{} x {what}:\n  {}", wrong.len(), wrong.join("\n  "));
}

/// Top of the clone.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("crates/testkit is two levels down").to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What cargo prints for these arguments.
fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(program).args(arguments).current_dir(root()).output().expect("cargo starts");
    assert!(out.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("cargo prints UTF-8")
}

/// A crate of ours.
struct Member {
    name: String,
    dir: PathBuf,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    dev: bool,
}

fn members() -> Vec<Member> {
    let text = cargo(&["metadata", "--no-deps", "--locked", "--offline", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo prints JSON");
    let dependency = |d: &Value| Dependency { name: string(&d["name"]), dev: d["kind"] == "dev" };
    let member = |p: &Value| Member {
        name: string(&p["name"]),
        dir: Path::new(&string(&p["manifest_path"])).parent().expect("a manifest has a folder").to_owned(),
        dependencies: p["dependencies"].as_array().expect("a list").iter().map(dependency).collect(),
    };
    metadata["packages"].as_array().expect("a list").iter().map(member).collect()
}

fn string(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// Every text file of the tree with one of these extensions ("" for none), by its path from the top.
fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let entry = entry.expect("a readable folder");
            let (path, kind) = (entry.path(), entry.file_type().expect("a file type"));
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir()
                && !["target", "node_modules", ".git", ".venv", "__pycache__"].contains(&name.as_str())
            {
                folders.push(path);
            } else if kind.is_file() && extensions.contains(&extension(&name)) {
                let Ok(text) = std::fs::read_to_string(&path) else { continue };
                let from_top =
                    path.strip_prefix(root()).expect("below the top").to_string_lossy().into_owned();
                found.push((from_top, text));
            }
        }
    }
    found.sort();
    found
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or("", |(_, extension)| extension)
}

/// The lines of a manifest's dependency tables.
fn dependency_lines(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter(move |line| {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
            return false;
        }
        inside && !line.trim().is_empty() && !line.starts_with('#')
    })
}

/// Targets of `[text](target)`, outside of code blocks.
fn links(text: &str) -> Vec<&str> {
    let mut inside_code = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside_code = !inside_code;
        }
        if !inside_code {
            targets.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        }
    }
    targets
}

/// What stands between backticks.
fn code_words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether a proof is real: a path of the tree, or the name of a function (its last part).
fn names_something(name: &str, sources: &str) -> bool {
    let function = name.rsplit("::").next().unwrap_or(name);
    root().join(name).exists() || sources.contains(&format!("fn {function}("))
}

/// Whether `line` names the path `home` itself or something below it, and not merely a path that contains it.
fn names_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + home.len()..].chars().next();
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !"_.-*}>)]".contains(c));
        let ends = home.ends_with('/') || after.is_none_or(|c| !c.is_alphanumeric() && !"_-".contains(c));
        begins && ends
    })
}

#[test]
fn the_checks_themselves_see_what_they_look_for() {
    assert_eq!(links("a [b](c.md#d) and [e](f)\n```\n[g](h)\n```"), ["c.md#d", "f"]);
    assert_eq!(code_words("`a` and `b::c`").collect::<Vec<_>>(), ["a", "b::c"]);
    let home = concat!("/ro", "ot");
    assert!(names_path(&format!("cd {home}"), home) && names_path(&format!("\"{home}/x\""), home));
    assert!(!names_path(&format!("/proc/self{home}"), home) && !names_path(&format!("{home}s"), home));
    assert_eq!(extension(".gitignore"), "");
    assert_eq!(extension("a.b.rs"), "rs");
    assert_eq!(
        dependency_lines("[dependencies]\na = 1\n\n[features]\nb = []").collect::<Vec<_>>(),
        ["a = 1"]
    );
}
