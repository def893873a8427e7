//! What a task is taken for before it begins: kind, effort with an interval, risk, and what it takes to do it. By its
//! words and by what became of earlier tasks; the run's own analysis knows the repository and comes later.

use domain::{Hours, TaskKind};

use crate::records::Estimate;

/// The part of earlier tasks that the interval should hold: eight of ten.
const COVERED: f64 = 0.8;
/// Earlier tasks of a kind from which on they alone decide.
const ENOUGH: usize = 10;

/// Hours by kind where nothing was learned yet: middle, low, high. A guess, said to be one.
const GUESSES: [(TaskKind, [f64; 3]); 6] = [
    (TaskKind::Feature, [1.0, 0.2, 5.0]),
    (TaskKind::Fix, [0.5, 0.1, 3.0]),
    (TaskKind::Refactor, [0.8, 0.2, 4.0]),
    (TaskKind::Test, [0.4, 0.1, 2.0]),
    (TaskKind::Docs, [0.2, 0.05, 1.0]),
    (TaskKind::Chore, [0.3, 0.05, 2.0]),
];

/// Words that name a kind, the most telling first.
const KIND_WORDS: [(TaskKind, &[&str]); 5] = [
    (
        TaskKind::Fix,
        &["fix", "bug", "broken", "crash", "error", "fails", "failing", "regression", "wrong", "repair"],
    ),
    (TaskKind::Docs, &["docs", "document", "documentation", "readme", "docstring", "changelog", "typo"]),
    (TaskKind::Test, &["test", "tests", "coverage"]),
    (
        TaskKind::Refactor,
        &["refactor", "rename", "restructure", "simplify", "clean", "cleanup", "extract", "move"],
    ),
    (
        TaskKind::Chore,
        &["upgrade", "bump", "dependency", "dependencies", "release", "configure", "ci", "lint", "format"],
    ),
];

/// Capabilities of agents, and the words of a task that ask for them. The names are those of the specializations.
const CAPABILITY_WORDS: [(&str, &[&str]); 8] = [
    (
        "frontend",
        &[
            "frontend",
            "ui",
            "css",
            "html",
            "react",
            "svelte",
            "vue",
            "component",
            "page",
            "button",
            "dashboard",
        ],
    ),
    ("backend", &["backend", "api", "server", "endpoint", "rest", "graphql", "handler", "service", "route"]),
    ("data", &["data", "sql", "database", "query", "migration", "schema", "etl", "pipeline", "pandas"]),
    (
        "devops",
        &["devops", "docker", "kubernetes", "helm", "ci", "deploy", "deployment", "terraform", "workflow"],
    ),
    ("mobile", &["mobile", "android", "ios", "swift", "kotlin", "flutter"]),
    ("qa", &["test", "tests", "coverage", "flaky", "qa"]),
    (
        "security",
        &[
            "security",
            "vulnerability",
            "cve",
            "auth",
            "authentication",
            "password",
            "token",
            "xss",
            "injection",
            "encrypt",
        ],
    ),
    ("docs", &["docs", "document", "documentation", "readme", "docstring", "changelog", "typo"]),
];

/// Words of work whose mistakes cost more.
const RISKY: [(&str, &[&str]); 4] = [
    (
        "touches who may do what",
        &["auth", "authentication", "authorization", "permission", "password", "token", "login"],
    ),
    ("touches stored data", &["migration", "schema", "database", "delete", "drop"]),
    ("touches money", &["payment", "invoice", "billing", "price"]),
    (
        "touches how it is built or deployed",
        &["deploy", "deployment", "release", "ci", "workflow", "docker", "kubernetes"],
    ),
];

/// The kind of a task by its words; a feature unless they say something else.
#[must_use]
pub fn kind_of(text: &str) -> TaskKind {
    let words = words(text);
    // The first telling word decides: "fix the docs" is a fix, "document the fix" is not.
    words
        .iter()
        .find_map(|word| {
            KIND_WORDS.iter().find(|(_, known)| known.contains(&word.as_str())).map(|(kind, _)| *kind)
        })
        .unwrap_or(TaskKind::Feature)
}

