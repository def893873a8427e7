//! The entries of an attempt as an agent can read them again.

use domain::{Block, Entry, GateResult, Plan, Recorded, Review, ReviewComment, ToolMeaning};
use serde_json::Value;

use crate::prompt::printable;

/// Longest title, in bytes: a line of an index.
const MAX_TITLE: usize = 140;

/// One entry of the journal that an agent may read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recallable {
    /// Its number in the journal.
    pub seq: u64,
    /// The turn that it belongs to; 0 for what was there before the first.
    pub turn: u32,
    /// What it is, in a line.
    pub title: String,
    /// All of it, as the agent saw or wrote it.
    pub text: String,
    /// What it tells a program.
    pub about: About,
    /// Whether it is an error.
    pub failed: bool,
}

/// What an entry tells a program: enough for a summary without a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A file was read.
    Read(String),
    /// Files were changed.
    Changed(Vec<String>),
    /// A command ran, and with what exit code it ended, if it did.
    Ran {
        /// Its first line.
        command: String,
        /// Its exit code.
        exit: Option<i32>,
    },
    /// The agent's own words, and its calls.
    Answer,
    /// A person's words.
    Person,
    /// The work was sent back, or gates judged it.
    Judged,
    /// Anything else.
    Other,
}

/// What an attempt may read again, in the order of the journal: its own branch, what people and gates said to the run,
/// and the plans and reviews of others.
#[must_use]
pub fn recallables(entries: &[Recorded], attempt: u32) -> Vec<Recallable> {
    let mut reader = Reader { attempt, turn: 0, calls: Vec::new() };
    entries.iter().filter_map(|recorded| reader.read(recorded)).collect()
}

struct Reader {
    attempt: u32,
    turn: u32,
    calls: Vec<(String, Value)>,
}

impl Reader {
    fn read(&mut self, recorded: &Recorded) -> Option<Recallable> {
        let (turn, title, text, about, failed) = match recorded.attempt {
            0 => self.of_run(&recorded.entry)?,
            own if own == self.attempt => self.of_attempt(&recorded.entry)?,
            _ => self.of_others(&recorded.entry)?,
        };
        Some(Recallable { seq: recorded.seq, turn, title: title_line(&title), text, about, failed })
    }

    fn of_run(&self, entry: &Entry) -> Option<Parts> {
        let next = self.turn + 1;
        match entry {
            Entry::Created { settings } => {
                Some((0, "the task".into(), settings.task.clone(), About::Person, false))
            }
            Entry::Steered { text } => {
                Some((next, format!("a person said: {text}"), text.clone(), About::Person, false))
            }
            Entry::Answered { text, .. } => {
                Some((next, format!("a person answered: {text}"), text.clone(), About::Person, false))
            }
            Entry::GatesJudged { results, .. } => {
                let passed = results.iter().all(GateResult::lets_through);
                let title = if passed { "the gates let the change through" } else { "the gates refused" };
                Some((next, title.into(), verdicts(results), About::Judged, !passed))
            }
            _ => None,
        }
    }

    fn of_others(&self, entry: &Entry) -> Option<Parts> {
        let Entry::ToolFinished { meaning, .. } = entry else { return None };
        // Before the first turn they are a part of what the attempt began with.
        let turn = if self.turn == 0 { 0 } else { self.turn + 1 };
        match meaning {
            ToolMeaning::Planned(plan) => {
                Some((turn, format!("the plan: {}", plan.title), plan_text(plan), About::Other, false))
            }
            ToolMeaning::Reviewed(review) => {
                let title = if review.approved { "a review approved" } else { "a review asked for changes" };
                let title = format!("{title}: {}", review.summary);
                Some((turn, title, review_text(review), About::Judged, !review.approved))
            }
            _ => None,
        }
    }

    fn of_attempt(&mut self, entry: &Entry) -> Option<Parts> {
        match entry {
            Entry::Prepared { opening, .. } => {
                Some((0, "the first message".into(), opening.clone(), About::Other, false))
            }
            Entry::ModelAnswered { turn, blocks, .. } => {
                self.turn = *turn;
                Some(self.answer(*turn, blocks))
            }
            Entry::ToolFinished { turn, index, text, is_error, meaning, .. } => {
                let call = self.calls.get(*index as usize);
                let (name, arguments) = call.map_or(("tool", &Value::Null), |(n, a)| (n.as_str(), a));
                let about = about(name, arguments, text, *is_error);
                let failed = *is_error || matches!(about, About::Ran { exit: Some(code), .. } if code != 0);
                let title = tool_title(name, arguments, &about, *is_error, meaning);
                Some((*turn, title, text.clone(), about, failed))
            }
            Entry::SentBack { text, by, .. } => {
                Some((self.turn + 1, format!("sent back by {by}"), text.clone(), About::Judged, true))
            }
            Entry::AgentActed { turn, tool, text, is_error, .. } => {
                Some((*turn, format!("{tool}: {text}"), text.clone(), About::Other, *is_error))
            }
            Entry::AgentEnded { turn, summary, .. } => {
                self.turn = *turn;
                Some((*turn, format!("ended: {summary}"), summary.clone(), About::Answer, false))
            }
            Entry::Compacted { folded, opening, .. } => {
                let title = format!("what turns 1 to {folded} were shortened to");
                Some((self.turn, title, opening.clone(), About::Other, false))
            }
            _ => None,
        }
    }

