//! What a person sees while a run goes on: a live line on a terminal, plain lines otherwise. All of it on stderr.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::say::err;
use agents::{Attempt, View};
use domain::{Block, Entry, Seat, ToolMeaning, Verdict};
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

    fn entry(&self, attempt: u32, entry: &Entry, view: &View) {
        self.status(|live| {
            live.turns = view.turns;
            live.tokens = view.usage.input_tokens + view.usage.output_tokens;
            live.cost = view.cost.filter(|c| c.0 > 0).map(|c| format!("  ·  {c}")).unwrap_or_default();
            live.words.clear();
            if let Some(doing) = doing(attempt, entry, view) {
                live.doing = doing;
            }
        });
        for line in lines(attempt, entry, view, self.paint) {
            self.line(&line);
        }
    }
}

impl Observer for Terminal {
    fn observe(&self, progress: Progress<'_>) {
        match progress {
            Progress::Entry { attempt, entry, view, .. } => self.entry(attempt, entry, view),
            Progress::ModelText { text, .. } => self.status(|live| live.words.push_str(&printable(text))),
            Progress::Waiting { seconds, reason, .. } => {
                self.line(&self.paint.dim(&format!("  waiting {seconds} s: {}", printable(reason))));
            }
            Progress::Output { bytes, .. } => {
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
fn doing(attempt: u32, entry: &Entry, view: &View) -> Option<String> {
    let who = view.attempt(attempt);
    Some(match entry {
        Entry::Created { .. } | Entry::Resumed { .. } => "preparing the workspace".into(),
        Entry::ModelIntended { .. } | Entry::AgentIntended { .. } => {
            let who = who.map_or_else(|| "builder".to_owned(), who_is);
            format!("{who} thinks")
        }
        Entry::ToolIntended { index, .. } => {
            let call = who?.calls.get(*index as usize)?;
            format!("{} {}", call.name, brief_arguments(&call.name, &call.arguments))
        }
        Entry::GatesIntended { round, .. } => format!("gates judge (round {round})"),
        Entry::RepairIntended {} => "offline engine: running the tests".into(),
        Entry::CompactIntended { .. } => "shortening the conversation".into(),
        Entry::DeliveryIntended { branch, .. } => format!("writing {branch}"),
        _ => return None,
    })
}

/// Who works, for a person: the role, and the step where there are several.
fn who_is(attempt: &Attempt) -> String {
    match attempt.seat {
        Seat::Builder if attempt.step != agents::view::ONLY_STEP => {
            format!("{} ({})", attempt.role, attempt.step)
        }
        _ => attempt.role.clone(),
    }
}

/// The lines that an entry leaves on the screen. Where several agents work, each line says whose it is.
pub fn lines(attempt: u32, entry: &Entry, view: &View, paint: Paint) -> Vec<String> {
    let own = entry_lines(attempt, entry, view, paint);
    let team = view.settings.as_ref().is_some_and(|s| !s.team.is_empty() || s.best_of > 1);
    match view.attempt(attempt).filter(|_| team) {
        Some(a) => {
            let name = paint.dim(&format!("{:>12} ", clip(&a.step, 12)));
            own.into_iter().map(|line| format!("{name}{line}")).collect()
        }
        None => own,
    }
}

fn entry_lines(attempt: u32, entry: &Entry, view: &View, paint: Paint) -> Vec<String> {
    let team = view.settings.as_ref().is_some_and(|s| !s.team.is_empty());
    let failed = |error: &domain::RunError| format!("{} {}", paint.bad("✗"), printable(&error.message));
    match entry {
        Entry::Begun { role, model, .. } if team => {
            vec![format!("{} {}", paint.strong(&printable(role)), paint.dim(&printable(model)))]
        }
        Entry::Prepared { sandbox, layers, .. } => {
            let layers = if layers.is_empty() { String::new() } else { format!(" · {}", layers.join(", ")) };
            vec![paint.dim(&format!("workspace ready · sandbox {sandbox}{layers}"))]
        }
        Entry::Analyzed { analysis } => analysis_lines(analysis, view, paint),
        Entry::ModelAnswered { blocks, .. } => blocks.iter().flat_map(|b| words(b, paint)).collect(),
        Entry::ModelFailed { error, .. } | Entry::GaveUp { error } => vec![failed(error)],
        Entry::ToolFinished { index, text, is_error, meaning, .. } => {
            let mut shown = tool_line(attempt, *index, text, *is_error, view, paint);
            shown.extend(meaning_lines(meaning, paint));
            shown
        }
        Entry::AgentActed { tool, text, is_error, .. } => {
            let mark = if *is_error { paint.bad("✗") } else { paint.good("●") };
            let first = printable(text.lines().next().unwrap_or_default());
            vec![format!("{mark} {}  {}", paint.strong(&printable(tool)), paint.dim(&clip(&first, COLUMNS)))]
        }
        Entry::AgentEnded { error: Some(error), .. } => vec![failed(error)],
        Entry::AgentEnded { summary, .. } => words(&Block::Text(summary.clone()), paint),
        Entry::FellBack { to, reason, .. } => {
            vec![format!("{} {}", paint.bad("↪"), printable(&format!("{reason}; {to} goes on")))]
        }
        Entry::Compacted { folded, by, .. } => {
            vec![paint.dim(&format!("conversation up to turn {folded} shortened by {}", printable(by)))]
        }
        Entry::SentBack { by, .. } if by == "engine" => vec![paint.dim("goes on")],
        Entry::SentBack { by, .. } => vec![format!("{} sent back by {by}", paint.bad("↩"))],
        Entry::Merged { steps, conflicts, .. } => {
            let conflicts = match conflicts.len() {
                0 => String::new(),
                n => format!(" · {n} in conflict"),
            };
            vec![paint.dim(&format!("merged {}{conflicts}", clip(&steps.join(" + "), COLUMNS)))]
        }
        Entry::Chosen { why, .. } => vec![format!("{} {}", paint.good("✓"), printable(why))],
        Entry::Rewound { seq } => vec![format!("{} set back to entry {seq}", paint.strong("you"))],
        Entry::Steered { text } => vec![format!("{} {}", paint.strong("you"), printable(text))],
        Entry::Answered { text, .. } => vec![format!("{} {}", paint.strong("you answered"), printable(text))],
        Entry::Restored { .. } => vec![paint.dim("workspace set to its last snapshot")],
        Entry::GatesJudged { results, .. } => results.iter().map(|g| gate_line(g, paint)).collect(),
        Entry::RepairEnded { report, .. } => report.lines().map(|l| format!("  {}", printable(l))).collect(),
        Entry::Delivered { branch, head_commit } => {
            vec![format!("{} {branch} {}", paint.good("branch"), paint.dim(&clip(head_commit, 12)))]
        }
        _ => Vec::new(),
    }
}

/// What a task was taken for; once there is a plan, what that will cost.
fn analysis_lines(analysis: &domain::Analysis, view: &View, paint: Paint) -> Vec<String> {
    let cost = analysis.cost.as_ref().filter(|c| c.high > domain::NanoUsd::ZERO);
    let mut shown = Vec::new();
    if view.plans == 0 {
        shown.push(paint.dim(&format!(
            "{} · {} to {} · risk {}",
            printable(&analysis.kind),
            analysis.effort_low,
            analysis.effort_high,
            printable(&analysis.risk)
        )));
    } else if let Some(cost) = cost {
        shown.push(paint.dim(&format!("forecast {}", agents::forecast::in_words(cost))));
    }
    let warning = cost.zip(view.limits.budget).and_then(|(c, b)| agents::forecast::budget_warning(c, b));
    shown.extend(warning.map(|w| paint.bad(&format!("warning: {w}"))));
    shown
}

/// A plan and a review, as a person reads them.
fn meaning_lines(meaning: &ToolMeaning, paint: Paint) -> Vec<String> {
    match meaning {
        ToolMeaning::Planned(plan) => {
            let mut shown = vec![format!("  {}", paint.strong(&printable(&plan.title)))];
            shown.extend(plan.steps.iter().map(|s| {
                let after = if s.depends_on.is_empty() {
                    String::new()
                } else {
                    format!(" after {}", s.depends_on.join(", "))
                };
                format!(
                    "  {} {} {}",
                    s.id,
                    clip(&printable(&s.title), COLUMNS),
                    paint.dim(&format!("{}{after}", s.role))
                )
            }));
            shown
        }
        ToolMeaning::Reviewed(review) => {
            let verdict = if review.approved { paint.good("approved") } else { paint.bad("changes wanted") };
            let mut shown = vec![format!(
                "  {verdict} {}",
                clip(&printable(&review.summary).replace('\n', " "), COLUMNS)
            )];
            shown.extend(review.comments.iter().map(|c| {
                format!(
                    "  {}:{} {} {}",
                    printable(&c.path),
                    c.line,
                    c.severity.as_str(),
                    clip(&printable(&c.body), COLUMNS)
                )
            }));
            shown
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

fn tool_line(attempt: u32, index: u32, text: &str, is_error: bool, view: &View, paint: Paint) -> Vec<String> {
    let Some(call) = view.attempt(attempt).and_then(|a| a.calls.get(index as usize)) else {
        return Vec::new();
    };
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
pub fn brief_arguments(name: &str, arguments: &str) -> String {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(arguments) else { return String::new() };
    let key = match name {
        "run_command" => "command",
        "search_code" => "pattern",
        "find_symbol" => "name",
        "run_tests" => "filter",
        "ask_human" => "question",
        "finish" | "submit_review" => "summary",
        "submit_plan" => "title",
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
