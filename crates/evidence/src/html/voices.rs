//! Who said what: reviewers, people, and what outside agents did.

use domain::{Entry, Severity, Timestamp};

use super::diff::anchor;
use super::text::{clip, esc, plural};
use crate::attribution::Attribution;
use crate::history::History;

/// Remarks of a review, words of people, and acts that are listed.
const MAX_COMMENTS: usize = 100;
const MAX_WORDS: usize = 200;
const MAX_ACTS: usize = 500;
/// Lines of a text that are in view at once.
const MAX_IN_VIEW: usize = 8;

pub(super) fn reviews(history: &History<'_>, attribution: Option<&Attribution>) -> Option<String> {
    let mut out = String::new();
    for given in history.reviews().take(100) {
        let (class, words) = if given.review.approved {
            ("done", "✓ approves")
        } else {
            ("waiting", "△ asks for changes")
        };
        let who = history
            .attempts
            .get(&given.attempt)
            .map_or_else(|| format!("attempt {}", given.attempt), |a| a.label());
        out.push_str(&format!(
            "<h3><span class=\"{class}\">{words}</span> <span class=\"muted\">{} · {}</span></h3>\n<p class=\"words\">{}</p>\n",
            esc(&who),
            time(given.at),
            clip(&given.review.summary, 4_000)
        ));
        let comments = &given.review.comments;
        let rows: String = comments.iter().take(MAX_COMMENTS).map(|c| comment(c, attribution)).collect();
        if !rows.is_empty() {
            out.push_str(&format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Remarks\"><table><thead><tr><th>Severity</th><th>Place</th><th>Remark</th></tr></thead><tbody>{rows}</tbody></table></div>\n"));
        }
        if comments.len() > MAX_COMMENTS {
            out.push_str(&format!(
                "<p class=\"muted\">{} left out here.</p>\n",
                plural(comments.len() - MAX_COMMENTS, "remark")
            ));
        }
    }
    (!out.is_empty()).then(|| format!("<section id=\"reviews\" aria-labelledby=\"reviews-h\"><h2 id=\"reviews-h\">Reviews</h2>\n{out}</section>\n"))
}

fn comment(comment: &domain::ReviewComment, attribution: Option<&Attribution>) -> String {
    let class = match comment.severity {
        Severity::Blocker => "failed",
        Severity::Major => "waiting",
        Severity::Minor | Severity::Info => "muted",
    };
    let line = if comment.line > 0 { format!(":{}", comment.line) } else { String::new() };
    let place = format!("<code>{}{line}</code>", clip(&comment.path, 300));
    let place = anchor(attribution, &comment.path)
        .map_or_else(|| place.clone(), |a| format!("<a href=\"{a}\">{place}</a>"));
    format!(
        "<tr><td class=\"{class}\">{}</td><td class=\"t\">{place}</td><td class=\"t\"><div class=\"words\">{}</div></td></tr>\n",
        comment.severity.as_str(),
        clip(&comment.body, 4_000)
    )
}

/// What people said, and what sent work back.
pub(super) fn people(history: &History<'_>) -> Option<String> {
    let mut rows = Vec::new();
    for r in &history.all {
        let (who, text) = match &r.entry {
            Entry::Steered { text } => ("a person, steering", clip(text, 4_000)),
            Entry::Answered { text, .. } => ("a person, answering", clip(text, 4_000)),
            Entry::ToolFinished { meaning: domain::ToolMeaning::Question(question), .. } => {
                ("asked a person", clip(question, 4_000))
            }
            Entry::Rewound { seq } => ("a person", format!("Set the run back to entry {seq}.")),
            Entry::SentBack { text, by, .. } => {
                let who = match by.as_str() {
                    "gates" => "the gates, sending work back",
                    "review" => "the review, sending work back",
                    "architecture" => "the architecture, sending work back",
                    "person" => "a person, sending work back",
                    _ => "the engine, sending work back",
                };
                (who, folded(text))
            }
            _ => continue,
        };
        let to = if r.attempt > 0 { format!("attempt {}", r.attempt) } else { "the run".to_owned() };
        rows.push(format!("<tr><td>{}</td><td>{who}</td><td>{to}</td><td class=\"t\"><div class=\"words\">{text}</div></td></tr>\n", time(r.at)));
    }
    let total = rows.len();
    let shown: String = rows.into_iter().take(MAX_WORDS).collect();
    let more = if total > MAX_WORDS {
        format!("<p class=\"muted\">{} left out here.</p>", plural(total - MAX_WORDS, "more row"))
    } else {
        String::new()
    };
    (total > 0).then(|| format!("<section id=\"people\" aria-labelledby=\"people-h\"><h2 id=\"people-h\">Words on the way</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Words\"><table><thead><tr><th>When</th><th>Who</th><th>To</th><th>What</th></tr></thead><tbody>{shown}</tbody></table></div>{more}</section>\n"))
}

/// A text of which only the first line is in view when it has many, such as a whole diff.
fn folded(text: &str) -> String {
    let whole = clip(text, 4_000);
    match text.lines().find(|l| !l.trim().is_empty()) {
        Some(first) if text.lines().count() > MAX_IN_VIEW => {
            format!("<details><summary>{}</summary>{whole}</details>", clip(first, 160))
        }
        _ => whole,
    }
}

/// What outside agents did.
pub(super) fn outside(history: &History<'_>) -> Option<String> {
    let mut rows = Vec::new();
    for r in &history.all {
        let (turn, tool, text, is_error) = match &r.entry {
            Entry::AgentActed { turn, tool, text, is_error, .. } => {
                (turn, tool.as_str(), text.as_str(), *is_error)
            }
            Entry::AgentEnded { turn, summary, error, .. } => (
                turn,
                "ended its turn",
                error.as_ref().map_or(summary.as_str(), |e| e.message.as_str()),
                error.is_some(),
            ),
            _ => continue,
        };
        let end = if is_error {
            "<span class=\"failed\">! refused or failed</span>"
        } else {
            "<span class=\"done\">✓</span>"
        };
        rows.push(format!(
            "<tr><td>{}</td><td>attempt {}</td><td class=\"n\">{turn}</td><td class=\"t\">{}</td><td>{end}</td><td class=\"t\"><div class=\"words\">{}</div></td></tr>\n",
            time(r.at),
            r.attempt,
            clip(tool, 200),
            clip(text, 1_000)
        ));
    }
    let total = rows.len();
    let shown: String = rows.into_iter().take(MAX_ACTS).collect();
    let more = if total > MAX_ACTS {
        format!("<p class=\"muted\">{} left out here.</p>", plural(total - MAX_ACTS, "more act"))
    } else {
        String::new()
    };
    (total > 0).then(|| format!("<section id=\"outside\" aria-labelledby=\"outside-h\"><h2 id=\"outside-h\">What outside agents did</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Acts\"><table><thead><tr><th>When</th><th>Attempt</th><th class=\"n\">Turn</th><th>What</th><th>End</th><th>Details</th></tr></thead><tbody>{shown}</tbody></table></div>{more}</section>\n"))
}

/// Time of day.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let time = text.split('T').nth(1).unwrap_or(&text);
    esc(time.split('.').next().unwrap_or(time))
}
