//! What a reviewer reads: title, description, commit message, labels. Facts by code; the model's words are marked
//! as its words.

use agents::View;
pub use app::reviews::{Approval, Comment, FileLine, PullRequest};
use domain::{GateResult, Review, RunId, Seat, TaskId, TaskKind};

/// Longest title, in characters: what git tools show in one line.
const MAX_TITLE: usize = 72;

/// The title: the builder's, else the first line of its summary, else that of the task.
#[must_use]
pub fn title(view: &View) -> String {
    let task = view.settings.as_ref().map_or("", |s| s.task.as_str());
    let closing = view.closing();
    let own = closing.title.as_deref().unwrap_or_default();
    let line = [own, task].into_iter().map(first_line).find(|l| !l.is_empty()).unwrap_or_default();
    let line = agents::prompt::printable(line).trim_end_matches('.').to_owned();
    if line.is_empty() { "Change without a title".to_owned() } else { clipped(&line, MAX_TITLE) }
}

/// The commit message: title, summary, and trailers that say who did what.
#[must_use]
pub fn commit_message(view: &View, run: RunId, task: TaskId) -> String {
    let settings = view.settings.as_ref();
    let summary = wrapped(&agents::prompt::printable(&view.closing().summary));
    let body = if summary.is_empty() { String::new() } else { format!("\n{summary}\n") };
    let mut trailers = format!("Aamas-Run: {run}\nAamas-Task: {task}\n");
    let alone = settings.map_or("developer", |s| s.role.as_str());
    let builders = || view.attempts.iter().filter(|a| a.seat == Seat::Builder);
    let roles = distinct(builders().map(|a| a.role.as_str()), alone);
    for role in &roles {
        trailers.push_str(&format!("Aamas-Agent: {role}\n"));
    }
    for model in distinct(builders().map(|a| a.model.as_str()), &view.model) {
        trailers.push_str(&format!("Aamas-Model: {}\n", one_line(model)));
    }
    for role in roles {
        trailers.push_str(&format!("Co-authored-by: AAMAS {role} <{role}@aamas.invalid>\n"));
    }
    format!("{}\n{body}\n{trailers}", title(view))
}

/// Each once, in order; `otherwise` when there is none.
fn distinct<'a>(names: impl Iterator<Item = &'a str>, otherwise: &'a str) -> Vec<&'a str> {
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    if once.is_empty() { vec![otherwise] } else { once }
}

/// Why a change is a draft, and what its judges said.
fn verdicts(view: &View) -> String {
    let mut out = String::new();
    let ending = view.delivery.as_ref().and_then(|d| d.ending.error.as_ref());
    if let Some(error) = ending {
        out.push_str(&format!("**Not ready**: {}\n\n", agents::prompt::printable(&error.message)));
    }
    if let Some((_, review)) = view.plan_reviews.last() {
        out.push_str(&verdict("Architecture, of the plan", review));
    }
    if let Some(reviewed) = view.reviews.last() {
        out.push_str(&verdict(&format!("Reviewer, round {}", view.reviews.len()), &reviewed.review));
    }
    out
}

fn verdict(who: &str, review: &Review) -> String {
    let word = if review.approved { "approved" } else { "changes wanted" };
    let mut out = format!("{who}: **{word}**. {}\n", agents::prompt::printable(&review.summary));
    for comment in &review.comments {
        let (path, body) =
            (agents::prompt::printable(&comment.path), agents::prompt::printable(&comment.body));
        out.push_str(&format!("- `{path}:{}` ({}) {body}\n", comment.line, comment.severity.as_str()));
    }
    out.push('\n');
    out
}

