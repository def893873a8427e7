//! The file of a scripted model.
//!
//! `{"roles":{"builder":[turn,…],…}}`, where a turn is
//! `{"text"?,"tool_calls"?:[{"name","arguments"}],"usage"?,"expect"?,"fail"?}`. Unknown fields are refused.
//!
//! - `arguments` is the object itself; a string is taken as the raw text of the arguments, malformed or not.
//! - `fail` is one of `{"status":N}`, `{"cut_after_bytes":N}`, `{"hang_ms":N}`. The try that meets it fails as it would
//!   on the wire; the next try of the same turn gets the turn's own text and calls. `hang_ms` shorter than the time-out
//!   only delays.
//! - A turn with `fail` and neither text nor calls is a try of its own: the next try takes the next entry. It does not
//!   count as a turn, so that turn numbers are those of answers.

use std::collections::BTreeMap;
use std::path::Path;

use domain::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::CallRole;
use crate::error::ModelErrorKind;

/// The largest script read.
const MAX_SCRIPT_BYTES: u64 = 64 << 20;

/// A script, its entries grouped by turn.
#[derive(Debug)]
pub(crate) struct Script {
    roles: BTreeMap<CallRole, Vec<ScriptTurn>>,
}

/// One answer, after the tries that fail first.
#[derive(Debug)]
pub(crate) struct ScriptTurn {
    /// Failures that stand alone, then the entry that answers, if there is one.
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    roles: BTreeMap<CallRole, Vec<Entry>>,
}

/// An entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) tool_calls: Vec<ScriptCall>,
    pub(crate) usage: Option<ScriptUsage>,
    pub(crate) expect: Option<Expect>,
    pub(crate) fail: Option<Fail>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptCall {
    pub(crate) name: String,
    pub(crate) arguments: Box<RawValue>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    cached_tokens: u64,
    #[serde(default)]
    cache_write_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

/// What the request must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Texts that stand somewhere in it.
    #[serde(default)]
    pub(crate) contains: Vec<String>,
    /// Tools that are on offer.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
}

/// How a try fails.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Fail {
    /// The provider refuses with this status.
    Status(u16),
    /// The answer breaks off after so many bytes of its text.
    CutAfterBytes(usize),
    /// Nothing comes for so long.
    HangMs(u64),
}

impl Script {
    pub(crate) fn read(path: &Path) -> Result<Self, ModelErrorKind> {
        let file = path.display().to_string();
        let invalid = |reason: String| ModelErrorKind::ScriptInvalid { file: file.clone(), reason };
        let length = std::fs::metadata(path).map_err(|e| invalid(e.to_string()))?.len();
        if length > MAX_SCRIPT_BYTES {
            return Err(invalid(format!("it has {length} bytes, and {MAX_SCRIPT_BYTES} are the limit")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| invalid(e.to_string()))?;
        Self::parse(&text).map_err(invalid)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let mut roles = BTreeMap::new();
        for (role, entries) in file.roles {
            check(role, &entries)?;
            roles.insert(role, group(entries));
        }
        Ok(Self { roles })
    }

    /// Turn `turn` of a role, from 1; or how many there are.
    pub(crate) fn turn(&self, role: CallRole, turn: u32) -> Result<&ScriptTurn, usize> {
        let turns = self.roles.get(&role).map(Vec::as_slice).unwrap_or_default();
        turns.get((turn as usize).wrapping_sub(1)).ok_or(turns.len())
    }
}

fn check(role: CallRole, entries: &[Entry]) -> Result<(), String> {
    for (i, entry) in entries.iter().enumerate() {
        if !entry.answers() && entry.fail.is_none() {
            return Err(format!("roles.{role}[{i}] has neither text, nor tool_calls, nor fail"));
        }
    }
    Ok(())
}

fn group(entries: Vec<Entry>) -> Vec<ScriptTurn> {
    let mut turns = Vec::new();
    let mut open = Vec::new();
    for entry in entries {
        let answers = entry.answers();
        open.push(entry);
        if answers {
            turns.push(ScriptTurn { entries: std::mem::take(&mut open) });
        }
    }
    if !open.is_empty() {
        turns.push(ScriptTurn { entries: open });
    }
    turns
}

impl Entry {
    /// An empty text counts: it is an empty answer.
    pub(crate) fn answers(&self) -> bool {
        self.text.is_some() || !self.tool_calls.is_empty()
    }
}

impl ScriptCall {
    /// A string is the raw text itself.
    pub(crate) fn raw_arguments(&self) -> String {
        serde_json::from_str::<String>(self.arguments.get())
            .unwrap_or_else(|_| self.arguments.get().to_owned())
    }
}

impl From<ScriptUsage> for Usage {
    fn from(usage: ScriptUsage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            cached_tokens: usage.cached_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            output_tokens: usage.output_tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, want) in [
            ("{\n \"roles\":{\"builder\":[{\"txt\":\"x\"}]}}", "unknown field `txt`"),
            ("{\n \"roles\":{\"builder\":[{\"txt\":\"x\"}]}}", "at line 2"),
            (r#"{"roles":{"chef":[]}}"#, "unknown variant `chef`"),
            (r#"{"roles":{"builder":[{}]}}"#, "roles.builder[0] has neither"),
            (r#"{"roles":{"builder":[{"fail":{"status":500,"hang_ms":1}}]}}"#, "line 1"),
            (r#"{"roles":{"builder":[{"text":"a","usage":{"tokens":1}}]}}"#, "unknown field `tokens`"),
            (r#"{"roles":{"builder":[{"text":"a","expect":{"contain":[]}}]}}"#, "unknown field `contain`"),
            (r#"{"role":{}}"#, "unknown field `role`"),
            ("", "EOF"),
        ] {
            let error = Script::parse(text).expect_err("is wrong");
            assert!(error.contains(want), "{text}: {error}");
        }
    }

    #[test]
    fn failures_that_stand_alone_belong_to_the_next_answer() {
        let text = r#"{"roles":{"builder":[
            {"text":"1"}, {"fail":{"status":429}}, {"fail":{"cut_after_bytes":3}}, {"text":"2","fail":{"hang_ms":5}},
            {"tool_calls":[{"name":"a","arguments":{}}]}, {"fail":{"status":500}}]}}"#;
        let script = Script::parse(text).expect("a script");
        let sizes: Vec<_> =
            (0..6).map(|turn| script.turn(CallRole::Builder, turn).map(|t| t.entries.len())).collect();
        assert_eq!(sizes, [Err(4), Ok(1), Ok(3), Ok(1), Ok(1), Err(4)]);
        assert!(script.turn(CallRole::Planner, 1).is_err());
    }
}
