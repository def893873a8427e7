//! What a person sees while a run goes on: a live line on a terminal, plain lines otherwise. All of it on stderr.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::say::err;
use agents::View;
use domain::{Block, Entry, Verdict};
use engine::{Observer, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines of a model's words that are shown; all of them are in `aamas runs show`.
const WORDS_SHOWN: usize = 4;
/// Columns of a tool's arguments or result that are shown.
const COLUMNS: usize = 88;

/// The watcher of a run.
pub struct Terminal {
    bar: Option<ProgressBar>,
    paint: Paint,
    state: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    doing: String,
    words: String,
    turns: u32,
    tokens: u64,
    cost: String,
    last_line: Option<Instant>,
}

impl Terminal {
    /// A watcher on stderr: live when that is a terminal.
    pub fn new() -> Self {
        let live = std::io::stderr().is_terminal();
        let bar = live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(12));
            bar.set_style(
                ProgressStyle::with_template("{spinner:.cyan} {msg}")
                    .expect("a fixed template")
                    .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, paint: Paint::of(live), state: Mutex::default() }
    }

    /// Ends the live line.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// A line of its own, above the live one.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => err!("{text}"),
        }
    }

    fn status(&self, change: impl FnOnce(&mut Live)) {
        let Ok(mut live) = self.state.lock() else { return };
        change(&mut live);
        if let Some(bar) = &self.bar {
            let words = live.words.lines().last().unwrap_or_default();
            let elapsed = bar.elapsed().as_secs();
            bar.set_message(clip(
                &format!(
                    "{}  ·  turn {}  ·  {} tokens{}  ·  {}:{:02}  {words}",
                    live.doing,
                    live.turns,
                    thousands(live.tokens),
                    live.cost,
                    elapsed / 60,
                    elapsed % 60
                ),
                140,
            ));
        }
    }

    fn entry(&self, entry: &Entry, view: &View) {
        self.status(|live| {
            live.turns = view.turns;
            live.tokens = view.usage.input_tokens + view.usage.output_tokens;
            live.cost = view.cost.filter(|c| c.0 > 0).map(|c| format!("  ·  {c}")).unwrap_or_default();
            live.words.clear();
            if let Some(doing) = doing(entry, view) {
                live.doing = doing;
            }
        });
        for line in lines(entry, view, self.paint) {
            self.line(&line);
        }
    }
}

impl Observer for Terminal {
    fn observe(&self, progress: Progress<'_>) {
        match progress {
            Progress::Entry { entry, view, .. } => self.entry(entry, view),
            Progress::ModelText(text) => self.status(|live| live.words.push_str(&printable(text))),
            Progress::Waiting { seconds, reason } => {
                self.line(&self.paint.dim(&format!("  waiting {seconds} s: {}", printable(reason))));
            }
            Progress::Output(bytes) => {
                let text = printable(&String::from_utf8_lossy(bytes));
                self.status(|live| live.words = text);
            }
            Progress::Note(text) => self.note(text),
        }
    }
}

impl Terminal {
    /// Notes come often: each one on the live line; without a terminal one in two seconds.
    fn note(&self, text: &str) {
        let text = printable(text);
        self.status(|live| live.doing.clone_from(&text));
        if self.bar.is_none() {
            let due = self.state.lock().is_ok_and(|mut live| {
                let due = live.last_line.is_none_or(|at| at.elapsed() > Duration::from_secs(2));
                if due {
                    live.last_line = Some(Instant::now());
                }
                due
            });
            if due {
                err!("  {text}");
            }
        }
    }
}

/// What the live line says from this entry on.
fn doing(entry: &Entry, view: &View) -> Option<String> {
    Some(match entry {
        Entry::Created { .. } | Entry::Resumed { .. } => "preparing the workspace".into(),
        Entry::ModelIntended { .. } => format!("{} thinks", role(view)),
        Entry::ToolIntended { index, .. } => {
            let call = view.calls.get(*index as usize)?;
            format!("{} {}", call.name, brief_arguments(&call.name, &call.arguments))
        }
        Entry::GatesIntended { round, .. } => format!("gates judge (round {round})"),
        Entry::RepairIntended {} => "offline engine: running the tests".into(),
        Entry::DeliveryIntended { branch, .. } => format!("writing {branch}"),
        _ => return None,
    })
}

fn role(view: &View) -> &str {
    view.settings.as_ref().map_or("builder", |s| s.role.as_str())
}