/// Whether a word names one of the fields that tasks are taken for.
#[must_use]
pub fn is_field(word: &str) -> bool {
    CAPABILITY_WORDS.iter().any(|(field, _)| *field == word)
}

/// What a task is taken for. `past`: hours that earlier tasks of this kind took, in any order.
#[must_use]
pub fn estimate(text: &str, kind: TaskKind, asked: &[String], past: &[f64]) -> Estimate {
    let words = words(text);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let mut capabilities: Vec<String> = asked.to_vec();
    for (name, known) in CAPABILITY_WORDS {
        if has(known) && !capabilities.iter().any(|c| c == name) {
            capabilities.push(name.to_owned());
        }
    }
    let mut risk_reasons: Vec<String> =
        RISKY.iter().filter(|(_, known)| has(known)).map(|(why, _)| (*why).to_owned()).collect();
    if words.len() > 150 {
        risk_reasons.push("asks for much at once".to_owned());
    }
    let risk = match risk_reasons.len() {
        0 => "low",
        1 => "medium",
        _ => "high",
    };
    let [effort, low, high] = hours(kind, words.len(), past);
    Estimate { effort, low, high, risk: risk.to_owned(), risk_reasons, capabilities }
}

/// Middle, low and high: the guess, moved towards the quantiles of the past as that grows.
fn hours(kind: TaskKind, words: usize, past: &[f64]) -> [Hours; 3] {
    let guess = GUESSES.iter().find(|(k, _)| *k == kind).map_or([1.0, 0.2, 5.0], |(_, hours)| *hours);
    // A longer text asks for more; forty words are the middle.
    #[expect(clippy::cast_precision_loss, reason = "texts have far fewer words than 2^52")]
    let size = (words as f64 / 40.0).clamp(0.5, 4.0).sqrt();
    let guess = guess.map(|h| h * size);
    let mut past = past.to_vec();
    past.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "few tasks are looked at")]
    let weight = (past.len().min(ENOUGH) as f64) / ENOUGH as f64;
    let edge = (1.0 - COVERED) / 2.0;
    let learned = [quantile(&past, 0.5), quantile(&past, edge), quantile(&past, 1.0 - edge)];
    let mixed: Vec<f64> = guess
        .iter()
        .zip(learned)
        .map(|(guess, learned)| learned.map_or(*guess, |l| guess * (1.0 - weight) + l * weight))
        .collect();
    let middle = mixed[0];
    [middle, mixed[1].min(middle), mixed[2].max(middle)].map(|h| Hours::from_hours(h).unwrap_or_default())
}

/// A quantile of sorted values, by the nearest rank.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "part is within 0 and 1, and few tasks are looked at"
    )]
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_telling_word_names_the_kind() {
        let cases = [
            ("Fix the docs of paging", TaskKind::Fix),
            ("Document the fix in the README", TaskKind::Docs),
            ("Add a --quiet flag", TaskKind::Feature),
            ("Rename `x` to `y`", TaskKind::Refactor),
            ("Bump serde to 2", TaskKind::Chore),
            ("", TaskKind::Feature),
        ];
        assert_eq!(cases.map(|(text, _)| kind_of(text)), cases.map(|(_, kind)| kind));
    }

    #[test]
    fn what_was_learned_takes_the_place_of_the_guess() {
        let past: Vec<f64> = (1..=10).map(f64::from).collect();
        let known = estimate("Fix it", TaskKind::Fix, &[], &past);
        assert_eq!([known.effort, known.low, known.high].map(Hours::as_hours), [5.0, 1.0, 9.0]);
        let unknown = estimate("Fix it", TaskKind::Fix, &[], &[]);
        assert!(unknown.low < unknown.effort && unknown.effort < unknown.high, "{unknown:?}");
    }

    #[test]
    fn risk_and_capabilities_have_their_reasons() {
        let found =
            estimate("Add a migration for the password column", TaskKind::Feature, &["api".into()], &[]);
        assert_eq!(found.risk, "high");
        assert_eq!(found.risk_reasons, ["touches who may do what", "touches stored data"]);
        assert_eq!(found.capabilities, ["api", "data", "security"]);
    }
}
