//! The gate `secrets`: credentials in added lines. What is found is masked wherever results are shown.

use domain::{GateName, GateResult, Verdict};
use serde_json::{Value, json};

use crate::change::{Change, FileStatus};
use crate::config::{Config, matcher};
use crate::report::TestReport;
use crate::secret_patterns::{Line, Place, find};
use crate::text::{clip, plural};

/// Findings that are named one by one.
const MAX_NAMED: usize = 60;
/// Lines longer than this are looked at in part only (minified code, data).
const MAX_LINE: usize = 20_000;
/// A shorter text is not replaced elsewhere: it would hide ordinary words.
const MIN_MASKED: usize = 6;

/// A credential in an added line. It has no `Debug`: its value must not be shown.
pub(crate) struct FoundSecret {
    path: String,
    line: usize,
    kind: &'static str,
    hint: String,
    value: String,
}

/// The credentials that a change adds.
pub(crate) fn secrets_in(change: &Change, config: &Config) -> Vec<FoundSecret> {
    let allowed = matcher(&config.allow_secrets);
    let mut found = Vec::new();
    for file in change.files.iter().filter(|f| f.status != FileStatus::Deleted) {
        let path = file.display();
        if allowed.is_match(&path) {
            continue;
        }
        let place = Place::of(&path);
        let lines = change.added_lines(file);
        for (index, line) in lines.iter().enumerate() {
            let next =
                lines.get(index + 1).filter(|n| n.number == line.number + 1).map_or("", |n| n.text.as_str());
            let text = line.text.get(..MAX_LINE.min(line.text.len())).unwrap_or(&line.text);
            for (kind, hint, value) in find(&Line { text, next, place }) {
                found.push(FoundSecret { path: path.clone(), line: line.number, kind, hint, value });
            }
        }
    }
    found
}

/// Judges a change by the credentials that it adds.
#[must_use]
pub fn secrets_verdict(change: &Change, config: &Config) -> GateResult {
    verdict(&secrets_in(change, config), change)
}

pub(crate) fn verdict(found: &[FoundSecret], change: &Change) -> GateResult {
    let named: Vec<String> = found
        .iter()
        .take(MAX_NAMED)
        .map(|f| format!("{}:{}: {} ({})", f.path, f.line, f.kind, f.hint))
        .collect();
    let (verdict, summary, reason) = if found.is_empty() {
        (Verdict::Passed, format!("none in {}", plural(change.files.len(), "changed file")), String::new())
    } else {
        let reason = format!(
            "These added lines hold credentials; read them from the environment or a secret store, and revoke what is real:\n{}",
            named.join("\n")
        );
        (Verdict::Failed, format!("{} in added lines", plural(found.len(), "credential")), reason)
    };
    GateResult {
        name: GateName::Secrets,
        verdict,
        summary,
        reason: clip(&reason, crate::verdict::MAX_REASON),
        evidence: json!({"findings": named}),
    }
}

/// Takes the found credentials out of everything that is shown.
pub(crate) fn mask(found: &[FoundSecret], results: &mut [GateResult], tests: &mut TestReport) {
    let values: Vec<&str> =
        found.iter().map(|f| f.value.as_str()).filter(|v| v.len() >= MIN_MASKED).collect();
    if values.is_empty() {
        return;
    }
    let hide = |text: &mut String| {
        for value in values.iter().filter(|v| text.contains(**v)).collect::<Vec<_>>() {
            *text = text.replace(*value, "[masked]");
        }
    };
    for result in results {
        hide(&mut result.summary);
        hide(&mut result.reason);
        in_json(&mut result.evidence, &hide);
    }
    for failure in &mut tests.failures {
        hide(&mut failure.message);
    }
    for suite in &mut tests.suites {
        hide(&mut suite.output);
    }
}