    fn answer(&mut self, turn: u32, blocks: &[Block]) -> Parts {
        self.calls.clear();
        let mut parts = Vec::new();
        let mut words = String::new();
        for block in blocks {
            match block {
                Block::Text(text) => {
                    words.push_str(text);
                    parts.push(text.clone());
                }
                Block::ToolCall { name, arguments, .. } => {
                    let parsed = serde_json::from_str(arguments).unwrap_or(Value::Null);
                    self.calls.push((name.clone(), parsed));
                    parts.push(format!("{name} {arguments}"));
                }
                Block::Reasoning(_) => {}
            }
        }
        let names: Vec<&str> = self.calls.iter().map(|(name, _)| name.as_str()).collect();
        let title = match (words.trim(), names.as_slice()) {
            ("", []) => "you said nothing".to_owned(),
            ("", names) => format!("you called {}", names.join(", ")),
            (words, _) => format!("you said: {words}"),
        };
        (turn, title, parts.join("\n"), About::Answer, false)
    }
}

/// Turn, title, text, what it is about, whether it is an error.
type Parts = (u32, String, String, About, bool);

fn about(name: &str, arguments: &Value, text: &str, is_error: bool) -> About {
    let word = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
    match name {
        "read_file" if !is_error => About::Read(title_line(word("path"))),
        "edit_file" | "write_file" if !is_error => About::Changed(vec![title_line(word("path"))]),
        "apply_patch" if !is_error => About::Changed(patched(word("patch"))),
        "run_command" => About::Ran { command: title_line(word("command")), exit: exit_code(text) },
        "run_tests" => {
            let filter = word("filter");
            let command = if filter.is_empty() { "tests".to_owned() } else { format!("tests {filter}") };
            About::Ran { command: title_line(&command), exit: exit_code(text) }
        }
        _ => About::Other,
    }
}

fn tool_title(name: &str, arguments: &Value, about: &About, is_error: bool, meaning: &ToolMeaning) -> String {
    let subject = match (about, meaning) {
        (About::Changed(paths), _) => paths.join(" "),
        (About::Ran { command, .. }, _) => command.clone(),
        (_, ToolMeaning::Question(question)) => question.clone(),
        _ => ["path", "pattern", "name", "query", "summary"]
            .iter()
            .find_map(|key| arguments.get(key)?.as_str())
            .unwrap_or_default()
            .to_owned(),
    };
    // The outcome stands first: a title is cut at its end.
    let outcome = match about {
        _ if is_error => " failed".to_owned(),
        About::Ran { exit: Some(code), .. } => format!(" exit {code}"),
        _ => String::new(),
    };
    format!("{name}{outcome}: {subject}")
}

/// The paths that a unified diff changes.
fn patched(patch: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for line in patch.lines() {
        let side = line.strip_prefix("+++ b/").or_else(|| line.strip_prefix("--- a/"));
        let path = side.map(|p| title_line(p.split('\t').next().unwrap_or(p)));
        paths.extend(path.filter(|p| !paths.contains(p)));
    }
    paths
}

fn exit_code(text: &str) -> Option<i32> {
    text.lines().next()?.strip_prefix("exit ")?.split_whitespace().next()?.trim_end_matches(',').parse().ok()
}

fn plan_text(plan: &Plan) -> String {
    let mut text = plan.summary.clone();
    for step in &plan.steps {
        text.push_str(&format!("\n- {} ({}): {}", step.id, step.role, step.title));
        if !step.depends_on.is_empty() {
            text.push_str(&format!("\n  after {}", step.depends_on.join(", ")));
        }
        step.acceptance.iter().for_each(|a| text.push_str(&format!("\n  done when: {a}")));
    }
    plan.risks.iter().for_each(|risk| text.push_str(&format!("\nrisk: {risk}")));
    text
}

fn review_text(review: &Review) -> String {
    let mut text = review.summary.clone();
    review.comments.iter().for_each(|c| text.push_str(&format!("\n- {}", comment_line(c))));
    text
}

/// A remark of a review in words.
pub(crate) fn comment_line(comment: &ReviewComment) -> String {
    let severity = format!("{:?}", comment.severity).to_lowercase();
    format!("{}:{} ({severity}): {}", comment.path, comment.line, comment.body)
}

fn verdicts(results: &[GateResult]) -> String {
    let line = |gate: &GateResult| {
        let reason = if gate.reason.is_empty() { String::new() } else { format!("\n{}", gate.reason) };
        format!("{} {}: {}{reason}", gate.name, gate.verdict, gate.summary)
    };
    results.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Text in one bounded line.
pub(crate) fn title_line(text: &str) -> String {
    let window = &text[..text.floor_char_boundary(4 * MAX_TITLE)];
    let line = printable(window).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= MAX_TITLE && window.len() == text.len() {
        return line;
    }
    format!("{}…", &line[..line.floor_char_boundary(MAX_TITLE)])
}
