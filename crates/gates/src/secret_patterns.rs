//! What credentials look like, and what only looks like one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::detect::{is_javascript_test, is_python_test};

/// Where a line stands, which decides how much benefit of the doubt it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Program text.
    Code,
    /// Configuration, where values need no quotes.
    Config,
    /// Tests, examples and documentation, full of made-up values.
    MadeUp,
    /// Lock files and the like: hashes everywhere.
    Lock,
}

impl Place {
    pub(crate) fn of(path: &str) -> Self {
        let lower = path.to_lowercase();
        let name = lower.rsplit('/').next().unwrap_or(&lower);
        let ends = |all: &[&str]| all.iter().any(|e| name.ends_with(e));
        let made_up = [
            "test",
            "tests",
            "__tests__",
            "spec",
            "fixtures",
            "testdata",
            "examples",
            "docs",
            "doc",
            "mocks",
        ];
        if ends(&[".lock", "-lock.json", "-lock.yaml", ".sum", ".min.js", ".map", ".svg"]) {
            Self::Lock
        } else if ends(&[".md", ".rst", ".adoc", ".example", ".sample", ".template", ".dist"])
            || is_python_test(&lower)
            || is_javascript_test(&lower)
            || lower.split('/').rev().skip(1).any(|part| made_up.contains(&part))
        {
            Self::MadeUp
        } else if name.starts_with(".env")
            || ends(&[
                ".env",
                ".ini",
                ".cfg",
                ".conf",
                ".properties",
                ".yml",
                ".yaml",
                ".toml",
                ".sh",
                "dockerfile",
                ".tfvars",
            ])
        {
            Self::Config
        } else {
            Self::Code
        }
    }
}

/// An added line and what follows it.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) next: &'a str,
    pub(crate) place: Place,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// Formats that providers document; the first group, if any, is the credential. Shown are `shown` characters of it.
struct Known {
    kind: &'static str,
    pattern: Regex,
    shown: usize,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    [
        ("AWS access key", r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b", 4),
        (
            "AWS secret key",
            r#"(?i)aws.{0,24}(?:secret|sk).{0,24}?['"=:\s]([A-Za-z0-9/+]{40})(?:['"\s]|$)"#,
            0,
        ),
        ("GitHub token", r"\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b", 4),
        ("GitLab token", r"\b(gl(?:pat|rt|dt|ptt|cbt|soat|ft)-[A-Za-z0-9_-]{20,100})", 6),
        ("Slack token", r"\b(xox[abeoprs]-[A-Za-z0-9-]{10,200}|xapp-\d-[A-Za-z0-9-]{10,200})", 5),
        ("Slack web hook", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9+/]{40,80})", 0),
        ("Google API key", r"\b(AIza[A-Za-z0-9_-]{35})", 4),
        ("Google OAuth secret", r"\b(GOCSPX-[A-Za-z0-9_-]{28})", 7),
        ("Stripe key", r"\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,200}|whsec_[A-Za-z0-9+/]{24,100})", 8),
        ("Anthropic API key", r"\b(sk-ant-[A-Za-z0-9_-]{24,200})", 7),
        ("OpenAI API key", r"\b(sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9][A-Za-z0-9_-]{31,250})", 3),
        ("npm token", r"\b(npm_[A-Za-z0-9]{36})\b", 4),
        ("PyPI token", r"\b(pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,250})", 5),
        ("Hugging Face token", r"\b(hf_[A-Za-z0-9]{30,60})\b", 3),
        ("SendGrid key", r"\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})", 3),
        ("DigitalOcean token", r"\b(do[opr]_v1_[a-f0-9]{64})\b", 7),
        ("Shopify token", r"\b(shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})\b", 6),
        ("Docker token", r"\b(dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,40})", 9),
        ("Vault token", r"\b(hv[sbr]\.[A-Za-z0-9_-]{24,200})", 4),
        ("Databricks token", r"\b(dapi[0-9a-f]{32})\b", 4),
        ("Telegram bot token", r"\b(\d{8,10}:AA[A-Za-z0-9_-]{33})\b", 0),
        ("Azure storage key", r"AccountKey=([A-Za-z0-9+/]{86}==)", 0),
        ("age secret key", r"\b(AGE-SECRET-KEY-1[A-Z0-9]{58})\b", 14),
        ("JSON Web Token", r"\b(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,})", 3),
    ]
    .into_iter()
    .map(|(kind, text, shown)| Known { kind, pattern: pattern(text), shown })
    .collect()
});