/// The lines that an entry leaves on the screen.
pub fn lines(entry: &Entry, view: &View, paint: Paint) -> Vec<String> {
    match entry {
        Entry::Prepared { sandbox, layers, .. } => {
            let layers = if layers.is_empty() { String::new() } else { format!(" · {}", layers.join(", ")) };
            vec![paint.dim(&format!("workspace ready · sandbox {sandbox}{layers}"))]
        }
        Entry::ModelAnswered { blocks, .. } => blocks.iter().flat_map(|b| words(b, paint)).collect(),
        Entry::ModelFailed { error, .. } => vec![format!("{} {}", paint.bad("✗"), printable(&error.message))],
        Entry::ToolFinished { index, text, is_error, .. } => tool_line(*index, text, *is_error, view, paint),
        Entry::Steered { text } => vec![format!("{} {}", paint.strong("you"), printable(text))],
        Entry::Answered { text } => vec![format!("{} {}", paint.strong("you answered"), printable(text))],
        Entry::Restored { .. } => vec![paint.dim("workspace set back to its last snapshot")],
        Entry::GatesJudged { results, .. } => results.iter().map(|g| gate_line(g, paint)).collect(),
        Entry::RepairEnded { report, .. } => report.lines().map(|l| format!("  {}", printable(l))).collect(),
        Entry::Delivered { branch, head_commit } => {
            vec![format!("{} {branch} {}", paint.good("branch"), paint.dim(&clip(head_commit, 12)))]
        }
        _ => Vec::new(),
    }
}

fn words(block: &Block, paint: Paint) -> Vec<String> {
    let Block::Text(text) = block else { return Vec::new() };
    let text = printable(text);
    let all: Vec<_> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let mut shown: Vec<_> =
        all.iter().take(WORDS_SHOWN).map(|l| format!("{} {}", paint.dim("│"), clip(l, 110))).collect();
    if all.len() > WORDS_SHOWN {
        shown.push(paint.dim(&format!("│ … {} more lines", all.len() - WORDS_SHOWN)));
    }
    shown
}

fn tool_line(index: u32, text: &str, is_error: bool, view: &View, paint: Paint) -> Vec<String> {
    let Some(call) = view.calls.get(index as usize) else { return Vec::new() };
    let first = printable(text.lines().next().unwrap_or_default());
    let mark = if is_error { paint.bad("✗") } else { paint.good("●") };
    let arguments = brief_arguments(&call.name, &call.arguments);
    vec![format!(
        "{mark} {} {arguments}  {}",
        paint.strong(&printable(&call.name)),
        paint.dim(&clip(&first, 60))
    )]
}

/// A gate's line: mark, name, what it says.
pub fn gate_line(gate: &domain::GateResult, paint: Paint) -> String {
    let mark = match gate.verdict {
        Verdict::Passed => paint.good("✓"),
        Verdict::Failed | Verdict::Error => paint.bad("✗"),
        Verdict::Skipped => paint.dim("–"),
    };
    format!("{mark} {:<10} {:<7} {}", gate.name, gate.verdict, paint.dim(&printable(&gate.summary)))
}

/// The one argument that says most about a call.
fn brief_arguments(name: &str, arguments: &str) -> String {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(arguments) else { return String::new() };
    let key = match name {
        "run_command" => "command",
        "search_code" => "pattern",
        "find_symbol" => "name",
        "run_tests" => "filter",
        "ask_human" => "question",
        "finish" => "summary",
        _ => "path",
    };
    let text = map.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    clip(&printable(text).replace('\n', " "), COLUMNS)
}

/// Text without control characters, so that what a model or a tool wrote can't drive the terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' => Some('\n'),
            '\t' => Some(' '),
            c if c.is_control() => None,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            c => Some(c),
        })
        .collect()
}

/// At most `columns` characters.
pub fn clip(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

/// 1234567 as 1,234,567.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    pub fn of(is_terminal: bool) -> Self {
        Self { on: is_terminal && crate::rim::variable("NO_COLOR").is_none() }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// For what went well.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// For what did not.
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// For what is beside the point.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// For what should be seen first.
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_gets_through() {
        assert_eq!(printable("a\x1b[31m\u{202e}b\rc\td\n"), "a[31mbc d\n");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands).join(" "), "0 999 1,000 1,234,567");
    }
}