/// The description: the task, the builder's words, the gates, what is left.
#[must_use]
pub fn description(view: &View, run: RunId, files: &[FileLine]) -> String {
    let settings = view.settings.as_ref();
    let mut out = String::new();
    let mut section = |name: &str, text: &str| {
        if !text.trim().is_empty() {
            out.push_str(&format!("## {name}\n\n{}\n\n", text.trim()));
        }
    };
    section("Task", &quoted(&agents::prompt::printable(settings.map_or("", |s| s.task.as_str()))));
    let closing = view.closing();
    section("What changed", &agents::prompt::printable(&closing.summary));
    section("Review", &verdicts(view));
    section("Files", &files.iter().map(file_line).collect::<Vec<_>>().join("\n"));
    let results = view.judged.as_ref().map(|j| j.results.as_slice()).unwrap_or_default();
    section("Gates", &gate_table(results));
    let follow_ups: Vec<_> =
        closing.follow_ups.iter().map(|f| format!("- {}", agents::prompt::printable(f))).collect();
    section("Left for later", &follow_ups.join("\n"));
    let makers = view.attempts.iter().filter(|a| a.seat == Seat::Builder);
    let makers: Vec<_> = makers.map(|a| format!("{} ({}, {})", a.role, a.step, one_line(&a.model))).collect();
    let makers = if makers.is_empty() { one_line(&view.model) } else { makers.join(", ") };
    out.push_str(&format!("Made by {run}: {makers}.\n"));
    out
}

/// Labels: the kind of task by its words, the languages, the size by changed lines.
#[must_use]
pub fn labels(view: &View, files: &[FileLine]) -> Vec<String> {
    let task = view.settings.as_ref().map_or("", |s| s.task.as_str());
    let kind = if gates::is_fix(task) { TaskKind::Fix } else { app::estimate::kind_of(task) };
    let mut labels = vec![kind.as_str().to_owned()];
    let mut languages: Vec<_> = files.iter().filter_map(|f| language(&f.path)).collect();
    languages.sort_unstable();
    languages.dedup();
    labels.extend(languages.into_iter().map(str::to_owned));
    let lines: u64 = files.iter().map(|f| f.added.unwrap_or(0) + f.removed.unwrap_or(0)).sum();
    let size = match lines {
        0..=9 => "size/XS",
        10..=49 => "size/S",
        50..=249 => "size/M",
        250..=999 => "size/L",
        _ => "size/XL",
    };
    labels.push(size.to_owned());
    if files.iter().any(|f| f.path.to_lowercase().contains("test")) {
        labels.push("tests".to_owned());
    }
    labels
}

/// The language of a file, by its extension, as labels name it.
pub(crate) fn language(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "py" | "pyi" => "python",
        "js" | "mjs" | "cjs" | "jsx" => "javascript",
        "ts" | "tsx" | "mts" | "cts" => "typescript",
        "rs" => "rust",
        "go" => "go",
        "java" => "java",
        "md" | "rst" => "docs",
        _ => return None,
    })
}

fn file_line(file: &FileLine) -> String {
    let count = match (file.added, file.removed) {
        (Some(added), Some(removed)) => format!("+{added} −{removed}"),
        _ => "binary".to_owned(),
    };
    format!("- `{}` {} ({count})", file.path, file.status)
}

fn gate_table(results: &[GateResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let rows =
        results.iter().map(|g| format!("| {} | {} | {} |", g.name, g.verdict, g.summary.replace('|', "\\|")));
    format!("| gate | verdict | |\n|---|---|---|\n{}", rows.collect::<Vec<_>>().join("\n"))
}

fn quoted(text: &str) -> String {
    text.lines().map(|l| format!("> {l}")).collect::<Vec<_>>().join("\n")
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    agents::prompt::printable(text).replace(['\n', '\t'], " ")
}

/// Lines of a commit message end at 72 columns; lists and blank lines stay.
fn wrapped(text: &str) -> String {
    text.lines().map(wrapped_line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn wrapped_line(line: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for (index, word) in line.split(' ').enumerate() {
        let width = word.chars().count();
        if index > 0 && column + 1 + width > MAX_TITLE {
            out.push('\n');
            column = 0;
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most - 1).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    format!("{}…", if whole.len() * 2 < cut.len() { &cut } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_between_words() {
        let long = "word ".repeat(40);
        assert!(clipped(&long, MAX_TITLE).chars().count() <= MAX_TITLE);
        assert!(wrapped(&long).lines().all(|l| l.chars().count() <= MAX_TITLE));
        assert_eq!(wrapped("- one\n- two\n\nthree"), "- one\n- two\n\nthree");
    }
}