static PRIVATE_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(.*)$"));
static KEY_BODY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:\\n|\\r|[\s'\x22+])*(?:Proc-Type:|Version:|Comment:|[A-Za-z0-9+/=]{16,})")
});
static URL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"\b[a-z][a-z0-9+.-]{1,20}://([^\s:/@'"<>]{0,100}):([^\s/@'"<>]{3,200})@([^\s/'"<>:?]+)"#)
});

const NAMES: &str = r"passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|encryption[_-]?key|signing[_-]?key|credential";
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"(?i)([\w.-]*(?:{NAMES})[\w.-]*)["'\]]*\s*(?::\s*[\w\[\]<>&|' ]+?\s*)?(?:=>|:=|=|:)\s*(?:[bfru]{{0,2}})["'`]([^"'`\s]{{6,300}})["'`]"#
    ))
});
static UNQUOTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)^\s*(?:export\s+|set\s+|ENV\s+|ARG\s+|-\s+)?([\w.-]*(?:{NAMES})[\w.-]*)\s*[=:]\s*([^\s\x22'#]{{8,300}})\s*(?:#.*)?$"
    ))
});
/// Names of things about secrets that are none.
static ABOUT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:hash|digest|checksum|url|uri|path|file|name|field|header|prefix|suffix|regex|pattern|label|type|kind|length|len|ttl|expir\w*|count|limit|id|ids|class|env|var|param|placeholder|hint|text|title|message|error|help|algorithm|format|endpoint|column|attribute)s?$",
    )
});

/// The credentials of a line: what kind, what may be shown of each, and its value.
pub(crate) fn find(line: &Line<'_>) -> Vec<(&'static str, String, String)> {
    let mut found: Vec<(&'static str, String, String)> = Vec::new();
    if let Some(header) = PRIVATE_KEY.captures(line.text) {
        let alone = line.text.trim().ends_with("-----") && line.text.trim().starts_with("-----");
        if KEY_BODY.is_match(&header[1])
            || (header[1].trim_matches(['"', '\'', '\\', 'n', ' ', '+', ',']).is_empty()
                && KEY_BODY.is_match(line.next))
            || alone
        {
            found.push(("private key", "its value is not shown".to_owned(), header[1].trim().to_owned()));
        }
    }
    for known in KNOWN.iter() {
        for hit in known.pattern.captures_iter(line.text) {
            let value = &hit[1];
            let overlaps = found
                .iter()
                .any(|(_, _, v)| v.contains(value) || value.contains(v.as_str()) && !v.is_empty());
            if !overlaps && !is_made_up_token(value, line.place) {
                found.push((known.kind, hint(value, known.shown), value.to_owned()));
            }
        }
    }
    for hit in URL.captures_iter(line.text) {
        let (user, password, host) = (&hit[1], &hit[2], &hit[3]);
        if !is_harmless_login(user, password, host) && !overlaps(&found, password) {
            found.push(("password in a URL", hint(password, 0), password.to_owned()));
        }
    }
    if line.place != Place::Lock {
        assigned(line, &mut found);
    }
    found
}

fn assigned(line: &Line<'_>, found: &mut Vec<(&'static str, String, String)>) {
    let quoted = QUOTED.captures_iter(line.text);
    let unquoted = (line.place == Place::Config).then(|| UNQUOTED.captures(line.text)).flatten();
    for hit in quoted.chain(unquoted) {
        let (name, value) = (&hit[1], &hit[2]);
        let lower = name.to_lowercase();
        let is_password = ["passw", "pwd", "passphrase"].iter().any(|p| lower.contains(p));
        if ABOUT.is_match(name) || overlaps(found, value) || !is_secret_value(value, is_password, line.place)
        {
            continue;
        }
        let kind = if is_password { "hard-coded password" } else { "hard-coded secret" };
        found.push((kind, hint(value, 0), value.to_owned()));
    }
}

fn overlaps(found: &[(&'static str, String, String)], value: &str) -> bool {
    found.iter().any(|(_, _, v)| v.contains(value) || value.contains(v.as_str()))
}

fn hint(value: &str, shown: usize) -> String {
    let head: String = value.chars().take(shown).collect();
    let count = value.chars().count();
    if shown == 0 {
        format!("{count} characters, not shown")
    } else {
        format!("{head}…, {count} characters")
    }
}

/// A token in a provider's format that says itself that it is none.
fn is_made_up_token(value: &str, place: Place) -> bool {
    let lower = value.to_lowercase();
    let distinct = lower.chars().rev().take(16).collect::<std::collections::BTreeSet<_>>().len();
    let says_so = [
        "your",
        "xxxx",
        "placeholder",
        "dummy",
        "fake",
        "redacted",
        "insert",
        "changeme",
        "sample",
        "...",
        "****",
    ];
    let sequence = ["1234567890", "0123456789", "abcdefgh", "example"];
    distinct <= 3
        || says_so.iter().any(|w| lower.contains(w))
        || (place == Place::MadeUp && sequence.iter().any(|w| lower.contains(w)))
}

fn is_harmless_login(user: &str, password: &str, host: &str) -> bool {
    let weak = [
        "password", "passwd", "pass", "secret", "postgres", "root", "admin", "test", "guest", "mysql",
        "user", "changeme", "pw", "redis", "mongo",
    ];
    let local = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"].contains(&host)
        || host.contains("example")
        || !host.contains('.');
    is_placeholder(password)
        || weak.contains(&password.to_lowercase().as_str())
        || (local && (user == password || password.len() < 8 || entropy(password) < 2.8))
}

/// Whether a value assigned to a telling name is a real one.
fn is_secret_value(value: &str, is_password: bool, place: Place) -> bool {
    let has = |test: fn(char) -> bool| value.chars().any(test);
    let (letters, digits) = (has(|c| c.is_ascii_alphabetic()), has(|c| c.is_ascii_digit()));
    let symbols = has(|c| c.is_ascii_punctuation() && !"_-./:".contains(c));
    if is_placeholder(value) || is_reference(value) {
        return false;
    }
    match (place, is_password) {
        (Place::MadeUp | Place::Lock, _) => {
            value.len() >= 20 && letters && digits && entropy(value) >= 3.7 && !is_words(value)
        }
        (_, true) => {
            value.len() >= 8 && letters && (digits || symbols) && entropy(value) >= 2.7 && !is_words(value)
        }
        (_, false) => value.len() >= 16 && letters && digits && entropy(value) >= 3.2 && !is_words(value),
    }
}

/// Words joined by `_`, `-` or `.`, with at most a number behind one: an identifier.
fn is_words(value: &str) -> bool {
    value.contains(['_', '-', '.'])
        && value.split(['_', '-', '.']).all(|part| {
            let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
            word.chars().all(|c| c.is_ascii_alphabetic())
                && part.len() - word.len() <= 2
                && word.len() <= 14
                && (word.chars().skip(1).all(|c| c.is_ascii_lowercase())
                    || word.chars().all(|c| c.is_ascii_uppercase()))
        })
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty()).collect();
    let says_so = [
        "example",
        "placeholder",
        "changeme",
        "change",
        "your",
        "dummy",
        "fake",
        "sample",
        "test",
        "testing",
        "mock",
        "foo",
        "bar",
        "baz",
        "todo",
        "redacted",
        "none",
        "null",
        "undefined",
        "default",
        "insert",
        "replace",
        "here",
        "notasecret",
    ];
    // `secret` or `password1` is one; `Secret123!` may well be in use.
    let bare = [
        "supersecret",
        "mysecret",
        "mypassword",
        "password",
        "secret",
        "passwd",
        "xxx",
        "secretkey",
        "token",
        "apikey",
        "api",
        "key",
        "my",
        "the",
        "value",
        "super",
    ];
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "_- ".contains(c))
        && value.chars().filter(char::is_ascii_digit).count() <= 2;
    let distinct = lower.chars().collect::<std::collections::BTreeSet<_>>().len();
    distinct <= 3
        || lower.contains("xxxx")
        || lower.contains("****")
        || lower.contains("...")
        || words.iter().any(|w| says_so.contains(w))
        || (plain && words.iter().all(|w| bare.contains(w)))
        || ["1234567", "abcdef", "qwerty"].iter().any(|s| lower.starts_with(s))
}

/// Looked up elsewhere: a variable, a template, a call, a path, a URL.
fn is_reference(value: &str) -> bool {
    value.starts_with(['$', '%', '{', '<', '/', '.', '~', '@', '#', '&', '*'])
        || value.contains("${")
        || value.contains("{{")
        || value.contains("://")
        || value.contains("}}")
        || value.contains(['(', ')', '[', ']', '{', '}', '<', '>'])
        || value.contains("process.env")
        || value.contains("os.environ")
        || value.contains("::")
        || value.contains("env.")
        || value.ends_with([':', ',', ';', '=']) && !value.ends_with("==")
}

/// Shannon entropy in bits per character.
fn entropy(value: &str) -> f64 {
    let mut counts: BTreeMap<char, usize> = BTreeMap::new();
    value.chars().for_each(|c| *counts.entry(c).or_default() += 1);
    let all = value.chars().count() as f64;
    counts.values().map(|n| *n as f64 / all).map(|p| -p * p.log2()).sum()
}