fn in_json(value: &mut Value, hide: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => hide(text),
        Value::Array(all) => all.iter_mut().for_each(|v| in_json(v, hide)),
        Value::Object(all) => all.values_mut().for_each(|v| in_json(v, hide)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::change_of;

    fn kinds(path: &str, text: &str) -> Vec<&'static str> {
        secrets_in(&change_of(&[(path, Some("old\n"), Some(&format!("old\n{text}\n")))]), &Config::default())
            .iter()
            .map(|f| f.kind)
            .collect()
    }

    /// Put together at run time, so that no scanner takes this file for a leak.
    fn joined(parts: &[&str]) -> String {
        parts.concat()
    }

    #[test]
    fn credentials_are_found() {
        let b = "R4nd0mLetters9AndDigits8ThatLook7Real6";
        let cases = [
            ("a.py", joined(&["KEY = 'AKIA", "J3QWZ7LMN2TXR5VB'"]), "AWS access key"),
            (
                "a.py",
                joined(&["aws_secret_access_key = 'wJalrXUtnFEMI", "K7MDENGbPxRfiCYzQ9vT4sLp2Xw'"]),
                "AWS secret key",
            ),
            ("a.js", joined(&["const t = 'ghp_", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5'"]), "GitHub token"),
            ("a.yml", joined(&["token: glpat-", "x9Kd72mPqLs81vNc4RtZ"]), "GitLab token"),
            ("a.sh", joined(&["export S=xoxb-", "2412345678-2498765432-aBcDeFgHiJkLmNoP"]), "Slack token"),
            ("a.py", joined(&["k='AIza", "SyB8x7Kq2LmN4pR6sT8vW0yZ1aC3eG5iJ7k'"]), "Google API key"),
            ("a.py", joined(&["k='sk_live_", "51Hx8Kd92mPqLs81vNc4RtZq'"]), "Stripe key"),
            ("a.py", joined(&["k='sk-ant-api03-", b, "'"]), "Anthropic API key"),
            ("a.py", joined(&["k='sk-proj-", b, "'"]), "OpenAI API key"),
            (
                "a.txt",
                joined(&["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiI5OTEyMyJ9", ".q1W2e3R4t5Y6u7I8o9P0a1S2"]),
                "JSON Web Token",
            ),
            (
                "a.env",
                joined(&["DB=postgres://app:", "Zk39xQm2vT", "@db.internal:5432/app"]),
                "password in a URL",
            ),
            ("a.py", joined(&["password = '", "Tr0ub4dor&3x", "'"]), "hard-coded password"),
            ("a.py", joined(&["DB_PASSWORD: str = \"", "SuperSecret123!", "\""]), "hard-coded password"),
            (".env", joined(&["API_TOKEN=", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"]), "hard-coded secret"),
            ("a.json", joined(&["\"clientSecret\": \"", "q8Vn3LpZ0xTr5KdW7sYb\""]), "hard-coded secret"),
        ];
        for (path, text, want) in &cases {
            assert_eq!(kinds(path, text), [*want], "{path}: {}", &text[..12]);
        }
        let key = joined(&["-----BEGIN RSA ", "PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq3\n"]);
        assert_eq!(kinds("id_rsa", &key), ["private key"]);
    }

    #[test]
    fn what_only_looks_like_one_is_let_through() {
        let cases = [
            ("a.py", "password = os.environ['DB_PASSWORD']"),
            ("a.py", "password = getpass.getpass('Password: ')"),
            ("a.py", "token = config.get(\"api_token\")"),
            ("a.py", "password = 'your-password-here'"),
            ("a.py", "SECRET_KEY = \"changeme\""),
            ("a.py", "secret = \"${VAULT_SECRET}\""),
            ("a.py", "PASSWORD_RESET_TOKEN_FIELD = 'password_reset_token'"),
            ("a.ts", "const tokenType = 'access_token_v2';"),
            ("a.py", "password_label = 'Enter your password'"),
            ("test_a.py", "password = 'Secret123!'"),
            ("a.py", "token_url = 'https://auth.example.com/oauth2/token'"),
            ("a.yml", "password: ${{ secrets.DB_PASSWORD }}"),
            (".env.example", "API_KEY=your_api_key"),
            ("README.md", "AKIAIOSFODNN7EXAMPLE"),
            ("a.env", "DATABASE_URL=postgres://user:password@localhost/db"),
            ("a.py", "if '-----BEGIN PRIVATE KEY-----' in text:"),
            ("a.lock", "checksum = \"9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0\""),
            ("a.py", "def token(self, secret=None): pass"),
            ("a.rs", "let token = Token::new(TokenKind::Ident2);"),
        ];
        for (path, text) in cases {
            assert_eq!(kinds(path, text), Vec::<&str>::new(), "{path}: {text}");
        }
    }

    #[test]
    fn only_added_lines_count_and_nothing_shows_the_value() {
        let secret = joined(&["ghp_", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"]);
        let line = format!("t = '{secret}'\n");
        let kept = change_of(&[("a.py", Some(&line), Some(&format!("{line}x = 1\n")))]);
        assert_eq!(secrets_verdict(&kept, &Config::default()).verdict, Verdict::Passed);
        let added = change_of(&[("a.py", None, Some(&line))]);
        let result = secrets_verdict(&added, &Config::default());
        assert_eq!(
            (result.verdict, result.summary.as_str()),
            (Verdict::Failed, "1 credential in added lines")
        );
        assert!(result.reason.ends_with("a.py:1: GitHub token (ghp_…, 40 characters)"), "{}", result.reason);
        let mut results = [GateResult {
            name: GateName::Tests,
            verdict: Verdict::Failed,
            summary: String::new(),
            reason: format!("boo {secret}"),
            evidence: json!({"a": [secret]}),
        }];
        mask(&secrets_in(&added, &Config::default()), &mut results, &mut TestReport::default());
        assert_eq!(
            (results[0].reason.as_str(), &results[0].evidence),
            ("boo [masked]", &json!({"a": ["[masked]"]}))
        );
    }
}
